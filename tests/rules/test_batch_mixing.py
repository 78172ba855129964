from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from kgraph import Finding, Graph, check, extract, parse
from kgraph.analysis.domain import domain
from kgraph.analysis.samples import traced
from tests.analysis.brute import examples
from tests.analysis.mixed import INPUTS, is_followed, is_sample_by_sample, mixed

BATCH = ("KG102", "KG105")


def text(body: str) -> str:
    return "\n".join([*INPUTS, body, "model = Model([x, v, w], y)"])


def findings(source: Any) -> list[Finding]:
    return [finding for finding in check(source).findings if finding.rule in BATCH]


ALONG = [
    ("y = ops.mean(x, axis=0)", "warning",
     "y reduces axis 0 of x (B, 4, 6), which is the batch: each sample's output depends on the others, and predict "
     "gives other numbers at another batch_size"),
    ("y = ops.mean(x)", "info", "y reduces axis 0 of x"),
    ("y = ops.sum(x, axis=(0, 1))", "warning", "y reduces axis 0 of x"),
    ("y = ops.max(v, axis=-2, keepdims=True)", "warning", "y reduces axis 0 of v"),
    ("y = v - ops.mean(v, axis=0)", "warning", "mean reduces axis 0 of v"),
    ("y = ops.std(x, axis=0, keepdims=True) * x", "warning", "std reduces axis 0 of x"),
    ("y = ops.softmax(v, axis=0)", "warning", "y normalises over axis 0 of v"),
    ("y = Softmax(axis=0)(v)", "warning", "y normalises over axis 0 of v"),
    ("y = ops.sort(v, axis=0)", "warning", "y sorts axis 0 of v"),
    ("y = ops.flip(x, axis=0)", "warning", "y turns round axis 0 of x"),
    ("y = ops.flip(x)", "warning", "y turns round axis 0 of x"),
    ("y = ops.roll(v, shift=1, axis=0)", "warning", "y shifts axis 0 of v"),
    ("y = ops.cumsum(x, axis=0)", "warning", "y accumulates along axis 0 of x"),
    ("y = x[0]", "warning", "y picks from axis 0 of x"),
    ("y = x[:2, ...]", "warning", "y picks from axis 0 of x"),
    ("y = ops.take(v, indices=(1, 0), axis=0)", "warning", "y picks from axis 0 of v"),
    ("y = ops.split(v, indices_or_sections=[1], axis=0)[1]", "warning", "split cuts axis 0 of v"),
    ("y = ops.trace(ops.reshape(v, newshape=(-1, 2, 3)))", "warning", "y picks a diagonal across axis 0 of reshape"),
    ("y = ops.matmul(ops.transpose(v), v)", "warning", "y sums over axis 1 of transpose (6, B), which is the batch"),
    ('y = ops.einsum("bi,bj->ij", v, v)', "warning", "y sums over axis 0 of v"),
    ("y = ops.tensordot(v, v, axes=[[0], [0]])", "warning", "y sums over axis 0 of v"),
    ("y = ops.matmul(v, ops.transpose(v))", "info", "y joins every sample with every other along axis 1 of transpose"),
    ('y = ops.einsum("bi,ci->bc", v, v)', "info", "y joins every sample with every other along axis 0 of v"),
    ("y = ops.expand_dims(v, axis=0) - ops.expand_dims(v, axis=1)", "info", "y joins every sample with every other"),
    ("y = LSTM(2)(ops.transpose(x, axes=(1, 0, 2)))", "warning", "y runs along axis 1 of transpose (4, B, 6)"),
    ("y = Conv1D(2, 2)(ops.transpose(x, axes=(1, 0, 2)))", "warning", "y slides a window over axis 1"),
    ("t = ops.transpose(x, axes=(1, 0, 2))\ny = MultiHeadAttention(1, 2)(t, t)", "warning", "attends along axis 1"),
    ("y = Attention()([v, v])", "warning", "y attends along axis 0 of v (B, 6), which is the batch"),
    ("t = ops.tanh(ops.transpose(x, axes=(1, 0, 2)))\ny = ops.mean(t, axis=1)", "warning",
     "y reduces axis 1 of t (4, B, 6), which is the batch since transpose: "),
    ("y = LSTM(2)(ops.reshape(x, newshape=(4, -1, 6)))", "warning",
     "y works on reshape (4, B, 6) as if reshape had kept samples apart, which it cuts across"),
    ("y = ops.repeat(v, repeats=2, axis=0) + ops.tile(v, repeats=(2, 1))", "warning",
     "y joins tensors that hold their samples in different order along axis 0"),
]  # fmt: skip
ASTRAY = [
    (
        "y = ops.transpose(x, axes=(1, 0, 2))",
        "the output y is (4, B, 6): its axis 1 is the batch, but predict, fit and evaluate take axis 0 for it",
    ),
    ("y = Dense(2)(ops.transpose(x, axes=(1, 0, 2)))", "its axis 1 is the batch since transpose"),
    (
        "y = ops.reshape(x, newshape=(-1, 4, 3))",
        "the output y is (2 * B, 4, 3): 2 * B rows for B samples: predict returns that many, and targets do not",
    ),
    ("y = Dense(2)(ops.reshape(x, newshape=(-1, 6)))", "4 * B rows for B samples since reshape"),
    ("y = Concatenate(axis=0)([x, w])", "2 * B rows for B samples"),
    ("y = ops.stack([v, v], axis=0)", "the output y is (2, B, 6): its axis 1 is the batch"),
    ("y = ops.tanh(ops.reshape(x, newshape=(4, -1, 6)))", "its rows are no samples, for reshape cuts across them"),
]
SILENT = {
    "a mean within a sample": "y = ops.mean(x, axis=1)",
    "time-major and back": "t = LSTM(2, return_sequences=True)(x)\nt = ops.transpose(t, axes=(1, 0, 2))\n"
    "t = Dense(3)(LayerNormalization()(t))[::-1, ...]\ny = ops.transpose(t, axes=(1, 0, 2))",
    "a sum over time, time-major": "y = ops.sum(ops.transpose(x, axes=(1, 0, 2)), axis=0)",
    "rows for themselves": "t = ops.reshape(x, newshape=(-1, 6))\ny = ops.reshape(Dense(3)(t), newshape=(-1, 4, 3))",
    "two branches, one after the other": "t = ops.concatenate([x, w], axis=0)\nt = LSTM(2)(t)\n"
    "a, b = ops.split(t, indices_or_sections=2, axis=0)\ny = a - b",
    "an ensemble": "y = ops.mean(ops.stack([v, ops.tanh(v)], axis=0), axis=0)",
    "beams": "t = ops.repeat(v, repeats=3, axis=0)\nt = Dense(2)(t)\ny = ops.max(ops.reshape(t, newshape=(-1, 3, 2)), axis=1)",
    "the last of the parts": "y = ops.reshape(x, newshape=(-1, 6))[3::4, ...]",
    "a cut that is undone": "t = ops.tanh(ops.reshape(x, newshape=(4, -1, 6)))\ny = ops.reshape(t, newshape=(-1, 4, 6))",
    "a Gram matrix of each sample": "y = ops.matmul(ops.transpose(x, axes=(0, 2, 1)), w)",
    "a Dot layer": "y = Dot(axes=2, normalize=True)([x, w])",
    "attention": "t = MultiHeadAttention(2, 3)(x, x)\nt = LayerNormalization()(x + t)\n"
    'y = LayerNormalization()(t + Dense(6)(Dense(8, activation="gelu")(t)))',
    "attention by hand": "q = Dense(3)(x)\nk = Dense(3)(w)\n"
    'a = ops.softmax(ops.einsum("btd,bsd->bts", q, k))\ny = ops.matmul(a, w)',
    "heads, folded into the batch": "t = ops.reshape(x, newshape=(-1, 4, 2, 3))\n"
    "t = ops.reshape(ops.transpose(t, axes=(0, 2, 1, 3)), newshape=(-1, 4, 3))\n"
    "t = Attention()([t, t])\nt = ops.transpose(ops.reshape(t, newshape=(-1, 2, 4, 3)), axes=(0, 2, 1, 3))\n"
    "y = ops.reshape(t, newshape=(-1, 4, 6))",
    "windows": "t = ops.reshape(x, newshape=(-1, 2, 2, 2, 3))\nt = ops.transpose(t, axes=(0, 1, 3, 2, 4))\n"
    "t = ops.reshape(t, newshape=(-1, 4, 3))\nt = MultiHeadAttention(1, 2)(t, t)\n"
    "t = ops.transpose(ops.reshape(t, newshape=(-1, 2, 2, 2, 3)), axes=(0, 1, 3, 2, 4))\n"
    "y = ops.reshape(ops.roll(t, shift=1, axis=1), newshape=(-1, 4, 6))",
    "squeeze and excitation": 'g = Dense(6, activation="sigmoid")(GlobalAveragePooling1D(keepdims=True)(x))\n'
    "y = Multiply()([x, g])",
    "a table of positions": f'y = x + constant("float32", (1, 4, 6), "d", {((0.5,) * 6,) * 4})',
    "time distributed": "y = TimeDistributed(Dense(3))(x)",
    "both directions": "y = Bidirectional(GRU(2))(x)",
    "normalised batches": "y = BatchNormalization()(x)",
    "the shape of one sample": "y = x * ops.ones_like(x[:1, ...])",
    "a repeated vector": "y = RepeatVector(3)(v)",
}


