"""Symbolic shapes: what every extent is at every size, and which sizes a call takes.

An extent is an int or an expression in open sizes: the batch ``B``, those of the inputs' axes, and one of its own for
each axis that nothing but itself is known to equal. The rules of ``ops/`` compute them, by cases (``cases``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import cast

from kgraph.analysis.cases import cases
from kgraph.analysis.expressions import Expression, Extent, TooHardError, largest, minus, plus, symbol
from kgraph.analysis.formulas import ALWAYS, NEVER, Formula, Test, at_least, equal, every, joined, some
from kgraph.analysis.inferring import is_read
from kgraph.analysis.integers import implies
from kgraph.analysis.parts import weight
from kgraph.graph import Constant, FrozenDict, Graph, Op, Spec, Value, memoised
from kgraph.ops import (
    Call,
    Origin,
    call_of,
    infer_specs,
    is_exact,
    kept,
    knowledge,
    may_fail,
    pinned_axes,
    refusal,
    runs,
)
from kgraph.ops import kept_axes as rule_kept_axes
from kgraph.ops.base import no_specs
from kgraph.ops.elementwise import line_up, merge_operands

BATCH = symbol(None, 0)
HEAVIEST = 128
"""Atoms of which an extent may be made; what would be written with more is a size of its own."""

ABSENT = -1
"""In place of an extent where an operand of a merge has no such axis."""

Extents = tuple[Extent, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one call at every size.

    Attributes:
        outputs: the extents of each output; None where the rank is unknown.
        works: the sizes at which Keras makes the call and runs it, neither raises, and no output that is read is empty;
            of those that its operands take.
        told: False where open sizes enter, and no rule tells what becomes of them and when it raises.
        refusal: in a person's words why Keras raises on the call however it is sized; empty where it does not.
    """

    outputs: tuple[Extents | None, ...]
    works: Formula = ALWAYS
    told: bool = True
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand of a merge: its value (None for an array constant) and its extents (None: unknown rank)."""

    value: Value | None
    extents: Extents | None


def extents(graph: Graph, value: Value) -> Extents | None:
    """The symbolic shape of a value; None where its rank is unknown."""
    return measured(graph)[value.node].outputs[value.out]


def merge_inputs(graph: Graph, node: str) -> tuple[Operand, ...]:
    """The tensors and array constants that a merge joins, in order."""
    return _operands(graph.ops[node], graph.operands[node], measured(graph))


def lined_up(op: Op, operands: tuple[Operand, ...]) -> tuple[tuple[Extent, ...], ...] | None:
    """The extents of a merge's operands axis by axis of the output, ABSENT where one has no such axis."""
    shapes = [operand.extents for operand in operands]
    if None in shapes or not shapes:
        return None
    how = knowledge(op.kind).merge or "numpy"
    return tuple(zip(*line_up(tuple(shapes), how), strict=True))  # type: ignore[arg-type]  # pyright: ignore


@memoised
def measured(graph: Graph) -> Mapping[str, Measured]:
    """Every call's extents and the sizes that it takes, by node."""
    found: dict[str, Measured] = {}
    memo: dict[object, Measured | None] = {}
    for node, op in graph.ops.items():
        if op.is_input:
            found[node] = Measured((_input_extents(node, op),))
        elif knowledge(op.kind).merge:
            found[node] = _merged(graph, node, _operands(op, graph.operands[node], found))
        else:
            shapes = tuple(found[value.node].outputs[value.out] for value in graph.operands[node])
            found[node] = _called(graph, node, op, shapes, memo)
    return found


def kept_axes(graph: Graph, value: Value) -> tuple[Origin, ...]:
    """Per axis the operand and axis whose extent it has; asked for several times a value, so it is remembered."""
    found, op = _origins(graph), graph.ops[value.node]
    if value not in found:
        specs = graph.operand_specs(value.node)
        like = (op.kind, id(op.config), op.arguments, specs, op.outputs[value.out].shape)
        if like not in found:  # calls that are alike keep alike
            found[like] = kept(op, specs, value.out)
        found[value] = found[like]
    return found[value]


