"""Symbolic shapes: the same rule at every size, and Keras at every size.

``python -m benchmarks.shapes --count 20000`` is the long run of what is sampled here.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kgraph
from kgraph.analysis.extents import by_rule
from kgraph.ops import convolution, may_fail
from tests.ops import further, further_operations
from tests.ops.calls import FAMILIES, Family
from tests.ops.sizes import REFUSED, alike, inferred_at, near, opened, pairs, recorded, said_at
from tests.ops.test_layers import compare

RANDOM = st.randoms(use_true_random=False)

CHOICES: dict[str, tuple[str, ...]] = {
    "k": ("1", "2", "3"),
    "s": ("1", "2", "3"),
    "p": ('"valid"', '"same"'),
    "f": ('"channels_last"', '"channels_first"'),
    "n": ("0", "1", "2"),
    "i": ("0", "1", "-1", "-2"),
    "b": ("True", "False"),
    "a": ("-1", "1"),
}
IMAGE, SEQUENCE, VOLUME, VECTOR = (None, 12, 12, 4), (None, 9, 4), (None, 8, 8, 8, 4), (None, 6)

CALLS: tuple[tuple[Any, ...], ...] = (
    ("Conv2D(filters=4, kernel_size={k}, strides={s}, padding={p}, data_format={f})(x)", IMAGE),
    ("Conv2D(filters=4, kernel_size={k}, dilation_rate={s}, padding={p}, groups=2)(x)", IMAGE),
    ("Conv1D(filters=4, kernel_size={k}, strides={s}, padding='causal')(x)", SEQUENCE),
    ("Conv3D(filters=2, kernel_size={k}, strides={s}, padding={p})(x)", VOLUME),
    ("SeparableConv2D(filters=2, kernel_size={k}, strides={s}, padding={p})(x)", IMAGE),
    ("DepthwiseConv2D(kernel_size={k}, strides={s}, padding={p})(x)", IMAGE),
    ("Conv2DTranspose(filters=2, kernel_size={k}, strides={s}, padding={p})(x)", IMAGE),
    ("Conv1DTranspose(filters=2, kernel_size={k}, strides=3, padding={p}, output_padding={n})(x)", SEQUENCE),
    ("MaxPooling2D(pool_size={k}, strides={s}, padding={p}, data_format={f})(x)", IMAGE),
    ("AveragePooling1D(pool_size={k}, padding={p})(x)", SEQUENCE),
    ("GlobalMaxPooling2D(keepdims={b})(x)", IMAGE),
    ("AdaptiveAveragePooling2D(output_size={k})(x)", IMAGE),
    ("ZeroPadding2D(padding={n}, data_format={f})(x)", IMAGE),
    ("Cropping2D(cropping=(({n}, {n}), ({k}, {n})), data_format={f})(x)", IMAGE),
    ("Cropping1D(cropping=({n}, {k}))(x)", SEQUENCE),
    ("UpSampling2D(size={k}, data_format={f})(x)", IMAGE),
    ("Flatten()(x)", IMAGE),
    ("Reshape(target_shape=({k}, -1))(x)", SEQUENCE),
    ("Reshape(target_shape=(6, {k}, {k}))(x)", SEQUENCE),
    ("ops.reshape(x, newshape=(-1, {k}, 4))", SEQUENCE),
    ("ops.reshape(x, newshape=({k}, 9, 4))", SEQUENCE),
    ("Permute(dims=(2, 1))(x)", SEQUENCE),
    ("RepeatVector(n={k})(x)", VECTOR),
    ("Concatenate(axis={a})([x, y])", SEQUENCE, (None, 9, 4)),
    ("ops.stack([x, y], axis={i})", SEQUENCE, (None, 9, 4)),
    ("z, u = ops.split(x, indices_or_sections=2, axis={a})", SEQUENCE),
    ("z, u, v = ops.split(x, indices_or_sections=({n}, 2), axis={a})", SEQUENCE),
    ("z, u, v = ops.array_split(x, indices_or_sections=3, axis={a})", SEQUENCE),
    ("x[:, {i}:, {n}]", SEQUENCE),
    ("x[..., {i}:{k}:{s}]", SEQUENCE),
    ("x[:, {k}:-{k}]", SEQUENCE),
    ("x[:, ::-{s}, {i}]", SEQUENCE),
    ("ops.squeeze(x, axis={a})", (None, 1, 1)),
    ("ops.expand_dims(x, axis={i})", SEQUENCE),
    ("ops.transpose(x, axes=(2, 0, 1))", SEQUENCE),
    ("ops.pad(x, pad_width=((0, 0), ({n}, {k}), (0, 0)))", SEQUENCE),
    ("ops.tile(x, repeats=({k}, {s}))", SEQUENCE),
    ("ops.repeat(x, repeats={k}, axis={a})", SEQUENCE),
    ("ops.matmul(x, y)", SEQUENCE, (None, 4, 9)),
    ("ops.dot(x, y)", SEQUENCE, (4, 6)),
    ('ops.einsum("abc,acd->abd", x, y)', SEQUENCE, (None, 4, 9)),
    ("ops.tensordot(x, y, axes=((2,), (1,)))", SEQUENCE, (None, 4, 9)),
    ("Dot(axes=({k}, 1))([x, y])", SEQUENCE, (None, 4, 9)),
    ("Attention()([x, y])", SEQUENCE, (None, 7, 4)),
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y)", SEQUENCE, (None, 7, 4)),
    ("ops.dot_product_attention(x, y, y)", (None, 5, 2, 8), (None, 7, 2, 8)),
    ("LSTM(units=3, return_sequences={b})(x)", SEQUENCE),
    ("ConvLSTM1D(filters=2, kernel_size={k}, strides={s}, padding={p})(x)", (None, 3, 8, 4)),
    ("Bidirectional(layer=GRU(units=3, return_sequences={b}))(x)", SEQUENCE),
    ("TimeDistributed(layer=Conv1D(filters=2, kernel_size={k}, strides={s}))(x)", (None, 3, 8, 4)),
    ("Dense(units=3)(x)", SEQUENCE),
    ("EinsumDense(equation='abc,cd->abd', output_shape=(None, 6))(x)", SEQUENCE),
    ("Embedding(input_dim=5, output_dim=3)(x)", VECTOR),
    ("BatchNormalization()(x)", IMAGE),
    ("Resizing(height=4, width=5)(x)", IMAGE),
    ("ops.image.resize(x, size=(4, 5))", IMAGE),
    ("ops.depth_to_space(x, block_size={k})", IMAGE),
    ("ops.space_to_depth(x, block_size={k})", IMAGE),
    ("ops.max_pool(x, pool_size={k}, strides={s}, padding={p})", IMAGE),
    ("ops.mean(x, axis={i}, keepdims={b})", IMAGE),
    ("ops.take_along_axis(x, y, axis=1)", SEQUENCE, (None, 3, 4)),
    ("ops.broadcast_to(x, shape=(2, 9, 4))", SEQUENCE),
)  # fmt: skip


def written(template: str, *shapes: tuple[int | None, ...], random: Random) -> kgraph.Graph:
    """The graph of one call, as its text has it."""
    chosen = {key: random.choice(values) for key, values in CHOICES.items()}
    lines = [
        f'{name} = Input(batch_shape={shape}, name="{name}")' for name, shape in zip(("x", "y"), shapes, strict=False)
    ]
    names = ", ".join(("x", "y")[: len(shapes)])
    call = template.format(**chosen)
    bound = call if call.startswith("z, ") else f"z = {call}"
    return kgraph.parse("\n".join([*lines, bound, f"model = Model([{names}], z)"]))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
@given(random=RANDOM)
@settings(max_examples=20)
def test_what_is_said_of_open_sizes_is_what_the_rule_gives_at_each(call: tuple[Any, ...], random: Random) -> None:
    graph = written(*call, random=random)
    node = next(node for node, op in graph.ops.items() if not op.is_input)
    wide, likely = opened(graph.operand_specs(node), random)
    found = by_rule(graph.ops[node], wide)
    if found is None and may_fail(graph.ops[node].kind):
        return  # two batches that are not the same may stretch, and the record does not say so
    assert found is not None
    for _ in range(6):
        sizes = near(random, likely)
        expected = inferred_at(graph.ops[node], wide, sizes)
        said = said_at(found, sizes) if found.outputs else REFUSED
        assert said is not None
        assert alike(said, expected), (graph.ops[node], wide, sizes, said, expected)


# --- against Keras ------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize(
    "family", FAMILIES, ids=lambda family: f"{family.__module__.rpartition('.')[2]}.{family.__name__}"
)
@given(random=RANDOM)
@settings(max_examples=6)
def test_keras_gives_what_is_said_at_each_size(family: Family, random: Random) -> None:
    for pair in pairs(family(random), random, 2):
        assert pair.answer != "wrong", pair


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "family", (*further.FAMILIES, *further_operations.FAMILIES), ids=lambda family: family.__name__
)
@given(random=RANDOM)
@settings(max_examples=12)
def test_what_is_inferred_of_further_calls_is_what_keras_records(family: Family, random: Random) -> None:
    graph = recorded(*family(random))
    if graph is not None:
        compare(graph, specs=False, weights=False)


@pytest.mark.keras
def test_a_rule_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.ops import test_layers

    def wrong() -> int:
        found = (pair for seed in range(12) for pair in pairs(test_layers.convolution(Random(seed)), Random(seed), 4))
        return sum(pair.answer == "wrong" for pair in found)

    assert wrong() == 0
    true = convolution.window

    def longer(extent: Any, size: int, stride: int, dilation: int, padding: str) -> Any:
        return true(extent if padding != "valid" or extent is None else extent + 1, size, stride, dilation, padding)

    monkeypatch.setattr(convolution, "window", longer)
    assert wrong() > 0


# --- where Keras builds what it cannot run ------------------------------------------------------------------------


def built_and_run(call: Callable[..., Any], *shapes: tuple[int, ...]) -> tuple[Any, Any]:
    """(the shape that Keras builds, the shape that it gives when it runs or what it raises then)."""
    import keras

    said = call(*(keras.Input(batch_shape=shape) for shape in shapes))
    try:
        real = call(*(keras.ops.ones(shape) for shape in shapes))
    except Exception as error:
        return tuple(said.shape), type(error)
    return tuple(said.shape), tuple(real.shape)


INCONSISTENT: tuple[tuple[str, Callable[[Any], Any], tuple[Any, ...]], ...] = (
    ("unstack into more parts than there are", lambda ops: lambda x: ops.unstack(x, 2, 1)[0], ((3, 4),)),
    ("an einsum that sums axes that differ", lambda ops: lambda x, y: ops.einsum("ab,bc->ac", x, y), ((2, 3), (4, 5))),
    ("a tensordot over axes that differ", lambda ops: lambda x, y: ops.tensordot(x, y, axes=1), ((2, 3), (4, 5))),
    ("a gather beyond the end", lambda ops: lambda x: ops.take(x, [7], axis=1), ((2, 3),)),
    ("stretching to an axis of 1", lambda ops: lambda x: ops.broadcast_to(x, (1, 3)), ((2, 3),)),
    ("the 5 best of 3", lambda ops: lambda x: ops.top_k(x, 5)[0], ((2, 3),)),
)  # fmt: skip


@pytest.mark.keras
@pytest.mark.parametrize(("what", "make", "shapes"), INCONSISTENT, ids=[row[0] for row in INCONSISTENT])
def test_keras_builds_what_it_cannot_run(what: str, make: Callable[[Any], Any], shapes: tuple[Any, ...]) -> None:
    import keras

    said, real = built_and_run(make(keras.ops), *shapes)
    assert said != real
    assert isinstance(real, type), (what, real)


@pytest.mark.keras
def test_keras_records_axes_too_many_of_adaptive_pooling() -> None:
    import keras

    pool = keras.ops.adaptive_max_pool
    assert built_and_run(lambda x: pool(x, (2,), "channels_last"), (2, 8, 3)) == ((2, 8, 2, 3), (2, 2, 3))


@pytest.mark.keras
def test_keras_adds_along_the_wrong_axis_what_looks_like_a_bias() -> None:
    import keras

    assert built_and_run(keras.ops.add, (1, 2, 1), (1, 1, 2)) == ((1, 2, 2), (1, 2, 1))
    assert built_and_run(keras.ops.maximum, (1, 2, 1), (1, 1, 2)) == ((1, 2, 2), (1, 2, 2))


@pytest.mark.keras
def test_dot_layers_do_not_look_at_the_batch() -> None:
    import keras

    said, real = built_and_run(lambda x, y: keras.layers.Dot(axes=1)([x, y]), (2, 3), (4, 3))
    assert said == (2, 1)
    assert isinstance(real, type)
