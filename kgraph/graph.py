"""The graph: calls joined by tensors. Plain, frozen data; no Keras object is reachable from it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from kgraph.errors import GraphError

if TYPE_CHECKING:
    import networkx as nx

Shape = tuple[int | None, ...] | None
"""Batch first; None in place of an extent that is not fixed, None for the whole where even the rank is unknown."""

Tree = Any
"""A frozen tree: leaves, tuples (for tuples and lists) and FrozenDicts."""


class FrozenDict(dict[str, Any]):
    """A dict that can be hashed and not be changed."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a FrozenDict cannot be changed; build a new one")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor: output number ``out`` of the call ``node``."""

    node: str
    out: int = 0

    def __str__(self) -> str:
        return self.node if self.out == 0 else f"{self.node}[{self.out}]"


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a call's arguments where operand number ``index`` enters."""

    index: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A Python slice, hashable on every Python version."""

    start: Any = None
    stop: Any = None
    step: Any = None


@dataclass(frozen=True, slots=True)
class Constant:
    """An array that stands as an operand. ``values`` (nested tuples) is kept for small arrays only."""

    dtype: str
    shape: tuple[int, ...]
    digest: str
    values: Any = None


@dataclass(frozen=True, slots=True)
class Object:
    """A configured object that is no layer of the graph: an initializer, a regularizer, the layer inside a wrapper.

    ``kind`` is the public export path without ``keras.``, or ``custom.<module>.<qualname>``.
    """

    kind: str
    config: FrozenDict


@dataclass(frozen=True, slots=True)
class Capture:
    """A name that a function reads from outside: ``cell`` numbers the closure cells of a graph, None for a global."""

    name: str
    cell: int | None
    value: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """What is known of a Python function inside a model, as plain data.

    Attributes:
        digest: of its code; two functions of equal digest come from one expression.
        selection: the subscript that it returns of its tensor (ints, Slices, None, ``...``), or None.
        known: how the selection is known: ``proved``, ``tested``, ``assumed`` or ``unknown``.
        note: why the selection is unknown.
        captures: the closure variables and globals that it reads when it runs, and not when it was made.

    Two functions are equal if they are known to select the same, else if their code is: the rest is evidence.
    """

    digest: str = ""
    selection: tuple[Any, ...] | None = None
    known: str = "unknown"
    note: str = ""
    captures: tuple[Capture, ...] = ()

    def _identity(self) -> tuple[Any, ...]:
        return (self.digest, self.captures) if self.selection is None else (self.selection,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


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
        return self.kind == "layers.InputLayer"


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A model's graph.

    Args:
        ops: the calls by id, in any order; kept in a deterministic topological order, declared inputs first.
        operands: per call the tensors that enter it, by slot.
        inputs: the declared inputs, a frozen tree of Values.
        outputs: the outputs, a frozen tree of Values.
        name: the model's name.

    Raises:
        GraphError: an operand or output does not exist, slots and operands do not match, there is a cycle, or a
            call is neither an ancestor of an output nor a declared input.
    """

    ops: Mapping[str, Op]
    operands: Mapping[str, tuple[Value, ...]]
    inputs: Tree
    outputs: Tree
    name: str = "model"
    _memo: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        order = _topological(self)
        _check(self, order)
        object.__setattr__(self, "ops", FrozenDict({node: self.ops[node] for node in order}))
        object.__setattr__(self, "operands", FrozenDict({node: self.operands[node] for node in order}))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        mine = (self.ops, self.operands, self.inputs, self.outputs)
        return mine == (other.ops, other.operands, other.inputs, other.outputs)

    def __hash__(self) -> int:
        return hash((tuple(self.ops), self.outputs))

    def __repr__(self) -> str:
        return f"<kgraph.Graph {self.name!r}: {len(self.ops):,} nodes, {self.edge_count:,} edges>"

    def __str__(self) -> str:
        from kgraph.text import show  # a one-line delegation: printing is not the graph's business

        return show(self)

    @property
    def edge_count(self) -> int:
        return sum(map(len, self.operands.values()))

    @property
    def nx(self) -> nx.MultiDiGraph[str]:
        """The graph as a frozen ``networkx.MultiDiGraph``: node attribute ``op``; edge key = slot, attribute ``out``."""
        return _networkx(self)

    @property
    def users(self) -> Mapping[Value, tuple[tuple[str, int], ...]]:
        """Per value the (node, slot) pairs that it enters; values without a user are absent."""
        return _users(self)

    def spec(self, value: Value) -> Spec:
        return self.ops[value.node].outputs[value.out]

    def operand_specs(self, node: str) -> tuple[Spec, ...]:
        return tuple(self.spec(value) for value in self.operands[node])

    def equivalent(self, other: Graph) -> bool:
        """True if the graphs are equal up to the names of nodes and layers."""
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


def leaves(tree: Tree) -> list[Any]:
    """The leaves of a frozen tree in order; Slices are looked into, Objects are leaves."""
    found: list[Any] = []
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, dict):
            stack.extend(reversed(item.values()))  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, Slice):
            stack.extend((item.step, item.stop, item.start))
        else:
            found.append(item)
    return found


