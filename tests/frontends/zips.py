"""Archives with one thing wrong, made byte by byte where ``zipfile`` would refuse to write them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

CONFIG: dict[str, Any] = {"class_name": "Functional", "config": {"name": "m", "layers": []}}
METADATA = {"keras_version": "3.15.1"}


def members(**more: bytes) -> dict[str, bytes]:
    base = {"metadata.json": json.dumps(METADATA).encode(), "config.json": json.dumps(CONFIG).encode()}
    return base | {name.replace("__", "."): data for name, data in more.items()}


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def raw(
    entries: list[tuple[bytes, bytes]],
    *,
    local: Mapping[int, bytes] | None = None,
    offsets: Mapping[int, int] | None = None,
    flags: int = 0x800,
    mode: int = 0,
    sizes: Mapping[int, int] | None = None,
) -> bytes:
    """An archive of stored members; ``local`` renames a local header, ``offsets`` points elsewhere, ``sizes`` lies."""
    body, directory = b"", b""
    for number, (name, data) in enumerate(entries):
        crc, size = zlib.crc32(data), (sizes or {}).get(number, len(data))
        offset = (offsets or {}).get(number, len(body))
        own = (local or {}).get(number, name)
        head = struct.pack("<HHHHIIIHH", flags, 0, 0, 0, crc, size, size, len(own), 0)
        body += b"PK\3\4" + struct.pack("<H", 20) + head + own + data
        where = struct.pack(
            "<HHHHIIIHHHHHII", flags, 0, 0, 0, crc, size, size, len(name), 0, 0, 0, 0, mode << 16, offset
        )
        directory += b"PK\1\2" + struct.pack("<HH", 20, 20) + where + name
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + end
