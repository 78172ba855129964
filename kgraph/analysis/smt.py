"""What a verdict claims as SMT-LIB 2: another prover can check it from that text alone."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kgraph.analysis.chains import check_node
from kgraph.analysis.expressions import Atom, Expression, Extent, Floor, Symbol, atoms, symbols
from kgraph.analysis.extents import ABSENT, Operand, lined_up, measured, merge_inputs
from kgraph.analysis.formulas import ALWAYS, All, Formula, Not, Test, equal, every, negated, tests
from kgraph.analysis.integers import implies, is_empty
from kgraph.analysis.names import namer, names
from kgraph.analysis.printed import as_smt
from kgraph.analysis.requirements import given, requirements
from kgraph.analysis.verdict_words import label
from kgraph.analysis.verdicts import verdicts
from kgraph.errors import KgraphError
from kgraph.findings import Outside, Requirement, Verdict
from kgraph.graph import Graph, ancestors

LETTERS = re.compile("[BTDHW]|d[0-9]+")
"""Names of sizes that are names in SMT-LIB as they stand; all others may hold anything, and get a number."""

Smt = Mapping[Symbol, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that a verdict says.

    Attributes:
        words: in a person's words.
        term: what is asserted.
        status: what a prover must answer: ``unsat`` where the negation of a claim is asserted.
    """

    words: str
    term: str
    status: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A named term, and a comment to it."""

    name: str
    sort: str
    term: str
    comment: str


def smt2(graph: Graph, node: str) -> str:
    """What is claimed of a call, as an SMT-LIB 2 script: what each ``check-sat`` must answer stands before it.

    Args:
        graph: the graph.
        node: an elementwise merge, or any other call.

    Raises:
        KgraphError: there is no such node, or nothing can be claimed of it: a rank is unknown, or there is no rule.
    """
    check_node(graph, node)
    verdict = next((item for item in verdicts(graph) if item.node == node), None)
    requirement = next((item for item in requirements(graph) if item.node == node), None)
    kind = graph.ops[node].kind
    if verdict is not None:
        rows, status = _rows(graph, node), verdict.verdict
    else:
        rows, status = (), requirement.status if requirement is not None else "always"
        if not measured(graph)[node].told:
            raise KgraphError(f"{node}: there is nothing to prove, as no rule tells which sizes {kind} takes")
    before, works = given(graph, node), measured(graph)[node].works
    terms = [extent for _, row in rows for extent in row if extent != ABSENT]
    sizes = _sizes(graph, [before, works], terms)
    definitions = [
        Definition("upstream", "Bool", _upstream(graph, node, sizes), "everything that leads to the call works"),
        *(_merge_definitions(merge_inputs(graph, node), rows, sizes) if rows else ()),
        *(() if rows else (Definition("works", "Bool", formula_term(works, sizes), "the call itself works"),)),
    ]
    claims = (
        _verdict_claims(graph, verdict, rows, sizes)
        if verdict
        else _requirement_claims(graph, node, requirement, sizes)
    )
    products = any(len(monomial) > 1 for extent in _every_extent([before, works], terms) for monomial in extent.terms)
    return "".join(
        f"{line}\n"
        for line in _script(graph, f"{_quoted(node)} ({kind}) is {status}", products, sizes, definitions, claims)
    )


def _script(
    graph: Graph, title: str, products: bool, sizes: Smt, definitions: Iterable[Definition], claims: Iterable[Claim]
) -> Iterator[str]:
    yield f"; {title}. The answer to each (check-sat) is the :status before it."
    yield f"(set-logic {'QF_NIA' if products else 'QF_LIA'})"
    for symbol, name in sizes.items():
        whose = "the batch" if symbol.value is None else f"axis {symbol.axis} of {_quoted(str(symbol.value))}"
        yield f"(declare-const {name} Int) ; {whose}"
        yield f"(assert (>= {name} 1))"
    for each in definitions:
        yield f"; {each.comment}"
        yield f"(define-fun {each.name} () {each.sort} {each.term})"
    for number, claim in enumerate(claims, start=1):
        yield ""
        yield f"; {number}. {claim.words}"
        yield from (
            "(push 1)",
            f"(assert {claim.term})",
            f"(set-info :status {claim.status})",
            "(check-sat)",
            "(pop 1)",
        )
    yield "(exit)"


def _quoted(text: str) -> str:
    """Text that may hold anything, in a comment of one line."""
    return json.dumps(text)


def _rows(graph: Graph, node: str) -> tuple[tuple[int, tuple[Extent, ...]], ...]:
    """The axes of a merge with the extents that meet there."""
    operands = merge_inputs(graph, node)
    axes = lined_up(graph.ops[node], operands)
    if axes is None:
        blind = next(label(operand) for operand in operands if operand.extents is None)
        raise KgraphError(f"{node}: there is nothing to prove, as the rank of {blind} is unknown")
    return tuple(enumerate(axes))


def _sizes(graph: Graph, formulas: list[Formula], extents: list[Extent]) -> Smt:
    """What each open size is called: by its letter, else ``p0``, ``p1``, ..."""
    known = names(graph)
    found = {symbol for extent in _every_extent(formulas, extents) for symbol in symbols(extent)}
    order = sorted(found, key=str)
    return {
        symbol: name if LETTERS.fullmatch(name := known.get(symbol, "")) else f"p{number}"
        for number, symbol in enumerate(order)
    }


def _every_extent(formulas: list[Formula], extents: list[Extent]) -> Iterator[Expression]:
    """All expressions, those inside others too."""
    tops: list[Extent] = [*extents, *(each.extent for formula in formulas for each in tests(formula))]
    for top in tops:
        inner = [atom.inner if isinstance(atom, Floor) else 0 for atom in atoms(top)]
        options = [option for atom in atoms(top) for option in getattr(atom, "options", ())]
        yield from (each for each in (top, *inner, *options) if isinstance(each, Expression))


def _upstream(graph: Graph, node: str, sizes: Smt) -> str:
    """The conditions of all calls before it, a line each."""
    known, before = measured(graph), ancestors(graph.operands, graph.operands[node])
    asked: dict[Formula, str] = {}
    for each in graph.ops:
        if each in before and known[each].works != ALWAYS:
            asked.setdefault(known[each].works, each)
    lines = [f"  {formula_term(works, sizes)} ; {_quoted(each)}" for works, each in asked.items()]
    return "\n".join(["(and true", *lines, ")"]) if lines else "true"


def _merge_definitions(
    operands: tuple[Operand, ...], rows: tuple[tuple[int, tuple[Extent, ...]], ...], sizes: Smt
) -> Iterator[Definition]:
    """The extents that meet, and from them alone where they are alike and where a merge works."""
    for axis, row in rows:
        for number, (operand, extent) in enumerate(zip(operands, row, strict=True)):
            if extent != ABSENT:
                term = extent_term(extent, sizes)
                yield Definition(_at(number, axis), "Int", term, f"axis {axis}, from {_quoted(label(operand))}")
    pairs = [
        (_at(left, axis), _at(right, axis))
        for axis, row in rows
        for right in range(len(row))
        for left in range(right)
        if ABSENT not in (row[left], row[right])
    ]
    alike = [f"(= {left} {right})" for left, right in pairs]
    works = [f"(or (= {left} {right}) (= {left} 1) (= {right} 1))" for left, right in pairs]
    yield Definition("alike", "Bool", _and(alike), "all inputs have the same extents")
    yield Definition("works", "Bool", _and(works), "they can be joined: two that differ, differ by one that is 1")


def _at(number: int, axis: int) -> str:
    return f"input_{number}_axis_{axis}"


def _and(terms: list[str]) -> str:
    return f"(and {' '.join(terms)})" if len(terms) > 1 else terms[0] if terms else "true"


def _verdict_claims(
    graph: Graph, verdict: Verdict, rows: tuple[tuple[int, tuple[Extent, ...]], ...], sizes: Smt
) -> Iterator[Claim]:
    before, works = given(graph, verdict.node), measured(graph)[verdict.node].works
    if verdict.verdict == "identical":
        yield Claim("at no size do the inputs differ", "(and upstream (not alike))", "unsat")
    elif verdict.verdict == "incompatible":
        yield Claim("at no size can they be joined", "(and upstream works)", "unsat")
    elif verdict.verdict == "unknown":
        alike = every(equal(extent, row[0]) for _, row in rows for extent in row[1:])
        yield Claim("whether they are ever alike", "(and upstream alike)", _status(every((before, alike))))
        apart = every((before, negated(alike)))
        yield Claim("whether they ever differ; of sizes without a name anything may be so",
                    "(and upstream (not alike))", _status(apart))  # fmt: skip
    elif verdict.verdict == "broadcast":
        yield from _broadcast_claims(verdict, rows)
        if implies(before, works):
            yield Claim("at every size they can be joined", "(and upstream (not works))", "unsat")
        else:
            yield from _condition_claims(graph, "(and upstream works)", verdict.condition, verdict.outside, sizes)
    else:
        yield from _condition_claims(graph, "(and upstream alike)", verdict.condition, verdict.outside, sizes)
        if verdict.given_upstream is not None:
            printed = as_smt(verdict.given_upstream, _printed_names(graph, sizes))
            yield Claim(
                f"given that, the rest: {_one_line(verdict.given_upstream)}",
                f"(and upstream (xor alike {printed}))",
                "unsat",
            )


def _broadcast_claims(verdict: Verdict, rows: tuple[tuple[int, tuple[Extent, ...]], ...]) -> Iterator[Claim]:
    """An axis that is the constant 1, or missing, is stretched at some size; else the inputs differ at every size."""
    if not verdict.stretched:
        yield Claim("at no size are they alike", "(and upstream alike)", "unsat")
        yield Claim("at some size one is stretched", "(and upstream works (not alike))", "sat")
        return
    stretched = {stretch.axis for stretch in verdict.stretched}
    longer = [
        f"(not (= {_at(number, axis)} 1))"
        for axis, row in rows
        for number, extent in enumerate(row)
        if axis in stretched and extent not in (1, ABSENT)
    ]
    absent = any(ABSENT in row for _, row in rows)
    other = "true" if absent else f"(or {' '.join(longer)})"
    yield Claim("at some size an axis that is 1, or missing, is stretched", f"(and upstream works {other})", "sat")


def _requirement_claims(graph: Graph, node: str, requirement: Requirement | None, sizes: Smt) -> Iterator[Claim]:
    status = "always" if requirement is None else requirement.status
    before, works = given(graph, node), measured(graph)[node].works
    if status == "always":
        yield Claim("at no size does it fail", "(and upstream (not works))", "unsat")
    elif status == "never" or requirement is None:
        yield Claim("at no size does it work", "(and upstream works)", "unsat")
    elif status == "unknown":
        yield Claim("whether it ever works", "(and upstream works)", _status(every((before, works))))
        yield Claim("whether it ever fails; of sizes without a name anything may be so",
                    "(and upstream (not works))", _status(every((before, negated(works)))))  # fmt: skip
    else:
        yield from _condition_claims(graph, "works", requirement.condition, requirement.outside, sizes)


def _condition_claims(
    graph: Graph, what: str, condition: str | None, outside: Outside | None, sizes: Smt
) -> Iterator[Claim]:
    """The printed condition is exact in both directions, and what is printed as an example is one."""
    if condition is not None:
        printed = as_smt(condition, _printed_names(graph, sizes))
        yield Claim(f"wherever it is so: {_one_line(condition)}", f"(and {what} (not {printed}))", "unsat")
        yield Claim("and nowhere else", f"(and {printed} (not {what}))", "unsat")
    yield Claim("this is so at some size", f"(and upstream {what})", "sat")
    yield Claim("and not so at another", f"(and upstream (not {what}))", "sat")
    if outside is None:
        return
    called = _printed_names(graph, sizes)
    at = [f"(= {called[name]} {size})" for name, size in outside.example.items() if name in called]
    fails = "(not works)" if outside.behaviour == "raises" else f"works (not {what})"
    words = ", ".join(f"{name} = {size}" for name, size in outside.example.items())
    yield Claim(f"at {_one_line(words)} it {outside.behaviour}", f"(and upstream {fails} {_and(at)})", "sat")


def _printed_names(graph: Graph, sizes: Smt) -> Mapping[str, str]:
    name = namer(graph)
    return {name(symbol): smt for symbol, smt in sizes.items()}


def _one_line(text: str) -> str:
    return json.dumps(text)[1:-1]


def _status(formula: Formula) -> str:
    return {True: "unsat", False: "sat", None: "unknown"}[is_empty(formula)]


def formula_term(formula: Formula, sizes: Smt) -> str:
    """A condition as a Bool of SMT-LIB; ``sizes`` says what the open sizes are called."""
    if isinstance(formula, Test):
        return f"({'=' if formula.sign == '==' else '>='} {extent_term(formula.extent, sizes)} 0)"
    if isinstance(formula, Not):
        return f"(not {formula_term(formula.part, sizes)})"
    parts = [formula_term(part, sizes) for part in formula.parts]
    if len(parts) < 2:
        return parts[0] if parts else "true" if isinstance(formula, All) else "false"
    return f"({'and' if isinstance(formula, All) else 'or'} {' '.join(parts)})"


def extent_term(extent: Extent, sizes: Smt) -> str:
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


def _atom(atom: Atom, sizes: Smt) -> str:
    if isinstance(atom, Symbol):
        return sizes[atom]
    if isinstance(atom, Floor):
        return f"(div {extent_term(atom.inner, sizes)} {atom.divisor})"
    options = [extent_term(option, sizes) for option in atom.options]
    return functools.reduce(lambda left, right: f"(ite (>= {left} {right}) {left} {right})", options)
