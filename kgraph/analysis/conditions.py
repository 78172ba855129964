"""Conditions in a person's words: ``H % 32 == 0 and W >= 7``, found by looking at sizes and proved by isl."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kgraph.analysis.clauses import clauses
from kgraph.analysis.expressions import Expression, Extent, Floor, Symbol, atomic, minus, plus, times
from kgraph.analysis.formulas import (
    ALWAYS,
    NEVER,
    All,
    Formula,
    Not,
    Some,
    Test,
    at_least,
    checker,
    equal,
    every,
    open_sizes,
    some,
    substituted,
    tests,
)
from kgraph.analysis.integers import implies, same, separated, smallest
from kgraph.analysis.parts import atoms
from kgraph.analysis.saying import said

LONGEST_PERIOD = 4096
MOST_SIZES = 20_000
"""Sizes that are tried to find the words for a condition; isl proves what is found."""

MOST_LISTED = 6
MOST_PARTS = 4
MOST_NAMED = 12
MOST_ASKED = 12
"""Parts of which it is asked whether they follow from the others."""

ANY = Symbol(None, -1)
"""In place of the one size that a condition is on: heights and widths, and one layer after another, ask alike."""

Name = Callable[[Symbol], str]


def words(formula: Formula, name: Name, given: Formula = ALWAYS) -> str | None:
    """A condition for a person, ``""`` where it always holds and ``never`` where it never does.

    Args:
        formula: the condition.
        name: says a size.
        given: what is known to hold anyway, and need not be said.

    Returns:
        None where there are no words for it that are short and exactly true.
    """
    if implies(given, formula):
        return ""
    witness = smallest(every((formula, given)))
    if witness is None and same(every((formula, given)), NEVER):
        return "never"
    groups = separated(formula) if witness is not None and given == ALWAYS else []
    found = [_of_group(group, name, witness or {}) for group in groups]
    if not found or None in found:
        found = [_as_it_stands(formula, name, given)]
    return None if None in found else _listed([part for parts in found for part in parts or ()], " and ")


def _of_group(formula: Formula, name: Name, witness: Mapping[Symbol, int]) -> list[str] | None:
    """The words for a condition on sizes that have to do with each other: the shortest."""
    apart = {symbol: _alone(formula, symbol, witness) for symbol in open_sizes(formula)}
    if same(every(apart.values()), formula):
        said_apart = [_of_one(part, symbol, name(symbol)) for symbol, part in apart.items()]
        if None not in said_apart:
            return [part for part in said_apart if part]
    found = [_as_it_stands(formula, name, ALWAYS)]
    made = clauses(formula)
    if made is not None:
        found.append(_as_it_stands(every(made), name, ALWAYS))
    return min(filter(None, found), key=lambda parts: len(" and ".join(parts)), default=None)


def _listed(parts: Sequence[str], word: str) -> str:
    return word.join(f"({part})" if " or " in part and len(parts) > 1 else part for part in parts)


def _alone(formula: Formula, symbol: Symbol, witness: Mapping[Symbol, int]) -> Formula:
    """The condition on one size where the others are as they are in a witness."""
    return substituted(formula, {other: size for other, size in witness.items() if other != symbol})


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Which sizes a condition takes: from ``start`` on those that leave the ``residues`` by ``period``, and ``small``
    ones below it."""

    period: int
    residues: tuple[int, ...]
    start: int
    small: tuple[int, ...]

    def fits(self, size: int) -> bool:
        return size % self.period in self.residues


def _of_one(formula: Formula, symbol: Symbol, name: str) -> str | None:
    """The words for a condition on one size."""
    if formula == ALWAYS:
        return ""
    pattern = _proved_pattern(substituted(formula, {symbol: atomic(ANY)}))
    return None if pattern is None else _pattern_words(pattern, name)


@functools.lru_cache(maxsize=1024)
def _proved_pattern(formula: Formula) -> _Pattern | None:
    """The pattern of a condition on one size, ``ANY``."""
    pattern = _pattern(formula, ANY)
    return None if pattern is None or not same(_formula(pattern, ANY), formula) else pattern


