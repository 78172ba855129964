"""Slices of one tensor, a convolution each, concatenated: one grouped convolution.

Exact if the branches read, in the order of the concatenation, the channels ``0..C-1`` of one tensor, the convolutions
are layers of their own, equal in every attribute, and the channels are joined (Xie et al., 2017, arXiv:1611.05431, 3c).

Example:
    x = Input(shape=(32, 32, 8), name="x")
    a, b = ops.split(x, indices_or_sections=2, axis=-1)
    c = Conv2D(filters=4, kernel_size=3, padding="same", name="c")(a)
    d = Conv2D(filters=4, kernel_size=3, padding="same", name="d")(b)
    y = Concatenate(name="y")([c, d])
    model = Model(x, y)

Becomes:
    x = Input(shape=(32, 32, 8), name="x")
    y = Conv2D(filters=8, kernel_size=3, padding="same", groups=2, name="y")(x)
    model = Model(x, y)
"""

from __future__ import annotations

from kgraph.analysis.selection import common_source, selections
from kgraph.graph import Constant, FrozenDict, Graph, Op, Slot, Value, leaves
from kgraph.ops import call_of, is_told
from kgraph.ops.base import channel_axis, compute_dtype
from kgraph.ops.selecting import concat_axis
from kgraph.rewrite.base import Match, Refused, Replacement
from kgraph.rewrite.branches import ELEMENTWISE, difference, gaps, penalty, sharing, uneven
from kgraph.rewrite.weights import stack

NAME = "grouped-convolution"
ANCHOR = frozenset(("layers.Concatenate", "ops.concatenate"))
CONVOLUTIONS = frozenset(("layers.Conv1D", "layers.Conv2D", "layers.Conv3D"))


def match(graph: Graph, root: str) -> Match | Refused | None:
    """Guard first, one sentence a guard."""
    operands = graph.operands[root]
    convs = [value.node for value in operands if graph.ops[value.node].kind in CONVOLUTIONS]
    inputs = {node: graph.operands[node][0] for node in convs}
    sliced = [node for node in convs if inputs[node] in selections(graph)]
    if len(sliced) < 2:
        return None
    if any(isinstance(leaf, Constant) for leaf in leaves(graph.ops[root].arguments)):
        return Refused(f"{root} joins a constant too", (root,))
    for index, value in enumerate(operands):
        if (kind := graph.ops[value.node].kind) not in CONVOLUTIONS:
            return Refused(f"input {index} of {root} is {value} ({kind}), the others are convolutions", (value.node,))
    if found := difference(graph, convs) or sharing(graph, convs):
        return Refused(*found)
    if refused := _odd_layer(graph, convs[0]) or _odd_slice(graph, root, convs):
        return refused
    chosen = common_source(graph, inputs.values())
    if sentence := uneven(chosen, convs) or gaps(chosen):
        return Refused(sentence, (*(inputs[node].node for node in convs), root))
    known = next((selection.known for selection in chosen if selection.known != "proved"), "proved")
    slices = dict.fromkeys(node for value in inputs.values() for node in _path(graph, value, chosen[0].source))
    return Match(root, (*slices, *convs, root), known, found=chosen[0].source)


def _odd_layer(graph: Graph, node: str) -> Refused | None:
    """What would make the (equal) convolutions differ from a grouped one."""
    op = graph.ops[node]
    if not is_told(call_of(op, graph.operand_specs(node))):
        return Refused("the source does not tell how the branches are configured (strides, ...)", (node,))
    activation, names = op.config.get("activation"), {weight.name for weight in op.weights or ()}
    if activation not in ELEMENTWISE:
        return Refused(f"the activation {activation} of {node} looks at more than one channel", (node,))
    if not names <= {"kernel", "bias"}:
        return Refused(f"{node} has the weights {', '.join(sorted(names))}, expected a kernel and a bias", (node,))
    if op.arguments != FrozenDict(inputs=Slot(0)):
        return Refused(f"{node} is called with more than its input", (node,))
    sentence = penalty(op, node)
    return Refused(sentence, (node,)) if sentence else None


def _odd_slice(graph: Graph, root: str, convs: list[str]) -> Refused | None:
    """What would make the branches read something else than channel slices of one tensor."""
    call = call_of(graph.ops[convs[0]], graph.operand_specs(convs[0]))
    channels = channel_axis(call, len(call.operands[0].shape or ()))
    values = [graph.operands[node][0] for node in convs]
    plain = next((index for index, value in enumerate(values) if value not in selections(graph)), None)
    if plain is not None:
        reason = f"branch {plain} ({convs[plain]}) reads {values[plain]}, which is no slice; the others read slices"
        return Refused(reason, (convs[plain],))
    chosen = common_source(graph, values)
    for index, (value, selection) in enumerate(zip(values, chosen, strict=True)):
        source = selection.source
        if source != chosen[0].source:
            reason = f"branch {index} ({convs[index]}) reads a slice of {source}, branch 0 of {chosen[0].source}"
            return Refused(reason, (value.node,))
        if selection.axis != channels or selection.drops:
            return Refused(f"{value} slices axis {selection.axis}, the channels are axis {channels}", (value.node,))
        if graph.spec(value).dtype not in (graph.spec(source).dtype, compute_dtype(call)):
            dtypes = f"{graph.spec(source).dtype} to {graph.spec(value).dtype}"
            return Refused(f"{value} also casts from {dtypes}", (value.node,))
    joined = concat_axis(call_of(graph.ops[root], graph.operand_specs(root)))
    if joined != channels:
        return Refused(f"{root} joins axis {joined}, the channels are axis {channels}", (root,))
    return None


def _path(graph: Graph, value: Value, source: Value) -> list[str]:
    """The calls between a slice and its source: one, or several for a slice of a slice."""
    path: list[str] = []
    while value != source:
        path.append(value.node)
        value = graph.operands[value.node][0]
    return path


def replace(graph: Graph, match: Match) -> Replacement:
    """One convolution with the sum of the filters and of the groups."""
    branches = [graph.ops[value.node] for value in graph.operands[match.root]]
    config = branches[0].config
    summed = {key: config[key] * len(branches) for key in ("filters", "groups")}
    weights, recipe = stack(branches)
    fused = FrozenDict({**config, **summed})
    op = Op(branches[0].kind, None, fused, FrozenDict(inputs=Slot(0)), weights, graph.ops[match.root].outputs)
    return Replacement(op, (match.found,), recipe)
