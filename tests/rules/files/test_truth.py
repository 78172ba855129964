"""What the rules say that Keras would do, done by Keras: with probes that only leave a trace."""

from __future__ import annotations

import base64
import copy
import importlib
import json
import marshal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.frontends import keras2
from tests.rules.files.attacks import archive, function, layer, model, rules

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

pytestmark = pytest.mark.keras


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """Tells whether the module ``kgraph_probe`` was imported."""
    (tmp_path / "kgraph_probe.py").write_text("class Probe:\n    pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("kgraph_probe", None)
    yield lambda: "kgraph_probe" in sys.modules
    sys.modules.pop("kgraph_probe", None)


def loaded(keras: Any, description: Any, **more: Any) -> Any:
    """What a flavour of Keras makes of a description; the exception where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return keras.saving.deserialize_keras_object(copy.deepcopy(description), **more)
        except Exception as error:
            return error


def new() -> Any:
    return importlib.import_module("keras")


def test_keras_2_imports_any_module_and_keras_3_none(probe: Callable[[], bool]) -> None:
    description = layer("Probe", "kgraph_probe")
    assert isinstance(loaded(new(), description), TypeError)
    assert not probe()
    loaded(keras2.tf_keras(), description)
    assert probe()


def test_keras_2_finds_functions_of_any_module_and_of_builtins() -> None:
    old = keras2.tf_keras()
    assert loaded(old, function("getcwd", "os")) is importlib.import_module("os").getcwd
    assert loaded(old, function("eval")) is eval
    assert isinstance(loaded(new(), function("getcwd", "os")), TypeError)
    assert isinstance(loaded(new(), function("eval")), TypeError)


def test_both_find_services_and_take_classes_for_functions() -> None:
    keras = new()
    found = loaded(keras, {**function("plot_model", "keras.utils"), "registered_name": None})
    assert found is keras.utils.plot_model
    found = loaded(keras, {**function("TFSMLayer", "keras.layers"), "registered_name": None})
    assert found is keras.layers.TFSMLayer
    assert isinstance(loaded(keras, function("get_file", "keras.utils")), ValueError)
    old = keras2.tf_keras()
    assert loaded(old, function("get_file", "keras.utils")) is old.utils.get_file


def test_the_last_of_two_entries_counts() -> None:
    text = '{"class_name": "Dense", "module": "keras.layers", "config": {"units": 3, "units": 4}}'
    assert loaded(new(), json.loads(text)).units == 4


def test_code_runs_where_it_is_said_to(tmp_path: Path) -> None:
    def trace(x: Any) -> Any:
        import builtins

        builtins.kgraph_trace = True  # type: ignore[attr-defined]
        return x

    import builtins

    code = base64.b64encode(marshal.dumps(trace.__code__)).decode()
    old_style = {
        "name": "f", "function": [code, None, None], "function_type": "lambda", "module": "builtins", "arguments": {},
        "output_shape": None, "output_shape_type": "raw", "output_shape_module": None,
    }  # fmt: skip
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 4], "dtype": "float32"}}
    layers = [first, {"class_name": "Lambda", "config": old_style}]
    old = tmp_path / "model.h5"
    with h5py.File(old, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    assert rules(old) == {"KG701": "warning"}
    try:
        with pytest.raises(Exception, match="lambda"):
            new().models.load_model(old)
        assert "kgraph_trace" not in vars(builtins)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keras2.tf_keras().models.load_model(old)
        assert vars(builtins).pop("kgraph_trace")
        new_style = layer(
            "Lambda", function={"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
        )
        path = tmp_path / "model.keras"
        path.write_bytes(archive(model(new_style)))
        with pytest.raises(Exception, match="lambda"):
            new().models.load_model(path)
        assert "kgraph_trace" not in vars(builtins)
    finally:
        vars(builtins).pop("kgraph_trace", None)


def test_vocabularies_are_read_from_files_by_keras_2_and_refused_by_keras_3(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("first\nsecond\n", encoding="utf-8")
    description = layer("StringLookup", vocabulary=str(words))
    assert rules(model(description)) == {"KG709": "error"}
    assert "second" in loaded(keras2.tf_keras(), description).get_vocabulary()
    assert isinstance(loaded(new(), description), TypeError)


def test_symbols_are_found_and_called() -> None:
    tf: Any = importlib.import_module("tensorflow")
    old = keras2.tf_keras()
    description = layer("TFOpLambda", "tf_keras.src.layers.core.tf_op_layer", function="io.write_file")
    assert rules(model(description)) == {"KG710": "error"}
    assert loaded(old, description).function is tf.io.write_file


def test_another_registered_name_is_refused() -> None:
    description = {**layer("Dense", units=3), "registered_name": "evil>Dense"}
    assert rules(model(description)) == {"KG703": "warning"}
    assert isinstance(loaded(new(), description), ValueError)