@memoised
def _origins(_: Graph) -> dict[object, tuple[Origin, ...]]:
    return {}


def _input_extents(node: str, op: Op) -> Extents | None:
    shape = op.outputs[0].shape
    if shape is None:
        return None
    value = Value(node)
    return tuple(
        size if size is not None else BATCH if axis == 0 else symbol(value, axis) for axis, size in enumerate(shape)
    )


def _operands(op: Op, operands: tuple[Value, ...], found: Mapping[str, Measured]) -> tuple[Operand, ...]:
    return tuple(
        Operand(None, item.shape)
        if isinstance(item, Constant)
        else Operand(operands[item.index], found[operands[item.index].node].outputs[operands[item.index].out])
        for item in merge_operands(op.arguments)
    )


def _merged(graph: Graph, node: str, operands: tuple[Operand, ...]) -> Measured:
    """A merge: what its operands say wins over the record, which can forget a batch (1 + B)."""
    op = graph.ops[node]
    axes, recorded = lined_up(op, operands), op.outputs[0].shape
    if axes is None or (recorded is not None and len(recorded) != len(axes)):
        return Measured((_recorded(graph, Value(node), ()),), told=axes is not None)
    met = [_met(row) for row in axes]
    return Measured((tuple(extent for extent, _ in met),), every(works for _, works in met))


def _met(row: tuple[Extent, ...]) -> tuple[Extent, Formula]:
    """The extent of one axis of a merge, and where its operands' extents can meet."""
    others = list(dict.fromkeys(extent for extent in row if extent not in (1, ABSENT)))
    if len(others) < 2:
        return (others[0] if others else 1), ALWAYS
    fixed = [extent for extent in others if isinstance(extent, int)]
    if len(fixed) > 1:
        return fixed[0], NEVER
    if fixed:
        parts = [some((equal(extent, fixed[0]), equal(extent, 1))) for extent in others if extent != fixed[0]]
        return fixed[0], every(parts)
    pairs = [(left, right) for index, left in enumerate(others) for right in others[:index]]
    works = every(some((equal(left, right), equal(left, 1), equal(right, 1))) for left, right in pairs)
    return largest(tuple(others)), works


def _called(
    graph: Graph, node: str, op: Op, shapes: tuple[Extents | None, ...], memo: dict[object, Measured | None]
) -> Measured:
    """Any other call: as Keras recorded it where nothing is open but a batch that is kept, else as its rule has it."""
    recorded = tuple(_recorded(graph, Value(node, out), shapes) for out in range(len(op.outputs)))
    why = _refusal(graph, node, op)
    if why is not None:
        return Measured(recorded, NEVER, refusal=why)
    settled = _is_fixed(shapes) or (_is_batched(shapes) and all(shape and shape[0] == BATCH for shape in recorded))
    if settled and not may_fail(op.kind):
        empty = any(0 in shape for shape, read in zip(recorded, is_read(graph, node), strict=True) if shape and read)
        return Measured(recorded, NEVER if empty else ALWAYS)
    read = is_read(graph, node)
    key = (op.kind, _same_config(graph, op), op.arguments, shapes, read)
    if key not in memo:
        dtypes = (spec.dtype for spec in graph.operand_specs(node))
        memo[key] = by_rule(op, tuple(map(_spec, shapes, dtypes)), read)
    ruled = memo[key]
    if ruled is not None and not ruled.outputs and infer_specs(call_of(op, graph.operand_specs(node))) is not None:
        return Measured(recorded, NEVER)
    if ruled is None or list(map(_rank, ruled.outputs)) != list(map(_rank, recorded)):
        exact = is_exact(call_of(op, graph.operand_specs(node))) and not may_fail(op.kind) and not _is_opaque(op)
        return Measured(recorded, told=exact and not any(map(_is_open, shapes)) and not _is_batch_pinned(shapes))
    outputs = tuple(map(_settled, op.outputs, recorded, ruled.outputs))
    if not knowledge(op.kind).pins:
        return Measured(outputs, ruled.works)
    call = call_of(op, graph.operand_specs(node))
    pinned = (_pinned(call, *each) for each in zip(op.outputs, ruled.outputs, strict=True))
    return Measured(outputs, every((ruled.works, *pinned)))


