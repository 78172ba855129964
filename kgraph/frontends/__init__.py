"""From any source to a Graph: a live model, a model file, a printed summary, the text form, or an import path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from kgraph.errors import SourceError
from kgraph.findings import Source
from kgraph.frontends.contents import Contents, Limits
from kgraph.frontends.importing import import_model
from kgraph.graph import Graph

BYTES = (bytes, bytearray, memoryview)


@dataclass(frozen=True, slots=True)
class File:
    """A model file that was opened: where it came from, and what it holds."""

    source: Source
    contents: Contents


@dataclass(frozen=True, slots=True)
class Loaded:
    """A Graph, where it came from, what its file holds (None where it is from no file), and what it does not tell."""

    graph: Graph
    source: Source
    contents: Contents | None = None
    notes: tuple[str, ...] = ()


def load(
    source: object, *, nested: str = "dissolve", run_lambdas: bool = False, limits: Limits | None = None
) -> Loaded:
    """The Graph of a source, and where it came from.

    Args:
        source: a Graph, a live model, the path of a file, its bytes, a file object open in binary mode, a text of
            several lines (a printed summary, JSON, the text form), or an import path ``package.module:name`` of a
            model or of a function without arguments that makes one.
        nested: ``dissolve`` or ``keep`` the models nested in it.
        run_lambdas: also call Lambda functions of a live model whose bytecode does not tell what they select. Nothing
            of a file is run.
        limits: how much of a file is read before it is refused.

    Raises:
        SourceError: the source cannot be read; one line says what, where and what to do.
    """
    if isinstance(source, Graph):
        return Loaded(source, Source(source.name))
    file = source if isinstance(source, File) else open_file(source, limits=limits)
    if file is not None:
        graph, notes = _graph(file, nested, limits or Limits())
        return Loaded(graph, file.source, file.contents, notes)
    if not isinstance(source, str):
        return _read_live(source, None, nested, run_lambdas)
    if ":" not in source:
        raise SourceError(
            f"{source[:80]!r} is neither an existing file nor an import path; expected package.module:name, "
            "where name is a model or a function without arguments that makes one"
        )
    return _read_live(import_model(source), source, nested, run_lambdas)


def _read_live(model: object, path: str | None, nested: str, run_lambdas: bool) -> Loaded:
    from kgraph.frontends import live  # a file needs none of it

    graph = live.read(model, nested=nested, run_lambdas=run_lambdas)
    return Loaded(graph, Source(path or graph.name, path, "live", live.keras_version(model)))


def open_file(source: object, *, limits: Limits | None = None) -> File | None:
    """What a source holds that is a file, or the contents of one; None for all other sources.

    Raises:
        SourceError: it is a file that cannot be read.
    """
    from kgraph.frontends.containers import read_contents

    limits = limits or Limits()
    if isinstance(source, os.PathLike) or (isinstance(source, str) and _is_path(source)):
        path = Path(cast("str | os.PathLike[str]", source))
        return _opened(read_contents(path, limits=limits), str(path))
    if isinstance(source, str):
        return _opened(read_contents(source.encode(), limits=limits), None) if _is_content(source) else None
    if isinstance(source, BYTES):
        return _opened(read_contents(bytes(source), limits=limits), None)  # pyright: ignore[reportUnknownArgumentType]
    if callable(getattr(source, "read", None)) and not isinstance(source, type):
        return _opened(read_contents(cast("BinaryIO", source), limits=limits), None)
    return None


def _is_content(source: str) -> bool:
    if "\n" in source or source.lstrip().startswith("{"):
        return True
    if "Layer" not in source:
        return False
    from kgraph.frontends.summary import is_summary  # one that lost its line breaks

    return is_summary(source)


def _is_path(source: str) -> bool:
    if _is_content(source):
        return False
    try:
        return Path(source).exists()
    except (OSError, ValueError):  # a name that is too long, or holds a null character
        return False


def _opened(contents: Contents, path: str | None) -> File:
    config: Any = contents.config
    version = contents.metadata.get("keras_version")
    if version is None and isinstance(config, dict):
        version = config.get("keras_version")  # pyright: ignore[reportUnknownVariableType]
    name = contents.name or "model"
    return File(Source(name, path, contents.format, version if isinstance(version, str) else None), contents)


def _graph(file: File, nested: str, limits: Limits) -> tuple[Graph, tuple[str, ...]]:
    contents, where = file.contents, file.source.path or file.contents.name or "the source"
    if contents.format == "summary":
        from kgraph.frontends.summary import read as read_summary

        return read_summary(contents.config, where)
    try:
        if contents.format == "text":
            from kgraph.text import parse  # no other file needs it

            return parse(contents.config), ()
        from kgraph.frontends import config

        return config.read(contents, nested=nested, limits=limits), ()
    except SourceError as error:
        raise type(error)(f"{where}: {error}") from error
