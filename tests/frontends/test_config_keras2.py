"""Descriptions that Keras 2 and tf_keras write, sound and broken; needs no Keras but where it says so."""

from __future__ import annotations

import copy
import json
import os
import re
from typing import Any

import pytest

from kgraph import Graph, Limits, extract, parse, show
from kgraph.errors import SourceError
from kgraph.frontends import assemble, config_keras2
from kgraph.frontends.config import is_keras_2
from kgraph.frontends.contents import Contents, Dataset, Weights
from kgraph.graph import FrozenDict, Function, Op, Slice, Spec, Value
from tests.frontends.mutating import described, graph_of, outcomes, without_code

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def from_config(config: Any, **options: Any) -> Graph:
    return assemble.assemble(config_keras2.describe(config, **options))


def dense(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 3, "activation": "linear", **config}}


def functional(rows: list[Any], outputs: Any = None, inputs: Any = None) -> dict[str, Any]:
    config = {"name": "m", "layers": rows, "input_layers": inputs or [["x", 0, 0]], "output_layers": outputs or OUT}
    return {"class_name": "Functional", "config": config}


def row(name: str, *calls: Any, kind: str = "ReLU", **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": list(calls)}


X = row("x", kind="InputLayer", batch_input_shape=[None, 4], dtype="float32")
OUT = [["y", 0, 0]]
FROM_X = [["x", 0, 0]]


# --- what is read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", described("keras2"))
def test_what_tf_keras_wrote_is_read(name: str) -> None:
    graph = graph_of(described("keras2")[name])
    assert parse(show(graph)) == graph
    assert graph == extract(json.dumps(described("keras2")[name]))
    kept = graph_of(described("keras2")[name], nested="keep")
    assert len(kept.ops) <= len(graph.ops)
    assert any(op.kind.startswith("models.") for op in kept.ops.values()) == (
        name in ("nested_twice", "nested_deeply", "nested_with_dicts", "nested_with_unknown_rank")
    )


@pytest.mark.parametrize("name", sorted(described("keras2").keys() & described("keras3").keys()))
def test_both_flavours_describe_the_same_calls(name: str) -> None:
    new, old = (graph_of(described(flavour)[name]) for flavour in ("keras3", "keras2"))
    assert [op.kind for op in old.ops.values()] == [op.kind for op in new.ops.values()]
    places = [{node: number for number, node in enumerate(graph.ops)} for graph in (new, old)]
    joined = [
        [[(place[value.node], value.out) for value in operands] for operands in graph.operands.values()]
        for place, graph in zip(places, (new, old), strict=True)
    ]
    assert joined[0] == joined[1]


def test_very_old_sequential_models_are_lists_of_layers() -> None:
    rows = [dense("first", batch_input_shape=[None, 4], kernel_initializer="glorot_uniform"), dense("second")]
    read = graph_of({"class_name": "Sequential", "config": rows, "keras_version": "2.1.0"})
    assert list(read.ops) == ["first_input", "first", "second"]
    assert read.ops["second"].outputs == (Spec((None, 3), "float32"),)
    assert read.name == "sequential"
    written = """
x = Input(shape=(4,))
y = Dense(3)(x)
z = Dense(3)(y)
model = Model(x, z)
"""
    assert read.equivalent(parse(written))


def test_a_sequential_model_may_start_with_a_model() -> None:
    inner = described("keras2")["plain"]
    read = from_config({"class_name": "Sequential", "config": {"name": "outer", "layers": [inner, dense("last")]}})
    assert list(read.ops) == ["plain_input", "plain/dense", "last"]
    assert read.ops["last"].outputs == (Spec((None, 3), "float32"),)
    assert read.name == "outer"


def test_an_embedding_takes_numbers() -> None:
    first = {
        "class_name": "Embedding",
        "config": {"name": "e", "input_dim": 3, "output_dim": 2, "batch_input_shape": [None, 5]},
    }
    read = graph_of({"class_name": "Sequential", "config": [first]})
    assert read.ops["e_input"].outputs == (Spec((None, 5), "int32"),)


def test_operations_of_tensorflow_2_0() -> None:
    rows = [X, row("y", [FROM_X[0] + [{}]], kind="AddV2TensorFlowOpLayer", node_def={"op": "AddV2"}, constants={})]
    assert graph_of(functional(rows)).ops["y"].kind == "custom.tf.raw_ops.AddV2"


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("TFOpLambda", {"function": "math.add"}, "ops.add"),
        ("TFOpLambda", {"function": "some.thing"}, "custom.tf.some.thing"),
        ("TFOpLambda", {"function": 3}, "custom.tf.3"),
        ("ClassMethod", {"cls_symbol": "RaggedTensor", "method_name": "f"}, "custom.tf.RaggedTensor.f"),
        ("InstanceMethod", {"attr_name": "f"}, "custom.tf.method.f"),
        ("InstanceProperty", {"attr_name": "f"}, "custom.tf.property.f"),
        ("TensorFlowOpLayer", {"node_def": 3}, "custom.tf.raw_ops.unknown"),
    ],
)
def test_layers_that_stand_for_functions(kind: str, config: Any, expected: str) -> None:
    op = graph_of(functional([X, row("y", ["x", 0, 0, {"y": 1.0}], kind=kind, **config)])).ops["y"]
    assert (op.kind, op.layer, op.config) == (expected, None, {})


