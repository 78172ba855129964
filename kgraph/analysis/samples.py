"""Where the samples of a batch lie in each tensor, and the calls that make them depend on each other.

A tensor's samples lie along one axis, each in one or more places: a ``TimeDistributed``-like reshape folds other axes
into the batch, a window partition too, and what is folded can be unfolded again. That is followed exactly, so that a
call is only said to mix samples where it does. Of a tensor that is not followed nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kgraph.analysis import folding
from kgraph.analysis.batches import collision, collisions
from kgraph.analysis.expressions import Extent
from kgraph.analysis.extents import ABSENT, BATCH, Extents, extents, kept_axes, lined_up, measured, merge_inputs
from kgraph.analysis.folding import Samples
from kgraph.analysis.formulas import equal, every
from kgraph.analysis.integers import implies
from kgraph.analysis.requirements import given
from kgraph.graph import Graph, Slot, Value, memoised, values
from kgraph.ops import Call, call_of, knowledge
from kgraph.ops.meeting import Product, attended, joined_axis, new_axis, product_of
from kgraph.ops.mixing import combined, takes_batch_first

SHAPED = ("ops.ones_like", "ops.zeros_like", "ops.full_like", "ops.empty_like")
"""Kinds that look at a tensor's shape alone."""

RESHAPES = ("ops.reshape", "ops.ravel", "layers.Reshape", "layers.Flatten")
"""Kinds that keep the order of the elements; the layers keep axis 0 whatever it holds."""

NEW_AXES = ("ops.expand_dims", "ops.squeeze")
"""The same, but that they keep axes apart."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """A call that makes samples depend on each other.

    Attributes:
        value, axis: the tensor whose batch it is, and along which axis; None where samples are scattered over several.
        how: ``alone`` (along the batch of one tensor), ``whole`` (down to a single number), ``summed`` (a product,
            over the batch), ``pairs`` (each sample of one tensor meets every sample of another), ``order`` (two tensors
            that hold their samples in different order meet) or ``cut`` (``by`` has cut the samples apart).
    """

    node: str
    value: Value
    axis: int | None
    how: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """What is known of a graph's samples: by value where they lie, and the calls that mix them."""

    samples: Mapping[Value, Samples]
    mixings: tuple[Mixing, ...]


@memoised
def traced(graph: Graph) -> Traced:
    """Follows the samples of every input whose batch is open."""
    found: dict[Value, Samples] = {}
    mixings: list[Mixing] = []
    met = {node for node, _ in collisions(graph)}
    for node, op in graph.ops.items():
        if op.is_input:
            shape = measured(graph)[node].outputs[0]
            if shape and shape[0] == BATCH:
                found[Value(node)] = Samples(0)
            continue
        entering = [found.get(value) for value in graph.operands[node]]
        if node in met or not any(entering):
            continue
        result = _made(graph, node, entering)
        if isinstance(result, Mixing):
            if _is_read(graph, node):
                mixings.append(result)
            continue
        for out, where in enumerate(result):
            if where is not None and _is_there(graph, Value(node, out), where):
                found[Value(node, out)] = where
    return Traced(found, tuple(mixings))


@memoised
def astray(graph: Graph) -> tuple[tuple[Value, Samples], ...]:
    """The model's outputs that do not hold one sample in each place of axis 0, and where they hold them."""
    found = {value: traced(graph).samples.get(value) for value in values(graph.outputs)}
    return tuple((value, where) for value, where in found.items() if where is not None and where != Samples(0))


Result = Sequence[Samples | None] | Mixing
NOT_KNOWN: Sequence[Samples | None] = ()


def _is_read(graph: Graph, node: str) -> bool:
    """Whether anything depends on what a call makes, and not on its shape alone."""
    made = [Value(node, out) for out in range(len(graph.ops[node].outputs))]
    users = [user for value in made for user, _ in graph.users.get(value, ())]
    is_output = any(value in made for value in values(graph.outputs))
    return is_output or any(graph.ops[user].kind not in SHAPED for user in users)


