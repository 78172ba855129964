from __future__ import annotations

from pathlib import Path

import pytest

from kgraph import KgraphError
from kgraph.files import write_text


def test_writes_the_text_as_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\n🙂\r")
    assert (tmp_path / "a.txt").read_bytes() == "é\n🙂\r".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "real.txt").read_text() == "new"
    assert (tmp_path / "link.txt").is_symlink()


@pytest.mark.parametrize(
    ("name", "message"),
    [("none/a.txt", "there is no folder"), (".", "it is a folder"), ("a\0b", "null"), ("x" * 300, "cannot write")],
)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(KgraphError, match=message) as caught:
        write_text(f"{tmp_path}/{name}", "text")
    assert "\n" not in str(caught.value)


def test_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KgraphError, match="cannot write"):
        write_text(path, "bad \ud800")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]
