"""Random calls of operations that arrange, transform, cut and solve."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.ops.test_layers import Example, image, per_axis, shape_of
from tests.ops.test_moving import axis_of, op
from tests.ops.test_operations import axes_of

OPEN = (None, None, 1, 2, 3, 4, 6)


def tensor(random: Random, *ranks: int) -> Any:
    return tuple(random.choice(OPEN) for _ in range(random.choice(ranks)))


def diagonals(random: Random) -> Example:
    name, offset = random.choice(("diag", "diagflat", "diagonal", "trace")), random.choice((0, 0, 1, -2))
    if name == "diag":
        return (lambda x: op(name)(x, k=offset)), [(tensor(random, 1, 2),)]
    if name == "diagflat":
        return (lambda x: op(name)(x, k=offset)), [(tensor(random, 1, 2),)]
    axes = random.choice(({}, {"axis1": -1, "axis2": 0}))
    return (lambda x: op(name)(x, offset=offset, **axes)), [(tensor(random, 2, 3),)]


def along_one_axis(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    axis = axis_of(random, shape)
    name = random.choice(("diff", "glu", "trapezoid", "normalize", "argpartition", "nancumsum", "nancumprod"))
    options: dict[str, Any] = {"axis": axis}
    if name == "diff":
        options["n"] = random.choice((0, 1, 2))
    if name == "argpartition":
        options["kth"] = 0
    return (lambda x: op(name)(x, **options)), [(shape,)]


def quantities(random: Random) -> Example:
    shape = tensor(random, 2, 3)
    name = random.choice(("quantile", "percentile", "nanquantile", "nanpercentile", "moments"))
    axis, keepdims = axes_of(random, len(shape), none=name != "moments"), random.choice((True, False))
    if name == "moments":
        axes = axis if isinstance(axis, (tuple, list)) else (axis,)
        return (lambda x: op(name)(x, axes=axes, keepdims=keepdims)), [(shape,)]
    return (lambda x: op(name)(x, 0.5, axis=axis, keepdims=keepdims)), [(shape,)]


def not_a_number(random: Random) -> Example:
    shape = tensor(random, 2, 3)
    names = ("argmax", "argmin", "max", "mean", "median", "min", "prod", "std", "sum", "var")
    name = random.choice((*(f"nan{name}" for name in names), "ptp"))
    axis = axis_of(random, shape, none=True) if "arg" in name else axes_of(random, len(shape))
    return (lambda x: op(name)(x, axis=axis, keepdims=True)), [(shape, random.choice(("float32", "int32")))]


def turned(random: Random) -> Example:
    shape = tensor(random, 1, 2, 3)
    name = random.choice(("rot90", "fliplr", "flipud", "vander"))
    if name == "rot90":
        turns = random.choice((1, 1, 3, 2))
        return (lambda x: op(name)(x, k=turns)), [(shape,)]
    if name == "vander":
        options: dict[str, Any] = random.choice(({}, {"N": 3}))
        return (lambda x: op(name)(x, **options)), [(shape[:1],)]
    return (lambda x: op(name)(x)), [(shape,)]


def append(random: Random) -> Example:
    shape = tuple(random.choice((2, 3, None)) for _ in range(random.choice((1, 2))))
    axis = axis_of(random, shape, none=True)
    other = tuple(random.choice((size, size, None, 3)) for size in shape)
    return (lambda x, y: op("append")(x, y, axis=axis)), [(shape,), (other,)]


def stacks(random: Random) -> Example:
    name, rank = random.choice(("vstack", "hstack", "dstack")), random.choice((1, 2, 2, 3))
    full = [random.choice((2, 3)) for _ in range(rank)]
    shapes = [tuple(random.choice((size, size, None)) for size in full) for _ in range(random.choice((1, 2, 3)))]
    return (lambda *xs: op(name)(list(xs))), [(shape,) for shape in shapes]


def named_splits(random: Random) -> Example:
    name, sections = random.choice(("vsplit", "hsplit", "dsplit")), random.choice((1, 2, 3, [1], [1, 3]))
    return (lambda x: op(name)(x, sections)), [(tensor(random, 1, 2, 3),)]


def two(random: Random) -> Example:
    name = random.choice(("inner", "outer", "kron", "vdot", "cdist"))
    ranks = (2, 3) if name in ("cdist", "kron") else (1, 2)
    shapes = [tuple(random.choice((3, 3, 2, None)) for _ in range(random.choice(ranks))) for _ in range(2)]
    return op(name), [(shape,) for shape in shapes]


def grids(random: Random) -> Example:
    indexing = random.choice(("xy", "ij"))
    shapes = [tensor(random, 0, 1, 1) for _ in range(random.choice((2, 3)))]
    return (lambda *xs: op("meshgrid")(*xs, indexing=indexing)), [(shape,) for shape in shapes]


def parts(random: Random) -> Example:
    shape = tensor(random, 2)
    starts, sizes = random.choice(((0, 0), (1, 0), (1, 2))), random.choice(((1, 1), (2, -1), (-1, -1)))
    if random.random() < 0.6:
        return (lambda x: op("slice")(x, starts, sizes)), [(shape,)]
    return (lambda x, u: op("slice_update")(x, starts, u)), [(shape,), ((1, 1),)]


def scattered(random: Random) -> Example:
    if random.random() < 0.5:
        return (lambda i, v: op("scatter")(i, v, (4, 3))), [((None, 1), "int32"), ((None, 3),)]
    return op("scatter_update"), [((4, None),), ((None, 1), "int32"), ((None, 3),)]


def norms(random: Random) -> Example:
    shape = tensor(random, 2, 3)
    name = random.choice(("layer_normalization", "rms_normalization", "batch_normalization"))
    if name != "batch_normalization":
        return (lambda x: op(name)(x)), [(shape,)]
    axis = axis_of(random, shape)
    lengths = [random.choice((shape[axis], shape[axis], 3)) for _ in range(2)]
    return (lambda x, m, v: op(name)(x, m, v, axis)), [(shape,), *(((length,),) for length in lengths)]


def matrices(random: Random) -> Example:
    shape = (*tensor(random, 0, 1), *(random.choice(((3, 3), (None, 3), (None, None), (2, 3)))))
    names = (
        "cholesky",
        "cholesky_inverse",
        "inv",
        "det",
        "logdet",
        "eig",
        "eigh",
        "lu_factor",
        "qr",
        "svd",
        "pinv",
        "matrix_rank",
    )
    name = random.choice(names)
    options: dict[str, Any] = {}
    if name == "qr":
        options = {"mode": random.choice(("reduced", "complete"))}
    if name == "svd":
        options = {"full_matrices": random.choice((True, False)), "compute_uv": random.choice((True, False))}
    return (lambda x: op(name)(x, **options)), [(shape,)]


def equations(random: Random) -> Example:
    batch = tensor(random, 0, 1)
    left = (*batch, 3, 3)
    right = random.choice(((*batch, 3), (*batch, 3, 2), (*batch, None, 2), (3,), (*batch, 1, 3, 2)))
    return op(random.choice(("solve", "solve_triangular"))), [(left,), (right,)]


def signals(random: Random) -> Example:
    shape = (*tensor(random, 1, 2), random.choice((None, None, 8, 9)))
    name = random.choice(("rfft", "irfft", "fft", "fft2", "ifft2", "extract_sequences", "stft"))
    if name == "extract_sequences":
        return (lambda x: op(name)(x, 3, 2)), [(shape,)]
    if name == "stft":
        center = random.choice((True, False))
        return (lambda x: op(name)(x, 4, 2, 8, center=center)), [(shape,)]
    options: dict[str, Any] = random.choice(({}, {"fft_length": 6})) if name in ("rfft", "irfft") else {}
    if name == "rfft":
        return (lambda x: op(name)(x, **options)), [(shape,)]
    return (lambda x, y: op(name)((x, y), **options)), [(shape,), (shape,)]


def lookups(random: Random) -> Example:
    name = random.choice(("view_as_real", "in_top_k", "searchsorted", "image.map_coordinates"))
    if name == "view_as_real":
        return (lambda x: op(name)(x)), [(tensor(random, 1, 2),)]
    if name == "in_top_k":
        return (lambda t, p: op(name)(t, p, 2)), [((None,), "int32"), ((None, 4),)]
    if name == "searchsorted":
        return op(name), [((random.choice((4, None)),),), (tensor(random, 1, 2),)]
    return (lambda x, c: op(name)(x, c, order=1)), [
        (tensor(random, 2),),
        ((random.choice((2, 2, None)), *tensor(random, 1, 2)),),
    ]


def patches(random: Random) -> Example:
    rank = random.choice((2, 2, 3))
    data_format = random.choice(("channels_last", "channels_first"))
    size = (random.choice((1, 2, 3)), *(2 for _ in range(rank - 1)))
    options: dict[str, Any] = {"padding": random.choice(("valid", "same")), "data_format": data_format}
    options["strides"] = random.choice((None, 1, 2))
    shape = image(random, rank, data_format, 3)[random.choice((0, 0, 1)) :]
    return (lambda x: op("image.extract_patches")(x, size, **options)), [(shape,)]


def folds(random: Random) -> Example:
    size, options = random.choice((1, 2, (2, 3))), {"stride": random.choice((1, 2)), "padding": random.choice((0, 1))}
    if random.random() < 0.6:
        shape = (None, 3, random.choice((8, 9)), random.choice((8, 5)))
        return (lambda x: op("unfold")(x, size, **options)), [(shape,)]
    return (lambda x: op("fold")(x, 6, size, **options)), [((None, random.choice((12, None)), None),)]


def adaptive(random: Random) -> Example:
    rank, data_format = random.choice((1, 2, 3)), random.choice(("channels_last", "channels_first"))
    size = per_axis(random, rank, (1, 2))
    name = random.choice(("adaptive_average_pool", "adaptive_max_pool"))
    return (lambda x: op(name)(x, size, data_format=data_format)), [(image(random, rank, data_format, 3),)]


def framed(random: Random) -> Example:
    data_format = random.choice(("channels_last", "channels_first"))
    what = random.choice(("crop", "pad"))
    word = {"crop": "cropping", "pad": "padding"}[what]
    names = {"height": ("top", "bottom"), "width": ("left", "right")}
    options: dict[str, Any] = {}
    for name, sides in names.items():
        both = {f"{side}_{word}": random.choice((0, 1, 2)) for side in sides}
        both[f"target_{name}"] = random.choice((4, 6, 9))
        both.pop(random.choice(list(both)))
        options |= both
    shape = image(random, 2, data_format, 3, (None, None, 5, 8))[random.choice((0, 0, 1)) :]
    return (lambda x: op(f"image.{what}_images")(x, **options, data_format=data_format)), [(shape,)]


def same_images(random: Random) -> Example:
    name = random.choice(
        ("affine_transform", "elastic_transform", "gaussian_blur", "hsv_to_rgb", "rgb_to_hsv", "sobel_edges")
    )
    shape = (*tensor(random, 0, 1), None, random.choice((None, 8)), random.choice((3, 3, 3, None)))
    if name == "affine_transform":
        return (lambda x, t: op(f"image.{name}")(x, t)), [(shape,), (random.choice(((8,), (None, 8))),)]
    return (lambda x: op(f"image.{name}")(x)), [(shape,)]


def likes(random: Random) -> Example:
    name = random.choice(("empty_like", "full_like", "copy", "threshold", "signbit", "isreal"))
    options: dict[str, Any] = {
        "full_like": {"fill_value": 2},
        "threshold": {"threshold": 1.0, "default_value": 0.0},
    }.get(name, {})
    return (lambda x: op(name)(x, **options)), [(shape_of(random, (1, 2, 3)),)]


FAMILIES: tuple[Callable[[Random], Example], ...] = (
    diagonals, along_one_axis, quantities, not_a_number, turned, append, stacks, named_splits, two, grids, parts, scattered,
    norms, matrices, equations, signals, lookups, patches, folds, adaptive, framed, same_images, likes,
)  # fmt: skip
