"""Random calls of the kinds that no other test runs at several sizes, for what they keep."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.ops import test_moving
from tests.ops.test_layers import Example, common, image, layer, load, of, per_axis

Family = Callable[[Random], Example]


def careful(family: Family) -> Family:
    """The same calls, every dtype said; Keras refuses some of them with errors of other types."""

    def example(random: Random) -> Example:
        call, specs = family(random)

        def refused(*tensors: Any) -> Any:
            try:
                return call(*tensors)
            except (IndexError, TypeError, AttributeError) as error:
                raise ValueError("Keras refuses the call") from error

        return refused, [(spec[0], (*spec, "float32")[1]) for spec in specs]

    example.__name__ = family.__name__
    return example


def around(kind: str, inner: str, config: dict[str, Any], **options: Any) -> Callable[..., Any]:
    """A function that makes a layer around another one anew at each call of it."""
    return lambda *tensors: layer(kind, layer=getattr(load("keras").layers, inner)(**config), **options)(*tensors)


def transposed(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    data_format = random.choice(("channels_last", "channels_first"))
    options: dict[str, Any] = {
        "filters": 2,
        "kernel_size": per_axis(random, rank, (1, 1, 2, 3)),
        "padding": random.choice(("valid", "same")),
        "data_format": data_format,
    }
    options |= random.choice(({}, {"strides": per_axis(random, rank, (1, 1, 2))}, {"dilation_rate": 2}))
    if random.random() < 0.2:
        options |= {"strides": 2, "dilation_rate": 1, "output_padding": per_axis(random, rank, (0, 1))}
    return of(f"Conv{rank}DTranspose", **options), [(image(random, rank, data_format, 3), "float32")]


def adaptive(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    data_format = random.choice(("channels_last", "channels_first"))
    # Of averages alone, and of one position: TensorFlow ends the process at the others.
    options = {"output_size": per_axis(random, rank, (1,)), "data_format": data_format}
    return of(f"AdaptiveAveragePooling{rank}D", **options), [(image(random, rank, data_format, 3), "float32")]


def sizing(random: Random) -> Example:
    data_format = random.choice(("channels_last", "channels_first"))
    shape = image(random, 2, data_format, 3, (None, 5, 8))
    kind = random.choice(("CenterCrop", "Resizing"))
    return of(kind, height=4, width=5, data_format=data_format), [(random.choice((shape, shape[1:])), "float32")]


def returned(random: Random) -> dict[str, Any]:
    return {key: random.choice((True, False)) for key in ("return_sequences", "return_state", "go_backwards")}


def loop(random: Random) -> Example:
    kind = random.choice(("SimpleRNN", "GRU", "LSTM"))
    shape = (random.choice((None, 4)), random.choice((None, 5)), 3)
    return of(kind, units=2, **returned(random)), [(shape, "float32")]


def image_loop(random: Random) -> Example:
    data_format = random.choice(("channels_last", "channels_first"))
    batch, *rest = image(random, 1, data_format, 2, (3, 5, None))
    options = {"filters": 2, "kernel_size": random.choice((1, 2)), "padding": random.choice(("valid", "same"))}
    made = of("ConvLSTM1D", **options, data_format=data_format, **returned(random))
    return made, [((batch, random.choice((None, 2)), *rest), "float32")]


def both_directions(random: Random) -> Example:
    config = {"units": 2, **returned(random), "go_backwards": False}
    mode = random.choice(("concat", "sum", None))
    shape = (random.choice((None, 4)), random.choice((None, 5)), 3)
    return around("Bidirectional", random.choice(("GRU", "LSTM")), config, merge_mode=mode), [(shape, "float32")]


def stepwise(random: Random) -> Example:
    kind, config = random.choice((
        ("Dense", {"units": 2}), ("Dropout", {"rate": 0.5}), ("Conv1D", {"filters": 2, "kernel_size": 3}), ("Flatten", {}),
        ("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "same"}), ("MaxPooling1D", {}), ("GlobalMaxPooling1D", {}),
        ("LSTM", {"units": 2, "return_sequences": True}), ("Permute", {"dims": (2, 1)}), ("Embedding", {"input_dim": 4, "output_dim": 2}),
    ))  # fmt: skip
    shape = (random.choice((None, 4)), random.choice((None, 5)), random.choice((3, 4, None)), 3)
    return around("TimeDistributed", kind, config), [(shape, "float32")]


def spectral(random: Random) -> Example:
    kind, config, shape = random.choice((
        ("Dense", {"units": 2}, (None, 5, 3)), ("Conv1D", {"filters": 2, "kernel_size": 1}, (None, None, 3)),
        ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "same"}, (None, 5, None, 3)),
    ))  # fmt: skip
    return around("SpectralNormalization", kind, config), [(shape, "float32")]


def dot(random: Random) -> Example:
    ranks = random.choice(((2, 2), (3, 3), (2, 3), (3, 2), (4, 3)))
    shapes = [(random.choice((None, 2)), *(random.choice((3, 3, None)) for _ in range(rank - 1))) for rank in ranks]
    axes = random.choice((1, -1, 2, (1, 1), (2, 1), (1, 2)))
    return (lambda *tensors: layer("Dot", axes=axes)(list(tensors))), [(shape, "float32") for shape in shapes]


def einsum_layer(random: Random) -> Example:
    equation, written, shape = random.choice((
        ("ab,bc->ac", (6,), (None, 3)), ("abc,cd->abd", (None, 6), (None, None, 3)), ("...x,xy->...y", 6, (None, 4, 3)),
        ("ab...,bc->ac...", (6,), (None, 3, 4)), ("abcd,cde->abe", (None, 6), (None, 4, 2, 3)),
    ))  # fmt: skip
    return of("EinsumDense", equation=equation, output_shape=written, **common(random)), [(shape, "float32")]


def rectifier(random: Random) -> Example:
    shared = random.choice((None, [1], [1, 2]))
    return of("PReLU", shared_axes=shared), [((None, random.choice((4, None)), 3), "float32")]


def top(random: Random) -> Example:
    return (lambda x: load("keras").ops.top_k(x, 2)), [test_moving.sized(random)]


LEFT_OUT = (test_moving.tensordot, test_moving.top)
"""Keeps nothing; looks at one of two outputs."""

MOVING = tuple(family for family in test_moving.FAMILIES if family not in LEFT_OUT)

FAMILIES = (
    *map(careful, (*MOVING, dot, top)), transposed, adaptive, sizing, loop, image_loop, both_directions, stepwise, spectral,
    einsum_layer, rectifier,
)  # fmt: skip
