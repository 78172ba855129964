"""The same builders make a model of Keras 3 and of tf_keras: all that kgraph says of the two must be the same.

What tf_keras writes of a model is compared with what it records of the live one.
"""

from __future__ import annotations

import functools
import importlib
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import kgraph
from kgraph.errors import SourceError
from kgraph.frontends import config_keras2, live
from kgraph.frontends.assemble import assemble
from kgraph.frontends.contents import Dataset, Weights
from kgraph.frontends.keras2_implied import last_axis
from kgraph.graph import Function, Graph, Spec
from kgraph.ops import call_of, infer_specs, infer_weights
from kgraph.testing import ResNeXt, build_resnext, resnext_configs, truth
from kgraph.text import parse, show
from tests.frontends.keras2 import build, flavour, tf_keras
from tests.frontends.zoo import ZOO

pytestmark = pytest.mark.keras

UNBUILDABLE = {
    "activations": "activations of Keras 2 take other parameters, and are several functions of TensorFlow each",
    "constants": "keras.Variable is of Keras 3",
    "custom_operation": "keras.Operation is of Keras 3",
    "function": "keras.Function is of Keras 3",
    "function_from_the_middle": "keras.Function is of Keras 3",
    "input_listed_twice": "Keras 2 refuses it",
    "low_rank_adapted": "enable_lora is of Keras 3",
    "nested_function": "keras.Function is of Keras 3",
    "odd_names": "Keras 2 refuses such names",
    "quantised": "quantize is of Keras 3",
    "starred_arguments": "Keras 2 cannot record tf.meshgrid of tensors without a fixed batch",
    "unserializable_activation": "keras.ops as an activation is of Keras 3",
}
"""Models of the zoo that cannot be made of tf_keras, and why."""

DIFFERENT = {
    "attention": "Keras 3 records another shape of the attention scores",
    "custom_layers": "what raises in get_config says so in other words",
    "large_constant": "Keras 2 writes small arrays of indices as lists",
    "nested_with_a_call_of_its_own": "a model with a call of its own has no config in Keras 2",
    "nested_with_unknown_rank": "Keras 3 adds entries to the configs of custom layers",
    "opaque_lambdas": "the functions called are others",
    "output_listed_twice": "Keras 2 takes a list of one input for the input",
    "preprocessing": "the bins' numbers are int64 in Keras 2, int32 in Keras 3",
    "recorded_masks": "only Keras 3 records implicit masks as tensors",
}
"""Models that differ between the flavours, and why."""

UNWRITTEN = {
    "custom_layers": "Keras 2 refuses to write it",
    "opaque_lambdas": "Keras 2 refuses to write it",
    "subclass_of_functional": "Keras 2 writes nothing of a subclass that has a constructor of its own",
}
"""Models of which Keras 2 writes no description."""

OTHERWISE_WRITTEN = {
    "lambdas": "code in a file is not read",
    "nested_sharing_a_layer": "the file holds the layer twice, and Keras 2 loads two",
    "nested_with_a_call_of_its_own": "the file does not say in which function a class was defined",
    "nested_with_unknown_rank": "the file does not say in which function a class was defined",
}
"""Models whose description says less than the live model."""

BUILDABLE = [name for name in ZOO if name not in UNBUILDABLE]
WRITTEN = [name for name in BUILDABLE if name not in UNWRITTEN]

Operation = Callable[[Any, Any, Any], Any]

