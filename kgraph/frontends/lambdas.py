"""What a live Lambda layer's function selects of its tensor, read from its bytecode. The function is never called.

Nothing of the user's runs: types are compared by identity, as ``isinstance``, ``==``, ``hash`` and ``repr`` may be
overridden (and ``dis`` shows the ``repr`` of every constant). What is not certain is unknown.
"""

from __future__ import annotations

import dis
import functools
import inspect
import operator
import sys
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kgraph.frontends.code_digest import SCALARS, Hashes, digest, is_exactly
from kgraph.graph import Capture, Function, Slice


@dataclass(slots=True)
class Memo:
    """What is kept between functions of one model: hashes of code by id, with the object so that ids stay theirs."""

    hashes: Hashes = field(default_factory=dict[int, "tuple[object, bytes]"])
    functions: dict[Hashable, Function] = field(default_factory=dict[Hashable, Function])


_PYTHON = sys.version_info[:2] if sys.implementation.name == "cpython" else (0, 0)
# Where its argument names the comparison. The bytecode of any other Python may mean something else.
_SHIFT = {(3, 11): 0, (3, 12): 4, (3, 13): 5}.get(_PYTHON, -1)
_COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_ARITHMETIC = "add and_ floordiv lshift matmul mul mod or_ pow rshift sub truediv xor"
_BUILTINS = (slice, min, max, int, abs)
_STEPS, _BITS, _LENGTH = 10_000, 128, 1_000
_REFUSALS = {
    **dict.fromkeys(("CALL", "KW_NAMES"), "calls a function"),
    **dict.fromkeys(("STORE_", "DELETE_"), "writes to or deletes a variable"),
    **dict.fromkeys(("RAISE_", "LOAD_ASSERTION"), "raises an error"),
    **dict.fromkeys(("MAKE_FUNCTION", "LOAD_CLOSURE"), "makes a function"),
    "BUILD_": "builds a list, a set, a dict or a text",
    "GET_ITER": "loops over something",
}


class _UnknownError(Exception):
    """The walk cannot go on; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class _Opaque:
    note: str  # what is wrong with a function that uses this value, and does not just carry it about


_TENSOR, _PICKED = _Opaque("computes with the tensor"), _Opaque("computes with the tensor's subscript")
_NULL, _OTHER = _Opaque("is not well formed"), _Opaque("uses other things than plain values")


@dataclass(slots=True)
class _Frame:
    """Where the walk is. ``fast`` holds the local variables by their number, ``key`` the tensor's subscript."""

    function: Any
    fast: dict[int, Any]
    stack: list[Any] = field(default_factory=list[Any])
    at: int = 0
    key: tuple[Any, ...] | None = None

    def pop(self, count: int = 1) -> list[Any]:
        if count > len(self.stack):
            raise _UnknownError("is not well formed")
        return [self.stack.pop() for _ in range(count)][::-1]

    def load(self, *numbers: int) -> list[Any]:
        return [self.fast.get(number, _Opaque("reads a local variable that has no value")) for number in numbers]

    def store(self, *numbers: int) -> list[Any]:
        self.fast |= {number: self.pop()[0] for number in numbers}
        return []


def read_function(
    fn: object, arguments: Mapping[str, Any], cell_number: Callable[[object], int], memo: Memo | None = None
) -> Function:
    """What is known of a Lambda layer's function. Never calls it.

    ``proved`` says: while the captured values stay, every call that returns gives this subscript of the first
    argument. Whether that is one tensor, and not a list of them, is for the caller to know.

    Args:
        arguments: the layer's ``arguments``, which Keras passes by keyword.
        cell_number: numbers closure cells (and other objects), so that a shared one has one number; keeps them alive.
        memo: what is kept between calls for functions of the same code.
    """
    if type(fn) is not types.FunctionType:
        return Function(f"object {cell_number(fn)}", note="is not a plain Python function")
    memo = Memo() if memo is None else memo
    captures = _captures(fn, cell_number)
    key = _everything_read(fn, arguments, captures)
    if key in memo.functions:
        return memo.functions[key]
    # Decorated functions share the decorator's code, so the name belongs to the expression.
    whole = (fn.__code__, fn.__qualname__, _defaults(fn, cell_number))
    code = digest(whole, memo.hashes).hex()[:16]
    try:
        found = Function(code, _selection(fn, arguments), "proved", captures=captures)
    except _UnknownError as error:
        found = Function(code, note=str(error), captures=captures)
    if key is not None:
        memo.functions[key] = found
    return found


