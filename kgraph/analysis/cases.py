"""Runs a rule of ``ops/`` on open sizes: once for each way in which its comparisons can come out.

A rule is plain code on ints. Given expressions in their place, each comparison that sizes decide splits them in two;
the rule is run again until every way has been gone. What it returns on one way holds where the comparisons on that way
came out as they did (concolic execution without a concrete part: every way is gone, and ``formulas`` keep them apart).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kgraph.analysis.expressions import Expression, TooHardError, decider
from kgraph.analysis.formulas import Formula, Test, every, follows, negated, test

T = TypeVar("T")

MOST = 64
"""Ways that are gone before a rule is said to be too hard."""


@dataclass(frozen=True, slots=True)
class Case(Generic[T]):
    """What a rule returns where a condition holds."""

    condition: Formula
    result: T


def cases(rule: Callable[[], T], facts: tuple[Test, ...] = ()) -> tuple[Case[T], ...] | None:
    """What a rule returns, by cases that exclude each other and leave nothing out where the facts hold.

    Returns:
        None where the rule asks for what only a number can answer, or there are too many ways.
    """
    found: list[Case[T]] = []
    waiting: list[tuple[bool, ...]] = [()]
    while waiting:
        if len(found) + len(waiting) > MOST:
            return None
        walk = _Walk(waiting.pop(), facts)
        token = decider.set(walk.ask)
        try:
            result = rule()
        except TooHardError:
            return None
        finally:
            decider.reset(token)
        found.append(Case(every(walk.taken), result))
        first = len(walk.forced)
        waiting += [(*walk.answers[:index], not walk.answers[index]) for index in range(first, len(walk.answers))]
    return tuple(found)


class _Walk:
    """One run of a rule: the answers it is forced to take first, then ``False`` to whatever else it asks."""

    def __init__(self, forced: tuple[bool, ...], facts: tuple[Test, ...]) -> None:
        self.forced = forced
        self.facts = facts
        self.answers: list[bool] = []
        self.taken: list[Formula] = []

    def ask(self, extent: Expression, sign: str) -> bool:
        token = decider.set(None)  # formulas are compared by their form
        try:
            return self._answer(extent, sign)
        finally:
            decider.reset(token)

    def _answer(self, extent: Expression, sign: str) -> bool:
        formula = test(extent, sign)
        known = self._follows(formula)
        if known is not None:
            return known
        number = len(self.answers)
        answer = self.forced[number] if number < len(self.forced) else False
        self.answers.append(answer)
        self.taken.append(formula if answer else negated(formula))
        return answer

    def _follows(self, formula: Formula) -> bool | None:
        """The answer, where it follows from one that was taken before or from a fact."""
        for fact in (*self.facts, *self.taken):
            if fact == formula:
                return True
            if negated(fact) == formula:
                return False
            known = follows(fact, formula)
            if known is not None:
                return known
        return None