OPERATIONS: dict[str, Operation] = {
    "split": lambda ops, x, _: ops.split(x, 2, axis=-1)[1],
    "split at places": lambda ops, x, _: ops.split(x, [1, 4], axis=-1)[2],
    "concatenate": lambda ops, x, y: ops.concatenate([x, y], axis=-1),
    "stack": lambda ops, x, y: ops.stack([x, y], axis=1),
    "unstack": lambda ops, x, _: ops.unstack(x, axis=1)[2],
    "take": lambda ops, x, _: ops.take(x, [0, 2], axis=1),
    "mean of one axis": lambda ops, x, _: ops.mean(x, axis=1),
    "mean": lambda ops, x, _: ops.mean(x, axis=[1, 2], keepdims=True),
    "sum": lambda ops, x, _: ops.sum(x),
    "max": lambda ops, x, _: ops.max(x, axis=-1),
    "argmax": lambda ops, x, _: ops.argmax(x, axis=-1),
    "reshape": lambda ops, x, _: ops.reshape(x, (-1, 8, 48)),
    "transpose": lambda ops, x, _: ops.transpose(x, (0, 2, 1, 3)),
    "reversed": lambda ops, x, _: ops.transpose(x),
    "expand_dims": lambda ops, x, _: ops.expand_dims(x, 1),
    "squeeze": lambda ops, x, _: ops.squeeze(x[:, :1], axis=1),
    "pad": lambda ops, x, _: ops.pad(x, [[0, 0], [1, 1], [0, 2], [0, 0]]),
    "tile": lambda ops, x, _: ops.tile(x, [1, 2, 1, 1]),
    "cast": lambda ops, x, _: ops.cast(x, "int32"),
    "clip": lambda ops, x, _: ops.clip(x, 0.0, 1.0),
    "where": lambda ops, x, y: ops.where(x > 0.5, x, y),
    "zeros_like": lambda ops, x, _: ops.zeros_like(x),
    "resize": lambda ops, x, _: ops.image.resize(x, (4, 4)),
    "add": lambda ops, x, y: ops.add(x, y),
    "maximum": lambda ops, x, _: ops.maximum(x, 0.1),
    "plus": lambda _, x, y: x + y,
    "number first": lambda _, x, __: 0.1 - x,
    "number second": lambda _, x, __: x * 0.3,
    "array": lambda _, x, __: x + array(),
    "divide": lambda _, x, y: x / y,
    "floor": lambda _, x, y: x // y,
    "remainder": lambda _, x, y: x % y,
    "power": lambda _, x, __: x**2,
    "negative": lambda _, x, __: -x,
    "absolute": lambda _, x, __: abs(x),
    "compare": lambda ops, x, y: ops.equal(x, y),
    "relu": lambda ops, x, _: ops.relu(x),
    "gelu": lambda ops, x, _: ops.gelu(x, approximate=False),
    "gelu by tanh": lambda ops, x, _: ops.gelu(x),
    "silu": lambda ops, x, _: ops.silu(x),
    "softmax": lambda ops, x, _: ops.softmax(x, axis=-1),
    "softmax of an axis": lambda ops, x, _: ops.softmax(x, axis=1),
    "sqrt": lambda ops, x, _: ops.sqrt(x),
    "subscript": lambda _, x, __: x[:, 1:-1, ..., ::2],
}
"""Operations as a user of either flavour writes them."""


def array() -> Any:
    import numpy as np

    return np.arange(6, dtype="float32")


@functools.cache
def old_model(name: str) -> Any:
    return build(ZOO[name].__wrapped__)  # type: ignore[attr-defined]


@functools.cache
def old_graph(name: str, nested: str = "dissolve") -> Graph:
    return live.read(old_model(name), nested=nested)


@functools.cache
def written(name: str) -> Any:
    return json.loads(old_model(name).to_json())


def from_config(config: Any, **options: Any) -> Graph:
    return assemble(config_keras2.describe(config, **options))


def operation_model(keras: Any, operation: Operation) -> Any:
    x, y = keras.Input((8, 8, 6), name="x"), keras.Input((8, 8, 6), name="y")
    return keras.Model([x, y], operation(keras.ops, x, y))


# --- both flavours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILDABLE)
def test_both_flavours_give_the_same_graph(name: str) -> None:
    assert old_graph(name).equivalent(live.read(ZOO[name]())) == (name not in DIFFERENT)