def _same_config(graph: Graph, op: Op) -> int:
    """The identity of the first config that is equal: many calls share one, and to hash it takes longer than a rule."""
    seen, firsts = _configs(graph)
    if id(op.config) not in seen:
        seen[id(op.config)] = firsts.setdefault(op.config, id(op.config))
    return seen[id(op.config)]


@memoised
def _configs(_: Graph) -> tuple[dict[int, int], dict[FrozenDict, int]]:
    return {}, {}


def _refusal(graph: Graph, node: str, op: Op) -> str | None:
    """Why Keras raises on a call; it did not on one whose outputs are recorded, or whose weights are known as well."""
    recorded, built = all(spec.shape is not None for spec in op.outputs), op.weights is not None
    if recorded and built:
        return None
    call = call_of(op, graph.operand_specs(node))
    return None if recorded and infer_specs(call) is None else refusal(call, built=built)


def _recorded(graph: Graph, value: Value, shapes: tuple[Extents | None, ...]) -> Extents | None:
    """The recorded shape; what is open in it is that of the operand whose extent it has, else a size of its own."""
    shape = graph.spec(value).shape
    if shape is None:
        return None
    if None not in shape:
        return shape  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
    origins = kept_axes(graph, value)
    return tuple(
        _passed(value, axis, origins[axis], shapes) if size is None else size for axis, size in enumerate(shape)
    )


def _passed(value: Value, axis: int, origin: Origin, shapes: tuple[Extents | None, ...]) -> Extent:
    """The extent of the operand's axis that an open one is known to have, else a size of its own."""
    source = None if origin is None else shapes[origin[0]]
    return symbol(value, axis) if source is None or origin is None else source[origin[1]]


def _settled(spec: Spec, recorded: Extents | None, ruled: Extents | None) -> Extents | None:
    """A number that Keras recorded stands; the rule says what is open."""
    if spec.shape is None or recorded is None or ruled is None:
        return recorded
    return tuple(said if size is None else size for size, said in zip(spec.shape, ruled, strict=True))


def _pinned(call: Call, recorded: Spec, ruled: Extents | None) -> Formula:
    """Where the extents that a rule gives are the numbers that the call was told."""
    shape, extents = recorded.shape or (), ruled or ()
    pairs = [(shape[axis], extents[axis]) for axis in pinned_axes(call, len(shape))]
    return every([equal(extent, size) for size, extent in pairs if size is not None])


def _is_opaque(op: Op) -> bool:
    """True for an operation of Keras' own without a rule: how much it gives may depend on values, and on the batch."""
    return op.kind.startswith("ops.") and knowledge(op.kind).specs is no_specs


def _is_batch_pinned(shapes: tuple[Extents | None, ...]) -> bool:
    """True where a batch may have to be a number: of two tensors of as many axes, one has it and one a number."""
    first = {len(shape): {each[0] for each in shapes if each and len(each) == len(shape)} for shape in shapes if shape}
    return any(BATCH in extents and not extents <= {BATCH, 1} for extents in first.values())


def _is_fixed(shapes: tuple[Extents | None, ...]) -> bool:
    """True if nothing that enters is open."""
    return all(shape is not None and all(type(extent) is int for extent in shape) for shape in shapes)


def _is_batched(shapes: tuple[Extents | None, ...]) -> bool:
    """True for one tensor of which nothing but the batch is open: of two, the batch of one may meet another axis."""
    first = shapes[0] if len(shapes) == 1 else None
    return bool(first) and first[:1] == (BATCH,) and all(type(extent) is int for extent in first[1:])


def _is_open(shape: Extents | None) -> bool:
    return shape is None or any(type(extent) is not int for extent in shape[1:]) or not _is_batch(shape)


def _is_batch(shape: Extents) -> bool:
    return not shape or type(shape[0]) is int or shape[0] == BATCH


def _rank(shape: Extents | None) -> int | None:
    return None if shape is None else len(shape)


