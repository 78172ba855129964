"""Cards and badges as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from xml.sax.saxutils import escape

from kgraph.findings import Severity
from kgraph.render.cards import Badge, Card
from kgraph.render.engine import Size
from kgraph.render.theme import BADGE, DETAIL, FAMILIES, KIND, NAME, TAG, cut, mono_width, sans_width

WIDEST, NARROWEST = 300.0, 116.0
LEFT, RIGHT, TOP, BOTTOM = 13.0, 10.0, 6.0, 7.0
KIND_LINE, NAME_LINE, DETAIL_LINE, BADGE_LINE = 17.0, 14.0, 16.0, 20.0
PILL, PILL_GAP, PILL_SIDE, ICON = 16.0, 5.0, 7.0, 12.0
STACK = 4.0
"""How far each of the two cards behind a fused one peeps out."""

ICONS = {
    "output": "M1 4h6M4.5 1.5 7 4 4.5 6.5",
    "fused": "M1 2.5 4 1 7 2.5 4 4zM1 4.5 4 6 7 4.5M1 6.5 4 8 7 6.5",
    "identical": "M1 4.5 3.2 6.8 7 1.5",
    "conditional": "M4 .8v2.4L1.2 7.2M4 3.2 6.8 7.2",
    "broadcast": "M2.5 1.5 .5 4l2 2.5M5.5 1.5 7.5 4l-2 2.5M.5 4h7",
    "unknown": "M2 2.3C2 .4 6 .4 6 2.4 6 3.9 4 3.6 4 5.2M4 7.2v.1",
    "incompatible": "M1.5 1.5l5 5M6.5 1.5l-5 5",
    "error": "M1.5 1.5l5 5M6.5 1.5l-5 5",
    "warning": "M4 .8 7.5 7.2h-7zM4 3.2v1.6M4 6.1v.1",
    "info": "M4 3.5v3.5M4 1.2v.1",
}
"""Eight by eight pixels each, drawn as strokes: no font has to know them."""


@dataclass(frozen=True, slots=True)
class Pill:
    """A badge with its text cut to fit, at its place inside a card."""

    tone: str
    text: str
    x: float
    row: int
    width: float


@dataclass(frozen=True, slots=True)
class Face:
    """A card with its texts cut to fit and its size."""

    card: Card
    kind: str
    name: str
    detail: str
    pills: tuple[Pill, ...]
    width: float
    height: float

    @property
    def size(self) -> Size:
        """With the cards that peep out behind a fused one."""
        return Size(self.width, self.height + (2 * STACK if self.card.fused else 0.0))


def face(card: Card) -> Face:
    """Cuts the texts of a card and measures it."""
    room = WIDEST - LEFT - RIGHT
    tag_room = _tag_width(card.family) + 14
    kind = cut(card.kind, room - tag_room, partial(sans_width, size=KIND, bold=True))
    name = cut(card.name, room, partial(mono_width, size=NAME))
    detail = cut(card.detail, room, partial(sans_width, size=DETAIL))
    widths = (
        sans_width(kind, KIND, bold=True) + tag_room,
        mono_width(name, NAME),
        sans_width(detail, DETAIL),
        *(min(pill_width(badge.text), room) for badge in card.badges),
        NARROWEST - LEFT - RIGHT,
    )
    inside = float(math.ceil(max(widths)))
    pills = flow(card.badges, inside)
    rows = pills[-1].row + 1 if pills else 0
    height = TOP + KIND_LINE + NAME_LINE + (DETAIL_LINE if detail else 0.0) + BOTTOM
    if rows:
        height += rows * BADGE_LINE + 2
    return Face(card, kind, name, detail, pills, inside + LEFT + RIGHT, height)


def pill_width(text: str) -> float:
    """Width of a badge with its icon."""
    return math.ceil(sans_width(text, BADGE, bold=True) + ICON + 2 * PILL_SIDE)


def flow(badges: Sequence[Badge], room: float) -> tuple[Pill, ...]:
    """Badges in rows, none wider than ``room``."""
    pills: list[Pill] = []
    x, row = 0.0, 0
    for badge in badges:
        text = cut(badge.text, room - ICON - 2 * PILL_SIDE, partial(sans_width, size=BADGE, bold=True))
        width = min(pill_width(text), room)
        if x > 0 and x + width > room:
            x, row = 0.0, row + 1
        pills.append(Pill(badge.tone, text, x, row, width))
        x += width + PILL_GAP
    return tuple(pills)


def paint(number: int, face: Face, x: float, y: float) -> Iterator[str]:
    """The card with its upper left corner at (x, y)."""
    card = face.card
    classes = " ".join(("n", card.family, *(("f",) if card.fused else ()), *_alarm(card.severity)))
    yield f'<g class="{classes}" data-node="{number}" transform="translate({num(x)} {num(y)})">'
    yield f"<title>{escape(card.tooltip)}</title>"
    if card.fused:
        yield from (_sheet(face, level) for level in (2, 1))
    w, h = num(face.width), num(face.height)
    yield f'<rect class="base" width="{w}" height="{h}" rx="7"/>'
    yield f'<path class="bar" d="M7 0H4.5V{h}H7A7 7 0 0 1 0 {num(face.height - 7)}V7A7 7 0 0 1 7 0z"/>'
    if card.fused or _alarm(card.severity):
        yield f'<rect class="card" width="{w}" height="{h}" rx="7"/>'
    baseline = TOP + 13
    yield text("k", LEFT, baseline, face.kind)
    yield text("t", face.width - RIGHT, baseline - 1, FAMILIES[card.family].tag.upper(), end=True)
    baseline += NAME_LINE + 1
    yield text("i", LEFT, baseline, face.name)
    if face.detail:
        baseline += DETAIL_LINE
        yield text("d", LEFT, baseline, face.detail)
    for pill in face.pills:
        yield from badge(pill, LEFT, baseline + 8 + pill.row * BADGE_LINE)
    yield "</g>"


def _alarm(severity: Severity | None) -> tuple[str, ...]:
    return () if severity is None or severity is Severity.INFO else (severity.value,)


def _sheet(face: Face, level: int) -> str:
    inset = 5.0 * level
    return (
        f'<rect class="base" x="{num(inset)}" y="{num(face.height - 20 + level * STACK)}" '
        f'width="{num(face.width - 2 * inset)}" height="20" rx="7"/>'
    )


def badge(pill: Pill, x: float, y: float) -> Iterator[str]:
    """A pill in its row, with the row's upper edge at ``y``."""
    yield f'<g class="b {pill.tone}" transform="translate({num(x + pill.x)} {num(y)})">'
    yield f'<rect width="{num(pill.width)}" height="{num(PILL)}" rx="{num(PILL / 2)}"/>'
    yield f'<path transform="translate({num(PILL_SIDE)} 4)" d="{ICONS[pill.tone]}"/>'
    middle = (PILL_SIDE + ICON + pill.width - PILL_SIDE) / 2  # a narrow font leaves room, which is then on both sides
    yield f'<text x="{num(middle)}" y="11.7" text-anchor="middle">{escape(pill.text)}</text></g>'


def text(style: str, x: float, y: float, content: str, *, end: bool = False) -> str:
    """One line of text."""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text class="{style}" x="{num(x)}" y="{num(y)}"{anchor}>{escape(content)}</text>'


def num(value: float) -> str:
    """A coordinate with at most one decimal."""
    short = f"{value:.1f}".removesuffix(".0")
    return "0" if short == "-0" else short


def _tag_width(family: str) -> float:
    return sans_width(FAMILIES[family].tag.upper(), TAG, bold=True) + len(FAMILIES[family].tag) * TAG * 0.06