SQUARE = ["x", 0, 0]
"""The tensor that enters, in a call of a function of TensorFlow."""


@pytest.mark.parametrize(
    ("symbol", "keywords", "kind", "arguments"),
    [
        ("split", {"num_or_size_splits": [1, 3], "axis": -1}, "ops.split", {"indices_or_sections": (1,), "axis": -1}),
        ("split", {"num_or_size_splits": [1, -1], "axis": -1}, "ops.split", {"indices_or_sections": (1,), "axis": -1}),
        ("split", {"num_or_size_splits": [-1, 1], "axis": -1}, "custom.tf.split", {"axis": -1}),
        ("split", {"num_or_size_splits": "x", "axis": -1}, "custom.tf.split", {"axis": -1}),
        ("gather", {"indices": [0, 1], "axis": 1}, "ops.take", {"indices": (0, 1), "axis": 1}),
        ("math.argmax", {"axis": -1, "output_type": "int32"}, "ops.argmax", {"axis": -1}),
        ("math.argmax", {"axis": -1}, "custom.tf.math.argmax", {"axis": -1}),
        ("math.reduce_sum", {"axis": 1}, "ops.sum", {"axis": (1,)}),
        ("math.reduce_sum", {"axis": [1], "keepdims": False}, "ops.sum", {"axis": (1,)}),
        ("nn.gelu", {}, "ops.gelu", {"approximate": False}),
        ("nn.silu", {"beta": 1.0}, "ops.silu", {}),
        ("nn.silu", {"beta": 2.0}, "custom.tf.nn.silu", {"beta": 2.0}),
        ("nn.softmax", {"axis": None}, "ops.softmax", {}),
        ("image.resize", {"size": [2, 2]}, "ops.image.resize", {"size": (2, 2)}),
        ("pad", {"paddings": [[0, 0], [1, 1]], "mode": "CONSTANT", "constant_values": 0}, "ops.pad", {}),
        ("squeeze", {"axis": []}, "ops.squeeze", {}),
        ("matmul", {"b": ["x", 0, 0], "transpose_b": True}, "custom.tf.matmul", {"transpose_b": True}),
        ("math.add", {"y": 0.10000000149011612}, "ops.add", {"x2": 0.1}),
        ("math.add", {"y": 1e300}, "ops.add", {"x2": 1e300}),
        ("math.add", {"y": [[1.0], [2.0, 3.0]]}, "ops.add", {"x2": ((1.0,), (2.0, 3.0))}),
        ("math.add", {"y": [10**30]}, "ops.add", {"x2": (10**30,)}),
        (
            "compat.v1.transpose",
            {"perm": {"class_name": "TensorShape", "items": [1, 0]}},
            "ops.transpose",
            {"axes": (1, 0)},
        ),
    ],
)
def test_functions_of_tensorflow(symbol: str, keywords: Any, kind: str, arguments: Any) -> None:
    call = [*SQUARE, keywords]
    op = graph_of(functional([X, row("y", call, kind="TFOpLambda", function=symbol)])).ops["y"]
    assert op.kind == kind
    assert {key: op.arguments[key] for key in arguments} == arguments


