"""Descriptions of models as Keras wrote them, and each of their entries replaced by what must not stand there."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.config import read
from kgraph.frontends.contents import Contents, Limits
from kgraph.graph import Graph

FOLDER = Path(__file__).parent.parent / "data" / "described"

JUNK: tuple[Any, ...] = (None, 0, [], {}, "", True, -1, 10**30, "x", 1.5)


@functools.cache
def _text(flavour: str) -> str:
    return (FOLDER / f"{flavour}.json").read_text(encoding="utf-8")


def described(flavour: str) -> dict[str, Any]:
    """By name of the zoo, what ``model.to_json()`` of this flavour wrote; made anew, to be changed at will."""
    return json.loads(_text(flavour))


def graph_of(config: Any, *, nested: str = "dissolve", limits: Limits | None = None) -> Graph:
    """The graph of a description."""
    return read(Contents(format="json", config=config), nested=nested, limits=limits or Limits())


CODE = re.compile(r'"4w[A-Za-z0-9+/=]*(?:\\n[A-Za-z0-9+/=]*)*"')
"""Marshalled code in a JSON text: it holds the path of its file, and is of one release of Python."""


def without_code(config: Any) -> Any:
    """The description with one and the same code in place of every function's."""
    return json.loads(CODE.sub('"4wAAAAA="', json.dumps(config)))


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of a JSON tree, as its container and key; a place is looked into before it is given."""
    stack = [tree]
    while stack:
        item = stack.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            if isinstance(item[key], (dict, list)):
                stack.append(item[key])
            yield item, key


def outcomes(config: Any, step: int = 1) -> Iterator[Graph | str]:
    """The graph or the message for every entry in turn (or every so many) replaced by each piece of junk.

    Raises:
        Exception: whatever is no SourceError.
    """
    for item, key in list(places(config))[::step]:
        was = item[key]
        for junk in JUNK:
            item[key] = junk
            try:
                yield graph_of(config)
            except SourceError as error:
                yield str(error)
        item[key] = was
