"""KG201 late-bound-slice."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.late_binding import alike, is_certain, shared_part
from kgraph.analysis.ranges import channels, cover
from kgraph.analysis.selection import Selection
from kgraph.findings import Finding, Severity
from kgraph.graph import Function, Graph, Value
from kgraph.rules.base import Facts


class LateBoundSlice:
    """
    What it does:
        Finds ``Lambda`` layers that slice by a variable of a loop, and so all read the slice of its last round.

    Why is this bad?
        Python closures bind late: ``Lambda(lambda t: t[..., c * g : (c + 1) * g])`` looks up ``c`` when it runs. While
        the model is built every shape is right; at every later call all branches read the *last* slice. Summary,
        shapes and loss show nothing, and the network never sees the other channels.

        The code in a file is not run. What is reported of one: three or more Lambdas with equal code and equal values
        of a closure, whose parts would make up the whole axis, meet in a concatenation, each behind weights of its own.

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
        for nodes in alike(graph):
            selection = facts.selections.get(Value(nodes[0]))
            if selection is not None and is_certain(graph, nodes, selection):
                yield self._finding(nodes, _selected(graph, nodes, selection), graph, selection.known)
            part = shared_part(graph, nodes) if selection is None else None
            if part is not None:
                yield self._finding(nodes, _computed(graph, nodes, *part), graph, "recorded")

    def _finding(self, nodes: list[str], message: str, graph: Graph, known: str) -> Finding:
        captures = graph.ops[nodes[0]].config["function"].captures
        if known == "recorded":  # a file has the values and not the names
            names, bound = "the variables of a loop", "c=c"
        else:
            names = ", ".join(capture.name for capture in captures)
            bound = ", ".join(f"{capture.name}={capture.name}" for capture in captures)
        return Finding(
            rule=self.id,
            name=self.name,
            severity=self.severity,
            message=message,
            nodes=tuple(nodes),
            help=(
                f"the Lambdas look up {names} when they run, and find its last value; bind it when each is made, "
                f"Lambda(lambda t, {bound}: ...), or slice without a Lambda, x[..., a:b]"
            ),
            confidence="high" if known == "recorded" else "certain",
            known=known,
        )


def _selected(graph: Graph, nodes: list[str], selection: Selection) -> str:
    missing = (cover(selection.ranges, selection.extent) or ((), ()))[0]
    function: Function = graph.ops[nodes[0]].config["function"]
    return (
        f"all {len(nodes)} branches of {selection.source} read {_read(function, selection)}; "
        f"{channels(missing, 'is')} never read"
    )


def _computed(graph: Graph, nodes: list[str], width: int, extent: int) -> str:
    values = ", ".join(f"{capture.value!r:.40}" for capture in graph.ops[nodes[0]].config["function"].captures)
    return (
        f"all {len(nodes)} branches of {graph.operands[nodes[0]][0]} run the same code with the same values of its "
        f"closure ({values}): each takes the same {width} of {extent} channels"
    )


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
