"""Do several Lambdas of one tensor read the same slice because their closures bind late? What is certain of that."""

from __future__ import annotations

from collections.abc import Sequence

from kgraph.analysis.ranges import cover
from kgraph.analysis.selection import Selection, reads
from kgraph.graph import Function, Graph, Op, Value
from kgraph.ops import call_of, infer_specs
from kgraph.ops.base import as_axes

FEWEST = 3
"""Two branches that compute the same are often meant so: twin towers, a factory called twice."""

CONCATENATIONS = ("layers.Concatenate", "ops.concatenate")


def alike(graph: Graph) -> list[list[str]]:
    """Lambdas of one tensor with the same code, the same captured values (live: the same cells) and arguments."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for node, op in graph.ops.items():
        function = op.config.get("function")
        if op.kind != "layers.Lambda" or not isinstance(function, Function) or not function.captures:
            continue
        arguments = op.config.get("arguments")
        key = (function.digest, function.captures, function.selection, arguments, graph.operands[node])
        groups.setdefault(key, []).append(node)
    return [nodes for nodes in groups.values() if len(nodes) > 1]


def is_certain(graph: Graph, nodes: Sequence[str], selection: Selection) -> bool:
    """A recorded shape is not what the code yields now; or all read the same and nothing reads the rest."""
    for node in nodes:
        op = graph.ops[node]
        now = infer_specs(call_of(op, graph.operand_specs(node)))
        if now is not None and now[0].shape != op.outputs[0].shape:
            return True
    read = reads(graph, selection.source, selection.axis)
    found = None if read is None else cover(read, selection.extent)
    return found is not None and bool(found[0]) and len(nodes) * selection.width <= selection.extent


def shared_part(graph: Graph, nodes: Sequence[str]) -> tuple[int, int] | None:
    """(width, extent) of the one part of their source that branches of unknown code take, where they look as if each
    was to take its own.

    They compute the same function of the same tensor. That is no accident of a loop where there are two, where they do
    not make up the whole axis, or where they share what follows.
    """
    function = graph.ops[nodes[0]].config["function"]
    if len(nodes) < FEWEST or not any(type(capture.value) is int for capture in function.captures):
        return None
    before, after = graph.operand_specs(nodes[0])[0].shape, graph.ops[nodes[0]].outputs[0].shape
    if before is None or after is None or len(before) != len(after):
        return None
    pairs = enumerate(zip(before, after, strict=True))
    changed = [axis for axis, (old, new) in pairs if new not in (old, None)]  # None: the file does not tell
    if len(changed) != 1 or any(graph.ops[node].outputs[0].shape != after for node in nodes):
        return None
    width, extent = after[changed[0]], before[changed[0]]
    if width is None or extent is None or width * len(nodes) != extent:
        return None
    end = _meeting(graph, nodes)
    return (width, extent) if end is not None and _axis(graph, end) == changed[0] else None


def _meeting(graph: Graph, nodes: Sequence[str]) -> str | None:
    """The concatenation at which all of them end, each behind layers with weights of its own."""
    ends: set[str] = set()
    seen: set[str] = set()
    for node in nodes:
        end, layers = _followed(graph, node)
        if end is None or not layers or layers & seen:
            return None
        ends.add(end)
        seen |= layers
    return ends.pop() if len(ends) == 1 else None


def _followed(graph: Graph, node: str) -> tuple[str | None, set[str]]:
    """The concatenation to which a value goes alone, and the layers with weights on its way."""
    layers: set[str] = set()
    while True:
        users = graph.users.get(Value(node), ())
        if len(users) != 1:
            return None, layers
        node = users[0][0]
        op = graph.ops[node]
        if op.kind in CONCATENATIONS:
            return node, layers
        if len(graph.operands[node]) != 1:
            return None, layers
        if op.weights and op.layer is not None:
            layers.add(op.layer)


def _axis(graph: Graph, node: str) -> int | None:
    """The axis along which a call concatenates."""
    op: Op = graph.ops[node]
    shape = op.outputs[0].shape
    axis = op.config.get("axis", call_of(op, ()).argument("axis"))
    axes = None if shape is None else as_axes(axis, len(shape))
    return axes[0] if axes and len(axes) == 1 else None
