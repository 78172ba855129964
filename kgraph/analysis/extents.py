"""Symbolic extents: which sizes are the same at every run, from the shapes that Keras recorded.

An extent is an int, ``B`` (the batch, along kinds known to keep axis 0) or a symbol tied to the value and axis at
which it first appears; two symbols are equal only if they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.graph import Constant, Graph, Op, Value, memoised
from kgraph.ops import Origin, kept, knowledge
from kgraph.ops.elementwise import line_up, merge_operands


@dataclass(frozen=True, slots=True)
class Symbol:
    """An extent that is not fixed: the batch (``value`` is None), or one that nothing but itself is known to equal."""

    value: Value | None
    axis: int

    def __str__(self) -> str:
        return "B" if self.value is None else f"{self.value}.shape[{self.axis}]"


BATCH = Symbol(None, 0)
ABSENT = -1
"""In place of an extent where an operand of a merge has no such axis."""

Extent = int | Symbol
Extents = tuple[Extent, ...]


def shown(extent: Extent) -> int | str | None:
    """An extent in a record: an int, ``B``, or None for a size that has no name."""
    if isinstance(extent, Symbol):
        return "B" if extent == BATCH else None
    return extent


def shown_shape(shape: Extents | None) -> tuple[int | str | None, ...] | None:
    """A symbolic shape in a record."""
    return None if shape is None else tuple(map(shown, shape))


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand of a merge: its value (None for an array constant) and its extents (None: unknown rank)."""

    value: Value | None
    extents: Extents | None


def extents(graph: Graph, value: Value) -> Extents | None:
    """The symbolic shape of a value; None where its rank is unknown.

    Worked out when it is asked for, and kept: only what leads to a merge is ever looked at.
    """
    known = _known(graph)
    stack = [value]
    while stack:
        waiting = [needed for needed in _needs(graph, stack[-1]) if needed not in known]
        if waiting:
            stack.extend(waiting)
            continue
        top = stack.pop()
        known[top] = _of_output(graph, top, known)
    return known[value]


def merge_inputs(graph: Graph, node: str) -> tuple[Operand, ...]:
    """The tensors and array constants that a merge joins, in order."""
    known = {value: extents(graph, value) for value in _needs_of_merge(graph, node)}
    return _operands(graph, node, known)


def lined_up(op: Op, operands: tuple[Operand, ...]) -> tuple[tuple[Extent, ...], ...] | None:
    """The extents of a merge's operands axis by axis of the output, ABSENT where one has no such axis."""
    shapes = [operand.extents for operand in operands]
    if None in shapes or not shapes:
        return None
    how = knowledge(op.kind).merge or "numpy"
    return tuple(zip(*line_up(tuple(shapes), how), strict=True))  # type: ignore[arg-type]  # pyright: ignore


@memoised
def _known(_: Graph) -> dict[Value, Extents | None]:
    return {}


@memoised
def _origins(_: Graph) -> dict[Value, tuple[Origin, ...]]:
    return {}


def kept_axes(graph: Graph, value: Value) -> tuple[Origin, ...]:
    """Per axis the operand and axis whose extent it has; asked for several times a value, so it is remembered."""
    found = _origins(graph)
    if value not in found:
        found[value] = kept(graph.ops[value.node], graph.operand_specs(value.node), value.out)
    return found[value]


def _needs(graph: Graph, value: Value) -> list[Value]:
    """The values whose extents decide those of this one."""
    op = graph.ops[value.node]
    if knowledge(op.kind).merge:
        return _needs_of_merge(graph, value.node)
    shape = op.outputs[value.out].shape
    if shape is None or None not in shape or op.is_input:
        return []
    operands = graph.operands[value.node]
    found = [origin for origin, size in zip(kept_axes(graph, value), shape, strict=False) if size is None and origin]
    return [operands[slot] for slot, _ in found]


def _needs_of_merge(graph: Graph, node: str) -> list[Value]:
    items = merge_operands(graph.ops[node].arguments)
    return [graph.operands[node][item.index] for item in items if not isinstance(item, Constant)]


def _operands(graph: Graph, node: str, known: Mapping[Value, Extents | None]) -> tuple[Operand, ...]:
    found: list[Operand] = []
    for item in merge_operands(graph.ops[node].arguments):
        if isinstance(item, Constant):
            found.append(Operand(None, item.shape))
        else:
            value = graph.operands[node][item.index]
            found.append(Operand(value, known[value]))
    return tuple(found)


def _of_output(graph: Graph, value: Value, known: Mapping[Value, Extents | None]) -> Extents | None:
    op, shape = graph.ops[value.node], graph.spec(value).shape
    if shape is None:
        return None
    merged = _merged(op, _operands(graph, value.node, known)) if knowledge(op.kind).merge else None
    if merged is not None and len(merged) == len(shape):
        return tuple(
            _first(said, size, Symbol(value, axis)) for axis, (said, size) in enumerate(zip(merged, shape, strict=True))
        )
    if None not in shape:
        return tuple(size for size in shape if size is not None)
    if op.is_input:
        return tuple(_first(size, BATCH if axis == 0 else Symbol(value, axis)) for axis, size in enumerate(shape))
    result: list[Extent] = []
    for axis, (size, origin) in enumerate(zip(shape, kept_axes(graph, value), strict=True)):
        source = known[graph.operands[value.node][origin[0]]] if size is None and origin is not None else None
        passed = source[origin[1]] if source is not None and origin is not None else None
        result.append(_first(size, passed, Symbol(value, axis)))
    return tuple(result)


def _first(*choices: Extent | None) -> Extent:
    """The first that is known; the last always is."""
    return next(choice for choice in choices if choice is not None)


def _merged(op: Op, operands: tuple[Operand, ...]) -> tuple[Extent | None, ...] | None:
    """What the operands say of a merge's output; it wins over the record, which can forget a batch (1 + B)."""
    axes = lined_up(op, operands)
    return None if axes is None else tuple(_one_extent(axis) for axis in axes)


def _one_extent(axis: tuple[Extent, ...]) -> Extent | None:
    others = set(axis) - {1, ABSENT}
    if len(others) > 1:
        return None
    return others.pop() if others else 1
