"""Why an extent is what it is: the calls that made it, one out of the other, back to the input."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from kgraph.analysis.expressions import Expression, symbol
from kgraph.analysis.extents import (
    ABSENT,
    BATCH,
    Extents,
    Operand,
    by_rule,
    extents,
    kept_axes,
    measured,
    merge_inputs,
)
from kgraph.analysis.formulas import open_sizes
from kgraph.analysis.names import shown, shown_shape
from kgraph.analysis.origins import Origin, axis_names, reason
from kgraph.analysis.parts import symbols
from kgraph.analysis.requirements import requirements
from kgraph.analysis.verdict_words import label
from kgraph.analysis.verdicts import verdicts
from kgraph.errors import KgraphError
from kgraph.findings import Requirement, Verdict
from kgraph.graph import Graph, Spec, Value
from kgraph.ops import knowledge
from kgraph.ops.elementwise import line_up

LONGEST = 100
"""Steps of one chain that are followed."""

BRANCHES = 3
"""How often a chain may part into several."""

Place = tuple[Value, int]
"""An axis of a tensor."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call that fixed an extent.

    Attributes:
        value, axis: the tensor that it made, and which axis of it.
        extent: as in a Report; None where a size in it has no name.
        reason: what the call did: ``stride 2``, ``the input``.
        unchanged: how many calls behind it passed the extent on.
    """

    value: str
    axis: int
    extent: int | str | None
    reason: str
    unchanged: int


@dataclass(frozen=True, slots=True)
class Chain:
    """How an extent came about, from its last step back to its first.

    Attributes:
        steps: at least one.
        sources: where the first step made it of several extents, the chain of each.
        cut: True if it goes on, and was not followed.
    """

    steps: tuple[Step, ...]
    sources: tuple[Chain, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Strand:
    """One tensor (or ``constant``) that a call takes, and where the extent of one of its axes came from.

    ``chain`` is None for a constant, and where it has no such axis: then ``extent`` is None too.
    """

    value: str
    extent: int | str | None
    chain: Chain | None


@dataclass(frozen=True, slots=True)
class AxisStory:
    """One axis (of the output, for a merge): what it is called, and a Strand for each tensor that has to do with it."""

    axis: int
    name: str
    strands: tuple[Strand, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """All that is known of why a call works where it does."""

    node: str
    kind: str
    shape: tuple[int | str | None, ...] | None
    verdict: Verdict | None
    requirement: Requirement | None
    axes: tuple[AxisStory, ...]


def why(graph: Graph, node: str) -> Why:
    """The story of every axis that a verdict or a requirement is about; of any other call, that of its output.

    Raises:
        KgraphError: there is no such node.
    """
    check_node(graph, node)
    verdict = next((item for item in verdicts(graph) if item.node == node), None)
    requirement = next((item for item in requirements(graph) if item.node == node), None)
    tell = _merged if verdict is not None else _required if requirement is not None else _made
    shape = shown_shape(graph, extents(graph, Value(node)))
    return Why(node, graph.ops[node].kind, shape, verdict, requirement, tell(graph, node))


def check_node(graph: Graph, node: str) -> None:
    """Raises where there is no such node.

    Raises:
        KgraphError: with the ids that are spelled most alike.
    """
    if node in graph.ops:
        return
    close = difflib.get_close_matches(node[:200], graph.ops, n=3)
    meant = f"did you mean {' or '.join(close)}?" if close else "`kgraph show` writes out the graph"
    raise KgraphError(f"{graph.name} has no node {node!r}; {meant}")


def _merged(graph: Graph, node: str) -> tuple[AxisStory, ...]:
    """Per axis of a merge what its operands bring; without the batch where it is that of all."""
    rows = own_axes(graph, node)
    names = axis_names(graph, Value(node), len(rows[0][1]) if rows else 0)
    found: list[AxisStory] = []
    for axis, name in enumerate(names):
        strands = tuple(_operand_strand(graph, operand, own[axis]) for operand, own in rows)
        if axis or any(strand.extent != "B" for strand in strands):
            found.append(AxisStory(axis, name, strands))
    return tuple(found)


def own_axes(graph: Graph, node: str) -> tuple[tuple[Operand, tuple[int | None, ...]], ...]:
    """The operands of a merge, each with the number of its own axis for every axis of the output.

    None where it has no such axis; () where a rank is unknown.
    """
    operands = merge_inputs(graph, node)
    shapes = [operand.extents for operand in operands]
    if None in shapes or not shapes:
        return ()
    numbers = tuple(tuple(range(len(shape or ()))) for shape in shapes)
    lined_up = line_up(numbers, knowledge(graph.ops[node].kind).merge or "numpy")
    own = (tuple(None if axis == ABSENT else axis for axis in row) for row in lined_up)
    return tuple(zip(operands, own, strict=True))


def _operand_strand(graph: Graph, operand: Operand, own: int | None) -> Strand:
    if own is None:
        return Strand(label(operand), None, None)
    if operand.value is None:
        return Strand(label(operand), shown(graph, (operand.extents or ())[own]), None)
    return _strand(graph, operand.value, own)


def _required(graph: Graph, node: str) -> tuple[AxisStory, ...]:
    """Per axis the operands' extents that the condition is about; all but the batch where it is about no size."""
    about = set(open_sizes(measured(graph)[node].works))
    found: dict[int, list[Strand]] = {}
    rows = [(value, extents(graph, value) or ()) for value in dict.fromkeys(graph.operands[node])]
    for value, shape in rows:
        for axis, extent in enumerate(shape):
            if about & symbols(extent) if about else extent != BATCH:
                found.setdefault(axis, []).append(_strand(graph, value, axis))
    value, shape = max(rows, key=lambda row: len(row[1]), default=(Value(node), ()))
    names = axis_names(graph, value, len(shape))
    return tuple(AxisStory(axis, names[axis], tuple(strands)) for axis, strands in sorted(found.items()))


