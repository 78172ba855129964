"""Runs of channel indices, kept as ranges: how they cover an axis, and how to say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 65_536
"""Indices of strided ranges that are looked at one by one; past it nothing is said of the cover."""


def to_ranges(indices: Sequence[int]) -> tuple[range, ...]:
    """Consecutive runs of a list of indices, in its order."""
    runs: list[range] = []
    for index in indices:
        if runs and runs[-1].stop == index:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
    return tuple(runs)


def joined(ranges: Iterable[range]) -> tuple[range, ...]:
    """The same indices in the same order in the fewest ranges; empty ones are dropped."""
    runs: list[range] = []
    for run in ranges:
        if not run:
            continue
        if runs and runs[-1].step == run.step == 1 and runs[-1].stop == run.start:
            runs[-1] = range(runs[-1].start, run.stop)
        else:
            runs.append(run)
    return tuple(runs)


def size(ranges: Iterable[range]) -> int:
    """Number of indices."""
    return sum(map(len, ranges))


def cover(ranges: Iterable[range], extent: int) -> tuple[tuple[range, ...], tuple[range, ...]] | None:
    """(indices of ``0..extent-1`` that are never read, indices that are read more than once).

    None where there are too many single indices to be looked at.
    """
    intervals: list[tuple[int, int]] = []
    for run in ranges:
        if len(run) > 1 and run.step != 1:
            if len(intervals) + len(run) > MOST:
                return None
            intervals.extend((index, index + 1) for index in run)
        elif run:
            intervals.append((run[0], run[-1] + 1))
    missing: list[range] = []
    repeated: list[range] = []
    end = 0
    for start, stop in sorted(intervals):
        if start > end:
            missing.append(range(end, start))
        elif start < end:
            repeated.append(range(start, min(stop, end)))
        end = max(end, stop)
    if end < extent:
        missing.append(range(end, extent))
    return joined(missing), _merged(repeated)


def _merged(runs: list[range]) -> tuple[range, ...]:
    result: list[range] = []
    for run in sorted(runs, key=lambda run: run.start):
        if result and run.start <= result[-1].stop:
            result[-1] = range(result[-1].start, max(result[-1].stop, run.stop))
        elif run:
            result.append(run)
    return tuple(result)


def words(ranges: Sequence[range], most: int = 4) -> str:
    """``0..3, 8..11``: both ends included; ``none`` if there are none."""
    said = [_run(run) for run in joined(ranges)]
    if len(said) > most:
        said = [*said[: most - 1], f"and {len(said) - most + 1} more runs"]
    return ", ".join(said) or "none"


def channels(ranges: Sequence[range], verb: str = "") -> str:
    """``channel 3 is`` or ``channels 0..3, 8 are``: the words with a verb that agrees."""
    several = size(ranges) != 1
    agreed = {"is": ("is", "are")}.get(verb, (verb, verb))[several]
    return f"channel{'s' * several} {words(ranges)}{' ' * bool(agreed)}{agreed}"


def _run(run: range) -> str:
    if len(run) == 1:
        return str(run[0])
    step = "" if run.step == 1 else f" in steps of {run.step}"
    return f"{run[0]}..{run[-1]}{step}"
