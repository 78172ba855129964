"""Pictures of graphs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kgraph.errors import DrawError
from kgraph.files import target_of, write_text

if TYPE_CHECKING:
    from kgraph.findings import Report
    from kgraph.graph import Graph

__all__ = ["draw"]

DOT_SUFFIXES = (".dot", ".gv")


def draw(graph: Graph, path: str | os.PathLike[str] | None = None, *, report: Report | None = None) -> str:
    """Draws a graph, with what a report says of it.

    The same graph and report give the same bytes. The picture stands alone: no script, no font, no reference to
    anything outside it.

    Args:
        graph: what to draw; a fused graph is marked where calls were fused.
        path: where to write the picture too: an ``.svg`` file, or a ``.dot`` or ``.gv`` file for other tools.
        report: what ``check`` said of this graph, or of the graph from which it was fused.

    Returns:
        The SVG text, or the DOT text where ``path`` names a DOT file.

    Raises:
        DrawError: the path names no format, or there is no layout engine, or it failed or took too long.
        KgraphError: the path cannot be written.
    """
    if path is not None:
        _check(path)
    from kgraph.render.cards import describe

    picture = describe(graph, report)
    if path is not None and os.fspath(path).lower().endswith(DOT_SUFFIXES):
        from kgraph.render.dot import write
    else:
        from kgraph.render.svg import write
    text = write(picture)
    if path is not None:
        write_text(path, text)
    return text


def _check(path: str | os.PathLike[str]) -> None:
    """Looks at a path before any work is done."""
    if not os.fspath(path).lower().endswith((".svg", *DOT_SUFFIXES)):
        raise DrawError(f"cannot draw to {os.fspath(path)!r}: expected a path that ends in .svg, .dot or .gv")
    target_of(path)
