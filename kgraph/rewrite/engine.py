"""Runs patterns over a graph and guards what every rewrite must keep."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from kgraph.errors import GraphError, RewriteError
from kgraph.findings import Fusion, Refusal
from kgraph.graph import Graph, Op, Value, values
from kgraph.rewrite import patterns as package
from kgraph.rewrite.base import Match, Outcome, Pattern, Refused, Replacement
from kgraph.rewrite.weights import Stacked

SWEEPS = 100
"""Far more than any graph needs: past it a pattern undoes what another does."""


@functools.cache
def discovered() -> tuple[Pattern, ...]:
    """Every pattern of kgraph, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(cast(Pattern, importlib.import_module(f"{package.__name__}.{name}")) for name in names)


def rewrite(graph: Graph, patterns: Iterable[Pattern] | None = None) -> Outcome:
    """Applies patterns until nothing changes.

    Each sweep finds all matches, takes those that do not overlap, and rebuilds the graph once.

    Raises:
        RewriteError: a pattern would change an output's spec, make a cycle, or does not settle.
    """
    chosen = discovered() if patterns is None else tuple(patterns)
    applied: list[Fusion] = []
    weights: dict[str, tuple[Stacked, ...]] = {}
    for _ in range(SWEEPS):
        matches, refused = _sweep(graph, chosen)
        if not matches:
            return Outcome(graph, tuple(applied), tuple(refused), weights)
        graph, fusions, stacked = _apply(graph, matches)
        applied.extend(fusions)
        weights.update(stacked)
    names = ", ".join(sorted({pattern.NAME for pattern, _ in _sweep(graph, chosen)[0]}))
    raise RewriteError(f"the graph still changes after {SWEEPS} sweeps; the patterns that do not settle: {names}")


def _sweep(graph: Graph, patterns: tuple[Pattern, ...]) -> tuple[list[tuple[Pattern, Match]], list[Refusal]]:
    matches: list[tuple[Pattern, Match]] = []
    refused: list[Refusal] = []
    claimed: set[str] = set()
    outputs = frozenset(values(graph.outputs))
    for root, op in graph.ops.items():
        for pattern in patterns:
            if op.kind not in pattern.ANCHOR:
                continue
            found = pattern.match(graph, root)
            if isinstance(found, Match):
                found = _leak(graph, found, outputs) or found
            if isinstance(found, Refused):
                refused.append(Refusal(pattern.NAME, root, found.reason, found.nodes))
            elif found is not None and claimed.isdisjoint(found.nodes):
                claimed.update(found.nodes)
                matches.append((pattern, found))
    return matches, refused


def _leak(graph: Graph, match: Match, outputs: frozenset[Value]) -> Refused | None:
    """A refusal if a tensor between the branches' ends is used by anything else."""
    inside = set(match.nodes)
    for node in match.nodes:
        if node == match.root:
            continue
        for out in range(len(graph.ops[node].outputs)):
            value = Value(node, out)
            if value in outputs:
                return Refused(f"{value} is also an output of the model, so it cannot be folded away", (node,))
            other = next((user for user, _ in graph.users.get(value, ()) if user not in inside), None)
            if other is not None:
                return Refused(f"{value} is also used by {other}, so it cannot be folded away", (node, other))
    return None


def _apply(
    graph: Graph, matches: list[tuple[Pattern, Match]]
) -> tuple[Graph, list[Fusion], Mapping[str, tuple[Stacked, ...]]]:
    """One rebuild with all matches replaced."""
    ops: dict[str, Op] = dict(graph.ops)
    operands: dict[str, tuple[Value, ...]] = dict(graph.operands)
    fusions: list[Fusion] = []
    weights: dict[str, tuple[Stacked, ...]] = {}
    for pattern, match in matches:
        replacement = pattern.replace(graph, match)
        _guard(graph, pattern, match, replacement)
        for node in match.nodes:
            del ops[node], operands[node]
        layer = match.root if replacement.op.kind.startswith("layers.") else None
        fused = replace(replacement.op, layer=layer, replaces=_replaced(graph, match), known=match.known)
        ops[match.root], operands[match.root] = fused, replacement.operands
        weights[match.root] = replacement.weights
        becomes: dict[str, Any] = {"kind": fused.kind, "config": dict(fused.config)}
        fusions.append(Fusion(pattern.NAME, match.root, fused.replaces, becomes, match.known))
    try:
        return Graph(ops, operands, graph.inputs, graph.outputs, graph.name), fusions, weights
    except GraphError as error:
        names = ", ".join(sorted({pattern.NAME for pattern, _ in matches}))
        raise RewriteError(f"the rewrite by {names} would break the graph: {error}") from error


def _guard(graph: Graph, pattern: Pattern, match: Match, replacement: Replacement) -> None:
    before, after = graph.ops[match.root].outputs, replacement.op.outputs
    if before != after:
        raise RewriteError(f"{pattern.NAME} at {match.root} would change its outputs from {before} to {after}")


def _replaced(graph: Graph, match: Match) -> tuple[str, ...]:
    """The calls of the graph as extracted: a fused call stands for those that it replaced itself."""
    return tuple(name for node in match.nodes for name in (graph.ops[node].replaces or (node,)))
