"""From a described model, with models nested in it, to one flat Graph.

Every frontend describes what it reads as ``Model`` and ``Call``; ids, layer identities and the dissolving of nested
models are decided here, once, so that the same architecture has the same ids through every door.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

from kgraph.errors import SourceError
from kgraph.graph import (
    FrozenDict,
    Graph,
    Op,
    Slot,
    Spec,
    Tree,
    Value,
    Weight,
    ancestors,
    escape,
    leaves,
    map_leaves,
)
from kgraph.ops import call_of, infer_specs


@dataclass(frozen=True, slots=True)
class Ref:
    """Output ``out`` of call number ``call`` of the same model."""

    call: int
    out: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call inside a described model.

    Attributes:
        name: the layer's name.
        layer: what tells one layer from another, None for an operation that is no layer.
        arguments: the bound arguments with Refs where tensors enter.
        inner: the description of the model that is called, for a nested one.
        inputs: for a nested model the tree of what it is called on.
    """

    name: str
    layer: Hashable
    kind: str
    config: FrozenDict
    arguments: FrozenDict
    weights: tuple[Weight, ...] | None
    outputs: tuple[Spec, ...]
    inner: Model | None = None
    inputs: Tree = None


@dataclass(frozen=True, slots=True)
class Model:
    """A described model: its calls in topological order, inputs and outputs as trees of Refs."""

    name: str
    calls: tuple[Call, ...]
    inputs: Tree
    outputs: Tree


@dataclass(slots=True)
class _Builder:
    """What is collected while models are dissolved."""

    ops: dict[str, Op] = field(default_factory=dict[str, Op])
    operands: dict[str, tuple[Value, ...]] = field(default_factory=dict[str, tuple[Value, ...]])
    layers: dict[Hashable, str] = field(default_factory=dict[Hashable, str])
    layer_names: set[str] = field(default_factory=set[str])
    prefixes: set[str] = field(default_factory=set[str])
    keep: bool = False


def assemble(model: Model, *, nested: str = "dissolve") -> Graph:
    """One Graph of a described model.

    Args:
        model: the description.
        nested: ``dissolve`` repeats the calls of a nested model at each of its calls, ``keep`` makes each one node.

    Raises:
        SourceError: ``nested`` is something else, or a nested model is called on another number of tensors than it
            has inputs.
    """
    if nested not in ("dissolve", "keep"):
        raise SourceError(f"nested must be 'dissolve' or 'keep', received {nested!r}")
    builder = _Builder(keep=nested == "keep")
    values = _expand(builder, model, "", "", {}, recorded=True)
    inputs = map_leaves(lambda ref: values[ref], model.inputs)
    outputs = map_leaves(lambda ref: values[ref], model.outputs)
    needed = ancestors(builder.operands, (inputs, outputs))
    return Graph(
        ops={node: op for node, op in builder.ops.items() if node in needed},
        operands={node: operands for node, operands in builder.operands.items() if node in needed},
        inputs=inputs,
        outputs=outputs,
        name=model.name,
    )


def _expand(
    builder: _Builder, model: Model, prefix: str, family: str, given: Mapping[Ref, Value], *, recorded: bool
) -> dict[Ref, Value]:
    """Adds the calls of one (nested) model and returns the Value of each of its Refs.

    Args:
        builder: what is collected.
        model: the model that is called.
        prefix: of the ids of this call's nodes, ``encoder:1/``.
        family: of the layer identities, which have no call numbers: ``encoder/``.
        given: the Values that its inputs stand for; empty for the outermost model.
        recorded: whether the recorded shapes hold for this call.
    """
    values: dict[Ref, Value] = dict(given)
    counts: dict[Hashable, int] = {}
    for number, call in enumerate(model.calls):
        if Ref(number) in given:
            continue
        key = call.layer if call.layer is not None else (number, "operation")
        repeated = counts[key] = counts.get(key, -1) + 1
        if call.inner is not None and not builder.keep:
            _dissolve(builder, call, number, values, prefix, family, repeated, recorded)
            continue
        node = _free_id(builder.ops, prefix + escape(call.name), repeated)
        operands = tuple(values[leaf] for leaf in leaves(call.arguments) if isinstance(leaf, Ref))
        builder.operands[node] = operands
        builder.ops[node] = _op(builder, call, operands, family, recorded)
        for out in range(len(call.outputs)):
            values[Ref(number, out)] = Value(node, out)
    return values


