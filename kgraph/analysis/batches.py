"""Where the batch of one input of a merge lies against something else of another."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.analysis.expressions import Symbol, symbols
from kgraph.analysis.extents import ABSENT, Extent, lined_up, merge_inputs
from kgraph.analysis.names import shown
from kgraph.graph import Graph

BATCH = Symbol(None, 0)


@dataclass(frozen=True, slots=True)
class Collision:
    """On an axis of a merge's output, ``batch`` of one operand lies against ``other`` of another (1: is stretched)."""

    axis: int
    operand: str
    batch: int | str | None
    other: int | str | None


def collision(graph: Graph, node: str) -> Collision | None:
    """The first axis of a merge on which a batch meets what is not the same batch; None where there is none.

    A batch that is stretched over (1 against ``B``) counts only behind axis 0, where it has no business.
    """
    operands = merge_inputs(graph, node)
    for axis, row in enumerate(lined_up(graph.ops[node], operands) or ()):
        number = next((number for number, extent in enumerate(row) if _holds_batch(extent)), None)
        if number is None:
            continue
        others = [extent for extent in row if extent not in (ABSENT, row[number])]
        strangers = [extent for extent in others if extent != 1]
        if strangers or (others and axis > 0):
            met = (strangers or others)[0]
            name = str(operands[number].value or "constant")
            return Collision(axis, name, shown(graph, row[number]), shown(graph, met))
    return None


def _holds_batch(extent: Extent) -> bool:
    return not isinstance(extent, int) and BATCH in symbols(extent)
