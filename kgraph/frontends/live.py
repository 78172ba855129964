"""Reads a live Keras 3 model from Keras' own record (``Node``, ``KerasHistory``), without importing Keras."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.assemble import Call, Model, Ref, assemble
from kgraph.frontends.lambdas import read_function, try_selection
from kgraph.frontends.serialized import freeze, freeze_config
from kgraph.graph import Constant, FrozenDict, Graph, Object, Slice, Spec, Tree, Weight, is_plain, leaves
from kgraph.ops import complete
from kgraph.ops.catalog import REQUIRED, entry, kind_of

KEPT_VALUES = 64
"""Arrays of at most so many elements keep their values; larger ones keep their digest alone."""

BY_ATTRIBUTE = frozenset(("layers.Conv1D", "layers.Conv2D", "layers.Conv3D", "layers.BatchNormalization"))
"""Kinds whose config is read from attributes of the same names: ``get_config`` takes a fiftieth of ``summary()``."""


@dataclass(slots=True)
class _Session:
    """What is shared while one model is read."""

    run_lambdas: bool = False
    models: dict[int, Model] = field(default_factory=dict[int, Model])
    layers: dict[int, tuple[FrozenDict, tuple[Weight, ...] | None]] = field(
        default_factory=dict[int, "tuple[FrozenDict, tuple[Weight, ...] | None]"]
    )
    cells: dict[int, int] = field(default_factory=dict[int, int])
    alive: list[object] = field(default_factory=list[object])
    """Objects whose id is a key: an id means nothing once its object is gone."""

    def cell_number(self, cell: object) -> int:
        self.alive.append(cell)
        return self.cells.setdefault(id(cell), len(self.cells))


def read(model: object, *, nested: str = "dissolve", run_lambdas: bool = False) -> Graph:
    """The Graph of a live functional or built Sequential model.

    Args:
        model: a Keras 3 model.
        nested: ``dissolve`` or ``keep`` nested models.
        run_lambdas: also call Lambda functions whose bytecode does not tell what they select, on a small array.

    Raises:
        SourceError: it is something else; the message says what, and what to do.
    """
    function = _functional(model)
    if function is None:
        raise SourceError(_complaint(model))
    session = _Session(run_lambdas)
    described = _describe(session, function)
    return assemble(replace(described, name=str(getattr(model, "name", "model"))), nested=nested)


def is_model(value: object) -> bool:
    """True for anything that has to do with Keras, so that ``read`` gives the better error."""
    return any(cls.__module__.partition(".")[0] in ("keras", "tf_keras") for cls in _mro(value))


def keras_version(model: object) -> str | None:
    """The version of the Keras that made the model, read from the module that is loaded already."""
    import sys

    package = next((cls.__module__.partition(".")[0] for cls in _mro(model) if _is_keras(cls)), None)
    return getattr(sys.modules.get(package or ""), "__version__", None)


def _mro(value: object) -> tuple[type, ...]:
    return (value if isinstance(value, type) else type(value)).__mro__


def _is_keras(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("keras", "tf_keras")


def _descends(value: object, path: str) -> bool:
    return not isinstance(value, type) and path in _ancestry(type(value))


@functools.cache
def _ancestry(cls: type) -> frozenset[str]:
    return frozenset(f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__)


def _functional(model: object) -> Any | None:
    """The object that holds Keras' record of the graph, None where there is none."""
    if _descends(model, "keras.src.models.sequential.Sequential"):
        return getattr(model, "_functional", None)
    return model if _descends(model, "keras.src.ops.function.Function") else None


def _nested(operation: object) -> Any | None:
    """The same for a model that is called inside another: with a ``call`` of its own it is opaque."""
    function = _functional(operation)
    call = getattr(type(operation), "call", None)
    return function if str(getattr(call, "__module__", "")).startswith("keras.src.") else None


