"""Writes a Graph as Keras functional code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kgraph.graph import FrozenDict, Function, Graph, Op, Slot, Tree, Value, Weight, leaves, map_leaves
from kgraph.ops import Call, call_of, infer_specs, infer_weights, knowledge
from kgraph.ops.catalog import entry
from kgraph.text.literals import constructor, is_basic, is_keyword, literal, quoted, same, subscript
from kgraph.text.names import Names, implied_layer, implied_operation, is_function


def show(graph: Graph) -> str:
    """The text form: ``parse(show(graph)) == graph`` for every graph."""
    return "".join(f"{line}\n" for line in _Writer(graph).lines())


class _Writer:
    """The names that are handed out while one graph is written."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names = Names()
        self.variables: dict[Value, str] = {}
        self.layers: dict[str, tuple[str, str]] = {}
        self.layer_names = Names()
        self.uses = Counter(op.layer for op in graph.ops.values() if op.layer is not None)
        self.calls: Counter[str] = Counter()

    def lines(self) -> Iterator[str]:
        for node in self.graph.ops:
            yield from self._statement(node)
        inputs, outputs = (self._tree(tree) for tree in (self.graph.inputs, self.graph.outputs))
        yield f"model = Model({inputs}, {outputs}, name={quoted(self.graph.name)})"

    def _tree(self, tree: Tree) -> str:
        found = list(leaves(tree))
        numbers = iter(range(len(found)))
        slotted = map_leaves(lambda _: Slot(next(numbers)), tree)
        return literal(slotted, lambda index: self.variables[found[index]])

    def _statement(self, node: str) -> Iterator[str]:
        op = self.graph.ops[node]
        if op.is_input:
            yield from self._input(node, op)
        elif is_function(op.kind):
            targets, implied = self._targets(node, op)
            yield from self._annotated(node, op, implied)
            yield f"{targets} = {self._function(node, op)}"
        else:
            yield from self._layer(node, op)

    def _input(self, node: str, op: Op) -> Iterator[str]:
        name = self.layer_names.new(node)
        self.variables[Value(node)] = self.names.new(node)
        yield from self._annotated(node, op, name)
        yield f"{self.variables[Value(node)]} = Input({', '.join([*_input_arguments(op), f'name={quoted(name)}'])})"

    def _layer(self, node: str, op: Op) -> Iterator[str]:
        layer, variable = op.layer, ""
        if layer is not None and layer in self.layers:
            variable, name = self.layers[layer]
        else:
            name = self.layer_names.new(layer or node)
        made = constructor(op.kind, op.config, f"name={quoted(name)}")
        if layer is not None and self.uses[layer] > 1 and layer not in self.layers:
            variable = self.names.new(f"{name}_layer")
            self.layers[layer] = variable, name
            yield f"{variable} = {made}"
        implied = f"{name}:{self.calls[name]}" if self.calls[name] else name
        self.calls[name] += 1
        targets, _ = self._targets(node, op)
        yield from self._annotated(node, op, implied)
        yield f"{targets} = {variable or made}({self._arguments(node, op)})"

    def _targets(self, node: str, op: Op) -> tuple[str, str | None]:
        """The variables on the left, and the id that they imply for an operation that is no layer."""
        several = len(op.outputs) > 1 or knowledge(op.kind).several
        wishes = [f"{node}_{out}" for out in range(len(op.outputs))] if several else [node]
        names = [self.names.new(wish) for wish in wishes]
        self.variables.update({Value(node, out): name for out, name in enumerate(names)})
        targets = f"({names[0]},)" if several and len(names) == 1 else ", ".join(names)
        return targets, implied_operation(names, several=several)

    def _function(self, node: str, op: Op) -> str:
        key = op.arguments.get("key")
        if op.kind == "ops.get_item" and op.arguments.keys() == {"x", "key"} and is_basic(key):
            return f"{self._name(node, op.arguments['x'])}[{subscript(key)}]"
        return f"{op.kind}({self._arguments(node, op)})"

    def _name(self, node: str, tree: Tree) -> str:
        operands = self.graph.operands[node]
        return literal(tree, lambda index: self.variables[operands[index]])

    def _arguments(self, node: str, op: Op) -> str:
        """Tensors by position as in the signature, all else by keyword; a ``*parameter`` needs all before it too."""
        starred = next((name for name in op.arguments if name.startswith("*")), None)
        order = positions(op.kind)
        written: list[str] = []
        positional = True
        odd: dict[str, str] = {}
        for index, (name, tree) in enumerate(op.arguments.items()):
            text = self._name(node, tree)
            if name.startswith("*"):
                written += [self._name(node, item) for item in tree]
                starred = None
                positional = False
                continue
            fits = index < len(order) and order[index] == name
            tensor = any(isinstance(leaf, Slot) for leaf in leaves(tree))
            positional = positional and fits and (tensor or starred is not None)
            if positional:
                written.append(text)
            elif name.isidentifier() and is_keyword(name):
                written.append(f"{name}={text}")
            else:
                odd[name] = text
        if odd:
            written.append("**{" + ", ".join(f"{name!r}: {text}" for name, text in odd.items()) + "}")
        return ", ".join(written)

    def _annotated(self, node: str, op: Op, implied: str | None) -> Iterator[str]:
        """What the statement does not imply, as a string before it."""
        facts: dict[str, Tree] = {}
        if implied != node:
            facts["id"] = node
        if op.layer != (None if is_function(op.kind) else implied_layer(node)):
            facts["layer"] = op.layer
        call = call_of(op, self.graph.operand_specs(node))
        if infer_specs(call) != op.outputs:
            facts["outputs"] = tuple((spec.shape, spec.dtype) for spec in op.outputs)
        if weights_of(call) != op.weights:
            facts["weights"] = op.weights and tuple((w.name, w.shape, w.dtype, w.trainable) for w in op.weights)
        function = op.config.get("function")
        if isinstance(function, Function) and not _is_plain_selection(function):
            facts["function"] = _evidence(function)
        if facts:
            yield repr(literal(FrozenDict(facts)))


def weights_of(call: Call) -> tuple[Weight, ...] | None:
    """The weights that a statement implies."""
    return () if is_function(call.kind) or call.kind == "layers.InputLayer" else infer_weights(call)


def positions(kind: str) -> tuple[str, ...]:
    """Names of the parameters that a call takes by position; for what is not Keras' own, the first is ``inputs``."""
    known = entry(kind)
    return tuple(known.call) if known else ("inputs",)


def _is_plain_selection(function: Function) -> bool:
    return function.selection is not None and function.known == "proved" and not function.captures


def _evidence(function: Function) -> FrozenDict:
    """How a Lambda's selection is known, where the reader would not assume the same."""
    captures = tuple((capture.name, capture.cell, capture.value) for capture in function.captures)
    return FrozenDict(digest=function.digest, known=function.known, note=function.note, captures=captures)


def _input_arguments(op: Op) -> list[str]:
    shape = op.config.get("batch_shape")
    if shape is None:
        written = ["shape=None"]
    elif not shape:
        written = ["batch_shape=()"]
    elif shape[0] is None:
        written = [f"shape={literal(shape[1:])}"]
    else:
        written = [f"shape={literal(shape[1:])}", f"batch_size={shape[0]}"]
    known = entry(op.kind)
    defaults = known.config if known else {}
    rest = {
        key: value for key, value in op.config.items() if key != "batch_shape" and not same(defaults.get(key), value)
    }
    return written + [f"{key}={literal(value)}" for key, value in rest.items()]
