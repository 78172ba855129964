"""Extents at given sizes: all of them, or some."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from operator import itemgetter

from kgraph.analysis.expressions import (
    Atom,
    Expression,
    Extent,
    Floor,
    Monomial,
    Symbol,
    atomic,
    divided,
    largest,
    plus,
    times,
)

Sizes = Mapping[Symbol, int]


def value_at(extent: Extent, sizes: Sizes) -> int:
    """The extent at given sizes."""
    return extent if isinstance(extent, int) else evaluator(extent)(sizes)


@functools.lru_cache(maxsize=65_536)
def evaluator(extent: Expression) -> Callable[[Sizes], int]:
    """A function of sizes that gives the extent: many are tried, so its parts are looked at but once."""
    constant = extent.constant
    terms = [(factor, _product(monomial)) for monomial, factor in extent.terms.items()]
    if len(terms) == 1:
        ((factor, only),) = terms
        return lambda sizes: factor * only(sizes) + constant
    return lambda sizes: constant + sum([factor * product(sizes) for factor, product in terms])


def _product(monomial: Monomial) -> Callable[[Sizes], int]:
    atoms = [_atom(atom) for atom in monomial]
    return atoms[0] if len(atoms) == 1 else lambda sizes: math.prod([atom(sizes) for atom in atoms])


def _atom(atom: Atom) -> Callable[[Sizes], int]:
    if isinstance(atom, Symbol):
        return itemgetter(atom)
    if isinstance(atom, Floor):
        inner, divisor = evaluator(atom.inner), atom.divisor
        return lambda sizes: inner(sizes) // divisor
    options = atom.options
    return lambda sizes: max([value_at(option, sizes) for option in options])


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
