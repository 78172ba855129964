"""What is known per kind, one file a family; a family's ``KINDS`` is found by walking this package."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from kgraph.graph import FrozenDict, Object, Op, Spec, Weight
from kgraph.ops.base import Call, Knowledge, Origin, call_of
from kgraph.ops.catalog import REQUIRED, entry

__all__ = [
    "UNTOLD", "Call", "Knowledge", "Origin", "call_of", "complete", "infer_specs", "infer_weights", "is_told", "kept",
    "knowledge", "reason",
]  # fmt: skip

NOTHING = Knowledge(weights=lambda _: None)

UNTOLD = Object("unknown", FrozenDict())
"""In place of an argument of a call that the source does not tell."""


@functools.cache
def knowledge(kind: str) -> Knowledge:
    """What is known of a kind; a Knowledge that knows nothing for all others."""
    return _families().get(kind, NOTHING)


def infer_specs(call: Call) -> tuple[Spec, ...] | None:
    """Output specs as Keras infers them, None where kgraph cannot tell."""
    if not _is_known(call) or not is_told(call):
        return None
    return knowledge(call.kind).specs(call)


def infer_weights(call: Call) -> tuple[Weight, ...] | None:
    """The variables of the layer that is called, None where kgraph cannot tell."""
    if not _is_known(call) or not is_told(call):
        return None
    return knowledge(call.kind).weights(call)


def is_told(call: Call) -> bool:
    """False where a source shows a call, but not how it is configured or called: a printed summary has no config."""
    known = entry(call.kind)
    return not (known and known.config and not call.config) and UNTOLD not in call.arguments.values()


def reason(call: Call, axis: int) -> str:
    """In a person's words what fixed the extent of an output axis; empty where there are none."""
    return knowledge(call.kind).reason(call, axis) if is_told(call) else ""


def _is_known(call: Call) -> bool:
    """True if the shapes of all that enters are known; every kind but an input takes at least one tensor."""
    if not call.operands and call.kind != "layers.InputLayer":
        return False
    return all(spec.shape is not None for spec in call.operands)


def kept(op: Op, operands: tuple[Spec, ...], out: int = 0) -> tuple[Origin, ...]:
    """Per axis of an output, the operand and axis whose extent it has at every size."""
    shape, call = op.outputs[out].shape, call_of(op, operands)
    if shape is None or not _is_known(call):
        return (None,) * len(shape or ())
    known = knowledge(op.kind)
    found = (known.kept if is_told(call) else known.bare)(call, len(shape))
    return found if len(found) == len(shape) else (None,) * len(shape)


def complete(kind: str, config: FrozenDict) -> FrozenDict:
    """A config with Keras' defaults filled in and every short spelling (``kernel_size=3``) written out."""
    known = entry(kind)
    if known is not None:
        defaults = {key: value for key, value in known.config.items() if value is not REQUIRED}
        if not defaults.keys() <= config.keys():
            merged = {**defaults, **config}
            order = [
                *(key for key in known.config if key in merged),
                *(key for key in config if key not in known.config),
            ]
            config = FrozenDict({key: merged[key] for key in order})
    return knowledge(kind).complete(kind, config)


@functools.cache
def _families() -> Mapping[str, Knowledge]:
    found: dict[str, Knowledge] = {}
    for module in pkgutil.iter_modules(__path__):
        kinds = getattr(importlib.import_module(f"{__name__}.{module.name}"), "KINDS", {})
        found.update(kinds)
    return found
