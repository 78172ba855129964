"""Attention that Keras builds and cannot run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgraph.graph import Slot
from kgraph.ops.base import Call
from kgraph.ops.fitting import Answer, Shape, constant, every, operands, same, same_or_one, unless_stretched

MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")


def listed_attention(call: Call) -> Answer:
    """``Attention`` and ``AdditiveAttention``; of tensors of unequal rank Keras records another shape than it gives."""
    shapes: list[Shape] = [spec.shape or () for spec in call.operands]
    given = call.arguments.get("inputs")
    count = sum(isinstance(item, Slot) for item in given) if isinstance(given, tuple) else 0  # pyright: ignore
    if not 2 <= count <= 3 or min(map(len, shapes)) < 2:
        return None
    query, value, key = shapes[0], shapes[1], shapes[count - 1]
    if not len(query) == len(value) == len(key):
        return None
    added = call.kind == "layers.AdditiveAttention" or call.config.get("score_mode") == "concat"
    fits = same_or_one if added else same
    # The scale is as wide as the query in Keras 3, as the value in Keras 2.
    scaled = call.kind == "layers.AdditiveAttention" and call.config.get("use_scale")
    wide = True if not scaled or same(value[-1], query[-1]) or same(value[-1], key[-1]) else None
    masks = call.arguments.get("mask")
    both: tuple[object, ...] = masks if isinstance(masks, tuple) else ()  # pyright: ignore[reportUnknownVariableType]
    masked = [_stretches(call, mask, to[:-1]) for mask, to in zip(both, (query, value), strict=False)]
    return every((same(key[-2], value[-2]), fits(query[-1], key[-1]), *_batches(query, key, value), wide, *masked))


def headed_attention(call: Call) -> Answer:
    """``MultiHeadAttention`` and ``GroupQueryAttention``."""
    shapes = operands(call, "query", "value", *(["key"] if call.arguments.get("key") is not None else []))
    if shapes is None:
        return None
    scores = call.argument("return_attention_scores") and call.kind == "layers.MultiHeadAttention"
    # Keras records scores of a query as long as the value, which is not looked at.
    as_long = [True if len(shapes[0]) == 3 and same(shapes[0][1], shapes[1][1]) else None] if scores else []
    return every((*_batches(*shapes), *as_long, *_masked(call, shapes[0], shapes[1])))


def _masked(call: Call, query: Shape, value: Shape) -> Iterator[Answer]:
    """Whether the masks fit; in Keras 3 a MultiHeadAttention does not look at that of the query."""
    heads, given = call.config.get("num_heads", call.config.get("num_query_heads")), call.arguments
    if any(given.get(name) is not None for name in MASKS) and (len(query), len(value)) != (3, 3):
        yield None
        return
    scores, alone = (*query[:-1], value[1]), given.get("attention_mask")
    yield _stretches(call, alone, (query[0], heads, *scores[1:]) if len(_shape(call, alone) or ()) == 4 else scores)
    yield _stretches(call, given.get("value_mask"), value[:-1])
    yield _stretches(call, given.get("key_mask"), value[:-1])
    if call.kind == "layers.GroupQueryAttention":
        yield _stretches(call, given.get("query_mask"), query[:-1])


def _shape(call: Call, mask: Any) -> Shape | None:
    return call.operands[mask.index].shape if isinstance(mask, Slot) else constant(mask)


def _stretches(call: Call, mask: Any, to: Shape) -> Answer:
    """Whether a mask, if there is one, can be stretched to a shape, axis by axis from the last.

    One that stretches a query of length 1 does not: what comes out is then longer than Keras has recorded.
    """
    if mask is None:
        return True
    shape = _shape(call, mask)
    if shape is None or not 2 <= len(shape) <= len(to):
        return None
    return all(same(one, other) or one == 1 for one, other in zip(reversed(shape), reversed(to), strict=False))


def _batches(*shapes: Shape) -> list[Answer]:
    return [unless_stretched(shapes[0][0], shape[0]) for shape in shapes[1:]] if len(shapes[0]) > 2 else []


def dotted_attention(call: Call) -> Answer:
    """``ops.dot_product_attention``."""
    shapes = operands(call, "query", "key", "value")
    if shapes is None or any(len(shape) != 4 for shape in shapes):
        return None
    query, key, value = shapes
    pairs = [(key[0], query[0]), (value[0], query[0]), (key[3], query[3]), (value[1], key[1]), (value[2], key[2])]
    fits = (same(one, other) for one, other in pairs)
    # The heads of a query may be several times those of a key; the width of the output is that of the values.
    heads = None if not same(query[2], key[2]) else True
    masks = [_stretches(call, call.argument(name), (query[0], query[2], query[1], key[1])) for name in ("mask", "bias")]
    return every((*fits, heads, None if not same(value[3], query[3]) else True, *masks))
