"""The verdict on every elementwise merge, at every size."""

from __future__ import annotations

from dataclasses import replace

from kgraph.analysis.conditions import words
from kgraph.analysis.extents import ABSENT, Extent, Operand, lined_up, measured, merge_inputs
from kgraph.analysis.formulas import equal, every, negated
from kgraph.analysis.integers import implies, is_empty
from kgraph.analysis.names import namer, shown, shown_shape
from kgraph.analysis.origins import origin
from kgraph.analysis.requirements import TOO_HARD, given, is_named, outside
from kgraph.analysis.verdict_words import (
    apart_words,
    clash_words,
    example_words,
    identical_words,
    label,
    open_words,
    stretch_words,
)
from kgraph.findings import MergeInput, Stretch, Verdict
from kgraph.graph import Graph, Op, memoised
from kgraph.ops import knowledge

Rows = tuple[tuple[Extent, ...], ...]


@memoised
def verdicts(graph: Graph) -> tuple[Verdict, ...]:
    """One Verdict for every merge of two or more tensors or array constants, in graph order."""
    found: list[Verdict] = []
    for node, op in graph.ops.items():
        if not knowledge(op.kind).merge:
            continue
        operands = merge_inputs(graph, node)
        if len(operands) >= 2:
            found.append(_verdict(graph, node, op, operands))
    return tuple(found)


def _verdict(graph: Graph, node: str, op: Op, operands: tuple[Operand, ...]) -> Verdict:
    inputs = tuple(MergeInput(label(operand), shown_shape(graph, operand.extents)) for operand in operands)
    axes = lined_up(op, operands)
    if axes is None:
        blind = next(operand for operand in operands if operand.extents is None)
        why = (f"the rank of {label(blind)} is unknown: Keras recorded no shape for it",)
        return Verdict(node, op.kind, "unknown", "unknown", inputs, why)
    clash = next((axis for axis, row in enumerate(axes) if _clash(row)), None)
    if clash is not None:
        return Verdict(node, op.kind, "incompatible", "recorded", inputs, (clash_words(graph, operands, axes, clash),))
    stretched = _stretches(graph, op, operands, axes)
    settled = all(len(set(row) - {1, ABSENT}) < 2 for row in axes)
    known = "recorded" if settled else "proved"
    if stretched:
        why = tuple(stretch_words(operands, stretch) for stretch in stretched)
        if settled:
            return Verdict(node, op.kind, "broadcast", known, inputs, why, stretched=stretched)
        return _stretched(
            graph, Verdict(node, op.kind, "broadcast", known, inputs, why, stretched=stretched), operands, axes
        )
    if settled:
        return Verdict(node, op.kind, "identical", known, inputs, identical_words(graph, operands, axes))
    return _decided(graph, Verdict(node, op.kind, "unknown", "unknown", inputs), operands, axes)


def _clash(row: tuple[Extent, ...]) -> bool:
    return len({extent for extent in row if isinstance(extent, int) and extent not in (1, ABSENT)}) > 1


def _stretches(
    graph: Graph, op: Op, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]
) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for axis, row in enumerate(axes):
        others = [extent for extent in row if extent not in (1, ABSENT)]
        for number, extent in enumerate(row):
            absent = extent == ABSENT
            if (extent == 1 and others) or absent:
                to = shown(graph, others[0]) if others else 1
                found.append(
                    Stretch(number, axis, to, None if absent else _maker(graph, op, operands[number], axis, len(axes)))
                )
    return tuple(found)


def _maker(graph: Graph, op: Op, operand: Operand, axis: int, rank: int) -> str | None:
    """The call that made an operand's extent 1."""
    if operand.value is None or operand.extents is None:
        return "constant"
    own = axis - (rank - len(operand.extents))
    if knowledge(op.kind).merge == "layer":
        own = 0 if axis == 0 else own
    return origin(graph, operand.value, own).value.node


def _decided(graph: Graph, verdict: Verdict, operands: tuple[Operand, ...], axes: Rows) -> Verdict:
    """The verdict where the extents of some axis have different forms."""
    before, works = given(graph, verdict.node), measured(graph)[verdict.node].works
    alike = every(equal(extent, row[0]) for row in axes for extent in row[1:])
    always, never = implies(before, alike), is_empty(every((before, alike)))
    if always:
        return replace(verdict, verdict="identical", known="proved", why=identical_words(graph, operands, axes))
    if not is_named(graph, every((alike, works))):
        return replace(verdict, why=open_words(graph, operands, axes))
    if always is None or never is None:
        return replace(verdict, why=(*open_words(graph, operands, axes), TOO_HARD))
    if never:
        return _stretched(graph, verdict, operands, axes)
    name = namer(graph)
    stretches, raises = every((before, works, negated(alike))), every((before, negated(works)))
    breaks = outside(graph, raises) or outside(graph, stretches, "broadcasts")
    why = [
        *apart_words(graph, operands, axes),
        *example_words(graph, operands, axes, raises, "Keras raises"),
        *example_words(graph, operands, axes, stretches, "one input is stretched to the other"),
    ]
    return replace(
        verdict,
        verdict="conditional",
        known="proved",
        condition=words(every((before, alike)), name),
        given_upstream=words(alike, name, before),
        outside=breaks,
        why=tuple(why),
    )


def _stretched(graph: Graph, verdict: Verdict, operands: tuple[Operand, ...], axes: Rows) -> Verdict:
    """The verdict on a merge whose operands are alike at no size: it stretches at some, or fails at all."""
    before, works = given(graph, verdict.node), measured(graph)[verdict.node].works
    why = (*verdict.why, *apart_words(graph, operands, axes))
    never, always = is_empty(every((before, works))), implies(before, works)
    if never:
        return replace(verdict, verdict="incompatible", known="proved", why=(*why, "no size makes them equal"))
    if never is None or always is None:
        return replace(verdict, verdict="unknown", known="unknown", why=(*why, TOO_HARD))
    if always:
        return replace(verdict, verdict="broadcast", known="proved", why=why)
    if not is_named(graph, works):
        return replace(verdict, verdict="broadcast", known="recorded", why=why)
    raises = every((before, negated(works)))
    return replace(
        verdict,
        verdict="broadcast",
        known="proved",
        condition=words(every((before, works)), namer(graph)),
        outside=outside(graph, raises),
        why=(*why, *example_words(graph, operands, axes, raises, "Keras raises")),
    )
