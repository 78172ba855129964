"""Preprocessing layers and those of no family, against Keras."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from kgraph.ops.images import KEEPING_DTYPE, SAME
from tests.ops.agreement import Use, agree
from tests.ops.test_layers import POLICIES, RANDOM, common, image, load, per_axis
from tests.ops.test_recurrent import made

pytestmark = pytest.mark.keras

NEEDED: dict[str, dict[str, Any]] = {
    "MaxNumBoundingBoxes": {"max_number": 3},
    "RandomPosterization": {"factor": 4},
    "RandomTranslation": {"height_factor": 0.5, "width_factor": 0.5},
    "RandomZoom": {"height_factor": 0.5},
    **{f"Random{name}": {"factor": 0.5} for name in (
        "Brightness", "ColorDegeneration", "Contrast", "Hue", "Rotation", "Saturation", "Sharpness",
    )},
}  # fmt: skip


@pytest.mark.parametrize("kind", (*SAME, *KEEPING_DTYPE))
def test_augmentation(kind: str) -> None:
    for dtype, policy in (("float32", "mixed_float16"), ("uint8", "float32"), ("float16", "float32")):
        for shape in ((None, None, 8, 3), (2, 9, 8, 3)):
            assert agree(lambda policy=policy: made(kind, **NEEDED.get(kind, {}), dtype=policy), (shape, dtype))


@pytest.mark.parametrize("kind", ["CenterCrop", "RandomCrop", "Resizing"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_sizing(kind: str, data_format: str) -> None:
    for shape in ((None, 9, 8, 7), (9, 8, 7), (None, None, None, 3), (None, 2, 3, 3)):
        for dtype, policy in (("float32", "mixed_float16"), ("uint8", "float32")):
            options = {"height": 4, "width": 5, "data_format": data_format, "dtype": policy}
            assert agree(lambda options=options: made(kind, **options), (shape, dtype))


SHAPES = ((None,), (None, 1), (None, 3), (None, 2, 3), (None, None), (4, 1))
MODES = ("int", "one_hot", "multi_hot", "count")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_categories(mode: str, shape: Any) -> None:
    assert agree(lambda: made("Discretization", bin_boundaries=[1.0, 2.0], output_mode=mode), (shape,))
    assert agree(lambda: made("Discretization", num_bins=4, output_mode=mode), (shape, "float16"))
    assert agree(lambda: made("Hashing", num_bins=4, output_mode=mode), (shape, "string"))
    strings: dict[str, Any] = {"vocabulary": ["a", "b"], "output_mode": mode}
    assert agree(lambda: made("StringLookup", **strings), (shape, "string"))
    assert agree(lambda: made("StringLookup", **strings, num_oov_indices=3, mask_token="m"), (shape, "string"))
    assert agree(lambda: made("IntegerLookup", vocabulary=[3, 4], output_mode=mode), (shape, "int64"))
    if mode != "int":
        options = {"max_tokens": 9, "pad_to_max_tokens": True}
        assert agree(lambda: made("StringLookup", **strings, **options), (shape, "string"))
        assert agree(lambda: made("CategoryEncoding", num_tokens=4, output_mode=mode), (shape, "int32"))
        assert agree(lambda: made("CategoryEncoding", num_tokens=4, output_mode=mode, dtype="float16"), (shape,))
    if mode in ("int", "one_hot"):
        crossing: dict[str, Any] = {"num_bins": 4, "output_mode": mode}
        assert agree(lambda: made("HashedCrossing", **crossing), (shape, "string"), (shape, "string"), listed=True)


def test_categories_that_do_not_cross() -> None:
    shapes = ((None, 2), "string"), ((None, 3), "string")
    assert not agree(lambda: made("HashedCrossing", num_bins=4), *shapes, listed=True)


def test_weighted_tokens() -> None:
    options: dict[str, Any] = {"vocabulary": ["a", "b"], "output_mode": "tf_idf", "idf_weights": [1.0, 2.0]}
    assert agree(lambda: made("StringLookup", **options), ((None, 3), "string"))


@pytest.mark.parametrize("mode", MODES[:1] + MODES[2:])
def test_text(mode: str) -> None:
    for options in (
        {}, {"max_tokens": 8, "pad_to_max_tokens": True}, {"split": None}, {"output_sequence_length": 7},
    ):  # fmt: skip
        if (mode == "int") >= ("output_sequence_length" in options) and (mode != "int" or "max_tokens" not in options):
            for shape in ((None,), (None, 1)):
                config: dict[str, Any] = {"vocabulary": ["a"], "output_mode": mode, **options}
                assert agree(lambda config=config: made("TextVectorization", **config), (shape, "string"))


@pytest.mark.parametrize("policy", sorted(set(POLICIES)))
def test_normalization(policy: str) -> None:
    for axis in (-1, 1, (1, 2), (2, 1), None, (-1,)):
        assert agree(lambda axis=axis: made("Normalization", axis=axis, dtype=policy), ((None, 5, 3),))
    assert agree(lambda: made("Normalization", mean=1.0, variance=2.0, dtype=policy), ((None, 5, 3), "int32"))
    assert not agree(lambda: made("Normalization", axis=-1, dtype=policy), ((None, 5, None),))


def test_spectrograms() -> None:
    for shape in ((None, 16000), (None, None), (800,), (None,)):
        assert agree(lambda: made("MelSpectrogram", sequence_stride=100, num_mel_bins=9), (shape,))


def transposed_convolutions(random: Random, use: Use = agree) -> Any:
    rank = random.choice((1, 2, 3))
    options: dict[str, Any] = {
        "filters": random.choice((1, 2)),
        "kernel_size": per_axis(random, rank, (1, 2, 3)),
        "padding": random.choice(("valid", "same")),
        "data_format": random.choice(("channels_last", "channels_first")),
        "use_bias": random.choice((True, False)),
        **common(random),
    }
    options |= random.choice(({}, {"strides": per_axis(random, rank, (1, 2, 4))}, {"dilation_rate": 2}))
    if random.random() < 0.3:
        options |= {"strides": 3, "dilation_rate": 1, "output_padding": per_axis(random, rank, (0, 1, 2))}
    shape = image(random, rank, options["data_format"], random.choice((1, 3, 3, None)))
    return use(lambda: made(f"Conv{rank}DTranspose", **options), (shape, random.choice(("float32", "int32"))))


def adaptive_pooling(random: Random, use: Use = agree) -> Any:
    rank = random.choice((1, 2, 3))
    data_format = random.choice(("channels_last", "channels_first"))
    options = {"output_size": per_axis(random, rank, (1, 2)), "data_format": data_format, **common(random)}
    kind = f"Adaptive{random.choice(('Max', 'Average'))}Pooling{rank}D"
    return use(lambda: made(kind, **options), (image(random, rank, data_format, 3),))


@given(RANDOM)
@settings(max_examples=60)
def test_transposed_convolutions(random: Random) -> None:
    transposed_convolutions(random)


@given(RANDOM)
@settings(max_examples=30)
def test_adaptive_pooling(random: Random) -> None:
    adaptive_pooling(random)


EQUATIONS = (
    ("ab,bc->ac", (6,), (None, 3)), ("abc,cd->abd", (None, 6), (None, 4, 3)), ("abc,cde->abde", (None, 2, 6), (None, 4, 3)),
    ("abc,cd->abd", (5, 6), (None, 4, 3)), ("...x,xy->...y", 6, (None, 4, 3)), ("...x,xy->...y", 6, (2, 3)),
    ("ab...,bc->ac...", (6,), (None, 3, 4)), ("abcd,cde->abe", (None, 6), (None, 4, 2, 3)), ("ab,bc", 6, (None, 3)),
    ("abc,cd->abd", (None, 6), (None, 4, None)), ("abc,bd->adc", (6, 3), (None, 4, 3)), ("ab,bcd->adc", (5, 6), (None, 3)),
)  # fmt: skip


@pytest.mark.parametrize(("equation", "written", "shape"), EQUATIONS)
def test_einsum_layers(equation: str, written: Any, shape: Any) -> None:
    out = equation.partition("->")[2].replace(".", "")
    for bias in (None, *sorted({out[-1:], out[1:], out[1:2], "q"} - {""})):
        for policy in ("float32", "mixed_float16"):
            options: dict[str, Any] = {
                "equation": equation,
                "output_shape": written,
                "bias_axes": bias,
                "dtype": policy,
            }
            agree(lambda options=options: made("EinsumDense", **options), (shape,))


@pytest.mark.parametrize("tie", [True, False])
def test_embeddings_that_are_reversed(tie: bool) -> None:
    options: dict[str, Any] = {"input_dim": 5, "output_dim": 4, "tie_weights": tie}
    assert agree(lambda: made("ReversibleEmbedding", **options), ((None, 3), "int32"))
    assert agree(lambda: made("ReversibleEmbedding", **options), ((None, 3, 4),), reverse=True)
    options["reverse_dtype"] = "float16"
    assert agree(lambda: made("ReversibleEmbedding", **options, dtype="mixed_float16"), ((None, 4),), reverse=True)


def test_rectifiers_with_parameters() -> None:
    for shared in (None, 1, [1], [1, 2], [-1]):
        for policy in ("float32", "mixed_float16"):
            options: dict[str, Any] = {"shared_axes": shared, "dtype": policy}
            agree(lambda options=options: made("PReLU", **options), ((None, 5, 3),))
            agree(lambda options=options: made("PReLU", **options), ((None, None, 3),))


def dot_products(random: Random, use: Use = agree) -> Any:
    ranks = random.choice(((2, 2), (3, 3), (2, 3), (3, 2), (4, 3)))
    shapes = [(random.choice((None, 2)), *(random.choice((3, 3, 4, None)) for _ in range(rank - 1))) for rank in ranks]
    axes = random.choice((1, -1, 2, (1, 1), (2, 1), (1, 2), (-1, 1), (2, 2)))
    return use(lambda: made("Dot", axes=axes, **common(random)), *((shape,) for shape in shapes), listed=True)


@given(RANDOM)
@settings(max_examples=100)
def test_dot_products(random: Random) -> None:
    dot_products(random)


EXPLAINED = {
    "FlaxLayer": "wraps code of another library",
    "JaxLayer": "wraps code of another library",
    "TFSMLayer": "wraps code of another library",
    "TorchModuleWrapper": "wraps code of another library",
    "Layer": "abstract",
    "Wrapper": "abstract",
    "Lambda": "only of what it is known to select",
    "StackedRNNCells": "is called with states: part of an RNN",
    "STFTSpectrogram": "cannot be made without scipy",
}


def test_every_layer_of_keras_has_a_rule() -> None:
    """A new version of Keras shows here what is missing."""
    from kgraph.ops import _families  # pyright: ignore[reportPrivateUsage]
    from kgraph.ops.base import no_specs
    from kgraph.ops.catalog import canonical

    keras = load("keras")
    exported = {
        canonical(f"layers.{name}").removeprefix("layers.")
        for name, value in vars(keras.layers).items()
        if isinstance(value, type) and issubclass(value, keras.layers.Layer)
    }
    known = {name for name in exported if f"layers.{name}" in _families()}
    inferred = {name for name in known if _families()[f"layers.{name}"].specs is not no_specs}
    assert inferred - {"Lambda"} == exported - set(EXPLAINED)
