"""Calls that Keras took, changed a little: what Keras makes of them, and why kgraph says that it refuses them.

``python -m tests.ops.mutants 20000`` is the long run, and counts.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from kgraph.frontends import live
from kgraph.frontends.serialized import freeze
from kgraph.graph import Constant, FrozenDict, Function, Op, Slice, Slot, Spec
from kgraph.ops import Call, complete, refusal
from tests.ops import sizes
from tests.ops.calls import FAMILIES, ONE_BY_ONE, Family
from tests.ops.test_layers import load
from tests.ops.test_moving import op as operation

EVERY: tuple[Family, ...] = (*FAMILIES, *ONE_BY_ONE)
INTS = (0, -1, 1, 2, 3, 7, -7)
EXTENTS = (None, None, 1, 2, 3, 4, 5, 7, 8)


@dataclass(frozen=True, slots=True)
class Origin:
    """A call that Keras took: its layer as Keras describes it (class and config), or None for an operation."""

    op: Op
    operands: tuple[Spec, ...]
    layer: tuple[Any, dict[str, Any]] | None


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed call, what Keras raised on it (None where it took it), and why kgraph says that it is refused."""

    call: Call
    raised: str | None
    why: str | None


def origin(family: Family, random: Random) -> Origin | None:
    """A random call of a family; None where Keras refuses it, or what is recorded is more than one call."""
    call, inputs = family(random)
    function = sizes.function_of(call, inputs)
    if function is None:
        return None
    graph = live.read(function)
    op = sizes.only(graph)
    if op is None or not _is_plain(op):
        return None
    node = next(node for node, each in graph.ops.items() if not each.is_input)
    made = [layer for layer in function.operations if type(layer).__name__ != "InputLayer"]
    layer = None if op.layer is None else (type(made[-1]), made[-1].get_config())
    return Origin(op, graph.operand_specs(node), layer)


def _is_plain(op: Op) -> bool:
    """True if the call can be made again from what is recorded of it."""
    odd = (Constant, Function, Slice, type(...))
    given = [part for value in op.arguments.values() for part in (value if isinstance(value, tuple) else (value,))]  # pyright: ignore
    return op.kind != "layers.Lambda" and not any(isinstance(part, odd) for part in given)  # pyright: ignore


def mutant(source: Origin, random: Random, changes: int) -> Mutant:
    """The call with so many changes: of shapes that enter, and of numbers in the config or the arguments."""
    specs, arguments = list(source.operands), dict(source.op.arguments)
    config = None if source.layer is None else dict(source.layer[1])
    for _ in range(changes):
        options = arguments if config is None else config
        keys = [key for key, value in options.items() if _is_number(value)]
        if random.random() < 0.5 or not keys:
            place = random.randrange(len(specs))
            specs[place] = Spec(_shape(specs[place].shape or (), random), specs[place].dtype)
        else:
            key = random.choice(keys)
            options[key] = _value(options[key], random)
    full = FrozenDict() if config is None else complete(source.op.kind, _without_name(freeze(config)))
    call = Call(source.op.kind, full, FrozenDict(arguments), tuple(specs))
    return Mutant(call, _raised(source, config, arguments, specs), refusal(call))


def _without_name(config: FrozenDict) -> FrozenDict:
    return FrozenDict({key: value for key, value in config.items() if key != "name"})


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, (tuple, list)) and bool(value) and all(map(_is_number, value)))  # pyright: ignore


def _value(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((*INTS, value + 1, value - 1))
    items: list[Any] = list(value)
    place, chance = random.randrange(len(items)), random.random()
    if chance < 0.6:
        items[place] = _value(items[place], random)
    elif chance < 0.8:
        items.append(items[place])
    else:
        del items[place]
    return tuple(items)


def _shape(shape: tuple[int | None, ...], random: Random) -> tuple[int | None, ...]:
    found, chance = list(shape), random.random()
    if chance < 0.25 and found:
        del found[random.randrange(len(found))]
    elif chance < 0.45 or not found:
        found.insert(random.randrange(len(found) + 1), random.choice(EXTENTS))
    else:
        found[random.randrange(len(found))] = random.choice(EXTENTS)
    return tuple(found)


def _raised(source: Origin, config: dict[str, Any] | None, arguments: dict[str, Any], specs: list[Spec]) -> str | None:
    """What Keras raises when it makes the layer, or the call."""
    keras = load("keras")
    tensors = [keras.Input(batch_shape=spec.shape, dtype=spec.dtype) for spec in specs]
    given = {key: _entered(value, tensors) for key, value in arguments.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _made(source, config, given)
        except Exception as error:  # whatever stops it is a refusal
            return f"{type(error).__name__}: {error}"
    return None


def _made(source: Origin, config: dict[str, Any] | None, given: dict[str, Any]) -> None:
    if source.layer is not None and config is not None:
        first, *others = given.items()
        source.layer[0].from_config(config)(first[1], **dict(others))
        return
    positional = [given.pop("subscripts")] if "subscripts" in given else []
    for name in [name for name in given if name.startswith("*")]:
        positional += given.pop(name)
    operation(source.op.kind.removeprefix("ops."))(*positional, **given)


def _entered(value: Any, tensors: list[Any]) -> Any:
    if isinstance(value, Slot):
        return tensors[value.index]
    if isinstance(value, tuple) and any(isinstance(item, Slot) for item in value):  # pyright: ignore
        return [_entered(item, tensors) for item in value]  # pyright: ignore
    return value


def mutants(random: Random, family: Family, count: int = 6) -> Iterator[Mutant]:
    """The call as it was first, and then so many changes of it; nothing where it cannot be made again."""
    source = origin(family, random)
    if source is None:
        return
    first = mutant(source, random, 0)
    if first.raised is None:
        yield first
        yield from (mutant(source, random, random.choice((1, 1, 2))) for _ in range(count))


def _long(count: int, seed: int) -> None:
    random, told = Random(seed), Counter[str]()
    silent = Counter[str]()
    while sum(told.values()) < count:
        for each in mutants(random, random.choice(EVERY)):
            answer = ("raised" if each.raised else "took"), ("refused" if each.why else "silent")
            told[" ".join(answer)] += 1
            if answer == ("took", "refused"):
                print("WRONG", each.call, each.why)
            if answer == ("raised", "silent"):
                silent[each.call.kind] += 1
    print(dict(told))
    print("silent most often:", dict(silent.most_common(20)))


if __name__ == "__main__":
    if not sys.argv[1:] or not all(argument.isdigit() for argument in sys.argv[1:]):
        raise SystemExit("usage: python -m tests.ops.mutants COUNT [SEED]")
    _long(int(sys.argv[1]), int((*sys.argv, "0")[2]))
