from __future__ import annotations

import base64
import json
import marshal
from typing import Any

import pytest

import kgraph
from kgraph.frontends.descriptions import is_code
from kgraph.frontends.lookalikes import imitated, skeleton
from tests.rules.files.attacks import (
    CODE,
    Json,
    archive,
    found,
    function,
    lambda_layer,
    layer,
    model,
    old_lambda,
    old_op,
    rules,
)  # fmt: skip

GET_FILE = function("get_file", "keras.utils")
SWITCH = {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"}


def dense(**config: Any) -> Json:
    return layer("Dense", units=3, **config)


def compiled(**entries: Any) -> Json:
    return model(dense(), compile_config={"optimizer": "adam", "loss": "mse", **entries})


ATTACKS: dict[str, tuple[Json, str, str]] = {
    # A1: code
    "lambda": (model(lambda_layer()), "KG701", "warning"),
    "lambda of keras 2": (model(old_lambda()), "KG701", "warning"),
    "lambda of keras 2, no type": (model(layer("Lambda", function=[CODE, None, None])), "KG701", "warning"),
    "code as output shape": (
        model(layer("Lambda", function=function("relu"), output_shape={"class_name": "__lambda__", "config": {"code": CODE}})),
        "KG701", "warning",
    ),
    "code as mask of keras 2": (
        model(layer("Lambda", function="relu", function_type="function", module="keras.activations", mask=[CODE, None, None], mask_type="lambda")),
        "KG701", "warning",
    ),
    "code as activation": (model(dense(activation={"class_name": "__lambda__", "config": {"value": CODE}})), "KG701", "warning"),
    "code in a config": (model(layer("Rescaling", scale=2.0, extra=CODE)), "KG701", "warning"),
    "code behind junk": (model(layer("Rescaling", scale=2.0, extra="\n \n" + CODE)), "KG701", "warning"),
    "code in a build config": (model({**dense(), "build_config": {"input_shape": [CODE]}}), "KG701", "warning"),
    # A2: a Lambda that names a function
    "lambda names os.system": (model(layer("Lambda", function=function("system", "os"))), "KG702", "error"),
    "lambda names get_file": (model(layer("Lambda", function=GET_FILE)), "KG702", "error"),
    "lambda names eval": (model(layer("Lambda", function=function("eval"))), "KG702", "error"),
    "lambda of keras 2 names os.system": (
        model(layer("Lambda", function="system", function_type="function", module="os")), "KG702", "error",
    ),
    "lambda's output shape names os.system": (
        model(layer("Lambda", function="relu", function_type="function", module="keras.activations",
                    output_shape="system", output_shape_type="function", output_shape_module="os")), "KG702", "error",
    ),
    "lambda names a class": (model(layer("Lambda", function=function("TFSMLayer", "keras.layers"))), "KG702", "error"),
    "lambda names tensorflow's write_file": (
        model(layer("Lambda", function=function("write_file", "tensorflow.io"))), "KG702", "error",
    ),
    # A3: imports
    "class of os": (model(layer("system", "os")), "KG704", "error"),
    "class of a submodule": (model(layer("Thing", "xml.etree.ElementTree")), "KG704", "error"),
    "class of numpy": (model(layer("load", "numpy")), "KG704", "error"),
    "function of subprocess": (model(dense(activation=function("getoutput", "subprocess"))), "KG704", "error"),
    "function of builtins": (model(dense(activation=function("exec"))), "KG704", "error"),
    "text that names a function of os": (model(dense(activation="os.system")), "KG704", "error"),
    "package that looks like keras": (model(layer("Dense", "kerasx.layers")), "KG704", "error"),
    "package in cyrillic": (model(layer("Dense", "k\u0435ras.layers")), "KG704", "error"),
    "class in cyrillic": (model(layer("D\u0435nse")), "KG704", "error"),
    "full width letters": (model(layer("\uff24ense", None)), "KG704", "error"),
    "type spec": (
        model(dense(x={"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": [], "registered_name": None})),
        "KG704", "error",
    ),
    # A4, A5: names that have no business there
    "get_file as activation": (model(dense(activation=GET_FILE)), "KG705", "error"),
    "get_file as initializer": (model(dense(kernel_initializer=GET_FILE)), "KG705", "error"),
    "get_file of a private module": (model(dense(activation=function("get_file", "keras.src.utils.file_utils"))), "KG705", "error"),
    "get_file of a private module of keras 2": (model(dense(activation=function("get_file", "tf_keras.src.utils.data_utils"))), "KG705", "error"),
    "something that a module of keras imports": (model(dense(activation=function("os", "keras.src.utils.io_utils"))), "KG705", "error"),
    "a callback as layer": (model(layer("CSVLogger", "keras.callbacks", filename="x")), "KG705", "error"),
    "an editor as layer": (model(layer("KerasFileEditor", "keras.saving")), "KG705", "error"),
    "a plot": (model(layer("plot_model", "keras.utils")), "KG705", "error"),
    "a data set": (model(dense(activation=function("load_data", "keras.datasets.mnist"))), "KG705", "error"),
    "deserialize": (model(dense(activation=function("deserialize", "keras.layers"))), "KG705", "error"),
    "deserialize of builtins": (model(dense(activation=function("deserialize"))), "KG705", "error"),
    "class as function": (model(dense(activation=function("TFSMLayer", "keras.layers"))), "KG705", "error"),
    "class as function of builtins": (model(dense(activation=function("Dense"))), "KG705", "error"),
    "function as class": (model(layer("relu", "keras.activations")), "KG705", "error"),
    "an optimizer as layer": (model(layer("Adam", "keras.optimizers")), "KG705", "error"),
    "a layer as loss": (compiled(loss=layer("Dense", units=2)), "KG705", "error"),
    # A6: the switch
    "switch as layer": (model(layer("enable_unsafe_deserialization", "keras.config")), "KG706", "error"),
    "switch as activation": (model(dense(activation=SWITCH)), "KG706", "error"),
    "switch in a lambda": (model(layer("Lambda", function=SWITCH)), "KG706", "error"),
    "switch in a private module": (
        model(dense(activation=function("enable_unsafe_deserialization", "keras.src.saving.serialization_lib"))), "KG706", "error",
    ),
    "switch in a text": (model(layer("Rescaling", scale=1.0, extra=["keras.config.enable_unsafe_deserialization"])), "KG706", "error"),
    "safe_mode": (model(layer("Rescaling", scale=1.0, safe_mode=False)), "KG706", "error"),
    # A7, A8: what is held or loaded besides
    "torch": (model(layer("TorchModuleWrapper", module="UEsDBBQ=")), "KG707", "error"),
    "saved model": (model(layer("TFSMLayer", filepath="//host/share")), "KG708", "error"),
    # A9: files and URLs
    "vocabulary": (model(layer("StringLookup", vocabulary="/etc/passwd")), "KG709", "error"),
    "vocabulary by URL": (model(layer("TextVectorization", vocabulary="https://example.org/v")), "KG709", "error"),
    "vocabulary beside": (model(layer("IntegerLookup", vocabulary="vocabulary.txt")), "KG709", "warning"),
    "idf weights": (model(layer("StringLookup", vocabulary=["a"], idf_weights="../weights.npy")), "KG709", "error"),
    # A10: elsewhere than in layers
    "loss of os": (compiled(loss=function("system", "os")), "KG704", "error"),
    "loss of one output": (compiled(loss={"a": function("system", "os")}), "KG704", "error"),
    "metric of os": (compiled(metrics=[["acc", function("system", "os")]]), "KG704", "error"),
    "optimizer of os": (compiled(optimizer=layer("system", "os")), "KG704", "error"),
    "loss by text": (compiled(loss={"a": "os.system"}), "KG704", "error"),
    "schedule of os": (compiled(optimizer=layer("Adam", "keras.optimizers", learning_rate=layer("system", "os"))), "KG704", "error"),
    "build config": (model({**dense(), "build_config": {"shape": layer("system", "os")}}), "KG704", "error"),
    "call arguments": (model({**dense(), "inbound_nodes": [{"args": [], "kwargs": {"x": layer("system", "os")}}]}), "KG704", "error"),
    # A11: symbols
    "write_file": (model(old_op("io.write_file")), "KG710", "error"),
    "py_function": (model(old_op("py_function")), "KG710", "error"),
    "slicing that is none": (model(old_op("io.read_file", "SlicingOpLambda")), "KG710", "error"),
    "an old name": (model(old_op("compat.v1.py_func")), "KG710", "error"),
    "class method": (model(layer("ClassMethod", "tf_keras.src.layers.core.tf_op_layer", cls_symbol="train.Checkpoint", method_name="read")), "KG710", "error"),
    "graph node": (model(layer("TensorFlowOpLayer", None, node_def='{"name": "w", "op": "WriteFile"}')), "KG710", "error"),
    "graph node as text": (model(layer("TensorFlowOpLayer", None, node_def='name: "w"\nop: "EagerPyFunc"\n')), "KG710", "error"),
    # A16: JSON
    "a class without a name": (model({**dense(), "class_name": ["Dense"]}), "KG714", "warning"),
    "a large number": (model(layer("Dense", units=2**70)), "KG714", "warning"),
    "infinity": (model(layer("Rescaling", scale=float("inf"))), "KG714", "info"),
    # What is the user's own
    "a model of a hub": (model(layer("Rescaling", scale=1.0, handle="https://example.org/m")), "KG709", "info"),
    "a custom layer": (model({**layer("Scale", "mine.layers"), "registered_name": "mine>Scale"}), "KG703", "info"),
    "a custom layer of nowhere": (model({**layer("Scale", None), "registered_name": "Scale"}), "KG703", "info"),
    "a custom layer of keras_hub": (model(layer("Backbone", "keras_hub.models")), "KG703", "info"),
    "a custom activation": (model(dense(activation=function("mish_of_mine"))), "KG703", "info"),
    "a custom activation by text": (model(dense(activation="mish_of_mine")), "KG703", "info"),
    "a custom function in a Lambda": (model(layer("Lambda", function=function("mine"))), "KG702", "info"),
    "a layer of a newer release": (model(layer("NeverSeen")), "KG703", "info"),
    "a class that says it is another": (model({**dense(), "registered_name": "evil>Dense"}), "KG703", "warning"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_found_by_exactly_its_rule(name: str) -> None:
    description, rule, severity = ATTACKS[name]
    assert rules(description) == {rule: severity}
    assert rules(archive(description)) == {rule: severity}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_said(name: str) -> None:
    for finding in found(ATTACKS[name][0]):
        assert "$." in finding.message
        assert "Keras" in finding.message or finding.severity == "info" or finding.rule == "KG714"
        assert finding.message.isascii() and finding.message.isprintable()
        assert finding.help and finding.known == "recorded" and not finding.nodes
        assert len(finding.message) < 600


def wrapped(inner: Json) -> dict[str, Json]:
    """A layer where a scan of the top layers alone does not look."""
    return {
        "Sequential": layer("Sequential", "keras", layers=[inner]),
        "Functional": layer("Functional", "keras.src.models.functional", layers=[inner], input_layers=[], output_layers=[]),
        "Functional of Keras 2": layer("Functional", "tf_keras.src.engine.functional", layers=[inner]),
        "TimeDistributed": layer("TimeDistributed", layer=inner),
        "Bidirectional": layer("Bidirectional", layer=layer("LSTM", units=2), backward_layer=inner),
        "cell": layer("RNN", cell=inner),
        "cells": layer("RNN", cell=layer("StackedRNNCells", cells=[layer("LSTMCell", units=2), inner])),
        "Pipeline": layer("Pipeline", layers=[inner]),
        "old Sequential": {"class_name": "Sequential", "config": [inner]},
        "custom": layer("TimeDistributed", layer=layer("Sequential", "keras", layers=[layer("TimeDistributed", layer=inner)])),
        "build_config": {**dense(), "build_config": {"layer": inner}},
    }  # fmt: skip


@pytest.mark.parametrize("place", wrapped({}))
@pytest.mark.parametrize(("bad", "rule"), [
    (lambda_layer(), "KG701"), (old_lambda(), "KG701"), (layer("Lambda", function=function("system", "os")), "KG702"),
    (layer("system", "os"), "KG704"), (dense(activation=GET_FILE), "KG705"), (layer("TorchModuleWrapper"), "KG707"),
    (layer("TFSMLayer", filepath="x"), "KG708"), (layer("StringLookup", vocabulary="/x"), "KG709"),
    (old_op("io.write_file"), "KG710"),
], ids=["code", "code of keras 2", "function", "class", "get_file", "torch", "saved model", "vocabulary", "symbol"])  # fmt: skip
def test_no_nesting_hides_anything(place: str, bad: Json, rule: str) -> None:
    assert set(rules(model(wrapped(bad)[place]))) == {rule}
    assert not rules(model(wrapped(dense())[place]))


def test_nested_in_a_custom_layer() -> None:
    own = {**layer("Wrap", "mine", wrapped={"deep": [[layer("system", "os")]]}), "registered_name": "mine>Wrap"}
    assert rules(model(own)) == {"KG703": "info", "KG704": "error"}


def test_many_of_one_kind_are_one_finding_with_the_first_places() -> None:
    (finding,) = found(model(*[lambda_layer()] * 100_000))
    assert "at 100,000 places, $.config.layers[1].config.function, $.config.layers[2]" in finding.message
    assert len(finding.message) < 400


def test_many_different_names_are_a_few_findings_with_the_worst_first() -> None:
    many = [layer(f"Own{number}", "mine") for number in range(5_000)]
    everything = found(model(*many, layer("system", "os")))
    assert [finding.rule for finding in everything].count("KG703") == 21
    assert everything[20].message == "and 4,980 more like these"
    assert everything[21].rule == "KG704"


def test_long_names_and_paths_are_shortened() -> None:
    evil = layer("A" * 100_000, "os", **{"x" * 100_000: layer("system", "os")})
    for finding in found(model(evil)):
        assert len(finding.message) < 800


def test_a_key_that_would_break_the_line_is_quoted() -> None:
    (finding,) = found(model(dense(**{"a\n.b": layer("system", "os")})))
    assert "$.config.layers[1].config.'a\\n.b'" in finding.message


def test_a_file_without_a_graph_is_still_reported_on() -> None:
    report = kgraph.check(archive({"class_name": "Sequential", "config": {"layers": [layer("system", "os")]}}))
    assert [finding.rule for finding in report.findings] == ["KG704"]
    assert report.errors and report.exit_code() == 2


def test_a_file_with_a_graph_is_reported_on() -> None:
    report = kgraph.check(json.dumps(model(old_lambda(), old=True)))
    assert "KG701" in {finding.rule for finding in report.findings}
    assert report.graph.nodes == 2 and not report.errors and report.exit_code() == 1


def test_entries_that_stand_twice() -> None:
    text = json.dumps(model(dense())).replace('"units": 3', '"units": 3, "units": 4')
    (finding,) = found(text)
    assert finding.rule == "KG714" and "$.config.layers[1].config.units" in finding.message


@pytest.mark.parametrize(("name", "module"), [
    ("relu", "builtins"), ("relu", "keras.ops"), ("relu", "keras.activations"), ("l2_normalize", "keras.backend"),
    ("relu", "tensorflow.python.ops.gen_nn_ops"), ("abs", "keras.src.ops.numpy"), ("mean_squared_error", "keras.losses"),
])  # fmt: skip
def test_functions_that_a_lambda_may_name(name: str, module: str) -> None:
    assert not rules(model(layer("Lambda", function=function(name, module))))
    assert not rules(model(layer("Lambda", function=name, function_type="function", module=module), old=True))


def test_a_name_that_is_no_text_hides_nothing() -> None:
    assert rules(model({**layer("system", "os"), "registered_name": 5})) == {"KG704": "error", "KG714": "warning"}


def test_numbers_that_json_has_not_may_stand_in_arrays() -> None:
    array = {"class_name": "__numpy__", "config": {"value": [float("nan"), float("-inf")], "dtype": "float32"}}
    assert not found(model(dense(bias=array)))


def test_code_is_told_by_its_first_bytes() -> None:
    for source in ("lambda x: x", "x = 1\nprint(x)", "def f(a, b, /, *, c): return a"):
        for version in range(5):
            assert is_code(base64.b64encode(marshal.dumps(compile(source, "x", "exec"), version)).decode())

    def inner(x: Any, *, y: int = 2) -> Any:
        return x, y

    assert is_code(base64.encodebytes(marshal.dumps(inner.__code__)).decode())
    for text in ("", "4wEA", "glorot_uniform", "channels_last" * 3, "4" * 100, "Y29uZmlndXJhdGlvbiBpcyBub3QgY29kZQ=="):
        assert not is_code(text)


def test_packages_that_look_like_others() -> None:
    for package in ("kerasx", "keras_", "kera", "kreas", "keros", "tf_kera", "tensorf1ow", "k\u0435ras", "\u043aeras"):
        assert imitated(package), package
    for package in (
        "keras",
        "tf_keras",
        "qkeras",
        "autokeras",
        "keras_tuner",
        "keras_cv",
        "kernels",
        "mine",
        "gr\u00f6\u00dfe",
    ):
        assert imitated(package) is None, package
    assert skeleton("\u041a\u0435r\u0430s\u200b") == "keras"


def test_names_in_other_alphabets_that_imitate_nothing_are_the_users_own() -> None:
    assert rules(model({**layer("Gr\u00f6\u00dfe", "mine"), "registered_name": "mine>Gr\u00f6\u00dfe"})) == {
        "KG703": "info"
    }
    assert not rules(model(layer("Dense", units=2, kernel_name="\u5c64")))
