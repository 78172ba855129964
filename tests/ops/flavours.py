"""Which Keras the random calls are made of: Keras 3, or tf_keras as long as ``of_tf_keras`` lasts."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from tests.frontends import keras2

_OLD: ContextVar[bool] = ContextVar("_OLD", default=False)


ENCODING = tuple(
    f"layers.{name}" for name in ("CategoryEncoding", "Discretization", "Hashing", "IntegerLookup", "StringLookup")
)


@dataclass(frozen=True, slots=True)
class Flavour:
    """What differs between the two beside their layers.

    Attributes:
        name, keras: of the flavour; it has ``layers`` and ``ops``.
        function: makes a graph of inputs and outputs.
        calls: what such a graph calls.
        flatten: the tensors in a structure of outputs.
        shape: of a tensor.
        clear: forgets all that was made.
        by_record: kinds that are not tried with other sizes than their record has, and why.
    """

    name: str
    keras: Any
    function: Callable[..., Any]
    calls: Callable[[Any], Any]
    flatten: Callable[[Any], list[Any]]
    shape: Callable[[Any], tuple[int | None, ...]]
    clear: Callable[[], None]
    by_record: Mapping[str, str]


@contextmanager
def of_tf_keras() -> Generator[None, None, None]:
    """Makes ``keras`` stand for tf_keras."""
    token = _OLD.set(True)
    try:
        yield
    finally:
        _OLD.reset(token)


def flavour() -> Flavour:
    """The one that calls are made of now."""
    return _old() if _OLD.get() else _new()


def keras() -> Any:
    """``keras`` of the flavour, with ``layers`` and ``ops``."""
    return flavour().keras


@functools.cache
def _new() -> Flavour:
    found = importlib.import_module("keras")
    clear = found.utils.clear_session
    return Flavour("keras", found, found.Function, lambda made: made.operations, found.tree.flatten, _shape, clear, {})


def _shape(tensor: Any) -> tuple[int | None, ...]:
    return tuple(tensor.shape)


@functools.cache
def _old() -> Flavour:
    own, nest = keras2.tf_keras(), importlib.import_module("tensorflow").nest
    told = {
        "ops.split": "how long the last part is, is in the record alone",
        **dict.fromkeys(ENCODING, "tf_keras encodes no more than two axes, so one of 1 is never open"),
    }
    clear = own.backend.clear_session
    return Flavour(
        "tf_keras", keras2.flavour(), own.Model, lambda made: made.layers, nest.flatten, _old_shape, clear, told
    )


def _old_shape(tensor: Any) -> tuple[int | None, ...]:
    """-1, which is no size, for a tensor of unknown rank."""
    return (-1,) if tensor.shape.rank is None else tuple(tensor.shape)
