"""``kgraph.check(model)`` against ``model.summary()`` on the live reference model, in one process.

python -m benchmarks.live
"""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Callable

import kgraph

ROUNDS = 7
LIMIT = 0.1


def fastest(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The least of several times, in seconds: the machine's noise only ever adds."""
    times: list[float] = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    from examples import resnext50

    for form in ("getitem", "bound", "late"):
        model = getattr(resnext50, form)()

        def summary(model: object = model) -> None:
            sink = io.StringIO()
            model.summary(print_fn=lambda line, **_: sink.write(line))  # type: ignore[attr-defined]

        slow = fastest(summary, 3)
        quick = fastest(lambda model=model: kgraph.check(model))
        verdict = "ok" if quick <= LIMIT * slow else "TOO SLOW"
        print(f"{form:8}  check / summary = {quick / slow:.3f}  (at most {LIMIT})  {verdict}")


if __name__ == "__main__":
    main()
