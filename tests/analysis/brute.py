"""Graphs at fixed sizes: by the rules of ``ops`` on plain ints, call by call, and by Keras itself."""

from __future__ import annotations

import functools
import math
import pydoc
import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from hypothesis import settings

from kgraph.analysis.inferring import is_read
from kgraph.graph import Constant, Graph, Op, Spec, Value, values
from kgraph.ops import call_of, infer_specs, knowledge, runs
from kgraph.ops.elementwise import line_up, merge_operands
from kgraph.testing import run_text
from kgraph.text import show

Shape = tuple[int | None, ...]

ADDITIONS = ("layers.Add", "layers.Average", "ops.add")


def is_long() -> bool:
    """Whether this is the long run, which HYPOTHESIS_PROFILE=long asks for."""
    return settings.default is settings.get_profile("long")


def examples(few: int) -> int:
    """How many examples a test takes: few in the suite, as many as the profile says in the long run."""
    return settings.get_profile("long").max_examples if is_long() else few


class BruteForce:
    """Runs a graph at sizes; an extent that is None stays open, and then nothing is asked of it."""

    def __init__(self, graph: Graph, names: Mapping[str, Any]) -> None:
        """``names``: by name the open sizes, each with the ``value`` (None for the batch) and ``axis`` that it is of."""
        self.graph = graph
        self.places = {(place.value, place.axis): name for name, place in names.items()}
        self.memo: dict[Any, tuple[Shape, ...] | None] = {}

    def shapes(self, sizes: Mapping[str, int | None]) -> dict[Value, Shape] | None:
        """Every value's shape; None where some call does not work."""
        found = self.reached(sizes)
        return None if None in found.values() else {value: shape or () for value, shape in found.items()}

    def reached(self, sizes: Mapping[str, int | None]) -> dict[Value, Shape | None]:
        """Every value's shape; None for calls that do not work, and nothing for those behind them."""
        found: dict[Value, Shape | None] = {}
        for node, op in self.graph.ops.items():
            shapes = [shape for value in self.graph.operands[node] if (shape := found.get(value)) is not None]
            if len(shapes) < len(self.graph.operands[node]):
                continue
            results = (self._input(node, op, sizes),) if op.is_input else self._called(node, op, tuple(shapes))
            found |= {Value(node, out): results[out] if results else None for out in range(len(op.outputs))}
        return found

    def works(self, sizes: Mapping[str, int | None]) -> bool:
        """Whether every call works."""
        return self.shapes(sizes) is not None

    def operands(self, node: str, found: Mapping[Value, Shape | None]) -> list[Shape] | None:
        """The shapes that a merge joins; None where something before it does not work."""
        shapes: list[Shape] = []
        for item in merge_operands(self.graph.ops[node].arguments):
            shape = item.shape if isinstance(item, Constant) else found.get(self.graph.operands[node][item.index])
            if shape is None:
                return None
            shapes.append(shape)
        return shapes

    def _input(self, node: str, op: Op, sizes: Mapping[str, int | None]) -> Shape:
        return tuple(
            sizes[self.places[None if axis == 0 else Value(node), axis]] if size is None else size
            for axis, size in enumerate(op.outputs[0].shape or ())
        )

    def _called(self, node: str, op: Op, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        key = (node, shapes)
        if key not in self.memo:
            made = self._merged(node, shapes) if knowledge(op.kind).merge else self._ruled(node, op, shapes)
            read = zip(made or (), is_read(self.graph, node), strict=False)
            empty = any(extent is not None and extent < 1 for shape, seen in read if seen for extent in shape)
            self.memo[key] = None if empty else made
        return self.memo[key]

    def _ruled(self, node: str, op: Op, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        dtypes = (spec.dtype for spec in self.graph.operand_specs(node))
        call = call_of(op, tuple(map(Spec, shapes, dtypes)))
        specs = infer_specs(call)
        return None if specs is None or not runs(call) else tuple(spec.shape or () for spec in specs)

    def _merged(self, node: str, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        joined = self.operands(node, dict(zip(self.graph.operands[node], shapes, strict=True))) or []
        return broadcast(line_up(tuple(joined), knowledge(self.graph.ops[node].kind).merge or "numpy"))


def broadcast(rows: Iterable[Shape]) -> tuple[Shape, ...] | None:
    """What NumPy makes of shapes that are lined up."""
    result: list[int | None] = []
    for row in zip(*rows, strict=True):
        more = {extent for extent in row if extent not in (None, 1, -1)}
        if len(more) > 1:
            return None
        result.append(more.pop() if more else None if None in row else 1)
    return (tuple(result),)


def evaluated(words: str, sizes: Mapping[str, int]) -> Any:
    """Words for an extent or a condition (``""`` is True, ``never`` False), run as Python at sizes."""
    names: dict[str, Any] = {"ceil": math.ceil, "max": max, "min": min}
    for name, size in sizes.items():
        place = names
        *path, last = name.split(".")
        for part in path:
            holder = place.setdefault(part, SimpleNamespace())
            place = vars(holder)
        place[last] = size
    return eval(_compiled(words), names)  # the words are kgraph's own


@functools.cache
def _compiled(words: str) -> Any:
    return compile({"": "True", "never": "False"}.get(words, words), "<words>", "eval")


def at_sizes(graph: Graph, shapes: Mapping[str, Shape]) -> str:
    """The text form of a graph whose inputs (by id) have these shapes, the batch included."""
    text = show(graph)
    for value in values(graph.inputs):
        shape = shapes[value.node]
        given = re.compile(rf"^({value.node} = Input\()(shape=\([^)]*\)|batch_shape=\([^)]*\))", re.MULTILINE)
        text, count = given.subn(rf"\g<1>batch_shape={shape!r}", text)
        if count != 1:
            raise ValueError(f"no input {value.node} in:\n{text}")
    return text


def keras_works(graph: Graph, shapes: Mapping[str, Shape]) -> bool:
    """Whether Keras builds a graph with inputs of these shapes, then runs it, and no tensor is empty.

    The batch is open when it builds, as it is in every model: layers that merge refuse two fixed ones that differ,
    though they broadcast them when they run.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    text = at_sizes(graph, {node: (None, *shape[1:]) for node, shape in shapes.items()})
    try:
        model = run_text(text, Custom=_custom)
        inputs = [np.zeros([extent or 0 for extent in shapes[tensor.name]], "float32") for tensor in model.inputs]
        arrays = keras.tree.flatten(keras.Model(model.inputs, made(model))(inputs))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError):
        return False
    finally:
        keras.backend.clear_session()
    return all(extent > 0 for array in arrays for extent in array.shape)


def _custom(path: str, **config: Any) -> Any:
    """A layer of a class that Keras has but does not export."""
    return pydoc.locate(path)(**config)  # type: ignore[operator]  # pyright: ignore


def is_taken_for_a_bias(graph: Graph, brute: BruteForce, sizes: Mapping[str, int]) -> bool:
    """Whether an addition meets Keras' shortcut for biases (keras#20386), which joins what NumPy refuses, or joins it
    along another axis: a second operand of one axis longer than 1, as long as axis 1 or -1 of the first."""
    found = brute.reached(sizes)
    for node, op in graph.ops.items():
        shapes = brute.operands(node, found) if op.kind in ADDITIONS else None
        for shape in (shapes or ())[1:]:
            long = [extent for extent in shape if extent != 1]
            if len(long) == 1 and long[0] in {extent for first in shapes or () for extent in first[1:]}:
                return True
    return False


def made(model: Any) -> list[Any]:
    """Every tensor that the calls of a Keras model make."""
    import keras

    nodes = [node for level in model._nodes_by_depth.values() for node in level]
    return [tensor for node in nodes for tensor in keras.tree.flatten(node.outputs)]
