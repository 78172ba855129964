"""Descriptions that Keras 3 writes, sound and broken; needs no Keras but where it says so."""

from __future__ import annotations

import json
import os
import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from kgraph import Graph, Limits, extract, parse, show
from kgraph.errors import SourceError
from kgraph.frontends.config import read
from kgraph.frontends.contents import Contents
from kgraph.graph import Constant, FrozenDict, Function, Slice, Slot, Spec, Value
from tests.frontends.mutating import described, graph_of, outcomes, without_code

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

Row = dict[str, Any]


def tensor(layer: str, call: int = 0, out: int = 0, shape: Any = (None, 4), dtype: Any = "float32") -> Row:
    shape = list(shape) if isinstance(shape, tuple) else shape
    config: Row = {"shape": shape, "dtype": dtype, "keras_history": [layer, call, out]}
    return {"class_name": "__keras_tensor__", "config": config}


def node(*args: Any, **kwargs: Any) -> Row:
    return {"args": list(args), "kwargs": kwargs}


def row(name: str, *nodes: Any, kind: str = "ReLU", module: Any = "keras.layers", **config: Any) -> Row:
    found = {"name": name, "trainable": True, "dtype": "float32", **config}
    return {"module": module, "class_name": kind, "name": name, "config": found, "inbound_nodes": list(nodes)}


def entry(name: str = "x", shape: Any = (None, 4)) -> Row:
    made = row(name, kind="InputLayer", batch_shape=list(shape) if isinstance(shape, tuple) else shape)
    del made["config"]["trainable"]
    return made


def functional(rows: list[Any], outputs: Any = None, inputs: Any = None, **more: Any) -> Row:
    outputs = ["y", 0, 0] if outputs is None else outputs
    config: Row = {"name": "m", "layers": rows, "input_layers": inputs or ["x", 0, 0], "output_layers": outputs}
    return {"module": "keras", "class_name": "Functional", "config": {**config, **more}}


def sequential(rows: list[Any], **more: Any) -> Row:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": rows, **more}}


X = entry()
Y = row("y", node(tensor("x")))


def layer(**config: Any) -> Row:
    return functional([X, row("y", node(tensor("x")), **config)])


def lambda_of(function: Any, **config: Any) -> Row:
    return layer(kind="Lambda", function=function, arguments={}, **config)


# --- what is read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", described("keras3"))
def test_what_keras_wrote_is_read(name: str) -> None:
    graph = graph_of(described("keras3")[name])
    assert parse(show(graph)) == graph
    assert graph == extract(json.dumps(described("keras3")[name]))
    assert len(graph_of(described("keras3")[name], nested="keep").ops) <= len(graph.ops)


def test_what_get_config_returns_is_read_too() -> None:
    whole = described("keras3")
    for name in ("plain", "sequential"):
        assert graph_of(whole[name]["config"]) == graph_of(whole[name])


def test_shapes_that_are_recorded_come_first() -> None:
    z = row("z", node(tensor("y", shape=(None, 9))))
    graph = graph_of(functional([X, Y, z], ["z", 0, 0]))
    assert graph.ops["y"].outputs == (Spec((None, 9), "float32"),)
    assert (graph.ops["y"].known, graph.ops["z"].known) == ("recorded", "proved")
    graph = graph_of(functional([entry(shape=(None, 3)), Y]))
    assert graph.ops["x"].outputs == (Spec((None, 4), "float32"),)


def test_custom_layers_are_opaque() -> None:
    custom = row("y", node(tensor("x"), 3, mode="a"), kind="Thing", module="my.code", units=3)
    graph = graph_of(functional([X, custom, row("z", node(tensor("y", shape=(None, 7))))], ["z", 0, 0]))
    op = graph.ops["y"]
    assert (op.kind, op.layer, op.weights) == ("custom.my.code.Thing", "y", None)
    assert op.arguments == {"arg0": Slot(0), "arg1": 3, "mode": "a"}
    assert op.outputs == (Spec((None, 7), "float32"),)
    last = graph_of(functional([X, custom])).ops["y"]
    assert (last.outputs, last.known) == ((Spec(None, "float32"),), "unknown")


