"""Files: written whole or not at all, and errors before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgraph.errors import KgraphError
from kgraph.render import draw
from tests.render import models

GRAPH = models.chain(2)


def test_the_text_is_returned_and_written(tmp_path: Path) -> None:
    text = draw(GRAPH, tmp_path / "a.svg")
    assert text == draw(GRAPH)
    assert (tmp_path / "a.svg").read_bytes() == text.encode("utf-8")
    assert b"\r" not in (tmp_path / "a.svg").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.parametrize("name", ["a.dot", "a.gv", "a.DOT"])
def test_dot_files(tmp_path: Path, name: str) -> None:
    assert draw(GRAPH, str(tmp_path / name)).startswith("digraph")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith("digraph")


def test_an_older_picture_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.SVG"
    path.write_text("old")
    draw(GRAPH, path)
    assert path.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("name", ["a.png", "a", "svg", "a.svg.gz", ""])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KgraphError, match=r"expected a path that ends in \.svg, \.dot or \.gv") as caught:
        draw(GRAPH, tmp_path / name)
    assert name in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(KgraphError, match="there is no folder"):
        draw(GRAPH, tmp_path / "missing" / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(KgraphError, match="it is a folder"):
        draw(GRAPH, tmp_path / "a.svg")


def test_a_null_character_is_refused() -> None:
    with pytest.raises(KgraphError, match="cannot write"):
        draw(GRAPH, "a\0b.svg")


@pytest.mark.parametrize("broken", ["write_text", "replace"])
def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    (tmp_path / "a.svg").write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, broken, fail)
    with pytest.raises(KgraphError, match="No space left on device") as caught:
        draw(GRAPH, tmp_path / "a.svg")
    monkeypatch.undo()
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
    assert (tmp_path / "a.svg").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link.svg").symlink_to(tmp_path / "real.svg")
    draw(GRAPH, tmp_path / "link.svg")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "real.svg").read_text(encoding="utf-8").startswith("<svg")
