from __future__ import annotations

import pytest

from kgraph import Graph, KgraphError, parse
from kgraph.analysis.chains import BRANCHES, LONGEST, Chain, Why, chain, why
from kgraph.graph import Value

UNET = """
x = Input(shape=(None, None, 3), name="x")
c = Conv2D(8, 3, name="c")(x)
r = ReLU(name="r")(c)
p = MaxPooling2D(2, name="p")(r)
q = ReLU(name="q")(p)
u = UpSampling2D(2, name="u")(q)
y = Add(name="y")([u, c])
f = Flatten(name="f")(y)
z = Concatenate(axis=1, name="z")([y, c])
model = Model(x, [f, z])
"""


def told(graph: Graph, value: str, axis: int) -> list[tuple[object, ...]]:
    found = chain(graph, Value(value), axis)
    return [(step.value, step.axis, step.extent, step.reason, step.unchanged) for step in found.steps]


def names(story: Why) -> dict[str, list[str]]:
    return {axis.name: [strand.value for strand in axis.strands] for axis in story.axes}


def test_a_chain_leads_back_to_the_input() -> None:
    assert told(parse(UNET), "u", 1) == [
        ("u", 1, "2 * ((H - 2) // 2)", "up-sampling by 2", 0),
        ("p", 1, "(H - 2) // 2", "stride 2 and a valid 2-wide window", 1),
        ("c", 1, "H - 2", "a valid 3-wide window", 1),
        ("x", 1, "H", "the input", 0),
    ]


def test_it_ends_where_a_number_was_fixed() -> None:
    assert told(parse(UNET), "u", 3) == [("c", 3, 8, "8 filters", 4)]


def test_fixed_sizes_have_the_same_chain() -> None:
    fixed = told(parse(UNET.replace("(None, None,", "(10, 12,")), "u", 1)
    assert [(row[0], row[2]) for row in fixed] == [("u", 8), ("p", 4), ("c", 8), ("x", 10)]
    assert [row[0] for row in fixed] == [row[0] for row in told(parse(UNET), "u", 1)]


def test_an_extent_made_of_several() -> None:
    found = chain(parse(UNET), Value("z"), 1)
    assert [step.value for step in found.steps] == ["z"]
    assert [[step.value for step in source.steps] for source in found.sources] == [["c", "x"], ["c", "x"]]
    flat = chain(parse(UNET), Value("f"), 1)
    assert [(source.steps[0].value, source.steps[0].axis) for source in flat.sources] == [("c", 1), ("c", 2), ("c", 3)]


def test_transposed_axes_are_followed() -> None:
    text = """
x = Input(shape=(None, None, 3), name="x")
t = Permute((2, 1, 3), name="t")(x)
p = MaxPooling2D((2, 3), name="p")(t)
model = Model(x, p)
"""
    assert [row[:3] for row in told(parse(text), "p", 1)] == [("p", 1, "W // 2"), ("x", 2, "W")]
    assert [row[:3] for row in told(parse(text), "p", 2)] == [("p", 2, "H // 3"), ("x", 1, "H")]


def test_what_has_no_rule_ends_a_chain() -> None:
    text = """
x = Input(shape=(None, None, 3), name="x")
"{'outputs': (((None, None, None, 7), 'float32'),)}"
o = Custom("shop.Thing", name="o")(x)
r = ReLU(name="r")(o)
model = Model(x, r)
"""
    assert told(parse(text), "r", 1) == [("o", 1, None, "Thing: a size that only running the model tells", 1)]
    assert told(parse(text), "r", 3) == [("o", 3, 7, "Thing", 1)]


def joins(count: int) -> Graph:
    lines = ['x = Input(shape=(None, 3), name="x")', 'n0 = Cropping1D(1, name="n0")(x)']
    lines += [f'n{i} = Concatenate(axis=1, name="n{i}")([n{i - 1}, x])' for i in range(1, count)]
    return parse("\n".join([*lines, f"model = Model(x, n{count - 1})"]))


def depth(found: Chain) -> int:
    return 1 + max(map(depth, found.sources), default=-1)


def test_many_branches_are_cut() -> None:
    found = chain(joins(40), Value("n39"), 1)
    assert depth(found) == BRANCHES
    last = found.sources[0].sources[0].sources[0]
    assert last.cut and not last.sources


def test_long_chains_are_cut() -> None:
    lines = ['n0 = Input(shape=(None, 3), name="n0")']
    lines += [f'n{i} = ZeroPadding1D(1, name="n{i}")(n{i - 1})' for i in range(1, LONGEST + 20)]
    graph = parse("\n".join([*lines, f"model = Model(n0, n{LONGEST + 19})"]))
    found = chain(graph, Value(f"n{LONGEST + 19}"), 1)
    assert (len(found.steps), found.cut) == (LONGEST, True)


def test_a_merge_tells_of_every_axis_but_the_batch() -> None:
    found = why(parse(UNET), "y")
    assert found.verdict is not None and found.verdict.verdict == "conditional"
    assert names(found) == {"height": ["u", "c"], "width": ["u", "c"], "channels": ["u", "c"]}
    assert found.shape == ("B", "H - 2", "W - 2", 8)


def test_a_requirement_tells_of_what_it_asks_for() -> None:
    found = why(parse(UNET), "p")
    assert found.requirement is not None and found.requirement.status == "conditional"
    assert names(found) == {"height": ["r"], "width": ["r"]}


def test_any_other_call_tells_of_its_output() -> None:
    found = why(parse(UNET.replace("(None, None,", "(10, 12,")), "r")
    assert (found.verdict, found.requirement) == (None, None)
    assert names(found) == {"height": ["r"], "width": ["r"], "channels": ["r"]}


def test_a_batch_that_meets_another_axis_is_told_of() -> None:
    text = 'x = Input(shape=(4, 5), name="x")\nv = Input(shape=(5,), name="v")\ny = x + v\nmodel = Model([x, v], y)'
    found = why(parse(text), "y")
    assert [(strand.value, strand.extent) for axis in found.axes for strand in axis.strands] == [
        ("x", "B"), ("v", None), ("x", 4), ("v", "B"), ("x", 5), ("v", 5),
    ]  # fmt: skip
    assert found.axes[0].strands[1].chain is None


def test_where_operands_differ_all_of_them_are_followed() -> None:
    text = """
a = Input(shape=(None, 3), name="a")
b = Input(shape=(None, 3), name="b")
y = Add(name="y")([a, b])
z = Add(name="z")([y, y[:, ::2]])
model = Model([a, b], z)
"""
    found = why(parse(text), "z").axes[0].strands[0].chain
    assert found is not None
    assert [step.value for step in found.steps] == ["y"]
    assert [source.steps[0].value for source in found.sources] == ["a", "b"]


@pytest.mark.parametrize(
    ("node", "message"),
    [("yy", "model has no node 'yy'; did you mean y?"), ("", "model has no node ''; `kgraph show` writes out")],
)
def test_a_node_that_does_not_exist(node: str, message: str) -> None:
    with pytest.raises(KgraphError) as error:
        why(parse(UNET), node)
    assert str(error.value).startswith(message)
