"""Where things stand. The engine gives rows, order and lanes; lines run along those lanes, and sideways between rows.

Between two rows there are no cards, so a line that moves sideways only there never touches one. Sideways lines of
one gap that would lie on each other get tracks of their own, save where they leave one card or enter one point.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kgraph.render.engine import Plan, Point, Size, Wire, plan
from kgraph.render.tracks import Hop, assign

ABOVE, TRACK, BELOW = 19.0, 9.0, 22.0
"""Height of a gap: below the cards, between tracks, above the next cards (with room for the arrow)."""

CLEAR, PORT, MOST_PORTS, PASSES = 13.0, 16.0, 4, 3
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
    ends = [(found.xs[wire.tail], found.xs[wire.head]) for wire in wires]
    lanes = [list(places) for places in found.lanes]
    for _ in range(PASSES):
        limits = _limits(sizes, wires, found, lanes)
        lanes = [list(_straighten(*both, places, room)) for both, places, room in zip(ends, lanes, limits, strict=True)]
    columns = [[tail, *places, head] for (tail, head), places in zip(ends, lanes, strict=True)]
    into: dict[int, list[int]] = {}
    for index, wire in enumerate(wires):
        into.setdefault(wire.head, []).append(index)
    for head, group in into.items():
        _enter(found.xs[head], [columns[index] for index in group])
    return columns


def _limits(
    sizes: Sequence[Size], wires: Sequence[Wire], found: Plan, lanes: list[list[float]]
) -> list[list[tuple[float, float]]]:
    """Per wire and row between its ends, how far to the left and right it may move before it meets something."""
    rows: dict[int, list[tuple[float, float, int, int]]] = {}
    for card, (rank, x) in enumerate(zip(found.ranks, found.xs, strict=True)):
        rows.setdefault(rank, []).append((x, sizes[card].width / 2, -1, card))
    for index, (wire, places) in enumerate(zip(wires, lanes, strict=True)):
        for step, x in enumerate(places):
            rows.setdefault(found.ranks[wire.tail] + 1 + step, []).append((x, 0.0, index, step))
    result = [[(-INFINITY, INFINITY)] * len(places) for places in lanes]
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
    start: float, end: float, lanes: Sequence[float], limits: Sequence[tuple[float, float]]
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


def _hops(wires: Sequence[Wire], found: Plan, columns: list[list[float]]) -> dict[int, list[Hop]]:
    """The sideways moves, by gap."""
    result: dict[int, list[Hop]] = {}
    for index, (wire, column) in enumerate(zip(wires, columns, strict=True)):
        for step, (start, end) in enumerate(itertools.pairwise(column)):
            if start != end:
                gap = found.ranks[wire.tail] + step
                hop = Hop(index, start, end, step == 0, step == len(column) - 2)
                result.setdefault(gap, []).append(hop)
    return result


def _rows(sizes: Sequence[Size], wires: Sequence[Wire], found: Plan, hops: dict[int, list[Hop]]) -> _Rows:
    heights = [0.0] * (max(found.ranks) + 1)
    for rank, size in zip(found.ranks, sizes, strict=True):
        heights[rank] = max(heights[rank], size.height)
    rows = _Rows()
    y = 0.0
    for rank, height in enumerate(heights):
        rows.tops.append(y)
        rows.bottoms.append(y + height)
        assigned = assign(wires, hops.get(rank, []))
        for group, track in assigned:
            level = y + height + ABOVE + track * TRACK
            rows.spans.append((rank, *group.span, level))
            rows.tracks.update(((hop.wire, rank), level) for hop in group.hops)
        y += height + ABOVE + max((track for _, track in assigned), default=0) * TRACK + BELOW
    return rows


def _line(
    index: int, wire: Wire, sizes: Sequence[Size], centres: list[Point], found: Plan, rows: _Rows, column: list[float]
) -> list[Point]:
    """The corners of one edge."""
    points = [(column[0], centres[wire.tail][1] + sizes[wire.tail].height / 2)]
    for step, (start, end) in enumerate(itertools.pairwise(column)):
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
    for wire, column in zip(wires, columns, strict=True):
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
        for step, (start, end) in enumerate(itertools.pairwise(column)):
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
    middles = {
        step: (rank + step, column[step], (rows.bottoms[rank + step] + rows.tops[rank + step + 1]) / 2)
        for step, (start, end) in enumerate(itertools.pairwise(column))
        if start == end
    }
    head = [(last, column[-1], rows.tops[last + 1] - BELOW / 2)]
    tail = [(rank, column[0], rows.bottoms[rank] + ABOVE / 2)]
    if len(column) - 2 in middles:
        head.insert(0, middles[len(column) - 2])
    if 0 in middles:
        tail.insert(0, middles[0])
    inner = [middles[step] for step in sorted(middles, key=lambda step: abs(2 * step - len(column) + 2))[:8]]
    ends = [*head, *tail] if alone[0] or not alone[1] else [*tail, *head]
    spots = [*ends, *inner] if any(alone) else [*inner, *ends]
    sides = [LABEL_GAP, -LABEL_GAP - width]
    if not any(alone) and column[-1] < column[-2] and len(column) == 2:
        sides.reverse()  # of two lines that part, the left one is labelled on its left
    yield from ((gap, x + side, y) for side in sides for gap, x, y in spots)


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
