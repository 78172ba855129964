from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph import Graph, KgraphError, check, extract, parse, show
from kgraph.analysis.resized import resized
from tests.analysis.small_models import built, small_models, with_sizes

UNET = """
x = Input(shape=(None, None, 3), name="x")
c = Conv2D(4, 3, padding="same", name="c")(x)
p = MaxPooling2D(2, name="p")(c)
u = UpSampling2D(2, name="u")(p)
y = Add(name="y")([u, c])
model = Model(x, y)
"""
TWO = """
a = Input(shape=(None, None, 3), name="a")
b = Input(shape=(None, 3), name="b")
c = Conv2D(4, 3, name="c")(a)
d = Dense(4, name="d")(b)
model = Model([a, b], [c, d])
"""
OPAQUE = """
x = Input(shape=(None, None, 3), name="x")
"{'outputs': (((None, None, None, 7), 'float32'),)}"
o = Custom("shop.Thing", name="o")(x)
r = ReLU(name="r")(o)
s = Conv2D(4, 1, strides=2, name="s")(x)
t = Add(name="t")([s, x[:, ::2, ::2, 0:1]])
model = Model(x, [r, t])
"""


def shapes(graph: Graph) -> dict[str, Any]:
    return {node: op.outputs[0].shape for node, op in graph.ops.items()}


def test_everything_behind_the_input_is_inferred_again() -> None:
    assert shapes(resized(parse(UNET), (500, 374, 3))) == {
        "x": (None, 500, 374, 3), "c": (None, 500, 374, 4), "p": (None, 250, 187, 4), "u": (None, 500, 374, 4),
        "y": (None, 500, 374, 4),
    }  # fmt: skip


def test_an_axis_may_stay_open() -> None:
    assert shapes(resized(parse(UNET), (None, 374, 3)))["u"] == (None, None, 374, 4)
    assert resized(parse(UNET), (None, None, 3)) == parse(UNET)
    assert resized(parse(UNET), {}) == parse(UNET)


def test_inputs_by_name() -> None:
    graph = resized(parse(TWO), {"a": (9, 8, 3)})
    assert shapes(graph) == {
        "a": (None, 9, 8, 3), "b": (None, None, 3), "c": (None, 7, 6, 4), "d": (None, None, 4)
    }  # fmt: skip
    assert graph == parse(TWO.replace("shape=(None, None, 3)", "shape=(9, 8, 3)"))
    assert shapes(resized(parse(TWO), {"b": (5, 3)}))["d"] == (None, 5, 4)


def test_a_fixed_batch_is_kept() -> None:
    text = UNET.replace("shape=(None, None, 3)", "batch_shape=(8, None, None, 3)")
    assert shapes(resized(parse(text), (4, 6, 3)))["y"] == (8, 4, 6, 4)


def test_of_what_no_rule_knows_only_what_was_recorded_stands() -> None:
    graph = resized(parse(OPAQUE), (8, 9, 3))
    assert shapes(graph)["o"] == (None, None, None, 7)
    assert shapes(graph)["r"] == (None, None, None, 7)
    assert shapes(graph)["t"] == (None, 4, 5, 4)
    assert check(graph).merges[0].verdict == "broadcast"


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((5, 6, 3), "y (layers.Add) does not take these sizes: Keras raises on (None, 4, 6, 4), (None, 5, 6, 4)"),
        ((1, 6, 3), "p (layers.MaxPooling2D) does not take these sizes: Keras raises on (None, 1, 6, 4)"),
        ((6, 6), "input x has the shape (None, None, None, 3): expected 3 sizes, all but the batch; received 2"),
        ((6, 6, 4), "input x has the shape (None, None, None, 3): axis 3 is 3; received 4"),
        ((6, 0, 3), "input x: a size must be a positive int, or None; received 0"),
        ((6, 6.0, 3), "input x: a size must be a positive int, or None; received 6.0"),
        ((6, True, 3), "input x: a size must be a positive int, or None; received True"),
        ({"y": (6, 6, 3)}, "the model has no input 'y'; expected one of: x"),
    ],
)
def test_what_cannot_be_is_one_clear_line(sizes: Any, message: str) -> None:
    with pytest.raises(KgraphError) as error:
        resized(parse(UNET), sizes)
    assert str(error.value) == message


