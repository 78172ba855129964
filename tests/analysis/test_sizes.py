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
from tests.analysis.brute import BruteForce, broadcast, evaluated, examples, is_taken_for_a_bias, keras_works
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
            *(fault for verdict in verdicts(graph) for fault in against_verdict(verdict, run, found.unknown)),
            *(fault for item in requirements(graph) for fault in against_requirement(item, run)),
            *against_domain(found.accepts(**sizes), found.condition, bool(found.unknown), run),
        ]
        yield from (f"at {sizes} {fault}" for fault in faults)
    for claim in (*verdicts(graph), *requirements(graph)):
        yield from against_outside(claim, brute)


def against_verdict(verdict: Verdict, run: Run, unknown: tuple[str, ...]) -> Iterator[str]:
    does = run.behaviour(verdict.node)
    inside = None if verdict.condition is None else evaluated(verdict.condition, run.sizes)
    if does is None:
        if not unknown and inside is True:
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
    if verdict.verdict == "broadcast" and verdict.node in unknown:
        allowed |= {"raises"}  # it depends on a size that has no name
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
    count, total = len(sizes), sum(sizes.values())
    if math.comb(total - 1, count) > 500:
        return
    for edges in itertools.combinations(range(1, total), count):
        yield dict(zip(sizes, (right - left for left, right in itertools.pairwise((0, *edges))), strict=True))


@settings(max_examples=examples(60), phases=FAST)
@given(graphs(), st.integers(0, 2**32))
def test_brute_force_refutes_nothing(graph: Graph, seed: int) -> None:
    note(show(graph))
    assert list(wrong(graph, Random(seed))) == []


@pytest.mark.keras
@settings(max_examples=examples(8), phases=FAST)
@given(graphs(most=6), st.integers(0, 2**32))
def test_keras_agrees_with_brute_force(graph: Graph, seed: int) -> None:
    note(show(graph))
    assert list(unlike_keras(graph, list(tried(graph, Random(seed)))[-3:])) == []


def unlike_keras(graph: Graph, tried: list[Sizes]) -> Iterator[str]:
    """The sizes at which Keras does not do what brute force finds; large ones, which take long, are left out."""
    brute = BruteForce(graph, domain(graph).symbols)
    for sizes in (each for each in tried if max(each.values(), default=1) <= 64):
        inputs = {node: brute.reached(sizes)[Value(node)] or () for node, op in graph.ops.items() if op.is_input}
        works = keras_works(graph, inputs)
        if works is not brute.works(sizes) and not is_taken_for_a_bias(graph, brute, sizes):
            yield f"at {sizes} Keras {'works' if works else 'fails'}, brute force finds otherwise"


@pytest.mark.keras
def test_keras_takes_a_column_for_a_bias() -> None:
    """Keras' own fault (since 3.7, keras#20386): at a batch of 1 it adds a column along the wrong axis."""
    import keras
    import numpy as np

    square, column = np.arange(4.0).reshape(1, 2, 2), np.array([10.0, 20.0]).reshape(1, 2, 1)
    assert np.array(keras.ops.add(square, column)).tolist() != (square + column).tolist()
    twice = np.repeat(square, 2, axis=0), np.repeat(column, 2, axis=0)
    assert np.array(keras.ops.add(*twice)).tolist() == np.add(*twice).tolist()


@pytest.mark.keras
def test_keras_refuses_fixed_batches_that_it_broadcasts_when_they_are_open() -> None:
    """Keras' own inconsistency: so what a layer that merges does to a batch is told by running it."""
    import keras
    import numpy as np

    with pytest.raises(ValueError, match="different batch sizes"):
        keras.layers.Maximum()([keras.Input(batch_shape=(1, 3)), keras.Input(batch_shape=(2, 3))])
    one, many = keras.Input((3,), batch_size=1), keras.Input((3,))
    model = keras.Model([one, many], keras.layers.Maximum()([one, many]))
    assert model([np.zeros((1, 3)), np.zeros((2, 3))]).shape == (2, 3)
