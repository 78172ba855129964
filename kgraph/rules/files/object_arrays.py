"""KG713 object-arrays."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at_places, found, quoted


class ObjectArrays:
    """
    What it does:
        Finds arrays of Python objects in ``.npz`` weights: they are pickles.

    Why is this bad?
        A pickle can run any code when it is loaded, and ``numpy.load`` loads it wherever ``allow_pickle=True`` is
        given. Keras does not give it; those who wonder why the file does not load may. (With
        ``weights_format="npz"`` Keras writes such arrays itself, and cannot read them again.)

    Example:
        ```json contents
        {"format": "keras", "weights": {"datasets": {"w": {
          "path": "w", "shape": [1], "dtype": "object", "size": 8, "stored": 200}}}}
        ```

    Use instead:
        ```json contents
        {"format": "keras", "weights": {"datasets": {"w": {
          "path": "w", "shape": [1], "dtype": "float32", "size": 4, "stored": 4}}}}
        ```
    """

    id = "KG713"
    name = "object-arrays"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for all pickled arrays."""
        weights = None if facts.contents is None else facts.contents.weights
        pickled = [] if weights is None else [item for item in weights.datasets.values() if item.dtype == "object"]
        if pickled:
            places = at_places(len(pickled), [quoted(item.path) for item in pickled[:3]])
            yield found(
                self,
                f"holds pickled Python objects as weights {places}: numpy would unpickle them, which can run any code, "
                "where allow_pickle=True is given; Keras refuses them",
                "save the weights as .weights.h5; do not load this file with allow_pickle=True",
            )
