"""Whenever kgraph says that Keras refuses a call, it does; and a call that Keras took is never said to be refused."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.mutants import EVERY, mutants

pytestmark = pytest.mark.keras

RANDOM = st.randoms(use_true_random=False)


@given(random=RANDOM)
@settings(max_examples=250)
def test_what_is_said_to_be_refused_is_refused(random: Random) -> None:
    for each in mutants(random, random.choice(EVERY)):
        assert each.why is None or each.raised is not None, (each.call, each.why)


def test_most_of_what_keras_refuses_is_told() -> None:
    random = Random(0)
    refused = [each for _ in range(150) for each in mutants(random, random.choice(EVERY)) if each.raised]
    told = [each for each in refused if each.why]
    assert len(refused) > 100
    assert len(told) / len(refused) > 0.6
