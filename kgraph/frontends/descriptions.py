"""One walk over everything that a file describes: what loading would make objects of, and where it stands."""

from __future__ import annotations

import binascii
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple

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
    "handle", "log_dir", "cache_dir", "to_file", "directory",
))  # fmt: skip
"""Entries that may name a file."""

SPELT = frozenset(("activation", "initializer", "regularizer", "constraint", "loss", "metric", "optimizer"))
"""Roles in which a text may name what is meant."""

LONG = 24
"""Shorter texts hold no code, and name no switch."""

ARRAYS = ("__numpy__", "__tensor__")
"""Objects in which any number may stand."""

BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
SMALL = 2**16
TEXTS = (str, NoneType)


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
        objects: everything with a ``class_name``, at any depth, by that name.
        unnamed: objects whose class, module or registered name is no text.
        texts: those texts that could be code, a switch, a file or the name of a function.
        numbers: numbers that JSON has not, and whole numbers of more than 64 bits.
        switches: every ``safe_mode`` that is false.
    """

    objects: dict[str, list[Part]] = field(default_factory=dict[str, list[Part]])
    unnamed: list[Part] = field(default_factory=list[Part])
    texts: list[Part] = field(default_factory=list[Part])
    numbers: list[Part] = field(default_factory=list[Part])
    switches: list[Part] = field(default_factory=list[Part])

    def of(self, *names: str) -> list[Part]:
        """The objects of some classes."""
        return [part for name in names for part in self.objects.get(name, ())]


def describe(contents: Contents | None) -> Description:
    """Everything of a file that Keras would look at to make objects: the model and how it is compiled."""
    found = Description()
    if contents is None or contents.format in ("text", "summary"):
        return found
    roots = [(contents.compiled, "training_config: $"), (contents.config, "$")]
    stack: list[Any] = [(value, "", None, (None, root)) for value, root in roots if isinstance(value, (dict, list))]
    inner: list[Any] = []
    while stack:
        value, key, owner, place = stack.pop()
        is_object = _is_object(value)
        keeps_key = not is_object or key in BY_OUTPUT
        if is_object and "class_name" in value:
            _note_object(Part(value, key, owner, place), found)
            owner, keeps_key = value, False
        items: Any = value.items() if is_object else enumerate(value)
        for name, item in items:
            kind = type(item)  # pyright: ignore[reportUnknownVariableType]
            own = key if keeps_key else name
            if kind is str:
                if len(item) >= LONG or (_is_watched(own) and (is_object or key not in FILES)):
                    found.texts.append(Part(item, own, owner, (place, name)))
            elif kind is dict or kind is list:
                if item:
                    inner.append((item, own, owner, (place, name)))
            elif item is not None and (item is False or not -(2**63) <= item < 2**64):
                _note_scalar(Part(item, name if is_object else key, owner, (place, name)), found)
        if inner:
            inner.reverse()
            stack += inner
            inner.clear()
    return found


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _note_scalar(part: Part, found: Description) -> None:
    """Notes a switch, and a number that is not between the bounds, as infinities and NaN are not; arrays hold any."""
    if part.value is False:
        if part.key == "safe_mode":
            found.switches.append(part)
    elif part.owner is None or part.owner["class_name"] not in ARRAYS:
        found.numbers.append(part)


def _note_object(part: Part, found: Description) -> None:
    value = part.value
    name = value["class_name"]
    is_named = isinstance(name, str)
    if is_named:
        found.objects.setdefault(name, []).append(part)
    if "config" in value and not (
        is_named and type(value.get("module")) in TEXTS and type(value.get("registered_name")) in TEXTS
    ):
        found.unnamed.append(part)


@functools.lru_cache(maxsize=4096)
def role(key: str) -> str | None:
    """What an entry is for: ``activation`` for ``recurrent_activation``; None where its name does not tell."""
    found = ROLES.get(key)
    return found or next((ending for ending in ENDINGS if key.endswith(f"_{ending}")), None)


@functools.lru_cache(maxsize=4096)
def _is_watched(key: str) -> bool:
    """Whether a text in an entry matters, however short."""
    return key in FILES or role(key) in SPELT


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
