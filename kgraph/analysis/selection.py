"""Which channels does a tensor hold? Slices, splits, gathers and slicing Lambdas as channel-index maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kgraph.analysis.ranges import size, to_ranges
from kgraph.graph import Constant, Graph, Op, Slice, Value, leaves, memoised, values
from kgraph.ops import Call, call_of
from kgraph.ops.selecting import call_function, call_key, is_whole, slice_range, split_ranges


@dataclass(frozen=True, slots=True)
class Selection:
    """A tensor holds the indices ``ranges`` (in this order) of ``source`` along ``axis``, and all of its other axes.

    ``drops`` says that the axis itself is gone, as in ``x[..., 3]``; ``known`` how the indices are known.
    """

    source: Value
    axis: int
    ranges: tuple[range, ...]
    extent: int
    known: str = "proved"
    drops: bool = False

    @property
    def width(self) -> int:
        """Number of indices."""
        return size(self.ranges)


@memoised
def selections(graph: Graph) -> Mapping[Value, Selection]:
    """For each value that selects along one axis of the tensor that its call reads: what."""
    found: dict[Value, Selection] = {}
    for node, op in graph.ops.items():
        if op.kind not in SELECTORS:
            continue
        operands = graph.operands[node]
        call = call_of(op, graph.operand_specs(node))
        for out, selection in enumerate(SELECTORS[op.kind](op, call, operands) if operands else ()):
            found[Value(node, out)] = selection
    return found


def common_source(graph: Graph, values: Iterable[Value]) -> list[Selection]:
    """What selecting values hold: of the tensors that they read, or, where these differ, of the first sources."""
    direct = [selections(graph)[value] for value in values]
    if len({selection.source for selection in direct}) == 1:
        return direct
    return [_traced(graph, selection) for selection in direct]


def _traced(graph: Graph, selection: Selection) -> Selection:
    """A slice of a slice of a slice along one axis, as one selection of the first source."""
    while True:
        further = _through(selection, selections(graph).get(selection.source))
        if further is selection:
            return selection
        selection = further


def _subscript(op: Op, call: Call, operands: tuple[Value, ...]) -> tuple[Selection, ...]:
    key, shape = call_key(call), call.operands[0].shape
    if key is None or shape is None or None in key or len(operands) != 1:
        return ()
    chosen = _chosen_axis(key, shape)
    if chosen is None:
        return ()
    part, extent = key[chosen], shape[chosen]
    if extent is None:
        return ()
    function = call_function(call)
    known = function.known if function else "proved"
    if isinstance(part, Slice):
        return (Selection(operands[0], chosen, (slice_range(part, extent),), extent, known),)
    if not -extent <= part < extent:
        return ()
    index = part % extent
    return (Selection(operands[0], chosen, (range(index, index + 1),), extent, known, drops=True),)


def _chosen_axis(key: tuple[object, ...], shape: tuple[int | None, ...]) -> int | None:
    """The one axis that a subscript does not keep whole; a slice that happens to cover its axis does not count."""
    written = [axis for axis, part in enumerate(key) if not is_whole(part)]
    partial = [axis for axis in written if not _covers(key[axis], shape[axis])]
    if len(partial) == 1:
        return partial[0]
    return written[-1] if written and not partial else None


def _covers(part: object, extent: int | None) -> bool:
    return isinstance(part, Slice) and extent is not None and slice_range(part, extent) == range(extent)


def _split(_: Op, call: Call, operands: tuple[Value, ...]) -> tuple[Selection, ...]:
    found, shape = split_ranges(call), call.operands[0].shape
    if found is None or shape is None:
        return ()
    axis, ranges = found
    extent = shape[axis]
    return tuple(Selection(operands[0], axis, (part,), extent) for part in ranges) if extent is not None else ()


def _take(_: Op, call: Call, operands: tuple[Value, ...]) -> tuple[Selection, ...]:
    axis, shape, indices = call.argument("axis"), call.operands[0].shape, call.argument("indices")
    listed: Any = indices.values if isinstance(indices, Constant) else indices
    if not isinstance(axis, int) or shape is None or len(operands) != 1 or not isinstance(listed, tuple):
        return ()
    axis %= len(shape)
    extent = shape[axis]
    plain: list[int] = [index for index in leaves(listed) if type(index) is int]
    if extent is None or len(plain) != len(leaves(listed)) or any(not -extent <= index < extent for index in plain):
        return ()
    return (Selection(operands[0], axis, to_ranges([index % extent for index in plain]), extent),)


def _through(outer: Selection, inner: Selection | None) -> Selection:
    """A selection of a selection along the same axis, as one of the first source."""
    if inner is None or inner.axis != outer.axis or inner.drops or len(inner.ranges) != 1:
        return outer
    base = inner.ranges[0]
    picked = tuple(_compose(base, run) for run in outer.ranges)
    known = outer.known if inner.known == "proved" else inner.known
    return replace(inner, ranges=picked, known=known, drops=outer.drops)


def _compose(base: range, run: range) -> range:
    """``[base[index] for index in run]`` as a range."""
    start, step = base.start + base.step * run.start, base.step * run.step
    return range(start, start + step * len(run), step)


SELECTORS = {
    "ops.get_item": _subscript,
    "layers.Lambda": _subscript,
    "ops.split": _split,
    "ops.array_split": _split,
    "ops.take": _take,
}


def reads(graph: Graph, source: Value, axis: int) -> tuple[range, ...] | None:
    """The indices of ``source`` along ``axis`` that anything reads; None if something reads all of it."""
    if source in values(graph.outputs):
        return None
    found: list[range] = []
    for node, _ in graph.users.get(source, ()):
        outs = [Value(node, out) for out in range(len(graph.ops[node].outputs))]
        used = [value for value in outs if value in graph.users or value in values(graph.outputs)]
        for value in used:
            selection = selections(graph).get(value)
            if selection is None or selection.source != source or selection.axis != axis:
                return None
            found.extend(selection.ranges)
    return tuple(found)
