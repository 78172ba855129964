"""What is known of operations, against what Keras records of the same calls: never another spec."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.graph import FrozenDict, Graph, Op, Slot, Spec
from kgraph.ops import Call, infer_specs
from kgraph.ops.elementwise import CAUTIOUS, NUMPY_MERGES, UNARY
from kgraph.ops.reducing import DTYPES as REDUCTIONS
from tests.ops.test_layers import DTYPES, EXAMPLES, SIZES, broadcastable, compare, load, recorded, shape_of

pytestmark = pytest.mark.keras

RANDOM = st.randoms(use_true_random=False)
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool")
OPTIONS: dict[str, dict[str, Any]] = {
    "clip": {"x_min": 0.0, "x_max": 6.0},
    "threshold": {"threshold": 1.0, "default_value": 0.0},
}
"""Arguments of operations on one tensor that have no default."""

TENSORS_ALONE = {name for name in NUMPY_MERGES if name.startswith("bitwise")} | (CAUTIOUS - {"arctan2"}) | {"isclose"}
"""Merges that do not take a scalar in place of a tensor."""

FLOATS = ("float32", "float16", "bfloat16", "float64")


def operation(name: str) -> Callable[..., Any]:
    return getattr(load("keras").ops, name)


def two_shapes(random: Random) -> tuple[Any, Any]:
    shapes = [(random.choice((None, None, 4)), *shape) for shape in broadcastable(random, random.choice((1, 2)))]
    first, second = shapes[:2]
    return first, second[random.choice((0, 0, 1)) :]


@given(RANDOM)
@settings(max_examples=300)
def test_merges_of_tensors(random: Random) -> None:
    name = random.choice(NUMPY_MERGES)
    dtypes = ("int32", "bool", "uint8", "int64") if name.startswith("bitwise") else (*FLOATS, "int32", "int64", "bool")
    dtype = random.choice(dtypes)
    other = dtype if random.random() < 0.8 else random.choice(dtypes)
    first, second = two_shapes(random)
    graph = recorded(operation(name), (first, dtype), (second, other))
    promotes = dtype != other or (name in CAUTIOUS and dtype not in FLOATS)
    compare(graph, specs=not promotes and "bitwise" not in name and "shift" not in name)


@given(RANDOM)
@settings(max_examples=200)
def test_merges_with_scalars_and_arrays(random: Random) -> None:
    import numpy as np

    name = random.choice([name for name in NUMPY_MERGES if name not in TENSORS_ALONE])
    dtype = random.choice((*FLOATS, "int32", "bool", "uint8", "int64"))
    array = np.ones(random.choice(((), (3,), (1, 3), (2, 1))), dtype.replace("bfloat16", "float32"))
    scalar = random.choice((2, 2.5, True, np.float32(2.0), array))
    first = (None, 2, 3)
    left = random.choice((True, False))
    graph = recorded(lambda x: operation(name)(scalar, x) if left else operation(name)(x, scalar), (first, dtype))
    plain = type(scalar) in (int, float, bool) and name not in CAUTIOUS
    compare(graph, specs=plain or name.startswith(("equal", "less", "greater", "logical")))


@given(RANDOM)
@EXAMPLES
def test_python_operators(random: Random) -> None:
    first, second = two_shapes(random)
    choices: list[Callable[[Any, Any], Any]] = [
        lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y, lambda x, y: x // y,
        lambda x, y: x % y, lambda x, y: x**y, lambda x, y: x < y, lambda x, y: x >= y, lambda x, y: 2.0 - x * y,
        lambda x, y: (-x) * abs(y),
    ]  # fmt: skip
    compare(recorded(random.choice(choices), (first,), (second,)))


@pytest.mark.parametrize("name", UNARY)
def test_unary_operations(name: str) -> None:
    options = OPTIONS.get(name, {})
    for shape in ((None, 4, 3), (2, None)):
        for dtype in FLOATS:
            specs = name != "reciprocal" or dtype == "float32"
            compare(recorded(lambda x: operation(name)(x, **options), (shape, dtype)), specs=specs)
        compare(recorded(lambda x: operation(name)(x, **options), (shape, "int32")), specs=False)


def test_activations() -> None:
    compare(recorded(load("keras").activations.relu, ((None, 4, 3), "float16")))


@given(RANDOM)
@EXAMPLES
def test_cast(random: Random) -> None:
    dtype = random.choice((*FLOATS, *INTEGERS))
    compare(recorded(lambda x: operation("cast")(x, dtype), (shape_of(random), random.choice(DTYPES))))


def axes_of(random: Random, rank: int, *, none: bool = True) -> Any:
    """Some axes in every form in which they may be given."""
    some = random.sample(range(rank), random.randrange(1, rank + 1))
    signed = tuple(axis - random.choice((0, rank)) for axis in some)
    return random.choice((signed[0], signed, list(signed), *((None,) if none else ())))


@given(RANDOM)
@settings(max_examples=150)
def test_reductions(random: Random) -> None:
    name = random.choice(sorted(name for name in REDUCTIONS if "arg" not in name and name != "count_nonzero"))
    shape = shape_of(random)
    options: dict[str, Any] = {"axis": axes_of(random, len(shape))}
    if name != "count_nonzero":  # the one that cannot keep the axes
        options["keepdims"] = random.choice((True, False))
    if name == "prod" and random.random() < 0.5:
        options["dtype"] = random.choice(("float32", "int64"))
    dtypes = FLOATS if name == "logsumexp" else (*FLOATS, *INTEGERS)
    compare(recorded(lambda x: operation(name)(x, **options), (shape, random.choice(dtypes))))


@given(RANDOM)
@EXAMPLES
def test_reshape(random: Random) -> None:
    shape = random.choice(((None, 6), (4, 6), (None, 2, 3), (2, None, 4), (24,), (None,), ()))
    target = random.choice(((-1, 6), (24,), (4, 6), (2, -1, 3), (-1,), (6, 4), (2, 3, 4), (1, -1, 1), (), (-1, 1)))
    compare(recorded(lambda x: operation("reshape")(x, target), (shape, random.choice(DTYPES))))


@given(RANDOM)
@EXAMPLES
def test_transpose(random: Random) -> None:
    shape = shape_of(random, (1, 2, 3, 4))
    axes = random.sample(range(len(shape)), len(shape))
    signed = [axis - random.choice((0, len(shape))) for axis in axes]
    given_axes = random.choice((None, signed, tuple(signed)))
    compare(recorded(lambda x: operation("transpose")(x, given_axes), (shape, random.choice(DTYPES))))


@given(RANDOM)
@EXAMPLES
def test_expand_dims_and_squeeze(random: Random) -> None:
    shape = shape_of(random, (1, 2, 3))
    axis = random.choice((0, -1, 1, (0, -1), [1, 2], (0, 2, 3)))
    compare(recorded(lambda x: operation("expand_dims")(x, axis), (shape, random.choice(DTYPES))))
    shape = tuple(random.choice((1, 1, 2, None)) for _ in range(random.choice((1, 2, 3))))
    gone = axes_of(random, len(shape))
    compare(recorded(lambda x: operation("squeeze")(x, gone), (shape,)), specs=gone is not None or None not in shape)


@given(RANDOM)
@settings(max_examples=100)
def test_splits(random: Random) -> None:
    shape = shape_of(random, (1, 2, 3), (None, 4, 6, 7))
    axis = random.randrange(len(shape)) - random.choice((0, len(shape)))
    sections = random.choice((1, 2, 3, [1], [1, 3], (2, 2), [0, 4], [3, 9], [-1]))
    dtype = random.choice(DTYPES)
    fixed = shape[axis] is not None or isinstance(sections, int)
    compare(recorded(lambda x: operation("split")(x, sections, axis=axis), (shape, dtype)), specs=fixed)
    count = random.choice((1, 2, 3, 5))
    compare(recorded(lambda x: operation("array_split")(x, count, axis=axis), (shape, dtype)))


@given(RANDOM)
@EXAMPLES
def test_take(random: Random) -> None:
    import numpy as np

    shape = shape_of(random, (1, 2, 3), (None, 4, 6))
    axis = random.choice((None, random.randrange(len(shape)) - random.choice((0, len(shape)))))
    indices = random.choice(
        (0, [0, 2], (1,), [[0, 1], [2, 3]], [[[0]]], np.array([0, 1]), np.array([[3]]), np.array(2), [])
    )
    known = not isinstance(indices, list) or bool(indices)
    compare(recorded(lambda x: operation("take")(x, indices, axis=axis), (shape, random.choice(DTYPES))), specs=known)


def test_take_by_a_tensor() -> None:
    compare(recorded(lambda x, i: operation("take")(x, i, axis=1), ((None, 4, 6),), ((None, 3), "int32")))
    compare(recorded(lambda x, i: operation("take")(x, i, axis=-1), ((None, 4, 6),), ((None, 3), "int32")))
    compare(recorded(lambda x, i: operation("take")(x, i), ((None, 4, 6),), ((None, 3), "int32")))
    graph = recorded(lambda i: operation("take")(load("numpy").ones((3, 4)), i, axis=0), ((None, 3), "int32"))
    compare(graph, specs=False)


@given(RANDOM)
@EXAMPLES
def test_concatenate_and_stack(random: Random) -> None:
    rank = random.choice((1, 2, 3))
    axis = random.randrange(rank) - random.choice((0, rank))
    full = [random.choice((2, 3)) for _ in range(rank)]
    specs: list[Any] = []
    for _ in range(random.choice((1, 2, 3))):
        own = [random.choice((size, size, None)) for size in full]
        own[axis] = random.choice(SIZES)
        specs.append((tuple(own), random.choice(("float32", "float32", "int32"))))
    same = len({dtype for _, dtype in specs}) == 1
    compare(recorded(lambda *xs: operation("concatenate")(list(xs), axis=axis), *specs), specs=same)
    specs = [((*spec[0][:-1], 2), spec[1]) for spec in specs]
    new = random.choice((0, -1, rank, 1))
    compare(recorded(lambda *xs: operation("stack")(list(xs), axis=new), *specs), specs=same)


def test_joins_with_arrays() -> None:
    import numpy as np

    array = np.ones((2, 3), "float32")
    compare(recorded(lambda x: operation("concatenate")([x, array], axis=0), ((2, 3),)), specs=False)
    compare(recorded(lambda x: operation("stack")([x, array], axis=0), ((2, 3),)), specs=False)


def test_calls_with_several_outputs_of_no_known_shape() -> None:
    compare(recorded(lambda x: operation("unstack")(x, axis=1), ((None, 3),)), specs=False)
    compare(recorded(lambda x, y: operation("meshgrid")(x, y), ((2,),), ((3,),)), specs=False)


@st.composite
def keys(draw: st.DrawFn, rank: int) -> Any:
    """Any basic subscript of a tensor of this rank, numpy's integers included."""
    bounds = st.one_of(st.none(), st.integers(-6, 6))
    slices = st.builds(slice, bounds, bounds, st.sampled_from((None, None, 1, 2, -1, -2)))
    parts = draw(st.lists(st.one_of(slices, st.integers(-2, 1)), max_size=rank))
    parts: list[Any] = list(parts)
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), ...)
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


