"""Arbitrary valid Graphs: what a hostile file or a strange model may hold, not only what a sensible one does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from kgraph.graph import (
    Capture,
    Constant,
    FrozenDict,
    Function,
    Graph,
    Object,
    Op,
    Slice,
    Slot,
    Spec,
    Tree,
    Value,
    Weight,
)
from kgraph.ops import complete
from kgraph.ops.catalog import REQUIRED, class_kinds, entry

NAMES = (
    "", "x", "x_1", "x_1_1", "x:1", "x:2", "x/y", "enc:1/x", "x%3A1", "x%2Fy", "x%25", "%", ":", "/", "a:1/b:2", ":1",
    "ops", "Model", "model", "Input", "keras", "Object", "Custom", "constant", "opaque", "slice", "float", "complex",
    "lambda", "None", "class", "match", "_", "__", "__builtins__", "1", "1x", "Conv_1", "t", "tf", "relu", "re_lu",
    "x y", "x-y", "x.y", "x'y", 'x"y', "x'\"y", "x\ny", "x\r\ny", "x\\y", "x\\", "{}", "{'id': 3}", "#", "ä", "ａ", "ﬁ",
    "名前", "\N{GRINNING FACE}", "\N{RIGHT-TO-LEFT OVERRIDE}x", "\ud800", "\0", "\x85", "\u2028", "x" * 70, "x" * 71, "n" * 5000,
)  # fmt: skip
KINDS = (
    "layers.Conv2D", "layers.Dense", "layers.ReLU", "layers.Add", "layers.Concatenate", "layers.Lambda",
    "layers.BatchNormalization", "layers.MaxPooling2D", "layers.ZeroPadding2D", "layers.Conv2DTranspose",
    "layers.InputLayer", "layers.MultiHeadAttention", "layers.TimeDistributed", "layers.Foo", "layers.Convolution2D",
    "layers.", "layers.class", "initializers.Zeros", "models.Functional", "models.Sequential", "Model", "Input",
    "ops.add", "ops.split", "ops.array_split", "ops.unstack", "ops.get_item", "ops.einsum", "ops.meshgrid",
    "ops.switch", "ops.concatenate", "ops.reshape", "ops.take", "ops.relu", "ops.foo", "ops.", "ops.a b",
    "ops.add(x); y", "ops.image.resize", "activations.relu", "activations.foo", "constraints.MaxNorm",
    "custom.pkg.Class", "custom.pkg.<locals>.Class", "custom.", "custom.a'b\"", "custom.keras.src.Odd", "", "odd", "x\ny",
    "__import__('os')", "é", "\ud800",
)  # fmt: skip
KEYS = (
    "", "name", "names", "a", "b c", "class", "lambda", "None", "__debug__", "function", "filters", "filter", "units",
    "axis", "axes", "key", "mask", "training", "x", "x1", "inputs", "input", "self", "kernel_size", "dtype", "shape",
    "*args", "*operands", "*x", "**", "ä", "ａ", "ﬁ", "\n", "'", '"', "\ud800", "kernel_initializer", "activation",
)  # fmt: skip
DTYPES = ("float32", "bfloat16", "int32", "bool", "string", "", "x\ny", "'")

EVERY = sorted(set(class_kinds().values()))
"""All that Keras has."""

characters = st.characters(exclude_categories=())
texts = st.sampled_from(NAMES) | st.text(characters, max_size=8)
keys = st.sampled_from(KEYS) | st.text(characters, max_size=4)
integers = st.integers(-3, 9) | st.integers() | st.sampled_from((10**700, -(10**700), 2**63, -(2**64)))
floats = st.floats(allow_nan=False) | st.sampled_from((math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308))
parts = st.sampled_from((0.0, -0.0, 1.5, math.inf, -math.inf, math.nan))
scalars = st.one_of(
    st.none(), st.booleans(), integers, floats, st.builds(complex, parts, parts), texts, st.binary(max_size=4),
    st.just(...), st.sampled_from(("zeros", "he_normal", "linear", "valid", "float32")),
)  # fmt: skip
extents = st.none() | st.integers(0, 9) | st.just(2**40)
shapes = st.lists(extents, max_size=4).map(tuple)
dtypes = st.sampled_from(DTYPES)
specs = st.builds(Spec, st.none() | shapes, dtypes)
weights = st.none() | st.lists(st.builds(Weight, texts, shapes, dtypes, st.booleans()), max_size=3).map(tuple)
bounds = st.none() | st.integers(-3, 9)
slices = st.builds(Slice, bounds, bounds, bounds)
selections = st.lists(slices | st.integers(-3, 9) | st.sampled_from((None, ...)), max_size=4).map(tuple)


def containers(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Everything that holds trees."""
    dicts = st.dictionaries(keys, inner, max_size=3).map(FrozenDict)
    captures = st.lists(st.builds(Capture, texts, st.none() | st.integers(0, 3), inner), max_size=2).map(tuple)
    known = st.sampled_from(("proved", "tested", "assumed", "unknown", ""))
    return st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        dicts,
        st.builds(Slice, inner, inner, inner),
        st.builds(Constant, dtypes, st.lists(st.integers(0, 3), max_size=2).map(tuple), texts, inner),
        st.builds(Object, st.sampled_from(KINDS), dicts),
        st.builds(Function, texts, st.none() | selections, known, texts, captures),
    )


