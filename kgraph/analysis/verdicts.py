"""The verdict on every elementwise merge, from the shapes that Keras recorded."""

from __future__ import annotations

from kgraph.analysis.extents import ABSENT, BATCH, Extent, Operand, Symbol, lined_up, merge_inputs, shown, shown_shape
from kgraph.analysis.origins import Origin, axis_names, origin, passage, reason
from kgraph.analysis.shortcuts import shortcut
from kgraph.findings import MergeInput, Stretch, Verdict
from kgraph.graph import Graph, Op, memoised
from kgraph.ops import knowledge


@memoised
def verdicts(graph: Graph) -> tuple[Verdict, ...]:
    """One Verdict for every merge of two or more tensors or array constants, in graph order."""
    found: list[Verdict] = []
    for node, op in graph.ops.items():
        if not knowledge(op.kind).merge:
            continue
        operands = merge_inputs(graph, node)
        if len(operands) >= 2:
            found.append(_verdict(graph, node, op, operands))
    return tuple(found)


def _verdict(graph: Graph, node: str, op: Op, operands: tuple[Operand, ...]) -> Verdict:
    inputs = tuple(MergeInput(_label(operand), shown_shape(operand.extents)) for operand in operands)
    axes = lined_up(op, operands)
    if axes is None:
        blind = next(operand for operand in operands if operand.extents is None)
        why = (f"the rank of {_label(blind)} is unknown: Keras recorded no shape for it",)
        return Verdict(node, op.kind, "unknown", "unknown", inputs, why)
    clash = next((axis for axis, row in enumerate(axes) if _clash(row)), None)
    if clash is not None:
        return Verdict(node, op.kind, "incompatible", "recorded", inputs, (_clash_words(operands, axes, clash),))
    stretched = _stretches(graph, op, operands, axes)
    open_words = _open_words(operands, axes)
    if stretched:
        why = (*(_stretch_words(operands, stretch) for stretch in stretched), *open_words)
        return Verdict(node, op.kind, "broadcast", "recorded", inputs, why, stretched=stretched)
    if open_words:
        return Verdict(node, op.kind, "unknown", "unknown", inputs, open_words)
    return Verdict(node, op.kind, "identical", "recorded", inputs, _identical_words(graph, operands, axes))


def _label(operand: Operand) -> str:
    return "constant" if operand.value is None else str(operand.value)


def _clash(row: tuple[Extent, ...]) -> bool:
    return len({extent for extent in row if isinstance(extent, int) and extent not in (1, ABSENT)}) > 1


def _stretches(
    graph: Graph, op: Op, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]
) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for axis, row in enumerate(axes):
        others = [extent for extent in row if extent not in (1, ABSENT)]
        for number, extent in enumerate(row):
            absent = extent == ABSENT
            if (extent == 1 and others) or absent:
                to = shown(others[0]) if others else 1
                found.append(
                    Stretch(number, axis, to, None if absent else _maker(graph, op, operands[number], axis, len(axes)))
                )
    return tuple(found)


def _maker(graph: Graph, op: Op, operand: Operand, axis: int, rank: int) -> str | None:
    """The call that made an operand's extent 1."""
    if operand.value is None or operand.extents is None:
        return "constant"
    own = axis - (rank - len(operand.extents))
    if knowledge(op.kind).merge == "layer":
        own = 0 if axis == 0 else own
    return origin(graph, operand.value, own).value.node


def _stretch_words(operands: tuple[Operand, ...], stretch: Stretch) -> str:
    name = _label(operands[stretch.input])
    to = "a size of its own" if stretch.to is None else stretch.to
    if stretch.by is None:
        return f"{name} has no axis {stretch.axis} and is repeated {to} times along it"
    made = "" if stretch.by in (name, "constant") else f", which {stretch.by} made 1,"
    return f"axis {stretch.axis} of {name}{made} is stretched from 1 to {to}"


def _clash_words(operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...], axis: int) -> str:
    row = axes[axis]
    said = [
        f"{extent} in {_label(operand)}"
        for extent, operand in zip(row, operands, strict=True)
        if extent not in (1, ABSENT)
    ]
    return f"axis {axis} is {' and '.join(said[:3])}: no size makes them equal"


def _open_words(operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]) -> tuple[str, ...]:
    """One sentence for the axes that the same calls leave open."""
    stories: dict[str, list[int]] = {}
    for axis, row in enumerate(axes):
        if len(set(row) - {1, ABSENT}) > 1:
            sides = [
                _side(extent, operand)
                for extent, operand in zip(row, operands, strict=True)
                if extent not in (1, ABSENT)
            ]
            stories.setdefault(" and ".join(dict.fromkeys(sides)), []).append(axis)
    return tuple(
        f"{'axes' if len(found) > 1 else 'axis'} {' and '.join(map(str, found))}: {story} are not known to be equal; "
        "fixed Input sizes would settle it"
        for story, found in stories.items()
    )


def _side(extent: Extent, operand: Operand) -> str:
    if not isinstance(extent, Symbol):
        return f"the {extent} of {_label(operand)}"
    return f"the batch of {_label(operand)}" if extent == BATCH else f"what {extent.value} gives"


def _identical_words(
    graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]
) -> tuple[str, ...]:
    """One sentence for each group of axes that have the same story; the batch is left out where it is the batch."""
    tensors = [operand.value for operand in operands if operand.value is not None]
    if len(set(tensors)) == 1:
        return (f"both inputs are {tensors[0]}",) if len(tensors) == len(operands) else ()
    names = axis_names(graph, tensors[0], len(axes)) if tensors else ()
    stories: dict[str, list[tuple[str, Extent]]] = {}
    for axis, row in enumerate(axes):
        if row[0] == BATCH or not tensors:
            continue
        origins = list(dict.fromkeys(origin(graph, tensor, axis) for tensor in tensors))
        stories.setdefault(_story(graph, origins, row[0]), []).append((names[axis], row[0]))
    way = shortcut(graph, *tensors) if len(tensors) == len(operands) == 2 else None
    return ((way,) if way else ()) + tuple(_sentence(story, group) for story, group in stories.items())


def _listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(story: str, group: list[tuple[str, Extent]]) -> str:
    names = [name for name, _ in group]
    plural = len(names) > 1 or names[0] in ("channels", "features")
    sizes = [str(size) for _, size in group if isinstance(size, int)]
    verb = "are" if plural else "is"
    said = f" {verb} {' x '.join(sizes)}" if sizes else f" {verb} equal"
    return f"{_listed(names)}{said}: {story}"


def _story(graph: Graph, origins: list[Origin], extent: Extent) -> str:
    places = list(dict.fromkeys((found.value, found.axis) for found in origins))
    if len(places) == 1:
        way = passage(origins)
        why = reason(graph, origins[0])
        fixed = f" ({why})" if why and why != "the input" else ""
        return f"from {places[0][0]}{fixed}, {way}"
    by_place = {(found.value, found.axis): reason(graph, found) for found in origins}
    reasons = list(dict.fromkeys(by_place.values()))
    called = [str(value) for value, _ in by_place]
    shown_names = called if len(called) <= 3 else [*called[:2], f"{len(called) - 2} more"]
    together = _listed(shown_names)
    both = "both" if len(called) == 2 else "all"
    if len(reasons) == 1 and reasons[0].endswith(("filters", "units")):
        return f"{together} {both} have {reasons[0]}"
    parts = [f"{value} ({why})" if why else str(value) for (value, _), why in list(by_place.items())[:3]]
    return f"{' and '.join(parts)} {both} give {extent}"