def test_a_small_array_is_a_constant() -> None:
    op = graph_of(
        functional([X, row("y", [*SQUARE, {"y": [1, 2, 3, 4]}], kind="TFOpLambda", function="math.add")])
    ).ops["y"]
    assert (op.arguments["x2"].dtype, op.arguments["x2"].values) == ("int32", (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("LeakyReLU", {"alpha": 0.30000001192092896}, {"negative_slope": 0.3}),
        ("RandomRotation", {"factor": 0.5}, {"factor": (-0.5, 0.5)}),
        ("RandomRotation", {"factor": [0.1, 0.5]}, {"factor": (0.1, 0.5)}),
        ("SeparableConv2D", {"filters": 2, "kernel_size": 3, "kernel_initializer": "zeros"}, {"kernel_size": (3, 3)}),
        ("Bidirectional", {"layer": 3}, {"layer": 3}),
        ("Dense", {"units": 2, "activation": "swish"}, {"activation": "silu"}),
        ("Dense", {"units": 2, "rate": 1e300, "other": float("inf")}, {"rate": 1e300, "other": float("inf")}),
    ],
)
def test_configs_are_those_of_keras_3(kind: str, config: Any, expected: Any) -> None:
    found = graph_of(functional([X, row("y", FROM_X, kind=kind, **config)])).ops["y"].config
    assert {key: found[key] for key in expected} == expected
    assert "kernel_initializer" not in found or kind == "Dense"


def test_lists_of_one_and_subscripts_of_old_releases() -> None:
    whole = {"class_name": "slice", "config": {"start": 1, "stop": None, "step": None}}
    call = [*SQUARE, {"slice_spec": [{"class_name": "__ellipsis__"}, whole]}]
    get = row("y", call, kind="SlicingOpLambda", function="__operators__.getitem")
    join = row("z", [["y", 0, 0]], kind="Concatenate", axis=-1)
    graph = graph_of(functional([X, get, join], [["z", 0, 0]], [["x", 0, 0], ["x", 0, 0]]))
    assert graph.ops["y"].arguments["key"] == (..., Slice(1))
    assert graph.ops["z"].outputs == (Spec((None, 3), "float32"),)
    assert isinstance(graph.ops["z"].arguments["inputs"], tuple)
    assert graph.inputs == (Value("x"), Value("x"))


def test_layers_of_one_name_have_ids_of_their_own() -> None:
    """As only live models and nested ones can have them."""
    inner = {**functional([X, row("y", FROM_X)]), "name": "a", "inbound_nodes": [FROM_X]}
    calls = (
        assemble.Call("x", 0, "layers.InputLayer", FrozenDict(), FrozenDict(), (), (Spec((None, 4), "float32"),)),
        *(
            assemble.Call(
                "y",
                key,
                "layers.ReLU",
                FrozenDict(),
                FrozenDict(inputs=assemble.Ref(key - 1)),
                (),
                (Spec((None, 4), "float32"),),
            )
            for key in (1, 2, 3)
        ),
    )
    graph = assemble.assemble(assemble.Model("m", calls, assemble.Ref(0), assemble.Ref(3)))
    assert list(graph.ops) == ["x", "y", "y~1", "y~2"]
    assert list(graph_of(functional([X, inner], [["a", 1, 0]])).ops) == ["x", "a/y"]


