"""Random graphs in the text form: open sizes that are cut, moved and multiplied, and then meet."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kgraph import Graph, parse
from kgraph.errors import KgraphError
from kgraph.graph import values

INPUTS = (
    (None, None, 1), (None, None, 2), (None, 2), (None, None), (None,), (None, 1), (1, None), (4,), (None, 3, 2),
    (None, None, None),
)  # fmt: skip
SIZES = st.integers(1, 4)
PADDINGS = st.sampled_from(('"valid"', '"same"'))
LAYERS = ("Add", "Multiply", "Maximum", "Subtract", "Average")
OPERATORS = ("{} + {}", "{} * {}", "{} - {}", "ops.maximum({}, {})", "ops.minimum({}, {})")


def _window(draw: st.DrawFn, rank: int) -> str:
    dimensions = rank - 2
    kind = draw(st.sampled_from(("MaxPooling{}D({}", "AveragePooling{}D({}", "Conv{}D(1, {}")))
    size, stride = draw(SIZES), draw(st.integers(1, 3))
    return f"{kind.format(dimensions, size)}, strides={stride}, padding={draw(PADDINGS)})({{}})"


def _transposed(draw: st.DrawFn, rank: int) -> str:
    return (
        f"Conv{rank - 2}DTranspose(1, {draw(SIZES)}, strides={draw(st.integers(1, 3))}, padding={draw(PADDINGS)})({{}})"
    )


def _frame(draw: st.DrawFn, rank: int) -> str:
    kind = draw(st.sampled_from(("ZeroPadding", "Cropping")))
    pair = f"({draw(st.integers(0, 3))}, {draw(st.integers(0, 3))})"
    return f"{kind}{rank - 2}D({pair if rank == 3 else f'({pair}, {pair})'})({{}})"


def _up(draw: st.DrawFn, rank: int) -> str:
    return f"UpSampling{rank - 2}D({draw(st.integers(1, 3))})({{}})"


def _slice(draw: st.DrawFn, rank: int) -> str:
    axis = draw(st.integers(0, rank - 1))
    place = st.sampled_from(("", "", "1", "2", "-1", "-2", "5"))
    step = draw(st.sampled_from(("", "", ":2", ":3", ":-1", ":-2")))
    part = draw(st.sampled_from((f"{draw(place)}:{draw(place)}{step}", "0", "-1", "2")))
    return "{}[" + ", ".join([*(":",) * axis, part, "..."]) + "]"  # Keras takes no slice outside of a tuple


def _reshape(draw: st.DrawFn, rank: int) -> str:
    target = draw(st.sampled_from(((-1, 2), (-1, 1), (-1,), (2, -1), (-1, 4), (4,), (3, -1, 2), (-1, 1, 1))))
    layer = f"Reshape({target})({{}})"
    return draw(st.sampled_from((layer, layer, f"ops.reshape({{}}, newshape={target})")))


def _move(draw: st.DrawFn, rank: int) -> str:
    axis = draw(st.integers(0, rank - 1))
    order = draw(st.permutations(range(1, rank)))
    return draw(
        st.sampled_from(
            (
                f"Permute({tuple(order)})({{}})",
                f"ops.expand_dims({{}}, axis={axis})",
                f"ops.mean({{}}, axis={axis}, keepdims=True)",
                f"ops.sum({{}}, axis={axis})",
                f"ops.repeat({{}}, repeats=2, axis={axis})",
                f"ops.flip({{}}, axis={axis})",
                f"ops.roll({{}}, shift=1, axis={axis})",
                f"ops.split({{}}, indices_or_sections=2, axis={axis})[0]",
                "Flatten()({})",
                "ReLU()({})",
            )
        )
    )


def _joined(draw: st.DrawFn, names: Sequence[str]) -> str:
    left, right = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    axis = draw(st.integers(-2, 2))
    layer = f"{draw(st.sampled_from(LAYERS))}()([{left}, {right}])"
    operator = draw(st.sampled_from(OPERATORS)).format(left, right)
    other = draw(
        st.sampled_from(
            (
                f"Concatenate(axis={axis})([{left}, {right}])",
                f"ops.concatenate([{left}, {right}], axis={axis})",
                f"ops.stack([{left}, {right}], axis={axis})",
                f"ops.matmul({left}, {right})",
            )
        )
    )
    return draw(st.sampled_from((layer, layer, operator, operator, other)))


ONE = (_slice, _slice, _slice, _reshape, _reshape, _move, _move)
IMAGES = (_window, _window, _transposed, _frame, _up)


@st.composite
def graphs(draw: st.DrawFn, most: int = 10) -> Graph:
    """Graphs of up to ``most`` calls on one to three inputs, all of which are outputs too."""
    shapes = draw(st.lists(st.sampled_from(INPUTS), min_size=1, max_size=3))
    inputs = [f"i{number}" for number in range(len(shapes))]
    lines = [f'{name} = Input(shape={shape}, name="{name}")' for name, shape in zip(inputs, shapes, strict=True)]
    ranks = {name: len(shape) + 1 for name, shape in zip(inputs, shapes, strict=True)}
    graph = None
    for number in range(draw(st.integers(2, most))):
        name = f"t{number}"
        line = f"{name} = {_step(draw, ranks)}"
        made = [*(each for each in ranks if each not in inputs), name]
        found = _parsed([*lines, line, f"model = Model([{', '.join(inputs)}], [{', '.join(made)}])"])
        if found is not None:
            graph, lines = found, [*lines, line]
            ranks[name] = len(found.spec(list(values(found.outputs))[-1]).shape or ())
    return graph or parse("\n".join([*lines, f"model = Model([{', '.join(inputs)}], [i0])"]))


def _step(draw: st.DrawFn, ranks: dict[str, int]) -> str:
    if draw(st.booleans()):
        return _joined(draw, list(ranks))
    operand = draw(st.sampled_from(list(ranks)))
    ways = ONE + IMAGES * (ranks[operand] in (3, 4)) if ranks[operand] else ONE[3:5]
    return draw(st.sampled_from(ways))(draw, ranks[operand]).format(operand)


def _parsed(lines: Sequence[str]) -> Graph | None:
    """The graph, where its shapes can be told."""
    try:
        graph = parse("\n".join(lines))
    except KgraphError:
        return None
    return None if any(spec.shape is None for op in graph.ops.values() for spec in op.outputs) else graph