trees: st.SearchStrategy[Tree] = st.recursive(scalars, containers, max_leaves=6)


GIVEN: dict[str, Tree] = {
    "filters": 4, "kernel_size": (3, 3), "units": 4, "batch_shape": (None, 4), "pool_size": (2, 2), "input_dim": 4,
    "output_dim": 2, "dims": (2, 1), "target_shape": (-1,), "n": 2, "rate": 0.5, "num_heads": 2, "key_dim": 2,
    "scale": 2.0, "height": 4, "width": 4, "layer": Object("layers.Dense", complete("layers.Dense", FrozenDict(units=2))),
}  # fmt: skip
"""Config entries without a default."""


@st.composite
def configs(draw: st.DrawFn, kind: str) -> FrozenDict:
    """A config that is complete, but for what is changed in it; or anything."""
    if draw(st.booleans()):
        return FrozenDict(draw(st.dictionaries(keys, trees, max_size=3)))
    known = entry(kind)
    needed = [key for key, value in known.config.items() if value is REQUIRED] if known else []
    given = {**GIVEN, "function": draw(st.builds(Function, texts, st.none() | selections))}
    config = dict(complete(kind, FrozenDict({key: given[key] for key in needed if key in given})))
    if draw(st.booleans()):
        config |= draw(st.dictionaries(st.sampled_from((*config, *KEYS)), trees, max_size=2))
    if config and draw(st.integers(0, 4)) == 0:
        config.pop(draw(st.sampled_from(sorted(config))))
    return FrozenDict(config)


@st.composite
def arguments(draw: st.DrawFn, kind: str, operands: Sequence[Value]) -> FrozenDict:
    """Arguments that hold each operand once, somewhere."""
    named: tuple[str, ...] = {
        "ops.einsum": ("subscripts", "*operands"), "ops.meshgrid": ("*x", "indexing"), "ops.get_item": ("x", "key"),
        "ops.switch": ("index", "branches", "*operands"), "ops.split": ("x", "indices_or_sections", "axis"),
        "ops.add": ("x1", "x2"), "layers.MultiHeadAttention": ("query", "value", "key", "use_causal_mask"),
    }.get(kind, ("inputs",))  # fmt: skip
    slots: list[Tree] = [Slot(-1) for _ in operands]
    while slots and draw(st.booleans()):  # wraps the first few into something
        count = draw(st.integers(1, len(slots)))
        inside, slots = slots[:count], slots[count:]
        wrapped: Tree = tuple(inside)
        how = draw(st.sampled_from(("tuple", "dict", "slice", "mixed")))
        if how == "dict":
            wrapped = FrozenDict(
                zip(draw(st.lists(keys, min_size=count, max_size=count, unique=True)), inside, strict=True)
            )
        elif how == "slice":
            wrapped = Slice(inside[0], tuple(inside[1:]), draw(scalars))
        elif how == "mixed":
            wrapped = (*inside, draw(trees))
        slots = [wrapped, *slots]
        if draw(st.booleans()):
            break
    names = list(named) if draw(st.booleans()) else []
    names += [
        name
        for name in draw(st.lists(keys, min_size=len(slots), max_size=len(slots) + 2, unique=True))
        if name not in names
    ]
    found: dict[str, Tree] = {}
    for name in names:
        if slots and (draw(st.booleans()) or len(names) - len(found) <= len(slots)):
            found[name] = slots.pop(0)
            if name.startswith("*") and draw(st.booleans()):
                found[name] = (found[name], draw(scalars))
        elif draw(st.booleans()):
            found[name] = draw(trees | selections)
    if slots:
        found["**rest"] = tuple(slots)
    numbers = iter(range(len(operands)))
    return FrozenDict({key: numbered(value, numbers) for key, value in found.items()})


