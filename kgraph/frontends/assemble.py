"""From a described model, with models nested in it, to one flat Graph.

Every frontend describes what it reads as ``Model`` and ``Call``; ids, layer identities and the dissolving of nested
models are decided here, once, so that the same architecture has the same ids through every door.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial

from kgraph.analysis.inferring import inferred
from kgraph.errors import SourceError
from kgraph.frontends.keras2_implied import implied_specs, implied_weights, settled_config
from kgraph.graph import (
    FrozenDict,
    Function,
    Graph,
    Op,
    Shape,
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
from kgraph.ops import infer_specs


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
        repeated: which call of its layer this is, among those inside its model, from 0.
        inner: the description of the model that is called, for a nested one.
        known: how ``outputs`` is known.
    """

    name: str
    layer: Hashable
    kind: str
    config: FrozenDict
    arguments: FrozenDict
    weights: tuple[Weight, ...] | None
    outputs: tuple[Spec, ...]
    repeated: int = 0
    inner: Model | None = None
    known: str = "recorded"


@dataclass(frozen=True, slots=True)
class Model:
    """A described model: its calls in topological order, inputs and outputs as trees of Refs.

    ``specs`` is ``recorded`` if the calls hold the outputs' specs as Keras recorded them. It is ``implied`` where the
    source records none, so that they are to be inferred: then a call's ``outputs`` say how many there are at least,
    and these and its ``weights`` what they are where that cannot be told.
    """

    name: str
    calls: tuple[Call, ...]
    inputs: Tree
    outputs: Tree
    specs: str = "recorded"


@dataclass(slots=True)
class _Builder:
    """What is collected while models are dissolved."""

    ops: dict[str, Op] = field(default_factory=dict[str, Op])
    operands: dict[str, tuple[Value, ...]] = field(default_factory=dict[str, tuple[Value, ...]])
    layers: dict[Hashable, str] = field(default_factory=dict[Hashable, str])
    layer_names: set[str] = field(default_factory=set[str])
    configs: dict[str, FrozenDict] = field(default_factory=dict[str, FrozenDict])
    weights: dict[str, tuple[Weight, ...]] = field(default_factory=dict[str, "tuple[Weight, ...]"])
    prefixes: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class _Frame:
    """One call of a model while it is dissolved; the outermost model has one too.

    Attributes:
        model: the model that is called.
        prefix: of the ids of this call's nodes, ``encoder:1/``.
        family: of the identities of its layers, which have no call numbers: ``encoder/``.
        given: by the number of a call in the model, the Values that its inputs stand for.
        specs: whether the shapes inside are ``recorded``, ``implied``, can be ``inferred`` again, or are ``unknown``.
        values: by the number of a call in the model, the Values of its outputs, for the calls so far.
    """

    model: Model
    prefix: str = ""
    family: str = ""
    given: Mapping[int, Value] = field(default_factory=dict[int, Value])
    specs: str = "recorded"
    values: list[tuple[Value, ...]] = field(default_factory=list[tuple[Value, ...]])


def assemble(model: Model, *, limit: int | None = None) -> Graph:
    """One Graph of a described model, in which the calls of nested models are repeated at each call of theirs.

    Args:
        model: what is described.
        limit: how many calls the graph may have; models that call one another twice a level have very many.

    Raises:
        SourceError: a nested model is called on fewer tensors than it has inputs, or the graph would be too large.
    """
    if limit is not None and (size := _size(model)) > limit:
        raise SourceError(f"the graph would have {size:.10g} calls; the limit is {limit:,} (nodes)")
    builder = _Builder()
    values = _dissolved(builder, model)

    def value(ref: Ref) -> Value:
        return values[ref.call][ref.out]

    inputs, outputs = map_leaves(value, model.inputs), map_leaves(value, model.outputs)
    needed = ancestors(builder.operands, (inputs, outputs))
    return Graph(
        ops={node: op for node, op in builder.ops.items() if node in needed},
        operands={node: operands for node, operands in builder.operands.items() if node in needed},
        inputs=inputs,
        outputs=outputs,
        name=model.name,
    )


