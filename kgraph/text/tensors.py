"""Expressions that stand for tensors: variables, calls, subscripts and operators."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass, field
from typing import Any

from kgraph.graph import Constant, FrozenDict, Slice, Tree, Value, is_shape
from kgraph.ops.catalog import class_kinds
from kgraph.text.annotations import NOTHING, Facts
from kgraph.text.calls import Draft, Layer, add_call, take_room
from kgraph.text.expressions import (
    Tensors,
    add_keywords,
    constructed,
    counted,
    dotted,
    excerpt,
    fail,
    is_class,
    key_of,
    meant,
    read,
    refuse,
)
from kgraph.text.implied import INPUT_KEYWORDS, call_keywords, implied_config, is_default, is_known, positions
from kgraph.text.literals import is_basic, literal
from kgraph.text.names import implied_operation, is_function

INPUTS = ("Input", "layers.Input")

BINARY: dict[type[ast.AST], str] = {
    ast.Add: "ops.add", ast.Sub: "ops.subtract", ast.Mult: "ops.multiply", ast.Div: "ops.true_divide",
    ast.FloorDiv: "ops.floor_divide", ast.Mod: "ops.mod", ast.Pow: "ops.power", ast.MatMult: "ops.matmul",
    ast.BitAnd: "ops.logical_and", ast.BitOr: "ops.logical_or", ast.BitXor: "ops.logical_xor",
    ast.Lt: "ops.less", ast.LtE: "ops.less_equal", ast.Gt: "ops.greater", ast.GtE: "ops.greater_equal",
    ast.NotEq: "ops.not_equal",
}  # fmt: skip
UNARY: dict[type[ast.AST], str] = {ast.USub: "ops.negative", ast.Invert: "ops.logical_not"}
"""What Keras calls where Python's operators stand between its tensors."""


@dataclass(frozen=True, slots=True)
class Target:
    """The variables on the left of a statement; ``several`` if they are unpacked from a sequence."""

    names: tuple[str, ...]
    several: bool


@dataclass(slots=True)
class Scope:
    """What the statements so far have defined: per variable a Value, a tuple of Values, or a Layer."""

    draft: Draft = field(default_factory=Draft)
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    facts: Facts = NOTHING


def reader_of(scope: Scope) -> Tensors:
    """What reads tensors inside an expression."""
    return functools.partial(tensors, scope)


def tensors(scope: Scope, node: ast.expr, target: Target | None = None) -> Any:
    """The Value, or the tuple of Values, that an expression stands for; NotImplemented if it stands for none."""
    if isinstance(node, ast.Name):
        return _counted(scope, node, _variable(scope, node))
    if isinstance(node, ast.Call):
        return _call(scope, node, target)
    if isinstance(node, ast.Subscript):
        return _subscript(scope, node, target)
    if isinstance(node, ast.BinOp):
        return _operator(scope, node, BINARY.get(type(node.op)), (node.left, node.right), target)
    if isinstance(node, ast.UnaryOp):
        return _operator(scope, node, UNARY.get(type(node.op)), (node.operand,), target)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _operator(scope, node, BINARY.get(type(node.ops[0])), (node.left, *node.comparators), target)
    return NotImplemented


def _variable(scope: Scope, node: ast.Name) -> Any:
    if node.id not in scope.variables:
        fail(node, f"{node.id!r} is not defined above{meant(node.id, scope.variables)}")
    found = scope.variables[node.id]
    return found if not isinstance(found, Layer) else fail(node, f"{node.id!r} is a layer; call it on a tensor")


def _counted(scope: Scope, node: ast.expr, found: Any) -> Any:
    """What was found, of which a text of a few letters may take many."""
    if isinstance(found, tuple):
        take_room(scope.draft, node, len(found))  # pyright: ignore[reportUnknownArgumentType]
    return found  # pyright: ignore[reportUnknownVariableType]


def _subscript(scope: Scope, node: ast.Subscript, target: Target | None) -> Any:
    source = _variable(scope, node.value) if isinstance(node.value, ast.Name) else tensors(scope, node.value)
    if source is NotImplemented:
        return source
    key = key_of(node.slice)
    if not is_basic(key):
        refuse(node, "a tensor takes ints, slices, None and ... between its brackets")
    if isinstance(source, Value):
        return _function(scope, node, "ops.get_item", {"x": source, "key": key}, target)
    outputs: tuple[Value, ...] = source
    if isinstance(key, Slice):
        return _counted(scope, node, outputs[key.start : key.stop : key.step])
    if not isinstance(key, int) or not -len(outputs) <= key < len(outputs):
        held = counted(len(outputs), "tensor")
        fail(node, f"{excerpt(node.value)!r} holds {held}; expected the index of one, received {literal(key)[:40]}")
    return outputs[key]


