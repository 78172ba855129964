"""Which axes of a call's operands lie against each other: Keras raises unless they are the same, or stretches one.

Elementwise merges and ``where`` apart, of which ``elementwise`` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from kgraph.graph import Constant, Slot
from kgraph.ops import is_known
from kgraph.ops.base import Call, as_axes
from kgraph.ops.selecting import concat_axis

Operand = Slot | Constant
Place = tuple[Operand, int]
"""An axis of an operand."""

Letters = tuple[Hashable, ...]
"""One name an axis; axes of one name lie against each other."""


@dataclass(frozen=True, slots=True)
class Product:
    """A sum of products, as ``einsum`` has it: what is ``read`` of each operand and not ``written`` is summed over."""

    operands: tuple[Operand, ...]
    read: tuple[Letters, ...]
    written: Letters


def product_of(call: Call) -> Product | None:
    """What a call multiplies and sums; None where it does nothing of the kind, or this is not known."""
    rule = _PRODUCTS.get(call.kind)
    return None if rule is None or not is_known(call) else rule(call)


def meetings(call: Call) -> tuple[tuple[Place, ...], ...]:
    """The axes that lie against each other, group by group; () where none do, or this is not known."""
    product = product_of(call)
    if product is not None:
        return _of_letters(product.operands, product.read)
    rule = _NAMED.get(call.kind)
    named = None if rule is None or not is_known(call) else rule(call)
    return () if named is None else _of_letters(*named)


def attended(call: Call) -> range | None:
    """The axes along which positions of query, value and key attend to each other; None where it does nothing such.

    Where Keras is given what has no such axis but the batch, that is what it attends along.
    """
    rank = len(call.operands[0].shape or ())
    if call.kind not in ATTENTION or call.config.get("attention_axes") or not is_known(call):
        return None
    if call.kind in ("layers.Attention", "layers.AdditiveAttention"):
        return range(rank - 2, rank - 1)
    return range(1, 2) if call.kind == "ops.dot_product_attention" else range(1, rank - 1)


def joined_axis(call: Call) -> int | None:
    """The axis along which tensors of one rank are joined; None where there is none."""
    ranks = {rank_of(call, operand) for operand in _listed(call)}
    if len(ranks) != 1 or not is_known(call):
        return None
    if call.kind in ("layers.Concatenate", "ops.concatenate"):
        axis = call.config["axis"] if call.kind == "layers.Concatenate" else call.argument("axis")
        return concat_axis(call) if as_axes(axis, max(ranks)) is not None else None
    return {"ops.vstack": 0, "ops.hstack": 1}.get(call.kind) if max(ranks) > 1 else None


def new_axis(call: Call) -> int | None:
    """The axis that a stack adds; None for any other call."""
    listed = _listed(call)
    if call.kind != "ops.stack" or not listed or not is_known(call):
        return None
    found = as_axes(call.argument("axis"), rank_of(call, listed[0]) + 1)
    return None if found is None or len(found) != 1 else found[0]


def rank_of(call: Call, operand: Operand) -> int:
    """How many axes an operand has."""
    return len(operand.shape if isinstance(operand, Constant) else call.operands[operand.index].shape or ())


def _of_letters(operands: tuple[Operand, ...], read: tuple[Letters, ...]) -> tuple[tuple[Place, ...], ...]:
    groups: dict[Hashable, list[Place]] = {}
    for operand, letters in zip(operands, read, strict=True):
        for axis, letter in enumerate(letters):
            groups.setdefault(letter, []).append((operand, axis))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


# --- sums of products ---------------------------------------------------------------------------------------------


def _pair(call: Call) -> tuple[tuple[Operand, Operand], int, int] | None:
    """Two tensors or arrays with at least one axis each, and how many they have."""
    found = tuple(call.arguments.get(name) for name in ("x1", "x2"))
    operands = tuple(value for value in found if isinstance(value, (Slot, Constant)))
    if len(operands) != 2:
        return None
    left, right = (rank_of(call, operand) for operand in operands)
    return ((operands[0], operands[1]), left, right) if left and right else None


def _matmul(call: Call) -> Product | None:
    found = _pair(call)
    if found is None:
        return None
    operands, left, right = found
    leading = tuple(range(max(left, right) - 2, 0, -1))  # counted from the matrices
    rows: Letters = ("row",) if left > 1 else ()
    columns: Letters = ("column",) if right > 1 else ()
    first = (*_behind(leading, left - 2), *rows, "summed")
    second = (*_behind(leading, right - 2), "summed", *columns)
    return Product(operands, (first, second), (*leading, *rows, *columns))


def _behind(letters: Letters, number: int) -> Letters:
    return letters[len(letters) - number :] if number > 0 else ()


def _apart(operands: tuple[Operand, Operand], left: int, right: int, summed: dict[int, int]) -> Product:
    """Of all axes but those that are summed over, by axis of the first the one of the second."""
    first: Letters = tuple(("summed", axis) if axis in summed else ("first", axis) for axis in range(left))
    back = {other: axis for axis, other in summed.items()}
    second: Letters = tuple(("summed", back[axis]) if axis in back else ("second", axis) for axis in range(right))
    written = (letter for letter in (*first, *second) if letter not in {("summed", axis) for axis in summed})
    return Product(operands, (first, second), tuple(written))


def _dot(call: Call) -> Product | None:
    found = _pair(call)
    return None if found is None else _apart(*found, {found[1] - 1: max(found[2] - 2, 0)})


def _inner(call: Call) -> Product | None:
    found = _pair(call)
    return None if found is None else _apart(*found, {found[1] - 1: found[2] - 1})


def _tensordot(call: Call) -> Product | None:
    found, axes = _pair(call), call.argument("axes")
    if found is None:
        return None
    operands, left, right = found
    if type(axes) is int:
        count = max(axes, 0)
        return _apart(*found, {left - count + n: n for n in range(count)}) if count <= min(left, right) else None
    pair: Any = axes if isinstance(axes, tuple) and len(axes) == 2 else (None, None)  # pyright: ignore
    first, second = as_axes(pair[0], left), as_axes(pair[1], right)
    if first is None or second is None or not len(first) == len(second) == len(set(first)) == len(set(second)):
        return None
    return _apart(operands, left, right, dict(zip(first, second, strict=True)))


def _einsum(call: Call) -> Product | None:
    given: Any = call.arguments.get("*operands")
    values: tuple[Any, ...] = given if isinstance(given, tuple) else ()  # pyright: ignore[reportUnknownVariableType]
    operands = tuple(value for value in values if isinstance(value, (Slot, Constant)))
    read, arrow, written = str(call.argument("subscripts")).replace(" ", "").partition("->")
    terms = tuple(tuple(term) for term in read.split(","))
    if not arrow or len(terms) != len(values) or len(operands) != len(terms) or not set(written) <= set(read):
        return None
    plain = all("".join(term).isalpha() and len(set(term)) == len(term) for term in (*terms, written or "a"))
    fits = all(len(term) == rank_of(call, operand) for term, operand in zip(terms, operands, strict=True))
    return Product(operands, terms, tuple(written)) if plain and fits else None


def _layer_dot(call: Call) -> Product | None:
    """Axis 0 of both is the batch, and not summed over."""
    operands, axes = _listed(call), call.config["axes"]
    if len(operands) != 2:
        return None
    left, right = (rank_of(call, operand) for operand in operands)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    one, other = as_axes(first, left), as_axes(second, right)
    if one is None or other is None or 0 in (*one, *other):
        return None
    found = _apart((operands[0], operands[1]), left, right, {one[0]: other[0]})
    read = tuple(("batch", *letters[1:]) for letters in found.read)
    return Product(
        found.operands, read, tuple(letter for letter in ("batch", *found.written[1:]) if letter != ("second", 0))
    )


# --- all that is named --------------------------------------------------------------------------------------------


def _listed(call: Call) -> tuple[Slot, ...]:
    """The tensors of the first argument; () where it is no list of tensors."""
    first: Any = next(iter(call.arguments.values()), ())
    items: tuple[Any, ...] = first if isinstance(first, tuple) else ()  # pyright: ignore[reportUnknownVariableType]
    found = tuple(item for item in items if isinstance(item, Slot))
    return found if len(found) == len(items) else ()


Named = tuple[tuple[Operand, ...], tuple[Letters, ...]]


def _joined(call: Call) -> Named | None:
    listed, axis = _listed(call), joined_axis(call)
    if axis is None:
        return None
    read = tuple(
        tuple(("joined", number) if index == axis else index for index in range(rank_of(call, operand)))
        for number, operand in enumerate(listed)
    )
    return listed, read


def _stacked(call: Call) -> Named | None:
    listed = _listed(call)
    return (listed, tuple(tuple(range(rank_of(call, operand))) for operand in listed)) if listed else None


def _attended(call: Call) -> Named | None:
    """Query, value and key share their batch; the value and the key all but what is in them."""
    found = tuple(_queried(call))
    names = ("query", "value", "key")[: len(found)]
    read = tuple(
        (0, *((name if name == "query" or axis == rank_of(call, operand) - 1 else "value", axis)
              for axis in range(1, rank_of(call, operand))))
        for name, operand in zip(names, found, strict=True)
    )  # fmt: skip
    return (found, read) if len(found) > 1 else None


def _queried(call: Call) -> Iterator[Slot]:
    listed = _listed(call)
    if listed:
        yield from listed[:3]
        return
    named = (call.arguments.get(name) for name in ("query", "value", "key"))
    yield from (value for value in named if isinstance(value, Slot))


_PRODUCTS: dict[str, Callable[[Call], Product | None]] = {
    "ops.matmul": _matmul,
    "ops.dot": _dot,
    "ops.inner": _inner,
    "ops.tensordot": _tensordot,
    "ops.einsum": _einsum,
    "layers.Dot": _layer_dot,
}
ATTENTION = ("layers.Attention", "layers.AdditiveAttention", "layers.MultiHeadAttention", "layers.GroupQueryAttention",
             "ops.dot_product_attention")  # fmt: skip
_NAMED: dict[str, Callable[[Call], Named | None]] = {
    **dict.fromkeys(("layers.Concatenate", "ops.concatenate", "ops.vstack", "ops.hstack"), _joined),
    **dict.fromkeys(ATTENTION, _attended),
    "ops.stack": _stacked,
}