def _is_there(graph: Graph, value: Value, where: Samples) -> bool:
    """Whether the axis has the extent that it has if the samples lie there, at every size that the call takes."""
    shape = extents(graph, value)
    if shape is None or where.axis is None:
        return shape is not None
    if where.axis >= len(shape) or folding.same(shape[where.axis], where.extent):
        return where.axis < len(shape)
    works = every((given(graph, value.node), measured(graph)[value.node].works))
    return implies(works, equal(shape[where.axis], where.extent)) is True


def _made(graph: Graph, node: str, entering: list[Samples | None]) -> Result:
    op = graph.ops[node]
    call = call_of(op, graph.operand_specs(node))
    if entering == [Samples(0)] and op.kind not in folding.FOLDING and takes_batch_first(call):
        return entering * len(op.outputs)  # most calls of most models
    if knowledge(op.kind).merge or op.kind == "ops.where":
        return _merged(graph, node, entering)
    product = product_of(call)
    if product is not None:
        return _multiplied(graph, node, product, entering)
    if len(entering) == 1 and entering[0] is not None:
        return _alone(graph, node, call, entering[0])
    first = entering[0]
    if first is None or any(where != first for where in entering):
        return NOT_KNOWN
    return _together(graph, node, call, first)


def _alone(graph: Graph, node: str, call: Call, where: Samples) -> Result:
    """A call of one tensor."""
    value = graph.operands[node][0]
    entering, made = extents(graph, value), extents(graph, Value(node))
    if entering is None or made is None:
        return NOT_KNOWN
    if call.kind in RESHAPES and not (where.axis == 0 and call.kind.startswith("layers.")):
        return [_stamped(node, where, folding.reshaped(where, entering, made))]
    if call.kind in NEW_AXES and where.axis is None:
        return [where]
    if call.kind in folding.FOLDING:
        outputs = len(graph.ops[node].outputs)
        folded = folding.folded(call, where)
        if folded is not None:
            return [_stamped(node, where, folded)] * outputs
    axes = combined(call)
    if where.axis is None:
        return _scattered(node, value, axes, where, entering, made)
    if axes is not None and where.axis in axes:
        if not where.is_plain and call.kind in folding.FOLDING:
            return NOT_KNOWN  # it may pick whole samples' parts
        whole = all(extent == 1 for extent in made)
        return Mixing(node, value, where.axis, "whole" if whole else "alone", where.by)
    if where.axis == 0 and takes_batch_first(call):
        return [where] * len(graph.ops[node].outputs)
    if axes is None:
        return NOT_KNOWN
    return [_moved(graph, Value(node, out), where, axes) for out in range(len(graph.ops[node].outputs))]


def _scattered(
    node: str, value: Value, axes: frozenset[int] | None, where: Samples, entering: Extents, made: Extents
) -> Result:
    """Samples that no one axis tells apart: what is done to rows within a sample leaves them as they are."""
    if axes is None:
        return NOT_KNOWN
    if any(folding.crosses(where, entering, axis) for axis in axes):
        return Mixing(node, value, None, "cut", where.by)
    if not axes and entering == made:
        return [where]
    if entering[:-1] != made[:-1] or axes - {len(made) - 1}:
        return NOT_KNOWN
    rows = folding.quotient(where.parts, entering[-1])
    return NOT_KNOWN if rows is None else [replace(where, parts=folding.times(rows, made[-1]))]


def _moved(graph: Graph, value: Value, where: Samples, axes: frozenset[int]) -> Samples | None:
    """The samples of a call's one operand, at the axis that has the extent of theirs.

    Of calls that do not say which one it is, those are left that keep all axes, or lose those along which they work.
    """
    origins = kept_axes(graph, value)
    for axis, origin in enumerate(origins):
        if origin is not None and origin[1] == where.axis:
            return _stamped(value.node, where, replace(where, axis=axis))
    rank = len(extents(graph, graph.operands[value.node][0]) or ())
    if where.axis is None or not axes or any(origins):
        return None
    if len(origins) == rank:
        return where
    gone = sum(axis < where.axis for axis in axes)
    return (
        _stamped(value.node, where, replace(where, axis=where.axis - gone))
        if len(origins) + len(axes) == rank
        else None
    )


