"""What an extent is made of."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kgraph.analysis.expressions import Atom, Extent, Floor, Largest, Symbol


def atoms(extent: Extent) -> Iterator[Atom]:
    """Every atom of an extent, those inside others too."""
    stack: list[Extent] = [extent]
    while stack:
        top = stack.pop()
        if isinstance(top, int):
            continue
        for monomial in top.terms:
            for atom in monomial:
                yield atom
                if isinstance(atom, Floor):
                    stack.append(atom.inner)
                elif isinstance(atom, Largest):
                    stack.extend(atom.options)


@functools.lru_cache(maxsize=65_536)
def symbols(extent: Extent) -> frozenset[Symbol]:
    """The open sizes in an extent."""
    return frozenset(atom for atom in atoms(extent) if isinstance(atom, Symbol))


@functools.lru_cache(maxsize=65_536)
def weight(extent: Extent) -> int:
    """How many atoms an extent is written with, each as often as it is written."""
    if isinstance(extent, int):
        return 0
    return sum(map(_atom_weight, (atom for monomial in extent.terms for atom in monomial)))


def _atom_weight(atom: Atom) -> int:
    if isinstance(atom, Symbol):
        return 1
    return 1 + sum(map(weight, (atom.inner,) if isinstance(atom, Floor) else atom.options))