def test_a_model_that_starts_in_the_middle() -> None:
    read = graph_of(functional([row("m", kind="Dense", units=3), row("y", [["m", 0, 0]])], inputs=[["m", 0, 0]]))
    assert read.inputs == Value("m")
    assert read.ops["m"].outputs == (Spec(None, "float32"),)
    assert (read.ops["y"].outputs, read.ops["y"].known) == ((Spec(None, "float32"),), "unknown")


def test_a_model_of_a_class_of_ones_own_is_called_late_whether_its_module_is_written_or_not() -> None:
    net = {"class_name": "Net", "name": "net", "config": {}, "inbound_nodes": [[["x", 0, 0, {}]]]}
    for more in ({}, {"module": "my.code"}):
        read = graph_of(functional([X, {**net, **more}, row("y", [["net", 1, 0]])]))
        assert read.operands["y"] == (Value("net"),)
        assert read.ops["net"].kind.startswith("custom.")
        assert "arg0" in read.ops["net"].arguments


def test_weights_of_an_hdf5_file() -> None:
    names = ("y/kernel:0", "y/odd:0")
    data = {f"model_weights/y/{name}": Dataset(path="", shape=(4, 3), dtype="float32", size=0) for name in names}
    stored = Weights(datasets=data, attributes={"model_weights/y": {"weight_names": list(names)}})
    config = functional([X, row("y", [FROM_X[0]], kind="Thing")])
    found = from_config(config, weights=stored).ops["y"].weights
    assert [(weight.name, weight.shape) for weight in found or ()] == [("kernel", (4, 3)), ("odd", (4, 3))]
    for broken in (
        Weights(datasets=data),
        Weights(datasets={}, attributes=stored.attributes),
        Weights(datasets=data, attributes={"y": {"weight_names": 3}}),
    ):
        assert from_config(config, weights=broken).ops["y"].weights is None


@pytest.mark.parametrize(
    ("kernel", "config", "shape"),
    [
        ((3, 3, 2, 5), {}, (None, None, None, 2)),
        ((3, 3, 2, 5), {"data_format": "channels_first"}, (None, 2, None, None)),
        ((3, 3, 2, 6), {"groups": 3}, (None, None, None, 6)),
        ((3, 3, 2, 5), {"groups": "x"}, None),
        ((3, 2), {}, None),
        (None, {}, None),
    ],
)
def test_the_kernel_of_the_next_convolution_tells_what_a_lambda_makes(kernel: Any, config: Any, shape: Any) -> None:
    made = row("y", FROM_X, kind="Lambda", function=CODE, dtype="float32")
    conv = row("z", [["y", 0, 0]], kind="Conv2D", filters=5, kernel_size=3, **config)
    image = row("x", kind="InputLayer", batch_input_shape=[None, 8, 8, 8], dtype="float32")
    data = {"z/z/kernel:0": Dataset(path="", shape=kernel, dtype="float32", size=0)} if kernel else {}
    stored = Weights(datasets=data, attributes={"z": {"weight_names": ["z/kernel:0"]}})
    graph = from_config(functional([image, made, conv], [["z", 0, 0]]), weights=stored)
    assert graph.ops["y"].outputs == (Spec(shape, "float32"),)


def test_which_keras_wrote_it() -> None:
    new, old = described("keras3")["plain"], described("keras2")["plain"]
    assert [is_keras_2(Contents(format="json"), config) for config in (new, old)] == [False, True]
    start = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Thing", "config": {}}]}}
    for version, is_old in (("2.3.1", True), ("3.1.0", False), (None, False), (3, False)):
        assert is_keras_2(Contents(format="json"), {**start, "keras_version": version}) == is_old
        assert is_keras_2(Contents(format="json", metadata={"keras_version": version}), start) == is_old
    lambdas = {
        "class_name": "Thing",
        "config": {"layers": [{"class_name": "Lambda", "config": {"function_type": "lambda"}}]},
    }
    assert is_keras_2(Contents(format="json"), {**lambdas, "keras_version": "3.0"})


# --- Lambdas -------------------------------------------------------------------------------------------------------

