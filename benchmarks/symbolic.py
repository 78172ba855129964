"""What symbolic shapes, verdicts, requirements and the domain take on top of reading a graph.

python -m benchmarks.symbolic
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time

LIMIT = 0.060
"""Seconds of one processor that the analysis of a model may take."""

GROWTH = 12.0
"""How many times longer ten times as many calls may take."""

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 5


def unet(depth: int = 6) -> str:
    """A U-Net for images of any size, as tutorials write it."""
    lines, skips = ['x = Input(shape=(None, None, 3), name="image")', "y = x"], list[str]()
    for level in range(depth):
        lines += [*_convolved(f"d{level}", 16 * 2**level), f"s{level} = y", "y = MaxPooling2D(2)(y)"]
        skips.append(f"s{level}")
    lines += _convolved("bottom", 16 * 2**depth)
    for level in reversed(range(depth)):
        lines += [
            f'y = Conv2DTranspose({16 * 2**level}, 2, strides=2, padding="same", name="u{level}")(y)',
            f"y = Concatenate()([{skips[level]}, y])",
            *_convolved(f"e{level}", 16 * 2**level),
        ]
    return "\n".join([*lines, "y = Conv2D(1, 1)(y)", "model = Model(x, y)"])


def _convolved(name: str, filters: int) -> list[str]:
    return [
        f'y = ReLU()(BatchNormalization()(Conv2D({filters}, 3, padding="same", name="{name}_{number}")(y)))'
        for number in range(2)
    ]


def resnext50() -> str:
    """The ResNeXt-50 of the examples (1,201 calls) for images of any size."""
    import kgraph
    from examples import resnext50

    return kgraph.show(resnext50.getitem()).replace("(224, 224, 3)", "(None, None, 3)")


def blocks(calls: int) -> str:
    """Residual blocks of four calls, in each of which a border is put on and taken away."""
    lines = ['x = Input(shape=(None, None, 8), name="image")', 'y = Conv2D(8, 3, strides=2, padding="same")(x)']
    for _ in range(calls // 4):
        lines += ["z = Conv2D(8, 3)(ZeroPadding2D(1)(y))", "y = Add()([y, ReLU()(z)])"]
    return "\n".join([*lines, "model = Model(x, y)"])


def analysed(warm: bool) -> dict[str, float]:
    """Seconds of each step on the text form in the standard input, in a process that has done nothing before."""
    import kgraph
    from kgraph.analysis.domain import domain
    from kgraph.analysis.extents import measured
    from kgraph.analysis.requirements import requirements
    from kgraph.analysis.verdicts import verdicts
    from kgraph.cli import NURSERY

    if warm:
        import islpy

        islpy.Set("[p] -> { : p >= 1 }").is_empty()
    gc.set_threshold(NURSERY)  # as the command line does
    found: dict[str, float] = {}
    graph = kgraph.parse(sys.stdin.read())
    whole = time.process_time()
    for step in (measured, verdicts, requirements, domain):
        start = time.process_time()
        step(graph)
        found[step.__name__] = time.process_time() - start
    found["all"] = time.process_time() - whole
    return found


def timed(text: str, *, warm: bool, rounds: int = ROUNDS) -> dict[str, float]:
    """The fastest of several processes: the machine's noise only ever adds."""
    command = [sys.executable, "-m", "benchmarks.symbolic", "warm" if warm else "cold"]
    runs = (subprocess.run(command, input=text, capture_output=True, text=True, check=True) for _ in range(rounds))
    return min((json.loads(run.stdout) for run in runs), key=lambda found: found["all"])


def main() -> None:
    if sys.argv[1:]:
        print(json.dumps(analysed(sys.argv[1] == "warm")))
        return
    for name, text in (("U-Net of depth 6", unet()), ("ResNeXt-50", resnext50())):
        for warm in (True, False):
            found = timed(text, warm=warm)
            steps = ", ".join(f"{step} {seconds * 1000:.0f}" for step, seconds in found.items() if step != "all")
            isl = "without" if warm else "with"
            verdict = "ok" if found["all"] <= LIMIT else "OVER THE LIMIT"
            print(f"{name:17} {isl:7} import of isl: {found['all'] * 1000:6.0f} ms ({steps})  {verdict}", flush=True)
    before = None
    for calls in SIZES:
        seconds = timed(blocks(calls), warm=True, rounds=1 if calls > 10_000 else ROUNDS)["all"]
        ratio = (
            ""
            if before is None
            else f"  {seconds / before:5.1f}x  {'ok' if seconds / before <= GROWTH else 'NOT LINEAR'}"
        )
        print(f"{calls:>7,} calls {seconds:8.2f} s{ratio}", flush=True)
        before = seconds


if __name__ == "__main__":
    main()
