"""Every architecture of keras.applications for images of any size: the sizes that it accepts, confirmed by Keras.

python -m benchmarks.applications [NAME ...]
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from tests.analysis.applications import Application, application, names, said

HEADS = ("architecture", "calls", "sizes", "smallest", "nearest refused", "merges", "requirements", "ratio", "Keras")


def row(found: Application) -> tuple[str, ...]:
    """One line of the table."""
    condition = {"": "all", None: "(too long to print)"}.get(found.condition, f"`{found.condition}`")
    counts = [", ".join(f"{count} {word}" for word, count in sorted(each.items())) or "-"
              for each in (found.verdicts, found.requirements)]  # fmt: skip
    unknown = f"; {len(found.unknown)} unknown" if found.unknown else ""
    return (
        found.name, str(found.calls), condition + unknown, said(found.smallest), said(found.rejected), *counts,
        f"{found.ratio:.2f}", "; ".join(found.wrong) or "agrees",
    )  # fmt: skip


def main() -> None:
    print("| " + " | ".join(HEADS) + " |")
    print("|---" * len(HEADS) + "|", flush=True)
    wrong = False
    for name in sys.argv[1:] or names():
        found = application(name)
        wrong |= bool(found.wrong)
        print("| " + " | ".join(row(found)) + " |", flush=True)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
