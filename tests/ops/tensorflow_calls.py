"""Random calls of functions of TensorFlow, as a user of Keras 2 writes them: one family for each way to call them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from random import Random
from typing import Any

from kgraph.frontends import keras2_kinds
from tests.ops.test_layers import Example, load, shape_of
from tests.ops.test_operations import axes_of

OPEN = (None, None, 1, 2, 3, 4, 6)
LOGIC = frozenset(f"ops.logical_{name}" for name in ("and", "not", "or", "xor"))


@functools.cache
def symbols() -> dict[str, keras2_kinds.Operation]:
    """Every function that is read as an operation of Keras 3, by the name under which TensorFlow has it."""
    known = keras2_kinds._operations()  # pyright: ignore[reportPrivateUsage]
    return {symbol: each for symbol, each in known.items() if not symbol.startswith("__") and find(symbol) is not None}


def find(symbol: str) -> Any:
    """The function; None where this TensorFlow has it no more."""
    return functools.reduce(lambda found, part: getattr(found, part, None), symbol.split("."), load("tensorflow"))


def taking(*names: str) -> list[str]:
    """Symbols of the functions that take just these arguments, by Keras 3's names."""
    return [symbol for symbol, each in symbols().items() if tuple(each.names.values()) == names]


def of_kind(kind: str, random: Random) -> Any:
    return find(random.choice([symbol for symbol, each in symbols().items() if each.kind == f"ops.{kind}"]))


def tensor(random: Random, *ranks: int) -> tuple[int | None, ...]:
    return tuple(random.choice(OPEN) for _ in range(random.choice(ranks)))


def alike(random: Random, count: int, *ranks: int) -> list[Any]:
    """Shapes that may be broadcast: open and fixed sizes, ones, fewer axes."""
    full = [random.choice((2, 3)) for _ in range(random.choice(ranks))]
    return [
        tuple(random.choice((size, size, 1, None)) for size in full[random.choice((0, 0, 0, len(full) - 1)) :])
        for _ in range(count)
    ]


# --- element by element -------------------------------------------------------------------------------------------


def unary(random: Random) -> Example:
    symbol = random.choice(taking("x"))
    dtype = "bool" if symbols()[symbol].kind in LOGIC else "float32"
    return find(symbol), [(shape_of(random, (1, 2, 3)), dtype)]


def binary(random: Random) -> Example:
    symbol = random.choice(taking("x1", "x2"))
    kind = symbols()[symbol].kind
    if kind == "ops.matmul":
        return matmul(random)
    dtype = "bool" if kind in LOGIC else "float32"
    return find(symbol), [(shape, dtype) for shape in alike(random, 2, 1, 2, 3)]


OPERATORS = (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow, operator.lt, operator.le,
    operator.gt, operator.ge, operator.eq, operator.ne,
)  # fmt: skip


def operators(random: Random) -> Example:
    function = random.choice(OPERATORS)
    if random.random() < 0.2:
        function = random.choice((operator.and_, operator.or_, operator.xor))
        return function, [(shape, "bool") for shape in alike(random, 2, 1, 2, 3)]
    return function, [(shape,) for shape in alike(random, 2, 1, 2, 3)]


def beside_what_is_no_tensor(random: Random) -> Example:
    np = load("numpy")
    function = random.choice((*OPERATORS[:7], of_kind("add", random), of_kind("maximum", random)))
    other = random.choice((2.0, 3, np.ones((2, 3), "float32"), np.ones((3,), "float32"), np.ones((1, 2, 1), "float32")))
    call = random.choice((lambda x: function(x, other), lambda x: function(other, x)))
    return call, [(shape,) for shape in alike(random, 1, 1, 2, 3)]


def where(random: Random) -> Example:
    shapes = alike(random, 3, 1, 2, 3)
    scalar = random.choice((None, None, 0.0))
    if scalar is not None:
        return (lambda c, x: of_kind("where", Random(0))(c, x, scalar)), [(shapes[0], "bool"), (shapes[1],)]
    return of_kind("where", random), [(shapes[0], "bool"), (shapes[1],), (shapes[2],)]


