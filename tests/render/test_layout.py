"""Places: no card lies on another, no line runs through one, no label lies on one."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.graph import Graph
from kgraph.render.cards import describe
from kgraph.render.engine import Size, Wire, weights
from kgraph.render.layout import Layout, arrange
from kgraph.render.paint import face
from kgraph.render.theme import LABEL, sans_width
from kgraph.render.tracks import Hop, assign
from tests.render import models

Box = tuple[float, float, float, float]


def laid(graph: Graph) -> tuple[list[Size], list[Wire], Layout]:
    picture = describe(graph)
    sizes = [face(card).size for card in picture.cards]
    wires = [Wire(link.tail, link.head, sans_width(link.label, LABEL)) for link in picture.links]
    return sizes, wires, arrange(sizes, wires)


def boxes(sizes: list[Size], layout: Layout, less: float = 0.0) -> list[Box]:
    return [
        (x - size.width / 2 + less, y - size.height / 2 + less, x + size.width / 2 - less, y + size.height / 2 - less)
        for (x, y), size in zip(layout.centres, sizes, strict=True)
    ]


def meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def check(sizes: list[Size], wires: list[Wire], layout: Layout) -> None:
    cards = boxes(sizes, layout, 0.2)
    assert not [pair for pair in combinations(cards, 2) if meet(*pair)]
    for wire, route in zip(wires, layout.routes, strict=True):
        tail, head = cards[wire.tail], cards[wire.head]
        (x0, y0), (x1, y1) = route.points[0], route.points[-1]
        assert y0 == pytest.approx(tail[3], abs=0.4) and tail[0] < x0 < tail[2]
        assert y1 == pytest.approx(head[1], abs=0.4) and head[0] < x1 < head[2]
        for (ax, ay), (bx, by) in pairwise(route.points):
            assert ax == bx or ay == by
            assert by >= ay
            line = (min(ax, bx) - 0.1, ay, max(ax, bx) + 0.1, by)
            assert not [card for card in cards if meet(line, card)]
        x, y = route.label
        label = (x, y - 5, x + wire.label, y + 5)
        assert not [card for card in cards if meet(label, card)]
        assert x >= 0 and x + wire.label <= layout.width + 0.1
    for x0, y0, x1, y1 in cards:
        assert x0 >= 0 and y0 >= 0 and x1 <= layout.width and y1 <= layout.height


@pytest.mark.parametrize(
    "graph",
    [models.resnext50(), models.resnext50(fused=False, stages=((1, 128, 1),)), models.zoo(), models.hostile()],
    ids=["fused", "unfused block", "zoo", "hostile"],
)
def test_nothing_overlaps(graph: Graph) -> None:
    check(*laid(graph))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Size], list[Wire]]:
    count = draw(st.integers(2, 14))
    widths = st.integers(116, 300)
    sizes = [Size(draw(widths), draw(st.integers(40, 120))) for _ in range(count)]
    wires = [
        Wire(tail, head, 40.0)
        for head in range(1, count)
        for tail in draw(st.lists(st.integers(0, head - 1), min_size=1, max_size=4))
    ]
    return sizes, wires


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_nothing_overlaps_in_any_graph(graph: tuple[list[Size], list[Wire]]) -> None:
    sizes, wires = graph
    check(sizes, wires, arrange(sizes, wires))


def test_the_longest_path_is_a_straight_trunk() -> None:
    graph = models.resnext50()
    _, _, layout = laid(graph)
    number = {node: index for index, node in enumerate(graph.ops)}
    trunk = {layout.centres[number[node]][0] for node, op in graph.ops.items() if op.kind.endswith((".Add", ".Dense"))}
    assert len(trunk) == 1


def test_weights_prefer_the_longest_path() -> None:
    wires = [Wire(0, 1, 0), Wire(1, 2, 0), Wire(0, 2, 0)]
    assert weights(3, wires) == [100, 100, 1]


def test_no_cards_need_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgraph.render.engine.find", lambda: pytest.fail("the engine was asked for"))
    assert arrange([], []) == Layout((), (), 0.0, 0.0)


def test_lines_to_one_card_share_a_track_and_others_do_not() -> None:
    wires = [Wire(0, 3, 0), Wire(1, 3, 0), Wire(0, 4, 0)]
    shared = [Hop(0, 0, 50, True, True), Hop(1, 100, 50, True, True)]
    assert [track for _, track in assign(wires, shared)] == [0]
    apart = [Hop(1, 100, 50, True, True), Hop(2, 0, 80, True, True)]
    assert sorted(track for _, track in assign(wires, apart)) == [0, 1]


def test_a_line_turns_aside_before_another_comes_down_in_its_place() -> None:
    wires = [Wire(0, 2, 0), Wire(1, 3, 0)]
    tracks = {
        group.hops[0].wire: track
        for group, track in assign(wires, [Hop(0, 100, 0, False, False), Hop(1, 0, 50, False, False)])
    }
    assert tracks[1] < tracks[0]


def test_a_swap_still_gets_two_tracks() -> None:
    wires = [Wire(0, 2, 0), Wire(1, 3, 0)]
    found = assign(wires, [Hop(0, 0, 100, False, False), Hop(1, 100, 0, False, False)])
    assert sorted(track for _, track in found) == [0, 1]


def test_tracks_are_bounded() -> None:
    wires = [Wire(number, 1000 + number, 0) for number in range(200)]
    found = assign(wires, [Hop(number, number * 20.0, 9000.0 - number * 20, False, False) for number in range(200)])
    assert len(found) == 200
    assert max(track for _, track in found) < 40
