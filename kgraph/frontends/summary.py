"""From the printed output of ``model.summary()`` to a Graph.

A summary has names, classes, output shapes, numbers of parameters and (unless every layer follows the one before) what
each call reads. It has no configs, no dtypes, no arguments and no list of outputs: those stay unknown, and what has to be
taken for granted is said in the notes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kgraph.errors import SourceError
from kgraph.frontends.assemble import Call, Model, Ref, assemble
from kgraph.frontends.summary_cells import (
    CUT,
    UNKNOWN,
    Link,
    arguments,
    is_single,
    joined_axis,
    kind,
    link,
    shapes,
    split_name,
    weights,
)
from kgraph.frontends.summary_slices import with_slices
from kgraph.frontends.summary_text import HEADER, Row, Table, clean, table
from kgraph.graph import FrozenDict, Graph, Spec, Weight

LOOK = 2**20
"""Characters at the start of a text in which the header of a summary is looked for."""


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


def is_summary(text: str) -> bool:
    """True for text that holds the header of a printed summary."""
    return any(HEADER.search(line) for line in clean(text[:LOOK]))


def read(text: str, name: str) -> Graph:
    """The Graph of the first summary in a text; ``name`` is the source's, for messages.

    Raises:
        SourceError: the text holds none, or rows that cannot be told apart; the message names the line.
    """
    return read_noted(text, name)[0]


def read_noted(text: str, name: str) -> tuple[Graph, tuple[str, ...]]:
    """The same, and plain sentences on what the summary does not tell, with the line where there is one.

    Raises:
        SourceError: as for ``read``.
    """
    try:
        found = table(text)
        notes = list(found.notes)
        layers = _layers(found, notes)
        described = _described(found, layers, notes)
    except SourceError as error:
        raise SourceError(f"{name}: {error}") from error
    return assemble(described), tuple(dict.fromkeys(notes))


def _layers(found: Table, notes: list[str]) -> list[Layer]:
    """The rows as layers, those of nested models inside the row above."""
    top: list[Layer] = []
    open_models: list[Layer] = []
    for row in found.rows:
        name, cls = split_name(row.name)
        if not name:
            raise SourceError(f"line {row.line}: expected a row 'name (Type)', received {row.name[:80]!r}")
        told = shapes(row.shape)
        known = weights(row.params, trainable=row.trainable != "N")
        layer = Layer(row, name, cls, told, known, [link(part) for part in row.connected])
        if None in told:
            notes.append(f"line {row.line}: the output shape of {name} is not told ({row.shape[:40]!r})")
        if known is None:
            notes.append(f"line {row.line}: the number of parameters of {name} is not told ({row.params[:40]!r})")
        del open_models[row.depth :]
        if row.depth > len(open_models):
            raise SourceError(f"line {row.line}: {name} is nested deeper than the row above allows")
        (open_models[-1].inside if open_models else top).append(layer)
        open_models.append(layer)
    _check_total(found, top, notes)
    return top


def _check_total(found: Table, layers: Sequence[Layer], notes: list[str]) -> None:
    counted = [extent for layer in layers for weight in layer.weights or () for extent in weight.shape]
    total = sum(extent for extent in counted if extent is not None)
    if found.total is not None and all(layer.weights is not None for layer in layers) and total != found.total:
        notes.append(f"the rows have {total:,} parameters, 'Total params' says {found.total:,}")


def _described(found: Table, layers: list[Layer], notes: list[str]) -> Model:
    if found.linked:
        _resolve(layers)
        notes.append("a summary does not tell the model's outputs: the tensors that nothing reads are taken")
    else:
        layers = _chained(layers, notes)
    order = _ordered(layers)
    calls: list[Call] = []
    places: dict[tuple[int, int], int] = {}
    for at, ordinal in order:
        refs = [Ref(places[source, call], out) for source, call, out in layers[at].calls[ordinal]]
        places[at, ordinal] = len(calls)
        calls.append(_call(found, layers[at], ordinal, refs, calls, notes))
    calls = with_slices(calls, notes)
    read = {(source, call) for layer in layers for operands in layer.calls for source, call, _ in operands}
    inputs = [Ref(number) for number, call in enumerate(calls) if call.kind == "layers.InputLayer"]
    ends = [place for key, place in places.items() if key not in read]
    outputs = [Ref(number, out) for number in ends for out in range(len(calls[number].outputs))]
    if not inputs:
        raise SourceError("the summary has no row of an InputLayer, and nothing to start from")
    return Model(found.name, tuple(calls), _tree(inputs), _tree(outputs))


def _tree(refs: list[Ref]) -> Ref | tuple[Ref, ...]:
    return refs[0] if len(refs) == 1 else tuple(refs)


def _chained(layers: list[Layer], notes: list[str]) -> list[Layer]:
    """A table without connections: each layer reads the one before."""
    notes.append("the table has no column 'Connected to': each row is taken to read the row above")
    if layers[0].cls != "InputLayer":
        notes.append("the summary does not show the input of the model: its shape is unknown")
        row = Row(layers[0].row.line, "input (InputLayer)", "", "0")
        layers = [Layer(row, "input", "InputLayer", (None,), (), []), *layers]
    for at, layer in enumerate(layers):
        if at and len(layers[at - 1].shapes) > 1:
            notes.append(f"line {layer.row.line}: which output of {layers[at - 1].name} is read is not told")
        layer.calls = [[] if at == 0 else [(at - 1, 0, 0)]]
    return layers


# --- what is connected to what ------------------------------------------------------------------------------------


def _resolve(layers: list[Layer]) -> None:
    """Finds the layer that each reference names, then the call of it."""
    whole: dict[str, list[int]] = defaultdict(list)
    for at, layer in enumerate(layers):
        whole[layer.name].append(at)
    names = sorted((layer.name, at) for at, layer in enumerate(layers))
    cut = [at for at, layer in enumerate(layers) if layer.name.endswith(CUT)]
    sources = [[_source(layers, whole, names, cut, at, link) for link in layer.links] for at, layer in enumerate(layers)]
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
    cut: list[int],
    at: int,
    link: Link,
) -> int:
    """The number of the one row that a reference fits."""
    line = layers[at].row.line
    exact = whole.get(link.name, []) if not link.name.endswith(CUT) else []
    if len(exact) == 1:
        return exact[0]
    shown = link.name.rstrip(CUT)
    if exact:
        fitting = exact
    elif link.name.endswith(CUT):
        start, stop = bisect_left(names, (shown, -1)), bisect_left(names, (shown + chr(0x10FFFF), -1))
        fitting = [row for _, row in names[start:stop] if row != at][:4] if stop - start < 5 else [0] * (stop - start)
    else:
        fitting = [row for row in cut[:1000] if row != at and shown.startswith(layers[row].name.rstrip(CUT))]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise SourceError(
            f"line {line}: {layers[at].name} reads {shown!r}, which is no row of the table; paste all of its rows"
        )
    raise SourceError(
        f"line {line}: {layers[at].name} reads {link.name!r}, which fits {len(fitting)} rows; print the summary with "
        "wider columns: model.summary(line_length=200), for Keras 3 with the environment variable COLUMNS=200"
    )


def _calls(layer: Layer, sources: list[int], at: int) -> int:
    """How many calls a row stands for: a shared layer has one row, and the tensors of all calls in a row."""
    numbers = sorted(set(layer.nodes))
    own = [node.node for node, source in zip(layer.links, sources, strict=True) if source == at and node.node is not None]
    single = is_single(f"layers.{layer.cls}")
    count = max(1, len(sources)) if single else max(1, len(numbers))
    if own and not single:  # a call that reads another of its layer is a later one
        count = max(count, own[-1] - numbers[0] + 2)
    if sources and len(sources) % count:
        raise SourceError(
            f"line {layer.row.line}: {layer.name} reads {len(sources)} tensors in {count} calls; which call reads which "
            "is not told"
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
            f"line {reader.row.line}: {reader.name} reads a call of {layer.name}; which of {counts[source]} is cut off"
        )
    if link.out is None and len(layer.shapes) > 1:
        raise SourceError(
            f"line {reader.row.line}: {reader.name} reads an output of {layer.name}; which of {len(layer.shapes)} is "
            "cut off"
        )
    ordinal = 0 if link.node is None or counts[source] == 1 else link.node - layer.first
    out = link.out or 0
    if out >= len(layer.shapes):
        if layer.shapes[-1] is not None or out > 999:
            raise SourceError(
                f"line {reader.row.line}: {reader.name} reads output {out} of {layer.name}, which has {len(layer.shapes)}"
            )
        layer.shapes += (None,) * (out + 1 - len(layer.shapes))
    return source, ordinal, out


def _ordered(layers: list[Layer]) -> list[tuple[int, int]]:
    """All calls, those first that others read; otherwise in the order of the rows."""
    done: set[tuple[int, int]] = set()
    order: list[tuple[int, int]] = []
    for at, layer in enumerate(layers):
        for ordinal in range(len(layer.calls)):
            stack = [(at, ordinal)]
            open_calls: set[tuple[int, int]] = set()
            while stack:
                call = stack[-1]
                waiting = [(row, number) for row, number, _ in layers[call[0]].calls[call[1]] if (row, number) not in done]
                if call in done:
                    stack.pop()
                elif not waiting:
                    done.add(call)
                    order.append(stack.pop())
                elif call in open_calls:
                    raise SourceError(
                        f"line {layers[call[0]].row.line}: {layers[call[0]].name} would read its own output; which call "
                        "of a shared layer is which is not told"
                    )
                else:
                    open_calls.add(call)
                    stack += waiting
    return order


# --- calls --------------------------------------------------------------------------------------------------------


def _call(
    found: Table, layer: Layer, ordinal: int, refs: list[Ref], calls: list[Call], notes: list[str]
) -> Call:
    operands = [calls[ref.call].outputs[ref.out] for ref in refs]
    outputs = tuple(Spec(shape, UNKNOWN) for shape in layer.shapes)
    if len(layer.calls) > 1 and found.boxed and not _alike(layer, ordinal, operands, notes):
        outputs = tuple(Spec(None, UNKNOWN) for _ in outputs)
    what, note = kind(layer.name, layer.cls, boxed=found.boxed, operands=operands, outputs=outputs)
    if note:
        notes.append(f"line {layer.row.line}: {layer.name}: {note}")
    config = FrozenDict()
    if what == "layers.InputLayer":
        config = FrozenDict(batch_shape=outputs[0].shape)
    axis = joined_axis(operands, outputs[0]) if what == "layers.Concatenate" else None
    if axis is not None:
        config = FrozenDict(axis=axis)
    operation = what.startswith(("ops.", "custom.tf."))
    identity = None if operation else id(layer)
    inner = _inner(layer, what, operands, notes)
    call = Call(layer.name, identity, what, config, arguments(what, refs), layer.weights, outputs, ordinal, inner)
    return replace(call, weights=()) if operation else call


def _alike(layer: Layer, ordinal: int, operands: list[Spec], notes: list[str]) -> bool:
    """Keras 3 shows the shape of a layer's last call: it is that of the others if these read the same shapes."""
    return ordinal == len(layer.calls) - 1 and bool(operands) and not notes.append(
        f"line {layer.row.line}: {layer.name} is called {len(layer.calls)} times; Keras shows the shape of the last call"
    )


def _inner(layer: Layer, what: str, operands: list[Spec], notes: list[str]) -> Model | None:
    """A nested Sequential model whose rows are shown; of other nested models the connections are not shown."""
    if not layer.inside:
        return None
    plain = all(not each.inside and len(each.shapes) == 1 for each in layer.inside)
    if what != "models.Sequential" or not plain or len(operands) != 1 or layer.inside[0].cls == "InputLayer":
        notes.append(f"line {layer.row.line}: how the rows inside {layer.name} are connected is not told: it stays one call")
        return None
    spec = operands[0]
    start = Call("input", id(operands), "layers.InputLayer", FrozenDict(batch_shape=spec.shape), FrozenDict(), (), (spec,))
    calls = [start]
    for each in layer.inside:
        outputs = (Spec(each.shapes[0], UNKNOWN),)
        what, _ = kind(each.name, each.cls, boxed=False, operands=[calls[-1].outputs[0]], outputs=outputs)
        given = arguments(what, [Ref(len(calls) - 1)])
        calls.append(Call(each.name, id(each), what, FrozenDict(), given, each.weights, outputs))
    return Model(layer.name, tuple(calls), Ref(0), Ref(len(calls) - 1))
