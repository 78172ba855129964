"""Normalisation layers: the shape stays, and there is a weight per channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from kgraph.graph import Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, as_axes, keeps_all, same_specs, variables
from kgraph.ops.refusing import refuse, refuse_unbuilt, short


def _batch_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _fixed(call)
    if extents is None or len(extents) != 1:
        return None
    names = ("moving_mean", "moving_variance")
    if call.config.get("renorm"):
        names += ("moving_stddev", "renorm_mean", "renorm_stddev")
    return variables(call, *_scale_and_shift(call, extents), *((name, extents, False) for name in names))


def _layer_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _fixed(call)
    if extents is None or call.config.get("rms_scaling"):
        return None
    return variables(call, *_scale_and_shift(call, extents))


def _rms_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _fixed(call)
    return None if extents is None else variables(call, ("scale", extents, True))


def _group_norm_weights(call: Call) -> tuple[Weight, ...] | None:
    extents = _fixed(call)
    return None if extents is None else variables(call, *_scale_and_shift(call, extents))


def _extents(call: Call) -> tuple[int | None, ...] | None:
    """The sizes of the normalised axes; None where the operand has no such axes."""
    shape = call.operands[0].shape
    axes = None if shape is None else as_axes(call.config["axis"], len(shape))
    return None if shape is None or axes is None else tuple(shape[axis] for axis in axes)


def _fixed(call: Call) -> tuple[int | None, ...] | None:
    """The same, where Keras can make weights of them."""
    found = _extents(call)
    if found is not None and None in found:
        return refuse_unbuilt(
            "{} needs to know the extent of axis {} to make its weights; it receives {}",
            short(call.kind), call.config["axis"], call.operands[0].shape,
        )  # fmt: skip
    return found


def _scale_and_shift(call: Call, extents: tuple[int | None, ...]) -> Iterator[tuple[str, tuple[int | None, ...], bool]]:
    for name, key in (("gamma", "scale"), ("beta", "center")):
        if call.config[key]:
            yield name, extents, True


def _group_norm_specs(call: Call) -> tuple[Spec, ...] | None:
    """Of channels that can be dealt out to the groups, of which there is one for each where their number is -1."""
    extents, groups = _extents(call), call.config["groups"]
    if extents is None:
        return None
    if len(call.operands[0].shape or ()) < 2:
        return refuse("GroupNormalization takes a tensor of at least two axes; it receives {}", call.operands[0].shape)
    channels = extents[0]
    if channels is not None and groups != -1 and (channels < groups or channels % groups):
        return refuse("groups={} does not divide the {} channels that enter", groups, channels)
    return same_specs(call)


def _unit_norm_specs(call: Call) -> tuple[Spec, ...] | None:
    return None if _extents(call) is None else same_specs(call)


AXIS = {"axis": fields.either(fields.number, fields.ints)}
SCALED = {**AXIS, "scale": fields.flag, "center": fields.flag}


GROUPS = fields.either(fields.size, lambda _, value: type(value) is int and value == -1)


def _normalizes(weights: Callable[[Call], tuple[Weight, ...] | None], needs: dict[str, fields.Check]) -> Knowledge:
    return Knowledge(specs=same_specs, weights=weights, kept=keeps_all, needs=needs)


KINDS = {
    "layers.BatchNormalization": _normalizes(_batch_norm_weights, {**SCALED, "axis": fields.number}),
    "layers.LayerNormalization": _normalizes(_layer_norm_weights, SCALED),
    "layers.GroupNormalization": replace(
        _normalizes(_group_norm_weights, {**SCALED, "axis": fields.number, "groups": GROUPS}), specs=_group_norm_specs
    ),
    "layers.RMSNormalization": _normalizes(_rms_norm_weights, AXIS),
    "layers.UnitNormalization": Knowledge(specs=_unit_norm_specs, kept=keeps_all, needs=AXIS),
}
