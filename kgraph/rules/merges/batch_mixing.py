"""KG105 batch-mixing."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.analysis.batches import pins
from kgraph.analysis.extents import extents
from kgraph.analysis.folding import Samples
from kgraph.analysis.names import shown, shown_shape
from kgraph.analysis.samples import Mixing, astray, traced
from kgraph.findings import Finding, Severity, shape_text
from kgraph.graph import Graph, Value
from kgraph.ops.mixing import verb
from kgraph.rules.base import Facts

DEPENDS = "each sample's output depends on the others, and predict gives other numbers at another batch_size"
HELP = {
    "alone": "name an axis within a sample; if samples are meant to meet, allow it",
    "moved": "put the batch back on axis 0 before this call, or let it work on another axis",
    "whole": "if it is no loss or metric over the whole batch, name the axes within a sample",
    "summed": "transpose or name the axes so that the sum is over an axis within a sample, or use a Dot layer",
    "pairs": "if a table of all pairs is not meant, multiply sample by sample: ops.sum(x * y, axis=-1), or a Dot layer",
    "order": "repeat both tensors alike: ops.repeat puts copies of a sample side by side, ops.tile whole batches",
    "cut": "an ops.reshape does not move axes: use ops.transpose, or a Reshape layer, which keeps the batch apart",
}
OUTPUT_HELP = "put the batch back on axis 0 before the output, one place a sample: a Reshape layer keeps it there"


class BatchMixing:
    """
    What it does:
        Finds calls along the batch: a reduction, softmax, sort, flip, slice, product, recurrence or attention over the
        axis that holds the samples, wherever a transpose or a reshape has put it. And model outputs that do not
        hold one sample in each place of axis 0.

    Why is this bad?
        A sample's prediction then depends on the samples that happen to be beside it: ``predict`` gives other numbers
        at another ``batch_size``, and others again for the last, smaller batch. Nothing raises. What is folded into
        the batch and unfolded again, moved and moved back, is silent: it mixes nothing. In-batch computations that
        are meant exist (contrastive losses, statistics of a batch), so this is a warning; a single number for the
        whole batch and a table of all pairs are seldom a mistake, and are only noted.

    Example:
        x = Input(shape=(8, 16), name="x")
        y = ops.mean(x, axis=0)  # KG105
        model = Model(x, y)

    Use instead:
        x = Input(shape=(8, 16), name="x")
        y = ops.mean(x, axis=1)
        model = Model(x, y)
    """

    id = "KG105"
    name = "batch-mixing"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each call that mixes samples, and for each output that holds them elsewhere."""
        if any(size == 1 for _, size in pins(graph)):
            return  # there are no other samples
        for mixing in traced(graph).mixings:
            info = mixing.how in ("whole", "pairs")
            severity = Severity.INFO if info else self.severity
            how = "moved" if mixing.how == "alone" and mixing.by else mixing.how
            yield self._finding(severity, _mixed(graph, mixing), (mixing.node, mixing.by), HELP[how])
        for value, where in astray(graph):
            yield self._finding(self.severity, _output(graph, value, where), (value.node, where.by), OUTPUT_HELP)

    def _finding(self, severity: Severity, message: str, nodes: tuple[str | None, ...], advice: str) -> Finding:
        return Finding(
            rule=self.id,
            name=self.name,
            severity=severity,
            message=message,
            nodes=tuple(dict.fromkeys(node for node in nodes if node is not None)),
            help=advice,
        )


def _mixed(graph: Graph, mixing: Mixing) -> str:
    tensor = f"{mixing.value} {_shape(graph, mixing.value)}"
    batch = f"axis {mixing.axis} of {tensor}, which is the batch{_since(mixing.value, mixing.by)}"
    said = {
        "cut": f"works on {tensor} as if {mixing.by} had kept samples apart, which it cuts across",
        "pairs": f"joins every sample with every other along {batch}",
        "order": f"joins tensors that hold their samples in different order along axis {mixing.axis}",
        "summed": f"sums over {batch}",
    }
    return f"{mixing.node} {said.get(mixing.how) or f'{verb(graph.ops[mixing.node].kind)} {batch}'}: {DEPENDS}"


def _output(graph: Graph, value: Value, where: Samples) -> str:
    tensor, since = f"the output {value} is {_shape(graph, value)}", _since(value, where.by)
    if where.axis is None:
        return f"{tensor}: its rows are no samples, for {where.by} cuts across them"
    if where.axis:
        return f"{tensor}: its axis {where.axis} is the batch{since}, but predict, fit and evaluate take axis 0 for it"
    rows = shown(graph, where.extent)
    return f"{tensor}: {rows} rows for B samples{since}: predict returns that many, and targets do not fit"


def _since(value: Value, by: str | None) -> str:
    """Which call has put the batch there, where that is not the one that is named anyhow."""
    return "" if by in (None, value.node) else f" since {by}"


def _shape(graph: Graph, value: Value) -> str:
    return shape_text(shown_shape(graph, extents(graph, value)))
