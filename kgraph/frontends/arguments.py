"""The arguments of a call, bound to the names of its parameters: alike for live models and for files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kgraph.graph import FrozenDict, Tree, leaves
from kgraph.ops.catalog import REQUIRED, entry


@dataclass(frozen=True, slots=True)
class Signature:
    """What is known of the calls of one class.

    Attributes:
        names: parameters that can be passed by position.
        starred: the ``*parameter``, None where there is none.
        order: parameters of the public function.
        defaults: and their defaults.
    """

    names: tuple[str, ...] = ()
    starred: str | None = None
    order: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])


def catalog_signature(kind: str, made: Mapping[str, Any]) -> Signature:
    """The signature of a kind without its class at hand; nothing is known of one that is not Keras' own.

    Args:
        kind: what is called.
        made: what an operation was made with: arguments of the public function that its call does not take.
    """
    known = entry(kind)
    if known is None:
        return Signature()
    taken = [name for name in known.call if name not in made]
    names = tuple(name for name in taken if not name.startswith("*"))
    starred = next((name[1:] for name in taken if name.startswith("*")), None)
    # What follows a starred parameter can be passed by keyword alone.
    return Signature(() if starred else names, starred, tuple(known.call), known.call)


def bound_arguments(
    signature: Signature,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    made: Mapping[str, Any],
    freeze: Callable[[Any], Tree],
) -> FrozenDict:
    """The arguments by parameter name, in signature order, without those that have their default value.

    Args:
        signature: what is known of the class that is called.
        args, kwargs: as they were passed.
        made: what an operation was made with.
        freeze: from an argument to a frozen tree.
    """
    bound = _bound(signature, args, kwargs)
    if made:
        bound = {**bound, **{key: value for key, value in made.items() if key not in bound}}
    if len(bound) > 1:
        bound = {key: bound[key] for key in (*(key for key in signature.order if key in bound), *bound)}
    frozen = {key: freeze(value) for key, value in bound.items()}
    return FrozenDict({key: value for key, value in frozen.items() if not _is_default(key, value, signature.defaults)})


def _bound(signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    bound = dict(zip(signature.names, args, strict=False))
    rest = args[len(signature.names) :]
    if rest and signature.starred is not None:
        bound[f"*{signature.starred}"] = rest
    elif rest:
        bound.update((f"arg{index}", value) for index, value in enumerate(rest, len(signature.names)))
    return {**bound, **kwargs} if kwargs else bound


def _is_default(key: str, value: Tree, defaults: Mapping[str, Any]) -> bool:
    default = defaults.get(key, REQUIRED)
    if type(default) is type(value) and default == value:
        return True
    return (key == "training" or key.endswith("mask")) and all(leaf is None for leaf in leaves(value))