def _everything_read(
    fn: types.FunctionType, arguments: Mapping[str, Any], captures: tuple[Capture, ...]
) -> Hashable | None:
    """All that decides what a function selects, if that is its code and a few ints; else None.

    The branches of a block are made by one expression, and many of them with the same numbers.
    """
    code, defaults = fn.__code__, () if fn.__defaults__ is None else fn.__defaults__
    if arguments or fn.__kwdefaults__ is not None or not is_exactly(defaults, tuple) or code.co_names:
        return None
    values = (*defaults, *(capture.value for capture in captures))
    if not all(is_exactly(value, int) for value in values):  # a class may have a hash of the user's, so no sets
        return None
    if any(is_exactly(each, types.CodeType) for each in code.co_consts):
        return None
    return id(code), fn.__qualname__, defaults, captures


def _is_scalar(value: Any) -> bool:
    return value.bit_length() <= _BITS if type(value) is int else is_exactly(value, *SCALARS)


def freeze_plain(value: Any, *, nested: bool = False) -> Any:
    """The value as plain data: a scalar, a Slice, or a flat tuple of those; else ``_OTHER``."""
    if _is_scalar(value):
        return value
    if is_exactly(value, slice):
        parts = (value.start, value.stop, value.step)
        return Slice(*parts) if all(map(_is_scalar, parts)) else _OTHER
    if nested or not is_exactly(value, tuple) or len(value) > _LENGTH:
        return _OTHER
    items = [freeze_plain(item, nested=True) for item in value]
    return _OTHER if _OTHER in items else tuple(items)


def _usable(value: object, what: str) -> Any:
    frozen = value if type(value) is _Opaque else freeze_plain(value)
    return _Opaque(f"the value of {what} is not plain") if frozen is _OTHER else frozen


def _defaults(fn: types.FunctionType, cell_number: Callable[[object], int]) -> str:
    """The default values, which tell functions of one expression apart; what is not plain by its identity."""
    if not is_exactly(fn.__defaults__, tuple, types.NoneType) or not is_exactly(
        fn.__kwdefaults__, dict, types.NoneType
    ):
        return "unusual"
    values = [*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values()]
    plain = [(freeze_plain(value), value) for value in values]
    return repr([f"object {cell_number(value)}" if frozen is _OTHER else frozen for frozen, value in plain])


def _captures(fn: types.FunctionType, cell_number: Callable[[object], int]) -> tuple[Capture, ...]:
    cells = zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
    scope: dict[str, object] = fn.__globals__ if is_exactly(fn.__globals__, dict) else {}
    codes = [fn.__code__]
    for code in codes:  # it grows
        codes += [
            each for each in code.co_consts if is_exactly(each, types.CodeType) and all(each is not i for i in codes)
        ]
    loads = [(code.co_names, *load) for code in codes for load in _program(code.co_code).values() if load[0] in _LOADS]
    named = {name for names, load, at, _ in loads for name in names[at >> (load == "LOAD_GLOBAL") :][:1]}
    read = [(name, cell_number(cell), freeze_plain(_contents(cell))) for name, cell in cells]
    read += [
        (name, None, freeze_plain(scope[name])) for name in named if freeze_plain(scope.get(name, _OTHER)) is not _OTHER
    ]
    read.sort(key=operator.itemgetter(0))
    return tuple(Capture(name, cell, None if value is _OTHER else value) for name, cell, value in read)


