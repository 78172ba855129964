from __future__ import annotations

import json

from kgraph import parse
from kgraph.analysis.chains import why
from kgraph.report.why import MOST, render, render_json
from tests.analysis.test_chains import UNET


def test_axes_that_went_one_way_are_told_as_one_and_nothing_twice() -> None:
    text = render(why(parse(UNET), "y"))
    assert text.startswith("y  Add  conditional  (B, H - 2, W - 2, 8)\n  the inputs are alike iff H % 2 == 0 and ")
    assert text.endswith(
        """
height, width
  u  2 * ((H - 2) // 2), 2 * ((W - 2) // 2)  (up-sampling by 2)
    <- p  (H - 2) // 2, (W - 2) // 2  (stride 2 and a valid 2-wide window), unchanged through 1 call
    <- c  H - 2, W - 2  (a valid 3-wide window), unchanged through 1 call
    <- x  H, W  (the input)
  c, as above

channels
  u  8
    <- c  8  (8 filters), unchanged through 4 calls
  c, as above
"""
    )


def test_what_is_made_of_several_is_indented() -> None:
    sliced = UNET.replace("[f, z])", "[f, z[:, 1:]])")
    found = render(why(parse(sliced), "get_item"))
    assert found.splitlines()[2:7] == [
        "height",
        "  z  2 * H - 4  (Concatenate)",
        "      of c  H - 2  (a valid 3-wide window), unchanged through 1 call",
        "        <- x  H  (the input)",
        "      of c, as above",
    ]


def test_axes_that_are_not_there_and_sizes_without_a_name() -> None:
    text = 'x = Input(shape=(4, 5), name="x")\nv = Input(shape=(5,), name="v")\ny = x + v\nmodel = Model([x, v], y)'
    assert "\n  v  has no such axis\n" in render(why(parse(text), "y"))
    opaque = """
x = Input(shape=(None, 3), name="x")
"{'outputs': (((None, None, 3), 'float32'),)}"
o = Custom("shop.Thing", name="o")(x)
y = Add(name="y")([x, o])
model = Model(x, y)
"""
    found = render(why(parse(opaque), "y"))
    assert "  o  ?  (Thing: a size that only running the model tells)" in found


def test_the_middle_of_a_long_chain_is_left_out() -> None:
    lines = ['n0 = Input(shape=(None, 3), name="n0")']
    lines += [f'n{i} = ZeroPadding1D(1, name="n{i}")(n{i - 1})' for i in range(1, 21)]
    found = why(parse("\n".join([*lines, "y = Add(name='y')([n20, n20[:, 1:]])", "model = Model(n0, y)"])), "y")
    text = render(found).splitlines()
    assert f"    <- ... {21 - MOST} more ..." in text
    first = text.index("  n20  T + 40  (padding 1 + 1)")
    assert [line.split()[1] for line in text[first : first + MOST + 1]] == [
        "T", "n19", "n18", "n17", "n16", "...", "n4", "n3", "n2", "n1", "n0"
    ]  # fmt: skip
    assert len(json.loads(render_json(found))["axes"][0]["strands"][0]["chain"]["steps"]) == 21


def test_json() -> None:
    found = json.loads(render_json(why(parse(UNET), "p")))
    assert list(found) == ["node", "kind", "shape", "verdict", "requirement", "axes"]
    assert found["verdict"] is None and found["requirement"]["status"] == "conditional"
    assert found["axes"][0]["name"] == "height"
    step = found["axes"][0]["strands"][0]["chain"]["steps"][0]
    assert step == {"value": "c", "axis": 1, "extent": "H - 2", "reason": "a valid 3-wide window", "unchanged": 1}
