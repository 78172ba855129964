"""From a path, bytes or a file object to its Contents."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import BinaryIO

from kgraph.errors import SourceError
from kgraph.frontends.contents import Contents, Limits


def read_contents(
    source: Path | bytes | BinaryIO, *, name: str | None = None, limits: Limits | None = None
) -> Contents:
    """What a model file holds: a ``.keras`` archive, JSON or text."""
    limits = limits or Limits()
    if isinstance(source, Path):
        name = name or source.name
        try:
            data = source.read_bytes()
        except OSError as error:
            raise SourceError(f"{source}: cannot be read: {error.strerror or error}") from error
    else:
        data = source if isinstance(source, bytes) else source.read()
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config, metadata = (json.loads(archive.read(f"{each}.json")) for each in ("config", "metadata"))
        return Contents(format="keras", name=name, config=config, metadata=metadata)
    if data.lstrip()[:1] in (b"{", b"["):
        return Contents(format="json", name=name, config=json.loads(data))
    try:
        return Contents(format="text", name=name, config=data.decode())
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}: it is not text in UTF-8 (byte {error.start})") from None
