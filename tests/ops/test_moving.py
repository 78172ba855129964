"""Operations that move, multiply or slide over elements, against what Keras records of the same calls."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings

from kgraph.frontends import live
from kgraph.graph import FrozenDict, Slot, Spec
from kgraph.ops import Call, infer_specs
from tests.ops.test_layers import DTYPES, RANDOM, compare, image, load, per_axis, shape_of
from tests.ops.test_operations import axes_of

pytestmark = pytest.mark.keras

Example = tuple[Callable[..., Any], list[Any]]


def op(name: str) -> Callable[..., Any]:
    found: Any = load("keras").ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def axis_of(random: Random, shape: Any, *, none: bool = False) -> Any:
    return random.choice((None,) if none and random.random() < 0.2 else (random.randrange(-len(shape), len(shape)),))


def sized(random: Random, ranks: tuple[int, ...] = (1, 2, 3)) -> tuple[Any, str]:
    return shape_of(random, ranks, (None, 2, 3, 4)), random.choice(DTYPES)


def pad(random: Random) -> Example:
    shape, dtype = sized(random)
    pair = (random.choice((0, 1)), random.choice((0, 2)))
    width = random.choice((1, pair, [pair], [pair] * len(shape), [pair] * 2))
    return (lambda x: op("pad")(x, width)), [(shape, dtype)]


def tile(random: Random) -> Example:
    counts = random.choice((2, 1, (2,), (1, 2), (3, 1, 2), (1, 1, 1, 2)))
    return (lambda x: op("tile")(x, counts)), [sized(random)]


def repeat(random: Random) -> Example:
    shape, dtype = sized(random)
    axis = axis_of(random, shape, none=True)
    counts = random.choice((2, 1, [2], [1, 2], [1, 2, 3]))
    return (lambda x: op("repeat")(x, counts, axis=axis)), [(shape, dtype)]


def turn(random: Random) -> Example:
    shape, dtype = sized(random, (2, 3, 4))
    if random.random() < 0.5:
        first, second = axis_of(random, shape), axis_of(random, shape)
        return (lambda x: op("swapaxes")(x, first, second)), [(shape, dtype)]
    count = random.randrange(1, len(shape))
    source = random.sample(range(len(shape)), count)
    target = [axis - random.choice((0, len(shape))) for axis in random.sample(range(len(shape)), count)]
    pair = random.choice(((source, target), (source[0], target[0])))
    return (lambda x: op("moveaxis")(x, *pair)), [(shape, dtype)]


def along(random: Random) -> Example:
    shape, dtype = sized(random)
    name = random.choice(("sort", "argsort", "cumsum", "cumprod", "flip", "roll"))
    axis = axis_of(random, shape, none=True)
    if name == "roll":
        return (lambda x: op("roll")(x, 1, axis=axis)), [(shape, dtype)]
    options = {"dtype": "float16"} if name.startswith("cum") and random.random() < 0.3 else {}
    return (lambda x: op(name)(x, axis=axis, **options)), [(shape, dtype)]


def like(random: Random) -> Example:
    shape, dtype = sized(random, (2, 3))
    name = random.choice(("ones_like", "zeros_like", "tril", "triu", "ravel", "isnan", "isfinite", "logical_not"))
    options = {"dtype": "float16"} if name.endswith("like") and random.random() < 0.3 else {}
    return (lambda x: op(name)(x, **options)), [(shape, dtype)]


def broadcast(random: Random) -> Example:
    shape, dtype = sized(random)
    target = random.choice(((4, 3), (2, 4, 3), (1, 4), (2, 2, 2, 2)))
    return (lambda x: op("broadcast_to")(x, target)), [(shape, dtype)]


def one_hot(random: Random) -> Example:
    shape, _ = sized(random)
    axis = random.choice((-1, 0, 1, 2))
    options = {"dtype": "float16"} if random.random() < 0.3 else {}
    return (lambda x: op("one_hot")(x, 5, axis=axis, **options)), [(shape, "int32")]


def top(random: Random) -> Example:
    return (lambda x: op("top_k")(x, 2)), [sized(random)]


def unstack(random: Random) -> Example:
    shape, dtype = sized(random)
    axis, number = axis_of(random, shape), random.choice((None, None, 2))
    return (lambda x: op("unstack")(x, number, axis)), [(shape, dtype)]


def take_along(random: Random) -> Example:
    shape, dtype = sized(random, (2, 3))
    axis = axis_of(random, shape)
    taken = list(shape)
    taken[axis] = random.choice((1, 3, None))
    other = random.randrange(len(shape))
    taken[other] = random.choice((taken[other], 1, None, 4))
    return (lambda x, i: op("take_along_axis")(x, i, axis=axis)), [(shape, dtype), (tuple(taken), "int32")]


def reduction(random: Random) -> Example:
    shape, dtype = sized(random)
    name = random.choice(("argmax", "argmin", "count_nonzero", "median", "norm"))
    axis = axes_of(random, len(shape)) if name in ("count_nonzero", "median") else axis_of(random, shape, none=True)
    options: dict[str, Any] = {} if name == "count_nonzero" else {"keepdims": random.choice((True, False))}
    dtype = "float32" if name in ("norm", "median") else dtype
    return (lambda x: op(name)(x, axis=axis, **options)), [(shape, dtype)]


def choice(random: Random) -> Example:
    shapes = [
        random.choice(((None, 2, 3), (2, 3), (None, 1, 3), (1,), (3,), (None, 2, 1), (4, 2, 3))) for _ in range(3)
    ]
    dtype = random.choice(DTYPES)
    return op("where"), [(shapes[0], "bool"), (shapes[1], dtype), (shapes[2], dtype)]


def choice_with_scalar(random: Random) -> Example:
    dtype = random.choice(("float32", "float16", "bfloat16"))
    scalar = random.choice((0.0, 1, True, -1e9))
    one = random.choice((lambda c, x: op("where")(c, x, scalar), lambda c, x: op("where")(c, scalar, x)))
    return one, [((None, 2, 1), "bool"), ((None, 2, 3), dtype)]


def product(random: Random) -> Example:
    left = random.choice(((None, 3, 4), (3, 4), (4,), (None, 2, 3, 4), (1, 3, 4), (None, None, None)))
    right = random.choice(((None, 4, 5), (4, 5), (4,), (None, 1, 4, 5), (None, 2, None, 5), (7, 4, 5)))
    name, dtype = random.choice(("matmul", "matmul", "dot")), random.choice(("float32", "float16", "int8", "int32"))
    if random.random() < 0.2:
        array = load("numpy").ones((4, 2), "float32")
        return (lambda x: op(name)(x, array)), [(left, "float32")]
    return op(name), [(left, dtype), (right, dtype)]


def tensordot(random: Random) -> Example:
    axes = random.choice((0, 1, 2, [[1], [0]], [[-1], [1]], [[1, 2], [1, 0]], [[0], [0]]))
    shapes = [random.choice(((None, 3, 4), (4, 3), (2, 3, 4), (3, 4, None))) for _ in range(2)]
    return (lambda x, y: op("tensordot")(x, y, axes=axes)), [(shape,) for shape in shapes]


def einsum(random: Random) -> Example:
    equation, *shapes = random.choice((
        ("abc,cd->abd", (None, 3, 4), (4, 5)), ("bhqd,bhkd->bhqk", (None, 2, 3, 4), (None, 2, 5, 4)),
        ("ij,ij->i", (None, 3), (2, 3)), ("abc->ca", (2, None, 4)), ("ij,jk,kl->il", (None, 3), (3, 4), (4, 2)),
        ("bij, bjk -> bik", (1, 2, 3), (None, 3, 4)), ("ab,b->a", (None, 3), (None,)), ("ab,ac->abc", (None, 3), (2, 4)),
        ("ab,bc->ac", (2, 3), (4, 5)), ("ab,ab->ab", (2, 3), (4, 3)),
    ))  # fmt: skip
    dtype = random.choice(("float32", "int8"))
    return (lambda *xs: op("einsum")(equation, *xs)), [(shape, dtype) for shape in shapes]


def heads(random: Random) -> Example:
    query, key = (None, 5, 2, 8), random.choice(((None, 5, 2, 8), (None, 7, 2, 8)))
    return (lambda q, k: op("dot_product_attention")(q, k, k)), [(query,), (key,)]


def windowed(random: Random, rank: int) -> dict[str, Any]:
    options = {"strides": per_axis(random, rank, (1, 2)), "padding": random.choice(("valid", "same"))}
    return {**options, "data_format": random.choice(("channels_last", "channels_first", None))}


def pool(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    options, size = windowed(random, rank), per_axis(random, rank, (1, 2, 3))
    if random.random() < 0.3:
        del options["strides"]
    shape = image(random, rank, options["data_format"] or "channels_last", 3)
    name = random.choice(("max_pool", "average_pool"))
    return (lambda x: op(name)(x, size, **options)), [(shape, random.choice(("float32", "float16")))]


def convolution(random: Random) -> Example:
    rank = random.choice((1, 2))
    options = windowed(random, rank)
    if random.random() < 0.3:
        options |= {"strides": 1, "dilation_rate": random.choice((1, 2))}
    shape = image(random, rank, options["data_format"] or "channels_last", random.choice((2, 4)))
    size = tuple(random.choice((1, 2, 3)) for _ in range(rank))
    name = random.choice(("conv", "depthwise_conv", "conv_transpose", "separable_conv"))
    kernel = (*size, random.choice((2, 4)), random.choice((2, 4)))
    if name == "separable_conv":
        one = (*(1 for _ in size), kernel[-1] * kernel[-2], 5)
        return (lambda x, k, p: op(name)(x, k, p, **options)), [(shape,), (kernel,), (one,)]
    if random.random() < 0.3:
        array = load("numpy").ones(kernel, "float32")
        return (lambda x: op(name)(x, array, **options)), [(shape,)]
    return (lambda x, k: op(name)(x, k, **options)), [(shape,), (kernel,)]


def resize(random: Random) -> Example:
    shape = random.choice(((None, 8, None, 3), (8, 8, 1), (2, 3, 4, 8)))
    data_format = random.choice((None, "channels_last", "channels_first"))
    if random.random() < 0.5:
        return (lambda x: op("image.resize")(x, (4, 5), data_format=data_format)), [(shape, "float16")]
    return (lambda x: op("image.rgb_to_grayscale")(x, data_format=data_format)), [(shape,)]


def blocks(random: Random) -> Example:
    name = random.choice(("depth_to_space", "space_to_depth"))
    shape = (None, random.choice((4, 5, None, 8)), random.choice((4, 6, None)), random.choice((4, 8)))
    data_format = random.choice(("channels_last", "channels_first"))
    return (lambda x: op(name)(x, 2, data_format=data_format)), [(shape,)]


FAMILIES = (
    pad, tile, repeat, turn, along, like, broadcast, one_hot, top, unstack, take_along, reduction, choice,
    choice_with_scalar, product, tensordot, einsum, heads, pool, convolution, resize, blocks,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:NotImplemented should not be used:DeprecationWarning")  # Keras' tensordot of a None
@pytest.mark.parametrize("family", FAMILIES)
@given(random=RANDOM)
@settings(max_examples=60)
def test_specs_are_those_of_keras(family: Callable[[Random], Example], random: Random) -> None:
    call, specs = family(random)
    keras = load("keras")
    tensors = [
        keras.Input(batch_shape=spec[0], dtype=(*spec, "float32")[1], name=f"x{i}") for i, spec in enumerate(specs)
    ]
    try:
        outputs = call(*tensors)
    except (ValueError, IndexError, TypeError, AttributeError):  # Keras refuses the call
        assume(False)
        raise
    compare(live.read(keras.Function(tensors, outputs, name="function")))


@pytest.mark.parametrize(
    ("kind", "arguments", "shape"),
    [
        ("ops.pad", {"pad_width": ((1, 1), (1, 1))}, (4, 6, 2)),
        ("ops.pad", {"pad_width": ((-1, 1),)}, (4, 6)),
        ("ops.repeat", {"repeats": (1, 2), "axis": 0}, (4, 6)),
        ("ops.repeat", {"repeats": 2, "axis": 3}, (4, 6)),
        ("ops.repeat", {"repeats": -2, "axis": 0}, (4, 6)),
        ("ops.tile", {"repeats": "x"}, (4, 6)),
        ("ops.swapaxes", {"axis1": 0, "axis2": 2}, (4, 6)),
        ("ops.moveaxis", {"source": (0,), "destination": (0, 1)}, (4, 6)),
        ("ops.sort", {"axis": 2}, (4, 6)),
        ("ops.broadcast_to", {"shape": (5, 6)}, (4, 6)),
        ("ops.one_hot", {"num_classes": 3, "axis": 2, "dtype": "float32"}, (4, 6)),
        ("ops.one_hot", {"num_classes": 0, "dtype": "float32"}, (4, 6)),
        ("ops.unstack", {"axis": 0}, (None, 6)),
        ("ops.unstack", {"axis": 0, "num": 10**30}, (None, 6)),
        ("ops.depth_to_space", {"block_size": 2}, (None, 4, 4, 3)),
        ("ops.space_to_depth", {"block_size": 2}, (None, 5, 4, 3)),
        ("ops.image.resize", {"size": (0, 5)}, (None, 5, 4, 3)),
        ("ops.max_pool", {"pool_size": 7}, (None, 5, 4, 3)),
    ],
)
def test_nothing_is_inferred_of_a_call_that_keras_refuses(kind: str, arguments: dict[str, Any], shape: Any) -> None:
    from kgraph.ops.catalog import entry

    known = entry(kind)
    first = next(iter(known.call)) if known else "x"
    call = Call(kind, FrozenDict(), FrozenDict({first: Slot(0), **arguments}), (Spec(shape, "float32"),))
    assert infer_specs(call) is None
