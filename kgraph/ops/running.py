"""What Keras builds and cannot run: calls whose operands must fit each other in ways that it looks at only then.

Tried on the TensorFlow backend, as everything is that is known of a run: ``tests/ops/test_running.py`` has each of
these calls built and run. An extent that is not known (None) is taken to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kgraph.graph import Constant, Object, Slot
from kgraph.ops import fields
from kgraph.ops.base import Call, as_axes, is_ints, repeat, shape_of
from kgraph.ops.extents import Extent, product, window
from kgraph.ops.fitting import Answer, Shape, constant, every, operands, same, unless_stretched, up_to
from kgraph.ops.moving import pad_widths
from kgraph.ops.running_attention import dotted_attention, headed_attention, listed_attention

# --- products -----------------------------------------------------------------------------------------------------


def _same_batch(call: Call) -> Answer:
    left, right = (spec.shape or (None,) for spec in call.operands)
    return same(left[0], right[0])


def _vectors(call: Call) -> Answer:
    shapes = operands(call, "x1", "x2")
    if shapes is None:
        return None
    return same(shapes[0][0], shapes[1][0]) if list(map(len, shapes)) == [1, 1] else True


def _flat_product(call: Call) -> Answer:
    shapes = operands(call, "x1", "x2")
    return None if shapes is None else same(product(shapes[0]), product(shapes[1]))


def _tensordot(call: Call) -> Answer:
    """Over the last axes of one and the first of the other, which TensorFlow makes one axis each before it looks."""
    shapes, axes = operands(call, "x1", "x2"), call.argument("axes")
    if shapes is None:
        return None
    if not fields.is_int(axes, 1):
        return True
    return same(product(shapes[0][len(shapes[0]) - axes :]), product(shapes[1][:axes]))


def _einsum(call: Call) -> Answer:
    """Labels that are summed must be equal; of others, some orders of four axes stretch 1."""
    read, _, written = str(call.argument("subscripts")).replace(" ", "").partition("->")
    given: tuple[Any, ...] = call.arguments.get("*operands") or ()
    terms = read.split(",")
    if len(terms) != len(given):
        return None
    stretch = min(map(len, terms)) > 3
    answers: list[Answer] = []
    first: dict[str, Extent] = {}
    for term, item in zip(terms, given, strict=True):
        shape = call.operands[item.index].shape if isinstance(item, Slot) else constant(item)
        if shape is None or len(shape) != len(term):
            return None
        for label, extent in zip(term, shape, strict=True):
            met = first.setdefault(label, extent)
            answers.append(unless_stretched(met, extent) if stretch and label in written else same(met, extent))
    return every(answers)


# --- parts and places ---------------------------------------------------------------------------------------------


def _take(call: Call) -> Answer:
    places, axis, shape = _places(call.argument("indices")), call.argument("axis"), shape_of(call)
    axes = None if axis is None else as_axes(axis, len(shape))
    extent = product(shape) if axis is None else shape[axes[0]] if axes else None
    if places is None or extent is None:
        return True  # what numbers decide no size does
    return up_to(1 + max(places), extent) and up_to(-min(places), extent)


def _places(indices: Any) -> tuple[int, ...] | None:
    """The indices that are written out."""
    values = indices.values if isinstance(indices, Constant) else indices
    flat = _flat(values)
    return flat if flat and is_ints(flat) else None


def _flat(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, tuple):
        return (values,)
    return tuple(item for each in values for item in _flat(each))  # pyright: ignore


def _slice(call: Call) -> Answer:
    starts, sizes = call.argument("start_indices"), call.argument("shape")
    if not is_ints(starts) or not is_ints(sizes):
        return None
    rows = zip(starts, sizes, shape_of(call), strict=False)
    return every(up_to(start + size, extent) for start, size, extent in rows if size >= 0)


def _slice_update(call: Call) -> Answer:
    shapes = operands(call, "inputs", "updates")
    if shapes is None or len(shapes[0]) != len(shapes[1]):
        return None
    return every(map(up_to, shapes[1], shapes[0]))


def _scatter(call: Call) -> Answer:
    shapes, target = operands(call, "indices", "values"), call.argument("shape")
    return None if shapes is None or not isinstance(target, tuple) else _scattered(*shapes, target)  # pyright: ignore


def _scatter_update(call: Call) -> Answer:
    shapes = operands(call, "inputs", "indices", "updates")
    return None if shapes is None else _scattered(shapes[1], shapes[2], shapes[0])


def _scattered(indices: Shape, values: Shape, target: Shape) -> Answer:
    """One value, or one part, for each row of indices."""
    if not indices or type(indices[-1]) is not int:
        return None
    expected = (*indices[:-1], *target[indices[-1] :])
    if indices[-1] > len(target) or len(expected) != len(values):
        return False
    return every(map(same, values, expected))


def _top(call: Call) -> Answer:
    return up_to(call.argument("k"), shape_of(call)[-1])


def _in_top(call: Call) -> Answer:
    shapes = operands(call, "targets", "predictions")
    if shapes is None:
        return None
    return list(map(len, shapes)) == [1, 2] and same(shapes[0][0], shapes[1][0])


def _pad(call: Call) -> Answer:
    """What is mirrored must be there; ``reflect`` leaves the edge out."""
    widths, mode = pad_widths(call), call.argument("mode")
    if mode == "constant":
        return True
    if widths is None or mode not in ("reflect", "symmetric"):
        return None
    edge = int(mode == "reflect")
    return every(
        up_to(max(pair) + edge, extent) for pair, extent in zip(widths, shape_of(call), strict=True) if max(pair)
    )


def _kron(call: Call) -> Answer:
    """TensorFlow multiplies few axes at once."""
    return True if all(len(spec.shape or ()) < 3 for spec in call.operands) else None


def _sobel(call: Call) -> Answer:
    """One row and column are mirrored at the edges."""
    return every(up_to(2, extent) for extent in _sides(call))


def _equalized(call: Call) -> Answer:
    """What tiles lack of a whole one is mirrored."""
    grid, sides = call.config.get("tile_grid_size"), _sides(call)
    if not is_ints(grid) or len(grid) != len(sides) or min(grid) < 1:
        return None
    return every(None if side is None else -side % tile <= side for side, tile in zip(sides, grid, strict=True))


def _affine(call: Call) -> Answer:
    """One transform for all images, or one for each."""
    shapes = operands(call, "images", "transform")
    if shapes is None or len(shapes[1]) != 2:
        return None if shapes is None else True
    count = shapes[1][0]
    return same(count, 1) or (len(shapes[0]) == 4 and same(count, shapes[0][0]))


def _separable(call: Call) -> Answer:
    """The second kernel is one position wide, and takes the channels that the first gives."""
    shapes = operands(call, "depthwise_kernel", "pointwise_kernel")
    if shapes is None or min(map(len, shapes)) < 2:
        return None
    first, second = shapes
    return every((same(product(first[-2:]), second[-2]), *(same(size, 1) for size in second[:-2])))


def _sides(call: Call) -> Shape:
    """Rows and columns."""
    shape = shape_of(call)
    return shape[-2:] if call.field("data_format") == "channels_first" else shape[-3:-1]


def _unstack(call: Call) -> Answer:
    axes, number = as_axes(call.argument("axis"), len(shape_of(call))), call.argument("num")
    return True if number is None or not axes else same(shape_of(call)[axes[0]], number)


def _broadcast(call: Call) -> Answer:
    shape, target = shape_of(call), call.argument("shape")
    if not fields.open_sizes("", target) or len(target) < len(shape):
        return False
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return every(same(extent, wanted) or extent == 1 for extent, wanted in pairs)


# --- matrices and sound -------------------------------------------------------------------------------------------


def _square(call: Call) -> Answer:
    return same(*shape_of(call)[-2:])


def _trace(call: Call) -> Answer:
    """Off the main diagonal, TensorFlow's mask is of another shape than some matrices that are not square."""
    axes = as_axes((call.argument("axis1"), call.argument("axis2")), len(shape_of(call)))
    if not call.argument("offset") or axes is None:
        return True
    return True if same(*(shape_of(call)[axis] for axis in axes)) else None


