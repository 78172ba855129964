"""Described models made one Graph: no Keras is needed, as every frontend describes what it reads in the same words."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from kgraph.errors import SourceError
from kgraph.frontends.assemble import Call, Model, Ref, assemble
from kgraph.graph import FrozenDict, Slot, Spec, Value, Weight
from kgraph.ops import complete

SHAPE = (None, 4)


def call(name: str, kind: str = "layers.ReLU", *refs: Ref, layer: Any = None, shape: Any = SHAPE, **more: Any) -> Call:
    arguments = FrozenDict(inputs=refs[0] if len(refs) == 1 else refs) if refs else FrozenDict()
    config = complete(kind, FrozenDict(trainable=True, dtype="float32"))
    return Call(name, layer or name, kind, config, arguments, (), (Spec(shape, "float32"),), **more)


def enter(name: str = "x", shape: Any = SHAPE) -> Call:
    return replace(call(name, "layers.InputLayer", shape=shape), config=FrozenDict(batch_shape=shape, dtype="float32"))


def inner_call(name: str, inner: Model, passed: Any, outputs: tuple[Spec, ...] = (), **more: Any) -> Call:
    specs = outputs or (Spec(SHAPE, "float32"),)
    arguments = FrozenDict(inputs=passed)
    return Call(name, name, "models.Functional", FrozenDict(), arguments, None, specs, inner=inner, **more)


def chain(name: str = "inner", kind: str = "layers.ReLU", shape: Any = SHAPE) -> Model:
    return Model(name, (enter("a", shape), call("relu", kind, Ref(0), shape=shape)), Ref(0), Ref(1))


def test_a_flat_model() -> None:
    graph = assemble(Model("m", (enter(), call("relu", "layers.ReLU", Ref(0))), Ref(0), (Ref(1), Ref(1))))
    assert list(graph.ops) == ["x", "relu"]
    assert graph.operands["relu"] == (Value("x"),)
    assert graph.ops["relu"].arguments == {"inputs": Slot(0)}
    assert (graph.inputs, graph.outputs, graph.name) == (Value("x"), (Value("relu"), Value("relu")), "m")


def test_what_leads_nowhere_is_left_out() -> None:
    calls = (enter(), enter("unused"), call("relu", "layers.ReLU", Ref(0)), call("loose", "layers.ReLU", Ref(0)))
    graph = assemble(Model("m", calls, (Ref(0), Ref(1)), Ref(2)))
    assert list(graph.ops) == ["x", "unused", "relu"]


def test_names_that_are_taken() -> None:
    """The same name twice at one path, and a name that looks like a number that was given for that."""
    calls = (
        enter(), call("a", "layers.ReLU", Ref(0), layer=1), call("a", "layers.ReLU", Ref(1), layer=2),
        call("a~1", "layers.ReLU", Ref(2), layer=3), call("a", "layers.ReLU", Ref(3), layer=4),
        call("a:1", "layers.ReLU", Ref(4), layer=5), call("", "layers.ReLU", Ref(5), layer=6),
    )  # fmt: skip
    graph = assemble(Model("m", calls, Ref(0), Ref(6)))
    assert list(graph.ops) == ["x", "a", "a~1", "a~1~1", "a~2", "a%3A1", ""]
    assert [op.layer for op in graph.ops.values()] == list(graph.ops)


def test_calls_of_one_layer_and_of_namesakes() -> None:
    calls = (
        enter(), call("a", "layers.ReLU", Ref(0), layer=1), call("a", "layers.ReLU", Ref(1), layer=2),
        call("a", "layers.ReLU", Ref(2), layer=1, repeated=1), call("a", "layers.ReLU", Ref(3), layer=2, repeated=1),
    )  # fmt: skip
    graph = assemble(Model("m", calls, Ref(0), Ref(4)))
    assert list(graph.ops) == ["x", "a", "a~1", "a:1", "a~1:1"]
    assert [op.layer for op in graph.ops.values()] == ["x", "a", "a~1", "a", "a~1"]


def test_operations_have_no_layer() -> None:
    operation = replace(call("neg", "ops.negative", Ref(0)), layer=None)
    assert assemble(Model("m", (enter(), operation), Ref(0), Ref(1))).ops["neg"].layer is None


def test_a_nested_model_is_dissolved() -> None:
    inner = chain()
    calls = (enter(), inner_call("inner", inner, Ref(0)), inner_call("inner", inner, Ref(1), repeated=1))
    graph = assemble(Model("m", calls, Ref(0), Ref(2)))
    assert list(graph.ops) == ["x", "inner/relu", "inner:1/relu"]
    assert graph.ops["inner:1/relu"].layer == "inner/relu"
    assert graph.operands["inner:1/relu"] == (Value("inner/relu"),)
    assert {op.known for op in graph.ops.values()} == {"recorded"}


def test_namesakes_among_nested_models() -> None:
    first, second = chain(), chain(kind="layers.ELU")
    second = replace(second, calls=(second.calls[0], replace(second.calls[1], layer="another")))
    calls = (enter(), inner_call("inner", first, Ref(0)), inner_call("inner", second, Ref(1)))
    graph = assemble(Model("m", calls, Ref(0), Ref(2)))
    assert [op.kind for op in graph.ops.values()] == ["layers.InputLayer", "layers.ReLU", "layers.ELU"]
    assert list(graph.ops) == ["x", "inner/relu", "inner~1/relu"]
    assert [op.layer for op in graph.ops.values()] == ["x", "inner/relu", "inner/relu~1"]


def test_shapes_inside_are_inferred_for_other_sizes() -> None:
    inner = chain(shape=(None, None))
    calls = (enter(), inner_call("inner", inner, Ref(0)))
    op = assemble(Model("m", calls, Ref(0), Ref(1))).ops["inner/relu"]
    assert (op.outputs, op.known) == ((Spec((None, 4), "float32"),), "proved")


def test_what_cannot_be_inferred_is_unknown_and_outputs_are_as_recorded() -> None:
    layers = (
        enter("a", (None, None)), call("odd", "custom.pkg.Odd", Ref(0), shape=(None, None)),
        call("last", "custom.pkg.Odd", Ref(1), shape=(None, None)),
    )  # fmt: skip
    inner = Model("inner", layers, Ref(0), (Ref(2), Ref(0), Ref(1)))
    outputs = (Spec((None, 7), "float32"), Spec(SHAPE, "float32"), Spec(None, "float32"))
    calls = (enter(), inner_call("inner", inner, Ref(0), outputs))
    graph = assemble(Model("m", calls, Ref(0), (Ref(1), Ref(1, 1))))
    assert (graph.ops["inner/odd"].outputs[0].shape, graph.ops["inner/odd"].known) == (None, "unknown")
    assert (graph.ops["inner/last"].outputs[0].shape, graph.ops["inner/last"].known) == ((None, 7), "recorded")
    assert graph.outputs == (Value("inner/last"), Value("x"))


def test_what_a_nested_model_records_of_one_inside_it_does_not_hold_for_other_shapes() -> None:
    odd = Model(
        "odd", (enter("a", (None, None)), call("o", "custom.pkg.Odd", Ref(0), shape=(None, None))), Ref(0), Ref(1)
    )
    middle_calls = (enter("b", (None, None)), inner_call("odd", odd, Ref(0), (Spec((None, None), "float32"),)))
    middle = Model("middle", middle_calls, Ref(0), Ref(1))
    calls = (enter(), inner_call("middle", middle, Ref(0), (Spec((None, 9), "float32"),)))
    op = assemble(Model("m", calls, Ref(0), Ref(1))).ops["middle/odd/o"]
    assert (op.outputs[0].shape, op.known) == ((None, 9), "recorded")


def test_an_unknown_rank_and_another_rank_leave_the_inside_unknown() -> None:
    for passed in (None, (None, 4, 1)):
        calls = (enter("x", passed), inner_call("inner", chain(), Ref(0)))
        op = assemble(Model("m", calls, Ref(0), Ref(1))).ops["inner/relu"]
        assert (op.outputs, op.known) == ((Spec(SHAPE, "float32"),), "recorded")
        calls = (enter("x", passed), inner_call("inner", chain(), Ref(0), (Spec(None, "float32"),)))
        assert assemble(Model("m", calls, Ref(0), Ref(1))).ops["inner/relu"].known == "unknown"


TWO = Model("two", (enter("b"), enter("a"), call("minus", "layers.Subtract", Ref(0), Ref(1))), (Ref(0), Ref(1)), Ref(2))


@pytest.mark.parametrize(
    ("declared", "passed", "expected"),
    [
        ((Ref(0), Ref(1)), (Ref(0), Ref(1)), ("x", "y")),
        ((Ref(0), Ref(1)), FrozenDict(a=Ref(0), b=Ref(1)), ("y", "x")),
        ((Ref(0), Ref(1)), FrozenDict(p=Ref(0), q=Ref(1)), ("x", "y")),
        (FrozenDict(a=Ref(1), b=Ref(0)), FrozenDict(a=Ref(0), b=Ref(1)), ("y", "x")),
        (FrozenDict(a=Ref(1), b=Ref(0)), FrozenDict(a=Ref(0), aa=Ref(1), b=Ref(0)), ("y", "x")),
        (FrozenDict(a=Ref(1), b=Ref(0)), (Ref(0), Ref(1)), ("y", "x")),
        ((Ref(0), (Ref(1),)), FrozenDict(p=Ref(0), q=(Ref(1),)), ("x", "y")),
    ],
)
def test_inputs_of_a_nested_model_are_paired(declared: Any, passed: Any, expected: tuple[str, str]) -> None:
    calls = (enter("x"), enter("y"), inner_call("two", replace(TWO, inputs=declared), passed))
    graph = assemble(Model("m", calls, (Ref(0), Ref(1)), Ref(2)))
    assert graph.operands["two/minus"] == tuple(map(Value, expected))


def test_an_optional_input_that_gets_nothing_stays_an_input() -> None:
    calls = (enter("x"), inner_call("two", TWO, (None, Ref(0))))
    graph = assemble(Model("m", calls, Ref(0), Ref(1)))
    assert graph.operands["two/minus"] == (Value("two/b"), Value("x"))
    assert graph.inputs == Value("x")


def test_too_few_tensors_for_a_nested_model() -> None:
    calls = (enter("x"), inner_call("two", TWO, Ref(0)))
    with pytest.raises(SourceError, match="the nested model 'two' has 2 inputs, but is called on 1 tensors"):
        assemble(Model("m", calls, Ref(0), Ref(1)))


def test_an_input_that_is_declared_twice_is_the_last_that_is_passed() -> None:
    inner = Model("inner", (enter("a"), call("relu", "layers.ReLU", Ref(0))), (Ref(0), Ref(0)), Ref(1))
    calls = (enter("x"), enter("y"), inner_call("inner", inner, (Ref(0), Ref(1))))
    graph = assemble(Model("m", calls, (Ref(0), Ref(1)), Ref(2)))
    assert graph.operands["inner/relu"] == (Value("y"),)


def test_weights_of_a_shared_layer_are_the_same_everywhere() -> None:
    weights = (Weight("kernel", (4, 4), "float32", True),)
    inner_layer = replace(call("dense", "layers.Dense", Ref(0), layer="d"), weights=weights)
    inner = Model("inner", (enter("a"), inner_layer), Ref(0), Ref(1))
    outer = replace(call("dense", "layers.Dense", Ref(1), layer="d"), weights=weights)
    graph = assemble(Model("m", (enter(), inner_call("inner", inner, Ref(0)), outer), Ref(0), Ref(2)))
    assert [op.layer for op in graph.ops.values()] == ["x", "inner/dense", "inner/dense"]


def test_nesting_is_not_limited_by_recursion() -> None:
    model = chain("m0")
    depth = sys.getrecursionlimit() * 2
    for number in range(1, depth):
        model = Model(f"m{number}", (enter("a"), inner_call("i", model, Ref(0))), Ref(0), Ref(1))
    graph = assemble(model)
    assert list(graph.ops) == ["a", "i/" * (depth - 1) + "relu"]
