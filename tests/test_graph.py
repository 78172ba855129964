"""The graph: its invariants, its order, what makes two of them equal, and that nothing can change it."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import pickle
import random
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.errors import GraphError
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
    ancestors,
    calls_by_layer,
    escape,
    is_plain,
    is_shape,
    leaves,
    map_leaves,
    memoised,
    parameters,
    slots,
    values,
)
from kgraph.trees import DEEPEST, check_tree, inside, settled
from tests.text.strategies import graphs, trees

FLOAT = Spec((None, 4), "float32")


def op(
    count: int = 0,
    kind: str = "layers.Odd",
    layer: str | None = None,
    config: Mapping[str, Tree] | None = None,
    *,
    arguments: Mapping[str, Tree] | None = None,
    weights: tuple[Weight, ...] | None = (),
    outputs: tuple[Spec, ...] = (FLOAT,),
) -> Op:
    """A call on so many tensors."""
    given = {"inputs": tuple(map(Slot, range(count)))} if arguments is None else arguments
    return Op(kind, layer, FrozenDict(config or {}), FrozenDict(given), weights, outputs)


X = Value("x")


def build(edges: Mapping[str, Sequence[str]], outputs: Tree, inputs: Tree = X, **ops: Op) -> Graph:
    """A graph from the nodes that enter each node; ``x`` is the input."""
    found = {"x": op(), **{node: op(len(entering)) for node, entering in edges.items()}, **ops}
    return Graph(found, {node: tuple(map(Value, entering)) for node, entering in edges.items()}, inputs, outputs)


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(GraphError) as caught:
        Graph(*args, **kwargs)
    return str(caught.value)


# --- invariants -------------------------------------------------------------------------------------------------------


def numbered(value: object) -> FrozenDict:
    """A dict whose key is no string, as no type checker would let it be."""
    wrong: dict[Any, Any] = {1: value}
    return FrozenDict(wrong)


@pytest.mark.parametrize(
    ("ops", "operands", "inputs", "outputs", "said"),
    [
        ({"x": op()}, {}, Value("x"), Value("y"), "the model's 'outputs': the graph has no node 'y'"),
        ({"x": op()}, {}, Value("y"), Value("x"), "the model's 'inputs': the graph has no node 'y'"),
        ({"x": op()}, {}, (), Value("x", 1), "the model's 'outputs': node 'x' has no output 1"),
        ({"x": op()}, {}, (), Value("x", -1), "the model's 'outputs': node 'x' has no output -1"),
        ({"x": op()}, {}, (), (Value("x"), None), "the model's 'outputs': expected a Value, received None"),
        ({"x": op()}, {}, "x", Value("x"), "the model's 'inputs': expected a Value, received 'x'"),
        ({"x": op()}, {}, [Value("x")], Value("x"), "the model's 'inputs': a list is no plain, frozen data"),
        ({"x": op()}, {}, {"a": Value("x")}, Value("x"), "the model's 'inputs': a dict is no plain, frozen data"),
        ({"x": op()}, {}, numbered(Value("x")), Value("x"), "the model's 'inputs': the keys of a dict must be strings, received (1,)"),
        ({"x": op()}, {}, (), (Object("a", FrozenDict()),), "the model's 'outputs': expected a Value, received Object(kind='a', config={})"),
        ({"x": op(), "y": op(1)}, {"y": (Value("z"),)}, (), Value("y"), "node 'y': the graph has no node 'z'"),
        ({"x": op(), "y": op(1)}, {"y": (Value("x", 1),)}, (), Value("y"), "node 'y': node 'x' has no output 1"),
        ({"x": op(), "y": op(1)}, {"y": ("x",)}, (), Value("y"), "node 'y': expected a Value, received 'x'"),
        ({"x": op(), "y": op(1)}, {"y": ()}, (), Value("y"), "node 'y' has 0 operands, but its arguments hold the slots [0]"),
        ({"x": op(), "y": op(20)}, {}, (), Value("y"), "node 'y' has 0 operands, but its arguments hold the slots [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]..."),
        ({"x": op(), "y": op(arguments={"a": Slot(1), "b": Slot(0)})}, {"y": (Value("x"),) * 2}, (), Value("y"), "node 'y' has 2 operands, but its arguments hold the slots [1, 0]"),
        ({"x": op(), "y": op(arguments={"a": Slot(1)})}, {"y": (Value("x"),)}, (), Value("y"), "node 'y' has 1 operands, but its arguments hold the slots [1]"),
        ({"x": op()}, {"z": ()}, (), Value("x"), "the graph has no node 'z', but is given operands for it"),
        ({"x": op(), "z": op()}, {}, (), Value("x"), "node 'z' is neither an ancestor of an output nor a declared input"),
        ({"x": op(1)}, {"x": (Value("x"),)}, (), Value("x"), "node 'x' is part of a cycle"),
        ({"x": op(), "y": op(1)}, {"y": (Value("x"),)}, Value("y"), (), "the declared input 'y' is computed from other tensors"),
    ],
)  # fmt: skip
def test_invariants(ops: Any, operands: Any, inputs: Any, outputs: Any, said: str) -> None:
    assert refusal(ops, operands, inputs, outputs) == said


@pytest.mark.parametrize(
    ("shape", "written"),
    [((-1,), "(-1,)"), ((1.5,), "(1.5,)"), ((True,), "(True,)"), (("a",), "('a',)"), ([1], "[1]"), (3, "3")],
)
def test_shapes(shape: Any, written: str) -> None:
    said = f"node 'x' has the shape {written}; expected a tuple of ints that are not negative, and None"
    assert refusal({"x": op(outputs=(FLOAT, Spec(shape, "float32")))}, {}, (), Value("x")) == said
    assert refusal({"x": op(weights=(Weight("kernel", shape, "float32", True),))}, {}, (), Value("x")) == said
    assert not is_shape(shape)


def test_shapes_that_are_right() -> None:
    for shape in ((), (0,), (None, 2**70)):
        assert is_shape(shape)
        Graph({"x": op(outputs=(Spec(shape, "float32"), Spec(None, "")))}, {}, (), Value("x"))
    assert not is_shape(None)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ([1], "a list is no plain, frozen data"),
        ({"a": 1}, "a dict is no plain, frozen data"),
        (len, "a builtin_function_or_method is no plain, frozen data"),
        (math, "a module is no plain, frozen data"),
        ((1, {2}), "a set is no plain, frozen data"),
        (Slice(1, range(2)), "a range is no plain, frozen data"),
        (Object("a", FrozenDict(b=object())), "a object is no plain, frozen data"),
        (Function("a", None, captures=(Capture("b", 0, print),)), "a builtin_function_or_method is no plain, frozen data"),
        (Function("a", (slice(1),)), "a slice is no plain, frozen data"),
        (Constant("int8", (1,), "d", [1]), "a list is no plain, frozen data"),
        (Value("x"), "a Value is no plain, frozen data"),
        (FrozenDict({"a": numbered(2)}), "the keys of a dict must be strings, received (1,)"),
    ],
)  # fmt: skip
def test_only_plain_data_is_held(tree: Any, said: str) -> None:
    assert refusal({"x": op(config={"k": tree})}, {}, (), Value("x")) == f"the config of node 'x': {said}"
    assert refusal({"x": op(arguments={"k": tree, "l": 1})}, {}, (), Value("x")) == f"the arguments of node 'x': {said}"


def test_slots_stand_only_where_tensors_can() -> None:
    assert (
        refusal({"x": op(config={"a": Slot(0)})}, {}, (), Value("x"))
        == "the config of node 'x': a Slot is no plain, frozen data"
    )
    hidden = op(arguments={"a": Object("a", FrozenDict(b=Slot(0)))})
    said = refusal({"x": op(), "y": hidden}, {"y": (Value("x"),)}, (), Value("y"))
    assert said == "the arguments of node 'y': a Slot is no plain, frozen data"


def test_how_deep_trees_may_be() -> None:
    tree: Tree = ()
    for _ in range(DEEPEST):
        tree = (tree,)
    Graph({"x": op(config={"a": tree[0]})}, {}, (), Value("x"))
    said = f"the config of node 'x': nested more than {DEEPEST} deep"
    assert refusal({"x": op(config={"a": tree})}, {}, (), Value("x")) == said
    ends: Tree = Value("x")
    for _ in range(100_000):
        ends = (ends,)
    assert refusal({"x": op()}, {}, (), ends) == f"the model's 'outputs': nested more than {DEEPEST} deep"


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        (op(kind="layers.A", layer="l"), op(kind="layers.B", layer="l"), "kind"),
        (op(layer="l", config={"a": 1}), op(layer="l", config={"a": 2}), "config"),
        (op(layer="l", config={"a": 1}), op(layer="l"), "config"),
        (op(layer="l", weights=()), op(layer="l", weights=(Weight("w", (1,), "f", True),)), "weights"),
    ],
)  # fmt: skip
def test_the_calls_of_a_layer_agree(one: Op, other: Op, what: str) -> None:
    said = refusal({"a": one, "b": other}, {}, (), (Value("a"), Value("b")))
    assert said == f"nodes 'a' and 'b' call the layer 'l', but differ in its {what}"


def test_a_layer_may_be_known_better_at_one_call() -> None:
    known = (Weight("w", (3,), "f", True),)
    graph = Graph(
        {"a": op(layer="l", weights=None, config={"n": float("nan")}), "b": op(layer="l", weights=known, config={"n": float("nan")})},
        {}, (), (Value("a"), Value("b")),
    )  # fmt: skip
    assert parameters(graph) == 3


def test_operands_may_be_left_out_and_are_tuples() -> None:
    given: Any = {"y": [Value("x")]}
    graph = Graph({"y": op(1), "x": op()}, given, Value("x"), Value("y"))
    assert dict(graph.operands) == {"x": (), "y": (Value("x"),)}
    assert list(graph.ops) == ["x", "y"]


def test_empty() -> None:
    graph = Graph({}, {}, (), ())
    assert graph.edge_count == 0 and parameters(graph) == 0 and graph.equivalent(Graph({}, {}, (), ()))


# --- order ------------------------------------------------------------------------------------------------------------

DIAMOND = {"a": ["x"], "b": ["x", "a"], "c": ["a"], "d": ["c", "b", "a"], "e": ["d"]}


def renamed(graph: Graph, names: Mapping[str, str], layers: Mapping[str, str], seed: int = 0) -> Graph:
    """The same graph under other names, its calls given in another order."""
    nodes = list(graph.ops)
    random.Random(seed).shuffle(nodes)

    def move(value: Value) -> Value:
        return Value(names[value.node], value.out)

    found: dict[str | None, str] = {**layers}
    ops = {names[node]: dataclasses.replace(o, layer=found.get(o.layer, o.layer)) for node, o in graph.ops.items()}
    ops = {names[node]: ops[names[node]] for node in nodes}
    operands = {names[node]: tuple(map(move, graph.operands[node])) for node in nodes}
    return Graph(ops, operands, map_leaves(move, graph.inputs), map_leaves(move, graph.outputs), "renamed")


def test_the_order_is_topological() -> None:
    graph = build(DIAMOND, (Value("e"), Value("c")))
    place = {node: index for index, node in enumerate(graph.ops)}
    assert list(graph.ops) == ["x", "a", "c", "b", "d", "e"]
    assert all(place[value.node] < place[node] for node, entering in graph.operands.items() for value in entering)
    assert list(graph.operands) == list(graph.ops)


@given(st.permutations("xabcde"), st.integers(0, 99))
def test_the_order_depends_on_the_structure_alone(names: Sequence[str], seed: int) -> None:
    graph = build(DIAMOND, (Value("e"), Value("c")))
    mapping = dict(zip("xabcde", names, strict=True))
    other = renamed(graph, mapping, {}, seed)
    assert [mapping[node] for node in graph.ops] == list(other.ops)
    assert graph.equivalent(other)


def test_the_order_of_dicts_does_not_matter() -> None:
    ops = {"a": op(), "b": op(), "c": op(2)}
    operands = {"c": (Value("b"), Value("a"))}
    trees = [FrozenDict({key: Value(key) for key in order}) for order in itertools.permutations("abc")]
    found = [Graph(ops, operands, (), tree) for tree in trees]
    assert all(graph == found[0] and hash(graph) == hash(found[0]) and graph.equivalent(found[0]) for graph in found)
    assert all(list(graph.ops) == list(found[0].ops) and list(graph.outputs) == ["a", "b", "c"] for graph in found)
    nested = Graph(ops, operands, FrozenDict(z=Value("b"), y=(FrozenDict(d=Value("a")),)), Value("c"))
    assert values(nested.inputs) == (Value("a"), Value("b"))


def test_declared_inputs_come_first_and_may_be_unused() -> None:
    graph = Graph({"y": op(), "b": op(), "a": op()}, {}, (Value("b"), Value("a"), Value("b")), Value("y"))
    assert list(graph.ops) == ["b", "a", "y"]


def test_cycles() -> None:
    for edges in ({"a": ["b"], "b": ["a"]}, {"a": ["x", "c"], "b": ["a"], "c": ["b"]}, {"a": ["a"]}):
        with pytest.raises(GraphError, match="^node '[abc]' is part of a cycle$"):
            build(edges, Value("a"))
    many = {f"n{index}": [f"n{(index + 1) % 50_000}"] for index in range(50_000)}
    with pytest.raises(GraphError, match="is part of a cycle$"):
        build(many, Value("n0"))


def test_meeting_a_node_again_is_no_cycle() -> None:
    edges = {f"n{index}": [f"n{index - 1}", f"n{index - 1}", "x"] if index else ["x", "x"] for index in range(300)}
    assert len(build(edges, (Value("n299"), Value("n5"), Value("n299"))).ops) == 301


def test_a_chain_of_two_hundred_thousand() -> None:
    count = 200_000
    ops = {"n0": op(), **{f"n{index}": op(1, layer=f"n{index}") for index in range(1, count)}}
    operands = {f"n{index}": (Value(f"n{index - 1}"),) for index in range(1, count)}
    graph = Graph(ops, operands, Value("n0"), Value(f"n{count - 1}"))
    assert list(graph.ops)[:2] == ["n0", "n1"] and graph.edge_count == count - 1
    assert graph == Graph(dict(reversed(ops.items())), operands, Value("n0"), Value(f"n{count - 1}"))
    assert graph.equivalent(graph) and hash(graph) and parameters(graph) == 0
    assert len(ancestors(operands, graph.outputs)) == count and len(graph.users) == count - 1
    assert len(pickle.loads(pickle.dumps(graph)).ops) == count


def test_a_hundred_thousand_wide() -> None:
    count = 100_000
    ops = {"x": op(), **{f"n{index}": op(1) for index in range(count)}, "y": op(count)}
    operands: dict[str, tuple[Value, ...]] = {f"n{index}": (Value("x"),) for index in range(count)}
    operands["y"] = tuple(Value(f"n{index}") for index in range(count))
    graph = Graph(ops, operands, Value("x"), (Value("y"), *operands["y"]))
    assert graph.edge_count == 2 * count and len(graph.users[Value("x")]) == count
    assert list(graph.ops)[-1] == "y"


# --- equality ---------------------------------------------------------------------------------------------------------


@given(graphs())
def test_a_graph_equals_its_copies(graph: Graph) -> None:
    users, _ = graph.users, graph.equivalent(graph)  # what is remembered does not travel
    for other in (
        copy.copy(graph),
        copy.deepcopy(graph),
        pickle.loads(pickle.dumps(graph)),
        dataclasses.replace(graph),
    ):
        assert other == graph and hash(other) == hash(graph) and other.name == graph.name
        assert graph.equivalent(other) and other.users == users


@given(graphs(), st.integers(0, 99))
def test_equivalent_up_to_names(graph: Graph, seed: int) -> None:
    names = {node: f"{index * 7919 % 997}" for index, node in enumerate(graph.ops)}
    layers = {o.layer: f"l{names[node]}" for node, o in graph.ops.items() if o.layer is not None}
    other = renamed(graph, names, layers, seed)
    assert graph.equivalent(other) and other.equivalent(graph)
    assert list(other.ops) == [names[node] for node in graph.ops]


def test_equal_is_more_than_equivalent() -> None:
    graph = build(DIAMOND, Value("e"), a=op(1, layer="a"))
    other = renamed(graph, {node: node.upper() for node in graph.ops}, {})
    assert graph != other and graph.equivalent(other)
    assert graph != "graph" and graph == dataclasses.replace(graph, name="other")
    assert len({graph, dataclasses.replace(graph), other}) == 2


def variants() -> dict[str, Graph]:
    """Graphs that are nearly the same."""
    edges = {"a": ["x"], "b": ["x"], "c": ["a", "b"]}
    base = {"a": op(1, layer="a", config={"n": 1}), "b": op(1, layer="b", config={"n": 1}), "c": op(2)}
    weight = Weight("w", (3,), "f", True)
    lambdas = [Function("d", None, captures=(Capture("c", cell, 1),)) for cell in (0, 0, 1)]
    pairs = {
        "swapped": ({"a": ["x"], "b": ["x"], "c": ["b", "a"]}, {"a": op(1, layer="a", config={"n": 2})}),
        "config": (edges, {"a": op(1, layer="a", config={"n": 2})}),
        "kind": (edges, {"a": op(1, "layers.Other", "a", {"n": 1})}),
        "shared": (edges, {"b": op(1, layer="a", config={"n": 1})}),
        "no layer": (edges, {"b": op(1, config={"n": 1})}),
        "argument": (edges, {"a": op(layer="a", config={"n": 1}, arguments={"inputs": (Slot(0),), "k": 1})}),
        "tree": (edges, {"a": op(layer="a", config={"n": 1}, arguments={"inputs": Slot(0)})}),
        "shape": (edges, {"a": op(1, layer="a", config={"n": 1}, outputs=(Spec((None, 5), "float32"),))}),
        "dtype": (edges, {"a": op(1, layer="a", config={"n": 1}, outputs=(Spec((None, 4), "int8"),))}),
        "outputs": (edges, {"a": op(1, layer="a", config={"n": 1}, outputs=(FLOAT, FLOAT))}),
        "unknown weights": (edges, {"a": op(1, layer="a", config={"n": 1}, weights=None)}),
        "one weight": (edges, {"a": op(1, layer="a", config={"n": 1}, weights=(weight,))}),
        "two weights": (edges, {"a": op(1, layer="a", config={"n": 1}, weights=(weight, weight))}),
        "one cell": (edges, {"a": op(1, config={"f": lambdas[0]}), "b": op(1, config={"f": lambdas[1]})}),
        "two cells": (edges, {"a": op(1, config={"f": lambdas[0]}), "b": op(1, config={"f": lambdas[2]})}),
        "cells inside": (edges, {"a": op(1, config={"f": Object("o", FrozenDict(g=lambdas[0]))}), "b": op(1, config={"f": lambdas[2]})}),
        "edge": ({"a": ["x"], "b": ["a"], "c": ["a", "b"]}, {}),
        "plain": (edges, {}),
    }  # fmt: skip
    found = {name: build(entering, Value("c"), **{**base, **ops}) for name, (entering, ops) in pairs.items()}
    found["more outputs"] = build(edges, (Value("c"),), **base)
    found["dict"] = build(edges, FrozenDict(c=Value("c")), **base)
    found["no inputs"] = build(edges, Value("c"), (), **base)
    return found


def test_near_misses_are_not_equivalent() -> None:
    found = variants()
    for (one, left), (other, right) in itertools.combinations(found.items(), 2):
        assert not left.equivalent(right), (one, other)
        assert left != right


def test_cells_are_told_apart_not_named() -> None:
    def two(*cells: int | None) -> Graph:
        rows = [
            op(1, config={"z": 1, "f": (Function("d", None, captures=(Capture("c", cell, 1),)),)}) for cell in cells
        ]
        return build({"a": ["x"], "b": ["a"]}, Value("b"), a=rows[0], b=rows[1])

    assert two(0, 1).equivalent(two(7, 3)) and two(0, 0).equivalent(two(5, 5)) and two(0, 1) != two(7, 3)
    assert not two(0, 0).equivalent(two(0, 1)) and not two(None, 0).equivalent(two(0, 0))


def test_the_order_of_a_config_does_not_matter() -> None:
    cells = [Function("d", None, captures=(Capture("c", cell, 1),)) for cell in (0, 1)]
    one, other = ({"f": cells[0], "g": cells[1]}, {"g": cells[1], "f": cells[0]})
    graphs = [build({"a": ["x"]}, Value("a"), a=op(1, config=config)) for config in (one, other)]
    assert graphs[0] == graphs[1] and graphs[0].equivalent(graphs[1])


@pytest.mark.parametrize("nan", [float("nan"), complex(float("nan"), 1.0), complex(0, float("nan"))])
def test_a_nan_equals_another(nan: complex) -> None:
    def of(value: complex) -> Graph:
        config = {"a": (value, Object("o", FrozenDict(b=value))), "c": Constant("f", (1,), "d", (value,))}
        function = Function("d", None, captures=(Capture("v", None, Slice(value)),))
        return build(
            {"a": ["x"]}, Value("a"), a=op(config={**config, "f": function}, arguments={"x": Slot(0), "n": value})
        )

    other = pickle.loads(pickle.dumps(nan))
    assert of(nan) == of(other) and of(nan).equivalent(of(other))
    assert of(nan) != of(nan.imag) and not of(nan).equivalent(of(1.0))


def test_how_a_thing_is_known_does_not_matter() -> None:
    one = dataclasses.replace(op(), known="proved", replaces=("a", "b"))
    assert Graph({"x": one}, {}, (), Value("x")) == Graph({"x": op()}, {}, (), Value("x"))
    assert Function("a", (1,), "tested", "n") == Function("b", (1,)) != Function("b")
    assert hash(Function("a", (1,), "tested")) == hash(Function("b", (1,)))
    assert Function("a") != Function("b") and Function("a") != "a"


# --- immutability -----------------------------------------------------------------------------------------------------


def test_a_frozen_dict_cannot_be_changed() -> None:
    frozen: Any = FrozenDict(a=1)
    for change in (
        lambda: frozen.__setitem__("a", 2), lambda: frozen.__delitem__("a"), lambda: frozen.clear(), lambda: frozen.pop("a"),
        lambda: frozen.popitem(), lambda: frozen.setdefault("b", 1), lambda: frozen.update(b=1), lambda: frozen.__ior__({"b": 1}),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="^a FrozenDict cannot be changed; build a new one$"):
            change()
    with pytest.raises(AttributeError):
        frozen.extra = 1
    assert frozen == {"a": 1} and hash(frozen) == hash(FrozenDict(a=1))
    assert hash(FrozenDict(a=1, b=2)) == hash(FrozenDict(b=2, a=1))
    for other in (copy.copy(frozen), copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        assert other == frozen and type(other) is FrozenDict


@given(trees)
def test_trees_can_be_copied_and_hashed(tree: Tree) -> None:
    hash(tree)
    for other in (copy.deepcopy(tree), pickle.loads(pickle.dumps(tree))):
        assert settled(other) == settled(tree)
    assert check_tree(tree, "a", "tree") == []


def test_a_graph_cannot_be_changed() -> None:
    graph: Any = build(DIAMOND, Value("e"))
    for record, name in (
        (graph, "ops"), (graph, "name"), (Value("a"), "out"), (Slot(0), "index"), (Slice(), "start"), (FLOAT, "shape"),
        (op(), "kind"), (Function(), "digest"), (Capture("a", 0), "cell"), (Object("a", FrozenDict()), "kind"),
        (Constant("f", (), "d"), "values"), (Weight("w", (), "f", True), "name"),
    ):  # fmt: skip
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, None)
    for change in (
        lambda: graph.ops.pop("a"), lambda: graph.operands.clear(), lambda: graph.users.clear(),
        lambda: calls_by_layer(graph).clear(), lambda: graph.nx.add_node("z"), lambda: graph.nx.remove_edge("x", "a"),
    ):  # fmt: skip
        with pytest.raises((TypeError, AttributeError, nx.NetworkXError)):
            change()


# --- views ------------------------------------------------------------------------------------------------------------


def test_the_networkx_view() -> None:
    ops = {"x": op(outputs=(FLOAT, FLOAT)), "y": op(3)}
    graph = Graph(ops, {"y": (Value("x"), Value("x", 1), Value("x"))}, Value("x"), Value("y"), "view")
    view = graph.nx
    assert nx.is_frozen(view) and view.name == "view" and view is graph.nx
    assert {node: data["op"] for node, data in view.nodes(data=True)} == dict(graph.ops)
    assert list(view.edges(keys=True, data="out")) == [("x", "y", 0, 0), ("x", "y", 1, 1), ("x", "y", 2, 0)]
    assert next(iter(nx.topological_sort(build(DIAMOND, Value("e")).nx))) == "x"
    assert view.number_of_edges() == graph.edge_count == 3


def test_users_and_calls() -> None:
    graph = build(DIAMOND, Value("e"), b=op(2, layer="l"), a=op(1, layer="l"), c=op(1, layer="m"))
    assert graph.users[Value("a")] == (("c", 0), ("b", 1), ("d", 2))
    assert Value("e") not in graph.users
    assert calls_by_layer(graph) == {"l": ("a", "b"), "m": ("c",)}
    assert graph.spec(Value("a")) == FLOAT and graph.operand_specs("d") == (FLOAT,) * 3
    assert not graph.ops["x"].is_input and op(kind="layers.InputLayer").is_input
    assert repr(graph) == "<kgraph.Graph 'model': 6 nodes, 8 edges>"
    assert [str(Value("a")), str(Value("a", 2))] == ["a", "a[2]"]


def test_analyses_run_once() -> None:
    seen: list[Graph] = []

    @memoised
    def analysis(graph: Graph) -> int:
        """What it does."""
        seen.append(graph)
        return len(seen)

    one, other = build(DIAMOND, Value("e")), build(DIAMOND, Value("e"))
    assert [analysis(graph) for graph in (one, one, other, one)] == [1, 1, 2, 1]
    assert analysis.__doc__ == "What it does."


def test_parameters() -> None:
    w = (Weight("kernel", (3, 4), "f", True), Weight("bias", (4,), "f", False), Weight("step", (), "f", False))
    rows = {"a": op(1, layer="l", weights=w), "b": op(1, layer="l", weights=w), "l": op(1, weights=w[:1])}
    edges = {"a": ["x"], "b": ["a"], "l": ["b"]}
    assert parameters(build(edges, Value("l"), **rows)) == 17 + 12
    assert parameters(build(edges, Value("l"), **rows, x=op(weights=None))) is None
    assert (
        parameters(build(edges, Value("l"), **{**rows, "l": op(1, weights=(Weight("k", (None,), "f", True),))})) is None
    )
    assert (
        parameters(
            build(edges, Value("l"), **{**rows, "a": op(1, layer="", weights=w), "b": op(1, layer="", weights=w)})
        )
        == 29
    )


@pytest.mark.parametrize(("name", "written"), [("a", "a"), ("a/b:1", "a%2Fb%3A1"), ("%3A", "%253A"), ("", "")])
def test_escape(name: str, written: str) -> None:
    assert escape(name) == written


@given(st.text(), st.text())
def test_escaped_names_stay_apart(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)
    assert not {"/", ":"} & set(escape(one))


# --- trees ------------------------------------------------------------------------------------------------------------


def test_leaves_and_slots() -> None:
    tree = ((1, "a"), FrozenDict(z=Slot(0), a=Slice(Slot(1), None, (Slot(2),))), Object("o", FrozenDict(b=Slot(9))))
    assert leaves(tree) == [1, "a", Slot(0), Slot(1), None, Slot(2), Object("o", FrozenDict(b=Slot(9)))]
    assert slots(tree) == (0, 1, 2)
    assert map_leaves(lambda leaf: leaf, tree) == tree
    assert map_leaves(str, (1, FrozenDict(a=Slice(2)))) == ("1", FrozenDict(a=Slice("2", "None", "None")))
    assert values((Value("a"), 1, FrozenDict(b=Value("b")))) == (Value("a"), Value("b"))
    assert leaves(5) == [5]


def test_what_is_inside() -> None:
    function = Function("d", (1,), captures=(Capture("c", 0, 5), Capture("d", 0, 6)))
    assert inside((1, 2)) == (1, 2) and inside(FrozenDict(a=1)) == (1,) and inside(Slice(1, 2)) == (1, 2, None)
    assert inside(function) == ((1,), 5, 6) and inside(Object("o", FrozenDict())) == (FrozenDict(),)
    assert inside(Constant("f", (3,), "d", (1,))) == ((3,), (1,)) and inside("abc") is None
    assert check_tree((Slot(1), Slice(Slot(0))), "a", "tree", Slot) == [Slot(1), Slot(0)]


def test_plain() -> None:
    assert all(map(is_plain, (None, True, 1, 1.5, 1j, "a", b"a", ...)))
    assert not any(map(is_plain, ((), [], {}, Slot(0), len, object())))


def test_ancestors() -> None:
    graph = build(DIAMOND, (Value("e"), Value("c")))
    assert ancestors(graph.operands, Value("b")) == {"b", "a", "x"}
    assert ancestors(graph.operands, FrozenDict(a=Value("c"), b=(Value("x"),))) == {"c", "a", "x"}
    assert ancestors({}, Value("lost")) == {"lost"}
