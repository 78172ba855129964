"""Describes a model by the JSON that Keras 3 writes of it. Nothing is imported, unpickled or called."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.arguments import Signature, bound_arguments, catalog_signature
from kgraph.frontends.assemble import Call, Model, Ref
from kgraph.frontends.keras3_layers import Layer, built_shape, input_config, layer_config, read_layers
from kgraph.frontends.keras3_nodes import Node, Tensor, argument, structure, tensors
from kgraph.frontends.live_record import inside_out
from kgraph.frontends.serialized import freeze
from kgraph.frontends.written import Json, carefully, expect, shape_of, shown
from kgraph.graph import FrozenDict, Shape, Slot, Spec, Tree, Weight, leaves, map_leaves
from kgraph.ops import Call as OpCall
from kgraph.ops import complete, infer_specs, infer_weights
from kgraph.ops.base import compute_dtype

Place = tuple[str, int]
"""A call: the name of its layer, and which call of the layer it is."""

MODEL = Signature(("inputs", "training", "mask"), None, ("inputs", "training", "mask"), {})
"""How models are called."""


@dataclass(slots=True)
class _Session:
    """What is shared while one file is described.

    Attributes:
        layers: of each model, by the id of its JSON.
        models: the described ones, by the same.
        configs, weights: by the identity of a layer: the same one may be written down at several places.
    """

    keep: bool
    layers: dict[int, list[Layer]] = field(default_factory=dict[int, list[Layer]])
    models: dict[int, Model] = field(default_factory=dict[int, Model])
    configs: dict[Hashable, FrozenDict] = field(default_factory=dict[Hashable, FrozenDict])
    weights: dict[Hashable, tuple[Weight, ...] | None] = field(
        default_factory=dict[Hashable, "tuple[Weight, ...] | None"]
    )


def describe(config: Mapping[str, Any], *, keep: bool = False) -> Model:
    """The model that a configuration describes.

    Args:
        config: what ``model.to_json()`` writes, parsed: ``class_name`` and ``config``.
        keep: leave nested models as one call each.

    Raises:
        SourceError: it is no functional or Sequential model of Keras 3, or is broken; one line says where.
    """
    session = _Session(keep)
    for source in inside_out(expect(config, Mapping, "the model"), lambda model: _nested(session, model)):
        session.models[id(source)] = _described(session, source)
    return session.models[id(config)]


def _where(source: Json) -> str:
    config = source.get("config")
    return f"the model {shown(config.get('name'))}" if isinstance(config, Mapping) else "the model"  # pyright: ignore


def _nested(session: _Session, source: Json) -> list[Any]:
    layers = read_layers(source, _where(source))
    session.layers[id(source)] = layers
    return [layer.source for layer in layers if layer.is_model]


def _described(session: _Session, source: Json) -> Model:
    config, where = source["config"], _where(source)
    name = config.get("name")
    name = name if isinstance(name, str) else "model"
    layers = session.layers[id(source)]
    if "output_layers" in config:
        return _Functional(session, layers, where).model(name, config)
    if "input_layers" in config:
        raise SourceError(f"{where}: it has input_layers and no output_layers: its outputs are not known")
    return _sequential(session, name, source, layers)


# --- Sequential models ---------------------------------------------------------------------------------------------


def _sequential(session: _Session, name: str, source: Json, layers: list[Layer]) -> Model:
    """A chain of layers; what enters a layer is recorded where it was built for that."""
    calls = [_first(source, layers[0])]
    rest = layers[1:] if layers[0].is_input else layers
    last: Tree = Ref(0)
    for number, layer in enumerate(rest):
        if layer.is_input:
            raise SourceError(
                f"{layer.where}: an InputLayer stands within a Sequential model; expected the first place"
            )
        following = rest[number + 1] if number + 1 < len(rest) else None
        shape = None if following is None else built_shape(following.source, following.where)
        calls.append(_call(session, layer, Node((last,), FrozenDict()), 0, {}, calls, [], shape))
        made = [Ref(len(calls) - 1, out) for out in range(len(calls[-1].outputs))]
        last = made[0] if len(made) == 1 else tuple(made)
    return Model(name, tuple(calls), Ref(0), last)


def _first(source: Json, first: Layer) -> Call:
    """The input of a Sequential model."""
    if first.is_input:
        return _input(first)
    where = _where(source)
    shape = source["config"].get("build_input_shape")
    if shape is None:
        raise SourceError(
            f"{where}: the Sequential model was never built, and has no graph; call model.build(input_shape) before it "
            "is saved, or start it with keras.Input(...)"
        )
    dtype = compute_dtype(OpCall(first.kind, _policy(first), FrozenDict(), ())) or "float32"
    spec = Spec(shape_of(shape, f"{where}.build_input_shape"), dtype)
    config = complete("layers.InputLayer", FrozenDict(batch_shape=spec.shape, dtype=dtype))
    return Call("input_layer", id(source), "layers.InputLayer", config, FrozenDict(), (), (spec,))


def _policy(layer: Layer) -> FrozenDict:
    return FrozenDict(dtype=carefully(lambda: freeze(layer.config.get("dtype")), f"{layer.where}.config.dtype"))


# --- functional models ---------------------------------------------------------------------------------------------


class _Functional:
    """Describes one functional model: calls are found by their places, then made in topological order."""

    def __init__(self, session: _Session, layers: list[Layer], where: str) -> None:
        self.session, self.where = session, where
        self.layers = {layer.name: layer for layer in layers}
        self.recorded = _Recorded(layers)
        self.numbers: dict[Place, int] = {}
        self.calls: list[Call] = []

    def model(self, name: str, config: Json) -> Model:
        inputs, outputs = (
            structure(config.get(key), f"{self.where}.{key}") for key in ("input_layers", "output_layers")
        )
        for tensor in tensors(inputs):
            layer = self.layer(tensor)
            if not layer.is_input:
                raise SourceError(f"{self.where}: input_layers names {shown(layer.name)}, which is no InputLayer")
            if (layer.name, 0) not in self.numbers:
                self.numbers[layer.name, 0] = len(self.calls)
                self.calls.append(_input(layer, self.recorded.specs.get((layer.name, 0, 0))))
        outputs = map_leaves(self._from_zero, outputs)
        for tensor in tensors(outputs):
            self.recorded.count(tensor)
        for place in self._in_order(outputs):
            self._add(place)
        return Model(name, tuple(self.calls), map_leaves(self.ref, inputs), map_leaves(self.ref, outputs))

    def layer(self, tensor: Tensor) -> Layer:
        """The layer that makes a tensor.

        Raises:
            SourceError: there is no such layer, or it has no such call.
        """
        layer = self.layers.get(tensor.layer)
        if layer is None:
            raise SourceError(f"{self.where}: {tensor} is used, but there is no such layer")
        if tensor.call >= layer.call_count:
            raise SourceError(f"{self.where}: {tensor} is used, but it has {layer.call_count} calls, from 0")
        return layer

    def ref(self, tensor: Tensor) -> Ref:
        """Where a tensor is made, once its call is."""
        number = self.numbers[tensor.layer, tensor.call]
        count = len(self.calls[number].outputs)
        if tensor.out >= count:
            raise SourceError(f"{self.where}: {tensor} is used, but it has {count} outputs, from 0")
        return Ref(number, tensor.out)

    def _from_zero(self, tensor: Tensor) -> Tensor:
        layer = self.layers.get(tensor.layer)
        # Keras counts a call from when a functional model was made, here and not where a call's arguments are.
        late = layer is not None and (layer.has_first_call or tensor.call == layer.call_count) and tensor.call > 0
        return Tensor(tensor.layer, tensor.call - 1, tensor.out) if late else tensor

    def _in_order(self, outputs: Tree) -> list[Place]:
        """The calls above the outputs, depth first, down to the declared inputs."""
        order: dict[Place, None] = dict.fromkeys(self.numbers)
        declared = len(order)
        waited: set[Place] = set()
        for output in tensors(outputs):
            stack = [output]
            while stack:
                tensor = stack[-1]
                place = tensor.layer, tensor.call
                if place in order:
                    stack.pop()
                    continue
                waiting = [each for each in self._node(tensor).tensors() if (each.layer, each.call) not in order]
                if not waiting:
                    order[place] = None
                    stack.pop()
                    continue
                if place in waited:
                    raise SourceError(f"{self.where}: {tensor} depends on itself: the layers form a cycle")
                waited.add(place)
                stack.extend(reversed(waiting))
        return list(order)[declared:]

    def _node(self, tensor: Tensor) -> Node:
        layer = self.layer(tensor)
        if layer.is_input:
            raise SourceError(f"{self.where}: the input {shown(layer.name)} is used, but is none of input_layers")
        return layer.nodes[tensor.call]

    def _add(self, place: Place) -> None:
        layer, node = self.layers[place[0]], self.layers[place[0]].nodes[place[1]]
        refs = {tensor: self.ref(tensor) for tensor in node.tensors()}
        self.numbers[place] = len(self.calls)
        recorded = self.recorded.outputs(layer, place[1])
        self.calls.append(_call(self.session, layer, node, place[1], refs, self.calls, recorded))


# --- calls ---------------------------------------------------------------------------------------------------------


class _Recorded:
    """What the calls that take a tensor have recorded of it."""

    def __init__(self, layers: list[Layer]) -> None:
        self.specs: dict[tuple[str, int, int], Spec | None] = {}
        self.counts: dict[Place, int] = {}
        for layer in layers:
            for node in layer.nodes:
                for tensor in node.tensors():
                    self._add(layer, tensor)

    def _add(self, layer: Layer, tensor: Tensor) -> None:
        known = self.specs.setdefault((tensor.layer, tensor.call, tensor.out), tensor.spec)
        if known != tensor.spec:
            raise SourceError(
                f"{layer.where}: {tensor} enters as {_words(tensor.spec)}, and another layer as {_words(known)}; "
                "one tensor has one shape and dtype"
            )
        self.count(tensor)

    def count(self, tensor: Tensor) -> None:
        """Notes that a call has this output, whatever it is."""
        place = tensor.layer, tensor.call
        self.counts[place] = max(self.counts.get(place, 0), tensor.out + 1)

    def outputs(self, layer: Layer, number: int) -> list[Spec | None]:
        """By output of a call, what is recorded of it."""
        count = self.counts.get((layer.name, number), 0)
        return [self.specs.get((layer.name, number, out)) for out in range(count)]


def _words(spec: Spec | None) -> str:
    return f"{spec.dtype} {spec.shape}" if spec else "one of an unknown shape"


def _input(layer: Layer, recorded: Spec | None = None) -> Call:
    config, spec = input_config(layer)
    return Call(layer.name, layer.identity, layer.kind, config, FrozenDict(), (), (recorded or spec,))


def _call(
    session: _Session,
    layer: Layer,
    node: Node,
    number: int,
    refs: Mapping[Tensor, Ref],
    calls: list[Call],
    recorded: list[Spec | None],
    built: Shape = None,
) -> Call:
    """One call of a layer, a model or an operation.

    Args:
        session: of the file.
        layer: which is called.
        node: with what.
        number: which call of its layer it is.
        refs: where the tensors are made that enter.
        calls: those of the model so far.
        recorded: by output, what is recorded of it.
        built: the shape that the following layer was built for.
    """
    made = {} if layer.is_layer or layer.is_model else _made(layer)
    signature = MODEL if layer.is_model else catalog_signature(layer.kind, made)
    arguments = bound_arguments(signature, node.args, node.kwargs, made, lambda tree: _connected(tree, refs))
    slotted, entered = _slotted(arguments, calls)
    if layer.is_model:
        return _model_call(session, layer, arguments, number, entered, recorded)
    if not layer.is_layer:
        outputs, known = _outputs(layer, OpCall(layer.kind, FrozenDict(), slotted, entered), recorded, built)
        # Keras' own operations have no weights to share; a custom one may hold anything.
        identity = layer.identity if layer.kind.startswith("custom.") else None
        return Call(layer.name, identity, layer.kind, FrozenDict(), arguments, (), outputs, number, known=known)
    config = _config(session, layer, entered, recorded)
    call = OpCall(layer.kind, config, slotted, entered)
    outputs, known = _outputs(layer, call, recorded, built)
    found = _weights(session, layer, call)
    return Call(layer.name, layer.identity, layer.kind, config, arguments, found, outputs, number, known=known)


def _made(layer: Layer) -> dict[str, Tree]:
    """What an operation was made with."""
    return {key: argument(value, f"{layer.where}.config.{key}") for key, value in layer.config.items() if key != "name"}


def _connected(tree: Tree, refs: Mapping[Tensor, Ref]) -> Tree:
    """A tree with Refs in place of Tensors."""
    if isinstance(tree, Tensor):
        return refs[tree]
    return map_leaves(lambda leaf: refs[leaf] if isinstance(leaf, Tensor) else leaf, tree)


def _slotted(arguments: FrozenDict, calls: list[Call]) -> tuple[FrozenDict, tuple[Spec, ...]]:
    """Arguments with Slots in place of Refs, and the specs of what enters them."""
    found: list[Spec] = []

    def enter(leaf: Any) -> Any:
        if not isinstance(leaf, Ref):
            return leaf
        found.append(calls[leaf.call].outputs[leaf.out])
        return Slot(len(found) - 1)

    return map_leaves(enter, arguments), tuple(found)


def _config(session: _Session, layer: Layer, entered: tuple[Spec, ...], recorded: list[Spec | None]) -> FrozenDict:
    if layer.identity not in session.configs:
        session.configs[layer.identity] = layer_config(layer, entered, next(iter(recorded), None))
    return session.configs[layer.identity]


def _outputs(layer: Layer, call: OpCall, recorded: list[Spec | None], built: Shape) -> tuple[tuple[Spec, ...], str]:
    """The specs of a call's outputs, and how they are known: what is recorded comes first."""
    inferred = carefully(lambda: infer_specs(call), layer.where)
    if inferred is None:
        dtype = compute_dtype(call) or (call.operands[0].dtype if call.operands else "float32")
        unknown = Spec(built, dtype)
        found = tuple(spec or unknown for spec in recorded or [None])
        return found, "unknown" if any(spec.shape is None for spec in found) else "recorded"
    if len(recorded) > len(inferred):
        raise SourceError(
            f"{layer.where}: output {len(recorded) - 1} is used, but a {layer.kind} has {len(inferred)}, from 0"
        )
    given = [*recorded, *(None,) * (len(inferred) - len(recorded))]
    found = tuple(spec or other for spec, other in zip(given, inferred, strict=True))
    return found, "proved" if None in given else "recorded"