def _solve(call: Call) -> Answer:
    shapes = operands(call, "a", "b")
    if shapes is None:
        return None
    left, right = shapes
    if len(right) == len(left) - 1:
        return every((same(left[-1], right[-1]), *map(same, left[:-2], right[:-1])))
    if len(right) != len(left):
        return False
    return every((same(left[-1], right[-2]), *map(unless_stretched, left[:-2], right[:-2])))


def _mel(call: Call) -> Answer:
    """The sound is mirrored at its ends; and of some lengths one frame less comes out than was recorded."""
    length, stride, width = shape_of(call)[-1], call.config["sequence_stride"], call.config["fft_length"]
    if length is None:
        return True
    frames = (length + width // 2 * 2 - width) // stride + 1
    return every((width // 2 < length, True if frames == (length + stride + 1) // stride else None))


def _fold(call: Call) -> Answer:
    """As many columns as a kernel has places on the output."""
    names = ("output_size", "kernel_size", "dilation", "padding", "stride")
    options = [found for name in names if is_ints(found := repeat(call.argument(name), 2))]
    if len(options) < len(names):
        return None
    places = [
        window(size + 2 * padding, kernel, stride, dilation, "valid")
        for size, kernel, dilation, padding, stride in zip(*options, strict=False)
    ]
    return same(shape_of(call)[-1], product(places))


def _stft(call: Call) -> Answer:
    length, width = shape_of(call)[-1], call.argument("fft_length")
    return True if length is None or call.argument("center") is False else width // 2 < length


def _rescaling(call: Call) -> Answer:
    """A vector broadcasts, while Keras records the input's shape all the same (keras#21319)."""
    widths = [_width(call.config.get(key)) for key in ("scale", "offset")]
    if None in widths or not shape_of(call):
        return None
    return every(_widened(shape_of(call)[-1], width) for width in widths if width)


def _widened(extent: Extent, width: int) -> Answer:
    return None if extent is None or extent == 1 != width else width in (1, extent)


def _width(value: Any) -> int | None:
    """The length of a vector in a config, 0 for a number; None for anything else."""
    if isinstance(value, Object) and value.kind == "__numpy__":
        value = value.config.get("value")
    row = _flat(value)
    if (
        not row
        or (isinstance(value, tuple) and row != value)
        or not all(isinstance(item, (int, float)) for item in row)
    ):
        return None
    return len(row) if isinstance(value, tuple) else 0


def _text(call: Call) -> Answer:
    """Text that is split stands alone; Keras records an axis too many of one that has an axis of 1 to itself."""
    shape = shape_of(call)
    if call.config.get("split") is None or len(shape) == 1:
        return True
    if not shape or shape[-1] is None or shape[-1] != 1:
        return None if not shape or shape[-1] is None else False
    return True if len(shape) == 2 and call.config["output_mode"] == "int" else None


def _reversed_embedding(call: Call) -> Answer:
    return same(shape_of(call)[-1], call.config["output_dim"]) if call.argument("reverse") else True


RUNS: Mapping[str, Callable[[Call], Answer]] = {
    "layers.Attention": listed_attention,
    "layers.AdditiveAttention": listed_attention,
    "layers.MultiHeadAttention": headed_attention,
    "layers.GroupQueryAttention": headed_attention,
    "layers.ContrastLimitedAdaptiveHistogramEqualization": _equalized,
    "layers.Dot": _same_batch,
    "layers.HashedCrossing": _same_batch,
    "layers.MelSpectrogram": _mel,
    "layers.Rescaling": _rescaling,
    "layers.ReversibleEmbedding": _reversed_embedding,
    "layers.TextVectorization": _text,
    "ops.broadcast_to": _broadcast,
    "ops.dot": _vectors,
    "ops.dot_product_attention": dotted_attention,
    "ops.einsum": _einsum,
    "ops.fold": _fold,
    "ops.image.affine_transform": _affine,
    "ops.image.sobel_edges": _sobel,
    "ops.in_top_k": _in_top,
    "ops.kron": _kron,
    "ops.logdet": _square,
    "ops.pad": _pad,
    "ops.scatter": _scatter,
    "ops.scatter_update": _scatter_update,
    "ops.separable_conv": _separable,
    "ops.slice": _slice,
    "ops.slice_update": _slice_update,
    "ops.solve": _solve,
    "ops.solve_triangular": _solve,
    "ops.stft": _stft,
    "ops.take": _take,
    "ops.tensordot": _tensordot,
    "ops.top_k": _top,
    "ops.trace": _trace,
    "ops.unstack": _unstack,
    "ops.vdot": _flat_product,
}
