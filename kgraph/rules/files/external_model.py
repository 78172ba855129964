"""KG708 external-model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgraph.findings import Finding, Severity
from kgraph.frontends.descriptions import Part
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, found, quoted


class ExternalModel:
    """
    What it does:
        Finds ``TFSMLayer`` layers: they load a SavedModel from a path that the file names.

    Why is this bad?
        The model is not in the file. Whatever stands at that path is loaded and run, and a SavedModel can read and
        write files; before Keras 3.13.2 even with ``safe_mode`` (CVE-2026-1462).

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"name": "t", "filepath": "/tmp/other"}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}]}}
        ```
    """

    id = "KG708"
    name = "external-model"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for all of them, with the paths of the first ones."""
        parts = facts.description.of("TFSMLayer")
        if parts:
            paths = ", ".join(dict.fromkeys(_path(part) for part in parts[:3]))
            yield found(
                self,
                f"loads another model from {paths} {at(parts)}: Keras would load and run what stands there; from "
                "3.13.2 on it does so with safe_mode=False alone",
                "put the layers themselves into the model, or load the SavedModel by a path you chose",
            )


def _path(part: Part) -> str:
    config: Any = part.value.get("config")
    path: Any = config.get("filepath") if isinstance(config, dict) else None  # pyright: ignore
    return quoted(path) if isinstance(path, str) else "a path that it does not tell"
