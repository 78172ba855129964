"""What a model file holds, as plain data. Nothing in it is resolved, imported, unpickled or called."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from kgraph.errors import SourceError

DIGITS = 18
"""No limit has more: sizes are counted in 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a file is read before it is refused.

    Attributes:
        config_bytes: size of a description (``config.json``, ``model_config``, a text), in bytes.
        json_depth: how deep JSON may be nested.
        entries: members of an archive.
        ratio: bytes that one stored byte of a member that is read may become.
        objects: groups and datasets of an HDF5 file.
        unpacked: bytes of a packed file of weights that are unpacked, in memory, to look at its structure.
        nodes: calls of the graph, those of nested models counted at each of their calls.
    """

    config_bytes: int = 256 * 2**20
    json_depth: int = 200
    entries: int = 10_000
    ratio: int = 200
    objects: int = 2_000_000
    unpacked: int = 32 * 2**20
    nodes: int = 2_000_000


def limits_of(written: Iterable[str]) -> Limits:
    """Limits of which some are written as ``NAME=VALUE``, such as ``nodes=5000000``; the last of a name counts.

    Raises:
        SourceError: there is no such limit, or its value is no whole number from 1.
    """
    known = [field.name for field in fields(Limits)]
    found: dict[str, int] = {}
    for text in written:
        name, equals, value = (part.strip() for part in text.partition("="))
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) if equals else []
            hint = (
                f"did you mean {near[0]}?" if near else f"expected NAME=VALUE, where NAME is one of {', '.join(known)}"
            )
            raise SourceError(f"there is no limit {text[:80]!r}; {hint}")
        if not value.isdecimal() or len(value) > DIGITS or int(value) == 0:
            raise SourceError(f"the limit {name} must be a whole number from 1, received {value[:80]!r}")
        found[name] = int(value)
    return Limits(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member of a zip archive, as its central directory tells: sizes in bytes."""

    name: str
    size: int
    packed: int
    encrypted: bool = False
    symlink: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One HDF5 dataset: ``stored`` is what the file holds of it in bytes (None where that is not told)."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    size: int
    """Bytes that reading it would take: elements times their size."""

    stored: int | None = None
    external: tuple[str, ...] = ()
    """Names of other files that hold its data."""

    virtual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of an HDF5 file that is more than the plain (hard) one which names a group or dataset.

    ``kind`` is ``soft``, ``external`` (target ``file:path``), ``user-defined``, or ``hard`` for one more name of what
    is listed under the path ``target``.
    """

    path: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The structure of an HDF5 (or npz) file of weights; no data is read.

    Attributes:
        datasets: by path, such as ``layers/conv2d/vars/0``.
        groups: paths of all groups.
        attributes: by path (``""`` for the root) those attributes that are strings, numbers or lists of strings.
        user_block: bytes before the HDF5 signature.
    """

    datasets: Mapping[str, Dataset] = field(default_factory=dict[str, Dataset])
    groups: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    user_block: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file holds.

    Attributes:
        format: ``keras`` (a zip archive), ``h5``, ``json``, ``summary`` or ``text``.
        name: the file's own name as it was given, for messages; None for bytes.
        config: the description, a JSON value (dicts, lists, str, int, float, bool, None); None where there is none.
        compiled: what the file says of compiling (``training_config`` of an HDF5 file); it is in ``config`` elsewhere.
        metadata: ``metadata.json`` of an archive, or ``keras_version``, ``backend`` of an HDF5 file.
        entries: members of an archive.
        weights: the structure of its weights; None where there are none, or they could not be looked at.
        repeated: places (JSON paths) at which an object has a key twice; the last one counts, as for Keras.
        odd: plain sentences on what is wrong with the container itself and cannot be told from the rest: bytes before
            the archive, members that overlap, a name that does not fit the content, ...
        unread: plain sentences on what was not looked at, and why: nothing of that may look clean.
    """

    format: str
    name: str | None = None
    config: Any = None
    compiled: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entries: tuple[Entry, ...] = ()
    weights: Weights | None = None
    repeated: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
