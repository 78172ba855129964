from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.analysis.cases import MOST, Case, cases
from kgraph.analysis.evaluating import value_at
from kgraph.analysis.expressions import Expression, Extent, TooHardError
from kgraph.analysis.formulas import ALWAYS, at_least, equal, holds, negated
from kgraph.analysis.formulas import Test as Comparison
from kgraph.ops.extents import slice_extent, unwindow, window
from tests.analysis import arithmetic
from tests.analysis.arithmetic import SIZES, H, Sizes, W
from tests.analysis.brute import examples

b: Any = arithmetic.b
h: Any = arithmetic.h
w: Any = arithmetic.w

PLACE = st.one_of(st.none(), st.integers(-6, 6))


def at_least_of(number: int) -> Comparison:
    """The fact that the height is at least a number."""
    extent = h - number
    assert isinstance(extent, Expression)
    return Comparison(extent, ">=")


def gone(found: tuple[Case[Any], ...] | None, sizes: Sizes) -> Extent | None:
    """What the only case that holds at sizes returns."""
    assert found is not None
    (case,) = [case for case in found if holds(case.condition, sizes)]
    return None if case.result is None else value_at(case.result, sizes)


@settings(max_examples=examples(120))
@given(PLACE, PLACE, st.sampled_from((None, 1, 2, 3, -1, -2, -3)), SIZES)
def test_slices_by_cases_are_those_of_python(
    start: int | None, stop: int | None, step: int | None, sizes: Sizes
) -> None:
    expected = len(range(sizes[H])[slice(start, stop, step)])
    assert gone(cases(lambda: slice_extent(start, stop, step, h)), sizes) == expected
    known = (at_least_of(1),)
    assert gone(cases(lambda: slice_extent(start, stop, step, h), known), sizes) == expected


@settings(max_examples=examples(60))
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.sampled_from(("valid", "same")), SIZES)
def test_windows_ask_nothing(size: int, stride: int, dilation: int, padding: str, sizes: Sizes) -> None:
    slid, spread = (
        cases(lambda: window(h, size, stride, dilation, padding)),
        cases(lambda: unwindow(h, size, stride, padding, None)),
    )
    assert [case.condition for case in (*(slid or ()), *(spread or ()))] == [ALWAYS, ALWAYS]
    assert gone(slid, sizes) == window(sizes[H], size, stride, dilation, padding)
    assert gone(spread, sizes) == unwindow(sizes[H], size, stride, padding, None)


@settings(max_examples=examples(60))
@given(SIZES)
def test_every_way_is_gone_once(sizes: Sizes) -> None:
    def rule(height: Extent, width: Extent) -> Extent | None:
        if height == width:
            return 1
        if height < 3 or width > 7:
            return None
        return height + width if height % 2 == 0 else width * 2

    assert gone(cases(lambda: rule(h, w)), sizes) == rule(sizes[H], sizes[W])


def test_what_follows_is_not_asked_again() -> None:
    def rule() -> str:
        if h < 3:
            return "small" if h < 5 and h != 7 else "never"
        if h == 4:
            return "four" if h >= 4 and h <= 4 else "never"
        return "four again" if h == 4 else "large"

    found = cases(rule)
    assert found is not None
    assert sorted(case.result for case in found) == ["four", "large", "small"]


def test_facts_are_taken_as_given() -> None:
    asked = cases(lambda: h >= 4, (at_least_of(5),))
    assert asked == (Case(ALWAYS, True),)
    not_asked = cases(lambda: h == 4, (at_least_of(5),))
    assert not_asked == (Case(ALWAYS, False),)
    equal_to = equal(h, w)
    assert isinstance(equal_to, Comparison)
    assert cases(lambda: w == h, (equal_to,)) == (Case(ALWAYS, True),)
    assert {case.condition for case in cases(lambda: h == w) or ()} == {equal_to, negated(equal_to)}


def test_zero_is_false() -> None:
    found = cases(lambda: "rest" if (h % 4) else "none")
    assert found is not None
    assert {case.result: [n for n in range(1, 9) if holds(case.condition, {H: n})] for case in found} == {
        "none": [4, 8],
        "rest": [1, 2, 3, 5, 6, 7],
    }


def test_a_rule_that_asks_for_a_number_has_no_cases() -> None:
    assert cases(lambda: list(range(h))) is None
    assert cases(lambda: h // w) is None


def test_too_many_ways_have_no_cases() -> None:
    assert cases(lambda: sum(h == n for n in range(1, MOST - 2))) is not None
    assert cases(lambda: sum(h % n == 0 for n in range(2, 9))) is None


def test_outside_of_a_path_nothing_is_asked() -> None:
    cases(lambda: h == 3)
    assert h != 3
    with pytest.raises(TooHardError):
        _ = b >= 3
    with pytest.raises(ZeroDivisionError):
        cases(lambda: 1 // 0)
    with pytest.raises(TooHardError):
        _ = b >= 3
    assert at_least(h, 3) == at_least_of(3)
