"""KG106 pinned-batch."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.batches import pins
from kgraph.analysis.extents import extents
from kgraph.analysis.names import shown_shape
from kgraph.findings import Finding, Severity, shape_text
from kgraph.graph import Graph, Value
from kgraph.rules.base import Facts

MOST = 4
"""So many tensors of a call are written out."""


class PinnedBatch:
    """
    What it does:
        Finds calls that take one batch size alone, in a model whose inputs take any: a reshape to a shape that begins
        with a number, an input with a fixed batch that meets one with an open batch.

    Why is this bad?
        The model can be built and saved, and trains as long as each batch is full. The last batch of an epoch is
        smaller, and ``predict`` on a single sample fails as well.

    Example:
        x = Input(shape=(8, 8), name="x")
        y = ops.reshape(x, newshape=(32, 64))  # KG106
        model = Model(x, y)

    Use instead:
        x = Input(shape=(8, 8), name="x")
        y = Reshape(target_shape=(64,), name="y")(x)
        model = Model(x, y)
    """

    id = "KG106"
    name = "pinned-batch"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each call that pins the batch."""
        for node, size in pins(graph):
            made = _shape(graph, Value(node))
            of = " and ".join(_shape(graph, value) for value in graph.operands[node][:MOST])
            last = "" if size == 1 else ", such as the smaller one at the end of an epoch"
            yield Finding(
                rule=self.id,
                name=self.name,
                severity=self.severity,
                message=f"{node} makes {made} of {of}, for which the batch must be {size}: any other raises{last}",
                nodes=(node,),
                help="leave the batch open (-1 or a Reshape layer in place of the number, batch_shape on no input "
                f"alone), or, if the size is meant, fix it on every Input: batch_size={size}",
            )


def _shape(graph: Graph, value: Value) -> str:
    return shape_text(shown_shape(graph, extents(graph, value)))
