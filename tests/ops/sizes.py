"""One call at many sizes: what kgraph says of it with some extents open, and what Keras does at each of the sizes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from kgraph.analysis.evaluating import value_at
from kgraph.analysis.expressions import Extent, Symbol, symbol
from kgraph.analysis.extents import Measured, by_rule, measured
from kgraph.analysis.formulas import every, holds, open_sizes
from kgraph.analysis.parts import symbols
from kgraph.frontends import live
from kgraph.graph import Graph, Op, Spec, Value, values
from kgraph.ops import call_of, infer_specs, knowledge, runs
from tests.ops.flavours import flavour
from tests.ops.test_layers import Example, load

Shapes = tuple[tuple[int | None, ...], ...]
REFUSED: Shapes = ()
"""In place of the shapes of outputs: the call raises, or an output is empty."""

OFTEN = (1, 2, 3, 4, 5, 6, 7, 8)
FAR = (9, 12, 13, 16, 24, 31, 64)


@dataclass(frozen=True, slots=True)
class Pair:
    """One call at one choice of sizes, and what each side says of it; None where kgraph does not say.

    Attributes:
        found: what comes out when Keras runs the call, or what it builds where that is not tried.
        built: what Keras builds; now and then it is not what comes out.
    """

    kinds: tuple[str, ...]
    call: str
    entering: Shapes
    said: Shapes | None
    found: Shapes
    built: Shapes

    @property
    def answer(self) -> str:
        """``untold``, ``right``, ``wrong``, or ``inconsistent``: Keras' record, which is not what comes out."""
        if self.said is None:
            return "untold"
        if alike(self.said, self.found):
            return "right"
        return "inconsistent" if self.found and alike(self.said, self.built) else "wrong"


def alike(said: Shapes, found: Shapes) -> bool:
    """True if the shapes are the same; Keras forgets an extent now and then, even of a fixed size."""
    return list(map(len, said)) == list(map(len, found)) and all(
        other in (None, extent)
        for shape, others in zip(said, found, strict=True)
        for extent, other in zip(shape, others, strict=True)
    )


def pairs(example: Example, random: Random, count: int = 6) -> Iterator[Pair]:
    """The call at several sizes: with the record's open sizes, and with some of the fixed ones open as well."""
    call, inputs = example
    function = function_of(call, inputs)
    if function is None:
        return
    graph = live.read(function)
    if any(knowledge(op.kind).merge == "layer" for op in graph.ops.values()):
        yield from _of_graph(graph, lambda shapes: by_running(function, inputs, shapes), inputs, random, count)
        return
    yield from _of_graph(graph, lambda shapes: by_keras(call, inputs, shapes), inputs, random, count)
    op = only(graph)
    if op is not None and not knowledge(op.kind).merge and op.kind not in flavour().by_record:
        yield from _of_rule(op, call, inputs, random, count)


def recorded(call: Callable[..., Any], inputs: list[Any]) -> Graph | None:
    """What Keras records of the call; None where it refuses."""
    function = function_of(call, inputs)
    return None if function is None else live.read(function)


def function_of(call: Callable[..., Any], inputs: list[Any]) -> Any:
    keras = load("keras")
    tensors = [
        keras.Input(batch_shape=spec[0], dtype=(*spec, "float32")[1], name=f"x{i}") for i, spec in enumerate(inputs)
    ]
    outputs = _outputs(call, tensors)
    return None if outputs is None else flavour().function(tensors, outputs, name="function")


