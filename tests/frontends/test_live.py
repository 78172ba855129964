"""The reference is Keras' own record, read here in another way: by nodes and operations, not from the outputs."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import sys
from collections import Counter
from pathlib import Path
from random import Random
from types import EllipsisType, NoneType
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph import ops
from kgraph.errors import KgraphError, SourceError
from kgraph.frontends import live, live_arguments, live_layers, serialized
from kgraph.graph import (
    Capture,
    Constant,
    FrozenDict,
    Function,
    Graph,
    Object,
    Op,
    Slice,
    Slot,
    Spec,
    Value,
    Weight,
    parameters,
    values,
)
from kgraph.text import parse, show
from tests.frontends.zoo import TAGS, ZOO, tagged

pytestmark = pytest.mark.keras

FLAT = tagged(without=("nested", "function"))
RECORDS = (Op, Value, Slot, Slice, Constant, Object, Function, Capture, Spec, Weight)
PLAIN = (NoneType, bool, int, float, complex, str, bytes, EllipsisType)


def load(name: str) -> Any:
    """A module of no types, imported only where a test runs."""
    return importlib.import_module(name)


@functools.cache
def model_of(name: str) -> Any:
    return ZOO[name]()


@functools.cache
def graph_of(name: str, nested: str = "dissolve") -> Graph:
    return live.read(model_of(name), nested=nested)


@pytest.fixture(autouse=True)
def first_names() -> None:
    """Keras' automatic names start at their first."""
    keras = load("keras")

    keras.utils.clear_session(free_memory=False)


# --- the reference ------------------------------------------------------------------------------------------------


def recorded_nodes(model: Any) -> list[tuple[Any, int]]:
    """Keras' own list of a model's calls, each with its number among the calls of its layer in the model."""
    function = getattr(model, "_functional", None) or model
    found: list[tuple[Any, int]] = []
    for operation in function.operations:
        keys = [f"{id(operation)}_ib-{index}" for index in range(len(operation._inbound_nodes))]
        own = [node for key, node in zip(keys, operation._inbound_nodes, strict=True) if key in function._nodes]
        found.extend((node, number) for number, node in enumerate(own))
    return found


def expected_ids(model: Any) -> dict[int, str]:
    names: dict[int, str] = {}
    for node, number in recorded_nodes(model):
        name = node.operation.name.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
        names[id(node)] = f"{name}:{number}" if number else name
    return names


def value_of(tensor: Any, names: dict[int, str]) -> Value:
    operation, index, out = tensor._keras_history
    return Value(names[id(operation._inbound_nodes[index])], out)


