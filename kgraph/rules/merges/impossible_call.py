"""KG104 impossible-call."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.extents import measured
from kgraph.analysis.requirements import requirements
from kgraph.findings import Finding, Severity
from kgraph.graph import Graph
from kgraph.rules.base import Facts

REFUSED = "change how it is called or configured, or the layers before it, so that Keras takes the call"
UNEQUAL = "change the layers before it, so that the extents that meet can be equal"


class ImpossibleCall:
    """
    What it does:
        Finds calls that Keras refuses whatever is known of the sizes, and calls that fail at every input size at which
        what leads to them works.

    Why is this bad?
        A call that Keras refuses cannot be built. Open sizes let the others be built: Keras compares extents only where
        it knows both. It raises as soon as the model is called, whatever it is called on.

    Example:
        x = Input(shape=(None, 8), name="x")
        a = ZeroPadding1D(padding=(2, 2), name="a")(x)
        y = Concatenate(axis=-1, name="y")([x, a])  # KG104
        z = Conv2D(filters=4, kernel_size=3, name="z")(x)  # KG104
        model = Model(x, [y, z])

    Use instead:
        x = Input(shape=(None, 8), name="x")
        a = ZeroPadding1D(padding=(2, 2), name="a")(x)
        y = Concatenate(axis=1, name="y")([x, a])
        z = Conv1D(filters=4, kernel_size=3, name="z")(x)
        model = Model(x, [y, z])
    """

    id = "KG104"
    name = "impossible-call"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each merge that is incompatible, and for each requirement that nothing meets."""
        for verdict in facts.verdicts:
            if verdict.verdict == "incompatible":
                yield self._finding(verdict.node, verdict.known, verdict.why)
        calls = measured(graph)
        for item in requirements(graph):
            if item.status == "never":
                yield self._finding(item.node, item.known, item.why, refused=bool(calls[item.node].refusal))

    def _finding(self, node: str, known: str, why: tuple[str, ...], *, refused: bool = False) -> Finding:
        what = f"Keras refuses {node}" if refused else f"{node} works at no input size"
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=f"{what}: {'; '.join(why)}",
            nodes=(node,),
            help=REFUSED if refused else UNEQUAL,
            known=known,
        )
