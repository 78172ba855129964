from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from kgraph.ops.names import names, normal

NAMES = Path(str(resources.files("kgraph.ops") / "names.json"))


def dump(found: dict[str, Any]) -> str:
    """One line a name, so that a diff shows what changed in Keras."""
    parts: list[str] = []
    for key, value in found.items():
        if isinstance(value, list):
            body = "[\n" + ",\n".join(f"  {json.dumps(item)}" for item in value) + "\n ]"
        elif isinstance(value, dict):
            body = "{\n" + ",\n".join(_family(family, rows) for family, rows in value.items()) + "\n }"
        else:
            body = json.dumps(value)
        parts.append(f" {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _family(family: str, rows: Any) -> str:
    if isinstance(rows, list):
        return f"  {json.dumps(family)}: {json.dumps(rows)}"
    lines = [f"   {json.dumps(name)}: {json.dumps(paths)}" for name, paths in rows.items()]
    return f"  {json.dumps(family)}: {{\n" + ",\n".join(lines) + "\n  }"


@pytest.mark.keras
def test_names_are_what_the_installed_libraries_say(refresh: bool) -> None:
    from tests.ops.keras_names import names as read

    found = read()
    if refresh:
        NAMES.write_text(dump(found), encoding="utf-8")
    stored = json.loads(NAMES.read_text(encoding="utf-8"))
    versions = [(stored[key], found[key]) for key in ("keras", "tf_keras", "tensorflow")]
    if any(ours != theirs for ours, theirs in versions):
        pytest.skip(f"the names are of other releases than those installed: {versions}")
    assert stored == json.loads(json.dumps(found))


@pytest.mark.keras
def test_every_class_that_keras_serializes_is_on_a_list() -> None:
    import inspect

    import keras

    from tests.frontends.keras2 import tf_keras
    from tests.ops.keras_names import public

    data = {"preprocessing.text.Tokenizer", "preprocessing.sequence.TimeseriesGenerator"}  # no parts of models
    missing = {
        path for root in (keras, tf_keras()) for path, item in public(root)
        if inspect.isclass(item) and hasattr(item, "get_config") and path in names().services
    }  # fmt: skip
    assert missing == data


def test_paths_without_their_root() -> None:
    assert normal("keras.src.layers.core.dense.Dense") == "layers.core.dense.Dense"
    assert normal("tf_keras.src.layers.core.dense.Dense") == "layers.core.dense.Dense"
    assert normal("tensorflow.keras.layers.Dense") == "layers.Dense"
    assert normal("keras.Sequential") == "Sequential"
    assert normal("keras") == ""
    assert normal("kerasx.layers.Dense") is None
    assert normal("tensorflow.io.write_file") is None


def test_nothing_that_acts_is_on_a_list() -> None:
    found = names()
    listed = {
        path
        for rows in (*found.classes.values(), *found.functions.values())
        for paths in rows.values()
        for path in paths
    }
    for path in (
        "utils.get_file", "models.load_model", "saving.load_model", "config.enable_unsafe_deserialization",
        "callbacks.CSVLogger", "saving.KerasFileEditor", "utils.plot_model", "datasets.mnist.load_data",
        "layers.deserialize", "losses.deserialize", "activations.deserialize", "utils.save_img",
    ):  # fmt: skip
        assert path not in listed
        assert path in found.services
    last = {name.rpartition(".")[2] for name in found.symbols}
    assert not last & {
        "write_file",
        "read_file",
        "py_function",
        "numpy_function",
        "load_library",
        "load_op_library",
        "print",
    }
    assert not {"WriteFile", "ReadFile", "PyFunc", "EagerPyFunc", "LoadAndRemapMatrix", "MatchingFiles"} & found.nodes


def test_what_models_are_made_of_is_on_a_list() -> None:
    found = names()
    assert "layers.Dense" in found.classes["Dense"]["layers"]
    assert "ops.numpy.GetItem" in found.classes["GetItem"]["operations"]
    assert "models.functional.Functional" in found.classes["Functional"]["layers"]
    assert "engine.functional.Functional" in found.classes["Functional"]["layers"]
    assert "optimizers.Adam" in found.classes["Adam"]["optimizers"]
    assert "relu" in found.functions and "relu" in found.strings["activations"]
    assert {"math.add", "__operators__.getitem", "nn.relu"} <= found.symbols
    assert {"AddV2", "StridedSlice", "Relu"} <= found.nodes