CODE = ["4wEA\nAAA=", None, None]
BUILT = {"build_config": {"input_shape": [None, 2]}}


def lambda_model(function: Any = CODE, after: Any = BUILT, calls: Any = (FROM_X,), **config: Any) -> Graph:
    made = row(
        "y",
        *calls,
        kind="Lambda",
        function=function,
        function_type="lambda",
        dtype="float32",
        module="my.code",
        **config,
    )
    last = {**row("z", [["y", 0, 0]], kind="Dense", units=3), **after}
    wide = row("x", kind="InputLayer", batch_input_shape=[None, 8], dtype="float32")
    return graph_of(functional([wide, made, last], [["z", 0, 0]]))


def test_slices_by_arguments_are_assumed_where_the_next_layer_was_built_for_them() -> None:
    op = lambda_model(arguments={"start": 2, "stop": 4}).ops["y"]
    assert op.config["function"].selection == (..., Slice(2, 4))
    assert op.config["function"].known == "assumed"
    assert (op.config["arguments"], op.known) == ({}, "recorded")
    for graph in (
        lambda_model(arguments={"start": 2, "stop": 5}),
        lambda_model(arguments={"start": 2, "stop": 4}, after={}),
        lambda_model(arguments={"start": 2}),
        lambda_model(arguments={"start": 2, "stop": 4}, after={"build_config": {"input_shape": "wide"}}),
        lambda_model(
            arguments={"start": 2, "stop": 4}, after={"build_config": {"input_shape": [[None, 2], [None, 2]]}}
        ),
    ):
        assert graph.ops["y"].config["function"].known == "unknown"
        assert graph.ops["y"].config["arguments"]["start"] == 2


def test_a_shared_lambda_is_settled_once() -> None:
    made = row("y", FROM_X, [["w", 0, 0]], kind="Lambda", function=CODE, arguments={"start": 2, "stop": 4})
    rows = [row(name, kind="InputLayer", batch_input_shape=[None, size]) for name, size in (("x", 8), ("w", 9))]
    z = {**row("z", [["y", 0, 0], ["y", 1, 0]], kind="Add"), "build_config": {"input_shape": [[None, 2], [None, 2]]}}
    graph = graph_of(functional([*rows, made, z], [["z", 0, 0]], [["x", 0, 0], ["w", 0, 0]]))
    assert graph.ops["y"].config == graph.ops["y:1"].config
    assert graph.ops["y"].config["function"].known == "assumed"
    assert graph.ops["y:1"].outputs == (Spec((None, 2), "float32"),)


def test_functions_are_told_apart_and_not_read() -> None:
    function = lambda_model().ops["y"].config["function"]
    assert function == lambda_model().ops["y"].config["function"]
    assert (function.known, function.captures) == ("unknown", ())
    closed = lambda_model(["4wEAAAA=", None, [3]]).ops["y"].config["function"]
    assert closed.digest == function.digest
    assert [capture.value for capture in closed.captures] == [3]
    named = lambda_model("take").ops["y"].config["function"]
    assert named == Function("name my.code.take")
    mask = lambda_model(mask=CODE, mask_type="lambda", output_shape=[3], output_shape_type="raw").ops["y"].config
    assert isinstance(mask["mask"], Function)
    assert mask["output_shape"] == (3,)


# --- what is refused -----------------------------------------------------------------------------------------------

