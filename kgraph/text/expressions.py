"""Python expressions of the text form, read by ``ast`` into frozen trees. Nothing is executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, NoReturn

from kgraph.errors import TextError
from kgraph.graph import Constant, FrozenDict, Function, Object, Slice, Tree, is_shape
from kgraph.ops.catalog import canonical, class_kinds
from kgraph.text.implied import (
    implied_config,
    is_known,
    keywords,
    lacking,
    misspelt,
    nearest,
    parameters,
)
from kgraph.text.literals import literal
from kgraph.text.names import is_function

Tensors = Callable[[ast.expr], Any]
"""Reads an expression that stands for tensors, or returns NotImplemented."""

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}  # fmt: skip
LARGEST = 2**63
"""Numbers that are larger are not worked out any further."""

CALL = "a layer or an operation that is called on tensors, as in ReLU()(x) or ops.relu(x)"
"""What a statement must be."""

WORDS = 1000
"""How many words, the last ones, are looked through for one that may be meant."""


class LineError(TextError):
    """What is wrong with an expression, before its line in the whole text is known."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def fail(node: ast.expr | ast.stmt, message: str) -> NoReturn:
    """One line: what is wrong."""
    raise LineError(node.lineno, " ".join(message.splitlines()))


def refuse(node: ast.expr | ast.stmt, message: str) -> NoReturn:
    """One line: what is wrong, and what was received."""
    fail(node, f"{message}, received {excerpt(node)!r}")


def excerpt(node: ast.AST) -> str:
    """The beginning of a piece of source, for a message."""
    try:
        source = re.sub(r"\n\s*", " ", ast.unparse(node))
    except ValueError:  # a number that is too long to be printed
        return f"this {type(node).__name__}"
    return source if len(source) <= 80 else f"{source[:77]}..."


def counted(number: int, noun: str) -> str:
    """``1 output``, ``2 outputs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def meant(word: str, words: Iterable[str]) -> str:
    """``; did you mean 'Conv2D'?`` where a word is near; else nothing."""
    found = nearest(word, tuple(words)[-WORDS:])
    return f"; did you mean {found!r}?" if found else ""


def dotted(node: ast.expr) -> str | None:
    """``keras.layers.Conv2D`` as ``layers.Conv2D``; None for what is no dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    for prefix in ("tf", "keras"):
        if parts[-1] == prefix and len(parts) > 1:
            parts.pop()
    return ".".join(reversed(parts))


