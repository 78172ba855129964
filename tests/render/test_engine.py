"""The engine: found, run, and every way in which it can fail told in one line."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from kgraph.errors import DrawError
from kgraph.render import draw, engine
from kgraph.render.engine import Size, Wire
from tests.render import models

SIZES = [Size(100, 40), Size(100, 40), Size(100, 40)]
WIRES = [Wire(0, 1, 30), Wire(1, 2, 30), Wire(0, 2, 30)]

posix = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for the engine are shell scripts")


def stand_in(folder: Path, script: str) -> str:
    path = folder / "graphviz-pure"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def use(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(engine, "find", lambda: program)


def test_the_plan_has_rows_and_lanes() -> None:
    plan = engine.plan(SIZES, WIRES)
    assert plan.ranks == (0, 1, 2)
    assert [len(lanes) for lanes in plan.lanes] == [0, 0, 1]
    assert abs(plan.lanes[2][0] - plan.xs[1]) > 50


@pytest.mark.skipif(shutil.which("dot") is None, reason="no system Graphviz")
def test_the_system_engine_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which("dot")
    assert found is not None
    use(monkeypatch, found)
    assert engine.plan(SIZES, WIRES).ranks == (0, 1, 2)
    assert "Conv2D" in draw(models.zoo())


def test_the_engine_sees_no_names() -> None:
    source = engine.source(SIZES, WIRES)
    assert source.isascii()
    assert all(
        line.startswith(("n0", "n1", "n2", "digraph", "graph[", "node[", "edge[", "}")) for line in source.split()
    )


def test_the_engine_beside_the_interpreter_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str | None] = []

    def which(name: str, path: str | None = None) -> str | None:
        asked.append(path)
        return None if name == "graphviz-pure" else "dot"

    monkeypatch.setattr(shutil, "which", which)
    assert engine.find() == "dot"
    assert asked[0] == str(Path(sys.executable).parent)
    assert asked[-2:] == [None, None]


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def which(name: str, path: str | None = None) -> str | None:
        return None

    monkeypatch.setattr(shutil, "which", which)
    with pytest.raises(DrawError, match="pip install graphviz-pure") as caught:
        draw(models.zoo(), tmp_path / "zoo.svg")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@posix
def test_too_slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, stand_in(tmp_path, "exec sleep 60"))
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.2)
    with pytest.raises(DrawError, match=r"layout of 23 nodes took longer than 0\.2 seconds; fuse first or draw a sm"):
        draw(models.zoo(), tmp_path / "zoo.svg")
    assert not (tmp_path / "zoo.svg").exists()


@posix
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'Error: lost' >&2; echo more >&2; exit 3", "could not lay out 3 nodes: Error: lost$"),
        ("exit 4", "it ended with status 4$"),
        ("kill -9 $$", "it ended with status -9$"),
        ("echo '{\"objects\": 3}'", "cannot be read"),
        ("echo nonsense", "cannot be read"),
        ("true", "cannot be read"),
        ("echo '{\"objects\": []}'", "cannot be read"),
    ],
)
def test_failures_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, message: str) -> None:
    use(monkeypatch, stand_in(tmp_path, f"cat > /dev/null; {script}"))
    with pytest.raises(DrawError, match=message) as caught:
        engine.plan(SIZES, WIRES)
    assert "\n" not in str(caught.value)


def test_an_engine_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, str(tmp_path / "missing"))
    with pytest.raises(DrawError, match="cannot be run"):
        engine.plan(SIZES, WIRES)
