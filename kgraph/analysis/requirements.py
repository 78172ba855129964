"""What else depends on sizes: at which each call works, and at which everything before it does."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from kgraph.analysis.conditions import words
from kgraph.analysis.evaluating import replaced, value_at
from kgraph.analysis.expressions import Symbol
from kgraph.analysis.extents import Measured, measured
from kgraph.analysis.formulas import ALWAYS, NEVER, Formula, every, negated, open_sizes
from kgraph.analysis.integers import implies, is_empty, smallest
from kgraph.analysis.names import namer, names, shown_shape
from kgraph.analysis.parts import symbols
from kgraph.findings import Outside, Requirement, shape_text
from kgraph.graph import Graph, Spec, memoised
from kgraph.ops import Call, call_of, infer_specs, knowledge, refusal, runs

MOST_SHAPES = 4
TOO_HARD = "it is too hard to decide in the time that one question may take"
NO_SIZE = "there is no size at which Keras makes this call"

NOTHING: frozenset[Formula] = frozenset()


@memoised
def upstream(graph: Graph) -> Mapping[str, frozenset[Formula]]:
    """By node, the conditions under which everything that leads to it works; those of the node itself left out.

    So are those that follow from others before them, or a deep graph would carry one for each of its calls.
    """
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
        follows = works == ALWAYS or works in entering or implies(_together(entering), works)
        passed[node] = entering if follows else entering | {works}
    return found


def given(graph: Graph, node: str) -> Formula:
    """Where everything that leads to a call works."""
    return _together(upstream(graph)[node])


@functools.lru_cache(maxsize=4096)
def _together(conditions: frozenset[Formula]) -> Formula:
    return every(sorted(conditions, key=repr))


def is_named(graph: Graph, formula: Formula) -> bool:
    """True if every size in a condition is one of an input."""
    known = names(graph)
    return all(symbol in known for symbol in open_sizes(formula))


@memoised
def requirements(graph: Graph) -> tuple[Requirement, ...]:
    """One for each call, elementwise merges apart, whose success depends on sizes or is not known, in graph order.

    Of a call that is not known, none after one that Keras refuses: it is not known for that, and is never reached.
    """
    return tuple(
        _requirement(graph, node, found)
        for node, found in measured(graph).items()
        if not knowledge(graph.ops[node].kind).merge
        and (found.works != ALWAYS or not found.told)
        and (found.told or NEVER not in upstream(graph)[node])
    )


def _requirement(graph: Graph, node: str, found: Measured) -> Requirement:
    kind = graph.ops[node].kind
    if found.refusal:
        return Requirement(node, kind, "never", "proved", why=(found.refusal,))
    if not found.told:
        why = (f"no rule tells which sizes {kind} takes, nor what it makes of them",)
        return Requirement(node, kind, "unknown", "unknown", why=why)
    before = given(graph, node)
    always, never = implies(before, found.works), is_empty(every((before, found.works)))
    if always:
        return Requirement(node, kind, "always", "proved")
    if never:
        return Requirement(node, kind, "never", "proved", why=(_why_never(graph, node, before),))
    if not is_named(graph, found.works):
        return Requirement(node, kind, "unknown", "unknown", why=(_blind(graph, found.works),))
    if always is None or never is None:
        return Requirement(node, kind, "unknown", "unknown", why=(TOO_HARD,))
    raises = every((before, negated(found.works)))
    return Requirement(
        node, kind, "conditional", "proved", words(found.works, namer(graph)), outside(graph, raises),
        example_words(graph, node, raises),
    )  # fmt: skip


def example_words(graph: Graph, node: str, where: Formula) -> tuple[str, ...]:
    """What enters a call at the smallest sizes of a condition at which Keras raises; () where none are found."""
    sizes = smallest(where)
    if sizes is None:
        return ()
    known, name = measured(graph), namer(graph)
    shapes = [known[value.node].outputs[value.out] for value in graph.operands[node]]
    listed = _some(shown_shape(graph, tuple(replaced(extent, sizes) for extent in shape)) for shape in shapes if shape)
    at = ", ".join(f"{name(symbol)} = {size}" for symbol, size in sizes.items())
    return (f"at {at} it receives {listed}, and {_what_happens(graph, node, sizes)}",)


def _why_never(graph: Graph, node: str, where: Formula) -> str:
    """Why a call fails: when it runs, or at the smallest sizes at which what leads to it works."""
    specs = graph.operand_specs(node)
    built = call_of(graph.ops[node], specs)
    made = infer_specs(built)
    empty = next((spec.shape for spec in made or () if 0 in (spec.shape or ())), None)
    if empty is not None:
        return f"an output is an empty tensor, {shape_text(empty)}, of {_some(spec.shape for spec in specs)}"
    if made is not None and runs(built) is False:
        return f"Keras builds this call of {_some(spec.shape for spec in specs)}, but it raises whenever it runs"
    sizes = smallest(where)
    if sizes is None:
        return NO_SIZE
    call, ones = _at(graph, node, sizes)
    why = refusal(call, built=True)
    at = ", ".join(f"{name} = {size}" for name, size in example_of(graph, {**ones, **sizes}).items())
    return f"at {at}, as at all others, {why}" if at and why else NO_SIZE


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


def _some(shapes: Iterable[tuple[int | str | None, ...] | None]) -> str:
    said = [shape_text(shape) for shape in shapes]
    return " and ".join(said if len(said) <= MOST_SHAPES else [*said[: MOST_SHAPES - 1], "others"])


def _what_happens(graph: Graph, node: str, sizes: Mapping[Symbol, int]) -> str:
    """Keras raises where the rule gives no specs, or when the call runs; else it makes an empty tensor."""
    call, _ = _at(graph, node, sizes)
    if infer_specs(call) is None:
        return "Keras raises"
    return "makes an empty tensor" if runs(call) else "Keras builds it, but raises when it runs"


def _at(graph: Graph, node: str, sizes: Mapping[Symbol, int]) -> tuple[Call, Mapping[Symbol, int]]:
    """A call at given sizes, and those that are not given but enter it, each 1."""
    known = measured(graph)
    shapes = [known[value.node].outputs[value.out] or () for value in graph.operands[node]]
    ones = {symbol: 1 for shape in shapes for extent in shape for symbol in symbols(extent)}
    entering = (tuple(value_at(extent, {**ones, **sizes}) for extent in shape) for shape in shapes)
    dtypes = (spec.dtype for spec in graph.operand_specs(node))
    return call_of(graph.ops[node], tuple(map(Spec, entering, dtypes))), ones
