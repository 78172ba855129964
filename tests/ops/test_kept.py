"""Which axes keep their extent at every size: the reference is what Keras gives when it runs, on small arrays."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgraph.graph import FrozenDict, Graph, Op, Slot, Spec
from kgraph.ops import call_of, complete, kept, kept_axes, reason
from kgraph.ops.elementwise import UNARY
from kgraph.ops.reducing import DTYPES as REDUCTIONS
from tests.ops import kept_examples
from tests.ops.test_layers import FAMILIES, Example, load, of, recorded, shape_of
from tests.ops.test_operations import OPTIONS, axes_of, operation

RANDOM = st.randoms(use_true_random=False)
SIZES = (1, 2, 3, 4, 5, 7, 8)


def unary(random: Random) -> Example:
    name = random.choice(UNARY)
    options = OPTIONS.get(name, {})
    return (lambda x: operation(name)(x, **options)), [(shape_of(random, (2, 3)), "float32")]


def reduction(random: Random) -> Example:
    name = random.choice(sorted(name for name in REDUCTIONS if "arg" not in name and name != "count_nonzero"))
    shape = shape_of(random, (2, 3, 4))
    options: dict[str, Any] = {"axis": axes_of(random, len(shape))}
    if name != "count_nonzero":  # the one that cannot keep the axes
        options["keepdims"] = random.choice((True, False))
    return (lambda x: operation(name)(x, **options)), [(shape, "float32")]


def transpose(random: Random) -> Example:
    shape = shape_of(random, (2, 3, 4))
    axes = random.choice((None, random.sample(range(len(shape)), len(shape))))
    return (lambda x: operation("transpose")(x, axes)), [(shape, "float32")]


def expand(random: Random) -> Example:
    axis = random.choice((0, -1, 1, (0, -1), (0, 2)))
    return (lambda x: operation("expand_dims")(x, axis)), [(shape_of(random, (2, 3)), "float32")]


def squeeze(random: Random) -> Example:
    shape = tuple(random.choice((1, 1, 2, None)) for _ in range(random.choice((1, 2, 3))))
    axis = axes_of(random, len(shape))
    return (lambda x: operation("squeeze")(x, axis)), [(shape, "float32")]


def split(random: Random) -> Example:
    shape = shape_of(random, (2, 3), (None, 4, 6))
    axis, name = random.randrange(len(shape)) - random.choice((0, len(shape))), random.choice(("split", "array_split"))
    return (lambda x: operation(name)(x, 2, axis=axis)), [(shape, "float32")]


def take(random: Random) -> Example:
    shape = shape_of(random, (2, 3))
    axis = random.choice((None, random.randrange(len(shape)) - random.choice((0, len(shape)))))
    indices = random.choice((0, [0, 0], [[0, 0], [0, 0]], load("numpy").zeros((2, 1), "int32")))
    return (lambda x: operation("take")(x, indices, axis=axis)), [(shape, "float32")]


def join(random: Random) -> Example:
    name, shape = random.choice(("concatenate", "stack")), shape_of(random, (2, 3))
    axis = random.randrange(len(shape)) - random.choice((0, len(shape)))
    count = random.choice((1, 2, 3))
    return (lambda *xs: operation(name)(list(xs), axis=axis)), [(shape, "float32")] * count


def subscript(random: Random) -> Example:
    parts = [random.choice((slice(None), slice(0, None), slice(1, None), slice(None, None, -1), 0, slice(0, 2)))]
    key = random.choice(((*parts, ...), (..., *parts), (..., None, *parts), (None, *parts), (slice(None), *parts)))
    return (lambda x: x[key]), [(shape_of(random, (2, 3)), "float32")]


def rescaling(random: Random) -> Example:
    np = load("numpy")
    scale = random.choice((2.0, [1.0, 2.0], np.ones((2, 2)), [[1.0], [2.0]]))
    made = of("Rescaling", scale=scale, offset=random.choice((0.0, [1.0])))
    return made, [(shape_of(random, (2, 3)), "float32")]


def cast(random: Random) -> Example:
    return (lambda x: operation("cast")(x, "float16")), [(shape_of(random, (2, 3)), "float32")]


OPERATIONS = (unary, reduction, transpose, expand, squeeze, split, take, join, subscript, rescaling, cast)


def given_shapes(call: Callable[..., Any], shapes: list[tuple[int, ...]], specs: list[Any]) -> list[Any]:
    """The shapes that Keras gives; where it cannot run the call here, those that it infers."""
    keras = load("keras")
    try:
        found = call(*(keras.ops.ones(shape, spec[1]) for shape, spec in zip(shapes, specs, strict=True)))
    except (ValueError, TypeError):
        assume(False)
    except Exception:  # TensorFlow has no kernels for channels_first on a CPU
        symbolic = [keras.Input(batch_shape=shape, dtype=spec[1]) for shape, spec in zip(shapes, specs, strict=True)]
        try:
            found = call(*symbolic)
        except ValueError:
            assume(False)
    return [tuple(tensor.shape) for tensor in keras.tree.flatten(found)]


def resized(random: Random, specs: list[Any]) -> list[tuple[int, ...]]:
    """Sizes in place of the open ones; the same where they are the same in several tensors, mostly."""
    sizes = [random.choice(SIZES) for _ in range(8)]
    alike = random.random() < 0.7
    return [
        tuple(size if size is not None else sizes[axis] if alike else random.choice(SIZES) for axis, size in enumerate(spec[0]))
        for spec in specs
    ]  # fmt: skip


def call_node(graph: Graph) -> tuple[str, Op]:
    return next((node, op) for node, op in reversed(list(graph.ops.items())) if not op.is_input)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("family", (*FAMILIES, *OPERATIONS, *kept_examples.FAMILIES))
@given(random=RANDOM)
@settings(max_examples=40)
def test_kept_axes_have_the_extent_of_their_origin_at_every_size(
    family: Callable[[Random], Example], random: Random
) -> None:
    call, specs = family(random)
    graph = recorded(call, *specs)
    node, op = call_node(graph)
    claims = [kept(op, graph.operand_specs(node), out) for out in range(len(op.outputs))]
    assert [len(claim) for claim in claims] == [len(spec.shape or ()) for spec in op.outputs]
    for rank in range(6):  # that of what a file records, which may be anything
        assert len(kept_axes(call_of(op, graph.operand_specs(node)), rank)) == rank
    sizes = resized(random, specs)
    found = given_shapes(call, sizes, specs)
    for claim, shape in zip(claims, found, strict=True):
        for axis, origin in enumerate(claim):
            if origin is not None:
                assert shape[axis] == sizes[origin[0]][origin[1]], (op, sizes, shape, claim)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("family", (*FAMILIES, *OPERATIONS, *kept_examples.FAMILIES))
@given(random=RANDOM)
@settings(max_examples=15)
def test_reasons_are_words(family: Callable[[Random], Example], random: Random) -> None:
    call, specs = family(random)
    graph = recorded(call, *specs)
    node, op = call_node(graph)
    for axis in range(6):
        words = reason(call_of(op, graph.operand_specs(node)), axis)
        assert isinstance(words, str)
        assert words == words.strip()


def kept_by(kind: str, config: dict[str, Any], *shapes: Any, arguments: dict[str, Any] | None = None) -> Any:
    """The claim for a call on tensors of these shapes, the output of the shape of the first."""
    slots: Any = Slot(0) if len(shapes) == 1 else tuple(map(Slot, range(len(shapes))))
    op = Op(
        kind,
        None,
        complete(kind, FrozenDict(config)) if config else FrozenDict(),
        FrozenDict({"inputs": slots, **(arguments or {})}),
        (),
        (Spec(shapes[0], "float32"),),
    )
    return kept(op, tuple(Spec(shape, "float32") for shape in shapes))


@pytest.mark.parametrize("config", [FrozenDict(), complete("layers.ReLU", FrozenDict())], ids=["untold", "told"])
def test_nothing_is_kept_where_a_rank_is_unknown(config: FrozenDict) -> None:
    op = Op("layers.ReLU", None, config, FrozenDict(inputs=Slot(0)), (), (Spec((None, 4), "float32"),))
    assert kept(op, (Spec((None, 4), "float32"),)) == ((0, 0), (0, 1))
    assert kept(op, (Spec(None, "float32"),)) == (None, None)
    assert kept(op, (Spec((), "float32"),)) == (None, None)
    op = Op("layers.ReLU", None, config, FrozenDict(inputs=Slot(0)), (), (Spec(None, "float32"),))
    assert kept(op, (Spec((None, 4), "float32"),)) == ()


CONV = {"filters": 4, "groups": 1, "kernel_size": (1, 1), "strides": (1, 1), "dilation_rate": (1, 1), "padding": "same"}


def test_nothing_is_kept_by_what_may_broadcast() -> None:
    assert kept_by("layers.ReLU", {}, (None, 4)) == ((0, 0), (0, 1))
    assert kept_by("layers.ReLU", {}, (None, 4), (None, 4)) == (None, None)
    assert kept_by("layers.Activation", {"activation": "glu"}, (None, 4)) == ((0, 0), None)
    assert kept_by("layers.Conv2D", {**CONV, "data_format": "channels_first", "activation": "glu"}, (None, 3, 8, 8)) == (
        (0, 0), None, (0, 2), None,
    )  # fmt: skip
    assert kept_by("layers.Rescaling", {"scale": FrozenDict(), "offset": 0.0}, (None, 4)) == (None, None)


def test_squeezing_all_that_is_1_depends_on_the_open_sizes() -> None:
    def claims(shape: Any, rest: Any) -> Any:
        op = Op("ops.squeeze", None, FrozenDict(), FrozenDict(x=Slot(0)), (), (Spec(rest, "float32"),))
        return kept(op, (Spec(shape, "float32"),))

    assert claims((None, 1, 4), (None, 4)) == (None, None)
    assert claims((2, 1, 4), (2, 4)) == ((0, 0), (0, 2))
