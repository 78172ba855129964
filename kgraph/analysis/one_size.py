"""Conditions on one size, decided by looking at as many sizes as tell of all others: no solver is asked.

An extent in one size ``n``, made of floor divisions and sums, is linear but for what repeats: there are a period ``p``
and a growth ``g`` such that ``extent(n + p) == extent(n) + g`` at every ``n``. So, of all sizes that leave one rest by
the period, a comparison takes all, none, or those on one side of a bound; behind the last bound nothing changes.
"""

from __future__ import annotations

import math

from kgraph.analysis.evaluating import value_at
from kgraph.analysis.expressions import Expression, Floor, Symbol
from kgraph.analysis.formulas import Formula, Test, checker, open_sizes, tests

MOST_SIZES = 2048
"""Sizes that are looked at, before the condition is left to a solver."""


def is_empty_of_one(formula: Formula) -> bool | None:
    """True if a condition holds at no size; None if it is not on one size alone, or too many must be looked at."""
    names = open_sizes(formula)
    if len(names) != 1:
        return None
    reach = _reach(names[0], [*tests(formula)])
    if reach is None:
        return None
    is_good = checker(formula)
    return not any(is_good({names[0]: size}) for size in range(1, reach + 1))


def _reach(name: Symbol, asked: list[Test]) -> int | None:
    """A size from which on everything has been seen; None where that is too far, or there is none."""
    turns = [_turn(each.extent) for each in asked]
    period = math.lcm(*(turn[0] for turn in turns if turn is not None))
    if None in turns or period > MOST_SIZES:
        return None
    most = 0
    for each, turn in zip(asked, turns, strict=True):
        growth = 0 if turn is None else turn[1] * (period // turn[0])
        if growth:
            far = max(abs(value_at(each.extent, {name: size})) for size in range(1, period + 1))
            most = max(most, far // abs(growth) + 1)
    reach = period * (most + 2)
    return reach if reach <= MOST_SIZES else None


def _turn(extent: Expression) -> tuple[int, int] | None:
    """The period and the growth of an extent; None for a product of sizes, or the largest of several."""
    turns: list[tuple[int, int, int]] = []
    for monomial, factor in extent.terms.items():
        atom = monomial[0]
        if len(monomial) > 1 or not isinstance(atom, (Symbol, Floor)):
            return None
        found = (1, 1) if isinstance(atom, Symbol) else _divided_turn(atom)
        if found is None:
            return None
        turns.append((factor, found[0], found[1]))
    period = math.lcm(*(each for _, each, _ in turns))
    return period, sum(factor * growth * (period // each) for factor, each, growth in turns)


def _divided_turn(floor: Floor) -> tuple[int, int] | None:
    found = _turn(floor.inner)
    if found is None:
        return None
    period, growth = found
    times = floor.divisor // math.gcd(growth, floor.divisor)
    return period * times, growth * times // floor.divisor
