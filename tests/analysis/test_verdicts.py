from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kgraph import Verdict, check, parse
from kgraph.graph import FrozenDict, Graph, Spec
from kgraph.testing import to_keras


def verdict(body: str, node: str = "y", inputs: str = "[x, v]", head: str = "") -> Verdict:
    head = head or 'x = Input(shape=(None, None, 8), name="x")\nv = Input(shape=(8,), name="v")'
    report = check(parse(f"{head}\n{body}\nmodel = Model({inputs}, {node})"))
    return next(item for item in report.merges if item.node == node)


@pytest.mark.parametrize(
    ("body", "expected", "why"),
    [
        ('y = Add(name="y")([x, ReLU()(x)])', "identical", "identity shortcut from x"),
        ('y = Add(name="y")([x, x])', "identical", "both inputs are x"),
        ('y = Add(name="y")([x, Conv2D(8, 3, padding="same", name="c")(x)])', "identical", "identity shortcut from x"),
        ('y = Add(name="y")([Conv2D(4, 1, name="a")(x), Conv2D(4, 1, name="b")(x)])', "identical",
         "projection shortcut from x through a"),
        ('y = Add(name="y")([Conv2D(8, 3, name="c")(x), x])', "broadcast",
         "height is H - 2 in c (a valid 3-wide window) and H in x"),
        ('y = Add(name="y")([MaxPooling2D(2, name="p")(x), Conv2D(8, 1, strides=2, name="c")(x)])', "conditional",
         "at H = 2, W = 3 the inputs have 1 and 2 in width, and one input is stretched to the other"),
        ('y = Add(name="y")([MaxPooling2D(2, padding="same", name="p")(x), Conv2D(8, 1, strides=2, name="c")(x)])',
         "identical", "height and width are ceil(H / 2) x ceil(W / 2): p (stride 2) and c (stride 2) both give that"),
        ('y = Multiply(name="y")([x, GlobalMaxPooling2D(keepdims=True, name="g")(x)])', "broadcast",
         "axis 1 of g is stretched from 1 to H"),
        ('y = Add(name="y")([x, v])', "broadcast", None),
        ('y = Add(name="y")([Cropping2D(1)(x), Cropping2D(1)(x)])', "identical", None),
        ('y = Add(name="y")([ZeroPadding2D(0)(x), UpSampling2D(1)(x)])', "identical", None),
        ('y = Add(name="y")([Permute((2, 1, 3))(x), x])', "conditional", None),
        ('y = Add(name="y")([Permute((1, 2, 3))(x), x])', "identical", None),
        ('y = Add(name="y")([Concatenate()([x, x])[..., 0:8], x])', "identical", None),
        ("y = ops.where(x, x, v)", None, None),
        ("y = x + 1", None, None),
    ],
)  # fmt: skip
def test_verdicts(body: str, expected: str | None, why: str | None) -> None:
    if expected is None:
        with pytest.raises(StopIteration):
            verdict(body)
        return
    found = verdict(body)
    assert found.verdict == expected
    assert why is None or why in found.why


def test_the_flattened_batch_is_not_the_batch() -> None:
    head = 'x = Input(shape=(4, 8), name="x")\nv = Input(shape=(8,), name="v")'
    found = verdict('y = Add(name="y")([ops.reshape(x, newshape=(-1, 8)), v])', head=head)
    assert (found.verdict, found.condition) == ("broadcast", "B == 1")
    assert found.why == (
        "batch is 4 * B in reshape (a reshape) and B in v",
        "at B = 2 the inputs have 8 and 2 in batch, and Keras raises",
    )


def test_operators_line_up_the_batch_with_a_feature_axis_and_layers_do_not() -> None:
    head = 'x = Input(shape=(4, 5), name="x")\nv = Input(shape=(5,), name="v")'
    operator = verdict("y = x + v", head=head)
    assert (operator.verdict, operator.condition) == ("broadcast", "B in {1, 4}")
    assert operator.why == (
        "v has no axis 0 and is repeated B times along it",
        "length is 4 in x and B in v",
        "at B = 2 the inputs have 4 and 2 in length, and Keras raises",
    )
    layer = verdict('y = Add(name="y")([x, v])', head=head)
    assert layer.why == ("v has no axis 1 and is repeated 4 times along it",)


