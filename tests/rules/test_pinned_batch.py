from __future__ import annotations

import pytest

from kgraph import Finding, check, parse
from kgraph.testing import run_text
from tests.analysis.mixed import outputs

HEAD = 'x = Input(shape=(4, 6), name="x")\nf = Input(batch_shape=(3, 4, 6), name="f")'


def text(body: str, inputs: str) -> str:
    return f"{HEAD}\n{body}\nmodel = Model({inputs}, y)"


def findings(body: str, inputs: str) -> list[Finding]:
    return [finding for finding in check(parse(text(body, inputs))).findings if finding.rule.startswith("KG10")]


def takes(body: str, inputs: str, size: int) -> bool:
    import numpy as np

    model = run_text(text(body, inputs))
    arrays = [np.ones((3 if tensor.name == "f" else size, 4, 6), "float32") for tensor in model.inputs]
    return outputs(model, arrays) is not None


PINNED = [
    ("y = ops.reshape(x, newshape=(5, 24))", "x", 5,
     "y makes (5, 24) of (B, 4, 6), for which the batch must be 5: any other raises, such as the smaller one at the end "
     "of an epoch"),
    ("t = ops.reshape(x, newshape=(5, 4, 2, 3))\ny = ops.transpose(t, axes=(0, 2, 1, 3))", "x", 5, "t makes (5, 4, 2, 3)"),
    ("y = ops.reshape(x, newshape=(4, 6))", "x", 1, "y makes (4, 6) of (B, 4, 6), for which the batch must be 1: any other"),
    ("y = Concatenate()([x, f])", "[x, f]", 3, "y makes (B, 4, 12) of (B, 4, 6) and (3, 4, 6), for which the batch must be 3"),
]  # fmt: skip


@pytest.mark.keras
@pytest.mark.parametrize(("body", "inputs", "size", "message"), PINNED, ids=[row[0] for row in PINNED])
def test_calls_that_take_one_batch_size(body: str, inputs: str, size: int, message: str) -> None:
    (finding,) = findings(body, inputs)
    assert (finding.rule, finding.severity) == ("KG106", "warning")
    assert message in finding.message
    assert [number for number in range(1, 8) if takes(body, inputs, number)] == [size]


SILENT = [
    ("y = Reshape((24,))(x)", "x"),
    ("y = ops.reshape(x, newshape=(-1, 24))", "x"),
    ("y = ops.reshape(ops.reshape(x, newshape=(2, -1, 6)), newshape=(-1, 4, 6))", "x"),
]


@pytest.mark.keras
@pytest.mark.parametrize(("body", "inputs"), SILENT)
def test_calls_that_take_several_are_silent(body: str, inputs: str) -> None:
    assert not findings(body, inputs)
    assert all(takes(body, inputs, number) for number in (2, 4))


@pytest.mark.parametrize(
    "body", ["y = ops.reshape(f, newshape=(3, 24))", "y = ops.mean(f, axis=0)", "y = LSTM(2, stateful=True)(f)"]
)
def test_a_batch_that_is_fixed_for_all_to_see_is_silent(body: str) -> None:
    assert not findings(body, "f")
