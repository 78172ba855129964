"""Residual connections: which input of a merge is the shortcut, and what it skips."""

from __future__ import annotations

from collections.abc import Mapping

from kgraph.graph import Graph, Value, memoised

LONGEST = 32
"""Calls that a shortcut may pass through; longer ones are branches."""
MOST = 2048
"""Calls that are looked at to see that both inputs come from one tensor."""


def shortcut(graph: Graph, left: Value, right: Value) -> str | None:
    """A sentence such as ``identity shortcut from re_lu_3``; None where no input is a shortcut past the other."""
    found = [way for way in (_way(graph, left, right), _way(graph, right, left)) if way is not None]
    if not found:
        return None
    source, through = min(found, key=lambda way: len(way[1]))
    if not through:
        return f"identity shortcut from {source}"
    weighted = [node for node in through if graph.ops[node].weights != ()]
    kind = "projection shortcut" if weighted else "shortcut"
    return f"{kind} from {source} through {' and '.join(reversed(weighted or through))}"


def _way(graph: Graph, value: Value, other: Value) -> tuple[Value, list[str]] | None:
    """Back from ``value`` along calls of one input, to a tensor that ``other`` is computed from too."""
    through: list[str] = []
    while len(through) <= LONGEST:
        if value != other and len(graph.users.get(value, ())) > 1 and _leads_to(graph, value, other.node):
            return value, through
        operands = graph.operands[value.node]
        if len(operands) != 1:
            return None
        through.append(value.node)
        value = operands[0]
    return None


def _leads_to(graph: Graph, value: Value, node: str) -> bool:
    order = _positions(graph)
    first = order[value.node]
    seen: set[str] = set()
    stack = [node]
    while stack and len(seen) < MOST:
        current = stack.pop()
        if current == value.node:
            return True
        if current in seen or order[current] < first:
            continue
        seen.add(current)
        stack.extend(operand.node for operand in graph.operands[current])
    return False


@memoised
def _positions(graph: Graph) -> Mapping[str, int]:
    return {node: index for index, node in enumerate(graph.ops)}
