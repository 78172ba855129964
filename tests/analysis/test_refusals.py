"""Calls that Keras refuses: the sentence, the rule and the domain; and Keras, which raises on each of them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import kgraph
from kgraph.analysis.requirements import requirements
from kgraph.cli import cli

BOTH, KERAS_3 = ("keras", "tf_keras"), ("keras",)
"""Which libraries have the call and refuse it."""

IMAGE, ROWS, SEQUENCE, VECTOR = "(32, 32, 8)", "(28, 28)", "(9, 4)", "(6,)"

CALLS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (ROWS, "Conv2D(filters=4, kernel_size=3)(x)",
     "Conv2D takes a tensor of rank 4 (batch, rows, columns, channels); it receives rank 3, (None, 28, 28)", BOTH),
    (IMAGE, "Conv1D(filters=4, kernel_size=3)(x)",
     "Conv1D takes a tensor of rank 3 (batch, steps, channels); it receives rank 4, (None, 32, 32, 8)", KERAS_3),
    (ROWS, 'Conv2D(filters=4, kernel_size=3, data_format="channels_first")(x)',
     "Conv2D takes a tensor of rank 4 (batch, channels, rows, columns); it receives rank 3, (None, 28, 28)", BOTH),
    (IMAGE, "Conv2D(filters=9, kernel_size=3, groups=3)(x)", "groups=3 does not divide the 8 channels that enter", BOTH),
    (IMAGE, "Conv2D(filters=6, kernel_size=3, groups=4)(x)", "groups=4 does not divide the 6 filters", BOTH),
    (IMAGE, "Conv2D(filters=6, kernel_size=0)(x)", "kernel_size must be 2 positive ints; it is (0, 0)", BOTH),
    (IMAGE, "Conv2D(filters=6, kernel_size=(3, 3, 3))(x)",
     "kernel_size must be 2 positive ints; it is (3, 3, 3)", BOTH),
    (IMAGE, "Conv2D(filters=0, kernel_size=3)(x)", "filters must be a positive int; it is 0", KERAS_3),
    (IMAGE, 'Conv2D(filters=6, kernel_size=3, padding="full")(x)',
     "padding must be 'valid' or 'same' or 'causal'; it is 'full'", BOTH),
    (IMAGE, "Conv2D(filters=6, kernel_size=3, strides=2, dilation_rate=2)(x)",
     "strides=(2, 2) and dilation_rate=(2, 2) exclude each other: one of them must be 1", BOTH),
    (IMAGE, "Conv2D(filters=6, kernel_size=33)(x)",
     "a window of 33 positions does not fit into the 32 of axis 1", BOTH),
    ("(32, 32, None)", "Conv2D(filters=6, kernel_size=3)(x)",
     "Conv2D needs to know how many channels enter to make its weights; it receives (None, 32, 32, None)", BOTH),
    (IMAGE, "Conv2DTranspose(filters=6, kernel_size=3, strides=2, output_padding=2)(x)",
     "output_padding=(2, 2) must be less than strides=(2, 2) on every axis", BOTH),
    (SEQUENCE, "MaxPooling2D()(x)",
     "MaxPooling2D takes a tensor of rank 4 (batch, rows, columns, channels); it receives rank 3, (None, 9, 4)", BOTH),
    (SEQUENCE, "GlobalAveragePooling2D()(x)",
     "GlobalAveragePooling2D takes a tensor of rank 4 (batch, rows, columns, channels);"
     " it receives rank 3, (None, 9, 4)", BOTH),
    (IMAGE, "ZeroPadding1D()(x)",
     "ZeroPadding1D takes a tensor of rank 3 (batch, steps, channels); it receives rank 4, (None, 32, 32, 8)", BOTH),
    (SEQUENCE, "Cropping1D(cropping=(5, 4))(x)", "cropping 5 + 4 leaves nothing of axis 1 of (None, 9, 4)", KERAS_3),
    (SEQUENCE, "SpatialDropout2D(rate=0.5)(x)",
     "SpatialDropout2D takes a tensor of rank 4 (batch, rows, columns, channels);"
     " it receives rank 3, (None, 9, 4)", BOTH),
    ("()", "Dense(units=4)(x)",
     "Dense takes a tensor of rank 2 or more (batch, ..., features); it receives (None,)", BOTH),
    ("(9, None)", "Dense(units=4)(x)",
     "Dense needs to know the extent of the last axis to make its weights; it receives (None, 9, None)", BOTH),
    (VECTOR, 'EinsumDense(equation="abc,cd->abd", output_shape=(4, 4))(x)',
     "the equation reads 'abc', 3 axes; it receives (None, 6)", BOTH),
    (VECTOR, "Embedding(input_dim=0, output_dim=4)(x)", "input_dim must be a positive int; it is 0", BOTH),
    (SEQUENCE, "BatchNormalization(axis=4)(x)", "there is no axis 4 in a tensor of rank 3", BOTH),
    ("(9, None)", "BatchNormalization()(x)",
     "BatchNormalization needs to know the extent of axis -1 to make its weights; it receives (None, 9, None)", BOTH),
    (SEQUENCE, "LayerNormalization(axis=3)(x)", "there is no axis 3 in a tensor of rank 3", BOTH),
    (SEQUENCE, "GroupNormalization(groups=3)(x)", "groups=3 does not divide the 4 channels that enter", BOTH),
    (SEQUENCE, "Reshape(target_shape=(5, 8))(x)", "(9, 4) has 36 elements, (5, 8) has 40", BOTH),
    (SEQUENCE, "Reshape(target_shape=(5, -1))(x)", "the 36 elements of (9, 4) cannot be dealt out to (5, -1)", BOTH),
    (SEQUENCE, "Permute(dims=(1, 1))(x)",
     "Permute of a tensor of rank 3 must name each axis once, the batch apart; it is given (1, 1)", BOTH),
    (SEQUENCE, "RepeatVector(n=3)(x)", "RepeatVector takes a tensor of rank 2; it receives rank 3, (None, 9, 4)", BOTH),
    (VECTOR, "LSTM(units=4)(x)",
     "LSTM takes a tensor of rank 3 (batch, steps, features); it receives rank 2, (None, 6)", BOTH),
    ("(9, None)", "GRU(units=4)(x)",
     "GRU needs to know how many features enter to make its weights; it receives (None, 9, None)", BOTH),
    (SEQUENCE, "LSTM(units=4, stateful=True)(x)",
     "LSTM with stateful=True needs to know the batch; it receives (None, 9, 4)", BOTH),
    (SEQUENCE, "ConvLSTM1D(filters=4, kernel_size=3)(x)",
     "ConvLSTM1D takes a tensor of rank 4 (batch, steps, positions, channels); it receives rank 3, (None, 9, 4)", BOTH),
    (VECTOR, "Bidirectional(layer=LSTM(units=4))(x)",
     "Bidirectional takes a tensor of rank 3 (batch, steps, features); it receives (None, 6)", BOTH),
    (VECTOR, "TimeDistributed(layer=Dense(units=4))(x)",
     "TimeDistributed takes a tensor of rank 3 or more (batch, steps, ...); it receives (None, 6)", BOTH),
    (SEQUENCE, "TimeDistributed(layer=Conv2D(filters=4, kernel_size=3))(x)",
     "Conv2D takes a tensor of rank 4 (batch, rows, columns, channels); it receives rank 2, (None, 4)", BOTH),
    (SEQUENCE, "MultiHeadAttention(num_heads=2, key_dim=3)(x, x[:, :5], x)",
     "value and key must be alike but for the last axis; they are of (None, 5, 4) and (None, 9, 4)", KERAS_3),
    (SEQUENCE, "Attention()([x])", "Attention takes a list of 2 or 3 tensors (query, value, key); it receives 1", BOTH),
    (SEQUENCE, "Concatenate(axis=7)([x, x])", "there is no axis 7 in a tensor of rank 3", BOTH),
    (SEQUENCE, "Concatenate()([x, Flatten()(x)])", "Concatenate takes tensors of one rank; it receives 3 and 2", BOTH),
    (SEQUENCE, "Concatenate()([x, ZeroPadding1D()(x)])",
     "Concatenate on axis 2 takes tensors that are alike on the others; it receives (None, 9, 4) and (None, 11, 4)", BOTH),
    (SEQUENCE, "Dot(axes=(1, 2))([x, x])",
     "axis 1 of (None, 9, 4) and axis 2 of (None, 9, 4) differ: 9 and 4", BOTH),
    (SEQUENCE, "ops.transpose(x, axes=(0, 1, 1))",
     "ops.transpose of a tensor of rank 3 must name each axis once; it is given (0, 1, 1)", KERAS_3),
    (SEQUENCE, "ops.expand_dims(x, axis=5)", "there is no axis 5 in a tensor of rank 4", KERAS_3),
    (SEQUENCE, "ops.expand_dims(x, axis=(1, 1))", "axis=(1, 1) names an axis twice", KERAS_3),
    (SEQUENCE, "ops.squeeze(x, axis=2)", "only axes of 1 can be squeezed; axis 2 of (None, 9, 4) is none", KERAS_3),
    (SEQUENCE, "ops.reshape(x, newshape=(-1, -1, 2))",
     "a shape to reshape to holds sizes, and -1 once at most; it is (-1, -1, 2)", KERAS_3),
    (SEQUENCE, "ops.mean(x, axis=3)", "there is no axis 3 in a tensor of rank 3", KERAS_3),
    (SEQUENCE, "ops.matmul(x, x)", "the axes that are summed over differ: 4 and 9", KERAS_3),
    (SEQUENCE, "ops.dot(x, x)", "the axes that are summed over differ: 4 and 9", KERAS_3),
    (SEQUENCE, "ops.tensordot(x, x, axes=((1,), (2,)))", "the axes that are summed over differ: 9 and 4", KERAS_3),
    (SEQUENCE, "ops.tensordot(x, x, axes=((1, 2), (1,)))",
     "axes=((1, 2), (1,)) names 2 axes of x1 and 1 of x2", KERAS_3),
    (SEQUENCE, 'ops.einsum("ab,bc->ac", x, x)', "'ab,bc->ac' reads 'ab', 2 axes; it is given (None, 9, 4)", KERAS_3),
    (SEQUENCE, "ops.stack([x, x[:, 1:]], axis=1)",
     "ops.stack on a new axis 1 takes tensors of one shape; it receives (None, 9, 4) and (None, 8, 4)", KERAS_3),
    (SEQUENCE, "x[:, 9]", "there is no index 9 on axis 1 of (None, 9, 4)", KERAS_3),
    (SEQUENCE, "x[:, 0, 0, 0]", "a subscript reads 4 axes of a tensor of rank 3", KERAS_3),
    (SEQUENCE, "ops.pad(x, pad_width=((0, 0), (1, 1)))",
     "pad_width=((0, 0), (1, 1)) is not one pair for each of 3 axes", KERAS_3),
    (SEQUENCE, "ops.max_pool(x, pool_size=10)", "a window of 10 positions does not fit into the 9 of axis 1", KERAS_3),
    (IMAGE, "ops.space_to_depth(x, block_size=5)",
     "axis 1 of (None, 32, 32, 8) is no multiple of 5, as block_size=5 asks for", KERAS_3),
    (IMAGE, "ops.image.rgb_to_grayscale(x)",
     "ops.image.rgb_to_grayscale takes 1 or 3 channels; axis 3 of (None, 32, 32, 8) is neither", KERAS_3),
    (SEQUENCE, "ops.inv(x)", "ops.inv takes square matrices; it receives (None, 9, 4)", KERAS_3),
)  # fmt: skip


def written(shape: str, call: str) -> str:
    return f'x = Input(shape={shape}, name="x")\ny = {call}\nmodel = Model(x, y)\n'


def refused(text: str) -> list[str]:
    """The sentences of a text's calls that can never be made."""
    return [why for item in requirements(kgraph.parse(text)) if item.status == "never" for why in item.why]