def _size(root: Model) -> int:
    """How many calls a model has, those of nested models counted at each of their calls: found without making them.

    The inputs of nested models, in whose place what is passed stands, do not count.
    """
    sizes: dict[int, int] = {}
    stack = [root]
    while stack:
        model = stack[-1]
        inner = [call.inner for call in model.calls if call.inner is not None]
        waiting = [each for each in inner if id(each) not in sizes]
        if waiting:
            stack.extend(waiting)
            continue
        own = len(model.calls) - len(inner) - _input_count(model)
        sizes[id(model)] = own + sum(sizes[id(each)] for each in inner)
        stack.pop()
    return sizes[id(root)] + _input_count(root)


def _input_count(model: Model) -> int:
    return len({ref.call for ref in _refs(model.inputs)})


def _dissolved(builder: _Builder, model: Model) -> list[tuple[Value, ...]]:
    """Adds all calls, those of nested models where they are called; without recursion, as they nest deeply."""
    frame = _Frame(model, specs=model.specs)
    stack = [frame]
    while True:
        frame = stack[-1]
        inner = _advance(builder, frame)
        if inner is not None:
            stack.append(inner)
            continue
        stack.pop()
        if not stack:
            return frame.values
        stack[-1].values.append(_results(builder, frame, stack[-1]))


def _advance(builder: _Builder, frame: _Frame) -> _Frame | None:
    """Adds a model's next calls; stops before a call of a nested model, whose frame it returns."""
    for number in range(len(frame.values), len(frame.model.calls)):
        call = frame.model.calls[number]
        if number in frame.given:
            frame.values.append((frame.given[number],))
        elif call.inner is not None:
            return _inside(builder, frame, call, call.inner)
        else:
            _add(builder, frame, call)
    return None


def _add(builder: _Builder, frame: _Frame, call: Call) -> None:
    node = _free_id(builder.ops, frame.prefix + escape(call.name), call.repeated)
    operands: list[Value] = []
    arguments = _entered(frame, call.arguments, operands)
    layer = _layer_identity(builder, call, frame.family)
    op = Op(call.kind, layer, call.config, arguments, call.weights, call.outputs, call.known)
    if frame.specs != "recorded" and call.kind != "layers.InputLayer":
        found = tuple(builder.ops[value.node].outputs[value.out] for value in operands)
        if frame.model.specs == "implied":
            op = _with_weights(builder, _settled(builder, op, found), found)
        op = _respecified(op, found, frame)
    if len(op.outputs) < len(call.outputs):
        raise SourceError(
            f"output {len(call.outputs) - 1} of {node!r} ({call.kind}) is used, but it has {len(op.outputs)}, from 0"
        )
    builder.ops[node] = op
    builder.operands[node] = tuple(operands)
    frame.values.append(tuple([Value(node, out) for out in range(len(op.outputs))]))


def _entered(frame: _Frame, arguments: FrozenDict, operands: list[Value]) -> FrozenDict:
    """Arguments with Slots in place of Refs, whose Values are added to ``operands``."""

    def enter(leaf: object) -> object:
        if not isinstance(leaf, Ref):
            return leaf
        operands.append(frame.values[leaf.call][leaf.out])
        return Slot(len(operands) - 1)

    if len(arguments) != 1:
        return map_leaves(enter, arguments)
    ((name, only),) = arguments.items()
    if not isinstance(only, Ref):
        return map_leaves(enter, arguments)
    enter(only)
    return _one_tensor(name)


@cache
def _one_tensor(name: str) -> FrozenDict:
    """The arguments of nearly every call, made once."""
    return FrozenDict({name: Slot(0)})


def _respecified(op: Op, operands: tuple[Spec, ...], frame: _Frame) -> Op:
    """The op with the specs that it has on other operands than those for which Keras recorded it."""
    infer = infer_specs if frame.model.specs == "recorded" else partial(implied_specs, outputs=op.outputs)
    found = None if frame.specs == "unknown" else inferred(infer, op, operands)
    if found is not None:
        known = "proved" if not _is_assumed(op) else "recorded" if found == op.outputs else "assumed"
        return replace(op, outputs=found, known=known)
    given = operands[0].dtype if operands else ""
    kept = [spec.shape if frame.specs == "implied" else None for spec in op.outputs]
    outputs = tuple(Spec(shape, spec.dtype or given) for shape, spec in zip(kept, op.outputs, strict=True))
    return replace(op, outputs=outputs, known="unknown" if None in kept else "recorded")


