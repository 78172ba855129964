"""Lines that move sideways between two rows, each on a track of its own where they would lie on each other."""

from __future__ import annotations

import heapq
from bisect import bisect, bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.render.engine import Wire

NEAR, MOST_TRACKS = 6.0, 40
"""Lines nearer than so many pixels look like one; more tracks than that are not looked at one by one anyway."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Hop:
    """A sideways move of a wire in one gap: whether it is the first gap below its tail, the last above its head."""

    wire: int
    start: float
    end: float
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Hops that share a track, as they leave one card or enter one point."""

    hops: tuple[Hop, ...]

    @property
    def span(self) -> Span:
        """From its left to its right end."""
        ends = [end for hop in self.hops for end in (hop.start, hop.end)]
        return min(ends), max(ends)


def assign(wires: Sequence[Wire], hops: Sequence[Hop]) -> list[tuple[Group, int]]:
    """The groups of one gap with their tracks, numbered from the top."""
    groups = _groups(wires, hops)
    above = _above(groups)
    found: dict[int, int] = {}
    taken: list[list[Span]] = []
    for number in _order(above):
        low, high = groups[number].span
        span = (low - NEAR, high + NEAR)
        least = max((found[other] + 1 for other in above[number] if other in found), default=0)
        track = next((at for at in range(least, len(taken)) if _is_free(taken[at], span)), max(least, len(taken)))
        track = min(track, MOST_TRACKS - 1)
        taken += [[] for _ in range(len(taken), track + 1)]
        taken[track].insert(bisect(taken[track], span), span)
        found[number] = track
    return [(group, found[number]) for number, group in enumerate(groups)]


def _groups(wires: Sequence[Wire], hops: Sequence[Hop]) -> list[Group]:
    """Groups in an order in which lines that move the same way do not cross."""
    leaving = Counter(wires[hop.wire].tail for hop in hops if hop.first)
    found: dict[tuple[int, int, float], list[Hop]] = {}
    for hop in hops:
        wire = wires[hop.wire]
        if hop.first and leaving[wire.tail] > 1:
            key = (0, wire.tail, 0.0)
        elif hop.last:
            key = (1, wire.head, hop.end)
        else:
            key = (2, hop.wire, 0.0)
        found.setdefault(key, []).append(hop)

    def order(group: Group) -> tuple[bool, float, int]:
        rightwards = sum(hop.end - hop.start for hop in group.hops) >= 0
        start = group.hops[0].start
        return rightwards, -start if rightwards else start, group.hops[0].wire

    return sorted((Group(tuple(group)) for group in found.values()), key=order)


def _above(groups: Sequence[Group]) -> list[set[int]]:
    """Per group those that must lie above it: where one line goes down, none may still come down to turn aside."""
    starts = sorted(
        (start, number) for number, group in enumerate(groups) for start in {hop.start for hop in group.hops}
    )
    places = [start for start, _ in starts]
    result: list[set[int]] = []
    for number, group in enumerate(groups):
        near = {
            other
            for end in {hop.end for hop in group.hops}
            for _, other in starts[bisect_left(places, end - NEAR) : bisect_right(places, end + NEAR)]
        }
        result.append(near - {number})
    return result


def _order(above: Sequence[set[int]]) -> list[int]:
    """The groups from the top, as they stand where nothing else is asked; in a ring the first of them goes first."""
    below: dict[int, list[int]] = {}
    for number, others in enumerate(above):
        for other in others:
            below.setdefault(other, []).append(number)
    waiting = {number: len(others) for number, others in enumerate(above)}
    ready = [number for number, count in waiting.items() if count == 0]
    result: list[int] = []
    while waiting:
        number = heapq.heappop(ready) if ready else next(iter(waiting))
        if waiting.pop(number, None) is None:
            continue
        result.append(number)
        for other in below.get(number, ()):
            if other in waiting:
                waiting[other] -= 1
                if waiting[other] == 0:
                    heapq.heappush(ready, other)
    return result


def _is_free(taken: Sequence[Span], span: Span) -> bool:
    place = bisect(taken, span)
    return (place == 0 or taken[place - 1][1] < span[0]) and (place == len(taken) or span[1] < taken[place][0])