def with_options(random: Random) -> Example:
    kind, options = random.choice((
        ("cast", {"dtype": "int32"}), ("clip", {"clip_value_min": 0.0, "clip_value_max": 1.0}), ("gelu", {"approximate": True}),
        ("gelu", {}), ("leaky_relu", {"alpha": 0.1}), ("leaky_relu", {}), ("silu", {}), ("silu", {"beta": 2.0}), ("zeros_like", {}),
        ("ones_like", {"dtype": "int32"}), ("stop_gradient", {}), ("softmax", {}), ("log_softmax", {"axis": 0}), ("softmax", {"axis": 1}),
    ))  # fmt: skip
    function = of_kind(kind, random)
    return (lambda x: function(x, **options)), [(shape_of(random, (1, 2, 3)),)]


# --- reductions ---------------------------------------------------------------------------------------------------


def reduction(random: Random) -> Example:
    symbol = random.choice(taking("x", "axis", "keepdims"))
    shape = tensor(random, 1, 2, 3)
    dtype = "bool" if symbols()[symbol].kind in ("ops.all", "ops.any") else "float32"
    axis, keepdims = axes_of(random, len(shape)), random.choice((True, False))
    return (lambda x: find(symbol)(x, axis=axis, keepdims=keepdims)), [(shape, dtype)]