def _is_assumed(op: Op) -> bool:
    function = op.config.get("function")
    return isinstance(function, Function) and function.known == "assumed"


def _settled(builder: _Builder, op: Op, operands: tuple[Spec, ...]) -> Op:
    """The op with the config of its layer, which the layer's first call settles."""
    if op.layer is None:
        return op
    if op.layer not in builder.configs:
        builder.configs[op.layer] = settled_config(op.kind, op.config, operands, op.outputs)
    return replace(op, config=builder.configs[op.layer])


def _with_weights(builder: _Builder, op: Op, operands: tuple[Spec, ...]) -> Op:
    """The op with the weights of its layer, which are made at the layer's first call."""
    if op.layer is None:
        return op
    if op.layer not in builder.weights:
        found = inferred(implied_weights, op, operands)
        found = op.weights if found is None else found
        if found is None:
            return op
        builder.weights[op.layer] = found
    return replace(op, weights=builder.weights[op.layer])


def _inside(builder: _Builder, frame: _Frame, call: Call, inner: Model) -> _Frame:
    """The frame of a nested model's call."""
    declared, passed = _match(inner, call.arguments)
    if len(passed) < len(declared):
        raise SourceError(
            f"the nested model {call.name!r} has {len(declared)} inputs, but is called on {len(passed)} tensors"
        )
    pairs = zip(declared, passed, strict=False)
    given = {ref.call: frame.values[outer.call][outer.out] for ref, outer in pairs if outer is not None}
    shapes = [
        (inner.calls[number].outputs[0].shape, builder.ops[value.node].outputs[value.out].shape)
        for number, value in given.items()
    ]
    name = escape(call.name)
    prefix = _free_id(builder.prefixes, frame.prefix + name, call.repeated)
    builder.prefixes.add(prefix)
    return _Frame(inner, f"{prefix}/", f"{frame.family}{name}/", given, _specs(inner.specs, shapes))


def _specs(specs: str, shapes: list[tuple[Shape, Shape]]) -> str:
    """What to make of the shapes inside a model that was defined with the first and is called with the second."""
    if all(declared == passed for declared, passed in shapes):
        return specs
    if any(passed is None or declared is None or len(passed) != len(declared) for declared, passed in shapes):
        return "unknown"  # Keras adds or drops a last axis of 1 when the model runs, and not when it records
    return "inferred"


def _results(builder: _Builder, inner: _Frame, outer: _Frame) -> tuple[Value, ...]:
    """The Values that stand for the outputs of a nested model's call."""
    found = tuple([inner.values[ref.call][ref.out] for ref in _refs(inner.model.outputs)])
    if outer.specs == "recorded":
        specs = outer.model.calls[len(outer.values)].outputs
        inputs = set(inner.given.values())
        for value, spec in zip(found, specs, strict=False):
            if value not in inputs:
                _settle(builder, value, spec)
    return found


def _settle(builder: _Builder, value: Value, spec: Spec) -> None:
    """Where a shape inside a nested model could not be inferred again, Keras' record of the outer call says it."""
    op = builder.ops[value.node]
    if op.outputs[value.out].shape is not None or spec.shape is None:
        return
    outputs = (*op.outputs[: value.out], spec, *op.outputs[value.out + 1 :])
    builder.ops[value.node] = replace(op, outputs=outputs, known="recorded")


def _match(inner: Model, arguments: FrozenDict) -> tuple[list[Ref], list[Ref | None]]:
    """A nested model's inputs and what its call passes for each, paired as Keras pairs them when the model runs.

    That is in order, whatever the keys of two dicts say, but by the inputs' names where a dict is passed for a list.
    An optional input may get None.
    """
    passed = next(iter(arguments.values()), ())
    declared = _refs(inner.inputs)
    if isinstance(passed, FrozenDict) and not isinstance(inner.inputs, FrozenDict):
        names = [inner.calls[ref.call].name for ref in declared]
        if all(name in passed for name in names):
            passed = tuple(passed[name] for name in names)
    return declared, [leaf if isinstance(leaf, Ref) else None for leaf in leaves(passed)]


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