def _complaint(model: object) -> str:
    name = model.__qualname__ if isinstance(model, type) else type(model).__qualname__
    if isinstance(model, type) and is_model(model):
        return f"received the class {name}; pass an instance, a functional or Sequential model"
    if _descends(model, "keras.src.models.sequential.Sequential"):
        return (
            f"received the Sequential model {getattr(model, 'name', '')!r}, which is not built yet and so has no graph; "
            "start it with keras.Input(...), or call model.build(input_shape) first"
        )
    if _descends(model, "keras.src.models.model.Model"):
        return (
            f"received a subclassed keras.Model ({name}), whose graph exists only while its call() runs; "
            "pass a functional or Sequential model: call the layers on keras.Input tensors, then keras.Model(inputs, outputs)"
        )
    if any(cls.__module__.startswith(("tf_keras.", "keras.engine.", "keras.src.engine.")) for cls in _mro(model)):
        return f"received a Keras 2 (tf_keras) object of type {name}; this version reads live Keras 3 models"
    if _descends(model, "keras.src.layers.layer.Layer"):
        return (
            f"received the Keras layer {getattr(model, 'name', '')!r} ({name}), expected a model; "
            "wrap it: x = keras.Input(shape); keras.Model(x, layer(x))"
        )
    if _descends(model, "keras.src.backend.common.keras_tensor.KerasTensor"):
        return "received a symbolic tensor, expected a model: keras.Model(inputs, outputs)"
    return f"received {name}, expected a Keras 3 functional or Sequential model, a kgraph.Graph, or the path of a file"


def _describe(session: _Session, function: Any) -> Model:
    """Describes one functional model; once, however often it is called."""
    if id(function) in session.models:
        return session.models[id(function)]
    inputs_tree = getattr(function, "_inputs_struct", function.inputs)
    outputs_tree = getattr(function, "_outputs_struct", function.outputs)
    refs: dict[tuple[int, int], Ref] = {}
    calls: list[Call] = []
    for tensor in _tensors(inputs_tree):
        if _key(tensor) not in refs:
            refs[_key(tensor)] = Ref(len(calls))
            calls.append(_input_call(session, tensor))
    for node in _in_order(_tensors(outputs_tree), refs):
        number = len(calls)
        calls.append(_call(session, node, refs))
        refs.update({(id(node), out): Ref(number, out) for out in range(len(node.outputs))})
    model = Model(function.name, tuple(calls), _freeze(inputs_tree, refs), _freeze(outputs_tree, refs))
    session.models[id(function)] = model
    return model


def _in_order(outputs: list[Any], done: Mapping[tuple[int, int], Ref]) -> list[Any]:
    """The nodes above the outputs, depth first, stopping at the declared inputs."""
    order: list[Any] = []
    seen = {key[0] for key in done}
    for output in outputs:
        stack = [_producer(output)]
        while stack:
            node = stack[-1]
            if id(node) in seen:
                stack.pop()
                continue
            waiting = [parent for t in node.arguments.keras_tensors if id(parent := _producer(t)) not in seen]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            seen.add(id(stack.pop()))
            order.append(node)
    return order


def _producer(tensor: Any) -> Any:
    operation, index, _ = tensor._keras_history
    return tensor if operation is None else operation._inbound_nodes[index]


def _key(tensor: Any) -> tuple[int, int]:
    return id(_producer(tensor)), tensor._keras_history.tensor_index


def _tensors(tree: Any) -> list[Any]:
    return [leaf for leaf in leaves(_freeze(tree, None)) if _is_tensor(leaf)]


def _is_tensor(value: object) -> bool:
    return hasattr(value, "_keras_history")


def _freeze(value: Any, refs: Mapping[tuple[int, int], Ref] | None) -> Tree:
    """A live argument tree as a frozen one: tensors become Refs (or stay, without ``refs``), arrays Constants.

    Dicts are sorted by key, as Keras flattens them.
    """
    if _is_tensor(value):
        return value if refs is None else refs[_key(value)]
    if is_plain(value):
        return freeze(value)
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(item, refs) for item in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        items = sorted(value.items(), key=lambda item: str(item[0]))  # pyright: ignore
        return FrozenDict({str(key): _freeze(item, refs) for key, item in items})  # pyright: ignore
    if isinstance(value, slice):
        return Slice(*(_freeze(part, refs) for part in (value.start, value.stop, value.step)))  # pyright: ignore
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _constant(value)
    return freeze(value)


def _constant(array: Any) -> Constant:
    import numpy as np

    plain = np.asarray(array.numpy() if hasattr(array, "numpy") else array)
    dtype = str(getattr(array.dtype, "name", array.dtype))
    data = repr(plain.tolist()).encode() if plain.dtype == object else np.ascontiguousarray(plain).tobytes()
    digest = hashlib.sha256(f"{dtype}{plain.shape}".encode() + data).hexdigest()[:16]
    values = freeze(plain.tolist()) if plain.size <= KEPT_VALUES else None
    return Constant(dtype, tuple(plain.shape), digest, values)


