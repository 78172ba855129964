"""What is connected to what in a summary: which row, which call of it and which output a reference means."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from kgraph.errors import SourceError
from kgraph.frontends.summary_cells import CUT, MODELS, Link, is_single
from kgraph.frontends.summary_words import Row
from kgraph.graph import Weight

WIDER = (
    "print the summary with wider columns: model.summary(line_length=200), for Keras 3 with the environment variable "
    "COLUMNS=200"
)


@dataclass(slots=True)
class Layer:
    """A row as it is read: one layer or operation, and the tensors that its calls read, in order."""

    row: Row
    name: str
    cls: str
    shapes: tuple[tuple[int | None, ...] | None, ...]
    weights: tuple[Weight, ...] | None
    links: list[Link]
    inside: list[Layer] = field(default_factory=list["Layer"])
    nodes: list[int] = field(default_factory=list[int])
    """Numbers of its calls that other rows read, as Keras counts them."""

    first: int = 0
    """Keras' number of its first call in this model."""

    calls: list[list[tuple[int, int, int]]] = field(default_factory=list["list[tuple[int, int, int]]"])
    """Per call the tensors that it reads: number of the layer, of its call here, of the output."""


def resolve(layers: list[Layer]) -> None:
    """Finds the layer that each reference names, then the call of it."""
    whole: dict[str, list[int]] = defaultdict(list)
    for at, layer in enumerate(layers):
        whole[layer.name].append(at)
    names = sorted((layer.name, at) for at, layer in enumerate(layers))
    cut: dict[str, list[int]] = defaultdict(list)
    for at, layer in enumerate(layers):
        if layer.name.endswith(CUT):
            cut[layer.name.rstrip(CUT)].append(at)
    sources = [
        [_source(layers, whole, names, cut, at, link) for link in layer.links] for at, layer in enumerate(layers)
    ]
    for layer, found in zip(layers, sources, strict=True):
        for link, source in zip(layer.links, found, strict=True):
            if link.node is not None:
                layers[source].nodes.append(link.node)
    counts = [_calls(layer, found, at) for at, (layer, found) in enumerate(zip(layers, sources, strict=True))]
    for layer, found, count in zip(layers, sources, counts, strict=True):
        width = max(1, len(found) // count)
        rows = [_tensor(layers, counts, layer, pair) for pair in zip(layer.links, found, strict=True)]
        layer.calls = [rows[start : start + width] for start in range(0, len(rows), width)] or [[]]


def _source(
    layers: list[Layer],
    whole: Mapping[str, list[int]],
    names: list[tuple[str, int]],
    cut: Mapping[str, list[int]],
    at: int,
    link: Link,
) -> int:
    """The number of the one row that a reference fits."""
    line = layers[at].row.line
    exact = whole.get(link.name, []) if not link.name.endswith(CUT) else []
    if len(exact) == 1:
        return exact[0]
    shown = link.name.rstrip(CUT)
    fitting = exact or [row for length in range(1, min(len(shown), 1000) + 1) for row in cut.get(shown[:length], ())]
    if link.name.endswith(CUT):
        start, stop = bisect_left(names, (shown, -1)), bisect_left(names, (shown + chr(0x10FFFF), -1))
        begun = (row for _, row in names[start:stop])
        fitting = [row for row in dict.fromkeys((*fitting, *begun)) if row != at]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise SourceError(
            f"line {line}: {layers[at].name} reads {shown!r}, which is no row of the table; paste all of its rows"
        )
    raise SourceError(f"line {line}: {layers[at].name} reads {link.name!r}, which fits {len(fitting)} rows; {WIDER}")


def _calls(layer: Layer, sources: list[int], at: int) -> int:
    """How many calls a row stands for: a shared layer has one row, and the tensors of all calls in a row."""
    numbers = sorted(set(layer.nodes))
    own = [
        node.node for node, source in zip(layer.links, sources, strict=True) if source == at and node.node is not None
    ]
    single = is_single(MODELS.get(layer.cls, f"layers.{layer.cls}"))
    count = max(1, len(sources)) if single else max(1, len(numbers))
    if own and not single:  # a call that reads another of its layer is a later one
        count = max(count, own[-1] - numbers[0] + 2)
    if sources and len(sources) % count:
        raise SourceError(
            f"line {layer.row.line}: {layer.name} reads {len(sources)} tensors in {count} calls; "
            "which call reads which is not told"
        )
    if not numbers:
        return count
    # Keras counts calls outside of the model too: then the first number here is not 0.
    if numbers[-1] >= count or (own and any(number >= count - 1 for number in own)):
        layer.first = numbers[0]
    if numbers[-1] - layer.first >= count:
        raise SourceError(
            f"line {layer.row.line}: call {numbers[-1]} of {layer.name} is read, but its row shows {count}; which call "
            "is which is not told"
        )
    return count


def _tensor(layers: list[Layer], counts: list[int], reader: Layer, pair: tuple[Link, int]) -> tuple[int, int, int]:
    link, source = pair
    layer = layers[source]
    if link.node is None and counts[source] > 1:
        raise SourceError(
            f"line {reader.row.line}: {reader.name} reads a call of {layer.name}; which of {counts[source]} is cut "
            f"off; {WIDER}"
        )
    if link.out is None and len(layer.shapes) > 1:
        raise SourceError(
            f"line {reader.row.line}: {reader.name} reads an output of {layer.name}; which of {len(layer.shapes)} is "
            f"cut off; {WIDER}"
        )
    ordinal = 0 if link.node is None or counts[source] == 1 else link.node - layer.first
    out = link.out or 0
    if out >= len(layer.shapes):
        shown = len(layer.shapes)
        if None not in layer.shapes[shown - 1 :] or out > 999:
            raise SourceError(
                f"line {reader.row.line}: {reader.name} reads output {out} of {layer.name}, which has {shown}"
            )
        layer.shapes += (None,) * (out + 1 - shown)
    return source, ordinal, out


def ordered(layers: list[Layer]) -> list[tuple[int, int]]:
    """All calls, those first that others read; otherwise in the order of the rows."""
    done: set[tuple[int, int]] = set()
    order: list[tuple[int, int]] = []
    for at, layer in enumerate(layers):
        for ordinal in range(len(layer.calls)):
            stack = [(at, ordinal)]
            open_calls: set[tuple[int, int]] = set()
            while stack:
                call = stack[-1]
                waiting = [
                    (row, number) for row, number, _ in layers[call[0]].calls[call[1]] if (row, number) not in done
                ]
                if call in done:
                    stack.pop()
                elif not waiting:
                    done.add(call)
                    order.append(stack.pop())
                elif call in open_calls:
                    raise SourceError(
                        f"line {layers[call[0]].row.line}: {layers[call[0]].name} would read its own output; "
                        "which call of a shared layer is which is not told"
                    )
                else:
                    open_calls.add(call)
                    stack += waiting
    return order
