"""Reads the text form by ``ast``; nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kgraph.errors import GraphError, TextError
from kgraph.graph import (
    Capture,
    FrozenDict,
    Function,
    Graph,
    Op,
    Slot,
    Spec,
    Tree,
    Value,
    Weight,
    ancestors,
    leaves,
    map_leaves,
)
from kgraph.ops import call_of, complete, infer_specs
from kgraph.text.expressions import constructed, dotted, fail, key_of, read
from kgraph.text.names import implied_layer, implied_operation, is_function, snake
from kgraph.text.writer import positions, weights_of

CHUNK = 2000
"""Lines that are handed to ``ast`` at once: the tree of a whole large file takes gigabytes."""

OPERATORS = {ast.Add: "ops.add", ast.Sub: "ops.subtract", ast.Mult: "ops.multiply", ast.Div: "ops.true_divide"}


@dataclass(slots=True)
class _Layer:
    """A layer that is made, and perhaps bound to a variable, before it is called."""

    kind: str
    config: FrozenDict
    name: str | None
    calls: int = 0


@dataclass(slots=True)
class _Reader:
    """What the statements so far have defined."""

    ops: dict[str, Op] = field(default_factory=dict[str, Op])
    operands: dict[str, tuple[Value, ...]] = field(default_factory=dict[str, tuple[Value, ...]])
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    automatic: dict[str, int] = field(default_factory=dict[str, int])
    model: tuple[Tree, Tree, str] | None = None
    facts: FrozenDict = field(default_factory=FrozenDict)


def parse(text: str) -> Graph:
    """The Graph that Keras functional code describes.

    Args:
        text: statements such as ``c = Conv2D(4, 3, padding="same")(x)``, the last one ``model = Model(x, y)``.
            What has no ``name=`` is named after its variable.

    Raises:
        TextError: the text is not such code; the message names the line.
    """
    reader = _Reader()
    for statement in _statements(text):
        if reader.model is not None:
            fail(statement, "nothing can follow Model(...)")
        _statement(reader, statement)
    if reader.model is None:
        raise TextError("the text form must end in model = Model(inputs, outputs); it has no such statement")
    inputs, outputs, name = reader.model
    needed = ancestors(reader.operands, (inputs, outputs))
    try:
        return Graph(
            ops={node: op for node, op in reader.ops.items() if node in needed},
            operands={node: values for node, values in reader.operands.items() if node in needed},
            inputs=inputs,
            outputs=outputs,
            name=name,
        )
    except GraphError as error:
        raise TextError(f"the text describes no graph: {error}") from error


def _statements(text: str) -> Iterator[ast.stmt]:
    if "\0" in text:
        raise TextError("the text holds a NUL character")
    lines = text.splitlines(keepends=True)
    start = 0
    while start < len(lines):
        stop = min(start + CHUNK, len(lines))
        while stop < len(lines) and lines[stop][:1] in " \t\r\n)]}#":
            stop += 1
        try:
            tree = ast.parse("".join(lines[start:stop]))
        except SyntaxError as error:
            if stop < len(lines):
                lines, start = [*lines[:start], "".join(lines[start:])], start
                continue
            line = start + (error.lineno or 0)
            raise TextError(f"line {line}: not Python: {error.msg}") from None
        except (RecursionError, MemoryError, ValueError):
            raise TextError(f"lines {start + 1} to {stop}: nested too deeply to be read") from None
        ast.increment_lineno(tree, start)
        yield from tree.body
        start = stop


def _statement(reader: _Reader, statement: ast.stmt) -> None:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return  # so that a file of the text form can also be run
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        reader.facts = _facts(statement)
        return
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        fail(statement, f"expected an assignment, found {ast.unparse(statement)[:80]!r}")
    target = statement.targets[0]
    names = [item.id for item in _names(target)]
    several = isinstance(target, (ast.Tuple, ast.List))
    value = statement.value
    if isinstance(value, ast.Call) and dotted(value.func) in ("Model", "Functional", "models.Model"):
        reader.model = _model(reader, value, names)
        return
    if isinstance(value, ast.Call) and _is_constructor(reader, value):
        kind, config, name = constructed(value)
        reader.variables[names[0]] = _Layer(kind, config, name or names[0])
        return
    result = _tensors(reader, value, names, several)
    if result is NotImplemented:
        fail(statement, f"cannot read {ast.unparse(value)[:80]!r}; expected a layer or an operation called on tensors")
    found = [result] if isinstance(result, Value) else list(result)
    if isinstance(result, Value) is several or len(found) != len(names):
        fail(statement, f"the call has {len(found)} outputs, but {len(names)} variables stand on the left")
    reader.variables.update(zip(names, found, strict=True))


def _names(target: ast.expr) -> list[ast.Name]:
    items = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    for item in items:
        if not isinstance(item, ast.Name):
            fail(target, f"can only assign to variables, found {ast.unparse(item)[:80]!r}")
    return [item for item in items if isinstance(item, ast.Name)]


def _facts(statement: ast.Expr) -> FrozenDict:
    value = statement.value.value  # pyright: ignore
    if not isinstance(value, str) or not value.startswith("{"):
        return FrozenDict()  # a docstring
    try:
        facts = read(ast.parse(value, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        fail(statement, f"the annotation {value[:80]!r} is no dict")
    return facts if isinstance(facts, FrozenDict) else fail(statement, "an annotation must be a dict")


def _model(reader: _Reader, node: ast.Call, names: list[str]) -> tuple[Tree, Tree, str]:
    found = dict(zip(("inputs", "outputs", "name"), node.args, strict=False))
    found.update({keyword.arg: keyword.value for keyword in node.keywords if keyword.arg})
    if not {"inputs", "outputs"} <= found.keys() <= {"inputs", "outputs", "name"} or len(node.args) > 3:
        fail(node, "Model takes inputs, outputs and name")
    inputs, outputs = (read(found[key], lambda item: _tensors(reader, item)) for key in ("inputs", "outputs"))
    if not all(isinstance(leaf, Value) for leaf in leaves((inputs, outputs))):
        fail(node, "the inputs and outputs of a Model must be tensors")
    for value in leaves(inputs):
        if not reader.ops[value.node].is_input:
            fail(node, f"{value} is no Input")
    name = read(found["name"]) if "name" in found else names[0]
    return inputs, outputs, name if isinstance(name, str) else fail(node, "the name of a Model must be a string")


def _is_constructor(reader: _Reader, node: ast.Call) -> bool:
    name = dotted(node.func)
    if name is None or name in reader.variables or name == "Input" or is_function(name):
        return False
    return name.rpartition(".")[2][:1].isupper()


def _tensors(reader: _Reader, node: ast.expr, names: list[str] | None = None, several: bool = False) -> Any:
    """The Value, or the tuple of Values, that an expression stands for; NotImplemented if it stands for none."""
    if isinstance(node, ast.Name):
        found = reader.variables.get(node.id, NotImplemented)
        return NotImplemented if isinstance(found, _Layer) else found
    if isinstance(node, ast.Subscript):
        source = _tensors(reader, node.value)
        if not isinstance(source, Value):
            return NotImplemented
        arguments = FrozenDict(x=source, key=key_of(node.slice))
        return _operation(reader, node, "ops.get_item", arguments, names, several)
    if isinstance(node, ast.BinOp):
        return _operator(reader, node, names)
    if not isinstance(node, ast.Call):
        return NotImplemented
    name = dotted(node.func)
    if name in ("Input", "layers.Input"):
        return _input(reader, node, names)
    if name is not None and is_function(name):
        arguments = _arguments(reader, node, name)
        return _operation(reader, node, name, arguments, names, several)
    layer = _callee(reader, node.func)
    return NotImplemented if layer is None else _call(reader, node, layer, names, several)


def _operator(reader: _Reader, node: ast.BinOp, names: list[str] | None) -> Any:
    kind = OPERATORS.get(type(node.op))
    sides = [_tensors(reader, side) for side in (node.left, node.right)]
    if kind is None or all(side is NotImplemented for side in sides):
        return NotImplemented
    plain = [
        read(side) if value is NotImplemented else value
        for side, value in zip((node.left, node.right), sides, strict=True)
    ]
    return _operation(reader, node, kind, FrozenDict(x1=plain[0], x2=plain[1]), names, False)


def _callee(reader: _Reader, function: ast.expr) -> _Layer | None:
    if isinstance(function, ast.Name):
        found = reader.variables.get(function.id)
        return found if isinstance(found, _Layer) else None
    if isinstance(function, ast.Call) and _is_constructor(reader, function):
        return _Layer(*constructed(function))
    return None


def _arguments(reader: _Reader, node: ast.Call, kind: str) -> FrozenDict:
    """The call's arguments by parameter name; a ``*parameter`` takes all that is left."""
    order = positions(kind)
    found: dict[str, Tree] = {}
    for index, argument in enumerate(node.args):
        name = order[min(index, len(order) - 1)] if order else "inputs"
        value = read(argument, lambda item: _tensors(reader, item))
        if index >= len(order) and not name.startswith("*"):
            name = f"arg{index}"
        found[name] = (*found.get(name, ()), value) if name.startswith("*") else value
    for keyword in node.keywords:
        value = read(keyword.value, lambda item: _tensors(reader, item))
        more = {keyword.arg: value} if keyword.arg is not None else value
        if not isinstance(more, dict) or found.keys() & more.keys():  # pyright: ignore[reportUnknownMemberType]
            fail(node, f"argument {keyword.arg!r} is given twice, or is no dict")
        found.update(more)  # pyright: ignore[reportUnknownArgumentType]
    return FrozenDict(found)


