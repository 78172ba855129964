"""Along which axes a call makes positions depend on each other: it reduces, sorts, normalises, shifts or picks them.

Along all other axes each position of the output depends on one position of the operand: if the batch lies there,
every sample is for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kgraph.graph import Object, Slice
from kgraph.ops import (
    applications,
    convolution,
    elementwise,
    fields,
    images,
    is_known,
    moving,
    patches,
    pooling,
    recurrent,
    reducing,
    windows,
)
from kgraph.ops.base import Call, as_axes, channel_axis, shape_of, spatial_axes
from kgraph.ops.selecting import call_key, is_whole

Axes = frozenset[int] | None
NO_AXES: frozenset[int] = frozenset()


def combined(call: Call) -> Axes:
    """The axes of the first operand along which positions are combined, reordered or picked; None if not known.

    Of a call that takes one tensor; as it is when the model predicts, not when it is trained.
    """
    rule = _RULES.get(call.kind)
    return None if rule is None or not is_known(call) else rule(call)


def takes_batch_first(call: Call) -> bool:
    """True if axis 0 of every tensor is the batch to the call, which does the same to each sample of it."""
    if call.kind == "layers.TimeDistributed":
        inner = call.config.get("layer")
        return isinstance(inner, Object) and inner.kind in BATCH_FIRST
    return call.kind in BATCH_FIRST and (call.kind not in OF_IMAGES or len(shape_of(call)) > 3)


def _all(call: Call) -> Axes:
    return frozenset(range(len(shape_of(call))))


def _none(_: Call) -> Axes:
    return NO_AXES


def _axes(call: Call, given: Any) -> Axes:
    found = as_axes(given, len(shape_of(call)))
    return None if found is None else frozenset(found)


def _given(call: Call) -> Axes:
    return _axes(call, call.field("axis"))


def _given_or_all(call: Call) -> Axes:
    return _all(call) if call.field("axis") is None else _given(call)


def _last(call: Call) -> Axes:
    return _axes(call, -1)


def _square(call: Call) -> Axes:
    return _axes(call, (-2, -1))


def _diagonal(call: Call) -> Axes:
    return _axes(call, (call.argument("axis1"), call.argument("axis2")))


def _but_first(call: Call) -> Axes:
    return frozenset(range(1, len(shape_of(call))))


def _activated(call: Call) -> Axes:
    """Those that are not of one element alone, and custom ones, are left out."""
    name = call.config.get("activation")
    if name in ("softmax", "log_softmax"):
        return _last(call)
    return NO_AXES if isinstance(name, str) and name in ELEMENTWISE else None


def _window(call: Call) -> Axes:
    """The spatial axes on which a window spans several positions; a stride without one picks some, and is left out."""
    rank = len(shape_of(call))
    sizes = call.config.get("kernel_size", call.config.get("pool_size"))
    spatial = spatial_axes(call, rank)
    spans: list[Any] = [sizes] * len(spatial) if fields.is_int(sizes) else list(sizes or ())
    if len(spans) != len(spatial) or not all(fields.is_int(span) for span in spans):
        return None
    return frozenset(axis for axis, span in zip(spatial, spans, strict=True) if span > 1)


def _convolved(call: Call) -> Axes:
    found = _window(call)
    return None if found is None else found | {channel_axis(call, len(shape_of(call)))}


def _spatial(call: Call) -> Axes:
    return frozenset(spatial_axes(call, len(shape_of(call))))


def _subscripted(call: Call) -> Axes:
    key = call_key(call)
    parts: Iterable[Any] = () if key is None else (part for part in key if part is not None)
    picked = frozenset(axis for axis, part in enumerate(parts) if not (isinstance(part, Slice) and is_whole(part)))
    return None if key is None else picked


def _taken(call: Call) -> Axes:
    """By indices that are written out: those of another tensor are of a sample, or are not."""
    return _given_or_all(call) if len(call.operands) == 1 else None


def _split(call: Call) -> Axes:
    named = {"ops.vsplit": 0, "ops.hsplit": 1, "ops.dsplit": 2}
    if call.kind not in named:
        return _given(call)
    return _axes(call, min(named[call.kind], len(shape_of(call)) - 1))


ELEMENTWISE = frozenset((*elementwise.UNARY, "linear", "mish", "swish", "exponential")) - {"sparsemax"}
"""Activations of one element alone."""

MOVING = ("pad", "repeat", "expand_dims", "squeeze", "transpose", "swapaxes", "moveaxis", "one_hot", "cast",
          "saturate_cast", "array", "convert_to_tensor", "batch_normalization")  # fmt: skip
PASSED = ("BatchNormalization", "Embedding", "EinsumDense", "Identity", "Normalization", "PReLU", "Permute",
          "RepeatVector", "Rescaling")  # fmt: skip
ALONG_AXIS = ("softmax", "log_softmax", "sparsemax", "glu", "diff", "trapezoid", "normalize", "unstack",
              "rms_normalization", "layer_normalization")  # fmt: skip
ALONG_ALL = ("roll", "flip", "average", "quantile", "percentile", "nanquantile", "nanpercentile")
OF_SQUARES = ("cholesky", "cholesky_inverse", "inv", "det", "tril", "triu")
SPLITS = ("split", "array_split", "vsplit", "hsplit", "dsplit")

_RULES: dict[str, Callable[[Call], Axes]] = {
    **{f"ops.{name}": _none for name in (*elementwise.UNARY, *elementwise.TESTS, *MOVING)},
    **{f"layers.{name}": _none for name in (*elementwise.SAME_SHAPE_LAYERS, *PASSED) if name != "Masking"},
    **{f"ops.{name}": _given_or_all for name in (*reducing.DTYPES, *moving.FLATTENING, *ALONG_ALL)},
    **{f"ops.{name}": _given for name in ALONG_AXIS},
    **{f"ops.{name}": _square for name in OF_SQUARES},
    **{f"ops.{name}": _split for name in SPLITS},
    **{f"layers.{name}Normalization": _given for name in ("Layer", "RMS", "Unit")},
    **dict.fromkeys(convolution.KINDS, _convolved),
    **{kind: _window for kind in (*pooling.KINDS, *convolution.KINDS) if "Pooling" in kind or "Depthwise" in kind},
    **{kind: _spatial for kind in pooling.KINDS if "Global" in kind or "Adaptive" in kind},
    **{kind: _but_first for kind in recurrent.KINDS if not kind.endswith("Cell")},
    "layers.GroupNormalization": _but_first,
    "layers.Bidirectional": _but_first,
    "activations.relu": _none,
    "layers.Activation": _activated,
    "layers.Dense": _last,
    "layers.Softmax": _given,
    "layers.Lambda": _subscripted,
    "ops.get_item": _subscripted,
    "ops.take": _taken,
    "ops.top_k": _last,
    "ops.fft": _last,
    "ops.flipud": lambda call: _axes(call, 0),
    "ops.fliplr": lambda call: _axes(call, 1),
    "ops.moments": lambda call: _axes(call, call.argument("axes")),
    "ops.trace": _diagonal,
    "ops.diagonal": _diagonal,
    "ops.logdet": _square,
}

OF_IMAGES = frozenset((*windows.KINDS, *patches.KINDS, *images.KINDS))
"""Kinds that also take one image, without a batch."""

BATCH_FIRST = frozenset(
    (
        *convolution.KINDS, *pooling.KINDS, *applications.KINDS, *OF_IMAGES,
        *(kind for kind in recurrent.KINDS if not kind.endswith("Cell") and kind != "layers.RNN"),
        *(f"layers.{name}{rank}D" for name in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2, 3)),
        "layers.Bidirectional", "layers.Dense", "layers.Flatten", "layers.Reshape", "layers.Permute",
        "layers.Attention", "layers.AdditiveAttention", "layers.MultiHeadAttention", "layers.GroupQueryAttention",
        "layers.BatchNormalization", "layers.GroupNormalization", "layers.Masking",
    )
)  # fmt: skip
"""Layers and operations to which axis 0 is the batch, whatever their config."""

_VERBS = {
    "sorts": ("sort", "argsort", "argpartition", "top_k"),
    "accumulates along": ("cumsum", "cumprod", "nancumsum", "nancumprod"),
    "turns round": ("flip", "flipud", "fliplr"),
    "shifts": ("roll",),
    "picks from": ("get_item", "take", "unstack", "Lambda"),
    "cuts": SPLITS,
    "takes differences along": ("diff",),
    "picks a diagonal across": ("trace", "diagonal", "tril", "triu"),
    "normalises over": ("softmax", "log_softmax", "sparsemax", "normalize", "Softmax", "Activation",
                        "LayerNormalization", "RMSNormalization", "UnitNormalization", "GroupNormalization",
                        "layer_normalization", "rms_normalization"),
    "runs along": ("SimpleRNN", "GRU", "LSTM", "RNN", "Bidirectional"),
    "attends along": ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention",
                      "dot_product_attention"),
    "slides a window over": tuple(kind.rpartition(".")[2] for kind in convolution.KINDS),
    "reduces": (*reducing.DTYPES, *ALONG_ALL[2:], "moments", "trapezoid"),
}  # fmt: skip
_VERB_OF = {name: verb for verb, names in _VERBS.items() for name in names}


def verb(kind: str) -> str:
    """What a kind does to an axis along which it combines positions: ``sorts``, ``runs along``."""
    return _VERB_OF.get(kind.rpartition(".")[2], "combines what lies along")
