"""``parse(show(g)) == g`` for every Graph, however strange; and the text holds nothing but the form."""

from __future__ import annotations

import ast
import copy
import enum
import math
import sys
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kgraph.graph import (
    Capture,
    Constant,
    FrozenDict,
    Function,
    Graph,
    Object,
    Op,
    Slice,
    Slot,
    Spec,
    Tree,
    Value,
    Weight,
    slots,
)
from kgraph.text import parse, show
from kgraph.text.implied import same
from kgraph.text.literals import literal
from kgraph.trees import DEEPEST
from tests.text.strategies import graphs, trees

ALLOWED = (
    ast.Module, ast.Assign, ast.Expr, ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.Constant, ast.Tuple, ast.List,
    ast.Dict, ast.UnaryOp, ast.USub, ast.Subscript, ast.Slice, ast.Lambda, ast.arguments, ast.arg, ast.Load, ast.Store,
)  # fmt: skip
WRITTEN_WITH = {"Input", "Model", "Object", "Custom", "constant", "opaque", "slice", "float", "complex"}


def family(value: object) -> type:
    """The type that a value of a subclass is written as."""
    return next((kind for kind in (bool, int, float, complex, str, bytes) if isinstance(value, kind)), type(value))


def exact(tree: Any) -> Any:
    """A tree with the types of its scalars, and with all that is known of its functions."""
    if isinstance(tree, tuple):
        return ("tuple", *[exact(item) for item in tree])  # pyright: ignore
    if isinstance(tree, dict):
        return ("dict", *[(key, exact(tree[key])) for key in sorted(tree)])  # pyright: ignore
    if isinstance(tree, Slice):
        return ("slice", exact(tree.start), exact(tree.stop), exact(tree.step))
    if isinstance(tree, Object):
        return ("object", tree.kind, exact(tree.config))
    if isinstance(tree, Constant):
        return ("constant", tree.dtype, tree.shape, tree.digest, exact(tree.values))
    if isinstance(tree, Function):
        captures = tuple((item.name, item.cell, exact(item.value)) for item in tree.captures)
        if tree.selection is not None and tree.known == "proved" and not captures:
            return ("function", exact(tree.selection))  # its source says all that is of use
        return ("function", exact(tree.selection), tree.digest, tree.known, tree.note, captures)
    return family(tree), f"{tree:x}" if isinstance(tree, int) else str(tree) if isinstance(tree, str) else repr(tree)


def exact_graph(graph: Graph) -> list[Any]:
    rows: list[Any] = [exact(graph.inputs), exact(graph.outputs), graph.name]
    for node, op in graph.ops.items():
        rows.append((node, op.kind, op.layer, exact(op.config), exact(op.arguments), op.weights, op.outputs))
        rows.append(graph.operands[node])
    return rows


def assert_only_the_form(text: str) -> None:
    """Nothing that would do anything but call the form's own names, Keras' classes and functions, and variables."""
    tree = ast.parse(text)
    defined: set[str] = set()
    for statement in tree.body:
        for item in ast.walk(statement):
            assert isinstance(item, ALLOWED), ast.dump(item)
            if isinstance(item, ast.Call) and isinstance(item.func, ast.Name):
                name = item.func.id
                assert name in WRITTEN_WITH or name in defined or name[0].isupper(), name
            if isinstance(item, ast.Attribute):
                assert isinstance(item.value, (ast.Name, ast.Attribute))
                assert ast.unparse(item).partition(".")[0] in (
                    "ops", "activations", "initializers", "regularizers", "constraints",
                )  # fmt: skip
            if isinstance(item, ast.Lambda):
                assert isinstance(item.body, ast.Subscript) and ast.unparse(item.body.value) == "t"
        if isinstance(statement, ast.Assign):
            defined |= {item.id for item in ast.walk(statement.targets[0]) if isinstance(item, ast.Name)}
        else:
            assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@given(graphs())
@settings(max_examples=4 * settings().max_examples)
def test_every_graph_is_read_as_it_was_written(graph: Graph) -> None:
    text = show(graph)
    found = parse(text)
    assert found == graph
    assert found.equivalent(graph)
    assert hash(found) == hash(graph)
    assert exact_graph(found) == exact_graph(graph)
    assert show(found) == text
    assert_only_the_form(text)