def _contents(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return _Opaque("reads a closure variable that has no value yet")


def _selection(fn: types.FunctionType, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    if _SHIFT < 0:
        raise _UnknownError("is bytecode of an unknown Python")
    dicts = (fn.__globals__, fn.__builtins__, {} if fn.__kwdefaults__ is None else fn.__kwdefaults__)
    if not all(is_exactly(each, dict) for each in dicts) or not is_exactly(fn.__defaults__, tuple, types.NoneType):
        raise _UnknownError("has globals or defaults of an unusual type")
    if fn.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise _UnknownError("is a generator or coroutine")
    if fn.__code__.co_exceptiontable:
        raise _UnknownError("handles errors")
    frame, program = _Frame(fn, _bind(fn, arguments)), _program(fn.__code__.co_code)
    for _ in range(_STEPS):
        name, argument, frame.at = program.get(frame.at, ("(none)", 0, 0))
        if name in ("RETURN_VALUE", "RETURN_CONST"):
            break
        frame.stack += _STEP[name](frame, argument) if name in _STEP else _jump(frame, name, argument)
    else:
        raise _UnknownError("runs for too long")
    result = frame.pop()[0] if name == "RETURN_VALUE" else None
    if result is not _PICKED or frame.key is None:
        raise _UnknownError("returns the tensor itself" if result is _TENSOR else "returns no subscript of the tensor")
    return frame.key


def _bind(fn: types.FunctionType, arguments: Mapping[str, Any]) -> dict[int, Any]:
    """The parameters' values, by their number, when Keras calls ``fn(tensor, **arguments)``."""
    code, names = fn.__code__, fn.__code__.co_varnames
    keras = [name for name in names[: code.co_argcount] if name in ("mask", "training")]
    passed = {name: _Opaque(f"depends on {name!r}, which Keras passes") for name in keras}
    given: dict[str, Any] = {**arguments, **passed}
    plain = not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) and not code.co_kwonlyargcount
    plain = plain and all(map(str.isidentifier, names[: code.co_argcount]))
    if plain and not code.co_posonlyargcount and code.co_argcount and given.keys() <= {*names[1 : code.co_argcount]}:
        first = code.co_argcount - len(fn.__defaults__ or ())
        values = dict(enumerate(fn.__defaults__ or (), first))
        values |= {names.index(name): value for name, value in given.items()} | {0: _TENSOR}
        if len(values) == code.co_argcount:  # nearly every function; inspect is slow, and words the errors
            return {number: _usable(value, repr(names[number])) for number, value in values.items()}
    # A new function of the same code has no __signature__ or __wrapped__ that tells something else.
    bare = types.FunctionType(code, {}, argdefs=fn.__defaults__, closure=fn.__closure__)
    bare.__kwdefaults__ = fn.__kwdefaults__
    try:
        bound = inspect.signature(bare).bind(_TENSOR, **given)
    except (TypeError, ValueError) as error:
        raise _UnknownError(f"cannot be called as Keras does: {error}") from None
    bound.apply_defaults()
    return {names.index(name): _usable(value, repr(name)) for name, value in bound.arguments.items() if name in names}


@functools.lru_cache(maxsize=256)
def _program(code: bytes) -> dict[int, tuple[str, int, int]]:
    """By place: an instruction's name, its argument, and the place of the next."""
    program: dict[int, tuple[str, int, int]] = {}
    start = last = argument = 0
    for at in range(0, len(code), 2):
        name, argument = dis.opname[code[at]], (argument & 0xFFFFFF) << 8 | code[at + 1]
        if name == "EXTENDED_ARG":
            continue
        if name == "CACHE" and last in program:
            program[last] = (*program[last][:2], at + 2)
        else:
            program[start], last = (name, argument, at + 2), start
        start, argument = at + 2, 0
    return program


def _jump(frame: _Frame, name: str, argument: int) -> list[Any]:
    if "JUMP" not in name:
        raise _UnknownError(_refusal(frame, name, argument))
    condition = name.partition("_IF_")[2]
    value = _known(*frame.pop()) if condition else None
    holds = value is None if "NONE" in condition else bool(value)
    if condition and holds == condition.startswith(("FALSE", "NOT")):
        return []
    frame.at += (-2 if "BACKWARD" in name else 2) * argument
    return [value] if condition.endswith("_OR_POP") else []


def _refusal(frame: _Frame, name: str, argument: int) -> str:
    if name in ("LOAD_ATTR", "LOAD_METHOD"):
        wide = name == "LOAD_ATTR" and _PYTHON != (3, 11)
        return f"reads the attribute {_item(frame.function.__code__.co_names, argument >> wide)!r}"
    return next((note for start, note in _REFUSALS.items() if name.startswith(start)), f"uses the instruction {name}")


def _item(sequence: Sequence[Any], index: int) -> Any:
    return _compute(operator.getitem, sequence, index)


def _known(value: Any) -> Any:
    if isinstance(value, _Opaque):
        raise _UnknownError(value.note)
    return value


def _plain(value: Any) -> Any:
    return _known(freeze_plain(_known(value)))


def _number(value: Any) -> Any:
    if not is_exactly(_plain(value), int, bool, float):
        raise _UnknownError("computes with other things than numbers")
    return value


def _compute(function: Callable[..., Any], *values: Any) -> Any:
    """Only for functions and values of Python's own."""
    try:
        return function(*values)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise _UnknownError("fails on the values that it has now") from None


def _binary(left: Any, right: Any, argument: int) -> Any:
    name = _item(_ARITHMETIC.split() * 2, argument)  # the second half assigns
    if name in ("pow", "lshift") and abs(_number(right)) > _BITS:
        raise _UnknownError("computes a huge number")
    return _compute(getattr(operator, name), _number(left), _number(right))


def _is_op(left: Any, right: Any, negated: int) -> bool:
    if not any(each is single for each in (left, right) for single in (None, True, False, ...)):
        raise _UnknownError("compares identities")
    return (_known(left) is _known(right)) != negated


def _load_deref(frame: _Frame, number: int) -> list[Any]:
    code, closure = frame.function.__code__, frame.function.__closure__ or ()
    own = len({*code.co_varnames, *code.co_cellvars})  # a parameter in a cell has one number
    if number < own:
        return frame.load(number)
    return [_usable(_contents(_item(closure, number - own)), repr(_item(code.co_freevars, number - own)))]


def _load_global(frame: _Frame, argument: int) -> list[Any]:
    function, name = frame.function, _item(frame.function.__code__.co_names, argument >> 1)
    scope = function.__globals__ if name in function.__globals__ else function.__builtins__
    value = scope.get(name, _Opaque(f"reads {name!r}, which is not defined"))
    loaded = value if any(value is safe for safe in _BUILTINS) else _usable(value, repr(name))
    pair = [loaded, _NULL] if _PYTHON == (3, 13) else [_NULL, loaded]
    return pair if argument & 1 else [loaded]


def _call(frame: _Frame, count: int) -> list[Any]:
    first, second, *values = frame.pop(count + 2)
    function = first if second is _NULL else second
    if not any(function is safe for safe in _BUILTINS):
        raise _UnknownError("calls a function")
    return [freeze_plain(_compute(function, *(values if function is slice else map(_number, values))))]


def _unpack(values: Any, count: int) -> list[Any]:
    return [value for value, _ in zip(values, range(count), strict=True)][::-1]


def _key(value: Any) -> tuple[Any, ...]:
    """The subscript's key, if it is basic slicing with known numbers."""
    parts: tuple[Any, ...] = value if is_exactly(value, tuple) else (value,)
    bounds = [
        (part.start, part.stop, part.step) if is_exactly(part, Slice) else (part,) for part in parts if part is not ...
    ]
    numbers = all(_plain(each) is None or is_exactly(each, int) for bound in bounds for each in bound)
    if not numbers or len(bounds) < len(parts) - 1 or any(bound[2:] == (0,) for bound in bounds):
        raise _UnknownError("has a key that is not basic slicing")
    return parts


def _subscript(frame: _Frame, container: Any, key: Any) -> list[Any]:
    if container is _PICKED or (container is _TENSOR and frame.key is not None):
        raise _UnknownError("subscripts twice")
    if container is _TENSOR:
        frame.key = _key(key)
        return [_PICKED]
    return [_compute(operator.getitem, _known(container), _number(key))]


_STEP: dict[str, Callable[[_Frame, int], list[Any]]] = {
    **dict.fromkeys(("RESUME", "NOP", "PRECALL", "MAKE_CELL", "COPY_FREE_VARS"), lambda frame, _: []),
    "PUSH_NULL": lambda frame, _: [_NULL],
    "POP_TOP": lambda frame, _: frame.pop()[1:],
    "COPY": lambda frame, depth: [_item(frame.stack, len(frame.stack) - depth)],
    "SWAP": lambda frame, depth: [(popped := frame.pop(max(depth, 2)))[-1], *popped[1:-1], popped[0]],
    "LOAD_CONST": lambda frame, index: [_usable(_item(frame.function.__code__.co_consts, index), "a constant")],
    **dict.fromkeys(("LOAD_FAST", "LOAD_FAST_CHECK"), lambda frame, number: frame.load(number)),
    "LOAD_FAST_LOAD_FAST": lambda frame, both: frame.load(both >> 4, both & 15),
    "STORE_FAST": lambda frame, number: frame.store(number),
    "STORE_FAST_LOAD_FAST": lambda frame, both: frame.store(both >> 4) + frame.load(both & 15),
    "STORE_FAST_STORE_FAST": lambda frame, both: frame.store(both >> 4, both & 15),
    "LOAD_DEREF": _load_deref,
    "LOAD_GLOBAL": _load_global,
    "BUILD_TUPLE": lambda frame, count: [tuple(frame.pop(count))],
    "BUILD_SLICE": lambda frame, count: [Slice(*frame.pop(3 if count == 3 else 2))],
    "UNARY_NEGATIVE": lambda frame, _: [-_number(*frame.pop())],
    "UNARY_INVERT": lambda frame, _: [_compute(operator.invert, +_number(*frame.pop()))],
    "UNARY_POSITIVE": lambda frame, _: [+_number(*frame.pop())],
    "CALL_INTRINSIC_1": lambda frame, which: [+_number(*frame.pop())] if which == 5 else _known(_OTHER),
    "UNARY_NOT": lambda frame, _: [not _known(*frame.pop())],
    "TO_BOOL": lambda frame, _: [bool(_known(*frame.pop()))],
    "BINARY_OP": lambda frame, argument: [_binary(*frame.pop(2), argument=argument)],
    "COMPARE_OP": lambda frame, kind: [_compute(_item(_COMPARISONS, kind >> _SHIFT), *map(_plain, frame.pop(2)))],
    "CONTAINS_OP": lambda frame, negated: [_compute(operator.contains, *map(_plain, frame.pop(2)[::-1])) != negated],
    "IS_OP": lambda frame, negated: [_is_op(*frame.pop(2), negated=negated)],
    "BINARY_SUBSCR": lambda frame, _: _subscript(frame, *frame.pop(2)),
    "BINARY_SLICE": lambda frame, _: _subscript(frame, (popped := frame.pop(3))[0], Slice(*popped[1:])),
    "UNPACK_SEQUENCE": lambda frame, count: _compute(_unpack, _known(*frame.pop()), count),
    "CALL": _call,
}
