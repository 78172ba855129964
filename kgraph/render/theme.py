"""Colours, style sheet and text widths of the pictures.

The accents follow Paul Tol's "muted" scheme, which stays apart under the common forms of colour blindness; every
text colour has a contrast of at least 4.5:1 on its ground, in both schemes. Nothing is told by colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

SANS = "-apple-system,'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif"
MONO = "ui-monospace,'SF Mono',Menlo,Consolas,'Liberation Mono',monospace"

KIND, NAME, DETAIL, BADGE, LABEL, TAG = 13.0, 11.0, 11.5, 10.5, 10.5, 9.0
"""Font sizes in pixels."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Ground, accent and text colour."""

    ground: str
    accent: str
    ink: str


@dataclass(frozen=True, slots=True)
class Family:
    """How one family of layers looks; ``tag`` stands on each card, ``title`` in the legend."""

    tag: str
    title: str
    light: Colours
    dark: Colours


FAMILIES = {
    "input": Family(
        "input", "model input", Colours("#eff2f6", "#475569", "#334155"), Colours("#252d38", "#94a3b8", "#cbd5e1")
    ),
    "conv": Family(
        "conv", "convolution", Colours("#eaf2fb", "#2b6cb0", "#1f5592"), Colours("#152a42", "#5b9be0", "#a9cdf5")
    ),
    "norm": Family(
        "norm",
        "normalisation, dropout",
        Colours("#e8f6f3", "#44aa99", "#1b675b"),
        Colours("#12302c", "#44aa99", "#93dccf"),
    ),
    "act": Family(
        "act", "activation", Colours("#f7f6e1", "#999933", "#5a5a12"), Colours("#2c2c14", "#b3b34a", "#dcdc92")
    ),
    "merge": Family(
        "merge", "merge", Colours("#f9ecf7", "#aa4499", "#86327a"), Colours("#351c32", "#d07ac2", "#eeb8e5")
    ),
    "pool": Family(
        "pool", "pooling", Colours("#e6f5fc", "#56b4e9", "#125d88"), Colours("#0f2f40", "#56b4e9", "#a5dbf8")
    ),
    "dense": Family(
        "dense",
        "dense, attention, recurrent",
        Colours("#eceafa", "#332288", "#332288"),
        Colours("#23214a", "#8f84ea", "#c9c3fb"),
    ),
    "shape": Family(
        "shape",
        "reshape, select, join",
        Colours("#fbf4e0", "#c2a53e", "#684f0a"),
        Colours("#322a12", "#cdb45a", "#ecd99a"),
    ),
    "maths": Family(
        "maths", "other operation", Colours("#f3f4f5", "#8b95a3", "#454f5c"), Colours("#272b30", "#8b95a3", "#c7ced6")
    ),
    "custom": Family(
        "custom", "custom or opaque", Colours("#fae9ef", "#882255", "#882255"), Colours("#3a1827", "#d96a9b", "#f3b4cd")
    ),
}

TONES = {
    "output": Colours("#ffffff", "#475569", "#334155"),
    "fused": Colours("#334155", "#334155", "#ffffff"),
    "identical": Colours("#dcf3e4", "#2f9e5b", "#0c5f2e"),
    "conditional": Colours("#dde9fd", "#4a7fd4", "#1c489a"),
    "broadcast": Colours("#fdebc4", "#c98a15", "#774200"),
    "unknown": Colours("#e8eaed", "#8b95a3", "#454f5c"),
    "incompatible": Colours("#fde1df", "#c5281c", "#98180f"),
    "error": Colours("#b42318", "#b42318", "#ffffff"),
    "warning": Colours("#ffd77f", "#b26a00", "#5c3300"),
    "info": Colours("#e4edf7", "#8aa4c2", "#35516f"),
}
"""Badges bring their own ground, so they are the same in both schemes."""

LIGHT = {
    "page": "#ffffff",
    "ink": "#16202c",
    "soft": "#536071",
    "body": "#2a3543",
    "line": "#7d8a99",
    "rule": "#e3e8ee",
}
DARK = {"page": "#11161d", "ink": "#f1f4f8", "soft": "#a3b0c0", "body": "#d5dde6", "line": "#75828f", "rule": "#2b3440"}
ERROR, WARNING = "#c5281c", "#b26a00"
DARK_ERROR, DARK_WARNING = "#ff7b6e", "#f0ad3d"