def one(
    kind: str = "custom.pkg.Odd",
    config: dict[str, Tree] | None = None,
    arguments: dict[str, Tree] | None = None,
    *,
    node: str = "y",
    layer: str | None = "y",
    weights: tuple[Weight, ...] | None = None,
    outputs: tuple[Spec, ...] = (Spec(None, "float32"),),
) -> Graph:
    """A call on an input; its arguments hold Slots, all of the input."""
    given = FrozenDict({"inputs": Slot(0)} if arguments is None else arguments)
    shape = (None, 8)
    start = FrozenDict(batch_shape=shape, dtype="float32", sparse=False, ragged=False, optional=False)
    x = Op("layers.InputLayer", "x", start, FrozenDict(), (), (Spec(shape, "float32"),))
    op = Op(kind, layer, FrozenDict(config or {}), given, weights, outputs)
    return Graph({"x": x, node: op}, {node: (Value("x"),) * len(slots(given))}, Value("x"), Value(node))


def call_line(graph: Graph) -> str:
    return show(graph).splitlines()[-2]


@given(trees)
@example(10**5000)
@example(-(10**5000))
@example(float("nan"))
@example(-0.0)
@example(complex(-0.0, math.nan))
@example(Constant("float32", (2,), "d", (math.nan, -0.0)))
def test_every_tree_can_stand_in_a_config_and_in_arguments(tree: Tree) -> None:
    for graph in (one(config={"a": tree}), one(arguments={"inputs": Slot(0), "a": tree})):
        found = parse(show(graph))
        assert found == graph
        assert exact_graph(found) == exact_graph(graph)


def holds_a_function(tree: Tree) -> bool:
    return "Function(" in repr(tree)


@given(trees, trees)
def test_the_same_is_what_has_the_same_types_and_values(one: Tree, other: Tree) -> None:
    copied = copy.deepcopy(one)
    assert same(one, copied)
    if not holds_a_function(one) and not holds_a_function(other):
        assert same(one, other) == same(other, one) == (exact(one) == exact(other))


@given(st.text(st.characters(exclude_categories=()), max_size=30), st.text(max_size=10))
def test_every_name_can_stand_as_id_layer_and_key(name: str, other: str) -> None:
    assume(name != "x")  # the layer of the input
    graph = one(config={name: 1}, arguments={name: Slot(0), f"{name}{other}_": 2}, node=f"{name}!", layer=name)
    assert parse(show(graph)) == graph
    assert_only_the_form(show(graph))


@pytest.mark.parametrize("kind", ["layers.Dense", "custom.a", "layers.Lambda", "ops.add", "odd"])
def test_a_config_may_have_an_entry_called_name(kind: str) -> None:
    graph = one(kind, {"name": "inner", "units": 3}, outputs=(Spec((1,), "float32"),))
    assert parse(show(graph)) == graph
    nested = one(config={"a": Object(kind, FrozenDict(name="inner"))})
    assert parse(show(nested)) == nested


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "nonsense"


class Real(float):
    def __repr__(self) -> str:
        return "np.float64(0.5)"


class Data(bytes):
    def __repr__(self) -> str:
        return "np.bytes_(b'')"


def test_subclasses_of_scalars_are_written_as_what_they_are() -> None:
    odd = {"a": Level.LOW, "b": Text("b"), "c": Real(0.5), "d": Data(b"d"), "e": (Level.LOW, -Real(1.5))}
    graph = one(config=odd)
    assert parse(show(graph)) == graph
    assert call_line(graph) == 'y = Custom("pkg.Odd", a=1, b="b", c=0.5, d=b\'d\', e=(1, -1.5), name="y")(x)'
    dropout = one(
        "layers.Dropout", {"rate": Real(0.5), "seed": None, "noise_shape": None, "trainable": True, "dtype": "float32"}
    )
    assert "y = Dropout(rate=0.5" in show(dropout)


