"""KG706 unsafe-switch."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.references import Reference
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, at_places, found

SWITCH = "enable_unsafe_deserialization"
HELP = "do not load this file: it tries to switch off what protects from code in files"


def is_switch(reference: Reference) -> bool:
    """True for the function of Keras that switches ``safe_mode`` off."""
    return reference.name.name.rpartition(".")[2] == SWITCH


class UnsafeSwitch:
    """
    What it does:
        Finds what would switch ``safe_mode`` off: ``keras.config.enable_unsafe_deserialization`` anywhere in a
        description, and entries that say ``"safe_mode": false``.

    Why is this bad?
        A file that names the switch has it called while it is loaded, and from then on all code in this and every
        other file runs (CVE-2025-9906, before Keras 3.11).

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}]}}
        ```
    """

    id = "KG706"
    name = "unsafe-switch"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for all names of the switch, and one for all entries that ask for it."""
        named = [reference for reference in facts.references if is_switch(reference)]
        texts = [part for part in facts.description.texts if SWITCH in part.value and not _is_name(part.key)]
        then = "Keras before 3.11 would call it, and run all code in files from then on; later ones refuse"
        if named:
            places = [place for reference in named for place in reference.places]
            count = sum(reference.count for reference in named)
            yield found(self, f"names {SWITCH} {at_places(count, places[:3])}: {then}", HELP)
        elif texts:
            yield found(self, f"holds the text {SWITCH} {at(texts)}: {then}", HELP)
        if facts.description.switches:
            yield found(
                self,
                f"asks for safe_mode=False {at(facts.description.switches)}: a class that passes it on to Keras has "
                "it run the code in files",
                HELP,
            )


def _is_name(key: str) -> bool:
    return key in ("name", "class_name", "registered_name", "module")
