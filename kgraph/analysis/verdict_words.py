"""Verdicts in a person's words."""

from __future__ import annotations

from kgraph.analysis.evaluating import value_at
from kgraph.analysis.expressions import Symbol
from kgraph.analysis.extents import ABSENT, BATCH, Extent, Operand
from kgraph.analysis.formulas import Formula
from kgraph.analysis.integers import smallest
from kgraph.analysis.names import namer, names, shown
from kgraph.analysis.origins import Origin, axis_names, origin, passage, reason
from kgraph.analysis.parts import symbols
from kgraph.analysis.shortcuts import shortcut
from kgraph.findings import Stretch
from kgraph.graph import Graph


def label(operand: Operand) -> str:
    """What an operand is called."""
    return "constant" if operand.value is None else str(operand.value)


def stretch_words(operands: tuple[Operand, ...], stretch: Stretch) -> str:
    """Which axis of which input is stretched, and what made it 1."""
    name = label(operands[stretch.input])
    to = "a size of its own" if stretch.to is None else stretch.to
    if stretch.by is None:
        return f"{name} has no axis {stretch.axis} and is repeated {to} times along it"
    made = "" if stretch.by in (name, "constant") else f", which {stretch.by} made 1,"
    return f"axis {stretch.axis} of {name}{made} is stretched from 1 to {to}"


def clash_words(graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...], axis: int) -> str:
    """The two extents that never meet."""
    row = axes[axis]
    said = [
        f"{shown(graph, extent)} in {label(operand)}"
        for extent, operand in zip(row, operands, strict=True)
        if extent not in (1, ABSENT)
    ]
    return f"axis {axis} is {' and '.join(said[:3])}: no size makes them equal"


def apart_words(graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]) -> tuple[str, ...]:
    """For each axis on which forms differ what it is in each input, and what fixed it there."""
    return tuple(
        f"{_axis_name(graph, operands, axes, axis)} is "
        + " and ".join(
            dict.fromkeys(
                _where_from(graph, extent, operand, axes, axis)
                for extent, operand in zip(row, operands, strict=True)
                if extent not in (1, ABSENT)
            )
        )
        for axis, row in enumerate(axes)
        if len(set(row) - {1, ABSENT}) > 1
    )


def _where_from(graph: Graph, extent: Extent, operand: Operand, axes: tuple[tuple[Extent, ...], ...], axis: int) -> str:
    said = f"{shown(graph, extent)} in {label(operand)}"
    own = (
        None
        if operand.extents is None
        else next((index for index, each in enumerate(operand.extents) if each is extent or each == extent), None)
    )
    if operand.value is None or own is None:
        return said
    found = origin(graph, operand.value, own)
    why = reason(graph, found)
    if found.value == operand.value:
        return f"{said} ({why})" if why and why != "the input" else said
    return f"{said} (from {found.value}{': ' + why if why and why != 'the input' else ''})"


def _axis_name(graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...], axis: int) -> str:
    rank = len(axes)
    value = next((each.value for each in operands if each.value is not None and len(each.extents or ()) == rank), None)
    return f"axis {axis}" if value is None else axis_names(graph, value, rank)[axis]


def open_words(graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]) -> tuple[str, ...]:
    """One sentence for the axes that the same calls leave open."""
    stories: dict[str, list[int]] = {}
    for axis, row in enumerate(axes):
        if len(set(row) - {1, ABSENT}) > 1:
            sides = [
                _side(graph, extent, operand)
                for extent, operand in zip(row, operands, strict=True)
                if extent not in (1, ABSENT)
            ]
            stories.setdefault(" and ".join(dict.fromkeys(sides)), []).append(axis)
    return tuple(
        f"{'axes' if len(found) > 1 else 'axis'} {' and '.join(map(str, found))}: {story} are not known to be equal"
        for story, found in stories.items()
    )


def _side(graph: Graph, extent: Extent, operand: Operand) -> str:
    if isinstance(extent, int):
        return f"the {extent} of {label(operand)}"
    if extent.same(BATCH):
        return f"the batch of {label(operand)}"
    known = shown(graph, extent)
    if known is not None:
        return f"the {known} of {label(operand)}"
    unknown = next(symbol for symbol in sorted(symbols(extent), key=str) if symbol not in names(graph))
    return f"what {unknown.value} gives"


def example_words(
    graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...], where: Formula, what: str
) -> tuple[str, ...]:
    """``at H = 17 the heights are 17 and 16, and Keras raises``: at the smallest sizes of a condition; () for none."""
    sizes = smallest(where)
    if sizes is None:
        return ()
    name = namer(graph)
    given = ", ".join(
        f"{name(symbol)} = {size}" for symbol, size in sorted(sizes.items(), key=lambda item: name(item[0]))
    )
    every_size = _Ones(sizes)
    rows = [tuple(value_at(extent, every_size) for extent in row if extent != ABSENT) for row in axes]
    apart = next(axis for axis, row in enumerate(rows) if len(set(row)) > 1)
    called = _axis_name(graph, operands, axes, apart)
    return (f"at {given} the inputs have {_listed([*map(str, rows[apart])])} in {called}, and {what}",)


class _Ones(dict[Symbol, int]):
    """Sizes, 1 where none is given."""

    def __missing__(self, _: Symbol) -> int:
        return 1


def identical_words(
    graph: Graph, operands: tuple[Operand, ...], axes: tuple[tuple[Extent, ...], ...]
) -> tuple[str, ...]:
    """One sentence for each group of axes that have the same story; the batch is left out where it is the batch."""
    tensors = [operand.value for operand in operands if operand.value is not None]
    if len(set(tensors)) == 1:
        return (f"both inputs are {tensors[0]}",) if len(tensors) == len(operands) else ()
    called = axis_names(graph, tensors[0], len(axes)) if tensors else ()
    stories: dict[str, list[tuple[str, int | str | None]]] = {}
    for axis, row in enumerate(axes):
        if row[0] == BATCH or not tensors:
            continue
        origins = list(dict.fromkeys(origin(graph, tensor, axis) for tensor in tensors))
        stories.setdefault(_story(graph, origins, row[0]), []).append((called[axis], shown(graph, row[0])))
    way = shortcut(graph, *tensors) if len(tensors) == len(operands) == 2 else None
    return ((way,) if way else ()) + tuple(_sentence(story, group) for story, group in stories.items())


def _listed(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(story: str, group: list[tuple[str, int | str | None]]) -> str:
    names = [name for name, _ in group]
    plural = len(names) > 1 or names[0] in ("channels", "features")
    sizes = [str(size) for _, size in group if size is not None]
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
    return f"{' and '.join(parts)} {both} give {extent if isinstance(extent, int) else 'that'}"
