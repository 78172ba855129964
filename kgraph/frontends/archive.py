"""Zip archives: the whole directory is checked before one member is read, and few members are read at all.

The directory is found as Python's ``zipfile`` finds it, for that is what Keras reads with.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.errors import SourceError
from kgraph.frontends.contents import Entry, Limits
from kgraph.frontends.window import Damaged, Window

END, END64, LOCATOR, CENTRAL, LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
STORED, DEFLATED = 0, 8
ENCRYPTED, UTF8 = 1, 0x800
SENTENCES = 20
ENTRY_BYTES = 2**10
"""Bytes that an entry of the directory may take on average."""

RATIO_FLOOR = 2**20
"""Bytes below which it does not matter how well a member is packed."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the directory and where its data stands; ``start`` is None where its local header is damaged."""

    entry: Entry
    method: int
    crc: int
    offset: int
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of an archive, in the order of its directory.

    ``by_name`` holds those that Keras would read: of two with one name the last one.
    """

    window: Window
    members: tuple[Member, ...]
    by_name: Mapping[str, Member]
    odd: tuple[str, ...]


def is_archive(window: Window) -> bool:
    """Whether Python's ``zipfile`` would take it for an archive: by its end, and so with anything before it."""
    return _find_end(window) is not None


def read_archive(window: Window, limits: Limits) -> Archive:
    """The directory of an archive, checked against the local headers.

    Raises:
        SourceError: the directory is damaged or larger than the limits; nothing of it can be read safely.
    """
    try:
        start, size, shift = _directory(window)
        members = _members(window, start, size, shift, limits)
    except (Damaged, struct.error) as error:
        raise SourceError(f"the directory of the zip archive is damaged: {error}") from error
    odd: list[str] = []
    located = tuple(_located(window, member, odd) for member in members)
    _layout(located, start, odd)
    rest = len(odd) - SENTENCES
    shown = tuple(odd) if rest <= 0 else (*odd[:SENTENCES], f"and {rest:,} more like these")
    return Archive(window, located, {member.entry.name: member for member in located}, shown)


def read_member(archive: Archive, member: Member, most: int, limits: Limits) -> bytes:
    """The bytes of a member; never more than ``most`` are made.

    Raises:
        SourceError: it is encrypted, packed in a way that is not read, larger than the limits, or damaged.
    """
    entry = member.entry
    name = repr(entry.name)
    if entry.encrypted:
        raise SourceError(f"{name} is encrypted; Keras cannot read it either")
    if entry.size > most:
        raise SourceError(f"{name} has {entry.size:,} bytes; the limit is {most:,} (config_bytes)")
    if entry.size > RATIO_FLOOR and entry.size > limits.ratio * max(entry.packed, 1):
        raise SourceError(
            f"{name} would grow from {entry.packed:,} to {entry.size:,} bytes, more than {limits.ratio} times (ratio)"
        )
    if member.method not in (STORED, DEFLATED):
        raise SourceError(f"{name} is packed by method {member.method}; Keras stores or deflates (0 or 8)")
    try:
        data = _unpacked(archive.window, member)
    except (Damaged, zlib.error) as error:
        raise SourceError(f"{name} is damaged: {error}") from error
    if len(data) != entry.size or zlib.crc32(data) != member.crc:
        raise SourceError(f"{name} is damaged: its bytes do not fit the size or the checksum in the directory")
    return data


def stored_window(archive: Archive, member: Member) -> Window | None:
    """A view on a member that is neither packed nor encrypted; None for others.

    Raises:
        Damaged: its local header is, or it reaches past the end of the archive.
    """
    if member.method != STORED or member.entry.encrypted:
        return None
    return archive.window.within(_start(member), member.entry.size)


def _start(member: Member) -> int:
    if member.start is None:
        raise Damaged("its local header is damaged")
    return member.start


def _unpacked(window: Window, member: Member) -> bytes:
    data = window.read(_start(member), member.entry.packed)
    if member.method == STORED:
        return data
    return zlib.decompressobj(-15).decompress(data, member.entry.size + 1)


def _find_end(window: Window) -> int | None:
    """Where the end record stands: last, or before a comment."""
    if window.size < 22:
        return None
    tail = window.read(window.size - 22, 22)
    if tail[:4] == END and tail[20:] == b"\0\0":
        return window.size - 22
    size = min(window.size, 2**16 + 22)
    at = window.read(window.size - size, size).rfind(END)
    return window.size - size + at if 0 <= at <= size - 22 else None


