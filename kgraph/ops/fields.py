"""What config entries and arguments must be before a rule looks at them: a file may hold anything in their place.

A check takes the kind and the value, and says whether the value is one that Keras could have written there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from kgraph.graph import Object
from kgraph.trees import DEEPEST

Check = Callable[[str, Any], bool]

LARGEST = 2**63 - 1
"""No extent of a tensor is larger: backends count in 64 bits."""

MOST_AXES = 64
"""No tensor has more axes: numpy's limit, the highest of all backends."""

MOST_PARTS = 1_000_000
"""No call has more outputs: a graph of a million nodes is the largest that is read."""


@functools.cache
def spatial_rank(kind: str) -> int:
    """The number of spatial axes that a kind is for, such as 2 for ``layers.Conv2DTranspose``."""
    return next(int(letter) for letter in kind if letter.isdigit())


def is_int(value: Any, least: int = -LARGEST) -> TypeGuard[int]:
    """True for an int (no bool) of 64 bits that is not less than ``least``."""
    return type(value) is int and least <= value <= LARGEST


def size(_: str, value: Any) -> bool:
    """A number of things, at least one."""
    return is_int(value, 1)


def number(_: str, value: Any) -> bool:
    """Any int."""
    return is_int(value)


def flag(_: str, value: Any) -> bool:
    """True or False."""
    return type(value) is bool


def text(_: str, value: Any) -> bool:
    """A string."""
    return isinstance(value, str)


def layer(_: str, value: Any) -> bool:
    """A serialized layer, in which others may be wrapped, but not without end."""
    depth = 0
    while isinstance(value, Object) and depth <= DEEPEST:
        value, depth = value.config.get("layer"), depth + 1
    return 0 < depth <= DEEPEST


def sizes(kind: str, value: Any) -> bool:
    """One positive int for each of the spatial axes that the kind is for, such as 2 for ``Conv2D``."""
    return _per_axis(kind, value, 1)


def counts(kind: str, value: Any) -> bool:
    """One int, not negative, for each of the spatial axes that the kind is for."""
    return _per_axis(kind, value, 0)


def _per_axis(kind: str, value: Any, least: int) -> bool:
    return isinstance(value, tuple) and len(value) == spatial_rank(kind) and all(is_int(item, least) for item in value)  # pyright: ignore


def ints(_: str, value: Any) -> bool:
    """A tuple of ints, no longer than tensors have axes."""
    return isinstance(value, tuple) and len(value) <= MOST_AXES and all(map(is_int, value))  # pyright: ignore


def sized_ints(_: str, value: Any) -> bool:
    """A tuple of positive ints, no longer than tensors have axes."""
    return ints("", value) and min(value, default=1) > 0


def pair(_: str, value: Any) -> bool:
    """Two ints."""
    return ints("", value) and len(value) == 2


def open_sizes(_: str, value: Any) -> bool:
    """Extents, of which some may be open."""
    return isinstance(value, tuple) and all(item is None or is_int(item, 0) for item in value)  # pyright: ignore


@dataclass(frozen=True, slots=True)
class OneOf:
    """A check for one of a few words."""

    values: tuple[Any, ...]

    def __call__(self, _: str, value: Any) -> bool:
        """True for one of them."""
        return isinstance(value, (str, type(None))) and value in self.values


def one_of(*values: Any) -> Check:
    """One of a few words."""
    return OneOf(values)


def misfit(check: Check, kind: str, name: str, value: Any) -> str | None:
    """In a person's words what is wrong with a value of the right type; None for others, which Keras may take."""
    if isinstance(check, OneOf) and isinstance(value, str):
        return f"{name} must be {' or '.join(repr(word) for word in check.values if word)}; it is {value!r}"
    if check is size and is_int(value):
        return f"{name} must be a positive int; it is {value}"
    if check is sizes and ints("", value):
        axes = spatial_rank(kind)
        return f"{name} must be {'a positive int' if axes == 1 else f'{axes} positive ints'}; it is {value}"
    return None


def either(*checks: Check) -> Check:
    """What one of the checks lets through; of one check alone, nothing is said of what it does not let through."""
    return lambda kind, value: any(check(kind, value) for check in checks)


def absent(_: str, value: Any) -> bool:
    """Nothing at all."""
    return value is None


DATA_FORMAT = one_of("channels_last", "channels_first")
