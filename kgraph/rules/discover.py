"""Finds the rules: by walking this package, and by the entry point group ``kgraph.rules``. No table to edit."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from importlib import metadata
from typing import Any

from kgraph import rules as package
from kgraph.errors import KgraphError
from kgraph.rules.base import Rule

GROUP = "kgraph.rules"


@functools.cache
def discovered() -> tuple[Rule, ...]:
    """One instance of every rule, by id.

    Raises:
        KgraphError: two rules have one id, or an entry point is no rule.
    """
    found: dict[str, Rule] = {}
    for cls in [*_own(), *_plugged()]:
        rule = cls()
        if rule.id in found:
            raise KgraphError(
                f"two rules have the id {rule.id}: {type(found[rule.id]).__qualname__} and {cls.__qualname__}"
            )
        found[rule.id] = rule
    return tuple(found[key] for key in sorted(found))


def _own() -> list[Any]:
    classes: list[Any] = []
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        loaded = importlib.import_module(module.name)
        classes += [
            cls for _, cls in inspect.getmembers(loaded, inspect.isclass)
            if cls.__module__ == module.name and isinstance(getattr(cls, "id", None), str)
        ]  # fmt: skip
    return classes


def _plugged() -> list[Any]:
    classes: list[Any] = []
    for point in metadata.entry_points(group=GROUP):
        try:
            cls = point.load()
        except Exception as error:  # somebody else's package: say whose, and go no further
            raise KgraphError(f"the rule plug-in {point.name!r} ({point.value}) cannot be loaded: {error}") from error
        if not isinstance(getattr(cls, "id", None), str) or not callable(getattr(cls, "check", None)):
            raise KgraphError(f"the rule plug-in {point.name!r} ({point.value}) is no rule: it needs an id and check()")
        classes.append(cls)
    return classes
