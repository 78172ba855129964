"""The first sizes at which a formula holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kgraph.analysis.expressions import Extent
from kgraph.analysis.formulas import at_least, equal, every
from kgraph.analysis.parts import weight
from kgraph.analysis.trying import first, least_sizes
from tests.analysis.arithmetic import H, W, b, h, w


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