def _directory(window: Window) -> tuple[int, int, int]:
    """Start and size of the directory, and how far all offsets are shifted by what stands before the archive."""
    end = _find_end(window)
    if end is None:
        raise Damaged("it has no end record; the file is cut short, or is no zip archive")
    size, offset = struct.unpack_from("<II", window.read(end, 22), 12)
    last = end
    if end >= 20 and window.read(end - 20, 4) == LOCATOR and end >= 76 and window.read(end - 76, 4) == END64:
        size, offset = struct.unpack_from("<QQ", window.read(end - 76, 56), 40)
        last = end - 76
    start = last - size
    if start < 0 or offset > start:
        raise Damaged(f"it should start at byte {start:,} and at byte {offset:,}")
    return start, size, start - offset


def _members(window: Window, start: int, size: int, shift: int, limits: Limits) -> list[Member]:
    if size > limits.entries * ENTRY_BYTES:
        raise SourceError(
            f"the directory of the zip archive has {size:,} bytes, more than {limits.entries:,} entries take"
        )
    members: list[Member] = []
    at, end = start, start + size
    while at < end:
        if len(members) >= limits.entries:
            raise SourceError(f"the zip archive has more than {limits.entries:,} members (entries)")
        head = window.read(at, 46)
        if head[:4] != CENTRAL:
            raise Damaged(f"no entry at byte {at:,}")
        flags, method = struct.unpack_from("<HH", head, 8)
        crc, packed, unpacked, name_size, extra_size, comment_size = struct.unpack_from("<IIIHHH", head, 16)
        mode, offset = struct.unpack_from("<II", head, 38)
        rest = window.read(at + 46, name_size + extra_size)
        unpacked, packed, offset = _wide(rest[name_size:], (unpacked, packed, offset))
        entry = Entry(
            name=_name(rest[:name_size], flags),
            size=unpacked,
            packed=packed,
            encrypted=bool(flags & ENCRYPTED),
            symlink=stat.S_ISLNK(mode >> 16),
        )
        members.append(Member(entry, method, crc, offset + shift))
        at += 46 + name_size + extra_size + comment_size
    if at != end:
        raise Damaged("its last entry reaches past its end")
    return members


def _name(data: bytes, flags: int) -> str:
    return data.decode("utf-8", "backslashreplace") if flags & UTF8 else data.decode("cp437")


def _wide(extra: bytes, numbers: tuple[int, int, int]) -> tuple[int, int, int]:
    """Sizes and offset, those of more than 4 GiB from the extra field."""
    if 2**32 - 1 not in numbers:
        return numbers
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = iter(struct.unpack(f"<{size // 8}Q", extra[at + 4 : at + 4 + size // 8 * 8]))
            made = [next(wide, -1) if number == 2**32 - 1 else number for number in numbers]
            if -1 in made:
                break
            return made[0], made[1], made[2]
        at += 4 + size
    raise Damaged("an entry of more than 4 GiB does not say how large it is")


def _located(window: Window, member: Member, odd: list[str]) -> Member:
    """The member with the place of its data; what its local header says otherwise is noted."""
    entry = member.entry
    name = repr(entry.name)
    try:
        head = window.read(member.offset, 30)
        _, flags, method = struct.unpack_from("<HHH", head, 4)
        crc, packed, size, name_size, extra_size = struct.unpack_from("<IIIHH", head, 14)
        # The name of what is no header would be anything.
        local_name = _name(window.read(member.offset + 30, name_size), flags) if head[:4] == LOCAL else None
    except Damaged:
        odd.append(f"the local header of {name} lies outside the file")
        return member
    if local_name is None:
        odd.append(f"{name} has no local header where the directory says it has one")
        return member
    if local_name != entry.name:
        odd.append(f"{name} is called {local_name!r} in its local header")
        return member
    late = flags & 8 and not (crc or packed or size)  # they follow the data
    wide = 2**32 - 1 in (packed, size)
    sizes_differ = not late and not wide and (crc, packed, size) != (member.crc, entry.packed, entry.size)
    if sizes_differ or method != member.method or flags & ENCRYPTED != int(entry.encrypted):
        odd.append(f"the local header of {name} differs from the directory in size, checksum or method")
    return Member(entry, member.method, member.crc, member.offset, member.offset + 30 + name_size + extra_size)


def _layout(members: tuple[Member, ...], directory: int, odd: list[str]) -> None:
    """Notes bytes before the first member and members that overlap."""
    placed = sorted((member for member in members if member.start is not None), key=lambda member: member.offset)
    first = placed[0].offset if placed else directory
    if first > 0 and (placed or not members):
        odd.append(f"{first:,} bytes stand before the first member of the zip archive")
    reached, before = 0, ""
    for member in placed:
        if member.offset < reached:
            odd.append(f"{member.entry.name!r} overlaps {before!r}")
        reached, before = max(reached, _start(member) + member.entry.packed), member.entry.name
    if placed and reached > directory:
        odd.append("the data of a member reaches into the directory of the zip archive")
