"""Why Keras refuses a call: said by the rules themselves, where they stop, and heard only by who asks for it.

A rule gives None both where Keras raises and where it cannot tell. At a guard of the first kind it returns
``refuse("why")``, which is None too: so each condition is written once, and what it means stands beside it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """What rules said while someone listened.

    Attributes:
        built: the layer that is called has its weights already.
        said: in a person's words, what the first guard said and those after it.
        wrapped: a layer inside another one is asked for, which Keras makes, but may never call.
    """

    built: bool
    said: list[str] = field(default_factory=list[str])
    wrapped: bool = False


_listener: ContextVar[Heard | None] = ContextVar("listener", default=None)


@contextmanager
def listening(*, built: bool) -> Generator[Heard]:
    """Collects what the rules that are asked meanwhile say of their guards."""
    heard = Heard(built)
    token = _listener.set(heard)
    try:
        yield heard
    finally:
        _listener.reset(token)


@contextmanager
def wrapped() -> Generator[None]:
    """Of a layer inside another one only that is said which Keras raises on when it makes the layer."""
    heard = _listener.get()
    token = _listener.set(None if heard is None else Heard(built=True, said=heard.said, wrapped=True))
    try:
        yield
    finally:
        _listener.reset(token)


def refuse(why: str, *values: Any) -> None:
    """Keras raises on the call that a rule is asked for, at every size; ``values`` are put in place of each ``{}``.

    Shapes are said as Keras says them, with None for what is open.
    """
    heard = _listener.get()
    if heard is not None and not heard.wrapped:
        heard.said.append(why.format(*values))


def refuse_unbuilt(why: str, *values: Any) -> None:
    """The same where Keras raises because it cannot make the weights: of a layer that has them, nothing is said."""
    heard = _listener.get()
    if heard is not None and not heard.built:
        refuse(why, *values)


def refuse_always(why: str, *values: Any) -> None:
    """The same where Keras raises before a call: when it makes a layer, or works out what comes out of it."""
    heard = _listener.get()
    if heard is not None:
        heard.said.append(why.format(*values))


def short(kind: str) -> str:
    """``Conv2D`` for ``layers.Conv2D``, ``ops.matmul`` as it is."""
    return kind.removeprefix("layers.")
