"""KG201 late-bound-slice."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.ranges import channels, cover
from kgraph.analysis.selection import Selection, reads
from kgraph.findings import Finding, Severity
from kgraph.graph import Function, Graph, Value
from kgraph.ops import call_of, infer_specs
from kgraph.rules.base import Facts


class LateBoundSlice:
    """
    What it does:
        Finds ``Lambda`` layers that slice by a variable of a loop, and so all read the slice of its last round.

    Why is this bad?
        Python closures bind late: ``Lambda(lambda t: t[..., c * g : (c + 1) * g])`` looks up ``c`` when it runs. While
        the model is built every shape is right; at every later call all branches read the *last* slice. Summary,
        shapes and loss show nothing, and the network never sees the other channels.

    Example:
        x = Input(shape=(8, 8, 4), name="x")
        "{'function': {'digest': 'a', 'known': 'proved', 'captures': (('c', 0, 1),)}}"
        a = Lambda(lambda t: t[..., 2:4], name="a")(x)  # KG201
        "{'function': {'digest': 'a', 'known': 'proved', 'captures': (('c', 0, 1),)}}"
        b = Lambda(lambda t: t[..., 2:4], name="b")(x)
        y = Concatenate(name="y")([a, b])
        model = Model(x, y)

    Use instead:
        x = Input(shape=(8, 8, 4), name="x")
        a = Lambda(lambda t: t[..., 0:2], name="a")(x)
        b = Lambda(lambda t: t[..., 2:4], name="b")(x)
        y = Concatenate(name="y")([a, b])
        model = Model(x, y)
    """

    id = "KG201"
    name = "late-bound-slice"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each tensor whose Lambdas are certainly bound late."""
        groups: dict[tuple[object, ...], list[str]] = {}
        for node, op in graph.ops.items():
            function = op.config.get("function")
            if op.kind != "layers.Lambda" or not isinstance(function, Function) or not function.captures:
                continue
            arguments = op.config.get("arguments")
            key = (function.digest, function.captures, function.selection, arguments, graph.operands[node])
            groups.setdefault(key, []).append(node)
        for nodes in groups.values():
            selection = facts.selections.get(Value(nodes[0]))
            if selection is not None and len(nodes) >= 2 and _is_certain(graph, nodes, selection):
                yield self._finding(graph, nodes, selection)

    def _finding(self, graph: Graph, nodes: list[str], selection: Selection) -> Finding:
        function: Function = graph.ops[nodes[0]].config["function"]
        names = ", ".join(capture.name for capture in function.captures)
        missing = (cover(selection.ranges, selection.extent) or ((), ()))[0]
        bound = ", ".join(f"{capture.name}={capture.name}" for capture in function.captures)
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=(
                f"all {len(nodes)} branches of {selection.source} read {_read(function, selection)}; "
                f"{channels(missing, 'is')} never read"
            ),
            nodes=tuple(nodes),
            help=(
                f"the Lambdas look up {names} when they run, and find its last value; bind it when each is made, "
                f"Lambda(lambda t, {bound}: ...), or slice without a Lambda, x[..., a:b]"
            ),
            known=selection.known,
        )


def _is_certain(graph: Graph, nodes: list[str], selection: Selection) -> bool:
    """A recorded shape is not what the code yields now; or all read the same and nothing reads the rest."""
    for node in nodes:
        op = graph.ops[node]
        now = infer_specs(call_of(op, graph.operand_specs(node)))
        if now is not None and now[0].shape != op.outputs[0].shape:
            return True
    read = reads(graph, selection.source, selection.axis)
    found = None if read is None else cover(read, selection.extent)
    return found is not None and bool(found[0]) and len(nodes) * selection.width <= selection.extent


def _read(function: Function, selection: Selection) -> str:
    """The channels as written, even where the tensor has none of them."""
    if selection.width:
        return channels(selection.ranges)
    part = next((item for item in function.selection or () if hasattr(item, "start")), None)
    bounds = (
        f"{part.start}..{part.stop - 1}"
        if part and isinstance(part.start, int) and isinstance(part.stop, int)
        else "none"
    )
    return f"channels {bounds}, of which it has none (0..{selection.extent - 1})"