def _weights(session: _Session, layer: Layer, call: OpCall) -> tuple[Weight, ...] | None:
    """The variables of a layer, which are made for what it was built for."""
    if layer.identity not in session.weights:
        shape = built_shape(layer.source, layer.where)
        if shape is not None and next(iter(call.arguments.values()), None) == Slot(0):
            call = replace(call, operands=(Spec(shape, call.operands[0].dtype), *call.operands[1:]))
        session.weights[layer.identity] = carefully(lambda: infer_weights(call), layer.where)
    return session.weights[layer.identity]


def _model_call(
    session: _Session,
    layer: Layer,
    arguments: FrozenDict,
    number: int,
    entered: tuple[Spec, ...],
    recorded: list[Spec | None],
) -> Call:
    inner = session.models[id(layer.source)]
    results = [inner.calls[ref.call].outputs[ref.out] for ref in leaves(inner.outputs) if isinstance(ref, Ref)]
    if len(recorded) > len(results):
        raise SourceError(f"{layer.where}: output {len(recorded) - 1} is used, but it has {len(results)}, from 0")
    declared = [inner.calls[ref.call].outputs[ref.out].shape for ref in leaves(inner.inputs)]  # pyright: ignore
    if declared != [spec.shape for spec in entered]:
        results = [Spec(None, spec.dtype) for spec in results]
    given = [*recorded, *(None,) * (len(results) - len(recorded))]
    outputs = tuple(spec or other for spec, other in zip(given, results, strict=True))
    found = _model_weights(session, layer)
    config = FrozenDict(trainable=layer.config.get("trainable") is not False) if session.keep else FrozenDict()
    found, inner = (found, None) if session.keep else (None, inner)
    return Call(layer.name, layer.identity, layer.kind, config, arguments, found, outputs, number, inner)


def _model_weights(session: _Session, layer: Layer) -> tuple[Weight, ...] | None:
    """Those of its layers, each once, in the order in which they are listed."""
    found: dict[Hashable, tuple[Weight, ...] | None] = {}
    for each in session.layers[id(layer.source)]:
        if each.is_layer and not each.is_input:
            found[each.identity] = session.weights.get(each.identity)
    known = [weights for weights in found.values() if weights is not None]
    session.weights[layer.identity] = tuple(w for ws in known for w in ws) if len(known) == len(found) else None
    return session.weights[layer.identity]