@pytest.mark.parametrize(("shape", "call", "why", "_"), CALLS, ids=[f"{call}: {shape}" for shape, call, *_ in CALLS])
def test_what_is_wrong_is_said(shape: str, call: str, why: str, _: tuple[str, ...]) -> None:
    text = written(shape, call)
    assert refused(text) == [why]
    report = kgraph.check(kgraph.parse(text))
    (message,) = (finding.message for finding in report.findings if finding.rule == "KG104")
    assert message == f"Keras refuses y: {why}"
    assert kgraph.domain(kgraph.parse(text)).condition == "never"


def build(library: str, text: str) -> None:
    """Makes the model of a text with a library."""
    keras: Any = importlib.import_module(library)
    exec(compile(text, "<model>", "exec"), {**vars(keras.layers), **vars(keras)})


@pytest.mark.keras
@pytest.mark.parametrize(
    ("shape", "call", "_", "libraries"), CALLS, ids=[f"{call}: {shape}" for shape, call, *_ in CALLS]
)
def test_keras_raises_on_each(shape: str, call: str, _: str, libraries: tuple[str, ...]) -> None:
    for library in libraries:
        with pytest.raises(Exception):  # noqa: B017 (it raises whatever it comes across)
            build(library, written(shape, call))


SPLIT = (
    'x = Input(shape=(9, 4), name="x")\na, b = ops.split(x, indices_or_sections=2, axis={})\nmodel = Model(x, [a, b])\n'
)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("axis", "why"),
    [(1, "9 does not split into 2 parts: there is a rest of 1"), (3, "there is no axis 3 in a tensor of rank 3")],
)
def test_a_split_that_leaves_a_rest(axis: int, why: str) -> None:
    assert refused(SPLIT.format(axis)) == [why]
    with pytest.raises(ValueError, match=r"divisible|out of bounds"):
        build("keras", SPLIT.format(axis))
    assert refused(SPLIT.format(2)) == []


