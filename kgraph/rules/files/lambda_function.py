"""KG702 lambda-function."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.references import Reference, Standing
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.files.unsafe_switch import is_switch
from kgraph.rules.saying import at_places, capped, found, quoted

HELP = "register the function and name it, or use a layer or keras.ops; do not load a file that names anything else"


class LambdaFunction:
    """
    What it does:
        Finds ``Lambda`` layers that call a function by its name, other than one of ``keras.ops``, an activation or a
        tensor function of TensorFlow. A function of your own, which has to be registered, is only noted.

    Why is this bad?
        The name decides what runs: ``keras.utils.get_file`` downloads, ``os.system`` runs programs. ``safe_mode``
        looks for code, and not at names; Keras before 3.9 and Keras 2 take any function of any module.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "f", "function":
            {"class_name": "function", "module": "keras.utils", "config": "get_file"}, "arguments": {"fname": "x"}}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "f", "function":
            {"class_name": "function", "module": "builtins", "config": "relu", "registered_name": "function"}}}]}}
        ```
    """

    id = "KG702"
    name = "lambda-function"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each function."""
        named = (
            reference for reference in facts.references
            if reference.name.in_lambda and reference.standing is not Standing.KNOWN and not is_switch(reference)
        )  # fmt: skip
        yield from capped(self, (self._finding(reference) for reference in named))

    def _finding(self, reference: Reference) -> Finding:
        own = reference.standing in (Standing.CUSTOM, Standing.RENAMED)
        then = "looks up what is registered under that name" if own else "would call it when the layer is made or run"
        said = f"a Lambda calls {quoted(reference.name.path)} {at_places(reference.count, reference.places)}"
        return found(self, f"{said}: Keras {then}", HELP, severity=Severity.INFO if own else None)