def nested(depth: int, wrap: Any, tree: Tree = 1) -> Tree:
    for _ in range(depth):
        tree = wrap(tree)
    return tree


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tree: (tree,),
        lambda tree: (1, tree, "b"),
        lambda tree: FrozenDict({"a b": tree}),
        lambda tree: Slice(tree, tree if isinstance(tree, int) else None, None),
        lambda tree: Object("layers.Dense", FrozenDict({"name": tree})),
        lambda tree: Object("layers.TimeDistributed", FrozenDict({"layer": tree})),
        lambda tree: Function("d", None, "tested", "", (Capture("c", 0, tree),)),
        lambda tree: Function("d", (1,), "tested", "", (Capture("c", 0, tree), Capture("d", None, 2))),
        lambda tree: Constant("int32", (), "d", tree),
    ],
)  # fmt: skip
def test_the_deepest_trees(wrap: Any) -> None:
    steps = DEEPEST // 2 if isinstance(wrap(1), Object) else DEEPEST  # an Object's config is a level of its own
    deepest = nested(steps - 2, wrap)
    for graph in (one(config={"a": deepest}), one(arguments={"inputs": (Slot(0), deepest)})):
        assert parse(show(graph)) == graph


def test_the_deepest_arguments() -> None:
    graph = one(arguments={"a b": nested(DEEPEST, lambda tree: FrozenDict({"k": tree}), Slot(0))})
    assert parse(show(graph)) == graph


def test_what_is_known_of_functions_is_kept_wherever_they_stand() -> None:
    late = Function("d1", (..., Slice(6, 8)), "proved", "", (Capture("c", 0, 3), Capture("g", None, Function("in"))))
    plain = Function("", (..., Slice(0, 2)), "proved")
    opaque = Function("d2", None, "unknown", "calls print", (Capture("f", 1, late), Capture("k", 1, plain)))
    config: dict[str, Tree] = {
        "function": late,
        "mask": opaque,
        "inner": Object("layers.Lambda", FrozenDict(function=opaque)),
        "list": (plain, Slice(late, None, None), FrozenDict(b=plain, a=late)),
    }
    graph = one(config=config, arguments={"z": Slot(0), "f": late})
    found = parse(show(graph))
    assert exact_graph(found) == exact_graph(graph)


def test_the_evidence_of_one_function_is_a_dict() -> None:
    late = Function("d1", (..., Slice(6, 8)), "proved", "", (Capture("c", 0, 3),))
    lines = show(one("layers.Lambda", {"function": late}, outputs=(Spec((None, 2), "float32"),))).splitlines()
    assert "'function'" not in lines[1] and '"function": {"digest": "d1", "captures": (("c", 0, 3),)}' in lines[1]


