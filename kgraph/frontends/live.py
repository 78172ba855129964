"""Reads a live Keras 3 model from Keras' own record (``Node``, ``KerasHistory``), without importing Keras."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends import live_tf_keras
from kgraph.frontends.assemble import Call, Model, Ref, assemble
from kgraph.frontends.lambdas import Memo
from kgraph.frontends.live_arguments import (
    KERAS_TENSOR,
    LAYER,
    ancestry,
    call_arguments,
    freeze_tree,
    is_layer,
    only_tensor,
    tensors,
    unknown_tensor,
)
from kgraph.frontends.live_layers import class_kind, lambda_config, layer_config, weights
from kgraph.frontends.live_record import Key, entering, in_order, inside_out, key, producer, repeated
from kgraph.graph import FrozenDict, Graph, Spec, Tree, Weight, leaves
from kgraph.ops import complete

FUNCTION = "keras.src.ops.function.Function"
SEQUENTIAL = "keras.src.models.sequential.Sequential"
SUBCLASSED = "keras.src.models.model.Model"
OPERATION = "keras.src.ops.operation.Operation"


@dataclass(slots=True)
class _Session:
    """What is shared while one model is read."""

    keep: bool
    run_lambdas: bool
    models: dict[int, Model] = field(default_factory=dict[int, Model])
    layers: dict[int, tuple[FrozenDict, tuple[Weight, ...] | None]] = field(
        default_factory=dict[int, "tuple[FrozenDict, tuple[Weight, ...] | None]"]
    )
    cells: dict[int, int] = field(default_factory=dict[int, int])
    alive: list[object] = field(default_factory=list[object])
    """Objects whose id is a key: an id means nothing once its object is gone."""

    memo: Memo = field(default_factory=Memo)

    def cell_number(self, cell: object) -> int:
        self.alive.append(cell)
        return self.cells.setdefault(id(cell), len(self.cells))


def read(model: object, *, nested: str = "dissolve", run_lambdas: bool = False) -> Graph:
    """The Graph of a live functional or built Sequential model.

    Args:
        model: a model of Keras 3 or of Keras 2 (tf_keras), or a ``keras.Function``.
        nested: ``dissolve`` repeats the calls of a nested model at each of its calls, ``keep`` makes each one node.
        run_lambdas: also call Lambda functions whose bytecode does not tell what they select, on a small array.

    Raises:
        SourceError: it is something else; the message says what, and what to do.
    """
    if live_tf_keras.is_keras_2(model):
        return live_tf_keras.read(model, nested=nested, run_lambdas=run_lambdas)
    if nested not in ("dissolve", "keep"):
        raise SourceError(f"nested must be 'dissolve' or 'keep', received {nested!r}")
    function = _functional(model)
    if function is None:
        raise SourceError(_complaint(model))
    session = _Session(nested == "keep", run_lambdas)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what get_config says of saving the model is no news here
        described = _described(session, function)
    return assemble(replace(described, name=str(getattr(model, "name", "model"))))


def keras_version(model: object) -> str | None:
    """The version of the Keras that made the model, read from the module that is loaded already."""
    packages = (cls.__module__.partition(".")[0] for cls in _mro(model))
    package = next((name for name in packages if name in ("keras", "tf_keras")), "")
    return getattr(sys.modules.get(package), "__version__", None)


def _mro(value: object) -> tuple[type, ...]:
    return (value if isinstance(value, type) else type(value)).__mro__


def _descends(value: object, path: str) -> bool:
    return not isinstance(value, type) and path in ancestry(type(value).__mro__)


def _functional(model: object) -> Any | None:
    """The object that holds Keras' record of the graph, None where there is none."""
    if _descends(model, SEQUENTIAL):
        return getattr(model, "_functional", None)
    return model if _descends(model, FUNCTION) else None


def _nested(operation: object) -> Any | None:
    """The same for a model that is called inside another: with a ``call`` of its own it is opaque."""
    function = _functional(operation)
    if function is None:
        return None
    call = getattr(type(operation), "call", None)
    return function if str(getattr(call, "__module__", "")).startswith("keras.src.") else None


def _complaint(model: object) -> str:
    name = model.__name__ if isinstance(model, type) else type(model).__name__
    if isinstance(model, type) and OPERATION in ancestry(model.__mro__):
        return f"received the class {name}; pass an instance, a functional or Sequential model"
    if _descends(model, SEQUENTIAL):
        return (
            f"received the Sequential model {getattr(model, 'name', '')!r}, which is not built yet and has no graph; "
            "start it with keras.Input(...), or call model.build(input_shape) first"
        )
    if _descends(model, SUBCLASSED):
        return (
            f"received a subclassed keras.Model ({name}), whose graph exists only while its call() runs; "
            "pass a functional or Sequential model: call the layers on keras.Input tensors, "
            "then keras.Model(inputs, outputs)"
        )
    if _descends(model, LAYER):
        return (
            f"received the Keras layer {getattr(model, 'name', '')!r} ({name}), expected a model; "
            "wrap it: x = keras.Input(shape); keras.Model(x, layer(x))"
        )
    if _descends(model, OPERATION):
        return (
            f"received a Keras operation ({name}), expected a model; "
            "wrap it: x = keras.Input(shape); keras.Model(x, operation(x))"
        )
    if _descends(model, KERAS_TENSOR):
        return "received a symbolic tensor, expected a model: keras.Model(inputs, outputs)"
    return f"received {name}, expected a Keras functional or Sequential model, a kgraph.Graph, or the path of a file"


