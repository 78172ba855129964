"""The graph: calls joined by tensors. Plain, frozen data; no Keras object is reachable from it."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from kgraph.errors import GraphError
from kgraph.trees import (
    Capture,
    Constant,
    FrozenDict,
    Function,
    Object,
    Slice,
    Slot,
    Tree,
    check_tree,
    is_plain,
    leaves,
    map_leaves,
    settled,
    slots,
    sort_keys,
)

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "Capture", "Constant", "FrozenDict", "Function", "Graph", "Object", "Op", "Shape", "Slice", "Slot", "Spec",
    "Tree", "Value", "Weight", "ancestors", "calls_by_layer", "escape", "is_plain", "is_shape", "leaves",
    "map_leaves", "memoised", "parameters", "slots", "values",
]  # fmt: skip

Shape = tuple[int | None, ...] | None
"""Batch first; None in place of an extent that is not fixed, None for the whole where even the rank is unknown."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor: output number ``out`` of the call ``node``."""

    node: str
    out: int = 0

    def __str__(self) -> str:
        return self.node if self.out == 0 else f"{self.node}[{self.out}]"


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape (batch first) and dtype of one tensor."""

    shape: Shape
    dtype: str


@dataclass(frozen=True, slots=True)
class Weight:
    """One variable of a layer."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    trainable: bool


@dataclass(frozen=True, slots=True)
class Op:
    """One call.

    Attributes:
        kind: the public export path without ``keras.``; ``custom.<module>.<qualname>`` for what is not Keras' own.
        layer: the identity of the layer that is called; two calls with the same one share weights. None for an
            operation that is no layer.
        config: how the layer was configured, without its name. Empty for operations.
        arguments: the call's arguments by parameter name, in signature order, with Slots where tensors enter.
            Arguments that have their default value are left out.
        weights: the layer's variables, None where they are unknown.
        outputs: one Spec an output.
        known: how ``outputs`` is known.
        replaces: ids of the calls that a rewrite folded into this one.
    """

    kind: str
    layer: str | None
    config: FrozenDict
    arguments: FrozenDict
    weights: tuple[Weight, ...] | None
    outputs: tuple[Spec, ...]
    known: str = field(default="recorded", compare=False)
    replaces: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_input(self) -> bool:
        """True for the layer that a model starts with."""
        return self.kind == "layers.InputLayer"


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A model's graph.

    Args:
        ops: the calls by id, in any order; kept in a deterministic topological order, declared inputs first.
        operands: per call the tensors that enter it, by slot; calls that nothing enters may be left out.
        inputs: the declared inputs, a frozen tree of Values; its dicts are kept sorted by key, as Keras flattens them.
        outputs: the outputs, a tree like that of the inputs.
        name: the model's name.

    Raises:
        GraphError: an operand or output does not exist, slots and operands do not match, there is a cycle, a call is
            neither an ancestor of an output nor a declared input, the calls of one layer disagree about it, or
            something other than plain, frozen data is held.
    """

    ops: Mapping[str, Op]
    operands: Mapping[str, tuple[Value, ...]]
    inputs: Tree
    outputs: Tree
    name: str = "model"
    _memo: dict[Callable[..., Any], Any] = field(default_factory=dict[Callable[..., Any], Any], init=False)

    def __post_init__(self) -> None:
        operands = {node: tuple(self.operands.get(node, ())) for node in self.ops}
        _check(self, operands)
        inputs, outputs = sort_keys(self.inputs), sort_keys(self.outputs)
        order = _topological(operands, inputs, outputs)
        if len(order) != len(self.ops):
            reached = set(order)
            stray = next(node for node in self.ops if node not in reached)
            raise GraphError(f"node {stray!r} is neither an ancestor of an output nor a declared input")
        object.__setattr__(self, "ops", FrozenDict({node: self.ops[node] for node in order}))
        object.__setattr__(self, "operands", FrozenDict({node: operands[node] for node in order}))
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "outputs", outputs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        if (self.operands, self.inputs, self.outputs) != (other.operands, other.inputs, other.outputs):
            return False
        return all(_same_op(op, other.ops[node]) for node, op in self.ops.items())

    def __hash__(self) -> int:
        return hash((tuple(self.ops), self.outputs))

    def __reduce__(self) -> tuple[type[Graph], tuple[Any, ...]]:
        return Graph, (self.ops, self.operands, self.inputs, self.outputs, self.name)

    def __repr__(self) -> str:
        return f"<kgraph.Graph {self.name!r}: {len(self.ops):,} nodes, {self.edge_count:,} edges>"

    def __str__(self) -> str:
        from kgraph.text import show  # a one-line delegation: printing is not the graph's business

        return show(self)

    @property
    def edge_count(self) -> int:
        """Number of tensors that enter calls."""
        return sum(map(len, self.operands.values()))

    @property
    def nx(self) -> nx.MultiDiGraph[str]:
        """The graph as a frozen networkx graph: node attribute ``op``; edge key = slot, attribute ``out``."""
        return _networkx(self)

    @property
    def users(self) -> Mapping[Value, tuple[tuple[str, int], ...]]:
        """Per value the (node, slot) pairs that it enters; values without a user are absent."""
        return _users(self)

    def spec(self, value: Value) -> Spec:
        """Shape and dtype of a tensor."""
        return self.ops[value.node].outputs[value.out]

    def operand_specs(self, node: str) -> tuple[Spec, ...]:
        """Shapes and dtypes of the tensors that enter a call, by slot."""
        return tuple(self.spec(value) for value in self.operands[node])

    def equivalent(self, other: Graph) -> bool:
        """True if the graphs are equal up to the names of nodes and layers, and the numbers of closure cells."""
        return _canonical(self) == _canonical(other)


Result = TypeVar("Result")


def memoised(analysis: Callable[[Graph], Result]) -> Callable[[Graph], Result]:
    """Makes a pure function of a Graph run once a graph."""

    @functools.wraps(analysis)
    def once(graph: Graph) -> Result:
        memo = graph._memo  # pyright: ignore[reportPrivateUsage]
        if analysis not in memo:
            memo[analysis] = analysis(graph)
        return memo[analysis]

    return once


def values(tree: Tree) -> tuple[Value, ...]:
    """The Values of a tree of inputs or outputs, in order."""
    return tuple(leaf for leaf in leaves(tree) if isinstance(leaf, Value))


def ancestors(operands: Mapping[str, tuple[Value, ...]], roots: Tree) -> set[str]:
    """The nodes that the Values in ``roots`` depend on, their own included."""
    found: set[str] = set()
    stack = [value.node for value in values(roots)]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(value.node for value in operands.get(node, ()))
    return found


def parameters(graph: Graph) -> int | None:
    """Number of weights, shared layers once; None where a layer's weights are unknown."""
    by_layer: dict[tuple[str, str | None], tuple[Weight, ...] | None] = {}
    for node, op in graph.ops.items():
        key = ("layer", op.layer) if op.layer is not None else ("node", node)
        by_layer[key] = by_layer.get(key) or op.weights
    if None in by_layer.values():
        return None
    shapes = [weight.shape for weights in by_layer.values() for weight in weights or ()]
    if any(None in shape for shape in shapes):
        return None
    return sum(math.prod(extent or 0 for extent in shape) for shape in shapes)


