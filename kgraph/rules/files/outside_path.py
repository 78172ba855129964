"""KG709 outside-path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.descriptions import FILES, Part
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, capped, found, quoted

READ = frozenset(("vocabulary", "idf_weights"))
"""Entries whose text Keras takes for the name of a file, and opens."""

OUTSIDE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|[/\\~]|[a-zA-Z]:[/\\]|(?:.*[/\\])?\.\.(?:[/\\]|$)")
HELP = "save the words themselves: build the layer, adapt it or call set_vocabulary, and save the model again"


class OutsidePath:
    """
    What it does:
        Finds vocabularies and weights of words that are the path of a file or a URL; a bare name, which is read from
        the folder that one is in, is a warning. Other entries that name a place outside the archive are only noted.

    Why is this bad?
        Keras opens what is named there when it makes the layer: a file of the machine that loads the model, or, by
        TensorFlow's file systems, of a server (CVE-2025-12058, before Keras 3.12). What it reads becomes part of the
        model, and goes wherever that is saved to.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": ["a", "b"]}}]}}
        ```
    """

    id = "KG709"
    name = "outside-path"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each different entry and path."""
        named: dict[tuple[str, str], list[Part]] = {}
        for part in facts.description.texts:
            if part.key in READ or (part.key in FILES and OUTSIDE.match(part.value) and not _is_saved_model(part)):
                named.setdefault((part.key, part.value), []).append(part)
        yield from capped(self, (self._finding(key, path, parts) for (key, path), parts in named.items()))

    def _finding(self, key: str, path: str, parts: list[Part]) -> Finding:
        said = f"{key} is the path {quoted(path)} {at(parts)}"
        if key in READ:
            beside = None if OUTSIDE.match(path) else Severity.WARNING
            then = "Keras before 3.12 and Keras 2 would open and read it; later ones refuse"
            return found(self, f"{said}: {then}", HELP, severity=beside)
        then = "what the class that it belongs to does with it, nothing here tells"
        return found(self, f"{said}: {then}", HELP, severity=Severity.INFO)


def _is_saved_model(part: Part) -> bool:
    """True for the path of a TFSMLayer, which has a rule of its own."""
    return part.owner is not None and part.owner["class_name"] == "TFSMLayer"
