"""Formulas at many sizes: the first sizes at which one holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from operator import add

from kgraph.analysis.expressions import Symbol
from kgraph.analysis.formulas import All, Formula, Test, checker, holds, open_sizes


def first(formula: Formula, most: int) -> Mapping[Symbol, int] | None:
    """Sizes at which a formula holds, of the smallest sum, by trying so many; None if there are none among them."""
    names, lows = open_sizes(formula), least_sizes(formula)
    if not names:
        return {} if holds(formula, {}) else None
    start, is_good = [lows.get(name, 1) for name in names], checker(formula)
    for more in itertools.islice(_by_sum(len(names)), most):
        sizes = dict(zip(names, map(add, start, more), strict=True))
        if is_good(sizes):
            return sizes
    return None


def least_sizes(formula: Formula) -> Mapping[Symbol, int]:
    """The least that sizes can be as a part of a formula has it, where that is more than 1."""
    found: dict[Symbol, int] = {}
    for part in formula.parts if isinstance(formula, All) else (formula,):
        if not isinstance(part, Test) or part.sign != ">=" or len(part.extent.terms) != 1:
            continue
        ((monomial, factor),) = part.extent.terms.items()
        if len(monomial) == 1 and isinstance(monomial[0], Symbol) and factor == 1 and part.extent.constant < -1:
            found[monomial[0]] = max(found.get(monomial[0], 1), -part.extent.constant)
    return found


def _by_sum(count: int) -> Iterator[tuple[int, ...]]:
    """So many numbers that are not negative, in the order of their sum."""
    for total in itertools.count():
        for bars in itertools.combinations(range(total + count - 1), count - 1):
            edges = (-1, *bars, total + count - 1)
            yield tuple(right - left - 1 for left, right in itertools.pairwise(edges))
