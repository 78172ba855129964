from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.analysis import clauses as module
from kgraph.analysis.clauses import LONGEST, clauses
from kgraph.analysis.expressions import symbol
from kgraph.analysis.formulas import ALWAYS, Some, equal, every, holds, negated, some
from kgraph.graph import Value
from tests.analysis.arithmetic import B, Claimed, H, W, b, formulas, h, w
from tests.analysis.brute import examples


@settings(max_examples=examples(80))
@given(formulas(leaves=3, tests=3))
def test_clauses_hold_just_where_the_condition_does(claim: Claimed) -> None:
    found = clauses(claim[0])
    if found is None:
        return
    assert all(len(each.parts) <= LONGEST for each in found if isinstance(each, Some))
    for one, two, three in ((one, two, three) for one in range(1, 9) for two in range(1, 9) for three in range(1, 9)):
        sizes = {B: one, H: two, W: three}
        assert holds(every(found), sizes) is holds(claim[0], sizes)


def test_ways_that_exclude_each_other_are_a_choice() -> None:
    same, one = equal(h, w), equal(h, 1)
    assert clauses(some((every((negated(one), same)), one))) == (some((one, same)),)


def test_one_size_needs_no_clauses() -> None:
    assert clauses(equal(h, 4)) is clauses(ALWAYS) is None


def test_what_has_too_many_sizes_has_none() -> None:
    several = [symbol(Value("z"), axis) for axis in range(3)]
    assert clauses(some(equal(left, right) for left, right in zip((b, h, w), several, strict=True))) is None


@given(st.data())
@settings(max_examples=5)
def test_what_is_not_proved_is_not_said(data: st.DataObject) -> None:
    """Sizes that are tried are small: 4099 is never among them, so only the proof tells."""
    far = data.draw(st.integers(4099, 5000))
    formula = some((equal(h, w), every((equal(h % far, 0), equal(w % far, 0)))))
    found = clauses(formula)
    assert far > module.MOST_TRIED
    assert found is None or holds(every(found), {H: far, W: 2 * far})
