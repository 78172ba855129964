"""Reads the text form by ``ast``; nothing is executed."""

from __future__ import annotations

import ast
from typing import Any

from kgraph.errors import GraphError, TextError
from kgraph.graph import Graph, Tree, Value, ancestors, leaves
from kgraph.memory import collector_paused
from kgraph.text.annotations import NOTHING, facts_of
from kgraph.text.calls import Layer
from kgraph.text.expressions import (
    CALL,
    LineError,
    add_keywords,
    constructed,
    counted,
    dotted,
    excerpt,
    fail,
    is_class,
    read,
    refuse,
)
from kgraph.text.statements import TOO_DEEP, python, statements
from kgraph.text.tensors import INPUTS, Scope, Target, reader_of, tensors

MODELS = ("Model", "Functional", "models.Model", "models.Functional")
MODEL_KEYWORDS = ("inputs", "outputs", "name")
ASSIGNMENT = "expected an assignment, such as y = ReLU()(x)"


@collector_paused()
def parse(text: str) -> Graph:
    """The Graph that Keras functional code describes.

    Args:
        text: statements such as ``c = Conv2D(4, 3, padding="same")(x)``, the last one ``model = Model(x, y)``.
            What has no ``name=`` is named after its variable.

    Raises:
        TextError: the text is not such code; the message names the line.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TextError(f"line 1: expected the text of a model, received {type(text).__name__}")
    scope, graph, line = Scope(), None, 1
    for offset, statement in statements(text):
        line = offset + statement.lineno
        try:
            if graph is not None:
                refuse(statement, "Model(...) must be the last statement")
            graph = _statement(scope, statement)
        except LineError as fault:
            raise TextError(f"line {offset + fault.line}: {fault}") from None
        except RecursionError:
            raise TextError(f"line {line}: {TOO_DEEP}") from None
    if graph is None:
        raise TextError(f"line {line}: the text ends here, but it must end in model = Model(inputs, outputs)")
    return graph


def _statement(scope: Scope, statement: ast.stmt) -> Graph | None:
    """Reads one statement; the last one gives the Graph."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return None  # so that a file of the text form can also be run
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return _string(scope, statement, statement.value.value)
    target, value = _assignment(statement)
    called = dotted(value.func) if isinstance(value, ast.Call) else None
    graph = None
    if isinstance(value, ast.Call) and called in MODELS:
        graph = _model(scope, value, target)
    elif isinstance(value, ast.Call) and called is not None and called not in INPUTS and is_class(called):
        kind, config, name = constructed(value, called)
        variable = _only(statement, target)
        scope.variables[variable] = Layer(kind, config, variable if name is None else name)
    else:
        _bind(scope, value, target)
    if scope.facts is not NOTHING:
        refuse(statement, "a call must follow the annotation before it")
    return graph


def _string(scope: Scope, statement: ast.Expr, text: object) -> None:
    """A string that stands alone: an annotation of the next call, or a docstring."""
    if not isinstance(text, str):
        refuse(statement, ASSIGNMENT)
    if not text.startswith("{"):
        return
    try:
        tree = read(python(text, "eval"))
    except (SyntaxError, ValueError):
        fail(statement, f"the annotation {excerpt(statement)} is not Python; expected a dict of literals")
    except LineError as fault:
        fail(statement, f"the annotation {excerpt(statement)} is no dict of literals: {fault}")
    facts = facts_of(tree)
    if isinstance(facts, str):
        fail(statement, facts)
    if scope.facts is not NOTHING:
        fail(statement, "two annotations stand before one call; write all that they say in one dict")
    scope.facts = facts


def _assignment(statement: ast.stmt) -> tuple[Target, ast.expr]:
    """The left and the right side; ``x += y`` is ``x = x + y``."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        name = statement.target
        left = ast.copy_location(ast.Name(name.id, ast.Load()), name)
        return Target((name.id,), False), ast.copy_location(ast.BinOp(left, statement.op, statement.value), statement)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        refuse(statement, ASSIGNMENT)
    target = statement.targets[0]
    several = isinstance(target, (ast.Tuple, ast.List))
    names = [item.id for item in (target.elts if several else [target]) if isinstance(item, ast.Name)]
    if not names or (several and len(names) != len(target.elts)):
        refuse(statement, "only variables can stand on the left")
    return Target(tuple(names), several), statement.value


def _only(statement: ast.stmt, target: Target) -> str:
    if target.several:
        refuse(statement, "one variable must stand for a layer that is not called yet")
    return target.names[0]


def _bind(scope: Scope, value: ast.expr, target: Target) -> None:
    result: Any = tensors(scope, value, target)
    if result is NotImplemented:
        fail(value, f"cannot read {excerpt(value)!r}; expected {CALL}")
    if not target.several:
        scope.variables[target.names[0]] = result
        return
    found: tuple[Value, ...] = (result,) if isinstance(result, Value) else result
    if len(found) != len(target.names):
        outputs, variables = counted(len(found), "output"), counted(len(target.names), "variable")
        fail(value, f"{excerpt(value)!r} has {outputs}; expected as many on the left, received {variables}")
    scope.variables.update(zip(target.names, found, strict=True))


def _model(scope: Scope, node: ast.Call, target: Target) -> Graph:
    inside = reader_of(scope)
    found: dict[str, Tree] = {key: read(item, inside) for key, item in zip(MODEL_KEYWORDS, node.args, strict=False)}
    add_keywords(node, found, MODEL_KEYWORDS, inside)
    if len(node.args) > 3 or not {"inputs", "outputs"} <= found.keys() <= set(MODEL_KEYWORDS):
        refuse(node, "Model takes inputs, outputs and name")
    inputs, outputs, name = found["inputs"], found["outputs"], found.get("name")
    if name is None:
        name = target.names[0]
    if target.several:
        refuse(node, "one variable must stand for a Model")
    if not isinstance(name, str):
        refuse(node, "the name of a Model must be a string")
    if not all(isinstance(leaf, Value) for leaf in leaves((inputs, outputs))):
        refuse(node, "the inputs and outputs of a Model must be tensors")
    needed = ancestors(scope.draft.operands, (inputs, outputs))
    try:
        return Graph(
            ops={key: op for key, op in scope.draft.ops.items() if key in needed},
            operands={key: operands for key, operands in scope.draft.operands.items() if key in needed},
            inputs=inputs,
            outputs=outputs,
            name=name,
        )
    except GraphError as error:
        fail(node, f"the text describes no graph: {error}")
