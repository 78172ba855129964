"""The report as one screen of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kgraph.findings import Endpoint, Finding, Fusion, Refusal, Report, Verdict

MOST = 12
"""Lines of one kind that are written out before the rest is counted."""

SHORT = {
    "identical": "identical",
    "conditional": "conditional",
    "broadcast": "broadcast",
    "incompatible": "incompatible",
    "unknown": "unknown",
}


def render(report: Report, *, every: bool = False) -> str:
    """The report as text, without colour.

    Args:
        report: what to write.
        every: write out every merge, fusion and refusal instead of folding what repeats.
    """
    most = 1_000_000 if every else MOST
    return "\n".join(_lines(report, most))


def _lines(report: Report, most: int) -> Iterator[str]:
    yield from _head(report)
    yield from _section("errors", [f"  {item.where}: {item.message}" for item in report.errors], most)
    yield from _findings(report.findings, most)
    yield from _section(_counted(report.merges), [_merge(verdict) for verdict in _folded(report.merges, most)], most)
    yield from _section("fusions", [_fusion(item) for item in report.fusions], most)
    yield from _section("not fused", [_refusal(item) for item in report.refusals], most)
    yield ""
    yield _verdict(report)


def _head(report: Report) -> Iterator[str]:
    graph = report.graph
    weights = "unknown number of" if graph.parameters is None else f"{graph.parameters:,}"
    yield f"{report.source.name}: {graph.nodes:,} calls, {graph.edges:,} tensors, {weights} parameters"
    yield f"  {_ends('in', graph.inputs)}   {_ends('out', graph.outputs)}"
    if report.fused and report.fused.nodes != graph.nodes:
        yield f"  fused: {report.fused.nodes:,} calls, {report.fused.edges:,} tensors"


def _ends(label: str, ends: tuple[Endpoint, ...]) -> str:
    said = [f"{end.value} {_shape(end.shape)}" for end in ends[:3]]
    more = [f"and {len(ends) - 3} more"] if len(ends) > 3 else []
    return f"{label}: {', '.join([*said, *more])}"


def _shape(shape: tuple[int | str | None, ...] | None) -> str:
    if shape is None:
        return "of unknown rank"
    return "(" + ", ".join("?" if extent is None else str(extent) for extent in shape) + ")"


def _section(title: str, lines: list[str], most: int) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield title
    yield from lines[:most]
    if len(lines) > most:
        yield f"  ... and {len(lines) - most} more"


def _findings(findings: tuple[Finding, ...], most: int) -> Iterator[str]:
    ranked = sorted(findings, key=lambda finding: -finding.severity.rank)
    shown = [finding for finding in ranked if finding.severity.rank > 0]
    notes = [finding for finding in ranked if finding.severity.rank == 0]
    lines: list[str] = []
    for finding in shown[:most]:
        lines += [f"  {finding.severity.value} {finding.rule} {finding.name}: {finding.message}"]
    if len(shown) > most:
        lines.append(f"  ... and {len(shown) - most} more")
    for rule in dict.fromkeys((finding.rule, finding.help) for finding in shown):
        lines.append(f"  {rule[0]}: {rule[1]}")
    for (rule, name), count in Counter((finding.rule, finding.name) for finding in notes).items():
        lines.append(f"  info {rule} {name}: {count} that {'look' if count > 1 else 'looks'} intended")
    yield from _section("findings", lines, len(lines))


def _counted(merges: tuple[Verdict, ...]) -> str:
    counts = Counter(verdict.verdict for verdict in merges)
    return "merges: " + ", ".join(f"{counts[name]} {name}" for name in SHORT if counts[name])


def _folded(merges: tuple[Verdict, ...], most: int) -> list[Verdict]:
    """What needs a look first."""
    order = ["incompatible", "broadcast", "conditional", "unknown", "identical"]
    return sorted(merges, key=lambda verdict: order.index(verdict.verdict)) if len(merges) > most else list(merges)


def _merge(verdict: Verdict) -> str:
    shapes = " + ".join(dict.fromkeys(_shape(item.shape) for item in verdict.inputs))
    why = f"  {'; '.join(verdict.why)}" if verdict.why else ""
    return f"  {verdict.node}  {verdict.verdict}  {shapes}{why}"


def _fusion(fusion: Fusion) -> str:
    kind = fusion.becomes["kind"].rpartition(".")[2]
    config = fusion.becomes["config"]
    facts = ", ".join(f"{key}={config[key]}" for key in ("filters", "groups") if key in config)
    return f"  {fusion.root}  {len(fusion.replaces)} calls -> {kind}({facts})  {fusion.known}"


def _refusal(refusal: Refusal) -> str:
    return f"  {refusal.root}  {refusal.pattern}: {refusal.reason}"


def _verdict(report: Report) -> str:
    if report.errors:
        return f"{len(report.errors)} analyses could not run: this model was not fully checked"
    counts = Counter(finding.severity.value for finding in report.findings)
    said = [f"{counts[name]} {name}{'s' if counts[name] != 1 else ''}" for name in ("error", "warning") if counts[name]]
    return f"found {' and '.join(said)}" if said else "no problems found"
