"""Conditions on one size: what is decided without a solver is what the solver says."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from kgraph.analysis import integers
from kgraph.analysis.expressions import largest
from kgraph.analysis.formulas import NEVER, Formula, at_least, equal, every, holds, negated, open_sizes
from kgraph.analysis.one_size import is_empty_of_one
from tests.analysis.arithmetic import Claimed, H, b, formulas, h, w
from tests.analysis.brute import examples

OF_ONE = formulas(products=False, names=(H,))


@given(OF_ONE)
@settings(max_examples=examples(300))
@example((every((equal(h % 7, 3), equal(h % 5, 4), at_least(100, h))), lambda _: True))
def test_the_solver_says_the_same(claim: Claimed) -> None:
    formula, truth = claim
    found = is_empty_of_one(formula)
    if found is None:
        return
    said, products = integers._asked(formula, integers._no_sizes)  # pyright: ignore[reportPrivateUsage]
    assert not products
    assert found == said
    assert not (found and any(truth({H: size}) for size in range(1, 3000)))


@pytest.mark.parametrize(
    ("formula", "empty"),
    [
        (equal(h % 64, 63), False),
        (every((equal(h % 64, 63), equal(h % 4, 2))), True),
        (every((equal(h % 9, 8), at_least(h, 100), at_least(107, h))), False),
        (every((equal(h % 9, 8), at_least(h, 108), at_least(115, h))), True),
        (every((at_least(h, 500), at_least(500, h))), False),
        (every((equal((h // 3 + h) // 5, h // 4), at_least(h, 56))), False),
        (every((equal((h // 3 + h) // 5, h // 4), at_least(h, 57))), True),
        (negated(equal(h // 2 + (h + 1) // 2, h)), True),
    ],
)
def test_what_one_size_may_be(formula: Formula, empty: bool) -> None:
    assert any(holds(formula, {H: size}) for size in range(1, 5000)) != empty
    assert is_empty_of_one(formula) == empty


def test_what_is_left_to_a_solver() -> None:
    assert is_empty_of_one(equal(h, w)) is None
    assert is_empty_of_one(NEVER) is None
    assert is_empty_of_one(equal(h * h, 16)) is None
    assert is_empty_of_one(equal(largest((h, 2 * h - 9)), 16)) is None
    assert is_empty_of_one(equal(largest((h, 7)) // 2, 16)) is None
    assert is_empty_of_one(equal(h % 4099, 1)) is None
    assert is_empty_of_one(at_least(h, 30_000)) is None


def test_no_solver_is_imported_for_conditions_on_each_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_solver(*_: object) -> None:
        raise AssertionError("a solver was asked")

    monkeypatch.setattr(integers, "_asked", no_solver)
    integers.is_empty.cache_clear()
    good = every((equal(h % 32, 0), equal(w % 16, 0), at_least(b, 3)))
    assert integers.is_empty(good) is False
    assert integers.implies(good, every((equal(h % 8, 0), at_least(w, 16)))) is True
    assert integers.implies(good, every((equal(h % 8, 0), at_least(w, 17)))) is False
    assert open_sizes(good)
