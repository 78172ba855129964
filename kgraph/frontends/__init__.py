"""From any source to a Graph: a live model, a file in the text form, or the import path of a model."""

from __future__ import annotations

import os
from pathlib import Path

from kgraph.errors import SourceError
from kgraph.findings import Source
from kgraph.frontends import live
from kgraph.frontends.importing import import_model
from kgraph.graph import Graph
from kgraph.text import parse

MAGIC = {b"PK\x03\x04": "a Keras archive", b"\x89HDF": "an HDF5 file", b"\x80": "a pickle"}


def load(source: object, *, nested: str = "dissolve", run_lambdas: bool = False) -> tuple[Graph, Source]:
    """The Graph of a source, and where it came from.

    Args:
        source: a Graph, a live Keras 3 model, the path of a file in the text form, or an import path
            ``package.module:name`` of a model or of a function without arguments that makes one.
        nested: ``dissolve`` or ``keep`` the models nested in a live model.
        run_lambdas: also call Lambda functions whose bytecode does not tell what they select.

    Raises:
        SourceError: the source cannot be read; one line says what, where and what to do.
    """
    if isinstance(source, Graph):
        return source, Source(source.name)
    if isinstance(source, os.PathLike):
        return _read_file(Path(source))  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(source, str):
        return _read_live(source, None, nested, run_lambdas)
    if Path(source).is_file():
        return _read_file(Path(source))
    if ":" not in source or "\n" in source:
        raise SourceError(
            f"{source[:80]!r} is neither an existing file nor an import path; expected package.module:name, "
            "where name is a model or a function without arguments that makes one"
        )
    return _read_live(import_model(source), source, nested, run_lambdas)


def _read_live(model: object, path: str | None, nested: str, run_lambdas: bool) -> tuple[Graph, Source]:
    graph = live.read(model, nested=nested, run_lambdas=run_lambdas)
    return graph, Source(path or graph.name, path, "live", live.keras_version(model))


def _read_file(path: Path) -> tuple[Graph, Source]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    for magic, what in MAGIC.items():
        if data.startswith(magic):
            raise SourceError(f"{path} is {what}; this version reads live models and files in the text form")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not text in UTF-8 (byte {error.start}); expected a file in the text form"
        ) from None
    try:
        return parse(text), Source(path.name, str(path), "text")
    except SourceError as error:
        raise type(error)(f"{path}: {error}") from error
