"""Several sources at once: in order, each whatever the others are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kgraph import api
from kgraph.cli import cli
from kgraph.errors import KgraphError

CLEAN = 'x = Input(shape=(4,), name="x")\ny = Dense(3, name="y")(x)\nmodel = Model(x, y)\n'
WRONG = (
    'x = Input(shape=(4, 8), name="x")\np = MaxPooling1D(4, name="p")(x)\n'
    'y = Add(name="y")([x, p])\nmodel = Model(x, y)\n'
)


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    """Clean, wrong, broken and missing ones, over and over."""
    texts = {"clean": CLEAN, "wrong": WRONG, "broken": "x = ("}
    found: list[str] = []
    for number in range(3):
        for name, text in texts.items():
            path = tmp_path / f"{name}{number}.py"
            path.write_text(text, encoding="utf-8")
            found.append(str(path))
        found.append(str(tmp_path / f"missing{number}.py"))
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["check", *arguments])


@pytest.mark.parametrize("jobs", [1, 2])
def test_reports_come_in_order(sources: list[str], jobs: int) -> None:
    reports = list(api.check_many(sources, jobs=jobs))
    assert [report.source.path for report in reports] == sources
    assert [report.exit_code() for report in reports] == [0, 1, 2, 2] * 3
    assert [report.graph.nodes for report in reports] == [2, 3, 0, 0] * 3


def test_as_text(sources: list[str]) -> None:
    result = run(*sources)
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert [line.split(": ")[0] for line in lines[:-1]] == [path for path in sources if "clean" not in path]
    assert lines[0].startswith(f"{sources[1]}: warning KG101 y broadcasts ")
    assert ": error " in lines[1] and "neither an existing file nor" in lines[2]
    assert lines[-1] == "12 sources checked: 3 warnings; 6 could not be analysed"


def test_as_json(sources: list[str], tmp_path: Path) -> None:
    target = tmp_path / "reports.json"
    assert run("--format", "json", "-o", str(target), "-j", "1", *sources[:2]).exit_code == 1
    found: list[dict[str, Any]] = json.loads(target.read_text(encoding="utf-8"))
    assert [(report["version"], report["source"]["path"]) for report in found] == [(1, path) for path in sources[:2]]


def test_nothing_found(sources: list[str]) -> None:
    result = run(sources[0], sources[4])
    assert (result.exit_code, result.output) == (0, "2 sources checked: nothing found\n")


def test_infos_only_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "gate.py"
    path.write_text(WRONG.replace("Add", "Multiply"), encoding="utf-8")
    assert "info KG101" not in run(str(path), str(path)).output
    assert run("-v", str(path), str(path)).output.count("info KG101") == 2


def test_a_process_that_dies_is_said(sources: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_check_or_say_why", _die)
    with pytest.raises(KgraphError, match="a process that checks files ended by itself"):
        list(api.check_many(sources, jobs=2))


def _die(source: str, **_: object) -> None:
    os._exit(1)
