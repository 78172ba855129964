"""Which Python variable stands for which tensor or layer, and which id a statement implies."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

FUNCTIONS = ("ops.", "activations.")
"""Kinds that are written as a plain call, ``ops.add(x, y)``; all others as a layer that is made, then called."""

RESERVED = frozenset(
    ("Custom", "Input", "Model", "Object", "constant", "constraints", "initializers", "keras", "layers", "model",
     "models", "opaque", "activations", "ops", "regularizers", "slice", "float", "complex")
)  # fmt: skip
LONGEST = 60


def is_function(kind: str) -> bool:
    """True for kinds that are no layers."""
    return kind.startswith(FUNCTIONS)


def snake(kind: str) -> str:
    """``layers.Conv2D`` as the stem of an automatic name: ``conv2d``."""
    name = kind.rpartition(".")[2]
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def implied_layer(node: str) -> str:
    """The layer identity that an id implies: the same path without call numbers."""
    return re.sub(r":\d+(?=/|$)", "", node)


def implied_operation(targets: list[str], *, several: bool) -> str | None:
    """The id that the variables on the left imply: ``x``, or ``split`` for ``split_0, split_1``; None if none."""
    if not several:
        return targets[0]
    stem = targets[0].removesuffix("_0")
    fits = all(target == f"{stem}_{out}" for out, target in enumerate(targets))
    return stem if fits and stem else None


class Names:
    """Hands out Python identifiers, each once, as near as can be to what was asked for."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(RESERVED) | set(taken)
        self._next: dict[str, int] = {}

    def new(self, wish: str) -> str:
        """A fresh identifier."""
        stem = re.sub(r"\W", "_", wish, flags=re.ASCII)[:LONGEST] or "x"
        if stem[0].isdigit() or keyword.iskeyword(stem) or stem[0].isupper() or keyword.issoftkeyword(stem):
            stem = f"n_{stem}"
        name = stem
        while name in self._taken:
            self._next[stem] = self._next.get(stem, 0) + 1
            name = f"{stem}_{self._next[stem]}"
        self._taken.add(name)
        return name
