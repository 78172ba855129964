"""Calls that Keras builds and cannot run: what is said of them is what happens when they run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import kgraph
from kgraph.graph import FrozenDict, Slice, Slot, Spec
from kgraph.ops import infer_specs, may_fail, runs
from kgraph.ops.base import call_of
from kgraph.ops.running import RUNS
from kgraph.testing import run_text

Shapes = tuple[tuple[int, ...], ...]

CALLS: tuple[tuple[str, tuple[Shapes, ...], tuple[Shapes, ...]], ...] = (
    # call of x, y, z; shapes at which it runs; shapes at which Keras builds it, and it raises when it runs
    ("Attention()([x, y, z])", (((2, 5, 3), (2, 4, 6), (2, 4, 3)),),
     (((2, 5, 3), (2, 4, 6), (2, 1, 3)), ((2, 5, 3), (2, 4, 6), (2, 4, 1)), ((2, 5, 3), (3, 4, 6), (3, 4, 3)))),
    ("Attention(score_mode='concat')([x, y])", (((2, 5, 3), (2, 4, 3)), ((2, 5, 3), (2, 4, 1)), ((5, 3), (4, 3))),
     (((2, 5, 3), (2, 4, 2)),)),
    ("AdditiveAttention()([x, y])", (((2, 5, 1), (2, 4, 3)),), (((2, 5, 2), (2, 4, 3)),)),
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y)", (((2, 5, 3), (2, 4, 6)),), (((2, 5, 3), (3, 4, 3)),)),
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y, z, return_attention_scores=True)",
     (((2, 5, 3), (2, 5, 6), (2, 5, 4)),), (((2, 5, 3), (3, 5, 3), (3, 5, 3)),)),
    ("GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)(x, y)",
     (((2, 5, 3), (2, 4, 3)),), (((2, 5, 3), (3, 4, 3)),)),
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y, attention_mask=z)",
     (((2, 5, 3), (2, 4, 3), (2, 5, 4)), ((2, 5, 3), (2, 4, 3), (1, 1, 4)), ((2, 5, 3), (2, 4, 3), (5, 1)),
      ((2, 5, 3), (2, 4, 3), (2, 2, 5, 4))),
     (((2, 5, 3), (2, 4, 3), (2, 4, 5)), ((2, 5, 3), (2, 1, 3), (2, 5, 4)),
      ((2, 5, 3), (2, 4, 3), (1, 3, 5, 4)))),
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y, value_mask=z)",
     (((2, 5, 3), (2, 4, 3), (2, 4)), ((2, 5, 3), (2, 4, 3), (1, 1))), (((2, 5, 3), (2, 4, 3), (2, 5)),)),
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y, query_mask=z)", (((2, 5, 3), (2, 4, 3), (2, 4)),), ()),
    ("GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)(x, y, query_mask=z)",
     (((2, 5, 3), (2, 4, 3), (2, 5)),), (((2, 5, 3), (2, 4, 3), (2, 4)),)),
    ("GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)(x, y, attention_mask=z)",
     (((2, 5, 3), (2, 4, 3), (2, 5, 4)), ((2, 5, 3), (2, 4, 3), (2, 4, 5, 4))),
     (((2, 5, 3), (2, 4, 3), (2, 4, 4)), ((2, 5, 3), (2, 4, 3), (2, 2, 5, 4)))),
    ("ops.dot_product_attention(x, y, y, bias=z)",
     (((2, 5, 2, 3), (2, 4, 2, 3), (2, 2, 5, 4)), ((2, 5, 2, 3), (2, 4, 2, 3), (1, 1, 5, 1))),
     (((2, 5, 2, 3), (2, 4, 2, 3), (2, 2, 4, 5)), ((2, 5, 2, 3), (2, 1, 2, 3), (1, 1, 1, 3)))),
    ("ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(8, 1))(x)",
     (((1, 4, 3, 3),), ((9, 1, 3),)), (((1, 3, 4, 3),), ((3, 4, 3),))),
    ("ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(8, 1), data_format='channels_first')(x)",
     (((1, 3, 9, 3),),), (((1, 3, 3, 9),),)),
    ("Dot(axes=-1)([x, y])", (((2, 5, 3), (2, 4, 3)),), (((2, 5, 3), (1, 4, 3)), ((2, 3), (4, 3)))),
    ("MelSpectrogram(fft_length=16, sequence_stride=3, sequence_length=16, num_mel_bins=4)(x)",
     (((2, 9),), ((2, 40),)), (((2, 8),),)),
    ("ReversibleEmbedding(input_dim=7, output_dim=4)(x, reverse=True)", (((2, 4),),), (((2, 5),),)),
    ("Rescaling(scale=(1.0, 2.0, 3.0))(x)", (((2, 5, 3),),), (((2, 5, 2),),)),
    ("Rescaling(scale=2.0, offset=(1.0,))(x)", (((2, 5, 3),),), ()),
    ("ops.broadcast_to(x, shape=(4, 3))", (((1, 3),), ((3,),)), ()),
    ("ops.broadcast_to(x, shape=(1, 3))", (((1, 3),),), (((2, 3),),)),
    ("ops.broadcast_to(x, shape=(3,))", (((3,),),), (((2, 3),),)),
    ("ops.dot(x, y)", (((3,), (3,)), ((2, 3), (3,))), (((3,), (1,)),)),
    ("ops.dot_product_attention(x, y, z)", (((2, 5, 2, 3), (2, 4, 2, 3), (2, 4, 2, 3)),),
     (((2, 5, 2, 3), (2, 4, 2, 3), (2, 1, 2, 3)), ((2, 5, 2, 3), (1, 4, 2, 3), (1, 4, 2, 3)))),
    ("ops.einsum('abc,acd->abd', x, y)", (((2, 3, 4), (2, 4, 5)),), (((2, 3, 4), (1, 4, 5)), ((2, 3, 4), (2, 1, 5)))),
    ("ops.einsum('ij,j->ij', x, y)", (((2, 3), (3,)),), (((2, 3), (1,)), ((2, 1), (3,)))),
    ("ops.einsum('bqhd,bkhd->bhqk', x, y)", (((2, 3, 4, 5), (2, 6, 4, 5)),), (((2, 3, 4, 5), (2, 6, 4, 1)),)),
    ("ops.fold(x, output_size=6, kernel_size=2)", (((2, 4, 25),),), (((2, 4, 24),),)),
    ("ops.image.affine_transform(x, y)", (((2, 5, 5, 3), (2, 8)), ((2, 5, 5, 3), (1, 8)), ((5, 5, 3), (8,))),
     (((2, 5, 5, 3), (3, 8)), ((1, 5, 5, 3), (3, 8)), ((5, 5, 3), (5, 8)))),
    ("ops.in_top_k(x, y, k=2)", (((5,), (5, 4)),), (((5,), (3, 4)), ((5, 1), (5, 4)))),
    ("ops.image.sobel_edges(x, data_format='channels_last')", (((1, 2, 2, 3),),), (((1, 1, 3, 3),), ((1, 3, 1, 3),))),
    ("ops.image.sobel_edges(x, data_format='channels_first')", (((1, 1, 2, 2),),), ()),
    ("ops.kron(x, y)", (((2, 3), (4, 5)),), ()),
    ("ops.logdet(x)", (((3, 3),), ((2, 3, 3),)), (((3, 4),),)),
    ("ops.pad(x, pad_width=((0, 0), (2, 1)), mode='reflect')", (((1, 3),),), (((1, 2),),)),
    ("ops.pad(x, pad_width=((0, 0), (1, 2)), mode='symmetric')", (((1, 2),),), (((1, 1),),)),
    ("ops.pad(x, pad_width=((0, 0), (1, 2)))", (((1, 1),),), ()),
    ("ops.scatter(x, y, shape=(4, 3))", (((5, 1), (5, 3)), ((5, 2), (5,))), (((5, 1), (4, 3)), ((5, 3), (5,)))),
    ("ops.scatter_update(x, y, z)", (((4, 3), (5, 2), (5,)),), (((4, 3), (5, 2), (5, 1)), ((4, 3), (5, 1), (5, 2)))),
    ("ops.separable_conv(x, y, z)", (((2, 6, 2), (1, 2, 2), (1, 4, 5)),),
     (((2, 6, 2), (1, 2, 2), (1, 5, 5)), ((2, 6, 2), (1, 2, 2), (2, 4, 5)))),
    ("ops.slice(x, start_indices=(1, 2), shape=(2, -1))", (((3, 4),),), (((2, 4),),)),
    ("ops.slice_update(x, (0, 0), y)", (((3, 4), (2, 4)),), (((3, 4), (4, 4)),)),
    ("ops.solve(x, y)", (((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3))),
     (((3, 3), (4,)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)))),
    ("ops.solve_triangular(x, y)", (((3, 3), (3,)),), (((3, 3), (4,)),)),
    ("ops.stft(x, sequence_length=16, sequence_stride=3, fft_length=16)", (((2, 9),),), (((2, 8),),)),
    ("ops.take(x, indices=(0, 3), axis=1)", (((2, 4),),), (((2, 3),),)),
    ("ops.take(x, indices=-3, axis=1)", (((2, 3),),), (((2, 2),),)),
    ("ops.take(x, indices=5)", (((2, 3),),), (((2, 2),),)),
    ("ops.tensordot(x, y, axes=1)", (((2, 3), (3, 4)),), (((2, 1), (3, 4)),)),
    ("ops.tensordot(x, y, axes=2)", (((4, 3), (2, 6)),), (((4, 3), (2, 5)),)),
    ("ops.tensordot(x, y, axes=((1,), (0,)))", (((2, 3), (3, 4)),), ()),
    ("ops.top_k(x, k=3)", (((2, 3),),), (((2, 2),),)),
    ("ops.trace(x, offset=1)", (((3, 3),),), ()),
    ("ops.unstack(x, num=3, axis=1)", (((2, 3),),), (((2, 4),), ((2, 1),))),
    ("ops.vdot(x, y)", (((4, 3), (2, 6)),), (((4, 3), (3,)), ((1,), (3,)))),
)  # fmt: skip
INTS = {"ops.in_top_k": "x", "ops.scatter": "x", "ops.scatter_update": "y"}
GOOD = [(call, shapes) for call, good, _ in CALLS for shapes in good]
BAD = [(call, shapes) for call, _, bad in CALLS for shapes in bad]


def text_of(call: str, shapes: tuple[Any, ...]) -> str:
    ints = INTS.get(call.partition("(")[0], "")
    lines = [
        f'{name} = Input(batch_shape={shape}, dtype="{"int32" if name in ints else "float32"}", name="{name}")'
        for name, shape in zip("xyz", shapes, strict=False)
    ]
    several = {"ops.top_k": "u, v", "ops.unstack": "u, v, w", "ops.stft": "u, v"}.get(call.partition("(")[0], "u")
    several = "u, v" if "scores=True" in call else several
    return "\n".join([*lines, f"{several} = {call}", f"model = Model([{', '.join('xyz'[: len(shapes)])}], u)"])


def answer(call: str, shapes: tuple[Any, ...]) -> bool | None:
    """What is said of the call at these sizes, which Keras builds at."""
    graph = kgraph.parse(text_of(call, shapes))
    node = next(node for node, op in graph.ops.items() if not op.is_input)
    made = call_of(graph.ops[node], graph.operand_specs(node))
    assert infer_specs(made) is not None
    return runs(made)


def what_happens(call: str, shapes: Shapes) -> bool:
    """Whether the call that Keras builds at these sizes runs."""
    import numpy as np

    model = run_text(text_of(call, shapes))
    arrays: list[Any] = []
    for tensor, shape in zip(model.inputs, shapes, strict=True):
        *_, rows, columns = (1, *shape)
        is_matrix = len(shape) > 1 and tensor.dtype == "float32"
        numbers = np.broadcast_to(np.eye(rows, columns), shape) if is_matrix else np.zeros(shape)
        arrays.append(numbers.astype(tensor.dtype))
    try:
        model(arrays)
    except Exception:  # whatever the backend raises
        return False
    return True


@pytest.mark.parametrize(("call", "shapes"), GOOD)
def test_what_is_said_to_run(call: str, shapes: Shapes) -> None:
    assert answer(call, shapes) is True


@pytest.mark.parametrize(("call", "shapes"), BAD)
def test_what_is_said_not_to_run(call: str, shapes: Shapes) -> None:
    assert answer(call, shapes) is False
    assert kgraph.domain(kgraph.parse(text_of(call, shapes))).condition == "never"


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("call", "shapes"), GOOD)
def test_keras_runs_it(call: str, shapes: Shapes) -> None:
    assert what_happens(call, shapes)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("call", "shapes"), BAD)
def test_keras_builds_it_and_does_not_run_it(call: str, shapes: Shapes) -> None:
    assert not what_happens(call, shapes)


ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    0.5,
    "x",
    (),
    (1,),
    (1, 2, 3),
    ((1, 2), (3,)),
    Slot(0),
    Slice(0, 1),
    ...,
)
SHAPES = ((), (None,), (2,), (2, 3), (None, 5, 3), (2, 3, 4, 5))


def mixed(count: int, start: int) -> tuple[Spec, ...]:
    return tuple(Spec(SHAPES[(start + number) % len(SHAPES)], "float32") for number in range(count))


@pytest.mark.parametrize(("call", "shapes"), GOOD)
def test_no_odd_call_raises(call: str, shapes: Shapes) -> None:
    graph = kgraph.parse(text_of(call, shapes))
    node = next(node for node, op in graph.ops.items() if not op.is_input)
    made = call_of(graph.ops[node], graph.operand_specs(node))
    odd = [
        *(replace(made, config=FrozenDict({**made.config, key: value})) for key in made.config for value in ODD),
        *(
            replace(made, arguments=FrozenDict({**made.arguments, key: value}))
            for key in made.arguments
            for value in ODD
        ),
        *(replace(made, operands=mixed(len(made.operands), start)) for start in range(len(SHAPES))),
        *(replace(made, operands=tuple(replace(spec, shape=shape) for spec in made.operands)) for shape in SHAPES),
    ]
    for each in odd:
        if infer_specs(each) is not None:
            assert runs(each) in (True, False, None)


WRONG: tuple[tuple[str, Shapes], ...] = (
    ("Attention()([x, y, y])", ((2, 5, 3), (1, 2, 5, 3))),
    ("Attention()([x, y])", ((1, 5, 3), (2, 4, 3))),  # the batch of the output is 2, and Keras records 1
    ("MelSpectrogram(fft_length=16, sequence_stride=3, sequence_length=16, num_mel_bins=4)(x)", ((2, 17),)),
    ("Rescaling(scale=(1.0, 2.0, 3.0))(x)", ((2, 5, 1),)),
    ("ops.dot_product_attention(x, y, z)", ((2, 5, 2, 3), (2, 4, 2, 3), (2, 4, 2, 6))),
)
"""Calls of which Keras records another shape than comes out."""

UNTOLD: tuple[tuple[str, Shapes], ...] = (
    *WRONG,
    ("MultiHeadAttention(num_heads=2, key_dim=3)(x, y, return_attention_scores=True)", ((2, 5, 3), (2, 4, 3))),
    ("Rescaling(scale=((1.0, 2.0, 3.0),))(x)", ((2, 5, 3),)),
    ("ops.einsum('bqhd,bkhd->bhqk', x, y)", ((2, 3, 4, 5), (1, 6, 4, 5))),
    ("ops.kron(x, y)", ((3, 3, 3), (3, 3, 2))),
    ("ops.trace(x, offset=1)", ((6, 24),)),
)


@pytest.mark.parametrize(("call", "shapes"), UNTOLD)
def test_what_is_not_told(call: str, shapes: Shapes) -> None:
    assert answer(call, shapes) is None


@pytest.mark.keras
@pytest.mark.parametrize(("call", "shapes"), WRONG)
def test_keras_records_another_shape_than_it_gives(call: str, shapes: Shapes) -> None:
    import numpy as np

    model = run_text(text_of(call, shapes))
    assert tuple(model([np.zeros(shape, "float32") for shape in shapes]).shape) != tuple(model.outputs[0].shape)


def test_every_call_that_may_fail_is_tried() -> None:
    tried = {call.partition("(")[0] for call, _ in (*GOOD, *BAD)}
    tried = {kind if kind.startswith("ops.") else f"layers.{kind}" for kind in tried}
    assert set(RUNS) - tried == {"layers.TextVectorization", "layers.HashedCrossing"}  # of strings
    assert not may_fail("layers.Dense")


@pytest.mark.keras
def test_keras_cannot_cross_two_batches() -> None:
    import keras
    import tensorflow as tf

    layer = keras.layers.HashedCrossing(num_bins=4)
    shapes = ((3, 1), (2, 1))
    assert layer([keras.Input(batch_shape=shape, dtype="string") for shape in shapes]).shape == (3, 1)
    with pytest.raises(ValueError, match="equal shape"):
        layer([tf.fill(shape, "a") for shape in shapes])
    assert answer("HashedCrossing(num_bins=4)([x, y])", shapes) is False
    assert answer("HashedCrossing(num_bins=4)([x, y])", ((3, 1), (3, 1))) is True
