"""Where an extent comes from: back through calls that keep it, to the call that fixed it, and how to say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.graph import Graph, Value
from kgraph.ops import call_of, kept, knowledge
from kgraph.ops.elementwise import merge_operands

IMAGE_AXES = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that fixed an extent, and the calls that passed it on unchanged, from the last to the first."""

    value: Value
    axis: int
    through: tuple[str, ...]


def origin(graph: Graph, value: Value, axis: int) -> Origin:
    """Traces one axis of a value back to the call that fixed its extent.

    A merge passes an axis on if it is the same on all operands or 1 on the others: of its first operand that is not 1.
    """
    through: list[str] = []
    while True:
        op = graph.ops[value.node]
        found = _before(graph, value, axis)
        if found is None:
            return Origin(value, axis, tuple(through))
        through.append(value.node)
        value, axis = graph.operands[value.node][found[0]], found[1]
        if op.is_input:
            return Origin(value, axis, tuple(through))


def _before(graph: Graph, value: Value, axis: int) -> tuple[int, int] | None:
    op = graph.ops[value.node]
    if not knowledge(op.kind).merge:
        return kept(op, graph.operand_specs(value.node), value.out)[axis] if graph.operands[value.node] else None
    rank = len(op.outputs[value.out].shape or ())
    for item in merge_operands(op.arguments):
        slot = getattr(item, "index", None)
        shape = graph.spec(graph.operands[value.node][slot]).shape if slot is not None else None
        if shape is not None and slot is not None and len(shape) == rank and shape[axis] != 1:
            return slot, axis
    return None


def axis_names(graph: Graph, value: Value, rank: int) -> tuple[str, ...]:
    """What a person calls the axes of a value: batch, height, width, channels; else ``axis 1``, ``axis 2``, ..."""
    if rank == 2:
        return ("batch", "features")
    if rank not in IMAGE_AXES:
        return ("batch", *(f"axis {axis}" for axis in range(1, rank)))[:rank]
    if _channels_first(graph, value):
        return ("batch", "channels", *IMAGE_AXES[rank])
    return ("batch", *IMAGE_AXES[rank], "channels")


def _channels_first(graph: Graph, value: Value) -> bool:
    """Whether the nearest image-like layer above says so; looks back along first operands only."""
    node: str | None = value.node
    for _ in range(50):
        if node is None:
            return False
        layout = graph.ops[node].config.get("data_format")
        if layout is not None:
            return layout == "channels_first"
        operands = graph.operands[node]
        node = operands[0].node if operands else None
    return False


def reason(graph: Graph, found: Origin) -> str:
    """What fixed the extent: ``256 filters``, ``stride 2``, ``the input``; empty where there are no words for it."""
    op = graph.ops[found.value.node]
    if op.is_input:
        return "the input"
    call = call_of(op, graph.operand_specs(found.value.node))
    return knowledge(op.kind).reason(call, found.axis)


def passage(graph: Graph, origins: Sequence[Origin]) -> str:
    """How an extent came through: ``unchanged``, or ``unchanged through 1x1 convolutions of stride 1``."""
    nodes = dict.fromkeys(node for found in origins for node in found.through)
    windows = [graph.ops[node] for node in nodes if "strides" in graph.ops[node].config]
    if not windows:
        return "unchanged"
    sizes = {tuple(op.config.get("kernel_size", op.config.get("pool_size", ()))) for op in windows}
    what = "convolutions" if all("kernel_size" in op.config for op in windows) else "windows"
    width = f"{'x'.join(map(str, sizes.pop()))} " if len(sizes) == 1 else ""
    return f"unchanged through {width}{what} of stride 1"
