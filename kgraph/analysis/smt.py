"""What a verdict claims as SMT-LIB 2: another prover can check it from that text alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kgraph.analysis.chains import check_node
from kgraph.analysis.extents import lined_up, measured, merge_inputs
from kgraph.analysis.formulas import Formula, equal, every, negated
from kgraph.analysis.integers import implies, is_empty
from kgraph.analysis.names import namer
from kgraph.analysis.printed import as_smt
from kgraph.analysis.requirements import given, requirements
from kgraph.analysis.smt_steps import Definition, Steps, can_meet, conjunction, merge_rows, quoted, steps
from kgraph.analysis.verdict_words import label
from kgraph.analysis.verdicts import verdicts
from kgraph.errors import KgraphError
from kgraph.findings import Outside, Requirement, Verdict
from kgraph.graph import Graph, ancestors

Rows = list[list[str | None]]
"""By axis the extents that meet in a merge, None where an input has no such axis."""


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


def smt2(graph: Graph, node: str) -> str:
    """What is claimed of a call, as an SMT-LIB 2 script: what each ``check-sat`` must answer stands before it.

    Args:
        graph: the graph.
        node: an elementwise merge, or any other call.

    Raises:
        KgraphError: there is no such node, or nothing can be claimed of it: a rank is unknown, or there is no rule.
    """
    check_node(graph, node)
    kind = graph.ops[node].kind
    verdict = next((item for item in verdicts(graph) if item.node == node), None)
    requirement = next((item for item in requirements(graph) if item.node == node), None)
    before = ancestors(graph.operands, graph.operands[node])
    found = steps(graph, before if verdict else {*before, node})
    definitions = [Definition("upstream", "Bool", _upstream(found, node), "everything that leads to the call works")]
    if verdict is not None:
        rows = _rows(graph, found, node)
        status, claims = verdict.verdict, _verdict_claims(graph, verdict, rows, found)
        definitions += _merge_definitions([label(operand) for operand in merge_inputs(graph, node)], rows)
    else:
        if not measured(graph)[node].told:
            raise KgraphError(f"{node}: there is nothing to prove, as no rule tells which sizes {kind} takes")
        status = "always" if requirement is None else requirement.status
        claims = _requirement_claims(graph, node, requirement, found)
        definitions.append(Definition("works", "Bool", found.works.get(node, "true"), "the call itself works"))
    if is_empty(given(graph, node)):
        claims = (
            Claim(
                "at no size does all that leads to it work: of the call itself nothing is claimed", "upstream", "unsat"
            ),
        )
    title = f"{quoted(node)} ({kind}) is {status}"
    return "".join(f"{line}\n" for line in _script(title, found, [*found.definitions, *definitions], claims))


def _script(title: str, found: Steps, definitions: Iterable[Definition], claims: Iterable[Claim]) -> Iterator[str]:
    yield f"; {title}. A solver must answer each check with the :status before it."
    yield f"(set-logic {'QF_NIA' if found.products else 'QF_LIA'})"
    for symbol, name in found.sizes.items():
        whose = "the batch" if symbol.value is None else f"axis {symbol.axis} of {quoted(str(symbol.value))}"
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


def _rows(graph: Graph, found: Steps, node: str) -> Rows:
    rows = merge_rows(graph, found, node)
    if not rows and lined_up(graph.ops[node], merge_inputs(graph, node)) is None:
        blind = next(label(operand) for operand in merge_inputs(graph, node) if operand.extents is None)
        raise KgraphError(f"{node}: there is nothing to prove, as the rank of {blind} is unknown")
    return rows


def _upstream(found: Steps, node: str) -> str:
    """The conditions of all calls before it, a line each."""
    by_term: dict[str, str] = {}
    for each, works in found.works.items():
        if each != node:
            by_term.setdefault(works, each)
    lines = [f"  {works} ; {quoted(each)}" for works, each in by_term.items()]
    return "\n".join(["(and true", *lines, ")"]) if lines else "true"


def _merge_definitions(labels: list[str], rows: Rows) -> Iterator[Definition]:
    """The extents that meet, and from them alone where they are alike and where a merge works."""
    for axis, row in enumerate(rows):
        for number, (called, term) in enumerate(zip(labels, row, strict=True)):
            if term is not None:
                yield Definition(_at(number, axis), "Int", term, f"axis {axis}, from {quoted(called)}")
    present = [
        [_at(number, axis) for number, term in enumerate(row) if term is not None] for axis, row in enumerate(rows)
    ]
    alike = [f"(= {' '.join(names)})" for names in present if len(names) > 1]
    works = [meeting for names in present for meeting in can_meet(names)]
    yield Definition("alike", "Bool", conjunction(alike), "all inputs have the same extents")
    yield Definition(
        "works", "Bool", conjunction(works), "they can be joined: two that differ, differ by one that is 1"
    )


def _at(number: int, axis: int) -> str:
    return f"input_{number}_axis_{axis}"


def _verdict_claims(graph: Graph, verdict: Verdict, rows: Rows, found: Steps) -> Iterator[Claim]:
    before, works = given(graph, verdict.node), measured(graph)[verdict.node].works
    if verdict.verdict == "identical":
        yield Claim("at no size do the inputs differ", "(and upstream (not alike))", "unsat")
    elif verdict.verdict == "incompatible":
        yield Claim("at no size can they be joined", "(and upstream works)", "unsat")
    elif verdict.verdict == "unknown":
        axes = lined_up(graph.ops[verdict.node], merge_inputs(graph, verdict.node)) or ()
        alike = every(equal(extent, row[0]) for row in axes for extent in row[1:])
        yield Claim("whether they are ever alike", "(and upstream alike)", _status(every((before, alike))))
        apart = every((before, negated(alike)))
        yield Claim("whether they ever differ; of sizes without a name anything may be so",
                    "(and upstream (not alike))", _status(apart))  # fmt: skip
    elif verdict.verdict == "broadcast":
        yield from _broadcast_claims(verdict, rows)
        if implies(before, works):
            yield Claim("at every size they can be joined", "(and upstream (not works))", "unsat")
        else:
            yield from _condition_claims(
                graph, "(and upstream works)", "true", verdict.condition, verdict.outside, found
            )
    else:
        yield from _condition_claims(graph, "(and upstream alike)", "true", verdict.condition, verdict.outside, found)
        if verdict.given_upstream is not None:
            printed = as_smt(verdict.given_upstream, _printed_names(graph, found))
            yield Claim(
                f"given that, the rest: {quoted(verdict.given_upstream)}",
                f"(and upstream (xor alike {printed}))",
                "unsat",
            )


def _broadcast_claims(verdict: Verdict, rows: Rows) -> Iterator[Claim]:
    """An axis that is the constant 1, or missing, is stretched at some size; else the inputs differ at every size."""
    if not verdict.stretched:
        yield Claim("at no size are they alike", "(and upstream alike)", "unsat")
        yield Claim("at some size one is stretched", "(and upstream works (not alike))", "sat")
        return
    stretched = {stretch.axis for stretch in verdict.stretched}
    longer = [
        f"(not (= {_at(number, axis)} 1))"
        for axis, row in enumerate(rows)
        for number, term in enumerate(row)
        if axis in stretched and term not in ("1", None)
    ]
    absent = any(None in row for row in rows)
    other = "true" if absent else f"(or {' '.join(longer)})"
    yield Claim("at some size an axis that is 1, or missing, is stretched", f"(and upstream works {other})", "sat")


def _requirement_claims(graph: Graph, node: str, requirement: Requirement | None, found: Steps) -> Iterator[Claim]:
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
        yield from _condition_claims(graph, "works", "upstream", requirement.condition, requirement.outside, found)


def _condition_claims(
    graph: Graph, what: str, scope: str, condition: str | None, outside: Outside | None, found: Steps
) -> Iterator[Claim]:
    """Within a scope the printed condition is exact in both directions, and what is printed as an example is one."""
    if condition is not None:
        printed = as_smt(condition, _printed_names(graph, found))
        yield Claim(f"wherever it is so: {quoted(condition)}", f"(and {scope} {what} (not {printed}))", "unsat")
        yield Claim("and nowhere else", f"(and {scope} {printed} (not {what}))", "unsat")
    yield Claim("this is so at some size", f"(and upstream {what})", "sat")
    yield Claim("and not so at another", f"(and upstream (not {what}))", "sat")
    if outside is None:
        return
    called = _printed_names(graph, found)
    at = [f"(= {called[name]} {size})" for name, size in outside.example.items() if name in called]
    fails = "(not works)" if outside.behaviour == "raises" else f"works (not {what})"
    words = ", ".join(f"{name} = {size}" for name, size in outside.example.items())
    yield Claim(f"at {quoted(words)} it {outside.behaviour}", f"(and upstream {fails} {conjunction(at)})", "sat")


def _printed_names(graph: Graph, found: Steps) -> Mapping[str, str]:
    name = namer(graph)
    return {name(symbol): smt for symbol, smt in found.sizes.items()}


def _status(formula: Formula) -> str:
    return {True: "unsat", False: "sat", None: "unknown"}[is_empty(formula)]
