"""HDF5's datatypes and dataspaces, and the values of attributes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kgraph.frontends.hdf5_heaps import NOWHERE, File, decode, global_object
from kgraph.frontends.window import Damaged

RANK = 32
"""Most dimensions that HDF5 allows."""

MANTISSAS = {(2, 10): "float16", (4, 23): "float32", (8, 52): "float64", (2, 7): "bfloat16"}
CODES = {
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float16": "e", "float32": "f", "float64": "d",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Datatype:
    """A datatype: its name as numpy would say it, bytes per element, and how an attribute of it is read.

    ``read`` is a ``struct`` code with its byte order, ``text`` (fixed length), ``texts`` (variable length) or empty.
    """

    name: str
    size: int
    read: str = ""


@lru_cache(maxsize=256)
def datatype(data: bytes) -> Datatype:
    """What a datatype message says."""
    if len(data) < 8:
        raise Damaged("a datatype is cut short")
    kind, bits = data[0] & 15, int.from_bytes(data[1:4], "little")
    (size,) = struct.unpack_from("<I", data, 4)
    if kind in (0, 1, 8):
        return _number(kind, bits, size, data)
    if kind == 3:
        return Datatype(f"S{size}", size, "text")
    if kind == 9:
        return Datatype("string", size, "texts") if bits & 15 == 1 else Datatype("vlen", size)
    names = {4: "bitfield", 5: f"V{size}", 6: "compound", 7: "reference", 10: "array", 11: "complex"}
    return Datatype(names.get(kind, f"class {kind}"), size)


def _number(kind: int, bits: int, size: int, data: bytes) -> Datatype:
    order = ">" if bits & 1 else "<"
    if kind == 8:
        base = datatype(data[8:]) if data[8] & 15 == 0 else Datatype("enum", size)
        is_bool = size == 1 and b"FALSE\0" in data and b"TRUE\0" in data
        return Datatype("bool", 1, "<?") if is_bool else Datatype(base.name, size, base.read)
    if kind == 0:
        name = f"{'int' if bits & 8 else 'uint'}{size * 8}"
    else:
        name = MANTISSAS.get((size, data[17]), f"float{size * 8}")
    return Datatype(name, size, order + CODES[name] if name in CODES else "")


@lru_cache(maxsize=1024)
def dataspace(data: bytes) -> tuple[int, ...] | None:
    """The shape that a dataspace message says; None for one that holds nothing."""
    version, rank, _, kind = struct.unpack_from("<4B", data)
    if version not in (1, 2) or rank > RANK:
        raise Damaged(f"a dataspace of version {version} and {rank} dimensions")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", data, 8 if version == 1 else 4)


def attribute(file: File, data: bytes, shared: Any) -> tuple[str, Any]:
    """Name and value of an attribute message; the value is None where it is not a string, a number or a list of them.

    Args:
        shared: from a message that is stored elsewhere to its bytes.
    """
    version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", data)
    if version not in (1, 2, 3):
        raise Damaged(f"an attribute of version {version}")
    pad = 8 if version == 1 else 1
    at = 9 if version == 3 else 8
    parts: list[bytes] = []
    for size in (name_size, type_size, space_size):
        parts.append(data[at : at + size])
        at += (size + pad - 1) // pad * pad
    name, kind, space = parts
    if version > 1 and flags & 1:
        kind = shared(kind)
    shape = dataspace(space)
    name = decode(name.partition(b"\0")[0])
    if shape is None or len(shape) > 1:
        return name, None
    return name, _value(file, datatype(kind), shape, data[at:])


def _value(file: File, kind: Datatype, shape: tuple[int, ...], data: bytes) -> Any:
    count = shape[0] if shape else 1
    if not kind.read:
        return None
    if kind.size * count > len(data):
        raise Damaged(f"an attribute of {count:,} values is cut short")
    if kind.read == "text":
        size = kind.size
        items = [decode(data[at : at + size].rstrip(b"\0")) for at in range(0, count * size, size)] if size else []
    elif kind.read == "texts":
        items = [_string(file, data, 16 * number) for number in range(count)]
    else:
        items = list(struct.unpack_from(f"{kind.read[0]}{count}{kind.read[1]}", data))
    return items[0] if not shape and items else items


def _string(file: File, data: bytes, at: int) -> str:
    length, address, index = struct.unpack_from("<IQI", data, at)
    if not length or address in (0, NOWHERE):
        return ""
    return decode(global_object(file, address, index)[:length].rstrip(b"\0"))
