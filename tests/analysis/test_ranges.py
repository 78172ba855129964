from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kgraph.analysis.ranges import MOST, channels, cover, joined, size, to_ranges, words

RUNS = st.lists(st.builds(range, st.integers(0, 30), st.integers(0, 30), st.integers(1, 4)), max_size=6)


def spread(runs: tuple[range, ...] | list[range]) -> list[int]:
    return [index for run in runs for index in run]


@given(RUNS)
def test_joined_keeps_the_indices_in_order(runs: list[range]) -> None:
    assert spread(joined(runs)) == spread(runs)
    assert size(runs) == len(spread(runs))


@given(st.lists(st.integers(0, 20)))
def test_to_ranges_keeps_the_list(indices: list[int]) -> None:
    assert spread(to_ranges(indices)) == indices


@given(RUNS, st.integers(30, 40))
def test_cover_is_what_counting_says(runs: list[range], extent: int) -> None:
    found = cover(runs, extent)
    assert found is not None
    missing, repeated = found
    indices = spread(runs)
    assert spread(missing) == [index for index in range(extent) if index not in indices]
    assert spread(repeated) == [index for index in range(extent) if indices.count(index) > 1]


def test_cover_of_descending_runs() -> None:
    assert cover([range(3, -1, -1)], 4) == ((), ())


def test_too_many_single_indices_are_not_looked_at() -> None:
    assert cover([range(0, 4 * MOST, 2)], 4 * MOST) is None


def test_words() -> None:
    assert words((range(4), range(8, 9))) == "0..3, 8"
    assert words(()) == "none"
    assert words((range(0, 8, 2),)) == "0..6 in steps of 2"
    assert words([range(n * 4, n * 4 + 1) for n in range(6)]) == "0, 4, 8, and 3 more runs"
    assert channels((range(1),), "is") == "channel 0 is"
    assert channels((range(2),)) == "channels 0..1"
