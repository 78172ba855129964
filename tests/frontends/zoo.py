"""Small Keras models, one for each structure that a model can have. Keras is imported as they are made.

    for name, build in ZOO.items():
        model = build()

``TAGS`` says per name what a model has: ``nested`` (models called inside it), ``opaque`` (calls whose weights or shapes
kgraph cannot know by their kind), ``executable`` (Keras can run its text form), ``deep``, and so on.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable
from typing import Any

Build = Callable[[], Any]

ZOO: dict[str, Build] = {}
TAGS: dict[str, frozenset[str]] = {}


def sample(*tags: str) -> Callable[[Callable[[Any], Any]], Build]:
    """Adds a function to the zoo, under its own name; it starts with Keras' automatic names at their first."""

    def add(build: Callable[[Any], Any]) -> Build:
        @functools.wraps(build)
        def fresh() -> Any:
            keras: Any = importlib.import_module("keras")
            keras.utils.clear_session(free_memory=False)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Keras has to say of the model is not the matter here
                return build(keras)

        ZOO[build.__name__] = fresh
        TAGS[build.__name__] = frozenset(tags)
        return fresh

    return add


def tagged(*tags: str, without: tuple[str, ...] = ()) -> list[str]:
    """The names of the models that have all of the first tags and none of the others."""
    return [name for name, own in TAGS.items() if own.issuperset(tags) and not own.intersection(without)]


# --- inputs and outputs -------------------------------------------------------------------------------------------


@sample()
def plain(keras: Any) -> Any:
    x = keras.Input((4,), name="x")
    return keras.Model(x, keras.layers.Dense(3, name="dense")(x), name="plain")


@sample()
def several_inputs_and_outputs(keras: Any) -> Any:
    layers = keras.layers

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    c = layers.Add(name="sum")([a, b])
    return keras.Model([a, b], [layers.Dense(2, name="left")(c), c, layers.Dense(3, name="right")(c)])


@sample()
def dict_inputs_and_outputs(keras: Any) -> Any:
    layers = keras.layers

    inputs = {"z": keras.Input((4,), name="z"), "b": keras.Input((4,), name="b")}
    total = layers.Subtract(name="minus")([inputs["z"], inputs["b"]])
    return keras.Model(inputs, {"y": total, "a": layers.Dense(2, name="dense")(total)})


@sample()
def nested_structures(keras: Any) -> Any:
    layers = keras.layers

    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    inputs = {"pair": [a, b], "one": (c,)}
    total = layers.Add(name="total")([a, b, c])
    return keras.Model(inputs, [{"total": total, "rest": (a, [total])}, layers.ReLU(name="relu")(total)])


@sample()
def ordered_outputs(keras: Any) -> Any:
    from collections import OrderedDict

    layers = keras.layers

    x = keras.Input((4,), name="x")
    z, a = layers.Dense(2, name="dense_z")(x), layers.Dense(3, name="dense_a")(x)
    return keras.Model(x, OrderedDict(z=z, a=a))


