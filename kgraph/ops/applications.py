"""Layers that the architectures of ``keras.applications`` bring along."""

from __future__ import annotations

from kgraph.graph import Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, keeps_all, layer_spec, same_specs, variables
from kgraph.ops.elementwise import broadcast

CONVNEXT = "custom.keras.src.applications.convnext"
INCEPTION = "custom.keras.src.applications.inception_resnet_v2"


def _scaled_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape
    return same_specs(call) if shape and shape[-1] == call.config.get("projection_dim") else None


def _scaled_weights(call: Call) -> tuple[Weight, ...] | None:
    channels = call.config.get("projection_dim")
    return variables(call, ("variable", (channels,), True)) if fields.is_int(channels, 1) else None


def _added_specs(call: Call) -> tuple[Spec, ...] | None:
    """``x + scale * y``, which broadcasts as ``+`` does."""
    shapes = tuple(spec.shape for spec in call.operands if spec.shape is not None)
    return layer_spec(call, broadcast(shapes, "numpy")) if len(call.operands) == len(shapes) == 2 else None


KINDS = {
    f"{CONVNEXT}.LayerScale": Knowledge(specs=_scaled_specs, weights=_scaled_weights, kept=keeps_all),
    f"{CONVNEXT}.StochasticDepth": Knowledge(specs=same_specs, kept=keeps_all),
    f"{INCEPTION}.CustomScaleLayer": Knowledge(specs=_added_specs, merge="numpy"),
}
