"""Runs the Graphviz engine on bare sizes: it finds the ranks, the order in each, and lanes for the long edges.

The engine sees digits only: no name, label or configuration of a model ever reaches it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgraph.errors import DrawError

TIME_LIMIT = 120.0
"""Seconds; a chain of 100,000 calls takes about 20, a graph that takes longer cannot be looked at anyway."""

POINTS = 72  # an inch; one point is drawn as one pixel

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a card, in pixels."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge between cards by number, ``tail < head``; ``label`` is the width of its label."""

    tail: int
    head: int
    label: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What the engine found.

    Attributes:
        ranks: per card the row in which it stands, from the top.
        xs: per card its horizontal centre.
        lanes: per wire where it passes each row between its tail's and its head's.
    """

    ranks: tuple[int, ...]
    xs: tuple[float, ...]
    lanes: tuple[tuple[float, ...], ...]


def find() -> str:
    """The path of a Graphviz ``dot`` engine: the one installed with kgraph, else the system's.

    Raises:
        DrawError: there is none.
    """
    for folder in (str(Path(sys.executable).parent), sysconfig.get_path("scripts"), None):
        found = shutil.which("graphviz-pure", path=folder)
        if found is not None:
            return found
    found = shutil.which("dot")
    if found is None:
        raise DrawError(
            "no Graphviz engine found, neither graphviz-pure nor dot; install one: pip install graphviz-pure"
        )
    return found


def plan(sizes: Sequence[Size], wires: Sequence[Wire], *, limit: float | None = None) -> Plan:
    """Ranks, order and lanes of a graph that is drawn from top to bottom.

    Args:
        sizes: of the cards, in topological order.
        wires: the edges.
        limit: seconds that the engine may take, by default ``TIME_LIMIT``.

    Raises:
        DrawError: there is no engine, it failed, or it took too long.
    """
    program = find()
    answer = run(program, source(sizes, wires), len(sizes), TIME_LIMIT if limit is None else limit)
    try:
        return _read(json.loads(answer), len(sizes), wires)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DrawError(f"the answer of {program} cannot be read ({type(error).__name__}: {error})") from error


def source(sizes: Sequence[Size], wires: Sequence[Wire]) -> str:
    """The DOT text that the engine gets."""
    nodes = (
        f"n{index}[width={size.width / POINTS:.4f},height={size.height / POINTS:.4f}];\n"
        for index, size in enumerate(sizes)
    )
    edges = (
        f"n{wire.tail}->n{wire.head}[id=e{index},weight={weight}];\n"
        for index, (wire, weight) in enumerate(zip(wires, weights(len(sizes), wires), strict=True))
    )
    return (
        "digraph{\ngraph[rankdir=TB,nodesep=0.34,ranksep=0.5];\n"
        'node[shape=box,fixedsize=true,label=""];\n'
        "edge[arrowhead=none,headport=n,tailport=s];\n"
        f"{''.join(nodes)}{''.join(edges)}}}\n"
    )


def weights(count: int, wires: Sequence[Wire]) -> list[int]:
    """How straight each edge should be: most on the longest path through each card, so that it forms a trunk."""
    depth, height = [0] * count, [0] * count
    for wire in sorted(wires, key=lambda wire: wire.tail):
        depth[wire.head] = max(depth[wire.head], depth[wire.tail] + 1)
    for wire in sorted(wires, key=lambda wire: -wire.head):
        height[wire.tail] = max(height[wire.tail], height[wire.head] + 1)
    into: dict[int, list[int]] = {}
    out: dict[int, list[int]] = {}
    for index, wire in enumerate(wires):
        into.setdefault(wire.head, []).append(index)
        out.setdefault(wire.tail, []).append(index)
    result = [1] * len(wires)
    for index in (*_main(into, lambda i: depth[wires[i].tail]), *_main(out, lambda i: height[wires[i].head])):
        result[index] *= 10
    return result


def _main(groups: dict[int, list[int]], rank: Callable[[int], int]) -> Iterator[int]:
    """Of each group the edge of the highest rank, the middle one of equals."""
    for group in groups.values():
        best = max(map(rank, group))
        equals = [index for index in group if rank(index) == best]
        yield equals[len(equals) // 2]


def run(program: str, dot: str, count: int, limit: float) -> str:
    """The engine's answer, as JSON text."""
    name = Path(program).stem
    try:
        done = subprocess.run(
            [program, "-Kdot", "-Tjson"], input=dot.encode("ascii"), capture_output=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        raise DrawError(
            f"the layout of {count:,} nodes took longer than {limit:g} seconds; fuse first or draw a smaller model"
        ) from None
    except OSError as error:
        raise DrawError(f"the layout engine {program} cannot be run: {error.strerror or error}") from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = lines[0] if lines else f"it ended with status {done.returncode}"
        raise DrawError(f"{name} could not lay out {count:,} nodes: {said}")
    return done.stdout.decode("utf-8", "replace")


def _read(answer: Any, count: int, wires: Sequence[Wire]) -> Plan:
    """Reads the drawing operations: attributes such as ``pos`` have five digits, too coarse for a tall graph."""
    boxes = {item["name"]: _points(item, "pP") for item in answer["objects"]}
    centres = [_middle(boxes[f"n{index}"]) for index in range(count)]
    curves = {item["id"]: _points(item, "bB") for item in answer.get("edges", ())}
    rows = sorted({y for _, y in centres}, reverse=True)
    rank = {y: index for index, y in enumerate(rows)}
    ranks = tuple(rank[y] for _, y in centres)
    lanes = tuple(
        tuple(round(x, 1) for x in _passes(curves[f"e{index}"], rows[ranks[wire.tail] + 1 : ranks[wire.head]]))
        for index, wire in enumerate(wires)
    )
    return Plan(ranks, tuple(x for x, _ in centres), lanes)


def _points(item: Any, kinds: str) -> list[Point]:
    return [(float(x), float(y)) for part in item["_draw_"] if part["op"] in kinds for x, y in part["points"]]


def _middle(corners: list[Point]) -> Point:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return round((min(xs) + max(xs)) / 2, 1), round((min(ys) + max(ys)) / 2, 1)


def _passes(curve: list[Point], rows: Sequence[float]) -> Iterator[float]:
    """Where a curve that runs downwards passes each of the rows, given from the top; the y axis points up."""
    start = 0
    for row in rows:
        while start + 6 < len(curve) and curve[start + 3][1] > row:
            start += 3
        yield _at(curve[start : start + 4], row)


def _at(control: list[Point], row: float) -> float:
    """The x of a Bézier curve where its y is ``row``, by halving."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = control
    low, high = 0.0, 1.0
    for _ in range(16):
        t = (low + high) / 2
        s = 1 - t
        above = s * s * s * y0 + 3 * s * s * t * y1 + 3 * s * t * t * y2 + t * t * t * y3 > row
        low, high = (t, high) if above else (low, t)
    t, s = low, 1 - low
    return s * s * s * x0 + 3 * s * s * t * x1 + 3 * s * t * t * x2 + t * t * t * x3
