"""Reads a live Keras 2 (tf_keras) model from Keras' own record (``Node``, ``KerasHistory``), without importing it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.assemble import Call, Model, Ref, assemble
from kgraph.frontends.keras2_calls import as_layer_call, as_operation, is_op_layer, op_kind, single
from kgraph.frontends.keras2_implied import last_axis
from kgraph.frontends.keras2_kinds import MODULES
from kgraph.frontends.keras2_layers import input_config, layer_config, weight_name
from kgraph.frontends.lambdas import Memo
from kgraph.frontends.live_arguments import ancestry, freeze_tree, tensors, unknown_tensor
from kgraph.frontends.live_layers import lambda_config
from kgraph.frontends.live_record import Key, entering, in_order, inside_out, key, producer, repeated
from kgraph.frontends.serialized import freeze_config
from kgraph.graph import FrozenDict, Graph, Spec, Tree, Weight
from kgraph.ops.catalog import entry

PACKAGES = ("tf_keras.src.", "keras.src.", "keras.", "tensorflow.python.keras.")
"""Where releases of Keras 2 keep their classes; Keras 3 shares ``keras.src``, but not the modules below it."""

LAYER = "engine.base_layer.Layer"
TENSOR = "engine.keras_tensor.KerasTensor"
FUNCTIONAL = "engine.functional.Functional"
SEQUENTIAL = "engine.sequential.Sequential"
MODEL = "engine.training.Model"


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


def is_keras_2(value: object) -> bool:
    """True for a layer, a model, a symbolic tensor of Keras 2, and for such a class."""
    mro = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return _is(mro, LAYER) or _is(mro, TENSOR)


def read(model: object, *, nested: str = "dissolve", run_lambdas: bool = False) -> Graph:
    """The Graph of a live functional or built Sequential model of Keras 2.

    Args:
        model: the model.
        nested: ``dissolve`` repeats the calls of a nested model at each of its calls, ``keep`` makes each one node.
        run_lambdas: also call Lambda functions whose bytecode does not tell what they select, on a small array.

    Raises:
        SourceError: it is something else; the message says what, and what to do.
    """
    if nested not in ("dissolve", "keep"):
        raise SourceError(f"nested must be 'dissolve' or 'keep', received {nested!r}")
    if isinstance(model, type) or not _has_graph(model):
        raise SourceError(_complaint(model))
    session = _Session(nested == "keep", run_lambdas)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what get_config says of saving the model is no news here
        described = _described(session, model)
    return assemble(replace(described, name=str(getattr(model, "name", "model"))))


def _is(mro: tuple[type, ...], path: str) -> bool:
    return any(f"{package}{path}" in ancestry(mro) for package in PACKAGES)


def _has_graph(model: Any) -> bool:
    return _is(type(model).__mro__, FUNCTIONAL) and hasattr(model, "_nested_outputs")


def _nested(layer: object) -> bool:
    """True for a model that is called inside another, and not one with a ``call`` of its own, which is opaque."""
    call = getattr(type(layer), "call", None)
    return _has_graph(layer) and MODULES.match(str(getattr(call, "__module__", ""))) is not None


def _complaint(model: Any) -> str:
    mro = model.__mro__ if isinstance(model, type) else type(model).__mro__
    name = mro[0].__name__
    if isinstance(model, type):
        return f"received the Keras 2 class {name}; pass an instance, a functional or Sequential model"
    if _is(mro, SEQUENTIAL):
        return (
            f"received the Sequential model {model.name!r}, which is not built yet and has no graph; "
            "start it with keras.Input(...), or call model.build(input_shape) first"
        )
    if _is(mro, MODEL):
        return (
            f"received a subclassed keras.Model ({name}), whose graph exists only while its call() runs; "
            "pass a functional or Sequential model: call the layers on keras.Input tensors, "
            "then keras.Model(inputs, outputs)"
        )
    if _is(mro, LAYER):
        return (
            f"received the Keras layer {model.name!r} ({name}), expected a model; "
            "wrap it: x = keras.Input(shape); keras.Model(x, layer(x))"
        )
    return "received a symbolic tensor, expected a model: keras.Model(inputs, outputs)"


def _described(session: _Session, root: Any) -> Model:
    """Describes a functional model after those nested in it, each once."""
    orders: dict[int, list[Any]] = {}

    def inner(model: Any) -> list[Any]:
        session.alive.append(model)
        orders[id(model)] = in_order(model._nested_inputs, model._nested_outputs)
        return [] if session.keep else [node.layer for node in orders[id(model)] if _nested(node.layer)]

    for model in inside_out(root, inner):
        session.models[id(model)] = _describe(session, model, orders[id(model)])
    return session.models[id(root)]


def _describe(session: _Session, model: Any, order: list[Any]) -> Model:
    """Describes one functional model whose nodes are known, its inputs left out."""
    refs: dict[Key, Ref] = {}
    calls: list[Call] = []
    for tensor in tensors(model._nested_inputs):
        if key(tensor) not in refs:
            refs[key(tensor)] = Ref(len(calls))
            calls.append(_input_call(session, tensor))
    inputs = single(freeze_tree(model._nested_inputs, lambda tensor: refs[key(tensor)]))
    number_of = repeated(order)
    for node in order:
        outputs = _outputs(node)
        refs.update({(id(node), out): Ref(len(calls), out) for out in range(len(outputs))})
        calls.append(_call(session, node, refs, number_of.get(id(node), 0), outputs))
    found = single(freeze_tree(model._nested_outputs, lambda tensor: refs[key(tensor)]))
    return Model(model.name, tuple(calls), inputs, found)


def _outputs(node: Any) -> tuple[Spec, ...]:
    """The specs of a node's outputs, by the numbers that its tensors have."""
    found = {tensor._keras_history[2]: _spec(tensor) for tensor in tensors(node.outputs)}
    return tuple([found[number] for number in sorted(found)])


