"""The picture as SVG: a header, a legend, and the graph as the layout places it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from xml.sax.saxutils import escape

from kgraph.render.cards import VERDICTS, Badge, Link, Picture
from kgraph.render.engine import Point, Wire
from kgraph.render.layout import Layout, Route, arrange
from kgraph.render.paint import Face, badge, face, flow, num, paint, pill_width, text
from kgraph.render.theme import DETAIL, FAMILIES, LABEL, TONES, cut, sans_width, style_sheet

MARGIN, LEAST, WIDEST_LEGEND = 32.0, 560.0, 1000.0
HEADER, LEGEND_LINE, AFTER_LEGEND = 72.0, 24.0, 40.0
ARROW, ARROW_HALF, ROUND = 7.0, 3.5, 12.0


def write(picture: Picture) -> str:
    """The SVG text of a picture.

    Raises:
        DrawError: the layout engine is missing, failed, or took too long.
    """
    faces = [face(card) for card in picture.cards]
    wires = [Wire(link.tail, link.head, sans_width(link.label, LABEL)) for link in picture.links]
    layout = arrange([face.size for face in faces], wires)
    inner = max(layout.width, LEAST, sans_width(picture.checked, 13), min(sans_width(picture.name, 21, bold=True), 900))
    legend, legend_height = _legend(picture, min(inner, WIDEST_LEGEND))
    top = MARGIN + HEADER + (20 if picture.checked else 0)
    graph_top = top + legend_height + AFTER_LEGEND
    width, height = math.ceil(inner + 2 * MARGIN), math.ceil(graph_top + layout.height + MARGIN)
    lines = (
        *_head(picture, width, height, inner),
        f'<g transform="translate({num(MARGIN)} {num(top)})">',
        *legend,
        "</g>",
        f'<path class="rule" d="M{num(MARGIN)} {num(graph_top - AFTER_LEGEND / 2)}H{num(width - MARGIN)}"/>',
        f'<g transform="translate({num((width - layout.width) / 2)} {num(graph_top)})">',
        *_graph(picture, faces, layout),
        "</g>",
        "</svg>",
    )
    return "\n".join(lines) + "\n"


def _head(picture: Picture, width: int, height: int, inner: float) -> Iterator[str]:
    families = [name for name in FAMILIES if any(card.family == name for card in picture.cards)]
    tones = [name for name in TONES if any(b.tone == name for card in picture.cards for b in card.badges)]
    about = "; ".join(filter(None, (picture.summary, picture.checked)))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kgraph" role="img" aria-labelledby="kgraph-title kgraph-desc" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    )
    yield f'<title id="kgraph-title">Graph of the model {escape(picture.name)}</title>'
    yield f'<desc id="kgraph-desc">{escape(about)}</desc>'
    yield f"<style>\n{style_sheet(families, tones)}\n</style>"
    yield f'<rect class="page" width="{width}" height="{height}"/>'
    name = cut(picture.name, inner, partial(sans_width, size=21, bold=True))
    yield text("h", MARGIN, MARGIN + 20, name)
    yield text("s", MARGIN, MARGIN + 43, picture.summary)
    if picture.checked:
        yield text("s", MARGIN, MARGIN + 63, cut(picture.checked, inner, partial(sans_width, size=13), 400))


def _legend(picture: Picture, room: float) -> tuple[list[str], float]:
    """The families, badges and outlines that occur, in rows; and the height of all rows."""
    lines: list[str] = []
    x, y = 0.0, 0.0
    for kind, name, said in _entries(picture):
        swatch = pill_width(name) if kind == "badge" else 54.0
        width = swatch + (7 + sans_width(said, DETAIL) if said else 0)
        if x > 0 and x + width > room:
            x, y = 0.0, y + LEGEND_LINE
        lines.append(f'<g transform="translate({num(x)} {num(y)})">')
        lines += badge(flow((Badge(name, name),), swatch)[0], 0, 0) if kind == "badge" else _swatch(name)
        lines += [text("d", swatch + 7, 12, said), "</g>"] if said else ["</g>"]
        x += width + 20
    return lines, y + 16


def _entries(picture: Picture) -> Iterator[tuple[str, str, str]]:
    families = {card.family for card in picture.cards}
    tones = {badge.tone for card in picture.cards for badge in card.badges}
    yield from (("family", name, FAMILIES[name].title) for name in FAMILIES if name in families)
    meanings = {
        "fused": "one call in place of several",
        **VERDICTS,
        "error": "wrong result or crash",
        "warning": "likely mistake",
        "info": "worth knowing",
    }
    yield from (("badge", tone, said) for tone, said in meanings.items() if tone in tones)


def _swatch(family: str) -> Iterator[str]:
    yield f'<g class="n {family}"><rect class="base" width="54" height="16" rx="5"/>'
    yield '<path class="bar" d="M5 0H4V16H5A5 5 0 0 1 0 11V5A5 5 0 0 1 5 0z"/>'
    yield text("t", 49, 11.2, FAMILIES[family].tag.upper(), end=True) + "</g>"


def _graph(picture: Picture, faces: list[Face], layout: Layout) -> Iterator[str]:
    """Edges first, then their labels, then the cards: what matters more lies on top."""
    for number, (link, route) in enumerate(zip(picture.links, layout.routes, strict=True)):
        yield from _edge(number, link, route)
    for link, route in zip(picture.links, layout.routes, strict=True):
        yield text("l", route.label[0], route.label[1] + 3.7, link.label)
    for number, (drawn, (x, y)) in enumerate(zip(faces, layout.centres, strict=True)):
        yield from paint(number, drawn, x - drawn.size.width / 2, y - drawn.size.height / 2)


def _edge(number: int, link: Link, route: Route) -> Iterator[str]:
    yield f'<g class="e" data-edge="{number}" data-from="{link.tail}" data-to="{link.head}">'
    yield f"<title>{escape(link.tooltip)}</title>"
    yield f'<path d="{_path(route.points)}"/>'
    x, y = route.points[-1]
    yield f'<path class="a" d="M{num(x - ARROW_HALF)} {num(y - ARROW)}h{num(2 * ARROW_HALF)}L{_pair((x, y))}z"/></g>'


def _path(points: tuple[Point, ...]) -> str:
    """Straight lines with round corners; the last ends inside the arrow."""
    steps = [f"M{_pair(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(ROUND, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        steps.append(
            f"L{_pair(_toward(corner, before, radius))}Q{_pair(corner)} {_pair(_toward(corner, after, radius))}"
        )
    x, y = points[-1]
    steps.append(f"L{_pair((x, y - ARROW / 2))}")
    return "".join(steps)


def _toward(start: Point, end: Point, length: float) -> Point:
    whole = math.dist(start, end) or 1.0
    return start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole


def _pair(point: Point) -> str:
    return f"{num(point[0])} {num(point[1])}"
