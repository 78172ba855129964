"""Single structures of HDF5, made by hand: what h5py does not write, and what contradicts itself."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest

from kgraph.errors import SourceError
from kgraph.frontends.hdf5_heaps import NOWHERE, File, FractalHeap, fractal_heap, local_heap, records, tree_leaves
from kgraph.frontends.hdf5_objects import (
    DATATYPE,
    EXTERNAL,
    LAYOUT,
    LINK,
    SPACE,
    Header,
    dataset,
    header,
    links,
    shared,
)
from kgraph.frontends.hdf5_types import attribute, dataspace, datatype
from kgraph.frontends.window import Damaged, Window

FLOAT = bytes((0x11, 0x20, 31, 0)) + struct.pack("<I", 4) + bytes((0, 0, 32, 0, 23, 8, 0, 23)) + bytes(4)
PLANE = struct.pack("<BBBxxxxxQQ", 1, 2, 0, 3, 4)


def file(data: bytes, allowed: int = 10**6) -> File:
    return File(Window(io.BytesIO(data), 0, len(data)), 1000, allowed)


def tree(kind: int, level: int, entries: list[tuple[bytes, int]]) -> bytes:
    body = b"".join(key + struct.pack("<Q", child) for key, child in entries)
    return struct.pack("<4sBBHQQ", b"TREE", kind, level, len(entries), 0, 0) + body


def made(layout: bytes, data: bytes = b"", **more: bytes) -> tuple[int | None, bool]:
    messages = {DATATYPE: [FLOAT], SPACE: [PLANE], LAYOUT: [layout]}
    found = dataset(file(data), Header(messages | {int(key[1:]): [body] for key, body in more.items()}), "x")
    assert (found.dtype, found.shape, found.size) == ("float32", (3, 4), 48)
    return found.stored, found.virtual


def test_layouts_of_the_first_versions() -> None:
    head = struct.Struct("<BBBxxxxx")
    assert made(head.pack(1, 2, 1) + struct.pack("<QII", 99, 3, 4)) == (48, False)
    assert made(head.pack(1, 2, 1) + struct.pack("<QII", NOWHERE, 3, 4)) == (0, False)
    assert made(head.pack(2, 2, 0) + struct.pack("<III", 3, 4, 48)) == (48, False)
    chunk = struct.pack("<II3Q", 30, 0, 0, 0, 0)
    assert made(head.pack(1, 3, 2) + struct.pack("<Q", 0), tree(1, 0, [(chunk, 9), (chunk, 9)])) == (60, False)
    with pytest.raises(Damaged, match="layout is of class 9"):
        made(b"\3\x09")


def test_a_dataset_without_type_or_shape() -> None:
    with pytest.raises(Damaged, match="no datatype or no shape"):
        dataset(file(b""), Header({LAYOUT: [b""], SPACE: [PLANE]}), "x")


def test_chunk_indexes_that_the_layout_tells() -> None:
    one = bytes((4, 2, 0, 3, 1, 3, 4, 4, 1)) + struct.pack("<Q", 500)
    assert made(one) == (48, False)
    filtered = bytes((4, 2, 2, 3, 1, 3, 4, 4, 1)) + struct.pack("<QIQ", 20, 0, 500)
    assert made(filtered) == (20, False)
    assert made(bytes((4, 2, 0, 3, 1, 3, 4, 4, 3, 10)) + struct.pack("<Q", 500)) == (None, False)
    assert made(bytes((4, 2, 0, 3, 1, 3, 4, 4, 3, 10)) + struct.pack("<Q", NOWHERE)) == (0, False)


def test_external_names_outside_their_heap() -> None:
    heap = struct.pack("<4s4xQQQ", b"HEAP", 8, 0, 32) + b"a.bin\0\0\0"
    body = struct.pack("<B3xHHQQQQ", 1, 1, 1, 0, 0, 0, 4)
    found = dataset(
        file(heap), Header({DATATYPE: [FLOAT], SPACE: [PLANE], LAYOUT: [b"\3\1" + bytes(16)], EXTERNAL: [body]}), "x"
    )
    assert (found.external, found.stored) == (("a.bin",), 0)
    with pytest.raises(Damaged, match="outside its heap"):
        local_heap(file(heap), 0).text(8)
    endless = struct.pack("<4s4xQQQ", b"HEAP", 100, 0, 32) + b"a" * 100
    with pytest.raises(Damaged, match="does not end within 100 bytes"):
        local_heap(file(endless), 0).text(0)


def test_user_defined_links() -> None:
    body = bytes((1, 8, 70, 1)) + b"n" + struct.pack("<H", 0)
    (found,) = links(file(b""), Header({LINK: [body]}))
    assert (found.name, found.address, found.kind, found.target) == ("n", None, "user-defined", "type 70")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: list(tree_leaves(file(tree(0, 1, [(bytes(8), 0)])), 0, 0, 8)), "points to itself"),
        (lambda: list(tree_leaves(file(tree(1, 0, [])), 0, 0, 8)), "is of kind 1, not 0"),
        (lambda: list(tree_leaves(file(b"TREX" + bytes(30)), 0, 0, 8)), "TREE is expected at byte 0, not b'TREX'"),
        (lambda: list(tree_leaves(file(tree(0, 0, []), 20), 0, 0, 8)), "more structures than the limit"),
        (lambda: datatype(b"\x11"), "datatype is cut short"),
        (lambda: dataspace(b"\x03\0\0\0"), "dataspace of version 3"),
        (lambda: attribute(file(b""), bytes((9, 0)) + bytes(6), None), "attribute of version 9"),
        (lambda: shared(file(b""), b"\3\1" + bytes(8)), "table of shared messages"),
        (lambda: shared(file(b"\1" + bytes(15)), b"\2\0" + bytes(8)), "holds no message of type 3"),
        (lambda: header(file(b"\1\0\1\0\1\0\0\0\x18" + bytes(7) + old(16, 0, 16, 24)), 0), "continues in itself"),
        (
            lambda: header(file(b"\1" + bytes(7) + b"\x08" + bytes(7) + struct.pack("<HHI", 3, 50, 0)), 0),
            "does not fit",
        ),
        (lambda: header(file(bytes(16)), 0), "no object header at byte 0"),
    ],
)
def test_what_contradicts_itself(read: Callable[[], object], message: str) -> None:
    with pytest.raises(Damaged, match=message):
        read()


def old(kind: int, flags: int, place: int, length: int) -> bytes:
    return struct.pack("<HHB3xQQ", kind, 16, flags, place, length)


def test_shared_messages_are_followed_one_step() -> None:
    """A named datatype that says to be shared itself, even by itself, is none."""
    looped = b"\1" + bytes(7) + struct.pack("<I4x", 24) + struct.pack("<HHB3x", 3, 16, 2) + b"\2\0" + bytes(14)
    with pytest.raises(Damaged, match="holds no message of type 3"):
        header(file(looped), 0)


def tree2(kind: int, size: int, depth: int, count: int, root: int) -> bytes:
    return struct.pack("<4sBBIHHBBQHQ", b"BTHD", 0, kind, 512, size, depth, 0, 0, root, count, 0)


def test_trees_of_version_2() -> None:
    assert not list(records(file(tree2(5, 11, 0, 0, NOWHERE)), 0, 5))
    leaf = tree2(5, 2, 0, 2, 34) + b"BTLF\0\5" + b"abcd"
    assert list(records(file(leaf), 0, 5)) == [b"ab", b"cd"]
    ring = tree2(5, 2, 2, 0, 34) + b"BTIN\0\5" + struct.pack("<QBB", 34, 0, 0) + bytes(9)
    with pytest.raises(Damaged, match="points to itself|BTLF"):
        list(records(file(ring), 0, 5))
    with pytest.raises(Damaged, match="is of kind 6"):
        list(records(file(tree2(6, 11, 0, 0, 0)), 0, 5))


def heap(**more: int) -> bytes:
    values = {
        "ids": 8,
        "filters": 0,
        "most": 4096,
        "huge": 0,
        "width": 4,
        "start": 512,
        "direct": 65536,
        "rows": 0,
    } | more
    head = struct.pack("<4sBHHBI", b"FRHP", 0, values["ids"], values["filters"], 0, values["most"])
    head += struct.pack("<QQ", 0, values["huge"]) + bytes(80)
    return head + struct.pack(
        "<HQQHHQH",
        values["width"],
        values["start"],
        values["direct"],
        32,
        0,
        values.get("root", NOWHERE),
        values["rows"],
    )


def opened(data: bytes = b"", **more: int) -> FractalHeap:
    return fractal_heap(file(heap(**more) + data), 0)


def test_objects_of_fractal_heaps() -> None:
    assert opened().object(b"\x22abc0000") == b"abc"
    wide = opened(b"found", ids=18)
    assert wide.object(b"\x10" + struct.pack("<QQ", 142, 5)) == b"found"
    tail = tree2(1, 24, 0, 1, 176) + b"BTLF\0\1" + struct.pack("<QQQ", 142, 4, 7)
    assert opened(tail, huge=142).object(b"\x10\7" + bytes(6)) == b"BTHD"
    for key, message in (
        (b"\x10\x08" + bytes(6), "has no object 8"),
        (b"\x30" + bytes(7), r"in a way \(kind 3\)"),
        (bytes(8), "has nothing at 0"),
    ):
        with pytest.raises(Damaged, match=message):
            opened(tail, huge=142).object(key)
    with pytest.raises(Damaged, match="has nothing at 16,"):
        opened(root=0, rows=1).object(b"\0\0\x40" + bytes(5))
    with pytest.raises(Damaged, match="compressed, or its sizes"):
        opened(filters=3)
    with pytest.raises(Damaged, match="compressed, or its sizes"):
        opened(start=0)


def test_an_attribute_of_two_dimensions_is_not_told() -> None:
    body = struct.pack("<BBHHH", 3, 0, 2, len(FLOAT), len(PLANE)) + b"\0a\0" + FLOAT + PLANE + bytes(48)
    assert attribute(file(b""), body, None) == ("a", None)


def test_windows() -> None:
    window = Window(io.BytesIO(b"x" * 10), 0, 20)
    with pytest.raises(Damaged, match="the file ends before byte 20"):
        window.read(5, 15)
    for at, size in ((15, 6), (-1, 2), (3, -1)):
        with pytest.raises(Damaged, match="reach past the end, 20 bytes"):
            window.read(at, size)
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(SourceError, match="cannot be read: I/O operation on closed file"):
        Window(closed, 0, 1).read(0, 1)
    many = Window(io.BytesIO(bytes(3 * 2**20)), 0, 3 * 2**20)
    assert all(many.read(at, 2) == b"\0\0" for at in range(0, 3 * 2**20, 4096))
