"""What is known of layers, against what Keras records of the same calls: never another spec, never other weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgraph.frontends import live
from kgraph.graph import Graph
from kgraph.ops import call_of, complete, infer_specs, infer_weights
from tests.ops import flavours

pytestmark = pytest.mark.keras

EXAMPLES = settings(max_examples=60)
Example = tuple[Callable[..., Any], list[Any]]
"""A call, and the shapes and dtypes of the tensors that it takes."""

RANDOM = st.randoms(use_true_random=False)
POLICIES = ("float32", "float32", "float16", "mixed_float16", "mixed_bfloat16")
SIZES = (None, 1, 2, 3, 5, 8, 13)


def load(name: str) -> Any:
    """A module of no types, imported only where a test runs; ``keras`` is that of the flavour."""
    return flavours.keras() if name == "keras" else importlib.import_module(name)


def layer(kind: str, **config: Any) -> Any:
    return getattr(load("keras").layers, kind)(name="layer", **config)


def recorded(call: Callable[..., Any], *inputs: tuple[Any, ...]) -> Graph:
    """The graph of one call on symbolic tensors of these shapes; a dtype may follow a shape."""
    keras = load("keras")
    tensors = [
        keras.Input(batch_shape=spec[0], dtype=(*spec, "float32")[1], name=f"x{i}") for i, spec in enumerate(inputs)
    ]
    try:
        outputs = call(*tensors)
    except ValueError:  # Keras refuses the call: what would be inferred is of no account
        assume(False)
        raise
    return live.read(keras.Function(tensors, outputs, name="function"))


def compare(graph: Graph, *, specs: bool = True, weights: bool = True) -> None:
    """Every call of the graph is inferred as Keras recorded it; without ``specs``, it may also be unknown."""
    for node, op in graph.ops.items():
        if op.is_input:
            continue
        call = call_of(op, graph.operand_specs(node))
        found = infer_specs(call)
        assert found == op.outputs or (found is None and not specs), (call, found, op.outputs)
        own = infer_weights(call) if op.layer else ()
        assert own == op.weights or (own is None and not weights), (call, own, op.weights)


def image(
    random: Random, rank: int, data_format: str, channels: int | None, sizes: tuple[int | None, ...] = SIZES
) -> Any:
    """A random image-like shape."""
    spatial = tuple(random.choice(sizes) for _ in range(rank))
    batch = random.choice((None, None, 1, 4))
    return (batch, *spatial, channels) if data_format == "channels_last" else (batch, channels, *spatial)


def per_axis(random: Random, rank: int, sizes: tuple[int, ...]) -> Any:
    """One int for all axes, or one an axis."""
    return random.choice(sizes) if random.random() < 0.5 else [random.choice(sizes) for _ in range(rank)]


def common(random: Random) -> dict[str, Any]:
    return {"dtype": random.choice(POLICIES), "trainable": random.choice((True, False))}


def window(random: Random, rank: int) -> dict[str, Any]:
    return {
        "strides": per_axis(random, rank, (1, 1, 2, 3)),
        "padding": random.choice(("valid", "same")),
        "data_format": random.choice(("channels_last", "channels_last", "channels_first")),
    }


def of(kind: str, **config: Any) -> Callable[..., Any]:
    """A function that makes the layer anew at each call of it."""
    return lambda *tensors: layer(kind, **config)(*tensors)


def convolution(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    options = {**window(random, rank), **common(random)}
    groups = random.choice((1, 1, 2, 3))
    if rank == 1:
        options["padding"] = random.choice(("valid", "same", "causal"))
        if options["padding"] == "causal":
            options["data_format"] = "channels_last"
    if random.random() < 0.4:
        options |= {"strides": 1, "dilation_rate": per_axis(random, rank, (1, 2, 3))}
    options |= {"filters": groups * random.choice((1, 2)), "kernel_size": per_axis(random, rank, (1, 2, 3))}
    options |= {"groups": groups, "use_bias": random.choice((True, False))}
    options |= {"activation": random.choice((None, "relu", "softmax"))}
    shape = image(random, rank, options["data_format"], groups * random.choice((1, 2)))
    return of(f"Conv{rank}D", **options), [(shape, random.choice(("float32", "float16", "int32")))]


def depthwise_convolution(random: Random) -> Example:
    rank = random.choice((1, 2))
    options = {**window(random, rank), **common(random)}
    if random.random() < 0.4:
        options |= {"strides": 1, "dilation_rate": per_axis(random, rank, (1, 2))}
    options |= {"kernel_size": per_axis(random, rank, (1, 2, 3)), "depth_multiplier": random.choice((1, 2, 3))}
    options |= {"use_bias": random.choice((True, False))}
    shape = image(random, rank, options["data_format"], random.choice((1, 3)))
    return of(f"DepthwiseConv{rank}D", **options), [(shape, "float32")]


def separable_convolution(random: Random) -> Example:
    rank = random.choice((1, 2))
    options: dict[str, Any] = {**window(random, rank), **common(random), "filters": random.choice((1, 4))}
    options["strides"] = random.choice((1, 1, 2))
    if random.random() < 0.4:
        options |= {"strides": 1, "dilation_rate": random.choice((1, 2))}
    options |= {"kernel_size": per_axis(random, rank, (1, 2, 3)), "depth_multiplier": random.choice((1, 2, 3))}
    options |= {"use_bias": random.choice((True, False))}
    shape = image(random, rank, options["data_format"], random.choice((1, 3)))
    return of(f"SeparableConv{rank}D", **options), [(shape, "float32")]


def pooling(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    options = {**window(random, rank), **common(random), "pool_size": per_axis(random, rank, (1, 2, 3))}
    if random.random() < 0.4:
        del options["strides"]
    shape = image(random, rank, options["data_format"], 3)
    what = random.choice(("Max", "Average"))
    return of(f"{what}Pooling{rank}D", **options), [(shape, random.choice(("float32", "bfloat16", "int32")))]


def global_pooling(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    what = random.choice(("Max", "Average"))
    data_format = random.choice(("channels_last", "channels_first"))
    options = {"keepdims": random.choice((True, False)), "data_format": data_format, **common(random)}
    shape = image(random, rank, data_format, random.choice((None, 3)))
    return of(f"Global{what}Pooling{rank}D", **options), [(shape, "float32")]


def pads(random: Random, rank: int, sizes: tuple[int, ...]) -> Any:
    """Every form in which padding and cropping may be given."""
    one, pair = random.choice(sizes), [random.choice(sizes), random.choice(sizes)]
    if rank == 1:
        return random.choice((one, pair, tuple(pair)))
    pairs = [[random.choice(sizes), random.choice(sizes)] for _ in range(rank)]
    return random.choice((one, [random.choice(sizes) for _ in range(rank)], pairs, tuple(map(tuple, pairs))))


def padding(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    name, key = random.choice((("ZeroPadding", "padding"), ("Cropping", "cropping")))
    options: dict[str, Any] = {key: pads(random, rank, (0, 0, 1, 2)), **common(random)}
    data_format = random.choice(("channels_last", "channels_first")) if rank > 1 else "channels_last"
    if rank > 1:
        options["data_format"] = data_format
    shape = image(random, rank, data_format, random.choice((None, 3)), (None, 5, 8, 13))
    return of(f"{name}{rank}D", **options), [(shape, random.choice(("float32", "int32")))]


def upsampling(random: Random) -> Example:
    rank = random.choice((1, 2, 3))
    options: dict[str, Any] = {"size": random.choice((1, 2, 3)) if rank == 1 else per_axis(random, rank, (1, 2, 3))}
    data_format = "channels_last" if rank == 1 else random.choice(("channels_last", "channels_first"))
    if rank > 1:
        options["data_format"] = data_format
    shape = image(random, rank, data_format, random.choice((None, 3)))
    return of(f"UpSampling{rank}D", **options, **common(random)), [(shape, "float32")]


def shape_of(random: Random, ranks: tuple[int, ...] = (1, 2, 3, 4, 5), sizes: tuple[int | None, ...] = SIZES) -> Any:
    """A random shape, its batch mostly open."""
    return (random.choice((None, None, 4, 1)), *(random.choice(sizes) for _ in range(random.choice(ranks) - 1)))


DTYPES = ("float32", "float32", "float16", "bfloat16", "int32", "bool", "uint8")


def flatten(random: Random) -> Example:
    options = {"data_format": random.choice((None, "channels_last", "channels_first")), **common(random)}
    return of("Flatten", **options), [(shape_of(random), random.choice(DTYPES))]


def reshape(random: Random) -> Example:
    shape = (random.choice((None, 4)), *random.choice(((6,), (2, 3), (2, 3, 4), (None, 3), (6, None), ())))
    target = random.choice(((6,), (3, 2), (-1,), (2, -1), (-1, 3), (1, -1, 1), (24,), (4, 6), (1,)))
    return of("Reshape", target_shape=target, **common(random)), [(shape, random.choice(DTYPES))]


def permute(random: Random) -> Example:
    shape = shape_of(random, (2, 3, 4))
    dims = random.sample(range(1, len(shape)), len(shape) - 1)
    return of("Permute", dims=dims, **common(random)), [(shape, random.choice(DTYPES))]


def repeat(random: Random) -> Example:
    call = of("RepeatVector", n=random.choice((1, 2, 3)), **common(random))
    return call, [(shape_of(random, (2,)), random.choice(DTYPES))]


SAME: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"},
    "ActivityRegularization": {"l2": 0.1},
    "AlphaDropout": {"rate": 0.5},
    "Dropout": {"rate": 0.5},
    "ELU": {},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "Identity": {},
    "LeakyReLU": {},
    "Masking": {},
    "ReLU": {"max_value": 6.0},
    "Softmax": {},
    "UnitNormalization": {},
    "Rescaling": {"scale": 0.5, "offset": 1.0},
}


def same(random: Random) -> Example:
    kind = random.choice(list(SAME))
    return of(kind, **SAME[kind], **common(random)), [(shape_of(random, (2, 3, 4)), random.choice(DTYPES))]


def dense(random: Random) -> Example:
    options = {"units": random.choice((1, 4)), "use_bias": random.choice((True, False)), **common(random)}
    shape = (*shape_of(random, (1, 2, 3)), random.choice((1, 3)))
    return of("Dense", **options), [(shape, random.choice(("float32", "float16", "int32")))]


def embedding(random: Random) -> Example:
    call = of("Embedding", input_dim=5, output_dim=random.choice((1, 4)), **common(random))
    return call, [(shape_of(random, (1, 2, 3)), random.choice(("int32", "float32", "uint8")))]


def normalization(random: Random) -> Example:
    shape = (None, *(random.choice((2, 4)) for _ in range(random.choice((1, 2, 3)))))
    axis = random.randrange(1, len(shape)) - random.choice((0, len(shape)))
    axes = random.choice((axis, [axis], list(range(1, len(shape)))))
    options = {"center": random.choice((True, False)), "scale": random.choice((True, False)), **common(random)}
    kind = random.choice(("BatchNormalization", "LayerNormalization", "RMSNormalization", "GroupNormalization"))
    if kind == "BatchNormalization":
        options |= {"axis": axis, "renorm": random.choice((True, False, False))}
    elif kind == "LayerNormalization":
        options["axis"] = axes
    elif kind == "RMSNormalization":
        options = {"axis": axes, **common(random)}
    else:
        options |= {"groups": random.choice((1, 2, -1)), "axis": axis}
    return of(kind, **options), [(shape, random.choice(("float32", "float16")))]


def broadcastable(random: Random, rank: int) -> list[Any]:
    """Two or three shapes that Keras may broadcast: open and fixed sizes, ones, and fewer axes."""
    full = [random.choice((2, 3, 5)) for _ in range(rank)]
    shapes: list[Any] = []
    for _ in range(random.choice((2, 2, 3))):
        own = full[random.choice((0, 0, 0, random.randrange(rank))) :]
        shapes.append(tuple(random.choice((size, size, 1, None)) for size in own))
    return shapes


def merge(random: Random) -> Example:
    kind = random.choice(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"))
    shapes = [(random.choice((None, None, 4)), *shape) for shape in broadcastable(random, random.choice((1, 2, 3)))]
    shapes = shapes[:2] if kind == "Subtract" else shapes
    specs = [(shape, random.choice(("float32", "float16", "int32"))) for shape in shapes]
    options = common(random)
    return lambda *tensors: layer(kind, **options)(list(tensors)), specs


def concatenate(random: Random) -> Example:
    rank = random.choice((2, 3, 4))
    axis = random.randrange(1, rank) - random.choice((0, rank))
    full = [random.choice((2, 3)) for _ in range(rank)]
    specs: list[Any] = []
    for _ in range(random.choice((1, 2, 3))):
        own = [random.choice((size, size, None)) for size in full]
        own[axis] = random.choice(SIZES)
        specs.append((tuple(own), random.choice(("float32", "int32"))))
    options = common(random)
    return lambda *tensors: layer("Concatenate", axis=axis, **options)(list(tensors)), specs


def slicing_lambda(random: Random) -> Example:
    functions = (lambda t: t[..., 1:3], lambda t: t[:, 0], lambda t: t[:, None, ::2], lambda t: t[..., -1:0:-1])
    shape = random.choice(((None, 4, 6), (2, None, 5)))
    return of("Lambda", function=random.choice(functions)), [(shape, random.choice(("float32", "int32", "float16")))]


FAMILIES: tuple[Callable[[Random], Example], ...] = (
    convolution, depthwise_convolution, separable_convolution, pooling, global_pooling, padding, upsampling, flatten, reshape, permute, repeat,
    same, dense, embedding, normalization, merge, concatenate, slicing_lambda,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("family", FAMILIES)
@given(random=RANDOM)
@settings(max_examples=80)
def test_specs_and_weights_are_those_of_keras(family: Callable[[Random], Example], random: Random) -> None:
    call, specs = family(random)
    compare(recorded(call, *specs))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_spatial_dropout(rank: int) -> None:
    compare(recorded(layer(f"SpatialDropout{rank}D", rate=0.5), ((None, *(5,) * rank, 3),)))


def test_layers_that_take_several_tensors() -> None:
    shape = ((None, 4, 3), "float32")
    compare(recorded(lambda x, y: layer("Identity")([x, y]), shape, ((None, 2), "int32")))
    compare(recorded(lambda x, m: layer("Softmax")(x, mask=m), shape, ((None, 4, 3), "bool")), specs=False)
    compare(recorded(lambda x, m: layer("BatchNormalization")(x, mask=m), shape, ((None, 4), "bool")))
    compare(recorded(lambda x, y: layer("Dropout", rate=0.5)([x, y]), shape, shape), specs=False)


def test_layers_that_were_changed_after_they_were_made() -> None:
    """Weights that a layer of its kind does not have by itself are never guessed."""
    for kind, config, shape in (
        ("Dense", {"units": 4}, (None, 3)),
        ("Conv2D", {"filters": 4, "kernel_size": 3}, (None, 8, 8, 3)),
        ("Embedding", {"input_dim": 5, "output_dim": 4}, (None, 3)),
    ):
        made = layer(kind, **config)
        recorded(made, (shape,))
        made.enable_lora(2)
        compare(recorded(made, (shape,)), weights=False)
    compare(recorded(layer("Dense", units=4, lora_rank=2), ((None, 3),)), weights=False)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_quantised_layers() -> None:
    for kind, config, shape in (
        ("Dense", {"units": 4}, (None, 3)),
        ("Embedding", {"input_dim": 5, "output_dim": 4}, (None,)),
    ):
        made = layer(kind, **config)
        recorded(made, (shape,))
        made.quantize("int8")
        compare(recorded(made, (shape,)), specs=False, weights=False)


# --- configs ------------------------------------------------------------------------------------------------------


SHORT: dict[str, dict[str, Any]] = {
    "Conv1D": {"filters": 4, "kernel_size": 3},
    "Conv2D": {"filters": 4, "kernel_size": 3, "strides": 2},
    "Conv3D": {"filters": 4, "kernel_size": (1, 2, 3), "dilation_rate": 2},
    "DepthwiseConv1D": {"kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3, "strides": 2},
    "MaxPooling1D": {"pool_size": 3},
    "MaxPooling2D": {},
    "AveragePooling2D": {"pool_size": (2, 3)},
    "AveragePooling3D": {"pool_size": 2, "strides": 1},
    "ZeroPadding1D": {"padding": 2},
    "ZeroPadding2D": {"padding": 2},
    "ZeroPadding3D": {"padding": (1, 2, 3)},
    "Cropping1D": {"cropping": (1, 2)},
    "Cropping2D": {"cropping": ((1, 2), (0, 1))},
    "Cropping3D": {},
    "UpSampling1D": {"size": 3},
    "UpSampling2D": {"size": 3},
    "UpSampling3D": {},
    "Dense": {"units": 4},
    "Embedding": {"input_dim": 4, "output_dim": 2},
    "BatchNormalization": {},
    "LayerNormalization": {"axis": 1},
    "Flatten": {},
    "Reshape": {"target_shape": (2, -1)},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 2},
    "Activation": {"activation": "relu"},
    "ReLU": {"max_value": 6.0},
    "Softmax": {},
    "Dropout": {"rate": 0.5},
    "Add": {},
    "Concatenate": {"axis": 1},
    "GlobalAveragePooling2D": {"keepdims": True},
    "Rescaling": {"scale": 0.5},
}


@pytest.mark.parametrize("kind", SHORT)
def test_a_short_config_is_completed_as_keras_does(kind: str) -> None:
    from kgraph.frontends.serialized import freeze, freeze_config

    said = freeze_config(layer(kind, **SHORT[kind]).get_config())
    short = freeze(SHORT[kind])
    assert complete(f"layers.{kind}", short) == complete(f"layers.{kind}", said)
    assert said.items() <= complete(f"layers.{kind}", short).items()
