from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from kgraph.analysis import integers
from kgraph.analysis.expressions import largest, symbol
from kgraph.analysis.formulas import ALWAYS, NEVER, Formula, at_least, equal, every, holds, negated, some
from kgraph.analysis.integers import implies, is_empty, nearest, same, separated, smallest
from kgraph.graph import Value
from tests.analysis.arithmetic import OPEN, B, Claimed, H, Sizes, W, b, formulas, h, sizes_up_to, w
from tests.analysis.brute import examples

REACH = 9
ROUGH = settings(max_examples=examples(60))


def box(formula: Formula) -> Iterator[Sizes]:
    """All small sizes at which a formula holds, those of the smallest sum first."""
    every_one = itertools.product(range(1, REACH + 1), repeat=len(OPEN))
    for each in sorted(every_one, key=sum):
        sizes = dict(zip(OPEN, each, strict=True))
        if holds(formula, sizes):
            yield sizes


@ROUGH
@given(formulas())
def test_emptiness_is_what_brute_force_finds(claim: Claimed) -> None:
    formula, _ = claim
    found, least, empty = next(box(formula), None), smallest(formula), is_empty(formula)
    assert empty is (least is None)
    if least is not None:
        assert holds(formula, least)
        assert all(size >= 1 for size in least.values())
    if found is not None:
        assert least is not None
        assert sum(least.values()) == sum(found[name] for name in least)


@ROUGH
@given(formulas(), formulas())
def test_implication_is_what_brute_force_finds(one: Claimed, two: Claimed) -> None:
    known, formula = one[0], two[0]
    inside = [holds(formula, sizes) for sizes in box(known)]
    answer = implies(known, formula)
    assert answer is not None
    assert answer is False or all(inside)
    assert same(known, formula) is (answer and implies(formula, known))
    assert implies(every((known, formula)), known) is True
    assert same(formula, negated(negated(formula))) is True


@ROUGH
@given(formulas(leaves=2), sizes_up_to(REACH))
def test_the_nearest_sizes_are_those_of_brute_force(claim: Claimed, sizes: Sizes) -> None:
    formula, _ = claim
    found = nearest(formula, sizes)
    apart = [sum(abs(each[name] - sizes[name]) for name in OPEN) for each in box(formula)]
    if found is None:
        assert not apart
        return
    assert holds(formula, found)
    distance = sum(abs(found[name] - sizes[name]) for name in OPEN)
    assert distance <= min(apart, default=distance)
    # What lies beyond the box is further away than this.
    closest = min([*apart, *(REACH + 1 - sizes[name] for name in OPEN)])
    assert distance >= min([closest, *apart])


@ROUGH
@given(formulas(products=True))
def test_what_is_said_of_products_is_true(claim: Claimed) -> None:
    formula, _ = claim
    found = next(box(formula), None)
    empty = is_empty(formula)
    assert empty is not True or found is None
    least = smallest(formula)
    assert least is None or holds(formula, least)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (ALWAYS, {}),
        (NEVER, None),
        (equal(h % 32, 0), {H: 32}),
        (every((equal(h % 4, 3), equal(w % 5, 2), at_least(h + w, 20))), {H: 3, W: 17}),
        (every((equal(h, 2 * w), at_least(h, 7))), {H: 8, W: 4}),
        (equal(largest((h, w)), 3), {H: 1, W: 3}),
        (equal(largest((h, w, b)), 2), {B: 1, H: 1, W: 2}),
        (every((at_least(h, 5), at_least(4, h))), None),
        (every((equal(2 * h + 4 * w, 6 * b + 3),)), None),
        (negated(some((at_least(h, 3), at_least(w, 3)))), {H: 1, W: 1}),
        (negated(at_least(5, h)), {H: 6}),
    ],
)
def test_the_smallest_sizes(formula: Formula, expected: Sizes | None) -> None:
    found = smallest(formula)
    assert (found is None) is (expected is None)
    assert sum((found or {}).values()) == sum((expected or {}).values())
    assert is_empty(formula) is (expected is None)


def test_the_nearest_sizes_may_hold_others_than_those_of_the_formula() -> None:
    assert nearest(equal(h % 16, 0), {H: 500, W: 3}) == {H: 496, W: 3}
    assert nearest(NEVER, {H: 500}) is None
    assert nearest(equal(h % 16, 0), {H: 512}) == {H: 512}


