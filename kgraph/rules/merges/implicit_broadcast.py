"""KG101 implicit-broadcast."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.batches import collision
from kgraph.findings import Finding, Severity, Stretch, Verdict, joined_shapes
from kgraph.graph import Graph
from kgraph.ops.elementwise import PREDICATES
from kgraph.rules.base import Facts

GATES = frozenset(("layers.Multiply", "ops.multiply", "ops.divide", "ops.true_divide", "ops.divide_no_nan"))
EXPLICIT = frozenset(("ops.expand_dims", "ops.reshape", "layers.Reshape", "ops.get_item", "layers.RepeatVector"))


class ImplicitBroadcast:
    """
    What it does:
        Finds elementwise merges (Add, Subtract, ``+``, ...) that stretch an operand whose axis is 1 or missing.

    Why is this bad?
        Keras documents that the inputs of ``Add`` must have the same shape, and silently broadcasts all the same: a
        layer that collapsed an axis by mistake is repeated over it, the model builds, trains and is wrong. A
        ``Multiply`` that stretches a gate (squeeze-and-excitation), an array constant, and an axis that was made 1
        in so many words (``expand_dims``, ``keepdims=True``, a reshape to 1) are intended and reported as info.

    Example:
        x = Input(shape=(16, 16, 8), name="x")
        pooled = MaxPooling2D(pool_size=16, name="pooled")(x)
        y = Add(name="y")([x, pooled])  # KG101
        model = Model(x, y)

    Use instead:
        x = Input(shape=(16, 16, 8), name="x")
        pooled = MaxPooling2D(pool_size=3, strides=1, padding="same", name="pooled")(x)
        y = Add(name="y")([x, pooled])
        model = Model(x, y)
    """

    id = "KG101"
    name = "implicit-broadcast"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each merge that broadcasts."""
        for verdict in facts.verdicts:
            if verdict.verdict != "broadcast" or verdict.kind.removeprefix("ops.") in PREDICATES:
                continue
            if collision(graph, verdict.node) is None:  # that is KG102
                yield self._finding(graph, verdict)

    def _finding(self, graph: Graph, verdict: Verdict) -> Finding:
        explicit = [_is_explicit(graph, verdict, item) for item in verdict.stretched]
        intended = verdict.kind in GATES or (bool(explicit) and all(explicit))
        makers = tuple(dict.fromkeys(item.by for item in verdict.stretched if item.by in graph.ops and item.by))
        return Finding(
            rule=self.id,
            name=self.name,
            severity=Severity.INFO if intended else self.severity,
            message=f"{verdict.node} broadcasts {joined_shapes(verdict)}: {'; '.join(verdict.why)}",
            nodes=(verdict.node, *makers),
            help="if it is meant, say so with an explicit reshape or keepdims=True; if not, give the inputs one shape",
            known=verdict.known,
        )


def _is_explicit(graph: Graph, verdict: Verdict, stretch: Stretch) -> bool:
    """True where a person wrote the 1, or an array constant, on purpose."""
    if verdict.inputs[stretch.input].value == "constant":
        return True
    maker = graph.ops.get(stretch.by or "")
    return maker is not None and (maker.kind in EXPLICIT or bool(maker.arguments.get("keepdims")))