def test_a_custom_operation_has_an_identity_and_keras_own_have_none() -> None:
    shift = {**row("y", node(tensor("x")), kind="Shift", module="my.code"), "config": {"name": "y", "by": 2}}
    assert graph_of(functional([X, shift])).ops["y"].layer == "y"
    add = {**row("y", node(tensor("x"), 1.0), kind="Add", module="keras.src.ops.numpy"), "config": {"name": "y"}}
    op = graph_of(functional([X, add])).ops["y"]
    assert (op.kind, op.layer, op.arguments) == ("ops.add", None, {"x1": Slot(0), "x2": 1.0})


@pytest.mark.parametrize(
    ("name", "config", "kind"),
    [
        ("Dense", {"units": 2}, "layers.Dense"),
        ("Discretization", {}, "layers.Discretization"),
        ("Add", {}, "ops.add"),
        ("Split", {}, "ops.split"),
        ("Add", {"trainable": True}, "layers.Add"),
        ("pkg>Thing", {"trainable": True}, "custom.pkg.Thing"),
        ("Thing", {}, "custom.Thing"),
    ],
)
def test_kinds_without_a_module_as_in_hdf5_files(name: str, config: Any, kind: str) -> None:
    bare = {"class_name": name, "config": {"name": "y", **config}, "inbound_nodes": [node(tensor("x"))]}
    assert graph_of(functional([X, bare])).ops["y"].kind == kind


def test_arrays_slices_and_structures_in_arguments() -> None:
    get: Row = {**row("y", node(tensor("x", shape=(None, 4, 4))), kind="GetItem", module="keras.src.ops.numpy")}
    array: Row = {"class_name": "__numpy__", "config": {"value": [[1.0, 2.0]], "dtype": "float32"}}
    cut = {"class_name": "__slice__", "config": {"start": 1, "stop": None, "step": {"class_name": "y", "config": 2}}}
    get["inbound_nodes"][0]["kwargs"] = {"a": array, "b": cut, "c": {"k": [tensor("x", shape=(None, 4, 4))]}}
    get["config"] = {"name": "y"}
    arguments = graph_of(functional([entry(shape=(None, 4, 4)), get])).ops["y"].arguments
    assert arguments["c"] == {"k": (Slot(1),)}
    assert isinstance(arguments["a"], Constant)
    assert (arguments["a"].shape, arguments["a"].values) == ((1, 2), ((1.0, 2.0),))
    assert isinstance(arguments["b"], Slice)


@pytest.mark.parametrize(
    ("value", "dtype", "digest_of"),
    [
        ([1, 2], "bfloat16", "bfloat16"),
        (["a", "b"], "object", "string"),
        ([1, 2], "float8", "float8"),
        (3, "int8", "int8"),
    ],
)
def test_arrays_of_any_dtype(value: Any, dtype: str, digest_of: str) -> None:
    array = {"class_name": "__tensor__", "config": {"value": value, "dtype": dtype}}
    op = graph_of(functional([X, row("y", node(tensor("x"), array), kind="Thing", module="my")])).ops["y"]
    assert op.arguments["arg1"].dtype == digest_of


def test_a_large_array_keeps_its_digest_alone() -> None:
    made = [
        graph_of(functional([X, row("y", node(tensor("x"), array), kind="Thing", module="my")]))
        .ops["y"]
        .arguments["arg1"]
        for array in (
            {"class_name": "__numpy__", "config": {"value": [float(i == j) for i in range(65)], "dtype": "float32"}}
            for j in (1, 2)
        )
    ]
    assert made[0].values is None
    assert made[0] != made[1]


def test_calls_of_nested_models_count_from_one_in_the_outputs_alone() -> None:
    inner: Row = {**functional([X, Y]), "name": "inner", "inbound_nodes": [node(tensor("x"))]}
    inner["config"]["name"] = "inner"
    z = row("z", node(tensor("inner")))
    for outputs in (["inner", 1, 0], ["inner", 0, 0]):
        assert list(graph_of(functional([X, inner], outputs)).ops) == ["x", "inner/y"]
    assert list(graph_of(functional([X, inner, z], ["z", 0, 0])).ops) == ["x", "inner/y", "z"]


