"""Writes a Graph as Keras functional code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from kgraph.graph import Graph, Op, Slot, Tree, Value, Weight, escape, is_shape, leaves, map_leaves
from kgraph.ops import Call, knowledge
from kgraph.text.annotations import annotation, evidence
from kgraph.text.implied import (
    INPUT_KEYWORDS,
    UNKNOWN,
    call_keywords,
    implied_config,
    implied_specs,
    implied_weights,
    is_default,
    is_known,
    misspelt,
    parameters,
    positions,
    same,
)
from kgraph.text.literals import is_basic, literal, made, quoted, subscript
from kgraph.text.names import (
    RESERVED,
    Names,
    identifier,
    implied_layer,
    implied_operation,
    is_function,
    is_keyword,
    layer_name,
)


@dataclass(slots=True)
class _Bound:
    """A layer that is called more than once: its variable, its name, how often it has been called, its weights."""

    variable: str
    name: str
    calls: int
    weights: tuple[Weight, ...] | None


@dataclass(slots=True)
class _Writer:
    """What has been handed out while one graph is written."""

    graph: Graph
    shared: Counter[str]
    variables: dict[Value, str] = field(default_factory=dict[Value, str])
    bound: dict[str, _Bound] = field(default_factory=dict[str, _Bound])
    names: Names = field(default_factory=lambda: Names(RESERVED))
    layer_names: Names = field(default_factory=Names)
    made: dict[tuple[str, int], tuple[str, list[str]]] = field(
        default_factory=dict[tuple[str, int], tuple[str, list[str]]]
    )


def show(graph: Graph) -> str:
    """The text form: ``parse(show(graph)) == graph`` for every graph."""
    writer = _Writer(graph, Counter(op.layer for op in graph.ops.values() if op.layer is not None))
    lines = [line for node in graph.ops for line in _statement(writer, node)]
    inputs, outputs = (_tree(writer, tree) for tree in (graph.inputs, graph.outputs))
    lines.append(f"model = Model({inputs}, {outputs}, name={quoted(graph.name)})")
    return "".join(f"{line}\n" for line in lines)


def _tree(writer: _Writer, tree: Tree) -> str:
    found = leaves(tree)
    numbers = iter(range(len(found)))
    slotted = map_leaves(lambda _: Slot(next(numbers)), tree)
    return literal(slotted, lambda index: writer.variables[found[index]])


def _statement(writer: _Writer, node: str) -> Iterator[str]:
    op = writer.graph.ops[node]
    if is_function(op.kind) and is_known(op.kind) and not op.config:
        targets, implied = _targets(writer, node, op)
        yield from _annotated(writer, node, op, implied)
        yield f"{targets} = {_function(writer, node, op)}"
        return
    given = _input_arguments(op) if op.is_input else None
    if given is None:
        yield from _layer(writer, node, op)
        return
    name = writer.layer_names.new(layer_name(node))
    targets, _ = _targets(writer, node, op)
    yield from _annotated(writer, node, op, escape(name))
    yield f"{targets} = Input({', '.join([*given, f'name={quoted(name)}'])})"


def _layer(writer: _Writer, node: str, op: Op) -> Iterator[str]:
    """A layer that is made and called at once; one that is called more than once is made first."""
    bound = None if op.layer is None else writer.bound.get(op.layer)
    callee = bound.variable if bound else ""
    if bound is None:
        name = writer.layer_names.new(layer_name(node if op.layer is None else op.layer))
        bound = _Bound("", name, 0, None)
        callee = _constructor(writer, op, name)
        if op.layer is not None and writer.shared[op.layer] > 1:
            bound.variable = writer.names.new(identifier(f"{name}_layer"))
            yield f"{bound.variable} = {callee}"
            writer.bound[op.layer], callee = bound, bound.variable
    implied = f"{escape(bound.name)}:{bound.calls}" if bound.calls else escape(bound.name)
    targets, _ = _targets(writer, node, op)
    yield from _annotated(writer, node, op, implied, bound if bound.calls else None)
    yield f"{targets} = {callee}({_arguments(writer, node, op)})"
    bound.calls, bound.weights = bound.calls + 1, op.weights


def _constructor(writer: _Writer, op: Op, name: str) -> str:
    key = op.kind, id(op.config)
    if key not in writer.made:
        writer.made[key] = made(op.kind, op.config)
    head, arguments = writer.made[key]
    return f"{head}({', '.join([*arguments, f'name={quoted(name)}'])})"


def _targets(writer: _Writer, node: str, op: Op) -> tuple[str, str | None]:
    """The variables on the left, and the id that they imply for an operation that is no layer."""
    several = len(op.outputs) > 1 or knowledge(op.kind).several
    wishes = [f"{node}_{out}" for out in range(len(op.outputs))] if several else [node]
    names = [writer.names.new(identifier(wish)) for wish in wishes]
    writer.variables.update((Value(node, out), name) for out, name in enumerate(names))
    targets = f"({names[0]},)" if several and len(names) == 1 else ", ".join(names)
    return targets, implied_operation(names, several=several)


def _function(writer: _Writer, node: str, op: Op) -> str:
    x, key = op.arguments.get("x"), op.arguments.get("key")
    if op.kind == "ops.get_item" and list(op.arguments) == ["x", "key"] and isinstance(x, Slot) and is_basic(key):
        return f"{writer.variables[writer.graph.operands[node][0]]}[{subscript(key)}]"
    return f"{op.kind}({_arguments(writer, node, op)})"


def _arguments(writer: _Writer, node: str, op: Op) -> str:
    """Tensors by position as in the signature, all else by keyword; what is no keyword by ``**``."""
    operands, count = writer.graph.operands[node], _by_position(op)

    def variable(index: int) -> str:
        return writer.variables[operands[index]]

    written: list[str] = []
    for index, (key, tree) in enumerate(op.arguments.items()):
        if index < count:
            written += [literal(item, variable) for item in (tree if key.startswith("*") else (tree,))]
        elif is_keyword(key) and not is_default(op.kind, key, tree) and not misspelt(key, call_keywords(op.kind)):
            written.append(f"{key}={literal(tree, variable)}")
        else:
            written.append(f"**{{{quoted(key)}: {literal(tree, variable)}}}")
    return ", ".join(written)


def _by_position(op: Op) -> int:
    """How many arguments are written by position; a ``*parameter`` needs all before it too."""
    order, names = positions(op.kind), tuple(op.arguments)
    starred = next((index for index, name in enumerate(order) if name.startswith("*")), len(order))
    if starred < len(order) and names[: starred + 1] == order[: starred + 1]:
        rest = op.arguments[order[starred]]
        if isinstance(rest, tuple) and rest:
            return starred + 1
    count = 0
    while count < min(starred, len(names)) and names[count] == order[count] and _has_tensor(op.arguments[names[count]]):
        count += 1
    return count


def _has_tensor(tree: Tree) -> bool:
    return isinstance(tree, Slot) or any(isinstance(leaf, Slot) for leaf in leaves(tree))


def _annotated(writer: _Writer, node: str, op: Op, implied: str | None, bound: _Bound | None = None) -> Iterator[str]:
    """What the statement does not imply, as a string before it; ``bound`` is a layer that was called before."""
    facts: dict[str, Tree] = {}
    if implied != node:
        facts["id"] = node
    if bound is None and op.layer != (None if is_function(op.kind) else implied_layer(node)):
        facts["layer"] = op.layer
    call = Call(op.kind, op.config, op.arguments, writer.graph.operand_specs(node))
    if (implied_specs(call) or (UNKNOWN,) * len(op.outputs)) != op.outputs:
        facts["outputs"] = tuple((spec.shape, spec.dtype) for spec in op.outputs)
    if (bound.weights if bound else implied_weights(call)) != op.weights:
        facts["weights"] = op.weights and tuple((w.name, w.shape, w.dtype, w.trainable) for w in op.weights)
    function = evidence((op.arguments,) if bound else (op.config, op.arguments))
    if function is not None:
        facts["function"] = function
    if facts:
        yield annotation(facts)


def _input_arguments(op: Op) -> list[str] | None:
    """The arguments of ``Input(...)``; None for a call that it does not give."""
    shape = op.config.get("batch_shape", "")
    if op.arguments or len(op.outputs) != 1 or not (shape is None or is_shape(shape)):
        return None
    defaults = parameters(op.kind)
    rest = {
        key: value for key, value in op.config.items() if key != "batch_shape" and not same(defaults.get(key), value)
    }
    fits = all(key in INPUT_KEYWORDS[4:] and value is not None for key, value in rest.items())
    if not fits or not same(implied_config(op.kind, {"batch_shape": shape, **rest}), op.config):
        return None
    if shape is None:
        written = ["shape=None"]
    elif not shape:
        written = ["batch_shape=()"]
    elif shape[0] is None:
        written = [f"shape={literal(shape[1:])}"]
    else:
        written = [f"shape={literal(shape[1:])}", f"batch_size={literal(shape[0])}"]
    return written + [f"{key}={literal(value)}" for key, value in rest.items()]
