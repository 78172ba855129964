from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from random import Random

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from kgraph import Graph, Verdict, show
from kgraph.analysis.domain import domain
from kgraph.analysis.requirements import requirements
from kgraph.analysis.verdicts import verdicts
from kgraph.findings import Requirement
from kgraph.graph import Value
from kgraph.ops import knowledge
from kgraph.ops.elementwise import line_up
from tests.analysis.brute import BruteForce, broadcast, evaluated, examples, keras_works
from tests.analysis.graphs import graphs

FAST = (Phase.explicit, Phase.reuse, Phase.generate)

Sizes = dict[str, int]


class Run:
    """A graph run at sizes by brute force, and what becomes of its merges."""

    def __init__(self, brute: BruteForce, sizes: Mapping[str, int]) -> None:
        self.brute = brute
        self.sizes = sizes
        self.reached = brute.reached(sizes)

    def works(self, node: str) -> bool | None:
        """Whether a call works; None where something before it does not."""
        found = [self.reached.get(value, ()) for value in self.brute.graph.operands[node]]
        if None in found or any(value not in self.reached for value in self.brute.graph.operands[node]):
            return None
        return self.reached[Value(node)] is not None

    def behaviour(self, node: str) -> str | None:
        """What a merge does: ``identical``, ``broadcasts``, ``raises``; None where something before it does not work."""
        if self.works(node) is None:
            return None
        shapes = self.brute.operands(node, self.reached) or []
        if len(set(shapes)) == 1:
            return "identical"
        how = knowledge(self.brute.graph.ops[node].kind).merge or "numpy"
        return "raises" if broadcast(line_up(tuple(shapes), how)) is None else "broadcasts"


def tried(graph: Graph, random: Random) -> Iterator[Sizes]:
    """Sizes to try: small and large ones, the claimed borders, and what lies beside them."""
    found = domain(graph)
    plain = [{name: random.randint(1, 9) for name in found.symbols} for _ in range(12)]
    plain += [
        {name: random.choice((1, 2, 3, 4095, 4096, random.randint(1, 4096))) for name in found.symbols}
        for _ in range(6)
    ]
    yield from plain
    claims: list[Verdict | Requirement] = [*verdicts(graph), *requirements(graph)]
    borders = [claim.outside.example for claim in claims if claim.outside is not None]
    borders += [found.smallest() or {}, *(found.nearest(**sizes) or {} for sizes in plain[:3])]
    for border in borders:
        sizes = {**random.choice(plain), **border}
        yield sizes
        name = random.choice(list(sizes))
        yield {**sizes, name: max(sizes[name] + random.choice((-2, -1, 1, 2)), 1)}


def wrong(graph: Graph, random: Random) -> Iterator[str]:
    """Every claim on a graph that a size refutes."""
    found, brute = domain(graph), BruteForce(graph, domain(graph).symbols)
    for sizes in tried(graph, random):
        run = Run(brute, sizes)
        faults = [
            *(fault for verdict in verdicts(graph) for fault in against_verdict(verdict, run, not found.unknown)),
            *(fault for item in requirements(graph) for fault in against_requirement(item, run)),
            *against_domain(found.accepts(**sizes), found.condition, bool(found.unknown), run),
        ]
        yield from (f"at {sizes} {fault}" for fault in faults)
    for claim in (*verdicts(graph), *requirements(graph)):
        yield from against_outside(claim, brute)


