"""What pasting does to a printed summary, undone: colours, markup, invisible characters, broken lines."""

from __future__ import annotations

import html
import itertools
import re

LAYER = re.compile(r"Layer\b")
LOW = re.compile(r"[┃│║|] {1,600}[┃│║|] {0,9}Output\b")
"""Titles at the bottom of their cells: where ``Output Shape`` alone is wrapped, it starts above the others."""

WIDEST = 600
"""Characters between the first words of a header, at the most."""
ANSI = re.compile(r"\x1b(?:\[[0-9;?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\))")
BREAK = re.compile(r"<br\s?/?>|</(?:p|div|tr|pre)>", re.IGNORECASE)
TAG = re.compile(r"</?(?:pre|code|span|div|p|b|i|a|td|tr|th|table|tbody|thead|samp|font|strong)\b[^<>]*+>", re.I)
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"), None) | {0xA0: " ", 0x202F: " ", 0x2007: " "}
BORDER = re.compile(r"[━─═┏┡├└┳╇┼┴┬╪┓┩┤┘┐╡┌╞╘┗┛┻╋╔╠╚╦╬╩╗╣╝]{3,}|[+|](?:-{3,}[+|])+")
CLOSED = "┓┩┤┘┐╡┛╗╣╝+|"
BARS = "┃│║|"
RUN = re.compile(r"[━─═┏┡├└┳╇┼┴┬╪┓┩┤┘┐╡┌╞╘┗┛┻╋╔╠╚╦╬╩╗╣╝+|-]+")
LINE = re.compile(r"_{10,}")


def clean(text: str) -> list[str]:
    """The lines of pasted text without colours, markup, invisible characters and tabs."""
    text = ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).translate(INVISIBLE)
    if "<" in text:
        text = TAG.sub("", BREAK.sub("\n", text))
    if "&" in text:
        text = html.unescape(text).translate(INVISIBLE)
    return text.expandtabs().split("\n")


def header(line: str, start: int = 0) -> tuple[int, int] | None:
    """Where the titles ``Layer (type)  Output`` stand in a line: their start, and their end before ``Shape``."""
    for found in LAYER.finditer(line, start):
        at = line.find("Output", found.end(), found.end() + WIDEST)
        if at >= 0:
            return found.start(), at + len("Output")
    low = LOW.search(line, start)
    return low.span() if low else None


def header_line(lines: list[str]) -> int | None:
    """The number (from 0) of the first line that heads a summary; None where there is none."""
    return next((number for number, line in enumerate(lines) if header(line)), None)


def unwrapped(lines: list[str]) -> list[str]:
    """Lines that were too wide for the terminal, whole again: the rule at the top tells how they were broken.

    The lines above the rule stay as they are.
    """
    for at, line in enumerate(lines[:-1]):
        pieces = _pieces(lines, at)
        if len(pieces) > 1:
            width = len(line)
            broken = [text.ljust(width) for text in lines[at:]]
            whole = ["".join(broken[start : start + len(pieces)]) for start in range(0, len(broken), len(pieces))]
            return [*lines[:at], *whole]
        if pieces:
            break
    return lines


def _pieces(lines: list[str], at: int) -> list[str]:
    """The lines of one rule that starts here: several where it was broken, none where there is no rule."""
    first = lines[at]
    if LINE.fullmatch(first):
        rest = itertools.takewhile(
            lambda line: line and len(line) <= len(first) and not line.strip("_"), lines[at + 1 : at + 10]
        )
        return [first, *rest]
    if first[:1] not in ("┏", "┌", "╔", "+") or not BORDER.fullmatch(first):
        return []
    pieces = [first]
    for line in lines[at + 1 : at + 10]:
        if pieces[-1][-1] in CLOSED or line[:1] in BARS or not RUN.fullmatch(line):
            break
        pieces.append(line)
    return pieces if pieces[-1][-1] in CLOSED else [first]
