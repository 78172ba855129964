"""How Keras 3 writes down layers and operations: which kind each is, and its config. Nothing is imported or called."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from kgraph.errors import SourceError
from kgraph.frontends.keras3_nodes import Node, argument, read_node
from kgraph.frontends.serialized import freeze, freeze_config
from kgraph.frontends.written import Json, assumed_selection, carefully, expect, function, shape_of, shown
from kgraph.graph import FrozenDict, Function, Shape, Spec, Tree
from kgraph.ops import complete
from kgraph.ops.catalog import class_kinds, entry, kind_of

MODELS = {"Functional": "models.Functional", "Model": "models.Functional", "Sequential": "models.Sequential"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer or operation as the file has it.

    Attributes:
        kind: the kind that it is; of a model of Keras' own, ``models.Functional`` or ``models.Sequential``.
        identity: tells it from others, but not from the same layer elsewhere in the file.
        config: its own entries, as written.
        source: the JSON object.
        nodes: its calls.
        where: for messages.
    """

    name: str
    kind: str
    identity: Hashable
    config: Json
    source: Json
    nodes: tuple[Node, ...]
    where: str

    @property
    def is_model(self) -> bool:
        """True for a model of Keras' own; a subclass may do anything when it is called."""
        return self.kind in MODELS.values()

    @property
    def is_layer(self) -> bool:
        """True for layers, which have a config and weights, unlike operations."""
        if not self.kind.startswith("custom."):
            return self.kind.startswith(("layers.", "models."))
        return "trainable" in self.config or "dtype" in self.config or "build_config" in self.source

    @property
    def is_input(self) -> bool:
        """True for the layer that a model starts with."""
        return self.kind == "layers.InputLayer"

    @property
    def call_count(self) -> int:
        """How many calls it has; those of inputs are not written down."""
        return 1 if self.is_input else len(self.nodes)

    @property
    def has_first_call(self) -> bool:
        """True for functional models, whose calls are counted from 1 where a model's outputs are named."""
        if self.kind == "models.Functional":
            return True
        return "compile_config" in self.source and self.source.get("build_config") == {"input_shape": None}


def is_own_model(source: Json) -> bool:
    """True for a functional or Sequential model of Keras' own."""
    return source.get("class_name") in MODELS and _is_own(source.get("module"))


def _is_own(module: Any) -> bool:
    return module is None or module == "keras" or str(module).startswith("keras.")


def read_layers(source: Json, where: str) -> list[Layer]:
    """The layers of a functional or Sequential model.

    Raises:
        SourceError: there are none, two have one name, or one is malformed.
    """
    config = source.get("config")
    rows = config.get("layers") if isinstance(config, Mapping) else None  # pyright: ignore
    if not isinstance(rows, list) or not rows:
        raise SourceError(
            f"{where}: {shown(source.get('class_name'))} lists no layers; expected a functional or Sequential model, "
            "as the graph of a subclassed keras.Model exists only while its call() runs"
        )
    found = [_layer(row, f"{where}, layers[{number}]") for number, row in enumerate(rows)]  # pyright: ignore
    places: dict[str, int] = {}
    for number, layer in enumerate(found):
        if places.setdefault(layer.name, number) != number:
            raise SourceError(
                f"{where}: layers[{places[layer.name]}] and layers[{number}] are both named {shown(layer.name)}; "
                "the names tell which is connected to which"
            )
    return found


def _layer(row: Any, where: str) -> Layer:
    source = expect(row, Mapping, where)
    class_name = expect(source.get("class_name"), str, f"{where}.class_name")
    config = expect(source.get("config"), Mapping, f"{where}.config")
    name = expect(source.get("name", config.get("name", class_name)), str, f"{where}.name")
    where = f"{where} ({shown(name)})"
    nodes = expect(source.get("inbound_nodes", []), list, f"{where}.inbound_nodes")
    shared = source.get("shared_object_id")
    return Layer(
        name=name,
        kind=_kind(source, class_name, config),
        identity=("shared", class_name, shared) if isinstance(shared, int) else id(source),
        config=config,
        source=source,
        nodes=tuple([read_node(node, f"{where}.inbound_nodes[{number}]") for number, node in enumerate(nodes)]),
        where=where,
    )


def _kind(source: Json, class_name: str, config: Json) -> str:
    module = source.get("module")
    if is_own_model(source):
        return MODELS[class_name]
    if module is None:  # as in HDF5 files; the config tells a layer from an operation of the same name
        return _kind_by_name(class_name, "trainable" in config or "batch_shape" in config)
    kind = kind_of(module, class_name)
    return kind if "." in kind else f"custom.{module}.{class_name}"


@functools.cache
def _kind_by_name(name: str, is_layer: bool) -> str:
    layer = kind_of("keras.layers", name)
    homes = ("keras.src.ops.", "keras.src.activations.")
    found = (kind for path, kind in class_kinds().items() if path.startswith(homes) and path.endswith(f".{name}"))
    operation = next(found, None)
    if entry(layer) is not None and (is_layer or operation is None):
        return layer
    return operation if operation is not None and not is_layer else f"custom.{name.replace('>', '.')}"


def layer_config(layer: Layer, entered: tuple[Spec, ...], left: Spec | None) -> FrozenDict:
    """The config of a layer, complete as a live one's.

    Args:
        layer: which.
        entered: what enters its first call.
        left: what is recorded of the output of its first call.
    """
    if layer.kind == "layers.Lambda":
        return _lambda_config(layer, entered, left)
    return carefully(lambda: complete(layer.kind, freeze_config(layer.config)), f"{layer.where}.config")


def _lambda_config(layer: Layer, entered: tuple[Spec, ...], left: Spec | None) -> FrozenDict:
    """The config of a Lambda layer: its code is neither unmarshalled nor run."""
    where = f"{layer.where}.config"
    arguments = argument(layer.config.get("arguments") or {}, f"{where}.arguments")
    written = function(layer.config.get("function"), f"{where}.function")
    assumed = assumed_selection(arguments, entered[0] if len(entered) == 1 else None, left)
    if assumed is not None:
        written = Function(written.digest, assumed, "assumed", captures=written.captures)
        arguments = FrozenDict()  # the selection holds them
    found: dict[str, Tree] = {"function": written, "arguments": arguments}
    for key in ("output_shape", "mask"):
        value = layer.config.get(key)
        found[key] = function(value, f"{where}.{key}") if _is_function(value) else freeze(value)
    found.update({key: freeze(layer.config[key]) for key in ("trainable", "dtype") if key in layer.config})
    return carefully(lambda: complete(layer.kind, FrozenDict(found)), where)


def _is_function(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") in ("__lambda__", "function")  # pyright: ignore


def input_config(layer: Layer) -> tuple[FrozenDict, Spec]:
    """The config of an InputLayer, and what it makes."""
    where = f"{layer.where}.config"
    shape = shape_of(layer.config.get("batch_shape"), f"{where}.batch_shape")
    config = carefully(lambda: complete(layer.kind, freeze_config(layer.config)), where)
    return config, Spec(shape, expect(config.get("dtype"), str, f"{where}.dtype"))


def built_shape(source: Json, where: str) -> Shape:
    """The shape of the one tensor for which a layer was built, None where it is not written down."""
    build = source.get("build_config")
    shape = build.get("input_shape") if isinstance(build, Mapping) else None  # pyright: ignore
    if not isinstance(shape, list) or any(isinstance(extent, (list, Mapping)) for extent in shape):  # pyright: ignore
        return None  # of several tensors
    return shape_of(shape, f"{where}.build_config.input_shape")
