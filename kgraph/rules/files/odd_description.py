"""KG714 odd-description."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at, at_places, found

HELP = "load the model where it was made and save it again; do not load the file if you do not know who changed it"


class OddDescription:
    """
    What it does:
        Finds what Keras never writes into a description: an entry twice, a class whose name is no text, whole numbers
        of more than 64 bits. Numbers that JSON has not (NaN, Infinity) are only noted.

    Why is this bad?
        Of an entry that stands twice, Keras takes the last one, and another program may take the first: what was
        looked at is not what is loaded. The others crash what reads them.

    Example:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "Dense", "class_name": "ReLU", "config": {"name": "a"}}]}}
        ```

    Use instead:
        ```json
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"module": "keras.layers", "class_name": "ReLU", "config": {"name": "a"}}]}}
        ```
    """

    id = "KG714"
    name = "odd-description"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each thing that is odd."""
        repeated = () if facts.contents is None else facts.contents.repeated
        if repeated:
            then = "Keras takes the last one, other programs may take the first"
            yield found(self, f"entries stand twice {at_places(len(repeated), repeated[:3])}: {then}", HELP)
        unnamed = facts.description.unnamed
        if unnamed:
            yield found(self, f"classes have names that are no text {at(unnamed)}: Keras would crash, or worse", HELP)
        numbers = facts.description.numbers
        large = [part for part in numbers if isinstance(part.value, int)]
        if large:
            yield found(self, f"whole numbers have more than 64 bits {at(large)}: no tensor holds them", HELP)
        infinite = [part for part in numbers if not isinstance(part.value, int) and not math.isfinite(part.value)]
        if infinite:
            said = f"holds numbers that JSON has not (NaN, Infinity) {at(infinite)}"
            yield found(self, f"{said}: Keras reads them, other programs may not", HELP, severity=Severity.INFO)