def tree_of(tree: Any, names: dict[int, str]) -> Any:
    if isinstance(tree, dict):
        return {key: tree_of(item, names) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return tuple(tree_of(item, names) for item in tree)
    return value_of(tree, names)


@pytest.mark.parametrize("name", [name for name in FLAT if name != "odd_names"])
def test_flat_models_are_read_as_keras_recorded_them(name: str) -> None:
    keras = load("keras")

    model, graph = model_of(name), graph_of(name)
    function = getattr(model, "_functional", None) or model
    nodes, names = recorded_nodes(model), expected_ids(model)
    assert set(graph.ops) == set(names.values())
    assert len(graph.ops) == len(function._nodes)
    edges = 0
    for node, _ in nodes:
        op = graph.ops[names[id(node)]]
        assert op.outputs == tuple(Spec(tuple(tensor.shape), tensor.dtype) for tensor in node.outputs)
        assert op.known == "recorded"
        flat = keras.tree.flatten((node.arguments.args, node.arguments.kwargs))
        expected = [value_of(tensor, names) for tensor in flat if isinstance(tensor, keras.KerasTensor)]
        assert Counter(graph.operands[names[id(node)]]) == Counter(expected)
        edges += len(expected)
    assert graph.edge_count == edges == graph.nx.number_of_edges()
    assert graph.inputs == tree_of(function._inputs_struct, names)
    assert graph.outputs == tree_of(function._outputs_struct, names)
    assert graph.name == model.name
    assert parameters(graph) == model.count_params()


@pytest.mark.parametrize("name", FLAT)
def test_layers_and_weights_are_those_of_keras(name: str) -> None:
    model, graph, names = model_of(name), graph_of(name), expected_ids(model_of(name))
    for node, _ in recorded_nodes(model):
        if name == "odd_names" or not hasattr(node.operation, "weights"):
            continue
        op = graph.ops[names[id(node)]]
        assert op.layer == names[id(node)].partition(":")[0]
        assert op.weights == tuple(
            Weight(each.name, tuple(each.shape), each.dtype, each.trainable) for each in node.operation.weights
        )


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("nested", ["dissolve", "keep"])
def test_the_text_form_round_trips(name: str, nested: str) -> None:
    graph = graph_of(name, nested)
    assert parse(show(graph)) == graph


@pytest.mark.parametrize("name", ZOO)
def test_reading_twice_gives_the_same_graph(name: str) -> None:
    assert live.read(model_of(name)) == graph_of(name)


# --- plain data, and nothing changed or run -----------------------------------------------------------------------


def assert_plain(item: Any) -> None:
    stack = [item]
    while stack:
        item = stack.pop()
        if type(item) in PLAIN:
            continue
        if type(item) is tuple:
            stack.extend(item)
        elif type(item) is FrozenDict:
            assert all(type(key) is str for key in item)
            stack.extend(item.values())
        else:
            assert type(item) in RECORDS, type(item)
            stack.extend(getattr(item, field.name) for field in dataclasses.fields(item))


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("nested", ["dissolve", "keep"])
def test_graphs_hold_plain_data_only(name: str, nested: str) -> None:
    graph = graph_of(name, nested)
    for part in (graph.ops, graph.operands, graph.inputs, graph.outputs, graph.name):
        assert_plain(part)


def test_the_test_for_plain_data_can_fail() -> None:
    import numpy as np

    for leak in (np.float64(1.0), [1], {"a": 1}, len, object(), FrozenDict(a=[1]), (Slice(np.int64(1)),)):
        with pytest.raises(AssertionError):
            assert_plain(leak)


def state(model: Any, seen: dict[int, Any]) -> dict[int, Any]:
    """Per operation of a model and those nested in it, what reading could have changed."""
    function = getattr(model, "_functional", None) or model
    for operation in getattr(function, "operations", ()):
        if id(operation) not in seen:
            nodes = (*operation._inbound_nodes, *operation._outbound_nodes)
            seen[id(operation)] = list(map(id, nodes)), operation.name, sorted(vars(operation))
            state(operation, seen)
    return seen


@pytest.mark.parametrize("name", ZOO)
def test_reading_does_not_change_the_model(name: str) -> None:
    model = model_of(name)
    before = state(model, {})
    live.read(model)
    live.read(model, nested="keep")
    assert state(model, {}) == before


def test_functions_of_the_model_are_not_called() -> None:
    keras = load("keras")
    layers = keras.layers

    calls: list[str] = []

    def watched(name: str) -> Any:
        def function(*args: Any) -> Any:
            calls.append(name)
            return args[0]

        return function

    class Watched(layers.Layer):
        def call(self, x: Any) -> Any:
            calls.append("call")
            return x

    x = keras.Input((4,), name="x")
    y = layers.Dense(4, activation=watched("activation"), kernel_regularizer=watched("regularizer"))(Watched()(x))
    y = layers.Lambda(watched("function"), output_shape=watched("output_shape"), mask=watched("mask"))(y)
    model = keras.Model(x, y)
    assert calls
    calls.clear()
    live.read(model)
    live.read(model, nested="keep")
    assert not calls


def test_lambdas_are_run_only_when_told_to() -> None:
    keras = load("keras")
    import numpy as np

    layers = keras.layers

    x = keras.Input((4, 6), name="x")
    a = layers.Lambda(lambda t: t[..., int(np.int64(2)) :], name="a")(x)
    b = layers.Lambda(lambda t: t * 2.0, name="b")(x)
    model = keras.Model(x, [a, b])
    graph = live.read(model)
    assert graph.ops["a"].config["function"].known == "unknown"
    graph = live.read(model, run_lambdas=True)
    function = graph.ops["a"].config["function"]
    assert (function.known, function.selection) == ("tested", (..., Slice(2, 6)))
    assert graph.ops["b"].config["function"].known == "unknown"


@pytest.mark.parametrize("module", [live, live_arguments, live_layers], ids=lambda module: module.__name__)
def test_keras_is_never_imported(module: Any) -> None:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] not in ("keras", "tensorflow") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in ("keras", "tensorflow")


# --- ids, slots and arguments -------------------------------------------------------------------------------------


def test_odd_names_are_escaped_and_repeated_ones_numbered() -> None:
    graph = graph_of("odd_names")
    assert list(graph.ops) == ["in put", "a%3A1", "100%25", "class", "größe", "block%2Fdense", "a%3A1~1"]
    assert [op.layer for op in graph.ops.values()] == list(graph.ops)
    assert graph.name == "odd: 'name'\n"


def test_calls_of_a_layer_are_numbered_in_the_order_in_which_they_were_made() -> None:
    graph = graph_of("shared_layer")
    assert graph.operands["dense"] == (Value("a"),)
    assert graph.operands["dense:1"] == (Value("b"),)
    assert graph.operands["minus"] == (Value("dense:1"), Value("dense"))
    assert graph.operands["dense:2"] == (Value("dense"),)
    assert {graph.ops[node].layer for node in ("dense", "dense:1", "dense:2")} == {"dense"}


def test_calls_outside_of_the_model_do_not_count() -> None:
    graph = graph_of("shared_outside")
    assert graph.operands["dense"] == (Value("x"),)
    assert graph.operands["dense:1"] == (Value("dense"),)


def test_slots_are_numbered_in_signature_order() -> None:
    graph = graph_of("attention")
    assert graph.ops["heads"].arguments == {
        "query": Slot(0), "value": Slot(1), "attention_mask": Slot(2), "return_attention_scores": True,
    }  # fmt: skip
    assert graph.operands["heads"] == (Value("q"), Value("v"), Value("mask"))
    assert graph.operands["heads:1"] == (Value("q"), Value("v"))  # passed by keyword, value first
    assert graph.operands["self"] == (Value("heads"),) * 3
    assert graph.outputs == (Value("self"), Value("heads", 1), Value("heads:1"))
    states = graph_of("initial_state")
    assert states.ops["lstm"].arguments == {"sequences": Slot(0), "initial_state": (Slot(1), Slot(2))}
    assert states.operands["gru"] == (Value("x"), Value("lstm"))


def test_masks_are_kept_as_keras_recorded_them() -> None:
    graph = graph_of("recorded_masks")
    assert graph.operands["lstm"] == (Value("add"), Value("logical_or"))
    assert list(graph.ops["lstm"].arguments) == ["sequences", "mask"]
    assert graph.ops["not_equal"].arguments == {"x1": Slot(0), "x2": 0}
    assert graph.ops["gru"].arguments == {"sequences": Slot(0), "training": True}