@sample()
def output_listed_twice(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((4,), name="x")
    y = layers.ReLU(name="relu")(x)
    return keras.Model([x], [y, y])


@sample()
def input_listed_twice(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((4,), name="x")
    return keras.Model([x, x], layers.ReLU(name="relu")(x))


@sample()
def unused_inputs(keras: Any) -> Any:
    layers = keras.layers

    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    return keras.Model([a, b, c], layers.ReLU(name="relu")(b))


@sample()
def no_layers(keras: Any) -> Any:
    x = keras.Input((4,), name="x")
    return keras.Model(x, x, name="nothing")


@sample()
def optional_input(keras: Any) -> Any:
    layers = keras.layers

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b", optional=True)
    return keras.Model([a, b], layers.Add(name="add")([a, b]))


@sample()
def unnamed(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(layers.Dense(3)(x)))


# --- dtypes and sizes ---------------------------------------------------------------------------------------------


@sample()
def open_sizes(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((None, None, 3), name="image")
    y = layers.Conv2D(4, 3, strides=2, name="conv")(x)
    return keras.Model(x, layers.GlobalAveragePooling2D(name="pool")(y))


@sample()
def fixed_batch(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((4,), batch_size=8, name="x")
    return keras.Model(x, layers.Dense(2, name="dense")(x))


@sample()
def scalar_input(keras: Any) -> Any:
    ops = keras.ops

    x = keras.Input((), name="x")
    return keras.Model(x, ops.expand_dims(x, -1) * 2.0)


@sample()
def mixed_precision(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3, dtype="mixed_float16", name="conv")(x)
    y = layers.BatchNormalization(dtype="mixed_float16", name="norm")(y)
    return keras.Model(x, layers.Dense(2, dtype="float32", name="head")(y))


@sample()
def half_precision(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8,), dtype="bfloat16", name="x")
    return keras.Model(x, layers.Dense(4, dtype="bfloat16", name="dense")(x))


@sample("opaque")
def quantised(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8,), name="x")
    dense = layers.Dense(4, name="dense")
    model = keras.Model(x, dense(x))
    dense.quantize("int8")
    return model


@sample("opaque")
def low_rank_adapted(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 4), name="x")
    conv, dense = layers.Conv2D(4, 3, name="conv"), layers.Dense(4, name="dense")
    model = keras.Model(x, dense(conv(x)))
    conv.enable_lora(2)
    dense.enable_lora(2)
    return model


@sample()
def frozen_layers(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3, name="conv", trainable=False)(x)
    model = keras.Model(x, layers.BatchNormalization(name="norm")(y))
    model.get_layer("norm").trainable = False
    return model


@sample()
def sparse_input(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((16,), sparse=True, name="x")
    return keras.Model(x, layers.Dense(4, name="dense")(x))


@sample("opaque")
def string_input(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((1,), dtype="string", name="words")
    y = layers.StringLookup(vocabulary=["a", "b"], name="lookup")(x)
    return keras.Model(x, layers.Embedding(4, 8, name="embedding")(y))


@sample()
def channels_first(keras: Any) -> Any:
    layers = keras.layers

    first = {"data_format": "channels_first"}
    x = keras.Input((3, 16, 16), name="x")
    y = layers.ZeroPadding2D(1, name="pad", **first)(x)
    y = layers.Conv2D(4, 3, name="conv", **first)(y)
    y = layers.BatchNormalization(axis=1, name="norm")(y)
    y = layers.MaxPooling2D(2, name="pool", **first)(y)
    y = layers.UpSampling2D(2, name="up", **first)(y)
    y = layers.Cropping2D(1, name="crop", **first)(y)
    return keras.Model(x, layers.GlobalMaxPooling2D(name="last", **first)(y))


@sample()
def one_dimensional(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((32, 4), name="x")
    y = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, name="causal")(x)
    y = layers.DepthwiseConv1D(3, name="depthwise")(y)
    y = layers.AveragePooling1D(2, name="pool")(y)
    return keras.Model(x, layers.ZeroPadding1D((1, 2), name="pad")(y))


@sample()
def three_dimensional(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 8, 2), name="x")
    y = layers.Conv3D(4, (3, 3, 1), padding="same", groups=2, name="conv")(x)
    return keras.Model(x, layers.MaxPooling3D(2, strides=1, name="pool")(y))


# --- layers -------------------------------------------------------------------------------------------------------


@sample()
def shared_layer(keras: Any) -> Any:
    layers = keras.layers

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    dense = layers.Dense(4, name="dense")
    first, second = dense(a), dense(b)
    return keras.Model([a, b], [layers.Subtract(name="minus")([second, first]), dense(first)])


@sample()
def shared_outside(keras: Any) -> Any:
    """A layer whose first call is not part of the model."""
    layers = keras.layers

    dense = layers.Dense(4, name="dense")
    dense(keras.Input((4,), name="elsewhere"))
    x = keras.Input((4,), name="x")
    return keras.Model(x, dense(dense(x)))


@sample()
def tensor_used_twice(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((4,), name="x")
    y = layers.Multiply(name="square")([x, x])
    return keras.Model(x, layers.Maximum(name="largest")([y, x, y]) + y * y)


@sample("opaque")
def layer_with_several_outputs(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((6, 4), name="x")
    y, h, c = layers.LSTM(3, return_sequences=True, return_state=True, name="lstm")(x)
    return keras.Model(x, [layers.Dense(2, name="dense")(c), y, h])


@sample("opaque")
def attention(keras: Any) -> Any:
    """Tensors in later positions and by keyword."""
    layers = keras.layers

    q, v = keras.Input((5, 8), name="q"), keras.Input((6, 8), name="v")
    mask = keras.Input((5, 6), dtype="bool", name="mask")
    heads = layers.MultiHeadAttention(2, 4, name="heads")
    y, scores = heads(q, v, attention_mask=mask, return_attention_scores=True)
    y = layers.MultiHeadAttention(2, 4, name="self")(y, y, y)
    return keras.Model([q, v, mask], [y, scores, heads(value=v, query=q)])


@sample("opaque")
def initial_state(keras: Any) -> Any:
    layers = keras.layers

    x, h, c = keras.Input((6, 4), name="x"), keras.Input((3,), name="h"), keras.Input((3,), name="c")
    y = layers.LSTM(3, name="lstm")(x, initial_state=[h, c])
    return keras.Model([x, h, c], layers.GRU(3, name="gru")(x, initial_state=y))


@sample("opaque")
def recorded_masks(keras: Any) -> Any:
    """Keras records the masks that an Embedding makes as tensors of their own."""
    layers = keras.layers

    x = keras.Input((6,), dtype="int32", name="x")
    y = layers.Embedding(10, 4, mask_zero=True, name="embedding")(x)
    y = layers.Dropout(0.5, name="dropout")(y)
    y = layers.Add(name="add")([y, y])
    seen = layers.LSTM(3, name="lstm")(y)
    return keras.Model(x, [seen, layers.GRU(3, name="gru")(y, training=True)])


@sample("opaque")
def wrappers(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((6, 4), name="x")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="inner")], name="steps")
    y = layers.TimeDistributed(inner, name="each")(x)
    y = layers.TimeDistributed(layers.Dense(2), name="dense_each")(y)
    return keras.Model(x, layers.Bidirectional(layers.GRU(3), name="both")(y))


@sample("opaque")
def custom_layers(keras: Any) -> Any:
    layers, ops = keras.layers, keras.ops

    class Scale(layers.Layer):
        def __init__(self, factors: tuple[float, ...], **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factors = factors

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")

        def call(self, x: Any, other: Any = None, *, shift: float = 0.0) -> Any:
            return [x * self.scale + shift, x if other is None else x + other]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factors": self.factors}

    class Secret(layers.Layer):
        """Its config cannot be read."""

        def __init__(self, function: Callable[[Any], Any], **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.function = function

        def call(self, *tensors: Any) -> Any:
            return self.function(tensors[0])

    x = keras.Input((4,), name="x")
    scale = Scale((1.0, 2.0), name="scale")
    a, b = scale(x)
    c, _ = scale(a, b, shift=2.0)
    d, _ = scale(c, other=a)
    return keras.Model(x, Secret(ops.relu, name="secret")(d, b))


@sample("opaque")
def unserializable_activation(keras: Any) -> Any:
    """``get_config`` of a layer of Keras' own raises."""
    from functools import partial

    layers, ops = keras.layers, keras.ops

    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3, activation=partial(ops.leaky_relu, negative_slope=0.3), name="conv")(x)
    return keras.Model(x, layers.Dense(2, activation=partial(ops.relu), name="dense")(y))


@sample()
def lambdas(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 6), name="x")
    a = layers.Lambda(lambda t: t[..., 0:3], name="first")(x)
    b = layers.Lambda(lambda t, start=3: t[..., start:], name="second")(x)
    c = layers.Lambda(lambda t, stop: t[..., :stop], arguments={"stop": 3}, name="third")(x)
    return keras.Model(x, layers.Concatenate(name="join")([a, b, c]))


@sample("opaque")
def opaque_lambdas(keras: Any) -> Any:
    import numpy as np

    layers, ops = keras.layers, keras.ops

    x = keras.Input((6,), name="x")
    table = np.arange(6, dtype="float32")
    y = layers.Lambda(lambda t: ops.sin(t) * 2.0, name="sine")(x)
    y = layers.Lambda(lambda t, by: t + by, arguments={"by": table}, output_shape=(6,), name="add")(y)
    return keras.Model(x, layers.Lambda(ops.relu, mask=lambda t, mask: mask, name="relu")(y))


@sample("opaque")
def preprocessing(keras: Any) -> Any:
    import numpy as np

    layers = keras.layers

    x = keras.Input((4,), name="x")
    y = layers.Normalization(mean=np.zeros(4), variance=np.ones(4), name="normalise")(x)
    y = layers.Rescaling(1 / 255.0, offset=[1.0, 2.0, 3.0, 4.0], name="rescale")(y)
    return keras.Model(x, layers.Discretization([0.0, 1.0], name="bins")(y))


# --- operations ---------------------------------------------------------------------------------------------------


@sample()
def operations(keras: Any) -> Any:
    ops = keras.ops

    x = keras.Input((8, 6), name="x")
    a, b, c = ops.split(x, 3, axis=-1)
    (d,) = ops.split(a, 1, axis=1)
    e = ops.reshape(d + b, (-1, 16)) - 1.0
    f = ops.mean(c, axis=(1, 2), keepdims=True)
    g = ops.squeeze(f, axis=1) / ops.maximum(e, 0.5)
    return keras.Model(x, [ops.concatenate([g, e], axis=1), ops.transpose(x, (0, 2, 1)), ops.argmax(x, axis=-1)])


@sample()
def subscripts(keras: Any) -> Any:
    x = keras.Input((8, 8, 6), name="x")
    return keras.Model(
        x,
        [x[:, 1:-1, ..., ::2], x[..., 0], x[None, ..., ::2], x[:, :, 0, None], x[:, 1], x[..., -1:0:-2], x[:, ..., 2]],
    )


@sample()
def operators(keras: Any) -> Any:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    left = (x + 1.0) * (2.0 - y) / (x - 3) // 2.0
    return keras.Model(
        [x, y], [-left, abs(left), left**2, 2.0**left, left % 3.0, left < y, (x > y) & (x >= 0.0), x @ y]
    )


@sample()
def starred_arguments(keras: Any) -> Any:
    ops = keras.ops

    a, b = keras.Input((3, 4), name="a"), keras.Input((4, 5), name="b")
    c, d = keras.Input((3,), batch_size=3, name="c"), keras.Input((3,), batch_size=3, name="d")
    e, f = ops.meshgrid(c, d, indexing="ij")
    return keras.Model([a, b, c, d], [ops.einsum("bij,bjk->bik", a, b), e, f])


@sample()
def activations(keras: Any) -> Any:
    x = keras.Input((4,), name="x")
    y = keras.activations.relu(x, negative_slope=0.1)
    return keras.Model(x, [keras.activations.softmax(y), keras.activations.get("gelu")(y)])


@sample()
def constants(keras: Any) -> Any:
    import numpy as np

    tf: Any = importlib.import_module("tensorflow")
    ops = keras.ops

    x = keras.Input((4,), name="x")
    y = x + np.arange(4, dtype="float32")
    y = y * tf.constant([[1.0, 2.0, 3.0, 4.0]])
    y = ops.add(y, keras.Variable(np.ones(4, "float32")))
    y = ops.where(np.array([True, False, True, False]), y, np.float32(1.5))
    y = ops.maximum(y, np.full((4,), -np.inf, "float32"))
    y = ops.add(y, np.array([np.nan, 0.0, 0.0, 1.0], "float32"))
    return keras.Model(x, ops.cast(y, "bfloat16") * tf.constant([1.0, 2.0, 3.0, 4.0], "bfloat16"))


@sample("large")
def large_constant(keras: Any) -> Any:
    import numpy as np

    ops = keras.ops

    x = keras.Input((100,), name="x")
    y = x + np.linspace(0, 1, 100, dtype="float32")
    return keras.Model(x, ops.take(y, np.arange(4), axis=1))


@sample("opaque")
def custom_operation(keras: Any) -> Any:
    class Shift(keras.Operation):
        def __init__(self, by: float, *, name: str | None = None) -> None:
            super().__init__(name=name)
            self.by = by

        def call(self, x: Any, other: Any = None) -> Any:
            return x + self.by

        def compute_output_spec(self, x: Any, other: Any = None) -> Any:
            return keras.KerasTensor(x.shape, x.dtype)

    x = keras.Input((4,), name="x")
    shift = Shift(2.0, name="shift")
    return keras.Model(x, shift(shift(x), other=x))


@sample("function")
def function(keras: Any) -> Any:
    x, y = keras.KerasTensor((None, 4), name="x"), keras.KerasTensor((None, 4), name="y")
    return keras.Function([x, y], keras.ops.sigmoid(x + y), name="fn")


@sample("function")
def function_from_the_middle(keras: Any) -> Any:
    x = keras.Input((4,), name="x")
    a, b = keras.ops.split(x, 2, axis=-1)
    return keras.Function([a, b], [a * b, a], name="middle")


@sample("nested")
def nested_function(keras: Any) -> Any:
    x, y = keras.KerasTensor((None, 4), name="u"), keras.KerasTensor((None, 4), name="v")
    fn = keras.Function([x, y], {"total": x + y, "dense": keras.layers.Dense(4, name="dense")(x)}, name="fn")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], keras.layers.Add(name="add")(list(fn([a, b]).values())))


