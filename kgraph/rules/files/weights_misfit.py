"""KG715 weights-misfit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kgraph.findings import Finding, Severity
from kgraph.frontends.contents import Contents, Weights
from kgraph.graph import Graph, Op
from kgraph.rules.base import Facts
from kgraph.rules.saying import found

OPTIMIZER = ("optimizer", "optimizer_weights")
"""Groups that hold what the optimizer remembers, in shapes like those of the weights."""

WEIGHTS = (".weights.h5", ".weights.npz", ".weights.json")
HELP = "save the model again where it was trained: its description and its weights are of different models"


class WeightsMisfit:
    """
    What it does:
        Finds weights that the described layers need and that the file does not have, by their shapes.

    Why is this bad?
        The description and the weights are of different models. Keras refuses to load the file, or, by name or with
        ``skip_mismatch``, leaves layers untrained.

    Example:
        ```json contents
        {"format": "keras", "weights": {"datasets": {"layers/d/vars/0": {
            "path": "layers/d/vars/0", "shape": [5, 2], "dtype": "float32", "size": 40}}},
          "config": {"class_name": "Sequential", "config": {"name": "m", "layers": [
            {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 3]}},
            {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2, "use_bias": false}}]}}}
        ```

    Use instead:
        ```json contents
        {"format": "keras", "weights": {"datasets": {"layers/d/vars/0": {
            "path": "layers/d/vars/0", "shape": [3, 2], "dtype": "float32", "size": 24}}},
          "config": {"class_name": "Sequential", "config": {"name": "m", "layers": [
            {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 3]}},
            {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2, "use_bias": false}}]}}}
        ```
    """

    id = "KG715"
    name = "weights-misfit"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for all weights that are missing; none where some of the file was not looked at."""
        contents = facts.contents
        if contents is None or contents.unread or not _holds_weights(contents):
            return
        stored = _stored(contents.weights or Weights())
        needed = _needed(graph)
        short = [shape for shape, nodes in needed.items() if len(nodes) > stored[shape]]
        if not short:
            return
        said = "; ".join(
            f"{len(needed[shape])} of shape {shape}, as in {needed[shape][0]}, and the file has {stored[shape]}"
            for shape in short[:3]
        )
        more = f"; and {len(short) - 3:,} more shapes" if len(short) > 3 else ""
        yield found(self, f"the layers need weights that are not there: {said}{more}. Keras would refuse them", HELP)


def _holds_weights(contents: Contents) -> bool:
    """Whether the file should hold weights, and their shapes are told."""
    weights = contents.weights
    if weights is None:
        return contents.format == "keras" and not any(entry.name.endswith(WEIGHTS) for entry in contents.entries)
    return not any(item.dtype == "object" for item in weights.datasets.values())


def _stored(weights: Weights) -> Counter[tuple[int, ...]]:
    kept = (item for path, item in weights.datasets.items() if path.partition("/")[0] not in OPTIMIZER)
    return Counter(item.shape for item in kept)


def _needed(graph: Graph) -> dict[tuple[int, ...], list[str]]:
    """By shape, the calls whose layers need a weight of it; those of a shared layer once."""
    found: dict[tuple[int, ...], list[str]] = {}
    seen: set[str] = set()
    for node, op in graph.ops.items():
        if op.weights is None or _is_quantized(op) or (op.layer or node) in seen:
            continue
        seen.add(op.layer or node)
        for weight in op.weights:
            if None not in weight.shape:
                found.setdefault(tuple(extent for extent in weight.shape if extent is not None), []).append(node)
    return found


def _is_quantized(op: Op) -> bool:
    """True for a layer whose weights are packed: their shapes are others."""
    return "_from_" in str(op.config.get("dtype", ""))