def is_shape(shape: object) -> bool:
    """True for a tuple of extents: ints that are not negative, and None."""
    if not isinstance(shape, tuple):
        return False
    for extent in shape:  # pyright: ignore[reportUnknownVariableType]
        if extent is not None and (type(extent) is not int or extent < 0):  # pyright: ignore
            return False
    return True


def escape(name: str) -> str:
    """A layer's name as it stands in an id, where ``/`` and ``:`` have a meaning."""
    return name.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")


def _topological(operands: Mapping[str, tuple[Value, ...]], inputs: Tree, outputs: Tree) -> list[str]:
    """Declared inputs first, then depth-first from the outputs: depends on the structure alone, not on names."""
    order: dict[str, None] = dict.fromkeys(value.node for value in values(inputs))
    open_nodes: set[str] = set()
    for output in values(outputs):
        stack = [output.node]
        while stack:
            node = stack[-1]
            if node in order:
                stack.pop()
                continue
            waiting = [value.node for value in operands[node] if value.node not in order]
            if not waiting:
                order[stack.pop()] = None
                open_nodes.discard(node)
                continue
            if node in open_nodes:
                raise GraphError(f"node {node!r} is part of a cycle")
            open_nodes.add(node)
            stack.extend(reversed(waiting))
    return list(order)


def _check(graph: Graph, operands: Mapping[str, tuple[Value, ...]]) -> None:
    """Everything that can be said of a call, a layer or a tree by itself."""
    stray = next((node for node in graph.operands if node not in graph.ops), None)
    if stray is not None:
        raise GraphError(f"the graph has no node {stray!r}, but is given operands for it")
    layers: dict[str, str] = {}
    checked, weighed = dict[int, list[int]](), set[int]()  # calls and layers that are alike may share what they hold
    for node, op in graph.ops.items():
        if id(op.config) not in checked:
            checked[id(op.config)] = check_tree(op.config, "the config of node", node)
        if id(op.arguments) not in checked:
            found = check_tree(op.arguments, "the arguments of node", node, Slot)
            checked[id(op.arguments)] = [slot.index for slot in found]
        _check_slots(node, checked[id(op.arguments)], len(operands[node]))
        _check_shapes(node, op, weighed)
        for value in operands[node]:
            _check_value(graph.ops, value, "node", node)
        if op.layer is not None and layers.setdefault(op.layer, node) != node:
            _check_shared(graph.ops, layers[op.layer], node)
    for what, tree in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        check_tree(tree, "the model's", what, Value)
        for value in leaves(tree):
            _check_value(graph.ops, value, "the model's", what)
    for value in leaves(graph.inputs):
        if operands[value.node]:
            raise GraphError(f"the declared input {value.node!r} is computed from other tensors")