def _spec(tensor: Any) -> Spec:
    return Spec(None if tensor.shape is None else tuple(tensor.shape), str(tensor.dtype))


def _input_call(session: _Session, tensor: Any) -> Call:
    operation = tensor._keras_history.operation
    if operation is not None and kind_of(type(operation).__module__, type(operation).__qualname__) == "layers.InputLayer":
        return _call(session, _producer(tensor), {})
    spec = _spec(tensor)  # keras.Function starts at any tensor
    config = complete("layers.InputLayer", FrozenDict(batch_shape=spec.shape, dtype=spec.dtype))
    return Call(tensor.name, None, "layers.InputLayer", config, FrozenDict(), (), (spec,))


def _call(session: _Session, node: Any, refs: Mapping[tuple[int, int], Ref]) -> Call:
    operation = node.operation
    kind = _kind(type(operation))
    outputs = tuple(_spec(tensor) for tensor in node.outputs)
    inner = _nested(operation)
    is_layer = hasattr(operation, "weights")
    if inner is not None:
        return _nested_call(session, node, refs, outputs)
    arguments = FrozenDict() if kind == "layers.InputLayer" else _arguments(node, kind, refs)
    if not is_layer:
        return Call(operation.name, _identity(session, operation, kind), kind, FrozenDict(), arguments, (), outputs)
    config, weights = _layer(session, operation, kind, outputs, node)
    return Call(operation.name, id(operation), kind, config, arguments, weights, outputs)


def _nested_call(
    session: _Session, node: Any, refs: Mapping[tuple[int, int], Ref], outputs: tuple[Spec, ...]
) -> Call:
    operation = node.operation
    inner = _describe(session, _nested(operation))
    sequential = _descends(operation, "keras.src.models.sequential.Sequential")
    kind = "models.Sequential" if sequential else "models.Functional"
    arguments = _arguments(node, kind, refs)
    first = next(iter(arguments.values()), ())
    config = FrozenDict(trainable=bool(getattr(operation, "trainable", True)))
    weights = _weights(operation)
    return Call(operation.name, id(operation), kind, config, arguments, weights, outputs, inner, first)


def _identity(session: _Session, operation: Any, kind: str) -> int | None:
    """Keras' own operations have no weights to share; a custom one may hold anything."""
    session.alive.append(operation)
    return id(operation) if kind.startswith("custom.") else None


@functools.cache
def _kind(cls: type) -> str:
    kind = kind_of(cls.__module__, cls.__qualname__)
    exported = vars(cls).get("_api_export_path")
    if not kind.startswith("custom.keras.src.") or exported is None:
        return kind
    return (exported if isinstance(exported, str) else exported[0]).removeprefix("keras.")


def _layer(
    session: _Session, layer: Any, kind: str, outputs: tuple[Spec, ...], node: Any
) -> tuple[FrozenDict, tuple[Weight, ...] | None]:
    if id(layer) not in session.layers:
        session.alive.append(layer)
        if kind == "layers.Lambda":
            config = _lambda_config(session, layer, node)
        else:
            config = complete(kind, _config(layer, kind))
        if kind == "layers.InputLayer":
            config = FrozenDict({**config, "batch_shape": outputs[0].shape})
        session.layers[id(layer)] = config, _weights(layer)
    return session.layers[id(layer)]