def test_a_nested_model_on_another_shape_has_shapes_of_its_own() -> None:
    dense = row("y", node(tensor("x", shape=(None, None, 4))), kind="Dense", units=3)
    inner: Row = {**functional([entry(shape=(None, None, 4)), dense]), "name": "inner"}
    inner["inbound_nodes"] = [node(tensor("a", shape=(2, 5, 4)))]
    graph = graph_of(functional([entry("a", (2, 5, 4)), inner], ["inner", 1, 0], ["a", 0, 0]))
    assert graph.ops["inner/y"].outputs == (Spec((2, 5, 3), "float32"),)
    assert graph.inputs == Value("a")


def test_a_nested_model_that_gives_its_input_out_and_one_that_is_called_by_name() -> None:
    rows = [entry("a"), entry("b"), row("r", node(tensor("a")))]
    inner: Row = {**functional(rows, [["b", 0, 0], ["r", 0, 0]], [["a", 0, 0], ["b", 0, 0]]), "name": "inner"}
    inner["inbound_nodes"] = [node({"b": tensor("x"), "a": tensor("w")})]
    graph = graph_of(functional([X, entry("w"), inner], [["inner", 1, 0], ["inner", 1, 1]], [["x", 0, 0], ["w", 0, 0]]))
    assert graph.outputs == (Value("x"), Value("inner/r"))
    assert graph.operands["inner/r"] == (Value("w"),)


def test_sequential_models() -> None:
    dense = [row("d", kind="Dense", units=3), row("e", kind="Dense", units=2)]
    graph = graph_of(sequential([X, *dense]))
    assert list(graph.ops) == ["x", "d", "e"]
    later = graph_of(sequential(dense, build_input_shape=[None, 4]))
    assert list(later.ops) == ["input_layer", "d", "e"]
    assert later.equivalent(graph)
    opaque = row("d", kind="Thing", module="my")
    built = {**row("e", kind="Dense", units=2), "build_config": {"input_shape": [None, 7]}}
    assert graph_of(sequential([X, opaque, built])).ops["d"].outputs == (Spec((None, 7), "float32"),)
    several: Row = {**built, "build_config": {"input_shape": [[None, 7], [None, 8]]}}
    assert graph_of(sequential([X, opaque, several])).ops["d"].outputs == (Spec(None, "float32"),)


def test_what_comes_of_a_layer_with_several_outputs_goes_on_in_a_sequential_model() -> None:
    both = row("d", kind="LSTM", units=3, return_state=True)
    graph = graph_of(sequential([entry(shape=(None, 5, 4)), both, row("e", kind="Concatenate", axis=-1)]))
    assert graph.operands["e"] == (Value("d"), Value("d", 1), Value("d", 2))


def test_a_model_without_a_name() -> None:
    config = functional([X, Y])
    del config["config"]["name"]
    assert graph_of(config).name == "model"


# --- Lambdas -------------------------------------------------------------------------------------------------------

CODE: Row = {"class_name": "__lambda__", "config": {"code": "4wEA\nAAA=", "defaults": None, "closure": None}}


def function_of(config: Row) -> Function:
    return graph_of(config).ops["y"].config["function"]


