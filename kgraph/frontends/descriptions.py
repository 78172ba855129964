"""One walk over everything that a file describes: what loading would make objects of, and where it stands."""

from __future__ import annotations

import binascii
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from kgraph.frontends.contents import Contents

Place = tuple[Any, "str | int"]
"""The place of what is around, and the key in it; a JSON path that is only written out where somebody asks."""

ROLES = {
    "layers": "layer", "layer": "layer", "forward_layer": "layer", "backward_layer": "layer", "cell": "layer",
    "cells": "layer", "activation": "activation", "initializer": "initializer", "regularizer": "regularizer",
    "constraint": "constraint", "loss": "loss", "losses": "loss", "metrics": "metric", "weighted_metrics": "metric",
    "optimizer": "optimizer", "optimizer_config": "optimizer",
    "inner_optimizer": "optimizer", "learning_rate": "schedule", "dtype": "policy",
    "dtype_policy": "policy",
}  # fmt: skip
"""Entries that hold an object of one family."""

ENDINGS = ("activation", "initializer", "regularizer", "constraint")
"""So do all entries with such an ending: ``kernel_initializer``, ``recurrent_activation``."""

BY_OUTPUT = frozenset(("loss", "metrics", "weighted_metrics"))
"""Entries that may hold an object for each output of the model, by its name."""

FILES = frozenset((
    "vocabulary", "idf_weights", "filepath", "file_path", "path", "origin", "url", "fname", "filename", "file",
    "log_dir", "cache_dir", "to_file", "directory",
))  # fmt: skip
"""Entries that may name a file."""

LONG = 24
"""Shorter texts hold no code, and name no switch."""

ARRAYS = ("__numpy__", "__tensor__")
"""Objects in which any number may stand."""

BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
SMALL = 2**16


class Part(NamedTuple):
    """A value in a description: ``key`` is the entry that it stands in, ``owner`` the nearest object around it that
    names a class."""

    value: Any
    key: str
    owner: Mapping[str, Any] | None
    place: Place


@dataclass(frozen=True, slots=True)
class Description:
    """What the walk found.

    Attributes:
        objects: everything with a ``class_name``, at any depth.
        texts: those texts that could be code, a switch, a file or the name of a function.
        numbers: numbers that JSON has not, and whole numbers of more than 64 bits.
        switches: every ``safe_mode`` that is false.
    """

    objects: tuple[Part, ...] = ()
    texts: tuple[Part, ...] = ()
    numbers: tuple[Part, ...] = ()
    switches: tuple[Part, ...] = ()


def describe(contents: Contents | None) -> Description:
    """Everything of a file that Keras would look at to make objects: the model and how it is compiled."""
    if contents is None or contents.format in ("text", "summary"):
        return Description()
    roots = [(contents.compiled, "training_config: $"), (contents.config, "$")]
    stack = [Part(value, "", None, (None, root)) for value, root in roots if isinstance(value, (dict, list))]
    objects: list[Part] = []
    scalars = Scalars([], [], [])
    while stack:
        part = stack.pop()
        if _is_object(part.value) and "class_name" in part.value:
            objects.append(part)
        stack.extend(reversed(_inside(part, scalars)))
    return Description(tuple(objects), *map(tuple, scalars))


class Scalars(NamedTuple):
    """What the walk notes besides objects, as in a Description."""

    texts: list[Part]
    numbers: list[Part]
    switches: list[Part]


def _inside(part: Part, scalars: Scalars) -> list[Part]:
    """The objects and lists in one; its scalars are noted."""
    value, key, owner, place = part
    is_object = _is_object(value)
    if is_object and "class_name" in value:
        owner = value
    keeps_key = not is_object or (key in BY_OUTPUT and owner is not value)
    is_array = owner is not None and owner.get("class_name") in ARRAYS
    inner: list[Part] = []
    for name, item in _items(value):
        if item is None or item is True:
            continue
        own = key if keeps_key else name
        if isinstance(item, str):
            if len(item) >= LONG or role(own) or (is_object and own in FILES):
                scalars.texts.append(Part(item, own, owner, (place, name)))
        elif isinstance(item, (dict, list)):
            inner.append(Part(item, own, owner, (place, name)))
        elif item is False:
            if name == "safe_mode":
                scalars.switches.append(Part(item, name, owner, (place, name)))
        elif not (is_array or _is_plain(item)):
            scalars.numbers.append(Part(item, own, owner, (place, name)))
    return inner


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if _is_object(value) else enumerate(cast("list[Any]", value))


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _is_plain(number: Any) -> bool:
    return -(2**63) <= number < 2**64  # which is false of infinities and of what is no number


@functools.cache
def role(key: str) -> str | None:
    """What an entry is for: ``activation`` for ``recurrent_activation``; None where its name does not tell."""
    found = ROLES.get(key)
    return found or next((ending for ending in ENDINGS if key.endswith(f"_{ending}")), None)


def written(place: Place) -> str:
    """A place as a JSON path: ``$.config.layers[3].config.activation``."""
    parts: list[str] = []
    link: Any = place
    while link is not None:
        link, key = link
        parts.append(f"[{key}]" if isinstance(key, int) else key if link is None else f".{_key(key)}")
    return "".join(reversed(parts))


def _key(key: str) -> str:
    """A key of a path; one that would break the line it stands in is quoted."""
    return key if key.isidentifier() and len(key) <= LONG * 2 else ascii(key[: LONG * 2])


def is_code(text: str) -> bool:
    """True for marshalled Python code in base64, judged by its first bytes: nothing is unmarshalled.

    A code object starts with ``c`` (with or without the flag bit) and five small whole numbers of 32 bits.
    """
    if len(text) < LONG:
        return False
    start = text[:LONG] if text[:LONG].isalnum() else BASE64.sub("", text)[:LONG]
    if start[:1] not in ("4", "Y"):  # what the two first bytes become
        return False
    try:
        data = binascii.a2b_base64(start)
    except binascii.Error:
        return False
    counts = [int.from_bytes(data[at : at + 4], "little") for at in (1, 5, 9, 13)]
    return data[0] in (0x63, 0xE3) and counts[0] < 256 and all(count < SMALL for count in counts)
