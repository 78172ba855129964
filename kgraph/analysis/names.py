"""What open sizes are called: ``B``, ``H``, ``W``, ``T``; ``image.H`` where several inputs have one of that name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from kgraph.analysis.expressions import Expression, Extent, Symbol
from kgraph.analysis.parts import symbols
from kgraph.analysis.saying import said
from kgraph.errors import KgraphError
from kgraph.graph import Graph, Value, memoised, values

SPATIAL = {3: "T", 4: "HW", 5: "DHW"}
"""By rank, the axes of a sequence, an image, a volume that are neither the batch nor the channels."""

MOST = 200
"""Calls behind an input that are looked at for its layout."""


@memoised
def names(graph: Graph) -> Mapping[Symbol, str]:
    """The name of each open size of the inputs; sizes that only a call knows have none."""
    given = _given_names(graph)
    return {symbol: given.get(name, name) for symbol, name in _own_names(graph).items()}


def renamed(graph: Graph, given: Mapping[str, str]) -> Graph:
    """The same graph, with names of the caller's for some of its sizes, such as ``{"H": "height"}``.

    Raises:
        KgraphError: there is no size of that name, or two would be called alike.
    """
    own = list(_own_names(graph).values())
    unknown = next((name for name in given if name not in own), None)
    if unknown is not None:
        raise KgraphError(f"there is no size {unknown!r} to rename; expected some of: {', '.join(own)}")
    new = [given.get(name, name) for name in own]
    twice = next((name for name in new if not name or new.count(name) > 1), None)
    if twice is not None:
        raise KgraphError(f"every size needs a name of its own; received {twice!r} for {new.count(twice)} of them")
    same = Graph(graph.ops, graph.operands, graph.inputs, graph.outputs, graph.name)
    _given_names(same).update(given)
    return same


@memoised
def _given_names(_: Graph) -> dict[str, str]:
    return {}


def _own_names(graph: Graph) -> Mapping[Symbol, str]:
    own: dict[Symbol, tuple[str, str]] = {}
    for value in values(graph.inputs):
        shape = graph.spec(value).shape or ()
        letters = _letters(graph, value, len(shape))
        own |= {
            Symbol(value, axis): (str(value), letters[axis]) for axis, size in enumerate(shape) if axis and size is None
        }
    shared = Counter(letter for _, letter in own.values())
    named = {key: letter if shared[letter] == 1 else f"{node}.{letter}" for key, (node, letter) in own.items()}
    return {Symbol(None, 0): "B", **named}


def _letters(graph: Graph, value: Value, rank: int) -> tuple[str, ...]:
    """One letter an axis; ``d1``, ``d2``, ... where there is none."""
    plain = tuple(f"d{axis}" for axis in range(rank))
    spatial = SPATIAL.get(rank)
    if spatial is None:
        return plain
    if rank > 3 and _is_channels_first(graph, value):
        return (*plain[:2], *spatial)
    return (plain[0], *spatial, plain[-1])


def _is_channels_first(graph: Graph, value: Value) -> bool:
    """Whether the first layer behind an input that has an order of channels has them first."""
    seen, waiting = {value}, [value]
    for current in waiting:
        for node, _ in graph.users.get(current, ()):
            layout = graph.ops[node].config.get("data_format")
            if layout is not None:
                return layout == "channels_first"
            for out in range(len(graph.ops[node].outputs)):
                made = Value(node, out)
                if made not in seen and len(waiting) < MOST:
                    seen.add(made)
                    waiting.append(made)
    return False


def namer(graph: Graph) -> Callable[[Symbol], str]:
    """Says a size by its name, or by the value and axis that it is of."""
    known = names(graph)
    return lambda symbol: known.get(symbol) or str(symbol)


def shown(graph: Graph, extent: Extent) -> int | str | None:
    """An extent in a record: an int, an expression in named sizes, or None where a size in it has no name."""
    if isinstance(extent, int):
        return extent
    words = _words(graph)
    if extent not in words:
        known = names(graph)
        words[extent] = said(extent, known.__getitem__) if symbols(extent) <= known.keys() else None
    return words[extent]


@memoised
def _words(_: Graph) -> dict[Expression, str | None]:
    """What was said before: the same few extents stand in all of a graph."""
    return {}


def shown_shape(graph: Graph, shape: tuple[Extent, ...] | None) -> tuple[int | str | None, ...] | None:
    """A symbolic shape in a record."""
    return None if shape is None else tuple(shown(graph, extent) for extent in shape)
