"""A condition on several sizes as a few short clauses, which are found by trying sizes and proved by isl."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from kgraph.analysis.formulas import Formula, Not, Test, checker, every, open_sizes, some, tests
from kgraph.analysis.integers import same

MOST_SIZES = 4
MOST_COMPARED = 12
"""Comparisons of which clauses are made."""

LONGEST = 3
"""Comparisons in one clause."""

MOST_TRIED = 1024
"""Sizes that are tried, all sizes of the condition together."""


@functools.lru_cache(maxsize=4096)
def clauses(formula: Formula) -> tuple[Formula, ...] | None:
    """Comparisons, and choices of a few, that hold together just where a condition does: of ``max(a, b) == b and
    (a == b or a == 1 or b == 1)`` they say ``a == b or a == 1``. None where no such clauses are found."""
    names = open_sizes(formula)
    compared = _compared(formula)
    if not 1 < len(names) <= MOST_SIZES or len(compared) > MOST_COMPARED:
        return None
    tried = itertools.product(_tried(formula, len(names)), repeat=len(names))
    points = [dict(zip(names, sizes, strict=True)) for sizes in tried]

    def where(part: Formula) -> int:
        """The points at which it holds, a bit each."""
        is_good = checker(part)
        return sum(1 << number for number, sizes in enumerate(points) if is_good(sizes))

    aim, masks = where(formula), {part: where(part) for part in compared}
    found: dict[tuple[Formula, ...], int] = {}
    for length in range(1, LONGEST + 1):
        for chosen in itertools.combinations(compared, length):
            mask = _union([masks[part] for part in chosen])
            if not aim & ~mask and not any(set(each) <= set(chosen) for each in found):
                found[chosen] = mask
    # The longest are given up first.
    for chosen in sorted(found, key=len, reverse=True):
        if _common([mask for each, mask in found.items() if each != chosen], len(points)) == aim:
            del found[chosen]
    made = tuple(some(chosen) for chosen in found)
    return made if same(every(made), formula) else None


def _compared(formula: Formula) -> list[Formula]:
    """The comparisons in a condition; of those that say that two extents are not the same, both."""
    found = dict.fromkeys(tests(formula))
    return [*found, *(Not(test) for test in found if test.sign == "==" and _denies(formula, test))]


def _denies(formula: Formula, test: Test) -> bool:
    if isinstance(formula, Not):
        return formula.part == test
    return not isinstance(formula, Test) and any(_denies(part, test) for part in formula.parts)


def _tried(formula: Formula, count: int) -> Sequence[int]:
    """Sizes to try for each of so many: small ones, and those about the numbers in a condition."""
    near = {abs(test.extent.constant) + step for test in tests(formula) for step in (-1, 0, 1)}
    sizes = sorted({1, 2, 3, 4, *(size for size in near if size > 0)})
    return sizes[: int(MOST_TRIED ** (1 / count))]


def _union(masks: list[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _common(masks: list[int], points: int) -> int:
    found = (1 << points) - 1
    for mask in masks:
        found &= mask
    return found
