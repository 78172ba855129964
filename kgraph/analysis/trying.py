"""Formulas at many sizes: the first sizes at which one holds.

A formula that is tried often is compiled. What is compiled holds numbers, operators and parameters ``p0, p1, ...``
alone: no name of a layer or an input, and nothing that a file says, reaches it.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from operator import add
from types import CodeType

from kgraph.analysis.expressions import Atom, Expression, Extent, Floor, Symbol
from kgraph.analysis.formulas import All, Formula, Not, Test, holds, open_sizes

DEEPEST = 80
"""Parentheses in each other that Python compiles with ease."""


def first(formula: Formula, most: int) -> Mapping[Symbol, int] | None:
    """Sizes at which a formula holds, of the smallest sum, by trying so many; None if there are none among them."""
    names, lows = open_sizes(formula), least_sizes(formula)
    if not names:
        return {} if holds(formula, {}) else None
    start = [lows.get(name, 1) for name in names]
    least = dict(zip(names, start, strict=True))
    if holds(formula, least):
        return least
    is_good = compiled(formula, names)
    for more in itertools.islice(_by_sum(len(names)), 1, most):
        sizes = tuple(map(add, start, more))
        if is_good(*sizes):
            return dict(zip(names, sizes, strict=True))
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


def compiled(formula: Formula, names: tuple[Symbol, ...]) -> Callable[..., bool]:
    """A function of sizes, in the order of their names, that says whether a formula holds."""
    parameters = {name: f"p{number}" for number, name in enumerate(names)}
    body = _formula(formula, parameters)
    if body.count("(") > DEEPEST and _depth(body) > DEEPEST:
        return lambda *sizes: holds(formula, dict(zip(names, sizes, strict=True)))
    return eval(_code(f"lambda {', '.join(parameters.values())}: {body}"), {"__builtins__": {}, "max": max})


@functools.lru_cache(maxsize=4096)
def _code(text: str) -> CodeType:
    return compile(text, "<formula>", "eval")


def _depth(text: str) -> int:
    return max(itertools.accumulate({"(": 1, ")": -1}.get(letter, 0) for letter in text), default=0)


def _formula(formula: Formula, parameters: Mapping[Symbol, str]) -> str:
    if isinstance(formula, Test):
        return f"{_extent(formula.extent, parameters)} {formula.sign} 0"
    if isinstance(formula, Not):
        return f"not ({_formula(formula.part, parameters)})"
    word, empty = (" and ", "True") if isinstance(formula, All) else (" or ", "False")
    return word.join(f"({_formula(part, parameters)})" for part in formula.parts) or empty


def _extent(extent: Extent, parameters: Mapping[Symbol, str]) -> str:
    if not isinstance(extent, Expression):
        return str(extent)
    products = [
        "*".join([str(factor), *(_atom(atom, parameters) for atom in monomial)])
        for monomial, factor in extent.terms.items()
    ]
    return "+".join([*products, str(extent.constant)])


def _atom(atom: Atom, parameters: Mapping[Symbol, str]) -> str:
    if isinstance(atom, Symbol):
        return parameters[atom]
    if isinstance(atom, Floor):
        return f"(({_extent(atom.inner, parameters)})//{atom.divisor})"
    return f"max({','.join(_extent(option, parameters) for option in atom.options)})"