def test_arguments_of_operations() -> None:
    graph = graph_of("operations")
    assert graph.ops["split"].arguments == {"x": Slot(0), "indices_or_sections": 3, "axis": -1}
    assert graph.ops["split_1"].arguments == {"x": Slot(0), "indices_or_sections": 1, "axis": 1}
    assert graph.ops["reshape"].arguments == {"x": Slot(0), "newshape": (-1, 16)}
    assert graph.ops["subtract"].arguments == {"x1": Slot(0), "x2": 1.0}
    assert graph.ops["mean"].arguments == {"x": Slot(0), "axis": (1, 2), "keepdims": True}
    assert graph.ops["concatenate"].arguments == {"xs": (Slot(0), Slot(1)), "axis": 1}
    assert {op.kind for op in graph.ops.values()} >= {"ops.split", "ops.squeeze", "ops.true_divide", "ops.argmax"}
    assert all(op.layer is None for op in graph.ops.values() if not op.is_input)


def test_arguments_of_subscripts_and_starred_parameters() -> None:
    graph = graph_of("subscripts")
    keys = [op.arguments["key"] for op in graph.ops.values() if op.kind == "ops.get_item"]
    assert keys[0] == (Slice(), Slice(1, -1), ..., Slice(None, None, 2))
    assert keys[2] == (None, ..., Slice(None, None, 2))
    graph = graph_of("starred_arguments")
    assert graph.ops["einsum"].arguments == {"subscripts": "bij,bjk->bik", "*operands": (Slot(0), Slot(1))}
    assert graph.ops["meshgrid"].arguments == {"*x": (Slot(0), Slot(1)), "indexing": "ij"}


def test_arguments_of_custom_layers_and_operations() -> None:
    graph = graph_of("custom_layers")
    kind = "custom.tests.frontends.zoo.custom_layers.<locals>.Scale"
    assert graph.ops["scale"].kind == kind
    assert graph.ops["scale"].config["factors"] == (1.0, 2.0)
    assert graph.ops["scale:1"].arguments == {"x": Slot(0), "other": Slot(1), "shift": 2.0}
    assert graph.ops["scale:2"].arguments == {"x": Slot(0), "other": Slot(1)}
    assert graph.ops["secret"].arguments == {"*tensors": (Slot(0), Slot(1))}
    assert graph.ops["secret"].config["unreadable"].startswith("NotImplementedError: Object Secret was created")
    graph = graph_of("custom_operation")
    assert graph.ops["shift:1"].arguments == {"x": Slot(0), "other": Slot(1), "by": 2.0}
    assert (graph.ops["shift"].layer, graph.ops["shift:1"].layer) == ("shift", "shift")


def test_a_config_that_keras_cannot_serialize_is_read_from_attributes() -> None:
    op = graph_of("unserializable_activation").ops["conv"]
    assert op.config["activation"] == Object("custom.functools.partial", FrozenDict())
    assert (op.config["filters"], op.config["kernel_size"], op.config["dtype"]) == (4, (3, 3), "float32")
    assert op.config["kernel_initializer"].kind == "initializers.GlorotUniform"


def test_kinds() -> None:
    assert graph_of("activations").ops["re_lu"].kind == "activations.relu"
    assert graph_of("subclass_of_functional").ops["dense"].kind == "layers.Dense"
    assert graph_of("operators").ops["true_divide"].kind == "ops.true_divide"


# --- constants ----------------------------------------------------------------------------------------------------


def test_constants() -> None:
    ops = graph_of("constants").ops
    assert ops["add"].arguments["x2"].values == (0.0, 1.0, 2.0, 3.0)
    assert ops["multiply"].arguments["x2"].shape == (1, 4)
    assert ops["add_1"].arguments["x2"] == constant_of([1.0] * 4)
    assert ops["where"].arguments["condition"].dtype == "bool"
    assert ops["where"].arguments["x2"].shape == ()
    assert ops["maximum"].arguments["x2"].values[0] == float("-inf")
    assert repr(ops["add_2"].arguments["x2"].values) == "(nan, 0.0, 0.0, 1.0)"
    assert ops["multiply_1"].arguments["x2"].dtype == "bfloat16"
    large = graph_of("large_constant").ops
    assert (large["add"].arguments["x2"].shape, large["add"].arguments["x2"].values) == ((100,), None)
    assert large["take"].arguments["indices"].values == (0, 1, 2, 3)


def constant_of(array: Any) -> Any:
    import numpy as np

    return live_arguments.freeze_tree(np.array(array, "float32") if isinstance(array, list) else array)


def test_a_constant_is_known_by_its_dtype_shape_and_values() -> None:
    import numpy as np

    one = np.arange(100)
    variants = [one, one.astype("int32"), one.astype("float64"), one.reshape(10, 10), one[::-1], one + 1]
    assert len({constant_of(each).digest for each in variants}) == len(variants)
    assert constant_of(one.copy()) == constant_of(one)
    assert constant_of(np.asfortranarray(one.reshape(10, 10))) == constant_of(one.reshape(10, 10))
    assert constant_of(np.zeros(64)).values == (0.0,) * 64
    assert constant_of(np.zeros(65)).values is None
    assert constant_of(np.zeros((0, 3))).values == ()