def test_the_nearest_sizes_are_found_where_the_lexmin_of_isl_is_not_the_least() -> None:
    halves = equal(-2 * ((h + 5) // 6) + (h + 2) // 3, 0)
    formula = every((some((halves, equal((h + 2) // 3, 1))), some((equal(h % 6, 0), equal(h, 1)))))
    assert nearest(formula, {H: 10}) == {H: 12}
    assert nearest(every((formula, equal(w, 1))), {H: 10, W: 1}) == {H: 12, W: 1}


def test_products_are_decided_where_the_form_tells() -> None:
    assert implies(equal(h * w, b), equal(2 * h * w, 2 * b)) is True
    assert implies(at_least(h * w, 7), at_least(h * w, 5)) is True
    assert is_empty(every((equal(h * w, 4), equal(h * w, 5)))) is True
    assert is_empty(at_least(0, h * w)) is True


def test_products_are_decided_by_small_sizes_too() -> None:
    assert is_empty(equal(h * w, 7)) is False
    assert same(equal(h * w, 7), equal(h * w, 8)) is False
    assert same(equal(h * w, 7), NEVER) is False
    assert smallest(equal(h * w, 6)) in ({H: 2, W: 3}, {H: 3, W: 2})
    assert is_empty(every((at_least(0, (h - 2) * (w - 2)), at_least(h, 3), at_least(w, 3)))) is True
    assert is_empty(every((at_least((h - 2) * (w - 2), 1), at_least(h, 3), at_least(w, 3)))) is False
    assert is_empty(equal(h * h, 2 * w * w)) is None  # the root of 2 is no fraction
    assert smallest(equal(h * h, 2 * w * w)) is None
    assert nearest(equal(h * w, 7), {H: 2, W: 3}) is None


def hard(count: int) -> Formula:
    """Many sizes that may each be one of many others: the parts of the set are counted in thousands."""
    names = [symbol(Value(f"x{number}"), 1) for number in range(count)]
    pairs = [(one, two) for index, one in enumerate(names) for two in names[:index]]
    return every(some((equal(one % 7, two % 5), equal(one, 3 * two), at_least(two, one + 4))) for one, two in pairs)


def test_what_is_too_hard_is_said_and_does_not_hang() -> None:
    formula = hard(7)
    assert is_empty(formula) in (None, False)
    assert implies(formula, negated(formula)) in (None, False)
    negative = negated(formula)
    assert same(formula, negative) in (None, False)


def test_a_few_sizes_are_tried_before_isl_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integers, "BUDGET", 1)
    formula = every((equal(h % 6, w % 4), at_least(h, 3), negated(equal(w % 9, 2)), equal(b % 5, h % 3)))
    is_empty.cache_clear()
    try:
        assert is_empty(formula) is False
        assert implies(formula, at_least(h, 1000)) is False
    finally:
        is_empty.cache_clear()


def test_conditions_on_other_sizes_are_decided_apart() -> None:
    tall, wide = every((equal(h % 7, 3), at_least(h, 100))), equal(w % 5, 0)
    assert separated(every((tall, wide))) == [tall, wide]
    assert smallest(every((tall, wide))) == {H: 101, W: 5}
    assert is_empty(every((tall, wide, at_least(50, h)))) is True
    assert implies(every((tall, wide)), at_least(h, 101)) is True


def test_that_not_all_of_several_hold_is_decided_one_by_one() -> None:
    parts = every((at_least(500, h), at_least(300, w), at_least(400, h + w)))
    assert smallest(negated(parts)) == {H: 1, W: 301}
    assert smallest(every((negated(parts), at_least(h, 200)))) == {H: 200, W: 201}
    assert is_empty(every((negated(parts), at_least(100, h), at_least(100, w)))) is True


def test_past_the_budget_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integers, "BUDGET", 1)
    formula = equal((h + 3 * w + 5 * b) % 1009, 100)  # so large that it is not found by trying a few
    is_empty.cache_clear()
    try:
        assert is_empty(formula) is None
        assert implies(formula, at_least(h, 1000)) is None
        assert same(formula, every((formula, at_least(2000, h)))) is None
        assert holds(formula, smallest(formula) or {})
        assert smallest(every((formula, at_least(h, 5000 * w)))) is None
        assert nearest(formula, {H: 2, W: 7, B: 1}) is None
    finally:
        is_empty.cache_clear()
    monkeypatch.undo()
    assert is_empty(formula) is False
