"""Which Python variable stands for which tensor or layer, and which id a statement implies."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence

FUNCTIONS = ("ops.", "activations.")
"""Kinds that are written as a plain call, ``ops.add(x, y)``; all others as a layer that is made, then called."""

RESERVED = (
    "Custom", "Input", "Model", "Object", "constant", "constraints", "initializers", "keras", "layers", "model",
    "models", "opaque", "activations", "ops", "regularizers", "slice", "float", "complex",
)  # fmt: skip
"""What the text form itself is written with."""

LONGEST = 60


def is_function(kind: str) -> bool:
    """True for kinds that are no layers."""
    return kind.startswith(FUNCTIONS)


def is_keyword(name: str) -> bool:
    """True if Python takes it as the name of a keyword argument, and leaves it as it is."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name)


def snake(kind: str) -> str:
    """``layers.Conv2D`` as the stem of an automatic name: ``conv2d``."""
    name = kind.rpartition(".")[2]
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def implied_layer(node: str) -> str:
    """The layer identity that an id implies: the same path without call numbers."""
    return re.sub(r":\d+(?=/|\Z)", "", node) if ":" in node else node


def implied_operation(targets: Sequence[str], *, several: bool) -> str | None:
    """The id that the variables on the left imply: ``x``, or ``split`` for ``split_0, split_1``; None if none."""
    if not several:
        return targets[0]
    stem = targets[0].removesuffix("_0")
    fits = all(target == f"{stem}_{out}" for out, target in enumerate(targets))
    return stem if fits and stem else None


def layer_name(identity: str) -> str:
    """The ``name=`` of a layer, as near to its identity as Keras allows: without a slash, and not an id's own signs."""
    name = identity.replace("/", "_").replace(":", "_").replace("%2F", "_")
    return name.replace("%3A", ":").replace("%25", "%")


def identifier(wish: str) -> str:
    """The Python variable that is nearest to what is asked for."""
    stem = re.sub(r"\W", "_", wish[:LONGEST], flags=re.ASCII) or "x"
    odd = keyword.iskeyword(stem) or keyword.issoftkeyword(stem) or stem.startswith("__")
    return f"n_{stem}" if odd or stem[0].isdigit() or stem[0].isupper() else stem


class Names:
    """Hands out names, each once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def new(self, wish: str) -> str:
        """The name that is asked for, with a number where it is taken."""
        name = wish
        while name in self._taken:
            self._next[wish] = self._next.get(wish, 0) + 1
            name = f"{wish}_{self._next[wish]}"
        self._taken.add(name)
        return name