@pytest.mark.parametrize("name", UNBUILDABLE)
def test_what_cannot_be_built_cannot_be_built(name: str) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError)):
        old_model(name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_functions_of_tensorflow_are_the_operations_of_keras_3(name: str) -> None:
    keras = importlib.import_module("keras")
    old = build(lambda keras: operation_model(keras, OPERATIONS[name]))
    graph = live.read(old)
    assert graph.equivalent(live.read(operation_model(keras, OPERATIONS[name])))
    assert not any(op.kind.startswith("custom.") for op in graph.ops.values())
    agrees(from_config(json.loads(old.to_json())), graph)


@settings(max_examples=25)
@given(resnext_configs())
def test_random_networks_of_both_flavours_are_the_same(config: ResNeXt) -> None:
    old = build(lambda keras: build_resnext(config, keras=keras))
    graph = live.read(old)
    assert graph.equivalent(without_lists_of_one(live.read(build_resnext(config))))
    known = truth(config)
    assert len(kgraph.fuse(graph).applied) == known.fusions
    read = from_config(json.loads(old.to_json()))
    if config.form in ("getitem", "split") and config.mutation != "late":
        assert read == graph
        assert len(kgraph.fuse(read).applied) == known.fusions
    else:
        assert list(read.ops) == list(graph.ops)
        assert read.operands == graph.operands


def without_lists_of_one(graph: Graph) -> Graph:
    """Keras 2 takes a list of one output for the output."""
    alone = isinstance(graph.outputs, tuple) and len(graph.outputs) == 1
    return Graph(graph.ops, graph.operands, graph.inputs, graph.outputs[0] if alone else graph.outputs)


@pytest.mark.parametrize("name", ["ResNet50", "EfficientNetB0", "DenseNet121", "MobileNetV3Small"])
def test_applications(name: str) -> None:
    keras = importlib.import_module("keras")
    tf_keras().backend.clear_session()
    old = getattr(tf_keras().applications, name)(weights=None)
    graph = live.read(old)
    if name == "MobileNetV3Small":  # tf_keras writes hard_swish out in operations
        assert any(op.config.get("activation") == "hard_silu" for op in new_application(keras, name).ops.values())
    else:
        assert graph.equivalent(new_application(keras, name))
    agrees(from_config(json.loads(old.to_json())), graph)
    verdicts = kgraph.check(graph).merges
    assert bool(verdicts) == (name != "DenseNet121")
    assert {verdict.verdict for verdict in verdicts} <= {"identical", "broadcast"}


def new_application(keras: Any, name: str) -> Graph:
    """Keras 3's own, whose authors count the channels from the front where they are the last axis."""
    graph = live.read(getattr(keras.applications, name)(weights=None))
    ops = {
        node: replace(op, config=last_axis(op.kind, op.config, graph.operand_specs(node)))
        for node, op in graph.ops.items()
    }
    return Graph(ops, graph.operands, graph.inputs, graph.outputs)


# --- live and written ----------------------------------------------------------------------------------------------


def agrees(read: Graph, lively: Graph) -> None:
    """All that a file says is true, and nothing is left unknown that ``ops/`` can tell."""
    assert list(read.ops) == list(lively.ops)
    assert (read.operands, read.inputs, read.outputs) == (lively.operands, lively.inputs, lively.outputs)
    for node, op in read.ops.items():
        true = lively.ops[node]
        assert (op.kind, op.layer, op.config, op.arguments) == (true.kind, true.layer, true.config, true.arguments)
        call = call_of(true, lively.operand_specs(node))
        if op.weights != true.weights:
            assert op.weights is None
            assert infer_weights(call) is None or any(spec.shape is None for spec in read.operand_specs(node))
        if op.outputs != true.outputs:
            assert infer_specs(call) is None or any(spec.shape is None for spec in read.operand_specs(node))
            pairs = zip(op.outputs, true.outputs, strict=False)
            assert all(spec.shape in (None, known.shape) for spec, known in pairs)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in OTHERWISE_WRITTEN])
def test_what_is_written_is_what_is_recorded(name: str) -> None:
    agrees(from_config(written(name)), old_graph(name))


@pytest.mark.parametrize(
    "name",
    ["plain", "mixed_precision", "channels_first", "shared_layer", "subscripts", "nested_twice", "nested_deeply",
     "nested_with_other_shapes", "nested_with_dicts", "sequential_built_later", "from_the_middle", "many_branches"],
)  # fmt: skip
def test_file_and_live_model_are_equal(name: str) -> None:
    read = from_config(written(name))
    assert read == old_graph(name)
    assert {op.known for op in read.ops.values() if not op.is_input} == {"proved"}


@pytest.mark.parametrize("name", OTHERWISE_WRITTEN)
def test_what_a_file_does_not_tell(name: str) -> None:
    read = from_config(written(name))
    assert list(read.ops) == list(old_graph(name).ops)
    assert read != old_graph(name)


def test_a_subclass_is_not_written() -> None:
    with pytest.raises(SourceError, match="^the description of the 'Net' lists no layers; expected a functional"):
        from_config(written("subclass_of_functional"))


@pytest.mark.parametrize("name", ["nested", "nested_twice", "nested_with_dicts", "nested_deeply"])
def test_nested_models_are_kept(name: str) -> None:
    read, lively = from_config(written(name), keep=True), old_graph(name, nested="keep")
    assert list(read.ops) == list(lively.ops)
    assert read.operands == lively.operands
    for node, op in read.ops.items():
        true = lively.ops[node]
        assert (op.kind, op.config, op.arguments) == (true.kind, true.config, true.arguments)
    assert any(op.kind.startswith("models.") for op in read.ops.values())


