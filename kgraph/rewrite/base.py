"""What a pattern is, and what it says: a Match, a Refused with one sentence, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kgraph.findings import Fusion, Refusal
from kgraph.graph import Graph, Op, Value
from kgraph.rewrite.weights import Stacked


@dataclass(frozen=True, slots=True)
class Match:
    """A place where a pattern applies.

    Attributes:
        root: the last call of the place; the fused call keeps its id.
        nodes: every call that the fused one replaces, in the order of the branches, the root last.
        known: how it is known that the rewrite changes nothing: ``proved``, ``tested`` or ``assumed``.
        found: what the pattern wants to remember for ``replace``.
    """

    root: str
    nodes: tuple[str, ...]
    known: str
    found: Any = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A near miss: one sentence that names the nodes and the two values, and the nodes."""

    reason: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """The call that takes the place of a match, and how its weights come from those that it replaces."""

    op: Op
    operands: tuple[Value, ...]
    weights: tuple[Stacked, ...] = ()


class Pattern(Protocol):
    """A module in ``kgraph.rewrite.patterns``."""

    NAME: str
    ANCHOR: frozenset[str]
    """The kinds of call at which the pattern can end."""

    def match(self, graph: Graph, root: str) -> Match | Refused | None:
        """Whether the pattern ends at ``root``; None where the place does not even look like it."""
        ...

    def replace(self, graph: Graph, match: Match) -> Replacement:
        """The call that takes the place of the match."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rewrite did.

    Attributes:
        graph: the graph after it.
        applied: the fusions, in graph order.
        refused: the near misses that are left, in graph order.
        weights: by the id of a fused call, how each of its weights is put together.
    """

    graph: Graph
    applied: tuple[Fusion, ...] = ()
    refused: tuple[Refusal, ...] = ()
    weights: Mapping[str, tuple[Stacked, ...]] = field(default_factory=dict[str, "tuple[Stacked, ...]"])