def _made(graph: Graph, node: str) -> tuple[AxisStory, ...]:
    value = Value(node)
    shape = extents(graph, value) or ()
    names = axis_names(graph, value, len(shape))
    return tuple(
        AxisStory(axis, names[axis], (_strand(graph, value, axis),))
        for axis, extent in enumerate(shape)
        if axis or extent != BATCH
    )


def _strand(graph: Graph, value: Value, axis: int) -> Strand:
    return Strand(str(value), shown(graph, (extents(graph, value) or ())[axis]), chain(graph, value, axis))


def chain(graph: Graph, value: Value, axis: int, branches: int = BRANCHES) -> Chain:
    """The Chain of one extent."""
    steps: list[Step] = []
    place, sources = (value, axis), ((value, axis),)
    while len(sources) == 1 and len(steps) < LONGEST:
        place, unchanged = _past(graph, sources[0])
        steps.append(_step(graph, place, unchanged))
        sources = _sources(graph, place)
    if len(sources) < 2 or not branches:
        return Chain(tuple(steps), cut=bool(sources))
    return Chain(tuple(steps), tuple(chain(graph, *source, branches - 1) for source in sources))


def _step(graph: Graph, place: Place, unchanged: int) -> Step:
    value, axis = place
    extent = (extents(graph, value) or ())[axis]
    op = graph.ops[value.node]
    words = reason(graph, Origin(value, axis)) or op.kind.rpartition(".")[2]
    if isinstance(extent, Expression) and extent.same(symbol(value, axis)) and not op.is_input:
        words = f"{words}: a size that only running the model tells"
    return Step(str(value), axis, shown(graph, extent), words, unchanged)


def _past(graph: Graph, place: Place) -> tuple[Place, int]:
    """Back to the call that fixed an extent, and how many calls passed it on."""
    passed = 0
    while (before := _passed_on(graph, place)) is not None:
        place, passed = before, passed + 1
    return place, passed


def _passed_on(graph: Graph, place: Place) -> Place | None:
    """Where a call has an extent from unchanged; of a merge, the first operand that has the same."""
    value, axis = place
    if not graph.operands[value.node]:
        return None
    if knowledge(graph.ops[value.node].kind).merge:
        own = (extents(graph, value) or ())[axis]
        same = (each for each in _joined(graph, place) if (extents(graph, each[0]) or ())[each[1]] == own)
        return next(same, None)
    origin = kept_axes(graph, value)[axis]
    return None if origin is None else (graph.operands[value.node][origin[0]], origin[1])


def _joined(graph: Graph, place: Place) -> tuple[Place, ...]:
    """The tensors whose extents meet in an axis of a merge, those that are 1 left out."""
    found: list[Place] = []
    for operand, numbers in own_axes(graph, place[0].node):
        own = numbers[place[1]]
        if operand.value is not None and own is not None and (operand.extents or ())[own] != 1:
            found.append((operand.value, own))
    return tuple(dict.fromkeys(found))


def _sources(graph: Graph, place: Place) -> tuple[Place, ...]:
    """The extents of which a call makes one: those that it changes with, as the call's rule has it."""
    value, axis = place
    op, operands = graph.ops[value.node], graph.operands[value.node]
    if knowledge(op.kind).merge:
        return _joined(graph, place)
    shapes = tuple(extents(graph, each) for each in operands)
    places = [(slot, number) for slot, shape in enumerate(shapes) for number in range(len(shape or ()))]
    found = [
        (operands[slot], number) for slot, number in places if _depends(graph, value, axis, shapes, (slot, number))
    ]
    return tuple(dict.fromkeys(found))


def _depends(graph: Graph, value: Value, axis: int, shapes: tuple[Extents | None, ...], on: tuple[int, int]) -> bool:
    """Whether an extent changes when one of an operand's does, all others staying as they are."""
    free = symbol(Value(""), 0)
    slot, number = on
    shape = shapes[slot] or ()
    changed = (*shapes[:slot], (*shape[:number], free, *shape[number + 1 :]), *shapes[slot + 1 :])
    specs = tuple(
        Spec(each, spec.dtype)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        for each, spec in zip(changed, graph.operand_specs(value.node), strict=True)
    )
    ruled = by_rule(graph.ops[value.node], specs)
    made = ruled.outputs[value.out] if ruled is not None and ruled.outputs else None
    return made is not None and bool(symbols(free) & symbols(made[axis]))