SHARED = """
x = Input(shape=({first}, 8), name="x")
y = Input(shape=({second}, {second}), name="y")
layer = Dense(units=4, name="layer")
model = Model([x, y], [layer({order[0]}), layer({order[1]})])
"""


@pytest.mark.keras
def test_a_layer_that_has_its_weights_takes_what_it_could_not_have_been_made_for() -> None:
    made = SHARED.format(first="None", second="None", order="xy")
    build("keras", made)
    assert refused(made) == []
    unmade = SHARED.format(first="None", second="None", order="yx")
    with pytest.raises(ValueError, match="fully-defined"):
        build("keras", unmade)
    assert refused(unmade)[0].startswith("Dense needs to know the extent of the last axis")


def test_what_is_written_of_an_output_is_a_proof_that_keras_took_the_call() -> None:
    text = written(SEQUENCE, "Conv2D(filters=4, kernel_size=3)(x)")
    assert refused(text)
    spec = "\"{'outputs': (((None, 7, 4), 'float32'),)}\"\n"
    assert not refused(text.replace("y = ", f"{spec}y = "))


def test_of_a_call_that_fails_at_every_size_it_is_said_why_at_the_smallest() -> None:
    text = written("(None, 4)", "Concatenate(axis=-1)([x, ZeroPadding1D(padding=(1, 1))(x)])")
    said = "Concatenate on axis 2 takes tensors that are alike on the others; it receives (1, 1, 4) and (1, 3, 4)"
    assert refused(text) == [f"at B = 1, T = 1, as at all others, {said}"]
    assert refused(written("(9, 4)", "ops.reshape(x, newshape=(7, 7))")) == [
        "at B = 1, as at all others, (1, 9, 4) has 36 elements, (7, 7) has 49"
    ]