def _op(builder: _Builder, call: Call, operands: tuple[Value, ...], family: str, recorded: bool) -> Op:
    numbers = iter(range(len(operands)))
    arguments = map_leaves(lambda leaf: Slot(next(numbers)) if isinstance(leaf, Ref) else leaf, call.arguments)
    layer = _layer_identity(builder, call, family)
    op = Op(call.kind, layer, call.config, arguments, call.weights, call.outputs)
    if recorded or call.kind == "layers.InputLayer":
        return op
    inferred = infer_specs(call_of(op, tuple(builder.ops[v.node].outputs[v.out] for v in operands)))
    if inferred is not None:
        return replace(op, outputs=inferred, known="proved")
    return replace(op, outputs=tuple(Spec(None, spec.dtype) for spec in call.outputs), known="unknown")


def _dissolve(
    builder: _Builder,
    call: Call,
    number: int,
    values: dict[Ref, Value],
    prefix: str,
    family: str,
    repeated: int,
    recorded: bool,
) -> None:
    """Adds the calls of a nested model and lets its outputs stand for those of the call."""
    inner = call.inner
    if inner is None:
        return
    declared, passed = _match(inner.inputs, call.inputs)
    if len(declared) != len(passed):
        raise SourceError(
            f"the nested model {call.name!r} has {len(declared)} inputs, but is called on {len(passed)} tensors"
        )
    given = {ref: values[outer] for ref, outer in zip(declared, passed, strict=True)}
    same = all(
        inner.calls[ref.call].outputs[ref.out].shape == builder.ops[value.node].outputs[value.out].shape
        for ref, value in given.items()
    )
    name = escape(call.name)
    inside = _free_id(builder.prefixes, prefix + name, repeated)
    builder.prefixes.add(inside)
    found = _expand(builder, inner, f"{inside}/", f"{family}{name}/", given, recorded=same)
    for out, ref in enumerate(leaf for leaf in leaves(inner.outputs) if isinstance(leaf, Ref)):
        values[Ref(number, out)] = found[ref]
        if recorded and ref not in given:
            _settle(builder, found[ref], call.outputs[out])


def _settle(builder: _Builder, value: Value, spec: Spec) -> None:
    """Where a shape inside a nested model could not be inferred again, Keras' record of the outer call says it."""
    op = builder.ops[value.node]
    if op.outputs[value.out].shape is not None or spec.shape is None:
        return
    outputs = (*op.outputs[: value.out], spec, *op.outputs[value.out + 1 :])
    builder.ops[value.node] = replace(op, outputs=outputs, known="recorded")


def _match(declared: Tree, passed: Tree) -> tuple[list[Ref], list[Ref]]:
    """The Refs of a nested model's inputs and those of its call, paired as Keras pairs them: by key, else in order."""
    if isinstance(declared, FrozenDict) and isinstance(passed, FrozenDict) and declared.keys() <= passed.keys():
        passed = FrozenDict({key: passed[key] for key in declared})
    return _refs(declared), _refs(passed)


def _refs(tree: Tree) -> list[Ref]:
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Ref)]


def _layer_identity(builder: _Builder, call: Call, family: str) -> str | None:
    """The layer's own id: the path at which it was met first, without call numbers."""
    if call.layer is None:
        return None
    if call.layer not in builder.layers:
        name = _free_id(builder.layer_names, family + escape(call.name), 0)
        builder.layer_names.add(name)
        builder.layers[call.layer] = name
    return builder.layers[call.layer]


def _free_id(taken: Mapping[str, object] | set[str], name: str, repeated: int) -> str:
    """``name``, or ``name:2`` for the third call; names that another layer has already get a ``~`` and a number."""
    suffix = f":{repeated}" if repeated else ""
    if name + suffix not in taken:
        return name + suffix
    number = 1
    while f"{name}~{number}{suffix}" in taken:
        number += 1
    return f"{name}~{number}{suffix}"