def test_constants_of_every_sort() -> None:
    keras = load("keras")
    import numpy as np

    tf = load("tensorflow")

    assert constant_of(np.float64(2.0)) == Constant("float64", (), constant_of(np.float64(2.0)).digest, 2.0)
    assert constant_of(np.bool_(True)).values is True
    assert constant_of(np.array(["a", "b"])).dtype == constant_of(tf.constant(["a", "b"])).dtype == "string"
    assert constant_of(tf.constant(["a", "b"])).values == (b"a", b"b")
    assert constant_of(tf.constant("a")).values == b"a"
    assert constant_of(tf.constant([1, 2], "int8")) == constant_of(np.array([1, 2], "int8"))
    assert constant_of(tf.Variable([1.0])) == constant_of(keras.Variable([1.0])) == constant_of([1.0])
    assert constant_of(np.array([1 + 2j])).values == (1 + 2j,)
    assert constant_of(tf.constant([1.5], "bfloat16")).values == (1.5,)
    assert constant_of(np.array([], "float32")).shape == (0,)


def test_what_only_looks_like_an_array() -> None:
    keras = load("keras")
    import numpy as np

    tf = load("tensorflow")

    assert live_arguments.freeze_tree(np.float32) == Object("class", FrozenDict(value="numpy.float32"))
    assert live_arguments.freeze_tree(np.dtype("int32")) == live_arguments.freeze_tree(tf.int32) == "int32"
    sparse = tf.SparseTensor([[0, 0]], [1.0], [2, 2])
    assert live_arguments.freeze_tree(sparse).kind.endswith(".SparseTensor")
    ragged = tf.ragged.constant([[1], [2, 3]])
    assert isinstance(live_arguments.freeze_tree(ragged), Object)

    @tf.function
    def inside(x: Any) -> Any:
        found.append(live_arguments.freeze_tree(x))
        return x

    found: list[Any] = []
    inside(tf.constant([1.0]))
    assert isinstance(found[0], Object)
    tensor = keras.KerasTensor((None, 3), "int32")
    assert live_arguments.freeze_tree([tensor]) == (Object("KerasTensor", FrozenDict(shape=(None, 3), dtype="int32")),)


def test_structures_of_arguments() -> None:
    from collections import OrderedDict, defaultdict, deque
    from types import MappingProxyType

    freeze = live_arguments.freeze_tree

    class Pair(NamedTuple):
        left: int
        right: int

    assert freeze([1, (2.0, None), deque(["a"]), Pair(1, 2)]) == (1, (2.0, None), ("a",), (1, 2))
    assert list(freeze({"b": 1, "a": [2]}).items()) == [("a", (2,)), ("b", 1)]
    assert list(freeze(OrderedDict(b=1, a=2)).items()) == [("b", 1), ("a", 2)]
    assert list(freeze(defaultdict(int, b=1, a=2))) == ["a", "b"]
    assert list(freeze({10: 1, 2: 2})) == ["2", "10"]
    assert list(freeze({"a": 1, 2: 2})) == ["2", "a"]
    assert freeze(MappingProxyType({"a": 1})) == {"a": 1}
    assert freeze(slice(1, None, 2)) == Slice(1, None, 2)
    assert freeze(...) is ...


def test_structures_as_tensorflow_wraps_them() -> None:
    tf = load("tensorflow")

    module = tf.Module()
    module.items, module.pair, module.mapping = [1, 2], (1, [2]), {"b": 1, "a": 2}  # type: ignore[attr-defined]
    freeze = live_arguments.freeze_tree
    assert freeze(module.items) == (1, 2)  # type: ignore[attr-defined]
    assert freeze(module.pair) == (1, (2,))  # type: ignore[attr-defined]
    assert list(freeze(module.mapping)) == ["a", "b"]  # type: ignore[attr-defined]


def test_tensors_in_a_structure_that_only_keras_looks_into_are_operands_all_the_same() -> None:
    keras = load("keras")
    optree = load("optree")
    layers = keras.layers

    class Pair:
        def __init__(self, left: Any, right: Any) -> None:
            self.left, self.right = left, right

        def __len__(self) -> int:
            return 2

        def tree_flatten(self) -> Any:
            return (self.left, self.right), None

        @classmethod
        def tree_unflatten(cls, _: Any, children: Any) -> Any:
            return cls(*children)

    optree.register_pytree_node_class(Pair, namespace="keras")

    class Join(layers.Layer):
        def call(self, pair: Any, *, scale: float = 1.0, other: Any = None) -> Any:
            return (pair.left + pair.right) * scale + other

    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    graph = live.read(keras.Model([a, b, c], Join(name="join")(Pair(a, b), scale=2.0, other=c)))
    assert set(graph.operands["join"]) == {Value("a"), Value("b"), Value("c")}
    assert graph.ops["join"].arguments == {"pair": (Slot(0), Slot(1), Slot(2)), "scale": 2.0}


def test_more_positional_arguments_than_parameters() -> None:
    """A ``call`` that Python can tell nothing of still has its tensors."""
    keras = load("keras")
    layers = keras.layers

    class Odd(layers.Layer):
        def call(self, x: Any, y: Any) -> Any:
            return x + y

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model([a, b], Odd(name="odd")(a, b))
    Odd.call = lambda self, x: x  # type: ignore[method-assign, assignment]
    live_arguments._signature.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert live.read(model).ops["odd"].arguments == {"x": Slot(0), "arg1": Slot(1)}
    Odd.call = None  # type: ignore[method-assign, assignment]
    live_arguments._signature.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert live.read(model).ops["odd"].arguments == {"arg0": Slot(0), "arg1": Slot(1)}
    live_arguments._signature.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_a_tensor_in_a_config_is_no_operand() -> None:
    keras = load("keras")
    layers = keras.layers

    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    z = layers.Lambda(lambda t, other: t, output_shape=(4,), arguments={"other": y}, name="lambda")(x)
    graph = live.read(keras.Model(x, z))
    assert list(graph.ops) == ["x", "lambda"]
    assert graph.ops["lambda"].config["arguments"]["other"].kind == "KerasTensor"