@pytest.mark.parametrize(
    ("kind", "arguments", "line"),
    [
        ("ops.einsum", {"subscripts": "ij,ij", "*operands": (Slot(0), Slot(1))}, 'ops.einsum("ij,ij", x, x)'),
        ("ops.einsum", {"*operands": (Slot(0),)}, 'ops.einsum(**{"*operands": [x]})'),
        ("ops.einsum", {"subscripts": "i", "*operands": ()}, 'ops.einsum(subscripts="i", **{"*operands": ()})'),
        ("ops.einsum", {"subscripts": "i", "*operands": Slot(0)}, 'ops.einsum(subscripts="i", **{"*operands": x})'),
        ("ops.einsum", {"*operands": (Slot(0),), "subscripts": "i"}, 'ops.einsum(**{"*operands": [x]}, subscripts="i")'),
        ("ops.meshgrid", {"*x": (Slot(0), Slot(1)), "indexing": "ij"}, 'ops.meshgrid(x, x, indexing="ij")'),
        ("ops.meshgrid", {"indexing": "xy", "*x": (Slot(0),)}, 'ops.meshgrid(**{"indexing": "xy"}, **{"*x": [x]})'),
        ("ops.add", {"x1": Slot(0), "x2": Slot(1)}, "ops.add(x, x)"),
        ("ops.add", {"x2": Slot(0), "x1": Slot(1)}, "ops.add(x2=x, x1=x)"),
        ("ops.add", {"x1": 2, "x2": Slot(0)}, "ops.add(x1=2, x2=x)"),
        ("ops.split", {"x": Slot(0), "indices_or_sections": 2, "axis": 0}, 'ops.split(x, indices_or_sections=2, **{"axis": 0})'),
        ("ops.split", {"x": Slot(0), "axs": 0}, 'ops.split(x, **{"axs": 0})'),
        ("ops.get_item", {"x": Slot(0), "key": (..., Slice(4, 8))}, "x[..., 4:8]"),
        ("ops.get_item", {"x": Slot(0), "key": (3,)}, "x[3,]"),
        ("ops.get_item", {"x": Slot(0), "key": ()}, "x[()]"),
        ("ops.get_item", {"x": Slot(0), "key": None}, "x[None]"),
        ("ops.get_item", {"x": Slot(0), "key": Slice(None, None, -1)}, "x[::-1]"),
        ("ops.get_item", {"x": Slot(0), "key": Slice(None, None, 0)}, "ops.get_item(x, key=slice(None, None, 0))"),
        ("ops.get_item", {"x": Slot(0), "key": True}, "ops.get_item(x, key=True)"),
        ("ops.get_item", {"x": Slot(0), "key": ((1, 2),)}, "ops.get_item(x, key=((1, 2),))"),
        ("ops.get_item", {"x": Slot(0), "key": Slice(Slot(1), None, None)}, "ops.get_item(x, slice(x, None, None))"),
        ("ops.get_item", {"key": 1, "x": Slot(0)}, "ops.get_item(key=1, x=x)"),
        ("ops.get_item", {"x": 5, "key": 1}, "ops.get_item(x=5, key=1)"),
        ("custom.C", {"inputs": Slot(0), "class": Slot(1), "z": Slot(2)}, 'Custom("C", name="y")(x, **{"class": x}, z=x)'),
        ("custom.C", {"*args": (Slot(0),)}, 'Custom("C", name="y")(**{"*args": [x]})'),
        ("custom.C", {"arg0": Slot(0), "arg1": 3}, 'Custom("C", name="y")(arg0=x, arg1=3)'),
        ("layers.ReLU", {"inputs": Slot(0), "training": None}, 'Object("layers.ReLU", name="y")(x, **{"training": None})'),
        ("ops.foo", {"inputs": Slot(0)}, 'Object("ops.foo", name="y")(x)'),
        ("ops.add(x); y", {"inputs": Slot(0)}, 'Object("ops.add(x); y", name="y")(x)'),
        ("layers.Foo", {"inputs": {"a": Slot(0)}}, 'Object("layers.Foo", name="y")({"a": x})'),
        ("", {}, 'Object("", name="y")()'),
    ],
)  # fmt: skip
def test_how_a_call_is_written(kind: str, arguments: dict[str, Tree], line: str) -> None:
    given = {key: FrozenDict(value) if isinstance(value, dict) else value for key, value in arguments.items()}  # pyright: ignore
    graph = one(kind, arguments=given, outputs=(Spec((2, 7), "float32"),) * (2 if kind == "ops.meshgrid" else 1))
    assert call_line(graph).partition(" = ")[2] == line
    assert parse(show(graph)) == graph


def test_a_split_into_one_part_is_unpacked() -> None:
    arguments: dict[str, Tree] = {"x": Slot(0), "indices_or_sections": 1, "axis": 1}
    outputs = (Spec((None, 8), "float32"),)
    graph = one("ops.split", arguments=arguments, layer=None, weights=(), outputs=outputs)
    assert call_line(graph) == "(y_0,) = ops.split(x, indices_or_sections=1, axis=1)"
    assert parse(show(graph)) == graph


def test_a_hopeless_split_is_not_worked_out() -> None:
    graph = one("ops.split", arguments={"x": Slot(0), "indices_or_sections": 10**12, "axis": 1})
    assert parse(show(graph)) == graph


def test_equal_configs_are_written_alike() -> None:
    config = {"pool_size": (2, 2), "strides": (1, 1), "padding": "same", "data_format": "channels_last",
              "trainable": True, "dtype": "float32"}  # fmt: skip
    for order in (list(config), list(reversed(config))):
        graph = one("layers.MaxPooling2D", {key: config[key] for key in order})
        assert call_line(graph) == 'y = MaxPooling2D(strides=1, padding="same", name="y")(x)'


