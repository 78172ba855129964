from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.analysis.expressions import Expression, Extent
from kgraph.analysis.formulas import (
    ALWAYS,
    NEVER,
    All,
    Formula,
    Not,
    Some,
    at_least,
    equal,
    every,
    follows,
    holds,
    joined,
    negated,
    open_sizes,
    some,
    substituted,
)
from kgraph.analysis.formulas import Test as Comparison
from kgraph.analysis.formulas import test as compared
from kgraph.analysis.formulas import tests as comparisons
from tests.analysis.arithmetic import OPEN, SIZES, B, Claimed, H, Paired, Sizes, W, b, expressions, formulas, h, w
from tests.analysis.brute import examples

ROUGH = settings(max_examples=examples(120))


@ROUGH
@given(formulas(products=True), SIZES)
def test_a_formula_holds_where_python_says_so(claim: Claimed, sizes: Sizes) -> None:
    formula, truth = claim
    assert holds(formula, sizes) is truth(sizes)
    assert holds(negated(formula), sizes) is not truth(sizes)
    assert set(open_sizes(formula)) <= set(OPEN)
    given_height = substituted(formula, {H: sizes[H]})
    assert H not in open_sizes(given_height)
    assert holds(given_height, sizes) is truth(sizes)
    assert substituted(formula, sizes) in (ALWAYS, NEVER)


@ROUGH
@given(expressions(), st.sampled_from(("==", ">=")), SIZES)
def test_tests_are_in_lowest_terms(pair: Paired, sign: str, sizes: Sizes) -> None:
    formula = compared(pair[0], sign)
    value = pair[1](sizes)
    assert holds(formula, sizes) is (value == 0 if sign == "==" else value >= 0)
    for factor in (3, -2) if sign == "==" else (3,):
        assert compared(factor * pair[0], sign) == formula


@ROUGH
@given(st.lists(formulas(leaves=2, tests=2), max_size=5), SIZES)
def test_joined_ways_are_any_of_them(claims: list[Claimed], sizes: Sizes) -> None:
    formula = joined([claim[0] for claim in claims])
    assert holds(formula, sizes) is any(claim[1](sizes) for claim in claims)


@ROUGH
@given(expressions(), expressions(), st.sampled_from(("==", ">=")), st.sampled_from(("==", ">=")), SIZES)
def test_what_follows_holds_where_the_fact_does(one: Paired, two: Paired, sign: str, other: str, sizes: Sizes) -> None:
    fact, formula = compared(one[0], sign), compared(two[0], other)
    known = follows(fact, formula)
    if known is not None and holds(fact, sizes):
        assert holds(formula, sizes) is known


def test_ways_that_differ_in_one_answer_are_one_without_it() -> None:
    small, wide = at_least(3, h), at_least(w, 5)
    ways = [every((small, wide)), every((small, negated(wide)))]
    assert joined(ways) == small
    others = [every((negated(small), wide)), every((negated(small), negated(wide)))]
    assert joined([*ways, *others]) == ALWAYS
    apart = joined([ways[0], others[1]])
    assert isinstance(apart, Some)
    assert len(apart.parts) == 2
    assert joined([]) == NEVER


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (equal(h, w), equal(w, h)),
        (equal(2 * h, 2 * w), equal(h, w)),
        (equal(h // 2, 3), equal(3, h // 2)),
        (at_least(h // 2, 3), at_least(h, 6)),
        (at_least(3, h // 2), at_least(7, h)),
        (at_least(2 * (h // 3) + 1, 4), at_least(h, 6)),
        (at_least(5, 2 * (h // 3)), at_least(8, h)),
        (at_least((h - 1) // 2 // 2, 1), at_least(h, 5)),
        (at_least(3 * h, 7), at_least(h, 3)),
        (at_least(h, 1), ALWAYS),
        (at_least(h // 2, 0), ALWAYS),
        (at_least(0, h), NEVER),
        (equal(h + 1, 1), NEVER),
        (equal(2 * h, 3), NEVER),
        (equal(h, h), ALWAYS),
        (negated(ALWAYS), NEVER),
        (negated(NEVER), ALWAYS),
        (negated(negated(equal(h, w))), equal(h, w)),
        (negated(at_least(h, 3)), at_least(2, h)),
        (every((equal(h, 2), negated(equal(h, 2)))), NEVER),
        (some((equal(h, 2), negated(equal(h, 2)))), ALWAYS),
        (every((equal(h, 2), NEVER)), NEVER),
        (some((equal(h, 2), ALWAYS)), ALWAYS),
        (every((equal(h, 2), ALWAYS, equal(h, 2))), equal(h, 2)),
        (every((every((equal(h, 2), equal(w, 2))), equal(b, 2))), All((equal(h, 2), equal(w, 2), equal(b, 2)))),
    ],
)
def test_equal_conditions_have_one_form(left: Formula, right: Formula) -> None:
    assert left == right


@pytest.mark.parametrize(
    ("fact", "formula", "known"),
    [
        (at_least(h, 5), at_least(h, 3), True),
        (at_least(h, 5), at_least(2, h), False),
        (at_least(h, 5), equal(h, 3), False),
        (at_least(h, 5), at_least(h, 7), None),
        (at_least(h, w), at_least(h + 1, w), True),
        (equal(h, 5), at_least(h, 3), True),
        (equal(h, w), at_least(h, w), True),
        (equal(h, w), equal(h, w + 1), False),
        (equal(h, w), at_least(w, h), True),
        (equal(h, w), equal(h, b), None),
        (negated(equal(h, w)), equal(h, w), None),
        (equal(h, w), ALWAYS, None),
    ],
)
def test_what_follows(fact: Formula, formula: Formula, known: bool | None) -> None:
    assert follows(fact, formula) is known


def test_tests_and_sizes_of_a_formula() -> None:
    formula = every((some((equal(h, 2), negated(equal(w, 3)))), at_least(b, 2)))
    assert sorted(str(each.sign) for each in comparisons(formula)) == ["==", "==", ">="]
    assert open_sizes(formula) == (B, H, W)
    assert open_sizes(ALWAYS) == ()


def test_what_is_no_test_is_negated_by_not() -> None:
    both = every((equal(h, 2), equal(w, 3)))
    assert negated(both) == Not(both)
    assert negated(Not(both)) == both


def test_an_open_extent_is_kept_in_a_test() -> None:
    formula = equal(h, 2)
    extent: Extent = h - 2
    assert isinstance(extent, Expression)
    assert formula == Comparison(extent, "==")
