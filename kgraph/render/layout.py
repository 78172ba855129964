"""Where things stand: runs the Graphviz engine on bare sizes and reads its answer as plain numbers.

The engine sees digits only: no name, label or configuration of a model ever reaches it.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgraph.errors import DrawError

TIME_LIMIT = 120.0
"""Seconds; a chain of 100,000 calls takes about 20, a graph that takes longer cannot be looked at anyway."""

POINTS = 72  # an inch; one point is drawn as one pixel
GLYPH = 6  # the width of a Courier letter at 10 points, in every engine
LABEL_GAP = 8.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a card, in pixels."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge between cards by number; ``label`` is the width to keep free beside it."""

    tail: int
    head: int
    label: float


@dataclass(frozen=True, slots=True)
class Route:
    """Where an edge runs: the control points of its Bézier curves, and the left middle of its label."""

    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of the cards and routes of the edges, in the order of the input; y grows downwards."""

    centres: tuple[Point, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def engine() -> str:
    """The path of a Graphviz ``dot`` engine: the one installed with kgraph, else the system's.

    Raises:
        DrawError: there is none.
    """
    beside = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    for folder in (*beside, None):
        found = shutil.which("graphviz-pure", path=folder)
        if found is not None:
            return found
    found = shutil.which("dot")
    if found is None:
        raise DrawError(
            "no Graphviz engine found, neither graphviz-pure nor dot; install one: pip install graphviz-pure"
        )
    return found


def arrange(sizes: Sequence[Size], wires: Sequence[Wire], *, limit: float | None = None) -> Layout:
    """Lays cards out from top to bottom.

    Args:
        sizes: of the cards.
        wires: the edges.
        limit: seconds that the engine may take, by default ``TIME_LIMIT``.

    Raises:
        DrawError: there is no engine, it failed, or it took too long.
    """
    if not sizes:
        return Layout((), (), 0.0, 0.0)
    answer = _run(_dot(sizes, wires), len(sizes), TIME_LIMIT if limit is None else limit)
    try:
        return _read(json.loads(answer), sizes, wires)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DrawError(f"the answer of {engine()} cannot be read ({type(error).__name__}: {error})") from error


def _dot(sizes: Sequence[Size], wires: Sequence[Wire]) -> str:
    nodes = (
        f"n{index}[width={size.width / POINTS:.4f},height={size.height / POINTS:.4f}];\n"
        for index, size in enumerate(sizes)
    )
    edges = (
        f'n{wire.tail}->n{wire.head}[id=e{index},label="{"x" * math.ceil((wire.label + LABEL_GAP) / GLYPH)}"];\n'
        for index, wire in enumerate(wires)
    )
    return (
        "digraph{\n"
        "graph[rankdir=TB,nodesep=0.3,ranksep=0.36];\n"
        'node[shape=box,fixedsize=true,label=""];\n'
        "edge[arrowhead=none,fontname=Courier,fontsize=10,headport=n,tailport=s];\n"
        f"{''.join(nodes)}{''.join(edges)}}}\n"
    )


def _run(dot: str, count: int, limit: float) -> str:
    program = engine()
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


def _read(answer: Any, sizes: Sequence[Size], wires: Sequence[Wire]) -> Layout:
    """Reads the drawing operations: attributes such as ``pos`` have five digits, too coarse for a tall graph."""
    boxes = {item["name"]: _points(item["_draw_"], "pP") for item in answer["objects"]}
    centres = [_middle(boxes[f"n{index}"]) for index in range(len(sizes))]
    edges = {item["id"]: item for item in answer.get("edges", ())}
    routes = [_route(edges[f"e{index}"]) for index in range(len(wires))]
    return _upright(centres, routes, sizes, wires)


def _points(operations: Iterable[Any], kinds: str) -> list[Point]:
    return [(float(x), float(y)) for item in operations if item["op"] in kinds for x, y in item["points"]]


def _middle(corners: list[Point]) -> Point:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _route(edge: Any) -> Route:
    points = _points(edge["_draw_"], "bB")
    text = next(item for item in edge["_ldraw_"] if item["op"] == "T")
    x, y = text["pt"]
    return Route(tuple(points), (float(x) - float(text["width"]) / 2 + LABEL_GAP, float(y)))


def _upright(centres: list[Point], routes: list[Route], sizes: Sequence[Size], wires: Sequence[Wire]) -> Layout:
    """Turns the y axis and moves everything so that the picture starts at (0, 0)."""
    left = [x - size.width / 2 for (x, _), size in zip(centres, sizes, strict=True)]
    right = [x + size.width / 2 for (x, _), size in zip(centres, sizes, strict=True)]
    xs = [x for route in routes for x, _ in route.points]
    ends = [route.label[0] + wire.label for route, wire in zip(routes, wires, strict=True)]
    x0, x1 = min(left + xs), max(right + xs + ends)
    top = max(y + size.height / 2 for (_, y), size in zip(centres, sizes, strict=True))
    bottom = min(y - size.height / 2 for (_, y), size in zip(centres, sizes, strict=True))

    def turn(point: Point) -> Point:
        return round(point[0] - x0, 1), round(top - point[1], 1)

    turned = tuple(Route(tuple(map(turn, route.points)), turn(route.label)) for route in routes)
    return Layout(tuple(map(turn, centres)), turned, round(x1 - x0, 1), round(top - bottom, 1))
