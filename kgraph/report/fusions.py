"""What ``kgraph fuse`` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kgraph.findings import FusedSummary, Fusion, Refusal, to_plain
from kgraph.report.text import fusion_lines, plain, refusal_lines

EVERY = 10**9


def render(before: FusedSummary, after: FusedSummary, fusions: Sequence[Fusion], refusals: Sequence[Refusal]) -> str:
    """The fusions and refusals as text."""
    lines = [f"{before.nodes:,} nodes, {before.edges:,} edges -> {after.nodes:,} nodes, {after.edges:,} edges"]
    lines += fusion_lines(fusions, EVERY, plain)
    lines += refusal_lines(refusals, EVERY, plain)
    return "".join(f"{line}\n" for line in lines)


def render_json(
    before: FusedSummary, after: FusedSummary, fusions: Sequence[Fusion], refusals: Sequence[Refusal]
) -> str:
    """The same as JSON, with the field names of the report."""
    found = {"graph": before, "fused": after, "fusions": fusions, "refusals": refusals}
    return json.dumps(to_plain(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
