"""Slices that a summary shows only as Lambdas or subscripts: assumed where everything around them fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kgraph.frontends.assemble import Call, Ref
from kgraph.graph import FrozenDict, Function, Shape, Slice, leaves
from kgraph.ops import complete

SLICES = ("layers.Lambda", "ops.get_item")
CONVOLUTIONS = ("layers.Conv1D", "layers.Conv2D", "layers.Conv3D")


def with_slices(calls: list[Call], notes: list[str]) -> list[Call]:
    """The calls, with selections in the Lambdas of every split-convolve-concatenate group.

    N Lambdas on one tensor, of equal widths that add up to its extent, each read by one convolution of its own, these
    joined in the order of the Lambdas by one Concatenate: such Lambdas are taken to be the slices in order.
    """
    users: dict[int, list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        for ref in _refs(call):
            users[ref.call].append(number)
    found = list(calls)
    groups: list[list[int]] = []
    for number, call in enumerate(calls):
        if call.kind != "layers.Concatenate":
            continue
        lambdas = _group(calls, users, number)
        chosen = _slices(calls, lambdas)
        if chosen is None:
            continue
        for place, selection in zip(lambdas, chosen, strict=True):
            function = Function(selection=selection, known="assumed", note="a summary does not show what it selects")
            found[place] = _with_function(calls[place], function)
        groups.append(lambdas)
    if groups:
        names = f"{calls[groups[0][0]].name} ... {calls[groups[-1][-1]].name}"
        what = f"{sum(map(len, groups)):,} calls in {len(groups):,} group{'s' * (len(groups) > 1)} ({names})"
        notes.append(f"what {what} select is not told: they are assumed to be slices in order, as all around them fits")
    return found


def _with_function(call: Call, function: Function) -> Call:
    if call.kind == "layers.Lambda":
        return replace(call, config=complete(call.kind, FrozenDict(function=function, dtype="unknown")))
    return replace(call, arguments=FrozenDict({**call.arguments, "key": function}))


def _refs(call: Call) -> list[Ref]:
    return [leaf for leaf in leaves(call.arguments) if isinstance(leaf, Ref)]


def _group(calls: Sequence[Call], users: Mapping[int, list[int]], root: int) -> list[int]:
    """The Lambdas behind the convolutions that are joined; empty where anything else is."""
    lambdas: list[int] = []
    for ref in _refs(calls[root]):
        before = _refs(calls[ref.call]) if calls[ref.call].kind in CONVOLUTIONS else []
        alone = len(before) == 1 and users[ref.call] == [root] and users[before[0].call] == [ref.call]
        if not alone or calls[before[0].call].kind not in SLICES or len(_refs(calls[before[0].call])) != 1:
            return []
        lambdas.append(before[0].call)
    ordered = sorted(set(lambdas)) == lambdas and len(lambdas) > 1
    sources = {_refs(calls[place])[0] for place in lambdas}
    return lambdas if ordered and len(sources) == 1 else []


def _slices(calls: Sequence[Call], lambdas: Sequence[int]) -> list[tuple[object, ...]] | None:
    """What each Lambda selects, if equal widths along one axis add up to the extent of the tensor that all read."""
    if not lambdas:
        return None
    source = _refs(calls[lambdas[0]])[0]
    whole = calls[source.call].outputs[source.out].shape
    parts = {call.outputs[0].shape for call in (calls[place] for place in lambdas)}
    axis = _axis(whole, parts.pop() if len(parts) == 1 else None, len(lambdas))
    if axis is None or whole is None:
        return None
    width = (whole[axis] or 0) // len(lambdas)
    before: tuple[object, ...] = (...,) if axis == len(whole) - 1 else (Slice(),) * axis
    return [(*before, Slice(at * width, (at + 1) * width)) for at in range(len(lambdas))]


def _axis(whole: Shape, part: Shape, count: int) -> int | None:
    if whole is None or part is None or len(whole) != len(part):
        return None
    found = [axis for axis, pair in enumerate(zip(whole, part, strict=True)) if pair[0] != pair[1]]
    if len(found) != 1 or found[0] == 0:
        return None
    extent, width = whole[found[0]], part[found[0]]
    return found[0] if extent is not None and width is not None and width * count == extent else None