def test_incompatible_extents_are_named() -> None:
    head = 'x = Input(shape=(4,), name="x")\nv = Input(shape=(5,), name="v")'
    fact = "\"{'outputs': (((None, 4), 'float32'),)}\"\n"
    found = verdict(f'{fact}y = Add(name="y")([x, v])', head=head)
    assert (found.verdict, found.why) == ("incompatible", ("axis 1 is 4 in x and 5 in v: no size makes them equal",))


def test_an_unknown_rank_is_said() -> None:
    found = verdict('c = Custom("pkg.Odd", name="c")(x)\ny = Add(name="y")([c, x])')
    assert (found.verdict, found.why) == ("unknown", ("the rank of c is unknown: Keras recorded no shape for it",))


@pytest.mark.parametrize("kind", ["layers.ReLU", "layers.Dense"])
def test_no_extent_is_traced_into_a_tensor_of_unknown_rank(kind: str) -> None:
    """The layers' configs are not told either, as in a printed summary."""
    graph = parse(
        'x = Input(shape=(4,), name="x")\nc = Custom("a.B", name="c")(x)\n'
        'r = ReLU(name="r")(c)\ns = ReLU(name="s")(c)\ny = Add(name="y")([r, s])\nmodel = Model(x, y)'
    )
    told = (Spec((2, 4), "float32"),)
    ops = {
        node: replace(op, kind=kind, config=FrozenDict(), outputs=told) if op.kind == "layers.ReLU" else op
        for node, op in graph.ops.items()
    }
    ops["y"] = replace(ops["y"], outputs=told)
    (found,) = check(Graph(ops, graph.operands, graph.inputs, graph.outputs)).merges
    assert found.verdict == "identical"
    assert {"batch is 2: r and s both give 2", "features are 4: r and s both give 4"} <= {*found.why}


@pytest.mark.parametrize(
    "layer",
    [
        "Conv2D(filters=4, kernel_size=1, name='r')",
        "MaxPooling2D(name='r')",
        "ZeroPadding2D(padding=1, name='r')",
        "UpSampling2D(name='r')",
        "Conv2DTranspose(4, 1, name='r')",
    ],
)
@pytest.mark.parametrize("rank", [0, 1, 3, 6])
def test_a_record_of_another_rank_is_no_crash(layer: str, rank: int) -> None:
    recorded = (None,) * rank
    body = f"\"{{'outputs': (({recorded}, 'float32'),)}}\"\nr = {layer}(x)\ny = Add(name='y')([r, r])"
    found = verdict(body, inputs="x", head='x = Input(shape=(None, None, 3), name="x")')
    assert found.verdict == "identical"
    assert found.inputs[0].shape == recorded


def test_a_batch_that_keras_forgets_stays_the_batch() -> None:
    head = 'x = Input(shape=(8,), batch_size=1, name="x")\nv = Input(shape=(8,), name="v")'
    body = 'a = Add(name="a")([x, v])\ny = Add(name="y")([a, v])'
    assert verdict(body, head=head).verdict == "identical"
    assert verdict(body.replace("y =", "z =").replace('"y"', '"z"'), "a", head=head).stretched[0].by == "x"


def test_axes_have_names() -> None:
    first = 'x = Input(shape=(3, 9, 9), name="x")\nv = Input(shape=(8,), name="v")'
    conv = 'Conv2D(4, 3, strides=2, data_format="channels_first", name="{}")(x)'
    found = verdict(f'y = Add(name="y")([{conv.format("a")}, {conv.format("b")}])', head=first)
    assert found.why == (
        "projection shortcut from x through a",
        "channels are 4: a and b both have 4 filters",
        "height and width are 4 x 4: a (stride 2 and a valid 3-wide window) and b (stride 2 and a valid 3-wide window) "
        "both give 4",
    )
    flat = verdict('y = Add(name="y")([Dense(4, name="a")(v), Dense(4, name="b")(v)])')
    assert flat.why[1:] == ("features are 4: a and b both have 4 units",)
    odd = 'x = Input(shape=(2, 2, 2, 2, 2), name="x")\nv = Input(shape=(8,), name="v")'
    five = verdict('y = Add(name="y")([ReLU()(x), Softmax()(ReLU()(x))])', head=odd)
    assert five.why[0] == "shortcut from re_lu through softmax" or five.why[0].startswith("shortcut from x")
    assert five.why[1].startswith("axis 1, axis 2, axis 3, axis 4 and axis 5 are 2 x 2 x 2 x 2 x 2: from x, unchanged")


