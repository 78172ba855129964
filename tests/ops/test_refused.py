"""Calls that Keras refuses, and calls of which not enough is known: nothing is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from kgraph.frontends.serialized import freeze
from kgraph.graph import Constant, FrozenDict, Object, Op, Slot, Spec
from kgraph.ops import Call, call_of, complete, infer_specs, infer_weights, kept, kept_axes, reason
from kgraph.ops.elementwise import merge_shapes
from kgraph.ops.selecting import call_key, split_ranges
from tests.ops.agreement import agree
from tests.ops.test_layers import compare, load, recorded
from tests.ops.test_moving import op
from tests.ops.test_recurrent import made

B = None

OPERATIONS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("matmul", {"x1": Slot(0), "x2": Slot(1)}, ((B, 3, 4), (5, 6))),
    ("matmul", {"x1": Slot(0), "x2": Slot(1)}, ((2, 3, 4), (5, 4, 6))),
    ("matmul", {"x1": Slot(0), "x2": Slot(1)}, ((B, 3), (4,))),
    ("tensordot", {"x1": Slot(0), "x2": Slot(1), "axes": ((1,), (0, 1))}, ((2, 3), (3, 3))),
    ("tensordot", {"x1": Slot(0), "x2": Slot(1), "axes": ((5,), (0,))}, ((2, 3), (3, 3))),
    ("tensordot", {"x1": Slot(0), "x2": Slot(1), "axes": ((1,), (0,))}, ((2, 3), (4, 3))),
    ("take_along_axis", {"x": Slot(0), "indices": Slot(1), "axis": 1}, ((2, 3), (4, 3))),
    ("nn.conv", {"inputs": Slot(0), "kernel": Slot(1)}, ((B, 2, 2, 3), (3, 3, 3, 4))),
    ("nn.conv", {"inputs": Slot(0), "kernel": Slot(1)}, ((B, 8, 8, 3), (3, 3, 2, 4))),
    ("image.rgb_to_grayscale", {"images": Slot(0), "data_format": "channels_last"}, ((B, 4, 4, 2),)),
]


@pytest.mark.keras
@pytest.mark.parametrize(("name", "arguments", "shapes"), OPERATIONS)
def test_nothing_is_told_of_an_operation_that_keras_refuses(
    name: str, arguments: dict[str, Any], shapes: tuple[Any, ...]
) -> None:
    dtypes = ["int32" if arguments.get("indices") == Slot(number) else "float32" for number in range(len(shapes))]
    inputs = [load("keras").Input(batch_shape=shape, dtype=dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    given = {key: inputs[value.index] if isinstance(value, Slot) else value for key, value in arguments.items()}
    with pytest.raises((ValueError, IndexError, TypeError)):
        op(name)(**given)
    kind = f"ops.{name.removeprefix('nn.')}"
    specs = tuple(Spec(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True))
    assert infer_specs(Call(kind, FrozenDict(), FrozenDict(arguments), specs)) is None


LAYERS: list[tuple[str, dict[str, Any], Any]] = [
    ("Conv2D", {"filters": 4, "kernel_size": 1, "groups": 2}, (B, 4, 4, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 1}, (B, 4, 4, None)),
    ("DepthwiseConv2D", {"kernel_size": 1}, (B, 4, 4, None)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 1}, (B, 4, 4, None)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 1}, (B, 4, 4, None)),
    ("Dense", {"units": 4}, ()),
    ("EinsumDense", {"equation": "ab,cd->ad", "output_shape": 4}, (B, 3)),
    ("EinsumDense", {"equation": "ab,bc->aq", "output_shape": 4}, (B, 3)),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (4,)}, (B, 3, 3)),
    ("Cropping2D", {"cropping": 2}, (B, 4, 8, 3)),
    ("LSTM", {"units": 2}, (B, 5, None)),
]


@pytest.mark.keras
@pytest.mark.parametrize(("kind", "config", "shape"), LAYERS)
def test_nothing_is_told_of_a_layer_that_keras_refuses_to_call(kind: str, config: dict[str, Any], shape: Any) -> None:
    assert not agree(lambda: made(kind, **config), (shape,))
    full = complete(f"layers.{kind}", freeze(made(kind, **config).get_config()))
    call = Call(f"layers.{kind}", full, FrozenDict(inputs=Slot(0)), (Spec(shape, "float32"),))
    assert infer_weights(call) in (None, ())


@pytest.mark.keras
def test_a_shared_layer_takes_what_it_could_not_have_been_built_for() -> None:
    layer = made("Dense", units=4)
    layer.build((None, 3))
    graph = recorded(layer, ((B, None), "float32"))
    compare(graph, weights=False)
    (op,) = (op for op in graph.ops.values() if not op.is_input)
    assert infer_weights(call_of(op, (Spec((B, None), "float32"),))) is None


@pytest.mark.keras
def test_nothing_is_told_of_what_is_taken_along_no_axis() -> None:
    call = recorded(lambda x, i: op("take_along_axis")(x, i, axis=None), ((2, 3), "float32"), ((4,), "int32"))
    compare(call, specs=False)


EINSUM = [
    ("ab,bc", 2),
    ("ab,bc->a", 1),
    ("abc,bc->a", 2),
    ("ab,bc->ad", 2),
    ("ab,bc->aa", 2),
    ("ab,bc->", 2),
    ("a1,1c->ac", 2),
]


@pytest.mark.parametrize(("equation", "count"), EINSUM)
def test_nothing_is_told_of_an_equation_that_does_not_say_all(equation: str, count: int) -> None:
    arguments = FrozenDict({"subscripts": equation, "*operands": tuple(map(Slot, range(count)))})
    assert infer_specs(Call("ops.einsum", FrozenDict(), arguments, (Spec((2, 2), "float32"),) * count)) is None


POLICY = Object("dtype_policies.QuantizedDTypePolicy", FrozenDict(mode="int8"))

CONFIGS: dict[str, dict[str, Any]] = {
    "Dense": {"units": 2},
    "Conv2D": {"filters": 2, "kernel_size": 1},
    "LSTM": {"units": 2},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 2},
    "Dot": {"axes": -1},
    "ReLU": {},
    "TimeDistributed": {"layer": Object("layers.ReLU", complete("layers.ReLU", FrozenDict()))},
    "Bidirectional": {"layer": Object("layers.GRU", complete("layers.GRU", FrozenDict(units=2)))},
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_dtype_is_told_where_the_policy_is_no_plain_one(kind: str) -> None:
    shape = (2, 3, 4, 5) if kind == "Conv2D" else (2, 3, 4)
    names = {"MultiHeadAttention": ("query", "value"), "Dot": ("inputs",)}.get(kind, ("inputs",))
    slots: Any = (Slot(0), Slot(1)) if kind == "Dot" else Slot(0)
    arguments = FrozenDict(
        {name: Slot(number) for number, name in enumerate(names)} if len(names) > 1 else {names[0]: slots}
    )
    operands = (Spec(shape, "float32"),) * (2 if kind in ("MultiHeadAttention", "Dot") else 1)

    def call(**more: Any) -> Call:
        return Call(
            f"layers.{kind}", complete(f"layers.{kind}", FrozenDict({**CONFIGS[kind], **more})), arguments, operands
        )

    assert infer_specs(call()) is not None
    assert infer_specs(call(dtype=POLICY)) is None
    assert infer_weights(call(dtype=POLICY)) in (None, ())


def matmul(left: Any, right: Any, shape: Any) -> Any:
    """What is kept by a product with a tensor, or with an array of that shape."""
    second = Constant("float32", right[0], "digest", None) if isinstance(right, list) else Slot(1)
    operands = (Spec(left, "float32"), *(() if isinstance(right, list) else (Spec(right, "float32"),)))
    op = Op("ops.matmul", None, FrozenDict(), FrozenDict(x1=Slot(0), x2=second), (), (Spec(shape, "float32"),))
    return kept(op, operands)


def test_a_product_keeps_rows_and_columns() -> None:
    assert matmul((B, 3, 4), (4, 5), (B, 3, 5)) == ((0, 0), (0, 1), (1, 1))
    assert matmul((B, 3, 4), (B, 4, 5), (B, 3, 5)) == (None, (0, 1), (1, 2))
    assert matmul((B, 4), (7, 4, 5), (7, B, 5)) == (None, (0, 0), (1, 2))
    assert matmul((B, 3, 4), (4,), (B, 3)) == ((0, 0), (0, 1))
    assert matmul((B, 3, 4), [(4, 5)], (B, 3, 5)) == ((0, 0), (0, 1), None)
    assert matmul((), (4, 5), (5,)) == (None,)


def test_nothing_is_known_of_tensors_of_unknown_rank() -> None:
    join = Call(
        "layers.Add",
        FrozenDict(),
        FrozenDict(inputs=(Slot(0), Slot(1))),
        (Spec((2,), "float32"), Spec(None, "float32")),
    )
    assert merge_shapes(join) is None
    item = Call("ops.get_item", FrozenDict(), FrozenDict(x=Slot(0), key=(0,)), (Spec(None, "float32"),))
    assert call_key(item) is None
    split = Call(
        "ops.split", FrozenDict(), FrozenDict(x=Slot(0), indices_or_sections=2, axis=0), (Spec(None, "float32"),)
    )
    assert split_ranges(split) is None


def test_a_split_says_which_indices_each_part_holds() -> None:
    arguments = FrozenDict(x=Slot(0), indices_or_sections=(1, 4), axis=-1)
    call = Call("ops.split", FrozenDict(), arguments, (Spec((None, 6), "float32"),))
    assert split_ranges(call) == (1, (range(1), range(1, 4), range(4, 6)))


@pytest.mark.parametrize(
    ("widths", "words"),
    [
        ((3, 5), "3 + 5 joined"),
        ((4, 4, 4, 4), "4 x 4 joined"),
        (tuple(range(1, 8)), "7 tensors joined"),
        ((3, None), ""),
    ],
)
def test_a_join_is_said_in_few_words(widths: tuple[Any, ...], words: str) -> None:
    config = complete("layers.Concatenate", FrozenDict())
    operands = tuple(Spec((None, width), "float32") for width in widths)
    call = Call("layers.Concatenate", config, FrozenDict(inputs=tuple(map(Slot, range(len(widths))))), operands)
    assert (reason(call, 0), reason(call, 1)) == ("", words)


def test_an_activation_that_is_not_told_may_halve_the_last_axis() -> None:
    call = Call("layers.Activation", FrozenDict(), FrozenDict(inputs=Slot(0)), (Spec((None, 3, 4), "float32"),))
    assert kept_axes(call, 3) == ((0, 0), (0, 1), None)


def test_an_array_in_a_file_may_stretch_as_many_axes_as_it_has() -> None:
    array = Object("__numpy__", FrozenDict(value=((1.0, 2.0),), dtype="float32"))
    config = complete("layers.Rescaling", FrozenDict(scale=array))
    call = Call("layers.Rescaling", config, FrozenDict(inputs=Slot(0)), (Spec((None, 3, 4), "float32"),))
    assert kept_axes(call, 3) == ((0, 0), None, None)
