"""Models that may mix the samples of a batch: what Keras makes of a batch, and of each of its samples alone."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from kgraph import Graph, parse
from kgraph.analysis.extents import extents
from kgraph.errors import KgraphError
from kgraph.graph import Value, values
from kgraph.testing import run_text

SAMPLES = 5
INPUTS = (
    'x = Input(shape=(4, 6), name="x")',
    'v = Input(shape=(6,), name="v")',
    'w = Input(shape=(4, 6), name="w")',
)


def is_sample_by_sample(text: str) -> bool | None:
    """Whether Keras makes of a batch, row by row, what it makes of each sample alone; None where it takes no batch."""
    import numpy as np

    model = run_text(text)
    random = np.random.default_rng(0)
    shapes = [tensor.shape[1:] for tensor in model.inputs]
    batch = [random.normal(scale=0.3, size=(SAMPLES, *shape)).astype("float32") for shape in shapes]
    together = outputs(model, batch)
    if together is None:
        return None
    for one in range(SAMPLES):
        alone = outputs(model, [array[one : one + 1] for array in batch])
        if alone is None or not all(_is_row(made, row, one) for made, row in zip(together, alone, strict=True)):
            return False
    return True


def outputs(model: Any, batch: list[Any]) -> list[Any] | None:
    """What a model makes of one array an input; None where it does not take them."""
    import keras

    try:
        made = model(batch if len(batch) > 1 else batch[0], training=False)
    except Exception:  # whatever the backend raises
        return None
    return [keras.ops.convert_to_numpy(tensor) for tensor in (made if isinstance(made, (list, tuple)) else [made])]


def _is_row(together: Any, alone: Any, one: int) -> bool:
    import numpy as np

    if not together.ndim or together.shape[0] != SAMPLES or alone.shape != (1, *together.shape[1:]):
        return False
    return bool(np.allclose(together[one], alone[0], rtol=1e-3, atol=1e-5))


# --- random ones --------------------------------------------------------------------------------------------------

PLAIN = ("ops.tanh({t})", "Dense(3)({t})", "LayerNormalization()({t})", "Flatten()({t})", "{t} + {t}", "LSTM(2)({t})",
         "GlobalAveragePooling1D()({t})", "Attention()([{t}, {t}])", "Conv1D(2, 2)({t})", "Reshape((-1, 2))({t})",
         "TimeDistributed(Dense(2))({t})", "MaxPooling1D(2)({t})",
         "MultiHeadAttention(num_heads=1, key_dim=2)({t}, {t})")  # fmt: skip
ALONG = ("ops.mean({t}, axis={a})", "ops.max({t}, axis={a}, keepdims=True)", "ops.softmax({t}, axis={a})",
         "ops.cumsum({t}, axis={a})", "ops.roll({t}, shift=1, axis={a})", "ops.sort({t}, axis={a})",
         "ops.concatenate([{t}, {s}], axis={a})", "ops.stack([{t}, {s}], axis={a})", "ops.repeat({t}, repeats=2, axis={a})",
         "ops.split({t}, indices_or_sections=2, axis={a})[1]", "ops.expand_dims({t}, axis={a})",
         "ops.take({t}, indices=(1, 0), axis={a})", "ops.diff({t}, axis={a})")  # fmt: skip
PAIRS = ("{t} + {s}", "{t} * {s}", "Add()([{t}, {s}])", "ops.matmul({t}, {s})", "ops.matmul({t}, ops.transpose({s}))",
         "ops.where({t} > 0, {t}, {s})", "ops.tensordot({t}, {s}, axes=1)", "Dot(axes=1)([{t}, {s}])",
         'ops.einsum("abc,abd->acd", {t}, {s})', 'ops.einsum("ab,cb->ac", {t}, {s})', 'ops.einsum("abc,ac->ab", {t}, {s})',
         "Concatenate()([{t}, {s}])", "ops.maximum({t}, ops.expand_dims({s}, axis=1))")  # fmt: skip
TARGETS = (
    (-1, 6),
    (-1, 2, 6),
    (4, -1, 6),
    (-1, 4, 6),
    (-1, 3),
    (2, -1, 6),
    (-1, 24),
    (-1, 4, 3),
    (6, -1),
    (-1,),
    (-1, 2),
)


def _step(draw: st.DrawFn, names: list[str], rank: int) -> str:
    t, s = draw(st.sampled_from(names[-2:])), draw(st.sampled_from(names))
    kind = draw(st.sampled_from(("plain", "along", "pair", "reshape", "transpose", "slice", "tile")))
    if kind in ("plain", "pair"):
        return draw(st.sampled_from(PLAIN if kind == "plain" else PAIRS)).format(t=t, s=s)
    axis = draw(st.integers(0, max(rank - 1, 0)))
    if kind == "along":
        return draw(st.sampled_from(ALONG)).format(t=t, s=s, a=axis)
    if kind == "reshape":
        return f"ops.reshape({t}, newshape={draw(st.sampled_from(TARGETS))})"
    if kind == "transpose":
        return f"ops.transpose({t}, axes={tuple(draw(st.permutations(range(rank))))})"
    if kind == "tile":
        return f"ops.tile({t}, repeats={tuple(draw(st.sampled_from((1, 2))) for _ in range(rank))})"
    part = draw(st.sampled_from(("1:", "0", ":2", "::2", "1::2")))
    return f"{t}[{', '.join([*(':',) * axis, part, '...'])}]"


@st.composite
def mixed(draw: st.DrawFn) -> tuple[str, Graph]:
    """A random text, and its graph."""
    lines, names = list(INPUTS), ["x", "v", "w"]
    graph = parse("\n".join([*lines, "model = Model([x, v, w], [x, v, w])"]))
    for number in range(draw(st.integers(1, 5))):
        ranks = {str(value): len(extents(graph, value) or ()) for value in values(graph.outputs)}
        name = f"t{number}"
        rank = ranks.get(names[-1], 2)
        more = [*lines, f"{name} = {_step(draw, names, rank)}"]
        try:
            graph = parse("\n".join([*more, f"model = Model([x, v, w], [{', '.join([*names, name])}])"]))
        except KgraphError:
            continue
        lines, names = more, [*names, name]
    text = "\n".join([*lines, f"model = Model([x, v, w], {names[-1]})"])
    return text, parse(text)


def is_followed(graph: Graph, known: Any) -> bool:
    """Whether it is known of every tensor where its samples lie."""
    return all(Value(node, out) in known for node, op in graph.ops.items() for out in range(len(op.outputs)))
