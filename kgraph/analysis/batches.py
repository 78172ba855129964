"""Where the batch of one operand of a call lies against something else of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.analysis.expressions import Symbol, atomic
from kgraph.analysis.extents import ABSENT, Extent, extents, lined_up, measured, merge_inputs
from kgraph.analysis.formulas import Formula, equal, every, open_sizes
from kgraph.analysis.integers import implies, smallest
from kgraph.analysis.names import names, shown
from kgraph.analysis.origins import origin
from kgraph.analysis.parts import symbols
from kgraph.analysis.requirements import given, requirements
from kgraph.graph import Constant, Graph, Slot, Value, memoised
from kgraph.ops import call_of, knowledge
from kgraph.ops.elementwise import line_up
from kgraph.ops.meeting import meetings

BATCH = Symbol(None, 0)
WRITTEN = ("ops.expand_dims", "ops.get_item")
"""Kinds whose axes of 1 are written as such."""


@dataclass(frozen=True, slots=True)
class Place:
    """An axis of an operand of a call: its value, None for an array constant."""

    value: Value | None
    axis: int
    extent: Extent


@dataclass(frozen=True, slots=True)
class Collision:
    """``batch``, on an axis of one operand, lies against ``other`` (1: is stretched) on an axis of another.

    Attributes:
        operand, against: the two operands' names.
        axis, own: the axis of a merge's output, and that of ``against``; alike for any other call.
        same: where the two are the same.
    """

    axis: int
    own: int
    operand: str
    against: str
    batch: int | str | None
    other: int | str | None
    same: Formula


def collision(graph: Graph, node: str) -> Collision | None:
    """The first axis of a merge on which a batch meets what is not the same batch; None where there is none.

    A batch that is stretched over (1 against ``B``) counts only behind axis 0, where it has no business, and only
    where nobody has written that 1: ``expand_dims`` on both sides makes a table of all pairs on purpose.
    """
    for axis, row in enumerate(_rows(graph, node)):
        holder = next((place for place in row if _holds_batch(place.extent)), None)
        if holder is None:
            continue
        others = [place for place in row if place.extent != holder.extent and not _may_be_batch(graph, place)]
        strangers = [place for place in others if place.extent != 1]
        if strangers or (axis > 0 and not all(_is_written(graph, place) for place in others)):
            return _collision(graph, axis, holder, (strangers or others)[0])
    return None


@memoised
def collisions(graph: Graph) -> tuple[tuple[str, Collision], ...]:
    """By node, the first collision of each call that is no elementwise merge: ``where``, products, joins, attention."""
    asked = {item.node: item for item in requirements(graph)}
    found: list[tuple[str, Collision]] = []
    for node, op in graph.ops.items():
        always = node in asked and asked[node].status == "always"
        if always or not graph.operands[node] or knowledge(op.kind).merge:
            continue
        met = collision(graph, node) if op.kind == "ops.where" else _unequal(graph, node)
        if met is not None:
            found.append((node, met))
    return tuple(found)


@memoised
def pins(graph: Graph) -> tuple[tuple[str, int], ...]:
    """By node, the one batch size that a call takes of all that reach it, where its batch meets no other axis."""
    met = {node for node, _ in collisions(graph)}
    found: list[tuple[str, int]] = []
    for item in requirements(graph):
        works = measured(graph)[item.node].works
        if item.status != "conditional" or item.node in met or BATCH not in open_sizes(works):
            continue
        taken = every((given(graph, item.node), works))
        size = (smallest(taken) or {}).get(BATCH)
        if size is not None and implies(taken, equal(atomic(BATCH), size)):
            found.append((item.node, size))
    return tuple(found)


def _unequal(graph: Graph, node: str) -> Collision | None:
    """Of a call that stretches nothing, the first axes that lie against each other and are not one batch."""
    for group in meetings(call_of(graph.ops[node], graph.operand_specs(node))):
        places = [_place(graph, node, operand, axis) for operand, axis in group]
        holder = next((place for place in places if place is not None and _holds_batch(place.extent)), None)
        if holder is None:
            continue
        for place in places:
            if place is None or place.extent == holder.extent or _may_be_batch(graph, place):
                continue
            if _must_differ(graph, node, holder.extent, place.extent):
                return _collision(graph, place.axis, holder, place)
    return None


def _must_differ(graph: Graph, node: str, batch: Extent, other: Extent) -> bool:
    """Whether two extents are not one and the same; 1 counts only where Keras does not stretch it."""
    before, same = given(graph, node), equal(batch, other)
    if implies(before, same) is not False:
        return False
    return other != 1 or implies(every((before, measured(graph)[node].works)), same) is True


def _place(graph: Graph, node: str, operand: Slot | Constant, axis: int) -> Place | None:
    if isinstance(operand, Constant):
        return Place(None, axis, operand.shape[axis])
    value = graph.operands[node][operand.index]
    shape = extents(graph, value)
    return None if shape is None else Place(value, axis, shape[axis])


def _rows(graph: Graph, node: str) -> Iterator[tuple[Place, ...]]:
    """Axis by axis of a merge's output, where its operands lie."""
    operands, op = merge_inputs(graph, node), graph.ops[node]
    lined = lined_up(op, operands) or ()
    if not lined:
        return
    own = line_up(
        tuple(tuple(range(len(operand.extents or ()))) for operand in operands), knowledge(op.kind).merge or "numpy"
    )
    for extents_, axes in zip(lined, zip(*own, strict=True), strict=True):
        rows = zip(operands, axes, extents_, strict=True)
        yield tuple(Place(operand.value, axis or 0, extent) for operand, axis, extent in rows if extent != ABSENT)


def _collision(graph: Graph, axis: int, holder: Place, other: Place) -> Collision:
    operand, against = (str(place.value or "constant") for place in (holder, other))
    met = shown(graph, holder.extent), shown(graph, other.extent)
    return Collision(axis, other.axis, operand, against, *met, equal(holder.extent, other.extent))


def _holds_batch(extent: Extent) -> bool:
    return not isinstance(extent, int) and BATCH in symbols(extent)


def _is_written(graph: Graph, place: Place) -> bool:
    """True for a 1 that a call has put there in so many words."""
    return place.value is not None and graph.ops[origin(graph, place.value, place.axis).value.node].kind in WRITTEN


def _may_be_batch(graph: Graph, place: Place) -> bool:
    """True for the batch of an input that is fixed: it lies against the batch of another, where it belongs. And for
    axis 0 of what no rule tells of: a custom layer seldom makes anything but its batch there."""
    if place.value is None or place.extent == 1:
        return False
    if not isinstance(place.extent, int):
        return place.axis == 0 and not symbols(place.extent) <= names(graph).keys()
    found = origin(graph, place.value, place.axis)
    return found.axis == 0 and graph.ops[found.value.node].is_input
