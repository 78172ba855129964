"""KG104 impossible-call."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.requirements import requirements
from kgraph.findings import Finding, Severity
from kgraph.graph import Graph
from kgraph.rules.base import Facts


class ImpossibleCall:
    """
    What it does:
        Finds calls that fail at every input size at which what leads to them works.

    Why is this bad?
        Open sizes let such a model be built: Keras compares extents only where it knows both. It raises as soon as the
        model is called, whatever it is called on.

    Example:
        x = Input(shape=(None, 8), name="x")
        a = ZeroPadding1D(padding=(2, 2), name="a")(x)
        y = Concatenate(axis=-1, name="y")([x, a])  # KG104
        model = Model(x, y)

    Use instead:
        x = Input(shape=(None, 8), name="x")
        a = ZeroPadding1D(padding=(2, 2), name="a")(x)
        y = Concatenate(axis=1, name="y")([x, a])
        model = Model(x, y)
    """

    id = "KG104"
    name = "impossible-call"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each merge that is incompatible, and for each requirement that nothing meets."""
        for verdict in facts.verdicts:
            if verdict.verdict == "incompatible":
                yield self._finding(verdict.node, verdict.known, verdict.why)
        for item in requirements(graph):
            if item.status == "never":
                yield self._finding(item.node, item.known, item.why)

    def _finding(self, node: str, known: str, why: tuple[str, ...]) -> Finding:
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=f"{node} works at no input size: {'; '.join(why)}",
            nodes=(node,),
            help="change the layers before it, so that the extents that meet can be equal",
            known=known,
        )
