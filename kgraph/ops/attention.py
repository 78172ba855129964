"""Attention layers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kgraph.graph import FrozenDict, Slot, Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, Origin, compute_dtype, keeps_batch, keeps_nothing, repeat, variables
from kgraph.ops.refusing import refuse, refuse_unbuilt, short

Shape = tuple[int | None, ...]
Row = tuple[str, Shape, bool]


def _specs(call: Call, *shapes: Shape) -> tuple[Spec, ...] | None:
    """The output, and the scores where they are asked for."""
    dtype = compute_dtype(call)
    if dtype is None:
        return None
    wanted = shapes if call.argument("return_attention_scores") else shapes[:1]
    return tuple(Spec(shape, dtype) for shape in wanted)


# --- of one list of tensors ---------------------------------------------------------------------------------------


def _listed(call: Call) -> tuple[Shape, Shape, Shape] | None:
    """Query, value and key; None where Keras refuses the list."""
    given = call.arguments.get("inputs")
    items: tuple[object, ...] = given if isinstance(given, tuple) else ()  # pyright: ignore[reportUnknownVariableType]
    if items and len(items) not in (2, 3):
        return refuse(
            "{} takes a list of 2 or 3 tensors (query, value, key); it receives {}", short(call.kind), len(items)
        )
    found = [call.operands[item.index].shape or () for item in items if isinstance(item, Slot)]
    if not 2 <= len(found) <= 3 or any(len(shape) < 2 for shape in found):
        return None
    return found[0], found[1], found[-1]


def _dot_specs(call: Call) -> tuple[Spec, ...] | None:
    found = _listed(call)
    if found is None or _dot_weights(call) is None:
        return None
    query, value, key = found
    return _specs(call, (*query[:-1], value[-1]), (*query[:-1], key[-2]))


def _dot_weights(call: Call) -> tuple[Weight, ...] | None:
    scale = [("scale", (), True)] if call.config.get("use_scale") else []
    concat = [("concat_score_weight", (), True)] if call.config.get("score_mode") == "concat" else []
    return variables(call, *scale, *concat)


def _additive_specs(call: Call) -> tuple[Spec, ...] | None:
    return None if _additive_weights(call) is None else _dot_specs(call)


def _additive_weights(call: Call) -> tuple[Weight, ...] | None:
    found = _listed(call)
    if found is None or not call.config.get("use_scale"):
        return None if found is None else ()
    width = found[0][-1]
    return None if width is None else variables(call, ("scale", (width,), True))


def _listed_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """The query's axes, but for the last."""
    found = _listed(call)
    if found is None or len(found[0]) != rank:
        return keeps_nothing(call, rank)
    return (*((0, axis) for axis in range(rank - 1)), None)


# --- of a query, a value and a key --------------------------------------------------------------------------------


def _named(call: Call) -> tuple[Shape, Shape, Shape] | None:
    """Query, value and key; None where Keras refuses them."""
    slots = [call.arguments.get(name) for name in ("query", "value", "key")]
    shapes = [call.operands[slot.index].shape if isinstance(slot, Slot) else None for slot in slots]
    query, value, key = shapes[0], shapes[1], shapes[1] if slots[2] is None else shapes[2]
    if query is None or value is None or key is None or min(map(len, (query, value, key))) < 2:
        return None
    if None in (query[-1], value[-1], key[-1]):
        return refuse_unbuilt(
            "{} needs to know the extent of the last axes to make its weights; they are of {}, {} and {}",
            short(call.kind), query, value, key,
        )  # fmt: skip
    if value[1:-1] != key[1:-1]:
        return refuse("value and key must be alike but for the last axis; they are of {} and {}", value, key)
    return query, value, key


def _rows(kernel: Shape, bias: Shape, *, biased: bool) -> Iterator[Row]:
    yield "kernel", kernel, True
    if biased:
        yield "bias", bias, True


def _projections(call: Call, *shapes: tuple[Shape, Shape]) -> tuple[Weight, ...] | None:
    """Kernel and bias of one projection after the other; the layers that they belong to are always trained."""
    trained = Call(call.kind, FrozenDict({**call.config, "trainable": True}), call.arguments, call.operands)
    biased = bool(call.config["use_bias"])
    return variables(trained, *chain.from_iterable(_rows(kernel, bias, biased=biased) for kernel, bias in shapes))


