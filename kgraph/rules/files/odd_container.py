"""KG716 odd-container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgraph.findings import Finding, Severity
from kgraph.frontends.config import is_keras_2
from kgraph.frontends.contents import Contents
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import capped, found, quoted

HELP = "save the model again with model.save('model.keras'), where it was made; do not load what others changed"


class OddContainer:
    """
    What it does:
        Finds files that are not what they pretend to be: a ``.keras`` that is HDF5, an archive behind other bytes,
        members that overlap or are called otherwise in their own headers, a description written by another Keras than
        the file says.

    Why is this bad?
        Different programs then read different things of one file: what was checked is not what is loaded.

    Example:
        ```json contents
        {"format": "h5", "odd": ["the name ends in .keras, but the content is an HDF5 file"]}
        ```

    Use instead:
        ```json contents
        {"format": "h5"}
        ```
    """

    id = "KG716"
    name = "odd-container"
    severity = Severity.WARNING

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each thing that is odd."""
        if facts.contents is None:
            return
        then = "Keras and other programs may read different things of it"
        said = [f"{sentence}: {then}" for sentence in facts.contents.odd]
        said += _mismatch(facts.contents)
        yield from capped(self, (found(self, sentence, HELP) for sentence in said))


def _mismatch(contents: Contents) -> list[str]:
    """Whether the release that the file names writes descriptions in this way."""
    config: Any = contents.config
    if not isinstance(config, dict):
        return []
    version: Any = contents.metadata.get("keras_version", config.get("keras_version"))  # pyright: ignore
    if not isinstance(version, str) or version[:2] not in ("2.", "3."):
        return []
    says_2, is_2 = version.startswith("2."), is_keras_2(contents, config)  # pyright: ignore[reportUnknownArgumentType]
    if says_2 == is_2:
        return []
    return [
        f"says that Keras {quoted(version)} wrote it, but the description is of Keras {2 if is_2 else 3}: Keras "
        f"{3 if is_2 else 2} would not understand it"
    ]
