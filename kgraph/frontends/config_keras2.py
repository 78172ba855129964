"""Describes a model by the JSON that Keras 2 and tf_keras write of it. Nothing is imported, unpickled or called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.assemble import Call, Model, Ref
from kgraph.frontends.contents import Weights
from kgraph.frontends.keras2_calls import as_layer_call, as_operation, is_op_layer, op_kind, single
from kgraph.frontends.keras2_kinds import MODELS, is_own, layer_kind
from kgraph.frontends.keras2_layers import compute_dtype, input_config, lambda_config, layer_config
from kgraph.frontends.keras2_nodes import Connection, Json, connections, node_arguments, structure
from kgraph.frontends.keras2_weights import CONVOLUTIONS, stored_weights, taken_shape
from kgraph.frontends.live_record import inside_out
from kgraph.frontends.serialized import freeze, freeze_config
from kgraph.graph import FrozenDict, Shape, Spec, Tree, is_shape, leaves, map_leaves

OUTPUTS = 10_000
"""How many outputs a call may have: a file may name any number."""

Place = tuple[str, int]
"""A call: the name of its layer, and which call of the layer it is."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer as the file has it: ``calls`` are its inbound nodes."""

    name: str
    class_name: str
    module: str | None
    config: Json
    calls: tuple[Any, ...]
    source: Json

    @property
    def model(self) -> str | None:
        """The kind of a model of Keras' own that is nested here; a subclass may do anything when it is called."""
        return MODELS.get(self.class_name) if is_own(self.module) else None


@dataclass(slots=True)
class _Session:
    """What is shared while one file is described.

    Attributes:
        models: nested models, by the id of their JSON.
        paths: by the same, the name of the outermost nested model that it is in, or is.
    """

    keep: bool
    weights: Weights | None
    models: dict[int, Model] = field(default_factory=dict[int, Model])
    paths: dict[int, str] = field(default_factory=dict[int, str])


def describe(config: Mapping[str, Any], *, keep: bool = False, weights: Weights | None = None) -> Model:
    """The model that a configuration describes; its specs are to be inferred.

    Args:
        config: what ``model.to_json()`` writes, parsed: ``class_name`` and ``config``.
        keep: leave nested models as one call each.
        weights: the structure of the file's weights, which says what the description omits.

    Raises:
        SourceError: it is no functional or Sequential model of Keras 2, or is broken; one line says where.
    """
    session = _Session(keep, weights)
    root = _mapping(config, "the model")
    for source in inside_out(root, lambda model: _nested(session, model)):
        session.models[id(source)] = _described(session, source)
    return session.models[id(root)]


