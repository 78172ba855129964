"""``kgraph check FILE`` as a whole process, against Keras' load and summary and against bare imports, in one run.

python -m benchmarks.files            the reference model's .keras with its weights
python -m benchmarks.files --many     1,000 files of 200 layers, two processes
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = "import networkx, islpy, json, sys, zipfile; json.loads(zipfile.ZipFile(sys.argv[1]).read('config.json'))"
KERAS = "import keras, sys; keras.models.load_model(sys.argv[1]).summary(print_fn=lambda *_, **__: None)"
LAYERS = 200

CACHE = str(Path(tempfile.gettempdir()) / "kgraph-benchmarks-compiled")
"""Where Python keeps what it compiles."""


def run(*command: str) -> tuple[float, float, float]:
    """(seconds on the clock, seconds of processor time, peak MB) of a command, the machine being as it is."""
    start = time.perf_counter()
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPYCACHEPREFIX": CACHE}
    quiet.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - start
    if process.returncode not in (0, 1):
        sys.exit(f"{command} ended with {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def best(*command: str, rounds: int = 5) -> tuple[float, float, float]:
    """The least of each figure over several runs."""
    rows = [run(*command) for _ in range(rounds)]
    return tuple(min(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def reference(folder: Path) -> None:
    path = str(folder / "resnext50.keras")
    make = "import sys; from examples.resnext50 import getitem; getitem().save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, path], check=True, stderr=subprocess.DEVNULL)
    rows = {
        "kgraph check": best(sys.executable, "-m", "kgraph", "check", path),
        "bare imports + json": best(sys.executable, "-c", BARE, path),
        "keras load + summary": best(sys.executable, "-c", KERAS, path, rounds=2),
        "kgraph --version": best(sys.executable, "-m", "kgraph", "--version"),
        "kgraph --help": best(sys.executable, "-m", "kgraph", "--help"),
        "python -c pass": best(sys.executable, "-c", "pass"),
    }
    own = rows["kgraph check"]
    for name, (clock, processor, memory) in rows.items():
        ratio = f"  {processor / own[1]:6.2f}x the processor time, {memory / own[2]:5.2f}x the memory of a check"
        print(f"{name:22} {clock:6.2f} s  {processor:6.2f} s processor  {memory:6.0f} MB{ratio}")


def many(folder: Path, count: int = 1000) -> None:
    make = (
        "import sys, keras\n"
        "from keras import layers\n"
        "x = y = keras.Input((None, None, 8))\n"
        f"for _ in range({LAYERS} // 4):\n"
        "    z = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding='same')(y)))\n"
        "    y = layers.Add()([z, y])\n"
        "keras.Model(x, y).save(sys.argv[1])\n"
    )
    first = folder / "0000.keras"
    subprocess.run([sys.executable, "-c", make, str(first)], check=True, stderr=subprocess.DEVNULL)
    paths = [folder / f"{number:04}.keras" for number in range(count)]
    for path in paths[1:]:
        os.link(first, path)
    clock, processor, memory = run(sys.executable, "-m", "kgraph", "check", "-j", "2", *map(str, paths))
    one = run(sys.executable, "-m", "kgraph", "check", str(first))
    print(
        f"{count:,} files of {LAYERS} layers, 2 processes: {clock:.1f} s, {processor:.1f} s processor, {memory:.0f} MB"
    )
    print(f"  a file: {processor / count / one[1]:.2f}x of a process for it alone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", action="store_true")
    with tempfile.TemporaryDirectory() as folder:
        (many if parser.parse_args().many else reference)(Path(folder))


if __name__ == "__main__":
    main()
