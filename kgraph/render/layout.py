"""Where things stand. The engine gives rows, order and lanes; lines run along those lanes, and sideways between rows.

Between two rows there are no cards, so a line that moves sideways only there never touches one. Sideways lines of
one gap that would lie on each other get tracks of their own, save where they leave one card or enter one point.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kgraph.render.engine import Plan, Point, Size, Wire, plan

ABOVE, TRACK, BELOW = 17.0, 9.0, 21.0
"""Height of a gap: below the cards, between tracks, above the next cards (with room for the arrow)."""

CLEAR, PORT, MOST_PORTS, MOST_TRACKS = 13.0, 16.0, 4, 40
LABEL_HEIGHT, LABEL_GAP, BUCKET = 12.0, 6.0, 128.0
INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Route:
    """The corners of an edge, from its tail down to its head; the left middle of its label."""

    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of the cards and routes of the edges, in the order of the input; y grows downwards."""

    centres: tuple[Point, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Hop:
    """A sideways move of a wire in the gap below row ``gap``."""

    wire: int
    gap: int
    start: float
    end: float
    first: bool
    last: bool


@dataclass(slots=True)
class _Rows:
    """Upper and lower edge of each row, and the y of each wire's track in each gap."""

    tops: list[float] = field(default_factory=list[float])
    bottoms: list[float] = field(default_factory=list[float])
    tracks: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])
    spans: list[tuple[int, float, float, float]] = field(default_factory=list[tuple[int, float, float, float]])


def arrange(sizes: Sequence[Size], wires: Sequence[Wire]) -> Layout:
    """Lays cards out from top to bottom.

    Raises:
        DrawError: there is no engine, it failed, or it took too long.
    """
    if not sizes:
        return Layout((), (), 0.0, 0.0)
    found = plan(sizes, wires)
    columns = _columns(sizes, wires, found)
    hops = _hops(wires, found, columns)
    rows = _rows(sizes, wires, found, hops)
    centres = [(x, (rows.tops[rank] + rows.bottoms[rank]) / 2) for x, rank in zip(found.xs, found.ranks, strict=True)]
    lines = [_line(index, wire, sizes, centres, found, rows, columns[index]) for index, wire in enumerate(wires)]
    labels = _labels(wires, found, rows, columns)
    return _shift(sizes, wires, centres, lines, labels)


def _columns(sizes: Sequence[Size], wires: Sequence[Wire], found: Plan) -> list[list[float]]:
    """Per wire its x at each row from its tail's to its head's."""
    limits = _limits(sizes, wires, found)
    columns = [
        [found.xs[wire.tail], *_straighten(found.xs[wire.tail], lanes, room, found.xs[wire.head]), found.xs[wire.head]]
        for wire, lanes, room in zip(wires, found.lanes, limits, strict=True)
    ]
    into: dict[int, list[int]] = {}
    for index, wire in enumerate(wires):
        into.setdefault(wire.head, []).append(index)
    for head, group in into.items():
        _enter(found.xs[head], [columns[index] for index in group])
    return columns


def _limits(sizes: Sequence[Size], wires: Sequence[Wire], found: Plan) -> list[list[tuple[float, float]]]:
    """Per wire and row between its ends, how far to the left and right it may move before it meets something."""
    rows: dict[int, list[tuple[float, float, int, int]]] = {}
    for card, (rank, x) in enumerate(zip(found.ranks, found.xs, strict=True)):
        rows.setdefault(rank, []).append((x, sizes[card].width / 2, -1, card))
    for index, (wire, lanes) in enumerate(zip(wires, found.lanes, strict=True)):
        for step, x in enumerate(lanes):
            rows.setdefault(found.ranks[wire.tail] + 1 + step, []).append((x, 0.0, index, step))
    result = [[(-INFINITY, INFINITY)] * len(lanes) for lanes in found.lanes]
    for row in rows.values():
        row.sort()
        for left, item, right in zip([None, *row], row, [*row[1:], None], strict=False):
            x, _, index, step = item
            if index >= 0:
                low = -INFINITY if left is None else min(x, _border(left, x))
                high = INFINITY if right is None else max(x, _border(right, x))
                result[index][step] = low, high
    return result


def _border(neighbour: tuple[float, float, int, int], x: float) -> float:
    """How near to a neighbour a line may come: two lines may each use half of the space between them."""
    place, half, index, _ = neighbour
    side = 1 if place <= x else -1
    return (place + x) / 2 + side * TRACK / 2 if index >= 0 else place + side * (half + CLEAR)