def _mapping(value: Any, what: str) -> Json:
    if not isinstance(value, Mapping):
        raise SourceError(f"{what} is described by a {type(value).__name__}; expected a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType]


def _nested(session: _Session, source: Json) -> list[Any]:
    layers = [layer for layer in _layers(source) if layer.model is not None]
    outer = session.paths.get(id(source), "")
    session.paths.update({id(layer.source): outer or layer.name for layer in layers})
    return [] if session.keep else [layer.source for layer in layers]


def _layers(source: Json) -> list[_Layer]:
    """The layers of a functional or Sequential model."""
    config = source.get("config")
    rows = config.get("layers") if isinstance(config, Mapping) else config  # pyright: ignore
    if not isinstance(rows, list) or not rows:
        name = str(source.get("class_name"))[:80]
        raise SourceError(
            f"the description of the {name!r} lists no layers; expected a functional or Sequential model, "
            "as a subclassed model's graph exists only while its call() runs"
        )
    layers = [_layer(row, number) for number, row in enumerate(rows)]  # pyright: ignore
    names: set[str] = set()
    for layer in layers:
        if layer.name in names:
            raise SourceError(f"two layers are named {layer.name!r}; names tell which layer is connected to which")
        names.add(layer.name)
    return layers


def _layer(row: Any, number: int) -> _Layer:
    source = _mapping(row, f"layer number {number}")
    name, config = source.get("class_name"), source.get("config")
    if not isinstance(name, str) or not isinstance(config, (Mapping, list)):
        raise SourceError(f"layer number {number} is no layer; expected the entries class_name and config")
    inner: Json = config if isinstance(config, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]
    own = source.get("name", inner.get("name"))
    calls, module = source.get("inbound_nodes", []), source.get("module")
    if not isinstance(calls, list):
        raise SourceError(f"the inbound_nodes of layer number {number} ({name}) are no list")
    own = own if isinstance(own, str) else f"{name.lower()}_{number}"
    return _Layer(own, name, module if isinstance(module, str) else None, inner, tuple(calls), source)  # pyright: ignore


def _described(session: _Session, source: Json) -> Model:
    config = source.get("config")
    found: Json = config if isinstance(config, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]
    name = found.get("name")
    layers = _layers(source)
    if "output_layers" in found:
        model = _Functional(session, source, layers).model(found)
    elif isinstance(config, list) or source.get("class_name") == "Sequential" or "input_layers" not in found:
        model = _sequential(session, source, layers, found)
    else:
        raise SourceError("the model has input_layers and no output_layers: its outputs are not known")
    return replace(model, name=name if isinstance(name, str) else "sequential")


# --- Sequential models ---------------------------------------------------------------------------------------------


def _sequential(session: _Session, source: Json, layers: list[_Layer], config: Json) -> Model:
    """A chain of layers."""
    first = layers[0]
    if first.class_name == "InputLayer":
        calls, rest = [_input(first)], layers[1:]
    else:
        calls, rest = [_implied_input(session, source, first, config)], layers
    last = Ref(0)
    for layer in rest:
        calls.append(_call(session, source, layer, last, FrozenDict(), 0, 1))
        last = Ref(len(calls) - 1)
    return Model("sequential", tuple(calls), Ref(0), last, "implied")


def _implied_input(session: _Session, source: Json, first: _Layer, config: Json) -> Call:
    shape = first.config.get("batch_input_shape", config.get("build_input_shape"))
    inner = session.models.get(id(first.source))
    if shape is None and inner is not None:
        refs: list[Ref] = leaves(inner.inputs)
        spec = next((inner.calls[ref.call].outputs[0] for ref in refs), Spec(None, "float32"))
        shape = spec.shape
    if shape is None:
        raise SourceError(
            f"the Sequential model was never built: neither an input nor its first layer {first.name!r} has a shape; "
            "call model.build(input_shape) before it is saved"
        )
    row: Json = {"batch_input_shape": shape, "dtype": "int32" if first.class_name == "Embedding" else "float32"}
    name = f"{first.name}_input"
    return _input(_Layer(name, "InputLayer", None, row, (), {"of": source}))  # pyright: ignore


# --- functional models ---------------------------------------------------------------------------------------------


class _Functional:
    """Describes one functional model: places of calls are found first, then calls made in topological order."""

    def __init__(self, session: _Session, source: Json, layers: list[_Layer]) -> None:
        self.session, self.source = session, source
        self.layers = {layer.name: layer for layer in layers}
        self.parsed: dict[Place, tuple[Tree, FrozenDict]] = {}
        self.numbers: dict[Place, int] = {}
        self.used: dict[Place, int] = {}
        self.first: dict[str, int] = {}

    def _first_calls(self, outputs: Tree) -> dict[str, int]:
        """By layer, the number of its first call: models have one of their own before, from when they were made."""
        highest: dict[str, int] = {}
        for layer in self.layers.values():
            for number, node in enumerate(layer.calls):
                self.parsed[layer.name, number] = node_arguments(node, layer.name, keep=is_op_layer(layer.class_name))
        for leaf in (*connections(outputs), *(leaf for both in self.parsed.values() for leaf in connections(*both))):
            highest[leaf.layer] = max(highest.get(leaf.layer, 0), leaf.call)
        return {
            name: int(_starts_late(layer, highest.get(name, 0))) if layer.calls else 0
            for name, layer in self.layers.items()
        }

    def model(self, config: Json) -> Model:
        inputs = _alone(structure(config.get("input_layers", []), "the input_layers"))
        outputs = _alone(structure(config["output_layers"], "the output_layers"))
        self.first = self._first_calls(outputs)
        calls: list[Call] = []
        for leaf in connections(inputs):
            place = self.place(leaf)
            if place not in self.numbers:
                self.numbers[place] = len(calls)
                calls.append(_input(self.layers[leaf.layer]))
        order = self.in_order(outputs)
        entering = [leaf for place in order for leaf in connections(*self.parsed[place])]
        for leaf in (*connections(inputs, outputs), *entering):
            self.used[self.place(leaf)] = max(self.used.get(self.place(leaf), 0), leaf.out)
        for name, number in self.numbers:
            if self.used.get((name, number), 0) > 0:
                raise SourceError(
                    f"output {self.used[name, number]} of the input {name!r} is used, but it has one, from 0"
                )
        shapes = self.built_shapes()
        for place in order:
            self.numbers[place] = len(calls)
            first, rest = (map_leaves(self.ref, tree) for tree in self.parsed[place])
            layer = self.layers[place[0]]
            call = _call(self.session, self.source, layer, first, rest, place[1], self.used.get(place, 0) + 1)
            places = [Connection(layer.name, place[1], out) for out in range(len(call.outputs))]
            specs = zip(call.outputs, places, strict=True)
            call = replace(call, outputs=tuple([replace(spec, shape=shapes.get(each)) for spec, each in specs]))
            calls.append(call)
        return Model("", tuple(calls), map_leaves(self.ref, inputs), map_leaves(self.ref, outputs), "implied")

    def built_shapes(self) -> dict[Connection, Shape]:
        """By output (its call counted from 0), the shape for which a layer that takes it was built."""
        found: dict[Connection, Shape] = {}
        for layer in self.layers.values():
            built = self.built(layer)
            shapes: list[Any] = [built] if is_shape(built) else list(built) if isinstance(built, tuple) else []  # pyright: ignore
            for number in range(len(layer.calls) if shapes else 0):
                entering = connections(self.parsed[layer.name, number][0])
                if len(shapes) != len(entering):
                    continue
                places = [Connection(*self.place(leaf), leaf.out) for leaf in entering]
                found.update({place: each for place, each in zip(places, shapes, strict=True) if is_shape(each)})
        return found

    def built(self, layer: _Layer) -> Any:
        """The shape, or shapes, that a layer takes at each call; of one that is called several times the channels."""
        build = layer.source.get("build_config")
        shape: Any = freeze(build.get("input_shape")) if isinstance(build, Mapping) else None  # pyright: ignore
        if shape is not None and len(layer.calls) == 1:
            return shape
        kind, path = layer_kind(layer.module, layer.class_name), self.session.paths.get(id(self.source), "")
        if kind not in CONVOLUTIONS:
            return None
        config = _checked(layer, lambda: layer_config(kind, layer.config))
        stored = stored_weights(self.session.weights, path, layer.name, kind, config)
        return taken_shape(kind, config, shape if is_shape(shape) else None, stored)

    def place(self, leaf: Connection) -> Place:
        layer = self.layers.get(leaf.layer)
        if layer is None:
            raise SourceError(f"a connection names the layer {leaf.layer!r}, which the model does not have")
        number = leaf.call - self.first[leaf.layer]
        if not 0 <= number < max(len(layer.calls), 1) or not 0 <= leaf.out < OUTPUTS:
            raise SourceError(
                f"a connection names output {leaf.out} of call {leaf.call} of the layer {leaf.layer!r}, "
                f"which is called {len(layer.calls)} times"
            )
        return leaf.layer, number

    def ref(self, leaf: Any) -> Any:
        return Ref(self.numbers[self.place(leaf)], leaf.out) if isinstance(leaf, Connection) else leaf

    def in_order(self, outputs: Tree) -> list[Place]:
        """The calls above the outputs, depth first, without the declared inputs."""
        order: dict[Place, None] = {}
        opened: set[Place] = set()
        for output in connections(outputs):
            stack = [self.place(output)]
            while stack:
                place = stack[-1]
                if place in order or place in self.numbers:
                    stack.pop()
                    continue
                waiting = list(self._parents(place, order))
                if not waiting:
                    order[stack.pop()] = None
                    continue
                if place in opened:
                    raise SourceError(f"the layer {place[0]!r} is part of a cycle: it is called on what it computes")
                opened.add(place)
                stack.extend(reversed(waiting))
        return list(order)

    def _parents(self, place: Place, order: Mapping[Place, None]) -> Iterator[Place]:
        if place not in self.parsed:
            raise SourceError(f"the layer {place[0]!r} is used, but is never called and is none of the model's inputs")
        for leaf in connections(*self.parsed[place]):
            parent = self.place(leaf)
            if parent not in order and parent not in self.numbers:
                yield parent


def _starts_late(layer: _Layer, highest: int) -> bool:
    rows = layer.config.get("layers")
    if layer.model is None and not layer_kind(layer.module, layer.class_name).startswith("custom."):
        return False
    first: Any = rows[0] if isinstance(rows, list) and rows else None  # pyright: ignore[reportUnknownVariableType]
    return highest >= len(layer.calls) or (isinstance(first, Mapping) and first.get("class_name") == "InputLayer")  # pyright: ignore


def _alone(tree: Tree) -> Tree:
    """Keras 2 writes one tensor as a list of one."""
    return tree[0] if isinstance(tree, tuple) and len(tree) == 1 and isinstance(tree[0], Connection) else tree  # pyright: ignore


# --- calls ---------------------------------------------------------------------------------------------------------


def _input(layer: _Layer) -> Call:
    """A declared input; a model may start at any layer, of whose output nothing is known."""
    if layer.class_name != "InputLayer":
        spec = Spec(None, compute_dtype(freeze_config(layer.config)) or "float32")
        config = input_config({"batch_input_shape": None, "dtype": spec.dtype})
        return Call(layer.name, id(layer.source), "layers.InputLayer", config, FrozenDict(), (), (spec,))
    config = _checked(layer, lambda: input_config(layer.config))
    shape, dtype = config.get("batch_shape"), config.get("dtype")
    if shape is not None and not is_shape(shape):
        raise SourceError(
            f"the input {layer.name!r} has the shape {str(shape)[:80]}; expected a list of sizes and nulls"
        )
    spec = Spec(shape, dtype if isinstance(dtype, str) else "float32")
    return Call(layer.name, id(layer.source), "layers.InputLayer", config, FrozenDict(), (), (spec,))


def _call(
    session: _Session, source: Json, layer: _Layer, first: Tree, rest: FrozenDict, number: int, count: int
) -> Call:
    """One call of a layer, of which ``count`` outputs are used."""
    if is_op_layer(layer.class_name) and is_own(layer.module):
        kind, arguments = _operation(layer, first, rest)
        return Call(layer.name, None, kind, FrozenDict(), arguments, (), _unknown("", count), number)
    first = single(first)
    if layer.model is not None:
        return _model_call(session, layer, first, rest, number, count)
    kind = layer_kind(layer.module, layer.class_name)
    if kind == "layers.InputLayer":
        raise SourceError(f"the input {layer.name!r} is called, or is none of the model's inputs")
    read = lambda_config if kind == "layers.Lambda" else layer_config
    config = _checked(layer, lambda: read(kind, layer.config))
    path = session.paths.get(id(source), "")
    found = stored_weights(session.weights, path, layer.name, kind, config)
    # What a class of somebody else's calls its parameters is not written down.
    arguments = as_layer_call(kind, first, rest, "arg0" if kind.startswith("custom.") else "inputs")
    outputs = _unknown(compute_dtype(freeze_config(layer.config)), count)
    return Call(layer.name, id(layer.source), kind, config, arguments, found, outputs, number)


def _unknown(dtype: str, count: int) -> tuple[Spec, ...]:
    return (Spec(None, dtype),) * count


def _operation(layer: _Layer, first: Tree, rest: FrozenDict) -> tuple[str, FrozenDict]:
    symbol = layer.config.get("function")
    if layer.class_name in ("TFOpLambda", "SlicingOpLambda") and isinstance(symbol, str):
        return as_operation(symbol, first, rest)
    return op_kind(layer.class_name, freeze_config(layer.config)), FrozenDict(inputs=first, **rest)


def _model_call(session: _Session, layer: _Layer, first: Tree, rest: FrozenDict, number: int, count: int) -> Call:
    kind = str(layer.model)
    inner = session.models.get(id(layer.source))
    if inner is not None:
        known = len(leaves(inner.outputs))
        if count > known:
            raise SourceError(f"output {count - 1} of the model {layer.name!r} is used, but it has {known}, from 0")
        count = known
    config = FrozenDict(trainable=layer.config.get("trainable", True) is not False) if session.keep else FrozenDict()
    arguments = as_layer_call(kind, first, rest)
    return Call(layer.name, id(layer.source), kind, config, arguments, None, _unknown("", count), number, inner)


def _checked(layer: _Layer, read: Callable[[], FrozenDict]) -> FrozenDict:
    """The config of a layer, which may hold anything."""
    try:
        return read()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        what = f"the layer {layer.name!r} ({layer.class_name})"
        raise SourceError(f"{what} cannot be made of its config: {said}") from error