def of_rule(body: str, rule: str = "KG105") -> list[Finding]:
    return [finding for finding in findings(parse(text(body))) if finding.rule == rule]


@pytest.mark.keras
@pytest.mark.parametrize(("body", "severity", "message"), ALONG, ids=[row[0] for row in ALONG])
def test_calls_along_the_batch(body: str, severity: str, message: str) -> None:
    (finding,) = findings(parse(text(body)))
    assert (finding.rule, finding.severity, finding.known) == ("KG105", severity, "proved")
    assert message in finding.message
    assert is_sample_by_sample(text(body)) is False


@pytest.mark.keras
@pytest.mark.parametrize(("body", "message"), ASTRAY, ids=[row[0] for row in ASTRAY])
def test_outputs_that_hold_samples_elsewhere(body: str, message: str) -> None:
    (finding,) = findings(parse(text(body)))
    assert (finding.rule, finding.severity) == ("KG105", "warning")
    assert message in finding.message
    assert is_sample_by_sample(text(body)) is False


@pytest.mark.keras
@pytest.mark.parametrize("body", SILENT.values(), ids=list(SILENT))
def test_what_keeps_samples_apart_is_silent(body: str) -> None:
    graph = parse(text(body))
    assert not findings(graph)
    assert is_followed(graph, traced(graph).samples) or "like" in body
    assert is_sample_by_sample(text(body))