# --- roots --------------------------------------------------------------------------------------------------------


@sample()
def sequential(keras: Any) -> Any:
    layers = keras.layers

    return keras.Sequential(
        [keras.Input((8,), name="x"), layers.Dense(4, name="first"), layers.Dense(2, name="second")], name="stack"
    )


@sample()
def sequential_built_later(keras: Any) -> Any:
    layers = keras.layers

    model = keras.Sequential([layers.Dense(4, name="first"), layers.Dropout(0.5, name="drop")], name="stack")
    model.build((None, 8))
    return model


@sample()
def subclass_of_functional(keras: Any) -> Any:
    layers = keras.layers

    class Net(keras.Model):
        def __init__(self, units: int) -> None:
            x = keras.Input((4,), name="x")
            super().__init__(x, layers.Dense(units, name="dense")(x), name="net")

    return Net(3)


@sample()
def from_the_middle(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3, name="one")(x)
    z = layers.Conv2D(4, 3, name="two")(y)
    return keras.Model(y, [z, layers.ReLU(name="relu")(z)], name="part")


@sample()
def odd_names(keras: Any) -> Any:
    """Keras 3 refuses ``/`` in the constructor, and then takes it; models of others hold it."""
    layers = keras.layers

    x = keras.Input((4,), name="in put")
    y = layers.Dense(4, name="a:1")(x)
    y = layers.Dense(4, name="100%")(y)
    y = layers.Dense(4, name="class")(y)
    y = layers.Dense(4, name="größe")(y)
    slashed, same = layers.Dense(4), layers.Dense(4)
    y = same(slashed(y))
    model = keras.Model(x, y, name="odd: 'name'\n")
    slashed.name = "block/dense"
    same.name = "a:1"
    return model


