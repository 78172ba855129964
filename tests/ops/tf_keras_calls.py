"""Every family of random calls that tf_keras can make: layers of both flavours, and functions of TensorFlow."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.ops import calls, further, tensorflow_calls, test_features, test_kept, test_layers
from tests.ops.agreement import example
from tests.ops.calls import MADE, Family, of_kind, of_layers
from tests.ops.test_layers import Example, image
from tests.ops.test_recurrent import made


def sizing(random: Random) -> Example:
    """The channels are the last axis; to squares, for tf_keras crops others to less than one row."""
    kind, size = random.choice(("CenterCrop", "RandomCrop", "Resizing")), random.choice((1, 4))
    options: dict[str, Any] = {"height": size, "width": size}
    if kind == "Resizing":
        options["crop_to_aspect_ratio"] = random.choice((True, False))
    shape = image(random, 2, "channels_last", 3)[random.choice((0, 0, 1)) :]
    return example(lambda: made(kind, **options), (shape, "float32"))


def categories(random: Random) -> Example:
    """Without what tf_keras is inconsistent in: see ``test_tf_keras_symbolic``."""
    mode = random.choice(("int", "one_hot", "multi_hot", "count"))
    shape = random.choice(
        ((None, None), (None, 1), (None, 3), (None, 2, None), *([] if mode == "one_hot" else [(None,)]))
    )
    kind, options, dtype = random.choice((
        ("Discretization", {"bin_boundaries": [1.0, 2.0]}, "float32"), ("Hashing", {"num_bins": 4}, "string"),
        ("StringLookup", {"vocabulary": ["a", "b"]}, "string"), ("IntegerLookup", {"vocabulary": [3, 4]}, "int64"),
        ("CategoryEncoding", {"num_tokens": 4}, "int32"),
    ))  # fmt: skip
    return example(lambda: made(kind, **options, output_mode=mode), (shape, dtype))


OF_LAYERS: tuple[Family, ...] = (
    *(family for family in test_layers.FAMILIES if family is not test_layers.normalization),
    *(of_layers(make) for make in MADE if make is not test_features.adaptive_pooling),
    test_kept.rescaling,
    further.layer_reshape,
    further.crossing,
    further.text,
    further.statistics,
    further.einsum_layer,
    further.rectifier,
    further.normalization,
    further.cell_step,
    further.dropout,
    further.softmax,
    sizing,
    categories,
)
FAMILIES: tuple[Family, ...] = (*OF_LAYERS, *tensorflow_calls.FAMILIES)

AUGMENTATION = ("Brightness", "Contrast", "Flip", "Rotation", "Translation", "Zoom")


def _has(kind: str) -> bool:
    """True for a layer of Keras 3 that tf_keras has too, with the same parameters."""
    if kind.startswith("Random"):
        return kind.removeprefix("Random") in AUGMENTATION
    return "Adaptive" not in kind and (
        kind in (*test_layers.SAME, "Resizing") or "Dropout" in kind or "Pooling" in kind
    )


ONE_BY_ONE: tuple[Family, ...] = (
    *(family for family in calls.ONE_BY_ONE if _has(family.__name__)),
    of_kind("ThresholdedReLU", {"theta": 0.5}, (None, None, 6)),
)
