"""Pictures of graphs."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from kgraph.errors import DrawError

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
        DrawError: the path cannot be written, or there is no layout engine, or it failed or took too long.
    """
    target = None if path is None else _target(path)
    from kgraph.render.cards import describe

    picture = describe(graph, report)
    if target is not None and target.name.lower().endswith(DOT_SUFFIXES):
        from kgraph.render.dot import write
    else:
        from kgraph.render.svg import write
    text = write(picture)
    if target is not None:
        _save(text, target)
    return text


def _target(path: str | os.PathLike[str]) -> Path:
    """Checks a path before any work is done."""
    target = Path(path)
    if not target.name.lower().endswith((".svg", *DOT_SUFFIXES)):
        raise DrawError(f"cannot draw to {os.fspath(path)!r}: expected a path that ends in .svg, .dot or .gv")
    try:
        target = target.resolve()  # a symbolic link is written through, not replaced
    except (OSError, ValueError, RuntimeError) as error:  # a null character, a ring of links
        raise DrawError(f"cannot write {os.fspath(path)!r}: {error}") from error
    if not target.parent.is_dir():
        raise DrawError(f"cannot write {os.fspath(path)!r}: there is no folder {str(target.parent)!r}")
    if target.is_dir():
        raise DrawError(f"cannot write {os.fspath(path)!r}: it is a folder")
    return target


def _save(text: str, target: Path) -> None:
    """Writes a file whole or not at all."""
    scratch = target.parent / f".kgraph-{secrets.token_hex(8)}.tmp"
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        scratch.replace(target)
    except OSError as error:
        raise DrawError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
