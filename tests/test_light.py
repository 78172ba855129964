"""``import kgraph`` and every command on a file work without TensorFlow and Keras, and never import them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "tf_keras", "torch", "jax")

WATCH = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise ImportError("refused: " + name)
sys.meta_path.insert(0, Refuse())
"""

USE = """
import kgraph
text = open(sys.argv[1]).read()
graph = kgraph.parse(text)
report = kgraph.check(graph)
kgraph.fuse(graph); kgraph.show(graph); kgraph.draw(graph, report=report); graph.nx; report.to_json(); str(report)
from kgraph.cli import cli
for command in (["check", sys.argv[1], "--input", "8x8x4"], ["why", sys.argv[1], "c"], ["fuse", sys.argv[1]], ["show", sys.argv[1]], ["draw", sys.argv[1], "-o", sys.argv[2]]):
    try:
        cli(command, standalone_mode=False)
    except SystemExit as end:
        assert end.code == 0, command
loaded = {name.partition(".")[0] for name in sys.modules} & set(HEAVY)
assert not loaded, loaded
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(
        'x = Input(shape=(8, 8, 4), name="x")\na = x[..., 0:2]\nb = x[..., 2:4]\nc = Conv2D(2, 3, name="c")(a)\n'
        'd = Conv2D(2, 3, name="d")(b)\ny = Concatenate(name="y")([c, d])\nmodel = Model(x, y)\n',
        encoding="utf-8",
    )
    return path


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_no_heavy_import(text: Path, tmp_path: Path) -> None:
    done = run(f"{WATCH}\nHEAVY = {HEAVY!r}\n{USE}", str(text), str(tmp_path / "out.svg"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.svg").read_text(encoding="utf-8").startswith("<")


def test_the_test_above_can_fail() -> None:
    done = run(f"{WATCH}\nimport keras")
    assert done.returncode == 1
    assert "refused: keras" in done.stderr


def test_importing_kgraph_is_light() -> None:
    done = run("import sys, kgraph; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {*HEAVY, "numpy", "networkx", "pydot", "rich", "hypothesis", "click"}