def _spec(tensor: Any) -> Spec:
    shape = tensor.shape
    return Spec(None if shape.rank is None else tuple(shape.as_list()), tensor.dtype.name)


def _input_call(session: _Session, tensor: Any) -> Call:
    layer, spec = tensor._keras_history[0], _spec(tensor)
    if type(layer).__name__ == "InputLayer":
        session.alive.append(layer)
        config = input_config({**layer.get_config(), "batch_input_shape": spec.shape})
        return Call(layer.name, id(layer), "layers.InputLayer", config, FrozenDict(), (), (spec,))
    session.alive.append(producer(tensor))  # a model may start at any tensor
    config = input_config({"batch_input_shape": spec.shape, "dtype": spec.dtype})
    return Call(tensor.name, key(tensor), "layers.InputLayer", config, FrozenDict(), (), (spec,))


def _call(session: _Session, node: Any, refs: Mapping[Key, Ref], number: int, outputs: tuple[Spec, ...]) -> Call:
    layer, name = node.layer, type(node.layer).__name__
    first, rest, parameter = _arguments(node, refs)
    if is_op_layer(name) and MODULES.match(type(layer).__module__):
        kind, arguments = _operation(layer, name, first, rest)
        return Call(layer.name, None, kind, FrozenDict(), arguments, (), outputs, number)
    first = single(first)
    if _nested(layer):
        kind = "models.Sequential" if _is(type(layer).__mro__, SEQUENTIAL) else "models.Functional"
        config = FrozenDict(trainable=bool(layer.trainable)) if session.keep else FrozenDict()
        found = _weights(layer, kind) if session.keep else None
        inner = None if session.keep else session.models[id(layer)]
        arguments = as_layer_call(kind, first, rest)
        return Call(layer.name, id(layer), kind, config, arguments, found, outputs, number, inner)
    kind = _kind(type(layer))  # pyright: ignore[reportUnknownArgumentType]
    arguments = as_layer_call(kind, first, rest, parameter)
    config, found = _layer(session, layer, kind, node)
    config = last_axis(kind, config, tuple(map(_spec, entering(node))))
    return Call(layer.name, id(layer), kind, config, arguments, found, outputs, number)