def test_code_in_a_file_is_not_read() -> None:
    read = from_config(written("lambdas"))
    functions = [read.ops[name].config["function"] for name in ("first", "second", "third")]
    assert all(isinstance(each, Function) and each.known == "unknown" for each in functions)
    assert len({each.digest for each in functions}) == 3
    assert read.ops["third"].config["arguments"] == {"stop": 3}
    assert from_config(written("lambdas")) == read
    assert read.ops["first"].outputs == (Spec((None, 8, 8, 3), "float32"),)
    assert read.ops["first"].known == "recorded"  # by what the next layer was built for


@pytest.mark.parametrize("name", ["layer_with_several_outputs", "attention", "wrappers", "preprocessing", "nested"])
def test_an_hdf5_file_says_what_its_weights_are(name: str, tmp_path: Path) -> None:
    h5py = importlib.import_module("h5py")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls the format legacy
        old_model(name).save(tmp_path / "model.h5", save_format="h5")
    with h5py.File(tmp_path / "model.h5") as file:
        config, weights = json.loads(file.attrs["model_config"]), structure(h5py, file)
    read, lively = from_config(config, weights=weights), old_graph(name)
    for node, op in read.ops.items():
        true = lively.ops[node]
        assert (op.kind, op.config, op.arguments) == (true.kind, true.config, true.arguments)
        assert op.weights == true.weights or (op.weights is None and true.weights == ())