def _outputs(call: Callable[..., Any], tensors: list[Any]) -> Any:
    """What Keras makes of the call; None where it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(*tensors)
        except Exception:  # whatever stops it is a refusal
            return None


def only(graph: Graph) -> Op | None:
    """The one call of a graph that uses its inputs once each, in order."""
    calls = [node for node, op in graph.ops.items() if not op.is_input]
    inputs = [Value(node) for node, op in graph.ops.items() if op.is_input]
    plain = len(calls) == 1 and graph.operands[calls[0]] == tuple(sorted(inputs, key=lambda value: value.node))
    return graph.ops[calls[0]] if plain else None


@dataclass(frozen=True, slots=True)
class Try:
    """What Keras builds at some sizes, and what comes out when it runs (None: nothing, or it was not tried)."""

    built: Shapes
    ran: Shapes | None


def settled(
    kinds: tuple[str, ...], words: str, asked: list[tuple[Shapes, Shapes | None]], truth: Callable[[Shapes], Try]
) -> Iterator[Pair]:
    """What each side says at several sizes.

    Where a call runs at none of them, something else than sizes may stop it (the dtype, the device): then only what
    Keras builds is compared, where kgraph says that it runs.
    """
    tries = [truth(shapes) for shapes, _ in asked]
    runs = any(each.ran is not None for each in tries)
    for (shapes, said), found in zip(asked, tries, strict=True):
        given = found.ran or REFUSED if runs else found.built
        if runs or said is not REFUSED or found.built is REFUSED:
            yield Pair(kinds, words, shapes, said, given, found.built)


def by_keras(call: Callable[..., Any], inputs: list[Any], shapes: Shapes) -> Try:
    """The shapes of the outputs that Keras gives the call at these sizes."""
    keras = load("keras")
    dtypes = [(*spec, "float32")[1] for spec in inputs]
    tensors = [keras.Input(batch_shape=shape, dtype=dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    outputs = _outputs(call, tensors)
    built = REFUSED if outputs is None else _shapes(outputs)
    if built is REFUSED:
        return Try(built, None)
    function = flavour().function(tensors, outputs)
    return Try(built, by_running(function, inputs, shapes).ran if _may_run(function) else None)


def by_running(function: Any, inputs: list[Any], shapes: Shapes) -> Try:
    """The shapes that come out of what Keras recorded when it runs: layers that merge stretch a batch then."""
    arrays = [_array(shape, (*spec, "float32")[1]) for shape, spec in zip(shapes, inputs, strict=True)]
    found = _outputs(function, [arrays])
    return Try(REFUSED, None) if found is None else Try(_shapes(found), _shapes(found))


def _may_run(function: Any) -> bool:
    """False for calls that bring TensorFlow down where they cannot run, and those that do nothing but in training."""
    names = ("Adaptive", "STFT", "Rand", "AugMix")
    return not any(operation.__class__.__name__.startswith(names) for operation in flavour().calls(function))


def _array(shape: tuple[int | None, ...], dtype: str) -> Any:
    """Numbers that stop no call: matrices that have an inverse, and places that are there."""
    import numpy as np

    if dtype == "string":
        return load("tensorflow").fill(shape, "a")
    sizes = [size or 1 for size in shape]
    is_matrix = len(sizes) > 1 and "float" in dtype
    numbers = np.broadcast_to(np.eye(sizes[-2], sizes[-1]), sizes) if is_matrix else np.zeros(sizes)
    return load("keras").ops.cast(numbers, dtype)


def _shapes(outputs: Any) -> Shapes:
    found = tuple(map(flavour().shape, flavour().flatten(outputs)))
    return REFUSED if any(0 in shape for shape in found) else found


# --- the open sizes of the record ---------------------------------------------------------------------------------


def _of_graph(
    graph: Graph, truth: Callable[[Shapes], Try], inputs: list[Any], random: Random, count: int
) -> Iterator[Pair]:
    known = measured(graph)
    names = [f"x{number}" for number in range(len(inputs))]
    entering = [known[name].outputs[0] or () if name in known else None for name in names]
    kinds = tuple(op.kind for op in graph.ops.values() if not op.is_input)
    whole = Measured(
        tuple(known[value.node].outputs[value.out] for value in values(graph.outputs)),
        every(each.works for each in known.values()),
        all(each.told for each in known.values()),
    )
    asked: list[tuple[Shapes, Shapes | None]] = []
    for _ in range(count):
        sizes: dict[Symbol, int] = {}
        shapes = tuple(
            _at(random, sizes, extents) if extents is not None else tuple(size or 2 for size in spec[0])
            for extents, spec in zip(entering, inputs, strict=True)
        )
        if _may_be_a_bias(kinds, shapes):
            continue
        asked.append((shapes, said_at(whole, sizes) if whole.told else None))
    yield from settled(kinds, "; ".join(map(_words, graph.ops.values())), asked, truth)


def _may_be_a_bias(kinds: tuple[str, ...], shapes: Shapes) -> bool:
    """True where Keras may add the second as a bias along axis 1, though it stands along another (test_symbolic)."""
    if not {"layers.Add", "layers.Average"} & set(kinds):
        return False
    second = {shape[1] for shape in shapes if len(shape) > 1}
    return any([extent for extent in shape if extent != 1] in ([size] for size in second) for shape in shapes[1:])


def _at(random: Random, sizes: dict[Symbol, int], extents: tuple[Extent, ...]) -> tuple[int, ...]:
    """A shape at random sizes; those that were chosen before stand."""
    for extent in extents:
        for each in symbols(extent):
            sizes.setdefault(each, _size(random, [*sizes.values()]))
    return tuple(value_at(extent, sizes) for extent in extents)


def _size(random: Random, near: list[int]) -> int:
    return random.choice(random.choice((OFTEN, OFTEN, near or OFTEN, FAR)))


def said_at(found: Measured, sizes: Mapping[Symbol, int]) -> Shapes | None:
    """What kgraph says of the outputs at these sizes; None where that depends on sizes of their own."""
    if not all(each in sizes for each in open_sizes(found.works)):
        return None
    if not holds(found.works, sizes):
        return REFUSED
    if any(shape is None or any(not symbols(extent) <= sizes.keys() for extent in shape) for shape in found.outputs):
        return None
    shapes = tuple(tuple(value_at(extent, sizes) for extent in shape or ()) for shape in found.outputs)
    return REFUSED if any(min(shape, default=1) < 1 for shape in shapes) else shapes


# --- other extents opened too -------------------------------------------------------------------------------------


def _of_rule(op: Op, call: Callable[..., Any], inputs: list[Any], random: Random, count: int) -> Iterator[Pair]:
    specs = tuple(Spec(spec[0], (*spec, "float32")[1]) for spec in inputs)
    wide, likely = opened(specs, random)
    found = by_rule(op, wide)
    if found is not None and not found.outputs and infer_specs(call_of(op, specs)) is None:
        found = None  # the rule cannot tell
    asked: list[tuple[Shapes, Shapes | None]] = []
    for _ in range(count):
        sizes = near(random, likely)
        asked.append((tuple(_fixed(spec, sizes) for spec in wide), None if found is None else said_at(found, sizes)))
    yield from settled((op.kind,), _words(op), asked, lambda shapes: by_keras(call, inputs, shapes))


def near(random: Random, likely: Mapping[Symbol, int]) -> dict[Symbol, int]:
    """Sizes, most of them those that fit."""
    return {each: random.choice((size, size, _size(random, [size]))) for each, size in likely.items()}


def opened(specs: tuple[Spec, ...], random: Random) -> tuple[tuple[Spec, ...], dict[Symbol, int]]:
    """The specs with symbols for what is open and for some of what is not, and a size for each that may well fit."""
    likely: dict[Symbol, int] = {}
    made: list[Spec] = []
    shared = random.random() < 0.5
    for number, spec in enumerate(specs):
        extents: list[Any] = []
        for axis, size in enumerate(spec.shape or ()):
            if size is not None and random.random() < 0.6:
                extents.append(size)
                continue
            name = symbol(Value("same" if shared and size is None else f"x{number}"), axis)
            extents.append(name)
            likely.setdefault(next(iter(symbols(name))), size or _size(random, []))
        made.append(Spec(tuple(extents), spec.dtype))
    return tuple(made), likely


def _fixed(spec: Spec, sizes: Mapping[Symbol, int]) -> tuple[int, ...]:
    """The shape, at given sizes, of a spec whose extents are symbols, which its type does not tell."""
    return tuple(value_at(extent, sizes) for extent in cast("tuple[Extent, ...]", spec.shape or ()))


def inferred_at(op: Op, specs: tuple[Spec, ...], sizes: Mapping[Symbol, int]) -> Shapes:
    """What the rule makes of the same call at given sizes."""
    call = call_of(op, tuple(Spec(_fixed(spec, sizes), spec.dtype) for spec in specs))
    found = infer_specs(call)
    if found is None or not runs(call) or any(0 in (spec.shape or ()) for spec in found):
        return REFUSED
    return tuple(spec.shape or () for spec in found)


def _words(op: Op) -> str:
    return f"{op.kind}({dict(op.config)}, {dict(op.arguments)})"