@given(st.data(), st.sampled_from(((None, 4, 5), (2, 3), (None, None, 3), (6,))))
@settings(max_examples=300)
def test_subscripts(data: st.DataObject, shape: tuple[int | None, ...]) -> None:
    key = data.draw(keys(len(shape)))
    compare(recorded(lambda x: x[key], (shape, data.draw(st.sampled_from(("float32", "int32"))))))


def test_subscripts_by_numpy_integers_and_alone() -> None:
    import numpy as np

    compare(recorded(lambda x: x[:, np.int64(1) : np.int32(3)], ((4, 5),)))
    compare(recorded(lambda x: x[1], ((4, 5),)))
    compare(recorded(lambda x: x[[0, 1]], ((4, 5),)))


def test_arguments_given_as_arrays() -> None:
    import numpy as np

    compare(recorded(lambda x: operation("reshape")(x, (np.int64(-1), np.int32(6))), ((4, 2, 3),)))
    compare(recorded(lambda x: operation("split")(x, np.array([1, 2]), axis=1), ((None, 4),)))


# --- where Keras itself is wrong ----------------------------------------------------------------------------------


def last(graph: Graph) -> Op:
    return list(graph.ops.values())[-1]


def shapes(function: Callable[[Any], Any], *inputs: tuple[int, ...]) -> tuple[Any, Any]:
    """(the shape that Keras infers, the shape that it gives)."""
    import numpy as np

    said = last(recorded(function, *((shape,) for shape in inputs))).outputs[0].shape
    return said, tuple(function(*(np.ones(shape, "float32") for shape in inputs)).shape)


