"""The structure of an ``.npz`` file of weights: the headers of its arrays. Nothing is unpickled."""

from __future__ import annotations

import math
import re
import struct

from kgraph.errors import SourceError
from kgraph.frontends.archive import Archive, Member, read_archive, stored_window
from kgraph.frontends.contents import Dataset, Limits, Weights
from kgraph.frontends.window import Damaged, Window

MAGIC = b"\x93NUMPY"
HEADER = re.compile(
    rb"\{'descr': '([<>|=]?)([a-zA-Z])(\d*)', 'fortran_order': (?:True|False), 'shape': \(((?:\d{1,19},? ?)*)\), ?\}\s*"
)
KINDS = {b"f": "float", b"i": "int", b"u": "uint", b"c": "complex"}
SENTENCES = 20


def read_npz(window: Window, limits: Limits) -> tuple[Weights, tuple[str, ...], tuple[str, ...]]:
    """The arrays of an ``.npz`` file, and plain sentences on what is odd and on what was not looked at.

    Raises:
        SourceError: it is no zip archive that can be read safely.
    """
    archive = read_archive(window, limits)
    datasets: dict[str, Dataset] = {}
    unread: list[str] = []
    for member in archive.members:
        path = member.entry.name.removesuffix(".npy")
        try:
            datasets[path] = _array(archive, member, path)
        except (SourceError, struct.error) as error:
            unread.append(f"the array {path!r} cannot be read: {error}")
    rest = len(unread) - SENTENCES
    shown = tuple(unread) if rest <= 0 else (*unread[:SENTENCES], f"and {rest:,} more like these")
    return Weights(datasets=datasets), archive.odd, shown


def _array(archive: Archive, member: Member, path: str) -> Dataset:
    view = stored_window(archive, member)
    if view is None:
        raise Damaged("it is packed or encrypted")
    head = view.read(0, min(view.size, 12))
    if head[:6] != MAGIC:
        raise Damaged("it is no numpy array")
    wide = head[6] > 1
    (size,) = struct.unpack_from("<I" if wide else "<H", head, 8)
    start = 12 if wide else 10
    found = HEADER.fullmatch(view.read(start, min(size, 2**16)))
    if found is None:
        raise Damaged("its header is not one of a plain array")
    kind, width, shape = found[2], int(found[3] or 0), tuple(int(number) for number in re.findall(rb"\d+", found[4]))
    dtype = (
        "object" if kind == b"O" else "bool" if kind == b"b" else f"{KINDS[kind]}{width * 8}" if kind in KINDS else ""
    )
    return Dataset(
        path=path,
        shape=shape,
        dtype=dtype or f"{kind.decode()}{width}",
        size=math.prod(shape) * width * (4 if kind == b"U" else 1),
        stored=view.size - start - size,
    )
