from __future__ import annotations

import pytest

from kgraph import Finding, check, parse

HEAD = """
x = Input(shape=(16, 16, 8), name="x")
v = Input(shape=(8,), name="v")
w = GlobalAveragePooling2D(keepdims=True, name="w")(x)
"""


def findings(body: str) -> list[Finding]:
    graph = parse(f"{HEAD}{body}\nmodel = Model([x, v], y)")
    return [finding for finding in check(graph).findings if finding.rule == "KG101"]


@pytest.mark.parametrize(
    ("body", "severity", "nodes", "message"),
    [
        ('y = Add(name="y")([x, w])', "warning", ("y", "w"),
         "y broadcasts (B, 16, 16, 8) + (B, 1, 1, 8): axis 1 of w is stretched from 1 to 16; "
         "axis 2 of w is stretched from 1 to 16"),
        ("y = x - w", "warning", ("y", "w"), None),
        ('y = Multiply(name="y")([x, w])', "info", ("y", "w"), None),
        ("y = w * x", "info", ("y", "w"), None),
        ("y = x / w", "info", ("y", "w"), None),
        ('y = Add(name="y")([x, Reshape((1, 1, 8), name="r")(v)])', "info", ("y", "r"), None),
        ("y = ops.add(x, ops.mean(x, axis=(1, 2), keepdims=True))", "info", ("y", "mean"), None),
        ('y = ops.subtract(x, constant("float32", (8,), "d"))', "info", ("y",),
         "y broadcasts (B, 16, 16, 8) + (8,): constant has no axis 0 and is repeated B times along it; "
         "constant has no axis 1 and is repeated 16 times along it; "
         "constant has no axis 2 and is repeated 16 times along it"),
        ('y = Add(name="y")([x, v])', "warning", ("y",), None),
        ('y = Add(name="y")([x, w, x])', "warning", ("y", "w"), None),
    ],
)  # fmt: skip
def test_broadcasts(body: str, severity: str, nodes: tuple[str, ...], message: str | None) -> None:
    (finding,) = findings(body)
    assert (finding.severity, finding.nodes) == (severity, nodes)
    if message is not None:
        assert finding.message == message


@pytest.mark.parametrize(
    "body",
    ['y = Add(name="y")([x, x])', "y = ops.greater(x, w)", "y = x + 1", 'y = Add(name="y")([x, ReLU()(x)])'],
)
def test_silent(body: str) -> None:
    assert not findings(body)


def test_extents_that_differ_at_every_size_are_stretched_where_one_comes_down_to_1() -> None:
    graph = parse(
        'x = Input(shape=(None, 8), name="x")\nv = Conv1D(8, 3, name="v")(x)\n'
        'y = Add(name="y")([x, v])\nmodel = Model(x, y)'
    )
    (found,) = check(graph).findings
    assert (found.rule, found.severity) == ("KG101", "warning")
    assert "H - 2" in found.message or "T - 2" in found.message
