"""Python expressions of the text form, read by ``ast`` into frozen trees. Nothing is executed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any, NoReturn

from kgraph.errors import TextError
from kgraph.graph import Constant, FrozenDict, Function, Object, Slice, Tree
from kgraph.ops import complete
from kgraph.ops.catalog import REQUIRED, canonical, entry

Tensors = Callable[[ast.expr], Any]
"""Reads an expression that stands for tensors, or returns NotImplemented."""

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
PREFIXES = ("keras", "tf")
LARGEST = 2**63


def fail(node: ast.AST, message: str) -> NoReturn:
    """One line: where, and what is wrong."""
    raise TextError(f"line {getattr(node, 'lineno', '?')}: {message}")


def dotted(node: ast.expr) -> str | None:
    """``keras.layers.Conv2D`` as ``layers.Conv2D``; None for what is no dotted name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    parts.reverse()
    return ".".join(parts[1:] if parts[0] in PREFIXES and len(parts) > 1 else parts)


def read(node: ast.expr, tensors: Tensors | None = None) -> Tree:
    """A frozen tree; ``tensors`` is asked first about what a plain literal does not have."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(read(item, tensors) for item in node.elts)
    if isinstance(node, ast.Dict):
        return _dict(node, tensors)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = read(node.operand, tensors)
        return -value if isinstance(value, (int, float, complex)) else fail(node, "only a number can be negated")
    if tensors is not None:
        found = tensors(node)
        if found is not NotImplemented:
            return found
    if isinstance(node, ast.BinOp):
        return _arithmetic(node)
    if isinstance(node, ast.Call):
        return _call(node, tensors)
    if isinstance(node, ast.Lambda):
        return _lambda(node)
    return fail(node, f"cannot read {ast.unparse(node)[:80]!r}; expected a literal or a tensor defined above")


def _dict(node: ast.Dict, tensors: Tensors | None) -> FrozenDict:
    found: dict[str, Tree] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            fail(node, "the keys of a dict must be strings")
        found[key.value] = read(value, tensors)
    return FrozenDict(found)


def _arithmetic(node: ast.BinOp) -> Tree:
    left, right = read(node.left), read(node.right)
    apply = OPERATORS.get(type(node.op))
    plain = isinstance(left, (int, float)) and isinstance(right, (int, float, complex))
    if apply is None or not plain or abs(left) > LARGEST or abs(right) > LARGEST or (right == 0 and "//" in ast.unparse(node)):
        fail(node, f"cannot work out {ast.unparse(node)[:80]!r}; expected numbers")
    return apply(left, right)


def _call(node: ast.Call, tensors: Tensors | None) -> Tree:
    name = dotted(node.func)
    if name is None:
        fail(node, f"cannot read {ast.unparse(node)[:80]!r}")
    if name == "slice":
        return Slice(*_slice_parts(node, tensors))
    if name == "float":
        return _float(node)
    if name == "constant":
        return _constant(node)
    if name == "opaque":
        return Function(digest=str(_plain(node, 1)[0]))
    if name in ("ones", "zeros"):
        fail(node, f"{name}() is not a known constant; write constant(dtype, shape, digest)")
    kind, config, _ = constructed(node)
    return Object(kind, config)


def _slice_parts(node: ast.Call, tensors: Tensors | None) -> tuple[Tree, ...]:
    parts = [read(argument, tensors) for argument in node.args]
    if node.keywords or not 1 <= len(parts) <= 3:
        fail(node, "slice takes one to three positional arguments")
    return (None, parts[0], None) if len(parts) == 1 else (*parts, *(None,) * (3 - len(parts)))


def _float(node: ast.Call) -> float:
    value = _plain(node, 1)[0]
    if value not in ("nan", "inf", "-inf"):
        fail(node, f'float() takes "nan", "inf" or "-inf", received {value!r}')
    return math.nan if value == "nan" else float(value)


def _constant(node: ast.Call) -> Constant:
    dtype, shape, digest, *values = _plain(node, 3, 4)
    if not isinstance(dtype, str) or not isinstance(shape, tuple) or not isinstance(digest, str):
        fail(node, "constant takes a dtype, a shape and a digest: constant('float32', (3,), '0f3a')")
    return Constant(dtype, shape, digest, values[0] if values else None)  # pyright: ignore[reportUnknownArgumentType]


def _plain(node: ast.Call, *counts: int) -> list[Any]:
    if node.keywords or len(node.args) not in counts:
        fail(node, f"{ast.unparse(node.func)} takes {' or '.join(map(str, counts))} positional arguments")
    return [read(argument) for argument in node.args]


def _lambda(node: ast.Lambda) -> Function:
    body, parameters = node.body, node.args.args
    same = isinstance(body, ast.Subscript) and isinstance(body.value, ast.Name)
    if not same or len(parameters) != 1 or body.value.id != parameters[0].arg or node.args.defaults:  # pyright: ignore
        fail(node, "a lambda must be one subscript of its one argument: lambda t: t[..., 0:4]")
    key = key_of(body.slice)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportAttributeAccessIssue]
    selection = key if isinstance(key, tuple) else (key,)
    return Function(selection=selection, known="proved")  # pyright: ignore[reportUnknownArgumentType]


def key_of(node: ast.expr) -> Tree:
    """What stands between the brackets of a subscript."""
    if isinstance(node, ast.Slice):
        return Slice(*(None if part is None else read(part) for part in (node.lower, node.upper, node.step)))
    if isinstance(node, ast.Tuple):
        return tuple(key_of(item) for item in node.elts)
    return read(node)


def constructed(node: ast.Call) -> tuple[str, FrozenDict, str | None]:
    """(kind, config, name) of ``Conv2D(4, 3, name="c")``, ``Custom("pkg.Class", ...)`` or ``Object("kind", ...)``."""
    name = dotted(node.func) or fail(node, f"cannot read {ast.unparse(node.func)[:80]!r} as a class")
    positional = list(node.args)
    if name in ("Custom", "Object"):
        if not positional or not isinstance(positional[0], ast.Constant) or not isinstance(positional[0].value, str):
            fail(node, f"{name} takes the name of a class first: {name}('pkg.Class', ...)")
        kind = positional.pop(0).value  # pyright: ignore
        kind = f"custom.{kind}" if name == "Custom" else str(kind)  # pyright: ignore[reportUnknownArgumentType]
    else:
        kind = canonical(name if "." in name else f"layers.{name}")
    known = entry(kind)
    if known is None and name not in ("Custom", "Object"):
        fail(node, f"Keras has no {name!r} that kgraph knows; write Custom('{name}', ...) for a class of your own")
    config = _keywords(node, positional, list(known.config) if known else [])
    layer = config.pop("name", None)
    if layer is not None and not isinstance(layer, str):
        fail(node, f"name must be a string, received {layer!r}")
    if name == "Object":
        return kind, FrozenDict(config), layer
    missing = [key for key, default in (known.config if known else {}).items() if default is REQUIRED]
    missing = [key for key in missing if key not in config and key in ("filters", "kernel_size", "units", "function")]
    if missing:
        fail(node, f"{name} needs {missing[0]}")
    config = {key: _named(key, value) for key, value in config.items()}
    return kind, complete(kind, FrozenDict(config)), layer


def _keywords(node: ast.Call, positional: list[ast.expr], order: list[str]) -> dict[str, Tree]:
    if len(positional) > len(order):
        fail(node, f"{ast.unparse(node.func)} takes at most {len(order)} positional arguments, received {len(positional)}")
    found = {key: read(argument) for key, argument in zip(order, positional, strict=False)}
    for keyword in node.keywords:
        value = read(keyword.value)
        more = {keyword.arg: value} if keyword.arg is not None else value
        if not isinstance(more, dict) or found.keys() & more.keys():  # pyright: ignore[reportUnknownMemberType]
            fail(node, f"argument {keyword.arg!r} of {ast.unparse(node.func)} is given twice, or is no dict")
        found.update(more)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _named(key: str, value: Tree) -> Tree:
    """``kernel_initializer="he_normal"`` as the object that Keras makes of it."""
    if not isinstance(value, str):
        return value
    for suffix in ("initializer", "regularizer", "constraint"):
        if key.endswith(f"_{suffix}"):
            kind = f"{suffix}s.{''.join(part.capitalize() for part in value.split('_'))}"
            kind = canonical(kind)
            return Object(kind, complete(kind, FrozenDict())) if entry(kind) else value
    return value