def _operation(layer: Any, name: str, first: Tree, rest: FrozenDict) -> tuple[str, FrozenDict]:
    if name in ("TFOpLambda", "SlicingOpLambda") and layer.symbol:
        return as_operation(layer.symbol, first, rest)
    config = {attribute: getattr(layer, attribute, None) for attribute in ("cls_symbol", "method_name", "attr_name")}
    function = getattr(layer, "function", None)
    path = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', layer.name)}"
    return op_kind(name, freeze_config({**config, "function": path})), FrozenDict(inputs=first, **rest)


def _arguments(node: Any, refs: Mapping[Key, Ref]) -> tuple[Tree, FrozenDict, str]:
    """The first argument of a call, the others by name, and the name of the first."""

    def enter(tensor: Any) -> Tree:
        return refs.get(key(tensor)) or unknown_tensor(tensor)

    spec = getattr(node.layer, "_call_spec", None)
    names = [*(spec.arg_names if spec is not None else node.layer._call_fn_args)]
    args, kwargs = [*node.call_args], dict(node.call_kwargs)
    name = names[0] if names else "inputs"
    first = args.pop(0) if args else kwargs.pop(name, None)
    rest = {**dict(zip(names[1:], args, strict=False)), **kwargs}
    starred = getattr(getattr(spec, "full_argspec", None), "varargs", None)
    if starred and not names:
        name, first = f"*{starred}", [first, *args]
    elif len(args) > len(names) - 1:
        rest["*operands"] = args[max(len(names) - 1, 0) :]
    return freeze_tree(_narrowed(first), enter), freeze_tree({**_narrowed(rest)}, enter), name


def _narrowed(value: Any) -> Any:
    """Numbers of numpy's wide dtypes, which TensorFlow makes narrow where they stand beside a tensor."""
    if isinstance(value, (list, tuple)):
        return [_narrowed(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _narrowed(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    narrow = {"float64": "float32", "int64": "int32"}.get(str(getattr(value, "dtype", "")))
    return value.astype(narrow) if narrow and hasattr(value, "astype") else value


def _kind(cls: type) -> str:
    """The kind of a layer's class, by the public path that Keras 2 exports it at."""
    names = vars(cls).get("_keras_api_names", ())
    public = [name for name in names if name.startswith("keras.layers.")]
    if public and MODULES.match(cls.__module__):
        shortest = min(public, key=len).removeprefix("keras.")
        named = f"layers.{cls.__name__}"
        return named if entry(named) is not None else shortest
    return f"custom.{cls.__module__}.{cls.__qualname__}"


def _layer(session: _Session, layer: Any, kind: str, node: Any) -> tuple[FrozenDict, tuple[Weight, ...] | None]:
    if id(layer) not in session.layers:
        session.alive.append(layer)
        if kind == "layers.Lambda":
            config = lambda_config(layer, entering(node), session.cell_number, session.memo, run=session.run_lambdas)
        else:
            config = _config(layer, kind)
        session.layers[id(layer)] = config, _weights(layer, kind)
    return session.layers[id(layer)]


def _config(layer: Any, kind: str) -> FrozenDict:
    try:
        config = layer.get_config()
    except Exception as error:  # a custom layer's own code
        said = " ".join(str(error).split())
        return FrozenDict(unreadable=f"{type(error).__name__}: {said[:200]}")
    return layer_config(kind, config)


def _weights(layer: Any, kind: str) -> tuple[Weight, ...] | None:
    """The layer's variables; None where it has not made them yet."""
    if not getattr(layer, "built", True):
        return None
    trained = {id(variable) for variable in layer.trainable_weights}
    return tuple([
        Weight(weight_name(kind, v.name), tuple(v.shape.as_list()), v.dtype.name, id(v) in trained)
        for v in layer.weights
    ])  # fmt: skip
