"""The report as one screen of text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from kgraph.findings import (
    DomainSummary,
    Endpoint,
    Finding,
    Fusion,
    Refusal,
    Report,
    Requirement,
    Verdict,
    shape_text,
)

MOST = 16
"""Lines of one section that are written out before the rest is counted."""

FEW = 2
"""Findings of one rule that are only worth noting are written out up to so many."""

ORDER = ("incompatible", "broadcast", "conditional", "unknown", "identical")
"""Verdicts, what needs a look first."""

NEVER = "never"
"""The condition of a domain that no size meets."""

STATUSES = ("never", "unknown", "conditional", "always")

Style = Callable[[str, str], str]
"""(text, role) -> text; roles are ``title``, ``error``, ``warning``, ``info``, ``good``, ``dim``."""


def plain(text: str, _: str) -> str:
    """No colour."""
    return text


def render(report: Report, *, every: bool = False, width: int = 100, style: Style = plain) -> str:
    """The report as text.

    Args:
        report: what to write.
        every: write out every merge, fusion and refusal, and why, instead of folding what repeats.
        width: columns.
        style: colours words.
    """
    most = 10**9 if every else MOST
    sections = (
        _problems(report, style),
        _findings(report.findings, most, style),
        _merges(report.merges, most, every=every, style=style),
        _requirements(report.requirements, most, every=every, style=style),
        _domain(report.domain, style),
        fusion_lines(report.fusions, most, style),
        refusal_lines(report.refusals, most, style),
        note_lines(report.notes, most, style),
    )
    lines = list(_head(report, style))
    for section in sections:
        found = list(section)
        lines += ["", *found] if found else []
    lines += ["", _closing(report, style)]
    return "\n".join(wrapped(lines, width))


def wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """Lines that are not longer than so many columns; what is moved to the next line is indented."""
    for line in lines:
        if len(line) <= width:
            yield line
        else:
            yield from textwrap.wrap(
                line, width, subsequent_indent="      ", break_long_words=True, break_on_hyphens=False
            )


def _head(report: Report, style: Style) -> Iterator[str]:
    graph = report.graph
    weights = "an unknown number of" if graph.parameters is None else f"{graph.parameters:,}"
    yield f"{style(report.source.name, 'title')}  {graph.nodes:,} nodes, {graph.edges:,} edges, {weights} parameters"
    yield f"  in   {_ends(graph.inputs)}"
    yield f"  out  {_ends(graph.outputs)}"
    if report.fused and report.fused.nodes != graph.nodes:
        yield f"  fused into {report.fused.nodes:,} nodes, {report.fused.edges:,} edges"


def _ends(ends: tuple[Endpoint, ...]) -> str:
    said = [f"{end.value} {shape_text(end.shape)} {end.dtype}" for end in ends[:3]]
    return ", ".join([*said, f"and {len(ends) - 3} more"] if len(ends) > 3 else said)


def _problems(report: Report, style: Style) -> Iterator[str]:
    for item in report.errors:
        yield f"{style('error', 'error')} {item.where}: {item.message}"


def _findings(findings: tuple[Finding, ...], most: int, style: Style) -> Iterator[str]:
    ranked = sorted(findings, key=lambda finding: -finding.severity.rank)
    loud = [finding for finding in ranked if finding.severity.rank > 0]
    quiet = [finding for finding in ranked if finding.severity.rank == 0]
    if not findings:
        return
    yield style("findings", "title")
    for finding in loud[:most]:
        yield f"  {style(f'{finding.severity.value} {finding.rule}', finding.severity.value)} {finding.message}"
    if len(loud) > most:
        yield f"  ... and {len(loud) - most} more"
    for rule, name, advice in dict.fromkeys((finding.rule, finding.name, finding.help) for finding in loud):
        yield f"  {rule} {name}: {advice}"
    for (rule, name), count in Counter((finding.rule, finding.name) for finding in quiet).items():
        said = style(f"info {rule}", "info")
        if most > MOST or count <= FEW:
            yield from (f"  {said} {item.message}" for item in quiet if item.rule == rule)
        else:
            yield f"  {said} {name}: {count} times (-v writes them out)"


def _merges(merges: tuple[Verdict, ...], most: int, *, every: bool, style: Style) -> Iterator[str]:
    if not merges:
        return
    counts = Counter(verdict.verdict for verdict in merges)
    yield f"{style('merges', 'title')}  {', '.join(f'{counts[name]} {name}' for name in ORDER if counts[name])}"
    ranked = sorted(merges, key=lambda verdict: ORDER.index(verdict.verdict)) if len(merges) > most else merges
    for verdict in ranked[:most]:
        shapes = " + ".join(dict.fromkeys(shape_text(item.shape) for item in verdict.inputs))
        good = verdict.verdict == "identical"
        said = style(verdict.verdict, "good" if good else "warning")
        only = {"conditional": "iff ", "broadcast": "runs only at "}.get(verdict.verdict)
        condition = f"{only}{verdict.condition}: " if only and verdict.condition else ""
        why = condition + "; ".join(verdict.why if every or not good else verdict.why[:1])
        yield f"  {verdict.node}  {said}  {shapes}{'  ' if why else ''}{style(why, 'dim')}"
    if len(merges) > most:
        yield f"  ... and {len(merges) - most} more"


def _requirements(found: tuple[Requirement, ...], most: int, *, every: bool, style: Style) -> Iterator[str]:
    """What else depends on sizes; what always works only where everything is asked for."""
    loud = [item for item in found if every or item.status != "always"]
    if not loud:
        return
    counts = Counter(item.status for item in loud)
    counted = ", ".join(f"{counts[name]} {name}" for name in STATUSES if counts[name])
    yield f"{style('requirements', 'title')}  {counted}"
    for item in sorted(loud, key=lambda item: STATUSES.index(item.status))[:most]:
        good = item.status == "always"
        where = f"works iff {item.condition}: " if item.condition else ""
        said = style(item.status, "good" if good else "warning")
        yield f"  {item.node}  {said}  {where}{style('; '.join(item.why), 'dim')}"
    if len(loud) > most:
        yield f"  ... and {len(loud) - most} more"


def _domain(domain: DomainSummary | None, style: Style) -> Iterator[str]:
    """The sizes that the model accepts, where any but the batch is open, or the batch is not free."""
    if domain is None or (set(domain.symbols) <= {"B"} and not domain.condition and not domain.unknown):
        return
    condition = "too many conditions to print" if domain.condition is None else domain.condition or "all"
    condition = "none" if condition == NEVER else condition
    smallest = ", ".join(
        f"{name} = {size}" for name, size in (domain.smallest or {}).items() if name != "B" or size != 1
    )
    beside = f"  (the smallest: {smallest})" if smallest and domain.condition else ""
    yield f"{style('sizes this model accepts', 'title')}  {condition}{beside}"
    if domain.unknown:
        yield f"  as far as is known: {_some(domain.unknown)} may ask for more"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"])


def fusion_lines(fusions: Sequence[Fusion], most: int, style: Style) -> Iterator[str]:
    """One line for each group of fusions into the same call."""
    groups: dict[str, list[str]] = {}
    for fusion in fusions:
        kind, config = fusion.becomes["kind"].rpartition(".")[2], fusion.becomes["config"]
        facts = ", ".join(f"{key}={config[key]}" for key in ("filters", "groups") if key in config)
        groups.setdefault(f"{len(fusion.replaces)} nodes -> {kind}({facts})  {fusion.known}", []).append(fusion.root)
    yield from _grouped("fusions", len(fusions), groups, most, style)


def refusal_lines(refusals: Sequence[Refusal], most: int, style: Style) -> Iterator[str]:
    """One line for each group of refusals for the same reason."""
    groups: dict[str, list[str]] = {}
    for refusal in refusals:
        groups.setdefault(f"{refusal.pattern}: {refusal.reason}", []).append(refusal.root)
    yield from _grouped("not fused", len(refusals), groups, most, style)


def note_lines(notes: Sequence[str], most: int, style: Style) -> Iterator[str]:
    """One line for each thing that the source does not tell."""
    if not notes:
        return
    yield style("notes", "title")
    yield from (f"  {note}" for note in notes[:most])
    if len(notes) > most:
        yield f"  ... and {len(notes) - most:,} more"


def _grouped(title: str, count: int, groups: dict[str, list[str]], most: int, style: Style) -> Iterator[str]:
    if not groups:
        return
    yield f"{style(title, 'title')}  {count}"
    for said, roots in list(groups.items())[:most]:
        names = roots if len(roots) <= 3 or most > MOST else [roots[0], "...", roots[-1]]
        times = f"  ({len(roots)} times)" if len(roots) > 1 else ""
        yield f"  {', '.join(names).replace(', ..., ', ' ... ')}  {said}{times}"
    if len(groups) > most:
        yield f"  ... and {len(groups) - most} more"


def _closing(report: Report, style: Style) -> str:
    if report.errors:
        what = "1 analysis" if len(report.errors) == 1 else f"{len(report.errors)} analyses"
        return style(f"{what} could not run: the model was not fully checked", "error")
    counts = Counter(finding.severity.value for finding in report.findings)
    said = [f"{counts[name]} {name}{'s' * (counts[name] != 1)}" for name in ("error", "warning") if counts[name]]
    return style(f"found {' and '.join(said)}", "error") if said else style("no problems found", "good")
