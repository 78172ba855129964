"""The architectures of ``keras.applications`` without a top, for images of any size: what kgraph says, and Keras."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kgraph import Graph, extract
from kgraph.analysis.domain import Domain, domain
from kgraph.analysis.formulas import negated
from kgraph.analysis.integers import nearest
from kgraph.analysis.requirements import requirements
from kgraph.analysis.verdicts import verdicts
from tests.analysis.brute import keras_works

FEW = ("MobileNetV2", "DenseNet121", "InceptionV3")
"""Those that the suite builds."""


COMMON = (32, 96, 224, 331)
"""Sizes that are tried where kgraph says that none is accepted."""


@dataclass(frozen=True)
class Application:
    """One architecture.

    Attributes:
        calls: in its graph.
        condition: the domain in words.
        smallest, rejected: the smallest accepted size, and the nearest to it that is not; None where there is none.
        verdicts, requirements: how many there are of each kind.
        unknown: calls of which it is not known what sizes they take.
        ratio: the time of the analysis over that of the extraction.
        wrong: what Keras does otherwise; empty where it agrees.
    """

    name: str
    calls: int
    condition: str | None
    smallest: Mapping[str, int] | None
    rejected: Mapping[str, int] | None
    verdicts: Mapping[str, int]
    requirements: Mapping[str, int]
    unknown: tuple[str, ...]
    ratio: float
    wrong: tuple[str, ...]


def names() -> tuple[str, ...]:
    """All architectures of this Keras, in the order of their names."""
    import keras

    return tuple(name for name, found in sorted(vars(keras.applications).items()) if callable(found))


def application(name: str) -> Application:
    """Builds an architecture for images of any size, and again at the border of what kgraph says it accepts."""
    import keras

    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(None, None, 3))
    start = time.perf_counter()
    graph = extract(model)
    extracted = time.perf_counter()
    found = domain(graph)
    merges, asked = verdicts(graph), requirements(graph)
    ratio = (time.perf_counter() - extracted) / (extracted - start)
    del model
    keras.backend.clear_session()
    gc.collect()
    smallest = found.smallest()
    rejected = None if smallest is None else _rejected(found, smallest)
    tried = (smallest, rejected) if smallest is not None else tuple({"B": 1, "H": size, "W": size} for size in COMMON)
    return Application(
        name, len(graph.ops), found.condition, smallest, rejected,
        Counter(each.verdict for each in merges), Counter(each.status for each in asked),
        found.unknown, ratio, tuple(_wrong(graph, found, tried)),
    )  # fmt: skip


def _rejected(found: Domain, sizes: Mapping[str, int]) -> Mapping[str, int] | None:
    near = nearest(negated(found.formula), {symbol: sizes[name] for name, symbol in found.symbols.items()})
    return None if near is None else {name: near[symbol] for name, symbol in found.symbols.items()}


def _wrong(graph: Graph, found: Domain, tried: tuple[Mapping[str, int] | None, ...]) -> list[str]:
    inputs = [node for node, op in graph.ops.items() if op.is_input]
    wrong: list[str] = []
    for sizes in (each for each in tried if each is not None):
        works = keras_works(graph, dict.fromkeys(inputs, (sizes["B"], sizes["H"], sizes["W"], 3)))
        gc.collect()
        if works is not found.accepts(**sizes):
            wrong.append(f"at {said(sizes)} Keras {'works' if works else 'fails'}")
    return wrong


def said(sizes: Any) -> str:
    """``32 x 32``; a dash for none."""
    return "-" if sizes is None else f"{sizes['H']} x {sizes['W']}"
