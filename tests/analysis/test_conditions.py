from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.analysis import conditions, integers
from kgraph.analysis.conditions import words
from kgraph.analysis.expressions import Extent, largest
from kgraph.analysis.formulas import ALWAYS, NEVER, Formula, at_least, equal, every, holds, negated, some
from tests.analysis.arithmetic import NAMES, OPEN, B, Claimed, H, Sizes, W, b, formulas, h, named, w
from tests.analysis.brute import evaluated, examples

FAR = st.fixed_dictionaries({name: st.one_of(st.integers(1, 60), st.integers(1, 100_000)) for name in OPEN})


def of(formula: Formula, given: Formula = ALWAYS) -> str | None:
    return words(formula, NAMES.__getitem__, given)


def exact(formula: Formula, found: str | None, given: Formula, tried: list[Sizes]) -> bool:
    """Whether words say what a formula does wherever what is given holds."""
    return found is None or all(
        evaluated(found, named(sizes)) is holds(formula, sizes) for sizes in tried if holds(given, sizes)
    )


def test_words_are_exact() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=examples(120))
    @given(formulas(names=(H,)), st.lists(FAR, min_size=5, max_size=5))
    def check(claim: Claimed, tried: list[Sizes]) -> None:
        found = of(claim[0])
        seen[str(found)] += 1
        assert exact(claim[0], found, ALWAYS, [*tried, *({B: 1, H: size, W: 1} for size in range(1, 130))])

    check()
    assert len(seen) > 10
    assert seen["None"] * 4 < seen.total()


@settings(max_examples=examples(60))
@given(formulas(leaves=2), formulas(leaves=2, tests=2), st.lists(FAR, min_size=30, max_size=30))
def test_words_of_several_sizes_are_exact(claim: Claimed, given: Claimed, tried: list[Sizes]) -> None:
    small = [{B: one, H: two, W: three} for one in range(1, 5) for two in range(1, 5) for three in range(1, 5)]
    formula = claim[0]
    assert exact(formula, of(formula), ALWAYS, [*tried, *small])
    assert exact(formula, of(formula, given[0]), given[0], [*tried, *small])


@settings(max_examples=examples(40))
@given(formulas(products=True, leaves=2), st.lists(FAR, min_size=30, max_size=30))
def test_words_of_products_are_exact(claim: Claimed, tried: list[Sizes]) -> None:
    assert exact(claim[0], of(claim[0]), ALWAYS, tried)


