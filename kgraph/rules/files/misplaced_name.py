"""KG705 misplaced-name."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.references import Reference, Standing
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.files.unsafe_switch import is_switch
from kgraph.rules.saying import at_places, capped, found, quoted

HELP = "do not load this file: Keras never writes such a name there"
ARTICLES = {
    "activation": "an activation", "initializer": "an initializer", "optimizer": "an optimizer",
    "schedule": "a learning rate schedule", "policy": "a dtype policy",
}  # fmt: skip


class MisplacedName:
    """
    What it does:
        Finds names of Keras that have no business where they stand: functions that load, download, draw or write, a
        class where a function is said to be, an optimizer as a layer.

    Why is this bad?
        All that Keras exports can be named in a file, and is looked up, with ``safe_mode`` or without: a file that
        names ``keras.utils.get_file`` as an activation downloads (CVE-2025-8747), one that names a class as a function
        gets past the checks on classes.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3, "activation":
            {"class_name": "function", "module": "keras.utils", "config": "get_file"}}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3, "activation": "relu"}}]}}
        ```
    """

    id = "KG705"
    name = "misplaced-name"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each name."""
        wanted = (Standing.MISPLACED, Standing.SERVICE)
        named = (
            item for item in facts.references
            if item.standing in wanted and not item.name.in_lambda and not is_switch(item)
        )  # fmt: skip
        yield from capped(self, (self._finding(item) for item in named))

    def _finding(self, item: Reference) -> Finding:
        said = f"names {quoted(item.name.path)} as a {item.name.kind} {at_places(item.count, item.places)}"
        if item.standing is Standing.SERVICE:
            return found(self, f"{said}, which is no part of a model: Keras would look it up and call it", HELP)
        role = item.name.role
        wanted = "that" if role is None or item.name.kind == "function" else ARTICLES.get(role, f"a {role}")
        return found(self, f"{said}, which is not {wanted}: Keras would look it up, and use it as if it were", HELP)
