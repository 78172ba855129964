"""What a statement does not imply, as a string before it: written, read and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kgraph.graph import Capture, Constant, FrozenDict, Function, Object, Slice, Spec, Tree, Weight, is_shape
from kgraph.text.literals import literal
from kgraph.trees import PLAIN, inside

EVIDENCE = {"digest": "", "known": "", "note": "", "captures": ()}
"""Entries of what is known of a Function, with a value of their type."""


@dataclass(frozen=True, slots=True)
class Facts:
    """An annotation. What it does not say is absent from ``said``."""

    said: frozenset[str] = frozenset()
    id: str = ""
    layer: str | None = None
    outputs: tuple[Spec, ...] = ()
    weights: tuple[Weight, ...] | None = None
    evidence: tuple[FrozenDict | None, ...] = ()


NOTHING = Facts()


def facts_of(tree: Tree) -> Facts | str:
    """An annotation from its dict, or what is wrong with it."""
    if not isinstance(tree, FrozenDict):
        return f"an annotation must be a dict; received {literal(tree)[:80]}"
    for key, value in tree.items():
        if key not in CHECKS:
            return f"an annotation can hold {', '.join(CHECKS)}; received {key!r}"
        fits, expected = CHECKS[key]
        if not fits(value):
            return f"the {key} of an annotation must be {expected}; received {literal(value)[:80]}"
    weights, function = tree.get("weights"), tree.get("function")
    return Facts(
        said=frozenset(tree),
        id=tree.get("id", ""),
        layer=tree.get("layer"),
        outputs=tuple(Spec(*row) for row in tree.get("outputs", ())),
        weights=None if weights is None else tuple(Weight(*row) for row in weights),
        evidence=function if isinstance(function, tuple) else (function,),  # pyright: ignore[reportUnknownArgumentType]
    )


def annotation(facts: dict[str, Tree]) -> str:
    """The statement that annotates the next one."""
    return repr(literal(FrozenDict(facts)))


def _is_row(row: Any, *types: type | None) -> bool:
    """True for a tuple of entries of these types; None stands for a shape."""
    if not isinstance(row, tuple) or len(row) != len(types):  # pyright: ignore[reportUnknownArgumentType]
        return False
    pairs: list[tuple[Any, type | None]] = list(zip(row, types, strict=True))  # pyright: ignore
    return all(is_shape(item) if kind is None else isinstance(item, kind) for item, kind in pairs)


def _are_rows(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, tuple) and all(map(fits, value))  # pyright: ignore[reportUnknownArgumentType]


def _is_spec(row: Any) -> bool:
    return _is_row(row, None, str) or (_is_row(row, object, str) and row[0] is None)


def _is_capture(row: Any) -> bool:
    return _is_row(row, str, object, object) and (row[1] is None or type(row[1]) is int)


def _is_evidence(row: Any) -> bool:
    if not isinstance(row, FrozenDict) or not row.keys() <= EVIDENCE.keys():
        return False
    typed = all(isinstance(value, type(EVIDENCE[key])) for key, value in row.items())
    return typed and _are_rows(row.get("captures", ()), _is_capture)


CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda value: isinstance(value, str), "a string"),
    "layer": (lambda value: value is None or isinstance(value, str), "a string or None"),
    "outputs": (
        lambda value: value != () and _are_rows(value, _is_spec),
        'a tuple of shapes with their dtypes, such as ((None, 4), "float32")',
    ),
    "weights": (
        lambda value: value is None or _are_rows(value, lambda row: _is_row(row, str, None, str, bool)),
        "None or a tuple of (name, shape, dtype, trainable)",
    ),
    "function": (
        lambda value: _is_evidence(value) or _are_rows(value, lambda row: row is None or _is_evidence(row)),
        "a dict of digest, known, note and captures, these a tuple of (name, cell, value)",
    ),
}
"""Per entry of an annotation whether a value fits, and what is expected."""


def evidence(tree: Tree) -> Tree:
    """What is known of the Functions in a tree, beyond what their source says; None where that says all.

    One row for one Function, a tuple of rows for several.
    """
    rows = [_row(function) for function in _functions(tree)]
    if not any(rows):
        return None
    return rows[0] if len(rows) == 1 else tuple(rows)


def with_evidence(tree: Tree, rows: list[FrozenDict | None]) -> Tree:
    """The same tree, its Functions with what is known of each.

    Args:
        tree: a tree as its source gives it.
        rows: in the order of ``evidence``, the last one first; those that are used are removed.

    Raises:
        IndexError: there are too few rows.
    """
    if isinstance(tree, tuple):
        return tuple([with_evidence(item, rows) for item in tree])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(tree, FrozenDict):
        found = {key: with_evidence(tree[key], rows) for key in sorted(tree)}
        return FrozenDict({key: found[key] for key in tree})
    if isinstance(tree, Slice):
        return Slice(*[with_evidence(part, rows) for part in (tree.start, tree.stop, tree.step)])
    if isinstance(tree, Object):
        return Object(tree.kind, with_evidence(tree.config, rows))
    if isinstance(tree, Constant):
        return replace(tree, values=with_evidence(tree.values, rows))
    return _with_row(tree, rows) if isinstance(tree, Function) else tree


def _functions(tree: Tree) -> list[Function]:
    """The Functions in a tree, dicts by key: the order of a config depends on who made it."""
    found: list[Function] = []
    stack = [tree]
    while stack:
        item = stack.pop()
        inner = inside(item) or ()
        if isinstance(item, FrozenDict) and not PLAIN.issuperset(map(type, inner)):
            inner = tuple([item[key] for key in sorted(item)])
        elif isinstance(item, Function):
            found.append(item)
            inner = tuple([capture.value for capture in item.captures])
        stack.extend([part for part in reversed(inner) if type(part) not in PLAIN])
    return found


def _row(function: Function) -> FrozenDict | None:
    """A selection that is proved and can never change says all by itself."""
    known, captures = function.known, function.captures
    if function.selection is not None and known == "proved" and not captures:
        return None
    row: dict[str, Tree] = {"digest": function.digest} if function.selection is not None else {}
    if known != ("unknown" if function.selection is None else "proved"):
        row["known"] = known
    row |= {"note": function.note} if function.note else {}
    row |= {"captures": tuple((item.name, item.cell, item.value) for item in captures)} if captures else {}
    return FrozenDict(row)


def _with_row(function: Function, rows: list[FrozenDict | None]) -> Function:
    row = rows.pop()
    if row is None:
        return function
    captures = [Capture(name, cell, with_evidence(value, rows)) for name, cell, value in row.get("captures", ())]
    plain = {key: value for key, value in row.items() if key != "captures"}
    return replace(function, **plain, captures=tuple(captures))