HOSTILE: dict[str, tuple[Any, str]] = {
    "no object": ([], "the model is described by a list; expected a JSON object"),
    "no layers": ({"class_name": "Net", "config": {}}, "the description of the 'Net' lists no layers; expected"),
    "no config": (functional([3], OUT), "layer number 0 is described by a int; expected a JSON object"),
    "no layer": (functional([{"class_name": "ReLU"}], OUT), "layer number 0 is no layer; expected the entries"),
    "calls": (functional([{**X, "inbound_nodes": 3}], OUT), r"the inbound_nodes of layer number 0 \(InputLayer\) are"),
    "two of a name": (functional([X, X], OUT), "two layers are named 'x'; names tell which layer"),
    "outputs": (functional([X], [3]), r"the output_layers are not lists of \[layer, call, output\]"),
    "no outputs": (
        {"class_name": "Functional", "config": {"layers": [X], "input_layers": []}},
        "the model has input_layers and no output_layers",
    ),
    "missing": (functional([X], OUT), "a connection names the layer 'y', which the model does not have"),
    "call": (functional([X, row("y", 3)], OUT), "a call of the layer 'y' is written as '3'; expected a list"),
    "number": (functional([X, row("y", [["x", 0, 0]])], [["y", 7, 0]]), "a connection names output 0 of call 7 of the"),
    "output": (functional([X, row("y", [["x", 0, 0]])], [["y", 0, 10**12]]), "a connection names output 10000000000"),
    "output of an input": (functional([X, row("y", [["x", 0, 3]])], OUT), "output 3 of the input 'x' is used"),
    "second output": (functional([X, row("y", [["x", 0, 0]])], [["y", 0, 1]]), "output 1 of 'y'.* is used, but it has 1"),
    "cycle": (functional([X, row("y", [["z", 0, 0]]), row("z", [["y", 0, 0]])], OUT), "the layer '[yz]' is part of a cycle"),
    "self": (functional([X, row("y", [["y", 0, 0]])], OUT), "the layer 'y' is part of a cycle"),
    "never called": (functional([X, row("y")], OUT), "the layer 'y' is used, but is never called and is none of"),
    "an input more": (functional([X, {**X, "name": "y"}], OUT), "the layer 'y' is used, but is never called"),
    "a called input": (functional([X, {**X, "name": "y", "inbound_nodes": [[["x", 0, 0]]]}], OUT), "the input 'y' is called"),
    "shape": (functional([row("x", kind="InputLayer", batch_input_shape=[-3])], [["x", 0, 0]]), "the input 'x' has the shape"),
    "never built": (
        {"class_name": "Sequential", "config": {"name": "s", "layers": [dense("first")]}},
        "the Sequential model was never built: neither an input nor its first layer 'first' has a shape; call",
    ),
    "bidirectional": (
        functional([X, row("y", FROM_X, kind="Bidirectional", layer={"class_name": "LSTM", "config": 3})], OUT),
        r"the layer 'y' \(Bidirectional\) cannot be made of its config: TypeError: ",
    ),
    "a function": (
        functional([X, row("y", FROM_X, kind="Lambda", function=3)], OUT), "function: expected a function, received 3"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_description_is_refused_in_one_line(name: str) -> None:
    config, message = HOSTILE[name]
    with pytest.raises(SourceError, match=f"^{message}[^\n]*$"):
        from_config(config)


@pytest.mark.parametrize(
    "layer",
    [
        row("y", FROM_X, kind="Dense", units="many"),
        row("y", FROM_X, kind="ZeroPadding2D", padding=[None, 3]),
        row("y", FROM_X, kind="Conv2D", filters=-1, kernel_size={}),
    ],
)
def test_a_config_of_which_nothing_can_be_made_says_nothing(layer: Any) -> None:
    op = graph_of(functional([X, layer])).ops["y"]
    assert (op.outputs, op.known) == ((Spec(None, "float32"),), "unknown")


def test_what_an_inference_raises_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("by\nzero")

    def odd(*_: object, **__: object) -> Any:
        return (Spec((None, "many"), "float32"),)  # pyright: ignore[reportArgumentType]

    start = re.escape("the layer 'y' (layers.ReLU) cannot be made of its config: ")
    for inference, said in (
        (broken, "ZeroDivisionError: by zero"),
        (odd, r"ValueError: the shape would be \(None, 'many'\)"),
    ):
        monkeypatch.setattr(assemble, "implied_specs", inference)
        with pytest.raises(SourceError, match=f"^{start}{said}$"):
            graph_of(functional([X, row("y", FROM_X)]))
    with pytest.raises(SourceError, match="^an operation"):
        graph_of(functional([X, row("y", ["x", 0, 0, {}], kind="TFOpLambda", function="nn.relu")]))


def test_a_nested_model_has_so_many_outputs() -> None:
    config = copy.deepcopy(described("keras2")["nested_twice"])
    last = next(layer for layer in config["config"]["layers"] if layer["name"] == "minus")
    last["inbound_nodes"] = [[["encoder", 1, 4, {}], ["encoder", 2, 0, {}]]]
    with pytest.raises(SourceError, match="^output 4 of the model 'encoder' is used, but it has 1, from 0$"):
        from_config(config)


def test_a_nested_model_on_too_few_tensors() -> None:
    config = copy.deepcopy(described("keras2")["nested_with_dicts"])
    inner = next(layer for layer in config["config"]["layers"] if layer["name"] == "inner")
    inner["inbound_nodes"] = [[["x", 0, 0, {}]]]
    with pytest.raises(SourceError, match="^the nested model 'inner' has 2 inputs, but is called on 1 tensors$"):
        from_config(config)


# --- systematic and large ------------------------------------------------------------------------------------------

WHOLE = ("plain", "dict_inputs_and_outputs", "sequential_built_later")
"""Descriptions of which every entry is replaced; of the others every so many."""


@pytest.mark.parametrize("name", described("keras2"))
def test_whatever_stands_in_place_of_an_entry_gives_a_graph_or_one_line(name: str) -> None:
    config = described("keras2")[name]
    graphs = lines = 0
    for outcome in outcomes(config, 1 if LONG or name in WHOLE else 11):
        if isinstance(outcome, Graph):
            graphs += 1
            continue
        lines += 1
        assert "\n" not in outcome
        assert 0 < len(outcome) < 500
    assert graphs
    assert graphs + lines >= 50
    assert config == described("keras2")[name]


def test_models_nested_twice_a_level_break_the_limit_at_once() -> None:
    def model(levels: int) -> Any:
        found = functional([X, row("y", FROM_X)])
        for level in range(levels):
            inner = {**found, "name": f"n{level}", "inbound_nodes": [[["x", 0, 0]], [[f"n{level}", 1, 0]]]}
            found = functional([X, inner], [[f"n{level}", 2, 0]])
        return found

    with pytest.raises(
        SourceError, match=re.escape("the graph would have 1.099511628e+12 calls; the limit is 2,000,000")
    ):
        extract(json.dumps(model(40)))
    assert len(graph_of(model(4)).ops) == 2**4 + 1
    with pytest.raises(SourceError, match=re.escape("the graph would have 17 calls; the limit is 16 (nodes)")):
        graph_of(model(4), limits=Limits(nodes=16))


def test_ten_thousand_deep() -> None:
    argument: Any = 1
    for _ in range(10_000):
        argument = [argument]
    for call in ([["x", 0, 0, {"a": argument}]], argument):
        with pytest.raises(SourceError, match="^an entry of its description is nested too deeply$"):
            graph_of(functional([X, row("y", call)]))
    rows = [X, *(row(f"r{i}", [[f"r{i - 1}" if i else "x", 0, 0]]) for i in range(3_000))]
    assert len(graph_of(functional(rows, [["r2999", 0, 0]])).ops) == 3_001


def test_an_op_of_a_file_is_plain_data() -> None:
    op = from_config(described("keras2")["wrappers"]).ops["both"]
    assert isinstance(op, Op)
    assert isinstance(op.config, FrozenDict)


@pytest.mark.keras
@pytest.mark.parametrize("name", described("keras2"))
def test_it_is_still_what_tf_keras_writes(name: str) -> None:
    from tests.frontends.keras2 import build
    from tests.frontends.zoo import ZOO

    written = json.loads(build(ZOO[name].__wrapped__).to_json())  # type: ignore[attr-defined]
    assert graph_of(without_code(written)) == graph_of(without_code(described("keras2")[name]))
