"""What the rules of ``ops`` say of a call whose config may hold anything; which of its outputs are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kgraph.errors import SourceError
from kgraph.graph import Graph, Op, Spec, Value, Weight, is_shape, values
from kgraph.ops import call_of

Found = TypeVar("Found", Spec, Weight)


def inferred(
    infer: Callable[[Any], tuple[Found, ...] | None], op: Op, operands: tuple[Spec, ...]
) -> tuple[Found, ...] | None:
    """What ``infer_specs`` or ``infer_weights`` says of a call on operands of these specs.

    Raises:
        SourceError: the config does not fit the kind.
    """
    try:
        found = infer(call_of(op, operands))
        odd = [each for each in found or () if not _is_plain(each)]
        if odd:
            raise ValueError(f"the shape would be {odd[0].shape!r}")
        return found
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        what = f"the layer {op.layer!r}" if op.layer else "an operation"
        raise SourceError(f"{what} ({op.kind}) cannot be made of its config: {said}") from error


def _is_plain(found: Spec | Weight) -> bool:
    return isinstance(found.dtype, str) and (found.shape is None or is_shape(found.shape))  # pyright: ignore


def is_read(graph: Graph, node: str) -> tuple[bool, ...]:
    """By output of a call, whether anything takes it; one that nobody looks at may be empty."""
    if len(graph.ops[node].outputs) == 1:
        return (True,)
    given = set(values(graph.outputs))
    made = (Value(node, out) for out in range(len(graph.ops[node].outputs)))
    return tuple(bool(graph.users.get(value)) or value in given for value in made)
