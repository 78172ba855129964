"""Where an extent comes from: back through calls that keep it, to the call that fixed it, and how to say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kgraph.graph import Constant, Graph, Value, memoised
from kgraph.ops import call_of, kept, knowledge, reason
from kgraph.ops.elementwise import merge_operands

IMAGE_AXES = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that fixed an extent, and the sliding windows (kind, size) that passed it on unchanged."""

    value: Value
    axis: int
    windows: frozenset[tuple[str, tuple[int, ...]]] = frozenset()


def origin(graph: Graph, value: Value, axis: int) -> Origin:
    """Traces one axis of a value back to the call that fixed its extent.

    A merge passes an axis on if it is the same on all operands or 1 on the others: of its first operand that is not 1.
    What is found is kept for every value on the way, so that a deep chain of merges is walked once.
    """
    known = _known(graph)
    way: list[tuple[Value, int]] = []
    while (value, axis) not in known:
        found = _before(graph, value, axis)
        if found is None:
            known[value, axis] = Origin(value, axis)
            break
        way.append((value, axis))
        value, axis = graph.operands[value.node][found[0]], found[1]
    result = known[value, axis]
    for place in reversed(way):
        result = known[place] = _past(graph, result, place[0].node)
    return result


@memoised
def _known(_: Graph) -> dict[tuple[Value, int], Origin]:
    return {}


def _past(graph: Graph, found: Origin, node: str) -> Origin:
    config = graph.ops[node].config
    if "strides" not in config:
        return found
    kind = "convolutions" if "kernel_size" in config else "windows"
    size = config.get("kernel_size", config.get("pool_size", ()))
    return replace(found, windows=found.windows | {(kind, size)})


def _before(graph: Graph, value: Value, axis: int) -> tuple[int, int] | None:
    op = graph.ops[value.node]
    if not knowledge(op.kind).merge:
        return kept(op, graph.operand_specs(value.node), value.out)[axis] if graph.operands[value.node] else None
    rank = len(op.outputs[value.out].shape or ())
    for item in merge_operands(op.arguments):
        if isinstance(item, Constant):
            continue
        shape = graph.spec(graph.operands[value.node][item.index]).shape
        if shape is not None and len(shape) == rank and shape[axis] != 1:
            return item.index, axis
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
    return reason(call, found.axis)


def passage(origins: Sequence[Origin]) -> str:
    """How an extent came through: ``unchanged``, or ``unchanged through 1x1 convolutions of stride 1``."""
    windows = frozenset[tuple[str, tuple[int, ...]]]().union(*(found.windows for found in origins))
    if not windows:
        return "unchanged"
    kinds, sizes = ({window[part] for window in windows} for part in (0, 1))
    width = f"{'x'.join(map(str, sizes.pop()))} " if len(sizes) == 1 else ""
    return f"unchanged through {width}{kinds.pop() if len(kinds) == 1 else 'windows'} of stride 1"