def test_keras_records_the_wrong_shape_of_a_glu_activation() -> None:
    keras = load("keras")
    for layer in (keras.layers.Activation("glu"), keras.layers.Dense(4, activation="glu")):
        said, real = shapes(layer, (2, 4))
        assert (said, real) == ((2, 4), (2, 2))
        compare(recorded(layer, ((2, 4),)), specs=False)


def test_keras_records_the_wrong_shape_of_a_vector_rescaling() -> None:
    said, real = shapes(load("keras").layers.Rescaling([1.0, 2.0, 3.0]), (2, 1))
    assert (said, real) == ((2, 1), (2, 3))


def test_keras_records_the_wrong_dtype_of_logsumexp() -> None:
    import numpy as np

    graph = recorded(operation("logsumexp"), ((2, 3), "float16"))
    assert last(graph).outputs[0].dtype == "float32"
    assert str(operation("logsumexp")(np.ones((2, 3), "float16")).dtype.name) == "float16"


def test_keras_records_the_wrong_shape_of_bitwise_broadcasts() -> None:
    import numpy as np

    graph = recorded(operation("bitwise_and"), ((1, 3), "int32"), ((4, 3), "int32"))
    assert last(graph).outputs[0].shape == (1, 3)
    assert operation("bitwise_and")(np.ones((1, 3), "int32"), np.ones((4, 3), "int32")).shape == (4, 3)
    compare(graph, specs=False)


