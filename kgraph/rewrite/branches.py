"""Guards that patterns over parallel branches share; each gives a sentence or None."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kgraph.analysis.ranges import channels, cover, joined, words
from kgraph.analysis.selection import Selection
from kgraph.graph import Graph, Op, Tree, calls_by_layer
from kgraph.text.literals import literal, same

IGNORED = frozenset(("name", "build_config"))
"""Config entries that may differ between branches, besides initializers: weights are kept, not made again."""

ELEMENTWISE = frozenset((
    "linear", "relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "swish", "mish", "sigmoid", "tanh", "softplus",
    "softsign", "exponential", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "hard_shrink", "soft_shrink",
    "tanh_shrink", "leaky_relu", "log_sigmoid", "sparse_plus", "squareplus", "sparse_sigmoid", "threshold",
))  # fmt: skip
"""Activations that look at each element alone."""


def is_ignored(key: str) -> bool:
    """True for a config entry that may differ between branches."""
    return key in IGNORED or key.endswith("_initializer")


def difference(graph: Graph, nodes: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The first attribute in which branches differ, as a sentence, and the nodes that differ from the others.

    Attributes are denied by default: one that nobody thought of must be equal too.
    """
    ops = [graph.ops[node] for node in nodes]
    if all(op.kind == ops[0].kind and op.config == ops[0].config for op in ops):
        return None
    rows: list[tuple[str, list[Tree]]] = [("kind", [op.kind for op in ops])]
    keys = dict.fromkeys(key for op in ops for key in op.config if not is_ignored(key))
    rows += [(key, [op.config.get(key) for op in ops]) for key in keys]
    for key, column in rows:
        if all(same(value, column[0]) for value in column[1:]):
            continue
        usual = Counter(column).most_common(1)[0][0]
        odd = [index for index, value in enumerate(column) if not same(value, usual)]
        others = "the others" if len(odd) < len(nodes) - 1 else "the other"
        if len(odd) == 1:
            index = odd[0]
            return f"branch {index} ({nodes[index]}) has {_pair(key, column[index])}, {others} {_say(usual)}", (
                nodes[index],
            )
        first = odd[0]
        said = (
            f"branches differ in {key}: {_say(usual)} in most, {_say(column[first])} in branch {first} ({nodes[first]})"
        )
        return f"{said} and {len(odd) - 1} more", tuple(nodes[index] for index in odd)
    return None


def _pair(key: str, value: Tree) -> str:
    return f"{key} {_say(value)}"


def _say(value: Tree) -> str:
    return value if isinstance(value, str) else literal(value)


def sharing(graph: Graph, nodes: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """A sentence if a branch's layer is called anywhere else: its weights are tied, a fused kernel's would not be."""
    own = set(nodes)
    layers = [graph.ops[node].layer for node in nodes]
    if len(set(layers)) == 1 and len(nodes) > 1:
        return f"all branches share one layer, {layers[0]}", tuple(nodes)
    counts = Counter(layers)
    for node, layer in zip(nodes, layers, strict=True):
        if counts[layer] > 1:
            twins = [other for other in nodes if graph.ops[other].layer == layer]
            return f"branches {twins[0]} and {twins[1]} share one layer, {layer}", tuple(twins)
        calls = calls_by_layer(graph).get(layer or "", ())
        outside = next((other for other in calls if other not in own), None)
        if outside is not None:
            return f"the layer {layer} of branch {node} is also called at {outside}", (node, outside)
    return None


def penalty(op: Op, node: str) -> str | None:
    """A sentence if a layer has a regularizer or a constraint, which would act on the fused kernel as a whole."""
    for key, value in op.config.items():
        if key.endswith(("_regularizer", "_constraint")) and value is not None:
            return f"{node} has the {key} {literal(value)}, which acts on each branch's weights alone"
    return None


def uneven(selections: Sequence[Selection], nodes: Sequence[str]) -> str | None:
    """A sentence if branches read unequal numbers of channels."""
    widths = [selection.width for selection in selections]
    usual = Counter(widths).most_common(1)[0][0]
    odd = next((index for index, width in enumerate(widths) if width != usual), None)
    if odd is None:
        return None
    return f"branch {odd} ({nodes[odd]}) reads {widths[odd]} channels, the others {usual}"


def gaps(selections: Sequence[Selection]) -> str | None:
    """A sentence if the channels that branches read, in order, are not ``0..C-1``: the difference of the two lists."""
    extent = selections[0].extent
    runs = [run for selection in selections for run in selection.ranges]
    if joined(runs) == (range(extent),):
        return None
    if len({selection.ranges for selection in selections}) == 1:
        missing = (cover(selections[0].ranges, extent) or ((), ()))[0]
        same = channels(selections[0].ranges)
        return f"all {len(selections)} branches read {same}, and {channels(missing, 'is')} never read"
    found = cover(runs, extent)
    if found is None:
        return f"the branches do not read the channels 0..{extent - 1} in order"
    missing, repeated = found
    if not missing and not repeated:
        order = words(runs, most=6)
        return f"the branches read the channels in the order {order}, not 0..{extent - 1}"
    parts = [f"{channels(repeated, 'is')} read more than once"] if repeated else []
    parts += [f"{channels(missing, 'is')} never read"] if missing else []
    return " and ".join(parts)