def _heads_specs(call: Call) -> tuple[Spec, ...] | None:
    found = _named(call)
    if found is None:
        return None
    query = found[0]
    written = call.config.get("output_shape")
    output = (*query[:-1], *written) if written else query
    # The scores of a query as long as the value: Keras does not look at how long the value is.
    return _specs(call, output, (query[0], call.config["num_heads"], query[1], query[1]))


def _heads_weights(call: Call) -> tuple[Weight, ...] | None:
    found = _named(call)
    if found is None:
        return None
    query, value, key = found
    heads, width = call.config["num_heads"], call.config["key_dim"]
    value_width = call.config.get("value_dim") or width
    output = call.config.get("output_shape") or query[-1:]
    shapes = [((query[-1], heads, width), (heads, width)), ((key[-1], heads, width), (heads, width))]
    if call.config.get("use_gate"):
        shapes.append(((query[-1], heads, value_width), (heads, value_width)))
    shapes.append(((value[-1], heads, value_width), (heads, value_width)))
    return _projections(call, *shapes, ((heads, value_width, *output), output))


def _groups_specs(call: Call) -> tuple[Spec, ...] | None:
    found = _grouped(call)
    if found is None:
        return None
    query, _, key = found
    return _specs(call, query, (query[0], call.config["num_query_heads"], query[1], key[1]))


def _grouped(call: Call) -> tuple[Shape, Shape, Shape] | None:
    found = _named(call)
    if found is None:
        return None
    many, few = call.config["num_query_heads"], call.config["num_key_value_heads"]
    if many % few:
        return refuse("num_key_value_heads={} does not divide num_query_heads={}", few, many)
    query, value, _ = found
    if query[-1] != value[-1]:
        return refuse("the last axes of query and value must be alike; they are of {} and {}", query, value)
    return found if all(len(shape) == 3 for shape in found) else None


def _groups_weights(call: Call) -> tuple[Weight, ...] | None:
    found = _grouped(call)
    if found is None:
        return None
    query, value, key = found
    width, many, few = (call.config[name] for name in ("head_dim", "num_query_heads", "num_key_value_heads"))
    shapes = [((query[-1], many, width), (many, width)), ((key[-1], few, width), (few, width))]
    if call.config.get("use_gate"):
        shapes.append(((query[-1], many, width), (many, width)))
    shapes.append(((value[-1], few, width), (few, width)))
    return _projections(call, *shapes, ((many, width, query[-1]), query[-1:]))


def _named_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """The query's axes but for the last; of scores, which have as many axes as some outputs, the batch alone."""
    found, slot = _named(call), call.arguments.get("query")
    if found is None or slot != Slot(0):
        return keeps_nothing(call, rank)
    if call.argument("return_attention_scores") or len(found[0]) > rank:
        return keeps_batch(call, rank)
    kept = len(found[0]) - 1
    return (*((0, axis) for axis in range(kept)), *(None,) * (rank - kept))


def _complete_heads(_: str, config: FrozenDict) -> FrozenDict:
    """The width of the values is that of the keys where none is given; an int is one axis."""
    found = dict(config)
    if found.get("value_dim") is None and "key_dim" in found:
        found["value_dim"] = found["key_dim"]
    for key in ("output_shape", "attention_axes"):
        found[key] = repeat(found.get(key), 1)
    return FrozenDict(found)


OPTIONAL = fields.either(fields.absent, fields.size)
KINDS = {
    "layers.Attention": Knowledge(specs=_dot_specs, weights=_dot_weights, kept=_listed_kept),
    "layers.AdditiveAttention": Knowledge(specs=_additive_specs, weights=_additive_weights, kept=_listed_kept),
    "layers.MultiHeadAttention": Knowledge(
        specs=_heads_specs, weights=_heads_weights, kept=_named_kept, complete=_complete_heads,
        needs={"num_heads": fields.size, "key_dim": fields.size, "value_dim": OPTIONAL,
               "output_shape": fields.either(fields.absent, fields.sized_ints)},
    ),
    "layers.GroupQueryAttention": Knowledge(
        specs=_groups_specs, weights=_groups_weights, kept=_named_kept,
        needs=dict.fromkeys(("head_dim", "num_query_heads", "num_key_value_heads"), fields.either(fields.size)),
    ),
}  # fmt: skip
