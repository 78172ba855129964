from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from kgraph.ops.catalog import REQUIRED, canonical, entry, kind_of

CATALOG = Path(str(resources.files("kgraph.ops") / "catalog.json"))


def dump(found: dict[str, Any]) -> str:
    """One line an entry, so that a diff shows what changed in Keras."""
    parts: list[str] = []
    for key, value in found.items():
        rows = (
            [f"  {json.dumps(name)}: {json.dumps(item)}" for name, item in value.items()]
            if isinstance(value, dict)
            else []
        )  # pyright: ignore
        body = "{\n" + ",\n".join(rows) + "\n }" if rows else json.dumps(value)
        parts.append(f" {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


@pytest.mark.keras
def test_catalog_is_what_the_installed_keras_says(refresh: bool) -> None:
    from tests.ops.keras_catalog import catalog

    found = catalog()
    if refresh:
        CATALOG.write_text(dump(found), encoding="utf-8")
    stored = json.loads(CATALOG.read_text(encoding="utf-8"))
    if stored["keras"] != found["keras"]:
        pytest.skip(f"the catalogue is of Keras {stored['keras']}, installed is {found['keras']}")
    assert stored == json.loads(json.dumps(found))


@pytest.mark.keras
def test_every_kind_is_a_public_name_of_keras() -> None:
    import keras

    for kind in json.loads(CATALOG.read_text(encoding="utf-8"))["kinds"]:
        found: Any = keras
        for part in kind.split("."):
            found = getattr(found, part)
        assert callable(found), kind


@pytest.mark.keras
def test_every_layer_and_operation_of_keras_has_a_kind() -> None:
    import inspect

    import keras

    from tests.ops.keras_catalog import _operations  # pyright: ignore[reportPrivateUsage]

    for name, cls in vars(keras.layers).items():
        if inspect.isclass(cls) and hasattr(cls, "call"):
            assert kind_of(cls.__module__, cls.__qualname__) == canonical(f"layers.{name}")
    nameless = [c.__name__ for c in _operations() if kind_of(c.__module__, c.__qualname__).startswith("custom.")]
    assert set(nameless) <= {"Function", "SegmentReduction", "FakeQuantWithMinMaxVars"}


def test_kinds_of_private_public_and_foreign_classes() -> None:
    assert kind_of("keras.src.layers.convolutional.conv2d", "Conv2D") == "layers.Conv2D"
    assert kind_of("keras.layers", "Convolution2D") == "layers.Conv2D"
    assert kind_of("keras", "Sequential") == "Sequential"
    assert kind_of("keras.src.ops.numpy", "GetItem") == "ops.get_item"
    assert kind_of("keras.src.nowhere", "New") == "custom.keras.src.nowhere.New"
    assert kind_of("kerasx.layers", "Conv2D") == "custom.kerasx.layers.Conv2D"
    assert kind_of(None, "function") == "function"


def test_entries_say_what_has_no_default() -> None:
    conv = entry("layers.Conv2D")
    assert conv is not None
    assert list(conv.call) == ["inputs"]
    assert conv.config["filters"] is REQUIRED
    assert conv.config["strides"] == (1, 1)
    assert entry("custom.pkg.Class") is None
