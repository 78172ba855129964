"""Layers around another layer: what is known of the inner one's kind says most of it."""

from __future__ import annotations

from dataclasses import replace

from kgraph.graph import FrozenDict, Object, Shape, Slot, Spec, Weight
from kgraph.ops import fields, is_exact, kept_axes, reason, recurrent
from kgraph.ops import infer_specs as called_specs
from kgraph.ops import infer_weights as called_weights
from kgraph.ops.base import Call, Knowledge, Origin, compute_dtype, is_single, joined, keeps_nothing
from kgraph.ops.extents import times
from kgraph.ops.refusing import refuse, wrapped
from kgraph.ops.running import RUNS

MERGES = fields.one_of("concat", "sum", "mul", "ave", None)
WITH_KERNEL = (
    *(f"layers.Conv{rank}D{suffix}" for rank in (1, 2, 3) for suffix in ("", "Transpose")), "layers.Dense",
    "layers.DepthwiseConv1D", "layers.DepthwiseConv2D", "layers.EinsumDense", "layers.Embedding",
)  # fmt: skip


def infer_specs(call: Call) -> tuple[Spec, ...] | None:
    """The specs of a wrapped layer's call."""
    with wrapped():
        return called_specs(call)


def infer_weights(call: Call) -> tuple[Weight, ...] | None:
    """The weights of a wrapped layer."""
    with wrapped():
        return called_weights(call)


def inner_call(call: Call, layer: object, shape: Shape) -> Call | None:
    """A wrapped layer's call on a tensor of this shape; None if there is no such layer."""
    dtype = compute_dtype(call)
    if not isinstance(layer, Object) or dtype is None:
        return None
    return Call(layer.kind, layer.config, FrozenDict(inputs=Slot(0)), (Spec(shape, dtype),))


# --- both directions ----------------------------------------------------------------------------------------------


def _directions(call: Call) -> tuple[Call, Call] | None:
    """The forward and the backward layer's calls; None where Keras refuses the pair, or one is not Keras' own."""
    forward, backward = call.config["layer"], call.config.get("backward_layer") or call.config["layer"]
    calls = [inner_call(call, layer, call.operands[0].shape) for layer in (forward, backward)]
    if not is_single(call) or calls[0] is None or calls[1] is None:
        return None
    shape = call.operands[0].shape or ()
    if calls[0].kind in recurrent.GATES and len(shape) != 3:
        return refuse("Bidirectional takes a tensor of rank 3 (batch, steps, features); it receives {}", shape)
    one, other = calls[0].config, calls[1].config
    alike = all(one.get(key) == other.get(key) for key in ("return_sequences", "return_state", "stateful"))
    known = all(inner is not None and inner.kind in recurrent.KINDS for inner in calls)
    copied = call.config.get("backward_layer") is None
    return (calls[0], calls[1]) if known and alike and (copied or _differ(one, other)) else None


def _differ(one: FrozenDict, other: FrozenDict) -> bool:
    return bool(one.get("go_backwards")) != bool(other.get("go_backwards"))


def _both_specs(call: Call) -> tuple[Spec, ...] | None:
    calls = _directions(call)
    if calls is None or infer_weights(calls[1]) is None:
        return None
    if calls[0].config["stateful"] and calls[0].config["return_state"]:
        return None  # a bug of Keras, which multiplies a generator (``Bidirectional.compute_mask``)
    found = infer_specs(calls[0])
    if found is None or found[0].shape is None:
        return None
    (*outer, last), states = found[0].shape, found[1:]
    mode = call.config["merge_mode"]
    outputs = (
        (found[0],) * 2
        if mode is None
        else (Spec((*outer, times(last, 2 if mode == "concat" else 1)), found[0].dtype),)
    )
    dtype = compute_dtype(call) or ""
    return tuple(Spec(spec.shape, dtype) for spec in (*outputs, *states, *states))


def _both_weights(call: Call) -> tuple[Weight, ...] | None:
    calls = _directions(call)
    return None if calls is None else joined(infer_weights(inner) for inner in calls)


def _both_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    calls = _directions(call)
    found = keeps_nothing(call, rank) if calls is None else kept_axes(calls[0], rank)
    return (*found[:-1], None) if found else found


def _both_reason(call: Call, axis: int) -> str:
    calls = _directions(call)
    inner = "" if calls is None else reason(calls[0], axis)
    return f"{inner} in both directions" if inner and call.config["merge_mode"] == "concat" else inner


# --- at each step -------------------------------------------------------------------------------------------------


def _step(call: Call) -> Call | None:
    """The inner layer's call at one step; None where Keras raises, as there is no axis of steps."""
    shape = call.operands[0].shape or ()
    if not is_single(call):
        return None
    if len(shape) < 3:
        return refuse("TimeDistributed takes a tensor of rank 3 or more (batch, steps, ...); it receives {}", shape)
    return inner_call(call, call.config["layer"], (shape[0], *shape[2:]))