def _operator(
    scope: Scope, node: ast.expr, kind: str | None, sides: tuple[ast.expr, ...], target: Target | None
) -> Any:
    found = [NotImplemented if isinstance(side, ast.Constant) else tensors(scope, side) for side in sides]
    if all(value is NotImplemented for value in found):
        return NotImplemented
    given = [read(side) if value is NotImplemented else value for side, value in zip(sides, found, strict=True)]
    odd = [value for value in given if not isinstance(value, (Value, Constant, int, float, complex))]
    if kind is None or odd:
        fail(node, f"cannot read {excerpt(node)!r}; expected an operator of Keras between tensors and numbers")
    return _function(scope, node, kind, dict(zip(positions(kind), given, strict=False)), target)


def _call(scope: Scope, node: ast.Call, target: Target | None) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else dotted(node.func)
    if name in INPUTS:
        return _input(scope, node, target)
    if name is not None and is_function(name):
        if not is_known(name):
            known = sorted(kind for kind in set(class_kinds().values()) if is_function(kind))
            fail(node, f"Keras has no {name!r}{meant(name, known)}")
        return _function(scope, node, name, _arguments(scope, node, name), target)
    layer = _callee(scope, node.func)
    if layer is None:
        return NotImplemented
    arguments = _arguments(scope, node, layer.kind)
    if layer.name is None and target and not target.several:
        layer.name = target.names[0]
    return add_call(scope.draft, node, layer, arguments, _facts(scope, target), _count(target))


def _callee(scope: Scope, function: ast.expr) -> Layer | None:
    made = dotted(function.func) if isinstance(function, ast.Call) else None
    if isinstance(function, ast.Call) and made is not None and is_class(made):
        return Layer(*constructed(function, made))
    if not isinstance(function, ast.Name):
        return None
    found = scope.variables.get(function.id)
    if found is not None and not isinstance(found, Layer):
        fail(function, f"{function.id!r} is a tensor and cannot be called; expected a layer")
    return found


def _function(
    scope: Scope, node: ast.expr, kind: str, arguments: dict[str, Tree], target: Target | None
) -> Value | tuple[Value, ...]:
    name = implied_operation(target.names, several=target.several) if target else None
    layer = Layer(kind, FrozenDict(), name)
    return add_call(scope.draft, node, layer, arguments, _facts(scope, target), _count(target))


def _facts(scope: Scope, target: Target | None) -> Facts:
    """The annotation, if this is the outermost call of a statement; which uses it up."""
    if target is None:
        return NOTHING
    facts, scope.facts = scope.facts, NOTHING
    return facts


def _count(target: Target | None) -> int | None:
    return len(target.names) if target and target.several else None


def _arguments(scope: Scope, node: ast.Call, kind: str) -> dict[str, Tree]:
    """The call's arguments by parameter name; a ``*parameter`` takes all that is left."""
    order, inside = positions(kind), reader_of(scope)
    if len(node.args) == 1 and not node.keywords and order and not order[0].startswith("*"):
        return {order[0]: read(node.args[0], inside)}  # nearly every call
    given = [read(argument, inside) for argument in node.args]
    starred = next((index for index, name in enumerate(order) if name.startswith("*")), None)
    if starred is not None and len(given) > starred:
        given = [*given[:starred], tuple(given[starred:])]
    if len(given) > len(order) and is_known(kind):
        refuse(node, f"{excerpt(node.func)} takes at most {counted(len(order), 'positional argument')}")
    names = [*order, *(f"arg{index}" for index in range(len(order), len(given)))]
    found = dict(zip(names, given, strict=False))
    written = [*found, *add_keywords(node, found, call_keywords(kind), inside)]
    return {key: value for key, value in found.items() if key not in written or not is_default(kind, key, value)}


def _input(scope: Scope, node: ast.Call, target: Target | None) -> Value | tuple[Value, ...]:
    if len(node.args) > 2:
        refuse(node, "Input takes shape and batch_size by position")
    found = {key: read(argument) for key, argument in zip(INPUT_KEYWORDS, node.args, strict=False)}
    add_keywords(node, found, INPUT_KEYWORDS)
    name, shape = found.pop("name", None), _batch_shape(node, found)
    if not (name is None or isinstance(name, str)):
        refuse(node, "name must be a string")
    rest = {key: value for key, value in found.items() if value is not None or key not in INPUT_KEYWORDS}
    config = implied_config("layers.InputLayer", {"batch_shape": shape, **rest})
    if name is None and target and not target.several:
        name = target.names[0]
    layer = Layer("layers.InputLayer", config, name)
    return add_call(scope.draft, node, layer, {}, _facts(scope, target), _count(target))


def _batch_shape(node: ast.Call, found: dict[str, Tree]) -> tuple[int | None, ...] | None:
    """The shape with the batch in front; None where even the rank is unknown."""
    given = [key for key in ("shape", "batch_shape") if key in found]
    if len(given) != 1:
        refuse(node, "Input needs either shape or batch_shape")
    shape, batch = found.pop(given[0]), found.pop("batch_size", None)
    extents: tuple[Any, ...] = shape if isinstance(shape, tuple) else (shape,)  # pyright: ignore
    if shape is not None and given == ["shape"]:
        extents = (batch, *extents)
    elif batch is not None:
        refuse(node, "Input takes batch_size beside shape, and not beside batch_shape or None")
    if not is_shape(extents):
        refuse(node, "Input needs a shape of None and ints that are not negative")
    return None if shape is None else extents
