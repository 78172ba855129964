"""Text written by hand: what it says, and what it leaves out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kgraph.graph import (
    Capture,
    Constant,
    FrozenDict,
    Function,
    Graph,
    Object,
    Slice,
    Slot,
    Spec,
    Value,
    Weight,
)
from kgraph.text import parse, show
from kgraph.text.statements import CHUNK


def read(body: str, outputs: str = "y") -> Graph:
    graph = parse(f"x = Input((8, 8, 4))\nv = Input((4,))\n{body}\nmodel = Model([x, v], {outputs})\n")
    assert parse(show(graph)) == graph
    return graph


def shape_of(graph: Graph, node: str = "y") -> Any:
    return graph.ops[node].outputs[0].shape


FORMS = [
    "y = Conv2D(4, 3)(x)",
    "y = Conv2D(4, kernel_size=3)(x)",
    "y = Conv2D(filters=4, kernel_size=(3, 3))(x)",
    "y = Conv2D(4, [3, 3])(x)",
    "y = Conv2D(2 * 2, 9 // 3)(x)",
    "y = Convolution2D(4, 3)(x)",
    "y = layers.Conv2D(4, 3)(x)",
    "y = keras.layers.Conv2D(4, 3)(x)",
    "y = tf.keras.layers.Conv2D(4, 3)(x)",
    "y = Conv2D(4, 3, activation=None)(x)",
    'y = Conv2D(4, 3, activation="linear", padding="valid")(x)',
    'y = Conv2D(4, 3, kernel_initializer="glorot_uniform")(x)',
    'y = Conv2D(4, 3, kernel_initializer="GlorotUniform")(x)',
    "y = Conv2D(4, 3, kernel_initializer=initializers.GlorotUniform())(x)",
    "y = Conv2D(4, 3, kernel_initializer=keras.initializers.GlorotUniform(seed=None))(x)",
    'y = Conv2D(**{"filters": 4, "kernel_size": 3})(x)',
    "y = Conv2D(\n    4,\n    3,  # a comment\n)(\n    x\n)",
    "conv = Conv2D(4, 3, name='y')\nz = conv(x)\ny = z",
    "y = Conv2D(4, 3)(inputs=x)",
    "y = Conv2D(4, 3)(x, training=None)",
    "y = Conv2D(4, 3, name=None)(x)",
    "y = (Conv2D(4, 3)(x))",
    "y = Conv2D(4, 3)(x); z = y",
]


@pytest.mark.parametrize("body", FORMS)
def test_many_ways_to_say_the_same(body: str) -> None:
    graph = read(body)
    assert graph == read(FORMS[0])
    op = graph.ops["y"]
    assert (op.kind, op.layer, op.arguments) == ("layers.Conv2D", "y", {"inputs": Slot(0)})
    assert op.config["kernel_size"] == (3, 3) and op.config["activation"] == "linear"
    assert op.outputs == (Spec((None, 6, 6, 4), "float32"),)
    assert op.weights == (Weight("kernel", (3, 3, 4, 4), "float32", True), Weight("bias", (4,), "float32", True))


@pytest.mark.parametrize(
    ("body", "kind", "arguments", "shape"),
    [
        ("y = x + x", "ops.add", {"x1": Slot(0), "x2": Slot(1)}, (None, 8, 8, 4)),
        ("y = x - 1", "ops.subtract", {"x1": Slot(0), "x2": 1}, (None, 8, 8, 4)),
        ("y = 2 * x", "ops.multiply", {"x1": 2, "x2": Slot(0)}, (None, 8, 8, 4)),
        ("y = x / 2.5", "ops.true_divide", {"x1": Slot(0), "x2": 2.5}, (None, 8, 8, 4)),
        ("y = x // (2 * 3)", "ops.floor_divide", {"x1": Slot(0), "x2": 6}, (None, 8, 8, 4)),
        ("y = x % 2", "ops.mod", {"x1": Slot(0), "x2": 2}, (None, 8, 8, 4)),
        ("y = x ** -2", "ops.power", {"x1": Slot(0), "x2": -2}, (None, 8, 8, 4)),
        ("y = v < 3", "ops.less", {"x1": Slot(0), "x2": 3}, (None, 4)),
        ("y = v != v", "ops.not_equal", {"x1": Slot(0), "x2": Slot(1)}, (None, 4)),
        ("y = (v >= 1) & (v <= 2)", "ops.logical_and", {"x1": Slot(0), "x2": Slot(1)}, (None, 4)),
        ("y = -x", "ops.negative", {"x": Slot(0)}, (None, 8, 8, 4)),
        ("y = x @ x", "ops.matmul", {"x1": Slot(0), "x2": Slot(1)}, None),
        ('y = x + constant("float32", (4,), "d", (1.0, 2.0, 3.0, 4.0))', "ops.add",
         {"x1": Slot(0), "x2": Constant("float32", (4,), "d", (1.0, 2.0, 3.0, 4.0))}, (None, 8, 8, 4)),
        ("y = x[..., 0:2]", "ops.get_item", {"x": Slot(0), "key": (..., Slice(0, 2))}, (None, 8, 8, 2)),
        ("y = x[:, -1]", "ops.get_item", {"x": Slot(0), "key": (Slice(), -1)}, (None, 8, 4)),
        ("y = x[:, ::2, None]", "ops.get_item", {"x": Slot(0), "key": (Slice(), Slice(None, None, 2), None)}, (None, 4, 1, 8, 4)),
        ("y = ops.relu(x)", "ops.relu", {"x": Slot(0)}, (None, 8, 8, 4)),
        ("y = keras.ops.relu(x=x)", "ops.relu", {"x": Slot(0)}, (None, 8, 8, 4)),
        ("y = ops.reshape(v, (-1, 2, 2))", "ops.reshape", {"x": Slot(0), "newshape": (-1, 2, 2)}, (None, 2, 2)),
        ("y = ops.sum(x, axis=None)", "ops.sum", {"x": Slot(0)}, ()),
        ("y = ops.sum(x, None, True)", "ops.sum", {"x": Slot(0), "keepdims": True}, (1, 1, 1, 1)),
        ('y = ops.einsum("bi,bi->b", v, v)', "ops.einsum", {"subscripts": "bi,bi->b", "*operands": (Slot(0), Slot(1))}, (None,)),
        ("y = Concatenate()(ops.split(x, 2, axis=-1))", "layers.Concatenate", {"inputs": (Slot(0), Slot(1))}, (None, 8, 8, 4)),
        ("y = Add()([x, x])", "layers.Add", {"inputs": (Slot(0), Slot(1))}, (None, 8, 8, 4)),
        ("y = Add()((x, x))", "layers.Add", {"inputs": (Slot(0), Slot(1))}, (None, 8, 8, 4)),
        ('y = Custom("pkg.C")({"b": x, "a": v}, 3, key=v)', "custom.pkg.C",
         {"inputs": FrozenDict(b=Slot(0), a=Slot(1)), "arg1": 3, "key": Slot(2)}, None),
        ("y = ops.get_item(x, slice(2))", "ops.get_item", {"x": Slot(0), "key": Slice(None, 2)}, (None, 8, 8, 4)),
        ("y = BatchNormalization()(x, training=False)", "layers.BatchNormalization", {"inputs": Slot(0), "training": False}, (None, 8, 8, 4)),
        ('y = ReLU()(**{"inputs": x, "odd key": 1})', "layers.ReLU", {"inputs": Slot(0), "odd key": 1}, (None, 8, 8, 4)),
        ("y = Lambda(lambda t: t[..., 1:3])(x)", "layers.Lambda", {"inputs": Slot(0)}, (None, 8, 8, 2)),
        ("y = Lambda(function=lambda q: q[0])(x)", "layers.Lambda", {"inputs": Slot(0)}, (8, 8, 4)),
        ('y = Lambda(opaque("ab"))(x)', "layers.Lambda", {"inputs": Slot(0)}, None),
    ],
)  # fmt: skip
def test_calls(body: str, kind: str, arguments: dict[str, Any], shape: Any) -> None:
    op = read(body).ops["y"]
    assert (op.kind, op.arguments, op.outputs[0].shape) == (kind, arguments, shape)


def test_augmented_assignment() -> None:
    graph = read("y = x\ny += x\ny *= 2\ny -= x")
    assert [op.kind for op in graph.ops.values()][2:] == ["ops.add", "ops.multiply", "ops.subtract"]


def test_ids_of_what_is_not_named() -> None:
    graph = read("y = ReLU()(x)\ny = ReLU()(y)\ny = Dense(4)(ReLU()(Dense(3)(y)))\ny = y + y")
    assert list(graph.ops) == ["x", "v", "y", "re_lu", "dense", "re_lu_1", "dense_1", "add"]
    assert [op.layer for op in graph.ops.values()][-2:] == ["dense_1", None]


def test_an_automatic_id_is_one_that_is_free() -> None:
    graph = read("re_lu = ReLU()(x)\nre_lu_1 = ReLU()(re_lu)\ny = Add()([ReLU()(re_lu_1), x])")
    assert list(graph.ops)[2:] == ["re_lu", "re_lu_1", "re_lu_2", "y"]


def test_a_name_wins_over_the_variable() -> None:
    graph = read('y = ReLU(name="act")(x)\nz = Dense(3, name="a:1/b%")(y)', "z")
    assert list(graph.ops)[-2:] == ["act", "a%3A1%2Fb%25"]
    assert graph.ops["a%3A1%2Fb%25"].layer == "a%3A1%2Fb%25"


def test_a_layer_called_twice() -> None:
    graph = read("d = Dense(4)\na = d(v)\nb = d(a)\ny = d(b)")
    assert list(graph.ops)[2:] == ["d", "d:1", "d:2"]
    assert {op.layer for op in graph.ops.values()} == {"x", "v", "d"}


def test_the_calls_of_a_layer_whose_name_is_taken_are_named_alike() -> None:
    graph = read('d = Dense(4, name="v")\na = d(v)\ny = d(a)')
    assert list(graph.ops)[2:] == ["dense", "dense:1"]
    assert [graph.ops[node].layer for node in ("dense", "dense:1")] == ["dense", "dense"]


def test_a_taken_call_number_gets_an_automatic_name() -> None:
    graph = read("d = Dense(4)\na = d(v)\n\"{'id': 'd:1', 'layer': 'r'}\"\nb = ReLU()(a)\ny = d(b)")
    assert list(graph.ops)[2:] == ["d", "d:1", "dense"]
    assert graph.ops["dense"].layer == "d"


def test_the_weights_of_a_layer_are_those_of_its_first_call() -> None:
    graph = read('d = Dense(4)\na = d(v)\nb = Custom("pkg.Odd")(a)\ny = d(b)')
    assert graph.ops["d:1"].weights == graph.ops["d"].weights != ()


def test_outputs_of_a_split() -> None:
    graph = read("a, b = ops.split(x, 2, axis=-1)\ny = Add()([b, a])")
    assert graph.operands["y"] == (Value("split", 1), Value("split", 0))
    assert graph.ops["split"].outputs == (Spec((None, 8, 8, 2), "float32"),) * 2


def test_outputs_that_are_named_by_number() -> None:
    graph = read("s_0, s_1 = ops.split(x, 2, axis=-1)\ny = Add()([s_0, s_1])")
    assert "s" in graph.ops


def test_outputs_in_one_variable() -> None:
    body = "parts = ops.split(x, 4, axis=-1)\na, b, c, d = parts\nrest = parts[1:]\n"
    graph = read(f"{body}y = Concatenate()([parts[0], parts[-1], b])\nz = Add()(rest)", "[y, z]")
    assert graph.operands["y"] == (Value("parts"), Value("parts", 3), Value("parts", 1))
    assert graph.operands["z"] == tuple(Value("parts", out) for out in (1, 2, 3))


def test_one_output_in_brackets() -> None:
    graph = read('[y] = ops.split(x, 1)\n(z,) = Custom("pkg.Odd")(y)\nw = ops.split(x, 1)[0]', "[z, w]")
    assert graph.operands["odd"] == (Value("split"),)


def test_several_outputs_of_a_custom_layer() -> None:
    graph = read('a, b, y = Custom("pkg.Three")(x)')
    assert graph.ops["three"].outputs == (Spec(None, "float32"),) * 3
    assert graph.outputs == Value("three", 2)


def test_trees_of_inputs_and_outputs() -> None:
    graph = parse(
        'x = Input((4,))\nz = Input((4,))\nmodel = Model({"b": x, "a": (z, [x])}, {"k": [x, x], "a": z}, name="trees")'
    )
    assert graph.inputs == FrozenDict(a=(Value("z"), (Value("x"),)), b=Value("x"))
    assert graph.outputs == FrozenDict(a=Value("z"), k=(Value("x"), Value("x")))
    assert list(graph.ops) == ["z", "x"]
    assert graph.name == "trees"


@pytest.mark.parametrize(
    "line",
    ["model = Model(x, x)", "model = keras.Model(inputs=x, outputs=x)", "model = Model(x, outputs=x, name=None)",
     'net = tf.keras.models.Model(x, x, "model")', 'n = Functional(outputs=x, inputs=x, name="model")'],
)  # fmt: skip
def test_ways_to_end(line: str) -> None:
    assert parse(f"x = Input((4,))\n{line}").name == "model"


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ("Input((4,))", (None, 4)),
        ("Input(4)", (None, 4)),
        ("Input(shape=(4, None))", (None, 4, None)),
        ("Input([4])", (None, 4)),
        ("Input((4,), 2)", (2, 4)),
        ("Input(shape=(4,), batch_size=2, dtype=None)", (2, 4)),
        ("keras.Input(batch_shape=(2, 4))", (2, 4)),
        ("keras.layers.Input(())", (None,)),
        ("Input(batch_shape=())", ()),
        ("Input(shape=None)", None),
        ("InputLayer(batch_shape=(None, 4))()", (None, 4)),
    ],
)
def test_inputs(call: str, shape: Any) -> None:
    op = parse(f"x = {call}\nmodel = Model(x, x)").ops["x"]
    assert (op.kind, op.layer, op.outputs) == ("layers.InputLayer", "x", (Spec(shape, "float32"),))
    assert op.config == {"batch_shape": shape, "dtype": "float32", "sparse": False, "ragged": False, "optional": False}


def test_an_input_of_another_name_and_dtype() -> None:
    graph = parse('x = Input((4,), dtype="int32", name="ids")\nmodel = Model(x, x)')
    assert graph.ops["ids"].outputs == (Spec((None, 4), "int32"),)


def test_an_input_inside_an_expression() -> None:
    graph = parse("y = ReLU()(Input((4,)))\nmodel = Model([], y)")
    assert list(graph.ops) == ["input_layer", "y"]


def test_objects_and_literals_in_configs() -> None:
    body = (
        'y = Custom("pkg.Odd", a=-1, b=1.5e3, c=1 - 2j, d=complex(-0.0, float("nan")), e=b"x", f=..., g=None, h="\\n", '
        'i={"k": [1, (2,)]}, j=slice(1, 2), k=regularizers.L2(0.5), l=Custom("pkg.In", z=1), m=0xFF, n=float("-inf"), '
        'o=opaque("d"), p=lambda t: t[0], q=Object("any kind", {"name": 1}), r=Dense(3, name="inner"), s=-2j, t=-1.5)(x)'
    )
    config = read(body).ops["y"].config
    assert config["a"] == -1 and config["b"] == 1500.0 and config["c"] == 1 - 2j and config["m"] == 255
    assert math.copysign(1, config["d"].real) == -1 and math.isnan(config["d"].imag)
    assert (config["e"], config["f"], config["g"], config["h"]) == (b"x", ..., None, "\n")
    assert config["i"] == {"k": (1, (2,))} and config["j"] == Slice(1, 2)
    assert config["k"] == Object("regularizers.L2", FrozenDict(l2=0.5))
    assert config["l"] == Object("custom.pkg.In", FrozenDict(z=1))
    assert config["n"] == -math.inf and config["o"] == Function("d") and config["p"] == Function("", (0,), "proved")
    assert config["q"] == Object("any kind", FrozenDict(name=1))
    assert config["r"].config["units"] == 3 and "name" not in config["r"].config
    assert (config["s"], config["t"]) == (-2j, -1.5)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("he_normal", "HeNormal"),
        ("zeros", "Zeros"),
        ("VarianceScaling", "VarianceScaling"),
        ("OrthogonalInitializer", "Orthogonal"),
    ],
)
def test_initializers_by_name(name: str, kind: str) -> None:
    op = read(f'y = Dense(3, kernel_initializer="{name}")(v)').ops["y"]
    assert op.config["kernel_initializer"].kind == f"initializers.{kind}"


def test_what_else_has_a_name() -> None:
    body = 'y = Dense(3, kernel_regularizer="l2", bias_constraint="non_neg", bias_initializer="of_mine")(v)'
    config = read(body).ops["y"].config
    assert config["kernel_regularizer"].kind == "regularizers.L2"
    assert config["bias_constraint"].kind == "constraints.NonNeg"
    assert config["bias_initializer"] == "of_mine"
    assert read('y = Custom("pkg.Odd", kernel_initializer="zeros")(v)').ops["y"].config == {
        "kernel_initializer": "zeros"
    }


def test_lines_that_say_nothing() -> None:
    text = (
        '\ufeff"""A docstring,\n\nof several lines: \\d."""\r\n# a comment\rimport keras\nfrom keras import layers, ops\n\n\n'
        'x = Input((4,))  # the input\n"another string"\n\t\n\ny = (\n\n    ReLU()  # what\n)(\nx\n)\n\nmodel = Model(x, \\\n y)\n# the end\n\n'
    )
    assert list(parse(text).ops) == ["x", "y"]


def test_annotations_win() -> None:
    graph = read(
        "\"{'id': 'a/b:1', 'layer': 'c', 'outputs': ((None, 'int8'),), 'weights': (('w', (None, 2), 'float16', False),)}\"\n"
        "y = Dense(3)(v)\n\"{'layer': 'c', 'weights': None}\"\nz = Dense(3)(v)", "[y, z]",
    )  # fmt: skip
    op = graph.ops["a/b:1"]
    assert op.layer == "c" and op.outputs == (Spec(None, "int8"),)
    assert op.weights == (Weight("w", (None, 2), "float16", False),)
    assert graph.ops["z"].layer == "c" and graph.ops["z"].weights is None


def test_the_layer_that_an_id_implies() -> None:
    graph = read("\"{'id': 'enc:1/conv:2'}\"\ny = ReLU()(x)")
    assert graph.ops["enc:1/conv:2"].layer == "enc/conv"


def test_annotated_functions() -> None:
    graph = read(
        "\"{'function': {'digest': 'd', 'known': 'tested', 'note': 'n', 'captures': (('c', 0, (1, 2)), ('g', None, 3))}}\"\n"
        "y = Lambda(lambda t: t[..., 0:2])(x)"
    )
    function = graph.ops["y"].config["function"]
    assert function == Function(selection=(..., Slice(0, 2)))
    assert (function.digest, function.known, function.note) == ("d", "tested", "n")
    assert function.captures == (Capture("c", 0, (1, 2)), Capture("g", None, 3))


def test_calls_that_lead_nowhere_are_left_out() -> None:
    graph = parse("x = Input((4,))\nz = Input((3,))\ny = ReLU()(x)\nw = Dense(3)(y)\nmodel = Model(x, y)")
    assert list(graph.ops) == ["x", "y"]


def test_variables_may_be_called_anything() -> None:
    graph = parse("ops_ = Input((4,))\ntf = ReLU()(ops_)\nKeras = ReLU(name='k')(tf)\nmodel = Model(ops_, Keras)")
    assert list(graph.ops) == ["ops_", "tf", "k"]


def test_a_text_longer_than_what_is_parsed_at_once() -> None:
    rows = [
        "x = Input((4,))",
        *["x = ReLU()(x)"] * 1990,
        "x = Add()([",
        *["x,"] * 30,
        "])",
        '"""',
        *["text"] * 9000,
        '"""',
        *["x = ReLU()(x)"] * 10,
    ]
    graph = parse("\n".join([*rows, "model = Model([], x)"]))
    assert len(graph.ops) == 2002


@pytest.mark.parametrize("line", ["    x,", "\tx,", "", "# a comment", "x,"])
def test_a_statement_longer_than_what_is_parsed_at_once(line: str) -> None:
    body = ["y = Add()([", *[line] * 3 * CHUNK, "    x,", "    x,", "])"]
    graph = parse("\n".join(["x = Input((4,))", *body, "model = Model(x, y)"]))
    assert len(graph.operands["y"]) == 2 + 3 * CHUNK * line.strip().startswith("x")
