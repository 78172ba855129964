from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph import KgraphError, parse
from kgraph.analysis.evaluating import value_at
from kgraph.analysis.expressions import Extent, Symbol, atomic, divided, largest, minus, plus, times
from kgraph.analysis.extents import measured
from kgraph.analysis.formulas import Formula, at_least, equal, every, holds, negated, some
from kgraph.analysis.integers import is_empty, smallest
from kgraph.analysis.printed import as_smt
from kgraph.analysis.smt import smt2
from kgraph.analysis.smt_steps import extent_term, formula_term
from kgraph.analysis.verdicts import verdicts
from kgraph.graph import Value
from tests.analysis.merges import ZOO, model
from tests.analysis.small_models import small_models

z3 = pytest.importorskip("z3")

SECONDS = 20
SIZES = {Symbol(None, 0): "B", Symbol(Value("x"), 1): "H", Symbol(Value("x"), 2): "W"}


def answers(script: str) -> list[str]:
    """What Z3 says to each ``check-sat`` of a script, and nothing else: not even of a ``:status`` that is wrong."""
    plain = re.sub(r"\(set-info :status \w+\)", "", script)
    context = z3.Context()
    return z3.Z3_eval_smtlib2_string(context.ref(), f"(set-option :timeout {SECONDS * 1000})\n{plain}").split()


def expected(script: str) -> list[str]:
    return re.findall(r"\(set-info :status (\w+)\)", script)


@pytest.mark.parametrize("name", ZOO)
def test_z3_proves_every_verdict_of_the_zoo(name: str) -> None:
    """Of all that is claimed of the merges, and of all calls around them, by the written text alone."""
    text, verdict = ZOO[name]
    graph = parse(model(text))
    assert verdicts(graph)[-1].verdict == verdict
    for node, op in graph.ops.items():
        if op.kind.startswith("custom"):
            continue
        script = smt2(graph, node)
        assert expected(script) and answers(script) == expected(script), node


def test_the_zoo_has_every_verdict() -> None:
    found = Counter(item.verdict for text, _ in ZOO.values() for item in verdicts(parse(model(text))))
    assert found.keys() == {"identical", "conditional", "broadcast", "incompatible", "unknown"}
    assert found.total() >= 40
    written = smt2(parse(model(ZOO["area"][0])), "y") + smt2(parse(model(ZOO["larger of the two"][0])), "y")
    assert all(word in written for word in ("QF_NIA", "QF_LIA", "(* t0 t1)", "(div ", "(ite "))


def test_of_what_no_size_leads_to_nothing_is_claimed() -> None:
    text = """
x = Input(shape=(None, None, 2), name="x")
n = Concatenate(axis=1, name="n")([x, ZeroPadding2D(1)(x)])
y = Add(name="y")([n, n[:, -1:]])
model = Model(x, y)
"""
    script = smt2(parse(text), "y")
    assert answers(script) == expected(script) == ["unsat"]
    assert "(assert upstream)" in script


@settings(max_examples=40)
@given(small_models())
def test_z3_proves_what_is_said_of_random_models(text: str) -> None:
    graph = parse(text)
    for node in graph.ops:
        if not measured(graph)[node].told:
            continue
        script = smt2(graph, node)
        assert all(
            answer in (claimed, "unknown") or claimed == "unknown"
            for answer, claimed in zip(answers(script), expected(script), strict=True)
        ), node


def test_extents_are_defined_call_by_call() -> None:
    """What is proved is no form that two sides were brought into before: each call's rule stands by itself."""
    script = smt2(parse(model(ZOO["strides 3 and 2 are 6"][0])), "y")
    for line in ("t0 () Int (div (+ H 2) 3)", "t2 () Int (div (+ t0 1) 2)", "t4 () Int (div (+ H 5) 6)"):
        assert f"(define-fun {line})" in script


@pytest.mark.parametrize(
    ("name", "true", "false"),
    [
        ("pool and up", "(= (mod H 4) 0)", "(= (mod H 8) 0)"),
        ("pool and up", "(= (mod H 4) 0)", "(= (mod H 2) 0)"),
        ("pool and up", "(= W 5)", "(= W 4)"),
        ("residual of two strides", "(define-fun t0 () Int (div (+ H 1) 2))", "(define-fun t0 () Int (div H 2))"),
        ("even and odd", "(define-fun t7 () Int (+ t5 3))", "(define-fun t7 () Int (+ t5 4))"),
        ("gate", "(define-fun input_1_axis_1 () Int 1)", "(define-fun input_1_axis_1 () Int 2)"),
    ],
)
def test_z3_finds_what_is_not_so(name: str, true: str, false: str) -> None:
    script = smt2(parse(model(ZOO[name][0])), "y")
    assert true in script
    wrong = script.replace(true, false)
    assert answers(wrong) != expected(wrong)


def test_a_script_is_made_of_safe_characters() -> None:
    """Names of layers stand in comments alone, and end none of them."""
    text, _ = ZOO["odd names"]
    graph = parse(model(text))
    script = smt2(graph, "y\n(exit)")
    code = "\n".join(line.partition(";")[0] for line in script.splitlines())
    assert script.isascii() and code.count("(exit)") == 1 and '"' not in code and "|" not in code
    assert script.startswith('; "y\\n(exit)" (layers.Add) is conditional. ')
    assert re.search(r'^\(declare-const p\d Int\) ; axis 1 of "H and W"$', script, re.MULTILINE)