def against_verdict(verdict: Verdict, run: Run, known: bool) -> Iterator[str]:
    does = run.behaviour(verdict.node)
    inside = None if verdict.condition is None else evaluated(verdict.condition, run.sizes)
    if does is None:
        if known and inside is True:
            yield f"{verdict.node}: {verdict.condition} holds, but something before it fails"
        return
    allowed = {
        "identical": {"identical"},
        "conditional": {"identical"} if inside else {"broadcasts", "raises"},
        "broadcast": {"broadcasts"} if inside is not False else {"raises"},
        "incompatible": {"raises"},
        "unknown": {does},
    }[verdict.verdict]
    if verdict.condition is None and (verdict.verdict == "conditional" or verdict.outside):
        allowed = {"identical", "broadcasts", "raises"}  # there are no words for the condition
    if "broadcasts" in allowed and verdict.stretched:
        allowed |= {"identical"}  # a constant 1 beside a size that is 1 here
    if does not in allowed:
        yield f"{verdict.node} {does}, claimed: {verdict.verdict} {verdict.condition}"
    if verdict.given_upstream is not None and evaluated(verdict.given_upstream, run.sizes) is not (does == "identical"):
        yield f"{verdict.node} {does}, claimed given upstream: {verdict.given_upstream}"


def against_requirement(item: Requirement, run: Run) -> Iterator[str]:
    works = run.works(item.node)
    if works is None or item.status == "unknown":
        return
    claimed = {"always": True, "never": False}.get(item.status)
    if claimed is None:
        claimed = works if item.condition is None else evaluated(item.condition, run.sizes)
    if works is not claimed:
        yield f"{item.node} {'works' if works else 'fails'}, claimed: {item.status} {item.condition}"


def against_domain(accepts: bool, words: str | None, unknown: bool, run: Run) -> Iterator[str]:
    works = None not in run.reached.values()
    if works is not accepts and not (unknown and accepts):
        yield f"the model {'works' if works else 'fails'}, claimed otherwise: {words}"
    if words is not None and evaluated(words, run.sizes) is not accepts:
        yield f"the words of the domain are not its formula: {words}"


def against_outside(claim: Verdict | Requirement, brute: BruteForce) -> Iterator[str]:
    """The example does what it is said to do, and no sizes of a smaller sum do."""
    if claim.outside is None:
        return
    behaviour, example = claim.outside.behaviour, claim.outside.example
    if behaviour != done(claim, brute, example):
        yield f"{claim.node} {done(claim, brute, example)} at {example}, claimed: {behaviour}"
    for sizes in smaller(example):
        if behaviour == done(claim, brute, sizes):
            yield f"{claim.node} {behaviour} at {sizes} already, claimed: at {example}"


def done(claim: Verdict | Requirement, brute: BruteForce, sizes: Mapping[str, int]) -> str | None:
    run = Run(brute, {**dict.fromkeys(brute.places.values(), 1), **sizes})
    if isinstance(claim, Verdict):
        return run.behaviour(claim.node)
    return {True: "works", False: "raises", None: None}[run.works(claim.node)]


def smaller(sizes: Mapping[str, int]) -> Iterator[Sizes]:
    """All sizes of a smaller sum; none where there are very many."""
    total = sum(sizes.values())
    if math.comb(total - 1, len(sizes)) > 500:
        return
    for each in itertools.product(range(1, total), repeat=len(sizes)):
        if sum(each) < total:
            yield dict(zip(sizes, each, strict=True))


@settings(max_examples=examples(60), phases=FAST)
@given(graphs(), st.integers(0, 2**32))
def test_brute_force_refutes_nothing(graph: Graph, seed: int) -> None:
    note(show(graph))
    assert list(wrong(graph, Random(seed))) == []


@pytest.mark.keras
@settings(max_examples=examples(15), phases=FAST)
@given(graphs(most=6), st.integers(0, 2**32))
def test_keras_agrees_with_brute_force(graph: Graph, seed: int) -> None:
    note(show(graph))
    brute = BruteForce(graph, domain(graph).symbols)
    for sizes in list(tried(graph, Random(seed)))[-6:]:
        if max(sizes.values()) > 64:
            continue
        note(str(sizes))
        shapes = brute.shapes(sizes)
        inputs = {node: brute.reached(sizes)[Value(node)] for node, op in graph.ops.items() if op.is_input}
        assert keras_works(graph, inputs) is (shapes is not None)
