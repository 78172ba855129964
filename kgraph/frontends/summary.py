"""From the printed output of ``model.summary()`` to a Graph.

A summary has names, classes, output shapes, numbers of parameters and (unless every layer follows the one before)
what each call reads. It has no configs, no dtypes, no arguments and no list of outputs: those stay unknown, and what
has to be taken for granted is said in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kgraph.errors import SourceError
from kgraph.frontends.assemble import Call, Model, Ref, assemble
from kgraph.frontends.summary_cells import (
    CUT,
    UNKNOWN,
    arguments,
    joined_axis,
    kind,
    link,
    may_be_several,
    shapes,
    split_name,
    weights,
)
from kgraph.frontends.summary_links import Layer, ordered, resolve
from kgraph.frontends.summary_paste import clean, header_line, unwrapped
from kgraph.frontends.summary_slices import with_slices
from kgraph.frontends.summary_text import Table, table
from kgraph.frontends.summary_words import Row
from kgraph.graph import FrozenDict, Graph, Spec
from kgraph.ops import complete
from kgraph.ops.catalog import entry

LOOK = 2**20
"""Characters at the start of a text in which the header of a summary is looked for."""


def is_summary(text: str) -> bool:
    """True for text that holds the header of a printed summary."""
    return header_line(unwrapped(clean(text[:LOOK]))) is not None


def read(text: str, name: str) -> tuple[Graph, tuple[str, ...]]:
    """The Graph of the first summary in a text, and plain sentences on what it does not tell.

    Args:
        text: may hold anything before and behind the summary.
        name: the source's, for messages.

    Raises:
        SourceError: the text holds none, or rows that cannot be told apart; the message names the line.
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
        told = shapes(row.shape)[: 1 if cls == "InputLayer" else None]
        if not name:
            raise SourceError(f"line {row.line}: expected a row 'name (Type)', received {row.name[:80]!r}")
        known = weights(row.params, trainable=row.trainable != "N")
        known = None if cls == "Function" else known  # Keras shows 0 for these, whatever is inside
        layer = Layer(row, name, cls, told, known, [link(part) for part in row.connected])
        if cls == "InputLayer" and layer.links:
            raise SourceError(
                f"line {row.line}: {name} is an InputLayer, which reads nothing; its row says it reads a tensor"
            )
        if None in told:
            notes.append(f"line {row.line}: the output shape of {name} is not told ({row.shape[:40]!r})")
        if known is None:
            notes.append(f"line {row.line}: the number of parameters of {name} is not told ({row.params[:40]!r})")
        del open_models[row.depth :]
        if row.depth > len(open_models):
            raise SourceError(f"line {row.line}: {name} is nested deeper than the row above allows")
        (open_models[-1].inside if open_models else top).append(layer)
        open_models.append(layer)
    cut = [row for row in found.rows if split_name(row.name)[0].endswith(CUT)]
    if cut:
        first = f"line {cut[0].line}: {split_name(cut[0].name)[0]!r}"
        notes.append(f"{len(cut):,} name{'s' * (len(cut) > 1)} cut off: what is shown is the name ({first})")
    _check_total(found, top, notes)
    return top


def _check_total(found: Table, layers: Sequence[Layer], notes: list[str]) -> None:
    counted = [extent for layer in layers for weight in layer.weights or () for extent in weight.shape]
    total = sum(extent for extent in counted if extent is not None)
    if found.total is not None and all(layer.weights is not None for layer in layers) and total != found.total:
        notes.append(f"the rows have {total:,} parameters, 'Total params' says {found.total:,}")


def _described(found: Table, layers: list[Layer], notes: list[str]) -> Model:
    if found.linked:
        resolve(layers)
        notes.append("a summary does not tell the model's outputs: the tensors that nothing reads are taken")
        alone = (layer for layer in layers if not layer.links and layer.cls != "InputLayer")
        notes += [f"line {layer.row.line}: what {layer.name} reads is not told" for layer in alone]
    else:
        layers = _chained(layers, notes)
    order = ordered(layers)
    calls: list[Call] = []
    places: dict[tuple[int, int], int] = {}
    for at, ordinal in order:
        refs = [Ref(places[source, call], out) for source, call, out in layers[at].calls[ordinal]]
        places[at, ordinal] = len(calls)
        calls.append(_call(found, layers, layers[at], ordinal, refs, calls, notes))
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
        if layer.cls != "InputLayer" and len(layers[at - 1].shapes) > 1:
            notes.append(f"line {layer.row.line}: which output of {layers[at - 1].name} is read is not told")
        layer.calls = [[] if layer.cls == "InputLayer" else [(at - 1, 0, 0)]]
    return layers


