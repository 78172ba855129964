"""HDF5's ways to keep many small things: B-trees, local, global and fractal heaps. Structures only, offsets checked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from kgraph.frontends.window import Damaged, Window

NOWHERE = 2**64 - 1
"""The address of what was never allocated."""

NAME_BYTES = 4096
"""Longest name that is read."""

TREE, RECORDS = struct.Struct("<4sBBHQQ"), struct.Struct("<4sBBIHHBBQHQ")
SYMBOL = struct.Struct("<QQI4xI")
OBJECT = struct.Struct("<HHIQ")


class Spent(Damaged):
    """More was read than a sound file of this size can need: its structures overlap or point in circles."""


@dataclass(slots=True)
class File:
    """An HDF5 file: where it is looked at, and how much may still be.

    Attributes:
        window: the file from its signature on: addresses are relative to it.
        objects: structures that may still be read.
        bytes: bytes of structures and of names that may still be read.
        collections: global heap collections that were read, by address: the objects' places by index.
    """

    window: Window
    objects: int
    bytes: int
    collections: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict[int, dict[int, tuple[int, int]]])

    def take(self, at: int, size: int) -> bytes:
        """``size`` bytes of a structure at an address."""
        self.spend(size)
        return self.window.read(at, size)

    def spend(self, size: int) -> None:
        """Counts one structure of ``size`` bytes."""
        self.objects -= 1
        self.bytes -= size
        if self.objects < 0 or self.bytes < 0:
            raise Spent("it has more structures than the limit, or ones that overlap")


@dataclass(frozen=True, slots=True)
class LocalHeap:
    """Names of an old-style group, or of external files."""

    file: File
    address: int
    size: int

    def text(self, offset: int) -> str:
        """The string at an offset; it ends in a null byte."""
        if offset >= self.size:
            raise Damaged(f"a name at {offset:,} lies outside its heap of {self.size:,} bytes")
        data = self.file.window.read(self.address + offset, min(64, self.size - offset))
        end = data.find(0)
        if end < 0:
            data = self.file.window.read(self.address + offset, min(NAME_BYTES, self.size - offset))
            end = data.find(0)
        if end < 0:
            raise Damaged(f"a name at {offset:,} of its heap does not end within {len(data):,} bytes")
        self.file.spend(end)
        return decode(data[:end])


def decode(data: bytes) -> str:
    """A name or string of the file; bytes that are not UTF-8 are written as escapes, so that it can be printed."""
    return data.decode("utf-8", "backslashreplace")


def local_heap(file: File, address: int) -> LocalHeap:
    """The local heap at an address."""
    signature, size, _, data = struct.unpack("<4s4xQQQ", file.take(address, 32))
    _expect(signature, b"HEAP", address)
    return LocalHeap(file, data, size)


def tree_leaves(file: File, address: int, kind: int, key: int) -> Iterator[tuple[bytes, int]]:
    """Key and child of each entry of the leaves of a version 1 B-tree (``kind`` 0: groups, 1: chunks), left to right.

    Args:
        key: bytes of a key.
    """
    stack, seen = [address], set[int]()
    while stack:
        at = stack.pop()
        if at in seen:
            raise Damaged(f"the B-tree at byte {address:,} points to itself")
        seen.add(at)
        signature, found, level, used, _, _ = TREE.unpack(file.take(at, 24))
        _expect(signature, b"TREE", at)
        if found != kind:
            raise Damaged(f"the B-tree at byte {at:,} is of kind {found}, not {kind}")
        step = key + 8
        data = file.take(at + 24, used * step)
        entries = [(data[place : place + key], _int(data, place + key, 8)) for place in range(0, used * step, step)]
        if level:
            stack.extend(child for _, child in reversed(entries))
        else:
            yield from entries


def symbols(file: File, tree: int, heap_address: int) -> Iterator[tuple[str, int, str | None]]:
    """Name, address of the object, and target if it is a soft link, of each entry of an old-style group."""
    heap = local_heap(file, heap_address)
    for _, node in tree_leaves(file, tree, 0, 8):
        signature, count = struct.unpack("<4s2xH", file.take(node, 8))
        _expect(signature, b"SNOD", node)
        data = file.take(node + 8, count * 40)
        for place in range(0, count * 40, 40):
            name, address, cached, scratch = SYMBOL.unpack_from(data, place)
            yield heap.text(name), address, heap.text(scratch) if cached == 2 else None


def global_object(file: File, address: int, index: int) -> bytes:
    """One object of a global heap collection, such as a string of variable length."""
    collection = file.collections.get(address)
    if collection is None:
        collection = file.collections[address] = _collection(file, address)
    place = collection.get(index)
    if place is None:
        raise Damaged(f"the heap at byte {address:,} has no object {index}")
    return file.take(*place)


def _collection(file: File, address: int) -> dict[int, tuple[int, int]]:
    signature, size = struct.unpack("<4s4xQ", file.take(address, 16))
    _expect(signature, b"GCOL", address)
    places: dict[int, tuple[int, int]] = {}
    at, end = address + 16, address + size
    while at + 16 <= end:
        index, _, _, length = OBJECT.unpack(file.take(at, 16))
        if not index:  # the free space is last
            break
        places[index] = at + 16, length
        at += 16 + (length + 7) // 8 * 8
    return places


def records(file: File, address: int, kind: int) -> Iterator[bytes]:
    """The records of a version 2 B-tree."""
    signature, _, found, node_size, size, depth, _, _, root, count, _ = RECORDS.unpack(file.take(address, 34))
    _expect(signature, b"BTHD", address)
    if found != kind or not size or node_size < 10 + size or depth > 16:
        raise Damaged(f"the B-tree at byte {address:,} is of kind {found}, depth {depth}, not of kind {kind}")
    if root == NOWHERE:
        return
    pointers = _pointer_sizes(node_size, size, depth)
    stack: list[tuple[int, int, int]] = [(root, count, depth)]
    seen = set[int]()
    while stack:
        at, count, level = stack.pop()
        if at in seen:
            raise Damaged(f"the B-tree at byte {address:,} points to itself")
        seen.add(at)
        pointer, digits = pointers[level]
        data = file.take(at, 6 + count * size + (count + 1) * pointer if level else 6 + count * size)
        _expect(data[:4], b"BTIN" if level else b"BTLF", at)
        yield from (data[place : place + size] for place in range(6, 6 + count * size, size))
        if level:
            first = 6 + count * size
            places = range(first, first + (count + 1) * pointer, pointer)
            stack.extend((_int(data, place, 8), _int(data, place + 8, digits), level - 1) for place in places)


def _pointer_sizes(node_size: int, size: int, depth: int) -> list[tuple[int, int]]:
    """Per level: bytes of a pointer to a child, and of the number of records in it."""
    most = (node_size - 10) // size
    digits, total = _width(most), most
    sizes = [(0, digits)]
    for level in range(1, depth + 1):
        pointer = 8 + digits + (_width(total) if level > 1 else 0)
        sizes.append((pointer, digits))
        most = (node_size - 10 - pointer) // (size + pointer)
        total = (max(most, 0) + 1) * total + max(most, 0)
    return sizes


def _width(value: int) -> int:
    return max(value.bit_length() - 1, 0) // 8 + 1


@dataclass(frozen=True, slots=True)
class FractalHeap:
    """Dense storage of links and attributes."""

    file: File
    address: int
    id_size: int
    direct_max: int
    start: int
    width: int
    offset_size: int
    length_size: int
    root: int
    rows: int
    huge: int

    def object(self, key: bytes) -> bytes:
        """The object that a heap id names."""
        kind = key[0] >> 4 & 3
        if kind == 0:
            offset = _int(key, 1, self.offset_size)
            return self.file.take(self._place(offset), _int(key, 1 + self.offset_size, self.length_size))
        if kind == 2 and self.id_size <= 17:
            return key[1 : 2 + (key[0] & 15)]
        if kind == 1 and self.id_size >= 17:
            return self.file.take(_int(key, 1, 8), _int(key, 9, 8))
        if kind == 1:
            return self._huge(_int(key, 1, min(8, self.id_size - 1)))
        raise Damaged(
            f"an object of the heap at byte {self.address:,} is stored in a way (kind {kind}) that is not read"
        )

    def _huge(self, number: int) -> bytes:
        for record in records(self.file, self.huge, 1):
            address, length, own = struct.unpack_from("<QQQ", record)
            if own == number:
                return self.file.take(address, length)
        raise Damaged(f"the heap at byte {self.address:,} has no object {number}")

    def _place(self, offset: int) -> int:
        """The address of an offset in the heap's own space: down the table of blocks, which doubles row by row."""
        block, base, rows = self.root, 0, self.rows
        direct_rows = self.direct_max.bit_length() - self.start.bit_length() + 2
        while block != NOWHERE:  # each step ends in a lower row of a smaller table
            if not rows:
                return block + offset - base
            row, size, first = self._row(offset - base)
            if row >= rows:
                break
            column = (offset - base - first) // size
            entry = block + 13 + self.offset_size + 8 * (row * self.width + column)
            block = _int(self.file.take(entry, 8), 0, 8)
            base += first + column * size
            children = size.bit_length() - self.start.bit_length() - self.width.bit_length() + 2
            rows = 0 if row < direct_rows else children
        raise Damaged(f"the heap at byte {self.address:,} has nothing at {offset:,}")

    def _row(self, offset: int) -> tuple[int, int, int]:
        """Row, size of its blocks and offset of its first one."""
        units = offset // (self.start * self.width)
        row = units.bit_length()
        size = self.start << max(row - 1, 0)
        return row, size, self.start * self.width * (1 << row - 1 if row else 0)


def fractal_heap(file: File, address: int) -> FractalHeap:
    """The fractal heap at an address."""
    head = file.take(address, 142)
    _expect(head[:4], b"FRHP", address)
    id_size, filters, _, most = struct.unpack_from("<HHBI", head, 5)
    (huge,) = struct.unpack_from("<Q", head, 22)
    width, start, direct_max, bits, _, root, rows = struct.unpack_from("<HQQHHQH", head, 110)
    powers = all(number and not number & number - 1 for number in (width, start, direct_max))
    if filters or not powers or bits > 64 or id_size < 2:
        raise Damaged(f"the heap at byte {address:,} is compressed, or its sizes make no sense")
    return FractalHeap(
        file,
        address,
        id_size,
        direct_max,
        start,
        width,
        (bits + 7) // 8,
        _width(min(direct_max, most)),
        root,
        rows,
        huge,
    )


def _int(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _expect(found: bytes, expected: bytes, at: int) -> None:
    if found != expected:
        raise Damaged(f"{expected.decode()} is expected at byte {at:,}, not {found!r}")
