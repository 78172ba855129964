"""Reports on many sources: what was found, a line each, and the count. Silent on what is clean."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from kgraph.findings import Report, Severity
from kgraph.report.text import Style, plain


def render(reports: Sequence[Report], *, every: bool = False, style: Style = plain) -> str:
    """One line a finding or error, ``source: severity rule message``, in the order of the sources; then the count.

    Args:
        reports: one for each source.
        every: also write what is only worth noting (info), and what the sources do not tell.
        style: colours words.
    """
    lines = [line for report in reports for line in _lines(report, every=every, style=style)]
    return "\n".join([*lines, _closing(reports, style)])


def render_json(reports: Sequence[Report]) -> str:
    """A JSON array of the reports, in the order of the sources."""
    return json.dumps([report.to_dict() for report in reports], indent=2, ensure_ascii=False, allow_nan=False)


def _lines(report: Report, *, every: bool, style: Style) -> Iterator[str]:
    name = style(report.source.path or report.source.name, "title")
    for problem in report.errors:
        yield f"{name}: {style('error', 'error')} {problem.message}"
    for finding in sorted(report.findings, key=lambda finding: -finding.severity.rank):
        if every or finding.severity is not Severity.INFO:
            said = style(f"{finding.severity.value} {finding.rule}", finding.severity.value)
            yield f"{name}: {said} {finding.message}"
    for note in report.notes if every else ():
        yield f"{name}: {style('note', 'info')} {note}"


def _closing(reports: Sequence[Report], style: Style) -> str:
    counts = Counter(finding.severity for report in reports for finding in report.findings)
    said = [f"{counts[level]:,} {level}{'s' * (counts[level] != 1)}" for level in reversed(Severity) if counts[level]]
    unread = sum(bool(report.errors) for report in reports)
    found = style(", ".join(said), "title") if said else style("nothing found", "good")
    failed = style(f"; {unread:,} could not be analysed", "error") if unread else ""
    return f"{len(reports):,} sources checked: {found}{failed}"