# --- nested models ------------------------------------------------------------------------------------------------


def encoder(keras: Any, name: str = "encoder", size: int | None = 8) -> Any:
    layers = keras.layers

    x = keras.Input((size, size, 3), name="image")
    y = layers.Conv2D(4, 3, name="conv")(x)
    return keras.Model(x, layers.ReLU(name="relu")(y), name=name)


@sample("nested")
def nested(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 3), name="x")
    return keras.Model(x, layers.Flatten(name="flat")(encoder(keras)(x)), name="outer")


@sample("nested")
def nested_twice(keras: Any) -> Any:
    """One model called twice: its weights are shared."""
    layers = keras.layers

    a, b = keras.Input((8, 8, 3), name="a"), keras.Input((8, 8, 3), name="b")
    inner = encoder(keras)
    return keras.Model([a, b], layers.Subtract(name="minus")([inner(a), inner(b)]), name="siamese")


@sample("nested")
def nested_deeply(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 3), name="p")
    middle = keras.Model(x, layers.BatchNormalization(name="norm")(encoder(keras)(x)), name="middle")
    stack = keras.Sequential([keras.Input((8, 8, 3), name="q"), middle, layers.Flatten(name="flat")], name="stack")
    x = keras.Input((8, 8, 3), name="x")
    return keras.Model(x, [stack(x), stack(x)], name="outer")


