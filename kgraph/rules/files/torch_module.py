"""KG707 torch-module."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, found


class TorchModule:
    """
    What it does:
        Finds ``TorchModuleWrapper`` layers: they hold a PyTorch module as a pickle.

    Why is this bad?
        A pickle can run any code when it is loaded. Keras 3.11.0 to 3.11.2 loaded it whatever ``safe_mode`` said
        (CVE-2025-49655); later ones want ``safe_mode=False``, and then run it.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "UEsDBA=="}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}]}}
        ```
    """

    id = "KG707"
    name = "torch-module"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for all of them."""
        parts = facts.description.of("TorchModuleWrapper")
        if parts:
            yield found(
                self,
                f"holds a pickled PyTorch module {at(parts)}: Keras would unpickle it, which can run any code; from "
                "3.11.3 on it does so with safe_mode=False alone",
                "export the module's weights and build the model in code; load such a file only from whom you trust",
            )
