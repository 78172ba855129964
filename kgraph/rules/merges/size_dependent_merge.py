"""KG103 size-dependent-merge."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.batches import collision
from kgraph.findings import Finding, Severity, outside_text
from kgraph.graph import Graph
from kgraph.rules.base import Facts


class SizeDependentMerge:
    """
    What it does:
        Finds elementwise merges whose inputs have the same shape at some input sizes, and not at others.

    Why is this bad?
        Input sizes that are left open are a promise to run at any. Two paths that halve a map, one rounding down and
        one rounding up, meet again at even sizes alone; at odd ones Keras raises in the middle of ``fit``, or, where
        one side has come down to 1, stretches it and says nothing.

    Example:
        x = Input(shape=(None, 8), name="x")
        pooled = MaxPooling1D(pool_size=2, name="pooled")(x)
        strided = Conv1D(filters=8, kernel_size=3, strides=2, padding="same", name="strided")(x)
        y = Add(name="y")([pooled, strided])  # KG103
        model = Model(x, y)

    Use instead:
        x = Input(shape=(None, 8), name="x")
        pooled = MaxPooling1D(pool_size=2, padding="same", name="pooled")(x)
        strided = Conv1D(filters=8, kernel_size=3, strides=2, padding="same", name="strided")(x)
        y = Add(name="y")([pooled, strided])
        model = Model(x, y)
    """

    id = "KG103"
    name = "size-dependent-merge"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each merge with a conditional verdict."""
        for verdict in facts.verdicts:
            if verdict.verdict != "conditional" or collision(graph, verdict.node) is not None:
                continue
            where = f"iff {verdict.condition}" if verdict.condition is not None else "at some sizes"
            yield Finding(
                rule=self.id,
                name=self.name,
                severity=self.severity,
                message=f"{verdict.node} has inputs of the same shape {where}; {outside_text(verdict.outside)}",
                nodes=(verdict.node,),
                help="let both paths round alike (padding='same' on both), or fix the Input's size",
                known=verdict.known,
            )
