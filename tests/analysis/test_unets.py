from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, example, given, note, settings
from hypothesis import strategies as st

from kgraph import Graph, parse
from kgraph.analysis.domain import Domain, domain
from tests.analysis.brute import BruteForce, evaluated, examples, keras_works
from tests.analysis.unets import Level, UNet, unet_text, unets

REACH = 200
FAST = (Phase.explicit, Phase.reuse, Phase.generate)  # nothing is shrunk: an example takes a second

ORIGINAL = """
image = Input(shape=(None, None, 1), name="image")
a = Conv2D(1, 3)(Conv2D(1, 3)(image))
b = Conv2D(1, 3)(Conv2D(1, 3)(MaxPooling2D(2)(a)))
c = Conv2D(1, 3)(Conv2D(1, 3)(MaxPooling2D(2)(b)))
d = Conv2D(1, 3)(Conv2D(1, 3)(MaxPooling2D(2)(c)))
e = Conv2D(1, 3)(Conv2D(1, 3)(MaxPooling2D(2)(d)))
f = Concatenate()([Cropping2D(4)(d), Conv2DTranspose(1, 2, strides=2)(e)])
g = Concatenate()([Cropping2D(16)(c), Conv2DTranspose(1, 2, strides=2)(Conv2D(1, 3)(Conv2D(1, 3)(f)))])
h = Concatenate()([Cropping2D(40)(b), Conv2DTranspose(1, 2, strides=2)(Conv2D(1, 3)(Conv2D(1, 3)(g)))])
i = Concatenate()([Cropping2D(88)(a), Conv2DTranspose(1, 2, strides=2)(Conv2D(1, 3)(Conv2D(1, 3)(h)))])
y = Conv2D(1, 1)(Conv2D(1, 3)(Conv2D(1, 3)(i)))
model = Model(image, y)
"""
"""The U-Net of Ronneberger et al. (2015), which takes 572 x 572."""


def taken(brute: BruteForce) -> tuple[list[int], list[int]]:
    """The heights, and the widths, that a U-Net takes; an axis that is left open asks for nothing."""
    heights = [size for size in range(1, REACH + 1) if brute.works({"B": 1, "H": size, "W": None})]
    widths = [size for size in range(1, REACH + 1) if brute.works({"B": 1, "H": None, "W": size})]
    return heights, widths


def says(found: Domain, height: int, width: int) -> bool:
    """What a domain says of a size: its formula, and its words, which must say the same."""
    known = found.accepts(H=height, W=width)
    assert found.condition is not None
    assert evaluated(found.condition, {"H": height, "W": width}) is known
    return known


def shapes_of(net: UNet, height: int, width: int) -> dict[str, tuple[int, ...]]:
    last = net.data_format == "channels_last"
    return {"image": (2, height, width, net.channels) if last else (2, net.channels, height, width)}


PAIRS = st.lists(st.tuples(st.integers(1, REACH), st.integers(1, REACH)), min_size=20, max_size=20)


def test_the_domain_is_what_brute_force_finds() -> None:
    taken_by: set[str] = set()

    @settings(max_examples=examples(20), phases=FAST)
    @given(unets(), PAIRS, st.tuples(st.integers(1, 100), st.integers(1, 100)))
    def check(net: UNet, pairs: list[tuple[int, int]], asked: tuple[int, int]) -> None:
        note(unet_text(net))
        taken_by.add(checked(parse(unet_text(net)), pairs, asked))

    check()
    assert {"none", "some"} <= taken_by  # else any domain would pass


def checked(graph: Graph, pairs: list[tuple[int, int]], asked: tuple[int, int]) -> str:
    """Compares a domain with brute force and says how many heights it takes: none, one, some or all."""
    found, brute = domain(graph), BruteForce(graph, domain(graph).symbols)
    assert not found.unknown
    heights, widths = taken(brute)
    height, width = (heights or [1])[0], (widths or [1])[0]
    for size in range(1, REACH + 1):
        assert says(found, size, width) is (size in heights and bool(widths))
        assert says(found, height, size) is (size in widths and bool(heights))
    for high, wide in pairs:
        assert says(found, high, wide) is (high in heights and wide in widths)
        assert brute.works({"B": 3, "H": high, "W": wide}) is (high in heights and wide in widths)
    least, near = found.smallest(), found.nearest(H=asked[0], W=asked[1])
    if not heights or not widths:
        # What there is beyond the reach of brute force is at least taken by it.
        assert all(each is None or brute.works({"B": 1, **each}) for each in (least, near))
        assert (found.condition == "never") is (least is None)
        return "none"
    assert least == {"B": 1, "H": height, "W": width}
    assert near is not None
    assert near["H"] in heights
    assert near["W"] in widths
    apart = [min(abs(size - want) for size in sizes) for sizes, want in zip((heights, widths), asked, strict=True)]
    assert [abs(near["H"] - asked[0]), abs(near["W"] - asked[1])] == apart
    return {1: "one", REACH: "all"}.get(len(heights), "some")


def test_the_original_u_net() -> None:
    graph = parse(ORIGINAL)
    found = domain(graph)
    assert found.condition == "H % 16 == 12 and H >= 188 and W % 16 == 12 and W >= 188"
    assert found.nearest(H=575, W=569) == {"H": 572, "W": 572}
    assert found.smallest() == {"B": 1, "H": 188, "W": 188}
    brute = BruteForce(graph, found.symbols)
    assert all(brute.works({"B": 1, "H": size, "W": 188}) is found.accepts(H=size, W=188) for size in range(1, 600))


VALID = Level(
    convs=((3, "valid"),), down="MaxPooling2D", wide=3, padding="valid", factor=(2, 2), up="Conv2DTranspose", kernel=3,
    up_padding="valid", merge="Concatenate", fits=True,
)  # fmt: skip
STRIDED = replace(VALID, down="Conv2D", wide=2, factor=(3, 2), up="UpSampling2D", merge="Add")


@pytest.mark.keras
@settings(max_examples=examples(2), phases=FAST)
@example(UNet((VALID, STRIDED), (35, 22)), 35, 22)
@example(UNet((STRIDED,), (13, 22), data_format="channels_first"), 14, 22)
@given(unets(most=3), st.integers(1, 64), st.integers(1, 64))
def test_keras_builds_just_what_the_domain_accepts(net: UNet, height: int, width: int) -> None:
    note(unet_text(net))
    graph = parse(unet_text(net))
    found = domain(graph)
    near = found.nearest(H=height, W=width) or {"H": height, "W": width}
    tried = {(height, width), (near["H"], near["W"])}
    tried |= {(near["H"] + 1, near["W"]), (near["H"], near["W"] + 1)}
    for high, wide in sorted(tried):
        note(f"{high} x {wide}: {found.condition}")
        assert keras_works(graph, shapes_of(net, high, wide)) is found.accepts(H=high, W=wide)