def test_defaults_are_left_out_and_sizes_are_short() -> None:
    text = 'x = Input(shape=(8, 8, 3), name="x")\nc = Conv2D(filters=4, kernel_size=3, strides=(2, 1), name="c")(x)\nmodel = Model(x, c, name="model")\n'
    assert show(parse(text)) == text


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        ((None, 4), "shape=(4,)"),
        ((2, None), "shape=(None,), batch_size=2"),
        ((0,), "shape=(), batch_size=0"),
        ((None,), "shape=()"),
        ((), "batch_shape=()"),
        (None, "shape=None"),
        ((None, 10**700), f"shape=({hex(10**700)},)"),
    ],
)
def test_how_inputs_are_written(shape: Any, written: str) -> None:
    config = FrozenDict(batch_shape=shape, dtype="int32", sparse=True, ragged=False, optional=False)
    graph = Graph(
        {"x": Op("layers.InputLayer", "x", config, FrozenDict(), (), (Spec(shape, "int32"),))},
        {},
        Value("x"),
        Value("x"),
    )
    assert call_line(graph) == f'x = Input({written}, dtype="int32", sparse=True, name="x")'
    assert parse(show(graph)) == graph


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"batch_shape": "abc"},
        {"batch_shape": (None, 3), "shape": 3},
        {
            "batch_shape": (None, 3),
            "dtype": "float32",
            "sparse": False,
            "ragged": False,
            "optional": False,
            "name": "n",
        },
        {"batch_shape": (None, 3), "dtype": None, "sparse": False, "ragged": False, "optional": False},
        {"batch_shape": (None, -3), "dtype": "float32", "sparse": False, "ragged": False, "optional": False},
    ],
)
def test_inputs_that_keras_would_not_make(config: dict[str, Tree]) -> None:
    graph = Graph(
        {"x": Op("layers.InputLayer", None, FrozenDict(config), FrozenDict(), None, (Spec((3,), "a"),))},
        {},
        Value("x"),
        Value("x"),
    )
    assert parse(show(graph)) == graph


def test_a_shared_layer_is_made_first() -> None:
    text = (
        'x = Input(shape=(8,), name="x")\n'
        'd_layer = Dense(units=8, name="d")\n'
        "d = d_layer(x)\n"
        "d_1 = d_layer(d)\n"
        'model = Model(x, d_1, name="model")\n'
    )
    graph = parse(text)
    assert show(graph) == text
    assert {node: op.layer for node, op in graph.ops.items()} == {"x": "x", "d": "d", "d:1": "d"}


def test_names_that_become_the_same_variable() -> None:
    ops: dict[str, Op] = {}
    for node in ("a b", "a-b", "a_b", "a_b_1", "a b_1", "ä b"):
        config = FrozenDict(batch_shape=(1,), dtype="float32", sparse=False, ragged=False, optional=False)
        ops[node] = Op("layers.InputLayer", node, config, FrozenDict(), (), (Spec((1,), "float32"),))
    graph = Graph(ops, {}, tuple(map(Value, ops)), ())
    assert [line.partition(" = ")[0] for line in show(graph).splitlines()[:-1]] == [
        "a_b", "a_b_1", "a_b_2", "a_b_1_1", "a_b_1_2", "n___b",
    ]  # fmt: skip
    assert parse(show(graph)) == graph


def test_an_empty_graph() -> None:
    graph = Graph({}, {}, (), FrozenDict(), "")
    assert show(graph) == 'model = Model((), {}, name="")\n'
    assert parse(show(graph)) == graph


def test_printing_is_str() -> None:
    graph = one()
    assert str(graph) == show(graph)


def test_a_literal_without_names_for_slots() -> None:
    assert literal((Slot(0), 1)) == "(Slot(index=0), 1)"


def test_a_hundred_thousand_operands() -> None:
    count = 100_000
    text = f"x = Input((4,))\ny = Concatenate()([{', '.join(['x'] * count)}])\nmodel = Model(x, y)\n"
    graph = parse(text)
    assert graph.ops["y"].outputs == (Spec((None, 4 * count), "float32"),)
    assert parse(show(graph)) == graph


def test_a_chain_far_deeper_than_the_stack() -> None:
    depth = 5 * sys.getrecursionlimit()
    rows = ["x = Input((4,))", "y = ReLU()(x)", *["y = ReLU()(y)"] * depth, "model = Model(x, y)"]
    graph = parse("\n".join(rows))
    assert len(graph.ops) == depth + 2
    assert parse(show(graph)) == graph