def _stepwise_specs(call: Call) -> tuple[Spec, ...] | None:
    step, steps = _step(call), (call.operands[0].shape or ())[1:2]
    found = None if step is None else infer_specs(step)
    if found is None or len(found) != 1 or not found[0].shape:
        return None
    shape = found[0].shape
    return (Spec((*shape[:1], *steps, *shape[1:]), compute_dtype(call) or ""),)


def _stepwise_weights(call: Call) -> tuple[Weight, ...] | None:
    step = _step(call)
    return None if step is None else infer_weights(step)


def _stepwise_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    step = _step(call)
    if step is None or rank < 2:
        return keeps_nothing(call, rank)
    inner = [None if origin is None else (0, origin[1] + (origin[1] > 0)) for origin in kept_axes(step, rank - 1)]
    return ((0, 0), (0, 1), *inner[1:])


def _stepwise_reason(call: Call, axis: int) -> str:
    step = _step(call)
    return "" if step is None or axis < 2 else reason(step, axis - 1)


# --- with a spectral norm -----------------------------------------------------------------------------------------


def _normalized(call: Call) -> Call | None:
    """The inner layer's call; None where Keras raises, as the layer has no kernel."""
    inner = inner_call(call, call.config["layer"], call.operands[0].shape)
    return inner if inner is not None and is_single(call) and inner.kind in WITH_KERNEL else None


def _normalized_specs(call: Call) -> tuple[Spec, ...] | None:
    inner = _normalized(call)
    found = None if inner is None or infer_weights(inner) is None else infer_specs(inner)
    return None if found is None else tuple(Spec(spec.shape, compute_dtype(call) or "") for spec in found)


def _normalized_weights(call: Call) -> tuple[Weight, ...] | None:
    """The kernel, which this layer holds too, its vector, and the rest of the inner layer's weights."""
    inner = _normalized(call)
    found = infer_weights(inner) if inner is not None else None
    if not found:
        return None
    kernel, *rest = found
    vector = Weight("vector_u", (1, kernel.shape[-1]), kernel.dtype, trainable=False)
    return kernel, vector, *rest


def _normalized_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    inner = _normalized(call)
    return keeps_nothing(call, rank) if inner is None else kept_axes(inner, rank)


def _normalized_reason(call: Call, axis: int) -> str:
    inner = _normalized(call)
    return "" if inner is None else reason(inner, axis)


# --- a Sequential model as the inner layer ------------------------------------------------------------------------


def _chain(call: Call) -> tuple[list[Call], tuple[Spec, ...]] | None:
    """The calls of a model's layers, one after the other, and what comes out; None where one cannot be told."""
    layers = call.config.get("layers")
    if not isinstance(layers, tuple) or not all(isinstance(layer, Object) for layer in layers):  # pyright: ignore
        return None
    inner: list[Object] = [layer for layer in layers if layer.kind != "layers.InputLayer"]  # pyright: ignore
    calls: list[Call] = []
    found = call.operands[:1]
    for layer in inner:
        calls.append(Call(layer.kind, layer.config, FrozenDict(inputs=Slot(0)), found))
        specs = infer_specs(calls[-1])
        if specs is None or len(specs) != 1:
            return None
        found = specs
    return calls, found


def _chain_specs(call: Call) -> tuple[Spec, ...] | None:
    chain = _chain(call)
    return None if chain is None else chain[1]


def _chain_weights(call: Call) -> tuple[Weight, ...] | None:
    chain = _chain(call)
    return None if chain is None else joined(map(infer_weights, chain[0]))


def _piped_specs(call: Call) -> tuple[Spec, ...] | None:
    """Of a Pipeline where nothing is open: Keras traces its layers, and forgets what it could know."""
    if not is_single(call) or None in (call.operands[0].shape or ()):
        return None
    return _chain_specs(call)


def _piped_exact(call: Call) -> bool:
    given = call.config.get("layers")
    layers = [layer for layer in given if isinstance(layer, Object)] if isinstance(given, tuple) else []  # pyright: ignore
    exact = (is_exact(replace(call, kind=layer.kind, config=layer.config)) for layer in layers)
    return all(exact) and not any(layer.kind in RUNS for layer in layers)


LAYER = {"layer": fields.layer}

KINDS = {
    "layers.Pipeline": Knowledge(specs=_piped_specs, weights=lambda _: None, exact=_piped_exact),
    "layers.Bidirectional": Knowledge(
        specs=_both_specs, weights=_both_weights, kept=_both_kept, reason=_both_reason,
        needs={**LAYER, "merge_mode": MERGES, "backward_layer": fields.either(fields.absent, fields.layer)},
    ),
    "layers.TimeDistributed": Knowledge(
        specs=_stepwise_specs, weights=_stepwise_weights, kept=_stepwise_kept, reason=_stepwise_reason, needs=LAYER
    ),
    "layers.SpectralNormalization": Knowledge(
        specs=_normalized_specs, weights=_normalized_weights, kept=_normalized_kept, reason=_normalized_reason,
        needs=LAYER,
    ),
    "Sequential": Knowledge(specs=_chain_specs, weights=_chain_weights),
}  # fmt: skip
