from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from kgraph import Graph, fuse, parse
from kgraph.errors import RewriteError
from kgraph.graph import FrozenDict, Slot, Spec, Value
from kgraph.rewrite import Match, Refused, rewrite
from kgraph.rewrite.base import Replacement

CHAIN = """
x = Input(shape=(4,))
a = ReLU(name="a")(x)
b = ReLU(name="b")(a)
c = ReLU(name="c")(b)
d = ReLU(name="d")(c)
model = Model(x, d)
"""


@dataclass
class Pair:
    """Folds relu(relu(x)) into relu(x)."""

    NAME: str = "relu-pair"
    ANCHOR: frozenset[str] = frozenset(("layers.ReLU",))
    change: dict[str, Any] = field(default_factory=dict[str, Any])

    def match(self, graph: Graph, root: str) -> Match | Refused | None:
        above = graph.operands[root][0].node
        return Match(root, (above, root), "proved") if graph.ops[above].kind == "layers.ReLU" else None

    def replace(self, graph: Graph, match: Match) -> Replacement:
        op = replace(graph.ops[match.root], **self.change)
        return Replacement(op, graph.operands[match.nodes[0]])


def test_sweeps_take_disjoint_matches_until_nothing_changes() -> None:
    found = rewrite(parse(CHAIN), [Pair()])
    assert set(found.graph.ops) == {"x", "d"}
    assert found.graph.ops["d"].replaces == ("a", "b", "c", "d")
    assert [fusion.root for fusion in found.applied] == ["b", "d", "d"]


def test_a_changed_output_is_an_error() -> None:
    wrong = Pair(change={"outputs": (Spec((None, 5), "float32"),)})
    with pytest.raises(RewriteError, match="relu-pair at b would change its outputs"):
        rewrite(parse(CHAIN), [wrong])


def test_a_cycle_is_an_error() -> None:
    class Loop(Pair):
        def match(self, graph: Graph, root: str) -> Match | Refused | None:
            return Match("b", ("b",), "proved") if root == "b" else None

        def replace(self, graph: Graph, match: Match) -> Replacement:
            return Replacement(graph.ops["b"], (Value("d"),))

    with pytest.raises(RewriteError, match="the rewrite by relu-pair would break the graph: .*cycle"):
        rewrite(parse(CHAIN), [Loop()])


def test_a_pattern_that_never_settles_is_named() -> None:
    class Restless(Pair):
        def match(self, graph: Graph, root: str) -> Match | Refused | None:
            return Match(root, (root,), "proved") if root == "a" else None

        def replace(self, graph: Graph, match: Match) -> Replacement:
            op = graph.ops["a"]
            return Replacement(replace(op, config=FrozenDict(negative_slope=len(op.replaces))), graph.operands["a"])

    with pytest.raises(RewriteError, match="after 100 sweeps; the patterns that do not settle: relu-pair"):
        rewrite(parse(CHAIN), [Restless()])


def test_a_rewrite_that_makes_an_operation_gives_it_no_layer() -> None:
    change = {"kind": "ops.relu", "config": FrozenDict(), "arguments": FrozenDict(x=Slot(0)), "layer": None}
    found = rewrite(parse(CHAIN), [Pair(change=change)])
    assert found.graph.ops["d"].layer is None


def test_an_input_that_is_used_elsewhere_is_guarded_by_the_engine_alone() -> None:
    graph = parse(CHAIN.replace("Model(x, d)", "Model(x, [d, a])"))
    found = rewrite(graph, [Pair()])
    assert set(found.graph.ops) == {"x", "a", "d"} or set(found.graph.ops) == {"x", "a", "c", "d"}
    assert any("is also an output of the model" in refusal.reason for refusal in found.refused)


def test_fuse_takes_any_source() -> None:
    assert fuse(parse(CHAIN)).graph == parse(CHAIN)