@pytest.mark.keras
def test_of_an_output_that_is_empty_it_is_not_said_that_keras_refuses_the_call() -> None:
    text = written("(2, 5)", "ops.split(x, indices_or_sections=(1, 2), axis=1)")
    build("keras", text)
    assert refused(text) == ["an output is an empty tensor, (?, 0, 5), of (?, 2, 5)"]


LONG = """
x = Input(shape=(28, 28), name="x")
a = Conv2D(filters=8, kernel_size=3, name="a")(x)
b = MaxPooling2D(name="b")(a)
c = Flatten(name="c")(b)
model = Model(x, c)
"""


def test_a_screen_names_the_call_and_what_is_wrong_with_it_and_nothing_after_it(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(LONG, encoding="utf-8")
    result = CliRunner().invoke(cli, ["check", str(path)])
    assert result.exit_code == 1
    assert result.stdout == (
        "model.py  4 nodes, 3 edges, an unknown number of parameters\n"
        "  in   x (B, 28, 28) float32\n"
        "  out  c of unknown rank float32\n"
        "\n"
        "findings\n"
        "  error KG104 Keras refuses a: Conv2D takes a tensor of rank 4 (batch, rows, columns, channels); it\n"
        "      receives rank 3, (None, 28, 28)\n"
        "  KG104 impossible-call: change how it is called or configured, or the layers before it, so that\n"
        "      Keras takes the call\n"
        "\n"
        "requirements  1 never\n"
        "  a  never  Conv2D takes a tensor of rank 4 (batch, rows, columns, channels); it receives rank 3,\n"
        "      (None, 28, 28)\n"
        "\n"
        "sizes this model accepts  none\n"
        "\n"
        "found 1 error\n"
    )
    said = json.loads(CliRunner().invoke(cli, ["check", str(path), "--format", "json"]).stdout)
    assert [(item["status"], item["known"]) for item in said["requirements"]] == [("never", "proved")]
    assert said["domain"]["condition"] == "never"
