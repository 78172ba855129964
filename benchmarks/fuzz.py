"""Mutated model files: no crash, no hang, no code executed. ``python -m benchmarks.fuzz --count 100000``.

Every file that goes wrong is told with its number; ``--first NUMBER --count 1`` makes the same file again.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from importlib import import_module

from tests.fuzzing import run, seeds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="how many files")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    parser.add_argument(
        "--read",
        metavar="MODULE:NAME",
        default="kgraph.frontends.containers:read_contents",
        help="what reads the bytes of a file",
    )
    chosen = parser.parse_args()
    module, _, name = chosen.read.partition(":")
    read: Callable[[bytes], object] = getattr(import_module(module), name)
    start = time.perf_counter()
    numbers = range(chosen.first, chosen.first + chosen.count)
    wrong, slowest = run(read, seeds(), numbers, lambda number, what: print(f"{number}: {what}", flush=True))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{chosen.count:,} files in {seconds:.0f} s: {wrong} went wrong; slowest {slowest:.2f} s, peak {peak:.0f} MB")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
