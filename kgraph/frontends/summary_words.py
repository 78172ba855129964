"""A summary whose line breaks and white space were lost, read word by word."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from kgraph.errors import SourceError

END = re.compile(r"Total params|(?<![\w-])Trainable params")
TITLES = re.compile(
    r".{0,2000}?(?:={10,}|Param\s*#?(?:\s*Connected(?:\s*to)?)?(?:\s*Trainable)?(?:\s*={10,})?)", re.DOTALL
)
"""The titles of the columns, to the rule below them; those that were wrapped are torn apart."""

TOKEN = re.compile(
    r"""'?(?P<connection>[^\s'\[\],()|]++\[\d++\]\[\d++\])'?
    |(?P<shape>\(\s*+(?:None|\d++)?(?:\s*+,\s*+(?:None|\d++))*+\s*+,?\s*+\))
    |\((?P<type>[A-Za-z_]\w*+…?)(?:\)|(?=\s|\Z))
    |(?P<number>\d[\d,]*+(?![^\s]))
    |(?P<word>[^\s\[\](),'{}]++)
    |(?P<mark>\S)""",
    re.VERBOSE,
)
QUOTED = re.compile(r"'[^'\[\]]{1,200}\[[\d ]{1,12}\] ?\[[\d ]{1,12}\]'")
"""A connection as Keras 2 writes it, with spaces where its lines were broken."""

LONGEST = 20_000
"""Characters of one cell, at the most."""


@dataclass(slots=True)
class Row:
    """One row: the texts of its cells, and the line at which it starts.

    ``depth`` counts the models that it is nested in; ``connected`` holds the parts of the cell that stand apart.
    """

    line: int
    name: str
    shape: str
    params: str
    connected: list[str] = field(default_factory=list[str])
    trainable: str = ""
    depth: int = 0


def by_words(text: str, first: int) -> tuple[list[Row], bool]:
    """``name (Type) (None, ...) params connections``, again and again; the rest of a wrapped name comes at the end.

    Args:
        text: from the header on.
        first: number of its first line, from 0.

    Returns:
        The rows, and whether the header has the column ``Connected to``.

    Raises:
        SourceError: the text has no such header, or other text below it.
    """
    stop = END.search(text)
    text = QUOTED.sub(lambda found: found[0].replace(" ", ""), text[: stop.start()] if stop else text)
    titles = TITLES.match(text)
    if titles is None:
        raise SourceError(f"line {first + 1}: the header of the summary has no column 'Param #'")
    breaks = [0, *(found.end() for found in re.finditer("\n", text))]
    linked, trainable = ("Connected" in titles[0], "Trainable" in titles[0])
    rows: list[Row] = []
    words: list[str] = []
    depth = 0
    for token in TOKEN.finditer(text, titles.end()):
        kind, said = token.lastgroup, token[token.lastgroup or 0]
        if rows and len(rows[-1].name) + len(rows[-1].shape) > LONGEST:
            raise SourceError(f"line {rows[-1].line}: expected rows 'name (Type)  (None, ...)  0', received other text")
        if kind == "word" and not said.strip("_=¯|-"):  # rules, and the frames around the rows of nested models
            depth = len(said) - len(said.lstrip("|")) if "¯" in said else depth
            words.clear()
        elif kind == "word" and rows and _is_shape(said, rows[-1], words):
            rows[-1].shape += said
        elif (
            kind == "word" and trainable and said in ("Y", "N") and rows and rows[-1].params and not rows[-1].trainable
        ):
            rows[-1].trainable = said
        elif kind == "word":
            words.append(said)
        elif kind == "mark":
            _mark(said, rows, words)
        elif kind in ("type", "shape") and (words or (rows and "(" not in rows[-1].name)):
            if not rows or kind == "shape" or "(" in rows[-1].name:
                rows.append(Row(first + bisect_right(breaks, token.start()), " ".join(words), "", "", depth=depth))
                words.clear()
            _say(kind, token[0] if kind == "type" else said, rows[-1], words)
        elif kind != "word" and rows:
            _say(kind or "", said, rows[-1], words)
    return rows, linked


def _is_shape(word: str, row: Row, words: list[str]) -> bool:
    """True for words where shapes stand: what Keras prints in place of them, and the keys of a dict of shapes."""
    if words or "(" not in row.name:
        return False
    return _is_open(row.shape, "{}") or (word in ("multiple", "?") and not row.shape and not row.params)


def _is_open(shape: str, brackets: str = "[]{}") -> bool:
    """True between the brackets around shapes: lines of other cells may stand there too."""
    return sum(map(shape.count, brackets[::2])) > sum(map(shape.count, brackets[1::2]))


def _mark(said: str, rows: list[Row], words: list[str]) -> None:
    """A bracket: one around shapes, or one that closes a class which was wrapped and ends the row's name."""
    if said in "[]{}" and rows and "(" in rows[-1].name and (not rows[-1].params or _is_open(rows[-1].shape)):
        rows[-1].shape += said
    if said != ")" or not rows or rows[-1].name.endswith((")", "…")):
        return
    between = "" if "(" in rows[-1].name else " ("
    rows[-1].name += f"{between}{''.join(words)})"
    words.clear()


def _say(kind: str, said: str, row: Row, words: list[str]) -> None:
    """Adds what a token says to a row."""
    if kind == "type":
        row.name += f"{''.join(words)} {said}"
        words.clear()
    elif kind == "shape":
        row.shape += said
    elif kind == "connection":
        row.connected.append(said)
    elif kind == "number" and not row.params and not words:
        row.params = said
    else:
        words.append(said)
