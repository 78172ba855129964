"""A short fuzz run; ``python -m benchmarks.fuzz`` is the long one. The watch itself is shown to see what it must."""

from __future__ import annotations

import marshal
import pickle
import time
from pathlib import Path

import pytest

from kgraph.errors import SourceError
from kgraph.frontends.containers import read_contents
from tests.fuzzing import attempt, mutated, run, seeds


def test_mutated_files_are_read_or_refused_in_one_line() -> None:
    found: list[tuple[int, str]] = []
    run(read_contents, seeds(), range(500), lambda number, what: found.append((number, what)))
    assert not found


def test_mutations_reach_behind_the_first_check() -> None:
    """Half of the files are still read, some with remarks: a mutator that only breaks headers would test nothing."""
    valid = seeds()
    formats: list[str] = []
    remarks = 0
    for number in range(300):
        try:
            contents = read_contents(mutated(valid, number))
        except SourceError:
            formats.append("refused")
            continue
        formats.append(contents.format)
        remarks += bool(contents.odd or contents.unread or contents.repeated)
    assert {"keras", "h5", "json", "refused"} <= set(formats)
    assert formats.count("refused") < 150
    assert remarks > 20


def code(_data: bytes) -> None:
    exec("1")


def unmarshal(_data: bytes) -> None:
    marshal.loads(marshal.dumps(1))


def unpickle(_data: bytes) -> None:
    pickle.loads(pickle.dumps(Path))


def connect(_data: bytes) -> None:
    import socket

    socket.socket().close()


def write(_data: bytes) -> None:
    Path("/dev/null").open("w").close()


def import_foreign(_data: bytes) -> None:
    __import__("a_package_that_is_not_there")


def sleep(_data: bytes) -> None:
    time.sleep(1)


def crash(_data: bytes) -> None:
    raise RecursionError("too deep")


def babble(_data: bytes) -> None:
    raise SourceError("one line\nand another")


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        (code, "exec"),
        (unmarshal, "marshal.loads"),
        (unpickle, "pickle.find_class"),
        (connect, "socket"),
        (write, "open '/dev/null' for writing"),
        (import_foreign, "import a_package_that_is_not_there"),
        (sleep, "more than 0.05 s"),
        (crash, "RecursionError: too deep"),
        (babble, "several lines"),
    ],
)
def test_the_watch_sees_what_is_planted(planted: object, seen: str) -> None:
    found = attempt(planted, b"", 0.05)  # pyright: ignore[reportArgumentType]
    assert found is not None
    assert seen in found


def test_a_sound_reader_is_not_blamed() -> None:
    assert attempt(read_contents, seeds()[0]) is None
    assert attempt(read_contents, b"\x80\x04.") is None