def numbered(tree: Tree, numbers: Any) -> Tree:
    """The Slots numbered in the order in which they stand."""
    if isinstance(tree, Slot):
        return Slot(next(numbers))
    if isinstance(tree, tuple):
        return tuple(numbered(item, numbers) for item in tree)  # pyright: ignore
    if isinstance(tree, FrozenDict):
        return FrozenDict({key: numbered(item, numbers) for key, item in tree.items()})
    if isinstance(tree, Slice):
        return Slice(*[numbered(part, numbers) for part in (tree.start, tree.stop, tree.step)])
    return tree


@st.composite
def value_trees(draw: st.DrawFn, values: Sequence[Value]) -> Tree:
    """A tree whose leaves are these Values, one of them bare, or in tuples and dicts."""
    if len(values) == 1 and draw(st.booleans()):
        return values[0]
    items: list[Tree] = list(values)
    for _ in range(draw(st.integers(0, 2))):
        count = draw(st.integers(0, len(items)))
        inside, items = items[:count], items[count:]
        if draw(st.booleans()):
            items = [tuple(inside), *items]
        else:
            names = draw(st.lists(keys, min_size=count, max_size=count, unique=True))
            items = [FrozenDict(zip(names, inside, strict=True)), *items]
    return items[0] if len(items) == 1 else tuple(items)


@st.composite
def graphs(draw: st.DrawFn, most: int = 6) -> Graph:
    """A valid Graph of a few calls."""
    names = draw(st.lists(texts, max_size=most, unique=True))
    ops: dict[str, Op] = {}
    operands: dict[str, tuple[Value, ...]] = {}
    values: list[Value] = []
    for name in names:
        entering = draw(st.lists(st.sampled_from(values), max_size=4)) if values else []
        ops[name] = draw(calls(entering, list(ops.values())))
        operands[name] = tuple(entering)
        values += [Value(name, out) for out in range(len(ops[name].outputs))]
    used = {value.node for entering in operands.values() for value in entering}
    free = [value for value in values if not operands[value.node]]
    inputs = draw(st.lists(st.sampled_from(free), max_size=4)) if free else []
    declared = {value.node for value in inputs}
    ends = [Value(name) for name in names if name not in used and name not in declared]
    outputs = draw(st.permutations([*ends, *(draw(st.lists(st.sampled_from(values), max_size=2)) if values else [])]))
    return Graph(ops, operands, draw(value_trees(inputs)), draw(value_trees(outputs)), draw(texts))


@st.composite
def calls(draw: st.DrawFn, operands: Sequence[Value], others: Sequence[Op]) -> Op:
    """One call; with luck of a layer that has been called before."""
    shared = [op for op in others if op.layer is not None]
    if shared and draw(st.integers(0, 2)) == 0:
        op = draw(st.sampled_from(shared))
        kind, layer, config = op.kind, op.layer, op.config
        variables = draw(st.sampled_from((op.weights, None)))
    else:
        taken = {op.layer for op in shared}
        kind = draw(st.sampled_from(KINDS) | st.sampled_from(EVERY) | texts)
        layer, config = draw((st.none() | texts).filter(lambda name: name not in taken)), draw(configs(kind))
        variables = draw(weights)
    entering = draw(arguments(kind, operands))
    return Op(kind, layer, config, entering, variables, tuple(draw(st.lists(specs, min_size=1, max_size=3))))
