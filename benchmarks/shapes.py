"""Symbolic shapes against Keras: random calls at random sizes. ``python -m benchmarks.shapes --count 20000``;
``--flavour tf_keras`` for Keras 2.

A pair is one call at one choice of sizes. kgraph says of it, from the call with open sizes alone, which shapes come out
or that the call does not work; Keras makes the call at those sizes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from random import Random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from tests.ops import calls, tensorflow_calls, tf_keras_calls
from tests.ops.calls import Family
from tests.ops.flavours import flavour, of_tf_keras
from tests.ops.kinds import statuses
from tests.ops.sizes import REFUSED, Pair, pairs

FLAVOURS = {
    "keras": (*calls.FAMILIES, *calls.ONE_BY_ONE),
    "tf_keras": (*tf_keras_calls.FAMILIES, *tf_keras_calls.ONE_BY_ONE),
}


def drawn(families: Sequence[Family], count: int, seed: int) -> Iterator[Pair]:
    """Pairs, the families in turn."""
    made = number = 0
    while made < count:
        family = families[number % len(families)]
        flavour().clear()
        for pair in pairs(family(Random(seed + number)), Random(number)):
            made += 1
            yield pair
        number += 1


def expected() -> set[str]:
    """The kinds that the flavour has, and of which a rule tells the shapes at every size."""
    exact = {kind for kind, word in statuses().items() if word == "exact"} - {"layers.InputLayer"}
    if flavour().name == "keras":
        return exact
    functions = {operation.kind for operation in tensorflow_calls.symbols().values()}
    layers = {f"layers.{name}" for name in vars(flavour().keras.layers)}
    return exact & (functions | layers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many pairs")
    parser.add_argument("--only", default="", help="families with this in their name")
    parser.add_argument("--seed", type=int, default=0, help="where random numbers begin")
    parser.add_argument("--most", type=int, default=40, help="how many disagreements are printed")
    parser.add_argument("--flavour", choices=FLAVOURS, default="keras", help="whose calls")
    chosen = parser.parse_args()
    with of_tf_keras() if chosen.flavour == "tf_keras" else nullcontext():
        return compare(chosen)


def compare(chosen: argparse.Namespace) -> int:
    families = [family for family in FLAVOURS[chosen.flavour] if chosen.only in family.__name__]
    start = time.perf_counter()
    total: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {}
    for pair in drawn(families, chosen.count, chosen.seed):
        answer = pair.answer
        works = "raises" if pair.found == REFUSED else "works"
        for kind in set(pair.kinds):
            by_kind.setdefault(kind, Counter()).update((answer, works))
        total.update((answer, works, f"{answer}, {works}"))
        if answer == "wrong" and total["wrong"] <= chosen.most:
            print(
                f"{pair.call}\n    at {pair.entering}: kgraph {pair.said or 'raises'}, Keras {pair.found or 'raises'}"
            )
    columns = ("right", "wrong", "untold", "inconsistent", "works", "raises")
    for kind, counts in sorted(by_kind.items()):
        print(f"{kind:40} " + "  ".join(f"{key} {counts[key]}" for key in columns))
    tried = total["works"] + total["raises"]
    print(f"{tried:,} pairs in {time.perf_counter() - start:.0f} s: {dict(total)}")
    missed = sorted(kind for kind in expected() if not by_kind.get(kind, Counter())["right"])
    if missed and not chosen.only:
        print(f"exact by docs/kinds.md, but never told right here: {', '.join(missed)}")
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
