"""KG102 batch-axis-collision."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.batches import Collision, collision
from kgraph.findings import Finding, Severity, Verdict, joined_shapes
from kgraph.graph import Graph
from kgraph.rules.base import Facts


class BatchAxisCollision:
    """
    What it does:
        Finds elementwise merges in which the batch of one input lies against another axis of the other, or against a
        batch that a reshape has folded something into.

    Why is this bad?
        Operators line shapes up from the right: ``(B, 8, 16) + (B, 16)`` puts the batch of the second against the 8 of
        the first. It builds, it runs at B = 1, it runs at B = 8 and adds to each sample what belongs to another, and
        it fails at all other sizes. ``(B, 1) - (B,)`` even runs at every size, and gives ``(B, B)``.

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
        """One finding for each merge in which a batch meets something else."""
        for verdict in facts.verdicts:
            found = None if verdict.verdict == "identical" else collision(graph, verdict.node)
            if found is not None:
                yield self._finding(verdict, found)

    def _finding(self, verdict: Verdict, found: Collision) -> Finding:
        met = f"the batch of {found.operand} ({found.batch}) meets axis {found.axis}"
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=f"{verdict.node} joins {joined_shapes(verdict)}: {met}, which is {found.other} in the other input"
            f"{_consequence(verdict, found)}",
            nodes=(verdict.node,),
            help="give both inputs the same axes first: keepdims=True, ops.expand_dims(x, axis=1), or an Add layer, "
            "which keeps the batch apart",
            known=verdict.known,
        )


def _consequence(verdict: Verdict, found: Collision) -> str:
    if found.other == 1:
        return ": every sample is joined with every other"
    if verdict.condition is None:
        return ""
    mixes = "" if verdict.condition == "B == 1" else ", and joins what belongs to different samples unless B is 1"
    return f"; it runs only at {verdict.condition}{mixes}"