def style_sheet(families: list[str], tones: list[str]) -> str:
    """The style sheet of a picture that uses these families and tones; every rule is scoped to ``.kgraph``."""
    rules = [
        f"text{{font-family:{SANS};fill:{LIGHT['body']};white-space:pre}}",
        f".k{{font-size:{KIND}px;font-weight:600}}",
        f".i{{font-size:{NAME}px;font-family:{MONO}}}",
        f".d{{font-size:{DETAIL}px}}",
        f".b text{{font-size:{BADGE}px;font-weight:600}}",
        ".b rect{stroke-width:1}",
        ".b path{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}",
        f".t{{font-size:{TAG}px;font-weight:600;letter-spacing:.06em}}",
        f".l{{font-size:{LABEL}px;stroke-width:3.5;stroke-linejoin:round;paint-order:stroke}}",
        ".h{font-size:21px;font-weight:650}",
        ".s{font-size:13px}",
        ".e path{fill:none;stroke-width:1.4}",
        ".e .a{stroke:none}",
        ".n rect{stroke-width:1}",
        ".n .bar{stroke:none}",
        ".n .card{fill:none;stroke-width:2.5}",
        *_scheme(LIGHT, ERROR, WARNING),
        *(rule for name in families for rule in _family(name, FAMILIES[name].light)),
        *(rule for name in tones for rule in _tone(name)),
    ]
    dark = [
        *_scheme(DARK, DARK_ERROR, DARK_WARNING),
        *(rule for name in families for rule in _family(name, FAMILIES[name].dark)),
    ]
    return "\n".join(
        (
            *map(_scoped, rules),
            "@media (prefers-color-scheme:dark){",
            *map(_scoped, dark),
            "}",
        )
    )


def _scoped(rule: str) -> str:
    selectors, brace, body = rule.partition("{")
    return ",".join(f".kgraph {selector}" for selector in selectors.split(",")) + brace + body


def _scheme(colours: dict[str, str], error: str, warning: str) -> tuple[str, ...]:
    return (
        f".page{{fill:{colours['page']}}}",
        f".rule{{stroke:{colours['rule']}}}",
        f".k,.h{{fill:{colours['ink']}}}",
        f".i,.s{{fill:{colours['soft']}}}",
        f".d{{fill:{colours['body']}}}",
        f".l{{fill:{colours['soft']};stroke:{colours['page']}}}",
        f".e path{{stroke:{colours['line']}}}",
        f".e .a{{fill:{colours['line']}}}",
        f".n.error .card{{stroke:{error}}}",
        f".n.warning .card{{stroke:{warning}}}",
    )


def _family(name: str, colours: Colours) -> tuple[str, ...]:
    return (
        f".{name} .base{{fill:{colours.ground};stroke:{colours.accent}}}",
        f".{name} .card{{stroke:{colours.accent}}}",
        f".{name} .bar{{fill:{colours.accent}}}",
        f".{name} .t{{fill:{colours.ink}}}",
    )


def _tone(name: str) -> tuple[str, ...]:
    colours = TONES[name]
    return (
        f".b.{name} rect{{fill:{colours.ground};stroke:{colours.accent}}}",
        f".b.{name} text{{fill:{colours.ink}}}",
        f".b.{name} path{{stroke:{colours.ink}}}",
    )


_WIDTHS = {
    character: width
    for characters, width in (
        ("ijl'|", 0.235),
        (" .,:;!/ftI[]()\\·", 0.295),
        ('r-*"`{}°', 0.36),
        ("ckvxyzsJ", 0.52),
        ("wCDHNRUÜ", 0.74),
        ("GOQ", 0.79),
        ("mM%", 0.86),
        ("W@…→", 1.0),
        ("ABEKPSVXY&", 0.68),
        ("FTZL×", 0.62),
    )
    for character in characters
}


def sans_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width in pixels of a text in a sans-serif font, on the generous side: fonts differ from machine to machine."""
    total = sum(_WIDTHS.get(character) or _advance(character, 0.58) for character in text)
    return total * size * (1.09 if bold else 1.05)


def mono_width(text: str, size: float) -> float:
    """The same in a monospaced font."""
    return sum(_advance(character, 0.61) for character in text) * size


def _advance(character: str, usual: float) -> float:
    if character.isascii():
        return usual
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.3  # colour emoji are wider than the em
    return max(usual, 0.75)


def cut(text: str, room: float, measure: Callable[[str], float], most: int = 80) -> str:
    """The text; its two ends and an ellipsis where it is wider than ``room`` or longer than ``most`` characters."""
    if len(text) <= most and measure(text) <= room:
        return text
    ends = min(len(text), most) - 1
    room -= measure("…")
    head, tail, used = 0, 0, 0.0
    while head + tail < ends:
        from_head = head <= tail
        character = text[head] if from_head else text[-1 - tail]
        used += measure(character)
        if used > room:
            break
        head, tail = (head + 1, tail) if from_head else (head, tail + 1)
    return f"{text[:head].rstrip()}…{text[len(text) - tail :].lstrip()}"