def structure(h5py: Any, file: Any) -> Weights:
    datasets: dict[str, Dataset] = {}
    attributes: dict[str, Any] = {}

    def visit(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            datasets[path] = Dataset(path=path, shape=item.shape, dtype=str(item.dtype), size=item.nbytes)
        attributes[path] = {key: list(value) for key, value in item.attrs.items() if key == "weight_names"}

    file.visititems(visit)
    return Weights(datasets=datasets, attributes=attributes)


@pytest.mark.parametrize("name", [name for name in BUILDABLE if name not in ("custom_layers",)])
def test_the_text_form_round_trips(name: str) -> None:
    graph = old_graph(name)
    assert parse(show(graph)) == graph


# --- calls and classes of TensorFlow's own -------------------------------------------------------------------------


def tensorflow() -> Any:
    return importlib.import_module("tensorflow")


FOREIGN: dict[str, tuple[Callable[[Any, Any], Any], str, dict[str, Any]]] = {
    "shape": (lambda tf, x: tf.shape(x), "custom.tf.shape", {}),
    "transposed": (lambda tf, x: tf.matmul(x, x, transpose_b=True), "custom.tf.linalg.matmul", {"transpose_b": True}),
    "all sizes but one": (lambda tf, x: tf.split(x, [-1, 1], axis=1)[0], "custom.tf.split", {"axis": 1}),
    "int64": (lambda tf, x: tf.argmax(x, axis=-1), "custom.tf.math.argmax", {"axis": -1}),
    "beta": (lambda tf, x: tf.nn.silu(x, beta=2.0), "custom.tf.nn.silu", {"beta": 2.0}),
    "other function": (lambda tf, x: tf.linalg.band_part(x, 1, 0), "custom.tf.linalg.band_part", {"num_lower": 1}),
    "array": (lambda tf, x: tf.add_n([x, x]), "custom.tf.math.add_n", {}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_functions_without_an_equivalent_are_of_a_kind_of_their_own(name: str) -> None:
    function, kind, arguments = FOREIGN[name]
    x = tf_keras().Input((4, 4), name="x")
    model = tf_keras().Model(x, function(tensorflow(), x))
    graph = live.read(model)
    op = next(op for op in graph.ops.values() if not op.is_input)
    assert (op.kind, op.layer, op.config, op.weights) == (kind, None, {}, ())
    assert {key: op.arguments[key] for key in arguments} == arguments
    agrees(from_config(json.loads(model.to_json())), graph)


def test_methods_and_properties() -> None:
    tf, keras = tensorflow(), tf_keras()
    x = keras.Input((None,), ragged=True, name="x")
    lengths = keras.Input((), dtype="int64", name="lengths")
    values = keras.Input((), name="values")
    made = tf.RaggedTensor.from_row_lengths(values, lengths)
    model = keras.Model([x, lengths, values], [x.values, x.row_lengths(), made.to_tensor()])
    graph = live.read(model)
    kinds = {op.kind for op in graph.ops.values()}
    assert kinds >= {
        "custom.tf.RaggedTensor.from_row_lengths", "custom.tf.property.values", "custom.tf.method.row_lengths",
    }  # fmt: skip
    agrees(from_config(json.loads(model.to_json())), graph)


def test_an_equation_of_tensors() -> None:
    """Keras 2 does not write the operands down: the live model alone has them."""
    x, y = tf_keras().Input((3, 4), name="x"), tf_keras().Input((4, 5), name="y")
    graph = live.read(tf_keras().Model([x, y], tensorflow().einsum("bij,bjk->bik", x, y)))
    op = next(op for op in graph.ops.values() if not op.is_input)
    keras = importlib.import_module("keras")
    a, b = keras.Input((3, 4), name="x"), keras.Input((4, 5), name="y")
    assert op.kind == "ops.einsum"
    assert graph.equivalent(live.read(keras.Model([a, b], keras.ops.einsum("bij,bjk->bik", a, b))))


def test_layers_that_keras_3_does_not_have() -> None:
    x = tf_keras().Input((8, 3), name="x")
    layers = tf_keras().layers
    y = layers.LocallyConnected1D(2, 3, name="local")(x)
    model = tf_keras().Model(x, layers.ThresholdedReLU(name="threshold")(y))
    graph = live.read(model)
    assert [op.kind for op in graph.ops.values()][1:] == ["layers.LocallyConnected1D", "layers.ThresholdedReLU"]
    agrees(from_config(json.loads(model.to_json())), graph)


def test_configs_are_those_of_keras_3() -> None:
    """All but the defaults that differ, such as the recurrent activation of ConvLSTM1D."""

    def model(keras: Any) -> Any:
        layers = keras.layers
        x = keras.Input((8, 8, 4), name="x")
        y = layers.SeparableConv2D(4, 3, activation="swish", name="separable")(x)
        y = layers.DepthwiseConv2D(3, name="depthwise")(y)
        y = layers.Conv2DTranspose(4, 3, kernel_regularizer="l2", name="up")(y)
        y = layers.LayerNormalization(name="norm")(layers.ELU(0.3, name="elu")(layers.LeakyReLU(0.3, name="leaky")(y)))
        y = layers.SpatialDropout2D(0.5, name="dropout")(layers.RandomRotation(0.5, name="turn")(y))
        return keras.Model(x, layers.RandomContrast(0.5, name="contrast")(y))

    old = build(model)
    assert live.read(old).equivalent(live.read(model(importlib.import_module("keras"))))
    agrees(from_config(json.loads(old.to_json())), live.read(old))


# --- sources that are refused --------------------------------------------------------------------------------------


def test_a_wrong_source_says_what_it_is_and_what_to_do() -> None:
    keras = flavour()

    class Net(keras.Model):  # type: ignore[misc, name-defined]
        pass

    tensor = keras.Input((4,), name="x")
    for source, message in (
        (
            keras.Sequential([keras.layers.Dense(3)], name="stack"),
            "received the Sequential model 'stack', which is not",
        ),
        (Net(), r"received a subclassed keras.Model \(Net\), whose graph exists only while"),
        (keras.layers.Dense(3, name="dense"), r"received the Keras layer 'dense' \(Dense\), expected a model"),
        (keras.layers.Dense, "received the Keras 2 class Dense; pass an instance"),
        (tensor, "received a symbolic tensor, expected a model"),
    ):
        with pytest.raises(SourceError, match=f"^{message}[^\n]*$"):
            live.read(source)
    with pytest.raises(SourceError, match="nested must be 'dissolve' or 'keep', received 'both'"):
        live.read(old_model("plain"), nested="both")


def test_the_version_of_keras() -> None:
    assert live.keras_version(old_model("plain")) == tf_keras().__version__


def test_lambdas_are_run_only_when_asked() -> None:
    x = tf_keras().Input((6,), name="x")
    model = tf_keras().Model(x, tf_keras().layers.Lambda(lambda t: sliced(t), name="slice")(x))
    assert live.read(model).ops["slice"].config["function"].known == "unknown"
    assert live.read(model, run_lambdas=True).ops["slice"].config["function"].known == "tested"


def sliced(t: Any) -> Any:
    return t[..., :2]