def _straighten(
    start: float, lanes: Sequence[float], limits: Sequence[tuple[float, float]], end: float
) -> Iterator[float]:
    """The lanes with as few bends as the limits allow."""
    first = 0
    while first < len(lanes):
        low, high = limits[first]
        stop = first + 1
        while stop < len(lanes) and max(low, limits[stop][0]) <= min(high, limits[stop][1]):
            low, high = max(low, limits[stop][0]), min(high, limits[stop][1])
            stop += 1
        want = sorted(lanes[first:stop])[(stop - first) // 2]
        if first == 0 and low <= start <= high:
            want = start
        elif stop == len(lanes) and low <= end <= high:
            want = end
        yield from [min(max(want, low), high)] * (stop - first)
        first = stop


def _enter(centre: float, columns: list[list[float]]) -> None:
    """Lets a few lines enter a card side by side, in the order in which they come; many share one point."""
    if len(columns) > MOST_PORTS:
        return
    columns.sort(key=lambda column: column[-2])
    straight = [abs(column[-2] - centre) < 3 for column in columns]
    middle = straight.index(True) if straight.count(True) == 1 else (len(columns) - 1) / 2
    for place, column in enumerate(columns):
        port = centre + (place - middle) * PORT
        column[-1] = column[-2] if abs(port - column[-2]) < 3 else port


def _hops(wires: Sequence[Wire], found: Plan, columns: list[list[float]]) -> dict[int, list[_Hop]]:
    """The sideways moves, by gap."""
    result: dict[int, list[_Hop]] = {}
    for index, (wire, column) in enumerate(zip(wires, columns, strict=True)):
        for step, (start, end) in enumerate(zip(column, column[1:], strict=False)):
            if start != end:
                gap = found.ranks[wire.tail] + step
                hop = _Hop(index, gap, start, end, step == 0, step == len(column) - 2)
                result.setdefault(gap, []).append(hop)
    return result


def _rows(sizes: Sequence[Size], wires: Sequence[Wire], found: Plan, hops: dict[int, list[_Hop]]) -> _Rows:
    heights = [0.0] * (max(found.ranks) + 1)
    for rank, size in zip(found.ranks, sizes, strict=True):
        heights[rank] = max(heights[rank], size.height)
    rows = _Rows()
    y = 0.0
    for rank, height in enumerate(heights):
        rows.tops.append(y)
        rows.bottoms.append(y + height)
        groups = _groups(wires, hops.get(rank, []))
        tracks = _tracks(groups)
        for group, track in zip(groups, tracks, strict=True):
            level = y + height + ABOVE + track * TRACK
            ends = [end for hop in group for end in (hop.start, hop.end)]
            rows.spans.append((rank, min(ends), max(ends), level))
            rows.tracks.update(((hop.wire, rank), level) for hop in group)
        y += height + ABOVE + max(tracks, default=0) * TRACK + BELOW
    return rows


def _groups(wires: Sequence[Wire], hops: list[_Hop]) -> list[list[_Hop]]:
    """Moves that may lie on each other; in an order that makes lines of one direction not cross."""
    leaving = Counter(wires[hop.wire].tail for hop in hops if hop.first)
    groups: dict[tuple[int, int, float], list[_Hop]] = {}
    for hop in hops:
        wire = wires[hop.wire]
        if hop.first and leaving[wire.tail] > 1:
            key = (0, wire.tail, 0.0)
        elif hop.last:
            key = (1, wire.head, hop.end)
        else:
            key = (2, hop.wire, 0.0)
        groups.setdefault(key, []).append(hop)

    def order(group: list[_Hop]) -> tuple[bool, float, int]:
        rightwards = sum(hop.end - hop.start for hop in group) >= 0
        start = group[0].start
        return rightwards, -start if rightwards else start, group[0].wire

    return sorted(groups.values(), key=order)


def _tracks(groups: list[list[_Hop]]) -> list[int]:
    """A track for each group: the first on which nothing else lies."""
    tracks: list[list[tuple[float, float]]] = []
    result: list[int] = []
    for group in groups:
        ends = [end for hop in group for end in (hop.start, hop.end)]
        span = (min(ends) - LABEL_GAP, max(ends) + LABEL_GAP)
        track = next((number for number, taken in enumerate(tracks) if _is_free(taken, span)), len(tracks))
        if track == len(tracks) and track < MOST_TRACKS:
            tracks.append([])
        track = min(track, MOST_TRACKS - 1)
        tracks[track].insert(bisect(tracks[track], span), span)
        result.append(track)
    return result


def _is_free(taken: list[tuple[float, float]], span: tuple[float, float]) -> bool:
    place = bisect(taken, span)
    return (place == 0 or taken[place - 1][1] < span[0]) and (place == len(taken) or span[1] < taken[place][0])


def _line(
    index: int, wire: Wire, sizes: Sequence[Size], centres: list[Point], found: Plan, rows: _Rows, column: list[float]
) -> list[Point]:
    """The corners of one edge."""
    points = [(column[0], centres[wire.tail][1] + sizes[wire.tail].height / 2)]
    for step, (start, end) in enumerate(zip(column, column[1:], strict=False)):
        if start != end:
            y = rows.tracks[index, found.ranks[wire.tail] + step]
            points += [(start, y), (end, y)]
    points.append((column[-1], centres[wire.head][1] - sizes[wire.head].height / 2))
    return points


def _labels(wires: Sequence[Wire], found: Plan, rows: _Rows, columns: list[list[float]]) -> list[Point]:
    """Left middle of each label: beside its line, between two rows, where nothing else is."""
    taken: dict[tuple[int, int], list[tuple[float, float, float, float]]] = {}

    def occupy(gap: int, box: tuple[float, float, float, float]) -> None:
        for bucket in range(int(box[0] // BUCKET), int(box[1] // BUCKET) + 1):
            taken.setdefault((gap, bucket), []).append(box)

    def is_free(gap: int, box: tuple[float, float, float, float]) -> bool:
        buckets = range(int(box[0] // BUCKET), int(box[1] // BUCKET) + 1)
        return not any(_overlap(box, other) for bucket in buckets for other in taken.get((gap, bucket), ()))

    for gap, low, high, y in rows.spans:
        occupy(gap, (low, high, y - 1, y + 1))
    for gap, x, top, bottom in sorted(_uprights(wires, found, rows, columns)):
        occupy(gap, (x - 1, x + 1, top, bottom))
    leaving = Counter(wire.tail for wire in wires)
    entering = Counter(wire.head for wire in wires)
    result: list[Point] = []
    for index, (wire, column) in enumerate(zip(wires, columns, strict=True)):
        alone = (entering[wire.head] == 1, leaving[wire.tail] == 1)
        places = list(_places(found.ranks[wire.tail], column, rows, wire.label, alone))
        boxes = [(gap, (x, x + wire.label, y - LABEL_HEIGHT / 2, y + LABEL_HEIGHT / 2)) for gap, x, y in places]
        gap, box = next((place for place in boxes if is_free(*place)), boxes[0])
        occupy(gap, box)
        result.append((box[0], (box[2] + box[3]) / 2))
    return result


def _uprights(
    wires: Sequence[Wire], found: Plan, rows: _Rows, columns: list[list[float]]
) -> set[tuple[int, float, float, float]]:
    """The upright parts of all lines, by gap."""
    result: set[tuple[int, float, float, float]] = set()
    for index, (wire, column) in enumerate(zip(wires, columns, strict=True)):
        for step, (start, end) in enumerate(zip(column, column[1:], strict=False)):
            gap = found.ranks[wire.tail] + step
            top, bottom = rows.bottoms[gap], rows.tops[gap + 1]
            level = rows.tracks.get((index, gap), bottom)
            result.add((gap, start, top, level))
            result.add((gap, end, level, bottom))
    return result


def _places(
    rank: int, column: list[float], rows: _Rows, width: float, alone: tuple[bool, bool]
) -> Iterator[tuple[int, float, float]]:
    """Where a label may stand, the best place first: (gap, left, middle)."""
    last = rank + len(column) - 2
    at_head = (last, column[-1], rows.tops[last + 1] - BELOW / 2)
    at_tail = (rank, column[0], rows.bottoms[rank] + ABOVE / 2)
    middles = [
        (rank + step, column[step], (rows.bottoms[rank + step] + rows.tops[rank + step + 1]) / 2)
        for step in sorted(range(len(column) - 1), key=lambda step: abs(2 * step - len(column) + 2))[:8]
        if column[step] == column[step + 1]
    ]
    if len(column) == 2 and middles:
        spots = [*middles, at_head, at_tail]
    elif alone[0]:
        spots = [at_head, at_tail, *middles]
    elif alone[1]:
        spots = [at_tail, at_head, *middles]
    else:
        spots = [*middles, at_head, at_tail]
    for gap, x, y in spots:
        yield gap, x + LABEL_GAP, y
        yield gap, x - LABEL_GAP - width, y


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _shift(
    sizes: Sequence[Size], wires: Sequence[Wire], centres: list[Point], lines: list[list[Point]], labels: list[Point]
) -> Layout:
    """Moves everything so that the picture starts at (0, 0)."""
    xs = [x for line in lines for x, _ in line]
    xs += [x for (x, _), wire in zip(labels, wires, strict=True) for x in (x, x + wire.label)]
    xs += [x + side * size.width / 2 for (x, _), size in zip(centres, sizes, strict=True) for side in (-1, 1)]
    left = min(xs)
    height = max(y + size.height / 2 for (_, y), size in zip(centres, sizes, strict=True))

    def move(point: Point) -> Point:
        return round(point[0] - left, 1), round(point[1], 1)

    routes = tuple(Route(tuple(map(move, line)), move(label)) for line, label in zip(lines, labels, strict=True))
    return Layout(tuple(map(move, centres)), routes, round(max(xs) - left, 1), round(height, 1))