@sample("nested")
def nested_with_other_shapes(keras: Any) -> Any:
    inner = encoder(keras, size=None)
    x, y = keras.Input((8, 8, 3), name="x"), keras.Input((6, None, 3), batch_size=2, name="y")
    return keras.Model([x, y], [inner(x), inner(y)], name="outer")


@sample("nested", "opaque")
def nested_with_unknown_rank(keras: Any) -> Any:
    """What a custom layer makes of another shape is unknown: so is the rank of all that follows."""
    layers = keras.layers

    class Twice(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2.0

    x = keras.Input((None, 3), name="inner_x")
    y = layers.Dense(3, name="after")(layers.ReLU(name="relu")(Twice(name="twice")(x)))
    inner = keras.Model(x, [y, layers.Dense(2, name="last")(y)], name="inner")
    x = keras.Input((8, 3), name="x")
    y, z = inner(x)
    return keras.Model(x, layers.Concatenate(name="join")([y, z]), name="outer")


@sample("nested")
def nested_with_dicts(keras: Any) -> Any:
    layers = keras.layers

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    outputs = {"z": layers.Subtract(name="minus")([a, b]), "c": layers.Dense(2, name="dense")(a)}
    inner = keras.Model({"b": b, "a": a}, outputs, name="inner")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    found = inner({"a": x, "b": y})
    return keras.Model([x, y], [found["c"], found["z"]], name="outer")


@sample("nested")
def nested_passing_through(keras: Any) -> Any:
    """A nested model that returns one of its inputs, and one that has no layers at all."""
    layers = keras.layers

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner = keras.Model([a, b], [b, layers.ReLU(name="relu")(a)], name="inner")
    c = keras.Input((4,), name="c")
    nothing = keras.Model(c, c, name="nothing")
    x = keras.Input((4,), name="x")
    y, z = inner([x, nothing(x)])
    return keras.Model(x, [y, layers.Add(name="add")([y, z])], name="outer")


@sample("nested")
def nested_sharing_a_layer(keras: Any) -> Any:
    """One layer both inside a nested model and outside of it."""
    layers = keras.layers

    dense = layers.Dense(4, name="dense")
    a = keras.Input((4,), name="a")
    inner = keras.Model(a, dense(layers.ReLU(name="relu")(a)), name="inner")
    x = keras.Input((4,), name="x")
    return keras.Model(x, dense(inner(dense(x))), name="outer")


@sample("nested")
def nested_namesakes(keras: Any) -> Any:
    """Several nested models that hold layers of the same names, and layers that share a name with a model."""
    layers = keras.layers

    x = keras.Input((8, 8, 3), name="x")
    left, right = encoder(keras, "left")(x), encoder(keras, "right")(x)
    y = layers.Add(name="conv")([left, right])
    return keras.Model(x, layers.ReLU(name="relu")(y), name="outer")


@sample("nested", "opaque")
def nested_with_a_call_of_its_own(keras: Any) -> Any:
    """A subclass of a functional model that overrides ``call`` runs something that Keras does not record."""
    layers = keras.layers

    class Doubling(keras.Model):
        def __init__(self) -> None:
            a = keras.Input((4,), name="a")
            super().__init__(a, layers.Dense(4, name="dense")(a), name="doubling")

        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return super().call(inputs) * 2.0

    x = keras.Input((4,), name="x")
    return keras.Model(x, Doubling()(x), name="outer")


@sample("nested", "masks")
def nested_with_masks(keras: Any) -> Any:
    layers = keras.layers

    a = keras.Input((6, 4), name="a")
    inner = keras.Model(a, layers.Dense(2, name="dense")(a), name="inner")
    x = keras.Input((6,), dtype="int32", name="x")
    y = layers.Embedding(10, 4, mask_zero=True, name="embedding")(x)
    return keras.Model(x, inner(y), name="outer")


# --- sizes --------------------------------------------------------------------------------------------------------


@sample()
def many_branches(keras: Any) -> Any:
    layers = keras.layers

    x = keras.Input((8, 8, 32), name="x")
    convs = [layers.Conv2D(1, 3, name=f"conv_{i}")(x[..., i : i + 1]) for i in range(32)]
    return keras.Model(x, layers.Concatenate(name="join")(convs))
