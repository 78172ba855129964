"""``kgraph summary``: the model as a table, in which a split-convolve-concatenate group is one line."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from kgraph.analysis.extents import extents
from kgraph.analysis.names import shown_shape
from kgraph.analysis.ranges import joined
from kgraph.analysis.selection import selections
from kgraph.findings import to_plain
from kgraph.graph import Graph, Op, Value, parameters, values
from kgraph.report.text import MOST, Style, note_lines, plain, shape_text, wrapped

CONVOLUTIONS = frozenset(("layers.Conv1D", "layers.Conv2D", "layers.Conv3D"))
READS = 10
"""Columns that are left for what a line reads, at the least."""

ENOUGH = 18
"""Columns for what a line reads that are worth shorter words for groups."""


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that one line stands for: ``count`` branches of ``branch``, joined by ``join``."""

    count: int
    branch: tuple[str, ...]
    join: str
    calls: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        shapes: of each output, batch first; ``"B"`` for the batch, None for what is not known.
        parameters: of the line's own weights; None where it is not known.
        shared: the weights are those of an earlier line.
        reads: ids of the lines that this one reads, ``split[1]`` for later outputs.
        group: what was folded into the line.
        known: how it is known that the fold changes nothing, None for a plain call.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int | str | None, ...] | None, ...]
    parameters: int | None
    reads: tuple[str, ...]
    shared: bool = False
    group: Group | None = None
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """A group that is no proved fusion: the calls it hides, and what the line reads instead."""

    group: Group
    kind: str
    hidden: tuple[str, ...]
    source: Value


def lines(graph: Graph, fused: Graph) -> tuple[Line, ...]:
    """The lines of the table, in graph order.

    Args:
        graph: as it was extracted.
        fused: the same after the rewrites; its fused calls remember what they replace.
    """
    folded = {node: found for node in fused.ops if (found := _fold(fused, node))}
    hidden = {node for found in folded.values() for node in found.hidden}
    seen: set[str] = set()
    result: list[Line] = []
    for node, op in fused.ops.items():
        if node not in hidden:
            result.append(_line(graph, fused, node, folded.get(node), op.layer in seen))
            seen |= {op.layer} if op.layer is not None else set()
    return tuple(result)


def _line(graph: Graph, fused: Graph, node: str, found: Folded | None, shared: bool) -> Line:
    op = fused.ops[node]
    shapes = tuple(shown_shape(fused, extents(fused, Value(node, out))) for out in range(len(op.outputs)))
    reads = (found.source,) if found else fused.operands[node]
    group, kind, known, counted = None, op.kind, None, [op]
    if found:
        group, kind, known = found.group, found.kind, "assumed"
        counted = [fused.ops[each] for each in found.hidden]
    elif op.replaces:
        group, known = _replaced(graph, node, op), op.known
    return Line(node, kind, shapes, _count(counted), tuple(dict.fromkeys(map(str, reads))), shared, group, known)


def _count(ops: Sequence[Op]) -> int | None:
    """Weights of calls of different layers; None where those of one are not known."""
    total = 0
    for op in ops:
        for weight in op.weights if op.weights is not None else (None,):
            if weight is None or None in weight.shape:
                return None
            size = 1
            for extent in weight.shape:
                size *= extent or 0
            total += size
    return total


def _replaced(graph: Graph, node: str, op: Op) -> Group:
    """The branches of a proved fusion: the replaced calls, counted by kind."""
    before = [graph.ops[each].kind for each in op.replaces if each in graph.ops and each != node]
    counts = Counter(before)
    count = counts[op.kind]
    return Group(count, tuple(map(short, counts)), short(graph.ops[node].kind), len(op.replaces))


def _fold(graph: Graph, root: str) -> Folded | None:
    """Slices that are assumed, a convolution each, joined again: a source without configs can prove no more."""
    joins = graph.ops[root].kind in ("layers.Concatenate", "ops.concatenate")
    convs = [value.node for value in graph.operands[root]] if joins else []
    if len(convs) < 2 or any(graph.ops[node].kind not in CONVOLUTIONS or graph.ops[node].config for node in convs):
        return None
    slices = [graph.operands[node][0] for node in convs]
    chosen = [selections(graph).get(value) for value in slices]
    found = [selection for selection in chosen if selection is not None and selection.known == "assumed"]
    alike = len({(graph.ops[node].outputs, graph.ops[node].weights, graph.ops[node].kind) for node in convs}) == 1
    alone = all(len(graph.users[value]) == 1 for value in (*slices, *graph.operands[root]))
    if len(found) != len(convs) or len({selection.source for selection in found}) != 1 or not alike or not alone:
        return None
    if joined([run for selection in found for run in selection.ranges]) != (range(found[0].extent),):
        return None
    conv, part = graph.ops[convs[0]].kind, graph.ops[slices[0].node].kind
    group = Group(len(convs), (short(part), short(conv)), short(graph.ops[root].kind), 2 * len(convs) + 1)
    hidden = (*(value.node for value in slices), *convs)
    return Folded(group, conv, hidden, found[0].source)


def short(kind: str) -> str:
    """A kind for display: without the path that leads to it."""
    return kind.removeprefix("custom.").rpartition(".")[2]


# --- writing ------------------------------------------------------------------------------------------------------