def map_leaves(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """The same tree with every leaf replaced."""
    if isinstance(tree, tuple):
        return tuple(map_leaves(function, item) for item in tree)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(tree, dict):
        return FrozenDict({key: map_leaves(function, item) for key, item in tree.items()})  # pyright: ignore
    if isinstance(tree, Slice):
        return Slice(*(map_leaves(function, part) for part in (tree.start, tree.stop, tree.step)))
    return function(tree)


def slots(arguments: Tree) -> tuple[int, ...]:
    """The slot numbers in the order in which they stand in the arguments."""
    return tuple(leaf.index for leaf in leaves(arguments) if isinstance(leaf, Slot))


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
    by_layer = {op.layer or node: op.weights for node, op in graph.ops.items()}
    total = 0
    for weights in by_layer.values():
        if weights is None:
            return None
        for weight in weights:
            size = 1
            for extent in weight.shape:
                if extent is None:
                    return None
                size *= extent
            total += size
    return total


def escape(name: str) -> str:
    """A layer's name as it stands in an id, where ``/`` and ``:`` have a meaning."""
    return name.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")


def is_plain(value: object) -> bool:
    """True for the scalars that a tree may hold."""
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, EllipsisType))


def _topological(graph: Graph) -> list[str]:
    """Declared inputs first, then depth-first from the outputs: depends on the structure alone, not on names."""
    order: dict[str, None] = {}
    for value in values(graph.inputs):
        order[value.node] = None
    open_nodes: set[str] = set()
    for output in values(graph.outputs):
        stack = [output.node]
        while stack:
            node = stack[-1]
            if node in order:
                stack.pop()
                continue
            if node not in graph.operands or node not in graph.ops:
                raise GraphError(f"the graph has no node {node!r}, but an operand or output names it")
            waiting = [value.node for value in graph.operands[node] if value.node not in order]
            if not waiting:
                order[stack.pop()] = None
                open_nodes.discard(node)
                continue
            if node in open_nodes:
                raise GraphError(f"node {node!r} is part of a cycle")
            open_nodes.add(node)
            stack.extend(reversed(waiting))
    return list(order)


def _check(graph: Graph, order: list[str]) -> None:
    for node in order:
        if node not in graph.ops:
            raise GraphError(f"the graph has no node {node!r}, but its inputs name it")
    if len(order) != len(graph.ops):
        reached = set(order)
        stray = next(node for node in graph.ops if node not in reached)
        raise GraphError(f"node {stray!r} is neither an ancestor of an output nor a declared input")
    for node in order:
        op, operands = graph.ops[node], graph.operands.get(node, ())
        if slots(op.arguments) != tuple(range(len(operands))):
            raise GraphError(
                f"node {node!r} has {len(operands)} operands, but its arguments hold the slots {slots(op.arguments)}"
            )
        for value in operands:
            _check_value(graph, value, f"node {node!r}")
    for value in (*values(graph.inputs), *values(graph.outputs)):
        _check_value(graph, value, "the model")
    for value in values(graph.inputs):
        if graph.operands[value.node]:
            raise GraphError(f"the declared input {value.node!r} is computed from other tensors")


def _check_value(graph: Graph, value: Value, who: str) -> None:
    if value.node not in graph.ops or not 0 <= value.out < len(graph.ops[value.node].outputs):
        raise GraphError(f"{who} uses {value}, which does not exist")


@memoised
def _users(graph: Graph) -> Mapping[Value, tuple[tuple[str, int], ...]]:
    users: dict[Value, list[tuple[str, int]]] = {}
    for node, operands in graph.operands.items():
        for slot, value in enumerate(operands):
            users.setdefault(value, []).append((node, slot))
    return {value: tuple(pairs) for value, pairs in users.items()}


@memoised
def calls_by_layer(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """The calls of each layer, in graph order."""
    calls: dict[str, list[str]] = {}
    for node, op in graph.ops.items():
        if op.layer is not None:
            calls.setdefault(op.layer, []).append(node)
    return {layer: tuple(nodes) for layer, nodes in calls.items()}


@memoised
def _networkx(graph: Graph) -> nx.MultiDiGraph[str]:
    import networkx as nx  # a tenth of a second, which most callers do not need to spend

    result: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=graph.name)
    result.add_nodes_from((node, {"op": op}) for node, op in graph.ops.items())
    result.add_edges_from(
        (value.node, node, slot, {"out": value.out})
        for node, operands in graph.operands.items()
        for slot, value in enumerate(operands)
    )
    return nx.freeze(result)


@memoised
def _canonical(graph: Graph) -> tuple[Any, ...]:
    """Nodes and layers by number: as the order depends on structure alone, equal numbers mean the same place."""
    number = {node: index for index, node in enumerate(graph.ops)}
    layers: dict[str, int] = {}
    cells: dict[int, int] = {}

    def anonymous(leaf: Any) -> Any:
        if isinstance(leaf, Value):
            return number[leaf.node], leaf.out
        if isinstance(leaf, Function) and leaf.selection is None:
            captures = tuple(
                Capture(c.name, None if c.cell is None else cells.setdefault(c.cell, len(cells)), c.value)
                for c in leaf.captures
            )
            return leaf.digest, captures
        return leaf

    rows: list[Any] = []
    for node, op in graph.ops.items():
        layer = None if op.layer is None else layers.setdefault(op.layer, len(layers))
        weights = None if op.weights is None else frozenset(op.weights)
        operands = map_leaves(anonymous, graph.operands[node])
        rows.append((op.kind, layer, map_leaves(anonymous, op.config), op.arguments, weights, op.outputs, operands))
    return rows, map_leaves(anonymous, graph.inputs), map_leaves(anonymous, graph.outputs)
