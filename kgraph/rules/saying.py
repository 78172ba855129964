"""How the rules on files say things alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from kgraph.findings import Finding, Severity
from kgraph.frontends.descriptions import Part, written

NAMED = 3
"""So many places are written out."""

MOST = 20
"""So many findings of one rule are said one by one."""

LONGEST = 120


class Speaker(Protocol):
    """What a rule says of itself with every finding."""

    @property
    def id(self) -> str:
        """Such as ``KG701``."""
        ...

    @property
    def name(self) -> str:
        """Such as ``lambda-code``."""
        ...

    @property
    def severity(self) -> Severity:
        """Where nothing else is said of a finding."""
        ...


def found(rule: Speaker, message: str, advice: str, *, severity: Severity | None = None) -> Finding:
    """A finding on a file: what is said is written there, and no call of the graph is concerned."""
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=rule.severity if severity is None else severity,
        message=message,
        nodes=(),
        help=advice,
        known="recorded",
    )


def quoted(text: str) -> str:
    """A text of the file, in quotes, shortened, with all that is not ASCII written as its code."""
    return ascii(text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")


def at(parts: Sequence[Part]) -> str:
    """Where the parts stand: ``at $.config`` or ``at 7 places, $.config, ...``."""
    return at_places(len(parts), [written(part.place) for part in parts[:NAMED]])


def at_places(count: int, places: Sequence[str]) -> str:
    """The same, of places that are written out already."""
    first = ", ".join(place if len(place) <= LONGEST else f"...{place[3 - LONGEST :]}" for place in places)
    if count == 1:
        return f"at {first}"
    return f"at {count:,} places, {first}{', ...' if count > len(places) else ''}"


def capped(rule: Speaker, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The worst findings of a rule one by one, and the number of the rest."""
    ranked = sorted(findings, key=lambda finding: -finding.severity.rank)
    yield from itertools.islice(ranked, MOST)
    rest = ranked[MOST:]
    if rest:
        yield found(rule, f"and {len(rest):,} more like these", rest[0].help, severity=rest[0].severity)
