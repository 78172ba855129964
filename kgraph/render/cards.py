"""What a picture says of each node and edge, before it is known where they stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kgraph.findings import Finding, Report, Severity, Verdict
from kgraph.graph import Function, Graph, Op, Value, Weight, parameters, values
from kgraph.render.labels import (
    clean,
    detail,
    holds_slot,
    one_line,
    shape_label,
    shape_text,
    short_kind,
    shorten,
    spec_text,
    value_text,
)
from kgraph.render.theme import FAMILIES

MOST_BADGES, MOST_CONDITION, MOST_LINES = 4, 30, 24

WORDS = (
    ("conv", ("conv",)),
    ("norm", ("normaliz", "norm", "dropout", "noise", "regulariz", "moments")),
    ("pool", ("pool",)),
    (
        "shape",
        (
            "concat",
            "reshape",
            "flatten",
            "permute",
            "pad",
            "crop",
            "upsampling",
            "repeat",
            "get_item",
            "split",
            "slice",
        ),
    ),
    (
        "shape",
        (
            "stack",
            "squeeze",
            "expand_dims",
            "transpose",
            "take",
            "gather",
            "tile",
            "resize",
            "flip",
            "roll",
            "moveaxis",
        ),
    ),
    (
        "dense",
        ("dense", "attention", "lstm", "gru", "rnn", "embedding", "einsum", "matmul", "tensordot", "bidirectional"),
    ),
    ("dense", ("timedistributed", "vdot")),
    (
        "act",
        (
            "relu",
            "softmax",
            "sigmoid",
            "tanh",
            "activation",
            "swish",
            "silu",
            "gelu",
            "elu",
            "softplus",
            "softsign",
            "mish",
        ),
    ),
)
"""Parts of lower-case names by family; the first that occurs decides."""

MERGES = frozenset(
    ("add", "subtract", "multiply", "average", "maximum", "minimum", "dot", "divide", "true_divide", "floor_divide")
)


@dataclass(frozen=True, slots=True)
class Badge:
    """A pill on a card; ``tone`` is a key of ``theme.TONES``."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One node: three lines, badges, a tooltip. ``fused`` is the number of calls that it replaces."""

    kind: str
    name: str
    detail: str
    family: str
    tooltip: str
    badges: tuple[Badge, ...] = ()
    severity: Severity | None = None
    fused: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """One edge, between cards by number."""

    tail: int
    head: int
    label: str
    tooltip: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn."""

    name: str
    summary: str
    checked: str
    cards: tuple[Card, ...]
    links: tuple[Link, ...]


@dataclass(slots=True)
class _Notes:
    """What a report says of one node of the drawn graph."""

    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    findings: list[Finding] = field(default_factory=list[Finding])


def describe(graph: Graph, report: Report | None = None) -> Picture:
    """The cards and links of a graph, in graph order."""
    number = {node: index for index, node in enumerate(graph.ops)}
    notes = _notes(graph, report)
    outputs = _outputs(graph)
    cards = tuple(_card(graph, node, notes.get(node, _Notes()), outputs.get(node, ())) for node in graph.ops)
    links = tuple(
        _link(graph, number, value, node, slot)
        for node, operands in graph.operands.items()
        for slot, value in enumerate(operands)
    )
    return Picture(one_line(graph.name) or "model", _summary(graph), _checked(report), cards, links)


def family(op: Op) -> str:
    """The family of a kind, a key of ``theme.FAMILIES``."""
    if op.is_input:
        return "input"
    function = op.config.get("function")
    if isinstance(function, Function):
        return "custom" if function.selection is None else "shape"
    if not op.kind.startswith(("layers.", "ops.", "activations.")):
        return "custom"
    name = short_kind(op.kind).lower()
    if name in MERGES:
        return "merge"
    return next((key for key, words in WORDS if any(word in name for word in words)), "maths")


def _card(graph: Graph, node: str, notes: _Notes, outputs: Sequence[str]) -> Card:
    op = graph.ops[node]
    severities = [finding.severity for finding in notes.findings]
    return Card(
        kind=one_line(short_kind(op.kind)),
        name=one_line(node),
        detail=detail(op),
        family=family(op),
        tooltip=_tooltip(graph, node, notes, outputs),
        badges=(*(Badge("output", text) for text in outputs), *_fused(op), *_merge(notes), *_findings(notes.findings)),
        severity=max(severities, key=lambda severity: severity.rank) if severities else None,
        fused=len(op.replaces),
    )


def _link(graph: Graph, number: Mapping[str, int], value: Value, node: str, slot: int) -> Link:
    several = len(graph.ops[value.node].outputs) > 1
    shape = shape_label(graph.spec(value).shape)
    tooltip = f"{_brief(value.node)}[{value.out}] → {_brief(node)}, input {slot}\n{spec_text(graph.spec(value))}"
    return Link(number[value.node], number[node], f"[{value.out}] {shape}" if several else shape, tooltip)


def _brief(node: str) -> str:
    return shorten(one_line(node), 80)


def _outputs(graph: Graph) -> dict[str, list[str]]:
    """The texts of the output pills, by node: numbered where the model has several."""
    found = values(graph.outputs)
    result: dict[str, list[str]] = {}
    for index, value in enumerate(found):
        result.setdefault(value.node, []).append(f"output {index + 1}" if len(found) > 1 else "output")
    for node, texts in result.items():
        if len(texts) > 3:
            result[node] = [*texts[:2], f"{len(texts) - 2} more outputs"]
    return result


def _notes(graph: Graph, report: Report | None) -> dict[str, _Notes]:
    """What the report says, by node of this graph: a call that was folded into another is found there."""
    if report is None:
        return {}
    owner = {replaced: node for node, op in graph.ops.items() for replaced in op.replaces}
    owner.update((node, node) for node in graph.ops)
    result: dict[str, _Notes] = {}
    for verdict in report.merges:
        if verdict.node in owner:
            result.setdefault(owner[verdict.node], _Notes()).verdicts.append(verdict)
    for finding in sorted(report.findings, key=lambda finding: (-finding.severity.rank, finding.rule)):
        for node in dict.fromkeys(owner[node] for node in finding.nodes if node in owner):
            result.setdefault(node, _Notes()).findings.append(finding)
    return result


def _fused(op: Op) -> tuple[Badge, ...]:
    if not op.replaces:
        return ()
    groups = op.config.get("groups")
    start = f"groups={groups} · " if isinstance(groups, int) and groups > 1 else ""
    return (Badge("fused", f"{start}fused from {_count(len(op.replaces), 'call')}"),)


def _merge(notes: _Notes) -> tuple[Badge, ...]:
    badges: list[Badge] = []
    for verdict in notes.verdicts:
        tone = verdict.verdict if verdict.verdict in VERDICTS else "unknown"
        short = verdict.condition is not None and len(verdict.condition) <= MOST_CONDITION
        text = f"{verdict.verdict} if {verdict.condition}" if short else verdict.verdict
        badges.append(Badge(tone, one_line(text)))
    return tuple(badges) if len(badges) <= MOST_BADGES else _grouped(badges)


def _findings(findings: list[Finding]) -> tuple[Badge, ...]:
    badges = [
        Badge(finding.severity.value, one_line(f"{finding.rule} {finding.severity.value}")) for finding in findings
    ]
    kinds = _grouped(badges)
    if len(kinds) <= MOST_BADGES:
        return kinds
    return (*kinds[: MOST_BADGES - 1], Badge("info", f"{len(kinds) - MOST_BADGES + 1} more findings"))


def _grouped(badges: Iterable[Badge]) -> tuple[Badge, ...]:
    return tuple(
        Badge(badge.tone, f"{badge.text} ×{n}" if n > 1 else badge.text) for badge, n in Counter(badges).items()
    )


VERDICTS = {
    "identical": "shapes are always the same",
    "conditional": "shapes are the same at some sizes",
    "broadcast": "an operand is stretched",
    "incompatible": "shapes never fit",
    "unknown": "not decided",
}
"""What each verdict means, for the legend."""


def _tooltip(graph: Graph, node: str, notes: _Notes, outputs: Sequence[str]) -> str:
    op = graph.ops[node]
    lines = [node, f"{shorten(op.kind)}, {FAMILIES[family(op)].title}"]
    if op.layer is not None and op.layer != node:
        lines.append(f"layer {shorten(op.layer)}")
    settings = [*op.config.items(), *((key, value) for key, value in op.arguments.items() if not holds_slot(value))]
    lines += [f"{shorten(key, 80)} = {value_text(value)}" for key, value in settings[:MOST_LINES]]
    lines.append(_weights(op.weights))
    operands = graph.operands[node][:MOST_LINES]
    lines += [
        f"input {slot}: {_brief(str(value))} {spec_text(graph.spec(value))}" for slot, value in enumerate(operands)
    ]
    several = len(op.outputs) > 1
    specs = op.outputs[:MOST_LINES]
    lines += [f"output{f' {out}' if several else ''}: {spec_text(spec)}" for out, spec in enumerate(specs)]
    if outputs:
        lines.append(f"model {', '.join(outputs)}")
    for verdict in notes.verdicts[:MOST_LINES]:
        condition = f" if {shorten(verdict.condition)}" if verdict.condition else ""
        lines.append(f"merge: {verdict.verdict}{condition} ({verdict.known})")
        lines += [f"  {shorten(why)}" for why in verdict.why[:MOST_LINES]]
    lines += [f"{found.rule} {found.severity.value}: {shorten(found.message)}" for found in notes.findings[:MOST_LINES]]
    if op.replaces:
        more = f" and {len(op.replaces) - MOST_LINES} more" if len(op.replaces) > MOST_LINES else ""
        names = ", ".join(shorten(name, 80) for name in op.replaces[:MOST_LINES])
        lines.append(f"fused from {_count(len(op.replaces), 'call')}: {names}{more}")
    return clean("\n".join(lines))


def _weights(weights: tuple[Weight, ...] | None) -> str:
    if weights is None:
        return "weights unknown"
    if not weights:
        return "no weights"
    sizes = [_size(weight.shape) for weight in weights]
    known = [size for size in sizes if size is not None]
    total = _count(sum(known), "parameter") if len(known) == len(sizes) else "parameters unknown"
    told = ", ".join(f"{shorten(weight.name, 80)} {shape_text(weight.shape)}" for weight in weights[:12])
    return f"{total}: {told}{', …' if len(weights) > 12 else ''}"


def _size(shape: tuple[int | None, ...]) -> int | None:
    known = [extent for extent in shape if extent is not None]
    return math.prod(known) if len(known) == len(shape) else None


def _summary(graph: Graph) -> str:
    count = parameters(graph)
    told = "parameters unknown" if count is None else _count(count, "parameter")
    return f"{_count(len(graph.ops), 'node')} · {_count(graph.edge_count, 'edge')} · {told}"


def _checked(report: Report | None) -> str:
    """One line on what the report holds, also of nodes that are not drawn."""
    if report is None:
        return ""
    severities = Counter(finding.severity for finding in report.findings)
    merges = Counter(verdict.verdict for verdict in report.merges)
    found = [_count(severities[s], s.value) for s in reversed(Severity) if s is not Severity.INFO and severities[s]]
    told = [f"{merges[name]:,} {name}" for name in VERDICTS if merges[name]]
    parts = [
        ", ".join(found) or "no errors or warnings",
        *([f"{_count(len(report.merges), 'merge')}: {', '.join(told)}"] if told else []),
        *([_count(len(report.errors), "analysis", "analyses") + " could not run"] if report.errors else []),
    ]
    return " · ".join(parts)


def _count(number: int, word: str, plural: str | None = None) -> str:
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