def _config(layer: Any, kind: str) -> FrozenDict:
    if kind in BY_ATTRIBUTE and not getattr(layer, "lora_enabled", False):
        known = entry(kind)
        if known is not None:
            return FrozenDict({key: _attribute(layer, key) for key in known.config})
    try:
        config = layer.get_config()
    except Exception as error:  # a custom layer's own code; Keras raises here too, when the model is saved
        return FrozenDict(unreadable=f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")
    return freeze_config(config)


def _attribute(layer: Any, key: str) -> Tree:
    if key == "dtype":
        return _policy(layer)
    value = getattr(layer, key)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return _configured(value)


def _configured(value: Any) -> Tree:
    """An initializer, regularizer, constraint or activation as Keras would serialize it."""
    if inspect.isfunction(value):
        kind = kind_of(value.__module__, value.__qualname__)
        if kind.startswith("activations."):
            return kind.removeprefix("activations.")
        return freeze(value)
    kind = _kind(type(value))
    if not hasattr(value, "get_config"):
        return freeze(value)
    return Object(kind, freeze_config(value.get_config()))


def _policy(layer: Any) -> Tree:
    policy = layer.dtype_policy
    if type(policy).__name__ in ("DTypePolicy", "FloatDTypePolicy"):
        return policy.name
    return freeze_config({"dtype": {"module": None, "class_name": type(policy).__name__, "config": policy.get_config()}})["dtype"]


def _lambda_config(session: _Session, layer: Any, node: Any) -> FrozenDict:
    function = read_function(layer.function, layer.arguments, session.cell_number)
    tensors = node.arguments.keras_tensors
    if session.run_lambdas and function.selection is None and len(tensors) == 1 and tensors[0].shape is not None:
        selection = try_selection(layer.function, layer.arguments, tuple(tensors[0].shape))
        if selection is not None:
            function = replace(function, selection=selection, known="tested")
    arguments = FrozenDict() if function.selection else _freeze(layer.arguments, {})  # they are in the selection
    config: dict[str, Tree] = {"function": function, "arguments": arguments}
    for key, value in (("output_shape", layer._output_shape), ("mask", layer.mask)):
        config[key] = read_function(value, {}, session.cell_number) if callable(value) else _freeze(value, {})
    return complete("layers.Lambda", FrozenDict({**config, "trainable": layer.trainable, "dtype": _policy(layer)}))


def _weights(layer: Any) -> tuple[Weight, ...] | None:
    if not getattr(layer, "built", True):
        return None
    return tuple(
        Weight(variable.name, tuple(variable.shape), str(variable.dtype), bool(variable.trainable))
        for variable in layer.weights
    )


def _arguments(node: Any, kind: str, refs: Mapping[tuple[int, int], Ref]) -> FrozenDict:
    """The call's arguments by parameter name, in signature order, without those that have their default value."""
    operation = node.operation
    bound = _bind(type(operation), node.arguments.args, node.arguments.kwargs)
    known = entry(kind)
    if not hasattr(operation, "weights"):
        bound = {**_init_arguments(operation), **bound}
        order = list(known.call) if known else []
        bound = {key: bound[key] for key in sorted(bound, key=lambda key: order.index(key) if key in order else 99)}
    defaults = known.call if known else {}
    frozen = {key: _freeze(value, refs) for key, value in bound.items()}
    return FrozenDict({key: value for key, value in frozen.items() if not _is_default(key, value, defaults)})


def _is_default(key: str, value: Tree, defaults: Mapping[str, Any]) -> bool:
    if (key == "training" or key.endswith("mask")) and all(leaf is None for leaf in leaves(value)):
        return True
    default = defaults.get(key, REQUIRED)
    return type(default) is type(value) and default == value


def _bind(cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    signature = _call_signature(cls)
    if len(args) == 1 and not kwargs and (only := _first_parameter(cls)):
        return {only: args[0]}  # nearly every call, and binding is slow
    if signature is None:
        return {**{f"arg{index}": value for index, value in enumerate(args)}, **kwargs}
    try:
        bound = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return {**{f"arg{index}": value for index, value in enumerate(args)}, **kwargs}
    result: dict[str, Any] = {}
    for name, value in bound.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            result.update(value)
        else:
            result[f"*{name}" if kind is inspect.Parameter.VAR_POSITIONAL else name] = value
    return result


@functools.cache
def _call_signature(cls: Any) -> inspect.Signature | None:
    try:
        signature = inspect.signature(cls.call)
    except (TypeError, ValueError):
        return None
    return signature.replace(parameters=list(signature.parameters.values())[1:])


@functools.cache
def _first_parameter(cls: Any) -> str | None:
    signature = _call_signature(cls)
    first = next(iter(signature.parameters.values()), None) if signature else None
    return first.name if first and first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD else None


@functools.cache
def _init_names(cls: Any) -> tuple[str, ...]:
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(p.name for p in parameters if p.kind in plain and p.name != "name")


def _init_arguments(operation: Any) -> dict[str, Any]:
    """What an operation was made with: arguments of the public function that Keras keeps on the operation."""
    found: dict[str, Any] = {}
    for name in _init_names(type(operation)):
        for attribute in (name, f"_{name}"):
            if hasattr(operation, attribute):
                found[name] = getattr(operation, attribute)
                break
    return found