def test_many_inputs_and_long_passages_are_folded() -> None:
    convs = ", ".join(f'Conv2D(8, 1, name="c{n}")(x)' for n in range(5))
    found = verdict(f'y = Average(name="y")([{convs}])')
    assert "channels are 8: c0, c1 and 3 more all have 8 filters" in found.why
    deep = "a = x\n" + "\n".join(f'a = Conv2D(8, {1 + 2 * (n % 2)}, padding="same", name="d{n}")(a)' for n in range(4))
    long = verdict(f'{deep}\ny = Add(name="y")([a, x])')
    assert "height and width are H x W: from x, unchanged through convolutions of stride 1" in long.why
    pools = verdict('y = Add(name="y")([MaxPooling2D(3, strides=1, padding="same")(x), x])')
    assert any("unchanged through 3x3 windows of stride 1" in sentence for sentence in pools.why)


EXTENTS = st.sampled_from((1, 2, 3, None))


@pytest.mark.keras
@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    st.lists(EXTENTS, min_size=1, max_size=3),
    st.lists(EXTENTS, min_size=1, max_size=3),
    st.sampled_from(("Add()([{}, {}])", "Maximum()([{}, {}])", "ops.add({}, {})", "ops.multiply({}, {})")),
    st.sampled_from((2, 3)),
)
def test_keras_agrees_at_every_size_that_is_tried(
    left: list[int | None], right: list[int | None], form: str, size: int
) -> None:
    """Run for real: an identical verdict never broadcasts, a broadcast one never has equal inputs by construction."""
    import keras
    import numpy as np

    text = (
        f'a = Input(shape={tuple(left)}, name="a")\nb = Input(shape={tuple(right)}, name="b")\n'
        f"y = {form.format('a', 'b')}\nmodel = Model([a, b], y)"
    )
    try:
        graph = parse(text)
        model: Any = to_keras(graph)
    except ValueError:
        return  # Keras does not build it
    (found,) = check(model).merges
    shapes = [(2, *(extent or size for extent in side)) for side in (left, right)]
    try:
        result = model([np.zeros(shape, "float32") for shape in shapes])
    except Exception:
        assert found.verdict != "identical"
        return
    if found.verdict == "identical":
        assert shapes[0] == shapes[1] == tuple(result.shape)
    if found.verdict == "broadcast":
        assert [
            side
            for side, extents in zip(shapes, (left, right), strict=True)
            if len(extents) != max(map(len, (left, right))) or 1 in extents
        ]
    assert found.verdict != "incompatible"
    keras.backend.clear_session()


def test_a_sum_of_many_open_sequences_is_decided() -> None:
    """Every pair of them is a comparison: isl alone would take minutes."""
    names = [f"x{number}" for number in range(12)]
    lines = [f'{name} = Input(shape=(None, 4), name="{name}")' for name in names]
    text = "\n".join([*lines, f"y = Add(name='y')([{', '.join(names)}])", f"model = Model([{', '.join(names)}], y)"])
    report = check(parse(text))
    (verdict,) = report.merges
    assert (verdict.verdict, verdict.condition) == (
        "conditional",
        " == ".join(sorted(f"{name}.T" for name in names)),
    )
    assert report.domain is not None
    assert report.domain.condition == f"len({{{', '.join(sorted(f'{name}.T' for name in names))}}} - {{1}}) < 2"
    assert sorted((verdict.outside.example if verdict.outside else {}).values()) == [1] * 10 + [2, 3]