def test_code_is_told_apart_and_not_read() -> None:
    found = function_of(lambda_of(CODE))
    assert (found.known, found.selection, found.captures) == ("unknown", None, ())
    assert found.note.startswith("cannot tell: the file holds code, which is not run, and none of the values")
    assert function_of(lambda_of({"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}})) == found
    closed = {**CODE, "config": {**CODE["config"], "closure": [3, [1, 2]]}}
    assert [(each.name, each.cell, each.value) for each in function_of(lambda_of(closed)).captures] == [
        ("closure 0", None, 3), ("closure 1", None, (1, 2)),
    ]  # fmt: skip
    assert function_of(lambda_of(closed)).note == "cannot tell: the file holds code, which is not run"
    assert (
        len({function_of(lambda_of({**CODE, "config": {**CODE["config"], "code": code}})).digest for code in "ab"}) == 2
    )


@pytest.mark.parametrize(
    ("written", "digest"),
    [
        (
            {"class_name": "function", "module": "builtins", "config": "take", "registered_name": "function"},
            "name take",
        ),
        ({"class_name": "function", "config": "take", "registered_name": "my"}, "name my.take"),
        ("take", "name take"),
    ],
)
def test_a_function_of_which_there_is_but_the_name(written: Any, digest: str) -> None:
    assert function_of(lambda_of(written)) == Function(digest)
    assert function_of(lambda_of(written)).note == "is a function that the file only names"


def sliced(arguments: Any, before: Any = (None, 8), after: Any = (None, 2)) -> Function:
    made = row("y", node(tensor("x", shape=before)), kind="Lambda", function=CODE, arguments=arguments)
    z = row("z", node(tensor("y", shape=after)))
    op = graph_of(functional([entry(shape=before), made, z], ["z", 0, 0])).ops["y"]
    assert op.config["arguments"] == ({} if op.config["function"].known == "assumed" else arguments)
    return op.config["function"]


LAST = (..., Slice(2, 4))


@pytest.mark.parametrize(
    ("arguments", "before", "after", "selection"),
    [
        ({"start": 2, "stop": 4}, (None, 8), (None, 2), LAST),
        ({"start": 2, "stop": 4, "axis": -1}, (None, 8), (None, 2), LAST),
        ({"start": 2, "stop": 4, "axis": 1}, (None, 8), (None, 2), LAST),
        ({"start": 2, "stop": 4}, (None, 8, 5), (None, 2, 5), (Slice(), Slice(2, 4))),
        ({"start": 0, "stop": 8}, (None, 8), (None, 8), (..., Slice(0, 8))),
        ({"start": -4, "stop": -2}, (None, 8), (None, 2), (..., Slice(-4, -2))),
        ({"start": 2, "stop": 5}, (None, 8), (None, 2), None),  # the shape does not fit
        ({"start": 2, "stop": 4, "axis": 0}, (None, 8), (None, 2), None),
        ({"start": 2, "stop": 4, "axis": 5}, (None, 8), (None, 2), None),
        ({"start": 2, "stop": 4, "axis": None}, (None, 8), (None, 2), None),
        ({"start": 2, "stop": 4, "step": 2}, (None, 8), (None, 2), None),  # another convention
        ({"start": 2}, (None, 8), (None, 6), None),
        ({"start": 2.0, "stop": 4}, (None, 8), (None, 2), None),
        ({"start": True, "stop": 4}, (None, 8), (None, 2), None),
        ({"start": 2, "stop": 4}, (None, None), (None, 2), None),
        ({"start": 2, "stop": 4}, (None, 8, 1), (None, 2), None),
        ({"start": 2, "stop": 4}, None, (None, 2), None),
        ({"start": 2, "stop": 4}, (None, 8, 8), (None, 2, 2), None),  # two axes changed
        ({}, (None, 8), (None, 2), None),
        ([2, 4], (None, 8), (None, 2), None),
    ],
)
def test_slices_by_arguments_are_assumed(arguments: Any, before: Any, after: Any, selection: Any) -> None:
    if isinstance(arguments, list):
        made = lambda_of(CODE)
        made["config"]["layers"][1]["config"]["arguments"] = arguments
        assert function_of(made).known == "unknown"
        return
    found = sliced(arguments, before, after)
    assert found.selection == selection
    assert found.known == ("unknown" if selection is None else "assumed")


def test_a_shape_that_nobody_recorded_is_no_evidence() -> None:
    assert function_of(layer(kind="Lambda", function=CODE, arguments={"start": 0, "stop": 2})).known == "unknown"


def test_output_shape_and_mask_may_be_functions() -> None:
    config = graph_of(lambda_of(CODE, output_shape=[3], mask=CODE)).ops["y"].config
    assert config["output_shape"] == (3,)
    assert isinstance(config["mask"], Function)


# --- what is refused -----------------------------------------------------------------------------------------------


def where(what: str) -> str:
    return f"the model 'm'{what}"


def nested(calls: list[Any], outputs: Any = None, shape: Any = (None, 4)) -> Row:
    inner: Row = {**functional([entry(shape=shape), row("y", node(tensor("x", shape=shape)))]), "name": "inner"}
    inner["config"]["name"] = "inner"
    return functional([X, {**inner, "inbound_nodes": calls}], outputs or ["inner", 1, 0])


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (None, "it holds weights alone, no description of a model; save it with"),
    "a list": ([], "the description: expected an object, received a list of 0"),
    "no class": ({"config": {"layers": []}}, "the description has no class_name; expected what model.to_json() writes"),
    "a subclass": (
        {"class_name": "Net", "config": {"name": "n", "batch_shape": 1}, "keras_version": "3.1"},
        "the model 'n': 'Net' lists no layers; expected a functional or Sequential model, as the graph of a subclassed",
    ),
    "no config": ({"class_name": "Net", "config": 3}, "the model: 'Net' lists no layers"),
    "no layers": (functional([]), where(": 'Functional' lists no layers")),
    "no layer": (functional([X, 3]), where(", layers[1]: expected an object, received 3")),
    "class": (functional([X, {"config": {}}]), where(", layers[1].class_name: expected a text, received None")),
    "config": (functional([X, {"class_name": "A"}]), where(", layers[1].config: expected an object, received None")),
    "name": (functional([X, {**Y, "name": 3}]), where(", layers[1].name: expected a text, received 3")),
    "nodes": (functional([X, {**Y, "inbound_nodes": {}}]), where(", layers[1] ('y').inbound_nodes: expected a list")),
    "node": (functional([X, row("y", 3)]), where(", layers[1] ('y').inbound_nodes[0]: expected an object, received 3")),
    "args": (functional([X, row("y", {"args": 3})]), where(", layers[1] ('y').inbound_nodes[0].args: expected a list")),
    "kwargs": (functional([X, row("y", {"kwargs": 3})]), where(", layers[1] ('y').inbound_nodes[0].kwargs: expected an")),
    "two of a name": (functional([X, X]), where(": layers[0] and layers[1] are both named 'x'; the names tell which")),
    "tensor": (
        functional([X, row("y", node({"class_name": "__keras_tensor__", "config": 3}))]),
        where(", layers[1] ('y').inbound_nodes[0].args[0].config: expected an object, received 3"),
    ),
    "dtype": (functional([X, row("y", node(tensor("x", dtype=3)))]), where(", layers[1] ('y').inbound_nodes[0].args[0].dtype:")),
    "shape": (
        functional([X, row("y", node(tensor("x", shape=(None, -1))))]),
        where(", layers[1] ('y').inbound_nodes[0].args[0].shape: expected a shape, sizes from 0 to 281,474,976,710,656"),
    ),
    "no shape": (functional([X, row("y", node(tensor("x", shape="a")))]), where(", layers[1] ('y').inbound_nodes[0].args[0].shape:")),
    "history": (
        functional([X, row("y", node(tensor(3)))]),  # pyright: ignore[reportArgumentType]
        where(", layers[1] ('y').inbound_nodes[0].args[0].keras_history: expected [layer's name, number of its call"),
    ),
    "a bool": (functional([X, row("y", node(tensor("x", True)))]), where(", layers[1] ('y').inbound_nodes[0].args[0].keras")),
    "many outputs": (
        functional([X, row("y", node(tensor("x", 0, 10**9)))]),
        where(", layers[1] ('y').inbound_nodes[0].args[0].keras_history: call 0 and output 1000000000 of 'x'; expected 0"),
    ),
    "negative": (functional([X, row("y", node(tensor("x", -1)))]), where(", layers[1] ('y').inbound_nodes[0].args[0].keras_")),
    "outputs": (functional([X, Y], 3), where(".output_layers: expected [layer's name, number of its call, number of")),
    "no outputs": (
        {"class_name": "Functional", "module": "keras", "config": {"name": "m", "layers": [X], "input_layers": []}},
        where(": it has input_layers and no output_layers: its outputs are not known"),
    ),
    "inputs": (functional([X, Y], inputs=["y", 0, 0]), where(": input_layers names 'y', which is no InputLayer")),
    "missing": (functional([X, row("y", node(tensor("z")))]), where(": output 0 of call 0 of 'z' is used, but there is no")),
    "call": (functional([X, Y], ["y", 7, 0]), where(": output 0 of call 7 of 'y' is used, but it has 1 calls, from 0")),
    "output": (functional([X, Y], ["y", 0, 3]), where(", layers[1] ('y'): output 3 is used, but a layers.ReLU has 1, from 0")),
    "output of an input": (
        functional([X, row("y", node(tensor("x", 0, 2)))]), where(": output 2 of call 0 of 'x' is used, but it has 1 outputs")
    ),
    "a cycle": (
        functional([X, row("y", node(tensor("z"))), row("z", node(tensor("y")))]),
        where(": output 0 of call 0 of 'y' depends on itself: the layers form a cycle"),
    ),
    "itself": (functional([X, row("y", node(tensor("y")))]), where(": output 0 of call 0 of 'y' depends on itself")),
    "an input more": (
        functional([X, entry("z"), row("y", node(tensor("z")))]), where(": the input 'z' is used, but is none of input_layers")
    ),
    "two shapes": (
        functional([X, Y, row("z", node(tensor("x", shape=(None, 5))))], [["y", 0, 0], ["z", 0, 0]]),
        where(", layers[2] ('z'): output 0 of call 0 of 'x' enters as float32 (None, 5), and another layer as float32 (None, 4)"),
    ),
    "an input's shape": (functional([entry(shape="wide"), Y]), where(", layers[0] ('x').config.batch_shape: expected a list")),
    "an input's dtype": (
        functional([row("x", kind="InputLayer", batch_shape=[None, 4], dtype=3), Y]), where(", layers[0] ('x').config.dtype: expected")
    ),
    "array": (
        functional([X, row("y", node(tensor("x"), {"class_name": "__numpy__", "config": {"value": [[1], [1, 2]], "dtype": "int8"}}))]),
        where(", layers[1] ('y').inbound_nodes[0].args[1].config.value: expected an array, received rows of unequal length"),
    ),
    "array of dicts": (
        functional([X, row("y", node(tensor("x"), {"class_name": "__numpy__", "config": {"value": [{}], "dtype": "int8"}}))]),
        where(", layers[1] ('y').inbound_nodes[0].args[1].config.value: expected an array of numbers, received a list of 1"),
    ),
    "array of texts": (
        functional([X, row("y", node(tensor("x"), {"class_name": "__numpy__", "config": {"value": [1, "a"], "dtype": "int8"}}))]),
        where(", layers[1] ('y').inbound_nodes[0].args[1].config: its entries make no sense (error: required argument is not"),
    ),
    "a function": (lambda_of(3), where(", layers[1] ('y').config.function: expected a function, received 3")),
    "code": (lambda_of([3, None, None]), where(", layers[1] ('y').config.function.code: expected a text, received 3")),
    "built": (
        functional([X, {**row("y", node(tensor("x")), kind="Dense", units=3), "build_config": {"input_shape": [-1]}}]),
        where(", layers[1] ('y').build_config.input_shape: expected a shape"),
    ),
    "never built": (sequential([row("d")]), "the model 's': the Sequential model was never built, and has no graph; call"),
    "an input within": (sequential([X, Y, entry("z")]), "the model 's', layers[2] ('z'): an InputLayer stands within a Seq"),
    "a sequential shape": (sequential([Y], build_input_shape=3), "the model 's'.build_input_shape: expected a list, received 3"),
    "nested on nothing": (nested([node()]), "the nested model 'inner' has 1 inputs, but is called on 0 tensors"),
    "nested output": (
        nested([node(tensor("x"))], ["inner", 1, 4]), where(", layers[1] ('inner'): output 4 is used, but it has 1, from 0")
    ),
    "a deep entry": (
        layer(kind="Thing", module="my", deep=json.loads("[" * 100 + "]" * 100)),
        "what it describes is no graph of a model: the config of node 'y': nested more than 60 deep",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_description_is_refused_in_one_line(name: str) -> None:
    config, message = REFUSED[name]
    with pytest.raises(SourceError) as caught:
        graph_of(config)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_description_that_could_not_be_looked_at_is_not_said_to_be_missing() -> None:
    contents = Contents(format="h5", unread=("from '/' on nothing was looked at: more than 3 objects",))
    with pytest.raises(SourceError, match="^no description of a model was found in what could be read: from '/' on"):
        read(contents, limits=Limits())


def test_nested_must_be_one_of_two() -> None:
    with pytest.raises(SourceError, match="^nested must be 'dissolve' or 'keep', received 'both'$"):
        graph_of(functional([X, Y]), nested="both")


# --- systematic and large ------------------------------------------------------------------------------------------

WHOLE = ("plain", "dict_inputs_and_outputs", "sequential_built_later")
"""Descriptions of which every entry is replaced; of the others every so many."""


@pytest.mark.parametrize("name", described("keras3"))
def test_whatever_stands_in_place_of_an_entry_gives_a_graph_or_one_line(name: str) -> None:
    config = described("keras3")[name]
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
    assert config == described("keras3")[name]


def doubled(levels: int, build: Callable[[Row, list[Any]], Row]) -> Row:
    """A model that calls another one twice, which calls another one twice, and so on."""
    model = functional([X, Y])
    for level in range(levels):
        model["config"]["name"] = f"n{level}"
        first, second = build(model, [node(tensor("x")), node(tensor(f"n{level}"))]), [f"n{level}", 2, 0]
        model = functional([X, first], second)
    return model


def test_models_nested_twice_a_level_break_the_limit_at_once() -> None:
    config = doubled(40, lambda model, calls: {**model, "name": model["config"]["name"], "inbound_nodes": calls})
    text = json.dumps(config)
    assert len(text) < 50_000
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(
        SourceError, match=r"the graph would have 1\.099511628e\+12 calls; the limit is 2,000,000 \(nodes"
    ):
        extract(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20
    assert time.perf_counter() - started < 20  # a billion calls would take an hour: no measurement, a guard
    small = doubled(4, lambda model, calls: {**model, "name": model["config"]["name"], "inbound_nodes": calls})
    assert len(graph_of(small).ops) == 2**4 + 1
    with pytest.raises(SourceError, match=re.escape("the graph would have 17 calls; the limit is 16 (nodes)")):
        graph_of(small, limits=Limits(nodes=16))


def test_ten_thousand_deep() -> None:
    with pytest.raises(SourceError, match=r"is nested deeper than 200 levels \(json_depth\)"):
        extract('{"config":' * 10_000 + "1" + "}" * 10_000)
    argument: Any = 1
    for _ in range(10_000):
        argument = [argument]
    with pytest.raises(SourceError, match="^an entry of its description is nested too deeply$"):
        graph_of(functional([X, row("y", node(tensor("x"), argument))]))
    rows = [X, *(row(f"r{i}", node(tensor(f"r{i - 1}" if i else "x"))) for i in range(3_000))]
    assert len(graph_of(functional(rows, ["r2999", 0, 0])).ops) == 3_001


def test_a_description_of_nan_and_of_frozen_values() -> None:
    config = layer(kind="Thing", module="my", ratio=float("nan"), sizes=[1, {"class_name": "__tuple__", "items": [2]}])
    op = graph_of(config).ops["y"]
    assert isinstance(op.config, FrozenDict)
    assert op.config["sizes"] == (1, (2,))
    assert graph_of(config) == graph_of(config)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras' own
@pytest.mark.parametrize("name", described("keras3"))
def test_it_is_still_what_keras_writes(name: str) -> None:
    from tests.frontends.zoo import ZOO

    written = json.loads(ZOO[name]().to_json())
    ours = described("keras3")[name]
    assert graph_of(without_code(written)) == graph_of(without_code(ours))