def read(node: ast.expr, tensors: Tensors | None = None) -> Tree:
    """A frozen tree; ``tensors`` is asked first about what a plain literal does not have."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple([read(item, tensors) for item in node.elts])
    if isinstance(node, ast.Dict):
        return _dict(node, tensors)
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return _negated(node)
    if tensors is not None:
        found = tensors(node)
        if found is not NotImplemented:
            return found
    if isinstance(node, ast.UnaryOp):
        return _negated(node)
    if isinstance(node, ast.BinOp):
        return _arithmetic(node)
    if isinstance(node, ast.Call):
        return _call(node, tensors)
    if isinstance(node, ast.Lambda):
        return _lambda(node)
    return fail(node, f"cannot read {excerpt(node)!r}; expected a literal{' or a tensor' if tensors else ''}")


def _negated(node: ast.UnaryOp) -> Tree:
    value = read(node.operand) if isinstance(node.op, ast.USub) else None
    if not isinstance(value, (int, float, complex)):
        fail(node, f"cannot read {excerpt(node)!r}; expected a number, or a minus and a number")
    return -value


def _dict(node: ast.Dict, tensors: Tensors | None) -> FrozenDict:
    found: dict[str, Tree] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            refuse(node, "the keys of a dict must be strings")
        if key.value in found:
            fail(node, f"the key {key.value!r} is given twice in {excerpt(node)!r}")
        found[key.value] = read(value, tensors)
    return FrozenDict(found)


def _arithmetic(node: ast.BinOp) -> Tree:
    """Sizes written as ``4 * 8``, and complex numbers; in bounds, so that no text can keep a computer busy."""
    left, right = read(node.left), read(node.right)
    apply = OPERATORS.get(type(node.op))
    real = isinstance(left, (int, float)) and isinstance(right, (int, float))
    number = real or (
        isinstance(left, (int, float)) and isinstance(right, complex) and type(node.op) in (ast.Add, ast.Sub)
    )
    if apply is None or not number or abs(left) > LARGEST or abs(right) > LARGEST:
        fail(node, f"cannot work out {excerpt(node)!r}; expected numbers up to 2**63, and + - * / or //")
    if not right and isinstance(node.op, (ast.Div, ast.FloorDiv)):
        fail(node, f"cannot work out {excerpt(node)!r}: a division by zero")
    return apply(left, right)


def _call(node: ast.Call, tensors: Tensors | None) -> Tree:
    name = dotted(node.func)
    if name == "slice":
        return _slice(node, tensors)
    if name in LITERALS:
        return LITERALS[name](node)
    if name is None or not is_class(name):
        fail(node, f"cannot read {excerpt(node)!r}; expected a literal{f', or {CALL}' if tensors else ''}")
    kind, config, _ = constructed(node, name)
    return Object(kind, config)


def is_class(name: str) -> bool:
    """True for names that are spelled as Keras spells classes."""
    return name.rpartition(".")[2][:1].isupper() and not is_function(name)


def _slice(node: ast.Call, tensors: Tensors | None) -> Slice:
    parts = [read(argument, tensors) for argument in node.args]
    if node.keywords or not 1 <= len(parts) <= 3:
        refuse(node, "slice takes one to three positional arguments")
    return Slice(None, parts[0]) if len(parts) == 1 else Slice(*parts)


def _float(node: ast.Call) -> float:
    (value,) = _plain(node, 1)
    if value not in ("nan", "inf", "-inf"):
        refuse(node, 'float takes "nan", "inf" or "-inf"')
    return math.nan if value == "nan" else float(value)


def _complex(node: ast.Call) -> complex:
    real, imaginary = _plain(node, 2)
    if type(real) is not float or type(imaginary) is not float:
        refuse(node, "complex takes two floats")
    return complex(real, imaginary)


def _constant(node: ast.Call) -> Constant:
    dtype, shape, digest, *values = _plain(node, 3, 4)
    if not isinstance(dtype, str) or not is_shape(shape) or None in shape or not isinstance(digest, str):
        refuse(node, 'constant takes a dtype, a shape and a digest: constant("float32", (3,), "0f3a")')
    return Constant(dtype, shape, digest, values[0] if values else None)


def _opaque(node: ast.Call) -> Function:
    (digest,) = _plain(node, 1)
    return Function(digest=digest) if isinstance(digest, str) else refuse(node, "opaque takes a string")


LITERALS: dict[str, Callable[[ast.Call], Tree]] = {
    "float": _float, "complex": _complex, "constant": _constant, "opaque": _opaque,
}  # fmt: skip


def _plain(node: ast.Call, *counts: int) -> list[Any]:
    if node.keywords or len(node.args) not in counts:
        fewer = "".join(f"{count} or " for count in counts[:-1])
        refuse(node, f"{excerpt(node.func)} takes {fewer}{counted(counts[-1], 'positional argument')}")
    return [read(argument) for argument in node.args]


def _lambda(node: ast.Lambda) -> Function:
    body, given = node.body, node.args
    more = (*given.posonlyargs, given.vararg, *given.kwonlyargs, given.kwarg, *given.defaults)
    names = [name.arg for name in given.args] if not any(more) else []
    if not isinstance(body, ast.Subscript) or not isinstance(body.value, ast.Name) or names != [body.value.id]:
        refuse(node, "a lambda must be one subscript of its one argument, as in lambda t: t[..., 0:4]")
    key = key_of(body.slice)
    return Function(selection=key if isinstance(key, tuple) else (key,), known="proved")  # pyright: ignore


def key_of(node: ast.expr) -> Tree:
    """What stands between the brackets of a subscript."""
    if isinstance(node, ast.Slice):
        return Slice(*[None if part is None else read(part) for part in (node.lower, node.upper, node.step)])
    if isinstance(node, ast.Tuple):
        return tuple([key_of(item) for item in node.elts])
    return read(node)


def constructed(node: ast.Call, called: str) -> tuple[str, FrozenDict, str | None]:
    """(kind, config, name) of ``Conv2D(4, 3, name="c")``, ``Custom("pkg.Class", ...)`` or ``Object("kind", ...)``.

    Args:
        node: the source.
        called: the name of the class in it.
    """
    if called in ("Custom", "Object"):
        return _verbatim(node, called)
    kind = canonical(called if "." in called else f"layers.{called}")
    if not is_known(kind):
        known = {kind.removeprefix("layers.") for kind in class_kinds().values() if is_class(kind)}
        near = meant(called.rpartition(".")[2], sorted(known))
        fail(node, f"Keras has no {called!r}{near}; a class of your own is Custom({literal(called)}, ...)")
    known = parameters(kind)
    if len(node.args) > len(known):
        refuse(node, f"{called} takes at most {counted(len(known), 'positional argument')}")
    given = {key: read(argument) for key, argument in zip(known, node.args, strict=False)}
    add_keywords(node, given, keywords(kind))
    name = _name(node, given)
    missing = lacking(kind, given)
    if missing:
        refuse(node, f"{called} needs {missing}")
    return kind, implied_config(kind, given), name


def _verbatim(node: ast.Call, called: str) -> tuple[str, FrozenDict, str | None]:
    """A class that Keras has not, or a config as it stands."""
    path, *configs = [read(argument) for argument in node.args] or [None]
    if not isinstance(path, str) or len(configs) > 1 or not all(isinstance(config, FrozenDict) for config in configs):
        refuse(node, f'{called} takes the name of a class, {called}("pkg.Class", key=value)')
    given: dict[str, Tree] = {}
    add_keywords(node, given, ())
    name = _name(node, given)
    kind = f"custom.{path}" if called == "Custom" else path
    return kind, FrozenDict({**(configs[0] if configs else {}), **given}), name


def _name(node: ast.Call, given: dict[str, Tree]) -> str | None:
    name = given.pop("name", None)
    if name is not None and not isinstance(name, str):
        refuse(node, "name must be a string")
    return name


def add_keywords(
    node: ast.Call, found: dict[str, Tree], known: Collection[str], tensors: Tensors | None = None
) -> list[str]:
    """Adds a call's keyword arguments to those that it takes by position.

    Args:
        node: the call.
        found: what it takes by position, by name.
        known: the names of the parameters; others are taken too, unless they look like a slip.
        tensors: reads tensors, where they may be passed.

    Returns:
        The names that are written as keywords, and not in a ``**{...}``, which is taken as it stands.
    """
    plain: list[str] = []
    for keyword in node.keywords:
        value = read(keyword.value, tensors)
        if keyword.arg is None and not isinstance(value, FrozenDict):
            fail(node, f"a dict must follow the ** in {excerpt(node)!r}")
        more: dict[str, Tree] = value if keyword.arg is None else {keyword.arg: value}
        if keyword.arg is not None:
            right = misspelt(keyword.arg, known)
            if right:
                fail(node, f"{excerpt(node.func)} has no parameter {keyword.arg!r}; did you mean {right!r}?")
            plain.append(keyword.arg)
        twice = next((key for key in more if key in found), None)
        if twice is not None:
            fail(node, f"argument {twice!r} is given twice in {excerpt(node)!r}")
        found.update(more)
    return plain
