"""Where samples lie along an axis into which others are folded, and what reshapes, splits and repeats make of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kgraph.analysis.expressions import Expression, Extent, TooHardError, divided, symbols, times
from kgraph.analysis.extents import BATCH, Extents
from kgraph.graph import Slice
from kgraph.ops import Call, fields
from kgraph.ops.base import as_axes
from kgraph.ops.selecting import call_key

__all__ = ["FOLDING", "Samples", "crosses", "folded", "reshaped", "same", "times"]

FOLDING = ("ops.split", "ops.array_split", "ops.repeat", "ops.tile", "ops.get_item", "layers.Lambda", "ops.take")
"""Kinds that fold and unfold along one axis, some of the time."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Sample ``s`` lies at ``(block * B + s) * parts + part`` of an axis, for every block and every part.

    ``axis`` is None where no axis tells samples apart: then it is that of the tensor as one row.
    ``by`` is the call that put them there.
    """

    axis: int | None
    blocks: Extent = 1
    parts: Extent = 1
    by: str | None = field(default=None, compare=False)

    @property
    def extent(self) -> Extent:
        """How long the axis is."""
        return times(times(self.blocks, BATCH), self.parts)

    @property
    def is_plain(self) -> bool:
        """True where each place of the axis is a sample of its own."""
        return same(self.extent, BATCH)


def same(left: Extent, right: Extent) -> bool:
    """Whether two extents have one form."""
    return left.same(right) if isinstance(left, Expression) else left == right


def reshaped(where: Samples, entering: Extents, made: Extents) -> Samples | None:
    """Where the samples lie after the elements are dealt out to another shape in the same order; None if not known."""
    if where.axis is None:
        outer, inner = where.blocks, where.parts
    else:
        outer = times(product(entering[: where.axis]), where.blocks)
        inner = times(product(entering[where.axis + 1 :]), where.parts)
    for axis, extent in enumerate(made):
        blocks, parts = quotient(outer, product(made[:axis])), quotient(inner, product(made[axis + 1 :]))
        if blocks is not None and parts is not None and isinstance(extent, Expression):
            return Samples(axis, blocks, parts)  # what is left for this axis is theirs
    # Two sizes that are open may be multiples of each other, which is not looked into.
    numbers = [extent for extent in made if isinstance(extent, int)]
    rest = [extent for extent in made if isinstance(extent, Expression)]
    certain = len(rest) == 1 and symbols(rest[0]) == symbols(BATCH) and len(numbers) == len(made) - 1
    return Samples(None, outer, inner) if certain and isinstance(outer, int) and isinstance(inner, int) else None


def crosses(where: Samples, shape: Extents, axis: int) -> bool:
    """Whether an axis of a tensor whose samples are scattered leads from one sample to another."""
    stride = product(shape[axis + 1 :])
    within = quotient(where.parts, times(shape[axis], stride))
    beyond = quotient(stride, times(BATCH, where.parts))
    return within is None and beyond is None and shape[axis] != 1


def folded(call: Call, where: Samples) -> Samples | None:
    """What a call makes of samples along the axis that it splits, repeats or picks from; None where it is not that."""
    rank = len(call.operands[0].shape or ())
    if where.axis is None:
        return None
    if call.kind in ("ops.split", "ops.array_split"):
        sections = call.argument("indices_or_sections")
        blocks = quotient(where.blocks, sections) if fields.is_int(sections, 1) else None
        return replace(where, blocks=blocks) if blocks is not None and _along(call, rank) == where.axis else None
    if call.kind == "ops.repeat":
        count = call.argument("repeats")
        along = fields.is_int(count, 1) and _along(call, rank) == where.axis
        return replace(where, parts=times(where.parts, count)) if along else None
    if call.kind == "ops.tile":
        return _tiled(call, where, rank)
    return _picked(call, where, rank)


def _along(call: Call, rank: int) -> int | None:
    axes = as_axes(call.argument("axis"), rank)
    return axes[0] if axes is not None and len(axes) == 1 else None


def _tiled(call: Call, where: Samples, rank: int) -> Samples | None:
    given = call.argument("repeats")
    counts = (given,) if fields.is_int(given) else given
    if where.axis is None or not fields.ints("", counts) or min(counts, default=1) < 1:
        return None
    new = max(len(counts) - rank, 0)
    every = (1,) * (rank - len(counts)) + counts
    return replace(where, axis=where.axis + new, blocks=times(where.blocks, every[where.axis + new]))


def _picked(call: Call, where: Samples, rank: int) -> Samples | None:
    """One part of every sample, by a step that is their number."""
    key = call_key(call) if call.kind != "ops.take" else None
    if key is None or where.is_plain:
        return None
    old = [number for number, part in enumerate(key) if part is not None]
    mine = key[old[where.axis or 0]]
    if not isinstance(mine, Slice) or mine.step != where.parts or mine.stop is not None:
        return None
    if not isinstance(where.parts, int) or not 0 <= (mine.start or 0) < where.parts:
        return None
    axis = sum(not isinstance(part, int) for part in key[: old[where.axis or 0]])
    return replace(where, axis=axis, parts=1)


def product(extents: Iterable[Extent]) -> Extent:
    """The product of extents."""
    result: Extent = 1
    for extent in extents:
        result = times(result, extent)
    return result


def quotient(whole: Extent, divisor: Extent) -> Extent | None:
    """The exact quotient; None where there is none, or it is too hard to tell."""
    if divisor == 0:
        return None
    try:
        found = divided(whole, divisor)
    except TooHardError:
        return None
    return found if same(times(found, divisor), whole) else None
