"""What ``model.summary()`` prints, in every layout, and what pasting makes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from kgraph.frontends.summary import read
from kgraph.graph import Graph, Shape, Value
from kgraph.text import show

Layout = Callable[[Any], str]

DATA = Path(__file__).parent.parent / "data" / "summaries"


def printed(model: Any, *, columns: int = 200, **options: Any) -> str:
    """The output of ``model.summary(**options)`` in a terminal so many columns wide."""
    said: list[str] = []
    with mock.patch.dict(os.environ, COLUMNS=str(columns)):
        model.summary(print_fn=lambda text, line_break=True: said.append(text), **options)
    return "\n".join(said) + "\n"


def printed_of_old(model: Any, *, line_length: int = 98) -> str:
    """The layout of Keras 2.0 to 2.6, of a model of tf_keras: one connection a line, and what is too long is cut."""
    nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    linked = "Connected to" in printed(model)
    line_length = line_length if linked else line_length * 2 // 3
    ends = [int(line_length * part) for part in ((0.33, 0.55, 0.67, 1.0) if linked else (0.45, 0.85, 1.0))]

    def row(*fields: object) -> str:
        line = ""
        for number, (field, end) in enumerate(zip(fields, ends, strict=False)):
            line = (line[:-1] + " " if number else "") + str(field)
            line = line[:end].ljust(end)
        return line

    lines = [f'Model: "{model.name}"', "_" * line_length]
    lines += [row("Layer (type)", "Output Shape", "Param #", "Connected to"), "=" * line_length]
    for layer in model.layers:
        read = [each for node in layer._inbound_nodes if node in nodes for each in node.iterate_inbound()]
        links = [f"{source.name}[{node}][{out}]" for source, node, out, _ in read] or [""]
        shape = getattr(layer, "output_shape", "multiple")
        lines.append(row(f"{layer.name} ({type(layer).__name__})", shape, layer.count_params(), links[0]))
        lines += [row("", "", "", link) for link in links[1:] if linked]
        lines.append("_" * line_length)
    lines[-1] = "=" * line_length
    return "\n".join([*lines, f"Total params: {model.count_params():,}"]) + "\n"


# --- what pasting does --------------------------------------------------------------------------------------------


def joined(text: str) -> str:
    """Line breaks lost, all white space kept."""
    return text.replace("\n", "")


def collapsed(text: str) -> str:
    """Line breaks and all white space made one space each, as web pages show text."""
    return " ".join(text.split())


def broken(text: str, width: int = 71) -> str:
    """Broken by a terminal that is narrower than the lines."""
    pieces = [line[at : at + width].rstrip() for line in text.split("\n") for at in range(0, max(1, len(line)), width)]
    return "\n".join(pieces)


def in_ascii(text: str) -> str:
    """The box-drawing table as rich draws it where the terminal knows no such characters."""
    table = {ord(old): new for old, new in zip("┃│━─═┏┡├└┳╇┼┴┬┓┩┤┘", "||---" + "+" * 13, strict=True)}
    return "└ ".join(part.translate(table) for part in text.split("└ "))


def on_a_page(text: str) -> str:
    """The source of a web page, with entities and tags."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("[", "[<span style='color: #00af00'>", 1)
    return f"Here is my model:\r\n<pre class='x'>{escaped.replace('[<span', '<span>[</span><span', 1)}</span></pre>\r\nWhy?"


def coloured(text: str) -> str:
    """As a terminal with colours gets it, numbers and ``None`` in colour."""
    return text.replace("None", "\x1b[38;5;45mNone\x1b[0m").replace(" 0 ", " \x1b[38;5;34m0\x1b[0m ")


KERAS3: dict[str, Layout] = {
    "a terminal of 80": lambda model: printed(model, columns=80),
    "a terminal of 60": lambda model: printed(model, columns=60),
    "a terminal of 120": lambda model: printed(model, columns=120),
    "wide": lambda model: printed(model, line_length=200),
    "trainable": lambda model: printed(model, line_length=140, show_trainable=True),
    "expanded": lambda model: printed(model, line_length=140, expand_nested=True),
    "joined": lambda model: joined(printed(model, line_length=140)),
    "collapsed": lambda model: collapsed(printed(model, line_length=140)),
    "broken": lambda model: broken(printed(model, line_length=140)),
    "ascii": lambda model: in_ascii(printed(model, line_length=140)),
    "page": lambda model: on_a_page(printed(model, line_length=140)),
    "coloured": lambda model: coloured(printed(model, line_length=140)),
    "indented": lambda model: "    " + printed(model, line_length=140).replace("\n", "\n    "),
    "quoted": lambda model: "> " + printed(model, line_length=140).replace("\n", "\n> "),
}
KERAS2: dict[str, Layout] = {
    "default": printed,
    "narrow": lambda model: printed(model, line_length=60),
    "wide": lambda model: printed(model, line_length=160),
    "positions": lambda model: printed(model, line_length=120, positions=[0.5, 0.7, 0.8, 1.0]),
    "trainable": lambda model: printed(model, show_trainable=True),
    "expanded": lambda model: printed(model, expand_nested=True),
    "joined": lambda model: joined(printed(model)),
    "collapsed": lambda model: collapsed(printed(model)),
    "broken": lambda model: broken(printed(model)),
    "page": lambda model: on_a_page(printed(model)),
    "indented": lambda model: "    " + printed(model).replace("\n", "\n    "),
    "old": printed_of_old,
    "old and wide": lambda model: printed_of_old(model, line_length=160),
    "old and joined": lambda model: joined(printed_of_old(model, line_length=120)),
    "old and collapsed": lambda model: collapsed(printed_of_old(model, line_length=160)),
}


# --- what is read -------------------------------------------------------------------------------------------------


def differences(told: Graph, live: Graph) -> Iterator[str]:
    """What a graph that was read from a summary and the live model's graph do not have in common.

    Names that the summary cuts off stand for the one that they begin; the input of a table that shows none is the
    model's first.
    """
    names = {node: _whole(node, told, live) for node in told.ops}
    if sorted(names.values()) != sorted(live.ops):
        yield f"nodes: {sorted(set(names.values()) ^ set(live.ops))}"
        return
    for node, name in names.items():
        own = [str(Value(names[value.node], value.out)) for value in told.operands[node]]
        other = [str(value) for value in live.operands[name]]
        if own != other:
            yield f"{name} reads {own}, not {other}"
        shapes = [[spec.shape for spec in graph.ops[at].outputs] for graph, at in ((told, node), (live, name))]
        exact = not live.ops[name].kind.startswith("models.")
        if not _fit(shapes[0], shapes[1], exact=exact):
            yield f"{name} has the shapes {shapes[0]}, not {shapes[1]}"
        counts = [_count(graph, at) for graph, at in ((told, node), (live, name))]
        if None not in counts and counts[0] != counts[1]:
            yield f"{name} has {counts[0]} parameters, not {counts[1]}"


def _whole(node: str, told: Graph, live: Graph) -> str:
    if node in live.ops:
        return node
    if node == "input" and not told.operands[node]:
        return next(iter(live.ops))
    stem, cut, call = node.partition("…")
    found = [name for name in live.ops if name.startswith(stem) and name.endswith(call)]
    return found[0] if cut and len(found) == 1 else node


def _fit(told: list[Shape], true: list[Shape], *, exact: bool) -> bool:
    """True if a summary's shapes say nothing wrong: what they leave open may be anything, outputs that nothing reads too.

    Keras 2 shows the shapes of a nested model, not of its call: they may be open where those are not.
    """
    if None not in told and len(told) != len(true):
        return False
    return all(
        shape in (None, whole) or (not exact and _opens(shape, whole)) for shape, whole in zip(told, true, strict=False)
    )


def _opens(told: Shape, true: Shape) -> bool:
    if told is None or true is None or len(told) != len(true):
        return told is None
    return all(extent in (None, whole) for extent, whole in zip(told, true, strict=True))


def _count(graph: Graph, node: str) -> int | None:
    weights = graph.ops[node].weights
    if weights is None:
        return None
    total = 0
    for weight in weights:
        size = 1
        for extent in weight.shape:
            if extent is None:
                return None
            size *= extent
        total += size
    return total


def golden(text: str) -> str:
    """What is read from a summary: the notes as comments, and the graph in the text form."""
    graph, notes = read(text, "golden.txt")
    return "".join(f"# {note}\n" for note in notes) + show(graph)