def _spec(shape: Extents | None, dtype: str) -> Spec:
    return Spec(shape, dtype)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def by_rule(op: Op, specs: tuple[Spec, ...], read: tuple[bool, ...] = ()) -> Measured | None:
    """What the rule of a kind makes of open sizes: where it gives specs, Keras makes the call.

    ``read`` says which outputs are: the others may be empty.

    Without outputs where it gives specs at no size: then Keras raises, or the rule cannot tell. None where it is asked
    for what only numbers can answer, or its shapes at different sizes cannot be said as one.
    """
    call = Call(op.kind, op.config, op.arguments, specs)
    if not is_exact(call):
        return None
    # No operand is empty: where one is, what made it does not work.
    entering = dict.fromkeys(extent for spec in specs for extent in spec.shape or () if isinstance(extent, Expression))
    facts = (minus(extent, 1) for extent in entering)
    ways = cases(lambda: _inferred(call), tuple(Test(each, ">=") for each in facts if isinstance(each, Expression)))
    made = [(way.condition, _shapes(way.result)) for way in ways or () if way.result is not None]
    good = [(where, shapes) for where, shapes in made if not any(map(_is_empty, _those(shapes, read)))]
    if ways and not good:
        return Measured((), NEVER)
    if not good or len({tuple(map(_rank, shapes)) for _, shapes in good}) != 1:
        return None
    outputs = [_united([(where, shapes[out]) for where, shapes in good]) for out in range(len(good[0][1]))]
    if any(weight(extent) > HEAVIEST for shape in outputs for extent in shape or ()):
        return None
    filled = [at_least(extent, 1) for shape in _those(tuple(outputs), read) for extent in shape or ()]
    return None if None in outputs else Measured(tuple(outputs), every((joined([where for where, _ in good]), *filled)))


def _those(shapes: tuple[Extents | None, ...], read: tuple[bool, ...]) -> tuple[Extents | None, ...]:
    """The shapes of the outputs that are read."""
    return tuple(compress(shapes, read)) if len(read) == len(shapes) else shapes


def _shapes(specs: tuple[Spec, ...]) -> tuple[Extents | None, ...]:
    """The shapes that a rule gave: their extents are expressions where its operands' were."""
    return tuple(cast("Extents | None", spec.shape) for spec in specs)


def _inferred(call: Call) -> tuple[Spec, ...] | None:
    """Output specs of a call that runs; an extent that Keras forgets is that of the operand which it has at every
    size."""
    found = infer_specs(call)
    running = found is None or runs(call)
    if running is None:
        raise TooHardError("whether a call runs depends on more than sizes")
    if not running:
        return None
    if found is None or all(None not in (spec.shape or ()) for spec in found):
        return found
    return tuple(Spec(_remembered(call, spec.shape or ()), spec.dtype) for spec in found)


def _remembered(call: Call, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    shapes = [spec.shape or () for spec in call.operands]
    origins = rule_kept_axes(call, len(shape))
    return tuple(
        shapes[origin[0]][origin[1]] if extent is None and origin is not None else extent
        for extent, origin in zip(shape, origins, strict=True)
    )


def _is_empty(shape: Extents | None) -> bool:
    """True where an output has no elements: such a way does not work, and its shape is of no account."""
    return any(type(extent) is int and extent < 1 for extent in shape or ())


def _united(ways: list[tuple[Formula, Extents | None]]) -> Extents | None:
    """One shape that holds on every way; None where there is none."""
    if any(shape is None for _, shape in ways):
        return None
    axes = zip(*(shape or () for _, shape in ways), strict=True)
    united = [_one_extent([where for where, _ in ways], list(axis)) for axis in axes]
    return None if None in united else tuple(extent for extent in united if extent is not None)


def _one_extent(conditions: list[Formula], extents: list[Extent]) -> Extent | None:
    """An extent that is, where each condition holds, the one that goes with it: one of them, or the most or least."""
    different = list(dict.fromkeys(extents))
    if len(different) == 1:
        return different[0]
    most = largest(tuple(different))
    least = minus(plus(different[0], different[1]), most) if len(different) == 2 else most
    for candidate in (*different, most, least):
        if all(implies(where, equal(candidate, each)) for where, each in zip(conditions, extents, strict=True)):
            return candidate
    return None
