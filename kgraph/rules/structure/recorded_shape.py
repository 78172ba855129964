"""KG301 recorded-shape."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.keras2_implied import implied_specs
from kgraph.graph import Graph, Shape
from kgraph.ops import call_of, infer_specs
from kgraph.rules.base import Facts


class RecordedShape:
    """
    What it does:
        Finds calls whose recorded output shape is not the one that Keras infers from what enters them.

    Why is this bad?
        A model file records the shapes of its tensors, and whatever reads the file without running it believes them.
        Keras itself does not look at them when it loads the model. Where they differ, the file was changed by hand,
        or a Keras wrote it that infers otherwise: what is said of the shapes downstream holds for the record alone.

    Example:
        x = Input(shape=(4,), name="x")
        "{'outputs': (((None, 7), 'float32'),)}"
        y = Dense(3, name="y")(x)  # KG301
        z = ReLU(name="z")(y)
        model = Model(x, z)

    Use instead:
        x = Input(shape=(4,), name="x")
        y = Dense(3, name="y")(x)
        z = ReLU(name="z")(y)
        model = Model(x, z)
    """

    id = "KG301"
    name = "recorded-shape"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each call with an output of another shape."""
        if facts.source.format == "live":
            return  # Keras has inferred it itself, a moment ago
        seen: set[object] = set()
        for node, op in graph.ops.items():
            like = (op.kind, id(op.config), op.arguments, graph.operand_specs(node), op.outputs)
            if op.known != "recorded" or like in seen:
                continue
            recorded, inferred = [spec.shape for spec in op.outputs], _contradicting(graph, node)
            if inferred is None:
                seen.add(like)  # calls that are alike need no second look
            else:
                yield self._finding(graph, node, recorded, inferred)

    def _finding(self, graph: Graph, node: str, recorded: list[Shape], inferred: list[Shape]) -> Finding:
        out = next(out for out, pair in enumerate(zip(recorded, inferred, strict=False)) if _contradicts(*pair))
        value = node if len(recorded) == 1 else f"{node}[{out}]"
        entered = ", ".join(str(spec.shape) for spec in graph.operand_specs(node))
        given = f"on {entered} a {graph.ops[node].kind} makes" if entered else "its config says"
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=f"{value} is recorded as {recorded[out]}, but {given} {inferred[out]}",
            nodes=(node,),
            help=(
                "the file was changed by hand, or written by a Keras that infers otherwise; Keras does not look at "
                "the record: load the model, and save it again"
            ),
            known="recorded",
        )


def _contradicting(graph: Graph, node: str) -> list[Shape] | None:
    """What Keras 3 infers, where neither that nor what Keras 2 infers is what was recorded; None where one of them is,
    or cannot be told."""
    op = graph.ops[node]
    call, recorded = call_of(op, graph.operand_specs(node)), [spec.shape for spec in op.outputs]
    inferred = [spec.shape for spec in infer_specs(call) or ()]
    if not any(map(_contradicts, recorded, inferred)):
        return None
    older = [spec.shape for spec in implied_specs(call, op.outputs) or ()]
    return inferred if any(map(_contradicts, recorded, older)) else None


def _contradicts(one: Shape, other: Shape) -> bool:
    """True if no tensor has both shapes; an extent that is not told may be any."""
    if one is None or other is None:
        return False
    return len(one) != len(other) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(one, other, strict=True)
    )
