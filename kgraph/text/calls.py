"""Adds one call to the graph that is being read: from what its statement implies, and what its annotation says."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from kgraph.graph import FrozenDict, Op, Slice, Slot, Spec, Tree, Value, Weight, escape
from kgraph.ops import Call, knowledge
from kgraph.text.annotations import Facts, with_evidence
from kgraph.text.expressions import counted, excerpt, fail
from kgraph.text.implied import MANY, UNKNOWN, implied_specs, implied_weights
from kgraph.text.names import implied_layer, is_function, snake


@dataclass(slots=True)
class Layer:
    """A layer that is made, and perhaps bound to a variable, before it is called; or a function.

    Attributes:
        name: what its calls are named after; None until it has a name.
        calls: how often it has been called.
        identity: of its first call on, what tells it from other layers.
        weights: of its first call on, those that this call made.
    """

    kind: str
    config: FrozenDict
    name: str | None
    calls: int = 0
    identity: str | None = None
    weights: tuple[Weight, ...] | None = None


@dataclass(slots=True)
class Draft:
    """The calls so far, the number of the last automatic id of each stem, and how many unnamed tensors may follow."""

    ops: dict[str, Op] = field(default_factory=dict[str, Op])
    operands: dict[str, tuple[Value, ...]] = field(default_factory=dict[str, tuple[Value, ...]])
    automatic: dict[str, int] = field(default_factory=dict[str, int])
    room: int = MANY


def add_call(
    draft: Draft, node: ast.expr, layer: Layer, given: dict[str, Tree], facts: Facts, count: int | None = None
) -> Value | tuple[Value, ...]:
    """Adds one call.

    Args:
        draft: the calls so far.
        node: the call's source.
        layer: what is called.
        given: the arguments by name, with Values where tensors stand.
        facts: the annotation.
        count: how many variables stand on the left; None where there is one that takes all outputs.

    Returns:
        The output, or a tuple of outputs where the call returns a sequence.
    """
    operands: list[Value] = []
    arguments = FrozenDict({key: _slotted(value, operands) for key, value in given.items()})
    if "function" in facts.said and layer.calls == 0:
        layer.config, arguments = _evident(node, (layer.config, arguments), facts)
    elif "function" in facts.said:
        (arguments,) = _evident(node, (arguments,), facts)
    identity = _identity(draft, node, layer, facts)
    _settle_layer(node, layer, identity, facts)
    call = Call(
        layer.kind, layer.config, arguments, tuple([draft.ops[value.node].outputs[value.out] for value in operands])
    )
    outputs = facts.outputs if "outputs" in facts.said else _outputs(node, call, count)
    if "weights" in facts.said:
        layer.weights = facts.weights
    elif layer.calls == 0:
        layer.weights = implied_weights(call)
    layer.calls += 1
    draft.ops[identity] = Op(layer.kind, layer.identity, layer.config, arguments, layer.weights, outputs)
    draft.operands[identity] = tuple(operands)
    if count is None and len(outputs) == 1 and not knowledge(layer.kind).several:
        return Value(identity)
    if count is None:
        take_room(draft, node, len(outputs))
    return tuple([Value(identity, out) for out in range(len(outputs))])


def take_room(draft: Draft, node: ast.expr, count: int) -> None:
    """Counts tensors that stand in a graph without a name of their own in the text."""
    draft.room -= count
    if draft.room < 0:
        fail(node, f"at {excerpt(node)!r} the text stands for more than {MANY:,} tensors that it does not name each")


def _slotted(tree: Tree, operands: list[Value]) -> Tree:
    """The same tree with Slots in place of Values, which are collected."""
    if isinstance(tree, Value):
        operands.append(tree)
        return Slot(len(operands) - 1)
    if isinstance(tree, tuple):
        return tuple([_slotted(item, operands) for item in tree])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(tree, FrozenDict):
        return FrozenDict({key: _slotted(item, operands) for key, item in tree.items()})
    if isinstance(tree, Slice):
        return Slice(*[_slotted(part, operands) for part in (tree.start, tree.stop, tree.step)])
    return tree


def _evident(node: ast.expr, trees: tuple[FrozenDict, ...], facts: Facts) -> tuple[FrozenDict, ...]:
    """The same trees with what is known of their functions; a config is told of at a layer's first call."""
    rows = list(reversed(facts.evidence))
    try:
        found = with_evidence(trees, rows)
    except IndexError:
        found = None
    if found is None or rows:
        told = counted(len(facts.evidence), "function")
        fail(node, f"the annotation tells of {told}; expected each that is in {excerpt(node)!r}")
    return found


def _identity(draft: Draft, node: ast.expr, layer: Layer, facts: Facts) -> str:
    """The call's id: as annotated, else the layer's name with its call number, else an automatic one."""
    if "id" in facts.said:
        return (
            facts.id
            if facts.id not in draft.ops
            else fail(node, f"the id {facts.id!r} is given twice; expected one that no call above has")
        )
    if layer.name is not None:
        implied = f"{escape(layer.name)}:{layer.calls}" if layer.calls else escape(layer.name)
        if implied not in draft.ops:
            return implied
    stem = snake(layer.kind)
    while True:
        number = draft.automatic[stem] = draft.automatic.get(stem, -1) + 1
        name = f"{stem}_{number}" if number else stem
        if escape(name) not in draft.ops:
            layer.name = name if layer.calls == 0 else layer.name
            return escape(name)


def _settle_layer(node: ast.expr, layer: Layer, identity: str, facts: Facts) -> None:
    """A layer is what its first call makes it."""
    if layer.calls == 0:
        implied = None if is_function(layer.kind) else implied_layer(identity)
        layer.identity = facts.layer if "layer" in facts.said else implied
    elif "layer" in facts.said and facts.layer != layer.identity:
        fail(node, f"the layer of {excerpt(node)!r} is {layer.identity!r} already, it cannot be {facts.layer!r} too")


def _outputs(node: ast.expr, call: Call, count: int | None) -> tuple[Spec, ...]:
    found = implied_specs(call)
    if found is None and count is None and knowledge(call.kind).several:
        fail(node, f"how many outputs {excerpt(node)!r} has is not known here; write a variable for each on the left")
    return (UNKNOWN,) * (1 if count is None else count) if found is None else found
