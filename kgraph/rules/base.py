"""What a rule is, and the facts that it may look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

from kgraph.analysis.selection import Selection, selections
from kgraph.analysis.verdicts import verdicts
from kgraph.findings import Finding, Refusal, Severity, Source, Verdict
from kgraph.frontends.contents import Contents
from kgraph.frontends.descriptions import Description, describe
from kgraph.frontends.references import Reference, references
from kgraph.graph import Graph, Value
from kgraph.rewrite.base import Outcome
from kgraph.rewrite.engine import rewrite


@dataclass(frozen=True)
class Facts:
    """What is known of one graph, worked out when it is first asked for.

    ``contents`` is what its file holds; None where it is from no file.
    """

    graph: Graph
    source: Source
    contents: Contents | None = None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each elementwise merge."""
        return verdicts(self.graph)

    @property
    def selections(self) -> Mapping[Value, Selection]:
        """What each slice, split, gather and slicing Lambda holds."""
        return selections(self.graph)

    @cached_property
    def outcome(self) -> Outcome:
        """What the pattern rewriters did."""
        return rewrite(self.graph)

    @cached_property
    def description(self) -> Description:
        """Everything that the file describes, walked once; empty where there is no file."""
        return describe(self.contents)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every class and function that loading the file would look up."""
        return references(self.description)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The rewrites that were not done."""
        return self.outcome.refused


@runtime_checkable
class Rule(Protocol):
    """A class in ``kgraph/rules/<category>/``, or behind the entry point group ``kgraph.rules``.

    Its docstring is its documentation and its test, under the headings *What it does*, *Why is this bad?*, *Example*
    (lines marked ``# KG101`` must be found, and no others) and *Use instead* (must be silent).
    """

    id: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """Findings on what is proved or recorded; never on what could be."""
        ...
