from __future__ import annotations

import pytest

from kgraph import parse
from kgraph.analysis.domain import Domain, domain, summary
from kgraph.errors import KgraphError

HALVED = """
image = Input(shape=(None, None, 1), name="image")
a = UpSampling2D(2)(MaxPooling2D(2)(image))
y = Concatenate()([image, a])
model = Model(image, y)
"""


def of(text: str) -> Domain:
    return domain(parse(text))


def test_the_sizes_of_one_image() -> None:
    found = of(HALVED)
    assert found.condition == "H % 2 == 0 and W % 2 == 0"
    assert found.accepts(H=4, W=6)
    assert not found.accepts(H=4, W=5)
    assert found.accepts(B=7, H=4, W=6)
    assert found.smallest() == {"B": 1, "H": 2, "W": 2}
    assert found.nearest(H=7, W=8) in ({"H": 6, "W": 8}, {"H": 8, "W": 8})
    assert found.nearest(H=4, W=8, B=3) == {"B": 3, "H": 4, "W": 8}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"H": 4}, "the sizes W are missing; received H"),
        ({}, "the sizes H, W are missing; received none"),
        ({"H": 4, "W": 4, "D": 4}, "there is no size 'D'; expected some of: B, H, W"),
        ({"H": 4, "W": 0}, "the size W must be an int of at least 1; received 0"),
        ({"H": 4, "W": True}, "the size W must be an int of at least 1; received True"),
        ({"H": 4, "W": 4.0}, "the size W must be an int of at least 1; received 4.0"),
        ({"H": "4", "W": 4}, "the size H must be an int of at least 1; received '4'"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes: dict[str, int], message: str) -> None:
    found = of(HALVED)
    for question in (found.accepts, found.nearest):
        with pytest.raises(KgraphError) as caught:
            question(**sizes)
        assert str(caught.value) == message


def test_the_sizes_of_two_inputs_are_joined() -> None:
    found = of(
        """
image = Input(shape=(None, None, 3), name="image")
mask = Input(shape=(None, None, 1), name="mask")
y = Concatenate()([MaxPooling2D(2)(image), mask])
model = Model([image, mask], y)
"""
    )
    assert found.condition == "image.H // 2 == mask.H and image.W // 2 == mask.W"
    assert found.accepts(**{"image.H": 5, "image.W": 4, "mask.H": 2, "mask.W": 2})
    assert not found.accepts(**{"image.H": 6, "image.W": 4, "mask.H": 2, "mask.W": 2})
    assert found.smallest() == {"B": 1, "image.H": 2, "image.W": 2, "mask.H": 1, "mask.W": 1}
    wished = {"image.H": 9, "image.W": 8, "mask.H": 4, "mask.W": 5}
    assert found.nearest(**wished) == {**wished, "mask.W": 4}


def test_a_batch_that_meets_another_axis_is_in_the_domain() -> None:
    found = of(
        """
a = Input(shape=(8, 16), name="a")
b = Input(shape=(16,), name="b")
y = a + b
model = Model([a, b], y)
"""
    )
    assert found.condition == "B in {1, 8}"
    assert [size for size in range(1, 20) if found.accepts(B=size)] == [1, 8]
    assert found.nearest(B=6) == {"B": 8}


def test_a_model_without_open_sizes_takes_all_batches() -> None:
    found = of('x = Input(shape=(4,), name="x")\nmodel = Model(x, Dense(2)(x))')
    assert (found.condition, found.unknown, found.smallest()) == ("", (), {"B": 1})
    assert found.accepts()
    assert found.accepts(B=100)


def test_a_model_that_takes_no_size_says_so() -> None:
    found = of(
        """
x = Input(shape=(None, 1), name="x")
y = Concatenate()([x, Cropping1D(1)(x)])
model = Model(x, y)
"""
    )
    assert (found.condition, found.smallest(), found.nearest(T=9)) == ("never", None, None)
    assert not found.accepts(T=9)


def test_calls_of_which_nothing_is_known_are_listed() -> None:
    found = of(
        """
x = Input(shape=(None, 4), name="x")
"{'outputs': (((None, None, 4), 'float32'),)}"
odd = Custom("pkg.Odd", name="odd")(x)
p = MaxPooling1D(3, name="p")(x)
q = MaxPooling1D(2, name="q")(odd)
model = Model(x, [p, q])
"""
    )
    assert found.unknown == ("odd", "q")
    assert found.condition == "T >= 3"
    assert not found.accepts(T=2)


def test_a_summary_says_where_the_sizes_are() -> None:
    record = summary(parse(HALVED))
    assert record.condition == "H % 2 == 0 and W % 2 == 0"
    assert {name: (place.input, place.axis) for name, place in record.symbols.items()} == {
        "B": (None, 0),
        "H": ("image", 1),
        "W": ("image", 2),
    }
    assert record.smallest == {"B": 1, "H": 2, "W": 2}
