"""What else depends on sizes: at which each call works, and at which everything before it does."""

from __future__ import annotations

from collections.abc import Mapping

from kgraph.analysis.conditions import words
from kgraph.analysis.expressions import Symbol
from kgraph.analysis.extents import Measured, measured
from kgraph.analysis.formulas import ALWAYS, Formula, every, negated, open_sizes
from kgraph.analysis.integers import implies, is_empty, smallest
from kgraph.analysis.names import namer, names
from kgraph.findings import Outside, Requirement
from kgraph.graph import Graph, memoised
from kgraph.ops import knowledge

NOTHING: frozenset[Formula] = frozenset()


@memoised
def upstream(graph: Graph) -> Mapping[str, frozenset[Formula]]:
    """By node, the conditions under which everything that leads to it works; those of the node itself left out."""
    found: dict[str, frozenset[Formula]] = {}
    passed: dict[str, frozenset[Formula]] = {}
    known = measured(graph)
    for node, operands in graph.operands.items():
        entering = NOTHING
        for value in operands:
            more = passed[value.node]
            entering = (
                entering if more is entering or more <= entering else more if entering <= more else entering | more
            )
        found[node] = entering
        works = known[node].works
        passed[node] = entering if works == ALWAYS else entering | {works}
    return found


def given(graph: Graph, node: str) -> Formula:
    """Where everything that leads to a call works."""
    return every(sorted(upstream(graph)[node], key=repr))


def is_named(graph: Graph, formula: Formula) -> bool:
    """True if every size in a condition is one of an input."""
    known = names(graph)
    return all(symbol in known for symbol in open_sizes(formula))


@memoised
def requirements(graph: Graph) -> tuple[Requirement, ...]:
    """One for each call, elementwise merges apart, whose success depends on sizes or is not known, in graph order."""
    return tuple(
        _requirement(graph, node, found)
        for node, found in measured(graph).items()
        if not knowledge(graph.ops[node].kind).merge and (found.works != ALWAYS or not found.told)
    )


def _requirement(graph: Graph, node: str, found: Measured) -> Requirement:
    kind = graph.ops[node].kind
    if not found.told:
        why = (f"no rule tells which sizes {kind} takes, nor what it makes of them",)
        return Requirement(node, kind, "unknown", "unknown", why=why)
    before = given(graph, node)
    if implies(before, found.works):
        return Requirement(node, kind, "always", "proved")
    if is_empty(every((before, found.works))):
        return Requirement(node, kind, "never", "proved", why=("there is no size at which Keras makes this call",))
    if not is_named(graph, found.works):
        return Requirement(node, kind, "unknown", "unknown", why=(_blind(graph, found.works),))
    said = words(found.works, namer(graph))
    why = () if said is not None else ("the condition is too long to print",)
    return Requirement(
        node, kind, "conditional", "proved", said, outside(graph, every((before, negated(found.works)))), why
    )


def _blind(graph: Graph, formula: Formula) -> str:
    known = names(graph)
    unknown = next(symbol for symbol in open_sizes(formula) if symbol not in known)
    return f"it depends on axis {unknown.axis} of {unknown.value}, a size that only running the model tells"


def outside(graph: Graph, formula: Formula, behaviour: str = "raises") -> Outside | None:
    """What happens at sizes, with the smallest example."""
    example = smallest(formula)
    return None if example is None else Outside(behaviour, example_of(graph, example))


def example_of(graph: Graph, sizes: Mapping[Symbol, int]) -> Mapping[str, int]:
    """Sizes by their names."""
    name = namer(graph)
    return {name(symbol): size for symbol, size in sizes.items()}
