"""KG710 op-symbol."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from kgraph.findings import Finding, Severity
from kgraph.frontends.descriptions import Part
from kgraph.graph import Graph
from kgraph.ops.names import names
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, capped, found, quoted

ENTRIES = {"TFOpLambda": "function", "SlicingOpLambda": "function", "ClassMethod": "cls_symbol"}
"""Layers of Keras 2 that look a symbol of TensorFlow up, and the entry that names it."""

CLASSES = frozenset(("RaggedTensor", "SparseTensor", "Tensor", "TensorShape", "TensorSpec"))
"""Classes of TensorFlow whose class methods make tensors."""

NODE = re.compile(r'"op"\s*:\s*"((?:[^"\\]|\\.)*)"|^\s*op\s*:\s*"([^"]*)"', re.MULTILINE)
"""Where a written-out node of a TensorFlow graph, JSON or text, says what it does."""

HELP = "do not load this file, unless you know the function and why the model calls it"


class OpSymbol:
    """
    What it does:
        Finds layers of Keras 2 (``TFOpLambda``, ``SlicingOpLambda``, ``ClassMethod``, ``TensorFlowOpLayer``) that call
        a function of TensorFlow which does more than compute a tensor: all that are not on an exact list.

    Why is this bad?
        They call whatever symbol the file names, with the arguments that it gives: ``io.write_file`` writes files,
        ``io.read_file`` reads them, ``load_library`` loads machine code. ``safe_mode`` does not look at them.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"class_name": "TFOpLambda", "config": {"name": "w", "function": "io.write_file"}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"class_name": "TFOpLambda", "config": {"name": "w", "function": "math.add"}}]}}
        ```
    """

    id = "KG710"
    name = "op-symbol"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each symbol."""
        named: dict[str, list[Part]] = {}
        for part in facts.description.of("TensorFlowOpLayer", *ENTRIES):
            symbol = _symbol(part)
            if symbol is not None:
                named.setdefault(symbol, []).append(part)
        yield from capped(self, (self._finding(symbol, parts) for symbol, parts in named.items()))

    def _finding(self, symbol: str, parts: list[Part]) -> Finding:
        return found(
            self,
            f"calls TensorFlow's {quoted(symbol)} {at(parts)}, which is not on the list of functions that only compute "
            "tensors: Keras 2 would call it when the model is loaded, and each time it runs",
            HELP,
        )


def _symbol(part: Part) -> str | None:
    """The symbol that a layer calls, where it is not on the list."""
    kind, config = part.value["class_name"], part.value.get("config")
    if not isinstance(config, Mapping):
        return None
    entries = cast("Mapping[str, Any]", config)
    if kind == "TensorFlowOpLayer":
        match = NODE.search(entries["node_def"]) if isinstance(entries.get("node_def"), str) else None
        node = (match[1] or match[2]) if match else "a node that it does not tell"
        return None if node in names().nodes else node
    symbol = entries.get(ENTRIES[kind])
    if not isinstance(symbol, str) or symbol.removeprefix("compat.v1.") in names().symbols:
        return None
    return None if symbol in names().symbols or (kind == "ClassMethod" and symbol in CLASSES) else symbol
