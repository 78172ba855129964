"""Every family of random calls that the tests of ``ops`` make, in one list."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.ops import test_kept, test_layers, test_moving
from tests.ops.test_layers import Example

FAMILIES: tuple[Callable[[Random], Example], ...] = (
    *test_layers.FAMILIES,
    *test_moving.FAMILIES,
    *test_kept.OPERATIONS,
)
