"""How the operands of a call fit each other when it runs; an extent that is not known (None) is taken to fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kgraph.graph import Constant, Slot
from kgraph.ops.base import Call
from kgraph.ops.extents import Extent

Shape = tuple[Extent, ...]
Answer = bool | None
"""Whether a call that Keras builds runs and gives what was recorded; None where that cannot be told."""


def every(answers: Iterable[Answer]) -> Answer:
    """Whether all of them hold."""
    undecided = False
    for answer in answers:
        if answer is False:
            return False
        undecided = undecided or answer is None
    return None if undecided else True


def same(left: Extent, right: Extent) -> bool:
    """Whether two extents may be the same."""
    return left is None or right is None or left == right


def same_or_one(left: Extent, right: Extent) -> bool:
    """The same, or where one of them is 1."""
    return same(left, right) or left == 1 or right == 1


def unless_stretched(left: Extent, right: Extent) -> Answer:
    """True for the same, and None where one of them is 1: some backends stretch it and some orders of axes do not."""
    return True if same(left, right) else None if left == 1 or right == 1 else False


def up_to(extent: Extent, most: Extent) -> bool:
    """Whether an extent is no larger than another."""
    return extent is None or most is None or extent <= most


def operands(call: Call, *names: str) -> list[Shape] | None:
    """The shapes of arguments that are tensors or arrays; None where one is neither, or is of unknown rank."""
    given = [call.arguments.get(name) for name in names]
    found = [call.operands[each.index].shape if isinstance(each, Slot) else constant(each) for each in given]
    return None if None in found else [shape for shape in found if shape is not None]


def constant(value: Any) -> Shape | None:
    """The shape of an array constant; None of anything else."""
    return value.shape if isinstance(value, Constant) else None
