"""What kgraph says of a graph: plain records on strings, that any reporter can write out.

Field names are those of the JSON contract, version 1: fields may be added, never changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any

VERSION = 1


class Severity(StrEnum):
    """How bad it is: ``error`` a wrong result or a crash, ``warning`` a likely mistake, ``info`` a fact."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for ``info``, rising."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says.

    Attributes:
        rule, name: ``KG101``, ``implicit-broadcast``.
        confidence: ``certain`` (it follows from what is proved or recorded) or ``high``.
        known: ``proved``, ``recorded``, ``tested`` or ``assumed``.
        nodes: ids of the calls concerned, the one to look at first.
        help: what to do.
    """

    rule: str
    name: str
    severity: Severity
    message: str
    nodes: tuple[str, ...]
    help: str
    confidence: str = "certain"
    known: str = "proved"
    url: str | None = None


@dataclass(frozen=True, slots=True)
class MergeInput:
    """One operand of a merge: its value (``add_3``, ``split[1]``) and its shape, ``"B"`` for the batch."""

    value: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Axis ``axis`` (of the output) of operand number ``input`` is repeated to ``to``; ``by`` made it 1.

    ``by`` is None where the operand has no such axis.
    """

    input: int
    axis: int
    to: int | str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Outside:
    """What happens at sizes where a condition does not hold, with the smallest example."""

    behaviour: str
    example: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one elementwise merge: ``identical``, ``conditional``, ``broadcast``, ``incompatible``,
    ``unknown``; ``why`` is one sentence a line."""

    node: str
    kind: str
    verdict: str
    known: str
    inputs: tuple[MergeInput, ...]
    why: tuple[str, ...] = ()
    condition: str | None = None
    given_upstream: str | None = None
    outside: Outside | None = None
    stretched: tuple[Stretch, ...] = ()


def joined_shapes(verdict: Verdict) -> str:
    """``(B, 8, 16) + (B, 16)``: the shapes that a merge joins."""
    return " + ".join(shape_text(item.shape) for item in verdict.inputs)


def shape_text(shape: tuple[int | str | None, ...] | None) -> str:
    """A shape as a tuple, ``?`` for what is not known."""
    if shape is None:
        return "of unknown rank"
    said = ", ".join("?" if extent is None else str(extent) for extent in shape)
    return f"({said},)" if len(shape) == 1 else f"({said})"


def outside_text(outside: Outside | None) -> str:
    """``at H = 17 Keras raises``; what happens is said without an example where none was found."""
    if outside is None:
        return "at others Keras raises or stretches an input"
    sizes = ", ".join(f"{name} = {size}" for name, size in outside.example.items())
    return f"at {sizes} {'Keras raises' if outside.behaviour == 'raises' else 'one input is stretched'}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one call other than an elementwise merge asks of sizes.

    ``status`` is ``always``, ``conditional``, ``never`` or ``unknown``; ``condition`` is None where it is too long to
    print, or there is none.
    """

    node: str
    kind: str
    status: str
    known: str
    condition: str | None = None
    outside: Outside | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SymbolPlace:
    """The input and axis whose size a symbol is; the batch is axis 0 of all inputs (``input`` is None)."""

    input: str | None
    axis: int


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """The sizes at which the whole model works.

    ``condition`` is ``""`` where that is all sizes, and None where it is too long to print.
    """

    condition: str | None
    symbols: Mapping[str, SymbolPlace]
    smallest: Mapping[str, int] | None
    unknown: tuple[str, ...] = ()
    """Calls of which it is not known what sizes they take."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """A rewrite that was done: ``replaces`` became one call with the id ``root``."""

    pattern: str
    root: str
    replaces: tuple[str, ...]
    becomes: Mapping[str, Any]
    known: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rewrite that was not done, and one sentence why."""

    pattern: str
    root: str
    reason: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """An analysis that could not run: a report with one is never clean."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a graph came from.

    ``format`` is ``live``, ``keras`` (an archive), ``h5``, ``json``, ``summary``, ``text`` or ``graph``.
    """

    name: str
    path: str | None = None
    format: str = "graph"
    keras_version: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One input or output of the model; ``"B"`` for the batch."""

    value: str
    shape: tuple[int | str | None, ...] | None
    dtype: str


@dataclass(frozen=True, slots=True)
class GraphSummary:
    """Size of a graph; ``parameters`` is None where a layer's weights are unknown."""

    nodes: int
    edges: int
    parameters: int | None
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class FusedSummary:
    """Size of a graph after fusion."""

    nodes: int
    edges: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that ``kgraph.check`` says; ``to_dict`` is the JSON contract.

    ``notes`` are sentences on what the source does not tell, and what was taken for granted in its place.
    """

    kgraph: str
    source: Source
    graph: GraphSummary
    fused: FusedSummary | None = None
    merges: tuple[Verdict, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    fusions: tuple[Fusion, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    domain: DomainSummary | None = None
    findings: tuple[Finding, ...] = ()
    errors: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    version: int = field(default=VERSION)

    def __str__(self) -> str:
        from kgraph.report.text import render  # a one-line delegation: data does not draw itself

        return render(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, lists, strings and numbers (JSON contract, version 1)."""
        plain = to_plain(self)
        return {"version": plain.pop("version"), **plain}

    def to_json(self, *, indent: int | None = 2) -> str:
        """The report as JSON (RFC 8259), the same text for the same report."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def exit_code(self, fail_on: Severity = Severity.WARNING) -> int:
        """0 nothing at or above the threshold, 1 findings, 2 an analysis could not run."""
        if self.errors:
            return 2
        return int(any(finding.severity.rank >= fail_on.rank for finding in self.findings))


def to_plain(value: Any) -> Any:
    """Records as plain dicts, lists, strings and numbers, as JSON has them."""
    if is_dataclass(value):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, StrEnum):
        return value.value
    if value is ...:
        return "..."
    return value
