"""KG701 lambda-code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgraph.findings import Finding, Severity
from kgraph.frontends.descriptions import is_code
from kgraph.frontends.references import LAMBDA
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, found

HELP = (
    "write the function as a layer of your own, or with keras.ops, and save again; load such a file only from whom "
    "you trust as much as a program"
)


class LambdaCode:
    """
    What it does:
        Finds Python code in a file: ``Lambda`` layers, and any other entry that holds marshalled bytecode.

    Why is this bad?
        Whoever loads the file runs the code. Keras refuses unless ``safe_mode=False`` is given; but Keras 2 to this
        day, and Keras 3 before 3.11.3, always run what stands in an ``.h5`` file. The same bytecode is wrong or crashes
        in another release of Python. kgraph never unmarshals it: the class, or the first bytes, tell.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "f", "function":
            {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAAAAAAAAEAAAA=", "defaults": null}}}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "ReLU", "config": {"name": "f"}}]}}
        ```
    """

    id = "KG701"
    name = "lambda-code"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for all code of a file."""
        marked = facts.description.of("__lambda__", "Lambda")
        holders = {id(part.value): part for part in marked if _holds_code(part.value)}
        for part in facts.description.texts:
            if is_code(part.value) and id(part.owner) not in holders:
                holders[id(part.owner)] = part
        if holders:
            parts = list(holders.values())
            yield found(
                self,
                f"holds Python code {at(parts)}: Keras runs it where safe_mode=False is given, and else refuses; "
                "Keras 2 and Keras before 3.11.3 always run that of an .h5 file",
                HELP,
            )


def _holds_code(value: Mapping[str, Any]) -> bool:
    """True for a marked function, and for the Lambda layer of Keras 2 that holds one."""
    if value["class_name"] == "__lambda__":
        return True
    config: Any = value.get("config")
    if value["class_name"] != "Lambda" or not isinstance(config, dict):
        return False
    return any(config.get(f"{key}_type") == "lambda" or _is_dumped(config.get(key)) for key in LAMBDA)  # pyright: ignore


def _is_dumped(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)  # pyright: ignore
