"""The sizes that a model accepts: where every call works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.analysis import integers
from kgraph.analysis.conditions import words
from kgraph.analysis.expressions import Symbol
from kgraph.analysis.extents import measured
from kgraph.analysis.formulas import Formula, every, holds, open_sizes
from kgraph.analysis.names import namer, names
from kgraph.analysis.requirements import is_named, requirements
from kgraph.errors import KgraphError
from kgraph.findings import DomainSummary, SymbolPlace
from kgraph.graph import Graph, memoised


@dataclass(frozen=True, slots=True)
class Domain:
    """The sizes at which a whole model runs.

    Attributes:
        condition: in words, ``""`` where every size is accepted; None where it is too long to print.
        symbols: by name, the open sizes of the inputs.
        unknown: ids of calls of which it is not known what sizes they take; the rest is exact.
    """

    condition: str | None
    symbols: Mapping[str, Symbol]
    unknown: tuple[str, ...]
    formula: Formula

    def accepts(self, **sizes: int) -> bool:
        """Whether the model runs at these sizes, all of them by name: ``domain.accepts(H=500, W=375)``.

        Names that hold a dot are passed as ``**{"image.H": 500}``. The batch may be left out where nothing depends on
        it.

        Raises:
            KgraphError: a name is not known, one is missing, or a size is no positive int.
        """
        return holds(self.formula, self._sizes(sizes))

    def nearest(self, **sizes: int) -> dict[str, int] | None:
        """The accepted sizes closest to these (the least sum of differences); None where there are none."""
        return self._named(integers.nearest(self.formula, self._sizes(sizes)))

    def smallest(self) -> dict[str, int] | None:
        """The accepted sizes of the least sum; None where there are none, or they cannot be found."""
        found = integers.smallest(self.formula)
        return None if found is None else self._named(dict.fromkeys(self.symbols.values(), 1) | dict(found))

    def _named(self, sizes: Mapping[Symbol, int] | None) -> dict[str, int] | None:
        return (
            None if sizes is None else {name: sizes[symbol] for name, symbol in self.symbols.items() if symbol in sizes}
        )

    def _sizes(self, sizes: Mapping[str, int]) -> dict[Symbol, int]:
        for name, size in sizes.items():
            if name not in self.symbols:
                known = ", ".join(self.symbols) or "none"
                raise KgraphError(f"there is no size {name!r}; expected some of: {known}")
            if type(size) is not int or size < 1:
                raise KgraphError(f"the size {name} must be an int of at least 1; received {size!r}")
        needed = set(open_sizes(self.formula))
        missing = [name for name, symbol in self.symbols.items() if symbol in needed and name not in sizes]
        if missing:
            raise KgraphError(f"the sizes {', '.join(missing)} are missing; received {', '.join(sizes) or 'none'}")
        return {self.symbols[name]: size for name, size in sizes.items()}


@memoised
def domain(graph: Graph) -> Domain:
    """The Domain of a graph."""
    asked = dict.fromkeys(found.works for found in measured(graph).values())
    formula = every(part for part in asked if is_named(graph, part))
    unknown = [item.node for item in requirements(graph) if item.status == "unknown"]
    unknown += [node for node, found in measured(graph).items() if not is_named(graph, found.works)]
    symbols = {name: symbol for symbol, name in names(graph).items()}
    return Domain(words(formula, namer(graph)), symbols, tuple(dict.fromkeys(unknown)), formula)


def summary(graph: Graph) -> DomainSummary:
    """The Domain as a record."""
    found = domain(graph)
    places = {
        name: SymbolPlace(None if symbol.value is None else str(symbol.value), symbol.axis)
        for name, symbol in found.symbols.items()
    }
    return DomainSummary(found.condition, places, found.smallest(), found.unknown)
