"""ResNeXt-50 32x4d as tutorials write it by hand: 32 slices, 32 convolutions and a concatenation a block.

Three forms of the same network, each a function without arguments:

* ``late``: a ``Lambda`` in a loop that captures the loop variable. Every shape is right and the network is wrong:
  Python closures bind late, so all 32 branches of a block read the last slice.
* ``bound``: a ``Lambda`` that binds the loop variable as a default value.
* ``getitem``: plain indexing, ``x[..., a:b]``.

    kgraph check examples.resnext50:getitem
    kgraph check examples.resnext50:late

Source: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2017 (arXiv:1611.05431), table 1.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

CARDINALITY = 32
STAGES = ((3, 128, 1), (4, 256, 2), (6, 512, 2), (3, 1024, 2))  # blocks, filters, stride of the first block
EPSILON = 1.001e-5

Tensor = Any


def late() -> keras.Model:
    """The form of the tutorials, with the closure bug: every branch of a block reads its last slice."""

    def split(x: Tensor, width: int) -> list[Tensor]:
        return [
            layers.Lambda(lambda t: t[..., c * width : (c + 1) * width])(x)  # noqa: B023  (the bug this shows)
            for c in range(CARDINALITY)
        ]

    return _resnext50(split, "resnext50_late")


def bound() -> keras.Model:
    """The same loop, mended: a default value is bound when the ``Lambda`` is made."""

    def split(x: Tensor, width: int) -> list[Tensor]:
        return [
            layers.Lambda(lambda t, c=c, width=width: t[..., c * width : (c + 1) * width])(x)
            for c in range(CARDINALITY)
        ]

    return _resnext50(split, "resnext50_bound")


def getitem() -> keras.Model:
    """The plain form: Keras 3 records ``x[..., a:b]`` as an operation of its own."""

    def split(x: Tensor, width: int) -> list[Tensor]:
        return [x[..., c * width : (c + 1) * width] for c in range(CARDINALITY)]

    return _resnext50(split, "resnext50_getitem")


def _resnext50(split: Callable[[Tensor, int], list[Tensor]], name: str) -> keras.Model:
    inputs = keras.Input((224, 224, 3), name="image")
    x = layers.ZeroPadding2D(3)(inputs)
    x = layers.Conv2D(64, 7, strides=2)(x)
    x = _norm_relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    for blocks, filters, stride in STAGES:
        for block in range(blocks):
            x = _block(x, filters, stride if block == 0 else 1, split, project=block == 0)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(1000, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _block(
    x: Tensor, filters: int, stride: int, split: Callable[[Tensor, int], list[Tensor]], *, project: bool
) -> Tensor:
    shortcut = x
    if project:
        shortcut = layers.Conv2D(2 * filters, 1, strides=stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization(epsilon=EPSILON)(shortcut)
    x = layers.Conv2D(filters, 1, use_bias=False)(x)
    x = _norm_relu(x)
    x = _grouped_convolution(x, filters, stride, split)
    x = _norm_relu(x)
    x = layers.Conv2D(2 * filters, 1, use_bias=False)(x)
    x = layers.BatchNormalization(epsilon=EPSILON)(x)
    x = layers.Add()([x, shortcut])
    return layers.ReLU()(x)


def _grouped_convolution(x: Tensor, filters: int, stride: int, split: Callable[[Tensor, int], list[Tensor]]) -> Tensor:
    width = filters // CARDINALITY
    branches = [
        layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(part) for part in split(x, width)
    ]
    return layers.Concatenate()(branches)


def _norm_relu(x: Tensor) -> Tensor:
    return layers.ReLU()(layers.BatchNormalization(epsilon=EPSILON)(x))
