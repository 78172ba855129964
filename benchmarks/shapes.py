"""Symbolic shapes against Keras: random calls at random sizes. ``python -m benchmarks.shapes --count 20000``.

A pair is one call at one choice of sizes. kgraph says of it, from the call with open sizes alone, which shapes come out
or that the call does not work; Keras makes the call at those sizes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from tests.ops.calls import FAMILIES
from tests.ops.sizes import REFUSED, Pair, pairs


def drawn(count: int, only: str, seed: int) -> Iterator[Pair]:
    """Pairs, the families in turn."""
    families = [family for family in FAMILIES if only in family.__name__]
    made = number = 0
    while made < count:
        family = families[number % len(families)]
        for pair in pairs(family(Random(seed + number)), Random(number)):
            made += 1
            yield pair
        number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many pairs")
    parser.add_argument("--only", default="", help="families with this in their name")
    parser.add_argument("--seed", type=int, default=0, help="where random numbers begin")
    parser.add_argument("--most", type=int, default=40, help="how many disagreements are printed")
    chosen = parser.parse_args()
    start = time.perf_counter()
    total: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {}
    for pair in drawn(chosen.count, chosen.only, chosen.seed):
        answer = pair.answer
        works = "raises" if pair.found == REFUSED else "works"
        for kind in set(pair.kinds):
            by_kind.setdefault(kind, Counter()).update((answer, works))
        total.update((answer, works, f"{answer}, {works}"))
        if answer == "wrong" and total["wrong"] <= chosen.most:
            print(
                f"{pair.call}\n    at {pair.entering}: kgraph {pair.said or 'raises'}, Keras {pair.found or 'raises'}"
            )
    for kind, counts in sorted(by_kind.items()):
        print(
            f"{kind:40} " + "  ".join(f"{key} {counts[key]}" for key in ("right", "wrong", "untold", "works", "raises"))
        )
    print(
        f"{total['right'] + total['wrong'] + total['untold']:,} pairs in "
        f"{time.perf_counter() - start:.0f} s: {dict(total)}"
    )
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
