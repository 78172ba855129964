"""The table of kinds says what the rules are, and leaves out nothing that the installed Keras has."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import pytest

from kgraph.ops.catalog import canonical
from tests.ops.kinds import NOTES, OPAQUE, PAGE, SAME_SHAPE, page, statuses

WINDOWS = {f"ops.{name}" for name in ("bartlett", "blackman", "hamming", "hanning", "kaiser")}
ELSEWHERE = WINDOWS | {"ops.convert_to_numpy", "ops.shape"}
"""Operations that make no node of a graph: they take a number, or give no tensor."""


def test_the_table_is_what_the_rules_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.ops.kinds --refresh"


def test_the_table_counts() -> None:
    """What is not exact is told by name: a kind that loses its rule shows here."""
    found = statuses()
    layers = Counter(word for kind, word in found.items() if kind.startswith("layers."))
    operations = Counter(word for kind, word in found.items() if kind.startswith("ops."))
    assert layers == {"exact": 135, "recorded": 2, "opaque": 6}
    assert operations == {"exact": 166, "recorded": 29, "opaque": 15}


def test_notes_are_of_kinds_in_the_table() -> None:
    assert OPAQUE.keys() | NOTES.keys() <= statuses().keys()
    assert all(statuses()[kind] == "opaque" for kind in OPAQUE)


@pytest.mark.keras
def test_every_layer_and_operation_of_the_installed_keras_is_in_the_table() -> None:
    import keras

    layers = {
        canonical(f"layers.{name}")
        for name, value in vars(keras.layers).items()
        if isinstance(value, type) and issubclass(value, keras.layers.Layer)
    }
    assert layers <= statuses().keys() | {"layers.InputLayer"}
    assert not {kind for kind in _operations(keras) if kind not in statuses() and kind not in SAME_SHAPE} - ELSEWHERE


def _operations(keras: Any) -> set[str]:
    """Functions of ``keras.ops`` that make a node of a graph."""
    return {
        canonical(f"ops.{name}")
        for name, value in vars(keras.ops).items()
        if inspect.isfunction(value) and "symbolic" in inspect.getsource(value)
    }
