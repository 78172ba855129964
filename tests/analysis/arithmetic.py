"""Random expressions and formulas, each beside a function on plain ints that says the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from kgraph.analysis.expressions import Extent, Symbol, largest, symbol
from kgraph.analysis.formulas import Formula, at_least, equal, every, negated, some
from kgraph.graph import Value

B, H, W = Symbol(None, 0), Symbol(Value("x"), 1), Symbol(Value("x"), 2)
OPEN = (B, H, W)
NAMES = {B: "B", H: "H", W: "W"}

b, h, w = symbol(None, 0), symbol(Value("x"), 1), symbol(Value("x"), 2)

Sizes = Mapping[Symbol, int]
Paired = tuple[Extent, Callable[[Sizes], int]]
Claimed = tuple[Formula, Callable[[Sizes], bool]]


def sizes_up_to(most: int) -> st.SearchStrategy[Sizes]:
    return st.fixed_dictionaries({each: st.integers(1, most) for each in OPEN})


SIZES = sizes_up_to(40)


def expressions(products: bool = True, names: tuple[Symbol, ...] = OPEN, leaves: int = 6) -> st.SearchStrategy[Paired]:
    """An expression, and what it is at sizes."""
    atoms = st.one_of(st.sampled_from(names).map(_of_symbol), st.integers(-6, 6).map(_of_int))
    return st.recursive(atoms, lambda inner: _joined(inner, products), max_leaves=leaves)


def _of_symbol(name: Symbol) -> Paired:
    return symbol(name.value, name.axis), lambda sizes: sizes[name]


def _of_int(number: int) -> Paired:
    return number, lambda _: number


def _joined(inner: st.SearchStrategy[Paired], products: bool) -> st.SearchStrategy[Paired]:
    number = st.integers(2, 6)
    ways = [
        st.builds(_summed, inner, inner),
        st.builds(_subtracted, inner, inner),
        st.builds(_scaled, inner, st.integers(-4, 4)),
        st.builds(_divided, inner, number),
        st.builds(_rest, inner, number),
        st.builds(_largest, inner, inner),
    ]
    return st.one_of(*ways, *([st.builds(_multiplied, inner, inner)] if products else []))


def _summed(one: Paired, two: Paired) -> Paired:
    return one[0] + two[0], lambda sizes: one[1](sizes) + two[1](sizes)


def _subtracted(one: Paired, two: Paired) -> Paired:
    return one[0] - two[0], lambda sizes: one[1](sizes) - two[1](sizes)


def _multiplied(one: Paired, two: Paired) -> Paired:
    return one[0] * two[0], lambda sizes: one[1](sizes) * two[1](sizes)


def _scaled(one: Paired, number: int) -> Paired:
    return number * one[0], lambda sizes: number * one[1](sizes)


def _divided(one: Paired, number: int) -> Paired:
    return one[0] // number, lambda sizes: one[1](sizes) // number


def _rest(one: Paired, number: int) -> Paired:
    return one[0] % number, lambda sizes: one[1](sizes) % number


def _largest(one: Paired, two: Paired) -> Paired:
    return largest((one[0], two[0])), lambda sizes: max(one[1](sizes), two[1](sizes))


def formulas(
    products: bool = False, names: tuple[Symbol, ...] = OPEN, leaves: int = 3, tests: int = 4
) -> st.SearchStrategy[Claimed]:
    """A formula, and whether it holds at sizes."""
    sides = expressions(products, names, leaves)
    compared = st.one_of(st.builds(_equal, sides, sides), st.builds(_at_least, sides, sides))
    return st.recursive(compared, _claims, max_leaves=tests)


def _claims(inner: st.SearchStrategy[Claimed]) -> st.SearchStrategy[Claimed]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(inner.map(_not), several.map(_every), several.map(_some))


def _equal(one: Paired, two: Paired) -> Claimed:
    return equal(one[0], two[0]), lambda sizes: one[1](sizes) == two[1](sizes)


def _at_least(one: Paired, two: Paired) -> Claimed:
    return at_least(one[0], two[0]), lambda sizes: one[1](sizes) >= two[1](sizes)


def _not(claim: Claimed) -> Claimed:
    return negated(claim[0]), lambda sizes: not claim[1](sizes)


def _every(claims: list[Claimed]) -> Claimed:
    return every(claim[0] for claim in claims), lambda sizes: all(claim[1](sizes) for claim in claims)


def _some(claims: list[Claimed]) -> Claimed:
    return some(claim[0] for claim in claims), lambda sizes: any(claim[1](sizes) for claim in claims)


def named(sizes: Sizes) -> dict[str, Any]:
    """Sizes by their names."""
    return {NAMES[name]: size for name, size in sizes.items()}
