"""Conditions on open sizes: comparisons of extents, joined by and, or and not."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kgraph.analysis.evaluating import evaluator, replaced
from kgraph.analysis.expressions import (
    Expression,
    Extent,
    Floor,
    Largest,
    Symbol,
    atomic,
    decided,
    divided,
    leading,
    minus,
    plus,
    times,
)
from kgraph.analysis.parts import symbols


@dataclass(frozen=True, slots=True)
class Test:
    """``extent == 0`` or ``extent >= 0``."""

    extent: Expression
    sign: str


@dataclass(frozen=True, slots=True)
class Not:
    """Where ``part`` does not hold."""

    part: Formula


@dataclass(frozen=True, slots=True)
class All:
    """Where every part holds; everywhere if there is none."""

    parts: tuple[Formula, ...]
    hashed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash(self.parts))

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True)
class Some:
    """Where at least one part holds; nowhere if there is none."""

    parts: tuple[Formula, ...]
    hashed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash(self.parts))

    def __hash__(self) -> int:
        return self.hashed


Formula = Test | Not | All | Some
ALWAYS = All(())
NEVER = Some(())


@functools.lru_cache(maxsize=65_536)
def test(extent: Extent, sign: str) -> Formula:
    """``extent == 0`` or ``extent >= 0``, decided where that is plain, in lowest terms where not."""
    known = decided(extent, sign)
    if known is not None or isinstance(extent, int):
        return ALWAYS if known else NEVER
    if sign == "==" and (larger := _without_largest(extent)) is not None:
        return larger
    extent = _without_floor(extent) if sign == ">=" else extent
    smaller = _without_factor(extent)
    if smaller is not None:
        return test(smaller, sign)
    common = math.gcd(*extent.terms.values())
    if sign == "==":
        common = math.gcd(common, extent.constant)
        if leading(extent) < 0:
            common = -common
    if common != 1:
        terms = {monomial: factor // common for monomial, factor in extent.terms.items()}
        extent = Expression(terms, extent.constant // common)
    return Test(extent, sign)


def _without_floor(extent: Expression) -> Expression:
    """``x // d >= k`` is ``x >= k * d``."""
    ((monomial, factor), *more) = extent.terms.items()
    if more or len(monomial) != 1 or not isinstance(monomial[0], Floor):
        return extent
    atom, found = monomial[0], 0
    if factor > 0:
        found = minus(atom.inner, -(extent.constant // factor) * atom.divisor)
    else:
        found = minus((extent.constant // -factor + 1) * atom.divisor - 1, atom.inner)
    return extent if isinstance(found, int) else _without_floor(found)


def _without_largest(extent: Expression) -> Formula | None:
    """``max(a, b) == a`` is ``a >= b``; None of anything else."""
    for monomial, factor in extent.terms.items():
        atom = monomial[0]
        if len(monomial) == 1 and isinstance(atom, Largest) and factor in (1, -1):
            compared = minus(atomic(atom), times(extent, factor))
            if compared in atom.options:
                return every(test(minus(compared, option), ">=") for option in atom.options if option != compared)
    return None


def _without_factor(extent: Expression) -> Extent | None:
    """What is left where all is a multiple of an open size: ``B * T == 2 * B`` is ``T == 2``; None if it is not."""
    first, *rest = extent.terms
    common = next((atom for atom in first if isinstance(atom, Symbol) and all(atom in each for each in rest)), None)
    return None if extent.constant or common is None else divided(extent, atomic(common))


def equal(left: Extent, right: Extent) -> Formula:
    """Where two extents are the same."""
    return test(minus(left, right), "==")


@functools.lru_cache(maxsize=65_536)
def at_least(left: Extent, right: Extent) -> Formula:
    """Where ``left >= right``."""
    return test(minus(left, right), ">=")


def every(parts: Iterable[Formula]) -> Formula:
    """Where all of them hold."""
    found = dict.fromkeys(_flat(parts, All))
    if NEVER in found or any(negated(part) in found for part in found):
        return NEVER
    return next(iter(found)) if len(found) == 1 else All(tuple(found))


def some(parts: Iterable[Formula]) -> Formula:
    """Where at least one of them holds."""
    found = dict.fromkeys(_flat(parts, Some))
    if ALWAYS in found or any(negated(part) in found for part in found):
        return ALWAYS
    return next(iter(found)) if len(found) == 1 else Some(tuple(found))


def joined(ways: Sequence[Formula]) -> Formula:
    """Where one of several ways is gone; two that differ in one answer alone are one way without it."""
    left = set(map(_parts, ways))
    waiting = list(left)
    while waiting:
        way = waiting.pop()
        twin = next((each for part in way if (each := way - {part} | {negated(part)}) in left), None)
        if way in left and twin is not None:
            left -= {way, twin}
            left.add(way & twin)
            waiting.append(way & twin)
    return some(every(sorted(way, key=repr)) for way in sorted(left, key=lambda way: sorted(map(repr, way))))


def _parts(way: Formula) -> frozenset[Formula]:
    return frozenset(way.parts if isinstance(way, All) else (way,))


def _flat(parts: Iterable[Formula], kind: type[All] | type[Some]) -> Iterator[Formula]:
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


@functools.lru_cache(maxsize=65_536)
def negated(part: Formula) -> Formula:
    """Where it does not hold."""
    if isinstance(part, Not):
        return part.part
    if isinstance(part, Test) and part.sign == ">=":
        return test(minus(-1, part.extent), ">=")
    if part == ALWAYS:
        return NEVER
    if part == NEVER:
        return ALWAYS
    return Not(part)


def follows(fact: Formula, formula: Formula) -> bool | None:
    """Whether one comparison follows from another, or what contradicts it does; None where bounds do not tell."""
    if not isinstance(fact, Test) or not isinstance(formula, Test):
        return None
    if symbols(fact.extent).isdisjoint(symbols(formula.extent)):
        return None
    if fact.sign == "==":
        known = (decided(minus(formula.extent, times(fact.extent, factor)), formula.sign) for factor in (1, -1))
        return next((answer for answer in known if answer is not None), None)
    if formula.sign == ">=" and decided(minus(formula.extent, fact.extent), ">="):
        return True
    below = decided(minus(-1, plus(formula.extent, fact.extent)), ">=")
    above = formula.sign == "==" and decided(minus(minus(formula.extent, fact.extent), 1), ">=")
    return False if below or above else None


def holds(formula: Formula, sizes: Mapping[Symbol, int]) -> bool:
    """Whether it holds at given sizes."""
    return checker(formula)(sizes)


@functools.lru_cache(maxsize=65_536)
def checker(formula: Formula) -> Callable[[Mapping[Symbol, int]], bool]:
    """A function of sizes that says whether a formula holds: many are tried, so its parts are looked at but once."""
    if isinstance(formula, Test):
        value = evaluator(formula.extent)
        return (lambda sizes: value(sizes) == 0) if formula.sign == "==" else (lambda sizes: value(sizes) >= 0)
    if isinstance(formula, Not):
        part = checker(formula.part)
        return lambda sizes: not part(sizes)
    parts = [checker(part) for part in formula.parts]
    if isinstance(formula, All):
        return lambda sizes: all(part(sizes) for part in parts)
    return lambda sizes: any(part(sizes) for part in parts)


def substituted(formula: Formula, sizes: Mapping[Symbol, Extent]) -> Formula:
    """The condition on the other sizes where some are given."""
    if isinstance(formula, Test):
        return test(replaced(formula.extent, sizes), formula.sign)
    if isinstance(formula, Not):
        return negated(substituted(formula.part, sizes))
    return (every if isinstance(formula, All) else some)(substituted(part, sizes) for part in formula.parts)


def tests(formula: Formula) -> Iterator[Test]:
    """Every comparison in a formula."""
    stack = [formula]
    while stack:
        top = stack.pop()
        if isinstance(top, Test):
            yield top
        elif isinstance(top, Not):
            stack.append(top.part)
        else:
            stack.extend(top.parts)


@functools.lru_cache(maxsize=65_536)
def open_sizes(formula: Formula) -> tuple[Symbol, ...]:
    """The symbols in a formula, in the order of their names."""
    found = {symbol for each in tests(formula) for symbol in symbols(each.extent)}
    return tuple(sorted(found, key=str))
