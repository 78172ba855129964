"""Every family of random calls that the tests of ``ops`` make, in one list."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

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


def _of_layers(make: Callable[[Random, Use], Example]) -> Family:
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

FAMILIES: tuple[Family, ...] = (
    *test_layers.FAMILIES,
    *test_moving.FAMILIES,
    *test_kept.OPERATIONS,
    *map(_of_layers, MADE),
    *further.FAMILIES,
    *further_operations.FAMILIES,
)
