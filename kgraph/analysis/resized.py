"""The same graph at given sizes: the shapes of all that depends on an input are inferred again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from kgraph.analysis.inferring import inferred, is_read
from kgraph.analysis.names import names
from kgraph.errors import KgraphError, SizesError
from kgraph.graph import FrozenDict, Graph, Op, Shape, Spec, Value, escape, values
from kgraph.ops import Call, call_of, infer_specs, kept, pinned_axes
from kgraph.ops.fields import LARGEST

Sizes = Sequence[int | None]
"""The extents of one input, without the batch; None for one that stays open."""


def resized(graph: Graph, sizes: Sizes | Mapping[str, Sizes]) -> Graph:
    """The graph as Keras would make it with other shapes of its inputs; nothing is built.

    Numbers that Keras recorded stand. What a call without a rule makes of new sizes stays open in its shape.

    Args:
        graph: with open sizes.
        sizes: of the only input, or by the names of inputs; without the batch.

    Raises:
        KgraphError: there is no such input, or the sizes contradict its shape.
        SizesError: Keras does not make a call at them.
    """
    given = _by_input(graph, sizes)
    ops: dict[str, Op] = {}
    changed: set[str] = set()
    for node, op in graph.ops.items():
        operands = graph.operands[node]
        made = op
        if node in given:
            made = _input_of(op, given[node])
        elif any(value.node in changed for value in operands):
            entering = tuple(_spec(ops, value) for value in operands)
            made = _called(node, op, graph.operand_specs(node), entering, is_read(graph, node))
        ops[node] = made
        if made.outputs != op.outputs:
            changed.add(node)
    return Graph(ops, graph.operands, graph.inputs, graph.outputs, graph.name)


def named_sizes(graph: Graph, sizes: Sizes | Mapping[str, Sizes]) -> dict[str, int]:
    """The open sizes that are given, by their names, such as ``H``."""
    given = _by_input(graph, sizes)
    found: dict[str, int] = {}
    for symbol, name in names(graph).items():
        shape = given.get(symbol.value.node) if symbol.value else None
        size = shape[symbol.axis] if shape else None
        if size is not None:
            found[name] = size
    return found


def _spec(ops: Mapping[str, Op], value: Value) -> Spec:
    return ops[value.node].outputs[value.out]


def _by_input(graph: Graph, sizes: Sizes | Mapping[str, Sizes]) -> Mapping[str, tuple[int | None, ...]]:
    """The new shapes, batch first, by the id of the input."""
    inputs = [value.node for value in values(graph.inputs)]
    if not isinstance(sizes, Mapping):
        if len(inputs) != 1:
            raise KgraphError(f"the model has {len(inputs)} inputs; name those that get sizes: {_some(inputs)}")
        sizes = {inputs[0]: sizes}
    found: dict[str, tuple[int | None, ...]] = {}
    for name, extents in sizes.items():
        node = name if name in inputs else escape(name)
        if node not in inputs:
            raise KgraphError(f"the model has no input {name!r}; expected one of: {_some(inputs)}")
        found[node] = _new_shape(node, graph.ops[node].outputs[0].shape, tuple(extents))
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:10], "..."] if len(names) > 10 else names)


def _new_shape(node: str, shape: Shape, extents: tuple[object, ...]) -> tuple[int | None, ...]:
    for extent in extents:
        if extent is not None and (type(extent) is not int or not 1 <= extent <= LARGEST):
            raise KgraphError(f"input {node}: a size must be a positive int, or None; received {extent!r}")
    new = cast("tuple[int | None, ...]", extents)
    if shape is None:
        return (None, *new)
    if len(new) != len(shape) - 1:
        raise KgraphError(
            f"input {node} has the shape {shape_words(shape)}: expected {len(shape) - 1} sizes, all but the batch; "
            f"received {len(new)}"
        )
    for axis, (old, size) in enumerate(zip(shape[1:], new, strict=True), start=1):
        if old is not None and size not in (None, old):
            raise KgraphError(f"input {node} has the shape {shape_words(shape)}: axis {axis} is {old}; received {size}")
    return (shape[0], *(old if size is None else size for old, size in zip(shape[1:], new, strict=True)))


def _input_of(op: Op, shape: tuple[int | None, ...]) -> Op:
    config = FrozenDict({**op.config, "batch_shape": shape}) if "batch_shape" in op.config else op.config
    return replace(op, config=config, outputs=(replace(op.outputs[0], shape=shape),))


def _called(node: str, op: Op, before: tuple[Spec, ...], operands: tuple[Spec, ...], read: tuple[bool, ...]) -> Op:
    """The call on operands of new shapes; ``before`` are those that it was made on."""
    if operands == before:
        return op
    found = inferred(infer_specs, op, operands)
    entering = ", ".join(shape_words(spec.shape) for spec in operands[:4])
    if found is None and inferred(infer_specs, op, before) is not None and not _is_blind(operands):
        raise SizesError(f"{node} ({op.kind}) does not take these sizes: Keras raises on {entering}")
    if found is None or len(found) != len(op.outputs):
        return replace(op, outputs=_recorded(op, before, operands))
    empty = next((spec for spec, seen in zip(found, read, strict=True) if seen and 0 in (spec.shape or ())), None)
    if empty is not None and not any(0 in (spec.shape or ()) for spec in op.outputs):
        raise SizesError(f"{node} ({op.kind}) makes an empty tensor of {entering}: {shape_words(empty.shape)}")
    outputs = tuple(map(_settled, op.outputs, found))
    if any(_is_told_otherwise(call_of(op, before), *each) for each in zip(op.outputs, found, strict=True)):
        raise SizesError(f"{node} ({op.kind}) does not take these sizes: Keras raises on {entering}")
    known = op.known if op.known == "assumed" else "proved"
    return op if outputs == op.outputs else replace(op, outputs=outputs, known=known)


def _is_told_otherwise(call: Call, recorded: Spec, found: Spec) -> bool:
    """True where the call was told an extent that it does not get."""
    old, new = recorded.shape or (), found.shape or ()
    return any(None not in (old[axis], new[axis]) and old[axis] != new[axis] for axis in pinned_axes(call, len(old)))


def _is_blind(operands: tuple[Spec, ...]) -> bool:
    """True if the rules cannot say anything of these operands: one has no rank, or is larger than anything."""
    return any(spec.shape is None or max((size or 0 for size in spec.shape), default=0) > LARGEST for spec in operands)


def _settled(recorded: Spec, found: Spec) -> Spec:
    """A number that was recorded stands, as does a dtype."""
    if recorded.shape is None or found.shape is None or len(recorded.shape) != len(found.shape):
        return replace(found, dtype=recorded.dtype)
    shape = tuple(new if old is None else old for old, new in zip(recorded.shape, found.shape, strict=True))
    return replace(recorded, shape=shape)


def _recorded(op: Op, before: tuple[Spec, ...], operands: tuple[Spec, ...]) -> tuple[Spec, ...]:
    """The recorded specs; what is open in them is the extent of an operand where the kind keeps that at every size."""
    found: list[Spec] = []
    for out, spec in enumerate(op.outputs):
        shape = None
        if spec.shape is not None:
            origins = kept(op, before, out)
            passed = [None if origin is None else _extent(operands[origin[0]], origin[1]) for origin in origins]
            shape = tuple(new if old is None else old for old, new in zip(spec.shape, passed, strict=True))
        found.append(replace(spec, shape=shape))
    return tuple(found)


def _extent(spec: Spec, axis: int) -> int | None:
    return None if spec.shape is None else spec.shape[axis]


def shape_words(shape: Shape) -> str:
    """A shape for a person: ``(None, 500, 375, 3)``."""
    return "an unknown rank" if shape is None else str(shape)
