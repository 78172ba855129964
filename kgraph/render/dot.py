"""The picture as DOT, for other tools: the same texts and colours, places left to whoever draws it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kgraph.findings import Severity
from kgraph.render.cards import Card, Link, Picture
from kgraph.render.labels import one_line
from kgraph.render.theme import DETAIL, ERROR, FAMILIES, LIGHT, NAME, WARNING, cut, mono_width, sans_width

if TYPE_CHECKING:
    import pydot

ROOM = 240.0

MOST_BYTES = 16_000
"""Graphviz before version 5 cannot read a quoted string of 16,384 bytes."""


def build(picture: Picture) -> pydot.Dot:
    """The DOT graph of a picture; nodes are ``n0``, ``n1``, ... in graph order."""
    import pydot  # brings pyparsing along, which only this format needs

    graph = pydot.Dot("kgraph", graph_type="digraph", **_graph(picture))
    graph.set_node_defaults(shape="box", style=quote("rounded,filled"), fontname="Helvetica", fontsize="11")
    graph.set_edge_defaults(fontname="Helvetica", fontsize="9", arrowsize="0.7", color=quote(LIGHT["line"]))
    for number, card in enumerate(picture.cards):
        graph.add_node(pydot.Node(f"n{number}", None, **_node(card)))
    for link in picture.links:
        graph.add_edge(pydot.Edge(f"n{link.tail}", f"n{link.head}", None, **_edge(link)))
    return graph


def write(picture: Picture) -> str:
    """The DOT text of a picture."""
    return build(picture).to_string()


def quote(text: str) -> str:
    """A DOT string that means just this text: no HTML, no escape, no entity, no port."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return '"' + plain.replace("\n", "\\n") + '"'


def _bounded(text: str) -> str:
    """The beginning of a text that is not too long once it is quoted."""
    while len(quote(text).encode("utf-8")) > MOST_BYTES:
        text = text[: len(text) * 3 // 4]
    return text


def _graph(picture: Picture) -> dict[str, str]:
    lines = (cut(picture.name, 600, partial(sans_width, size=14)), picture.summary, picture.checked)
    return {
        "label": quote("\n".join(filter(None, lines))),
        "labelloc": "t",
        "labeljust": "l",
        "fontname": "Helvetica",
        "rankdir": "TB",
        "ranksep": "0.35",
        "nodesep": "0.3",
        "tooltip": quote(_bounded(picture.name)),
    }


def _node(card: Card) -> dict[str, str]:
    lines = (
        cut(card.kind, ROOM, partial(sans_width, size=DETAIL)),
        cut(card.name, ROOM, partial(mono_width, size=NAME)),
        cut(card.detail, ROOM, partial(sans_width, size=DETAIL)),
        *(f"[{cut(badge.text, ROOM, partial(sans_width, size=DETAIL))}]" for badge in card.badges),
    )
    colours = FAMILIES[card.family].light
    alarm = {Severity.ERROR: ERROR, Severity.WARNING: WARNING}.get(card.severity or Severity.INFO)
    return {
        "label": quote("\n".join(filter(None, lines))),
        "tooltip": quote(_bounded(card.tooltip)),
        "fillcolor": quote(colours.ground),
        "color": quote(alarm or colours.accent),
        "fontcolor": quote(LIGHT["ink"]),
        "penwidth": "2.5" if alarm else "1.5" if card.fused else "1",
        "peripheries": "2" if card.fused else "1",
    }


def _edge(link: Link) -> dict[str, str]:
    tooltip = quote(link.tooltip)
    return {
        "label": quote(one_line(link.label)),
        "fontcolor": quote(LIGHT["soft"]),
        "edgetooltip": tooltip,
        "labeltooltip": tooltip,
    }