def test_what_cannot_be_claimed_is_one_clear_line() -> None:
    text, _ = ZOO["nobody knows"]
    graph = parse(model(text))
    with pytest.raises(KgraphError, match=r"^o: there is nothing to prove, as no rule tells which sizes custom\.shop"):
        smt2(graph, "o")
    with pytest.raises(KgraphError, match=r"^model has no node 'oo'; did you mean o\?$"):
        smt2(graph, "oo")
    blind = 'x = Input(shape=(4,), name="x")\n"{\'outputs\': ((None, \'float32\'),)}"\no = Custom("shop.Thing", name="o")(x)\n'
    with pytest.raises(KgraphError, match=r"^y: there is nothing to prove, as the rank of o is unknown$"):
        smt2(parse(model(f'{blind}y = Add(name="y")([x, o])')), "y")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("", "true"),
        ("never", "false"),
        ("H % 32 == 0", "(= (mod H 32) 0)"),
        ("H >= 7 and W != 3", "(and (>= H 7) (not (= W 3)))"),
        ("(H == 1 or H == W) and W <= 5", "(and (or (= H 1) (= H W)) (<= W 5))"),
        ("H in {1, 3}", "(or (= H 1) (= H 3))"),
        ("H % 8 not in {1, 3}", "(not (or (= (mod H 8) 1) (= (mod H 8) 3)))"),
        ("2 <= H <= 5", "(and (<= 2 H) (<= H 5))"),
        ("ceil(H / 2) == -W + 2 * H", "(= (- (div (- H) 2)) (+ (- W) (* 2 H)))"),
        ("max(H, W, 1) == min(H, W)",
         "(= (ite (>= (ite (>= H W) H W) 1) (ite (>= H W) H W) 1) (ite (<= H W) H W))"),
        ("max.H == H and W.H.H == 1", "(and (= p0 H) (= p1 1))"),
    ],
)  # fmt: skip
def test_printed_conditions_are_read_back(text: str, term: str) -> None:
    assert as_smt(text, {"H": "H", "W": "W", "max.H": "p0", "W.H.H": "p1"}) == term


@pytest.mark.parametrize("text", ["H is W", "f(H)", "H < 'a'", "H == 1.5", "not H == 1", "H in W", "H @ W"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        as_smt(text, {"H": "H", "W": "W"})


def extents(*, products: bool) -> st.SearchStrategy[Extent]:
    leaves: st.SearchStrategy[Extent] = st.sampled_from([*map(atomic, SIZES)]) | st.integers(-4, 6)

    def larger(inner: st.SearchStrategy[Extent]) -> st.SearchStrategy[Extent]:
        ways: list[st.SearchStrategy[Extent]] = [
            st.builds(plus, inner, inner),
            st.builds(minus, inner, inner),
            st.builds(times, inner, st.integers(-3, 4)),
            st.builds(divided, inner, st.integers(2, 6)),
            st.tuples(inner, inner).map(largest),
        ]
        if products:
            ways.append(st.builds(times, inner, inner))
        return st.one_of(ways)

    return st.recursive(leaves, larger, max_leaves=5)


def formulas(*, products: bool) -> st.SearchStrategy[Formula]:
    extent = extents(products=products)
    leaves = st.builds(equal, extent, extent) | st.builds(at_least, extent, extent)

    def larger(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        several = st.lists(inner, min_size=1, max_size=3)
        return several.map(every) | several.map(some) | inner.map(negated)

    return st.recursive(leaves, larger, max_leaves=4)


def asked(assertion: str) -> str:
    lines = [f"(declare-const {name} Int)(assert (>= {name} 1))" for name in SIZES.values()]
    (answer,) = answers("\n".join([*lines, f"(assert {assertion})", "(check-sat)"]))
    return answer


@settings(max_examples=150)
@given(formulas(products=False))
def test_isl_and_z3_agree(formula: Formula) -> None:
    empty = is_empty(formula)
    assert empty is not None
    assert asked(formula_term(formula, SIZES)) == ("unsat" if empty else "sat")


@settings(max_examples=100)
@given(formulas(products=True))
def test_they_never_disagree_where_there_are_products(formula: Formula) -> None:
    empty = is_empty(formula)
    if empty is not None:
        assert asked(formula_term(formula, SIZES)) in ("unsat" if empty else "sat", "unknown")


@settings(max_examples=100)
@given(extents(products=True), st.fixed_dictionaries(dict.fromkeys(SIZES, st.integers(1, 60))))
def test_a_term_is_what_the_extent_is(extent: Extent, at: dict[Symbol, int]) -> None:
    given_sizes = " ".join(f"(= {SIZES[symbol]} {size})" for symbol, size in at.items())
    value = value_at(extent, at)
    number = str(value) if value >= 0 else f"(- {-value})"
    assert asked(f"(and {given_sizes} (not (= {extent_term(extent, SIZES)} {number})))") == "unsat"


@settings(max_examples=100)
@given(formulas(products=True))
def test_the_smallest_sizes_are(formula: Formula) -> None:
    """No sizes of a smaller sum fit; where none are found, Z3 finds none, or isl could not tell."""
    found: Any = smallest(formula)
    if found is None:
        assert is_empty(formula) is not False
        return
    assert holds(formula, found)
    total = f"(+ 0 {' '.join(SIZES[symbol] for symbol in found)})"
    smaller = f"(and {formula_term(formula, SIZES)} (< {total} {sum(found.values())}))"
    assert not found or asked(smaller) in ("unsat", "unknown")
