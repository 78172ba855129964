"""What ``kgraph why`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from kgraph.analysis.chains import AxisStory, Chain, Why
from kgraph.findings import shape_text, to_plain
from kgraph.report.text import Style, plain, wrapped

MOST = 10
"""Steps of one chain that are written out; of longer ones the middle is left out."""


def render(why: Why, *, width: int = 100, style: Style = plain) -> str:
    """The story of a call as text: what is known of it, then per axis the calls that made the extent."""
    lines = list(_head(why, style))
    for group in _alike(why.axes):
        lines += ["", *_axes(group, style)]
    return "".join(f"{line}\n" for line in wrapped(lines, width))


def render_json(why: Why) -> str:
    """The same as JSON; no chain is shortened."""
    return json.dumps(to_plain(why), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _head(why: Why, style: Style) -> Iterator[str]:
    status, condition, said = _said(why)
    role = "good" if status in ("identical", "always") else "warning"
    shown = f"  {style(status, role)}" if status else ""
    yield f"{style(why.node, 'title')}  {why.kind.rpartition('.')[2]}{shown}  {shape_text(why.shape)}"
    if condition:
        yield f"  {'works' if why.verdict is None else 'the inputs are alike'} iff {condition}"
    yield from (f"  {sentence}" for sentence in said)


def _said(why: Why) -> tuple[str, str | None, tuple[str, ...]]:
    if why.verdict is not None:
        return why.verdict.verdict, why.verdict.condition, why.verdict.why
    if why.requirement is not None:
        return why.requirement.status, why.requirement.condition, why.requirement.why
    return "", None, ()


def _alike(axes: Sequence[AxisStory]) -> list[list[AxisStory]]:
    """Axes that went the same way are told as one."""
    groups: dict[object, list[AxisStory]] = {}
    for story in axes:
        way = tuple((strand.value, strand.extent is None, _way(strand.chain)) for strand in story.strands)
        groups.setdefault(way, []).append(story)
    return list(groups.values())


def _way(chain: Chain | None) -> object:
    if chain is None:
        return None
    steps = tuple((step.value, step.reason, step.unchanged, step.extent is None) for step in chain.steps)
    return steps, chain.cut, tuple(map(_way, chain.sources))


def _axes(group: list[AxisStory], style: Style) -> Iterator[str]:
    yield style(", ".join(story.name for story in group), "title")
    told: set[tuple[str, int]] = set()
    for number, strand in enumerate(group[0].strands):
        strands = [story.strands[number] for story in group]
        extents = _extents([each.extent for each in strands])
        chains = [each.chain for each in strands if each.chain is not None]
        first = chains[0].steps[0] if chains else None
        if first is None or first.value != strand.value:
            missing = not chains and strand.extent is None
            yield f"  {strand.value}  {'has no such axis' if missing else extents}"
            first = None
        if chains:
            yield from _chain(chains, told, "  ", "" if first else "  <- ")


def _extents(extents: Sequence[int | str | None]) -> str:
    """``?`` for a size that has no name."""
    return ", ".join(dict.fromkeys("?" if extent is None else str(extent) for extent in extents))


def _chain(chains: list[Chain], told: set[tuple[str, int]], indent: str, first: str = "") -> Iterator[str]:
    """The chains of several axes that went the same way; what stands above is not told again."""
    count = len(chains[0].steps)
    for number, step in enumerate(chains[0].steps):
        arrow = first if number == 0 else "  <- "
        if (step.value, step.axis) in told:
            yield f"{indent}{arrow}{step.value}, as above{_unchanged(step.unchanged)}"
            return
        told.add((step.value, step.axis))
        if count > MOST and number == MOST // 2:
            yield f"{indent}  <- ... {count - 2 * (MOST // 2)} more ..."
        if count <= MOST or not MOST // 2 <= number < count - MOST // 2:
            extents = _extents([chain.steps[number].extent for chain in chains])
            yield f"{indent}{arrow}{step.value}  {extents}  ({step.reason}){_unchanged(step.unchanged)}"
    if chains[0].cut:
        yield f"{indent}  <- ..."
    for part in range(len(chains[0].sources)):
        yield from _chain([chain.sources[part] for chain in chains], told, f"{indent}    ", "of ")


def _unchanged(calls: int) -> str:
    return f", unchanged through {calls} call{'s' * (calls != 1)}" if calls else ""
