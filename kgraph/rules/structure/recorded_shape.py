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
        for node, op in graph.ops.items():
            if op.known != "recorded":
                continue
            recorded = [spec.shape for spec in op.outputs]
            found = _inferred(graph, node)
            if any(map(_contradicts, recorded, found[0])) and any(map(_contradicts, recorded, found[1])):
                yield self._finding(graph, node, recorded, found[0])

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


def _inferred(graph: Graph, node: str) -> tuple[list[Shape], list[Shape]]:
    """The shapes of a call's outputs as Keras 3 and as Keras 2 infers them; empty where they cannot be told."""
    op = graph.ops[node]
    call = call_of(op, graph.operand_specs(node))
    both = infer_specs(call), implied_specs(call, op.outputs)
    new, old = ([spec.shape for spec in specs or ()] for specs in both)
    return new, old


def _contradicts(one: Shape, other: Shape) -> bool:
    """True if no tensor has both shapes; an extent that is not told may be any."""
    if one is None or other is None:
        return False
    return len(one) != len(other) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(one, other, strict=True)
    )
