from __future__ import annotations

import pytest

from kgraph import Graph, Requirement, Verdict, check, parse
from kgraph.analysis import integers
from kgraph.analysis.domain import domain
from kgraph.analysis.extents import extents, measured
from kgraph.analysis.formulas import ALWAYS, NEVER
from kgraph.analysis.integers import is_empty
from kgraph.analysis.names import shown_shape
from kgraph.analysis.requirements import requirements
from kgraph.analysis.verdicts import verdicts
from kgraph.errors import SizesError
from kgraph.graph import Value

HEAD = 'x = Input(shape=(None, None, 4), name="x")\n'


def graph_of(body: str, output: str = "y") -> Graph:
    return parse(f"{HEAD}{body}\nmodel = Model(x, {output})")


def shape_of(body: str) -> tuple[int | str | None, ...] | None:
    graph = graph_of(body)
    return shown_shape(graph, extents(graph, Value("y")))


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ("y = Conv2D(8, 3)(x)", ("B", "H - 2", "W - 2", 8)),
        ('y = MaxPooling2D(2, padding="same")(x)', ("B", "ceil(H / 2)", "ceil(W / 2)", 4)),
        ("y = Flatten()(x)", ("B", "4 * H * W")),
        ("y = ops.reshape(x, newshape=(-1, 4))", ("B * H * W", 4)),
        ("y = ops.concatenate([x, x], axis=0)", ("2 * B", "H", "W", 4)),
        ("y = x[:, 2:, 1, ...]", ("B", "H - 2", 4)),
        ("y = x[:, 1:2, ...]", ("B", 1, "W", 4)),
        ("y = ops.mean(x, axis=0)", ("H", "W", 4)),
        ("y = x[:, :, ::-2, ...]", ("B", "H", "ceil(W / 2)", 4)),
    ],
)
def test_extents_in_words(body: str, shape: tuple[int | str | None, ...]) -> None:
    assert shape_of(body) == shape


@pytest.mark.parametrize(
    ("body", "condition"),
    [
        ("y = x[3, ...]", "B >= 4"),
        ("y = x[-3, ...]", "B >= 3"),
        ("y = ops.reshape(x, newshape=(-1, 8))", "(B * H * W) % 2 == 0"),
        ("y = x[:, 1:2, ...]", "H >= 2"),
        ("y = Conv2D(8, (1, 5))(x)", "W >= 5"),
        ("y = Cropping2D(((1, 2), (0, 0)))(x)", "H >= 4"),
    ],
)
def test_what_a_call_asks_of_sizes(body: str, condition: str) -> None:
    (found,) = requirements(graph_of(body))
    assert (found.node, found.status, found.condition) == ("y", "conditional", condition)


def test_a_call_whose_output_is_always_empty_never_works() -> None:
    fixed = parse('x = Input(shape=(4,), name="x")\ny = x[:, 4:, ...]\nmodel = Model(x, y)')
    assert measured(fixed)["y"].works == NEVER
    assert [item.status for item in requirements(fixed)] == ["never"]
    assert [item.status for item in requirements(graph_of("y = x[:, :, :, 4:]"))] == ["never"]


@pytest.mark.parametrize(
    "body",
    [
        "y = ops.squeeze(x)",  # of as many axes as there are sizes of 1
        "y = Rescaling(scale=((1.0, 2.0, 3.0, 4.0),))(x)",  # Keras records a shape that it does not have
        'y = Custom("pkg.Odd", name="y")(x)',
    ],
)
def test_what_no_rule_tells_is_unknown(body: str) -> None:
    graph = parse(f"{HEAD}\"{{'outputs': (((None, None, None, 4), 'float32'),)}}\"\n{body}\nmodel = Model(x, y)")
    found = measured(graph)["y"]
    assert (found.told, found.works) == (False, ALWAYS)
    assert [item.status for item in requirements(graph)] == ["unknown"]


def test_a_merge_with_an_unknown_rank_is_told_to_be_unknown() -> None:
    graph = graph_of('o = Custom("pkg.Odd", name="o")(x)\ny = Add(name="y")([x, o])')
    assert not measured(graph)["y"].told
    assert [verdict.verdict for verdict in verdicts(graph)] == ["unknown"]


def test_what_is_too_hard_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the budget of isl nothing is claimed."""
    text = """
x = Input(shape=(None, 8), name="x")
z = Input(shape=(None, 8), name="z")
j = Concatenate(axis=1)([x, z])
a = MaxPooling1D(2)(j)
b = MaxPooling1D(2, padding="same")(j)
c = Concatenate(axis=1)([a, b])  # floor and ceil of a half, of two sizes
y = Add(name="y")([j, c])
model = Model([x, z], y)
"""
    report = check(parse(text))
    assert claims(report.merges, ()) == {"y": "identical"}
    monkeypatch.setattr(integers, "BUDGET", 1)
    is_empty.cache_clear()
    try:
        hard = check(parse(text))
    finally:
        is_empty.cache_clear()
    assert claims(hard.merges, ()) == {"y": "unknown"}
    assert "too hard" in " ".join(hard.merges[0].why)


def claims(merges: tuple[Verdict, ...], asked: tuple[Requirement, ...]) -> dict[str, str]:
    return {**{item.node: item.status for item in asked}, **{item.node: item.verdict for item in merges}}


def test_an_output_that_nothing_reads_may_be_empty() -> None:
    head = 'x = Input(shape=(2, 5), name="x")\na, b, c = ops.split(x, indices_or_sections=(1, 2), axis=1)\n'
    assert check(parse(f"{head}model = Model(x, [a, b])")).requirements == ()
    assert [item.status for item in check(parse(f"{head}model = Model(x, [a, c])")).requirements] == ["never"]
    open_head = head.replace("(2, 5)", "(None, 5)")
    for read, least in (("[a, b]", 2), ("[a, b, c]", 3)):
        graph = parse(f"{open_head}model = Model(x, {read})")
        assert domain(graph).smallest() == {"B": 1, "T": least}
        assert check(graph, input_shape=(least, 5)).requirements == ()
        with pytest.raises(SizesError, match="Keras raises" if read == "[a, b]" else "empty tensor"):
            check(graph, input_shape=(least - 1, 5))


def test_an_operation_without_a_rule_is_unknown_for_the_batch_too() -> None:
    graph = parse(
        "x = Input(shape=(4,), name=\"x\")\n\"{'outputs': (((3, 4), 'float32'),)}\"\n"
        'y = ops.segment_sum(x, segment_ids=constant("int32", (3,), "d"), num_segments=3)\nmodel = Model(x, y)'
    )
    assert [item.status for item in requirements(graph)] == ["unknown"]
    assert domain(graph).unknown == ("y",)