def render_json(graph: Graph, rows: Sequence[Line], *, notes: Sequence[str] = ()) -> str:
    """The table as JSON: lines and totals, and what the source does not tell."""
    found = {
        "name": graph.name,
        "nodes": len(graph.ops),
        "edges": graph.edge_count,
        "parameters": parameters(graph),
        "inputs": [str(value) for value in values(graph.inputs)],
        "outputs": [str(value) for value in values(graph.outputs)],
        "lines": rows,
        "notes": notes,
    }
    return json.dumps(to_plain(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render(
    graph: Graph, rows: Sequence[Line], *, notes: Sequence[str] = (), width: int = 100, style: Style = plain
) -> str:
    """The table as text. What a line reads and has no room in it stands below it, at the right edge.

    Args:
        graph: as it was extracted, for the totals.
        rows: what ``lines`` gives.
        notes: what the source does not tell.
        width: columns.
        style: colours words.
    """
    cells = [(_shapes(row), _parameters(row), _reads(row, rows[at - 1] if at else None)) for at, row in enumerate(rows)]
    shape = min(max([len("output"), *(columns(cell[0]) for cell in cells)]), max(16, width // 4))
    count = max([len("params"), *(columns(cell[1]) for cell in cells)])
    names = max([len("name"), *(columns(row.name) for row in rows)])
    spare = width - shape - count - 6
    room = _room(rows, names, spare, max([0, *(columns(cell[2]) for cell in cells)]))
    firsts = [_group(row, names, room) if row.group else _named(row, names, room) for row in rows]
    left = max([len("name"), *map(columns, firsts)])
    head = _pad("name", names) + "  kind" if left >= names + 6 else "name"
    titles = f"{_pad(head, left)}  {_pad('output', shape)}  {'params'.rjust(count)}  reads"
    said = [style(graph.name, "title"), style(titles, "dim")]
    for row, first, (shapes, number, reads) in zip(rows, firsts, cells, strict=True):
        line = f"{_pad(first, left)}  {_pad(shapes, shape)}  {_left_pad(number, count)}"
        fits = columns(reads) <= spare - left
        line = f"{line}  {reads}".rstrip() if fits else line
        said.append(style(line, "good") if row.group else line)
        said += [] if fits else [style(_left_pad(_cut(reads, width - 4), width), "dim")]
    said += ["", *_totals(graph, rows)]
    said += ["", *wrapped(note_lines(notes, MOST, style), width)] if notes else []
    return "\n".join(said) + "\n"


def _room(rows: Sequence[Line], names: int, spare: int, reads: int) -> int:
    """Columns for name and kind: all that they need, as far as enough is left for what a line reads."""
    needed = [columns(_wordings(row, names)[0]) for row in rows]
    plain = [columns(text) for row in rows for text in (_wordings(row, names)[-1],)]
    least = min(max([0, *plain]), spare - READS)
    return min(max([0, *needed]), max(spare - min(reads, ENOUGH), least))


def _wordings(row: Line, names: int) -> list[str]:
    """Name and kind of a line, in fewer and fewer words."""
    if row.group is None:
        return [f"{_pad(row.name, names)}  {short(row.kind)}"]
    name, branches = _pad(row.name, names), f"{row.group.count} x ({' -> '.join(row.group.branch)})"
    same = f"= {short(row.kind)} groups={row.group.count}"
    joined = f"{branches} -> {row.group.join}"
    return [f"{name}  {joined}  {same}", f"{name}  {branches}  {same}", f"{name}  {branches}", joined]


def _named(row: Line, names: int, left: int) -> str:
    """Name and kind; where there is no room, the kind is cut first: it says least."""
    kind = short(row.kind)
    room = left - min(names, left) - 2
    if room >= 6:
        return f"{_pad(row.name, names)}  {_cut(kind, room)}"
    rest = left - columns(row.name) - 2
    return f"{row.name}  {_cut(kind, rest)}" if rest >= 4 else _cut(row.name, left)


def _group(row: Line, names: int, left: int) -> str:
    """A group in as many words as there is room for."""
    wordings = _wordings(row, names)
    return next((text for text in wordings if columns(text) <= left), _cut(wordings[-1], left))


def _shapes(row: Line) -> str:
    return ", ".join("?" if shape is None else shape_text(shape) for shape in row.shapes)


def _parameters(row: Line) -> str:
    if row.shared:
        return "shared"
    return "?" if row.parameters is None else f"{row.parameters:,}"


def _reads(row: Line, above: Line | None) -> str:
    """What a line reads; most read the line above."""
    said = ", ".join("above" if above is not None and value == above.name else value for value in row.reads)
    if row.known is None:
        return said
    return row.known if said == "above" else f"{row.known}; {said}"


def _totals(graph: Graph, rows: Sequence[Line]) -> Iterator[str]:
    total = parameters(graph)
    weights = "an unknown number of" if total is None else f"{total:,}"
    sizes = (_counted(len(graph.ops), "call"), _counted(len(rows), "line"), _counted(graph.edge_count, "edge"))
    yield f"{sizes[0]} in {sizes[1]}, {sizes[2]}, {weights} parameters"
    groups: Mapping[str, int] = Counter(row.known for row in rows if row.group is not None and row.known)
    for known, times in groups.items():
        calls = sum(row.group.calls for row in rows if row.group is not None and row.known == known)
        yield f"{_counted(times, 'group')} of {calls:,} calls folded, {known}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters take two, marks that combine none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _pad(text: str, width: int) -> str:
    cut = _cut(text, width)
    return cut + " " * (width - columns(cut))


def _left_pad(text: str, width: int) -> str:
    return " " * (width - columns(text)) + text


def _cut(text: str, width: int) -> str:
    if columns(text) <= width:
        return text
    ends = accumulate(map(_columns, text))
    kept = "".join(character for character, end in zip(text, ends, strict=True) if end < width)
    return kept + "…" if width > 0 else ""
