"""Mutated model files, and a watch on what reading them does: the suite runs a few, ``benchmarks/fuzz.py`` many."""

from __future__ import annotations

import codecs
import contextlib
import copy
import importlib
import io
import json
import os
import pkgutil
import random
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import kgraph
from kgraph.errors import KgraphError

SECONDS = 2.0
"""What one file may take."""

FORBIDDEN = (
    "exec", "compile", "marshal.", "pickle.", "code.__new__", "function.__new__", "socket.", "subprocess.", "os.system",
    "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link",
    "os.symlink", "shutil.", "ctypes.", "urllib.", "tempfile.", "glob.",
)  # fmt: skip
"""Audit events (or their first letters) that no reading may cause."""

EVIL: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, "", "x" * 1000, "__lambda__", "os.system", "builtins.eval", "../../etc/passwd", [], {},
    [[]], {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}, {"class_name": 3, "config": None}, "\u0000é",
)  # fmt: skip
"""What stands in place of a JSON value."""


class Slow(BaseException):
    """The watchdog's: no reader catches it."""


@dataclass
class Watch:
    """An audit hook, which cannot be removed but be told not to look; ``events`` is what it saw."""

    events: list[str] = field(default_factory=list)
    looks: bool = False
    allowed: frozenset[str] = frozenset()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.looks:
            return
        if event == "import" and str(arguments[0]).partition(".")[0] not in self.allowed:
            self.events.append(f"import {arguments[0]}")
        elif event == "open" and self._writes(arguments):
            self.events.append(f"open {arguments[0]!r} for writing")
        elif event == "compile" and arguments[1] == "<unknown>":
            return  # ast.parse: a text is looked at, and no code is made of it
        elif event.startswith(FORBIDDEN):
            self.events.append(event)

    @staticmethod
    def _writes(arguments: tuple[Any, ...]) -> bool:
        mode, flags = arguments[1], arguments[2]
        return any(letter in (mode or "") for letter in "wax+") or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


WATCH = Watch(allowed=frozenset(("kgraph", "networkx", "islpy")) | frozenset(sys.stdlib_module_names))
"""Of this process: there is no way to take an audit hook off."""

HOOKED: list[Watch] = []


@contextlib.contextmanager
def watched() -> Generator[list[str]]:
    """Collects the forbidden events of a block."""
    if not HOOKED:
        sys.addaudithook(WATCH)
        HOOKED.append(WATCH)
    WATCH.events = []
    WATCH.looks = True
    try:
        yield WATCH.events
    finally:
        WATCH.looks = False


@contextlib.contextmanager
def timed(seconds: float) -> Generator[None]:
    """Raises Slow in a block that takes longer."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Slow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(read: Callable[[bytes], object], data: bytes, seconds: float = SECONDS) -> str | None:
    """What is wrong with how ``read`` takes a file; None if it reads it or refuses it in one line."""
    wrong: str | None = None
    with watched() as events:
        try:
            with timed(seconds):
                read(data)
        except KgraphError as error:
            wrong = f"a message of several lines: {error}" if "\n" in str(error) else None
        except Slow:
            wrong = f"more than {seconds} s"
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
    return "; ".join(events) or wrong


def run(
    read: Callable[[bytes], object], seeds: Sequence[bytes], numbers: range, told: Callable[[int, str], None]
) -> tuple[int, float]:
    """Tries a mutated file for each number; ``told`` gets those that went wrong. Returns how many, and the slowest."""
    wrong, slowest = 0, 0.0
    _import_all()
    for data in seeds:
        with contextlib.suppress(KgraphError):
            read(data)
    for number in numbers:
        data = mutated(seeds, number)
        start = time.perf_counter()
        found = attempt(read, data)
        slowest = max(slowest, time.perf_counter() - start)
        if found is not None:
            wrong += 1
            told(number, found)
    return wrong, slowest


def _import_all() -> None:
    """What kgraph and its dependencies import when it is first needed is imported now."""
    for module in pkgutil.walk_packages(kgraph.__path__, "kgraph."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module("islpy")
    codecs.lookup("cp437")


def mutated(seeds: Sequence[bytes], number: int) -> bytes:
    """A mutated file; the same for the same number and seeds."""
    chance = random.Random(number)
    data = chance.choice(seeds)
    kind = chance.random()
    if kind < 0.5:
        data = in_json(data, chance)
    return in_bytes(data, chance) if kind > 0.4 else data


def in_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut, repeated or put before."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not made:
            break
        place = chance.randrange(len(made))
        if chance.random() < 0.3:  # the structures of archives and of HDF5 files are dense at both ends
            place = chance.choice((min(place % 2048, len(made) - 1), len(made) - 1 - min(place % 512, len(made) - 1)))
        action = chance.randrange(8)
        size = chance.choice((1, 2, 8, 100))
        if action < 4:
            made[place] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
        elif action == 4:
            made[place : place + 8] = chance.choice(
                (bytes(8), b"\xff" * 8, chance.randrange(len(made)).to_bytes(8, "little"))
            )
        elif action == 5:
            del made[place : place + size]
        elif action == 6:
            made[place:place] = made[place : place + size]
        elif chance.random() < 0.2:
            del made[place:]
    return bytes(made)


def in_json(data: bytes, chance: random.Random) -> bytes:
    """The description changed: values replaced, moved, repeated, removed, nested."""
    if data[:2] != b"PK":
        try:
            return dumped(altered(json.loads(data), chance), chance)
        except ValueError:
            return data
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename.endswith(".json") and (entry.filename == "config.json" or chance.random() < 0.2):
                body = dumped(altered(json.loads(body), chance), chance)
            packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            new.writestr(chance.choice((entry.filename,) * 12 + ("../" + entry.filename,)), body, packing)
    return buffer.getvalue()


def dumped(value: Any, chance: random.Random) -> bytes:
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.02:
        depth = chance.choice((100, 250, 10_000, 100_000))
        text = '{"a":' * depth + text + "}" * depth
    if chance.random() < 0.05:
        text = text.replace("{", '{"name": 1, "name": NaN, ', 1)
    return text.encode()


def altered(value: Any, chance: random.Random) -> Any:
    """The value with a few of its parts changed in place."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = [place for place in containers(value) if place]
        if not places:
            return copy.deepcopy(chance.choice(EVIL))
        where, source = chance.choice(places), chance.choice(places)
        key = chance.choice(list(where) if isinstance(where, dict) else range(len(where)))
        other = source[chance.choice(list(source) if isinstance(source, dict) else range(len(source)))]
        action = chance.randrange(5)
        if action == 0:
            where[key] = copy.deepcopy(chance.choice(EVIL))  # the next file starts from the same
        elif action == 1:
            where[key] = json.loads(json.dumps(other))
        elif action == 2:
            del where[key]
        elif action == 3 and isinstance(where, list):
            where.insert(key, copy.deepcopy(where[key]))
        elif isinstance(where, dict):
            where[chance.choice((str(key) + "x", "class_name", "module", "config", "name", "inbound_nodes"))] = (
                where.pop(key)
            )
    return value


def containers(value: Any) -> Iterator[Any]:
    """All dicts and lists of a JSON value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, (dict, list)):
            yield item
            stack.extend(item.values() if isinstance(item, dict) else item)


def seeds() -> list[bytes]:
    """Valid files, small: those of ``tests/data/models``."""
    return [path.read_bytes() for path in sorted((Path(__file__).parent / "data" / "models").iterdir())]