def _described(session: _Session, root: Any) -> Model:
    """Describes a functional model after those nested in it, each once."""
    orders: dict[int, list[Any]] = {}

    def inner(function: Any) -> list[Any]:
        session.alive.append(function)
        orders[id(function)] = in_order(_inputs(function), _outputs(function))
        found = [] if session.keep else [_nested(node.operation) for node in orders[id(function)]]
        return [each for each in found if each is not None]

    for function in inside_out(root, inner):
        session.models[id(function)] = _describe(session, function, orders[id(function)])
    return session.models[id(root)]


def _inputs(function: Any) -> Any:
    return getattr(function, "_inputs_struct", function.inputs)


def _outputs(function: Any) -> Any:
    return getattr(function, "_outputs_struct", function.outputs)


def _describe(session: _Session, function: Any, order: list[Any]) -> Model:
    """Describes one functional model whose nodes are known, its inputs left out."""
    refs: dict[Key, Ref] = {}
    calls: list[Call] = []
    for tensor in tensors(_inputs(function)):
        if key(tensor) not in refs:
            refs[key(tensor)] = Ref(len(calls))
            calls.append(_input_call(session, tensor))
    inputs = freeze_tree(_inputs(function), lambda tensor: refs[key(tensor)])
    number_of = repeated(order)
    for node in order:
        number = len(calls)
        calls.append(_call(session, node, refs, number_of.get(id(node), 0)))
        refs.update({(id(node), out): Ref(number, out) for out in range(len(node.outputs))})
    outputs = freeze_tree(_outputs(function), lambda tensor: refs[key(tensor)])
    return Model(function.name, tuple(calls), inputs, outputs)


def _spec(tensor: Any) -> Spec:
    return Spec(tensor.shape, tensor.dtype)


def _input_call(session: _Session, tensor: Any) -> Call:
    operation = tensor._keras_history.operation
    if operation is not None and class_kind(operation) == "layers.InputLayer":
        return _call(session, producer(tensor), {}, 0)
    spec = _spec(tensor)  # keras.Function starts at any tensor
    config = complete("layers.InputLayer", FrozenDict(batch_shape=spec.shape, dtype=spec.dtype))
    return Call(tensor.name, id(tensor), "layers.InputLayer", config, FrozenDict(), (), (spec,))


def _call(session: _Session, node: Any, refs: Mapping[Key, Ref], number: int) -> Call:
    operation = node.operation
    kind = class_kind(operation)
    outputs = tuple([_spec(tensor) for tensor in node.outputs])
    arguments = _arguments(node, kind, refs)
    inner = _nested(operation)
    if inner is not None:
        config, found = _model(session, operation)
        kind = "models.Sequential" if _descends(operation, SEQUENTIAL) else "models.Functional"
        described = None if session.keep else session.models[id(inner)]
        return Call(operation.name, id(operation), kind, config, arguments, found, outputs, number, described)
    if is_layer(operation):
        config, found = _layer(session, operation, kind, node)
        return Call(operation.name, id(operation), kind, config, arguments, found, outputs, number)
    session.alive.append(operation)
    # Keras' own operations have no weights to share; a custom one may hold anything.
    layer = id(operation) if kind.startswith("custom.") else None
    return Call(operation.name, layer, kind, FrozenDict(), arguments, (), outputs, number)


def _arguments(node: Any, kind: str, refs: Mapping[Key, Ref]) -> FrozenDict:
    alone = only_tensor(node, kind)
    if alone is not None and key(alone[1]) in refs:
        return FrozenDict({alone[0]: refs[key(alone[1])]})
    entered: list[Ref] = []

    def enter(tensor: Any) -> Tree:
        ref = refs.get(key(tensor))
        if ref is None:
            return unknown_tensor(tensor)
        entered.append(ref)
        return ref

    found = call_arguments(node, kind, enter)
    expected = node.arguments.keras_tensors
    if len(entered) == len(expected):
        return found
    # Tensors in a structure that Keras was told to look into, and kgraph was not.
    rest = {key: tree for key, tree in found.items() if not any(isinstance(leaf, Ref) for leaf in leaves(tree))}
    return FrozenDict({**rest, next(iter(found), "inputs"): tuple([refs[key(tensor)] for tensor in expected])})


def _model(session: _Session, model: Any) -> tuple[FrozenDict, tuple[Weight, ...] | None]:
    """Config and weights of a nested model that is kept as one node."""
    if not session.keep or not is_layer(model):
        return FrozenDict(), None
    return FrozenDict(trainable=bool(model.trainable)), weights(model)


def _layer(session: _Session, layer: Any, kind: str, node: Any) -> tuple[FrozenDict, tuple[Weight, ...] | None]:
    if id(layer) not in session.layers:
        session.alive.append(layer)
        if kind == "layers.Lambda":
            config = lambda_config(layer, entering(node), session.cell_number, session.memo, run=session.run_lambdas)
        else:
            config = layer_config(layer, kind)
        if kind == "layers.InputLayer":
            config = FrozenDict({**config, "batch_shape": node.outputs[0].shape})
        session.layers[id(layer)] = config, weights(layer)
    return session.layers[id(layer)]
