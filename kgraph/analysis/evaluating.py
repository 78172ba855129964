"""Extents at given sizes: all of them, or some."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

from kgraph.analysis.expressions import Atom, Extent, Floor, Symbol, atomic, divided, largest, plus, times


def value_at(extent: Extent, sizes: Mapping[Symbol, int]) -> int:
    """The extent at given sizes."""
    if isinstance(extent, int):
        return extent
    return extent.constant + sum(
        factor * math.prod(_atom_at(atom, sizes) for atom in monomial) for monomial, factor in extent.terms.items()
    )


def _atom_at(atom: Atom, sizes: Mapping[Symbol, int]) -> int:
    if isinstance(atom, Symbol):
        return sizes[atom]
    if isinstance(atom, Floor):
        return value_at(atom.inner, sizes) // atom.divisor
    return max(value_at(option, sizes) for option in atom.options)


def replaced(extent: Extent, sizes: Mapping[Symbol, Extent]) -> Extent:
    """The extent with some of its open sizes given."""
    if isinstance(extent, int):
        return extent
    result: Extent = extent.constant
    for monomial, factor in extent.terms.items():
        result = plus(result, functools.reduce(times, (_atom_with(atom, sizes) for atom in monomial), factor))
    return result


def _atom_with(atom: Atom, sizes: Mapping[Symbol, Extent]) -> Extent:
    if isinstance(atom, Symbol):
        return sizes.get(atom, atomic(atom))
    if isinstance(atom, Floor):
        return divided(replaced(atom.inner, sizes), atom.divisor)
    return largest(tuple(replaced(option, sizes) for option in atom.options))
