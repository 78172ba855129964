"""Operations that cut images into patches, put them together, crop them or pad them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kgraph.graph import FrozenDict, Spec
from kgraph.ops import fields
from kgraph.ops.arranging import one, replaced
from kgraph.ops.base import Call, Knowledge, Origin, channel_axis, is_single, keeps_all, keeps_batch, repeat, shape_of
from kgraph.ops.convolution import slid
from kgraph.ops.extents import Extent, plus, product, spread, times
from kgraph.ops.refusing import refuse, short

Shape = tuple[int | None, ...]
Specs = tuple[Spec, ...] | None


def _format(call: Call) -> str:
    return call.argument("data_format") or "channels_last"


def _patches_specs(call: Call) -> Specs:
    """A window as of a convolution, whose channels are all that it sees."""
    shape, size = shape_of(call), repeat(call.argument("size"), 2)
    rank = len(size) if isinstance(size, tuple) else 0  # pyright: ignore[reportUnknownArgumentType]
    if rank not in (2, 3) or len(shape) not in (rank + 1, rank + 2) or not is_single(call):
        return None
    batched: Shape = shape if len(shape) == rank + 2 else (1, *shape)
    config: dict[str, Any] = {
        "size": size,
        "strides": repeat(size if call.argument("strides") is None else call.argument("strides"), rank),
        "dilation_rate": repeat(call.argument("dilation_rate"), rank),
        "padding": call.argument("padding"),
        "data_format": _format(call),
    }
    like = f"layers.Conv{rank}D"
    right = all(fields.sizes(like, config[key]) for key in ("size", "strides", "dilation_rate"))
    if not right or config["padding"] not in ("valid", "same") or not fields.DATA_FORMAT("", config["data_format"]):
        return None
    plain = replace(call, config=FrozenDict(config))
    found, channels = slid(plain, batched, "size"), channel_axis(plain, rank + 2)
    if found is None or batched[channels] is None:
        return None
    found[channels] = product((*config["size"], batched[channels]))
    return one(call, tuple(found) if len(shape) == rank + 2 else tuple(found[1:]))


def _pair(call: Call, name: str, least: int) -> tuple[int, int] | None:
    found = repeat(call.argument(name), 2)
    return found if fields.pair("", found) and min(found) >= least else None  # type: ignore[return-value, type-var]  # pyright: ignore


def _unfold_specs(call: Call) -> Specs:
    shape = shape_of(call)
    given = [
        _pair(call, name, least) for name, least in (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1))
    ]
    if len(shape) != 4 or None in given or None in shape[1:]:
        return None
    steps: list[Extent] = []
    for extent, (size, dilation, padding, stride) in zip(shape[2:], zip(*given, strict=True), strict=True):  # type: ignore[arg-type]  # pyright: ignore
        room = plus(extent, 2 * padding - spread(size, dilation))
        if room is None or room < 0:
            return None  # Keras records a number of patches that makes no sense
        steps.append(room // stride + 1)
    return one(call, (shape[0], times(shape[1], product(given[0] or ())), product(steps)))


def _fold_specs(call: Call) -> Specs:
    shape, size, output = shape_of(call), _pair(call, "kernel_size", 1), _pair(call, "output_size", 1)
    if len(shape) != 3:
        return refuse("ops.fold takes a tensor of rank 3; it receives {}", shape)
    if size is None or output is None:
        return None
    channels, window = shape[1], size[0] * size[1]
    if channels is not None and channels % window:
        return refuse("{} channels are no multiple of the {} elements of a patch {}", channels, window, size)
    return one(call, (shape[0], None if channels is None else channels // window, *output))


def _adaptive_specs(call: Call) -> Specs:
    """Of channels first: with channels last, Keras records some spatial axes beside those that they become."""
    shape = shape_of(call)
    size = repeat(call.argument("output_size"), len(shape) - 2)
    wrong = not 3 <= len(shape) <= 5 or not fields.sizes(f"layers.Conv{len(shape) - 2}D", size)
    if wrong or call.argument("data_format") != "channels_first":
        return None
    return one(call, (*shape[:2], *size))  # type: ignore[misc]  # pyright: ignore


# --- cropping and padding -----------------------------------------------------------------------------------------

SIDES = {"height": ("top", "bottom"), "width": ("left", "right")}


def _axes(call: Call) -> dict[str, int]:
    first = len(shape_of(call)) - (2 if _format(call) == "channels_first" else 3)
    return {"height": first, "width": first + 1}


def _framed_specs(call: Call) -> Specs:
    """Two of target, before and after are given an axis; the third follows."""
    shape = shape_of(call)
    if not is_single(call) or not _is_image(call):
        return None
    for name, axis in _axes(call).items():
        found = _framed(call, name, shape[axis])
        if found is None:
            return None
        shape = replaced(shape, axis, found[0])
    return one(call, shape)


def _framed(call: Call, name: str, extent: Extent) -> tuple[Extent] | None:
    """The extent (it alone) after the frame is put on or off; None where Keras raises."""
    what, sign = ("padding", 1) if call.kind.endswith("pad_images") else ("cropping", -1)
    before, after = (call.argument(f"{side}_{what}") for side in SIDES[name])
    target = call.argument(f"target_{name}")
    if [before, after, target].count(None) != 1 or not all(
        each is None or fields.is_int(each, 0) for each in (before, after, target)
    ):
        return None
    if target is None:
        found = plus(extent, sign * (before + after))
        wrong = sign < 0 if found is None else found < 0
        return None if wrong else (found,)
    if extent is None:
        return (target,)
    room: Any = sign * (target - extent)
    return None if room < (before if after is None else after) else (target,)


def _framed_kept(call: Call, rank: int) -> tuple[Origin, ...]:
    return tuple(None if axis in _axes(call).values() else (0, axis) for axis in range(rank))


# --- the same shape -----------------------------------------------------------------------------------------------


def _image_specs(call: Call) -> Specs:
    return one(call, shape_of(call)) if _is_image(call) else None


def _is_image(call: Call) -> bool:
    """False where Keras raises."""
    if len(shape_of(call)) in (3, 4):
        return True
    refuse("{} takes an image or a batch of them, of rank 3 or 4; it receives {}", short(call.kind), shape_of(call))
    return False


def _perspective_specs(call: Call) -> Specs:
    points = [spec.shape or () for spec in call.operands[1:]]
    if len(points) != 2 or points[0] != points[1] or len(points[0]) not in (2, 3) or points[0][-2:] != (4, 2):
        return None
    return _image_specs(call)


def _colour_specs(call: Call) -> Specs:
    """Of three channels."""
    shape, floats = shape_of(call), call.operands[0].dtype.startswith(("float", "bfloat"))
    if not floats or not _is_image(call):
        return None
    channels = shape[-3 if _format(call) == "channels_first" else -1]
    if channels is None or channels == 3:
        return one(call, shape)
    return refuse("{} takes 3 channels; it receives {}", short(call.kind), channels)


def _edges_specs(call: Call) -> Specs:
    return one(call, (*shape_of(call), 2)) if len(shape_of(call)) == 4 else None


FRAMED = Knowledge(specs=_framed_specs, kept=_framed_kept)
ADAPTIVE = Knowledge(specs=_adaptive_specs, kept=keeps_batch)
SAME = Knowledge(specs=_image_specs, kept=keeps_all)
COLOUR = Knowledge(specs=_colour_specs, kept=keeps_all)

KINDS = {
    "ops.image.extract_patches": Knowledge(specs=_patches_specs),
    "ops.unfold": Knowledge(specs=_unfold_specs, kept=keeps_batch),
    "ops.fold": Knowledge(specs=_fold_specs, kept=keeps_batch),
    "ops.adaptive_average_pool": ADAPTIVE,
    "ops.adaptive_max_pool": ADAPTIVE,
    "ops.image.crop_images": FRAMED,
    "ops.image.pad_images": FRAMED,
    "ops.image.affine_transform": SAME,
    "ops.image.elastic_transform": SAME,
    "ops.image.gaussian_blur": SAME,
    "ops.image.hsv_to_rgb": COLOUR,
    "ops.image.rgb_to_hsv": COLOUR,
    "ops.image.perspective_transform": Knowledge(specs=_perspective_specs, kept=keeps_all),
    "ops.image.sobel_edges": Knowledge(specs=_edges_specs),
}