# --- nested models ------------------------------------------------------------------------------------------------


def read_flattened(model: Any) -> Graph:
    """The graph of the same model built anew by Keras, with the calls of nested models in their place."""
    keras = load("keras")
    KerasFunction = load("keras.src.ops.function").Function  # noqa: N806

    named: dict[int, tuple[Any, str]] = {}

    def place(operation: Any) -> Any:
        inner = getattr(operation, "_functional", None) or operation
        own: Any = getattr(type(operation), "call", None)
        if isinstance(inner, KerasFunction) and own.__module__.startswith("keras.src."):
            return lambda *args, **_: run(inner, args[0])
        if id(operation) not in named:
            named[id(operation)] = operation, operation.name
            operation.name = f"step_{len(named)}"  # Keras wants them unique
        return operation

    def run(function: Any, inputs: Any) -> Any:
        return KerasFunction._run_through_graph(function, inputs, operation_fn=place)

    root = getattr(model, "_functional", model)
    inputs = keras.tree.map_structure(lambda tensor: tensor, root._inputs_struct)
    try:
        return live.read(keras.Model(inputs, run(root, inputs), name=model.name))
    finally:
        for operation, name in named.values():
            operation.name = name


@pytest.mark.parametrize("name", tagged("nested", without=("opaque", "masks")))
def test_nested_models_are_dissolved_as_if_they_had_never_been(name: str) -> None:
    assert graph_of(name).equivalent(read_flattened(model_of(name)))
    if name != "nested_function":  # Keras does not see the layers inside a Function
        assert parameters(graph_of(name)) == model_of(name).count_params()


def test_ids_of_nested_calls() -> None:
    graph = graph_of("nested_twice")
    assert list(graph.ops) == [
        "a", "b", "encoder/conv", "encoder/relu", "encoder:1/conv", "encoder:1/relu", "minus",
    ]  # fmt: skip
    assert graph.ops["encoder:1/conv"].layer == "encoder/conv"
    assert graph.outputs == Value("minus")
    graph = graph_of("nested_deeply")
    assert "stack/middle/encoder/conv" in graph.ops
    assert graph.ops["stack:1/middle/encoder/conv"].layer == "stack/middle/encoder/conv"
    assert graph.operands["stack:1/flat"] == (Value("stack:1/middle/norm"),)


def test_a_layer_both_inside_and_outside_of_a_nested_model() -> None:
    graph = graph_of("nested_sharing_a_layer")
    assert list(graph.ops) == ["x", "dense", "inner/relu", "inner/dense", "dense:1"]
    assert {graph.ops[node].layer for node in ("dense", "inner/dense", "dense:1")} == {"dense"}


def test_namesakes_in_several_nested_models() -> None:
    graph = graph_of("nested_namesakes")
    assert {"left/conv", "right/conv", "conv", "left/relu", "right/relu", "relu"} <= set(graph.ops)
    assert len({graph.ops[node].layer for node in ("left/conv", "right/conv", "conv")}) == 3


def test_shapes_inside_a_nested_model_are_inferred_again() -> None:
    graph = graph_of("nested_with_other_shapes")
    assert graph.ops["encoder/conv"].outputs[0].shape == (None, 6, 6, 4)
    assert graph.ops["encoder:1/relu"].outputs[0].shape == (2, 4, None, 4)
    assert graph.ops["encoder/conv"].known == "proved"


def test_shapes_that_cannot_be_inferred_again_are_unknown() -> None:
    graph = graph_of("nested_with_unknown_rank")
    assert graph.ops["inner/twice"].outputs == (Spec(None, "float32"),)
    assert graph.ops["inner/twice"].known == "unknown"
    assert graph.ops["inner/relu"].outputs == (Spec(None, "float32"),)
    assert graph.ops["inner/after"].outputs == (Spec((None, 8, 3), "float32"),)
    assert graph.ops["inner/after"].known == "recorded"  # Keras wrote down what the nested model gives


def test_nested_models_are_wired_as_keras_runs_them() -> None:
    graph = graph_of("nested_with_dicts")
    assert graph.operands["inner/minus"] == (Value("x"), Value("y"))
    assert graph.outputs == (Value("inner/dense"), Value("inner/minus"))
    graph = graph_of("nested_passing_through")
    assert list(graph.ops) == ["x", "inner/relu", "add"]
    assert graph.outputs == (Value("x"), Value("add"))
    graph = graph_of("nested_function")
    assert graph.operands["add"] == (Value("fn/add"), Value("fn/dense"))


def test_a_nested_model_with_a_call_of_its_own_stays_one_node() -> None:
    graph = graph_of("nested_with_a_call_of_its_own")
    assert list(graph.ops) == ["x", "doubling"]
    assert graph.ops["doubling"].kind.endswith(".Doubling")
    assert parameters(graph) == 20


@pytest.mark.parametrize("name", tagged("nested"))
def test_nested_models_can_be_kept(name: str) -> None:
    graph, model = graph_of(name, "keep"), model_of(name)
    names = expected_ids(model)
    assert set(graph.ops) == set(names.values())
    for node, _ in recorded_nodes(model):
        assert graph.ops[names[id(node)]].outputs == tuple(Spec(t.shape, t.dtype) for t in node.outputs)
    if name == "nested_function":
        assert parameters(graph) is None
    elif name != "nested_sharing_a_layer":  # its layer counts twice: by itself, and in the nested model
        assert parameters(graph) == model.count_params()


