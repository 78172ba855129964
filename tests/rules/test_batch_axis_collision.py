from __future__ import annotations

import pytest

from kgraph import Finding, check, parse
from tests.analysis.mixed import INPUTS, is_sample_by_sample


def text(body: str) -> str:
    return "\n".join([*INPUTS, body, "model = Model([x, v, w], y)"])


def findings(body: str) -> list[Finding]:
    return [finding for finding in check(parse(text(body))).findings if finding.rule == "KG102"]


MERGES = [
    ("y = x + v", "y joins (B, 4, 6) + (B, 6): the batch of v (B) meets axis 1, which is 4 in the other input; it runs "
     "only at B in {1, 4}, and joins what belongs to different samples unless B is 1"),
    ("y = ops.sum(v, axis=1, keepdims=True) - ops.sum(v, axis=1)",
     "(B, 1) + (B,): the batch of sum_1 (B) meets axis 1, which is 1 in the other input: every sample is joined with"),
]  # fmt: skip
OTHERS = [
    ("y = ops.matmul(x, v)", "y takes (B, 4, 6) and (B, 6): the batch of v (B) meets axis 2 of x, which is 6; it runs "
     "only at B == 6, and joins what belongs to different samples"),
    ("y = ops.matmul(ops.expand_dims(x, axis=1), ops.transpose(x, axes=(0, 2, 1)))", None),
    ("y = ops.dot(v, v)", "the batch of v (B) meets axis 1 of v, which is 6; it runs only at B == 6"),
    ("y = ops.tensordot(v, v, axes=1)", "meets axis 1 of v, which is 6"),
    ("y = ops.inner(ops.transpose(v), v)", "the batch of transpose (B) meets axis 1 of v, which is 6"),
    ('y = ops.einsum("bij,bk->bjk", ops.transpose(x, axes=(1, 0, 2)), v)', "meets axis 0 of transpose, which is 4"),
    ('y = ops.einsum("bij,jk->bik", x, v)', "the batch of v (B) meets axis 2 of x, which is 6; it runs only at B == 6"),
    ("y = ops.matmul(ops.transpose(v), constant('float32', (2, 3), 'd', ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))))",
     "y takes (6, B): the batch of transpose (B) meets axis 0 of constant, which is 2; it runs only at B == 2"),
    ("y = Concatenate(axis=-1)([x, ops.transpose(x, axes=(1, 0, 2))])", "meets axis 0 of transpose, which is 4"),
    ("y = ops.concatenate([v, ops.transpose(v)], axis=0)", "the batch of transpose (B) meets axis 1 of v, which is 6"),
    ("y = ops.stack([v, ops.transpose(v)])", "the batch of v (B) meets axis 0 of transpose, which is 6"),
    ("y = ops.where(x > 0, x, v)", "y takes (B, 4, 6) and (B, 4, 6) and (B, 6): the batch of v (B) meets axis 1 of "
     "greater, which is 4; it runs only at B in {1, 4}, and joins"),
    ("y = ops.where(ops.sum(v, axis=1, keepdims=True) > 0, ops.sum(v, axis=1), 0.0)", "every sample is joined with"),
    ("y = Attention()([ops.transpose(x, axes=(1, 0, 2)), x])", "meets axis 0 of transpose, which is 4"),
    ("y = MultiHeadAttention(1, 2)(ops.transpose(x, axes=(1, 0, 2)), x)", "meets axis 0 of transpose, which is 4"),
    ("y = Dot(axes=1)([ops.reshape(x, newshape=(-1, 6)), v])", "the batch of reshape (4 * B) meets axis 0 of v"),
]  # fmt: skip


@pytest.mark.keras
@pytest.mark.parametrize(("body", "message"), [*MERGES, *OTHERS], ids=[row[0] for row in (*MERGES, *OTHERS)])
def test_a_batch_that_meets_another_axis(body: str, message: str | None) -> None:
    found = findings(body)
    assert not is_sample_by_sample(text(body))
    if message is not None:
        assert [item.severity for item in found] == ["error"]
        assert message in found[0].message


SILENT = [
    "y = ops.matmul(x, constant('float32', (6, 1), 'd', ((1.0,),) * 6))",
    "y = ops.matmul(ops.transpose(x, axes=(0, 2, 1)), w)",
    "y = ops.where(x > 0, x, w)",
    "y = ops.where(x > 0, x, 0.0)",
    "y = Concatenate(axis=1)([x, ops.expand_dims(v, axis=1)])",
    "y = Dot(axes=(2, 1))([x, v])",
    "y = ops.stack([v, v * 2], axis=1)",
    "y = MultiHeadAttention(1, 2)(x, ops.concatenate([x, w], axis=1))",
    "y = Concatenate()([ops.reshape(ops.reshape(x, newshape=(-1, 6)), newshape=(-1, 4, 6)), x])",
]


@pytest.mark.keras
@pytest.mark.parametrize("body", SILENT)
def test_batches_that_meet_are_silent(body: str) -> None:
    assert not findings(body.replace("((1.0,),) * 6", "((1.0,), (1.0,), (1.0,), (1.0,), (1.0,), (1.0,))"))
    assert is_sample_by_sample(text(body))


STRETCHED = ("y = a + b", "y = Add()([a, b])")


@pytest.mark.parametrize("body", [*STRETCHED, "y = Concatenate()([a, b])", "y = ops.stack([a, b])"])
def test_a_batch_that_is_fixed_meets_one_that_is_open(body: str) -> None:
    """The domain says so; it is where it belongs."""
    head = 'a = Input(batch_shape=(4, 6), name="a")\nb = Input(shape=(6,), name="b")'
    report = check(parse(f"{head}\n{body}\nmodel = Model([a, b], y)"))
    assert not [finding for finding in report.findings if finding.rule in ("KG102", "KG105")]
    assert report.domain is not None
    assert report.domain.condition == ("B in {1, 4}" if body in STRETCHED else "B == 4")


CUSTOM = """'{"outputs": (((None, None, 6), "float32"),)}'
c = Custom("pkg.Block", name="c")(x)"""


@pytest.mark.parametrize(
    "call",
    ["x + c", "Add()([x, c])", "Concatenate()([x, c])", "Attention()([x, c])", "ops.where(x > 0, x, c)"],
)
def test_what_a_custom_layer_gives_has_the_batch_where_it_belongs(call: str) -> None:
    head = 'x = Input(shape=(4, 6), name="x")'
    graph = parse(f"{head}\n{CUSTOM}\ny = {call}\nmodel = Model(x, y)")
    assert not [finding for finding in check(graph).findings if finding.rule == "KG102"]


def test_a_batch_against_another_axis_of_what_a_custom_layer_gives() -> None:
    head = 'x = Input(shape=(4, 6), name="x")\nv = Input(shape=(6,), name="v")'
    graph = parse(f"{head}\n{CUSTOM}\ny = c + v\nmodel = Model([x, v], y)")
    assert [finding.nodes for finding in check(graph).findings if finding.rule == "KG102"] == [("y",)]
