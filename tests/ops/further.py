"""More random calls, of kinds that the tests against Keras' record try one by one: layers and operations."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from kgraph.ops.images import KEEPING_DTYPE, SAME
from tests.ops.agreement import example
from tests.ops.test_features import NEEDED
from tests.ops.test_layers import DTYPES, Example, common, image, layer, load, shape_of
from tests.ops.test_moving import axis_of, op, sized
from tests.ops.test_operations import axes_of
from tests.ops.test_recurrent import made

OPEN = (None, None, 1, 2, 3, 4, 6)


def split(random: Random) -> Example:
    shape = shape_of(random, (1, 2, 3), (None, None, 4, 6, 7))
    axis, dtype = axis_of(random, shape), random.choice(DTYPES)
    if random.random() < 0.4:
        count = random.choice((1, 2, 3, 5))
        return (lambda x: op("array_split")(x, count, axis=axis)), [(shape, dtype)]
    sections = random.choice((1, 2, 3, [1], [1, 3], (2, 2), [0, 4]))
    return (lambda x: op("split")(x, sections, axis=axis)), [(shape, dtype)]


def reshape(random: Random) -> Example:
    shape = random.choice(
        ((None, 6), (4, 6), (None, 2, 3), (2, None, 4), (24,), (None,), (), (None, None, 3), (None, 4, None, 2))
    )
    target = random.choice(
        ((-1, 6), (24,), (4, 6), (2, -1, 3), (-1,), (6, 4), (2, 3, 4), (1, -1, 1), (), (-1, 1), (3, 8), (-1, 2, 2))
    )
    return (lambda x: op("reshape")(x, target)), [(shape, random.choice(DTYPES))]


def layer_reshape(random: Random) -> Example:
    shape = (
        random.choice((None, 4)),
        *random.choice(((6,), (None, 3), (None, None, 2), (6, None), (2, 3, 4), (None,))),
    )
    target = random.choice(((6,), (3, 2), (-1,), (2, -1), (-1, 3), (1, -1, 1), (24,), (4, 6), (-1, 2, 2), (2, 2, -1)))
    return (lambda x: layer("Reshape", target_shape=target)(x)), [(shape, "float32")]


def subscript(random: Random) -> Example:
    shape = random.choice(((None, 4, 5), (2, None), (None, None, 3), (6,), (None, 7, None, 2)))
    bounds: tuple[Any, ...] = (None, None, 0, 1, 2, 3, 5, -1, -2, -4)
    parts: list[Any] = []
    for _ in range(random.randrange(1, len(shape) + 1)):
        step = random.choice((None, None, None, 1, 2, 3, -1, -2))
        parts.append(random.choice((slice(random.choice(bounds), random.choice(bounds), step), 0, -1, 2, slice(None))))
    if random.random() < 0.5:
        parts.insert(random.randrange(len(parts) + 1), ...)
    if random.random() < 0.3:
        parts.insert(random.randrange(len(parts) + 1), None)
    key = tuple(parts)
    return (lambda x: x[key]), [(shape, "float32")]


def squeeze(random: Random) -> Example:
    shape = tuple(random.choice((1, 1, 1, 2, None)) for _ in range(random.choice((1, 2, 3))))
    axis = axes_of(random, len(shape), none=False)
    return (lambda x: op("squeeze")(x, axis)), [(shape, "float32")]


def join(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    axis, name = random.randrange(rank) - random.choice((0, rank)), random.choice(("concatenate", "stack"))
    full = [random.choice((2, 3)) for _ in range(rank)]
    specs = [
        (tuple(random.choice((size, size, None)) if i != axis % rank or name == "stack" else random.choice(OPEN)
               for i, size in enumerate(full)), "float32")
        for _ in range(random.choice((1, 2, 3)))
    ]  # fmt: skip
    return (lambda *xs: op(name)(list(xs), axis=axis)), specs


def merge(random: Random) -> Example:
    name = random.choice(("add", "multiply", "maximum", "less", "logical_and", "where", "divide"))
    rank = random.choice((1, 2, 3))
    full = [random.choice((2, 3)) for _ in range(rank)]
    specs: list[Any] = []
    for _ in range(3 if name == "where" else 2):
        own = full[random.choice((0, 0, 0, random.randrange(rank))) :]
        specs.append((tuple(random.choice((size, size, 1, None)) for size in own), "float32"))
    if name == "where":
        specs[0] = (specs[0][0], "bool")
    return op(name), specs


def image_operation(random: Random) -> Example:
    data_format = random.choice((None, "channels_last", "channels_first"))
    shape = random.choice(((None, 8, None, 3), (None, None, 3), (8, None, 1), (None, 3, 4, 8)))
    if random.random() < 0.5:
        size = random.choice(((4, 5), (1, 1), (9, 2)))
        return (lambda x: op("image.resize")(x, size, data_format=data_format)), [(shape,)]
    return (lambda x: op("image.rgb_to_grayscale")(x, data_format=data_format)), [(shape,)]


def blocks(random: Random) -> Example:
    name, block = random.choice(("depth_to_space", "space_to_depth")), random.choice((1, 2, 3))
    shape = (None, *(random.choice((None, None, 6, 9)) for _ in range(2)), random.choice((4, 8, 9, 18)))
    return (lambda x: op(name)(x, block)), [(shape,)]


def vectors(random: Random) -> Example:
    """Products of few axes, open ones among those that are summed."""
    left = tuple(random.choice((3, 3, None)) for _ in range(random.choice((1, 2, 2, 3, 4))))
    right = tuple(random.choice((3, 3, None)) for _ in range(random.choice((1, 2, 2, 3))))
    name = random.choice(("matmul", "dot"))
    return op(name), [(left,), (right,)]


def einsum(random: Random) -> Example:
    equation, *shapes = random.choice((
        ("abc,cd->abd", (None, None, 4), (4, 5)), ("bqhd,bkhd->bhqk", (None, None, 2, 4), (None, None, 2, 4)),
        ("ij,ij->ij", (None, 3), (None, None)), ("abc->ca", (None, None, 4)), ("ij,j->ij", (None, None), (None,)),
        ("aij,ajk->aik", (None, None, None), (None, None, None)),
    ))  # fmt: skip
    return (lambda *xs: op("einsum")(equation, *xs)), [(shape,) for shape in shapes]


def heads(random: Random) -> Example:
    width = random.choice((8, 8, None))
    query, key = (None, None, 2, width), (None, None, random.choice((2, 1)), width)
    value = random.choice((key, (None, None, 2, 8), (None, None, 2, 5)))
    return (lambda q, k, v: op("dot_product_attention")(q, k, v)), [(query,), (key,), (value,)]


def augmentation(random: Random) -> Example:
    kind = random.choice((*SAME, *KEEPING_DTYPE))
    shape = random.choice(((None, None, None, 3), (None, 9, None, 3)))
    return example(lambda: made(kind, **NEEDED.get(kind, {})), (shape, random.choice(("float32", "uint8"))))


def sizing(random: Random) -> Example:
    kind = random.choice(("CenterCrop", "RandomCrop", "Resizing"))
    data_format = random.choice(("channels_last", "channels_first"))
    options: dict[str, Any] = {
        "height": random.choice((1, 4)),
        "width": random.choice((2, 5)),
        "data_format": data_format,
    }
    if kind == "Resizing":
        options |= random.choice(({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}))
    shape = image(random, 2, data_format, 3)[random.choice((0, 0, 1)) :]
    return example(lambda: made(kind, **options), (shape, "float32"))


def categories(random: Random) -> Example:
    mode = random.choice(("int", "one_hot", "multi_hot", "count"))
    shape = random.choice(((None,), (None, None), (None, 1), (None, 3), (None, 2, None)))
    kind, options, dtype = random.choice((
        ("Discretization", {"bin_boundaries": [1.0, 2.0]}, "float32"), ("Discretization", {"num_bins": 4}, "float32"),
        ("Hashing", {"num_bins": 4}, "string"), ("StringLookup", {"vocabulary": ["a", "b"]}, "string"),
        ("IntegerLookup", {"vocabulary": [3, 4]}, "int64"), ("CategoryEncoding", {"num_tokens": 4}, "int32"),
    ))  # fmt: skip
    return example(lambda: made(kind, **options, output_mode=mode), (shape, dtype))


def crossing(random: Random) -> Example:
    options: dict[str, Any] = {"num_bins": 4, "output_mode": random.choice(("int", "one_hot"))}
    shapes = [random.choice(((None,), (None, None), (None, 1), (None, 3))) for _ in range(2)]
    return example(lambda: made("HashedCrossing", **options), *((shape, "string") for shape in shapes), listed=True)


def text(random: Random) -> Example:
    options = random.choice(({}, {"output_sequence_length": 7}, {"split": None}, {"output_mode": "multi_hot"}))
    shape = random.choice(((None,), (None, 1), (None, None)))
    return example(lambda: made("TextVectorization", vocabulary=["a"], **options), (shape, "string"))


def statistics(random: Random) -> Example:
    axis = random.choice((-1, 1, (1, 2), None))
    shape = random.choice(((None, 5, 3), (None, None, 3)))
    return example(lambda: made("Normalization", axis=axis), (shape,))


def spectrogram(random: Random) -> Example:
    options = {"sequence_stride": random.choice((1, 3, 100)), "num_mel_bins": 9, "fft_length": random.choice((16, 64))}
    return example(lambda: made("MelSpectrogram", **options), (random.choice(((None, None), (None,), (None, 16))),))


def einsum_layer(random: Random) -> Example:
    equation, written, shape = random.choice((
        ("ab,bc->ac", 6, (None, 3)), ("abc,cd->abd", (None, 6), (None, None, 3)), ("abc,cde->abde", (None, 2, 6), (None, None, 3)),
        ("...x,xy->...y", 6, (None, None, 3)), ("ab...,bc->ac...", (6,), (None, 3, None)), ("abc,bd->adc", (6, None), (None, 4, None)),
        ("abcd,cde->abe", (None, 6), (None, None, 2, 3)), ("abc,cd->abd", (5, 6), (None, None, 3)),
    ))  # fmt: skip
    options: dict[str, Any] = {"equation": equation, "output_shape": written}
    if random.random() < 0.5:
        options["bias_axes"] = equation.partition("->")[2].replace(".", "")[-1]
    return example(lambda: made("EinsumDense", **options), (shape,))


def embedding(random: Random) -> Example:
    options: dict[str, Any] = {"input_dim": 5, "output_dim": 4, "tie_weights": random.choice((True, False))}
    if random.random() < 0.5:
        return example(lambda: made("ReversibleEmbedding", **options), ((None, None), "int32"))
    return example(lambda: made("ReversibleEmbedding", **options), ((None, None, 4),), reverse=True)


def rectifier(random: Random) -> Example:
    shared = random.choice((None, [1], [1, 2], [2]))
    shape = random.choice(((None, None, 3), (None, 5, 3), (None, None, None, 3)))
    return example(lambda: made("PReLU", shared_axes=shared), (shape,))


def normalization(random: Random) -> Example:
    kind = random.choice(
        ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization")
    )
    shape = (None, *random.choice(((None,), (None, None), (3,), ()))[:2], random.choice((4, 6, 6)))
    axis = random.choice((-1, -1, len(shape) - 1, 1))
    options: dict[str, Any] = {"axis": axis}
    if kind == "GroupNormalization":
        options["groups"] = random.choice((1, 2, 3))
    return example(lambda: made(kind, **options), (shape,))


def dropout(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    shape = image(random, rank, "channels_last", 3)
    return example(lambda: made(f"SpatialDropout{rank}D", rate=0.5), (shape,))


def spectral(random: Random) -> Example:
    kind, config, shape = random.choice((
        ("Dense", {"units": 2}, (None, None, 3)), ("Conv2D", {"filters": 2, "kernel_size": 3}, (None, None, 9, 3)),
        ("Conv1DTranspose", {"filters": 2, "kernel_size": 3}, (None, None, 3)),
        ("DepthwiseConv2D", {"kernel_size": 3}, (None, None, None, 3)), ("Embedding", {"input_dim": 4, "output_dim": 2}, (None, None)),
    ))  # fmt: skip
    return example(lambda: made("SpectralNormalization", layer=made(kind, **config)), (shape,))


def cell_step(random: Random) -> Example:
    kind, count = random.choice((("SimpleRNNCell", 1), ("GRUCell", 1), ("LSTMCell", 2)))
    width = random.choice((3, 3, 3, 1))
    states = [((random.choice((None, None, 1)), width),) for _ in range(count)]
    return (lambda x, *given: made(kind, units=3)(x, list(given))), [((None, random.choice((4, 4, None))),), *states]


def pipeline(random: Random) -> Example:
    layers = random.sample(("CenterCrop", "RandomFlip", "Rescaling", "Resizing"), random.choice((1, 2, 3)))
    options: dict[str, Any] = {"height": random.choice((3, 5)), "width": 4}
    configs = {"CenterCrop": options, "Resizing": options, "Rescaling": {"scale": 0.5}}
    make = [lambda kind=kind: made(kind, **configs.get(kind, {})) for kind in layers]
    return (lambda x: made("Pipeline", layers=[each() for each in make])(x)), [
        ((None, None, random.choice((None, 8)), 3),)
    ]


def kept_dtype(random: Random) -> Example:
    name = random.choice(("isnan", "isinf", "isfinite", "logical_not", "relu", "softmax", "cast"))
    call: Callable[..., Any] = (lambda x: op("cast")(x, "float16")) if name == "cast" else (lambda x: op(name)(x))
    return call, [sized(random)]


def softmax(random: Random) -> Example:
    shape, options = shape_of(random, (2, 3, 4)), common(random)
    axis = axis_of(random, shape)
    return (lambda x: layer("Softmax", axis=axis, **options)(x)), [(shape, "float32")]


def take_several(random: Random) -> Example:
    shape = shape_of(random, (2, 3))
    axis, indices = axis_of(random, shape, none=True), random.choice(((None,), (None, 3), (), (2,)))
    return (lambda x, i: op("take")(x, i, axis=axis)), [(shape,), (indices, "int32")]


def arrays(random: Random) -> Example:
    np = load("numpy")
    array = np.ones(random.choice(((2, 3), (4, 3))), "float32")
    name = random.choice(("concatenate", "matmul", "add"))
    if name == "concatenate":
        return (lambda x: op(name)([x, x], axis=0)), [((None, 3),)]
    return (lambda x: op(name)(x, array)), [((None, random.choice((None, 3, 4))),)]


FAMILIES = (
    split, reshape, layer_reshape, subscript, squeeze, join, merge, image_operation, blocks, vectors, einsum, heads,
    augmentation, sizing, categories, crossing, text, statistics, spectrogram, einsum_layer, embedding, rectifier,
    normalization, cell_step, pipeline, dropout, spectral, kept_dtype, softmax, take_several, arrays,
)  # fmt: skip
