"""Python's cycle collector, kept quiet while a graph is made: kgraph's records hold no cycles."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator


@contextlib.contextmanager
def collector_paused() -> Generator[None]:
    """Pauses the collection of cycles; also a decorator.

    Every so many new objects the collector walks all that a process holds, Keras' own millions included. Making a
    graph makes many small objects that all stay, so each walk is in vain: a third of the time of a check, and the one
    part that does not grow linearly with a graph.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
