"""What is known per kind, one file a family; a family's ``KINDS`` is found by walking this package."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from kgraph.graph import FrozenDict, Op, Shape, Spec, Weight
from kgraph.ops.base import Call, Knowledge, Origin, call_of
from kgraph.ops.catalog import REQUIRED, entry
from kgraph.ops.fields import LARGEST, MOST_AXES, Check, misfit
from kgraph.ops.refusing import listening, refuse_always
from kgraph.ops.running import RUNS
from kgraph.ops.untold import UNTOLD, is_told, kept_untold

__all__ = [
    "UNTOLD",
    "Call",
    "Knowledge",
    "Origin",
    "call_of",
    "complete",
    "infer_specs",
    "infer_weights",
    "is_exact",
    "is_known",
    "is_told",
    "kept",
    "kept_axes",
    "knowledge",
    "may_fail",
    "pinned_axes",
    "reason",
    "refusal",
    "runs",
]

NOTHING = Knowledge(weights=lambda _: None)


@functools.cache
def knowledge(kind: str) -> Knowledge:
    """What is known of a kind; a Knowledge that knows nothing for all others."""
    return _families().get(kind, NOTHING)


def infer_specs(call: Call) -> tuple[Spec, ...] | None:
    """Output specs as Keras infers them, None where kgraph cannot tell."""
    if not is_known(call):
        return None
    return knowledge(call.kind).specs(call)


def refusal(call: Call, *, built: bool = False) -> str | None:
    """In a person's words why Keras raises on a call at every size; None where it does not, or that is not known.

    Args:
        call: the call; what is open in the shapes of its operands is open to Keras too.
        built: True if the layer is known to have its weights, so that it need not make them of what enters.
    """
    with listening(built=built) as heard:
        if infer_specs(call) is not None:
            heard.said.clear()
            if built or infer_weights(call) is not None:
                return None
    return next(iter(heard.said), None)


def is_exact(call: Call) -> bool:
    """False for a call of which Keras records other shapes than it has when it runs, at some sizes."""
    return knowledge(call.kind).exact(call)


def pinned_axes(call: Call, rank: int) -> tuple[int, ...]:
    """The axes of an output of which a recorded number is what the call was told, so that it takes no other size."""
    if not knowledge(call.kind).pins:
        return ()
    return tuple(axis for axis, origin in enumerate(kept_axes(call, rank)) if origin is None)


def may_fail(kind: str) -> bool:
    """True for a kind of which Keras builds calls that it cannot run."""
    return kind in RUNS


def runs(call: Call) -> bool | None:
    """Whether a call of which specs can be inferred runs, and gives what they say; None where that cannot be told."""
    return RUNS[call.kind](call) if call.kind in RUNS else True


def infer_weights(call: Call) -> tuple[Weight, ...] | None:
    """The variables of the layer that is called, None where kgraph cannot tell."""
    if not is_known(call):
        return None
    return knowledge(call.kind).weights(call)


def is_known(call: Call) -> bool:
    """True if the shapes of all that enters are known, and the config and arguments are such as Keras could write.

    Keras writes every entry of a config, and ``complete`` adds those that a source leaves out.

    Every kind but an input takes at least one tensor.
    """
    if not call.operands and call.kind != "layers.InputLayer":
        return False
    if not all(_is_tensor(spec.shape) for spec in call.operands) or not is_told(call):
        return False
    if not _written(call.kind) <= call.config.keys():
        return False
    return all(_fits(call, name, check) for name, check in knowledge(call.kind).needs.items())


def _fits(call: Call, name: str, check: Check) -> bool:
    value = call.field(name)
    if check(call.kind, value):
        return True
    why = misfit(check, call.kind, name, value)
    if why is not None:
        refuse_always("{}", why)
    return False


@functools.cache
def _written(kind: str) -> frozenset[str]:
    """The config entries that have a default, and so are never missing."""
    known = entry(kind)
    return frozenset(key for key, value in known.config.items() if value is not REQUIRED) if known else frozenset()


@functools.lru_cache(maxsize=4096)
def _is_tensor(shape: Shape) -> bool:
    """True for a known shape that a tensor can have."""
    if shape is None or len(shape) > MOST_AXES:
        return False
    return all(type(extent) is not int or extent <= LARGEST for extent in shape)


def kept(op: Op, operands: tuple[Spec, ...], out: int = 0) -> tuple[Origin, ...]:
    """Per axis of an output, the operand and axis whose extent it has at every size."""
    shape = op.outputs[out].shape
    return () if shape is None else kept_axes(call_of(op, operands), len(shape))


def kept_axes(call: Call, rank: int) -> tuple[Origin, ...]:
    """The same for an output of this rank; nothing where an operand is not known to have the axis."""
    if not call.operands:  # a source may not tell what a call reads
        return (None,) * rank
    if not is_told(call):
        found = kept_untold(call, rank)
    else:
        found = knowledge(call.kind).kept(call, rank) if is_known(call) else ()
    return found if len(found) == rank and all(_is_there(call, origin) for origin in found) else (None,) * rank


def _is_there(call: Call, origin: Origin) -> bool:
    return origin is None or origin[1] < len(call.operands[origin[0]].shape or ())


def reason(call: Call, axis: int) -> str:
    """In a person's words what fixed the extent of an output axis; empty where there are no words for it."""
    return knowledge(call.kind).reason(call, axis) if is_known(call) else ""


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
