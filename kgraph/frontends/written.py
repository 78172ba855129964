"""What every description in JSON is made of: entries of the right type, arrays, functions. Nobody has checked them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from kgraph.errors import SourceError
from kgraph.frontends.serialized import freeze
from kgraph.graph import Capture, Constant, FrozenDict, Function, Shape, Slice, Spec, Tree

Json = Mapping[str, Any]
Result = TypeVar("Result")

KEPT_VALUES = 64
"""Arrays of at most so many elements keep their values; larger ones keep their digest alone."""

LARGEST = 2**48
"""No tensor that can be computed has a larger extent."""

FORMATS = {
    "bool": "?", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q",
    "uint64": "Q", "float16": "e", "float32": "f", "float64": "d",
}  # fmt: skip
"""How numpy stores the numbers of a dtype, in the words of ``struct``."""

NO_CELLS = "cannot tell: the file holds code, which is not run, and none of the values that it reads from outside"
HAS_CELLS = "cannot tell: the file holds code, which is not run"
NAMED = "is a function that the file only names"


@overload
def expect(value: Any, cls: type[list[Any]], where: str) -> list[Any]: ...
@overload
def expect(value: Any, cls: type[Mapping[str, Any]], where: str) -> Json: ...
@overload
def expect(value: Any, cls: type[Result], where: str) -> Result: ...
def expect(value: Any, cls: type[Any], where: str) -> Any:
    """The value, if it is of the type that stands there.

    Raises:
        SourceError: it is not; says where.
    """
    if not isinstance(value, cls) or (cls is int and isinstance(value, bool)):
        raise SourceError(f"{where}: expected {_NAMES[cls]}, received {shown(value)}")
    return value


_NAMES: dict[Any, str] = {Mapping: "an object", list: "a list", str: "a text", int: "an integer"}


def shown(value: Any) -> str:
    """A JSON value for a message."""
    if isinstance(value, (Mapping, list)):
        what = "an object" if isinstance(value, Mapping) else "a list"
        return f"{what} of {len(value)}"  # pyright: ignore[reportUnknownArgumentType]
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def shape_of(value: Any, where: str) -> Shape:
    """A shape that Keras wrote down: sizes and nulls, or null where not even the rank is known."""
    if value is None:
        return None
    extents = expect(value, list, where)
    for extent in extents:
        if extent is not None and (type(extent) is not int or not 0 <= extent <= LARGEST):
            raise SourceError(
                f"{where}: expected a shape, sizes from 0 to {LARGEST:,} and nulls, received {value!r:.80}"
            )
    return tuple(extents)


def carefully(read: Callable[[], Result], where: str) -> Result:
    """The result of looking at entries that may hold anything.

    Raises:
        SourceError: they do not make sense together.
    """
    try:
        return read()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error) as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise SourceError(f"{where}: its entries make no sense ({said})") from error


def constant(config: Json, where: str) -> Constant:
    """An array that is written down with its values (``__numpy__``, ``__tensor__``)."""
    dtype = expect(config.get("dtype"), str, f"{where}.dtype")
    flat, shape = _flat(config.get("value"), where)
    if all(isinstance(item, str) for item in flat) and dtype not in FORMATS:
        dtype, data = "string", repr(config.get("value")).encode()
    else:
        data = carefully(lambda: _packed(flat, dtype), where)
    digest = hashlib.sha256(f"{dtype}{shape}".encode() + data).hexdigest()[:16]
    return Constant(dtype, shape, digest, freeze(config.get("value")) if len(flat) <= KEPT_VALUES else None)


def _flat(value: Any, where: str) -> tuple[list[Any], tuple[int, ...]]:
    """The elements of nested lists, and their shape."""
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], list):
        size = len(level[0])  # pyright: ignore[reportUnknownArgumentType]
        if not all(isinstance(row, list) and len(row) == size for row in level):  # pyright: ignore
            raise SourceError(f"{where}.value: expected an array, received rows of unequal length")
        shape.append(size)
        level = [item for row in level for item in row]
    if any(isinstance(item, (list, Mapping)) for item in level):
        raise SourceError(f"{where}.value: expected an array of numbers, received {shown(value)}")
    return level, tuple(shape)


def _packed(flat: Sequence[Any], dtype: str) -> bytes:
    """The bytes that numpy holds, for the same digest as a live model's."""
    if dtype == "bfloat16":  # the upper half of a float32
        whole = struct.pack(f"<{len(flat)}f", *flat)
        return b"".join(whole[at + 2 : at + 4] for at in range(0, len(whole), 4))
    if dtype not in FORMATS:
        return repr(flat).encode()
    return struct.pack(f"<{len(flat)}{FORMATS[dtype]}", *flat)


