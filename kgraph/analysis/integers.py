"""Decides formulas by isl, the integer set library of the polyhedral compilers (Verdoolaege, ICMS 2010).

isl sees parameters ``p0, p1, ...`` alone: the open sizes, each at least 1, and products of them, which are taken to be
free of each other. So what holds of all values that isl looks at holds of all sizes, and a formula
without products is decided exactly.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from kgraph.analysis.expressions import Atom, Extent, Floor, Monomial, Symbol, atomic, least, plus
from kgraph.analysis.formulas import (
    ALWAYS,
    NEVER,
    All,
    Formula,
    Not,
    Test,
    every,
    holds,
    negated,
    open_sizes,
    substituted,
)
from kgraph.analysis.one_size import is_empty_of_one
from kgraph.analysis.trying import first, least_sizes

BUDGET = 500_000
"""Elementary operations of isl that one question may take."""

MOST_TRIED = 4096
"""Sizes that are tried where products of sizes keep isl from an answer."""

FEW_TRIED = 64
VERY_FEW_TRIED = 8
"""Sizes that are tried before isl is asked at all: for the smallest, and for any."""


@functools.lru_cache(maxsize=65_536)
def is_empty(formula: Formula) -> bool | None:
    """True if a formula holds at no size, False if it does at some, None where that is not decided."""
    if formula in (ALWAYS, NEVER):
        return formula == NEVER
    if first(formula, VERY_FEW_TRIED) is not None:
        return False
    fixed = _fixed(formula)
    if fixed:
        return is_empty(substituted(formula, fixed))
    apart = separated(formula)
    if len(apart) > 1:
        return _any(map(is_empty, apart))
    ways = _ways(formula)
    if len(ways) > 1:
        return _all(map(is_empty, ways))
    known = is_empty_of_one(formula)
    if known is not None:
        return known
    found, products = _asked(formula, _no_sizes)
    return found if found or not products else _is_empty_with_products(formula)


def _any(answers: Iterable[bool | None]) -> bool | None:
    """True if one is, else None if one is not known."""
    undecided = False
    for answer in answers:
        if answer:
            return True
        undecided = undecided or answer is None
    return None if undecided else False


def _all(answers: Iterable[bool | None]) -> bool | None:
    """False if one is, else None if one is not known."""
    found = _any(None if answer is None else not answer for answer in answers)
    return None if found is None else not found


def _parts(formula: Formula) -> frozenset[Formula]:
    return frozenset(formula.parts if isinstance(formula, All) else (formula,))


def separated(formula: Formula) -> list[Formula]:
    """Conditions on sizes that have nothing to do with each other, which hold together where the formula does."""
    parts = formula.parts if isinstance(formula, All) else (formula,)
    groups: list[tuple[set[Symbol], list[Formula]]] = []
    for part in parts:
        sizes, members = set(open_sizes(part)), [part]
        for group in [each for each in groups if each[0] & sizes]:
            groups.remove(group)
            sizes |= group[0]
            members = [*group[1], *members]
        groups.append((sizes, members))
    return [every(members) for _, members in groups]


def _fixed(formula: Formula) -> dict[Symbol, int]:
    """Sizes that a part of a formula says: a product with one of them is none."""
    found: dict[Symbol, int] = {}
    for part in formula.parts if isinstance(formula, All) else ():
        if isinstance(part, Test) and part.sign == "==" and len(part.extent.terms) == 1:
            ((monomial, factor),) = part.extent.terms.items()
            if len(monomial) == 1 and isinstance(monomial[0], Symbol) and factor == 1:
                found.setdefault(monomial[0], -part.extent.constant)
    return found


def _ways(formula: Formula) -> list[Formula]:
    """Conditions of which one holds where the formula does, if it says that not all of several hold."""
    parts = formula.parts if isinstance(formula, All) else (formula,)
    broken = next((part.part for part in parts if isinstance(part, Not) and isinstance(part.part, All)), None)
    if broken is None:
        return [formula]
    rest = [part for part in parts if part != Not(broken)]
    return [every((*rest, negated(part))) for part in broken.parts]


def _no_sizes(found: Any) -> bool:
    return found.is_empty()


def _is_empty_with_products(formula: Formula) -> bool | None:
    """Looks closer where isl takes products to be free: ``(H - 2) * (W - 2) >= 1`` where ``H >= 3`` and ``W >= 3``."""
    shift = {size: plus(atomic(size), low - 1) for size, low in least_sizes(formula).items()}
    shifted = substituted(formula, shift)
    if shifted == NEVER or (shift and shifted != ALWAYS and _asked(shifted, _no_sizes)[0]):
        return True
    return None if first(formula, MOST_TRIED) is None else False


def implies(known: Formula, formula: Formula) -> bool | None:
    """True if ``formula`` holds at every size at which ``known`` does; None where that is not decided."""
    if _parts(formula) <= _parts(known):
        return True
    return is_empty(every((known, negated(formula))))


def same(left: Formula, right: Formula) -> bool | None:
    """True if two formulas hold at the same sizes; None where that is not decided."""
    there, back = implies(left, right), implies(right, left)
    if there is False or back is False:
        return False
    return None if there is None or back is None else True


@functools.lru_cache(maxsize=4096)
def smallest(formula: Formula) -> Mapping[Symbol, int] | None:
    """Sizes at which a formula holds, of the smallest sum; None where there are none, or isl cannot tell."""
    quick = None if formula == NEVER else first(formula, FEW_TRIED)
    if quick is not None or formula == NEVER:
        return quick
    apart, ways = separated(formula), _ways(formula)
    if len(apart) > 1:
        parts = [smallest(part) for part in apart]
        return None if None in parts else _in_order(formula, *(part for part in parts if part is not None))
    if len(ways) > 1:
        options = [_in_order(formula, option) for way in ways if (option := smallest(way)) is not None]
        return min(options, key=lambda option: (sum(option.values()), [*option.values()]), default=None)
    found = _nearest(formula, dict.fromkeys(open_sizes(formula), 1))
    return found if found is not None or is_empty(formula) else first(formula, MOST_TRIED)


def _in_order(formula: Formula, *parts: Mapping[Symbol, int]) -> dict[Symbol, int]:
    """The sizes of a formula in their order; 1 where no part says more."""
    known = {size: extent for part in parts for size, extent in part.items()}
    return {size: known.get(size, 1) for size in open_sizes(formula)}


def nearest(formula: Formula, sizes: Mapping[Symbol, int]) -> Mapping[Symbol, int] | None:
    """Sizes at which a formula holds, of the least sum of differences; None as for ``smallest``."""
    return _nearest(formula, sizes)


def _nearest(formula: Formula, sizes: Mapping[Symbol, int]) -> Mapping[Symbol, int] | None:
    names = tuple(sizes)
    if holds(formula, sizes):
        return dict(sizes)

    def closest(found: Any) -> list[int] | None:
        import islpy as isl

        count = len(names)
        # The sizes become dimensions behind the distance, which is what is minimised first.
        columns = ", ".join(f"p{index}" for index in range(count))
        far = " + ".join(f"d{index}" for index in range(count))
        apart = " and ".join(
            f"d{index} >= p{index} - {sizes[name]} and d{index} >= {sizes[name]} - p{index}"
            for index, name in enumerate(names)
        )
        extra = ", ".join(f"d{index}" for index in range(count))
        text = (
            f"[{columns}] -> {{ [t, {extra}, {', '.join(f'x{i}' for i in range(count))}] : t = {far} and {apart} and "
        )
        text += " and ".join(f"x{index} = p{index}" for index in range(count)) + " }"
        space: Any = isl.Set(text).intersect_params(found)
        space = space.project_out(isl.dim_type.param, 0, space.dim(isl.dim_type.param))
        best: list[int] = []
        while not space.is_empty():  # isl's lexmin is not always the least, and misses some: until nothing is below it
            least_of = space.lexmin()
            point = (space if least_of.is_empty() else least_of).sample_point()
            best = [int(str(point.get_coordinate_val(isl.dim_type.set, index))) for index in range(1 + 2 * count)]
            space = space.upper_bound_val(isl.dim_type.set, 0, isl.Val(best[0] - 1))
        return best[1 + count :] or None

    found, products = _asked(formula, closest, names)
    if not found or products:
        return None
    return dict(zip(names, found, strict=True))


def _asked(formula: Formula, question: Any, names: tuple[Symbol, ...] | None = None) -> tuple[Any, bool]:
    """The answer to a question about the set of sizes, None past the budget; and whether there are products in it."""
    import islpy as isl

    parameters: dict[Atom | Monomial, str] = {name: f"p{index}" for index, name in enumerate(names or ())}
    body = _formula(formula, parameters)
    products = any(isinstance(key, tuple) for key in parameters)
    bounds = "".join(f"{name} >= {_least(key)} and " for key, name in parameters.items() if _least(key) is not None)
    text = f"[{', '.join(parameters.values())}] -> {{ : {bounds}({body}) }}"
    context: Any = isl.DEFAULT_CONTEXT
    context.reset_operations()
    context.set_max_operations(BUDGET)
    try:
        return question(isl.Set(text).params()), products
    except isl.Error:
        return None, products
    finally:
        context.set_max_operations(0)


def _least(key: Atom | Monomial) -> int | None:
    """A lower bound of a parameter: of a size, or of a product."""
    low = [least(atom) for atom in (key if isinstance(key, tuple) else (key,))]
    return None if any(each is None or each < 0 for each in low) else math.prod(each or 0 for each in low)


def _formula(formula: Formula, parameters: dict[Atom | Monomial, str]) -> str:
    if isinstance(formula, Test):
        return f"{_extent(formula.extent, parameters)} {'=' if formula.sign == '==' else '>='} 0"
    if isinstance(formula, Not):
        return f"not ({_formula(formula.part, parameters)})"
    word, empty = (" and ", "1 = 1") if isinstance(formula, All) else (" or ", "1 = 0")
    return word.join(f"({_formula(part, parameters)})" for part in formula.parts) or empty


def _extent(extent: Extent, parameters: dict[Atom | Monomial, str]) -> str:
    if isinstance(extent, int):
        return str(extent)
    parts = [f"{factor}*{_monomial(monomial, parameters)}" for monomial, factor in extent.terms.items()]
    return f"({' + '.join([*parts, str(extent.constant)])})"


def _monomial(monomial: Monomial, parameters: dict[Atom | Monomial, str]) -> str:
    if len(monomial) != 1:
        return parameters.setdefault(monomial, f"p{len(parameters)}")
    atom = monomial[0]
    if isinstance(atom, Symbol):
        return parameters.setdefault(atom, f"p{len(parameters)}")
    if isinstance(atom, Floor):
        return f"floor({_extent(atom.inner, parameters)} / {atom.divisor})"
    options = [_extent(option, parameters) for option in atom.options]
    return functools.reduce(lambda left, right: f"max({left}, {right})", options)