def alike_or_one(left: Extent, right: Extent) -> Formula:
    return some((equal(left, right), equal(right, 1), equal(left, 1)))


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (ALWAYS, ""),
        (NEVER, "never"),
        (equal(h % 32, 0), "H % 32 == 0"),
        (every((equal(h % 16, 0), equal(w % 16, 0))), "H % 16 == 0 and W % 16 == 0"),
        (at_least(h, 7), "H >= 7"),
        (at_least(6, h), "H <= 6"),
        (equal(h, 4), "H == 4"),
        (every((at_least(h, 3), at_least(5, h))), "3 <= H <= 5"),
        (some((equal(h, 1), equal(h, 4))), "H in {1, 4}"),
        (negated(equal(h, 4)), "H != 4"),
        (every((negated(equal(h, 4)), negated(equal(h, 6)))), "H not in {4, 6}"),
        (negated(equal(h % 3, 1)), "H % 3 != 1"),
        (some((equal(h % 5, 1), equal(h % 5, 3))), "H % 5 in {1, 3}"),
        (some((equal(h % 4, 0), equal(h, 1))), "H % 4 == 0 or H == 1"),
        (every((equal(h % 4, 0), at_least(h, 9))), "H % 4 == 0 and H >= 12"),
        (every((equal(h % 4, 0), at_least(h, 1))), "H % 4 == 0"),
        (some((every((equal(h % 4, 0), at_least(h, 9))), equal(h, 3))), "H % 4 == 0 and H >= 12 or H == 3"),
        (some((at_least(h, 9), equal(h, 3), equal(h, 5))), "H >= 9 or H in {3, 5}"),
        (equal(h // 2 % 2, 0), "H % 4 in {0, 1}"),
        (equal(h, w), "H == W"),
        (negated(equal(h, w)), "H != W"),
        (at_least(h, w + 3), "H >= W + 3"),
        (equal(h + w, 12), "H + W == 12"),
        (at_least(5, h + w), "H + W <= 5"),
        (at_least(4 * (h // 3) - h, 400), None),
        (some((equal(h, w), equal(h, 1), equal(w, 1))), "H == W or H == 1 or W == 1"),
        (
            every((some((equal(h, w), equal(h, 1))), equal(b % 2, 0))),
            "(H == W or H == 1) and B % 2 == 0",
        ),
        (every((some((equal(h, 1), equal(h, 4))), some((equal(w % 3, 0), equal(w, 1))))), None),
        (every((equal(h, w), equal(2 * h, 2 * w), at_least(h, w))), "H == W"),
        (every((equal(h, w), equal(w, b))), "B == H == W"),
        (every((equal(h, w), equal(w, b), at_least(h, 3))), "H >= 3 and B == H == W"),
        (every(map(alike_or_one, (h, w, b), (w, b, h))), "len({B, H, W} - {1}) < 2"),
        (every((*map(alike_or_one, (h, w, b), (w, b, h)), at_least(h, 2))), None),
        (every(map(alike_or_one, (h, w), (w, b))), "(H == W or W == 1 or H == 1) and (B == W or B == 1 or W == 1)"),
        (some((every((equal(h, w), equal(w, b))), at_least(h, 9))), None),
        (
            every((equal(h % 4, 0), at_least(h, 5), equal((h * w) % 3, 0), some((equal(b, 1), equal(b, 8))))),
            "H % 4 == 0 and H >= 8 and (H * W) % 3 == 0 and B in {1, 8}",
        ),
        (
            some((every((equal(h, w), equal(w, b))), equal(h, 3 * w))),
            "(H == 3 * W or B == W) and (H == 3 * W or H == W)",
        ),
        (every((equal(largest((h, w)), w), alike_or_one(h, w))), "H == 1 or H == W"),
        (some((every((equal(h, w), equal(w, b))), every((equal(h, 1), equal(w, b))))), "B == W and (H == 1 or H == W)"),
        (every((some((equal(b, 1), equal(b, 2))), equal(h * w % 2, 0))), "B in {1, 2} and (H * W) % 2 == 0"),
        (equal(largest((h, w)), h), "H >= W"),
        (equal(largest((h, w, b)), h), "H >= B and H >= W"),
        (equal(b * h, 2 * b), "H == 2"),
        (at_least(b * h * w, 3 * b * w), "H >= 3"),
        (every((equal(h, 8), equal(b * h // 2, 1))), "never"),
        (equal(h * w, 12), "H * W == 12"),
        (equal(largest((h, w)), 4), "max(H, W) == 4"),
        (every((at_least(h, 3), some((at_least(w, 5), at_least(h, 2))))), "H >= 3"),
        (equal((h * w) % 6, 2), "(H * W) % 6 == 2"),
        (negated(equal((h + w + 3) % 4, 0)), "(H + W) % 4 != 1"),
        (equal(-(-(h + w) // 4) * 4, h + w), "(H + W) % 4 == 0"),
        (equal((h + w) // 4 * 4, h + w + 1), "never"),
        (equal((h + w) // 4 * 4, h + 1), "H % 4 == 3 and W <= 4"),
        (at_least((h + w) % 4, 2), "H + W >= 4 * ((H + W) // 4) + 2"),
    ],
)
def test_words(formula: Formula, said: str | None) -> None:
    found = of(formula)
    sizes: list[Sizes] = [
        {B: one, H: two, W: three} for one in (1, 2) for two in range(1, 30) for three in range(1, 30)
    ]
    assert exact(formula, found, ALWAYS, sizes)
    assert said is None or found == said


def test_what_is_given_is_not_said() -> None:
    assert of(every((equal(h % 4, 0), equal(w, h))), equal(w, h)) == "H % 4 == 0"
    assert of(at_least(h, 3), at_least(h, 5)) == ""
    assert of(at_least(h, 3), equal(h, 1)) == "never"
    assert of(every((at_least(h, 3), at_least(w, 3))), at_least(h, 5)) == "W >= 3"


def test_what_has_no_short_words_is_none() -> None:
    assert of(some(equal(h % 13, residue) for residue in (0, 1, 3, 4, 6, 8, 9))) is None
    assert of(every(negated(equal(h, n * n)) for n in range(2, 10))) is None
    assert of(some(equal(h, n * n) for n in range(2, 10))) is None
    assert (
        of(every((at_least(h * w, 4), negated(every((equal(h, w), negated(some((equal(w, b), equal(h, b))))))))))
        is None
    )
    several = [negated(equal(h, n * w + b)) for n in range(2, 12)]
    assert of(every(several)) is None
    assert of(some(map(negated, several))) is None


def test_periods_that_are_too_long_are_not_looked_for() -> None:
    assert of(every((equal(h % 4099, 0), at_least(h, 2)))) is not None
    assert of(equal(h % 4099, 1)) == "H % 4099 == 1"
    assert of(at_least(h, 30_000)) == "H >= 30000"


def test_past_the_budget_the_comparisons_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integers, "BUDGET", 1)
    formula = every((equal(h % 6, 3), equal(w % 4, 1)))
    integers.is_empty.cache_clear()
    try:
        found = of(formula)
    finally:
        integers.is_empty.cache_clear()
    tried: list[Sizes] = [{B: 1, H: high, W: wide} for high in range(1, 30) for wide in range(1, 30)]
    assert exact(formula, found, ALWAYS, tried)
    assert conditions.MOST_PARTS >= 2