# --- calls --------------------------------------------------------------------------------------------------------


def _call(
    found: Table, layers: list[Layer], layer: Layer, ordinal: int, refs: list[Ref], calls: list[Call], notes: list[str]
) -> Call:
    operands = [calls[ref.call].outputs[ref.out] for ref in refs]
    outputs = tuple(Spec(shape, UNKNOWN) for shape in layer.shapes)
    if len(layer.calls) > 1 and found.boxed and not _alike(layers, layer):
        notes.append(
            f"line {layer.row.line}: {layer.name} is called {len(layer.calls)} times; which shapes it has is not told"
        )
        outputs = tuple(Spec(None, UNKNOWN) for _ in outputs)
    what, note = kind(layer.name, layer.cls, boxed=found.boxed, operands=operands, outputs=outputs)
    if note:
        notes.append(f"line {layer.row.line}: {layer.name}: {note}")
    config = FrozenDict()
    if what == "layers.InputLayer":
        config = FrozenDict(batch_shape=outputs[0].shape)
    axis = joined_axis(operands, outputs[0]) if what == "layers.Concatenate" else None
    if axis is not None:
        config = complete(what, FrozenDict(axis=axis, dtype=UNKNOWN))
    if len(layer.calls) == 1 and axis is None and may_be_several(what, len(refs)):
        told = f"line {layer.row.line}: {layer.name} reads {len(refs)} tensors"
        notes.append(f"{told}, in one call or in several, which is not told: one call is taken")
    operation = what.startswith(("ops.", "custom.tf."))
    identity = None if operation else id(layer)
    inner = _inner(layer, what, operands, notes)
    call = Call(layer.name, identity, what, config, arguments(what, refs), layer.weights, outputs, ordinal, inner)
    return replace(call, weights=()) if operation else call


def _alike(layers: list[Layer], layer: Layer) -> bool:
    """Keras 3 shows the shape of a layer's last call: it is that of all if these read the same shapes."""
    read = {tuple(layers[source].shapes[out] for source, _, out in call) for call in layer.calls}
    return len(read) == 1 and not any(shape is None for shape in read.pop())


def _is_plain(layer: Layer) -> bool:
    """True for a layer of Keras' own with one output: others may be models, whose rows follow at an unknown depth."""
    return len(layer.shapes) == 1 and not layer.inside and entry(f"layers.{layer.cls}") is not None


def _inner(layer: Layer, what: str, operands: list[Spec], notes: list[str]) -> Model | None:
    """A nested Sequential model whose rows are shown; of other nested models the connections are not shown."""
    if not layer.inside:
        return None
    plain = all(_is_plain(each) for each in layer.inside)
    if what != "models.Sequential" or not plain or len(operands) != 1 or layer.inside[0].cls == "InputLayer":
        notes.append(
            f"line {layer.row.line}: how the rows inside {layer.name} are connected is not told: it stays one call"
        )
        return None
    spec = operands[0]
    start = Call(
        "input", id(operands), "layers.InputLayer", FrozenDict(batch_shape=spec.shape), FrozenDict(), (), (spec,)
    )
    calls = [start]
    for each in layer.inside:
        outputs = (Spec(each.shapes[0], UNKNOWN),)
        what, _ = kind(each.name, each.cls, boxed=False, operands=[calls[-1].outputs[0]], outputs=outputs)
        given = arguments(what, [Ref(len(calls) - 1)])
        calls.append(Call(each.name, id(each), what, FrozenDict(), given, each.weights, outputs))
    return Model(layer.name, tuple(calls), Ref(0), Ref(len(calls) - 1))
