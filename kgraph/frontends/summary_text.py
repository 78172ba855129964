"""The table in a printed ``model.summary()``: found in pasted text, and taken apart into rows of cells.

Three layouts: the box-drawing table of Keras 3 (or its ASCII form), the ruled columns of Keras 2, and text whose line
breaks and white space were lost. Every expression here is linear in the text: pasted text may be anything.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from kgraph.errors import SourceError
from kgraph.frontends.summary_paste import BORDER, CLOSED, clean, header, header_line, unwrapped
from kgraph.frontends.summary_words import END, Row, by_words

MODEL = re.compile(r'Model: "([^"\n]{1,400})"')
TOTAL = re.compile(r"Total params:\s{0,9}([\d,]{1,30})")

BAR = re.compile(r"[┃│║|]")
JUNCTION = re.compile(r"[┳┬╦╇╪┼]|(?<=-)[+|](?=-)")
EQUALS = re.compile(r"={10,}")
RULE = re.compile(r"[_=¯\-]{10,}")
ROW = re.compile(r"\(\w++\) {0,9}\[?\(")


@dataclass(frozen=True, slots=True)
class Table:
    """The first table of a text.

    Attributes:
        linked: whether it has the column ``Connected to``.
        boxed: whether it is a table of Keras 3, in which operations have rows too.
        total: what ``Total params`` says, None where it is missing.
    """

    name: str
    rows: list[Row]
    linked: bool
    boxed: bool
    total: int | None
    notes: list[str]


@dataclass(slots=True)
class _Lines:
    """The cells of a row while its lines are collected: per column the pieces, one a line."""

    line: int
    pieces: list[list[str]]
    named: bool = False
    """Whether the name is there to its end, the class in brackets, or cut off."""

    def __post_init__(self) -> None:
        self.named = self.pieces[0][0].rstrip().endswith((")", "…"))

    def add(self, cells: list[str]) -> None:
        for own, more in zip(self.pieces, cells, strict=True):
            own.append(more)
        if cells[0].strip():
            self.named = cells[0].rstrip().endswith((")", "…"))

    def cell(self, column: int, between: str) -> str:
        return between.join(piece.strip() for piece in self.pieces[column] if piece.strip())


def table(text: str) -> Table:
    """The first table in a text.

    Raises:
        SourceError: there is none, or it is cut in a way that leaves rows unreadable.
    """
    lines = unwrapped(clean(text))
    first = header_line(lines)
    if first is None:
        raise SourceError(
            "expected the output of model.summary(), received text without its header 'Layer (type)  Output Shape'"
        )
    span = header(lines[first]) or (0, 0)
    name = MODEL.findall("\n".join([*lines[:first], lines[first][: span[0]]]))
    lines, notes, last = _first_only(lines, first, span[1])
    found = TOTAL.search("\n".join(lines[last:])) if last < len(lines) else None
    total = int(found[1].replace(",", "")) if found and found[1].strip(",") else None
    boxed = bool(BAR.search(lines[first], *span))
    rows, linked = _boxed(lines, first, last) if boxed else _ruled(lines, first, last, span[1])
    if not rows:
        raise SourceError(f"line {first + 1}: the summary has a header, but no rows below it")
    if found is None:
        notes.append("the text ends before 'Total params': rows may be missing at its end")
    return Table(name[-1] if name else "model", rows, linked, boxed, total, notes)


def _first_only(lines: list[str], first: int, start: int) -> tuple[list[str], list[str], int]:
    """The lines, cut after the first summary; what was left out; the line with its totals."""
    again = header(lines[first], start)
    if again:  # several summaries in one line
        lines = [*lines[:first], lines[first][: again[0]]]
        return lines, ["the text holds several summaries: the first is read"], first
    ends = (at for at in range(first + 1, len(lines)) if END.search(lines[at]))
    last = first if END.search(lines[first], start) else next(ends, len(lines))
    second = next((at for at in range(first + 1, len(lines)) if header(lines[at])), None)
    if second is None:
        return lines, [], last
    return lines[:second], ["the text holds several summaries: the first is read"], min(last, second)


# --- the box-drawing table ----------------------------------------------------------------------------------------


def _boxed(lines: list[str], first: int, last: int) -> tuple[list[Row], bool]:
    """Rows between borders. Borders and bars alone tell cells apart, so that line breaks do not matter."""
    top = (at for at in range(first, max(-1, first - 9), -1) if BORDER.search(lines[at]))
    start = next(top, first)  # the words of the header may be wrapped, with empty lines between them
    text = "\n".join(lines[start : last + 1])
    ended = END.search(text)
    text = text[: ended.start()] if ended else text
    places = list(accumulate((len(line) + 1 for line in lines[start : last + 1]), initial=0))
    borders = list(BORDER.finditer(text))
    span = header(text) or (len(text), 0)
    above = [border for border in borders if border.end() <= span[0]]
    if above and above[-1][0][-1] not in CLOSED:
        raise SourceError(
            f"line {start + 1}: the table is cut at the right edge of the terminal, and columns are missing; "
            "set the environment variable COLUMNS (such as COLUMNS=200) and print model.summary(line_length=200)"
        )
    columns = len(JUNCTION.findall(above[-1][0])) + 1 if above else _header_columns(text)
    found: list[_Lines] = []
    edges = [0, *(edge for border in borders for edge in border.span()), len(text)]
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        line = start + bisect_right(places, left + len(text[left:right]) - len(text[left:right].lstrip()))
        found += _grouped(_physical(text[left:right], columns, line), bordered=len(borders) > 3)
    titles = [found[0].cell(column, " ") for column in range(columns)] if found else []
    linked = columns > 3 and titles[3].startswith("C")
    return [_box_row(row, linked, columns) for row in found[1:]], linked


def _header_columns(text: str) -> int:
    cells = [part.strip() for part in BAR.split(text[:2000].partition("\n")[0])]
    titles = [cell for cell in cells if cell[:3] in ("Lay", "Out", "Par", "Con", "Tra")]
    return len(titles)


def _physical(segment: str, columns: int, line: int) -> Iterator[_Lines]:
    """The lines of a segment between borders: a bar, the cells with bars between them, a bar."""
    parts = BAR.split(segment)
    if len(parts) == 1:
        return
    if len(parts) % (columns + 1) != 1 or columns < 3:
        raise SourceError(
            f"line {line}: a row of the table does not have the {columns} cells of its header; paste all of it"
        )
    for at in range(1, len(parts) - 1, columns + 1):
        cells = [part.replace("\n", "") for part in parts[at : at + columns]]
        yield _Lines(line, [[cell] for cell in cells])
        line += any("\n" in part for part in parts[at : at + columns + 1])


def _grouped(physical: Iterator[_Lines], *, bordered: bool) -> list[_Lines]:
    """The lines that make one row each; between borders there is one row, else the names tell."""
    found: list[_Lines] = []
    for item in physical:
        starts = item.pieces[0][0].strip() and item.pieces[2][0].strip()
        if not found or (not bordered and starts and found[-1].named):
            found.append(item)
        else:
            found[-1].add([pieces[0] for pieces in item.pieces])
    return found


def _box_row(row: _Lines, linked: bool, columns: int) -> Row:
    name = row.pieces[0][0]
    depth = max(1, (len(name) - len(name.lstrip()) - 1) // 3) if name.lstrip().startswith("└") else 0
    cells = [row.cell(column, " ") for column in range(columns)]
    connected = re.split(r"(?<=\])(?![\[…]),?\s*|(?<=…),?\s*", cells[3]) if linked else []
    return Row(
        line=row.line,
        name=cells[0].removeprefix("└").strip(),
        shape=cells[1],
        params=cells[2],
        connected=[part.strip() for part in connected if part.strip() not in ("", "-")],
        trainable=cells[3 + linked] if columns > 3 + linked else "",
        depth=depth,
    )


# --- ruled columns ------------------------------------------------------------------------------------------------


def _ruled(lines: list[str], first: int, last: int, end: int) -> tuple[list[Row], bool]:
    """Rows of text in columns that start where the words of the header do."""
    if EQUALS.search(lines[first], end) or ROW.search(lines[first], end):
        return _run_together(lines, first)
    head = lines[first]
    prefix = head[: head.index("Layer")].rstrip()
    titles = list(re.finditer(r"\S+(?: \S+)*", head[len(prefix) :]))
    starts = [0, *(title.start() + len(prefix) for title in titles[1:])]
    if not 3 <= len(starts) <= 5:
        return _run_together(lines, first)
    bottom = next((at for at in range(first + 1, min(first + 40, len(lines))) if EQUALS.search(lines[at])), first)
    linked = len(starts) > 3 and titles[3][0].startswith("C")
    rows: list[_Lines] = []
    depths: list[int] = []
    fresh = True
    for at in range(bottom + 1, min(last, len(lines))):
        line = lines[at].removeprefix(prefix) if prefix else lines[at]
        if EQUALS.search(line):
            break
        indent, depth = len(line) - len(line.lstrip()), len(line.lstrip()) - len(line.lstrip().lstrip("|"))
        line = " " * (len(prefix) + indent + depth) + (line.rstrip().rstrip("|") if depth else line)[indent + depth :]
        if not line.strip() or RULE.search(line):
            fresh = True
            continue
        cells = [line[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]
        starting = bool(cells[0].strip() and cells[2].strip())
        if not rows or (starting and (fresh or rows[-1].named)):
            rows.append(_Lines(at + 1, [[cell] for cell in cells]))
            depths.append(depth)
        else:
            rows[-1].add(cells)
        fresh = False
    return [_ruled_row(row, depth, linked) for row, depth in zip(rows, depths, strict=True)], linked


def _ruled_row(row: _Lines, depth: int, linked: bool) -> Row:
    connected: list[str] = []
    if linked and row.cell(3, "").startswith("["):
        connected = row.cell(3, "").strip("[]'").replace("', '", "','").split("','")
        connected = [part + "]" if part.count("[") > part.count("]") else part for part in connected]
    elif linked:  # one a line, and cut off where it is too long
        connected = [piece.strip() for piece in row.pieces[3] if piece.strip()]
    return Row(
        line=row.line,
        name=row.cell(0, ""),
        shape=row.cell(1, ""),
        params=row.cell(2, ""),
        connected=[part for part in connected if part],
        trainable=row.cell(3 + linked, "") if len(row.pieces) > 3 + linked else "",
        depth=depth,
    )


# --- without line breaks ------------------------------------------------------------------------------------------


def _run_together(lines: list[str], first: int) -> tuple[list[Row], bool]:
    """A table that became one line: cut again where its rules tell how long lines were, else read word by word."""
    text = lines[first]
    ruler = re.search(r"_{30,}|={30,}", text)
    if ruler is not None:
        width = ruler.end() - ruler.start()
        for gap in (0, 1):
            again = [text[at : at + width] for at in range(ruler.start() % (width + gap), len(text), width + gap)]
            head = header_line(again)
            below = again[head + 1 : head + 10] if head is not None else []
            if head is not None and any(set(line) == {"="} for line in below):
                rows, linked = _ruled(again, head, len(again), len(again[head]))
                for row in rows:
                    row.line = first + 1
                return rows, linked
    return by_words("\n".join(lines[first:]), first)
