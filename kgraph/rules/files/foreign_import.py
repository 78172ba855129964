"""KG704 foreign-import."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.lookalikes import imitated, skeleton
from kgraph.frontends.references import Name, Reference, Standing
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at_places, capped, found, quoted

HELP = "do not load this file: Keras never writes such a name by itself"


class ForeignImport:
    """
    What it does:
        Finds classes and functions of modules that hold no parts of models (``os``, ``subprocess``, ``builtins``,
        ``numpy``, ...), and names that only look like Keras' own (``kerasx``, Cyrillic letters).

    Why is this bad?
        Keras 3 before 3.9, and Keras 2 to this day, import the module that a file names and take any function from
        it: loading the file runs what the file says (CVE-2025-1550), and ``safe_mode`` does not stop it.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "subprocess", "class_name": "Popen", "registered_name": "Popen", "config": {"args": "id"}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "registered_name": null, "config": {"units": 3}}]}}
        ```
    """

    id = "KG704"
    name = "foreign-import"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each name."""
        wanted = (Standing.FOREIGN, Standing.LOOKALIKE)
        named = (item for item in facts.references if item.standing in wanted and not item.name.in_lambda)
        yield from capped(self, (self._finding(item) for item in named))

    def _finding(self, item: Reference) -> Finding:
        said = f"names {quoted(item.name.path)} {at_places(item.count, item.places)}"
        if item.standing is Standing.LOOKALIKE:
            return found(
                self, f"{said}, which is not {_meant(item.name)}: Keras would use, or import, what is so called", HELP
            )
        if item.name.kind == "text":
            return found(self, f"{said}: Keras calls what is registered under that name, and else refuses", HELP)
        then = "Keras before 3.9 and Keras 2 would import its module and call it; later ones refuse"
        return found(self, f"{said}: {then}", HELP)


def _meant(name: Name) -> str:
    """What the name is spelt to be taken for."""
    return imitated((name.module or "").partition(".")[0]) or skeleton(name.name)
