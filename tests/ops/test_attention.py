"""Attention layers against Keras."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from kgraph import extract
from kgraph.graph import Graph
from kgraph.ops import kept
from tests.ops.agreement import Use, agree
from tests.ops.flavours import flavour
from tests.ops.test_layers import RANDOM, common, compare, load
from tests.ops.test_recurrent import made

pytestmark = pytest.mark.keras


def several(random: Random, *, width: int | None) -> list[Any]:
    """Shapes of a query, a value and perhaps a key."""
    batch, steps = random.choice((None, 2)), random.choice((None, 4))
    query = (batch, random.choice((None, 5)), width)
    value = (batch, steps, random.choice((width, width, 3)))
    key = (batch, random.choice((steps, steps, 7)), random.choice((width, width, 3)))
    return [(shape,) for shape in (query, value, key)[: random.choice((2, 3))]]


def attention_of_a_list(random: Random, use: Use = agree) -> Any:
    kind = random.choice(("Attention", "AdditiveAttention"))
    options = {"use_scale": random.choice((True, False)), **common(random)}
    if kind == "Attention":
        options["score_mode"] = random.choice(("dot", "concat"))
    shapes = several(random, width=random.choice((4, 4, None)))
    scores = {"return_attention_scores": True} if random.random() < 0.5 else {}
    return use(lambda: made(kind, **options), *shapes, listed=True, **scores)


def attention_of_heads(random: Random, use: Use = agree) -> Any:
    kind = random.choice(("MultiHeadAttention", "GroupQueryAttention"))
    options = {key: random.choice((True, False)) for key in ("use_bias", "use_gate")} | common(random)
    if flavour().name == "tf_keras":
        del options["use_gate"]
    if kind == "MultiHeadAttention":
        options |= {"num_heads": random.choice((1, 2)), "key_dim": random.choice((2, 3))}
        options |= {"value_dim": random.choice((None, 5)), "output_shape": random.choice((None, None, 6, (2, 3)))}
    else:
        options |= {"head_dim": 2, "num_query_heads": random.choice((2, 4)), "num_key_value_heads": 2}
    shapes = several(random, width=random.choice((4, 4, 4, None)))
    scores = {"return_attention_scores": True} if random.random() < 0.5 else {}
    return use(lambda: made(kind, **options), *shapes, **scores)


@given(RANDOM)
@settings(max_examples=80)
def test_attention_of_a_list(random: Random) -> None:
    attention_of_a_list(random)


@given(RANDOM)
@settings(max_examples=150)
def test_attention_of_heads(random: Random) -> None:
    attention_of_heads(random)


def test_attention_over_several_axes() -> None:
    image = ((None, 4, 5, 6),)
    options: dict[str, Any] = {"num_heads": 2, "key_dim": 3, "attention_axes": (1, 2)}
    assert agree(lambda: made("MultiHeadAttention", **options), image, image)


def last(graph: Graph) -> str:
    return list(graph.ops)[-1]


def test_what_attention_keeps() -> None:
    keras = load("keras")
    query, value = keras.Input((4, 8)), keras.Input((6, 8))
    heads = made("MultiHeadAttention", num_heads=2, key_dim=4)
    for outputs, expected in (
        (heads(query, value), ((0, 0), (0, 1), None)),
        (heads(value=value, query=query), ((0, 0), (0, 1), None)),
        (heads(query, value, return_attention_scores=True)[0], ((0, 0), None, None)),
        (made("Attention")([query, value]), ((0, 0), (0, 1), None)),
    ):
        graph = extract(keras.Model([query, value], outputs))
        compare(graph)
        assert kept(graph.ops[last(graph)], graph.operand_specs(last(graph))) == expected


def test_keras_records_scores_as_long_as_the_query() -> None:
    """Attention scores are recorded as query x query, while they are query x value."""
    np = load("numpy")
    layer = made("MultiHeadAttention", num_heads=2, key_dim=4)
    keras = load("keras")
    query, value = keras.Input((4, 8)), keras.Input((6, 8))
    _, scores = layer(query, value, return_attention_scores=True)
    assert scores.shape == (None, 2, 4, 4)
    _, scores = layer(np.ones((1, 4, 8)), np.ones((1, 6, 8)), return_attention_scores=True)
    assert scores.shape == (1, 2, 4, 6)
