"""The import direction of DESIGN: left may import right, siblings may not import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kgraph

ROOT = Path(kgraph.__file__).parent
LAYERS = (
    ("cli",), ("testing",), ("api",), ("report",), ("render",), ("rules",), ("rewrite",), ("frontends", "config"),
    ("analysis",), ("text",), ("ops",), ("graph", "findings"), ("trees",), ("files", "memory", "version"), ("errors",),
)  # fmt: skip
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
DELEGATIONS = {("graph.py", "kgraph.text"), ("findings.py", "kgraph.report.text")}
"""One-line ``__str__`` and ``_repr_*_`` methods that hand over to a layer above, with an import inside."""
HEAVY = {"tensorflow", "keras", "tf_keras", "numpy", "h5py", "rich", "networkx", "pydot", "hypothesis", "islpy"}
LONGEST = 400
LONGEST_RULE = 120


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module == "kgraph":
                yield from (f"kgraph.{alias.name}" for alias in node.names)


def broken(path: Path, text: str) -> list[str]:
    """The imports of a module that go the wrong way."""
    own = room(path)
    if own in ("__init__", "__main__"):
        return []
    found: list[str] = []
    for name in imports(ast.parse(text)):
        parts = name.split(".")
        if parts[0] != "kgraph" or len(parts) < 2 or (path.name, name) in DELEGATIONS:
            continue
        other = parts[1]
        if other != own and (other not in RANK or RANK[other] <= RANK[own]):
            found.append(name)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_import_direction(path: Path) -> None:
    assert not broken(path, path.read_text(encoding="utf-8"))


def test_the_direction_test_can_fail() -> None:
    assert broken(ROOT / "ops" / "base.py", "from kgraph.text import show") == ["kgraph.text"]
    assert broken(ROOT / "graph.py", "import kgraph.findings") == ["kgraph.findings"]
    assert broken(ROOT / "frontends" / "live.py", "from kgraph import config") == ["kgraph.config"]
    assert not broken(ROOT / "rules" / "base.py", "from kgraph.rewrite import rewrite")


def at_module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not is_typing and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_heavy_import_at_module_level(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {name.partition(".")[0] for node in at_module_level(tree) for name in imports(node)}
    assert not found & HEAVY


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_room_is_too_large(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    is_rule = room(path) == "rules" and len(path.relative_to(ROOT).parts) == 3
    small = is_rule or path.parent.name == "patterns"
    assert lines <= (LONGEST_RULE if small else LONGEST)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_assert_as_validation(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