def extreme(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    function, axis = of_kind(random.choice(("argmax", "argmin")), random), random.randrange(-len(shape), len(shape))
    return (lambda x: function(x, axis=axis, output_type="int32")), [(shape,)]


# --- shapes -------------------------------------------------------------------------------------------------------


def reshape(random: Random) -> Example:
    shape = random.choice(((None, 6), (4, 6), (None, 2, 3), (2, None, 4), (24,), (None,), (), (None, None, 3)))
    target = random.choice(((-1, 6), (24,), (4, 6), (2, -1, 3), (-1,), (2, 3, 4), (1, -1, 1), (), (-1, 1), (-1, 2, 2)))
    return (lambda x: of_kind("reshape", random)(x, target)), [(shape,)]


def transpose(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3, 4)
    order = random.choice((None, random.sample(range(len(shape)), len(shape)), [0, 2, 1]))
    return (lambda x: of_kind("transpose", random)(x, perm=order)), [(shape,)]


def one_axis(random: Random) -> Example:
    shape = tuple(random.choice((1, 1, 2, None)) for _ in range(random.choice((1, 2, 3))))
    if random.random() < 0.4:
        new = random.randrange(-len(shape) - 1, len(shape) + 1)
        return (lambda x: of_kind("expand_dims", random)(x, new)), [(shape,)]
    axis = axes_of(random, len(shape))
    return (lambda x: of_kind("squeeze", random)(x, axis)), [(shape,)]


def broadcast_to(random: Random) -> Example:
    target = random.choice(((4, 3), (2, 4, 3), (1, 4), (2, 2, 2)))
    return (lambda x: of_kind("broadcast_to", random)(x, target)), [(tensor(random, 1, 2, 3),)]


def pad(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    sizes = [[random.choice((0, 1)), random.choice((0, 2))] for _ in shape]
    options: dict[str, Any] = {"mode": random.choice(("CONSTANT", "CONSTANT", "REFLECT", "SYMMETRIC"))}
    if options["mode"] == "CONSTANT":
        options |= random.choice(({}, {"constant_values": 1.0}))
    return (lambda x: of_kind("pad", random)(x, sizes, **options)), [(shape,)]


def tile(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    counts = [random.choice((1, 2, 3)) for _ in shape]
    return (lambda x: of_kind("tile", random)(x, counts)), [(shape,)]


# --- parts --------------------------------------------------------------------------------------------------------


def split(random: Random) -> Example:
    shape = tuple(random.choice((None, None, 4, 6, 7)) for _ in range(random.choice((1, 2, 3))))
    axis = random.randrange(-len(shape), len(shape))
    parts = random.choice((1, 2, 3, [1, 3], [4], [2, 2], [1, -1], [2, 3, 1], [-1, 2]))
    return (lambda x: of_kind("split", random)(x, parts, axis=axis)), [(shape,)]


def unstack(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    axis, count = random.randrange(-len(shape), len(shape)), random.choice((None, None, 2))
    return (lambda x: of_kind("unstack", random)(x, count, axis)), [(shape,)]


def join(random: Random) -> Example:
    name, rank = random.choice(("concatenate", "stack")), random.choice((1, 2, 3))
    axis = random.randrange(-rank, rank)
    full = [random.choice((2, 3)) for _ in range(rank)]
    shapes = [
        tuple(
            random.choice((size, size, None)) if i != axis % rank or name == "stack" else random.choice(OPEN)
            for i, size in enumerate(full)
        )
        for _ in range(random.choice((1, 2, 3)))
    ]
    return (lambda *xs: of_kind(name, random)(list(xs), axis=axis)), [(shape,) for shape in shapes]


def gather(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    options: dict[str, Any] = {"axis": random.randrange(-len(shape), len(shape))} if random.random() < 0.8 else {}
    if random.random() < 0.4:
        taken = random.choice(((None,), (None, 3), (2,), ()))
        return (lambda x, i: of_kind("take", random)(x, i, **options)), [(shape,), (taken, "int32")]
    indices = random.choice((0, [0, 0], [[0, 0], [0, 0]], load("numpy").zeros((2, 1), "int32")))
    return (lambda x: of_kind("take", random)(x, indices, **options)), [(shape,)]


def subscript(random: Random) -> Example:
    shape = random.choice(((None, 4, 5), (2, None), (None, None, 3), (6,), (None, 7, None, 2)))
    bounds: tuple[Any, ...] = (None, None, 0, 1, 2, 3, 5, -1, -2, -4)
    parts: list[Any] = []
    for _ in range(random.randrange(1, len(shape) + 1)):
        step = random.choice((None, None, None, 1, 2, 3, -1, -2))
        parts.append(random.choice((slice(random.choice(bounds), random.choice(bounds), step), 0, -1, 2, slice(None))))
    parts[random.randrange(len(parts) + 1) : 0] = random.choice(([], [], [...], [None], [load("tensorflow").newaxis]))
    key = tuple(parts)
    return (lambda x: x[key]), [(shape,)]


# --- products and images ------------------------------------------------------------------------------------------


def matmul(random: Random) -> Example:
    left = tuple(random.choice((3, 3, None, 1)) for _ in range(random.choice((2, 2, 3, 4))))
    right = tuple(random.choice((3, 3, None, 1)) for _ in range(random.choice((2, 2, 3, 1))))
    function, options = of_kind("matmul", random), random.choice(({}, {}, {}, {"transpose_b": True}))
    return random.choice((lambda x, y: function(x, y, **options), operator.matmul)), [(left,), (right,)]


def einsum(random: Random) -> Example:
    equation, *shapes = random.choice((
        ("abc,cd->abd", (None, None, 4), (4, 5)), ("bqhd,bkhd->bhqk", (None, None, 2, 4), (None, None, 2, 4)),
        ("ij,ij->ij", (None, 3), (None, None)), ("abc->ca", (None, None, 4)), ("ij,j->ij", (None, None), (None,)),
        ("aij,ajk->aik", (None, None, None), (None, None, None)), ("ab,bc", (None, 3), (3, None)),
        ("...ij,...jk->...ik", (None, 2, 3), (None, 3, 4)), ("ab,ab->", (None, None), (None, None)),
    ))  # fmt: skip
    return (lambda *xs: of_kind("einsum", random)(equation, *xs)), [(shape,) for shape in shapes]


def resize(random: Random) -> Example:
    shape = random.choice(
        ((None, 8, None, 3), (None, None, 3), (8, None, 1), (None, 3, 4, 8), (None, None, None, None))
    )
    size = random.choice(((4, 5), (1, 1), (9, 2)))
    options: dict[str, Any] = random.choice(
        ({}, {}, {"method": "nearest"}, {"preserve_aspect_ratio": True}, {"antialias": True})
    )
    return (lambda x: of_kind("image.resize", random)(x, size, **options)), [(shape,)]


FAMILIES: tuple[Callable[[Random], Example], ...] = (
    unary, binary, operators, beside_what_is_no_tensor, where, with_options, reduction, extreme, reshape, transpose, one_axis, broadcast_to,
    pad, tile, split, unstack, join, gather, subscript, matmul, einsum, resize,
)  # fmt: skip
