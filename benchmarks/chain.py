"""Check and fuse of a text-form chain of 1k, 10k and 100k blocks: linear, at most 12x per decade.

python -m benchmarks.chain
"""

from __future__ import annotations

import gc
import sys
import time

import kgraph

LIMIT = 12.0
SIZES = (1_000, 10_000, 100_000)


def chain(blocks: int) -> str:
    """Blocks of two slices, two convolutions, a concatenation and an Add: five nodes fuse into one in each."""
    lines = ['x0 = Input(shape=(4, 8), name="x0")']
    for block in range(blocks):
        x = f"x{block}"
        lines += [
            f"a{block} = {x}[..., 0:4]",
            f"b{block} = {x}[..., 4:8]",
            f'c{block} = Conv1D(4, 1, name="c{block}")(a{block})',
            f'd{block} = Conv1D(4, 1, name="d{block}")(b{block})',
            f'y{block} = Concatenate(name="y{block}")([c{block}, d{block}])',
            f'x{block + 1} = Add(name="x{block + 1}")([{x}, y{block}])',
        ]
    return "\n".join([*lines, f"model = Model(x0, x{blocks})"])


def main() -> None:
    before: dict[str, float] = {}
    for blocks in SIZES:
        text = chain(blocks)
        times: dict[str, float] = {}
        start = time.perf_counter()
        graph = kgraph.parse(text)
        times["parse"] = time.perf_counter() - start
        gc.collect()
        start = time.perf_counter()
        report = kgraph.check(graph)
        fused = kgraph.fuse(graph)
        times["check + fuse"] = time.perf_counter() - start
        counts = len(report.fusions), len(report.merges), len(fused.graph.ops)
        if counts != (blocks, blocks, 1 + 2 * blocks):
            sys.exit(f"wrong result at {blocks} blocks: {counts}")
        for name, seconds in times.items():
            ratio = seconds / before[name] if name in before else None
            said = (
                ""
                if ratio is None
                else f"  {ratio:5.1f}x  (at most {LIMIT})  {'ok' if ratio <= LIMIT else 'NOT LINEAR'}"
            )
            print(f"{blocks:>7,} blocks  {name:12} {seconds:8.2f} s{said}", flush=True)
        before = times


if __name__ == "__main__":
    main()
