"""Layers that the architectures of ``keras.applications`` bring along."""

from __future__ import annotations

from kgraph.graph import Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, keeps_all, same_specs, variables

CONVNEXT = "custom.keras.src.applications.convnext"


def _scaled_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape
    return same_specs(call) if shape and shape[-1] == call.config.get("projection_dim") else None


def _scaled_weights(call: Call) -> tuple[Weight, ...] | None:
    channels = call.config.get("projection_dim")
    return variables(call, ("variable", (channels,), True)) if fields.is_int(channels, 1) else None


KINDS = {
    f"{CONVNEXT}.LayerScale": Knowledge(specs=_scaled_specs, weights=_scaled_weights, kept=keeps_all),
    f"{CONVNEXT}.StochasticDepth": Knowledge(specs=same_specs, kept=keeps_all),
}
