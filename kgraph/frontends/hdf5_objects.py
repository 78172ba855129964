"""HDF5's object headers: the messages of a group or dataset, and what they say of links, layout and attributes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from kgraph.frontends.contents import Dataset
from kgraph.frontends.hdf5_heaps import (
    NOWHERE,
    File,
    decode,
    fractal_heap,
    local_heap,
    records,
    symbols,
    tree_leaves,
)
from kgraph.frontends.hdf5_types import dataspace, datatype
from kgraph.frontends.window import Damaged

SPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL, LAYOUT, ATTRIBUTE, CONTINUATION, SYMBOLS, ATTRIBUTE_INFO = (
    1, 2, 3, 6, 7, 8, 12, 16, 17, 21,
)  # fmt: skip
READ = frozenset((SPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL, LAYOUT, ATTRIBUTE, CONTINUATION, SYMBOLS, ATTRIBUTE_INFO))
SHARED = 2
"""The flag of a message that stands elsewhere."""

OLD = struct.Struct("<HHB3x")
GUESS = 512
"""Bytes that are read of an object header before its size is known: most are shorter."""


@dataclass(slots=True)
class Header:
    """The messages of one object, by type, in the order of the file."""

    messages: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])

    def first(self, kind: int) -> bytes | None:
        """The first message of a type."""
        found = self.messages.get(kind)
        return found[0] if found else None

    @property
    def is_dataset(self) -> bool:
        """Whether it is a dataset; groups have no layout."""
        return LAYOUT in self.messages


@dataclass(frozen=True, slots=True)
class Named:
    """One link of a group: ``address`` of the object, or kind and target where it is not a hard link."""

    name: str
    address: int | None
    kind: str = ""
    target: str = ""


def header(file: File, address: int, *, follow: bool = True) -> Header:
    """The object header at an address, with its continuations.

    Args:
        follow: also read messages that stand in another header. One step is all there is: what stands there is no
            shared message itself.
    """
    start = file.take(address, 16)
    made = Header()
    if start[:4] == b"OHDR":
        blocks, old, ordered = [_new_block(file, address, start)], False, bool(start[5] & 4)
    elif start[0] == 1:
        blocks, old, ordered = [(address + 16, struct.unpack_from("<I", start, 8)[0])], True, False
    else:
        raise Damaged(f"no object header at byte {address:,}")
    seen = set[int]()
    while blocks:
        at, size = blocks.pop(0)
        if at in seen:
            raise Damaged(f"the object header at byte {address:,} continues in itself")
        seen.add(at)
        data = file.take(at, size)
        messages = _old_messages(data) if old else _new_messages(data, ordered)
        for kind, flags, body in messages:
            file.spend(0)
            if kind not in READ:
                continue
            if kind == CONTINUATION:
                place, length = struct.unpack_from("<QQ", body)
                blocks.append((place, length) if old else _continued(file, place, length))
                continue
            if flags & SHARED and not follow:
                continue
            if flags & SHARED:
                body = shared(file, body, kind)
            made.messages.setdefault(kind, []).append(body)
    return made


def _new_block(file: File, address: int, start: bytes) -> tuple[int, int]:
    """Place and size of the messages of a version 2 header."""
    flags = start[5]
    at = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(file.window.read(address + at, width), "little")
    return address + at + width, size


def _continued(file: File, place: int, length: int) -> tuple[int, int]:
    if file.take(place, 4) != b"OCHK":
        raise Damaged(f"OCHK is expected at byte {place:,}")
    return place + 4, length - 8  # without the signature and the checksum


def _old_messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at, end = 0, len(data) - 8
    while at <= end:
        kind, size, flags = OLD.unpack_from(data, at)
        at += 8
        if at + size > len(data):
            raise Damaged(f"a message of {size:,} bytes does not fit into its header")
        yield kind, flags, data[at : at + size]
        at += size


def _new_messages(data: bytes, ordered: bool) -> Iterator[tuple[int, int, bytes]]:
    at, head = 0, 6 if ordered else 4
    while at + head <= len(data):
        kind, flags, size = data[at], data[at + 3], data[at + 1] | data[at + 2] << 8
        at += head
        if at + size > len(data):
            raise Damaged(f"a message of {size:,} bytes does not fit into its header")
        yield kind, flags, data[at : at + size]
        at += size


def shared(file: File, body: bytes, kind: int = DATATYPE) -> bytes:
    """A message that stands in another object's header, such as a named datatype."""
    version, stored = body[0], body[1]
    if version == 3 and stored == 1:
        raise Damaged("a message stands in the table of shared messages, which is not read")
    (address,) = struct.unpack_from("<Q", body, 8 if version == 1 else 2)
    content = header(file, address, follow=False).first(kind)
    if content is None:
        raise Damaged(f"the object at byte {address:,} holds no message of type {kind}")
    return content


