from __future__ import annotations

import pytest

from kgraph import KgraphError, check, domain, parse, shapes

IMAGE = 'x = Input(shape=(None, None, 3), name="x")\ny = Conv2D(4, 3, strides=2, name="y")(x)\nmodel = Model(x, y)'


def names(text: str) -> list[str]:
    return list(domain(parse(text)).symbols)


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        ("(None, None, 3)", "ReLU()", ["B", "H", "W"]),
        ("(3, None, None)", 'Conv2D(4, 1, data_format="channels_first")', ["B", "H", "W"]),
        ("(None, None, None, 3)", "ReLU()", ["B", "D", "H", "W"]),
        ("(None, 8)", "ReLU()", ["B", "T"]),
        ("(None,)", "ReLU()", ["B", "d1"]),
        ("(None, None, None)", "ReLU()", ["B", "H", "W", "d3"]),
        ("(None, None, None, None, 2)", "ReLU()", ["B", "d1", "d2", "d3", "d4"]),
    ],
)
def test_sizes_are_called_what_people_call_them(shape: str, layer: str, expected: list[str]) -> None:
    assert names(f'x = Input(shape={shape}, name="x")\ny = {layer}(x)\nmodel = Model(x, y)') == expected


def test_sizes_of_several_inputs_have_the_names_of_the_inputs() -> None:
    text = (
        'image = Input(shape=(None, None, 3), name="image")\nmask = Input(shape=(None, 3), name="mask")\n'
        'more = Input(shape=(None, None, 1), name="more")\nmodel = Model([image, mask, more], [image, mask, more])'
    )
    assert names(text) == ["B", "image.H", "image.W", "T", "more.H", "more.W"]


def test_sizes_can_be_renamed() -> None:
    given = {"H": "rows", "B": "batch"}
    assert shapes(parse(IMAGE), names=given)["y"] == ("batch", "(rows - 1) // 2", "(W - 1) // 2", 4)
    found = domain(parse(IMAGE), names=given)
    assert (found.condition, found.accepts(rows=3, W=3)) == ("rows >= 3 and W >= 3", True)
    assert check(parse(IMAGE), names=given).to_dict()["domain"]["smallest"] == {"batch": 1, "rows": 3, "W": 3}
    graph = parse(IMAGE)
    domain(graph, names=given)
    assert list(domain(graph).symbols) == ["B", "H", "W"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"K": "k"}, "there is no size 'K' to rename; expected some of: B, H, W"),
        ({"H": "W"}, "every size needs a name of its own; received 'W' for 2 of them"),
        ({"H": ""}, "every size needs a name of its own; received '' for 1 of them"),
    ],
)
def test_names_that_cannot_be(given: dict[str, str], message: str) -> None:
    with pytest.raises(KgraphError, match=f"^{message}$"):
        shapes(parse(IMAGE), names=given)
