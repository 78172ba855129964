"""Texts on cards: goldens, for they are what people read."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.graph import Constant, FrozenDict, Function, Object, Op, Shape, Slice, Slot, Spec
from kgraph.render.cards import family
from kgraph.render.labels import clean, detail, one_line, shape_label, shorten, value_text
from kgraph.render.theme import FAMILIES, cut, sans_width


def op(kind: str, config: dict[str, Any] | None = None, arguments: dict[str, Any] | None = None) -> Op:
    return Op(
        kind, "layer", FrozenDict(config or {}), FrozenDict(arguments or {}), (), (Spec((None, 8, 8, 3), "float16"),)
    )


@pytest.mark.parametrize(
    ("shape", "label"),
    [
        ((None, 56, 56, 128), "56×56×128"),
        ((None, None, None, 3), "?×?×3"),
        ((None,), "B"),
        ((), "scalar"),
        (None, "?"),
        ((8, 16), "(8, 16)"),
        ((8, None), "(8, ?)"),
    ],
)
def test_shapes(shape: Shape, label: str) -> None:
    assert shape_label(shape) == label


SQUARE = {"kernel_size": (3, 3), "strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1), "groups": 1}


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (op("layers.Conv2D", {**SQUARE, "filters": 64, "activation": "linear"}), "64 filters · 3×3"),
        (
            op("layers.Conv2D", {**SQUARE, "filters": 8, "strides": (2, 1), "padding": "same", "groups": 4}),
            "8 filters · 3×3 · stride 2×1 · same · groups=4",
        ),
        (
            op("layers.Conv1D", {"filters": 1, "kernel_size": 5, "dilation_rate": (2,)}),
            "1 filter · kernel 5 · dilation 2",
        ),
        (op("layers.DepthwiseConv2D", {**SQUARE, "depth_multiplier": 2}), "3×3 · depth ×2"),
        (op("layers.Dense", {"units": 1000, "activation": "softmax"}), "1000 units · softmax"),
        (
            op("layers.MaxPooling2D", {"pool_size": (3, 3), "strides": (2, 2), "padding": "valid"}),
            "pool 3×3 · stride 2",
        ),
        (op("layers.ZeroPadding2D", {"padding": ((3, 3), (3, 3))}), "pad 3"),
        (op("layers.ZeroPadding2D", {"padding": ((0, 1), (0, 1))}), "pad 0,1 × 0,1"),
        (op("layers.ZeroPadding1D", {"padding": (1, 1)}), "pad 1"),
        (op("layers.Cropping1D", {"cropping": (0, 2)}), "crop 0 × 2"),
        (op("layers.BatchNormalization", {"axis": -1, "epsilon": 0.001}), ""),
        (op("layers.BatchNormalization", {"axis": 3}), ""),
        (op("layers.LayerNormalization", {"axis": (3,)}), ""),
        (op("layers.BatchNormalization", {"axis": 1}), "axis 1"),
        (op("layers.Concatenate", {"axis": -1}), "axis -1"),
        (op("layers.ReLU", {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}), "max 6"),
        (op("layers.LeakyReLU", {"negative_slope": 0.3}), "slope 0.3"),
        (op("layers.Dropout", {"rate": 0.5, "seed": None}), "rate 0.5"),
        (op("layers.Reshape", {"target_shape": (7, 7, -1)}), "to 7×7×-1"),
        (op("layers.Permute", {"dims": (2, 1)}), "order 2, 1"),
        (op("layers.UpSampling2D", {"size": (2, 2), "interpolation": "bilinear"}), "size 2 · bilinear"),
        (
            op("layers.LSTM", {"units": 64, "return_sequences": True, "activation": "tanh"}),
            "64 units · tanh · sequences",
        ),
        (op("layers.MultiHeadAttention", {"num_heads": 8, "key_dim": 64}), "8 heads · key 64"),
        (op("layers.TimeDistributed", {"layer": Object("layers.Dense", FrozenDict(units=3))}), "of Dense"),
        (op("layers.Lambda", {"function": Function("d", (..., Slice(4, 8)), "proved")}), "[..., 4:8]"),
        (op("layers.Lambda", {"function": Function("d")}), "opaque function"),
        (op("layers.InputLayer", {"batch_shape": (None, 8, 8, 3)}), "8×8×3 · float16"),
        (op("ops.get_item", {}, {"x": Slot(0), "key": (..., Slice(0, None, 2), None)}), "[..., 0::2, None]"),
        (op("ops.mean", {}, {"x": Slot(0), "axis": (1, 2), "keepdims": True}), "axis (1, 2) · keepdims"),
        (op("ops.split", {}, {"x": Slot(0), "indices_or_sections": (4, 8), "axis": -1}), "at (4, 8) · axis -1"),
        (op("ops.multiply", {}, {"x1": Slot(0), "x2": 2.5}), "x2=2.5"),
        (op("ops.multiply", {}, {"x1": Slot(0), "x2": Constant("float32", (3,), "d")}), "x2=constant (3,) float32"),
        (op("ops.einsum", {}, {"subscripts": "bij,bjk->bik", "operands": (Slot(0), Slot(1))}), "bij,bjk->bik"),
        (op("custom.pkg.Gate", {"ratio": 16, "dtype": "float32", "filters": "many"}), "filters='many' · ratio=16"),
    ],
)
def test_details(call: Op, told: str) -> None:
    assert detail(call) == told


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (op("layers.InputLayer"), "input"),
        (op("layers.SeparableConv2D"), "conv"),
        (op("ops.depthwise_conv"), "conv"),
        (op("layers.LayerNormalization"), "norm"),
        (op("layers.SpatialDropout2D"), "norm"),
        (op("layers.PReLU"), "act"),
        (op("ops.softmax"), "act"),
        (op("layers.Add"), "merge"),
        (op("ops.true_divide"), "merge"),
        (op("layers.GlobalAveragePooling2D"), "pool"),
        (op("layers.EinsumDense"), "dense"),
        (op("layers.Bidirectional"), "dense"),
        (op("layers.Concatenate"), "shape"),
        (op("ops.get_item"), "shape"),
        (op("layers.ZeroPadding2D"), "shape"),
        (op("ops.sqrt"), "maths"),
        (op("custom.pkg.Conv2D"), "custom"),
        (op("models.Functional"), "custom"),
        (op("layers.Lambda", {"function": Function("d")}), "custom"),
        (op("layers.Lambda", {"function": Function("d", (0,))}), "shape"),
    ],
)
def test_families(call: Op, name: str) -> None:
    assert family(call) == name


def test_tags_are_different() -> None:
    assert len({item.tag for item in FAMILIES.values()}) == len(FAMILIES)


def test_strange_configurations_are_bounded() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = (deep, deep)
    assert len(value_text(deep)) <= 400
    assert len(value_text(tuple(range(100_000)))) < 100
    assert len(value_text("x" * 100_000)) < 500
    assert len(detail(op("custom.a.B", {"filters": FrozenDict(a="x" * 9999), "units": object()}))) < 500


def test_forbidden_characters_are_replaced() -> None:
    assert clean("a\x00b\ud800c\ufffed\r\ne\rf\tg") == "a\ufffdb\ufffdc\ufffdd\ne\nf\tg"
    assert one_line(" a\n\n b\u2028c \u202ed") == "a b c \ufffdd"


def test_cutting_keeps_both_ends() -> None:
    measure = partial(sans_width, size=10)
    assert cut("short", 100, measure) == "short"
    assert cut("a_very_long_name_of_a_layer_17", 80, measure).startswith("a_very")
    assert cut("a_very_long_name_of_a_layer_17", 80, measure).endswith("_17")
    assert shorten("abcdefgh", 5) == "ab…gh"


@given(st.text(), st.floats(0, 300))
def test_a_cut_text_fits(text: str, room: float) -> None:
    measure = partial(sans_width, size=10)
    found = cut(text, room, measure)
    assert len(found) <= 80
    assert measure(found) <= max(room, measure("…"))
