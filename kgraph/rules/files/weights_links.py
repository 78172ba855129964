"""KG712 weights-links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgraph.findings import Finding, Severity
from kgraph.frontends.contents import Dataset, Weights
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.saying import at_places, found, quoted

FLOOR = 4 * 2**30
GROWTH = 1000
"""Keras refuses a dataset of more bytes that is so many times what is stored of it."""

HELP = "do not load this file: Keras never writes such weights; copy them value by value into a file of your own"


class WeightsLinks:
    """
    What it does:
        Finds HDF5 weights that are elsewhere: links to other files, datasets whose data other files hold, virtual
        datasets, links by name; and datasets that claim far more bytes than the file holds.

    Why is this bad?
        Loading follows them. A link to another file of your machine makes its bytes part of the weights, and goes
        wherever the model is saved to (CVE-2026-1669, before Keras 3.13.2). A dataset that claims terabytes uses up
        the memory (CVE-2026-0897).

    Example:
        ```json contents
        {"format": "h5", "weights": {"links": [
          {"path": "model_weights/dense", "kind": "external", "target": "/etc/passwd:/x"}]}}
        ```

    Use instead:
        ```json contents
        {"format": "h5", "weights": {"datasets": {"model_weights/dense/kernel": {
          "path": "model_weights/dense/kernel", "shape": [3, 2], "dtype": "float32", "size": 24, "stored": 24}}}}
        ```
    """

    id = "KG712"
    name = "weights-links"
    severity = Severity.ERROR

    def check(self, graph: Graph, facts: Facts) -> Iterator[Finding]:
        """One finding for each thing that is wrong."""
        weights = None if facts.contents is None else facts.contents.weights
        if weights is None:
            return
        yield from self._links(weights)
        datasets = list(weights.datasets.values())
        outer = [item for item in datasets if item.external]
        yield from self._told(outer, _files(outer), "Keras before 3.13.2 would read them; later ones refuse")
        virtual = [item for item in datasets if item.virtual]
        then = "Keras before 3.12.3 would read those, wherever they are; later ones refuse"
        yield from self._told(virtual, "are put together from others", then)
        bombs = [item for item in datasets if _is_bomb(item)]
        yield from self._told(bombs, _sizes(bombs), "Keras before 3.12.1 would ask for so much memory")

    def _links(self, weights: Weights) -> Iterator[Finding]:
        then = {
            "external": "links to other files", "user-defined": "links of a kind of their own",
            "soft": "links by name",
        }  # fmt: skip
        for kind, called in then.items():
            links = [link for link in weights.links if link.kind == kind]
            if links:
                targets = ", ".join(dict.fromkeys(quoted(link.target) for link in links[:3]))
                yield found(
                    self,
                    f"holds {called} ({targets}) {at_places(len(links), [quoted(link.path) for link in links[:3]])}: "
                    "Keras before 3.12.3 would follow them; later ones refuse",
                    HELP,
                    severity=Severity.WARNING if kind == "soft" else None,
                )
        if weights.user_block:
            said = f"{weights.user_block:,} bytes stand before the HDF5 weights: Keras and h5py pass over them"
            yield found(self, f"{said}, other programs may take them for the file", HELP, severity=Severity.WARNING)

    def _told(self, datasets: Sequence[Dataset], said: str, then: str) -> Iterator[Finding]:
        if datasets:
            places = at_places(len(datasets), [quoted(item.path) for item in datasets[:3]])
            yield found(self, f"datasets {places} {said}: {then}", HELP)


def _files(datasets: Sequence[Dataset]) -> str:
    names = dict.fromkeys(quoted(name) for item in datasets[:3] for name in item.external)
    return f"have their data in other files ({', '.join([*names][:3])})"


def _sizes(datasets: Sequence[Dataset]) -> str:
    largest = max((item.size for item in datasets), default=0)
    return f"claim up to {largest:,} bytes, more than {GROWTH:,} times what is stored"


def _is_bomb(item: Dataset) -> bool:
    return item.size > FLOOR and not item.external and not item.virtual and item.size > GROWTH * (item.stored or 0)
