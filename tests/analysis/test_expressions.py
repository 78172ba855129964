from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.analysis.evaluating import replaced, value_at
from kgraph.analysis.expressions import (
    Expression,
    Extent,
    Floor,
    TooHardError,
    decided,
    divided,
    largest,
    least,
)
from kgraph.analysis.parts import atoms, symbols
from kgraph.analysis.saying import said
from tests.analysis.arithmetic import NAMES, OPEN, SIZES, B, H, Paired, Sizes, W, b, expressions, h, named, w
from tests.analysis.brute import evaluated, examples

ROUGH = settings(max_examples=examples(120))


@ROUGH
@given(expressions(), SIZES)
def test_an_expression_is_what_python_computes(pair: Paired, sizes: Sizes) -> None:
    extent, value = pair
    assert value_at(extent, sizes) == value(sizes)
    assert value_at(replaced(extent, {H: sizes[H]}), sizes) == value(sizes)
    assert replaced(extent, sizes) == value(sizes)
    assert value_at(replaced(extent, {H: w + 2, W: h}), sizes) == value({**sizes, H: sizes[W] + 2, W: sizes[H]})


@ROUGH
@given(expressions())
def test_a_normal_form_stays_as_it_is(pair: Paired) -> None:
    extent, _ = pair
    again = replaced(extent, {})
    assert again == extent
    assert extent - again == 0
    assert (again + extent) == 2 * extent
    assert hash(again) == hash(extent)


@ROUGH
@given(expressions(), expressions(), expressions())
def test_the_laws_of_rings_hold_for_forms(one: Paired, two: Paired, three: Paired) -> None:
    (x, _), (y, _), (z, _) = one, two, three
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z
    assert x - y == -1 * (y - x)


@ROUGH
@given(expressions(), SIZES)
def test_what_is_said_is_python(pair: Paired, sizes: Sizes) -> None:
    extent, value = pair
    assert evaluated(said(extent, NAMES.__getitem__), named(sizes)) == value(sizes)


@ROUGH
@given(expressions(), st.sampled_from(("==", ">=")), SIZES)
def test_what_is_decided_holds_at_every_size(pair: Paired, sign: str, sizes: Sizes) -> None:
    extent, value = pair
    known = decided(extent, sign)
    actual = value(sizes) == 0 if sign == "==" else value(sizes) >= 0
    assert known is None or known is actual
    assert isinstance(extent, Expression) or known is actual


@ROUGH
@given(expressions(), SIZES)
def test_no_atom_is_less_than_its_least(pair: Paired, sizes: Sizes) -> None:
    for atom in atoms(pair[0]):
        low = least(atom)
        assert low is None or low <= value_at(Expression({(atom,): 1}, 0), sizes)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((h + 1) // 2, -(-h // 2)),
        (((h + 1) // 2 + 1) // 2, -(-h // 4)),
        ((h // 2) // 3, h // 6),
        ((h // 2 + 1) // 2, (h + 2) // 4),
        ((1 - h // 2) // 2, (3 - h) // 4),
        ((4 * h + 6) // 2, 2 * h + 3),
        ((4 * h + 2) // 8, (2 * h + 1) // 4),
        ((2 * h) // 4, h // 2),
        (h % 1, 0),
        ((2 * h + 5) % 2, 1),
        (h // -2, (-h) // 2),
        ((h * w) // h, w),
        ((2 * h * w + 4 * h) // (2 * h), w + 2),
        ((6 * h) // (2 * h), 3),
        (divided(0, h), 0),
        (h * h * w // (h * w), h),
        (largest((h, h + 1, 1)), h + 1),
        (largest((h, 1)), h),
        (largest((h, w)), largest((w, h))),
        (divmod(h, 4)[0] * 4 + divmod(h, 4)[1], h),
    ],
)
def test_equal_things_have_one_form(left: Extent, right: Extent) -> None:
    assert left == right
    assert not isinstance(left, Expression) or (left.same(right) and hash(left) == hash(right))


def test_different_things_have_different_forms() -> None:
    assert len({h, w, h + 1, h // 2, (h + 1) // 2, 2 * h, h * w, h * h, largest((h, w)), b}) == 10
    assert h != 1
    assert h != "H"
    assert h + 0 == h
    assert h * 0 == 0


@pytest.mark.parametrize(
    ("extent", "words"),
    [
        (h, "H"),
        (-(-h // 2), "ceil(H / 2)"),
        (h // 16, "H // 16"),
        (2 * h + 1, "2 * H + 1"),
        (1 - h, "1 - H"),
        ((h + 1) // 2 - 1, "(H - 1) // 2"),
        (16 * (h // 16), "16 * (H // 16)"),
        (-(-(h + 3) // 4) + 2, "(H + 14) // 4"),
        (h * w, "H * W"),
        (h * h - 2 * w - 3, "H * H - 2 * W - 3"),
        (largest((h, w)), "max(H, W)"),
        (h + w - largest((h, w)), "min(H, W)"),
        (h + 1 - largest((h, w)), "H + 1 - max(H, W)"),
        (2 * largest((h, 3)), "2 * max(3, H)"),
        (h // 2 + w // 2 + 1, "(H // 2) + (W // 2) + 1"),
        ((h * w) // 4, "(H * W) // 4"),
        (-(h // 2), "-(H // 2)"),
        (h - h, "0"),
    ],
)
def test_words(extent: Extent, words: str) -> None:
    assert said(extent, NAMES.__getitem__) == words


def test_words_of_sizes_without_a_name() -> None:
    assert said(b + 2 * h) in ("B + 2 * x.shape[1]", "2 * x.shape[1] + B")


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: h // w,
        lambda: 7 // h,
        lambda: (h + 1) // h,
        lambda: (h + w) // (2 * h),
        lambda: (3 * h) // (2 * h),
        lambda: (h * w) // (h + 1),
        lambda: h // 0,
        lambda: h % w,
        lambda: 3 % h,
        lambda: int(h),
        lambda: range(h),
        lambda: [1, 2][h],
        lambda: float(h),
        lambda: h >= 2,
        lambda: bool(h - w),
        lambda: h < w,
    ],
)
def test_what_only_numbers_can_answer_is_too_hard(attempt: Callable[[], Any]) -> None:
    with pytest.raises(TooHardError):
        attempt()


@pytest.mark.parametrize(
    ("compare", "left", "right", "expected"),
    [
        (operator.ge, h, 1, True),
        (operator.gt, h, 0, True),
        (operator.lt, h, 1, False),
        (operator.le, h, 0, False),
        (operator.ge, h + w, 2, True),
        (operator.gt, 0, h, False),
        (operator.lt, 0, h // 2 + 1, True),
        (operator.ge, h // 2, 0, True),
        (operator.le, h // 2, h, True),
        (operator.ge, 2 * h, h + 1, True),
    ],
)
def test_what_bounds_decide_is_answered(compare: Any, left: Any, right: Any, expected: bool) -> None:
    assert compare(left, right) is expected


def test_truth_is_not_being_zero() -> None:
    assert h + 1
    assert not (h % 1 or 0)
    assert bool(2 * h + 1) is True


def test_symbols_and_atoms() -> None:
    extent = largest((h // 2, w)) * b + 1
    assert symbols(extent) == {H, W, B}
    assert symbols(4) == frozenset()
    assert sum(isinstance(atom, Floor) for atom in atoms(extent)) == 1
    assert set(OPEN) <= set(atoms(extent))