def test_kinds_of_nested_models_that_are_kept() -> None:
    graph = graph_of("nested_deeply", "keep")
    assert graph.ops["stack"].kind == "models.Sequential"
    assert graph.ops["stack:1"].layer == "stack"
    op = graph_of("nested_twice", "keep").ops["encoder"]
    assert (op.kind, op.config, op.arguments) == ("models.Functional", {"trainable": True}, {"inputs": Slot(0)})
    assert len(op.weights or ()) == 2
    op = graph_of("nested_function", "keep").ops["fn"]
    assert (op.kind, op.weights, len(op.outputs)) == ("models.Functional", None, 2)


@pytest.mark.filterwarnings("ignore:.*The structure of `inputs`:UserWarning")
def test_a_dict_with_more_keys_is_paired_in_order_as_keras_does() -> None:
    """A trap of Keras 3.15: the keys do not count once there are more of them than inputs."""
    keras = load("keras")
    import numpy as np

    a, c = keras.Input((2,), name="a"), keras.Input((2,), name="c")
    inner = keras.Model({"a": a, "c": c}, a - 2.0 * c, name="inner")
    p, q, r = (keras.Input((2,), name=name) for name in "pqr")
    model = keras.Model([p, q, r], inner({"a": p, "b": r, "c": q}))
    assert np.array(model([np.full((1, 2), value) for value in (10.0, 1.0, 100.0)])).tolist() == [[-190.0, -190.0]]
    assert live.read(model).operands["inner/multiply"] == (Value("r"),)


def test_a_dict_passed_for_a_list_is_paired_by_the_names_of_the_inputs() -> None:
    keras = load("keras")
    import numpy as np

    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    inner = keras.Model([b, a], a - 2.0 * b, name="inner")
    p, q = keras.Input((2,), name="p"), keras.Input((2,), name="q")
    model = keras.Model([p, q], inner({"a": p, "b": q}))
    assert np.array(model([np.full((1, 2), value) for value in (10.0, 1.0)])).tolist() == [[8.0, 8.0]]
    graph = live.read(model)
    assert graph.operands["inner/multiply"] == (Value("q"),)
    single = keras.Model(a, a * 2.0, name="single")
    assert live.read(keras.Model(p, single({"a": p}))).operands["single/multiply_1"] == (Value("p"),)


def test_where_keras_records_a_shape_that_it_does_not_give() -> None:
    """Keras adds a last axis when the nested model runs, and not when it infers shapes: its record is wrong."""
    keras = load("keras")
    import numpy as np

    layers = keras.layers

    a = keras.Input((10, 1), name="a")
    inner = keras.Model(a, layers.Dense(4, name="dense")(layers.ReLU(name="relu")(a)), name="inner")
    x = keras.Input((10,), name="x")
    model = keras.Model(x, inner(x))
    assert model.output_shape == (None, 4)
    assert model(np.ones((2, 10))).shape == (2, 10, 4)
    graph = live.read(model)
    assert graph.ops["inner/relu"].outputs == (Spec(None, "float32"),)
    assert graph.ops["inner/dense"].outputs == (Spec((None, 4), "float32"),)  # what Keras recorded


def test_a_model_that_was_changed_to_have_more_inputs() -> None:
    keras = load("keras")
    layers = keras.layers

    class Swapped(keras.Sequential):
        pass

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner = Swapped([keras.Input((4,)), layers.ReLU(name="relu")], name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, inner(x))
    inner._functional = keras.Model([a, b], layers.Add()([a, b]))
    with pytest.raises(SourceError, match="'inner' has 2 inputs, but is called on 1 tensors"):
        live.read(model)


def test_nested_deeper_than_python_recurses() -> None:
    keras = load("keras")

    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.ops.negative(x), name="m0")
    for number in range(1, 400):
        x = keras.Input((2,), name="x")
        model = keras.Model(x, model(x), name=f"m{number}")
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack(0)) + 150)
        graph = live.read(model)
    finally:
        sys.setrecursionlimit(limit)
    assert len(graph.ops) == 2
    assert list(graph.ops)[-1].startswith("m398/m397/")


def test_a_chain_of_five_thousand_layers() -> None:
    graph = live.read(deep_chain(5000))
    assert list(graph.ops) == ["x", *(f"step_{number}" for number in range(5000))]
    assert graph.operands["step_4999"] == (Value("step_4998"),)


def deep_chain(count: int) -> Any:
    """Keras itself recurses while it builds a model."""
    keras = load("keras")

    x = y = keras.Input((2,), name="x")
    for number in range(count):
        y = keras.layers.Identity(name=f"step_{number}")(y)
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(20 * count)
        return keras.Model(x, y)
    finally:
        sys.setrecursionlimit(limit)


# --- keras.Function -----------------------------------------------------------------------------------------------


def test_functions() -> None:
    graph = graph_of("function")
    assert graph.inputs == (Value("x"), Value("y"))
    assert graph.ops["x"].is_input
    assert graph.ops["x"].config["batch_shape"] == (None, 4)
    assert graph.name == "fn"
    graph = graph_of("function_from_the_middle")
    multiply = next(node for node, op in graph.ops.items() if op.kind == "ops.multiply")
    assert graph.outputs == (Value(multiply), graph.inputs[0])
    assert [graph.ops[value.node].outputs[0].shape for value in values(graph.inputs)] == [(None, 2)] * 2


def test_a_function_of_one_of_two_outputs() -> None:
    """The call that makes a declared input is part of the graph where its other output is needed."""
    keras = load("keras")

    x = keras.Input((4,), name="x")
    a, b = keras.ops.split(x, 2, axis=-1)
    graph = live.read(keras.Function([a, x], b * 2.0, name="fn"))
    assert len(graph.ops) == 4
    split = next(node for node, op in graph.ops.items() if op.kind == "ops.split")
    assert graph.operands[split] == (Value("x"),)


