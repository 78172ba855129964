"""Normalisation layers: the shape stays, and there is a weight per channel."""

from __future__ import annotations

from kgraph.graph import Weight
from kgraph.ops.base import Call, Knowledge, keeps_all, same_specs, variables


def _batch_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    shape = call.operands[0].shape
    axis = call.config["axis"]
    if shape is None or not isinstance(axis, int):
        return None
    extent = (shape[axis],)
    rows = [("gamma", extent, True)] if call.config["scale"] else []
    rows += [("beta", extent, True)] if call.config["center"] else []
    return variables(call, *rows, ("moving_mean", extent, False), ("moving_variance", extent, False))


def _layer_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    shape = call.operands[0].shape
    axis = call.config["axis"]
    if shape is None:
        return None
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    extents = tuple(shape[axis] for axis in axes)
    rows = [("gamma", extents, True)] if call.config["scale"] else []
    rows += [("beta", extents, True)] if call.config["center"] else []
    return variables(call, *rows)


def _unknown(_: Call) -> None:
    return None


KINDS = {
    "layers.BatchNormalization": Knowledge(specs=same_specs, weights=_batch_norm_weights, kept=keeps_all),
    "layers.LayerNormalization": Knowledge(specs=same_specs, weights=_layer_norm_weights, kept=keeps_all),
    "layers.GroupNormalization": Knowledge(specs=same_specs, weights=_unknown, kept=keeps_all),
    "layers.RMSNormalization": Knowledge(specs=same_specs, weights=_unknown, kept=keeps_all),
    "layers.UnitNormalization": Knowledge(specs=same_specs, kept=keeps_all),
}
