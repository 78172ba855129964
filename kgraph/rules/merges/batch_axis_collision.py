"""KG102 batch-axis-collision."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kgraph.analysis.batches import Collision, collision, collisions
from kgraph.analysis.conditions import words
from kgraph.analysis.extents import extents
from kgraph.analysis.names import namer, shown_shape
from kgraph.analysis.requirements import requirements
from kgraph.findings import Finding, Severity, Verdict, joined_shapes, shape_text
from kgraph.graph import Graph
from kgraph.rules.base import Facts

HELP = (
    "give the inputs the same axes first: keepdims=True, ops.expand_dims(x, axis=1), ops.transpose, or an Add or Dot "
    "layer, which keeps the batch apart"
)
ONE_SIZE = re.compile(r"B == \d+")
STRETCHED = ": every sample is joined with every other"


class BatchAxisCollision:
    """
    What it does:
        Finds calls of several tensors (elementwise merges, ``where``, products such as ``matmul`` and ``einsum``,
        ``Concatenate``, ``stack``, attention) in which the batch of one lies against another axis of the other, or
        against a batch that a reshape has folded something into.

    Why is this bad?
        Operators line shapes up from the right: ``(B, 8, 16) + (B, 16)`` puts the batch of the second against the 8 of
        the first. It builds, it runs at B = 1, it runs at B = 8 and adds to each sample what belongs to another, and
        it fails at all other sizes. ``(B, 1) - (B,)`` even runs at every size, and gives ``(B, B)``. Where a batch is
        one whole (the nodes of one graph, times its adjacency), fix it on every Input: ``batch_size=N``.

    Example:
        x = Input(shape=(8, 16), name="x")
        v = Input(shape=(16,), name="v")
        y = ops.add(x, v)  # KG102
        model = Model([x, v], y)

    Use instead:
        x = Input(shape=(8, 16), name="x")
        v = Input(shape=(16,), name="v")
        y = Add(name="y")([x, v])
        model = Model([x, v], y)
    """

    id = "KG102"
    name = "batch-axis-collision"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each merge, product, join or attention in which a batch meets something else."""
        for verdict in facts.verdicts:
            found = None if verdict.verdict == "identical" else collision(graph, verdict.node)
            if found is not None:
                met = f"meets axis {found.axis}, which is {found.other} in the other input"
                yield self._finding(
                    verdict.node, f"joins {joined_shapes(verdict)}", found, met, _merged(verdict, found), verdict.known
                )
        asked = {item.node: item.condition for item in requirements(graph)}
        for node, found in collisions(graph):
            shapes = [shape_text(shown_shape(graph, extents(graph, value))) for value in graph.operands[node]]
            met = f"meets axis {found.own} of {found.against}, which is {found.other}"
            is_choice = graph.ops[node].kind == "ops.where"
            then = (
                STRETCHED
                if is_choice and found.other == 1
                else _runs(asked.get(node) or words(found.same, namer(graph)))
            )
            yield self._finding(node, f"takes {' and '.join(shapes)}", found, met, then, "proved")

    def _finding(self, node: str, takes: str, found: Collision, met: str, then: str, known: str) -> Finding:
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=f"{node} {takes}: the batch of {found.operand} ({found.batch}) {met}{then}",
            nodes=(node,),
            help=HELP,
            known=known,
        )


def _merged(verdict: Verdict, found: Collision) -> str:
    if found.other == 1:
        return STRETCHED
    return "" if verdict.condition is None else _runs(verdict.condition)


def _runs(condition: str | None) -> str:
    if condition in (None, "", "never"):
        return ""
    alone = "" if ONE_SIZE.fullmatch(condition) else " unless B is 1"
    mixes = "" if condition == "B == 1" else f", and joins what belongs to different samples{alone}"
    return f"; it runs only at {condition}{mixes}"