def function(value: Any, where: str, module: Any = None) -> Function:
    """What is written of a function, which is not looked into: its code as it stands, and the values it closes over.

    Keras 3 writes ``{"class_name": "__lambda__", "config": {"code", "defaults", "closure"}}``, Keras 2 a list of the
    three; of a function that has a name, both write nothing but the name.

    Args:
        value: what is written.
        where: it stands, for messages.
        module: of a function that has a name, where that is written elsewhere.

    Raises:
        SourceError: it is no function.
    """
    if isinstance(value, Mapping):
        inner: Any = value.get("items", value.get("config"))  # pyright: ignore[reportUnknownVariableType]
        inner = inner.get("value", inner) if isinstance(inner, Mapping) else inner  # pyright: ignore
        keys = ("code", "defaults", "closure")
        module = value.get("registered_name")  # pyright: ignore[reportUnknownVariableType]
        value = [inner.get(key) for key in keys] if isinstance(inner, Mapping) else inner  # pyright: ignore
    if isinstance(value, str):
        is_home = isinstance(module, str) and module not in ("function", value)
        return Function(f"name {f'{module}.' if is_home else ''}{value}"[:200], note=NAMED)
    if not isinstance(value, list):
        raise SourceError(f"{where}: expected a function, received {shown(value)}")
    code, defaults, closure = (*value, None, None, None)[:3]  # pyright: ignore[reportUnknownVariableType]
    text = repr(("".join(expect(code, str, f"{where}.code").split()), freeze(defaults)))
    cells: list[Any] = closure if isinstance(closure, list) else []  # pyright: ignore[reportUnknownVariableType]
    captures = tuple(Capture(f"closure {number}", None, freeze(cell)) for number, cell in enumerate(cells))
    return Function(
        hashlib.sha256(text.encode()).hexdigest()[:16], note=HAS_CELLS if cells else NO_CELLS, captures=captures
    )


def assumed_selection(arguments: Tree, entered: Spec | None, left: Spec | None) -> tuple[Any, ...] | None:
    """The slice that a Lambda's ``arguments`` name, ``start`` and ``stop`` and perhaps ``axis``, where the recorded
    shapes fit it. This is a convention: what the function does with them is not known."""
    if not isinstance(arguments, FrozenDict) or entered is None or left is None:
        return None
    before, after = entered.shape, left.shape
    start, stop, axis = (arguments.get(key) for key in ("start", "stop", "axis"))
    if not {"start", "stop"} <= arguments.keys() <= {"start", "stop", "axis"} or not before or after is None:
        return None
    if type(start) is not int or type(stop) is not int or len(after) != len(before):
        return None
    pairs = enumerate(zip(before, after, strict=True))
    changed = [place for place, (old, new) in pairs if new not in (old, None)]  # None: it is not told
    found = axis if type(axis) is int else changed[0] if changed else len(before) - 1
    if ("axis" in arguments and type(axis) is not int) or not -len(before) <= found < len(before):
        return None
    place = found % len(before)
    extent = before[place]
    if extent is None or changed not in ([], [place]) or after[place] != len(range(extent)[start:stop]):
        return None
    key = Slice(start, stop)
    return (..., key) if place == len(before) - 1 else (*(Slice(),) * place, key)
