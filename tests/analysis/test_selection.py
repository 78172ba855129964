"""A Selection says what a tensor holds: compared with numpy on index-valued arrays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph import parse
from kgraph.analysis.selection import common_source, reads, selections
from kgraph.graph import Value

SLICES = st.builds(
    lambda a, b, c: f"{'' if a is None else a}:{'' if b is None else b}:{'' if c is None else c}",
    st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9), st.none() | st.sampled_from((1, 2, 3, -1, -2)),
)  # fmt: skip


def graph_of(body: str, outputs: str = "y"):
    return parse(f'x = Input(shape=(6, 8), name="x")\n{body}\nmodel = Model(x, {outputs})')


@given(SLICES, SLICES)
def test_slices_of_slices_hold_what_python_says(first: str, second: str) -> None:
    graph = graph_of(f"a = x[..., {first}]\ny = a[..., {second}]\nz = x[..., 0:1]", "[y, z]")
    inner = eval(f"list(range(8))[{first}]")
    if Value("y") not in selections(graph):  # a slice of everything selects nothing
        assert eval(f"inner[{second}]") == inner
        return
    selection = common_source(graph, [Value("y"), Value("z")])[0]
    assert selection.source == Value("x") or (selection.source == Value("a") and inner == list(range(8)))
    assert [index for run in selection.ranges for index in run] == eval(f"inner[{second}]")


def expanded(graph: object, node: str, out: int = 0) -> list[int]:
    selection = selections(graph)[Value(node, out)]  # type: ignore[arg-type]
    return [index for run in selection.ranges for index in run]


@pytest.mark.parametrize(
    ("body", "axis", "indices", "drops"),
    [
        ("y = x[..., 3]", 2, [3], True),
        ("y = x[..., -1]", 2, [7], True),
        ("y = x[:, 1:3]", 1, [1, 2], False),
        ("y = x[:, 0:6, 2:4]", 2, [2, 3], False),
        ("y = x[..., 0:8]", 2, list(range(8)), False),
        ("y = ops.take(x, (5, -1, 0), axis=-1)", 2, [5, 7, 0], False),
        ('y = ops.take(x, constant("int32", (2,), "d", (1, 2)), axis=2)', 2, [1, 2], False),
        ("y = Lambda(lambda t: t[..., 6:])(x)", 2, [6, 7], False),
    ],
)
def test_one_axis(body: str, axis: int, indices: list[int], drops: bool) -> None:
    graph = graph_of(body)
    selection = selections(graph)[Value("y")]
    assert (selection.axis, expanded(graph, "y"), selection.drops) == (axis, indices, drops)
    assert selection.width == len(indices)


@pytest.mark.parametrize(
    "body",
    [
        "y = x[:, 1:3, 2:4]",
        "y = x[:]",
        "y = x[None, ..., 1:2]",
        "y = x[1:, ..., 1:2]",
        "y = x[0:2]",
        "y = ops.get_item(x, key=(..., 9))",
        "y = ops.take(x, 3, axis=-1)",
        "y = ops.take(x, (1, 2))",
        "y = ops.take(x, (1, 99), axis=-1)",
        'y = ops.take(x, constant("int32", (99,), "d"), axis=2)',
        "y = ops.relu(x)",
    ],
)
def test_no_selection(body: str) -> None:
    assert Value("y") not in selections(graph_of(body))


@pytest.mark.parametrize(
    ("call", "widths"),
    [
        ("ops.split(x, 4, axis=-1)", [2, 2, 2, 2]),
        ("ops.split(x, (1, 3), axis=2)", [1, 2, 5]),
        ("ops.array_split(x, 3, axis=-1)", [3, 3, 2]),
    ],
)
def test_splits(call: str, widths: list[int]) -> None:
    names = ", ".join(f"p_{number}" for number in range(len(widths)))
    graph = graph_of(f"{names} = {call}", f"[{names}]")
    found = [expanded(graph, "p", out) for out in range(len(widths))]
    assert [len(part) for part in found] == widths
    assert found[0] == list(range(widths[0]))


@pytest.mark.parametrize("call", ["ops.split(x, 4)", "ops.split(x, 4, axis=0)"])
def test_a_split_of_an_open_axis_is_no_selection(call: str) -> None:
    names = "p_0, p_1, p_2, p_3"
    facts = "\"{'outputs': " + str((((None, 6, 8), "float32"),) * 4).replace('"', "'") + '}"'
    assert not selections(graph_of(f"{facts}\n{names} = {call}", f"[{names}]"))


def test_slices_along_other_axes_are_not_mixed() -> None:
    graph = graph_of("a = x[:, 1:3]\ny = a[..., 2:4]\nz = x[..., 0:2]", "[y, z]")
    assert [item.source for item in common_source(graph, [Value("y"), Value("z")])] == [Value("a"), Value("x")]


def test_how_a_selection_is_known_is_the_weakest_of_the_chain() -> None:
    tested = "\"{'function': {'digest': 'd', 'known': 'tested'}}\"\n"
    graph = graph_of(
        f'{tested}a = Lambda(lambda t: t[..., 1:7], name="a")(x)\nb = a[..., 1:3]\nc = x[..., 0:1]', "[b, c]"
    )
    assert [item.known for item in common_source(graph, [Value("b"), Value("c")])] == ["tested", "proved"]


def test_reads() -> None:
    body = "a = x[..., 0:2]\nb = x[..., 6:8]\np_0, p_1 = ops.split(x, 2, axis=-1)\nr = ops.relu(x)"
    part = graph_of(body, "[a, b, p_1]")
    found = reads(part, Value("x"), 2)
    assert sorted(index for run in found or () for index in run) == [0, 1, 4, 5, 6, 6, 7, 7]
    assert reads(graph_of(body, "[a, r]"), Value("x"), 2) is None
    assert reads(graph_of(body, "[a, x]"), Value("x"), 2) is None
    assert reads(part, Value("x"), 1) is None
