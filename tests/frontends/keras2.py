"""tf_keras with the names of Keras 3, so that one builder makes the same model in both flavours."""

from __future__ import annotations

import importlib
import itertools
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


def tf_keras() -> Any:
    """tf_keras; its import warns of things that are not the matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("tf_keras")


def flavour() -> Any:
    """``keras`` as the builders see it: tf_keras, and ``keras.ops`` as functions of TensorFlow."""
    keras = tf_keras()
    return SimpleNamespace(
        Input=keras.Input,
        Model=keras.Model,
        Sequential=keras.Sequential,
        layers=keras.layers,
        activations=keras.activations,
        utils=keras.utils,
        ops=_operations(importlib.import_module("tensorflow")),
    )


def build(builder: Callable[[Any], Any]) -> Any:
    """The model that a builder makes of tf_keras, with automatic names from their first."""
    keras = flavour()
    tf_keras().backend.clear_session()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return builder(keras)


def _operations(tf: Any) -> Any:
    """``keras.ops`` in terms of TensorFlow, as a user of Keras 2 would write them."""

    def split(x: Any, sections: Any, axis: int = 0) -> Any:
        if isinstance(sections, int):
            return tf.split(x, sections, axis=axis)
        cuts = [0, *sections, x.shape[axis]]
        return tf.split(x, [stop - start for start, stop in itertools.pairwise(cuts)], axis=axis)

    def reduce(function: Any) -> Any:
        return lambda x, axis=None, keepdims=False: function(x, axis=axis, keepdims=keepdims)

    return SimpleNamespace(
        split=split,
        add=tf.add,
        argmax=lambda x, axis: tf.argmax(x, axis=axis, output_type=tf.int32),
        cast=tf.cast,
        clip=tf.clip_by_value,
        concatenate=lambda xs, axis=0: tf.concat(xs, axis),
        einsum=tf.einsum,
        equal=tf.equal,
        expand_dims=tf.expand_dims,
        image=SimpleNamespace(resize=tf.image.resize),
        maximum=tf.maximum,
        max=reduce(tf.reduce_max),
        mean=reduce(tf.reduce_mean),
        multiply=tf.multiply,
        pad=tf.pad,
        relu=tf.nn.relu,
        reshape=tf.reshape,
        sigmoid=tf.sigmoid,
        sin=tf.sin,
        softmax=lambda x, axis=-1: tf.nn.softmax(x, axis=axis),
        gelu=lambda x, approximate=True: tf.nn.gelu(x, approximate=approximate),
        silu=tf.nn.silu,
        sqrt=tf.sqrt,
        squeeze=tf.squeeze,
        stack=tf.stack,
        sum=reduce(tf.reduce_sum),
        take=lambda x, indices, axis: tf.gather(x, indices, axis=axis),
        tile=tf.tile,
        transpose=lambda x, axes=None: tf.transpose(x, perm=axes),
        unstack=lambda x, axis=0: tf.unstack(x, axis=axis),
        where=tf.where,
        zeros_like=tf.zeros_like,
    )