def links(file: File, head: Header) -> Iterator[Named]:
    """All links of a group."""
    for body in head.messages.get(SYMBOLS, ()):
        for name, address, target in symbols(file, *struct.unpack_from("<QQ", body)):
            yield Named(name, address) if target is None else Named(name, None, "soft", target)
    for body in head.messages.get(LINK, ()):
        yield _link(body)
    for body in head.messages.get(LINK_INFO, ()):
        heap, tree = struct.unpack_from("<QQ", body, 10 if body[1] & 1 else 2)
        if heap != NOWHERE:
            dense = fractal_heap(file, heap)
            yield from (_link(dense.object(record[4:])) for record in records(file, tree, 5))


def _link(body: bytes) -> Named:
    flags = body[1]
    kind = body[2] if flags & 8 else 0
    at = 2 + (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(body[at : at + width], "little")
    at += width
    name = decode(body[at : at + size])
    at += size
    if kind == 0:
        return Named(name, struct.unpack_from("<Q", body, at)[0])
    (length,) = struct.unpack_from("<H", body, at)
    value = body[at + 2 : at + 2 + length]
    if kind == 1:
        return Named(name, None, "soft", decode(value))
    if kind == 64:
        path, _, inner = value[1:].partition(b"\0")
        return Named(name, None, "external", f"{decode(path)}:{decode(inner.rstrip(bytes(1)))}")
    return Named(name, None, "user-defined", f"type {kind}")


def attributes(file: File, head: Header) -> Iterator[bytes]:
    """The attribute messages of an object."""
    yield from head.messages.get(ATTRIBUTE, ())
    for body in head.messages.get(ATTRIBUTE_INFO, ()):
        heap, tree = struct.unpack_from("<QQ", body, 4 if body[1] & 1 else 2)
        if heap == NOWHERE:
            continue
        dense = fractal_heap(file, heap)
        for record in records(file, tree, 8):
            yield shared(file, dense.object(record), ATTRIBUTE) if record[8] & SHARED else dense.object(record)


def dataset(file: File, head: Header, path: str) -> Dataset:
    """The shape, type and storage of a dataset."""
    kind, space, layout = head.first(DATATYPE), head.first(SPACE), head.first(LAYOUT)
    if kind is None or space is None or layout is None:
        raise Damaged("it has no datatype or no shape")
    known, shape = datatype(kind), dataspace(space)
    size = 0 if shape is None else math.prod(shape) * known.size
    external = _external(file, head)
    stored, virtual = _stored(file, layout, size)
    return Dataset(
        path=path,
        shape=shape or (),
        dtype=known.name,
        size=size,
        stored=0 if external else stored,
        external=external,
        virtual=virtual,
    )


def _external(file: File, head: Header) -> tuple[str, ...]:
    body = head.first(EXTERNAL)
    if body is None:
        return ()
    used, address = struct.unpack_from("<HQ", body, 6)
    names = local_heap(file, address)
    return tuple(names.text(struct.unpack_from("<Q", body, 16 + 24 * number)[0]) for number in range(used))


def _stored(file: File, body: bytes, size: int) -> tuple[int | None, bool]:
    """Bytes that the file holds of a dataset, and whether it is virtual."""
    version = body[0]
    if version < 3:
        return _stored_old(file, body, size), False
    kind = body[1]
    if kind == 0:
        return struct.unpack_from("<H", body, 2)[0], False
    if kind == 1:
        address, length = struct.unpack_from("<QQ", body, 2)
        return 0 if address == NOWHERE else length, False
    if kind == 2 and version == 3:
        return _chunks(file, struct.unpack_from("<Q", body, 3)[0], body[2]), False
    if kind == 2:
        return _stored_new(body), False
    if kind == 3:
        return None, True
    raise Damaged(f"its layout is of class {kind}")


def _stored_old(file: File, body: bytes, size: int) -> int | None:
    rank, kind = body[1], body[2]
    if kind == 0:
        return struct.unpack_from("<I", body, 8 + 4 * rank)[0]
    (address,) = struct.unpack_from("<Q", body, 8)
    if kind == 2:
        return _chunks(file, address, rank)
    return 0 if address == NOWHERE else size


def _chunks(file: File, tree: int, rank: int) -> int:
    """Bytes of all chunks in a version 1 B-tree; ``rank`` counts the element's size as a dimension."""
    if tree == NOWHERE:
        return 0
    return sum(struct.unpack_from("<I", key)[0] for key, _ in tree_leaves(file, tree, 1, 8 + 8 * rank))


def _stored_new(body: bytes) -> int | None:
    """Bytes of the chunks where the layout itself tells: none are there, or there is one."""
    flags, rank, width = body[2], body[3], body[4]
    at = 5 + rank * width
    index = body[at]
    (address,) = struct.unpack_from("<Q", body, len(body) - 8)
    if address == NOWHERE:
        return 0
    if index != 1:
        return None
    if flags & 2:
        return struct.unpack_from("<Q", body, at + 1)[0]
    return math.prod(int.from_bytes(body[5 + n * width : 5 + (n + 1) * width], "little") for n in range(rank))
