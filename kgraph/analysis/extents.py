"""Symbolic extents: which sizes are the same at every run, from the shapes that Keras recorded.

An extent is an int, ``B`` (the batch, along kinds known to keep axis 0) or a symbol tied to the value and axis at
which it first appears; two symbols are equal only if they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.graph import Constant, Graph, Op, Spec, Value, memoised
from kgraph.ops import kept, knowledge
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


@memoised
def extents(graph: Graph) -> Mapping[Value, Extents | None]:
    """The symbolic shape of every value; None where the rank is unknown."""
    found: dict[Value, Extents | None] = {}
    for node, op in graph.ops.items():
        merged = _merged(op, _operands(op, graph.operands[node], found)) if knowledge(op.kind).merge else None
        for out, spec in enumerate(op.outputs):
            found[Value(node, out)] = _of_output(graph, node, out, found, merged)
            if spec.shape is None:
                found[Value(node, out)] = None
    return found


def merge_inputs(graph: Graph, node: str) -> tuple[Operand, ...]:
    """The tensors and array constants that a merge joins, in order."""
    return _operands(graph.ops[node], graph.operands[node], extents(graph))


def _operands(op: Op, operands: tuple[Value, ...], known: Mapping[Value, Extents | None]) -> tuple[Operand, ...]:
    found: list[Operand] = []
    for item in merge_operands(op.arguments):
        if isinstance(item, Constant):
            found.append(Operand(None, item.shape))
        else:
            value = operands[item.index]
            found.append(Operand(value, known[value]))
    return tuple(found)


def lined_up(op: Op, operands: tuple[Operand, ...]) -> tuple[tuple[Extent, ...], ...] | None:
    """The extents of a merge's operands axis by axis of the output, ABSENT where one has no such axis."""
    shapes = [operand.extents for operand in operands]
    if None in shapes or not shapes:
        return None
    how = knowledge(op.kind).merge or "numpy"
    return tuple(zip(*line_up(tuple(shapes), how), strict=True))  # type: ignore[arg-type]  # pyright: ignore


def _merged(op: Op, operands: tuple[Operand, ...]) -> tuple[Extent | None, ...] | None:
    """What the operands say of a merge's output; it wins over the record, which can forget a batch (1 + B)."""
    axes = lined_up(op, operands)
    if axes is None:
        return None
    return tuple(_one_extent(axis) for axis in axes)


def _one_extent(axis: tuple[Extent, ...]) -> Extent | None:
    others = set(axis) - {1, ABSENT}
    if len(others) > 1:
        return None
    return others.pop() if others else 1


def _of_output(
    graph: Graph,
    node: str,
    out: int,
    found: Mapping[Value, Extents | None],
    merged: tuple[Extent | None, ...] | None,
) -> Extents:
    op, operands = graph.ops[node], graph.operands[node]
    spec: Spec = op.outputs[out]
    shape = spec.shape or ()
    origins = kept(op, graph.operand_specs(node), out) if None in shape else ()
    result: list[Extent] = []
    for axis, size in enumerate(shape):
        said = merged[axis] if merged is not None and len(merged) == len(shape) else None
        if said is not None:
            result.append(said)
        elif size is not None:
            result.append(size)
        elif op.is_input:
            result.append(BATCH if axis == 0 else Symbol(Value(node, out), axis))
        else:
            origin = origins[axis] if axis < len(origins) else None
            source = found[operands[origin[0]]] if origin is not None else None
            result.append(source[origin[1]] if source and origin else Symbol(Value(node, out), axis))
    return tuple(result)
