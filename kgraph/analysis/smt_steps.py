"""A graph's extents as definitions in SMT-LIB, call by call: nothing is composed or simplified across calls."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kgraph.analysis.chains import own_axes
from kgraph.analysis.expressions import Atom, Expression, Extent, Floor, Largest, Symbol, symbol
from kgraph.analysis.extents import Extents, Measured, Operand, by_rule, extents, measured
from kgraph.analysis.formulas import ALWAYS, All, Formula, Not, Test, open_sizes, tests
from kgraph.analysis.names import names
from kgraph.analysis.parts import atoms, symbols
from kgraph.graph import Graph, Op, Spec, Value
from kgraph.ops import knowledge

LETTERS = re.compile("[BTDHW]|d[0-9]+")
"""Names of sizes that are names in SMT-LIB as they stand; all others may hold anything, and get a number."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A named term, and a comment to it."""

    name: str
    sort: str
    term: str
    comment: str


@dataclass(slots=True)
class Steps:
    """What the calls that were gone through make.

    Attributes:
        known: names of open sizes, for those that have one.
        sizes: the open sizes that were met, by what they are called in SMT-LIB.
        terms: by tensor and axis, the extent.
        works: by call, where it works; those that always do are left out.
        definitions: what the terms refer to, in order.
        products: True if open sizes are multiplied.
    """

    known: Mapping[Symbol, str]
    sizes: dict[Symbol, str] = field(default_factory=dict[Symbol, str])
    terms: dict[tuple[Value, int], str] = field(default_factory=dict[tuple[Value, int], str])
    works: dict[str, str] = field(default_factory=dict[str, str])
    definitions: list[Definition] = field(default_factory=list[Definition])
    products: bool = False

    def size(self, size: Symbol) -> str:
        """What an open size is called."""
        if size not in self.sizes:
            name = self.known.get(size, "")
            self.sizes[size] = name if LETTERS.fullmatch(name) else f"p{len(self.sizes)}"
        return self.sizes[size]


def quoted(text: str) -> str:
    """Text that may hold anything, in a comment of one line."""
    return json.dumps(text)


def steps(graph: Graph, nodes: Iterable[str]) -> Steps:
    """Goes through calls, which must hold all that leads to them."""
    found, wanted = Steps(names(graph)), set(nodes)
    for node, op in graph.ops.items():
        if node not in wanted:
            continue
        rows = merge_rows(graph, found, node)
        if rows and not op.is_input and measured(graph)[node].told:
            _merge(found, node, [[term for term in row if term is not None] for row in rows])
        elif _is_fixed(graph, node) or (rule := _rule(graph, node, op, found.terms)) is None:
            _as_measured(graph, found, node)
        else:
            _by_rule(graph, found, node, *rule)
    return found