@pytest.mark.keras
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mixed())
def test_random_models_mix_samples_only_where_it_is_said(drawn: tuple[str, Graph]) -> None:
    """What is followed to the end is sample by sample, and what is said to mix samples is not."""
    written, graph = drawn
    said = findings(graph)
    try:
        apart = is_sample_by_sample(written)
    except (ValueError, TypeError):  # Keras does not build all that the text form can say
        return
    assert not (said and apart)
    if not said and is_followed(graph, traced(graph).samples) and domain(graph).accepts(B=1):
        assert apart is not False


def test_one_finding_where_samples_mix_and_none_behind_it() -> None:
    found = of_rule("m = ops.mean(v, axis=0)\ns = ops.softmax(v - m, axis=0)\ny = ops.sort(s, axis=0)")
    assert [finding.nodes[0] for finding in found] == ["m"]


def test_what_is_not_followed_is_silent() -> None:
    assert not of_rule('t = Custom("some.where.Layer")(v)\ny = ops.mean(t, axis=0)')


@pytest.mark.parametrize("shape", ["batch_shape=(4, 6)", "batch_shape=(1, 6)"])
def test_a_batch_that_is_fixed_is_silent(shape: str) -> None:
    """A model that is made for one batch size gives the same numbers at any other it takes: there is none."""
    graph = parse(f'x = Input({shape}, name="x")\ny = ops.mean(x, axis=0, keepdims=True)\nmodel = Model(x, y)')
    assert not findings(graph)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0", "NASNetMobile", "ConvNeXtTiny"])
def test_applications_keep_samples_apart(name: str) -> None:
    keras = importlib.import_module("keras")
    graph = extract(getattr(keras.applications, name)(weights=None))
    assert not findings(graph)
    assert is_followed(graph, traced(graph).samples)


def test_open_sizes_are_folded_too() -> None:
    body = 'i = Input(shape=(None, None, 6), name="i")\nt = ops.reshape(i, newshape=(-1, 6))\n{}\nmodel = Model(i, y)'
    assert [f.message for f in findings(parse(body.format("y = Dense(3)(t)")))] == [
        "the output y is (B * H * W, 3): B * H * W rows for B samples since t: predict returns that many, and targets "
        "do not fit"
    ]
    assert not findings(parse(body.format("y = Flatten()(i)")))