def _stamped(node: str, before: Samples, after: Samples | None) -> Samples | None:
    """With the call that last put the samples elsewhere; nobody has where they are as in an input."""
    if after is None or after == before:
        return after and before
    return replace(after, by=None if after == Samples(0) else node)


# --- several tensors ----------------------------------------------------------------------------------------------


def _merged(graph: Graph, node: str, entering: list[Samples | None]) -> Result:
    """Of an elementwise merge all tensors hold their samples in the same places of the output, or it is not known."""
    operands = merge_inputs(graph, node)
    lined = lined_up(graph.ops[node], operands)
    known: dict[Value, Samples | None] = dict(zip(graph.operands[node], entering, strict=True))
    if lined is None or collision(graph, node) is not None:
        return NOT_KNOWN
    where = next(found for found in entering if found is not None)
    if where.axis is None:
        alike = all(known.get(each.value) == where if each.value else not each.extents for each in operands)
        shapes = {each.extents for each in operands}
        return [where] if alike and len(shapes) == 1 else NOT_KNOWN
    places = [
        _lined(known[operand.value], [row[number] for row in lined])
        for number, operand in enumerate(operands)
        if operand.value is not None
    ]
    first = places[0]
    if first is None or first.axis is None or None in places:
        return NOT_KNOWN
    if any(place is not None and place.axis != first.axis for place in places):
        return Mixing(node, graph.operands[node][0], first.axis, "pairs", first.by)
    arrays = (lined[first.axis][number] for number, operand in enumerate(operands) if operand.value is None)
    if any(extent not in (1, ABSENT) for extent in arrays):
        return NOT_KNOWN
    if any(place != first for place in places):
        return Mixing(node, graph.operands[node][-1], first.axis, "order", first.by)
    return [_stamped(node, where, first)]


def _lined(where: Samples | None, rows: list[Extent]) -> Samples | None:
    """Samples of an operand, at the axis of the output on which theirs lies; None where that is not known."""
    if where is None or where.axis is None:
        return None
    own = [axis for axis, extent in enumerate(rows) if extent != ABSENT]
    return replace(where, axis=own[where.axis])


def _multiplied(graph: Graph, node: str, product: Product, entering: list[Samples | None]) -> Result:
    """A sum of products: samples stay apart where they lie along one letter that is written."""
    letters: dict[object, tuple[Value, Samples]] = {}
    for operand, read in zip(product.operands, product.read, strict=True):
        if not isinstance(operand, Slot):
            continue
        where, value = entering[operand.index], graph.operands[node][operand.index]
        if where is not None and where.axis is not None and read[where.axis] not in product.written:
            return Mixing(node, value, where.axis, "summed", where.by)
        if where is None or where.axis is None:
            return NOT_KNOWN
        letters.setdefault(read[where.axis], (value, where))
    if len(letters) > 1:
        value, where = list(letters.values())[-1]
        return Mixing(node, value, where.axis, "pairs", where.by)
    letter, (_, where) = next(iter(letters.items()))
    return [_stamped(node, where, replace(where, axis=product.written.index(letter)))]


def _together(graph: Graph, node: str, call: Call, where: Samples) -> Result:
    """Several tensors that hold their samples alike."""
    joined, new = joined_axis(call), new_axis(call)
    outputs = len(graph.ops[node].outputs)
    if where.axis is None:
        return NOT_KNOWN
    if joined is not None:
        count = len(graph.operands[node]) if joined == where.axis else 1
        return [_stamped(node, where, replace(where, blocks=folding.times(where.blocks, count)))]
    if new is not None:
        return [_stamped(node, where, replace(where, axis=where.axis + (new <= where.axis)))]
    attends = attended(call)
    if attends is not None and where.axis in attends:
        return Mixing(node, graph.operands[node][0], where.axis, "alone", where.by)
    if attends is not None and not attends:
        return NOT_KNOWN
    return [where] * outputs if where.axis == 0 and takes_batch_first(call) else NOT_KNOWN