def _input(reader: _Reader, node: ast.Call, names: list[str] | None) -> Value:
    found: dict[str, Tree] = {} if not node.args else {"shape": read(node.args[0])}
    found.update({keyword.arg: read(keyword.value) for keyword in node.keywords if keyword.arg})
    name = found.pop("name", None)
    if "batch_shape" in found:
        shape = found.pop("batch_shape")
    elif "shape" in found:
        inner, batch = found.pop("shape"), found.pop("batch_size", None)
        shape = None if inner is None else (batch, *(inner if isinstance(inner, tuple) else (inner,)))
    else:
        fail(node, "Input needs shape=(...)")
    extents = shape if isinstance(shape, tuple) else ()
    if any(not (extent is None or (type(extent) is int and extent >= 0)) for extent in extents) or len(node.args) > 1:
        fail(node, f"Input needs a shape of ints and None, received {shape!r}")
    config = complete("layers.InputLayer", FrozenDict({"batch_shape": shape, **found}))
    layer = _Layer("layers.InputLayer", config, name if isinstance(name, str) else None)
    return _add(reader, node, layer, FrozenDict(), names, several=False)


def _call(reader: _Reader, node: ast.Call, layer: _Layer, names: list[str] | None, several: bool) -> Any:
    arguments = _arguments(reader, node, layer.kind)
    return _add(reader, node, layer, arguments, names, several=several)