def test_keras_records_the_wrong_dtype_of_layers_on_integers() -> None:
    import numpy as np

    keras = load("keras")
    add = keras.layers.Add()
    graph = recorded(lambda x, y: add([x, y]), ((2, 3), "int32"), ((2, 3), "int32"))
    assert last(graph).outputs[0].dtype == "float32"
    assert add([np.ones((2, 3), "int32")] * 2).dtype.name == "int32"


# --- calls that Keras would refuse --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "arguments", "shape"),
    [
        ("ops.reshape", {"newshape": (5,)}, (4, 6)),
        ("ops.reshape", {"newshape": (5, -1)}, (4, 6)),
        ("ops.reshape", {"newshape": "x"}, (4, 6)),
        ("ops.transpose", {"axes": (0, 0)}, (4, 6)),
        ("ops.transpose", {"axes": (0, 2)}, (4, 6)),
        ("ops.sum", {"axis": 2}, (4, 6)),
        ("ops.sum", {"axis": "x"}, (4, 6)),
        ("ops.expand_dims", {"axis": 4}, (4, 6)),
        ("ops.squeeze", {"axis": 4}, (4, 6)),
        ("ops.split", {"indices_or_sections": 5, "axis": 0}, (4, 6)),
        ("ops.split", {"indices_or_sections": 0, "axis": 0}, (4, 6)),
        ("ops.split", {"indices_or_sections": (3, 1), "axis": 0}, (4, 6)),
        ("ops.split", {"indices_or_sections": "x", "axis": 0}, (4, 6)),
        ("ops.split", {"indices_or_sections": 2, "axis": 5}, (4, 6)),
        ("ops.take", {"indices": "x", "axis": 0}, (4, 6)),
        ("ops.take", {"indices": (1, (2,)), "axis": 0}, (4, 6)),
        ("ops.take", {"indices": 1, "axis": 2}, (4, 6)),
        ("ops.concatenate", {"axis": 2}, (4, 6)),
        ("ops.stack", {"axis": 4}, (4, 6)),
        ("ops.get_item", {"key": (7,)}, (4, 6)),
        ("ops.get_item", {"key": (0, 0, 0)}, (4, 6)),
        ("ops.get_item", {"key": (..., ...)}, (4, 6)),
        ("ops.get_item", {"key": ("x",)}, (4, 6)),
        ("ops.cast", {}, (4, 6)),
        ("ops.add", {"x2": "x"}, (4, 6)),
    ],
)
def test_nothing_is_inferred_of_a_call_that_keras_refuses(kind: str, arguments: dict[str, Any], shape: Any) -> None:
    first = {"ops.concatenate": "xs", "ops.add": "x1"}.get(kind, "x")
    slot = (Slot(0),) if kind in ("ops.concatenate", "ops.stack") else Slot(0)
    call = Call(kind, FrozenDict(), FrozenDict({first: slot, **arguments}), (Spec(shape, "float32"),))
    assert infer_specs(call) is None