def _check_slots(node: str, found: list[int], operands: int) -> None:
    if found == [0] if operands == 1 else found == list(range(operands)):
        return
    held = f"{found[:10]}{'...' if len(found) > 10 else ''}"
    raise GraphError(f"node {node!r} has {operands} operands, but its arguments hold the slots {held}")


def _check_shapes(node: str, op: Op, weighed: set[int]) -> None:
    weights = () if op.weights is None or id(op.weights) in weighed else op.weights
    weighed.add(id(op.weights))
    for shape in (*[spec.shape for spec in op.outputs], *[weight.shape for weight in weights]):
        if shape is not None and not is_shape(shape):
            raise GraphError(
                f"node {node!r} has the shape {shape!r}; expected a tuple of ints that are not negative, and None"
            )


def _check_value(ops: Mapping[str, Op], value: object, what: str, name: str) -> None:
    if not isinstance(value, Value):
        raise GraphError(f"{what} {name!r}: expected a Value, received {value!r}")
    if value.node not in ops:
        raise GraphError(f"{what} {name!r}: the graph has no node {value.node!r}")
    if not 0 <= value.out < len(ops[value.node].outputs):
        raise GraphError(f"{what} {name!r}: node {value.node!r} has no output {value.out}")


def _check_shared(ops: Mapping[str, Op], first: str, second: str) -> None:
    """A layer is one thing, however often it is called; what is not known at one call may be known at another."""
    one, other = ops[first], ops[second]
    config, weights = one.config, one.weights
    same_config = config is other.config or config == other.config or settled(config) == settled(other.config)
    same_weights = weights is other.weights or None in (weights, other.weights) or weights == other.weights
    for what, same in (("kind", one.kind == other.kind), ("config", same_config), ("weights", same_weights)):
        if not same:
            raise GraphError(f"nodes {first!r} and {second!r} call the layer {one.layer!r}, but differ in its {what}")


def _same_op(one: Op, other: Op) -> bool:
    return one == other or _settled_op(one) == _settled_op(other)


def _settled_op(op: Op) -> Op:
    return replace(op, config=settled(op.config), arguments=settled(op.arguments))


@memoised
def _users(graph: Graph) -> Mapping[Value, tuple[tuple[str, int], ...]]:
    users: dict[Value, list[tuple[str, int]]] = {}
    for node, operands in graph.operands.items():
        for slot, value in enumerate(operands):
            users.setdefault(value, []).append((node, slot))
    return MappingProxyType({value: tuple(pairs) for value, pairs in users.items()})


@memoised
def calls_by_layer(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """The calls of each layer, in graph order."""
    calls: dict[str, list[str]] = {}
    for node, op in graph.ops.items():
        if op.layer is not None:
            calls.setdefault(op.layer, []).append(node)
    return MappingProxyType({layer: tuple(nodes) for layer, nodes in calls.items()})


@memoised
def _networkx(graph: Graph) -> nx.MultiDiGraph[str]:
    import networkx as nx  # a tenth of a second, which most callers do not need to spend

    result: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=graph.name)
    result.add_nodes_from((node, {"op": op}) for node, op in graph.ops.items())
    for node, operands in graph.operands.items():
        for slot, value in enumerate(operands):
            result.add_edge(value.node, node, key=slot, out=value.out)
    nx.freeze(result)
    return result


@memoised
def _canonical(graph: Graph) -> tuple[Any, ...]:
    """Nodes and layers by number: as the order depends on structure alone, equal numbers mean the same place."""
    number = {node: index for index, node in enumerate(graph.ops)}
    layers: dict[str, int] = {}
    cells: dict[int, int] = {}

    def place(value: Value) -> tuple[int, int]:
        return number[value.node], value.out

    rows: list[Any] = []
    for node, op in graph.ops.items():
        layer = None if op.layer is None else layers.setdefault(op.layer, len(layers))
        weights = None if op.weights is None else Counter(op.weights)
        trees = settled(op.config, cells), settled(op.arguments, cells)
        rows.append((op.kind, layer, *trees, weights, op.outputs, tuple(map(place, graph.operands[node]))))
    return rows, map_leaves(place, graph.inputs), map_leaves(place, graph.outputs)
