"""The structure of an HDF5 file: groups, datasets, links and attributes. No data is read, no link is followed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from kgraph.errors import SourceError
from kgraph.frontends.contents import Dataset, Limits, Link, Weights
from kgraph.frontends.hdf5_heaps import File, Spent
from kgraph.frontends.hdf5_objects import Header, Named, attributes, dataset, header, links, shared
from kgraph.frontends.hdf5_types import attribute
from kgraph.frontends.window import Damaged, Window

T = TypeVar("T")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
DEEPEST = 200
"""Groups within groups."""

SENTENCES = 50
"""So many things that were not looked at are named one by one."""

BAD = (Damaged, struct.error, IndexError)
"""What a structure that contradicts itself, or that is shorter than it says, raises."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What ``read_hdf5`` found, and plain sentences on what is wrong and on what was not looked at."""

    weights: Weights
    odd: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class Walk:
    """What was found so far."""

    file: File
    datasets: dict[str, Dataset] = field(default_factory=dict[str, Dataset])
    groups: list[str] = field(default_factory=list[str])
    links: list[Link] = field(default_factory=list[Link])
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    known: dict[int, str] = field(default_factory=dict[int, str])
    """Paths of objects by address: one with a second name is read once."""

    unread: list[str] = field(default_factory=list[str])
    stack: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    """Path, address and depth of the objects that are still to be read."""


def signature_at(window: Window) -> int | None:
    """Where the HDF5 signature stands: at 0, or after a user block of 512, 1024, 2048, ... bytes; None if nowhere."""
    at = 0
    while at + 8 <= window.size:
        if window.read(at, 8) == SIGNATURE:
            return at
        at = at * 2 or 512
    return None


def read_hdf5(window: Window, limits: Limits) -> Structure:
    """The structure of an HDF5 file.

    Args:
        window: the whole file.
        limits: ``objects`` bounds groups and datasets, ``config_bytes`` all that is read of names and attributes.

    Raises:
        SourceError: it is no HDF5 file, or its superblock cannot be read.
    """
    start = signature_at(window)
    if start is None:
        raise SourceError("no HDF5 signature was found; expected a file that h5py or Keras wrote")
    whole = window.within(start, window.size - start)
    # A sound file has no overlapping structures, so what is read of it is never much more than its size.
    file = File(whole, limits.objects * 32, min(4 * whole.size + 2**20, limits.config_bytes))
    try:
        root, end = _superblock(whole)
    except BAD as error:
        raise SourceError(f"the HDF5 superblock at byte {start:,} cannot be read: {error}") from error
    walk = Walk(file)
    _walk(walk, root, limits)
    odd = [f"the HDF5 file says it has {end:,} bytes, but {whole.size:,} are there: it is cut short"]
    weights = Weights(
        datasets=walk.datasets,
        groups=tuple(walk.groups),
        links=tuple(walk.links),
        attributes=walk.attributes,
        user_block=start,
    )
    return Structure(weights, tuple(odd) if end > whole.size else (), _shortened(walk.unread))


def _superblock(window: Window) -> tuple[int, int]:
    """Address of the root group's header, and the end of the file, both from the signature on."""
    head = window.read(0, min(96, window.size))
    version = head[8]
    if version in (0, 1):
        at, sizes = (24 if version == 0 else 28), head[13:15]
        base, _, end, _, _, root = struct.unpack_from("<6Q", head, at)
    elif version in (2, 3):
        sizes = head[9:11]
        base, _, end, root = struct.unpack_from("<4Q", head, 12)
    else:
        raise Damaged(f"it is of version {version}; versions 0 to 3 are read")
    if sizes != b"\x08\x08":
        raise Damaged(f"offsets of {sizes[0]} bytes and lengths of {sizes[1]}; files with 8 and 8 are read")
    return root, end - base


def _walk(walk: Walk, root: int, limits: Limits) -> None:
    walk.stack.append(("", root, 0))
    while walk.stack:
        path, address, depth = walk.stack.pop()
        if len(walk.datasets) + len(walk.groups) >= limits.objects:
            walk.unread.append(f"from {path or '/'!r} on nothing was looked at: more than {limits.objects:,} objects")
            return
        try:
            _object(walk, path, address, depth)
        except Spent as error:
            walk.unread.append(f"from {path or '/'!r} on nothing was looked at: {error}")
            return


def _object(walk: Walk, path: str, address: int, depth: int) -> None:
    """Reads one object and puts the members of a group on the stack."""
    if address in walk.known:
        _another_name(walk, path, walk.known[address])
        return
    walk.known[address] = path
    head = _tried(walk, path, "its header", lambda: header(walk.file, address))
    if head is None:
        return
    _attributes(walk, path, head)
    if head.is_dataset:
        found = _tried(walk, path, "its shape or storage", lambda: dataset(walk.file, head, path))
        if found is not None:
            walk.datasets[path] = found
        return
    if not head.messages.keys() & {2, 6, 17}:  # a named datatype
        return
    walk.groups.append(path)
    if depth >= DEEPEST:
        walk.unread.append(f"the members of {path!r} were not looked at: groups are nested more than {DEEPEST} deep")
        return
    members: list[Named] = []
    _tried(walk, path, "its list of members", lambda: members.extend(links(walk.file, head)))
    prefix = f"{path}/" if path else ""
    for member in reversed(members):
        walk.file.spend(len(prefix))
        name = prefix + member.name
        if member.address is None:
            walk.links.append(Link(path=name, kind=member.kind, target=member.target))
        else:
            walk.stack.append((name, member.address, depth + 1))


def _another_name(walk: Walk, path: str, first: str) -> None:
    walk.links.append(Link(path=path, kind="hard", target=first))
    if first in walk.datasets:
        walk.datasets[path] = replace(walk.datasets[first], path=path)


def _attributes(walk: Walk, path: str, head: Header) -> None:
    bodies: list[bytes] = []
    _tried(walk, path, "its attributes", lambda: bodies.extend(attributes(walk.file, head)))
    for body in bodies:
        found = _tried(walk, path, "an attribute", lambda body=body: attribute(walk.file, body, _shared(walk)))
        if found is not None and found[1] is not None:
            walk.attributes.setdefault(path, {})[found[0]] = found[1]


def _shared(walk: Walk) -> Callable[[bytes], bytes]:
    return lambda body: shared(walk.file, body)


def _tried(walk: Walk, path: str, what: str, read: Callable[[], T]) -> T | None:
    """What ``read`` returns; where the file is damaged, None and a sentence on it."""
    try:
        return read()
    except Spent:
        raise
    except BAD as error:
        walk.unread.append(f"{what} of {path or '/'!r} cannot be read: {error}")
        return None


def _shortened(sentences: list[str]) -> tuple[str, ...]:
    rest = len(sentences) - SENTENCES
    return tuple(sentences) if rest <= 0 else (*sentences[:SENTENCES], f"and {rest:,} more like these")
