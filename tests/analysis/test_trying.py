"""Formulas that are compiled say what they say when they are looked at part by part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kgraph.analysis.expressions import Extent
from kgraph.analysis.formulas import at_least, equal, every, holds, open_sizes
from kgraph.analysis.parts import weight
from kgraph.analysis.trying import compiled, first, least_sizes
from tests.analysis.arithmetic import SIZES, Claimed, H, Sizes, W, b, formulas, h, w


@given(formulas(), SIZES)
def test_a_compiled_formula_says_the_same(claim: Claimed, sizes: Sizes) -> None:
    formula, truth = claim
    names = open_sizes(formula)
    found = compiled(formula, names)(*(sizes[name] for name in names))
    assert found == holds(formula, sizes) == truth(sizes)


def test_what_is_nested_too_deep_to_compile_is_looked_at() -> None:
    deep: Extent = h
    for number in range(200):
        deep = (deep + w) // (2 + number % 2)
    formula = every((equal(deep % 3, 1), at_least(b, 2)))
    names = open_sizes(formula)
    assert all(
        compiled(formula, names)(*sizes) == holds(formula, dict(zip(names, sizes, strict=True)))
        for sizes in ((1, 5, 9), (2, 5, 9), (2, 90, 7), (3, 1000, 1))
    )


def test_the_first_sizes_are_of_the_smallest_sum() -> None:
    assert first(equal(h * w, 12), 100) == {H: 3, W: 4}
    assert first(equal(h, 50), 10) is None
    assert first(every((at_least(h, 50), equal(w % 4, 0))), 10) == {H: 50, W: 4}
    assert least_sizes(every((at_least(h, 50), at_least(2 * w, 9), equal(b, 3)))) == {H: 50, W: 5}


@given(st.integers(1, 9))
def test_the_weight_of_an_extent_counts_its_atoms(times: int) -> None:
    extent: Extent = h
    for _ in range(times):
        extent = extent // 2 + (extent + 1) // 2
    assert weight(extent) == 3 * 2**times - 2
