"""From what a model file describes to a Graph: which Keras wrote it, and what kind of model it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgraph.errors import GraphError, SourceError
from kgraph.frontends.assemble import Model, assemble
from kgraph.frontends.contents import Contents, Limits
from kgraph.frontends.written import expect, shown
from kgraph.graph import Graph

KERAS_2 = frozenset(("batch_input_shape", "output_shape_type", "function_type", "module_objects"))
"""Entries of layers that Keras 3 does not write."""


def read(contents: Contents, *, nested: str = "dissolve", limits: Limits) -> Graph:
    """The Graph of the model that a file describes.

    Args:
        contents: what the file holds.
        nested: ``dissolve`` or ``keep`` the models nested in it.
        limits: how large the graph may be.

    Raises:
        SourceError: the file describes no functional or Sequential model, is broken, or breaks a limit.
    """
    if nested not in ("dissolve", "keep"):
        raise SourceError(f"nested must be 'dissolve' or 'keep', received {nested!r}")
    try:
        return assemble(describe(contents, keep=nested == "keep"), limit=limits.nodes)
    except GraphError as error:
        raise SourceError(f"what it describes is no graph of a model: {error}") from error
    except RecursionError:
        raise SourceError("an entry of its description is nested too deeply") from None


def describe(contents: Contents, *, keep: bool) -> Model:
    """The model that a file describes.

    Raises:
        SourceError: it is no functional or Sequential model, or is broken; one line says where.
    """
    config = contents.config
    if config is None and contents.unread:
        raise SourceError(f"no description of a model was found in what could be read: {contents.unread[0]}")
    if config is None:
        raise SourceError("it holds weights alone, no description of a model; save it with model.save('model.keras')")
    if isinstance(config, Mapping) and "config" not in config and "layers" in config:  # what get_config() returns
        inner: Any = config  # pyright: ignore[reportUnknownVariableType]
        config = {"class_name": "Functional" if "input_layers" in inner else "Sequential", "config": inner}
    whole = expect(config, Mapping, "the description")
    if not isinstance(whole.get("class_name"), str):
        raise SourceError(
            f"the description has no class_name; expected what model.to_json() writes, received {shown(whole)}"
        )
    if is_keras_2(contents, whole):
        from kgraph.frontends import config_keras2

        return config_keras2.describe(whole, keep=keep, weights=contents.weights)
    from kgraph.frontends import config_keras3

    return config_keras3.describe(whole, keep=keep)


def is_keras_2(contents: Contents, config: Mapping[str, Any]) -> bool:
    """True if Keras 2 or tf_keras wrote the description.

    How calls are written down decides; then entries that one of them alone writes, and the version last: it may be
    missing, or be that of the program that rewrote the file.
    """
    for layer in _all_layers(config):
        nodes, inner = layer.get("inbound_nodes"), layer.get("config")
        if isinstance(nodes, list) and nodes:
            return not isinstance(nodes[0], Mapping)
        if isinstance(inner, Mapping) and "batch_shape" in inner:
            return False
        if isinstance(inner, Mapping) and not KERAS_2.isdisjoint(inner):  # pyright: ignore
            return True
    version = contents.metadata.get("keras_version", config.get("keras_version"))
    return isinstance(version, str) and version.startswith(("1.", "2."))


def _all_layers(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The layers of a model and of those nested in it; without recursion, as they nest deeply."""
    stack: list[Any] = [config]
    while stack:
        inner = stack.pop().get("config")
        rows: Any = inner.get("layers") if isinstance(inner, Mapping) else inner  # pyright: ignore
        layers = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []  # pyright: ignore
        yield from layers
        stack.extend(reversed(layers))  # pyright: ignore[reportUnknownArgumentType]
