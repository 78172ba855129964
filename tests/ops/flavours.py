"""Which Keras the random calls are made of: Keras 3, or tf_keras as long as ``of_tf_keras`` lasts."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from tests.frontends import keras2

_OLD: ContextVar[bool] = ContextVar("_OLD", default=False)


@dataclass(frozen=True, slots=True)
class Flavour:
    """What differs between the two beside their layers: how a call becomes a graph, and what holds its outputs."""

    name: str
    keras: Any
    function: Callable[..., Any]
    flatten: Callable[[Any], list[Any]]
    ones: Callable[..., Any]
    clear: Callable[[], None]

    def is_whole(self, outputs: Any) -> bool:
        """False where tf_keras leaves an extent, or a rank, to when the model runs; Keras 3 is taken at its word."""
        return self.name == "keras" or all(tensor.shape.is_fully_defined() for tensor in self.flatten(outputs))


@contextmanager
def of_tf_keras() -> Iterator[None]:
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
    return Flavour("keras", found, found.Function, found.tree.flatten, found.ops.ones, found.utils.clear_session)


@functools.cache
def _old() -> Flavour:
    tf: Any = importlib.import_module("tensorflow")

    def ones(shape: Any, dtype: str) -> Any:
        return tf.fill(shape, "a") if dtype == "string" else tf.ones(shape, dtype)

    own = keras2.tf_keras()
    return Flavour("tf_keras", keras2.flavour(), own.Model, tf.nest.flatten, ones, own.backend.clear_session)
