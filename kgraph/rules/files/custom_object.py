"""KG703 custom-object."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.references import Reference, Standing
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at_places, capped, found, quoted

THEN = {
    Standing.CUSTOM: "Keras needs it registered or in custom_objects, and else refuses",
    Standing.NEWER: "no release that kgraph knows has it there; Keras refuses where it has none",
    Standing.RENAMED: "Keras 3.15 refuses the other name; older ones take whatever is registered under it instead",
}
HELP = "make sure that the code which registers it is yours, and imported before the file is loaded"


class CustomObject:
    """
    What it does:
        Lists the classes and functions that are not Keras' own. One of Keras' own that is said to be registered under
        another name is a warning.

    Why is this bad?
        It is not: layers of your own are as good as any. But the file does not hold them. It loads only where their
        code is, and does what that code does; nothing here can tell what.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "mine.layers", "class_name": "Scale", "registered_name": "mine>Scale", "config": {"name": "s"}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Rescaling", "config": {"name": "s", "scale": 2.0}}]}}
        ```
    """

    id = "KG703"
    name = "custom-object"
    severity = Severity.INFO

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each name."""
        named = (item for item in facts.references if item.standing in THEN and not item.name.in_lambda)
        yield from capped(self, (self._finding(item) for item in named))

    def _finding(self, item: Reference) -> Finding:
        registered = item.name.registered
        other = f", registered as {quoted(registered)}," if registered and registered != item.name.name else ""
        said = f"needs {quoted(item.name.path)}{other} {at_places(item.count, item.places)}: {THEN[item.standing]}"
        if item.standing is Standing.CUSTOM and item.name.module not in (None, "", "builtins"):
            said += "; Keras before 3.9 and Keras 2 import its module, which runs it"
        return found(self, said, HELP, severity=Severity.WARNING if item.standing is Standing.RENAMED else None)
