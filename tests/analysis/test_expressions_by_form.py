"""Where expressions are keys they are told apart by their form, whatever path a rule is on: nobody is asked."""

from __future__ import annotations

from kgraph.analysis.cases import cases
from kgraph.analysis.expressions import Extent, Symbol, atomic, decided, decider, largest, minus, plus, times
from kgraph.graph import Value

H, W = (atomic(Symbol(Value("x"), axis)) for axis in (1, 2))


def refuse(*_: object) -> bool:
    raise LookupError("asked")


def twins() -> tuple[Extent, Extent]:
    """Two extents of one hash, as -1 and -2 have the same."""
    one, other = (largest((2, minus(minus(9, times(H, left)), times(W, right)))) for left, right in ((1, 2), (2, 1)))
    assert hash(one) == hash(other)
    return one, other


def test_arithmetic_asks_nobody() -> None:
    one, other = twins()
    token = decider.set(refuse)
    try:
        total = plus(times(one, W), times(other, W))
        assert not isinstance(total, int)
        assert len(total.terms) == 2
    finally:
        decider.reset(token)


def test_what_is_remembered_is_found_by_its_form() -> None:
    """Else a comparison would ask for another one, which asks in turn: it went on until the stack was full."""
    first, second = (minus(times(H, -left), times(W, right)) for left, right in ((1, 2), (2, 1)))
    assert hash(first) == hash(second)
    questions: list[Extent] = []

    def count(extent: Extent, _: str) -> bool:
        questions.append(extent)
        return False

    left, right = minus(first, -9), minus(second, -9)
    decided(left, "==")
    token = decider.set(count)
    try:
        assert not (right == 0)  # noqa: SIM201
    finally:
        decider.reset(token)
    assert [repr(each) for each in questions] == [repr(right)]


def test_twins_on_a_path_are_two() -> None:
    one, other = twins()
    found = cases(lambda: (one == other, plus(one, other)))
    assert found is not None
    totals = [case.result[1] for case in found]
    assert all(not isinstance(total, int) and len(total.terms) == 2 for total in totals)