def test_of_several_inputs_one_must_be_named() -> None:
    with pytest.raises(KgraphError, match="the model has 2 inputs; name those that get sizes: a, b"):
        resized(parse(TWO), (9, 8, 3))


def test_where_the_sizes_that_are_given_fit_the_others_are_asked_for() -> None:
    head = 'a = Input(shape=(None, 8), name="a")\nb = Input(shape=(None, 8), name="b")'
    graph = parse(f'{head}\ny = Dot(axes=1, name="y")([a, b])\nmodel = Model([a, b], y)')
    with pytest.raises(KgraphError, match=r"Keras raises on .*; give the other sizes as well, such as b.T = 4$"):
        check(graph, input_shape={"a": (4, 8)})
    assert check(graph, input_shape={"a": (4, 8), "b": (4, 8)}).requirements == ()


def test_an_empty_tensor_is_refused() -> None:
    text = UNET.replace('MaxPooling2D(2, name="p")(c)', "c[:, 5:]")
    with pytest.raises(KgraphError, match=r"p .* makes an empty tensor of \(None, 5, 6, 4\): \(None, 0, 6, 4\)"):
        resized(parse(text), (5, 6, 3))


@pytest.mark.keras
@settings(max_examples=60)
@given(small_models(), st.integers(1, 24), st.integers(1, 24))
def test_keras_agrees(text: str, height: int, width: int) -> None:
    """What Keras builds at these sizes is what is inferred; where it raises, or a tensor is empty, that is said."""
    try:
        made = extract(built(with_sizes(text, height, width)))
    except ValueError:
        made = None
    if made is None or any(0 in spec.shape for op in made.ops.values() for spec in op.outputs if spec.shape):
        with pytest.raises(KgraphError):
            resized(parse(text), (height, width, 2))
        return
    found = resized(parse(text), (height, width, 2))
    assert found.equivalent(made)
    assert [item.verdict for item in check(found).merges] == [item.verdict for item in check(made).merges]


@pytest.mark.keras
def test_an_architecture_of_keras() -> None:
    import keras

    small: Any = keras.applications.MobileNetV3Small
    model = small(include_top=False, weights=None, input_shape=(None, None, 3))
    graph = extract(model)
    fixed = built(show(graph).replace("shape=(None, None, 3)", "shape=(70, 81, 3)", 1))
    assert resized(graph, (70, 81, 3)).equivalent(extract(fixed))


@pytest.mark.keras
def test_nested_and_shared_layers() -> None:
    """Every call of a layer has its own sizes, and the weights are those that it has."""
    import keras

    def model(size: int | None, other: int | None) -> Any:
        layers = keras.layers
        inner_in = keras.Input((None, 4))
        inner = keras.Model(inner_in, layers.Conv1D(4, 3, strides=2)(inner_in))
        shared = layers.ZeroPadding1D(1)
        left, right = keras.Input((size, 4), name="left"), keras.Input((other, 4), name="right")
        joined = layers.Concatenate(axis=1)([inner(shared(left)), inner(shared(right))])
        return keras.Model([left, right], [joined, layers.Flatten()(inner(joined))])

    found = resized(extract(model(None, None)), {"left": (9, 4), "right": (12, 4)})
    assert found.equivalent(extract(model(9, 12)))
    assert resized(extract(model(None, None)), {"right": (12, 4)}).equivalent(extract(model(None, 12)))


def test_a_deep_graph() -> None:
    lines = ['n0 = Input(shape=(None, 3), name="n0")']
    lines += [f'n{i} = ZeroPadding1D(1, name="n{i}")(n{i - 1})' for i in range(1, 2001)]
    graph = parse("\n".join([*lines, "model = Model(n0, n2000)"]))
    assert shapes(resized(graph, (5, 3)))["n2000"] == (None, 4005, 3)