def _operation(
    reader: _Reader, node: ast.expr, kind: str, arguments: FrozenDict, names: list[str] | None, several: bool
) -> Any:
    implied = implied_operation(names, several=several) if names else None
    return _add(reader, node, _Layer(kind, FrozenDict(), implied), arguments, names, several=several)


def _add(
    reader: _Reader, node: ast.expr, layer: _Layer, arguments: FrozenDict, names: list[str] | None, *, several: bool
) -> Any:
    """Adds one call, from what its statement implies and what its annotation says."""
    facts = reader.facts if names else FrozenDict()
    if names:
        reader.facts = FrozenDict()
    if layer.name is None:
        layer.name = names[0] if names and len(names) == 1 else None
    operands = tuple(leaf for leaf in leaves(arguments) if isinstance(leaf, Value))
    numbers = iter(range(len(operands)))
    slotted = map_leaves(lambda leaf: Slot(next(numbers)) if isinstance(leaf, Value) else leaf, arguments)
    identity = _identity(reader, node, layer, facts)
    config = _with_evidence(layer.config, facts)
    function = is_function(layer.kind)
    known = facts.get("layer", None if function else implied_layer(identity))
    draft = Op(layer.kind, known, config, slotted, (), ())
    call = call_of(draft, tuple(reader.ops[value.node].outputs[value.out] for value in operands))
    outputs = _outputs(node, facts, len(names) if names and several else 1) or _inferred(node, call)
    if outputs is None:
        outputs = (Spec(None, "float32"),) * (len(names) if names and several else 1)
    weights = tuple(Weight(*row) for row in facts["weights"] or ()) if "weights" in facts else _weights(node, call)
    if "weights" in facts and facts["weights"] is None:
        weights = None
    reader.ops[identity] = replace(draft, outputs=outputs, weights=weights)
    reader.operands[identity] = operands
    several = several or len(outputs) > 1
    found = tuple(Value(identity, out) for out in range(len(outputs)))
    return found if several else found[0]


def _inferred(node: ast.expr, call: Any) -> tuple[Spec, ...] | None:
    try:
        return infer_specs(call)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        fail(node, f"the shapes of {call.kind} cannot be worked out from its arguments: {error}")


def _weights(node: ast.expr, call: Any) -> tuple[Weight, ...] | None:
    try:
        return weights_of(call)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        fail(node, f"the weights of {call.kind} cannot be worked out from its arguments: {error}")


def _identity(reader: _Reader, node: ast.expr, layer: _Layer, facts: FrozenDict) -> str:
    """The call's id: as annotated, else the layer's name with its call number, else an automatic one."""
    calls, layer.calls = layer.calls, layer.calls + 1
    if "id" in facts:
        if facts["id"] in reader.ops:
            fail(node, f"the id {facts['id']!r} is given twice")
        return str(facts["id"])
    if layer.name is not None:
        implied = f"{layer.name}:{calls}" if calls else layer.name
        if implied not in reader.ops:
            return implied
    stem = snake(layer.kind)
    while True:
        number = reader.automatic[stem] = reader.automatic.get(stem, -1) + 1
        name = f"{stem}_{number}" if number else stem
        if name not in reader.ops:
            return name


def _with_evidence(config: FrozenDict, facts: FrozenDict) -> FrozenDict:
    function, evidence = config.get("function"), facts.get("function")
    if not isinstance(function, Function) or not isinstance(evidence, dict):
        return config
    captures = tuple(Capture(*row) for row in evidence.get("captures", ()))  # pyright: ignore
    found = Function(
        str(evidence.get("digest", "")),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        function.selection,
        str(evidence.get("known", "proved")),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        str(evidence.get("note", "")),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        captures,
    )
    return FrozenDict({**config, "function": found})


def _outputs(node: ast.expr, facts: FrozenDict, count: int) -> tuple[Spec, ...] | None:
    if "outputs" not in facts:
        return None
    rows = facts["outputs"]
    if not isinstance(rows, tuple) or not all(isinstance(row, tuple) and len(row) == 2 for row in rows):  # pyright: ignore
        fail(node, "the annotated outputs must be pairs of a shape and a dtype")
    return tuple(Spec(*row) for row in rows)  # pyright: ignore
