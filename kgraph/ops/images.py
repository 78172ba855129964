"""Layers that augment, crop or resize images: the batch and the channels stay, and there are no weights."""

from __future__ import annotations

from kgraph.graph import Spec
from kgraph.ops import fields
from kgraph.ops.base import Call, Knowledge, Origin, is_single, keeps_all, layer_spec, same_specs

SAME = (
    "AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "MaxNumBoundingBoxes", "MixUp",
    "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom", "Solarization",
)  # fmt: skip
KEEPING_DTYPE = ("Equalization", "RandomGrayscale")


def _axes(call: Call, rank: int) -> tuple[int, int]:
    """The axes of rows and columns, of one image or a batch of them."""
    first = rank - 3 + (call.config["data_format"] == "channels_first")
    return first, first + 1


def _sized_specs(call: Call) -> tuple[Spec, ...] | None:
    shape = call.operands[0].shape or ()
    if not is_single(call) or len(shape) not in (3, 4):
        return None
    result = list(shape)
    for axis, key in zip(_axes(call, len(shape)), ("height", "width"), strict=True):
        result[axis] = call.config[key]
    return layer_spec(call, tuple(result))


def _sized_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    return tuple(None if axis in _axes(call, rank) else (0, axis) for axis in range(rank))


def _sized_reason(call: Call, axis: int) -> str:
    rows, columns = _axes(call, len(call.operands[0].shape or ()))
    return {rows: f"{call.config['height']} rows", columns: f"{call.config['width']} columns"}.get(axis, "")


def _unchanged(call: Call) -> tuple[Spec, ...] | None:
    """As the operand is after Keras has cast it: what is not of a float dtype keeps its own."""
    spec = call.operands[0]
    return same_specs(call) if spec.dtype.startswith(("float", "bfloat")) else (spec,)


def _grey_specs(call: Call) -> tuple[Spec, ...] | None:
    """Of colours that can be made grey: Keras raises at other channels than three."""
    shape = call.operands[0].shape or ()
    axis = -3 if call.config.get("data_format") == "channels_first" else -1
    return same_specs(call) if len(shape) in (3, 4) and shape[axis] in (None, 3) else None


SIZED = Knowledge(
    specs=_sized_specs, kept=_sized_kept, reason=_sized_reason,
    needs={**dict.fromkeys(("height", "width"), fields.either(fields.size)), "data_format": fields.DATA_FORMAT},
)  # fmt: skip

KINDS = {
    **{f"layers.{name}": Knowledge(specs=same_specs, kept=keeps_all) for name in SAME},
    "layers.RandomColorDegeneration": Knowledge(specs=_grey_specs, kept=keeps_all),
    **{f"layers.{name}": Knowledge(specs=_unchanged, kept=keeps_all) for name in KEEPING_DTYPE},
    **{f"layers.{name}": SIZED for name in ("CenterCrop", "RandomCrop", "Resizing")},
}
