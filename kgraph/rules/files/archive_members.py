"""KG711 archive-members."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from kgraph.findings import Finding, Severity
from kgraph.frontends.contents import Entry
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import found, quoted

EXTRACTED = 3
"""An archive of more members than these is unpacked to a folder, all of it."""

FLOOR = 256 * 2**20
"""Bytes from which on Keras looks at how much a member grows."""

GROWTH = 100
ROOTED = re.compile(r"[/\\]|[a-zA-Z]:")
HELP = "do not load or unpack this file: Keras never writes such an archive"


class ArchiveMembers:
    """
    What it does:
        Finds members of a ``.keras`` archive whose names leave the folder they are unpacked to or collide with each
        other, that are links, encrypted, or grow without bound.

    Why is this bad?
        Keras unpacks the whole archive if it has more than 3 members. A name such as ``../../.bashrc`` is then
        written where it says (before Keras 3.14); of two members with one name different programs read different
        ones; a few kilobytes of zeros become gigabytes.

    Example:
        ```json contents
        {"format": "keras", "entries": [{"name": "config.json", "size": 2, "packed": 2},
          {"name": "assets/../../../evil.py", "size": 9, "packed": 9}]}
        ```

    Use instead:
        ```json contents
        {"format": "keras", "entries": [{"name": "config.json", "size": 2, "packed": 2},
          {"name": "assets/layers/lookup/vocabulary.txt", "size": 9, "packed": 9}]}
        ```
    """

    id = "KG711"
    name = "archive-members"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each thing that is wrong."""
        if facts.contents is None:
            return
        entries = facts.contents.entries
        unpacked = "it would be unpacked" if len(entries) > EXTRACTED else "a program that unpacks it would write there"
        for said, then, is_bad in _TESTS:
            yield from self._told([entry for entry in entries if is_bad(entry)], said, then.format(unpacked=unpacked))
        twice = _alike(entries, _plain)
        yield from self._told(twice, "have one name", "programs differ in which they read")
        names = {entry.name for entry in twice}
        alike = [entry for entry in _alike(entries, _folded) if entry.name not in names]
        then = "where file systems know no capitals, one is written over the other"
        yield from self._told(alike, "differ in capitals alone", then, Severity.WARNING)

    def _told(
        self, entries: Sequence[Entry], said: str, then: str, severity: Severity | None = None
    ) -> Iterator[Finding]:
        if entries:
            shown = ", ".join(quoted(entry.name) for entry in entries[:3])
            more = f" and {len(entries) - 3:,} more" if len(entries) > 3 else ""
            yield found(self, f"the members {shown}{more} {said}: {then}", HELP, severity=severity)


def _leaves(entry: Entry) -> bool:
    return ROOTED.match(entry.name) is not None or ".." in re.split(r"[/\\]", entry.name)


def _is_unprintable(entry: Entry) -> bool:
    """A control character, or a backslash: a separator on some systems and a letter on others."""
    return "\\" in entry.name or any(unicodedata.category(letter) == "Cc" for letter in entry.name)


def _grows(entry: Entry) -> bool:
    return entry.size > FLOOR and entry.size > GROWTH * max(entry.packed, 1)


def _plain(name: str) -> str:
    """A name as file systems see it: ``./a//b`` is ``a/b``."""
    parts = re.split(r"[/\\]", unicodedata.normalize("NFC", name))
    return "/".join(part for part in parts if part not in ("", "."))


def _folded(name: str) -> str:
    return _plain(name).casefold()


def _alike(entries: Sequence[Entry], seen: Callable[[str], str]) -> list[Entry]:
    """The members whose names are seen as one."""
    names = Counter(seen(entry.name) for entry in entries)
    return [entry for entry in entries if names[seen(entry.name)] > 1]


_TESTS: tuple[tuple[str, str, Callable[[Entry], bool]], ...] = (
    ("leave the folder they are unpacked to", "{unpacked}, over whatever is there (before Keras 3.14)", _leaves),
    ("hold control characters or backslashes", "programs differ in what they take them for", _is_unprintable),
    ("are symbolic links", "what is written through them lands elsewhere", lambda entry: entry.symlink),
    ("are encrypted", "Keras cannot read them, and nobody can look at them", lambda entry: entry.encrypted),
    ("would grow more than 100 times, to over 256 MiB", "memory or disk would be used up", _grows),
)