# --- errors -------------------------------------------------------------------------------------------------------


def wrong_sources() -> dict[str, tuple[Any, str]]:
    keras = load("keras")
    import numpy as np

    layers = keras.layers

    class Net(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    later = keras.Sequential([layers.Dense(2)], name="later")
    doubled: Any = keras.Input((2,)) * 2.0
    return {
        "subclassed": (Net(), "received a subclassed keras.Model (Net), whose graph exists only while its call() runs"),
        "unbuilt": (later, "received the Sequential model 'later', which is not built yet and has no graph; start it"),
        "layer": (
            layers.Dense(2, name="d"),
            "received the Keras layer 'd' (Dense), expected a model; wrap it: x = keras",
        ),
        "operation": (
            doubled._keras_history.operation,
            "received a Keras operation (Multiply), expected a model; wrap it",
        ),
        "tensor": (keras.Input((2,)), "received a symbolic tensor, expected a model: keras.Model(inputs, outputs)"),
        "class": (
            keras.Sequential,
            "received the class Sequential; pass an instance, a functional or Sequential model",
        ),
        "class of a layer": (layers.Dense, "received the class Dense; pass an instance"),
        "module": (
            keras,
            "received module, expected a Keras functional or Sequential model, a kgraph.Graph, or the path",
        ),
        "number": (3, "received int, expected a Keras functional"),
        "none": (None, "received NoneType, expected a Keras functional"),
        "array": (np.zeros(3), "received ndarray, expected a Keras functional"),
        "other class": (int, "received int, expected a Keras functional"),
        "list": ([later], "received list, expected a Keras functional"),
    }


@pytest.mark.parametrize(
    "what",
    ["subclassed", "unbuilt", "layer", "operation", "tensor", "class", "class of a layer", "module", "number", "none",
     "array", "other class", "list"],
)  # fmt: skip
def test_a_wrong_source_says_what_it_is_and_what_to_do(what: str) -> None:
    source, message = wrong_sources()[what]
    with pytest.raises(KgraphError) as caught:
        live.read(source)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_nested_must_be_known() -> None:
    with pytest.raises(SourceError, match="nested must be 'dissolve' or 'keep', received 'both'"):
        live.read(model_of("plain"), nested="both")


def test_the_version_of_keras() -> None:
    keras = load("keras")

    assert live.keras_version(model_of("plain")) == keras.__version__
    assert live.keras_version(3) is None


def test_a_class_that_keras_makes_functional_after_it_was_refused() -> None:
    """Keras exchanges the bases of such a class: what is known of it must not outlive that."""
    keras = load("keras")
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(SourceError, match="subclassed"):
        live.read(Net())
    x = keras.Input((4,), name="x")
    assert len(live.read(Net(x, layers.ReLU()(x))).ops) == 2


# --- random models ------------------------------------------------------------------------------------------------


STEPS = ("relu", "shared", "add", "split", "negative", "nested", "dict", "scale")


@st.composite
def recipes(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    steps = st.tuples(st.sampled_from(STEPS), st.integers(0, 30), st.integers(0, 30))
    return draw(st.lists(steps, min_size=1, max_size=12))


def cook(recipe: list[tuple[str, int, int]]) -> Any:
    """A random model on tensors of one shape; all that it computes is an output."""
    keras = load("keras")
    layers, ops = keras.layers, keras.ops

    a, b = keras.Input((4,), name="in_a"), keras.Input((4,), name="in_b")
    shared = layers.Dense(4, name="shared")
    inner = keras.Model([a, b], [layers.Subtract(name="minus")([shared(b), a]), b], name="inner")
    twice = keras.Model({"in_b": b, "in_a": a}, {"y": -b, "b": inner([a, b])[0]}, name="twice")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    found = [x, y]
    for number, (what, first, second) in enumerate(recipe):
        left, right = found[first % len(found)], found[second % len(found)]
        if what == "relu":
            found.append(layers.ReLU(name=f"relu_{number}")(left))
        elif what == "shared":
            found.append(shared(left))
        elif what == "add":
            found.append(layers.Add(name=f"plus_{number}")([left, right, left]))
        elif what == "split":
            found.append(ops.concatenate(ops.split(left, 2, axis=1)[::-1], axis=1))
        elif what == "negative":
            found.append(left - right * 2.0)
        elif what == "nested":
            found.extend(inner([left, right]))
        elif what == "dict":
            found.extend(twice({"in_b": left, "in_a": right}).values())
        else:
            found.append(left * float(second))
    return keras.Model([x, y], {"last": found[-1], "rest": found[2:-1] or [x]}, name="random")


@given(recipes())
@settings(max_examples=25)
def test_random_models_are_dissolved_as_if_they_were_flat(recipe: list[tuple[str, int, int]]) -> None:
    model = cook(recipe)
    graph = live.read(model)
    assert graph.equivalent(read_flattened(model))
    assert parse(show(graph)) == graph
    assert_plain(graph.ops)
    kept = live.read(model, nested="keep")
    assert len(kept.ops) == len(model._nodes)


def test_every_model_of_the_zoo_is_tagged() -> None:
    assert ZOO.keys() == TAGS.keys()
    assert tagged("nested") and set(tagged("nested", without=("opaque",))) < set(tagged("nested"))
    assert Path(__file__).with_name("zoo.py").is_file()


# --- configs read from attributes ---------------------------------------------------------------------------------


def initializers(keras: Any) -> list[Any]:
    class Custom(keras.initializers.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return keras.ops.ones(shape, dtype)

        def get_config(self) -> dict[str, Any]:
            return {"a": 1}

    found = keras.initializers
    return [
        "glorot_uniform", "zeros", "ones", found.HeNormal(seed=3), found.VarianceScaling(2, "fan_out", "uniform"),
        found.RandomNormal(0, 0.5, seed=keras.random.SeedGenerator(4)), found.Constant(2.0), found.Orthogonal(1.5),
        Custom(), found.TruncatedNormal(stddev=0.1), lambda shape, dtype=None: keras.ops.ones(shape, dtype),
    ]  # fmt: skip


def regularizers(keras: Any) -> list[Any]:
    class Custom(keras.regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return keras.ops.sum(x) * 0.0

        def get_config(self) -> dict[str, Any]:
            return {}

    found = keras.regularizers
    return [None, None, "l2", found.L1(0.1), found.L1L2(1e-3, 1e-4), found.OrthogonalRegularizer(), Custom()]


def constraints(keras: Any) -> list[Any]:
    found = keras.constraints
    return [None, None, "non_neg", found.MaxNorm(2, axis=[0, 1]), found.UnitNorm(), found.MinMaxNorm(0.5, 2.0)]


def activations(keras: Any) -> list[Any]:
    def mine(x: Any) -> Any:
        return x

    return [
        None, "linear", "relu", keras.activations.gelu, keras.ops.relu, keras.layers.ReLU(6.0), mine, "swish",
        keras.saving.register_keras_serializable("package")(mine), lambda x: x, keras.layers.LeakyReLU(),
    ]  # fmt: skip


def policies(keras: Any) -> list[Any]:
    found = keras.dtype_policies
    return [
        None, "float32", "float16", "mixed_bfloat16", found.DTypePolicy("mixed_float16"), "int8_from_mixed_bfloat16",
        found.QuantizedDTypePolicy("int8", "float32"), found.DTypePolicyMap(default_policy="float16"),
        found.FloatDTypePolicy("float64"), found.DTypePolicyMap(),
    ]  # fmt: skip


def random_layer(keras: Any, random: Random) -> Any:
    choose = random.choice
    flags = iter(lambda: choose((True, False)), None)
    made: dict[str, Any] = {"trainable": next(flags), "dtype": choose(policies(keras)), "name": "layer"}
    if next(flags):
        made |= {key: choose((0, 0.9, 1e-3, 1)) for key in ("momentum", "epsilon", "renorm_momentum")}
        made |= {key: next(flags) for key in ("center", "scale", "renorm")}
        made |= {f"{name}_initializer": choose(initializers(keras)) for name in ("beta", "gamma", "moving_mean")}
        made |= {f"{name}_regularizer": choose(regularizers(keras)) for name in ("beta", "gamma")}
        made |= {f"{name}_constraint": choose(constraints(keras)) for name in ("beta", "gamma")}
        made["renorm_clipping"] = choose((None, {"rmin": 0.5, "rmax": 2.0})) if made["renorm"] else None
        return keras.layers.BatchNormalization(-1, **made)
    rank = choose((1, 2, 3))
    made |= {key: choose((1, 2, (1,) * rank, [2] * rank)) for key in ("kernel_size", "strides")}
    made |= {f"{name}_initializer": choose(initializers(keras)) for name in ("kernel", "bias")}
    made |= {f"{name}_regularizer": choose(regularizers(keras)) for name in ("kernel", "bias", "activity")}
    made |= {f"{name}_constraint": choose(constraints(keras)) for name in ("kernel", "bias")}
    made |= {"groups": choose((1, 2)), "use_bias": next(flags), "padding": choose(("valid", "SAME"))}
    made |= {"data_format": choose((None, "channels_last", "channels_first")), "filters": choose((2, 4))}
    layer = getattr(keras.layers, f"Conv{rank}D")(activation=choose(activations(keras)), **made)
    if not random.randrange(6):
        layer.lora_rank, layer.lora_alpha = 2, 4  # as enable_lora and the constructor's argument do
    return layer


@given(st.randoms(use_true_random=False))
@settings(max_examples=150)
@pytest.mark.filterwarnings("ignore:.*being serialized includes a `lambda`:UserWarning")
def test_a_config_read_from_attributes_is_what_get_config_says(random: Random) -> None:
    layer = random_layer(load("keras"), random)
    kind = f"layers.{type(layer).__name__}"
    found = live_layers.by_attribute(layer, kind)
    said = serialized.freeze_config(layer.get_config())
    assert found is None or found == said
    assert live_layers.layer_config(layer, kind) == ops.complete(kind, said)
    assert_plain(live_layers.layer_config(layer, kind))


def test_most_configs_are_read_from_attributes() -> None:
    keras = load("keras")
    layer = keras.layers.Conv2D(
        4, 3, activation="relu", kernel_initializer=keras.initializers.HeNormal(), kernel_regularizer="l2",
        bias_constraint="non_neg", dtype="mixed_float16",
    )  # fmt: skip
    assert live_layers.by_attribute(layer, "layers.Conv2D") is not None
    assert live_layers.by_attribute(keras.layers.BatchNormalization(), "layers.BatchNormalization") is not None


def test_a_layer_with_low_rank_weights() -> None:
    op = graph_of("low_rank_adapted").ops["conv"]
    assert (op.config["lora_rank"], op.config["lora_alpha"]) == (2, 2)
    assert [weight.name for weight in op.weights or ()] == ["kernel", "bias", "lora_kernel_a", "lora_kernel_b"]