def _pattern(formula: Formula, symbol: Symbol) -> _Pattern | None:
    """What repeats in the sizes that a condition takes, looking at so many that all of it is seen."""
    period = math.lcm(
        *(atom.divisor for each in tests(formula) for atom in atoms(each.extent) if isinstance(atom, Floor))
    )
    reach = 3 * period + 2 * max(abs(each.extent.constant) for each in tests(formula)) + 16
    if period > LONGEST_PERIOD or reach > MOST_SIZES:
        return None
    is_inside = checker(formula)
    inside = [False, *(is_inside({symbol: size}) for size in range(1, reach + 1))]
    for length in (each for each in range(1, period + 1) if period % each == 0):
        start = reach - length + 1
        while start > 1 and inside[start - 1] == inside[start - 1 + length]:
            start -= 1
        if start <= reach - 2 * period:
            residues = sorted(size % length for size in range(start, start + length) if inside[size])
            return _Pattern(length, tuple(residues), start, tuple(size for size in range(start) if inside[size]))
    return None


def _formula(pattern: _Pattern, symbol: Symbol) -> Formula:
    size = atomic(symbol)
    rest = minus(size, size // pattern.period * pattern.period)
    repeated = some(every((at_least(rest, low), at_least(high, rest))) for low, high in _runs(pattern.residues))
    return some((every((repeated, at_least(size, pattern.start))), *(equal(size, each) for each in pattern.small)))


def _runs(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """The first and the last of those that follow each other."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        follows = found and found[-1][1] == number - 1
        found[-1:] = [(found[-1][0], number)] if follows else [*found[-1:], (number, number)]
    return found


def _pattern_words(pattern: _Pattern, name: str) -> str | None:
    below = range(1, pattern.start)
    strays = [size for size in pattern.small if not pattern.fits(size)]
    missing = [size for size in below if pattern.fits(size) and size not in pattern.small]
    if not pattern.residues:
        return _one_of(pattern.small, name)
    repeated = _residue_words(pattern, name)
    if repeated is None or len(strays) > MOST_LISTED:
        return None
    if missing and len(missing) < len(below) and len(missing) <= 2 and not strays and len(pattern.small) > 1:
        limit = f"{name} not in {{{', '.join(map(str, missing))}}}" if len(missing) > 1 else f"{name} != {missing[0]}"
        return _listed([part for part in (repeated, limit) if part], " and ")
    if not missing:
        return _listed([part for part in (repeated, _one_of(tuple(strays), name) if strays else "") if part], " or ")
    first = next(size for size in range(pattern.start, pattern.start + pattern.period) if pattern.fits(size))
    limited = _listed([part for part in (repeated, f"{name} >= {first}") if part], " and ")
    if not pattern.small:
        return limited
    listed = _one_of(pattern.small, name)
    return None if listed is None else f"{limited} or {listed}"


def _residue_words(pattern: _Pattern, name: str) -> str | None:
    count, period = len(pattern.residues), pattern.period
    if count == period:
        return ""
    if count == 1:
        return f"{name} % {period} == {pattern.residues[0]}"
    if count == period - 1:
        return f"{name} % {period} != {next(each for each in range(period) if each not in pattern.residues)}"
    runs = _runs(pattern.residues)
    if len(runs) == 1 and count > 2:
        ((low, high),) = runs
        limits = (f"{low} <= " if low else "", f" <= {high}" if high < period - 1 else "")
        return f"{limits[0]}{name} % {period}{limits[1]}" if limits[1] else f"{name} % {period} >= {low}"
    return f"{name} % {period} in {{{', '.join(map(str, pattern.residues))}}}" if count <= MOST_LISTED else None


def _one_of(sizes: tuple[int, ...], name: str) -> str | None:
    first, last = sizes[0], sizes[-1]
    if first == last:
        return f"{name} == {first}"
    if len(sizes) == last - first + 1 and len(sizes) > 2:
        return f"{name} <= {last}" if first == 1 else f"{first} <= {name} <= {last}"
    return f"{name} in {{{', '.join(map(str, sizes))}}}" if len(sizes) <= MOST_LISTED else None


def _as_it_stands(formula: Formula, name: Name, given: Formula) -> list[str] | None:
    """The words for the comparisons of a condition themselves, without those that follow from the others."""
    parts = _gathered(formula.parts if isinstance(formula, All) else (formula,))
    if len(parts) > MOST_ASKED:
        return None
    for part in tuple(parts):
        others = [other for other in parts if other is not part]
        if implies(every((*others, given)), part):
            parts = others
    if len(parts) > MOST_PARTS:
        return None
    found = [_part_words(part, name) for part in parts]
    return None if None in found else [part for part in found if part]


def _gathered(parts: Sequence[Formula]) -> list[Formula]:
    """The parts, with those that say that three sizes or more are all alike (or all alike but for 1) made one."""
    found = list(parts)
    for alike in (_equal_sizes, _equal_or_one):
        groups: list[set[Symbol]] = []
        for pair in filter(None, map(alike, parts)):
            met = [group for group in groups if group & pair]
            groups = [*(group for group in groups if group not in met), pair.union(*met)]
        for group in (group for group in groups if len(group) > 2):
            inside = [part for part in parts if (pair := alike(part)) and pair <= group]
            if alike is _equal_sizes or len(inside) == math.comb(len(group), 2):
                found = [*(part for part in found if part not in inside), All(tuple(inside))]
    return found


def _equal_sizes(part: Formula) -> set[Symbol] | None:
    """The two sizes that a part says are the same; None if it says something else."""
    if not isinstance(part, Test) or part.sign != "==" or part.extent.constant:
        return None
    atoms_of = [monomial[0] for monomial in part.extent.terms if len(monomial) == 1]
    pair = {atom for atom in atoms_of if isinstance(atom, Symbol)}
    return pair if len(pair) == len(part.extent.terms) == 2 and sum(part.extent.terms.values()) == 0 else None


def _equal_or_one(part: Formula) -> set[Symbol] | None:
    """The two sizes of which a part says that they are the same, or one of them is 1."""
    pair = next(filter(None, map(_equal_sizes, part.parts)), None) if isinstance(part, Some) else None
    if pair is None or not isinstance(part, Some) or len(part.parts) != 3:
        return None
    return pair if all(equal(atomic(size), 1) in part.parts for size in pair) else None


def _group_words(group: All, name: Name) -> str | None:
    """Of what ``_gathered`` made one: ``a == b == c``, or what Python says of sizes that are equal where not 1."""
    first = group.parts[0]
    alike = _equal_sizes if _equal_sizes(first) else _equal_or_one
    sizes = sorted(name(size) for size in set[Symbol]().union(*(alike(part) or () for part in group.parts)))
    if len(sizes) > MOST_NAMED:
        return None
    return " == ".join(sizes) if alike is _equal_sizes else f"len({{{', '.join(sizes)}}} - {{1}}) < 2"


def _part_words(part: Formula, name: Name) -> str | None:
    if isinstance(part, All):
        return _group_words(part, name)
    if isinstance(part, Test):
        return _test_words(part, name, "==" if part.sign == "==" else ">=")
    if isinstance(part, Not) and isinstance(part.part, Test):
        return _test_words(part.part, name, "!=")
    if not isinstance(part, Some) or len(part.parts) > MOST_PARTS or any(isinstance(each, All) for each in part.parts):
        return None
    sizes = open_sizes(part)
    if len(sizes) == 1 and (alone := _of_one(part, sizes[0], name(sizes[0]))):
        return alone
    found = [_part_words(each, name) for each in part.parts]
    return None if None in found else " or ".join(each for each in found if each)


def _test_words(test: Test, name: Name, sign: str) -> str:
    """What is added stands on the left, what is taken away on the right."""
    extent = test.extent
    left_over = _left_over(extent) if sign != ">=" else None
    if left_over is not None:
        divided, divisor, rest = left_over
        words = said(divided, name)
        return f"{f'({words})' if ' ' in words else words} % {divisor} {sign} {rest}"
    left = _half(extent, 1)
    right = _half(extent, -1)
    if isinstance(left, int):
        left, right, sign = right, left, {">=": "<="}.get(sign, sign)
    return f"{said(left, name)} {sign} {said(right, name)}"


def _left_over(extent: Expression) -> tuple[Extent, int, int] | None:
    """``x``, ``d`` and ``r`` of an extent that is 0 where ``x % d == r``: ``x - d * (x // d) - r``, or the reverse."""
    for monomial, factor in extent.terms.items():
        atom = monomial[0]
        if len(monomial) != 1 or not isinstance(atom, Floor) or abs(factor) != atom.divisor:
            continue
        sign = -1 if factor > 0 else 1
        rest = minus(plus(times(extent, sign), times(atomic(atom), atom.divisor)), atom.inner)
        if isinstance(rest, int) and 0 <= -rest < atom.divisor:
            constant = atom.inner.constant
            return minus(atom.inner, constant), atom.divisor, (-rest - constant) % atom.divisor
    return None


def _half(extent: Expression, side: int) -> Extent:
    terms = {monomial: factor * side for monomial, factor in extent.terms.items() if factor * side > 0}
    constant = max(extent.constant * side, 0)
    return Expression(terms, constant) if terms else constant
