"""``docs/kinds.md``: what is known of each kind at sizes that are open. ``python -m tests.ops.kinds --refresh``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from kgraph.ops import knowledge
from kgraph.ops.base import no_specs
from kgraph.ops.catalog import catalogued
from kgraph.ops.elementwise import NUMPY_MERGES, TESTS, UNARY

PAGE = Path(__file__).parents[2] / "docs" / "kinds.md"

OPAQUE = {
    "layers.FlaxLayer": "runs code of another library",
    "layers.JaxLayer": "runs code of another library",
    "layers.TFSMLayer": "runs a saved function",
    "layers.TorchModuleWrapper": "runs code of another library",
    "layers.Layer": "abstract: what a subclass does is in its code",
    "layers.Wrapper": "abstract: what a subclass does is in its code",
    **dict.fromkeys(
        ("ops.associative_scan", "ops.cond", "ops.fori_loop", "ops.map", "ops.scan", "ops.switch", "ops.vectorized_map",
         "ops.while_loop"),
        "calls functions that it is given",
    ),
    **dict.fromkeys(
        ("ops.bincount", "ops.nonzero", "ops.unique", "ops.segment_max", "ops.segment_min", "ops.segment_prod",
         "ops.segment_sum"),
        "how much it gives depends on values",
    ),
}  # fmt: skip
"""Kinds of which no rule can tell the shapes, and why."""

NOTES = {
    "layers.Lambda": "where its code is a subscript; else opaque",
    "layers.MelSpectrogram": "at fixed lengths: of some, Keras records a frame more than there are",
    "layers.MultiHeadAttention": "of scores that are asked for: as long as the query; Keras records the wrong length of others",
    "layers.Rescaling": "by numbers and vectors as long as the last axis; others stretch what Keras records as it was",
    "layers.TextVectorization": "of a fixed length; else how long the text is decides",
    "layers.GRUCell": "part of an RNN, which is exact",
    "layers.LSTMCell": "part of an RNN, which is exact",
    "layers.SimpleRNNCell": "part of an RNN, which is exact",
    "layers.StackedRNNCells": "part of an RNN, which is exact",
    "ops.adaptive_average_pool": "of channels first; Keras records the wrong shape of channels last",
    "ops.adaptive_max_pool": "of channels first; Keras records the wrong shape of channels last",
    "ops.average": "without weights",
    "ops.dot_product_attention": "of values as wide as the query; Keras records the wrong width of others",
    "ops.kron": "of as many axes in both, two at most: TensorFlow fails at some of more",
    "ops.trace": "of square matrices, or of their main diagonal: TensorFlow fails at some of others",
    "ops.rot90": "by an odd number of quarters",
    "ops.vstack": "of two axes or more",
    "ops.squeeze": "of axes that are named; else which are 1 decides",
    "ops.einsum": "of equations that say what is written, without an ellipsis",
}

SAME_SHAPE = frozenset(f"ops.{name}" for name in (*UNARY, *TESTS, *NUMPY_MERGES, "cast"))
"""Operations that keep the shape of their tensor, or merge several element by element: they are not in the table."""


def status(kind: str) -> str:
    """``exact``: a rule for every size; ``opaque``: no rule can be; ``recorded``: what Keras wrote down, no more."""
    if knowledge(kind).specs is not no_specs:
        return "exact"
    return "opaque" if kind in OPAQUE else "recorded"


def kinds(prefix: str) -> list[str]:
    """Kinds of layers or operations that are in the table, in order."""
    return [kind for kind in catalogued() if kind.startswith(prefix) and kind not in SAME_SHAPE]


def statuses() -> Mapping[str, str]:
    """Every kind in the table, with what is known of it."""
    return {kind: status(kind) for prefix in ("layers.", "ops.") for kind in kinds(prefix)}


def page() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Shapes at every size, by kind"
    yield ""
    yield "Written by `python -m tests.ops.kinds --refresh`; do not edit."
    yield ""
    yield "- **exact**: kgraph computes the shapes, and when Keras raises, then or when it runs, at every size; tested against Keras at random sizes."
    yield "- **recorded**: what Keras wrote down stands; an open extent is a size of its own, unless an axis is known to be kept."
    yield "- **opaque**: no rule can tell; an open extent is a size of its own."
    yield ""
    yield "What numbers decide is not told: indices that are tensors, layers that do more when they are trained."
    yield "On TensorFlow, additions take some second operands for a bias and add them along another axis than NumPy does"
    yield "(keras#20386; reproduced in `tests/ops/test_symbolic.py`): verdicts are those of NumPy's rules, which Keras records."
    yield ""
    yield f"{len(SAME_SHAPE)} operations that work element by element are exact and left out."
    for title, prefix in (("Layers", "layers."), ("Operations", "ops.")):
        found = {kind: status(kind) for kind in kinds(prefix)}
        counts = Counter(found.values())
        words = ", ".join(f"{counts[word]} {word}" for word in ("exact", "recorded", "opaque"))
        yield from ("", f"## {title}: {words}", "", "| kind | | |", "|---|---|---|")
        yield from (
            f"| `{kind.removeprefix(prefix)}` | {word} | {NOTES.get(kind, OPAQUE.get(kind, ''))} |"
            for kind, word in found.items()
        )


if __name__ == "__main__":
    if sys.argv[1:] != ["--refresh"]:
        raise SystemExit("usage: python -m tests.ops.kinds --refresh")
    PAGE.write_text(page(), encoding="utf-8")