def merge_rows(graph: Graph, found: Steps, node: str) -> list[list[str | None]]:
    """By axis of a merge's output the extents of its operands, None where one has no such axis; [] for other calls."""
    if not knowledge(graph.ops[node].kind).merge:
        return []
    columns = [
        [None if axis is None else _operand_term(found, operand, axis) for axis in own]
        for operand, own in own_axes(graph, node)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _operand_term(found: Steps, operand: Operand, axis: int) -> str:
    if operand.value is None:
        return extent_term((operand.extents or ())[axis], {})
    return found.terms[operand.value, axis]


def _is_fixed(graph: Graph, node: str) -> bool:
    """True where nothing that enters is open but a batch: there Keras' record stands, and no rule is asked."""
    shapes = [extents(graph, value) for value in graph.operands[node]]
    return not measured(graph)[node].told or all(
        shape is not None and all(isinstance(extent, int) for extent in shape[1:]) for shape in shapes
    )


def _rule(
    graph: Graph, node: str, op: Op, terms: Mapping[tuple[Value, int], str]
) -> tuple[Measured, dict[Symbol, str]] | None:
    """What the call's rule says of sizes that stand for those of its operands, and the terms that they stand for."""
    sizes: dict[str, Expression] = {}
    specs: list[Spec] = []
    for value, spec in zip(graph.operands[node], graph.operand_specs(node), strict=True):
        shape: Extents = tuple(
            extent if isinstance(extent, int) else sizes.setdefault(terms[value, axis], symbol(value, axis))
            for axis, extent in enumerate(extents(graph, value) or ())
        )
        specs.append(Spec(shape, spec.dtype))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ruled, said = by_rule(op, tuple(specs)), measured(graph)[node]
    ranks = [None if shape is None else len(shape) for shape in said.outputs]
    if ruled is None or [None if shape is None else len(shape) for shape in ruled.outputs] != ranks:
        return None
    return ruled, {next(iter(symbols(size))): term for term, size in sizes.items()}


def _as_measured(graph: Graph, found: Steps, node: str) -> None:
    """An input, a call without a rule, or one whose rule needs to know how its operands' extents hang together."""
    said = measured(graph)[node]
    for out, shape in enumerate(said.outputs):
        for axis, extent in enumerate(shape or ()):
            _define(found, (Value(node, out), axis), extent, {size: found.size(size) for size in _in_order(extent)})
    _add_works(found, node, said.works, {size: found.size(size) for size in open_sizes(said.works)})


def _in_order(extent: Extent) -> list[Symbol]:
    return sorted(symbols(extent), key=str)


def _by_rule(graph: Graph, found: Steps, node: str, ruled: Measured, sizes: Mapping[Symbol, str]) -> None:
    said = measured(graph)[node]
    for out, (shape, own) in enumerate(zip(ruled.outputs, said.outputs, strict=True)):
        for axis, (extent, known) in enumerate(zip(shape or (), own or (), strict=True)):
            place = Value(node, out), axis
            if isinstance(known, Expression) and not known.same(symbol(*place)):
                _define(found, place, extent, sizes)
            else:
                _define(found, place, known, {size: found.size(size) for size in symbols(known)})
    _add_works(found, node, ruled.works, sizes)


def _add_works(found: Steps, node: str, works: Formula, sizes: Mapping[Symbol, str]) -> None:
    if works != ALWAYS:
        found.products = found.products or any(_has_products(each.extent) for each in tests(works))
        found.works[node] = formula_term(works, sizes)


def _has_products(extent: Extent) -> bool:
    inner = [atom.inner for atom in atoms(extent) if isinstance(atom, Floor)]
    options = [each for atom in atoms(extent) if isinstance(atom, Largest) for each in atom.options]
    return any(
        len(monomial) > 1
        for each in (extent, *inner, *options)
        if isinstance(each, Expression)
        for monomial in each.terms
    )


def _define(found: Steps, place: tuple[Value, int], extent: Extent, sizes: Mapping[Symbol, str]) -> None:
    """Names an extent, but where it is a number, or an operand's own."""
    found.products = found.products or _has_products(extent)
    term = extent_term(extent, sizes)
    if term.startswith("(") and not isinstance(extent, int):
        value, axis = place
        name = f"t{len(found.definitions)}"
        found.definitions.append(Definition(name, "Int", term, f"axis {axis} of {quoted(str(value))}"))
        term = name
    found.terms[place] = term


def _merge(found: Steps, node: str, rows: list[list[str]]) -> None:
    """A merge has along each axis the extent that is not 1; two of them must be the same."""
    works: list[str] = []
    for axis, row in enumerate(rows):
        longer = [term for term in dict.fromkeys(row) if term != "1"] or ["1"]
        works += can_meet(longer)
        term = functools.reduce(lambda left, right: f"(ite (= {left} 1) {right} {left})", longer)
        if len(longer) > 1:
            name = f"t{len(found.definitions)}"
            found.definitions.append(Definition(name, "Int", term, f"axis {axis} of {quoted(node)}"))
            term = name
        found.terms[Value(node), axis] = term
    if works:
        found.works[node] = conjunction(works)


def can_meet(terms: list[str]) -> list[str]:
    """Where extents can be broadcast together, pair by pair."""
    pairs = [(left, right) for number, right in enumerate(terms) for left in terms[:number]]
    return [f"(or (= {left} {right}) (= {left} 1) (= {right} 1))" for left, right in pairs]


def conjunction(terms: list[str]) -> str:
    """Where all of them hold."""
    return f"(and {' '.join(terms)})" if len(terms) > 1 else terms[0] if terms else "true"


def formula_term(formula: Formula, sizes: Mapping[Symbol, str]) -> str:
    """A condition as a Bool of SMT-LIB; ``sizes`` says what the open sizes are called."""
    if isinstance(formula, Test):
        return f"({'=' if formula.sign == '==' else '>='} {extent_term(formula.extent, sizes)} 0)"
    if isinstance(formula, Not):
        return f"(not {formula_term(formula.part, sizes)})"
    parts = [formula_term(part, sizes) for part in formula.parts]
    if len(parts) < 2:
        return parts[0] if parts else "true" if isinstance(formula, All) else "false"
    return f"({'and' if isinstance(formula, All) else 'or'} {' '.join(parts)})"


def extent_term(extent: Extent, sizes: Mapping[Symbol, str]) -> str:
    """An extent as an Int of SMT-LIB."""
    if isinstance(extent, int):
        return _number(extent)
    parts = [
        _product([_number(factor)] if factor != 1 else [], [_atom(atom, sizes) for atom in monomial])
        for monomial, factor in extent.terms.items()
    ]
    if extent.constant:
        parts.append(_number(extent.constant))
    return parts[0] if len(parts) == 1 else f"(+ {' '.join(parts)})"


def _product(factor: list[str], atoms: list[str]) -> str:
    found = [*factor, *atoms]
    return found[0] if len(found) == 1 else f"(* {' '.join(found)})"


def _number(number: int) -> str:
    return str(number) if number >= 0 else f"(- {-number})"


def _atom(atom: Atom, sizes: Mapping[Symbol, str]) -> str:
    if isinstance(atom, Symbol):
        return sizes[atom]
    if isinstance(atom, Floor):
        return f"(div {extent_term(atom.inner, sizes)} {atom.divisor})"
    options = [extent_term(option, sizes) for option in atom.options]
    return functools.reduce(lambda left, right: f"(ite (>= {left} {right}) {left} {right})", options)
