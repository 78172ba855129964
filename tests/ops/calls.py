"""Every family of random calls that the tests of ``ops`` make, in one list."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from kgraph.ops.images import KEEPING_DTYPE, SAME
from tests.ops import (
    further,
    further_operations,
    test_attention,
    test_features,
    test_kept,
    test_layers,
    test_moving,
    test_recurrent,
)
from tests.ops.agreement import Use, example
from tests.ops.test_layers import Example

Family = Callable[[Random], Example]


def of_layers(make: Callable[[Random, Use], Example]) -> Family:
    def family(random: Random) -> Example:
        return make(random, example)

    family.__name__ = make.__name__
    return family


MADE = (
    test_attention.attention_of_a_list,
    test_attention.attention_of_heads,
    test_features.transposed_convolutions,
    test_features.adaptive_pooling,
    test_features.dot_products,
    test_recurrent.loops,
    test_recurrent.convolutional_loops,
    test_recurrent.both_directions,
    test_recurrent.each_step_by_itself,
)


def of_kind(kind: str, config: dict[str, Any], shape: tuple[int | None, ...]) -> Family:
    def family(_: Random) -> Example:
        return example(lambda: test_recurrent.made(kind, **config), (shape,))

    family.__name__ = kind
    return family


POOLS: dict[str, dict[str, Any]] = {
    **{kind: {"pool_size": 2} for kind in ("Max", "Average")},
    **{kind: {} for kind in ("GlobalMax", "GlobalAverage")},
    **{kind: {"output_size": 2} for kind in ("AdaptiveMax", "AdaptiveAverage")},
}

ONE_BY_ONE: tuple[Family, ...] = (
    *(of_kind(kind, config, (None, None, 6)) for kind, config in test_layers.SAME.items()),
    *(of_kind(kind, test_features.NEEDED.get(kind, {}), (None, None, 9, 3)) for kind in (*SAME, *KEEPING_DTYPE)),
    *(of_kind(f"SpatialDropout{rank}D", {"rate": 0.5}, (None, *(None,) * rank, 3)) for rank in (1, 2, 3)),
    *(of_kind(f"{kind}Pooling{rank}D", config, (None, *(8,) * rank, 3)) for kind, config in POOLS.items() for rank in (1, 2, 3)),
    *(of_kind(kind, {"height": 4, "width": 5}, (None, None, 9, 3)) for kind in ("CenterCrop", "RandomCrop", "Resizing")),
)  # fmt: skip
"""A call of each of the kinds that the families pick at random: for the long run, which is to try every kind."""

FAMILIES: tuple[Family, ...] = (
    # Keras writes the number of channels over groups=-1, so that the record no longer says what the layer was given.
    *(family for family in test_layers.FAMILIES if family is not test_layers.normalization),
    *test_moving.FAMILIES,
    *test_kept.OPERATIONS,
    *map(of_layers, MADE),
    *further.FAMILIES,
    *further_operations.FAMILIES,
)
