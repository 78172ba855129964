from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kgraph import parse
from kgraph.cli import cli

GROUPED = """
x = Input(shape=(8, 8, 4), name="x")
a = x[..., 0:2]
b = x[..., 2:4]
c = Conv2D(2, 3, padding="same", name="c")(a)
d = Conv2D(2, 3, padding="same", name="d")(b)
y = Concatenate(name="y")([c, d])
z = Add(name="z")([x, y])
model = Model(x, z, name="grouped")
"""
STRETCHED = """
x = Input(shape=(8, 8, 4), name="x")
p = MaxPooling2D(8, name="p")(x)
z = Add(name="z")([x, p])
model = Model(x, z, name="stretched")
"""


@pytest.fixture
def grouped(tmp_path: Path) -> str:
    path = tmp_path / "grouped.py"
    path.write_text(GROUPED, encoding="utf-8")
    return str(path)


@pytest.fixture
def stretched(tmp_path: Path) -> str:
    path = tmp_path / "stretched.py"
    path.write_text(STRETCHED, encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_check_prints_one_screen(grouped: str) -> None:
    result = run("check", grouped)
    assert result.exit_code == 0
    assert result.stdout == (
        "grouped.py  7 nodes, 8 edges, 76 parameters\n"
        "  in   x (B, 8, 8, 4) float32\n"
        "  out  z (B, 8, 8, 4) float32\n"
        "  fused into 3 nodes, 3 edges\n"
        "\n"
        "merges  1 identical\n"
        "  z  identical  (B, 8, 8, 4)  identity shortcut from x\n"
        "\n"
        "fusions  1\n"
        "  y  5 nodes -> Conv2D(filters=4, groups=2)  proved\n"
        "\n"
        "no problems found\n"
    )


def test_findings_make_the_exit_code_one_from_the_threshold_on(stretched: str) -> None:
    result = run("check", stretched)
    assert result.exit_code == 1
    assert "warning KG101 z broadcasts (B, 8, 8, 4) + (B, 1, 1, 4)" in result.stdout
    assert run("check", stretched, "--fail-on", "error").exit_code == 0
    assert run("check", stretched, "--fail-on", "info").exit_code == 1


def test_verbose_says_every_why(grouped: str) -> None:
    result = run("check", "--verbose", grouped)
    assert "channels are 4: x (the input) and y (2 + 2 joined) both give 4" in " ".join(result.stdout.split())


def test_json_is_the_contract(grouped: str, tmp_path: Path) -> None:
    result = run("check", grouped, "--format", "json")
    found = json.loads(result.stdout)
    assert list(found) == [
        "version", "kgraph", "source", "graph", "fused", "merges", "requirements", "fusions", "refusals", "domain",
        "findings", "errors", "notes",
    ]  # fmt: skip
    assert found["version"] == 1
    assert found["source"] == {"name": "grouped.py", "path": grouped, "format": "text", "keras_version": None}
    assert found["graph"]["inputs"] == [{"value": "x", "shape": ["B", 8, 8, 4], "dtype": "float32"}]
    assert found["fusions"][0]["becomes"]["config"]["groups"] == 2
    written = tmp_path / "report.json"
    assert run("check", grouped, "--format", "json", "-o", str(written)).stdout == ""
    assert json.loads(written.read_text(encoding="utf-8")) == found


def test_fuse_prints_and_writes(grouped: str, tmp_path: Path) -> None:
    fused = tmp_path / "fused.py"
    result = run("fuse", grouped, "-o", str(fused))
    assert result.stdout == (
        "7 nodes, 8 edges -> 3 nodes, 3 edges\nfusions  1\n  y  5 nodes -> Conv2D(filters=4, groups=2)  proved\n"
    )
    assert parse(fused.read_text(encoding="utf-8")).ops["y"].config["groups"] == 2
    found = json.loads(run("fuse", grouped, "--format", "json").stdout)
    assert found["fused"] == {"nodes": 3, "edges": 3}
    assert found["fusions"][0]["replaces"] == ["a", "b", "c", "d", "y"]


def test_fuse_says_why_not(grouped: str) -> None:
    text = GROUPED.replace("x[..., 2:4]", "x[..., 1:3]")
    Path(grouped).write_text(text, encoding="utf-8")
    result = run("fuse", grouped)
    assert "y  grouped-convolution: channel 1 is read more than once and channel 3 is never read" in result.stdout


def test_show_is_read_again(grouped: str) -> None:
    result = run("show", grouped)
    assert parse(result.stdout) == parse(GROUPED)
    assert "groups=2" in run("show", "--fused", grouped).stdout


def test_draw(grouped: str, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    result = run("draw", grouped, "-o", str(out))
    assert (result.exit_code, result.stdout) == (0, f"{out}: 3 nodes, 3 edges\n")
    assert "groups=2" in out.read_text(encoding="utf-8")
    assert run("draw", "--unfused", grouped, "-o", str(out)).stdout == f"{out}: 7 nodes, 8 edges\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "nothing.py"), "'nothing.py' is neither an existing file nor an import path"),
        (("check", "no.such:model"), "'no.such:model': there is no module 'no' here or on the Python path"),
        (("check", "not a path:x"), "'not a path:x' is no import path; expected package.module:name"),
        (("draw", "{grouped}", "-o", "out.png"), "expected a path that ends in .svg, .dot or .gv"),
        (("show", "{grouped}", "-o", "/no/such/folder/x"), "there is no folder"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_two(grouped: str, arguments: tuple[str, ...], message: str) -> None:
    result = run(*(argument.format(grouped=grouped) for argument in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("kgraph: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", "the directory of the zip archive is damaged"),
        (b"\x89HDF\r\n", "it is not text in UTF-8 (byte 0) and no known container"),
        (b"\x80\x04", "it is a pickle"),
        (b"\xff\xfe", "it is text in UTF-16; save it in UTF-8"),
        (b"x = 3 +", "line 1: not Python"),
        (b"", "it is empty"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    result = run("check", str(path))
    assert result.exit_code == 2
    assert message in result.stderr
    assert str(path) in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_relative_path_stays_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("models") / "empty.keras"
    path.parent.mkdir()
    path.touch()
    assert run("check", str(path)).stderr.startswith(f"kgraph: {path}: it is empty; expected")


def test_help_and_version() -> None:
    assert "SOURCE is an import path" in run("--help").stdout
    assert run("--version").stdout.startswith("kgraph ")
    assert run("check").exit_code == 2


def test_a_rule_that_raises_never_looks_clean(grouped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgraph.rules.merges.implicit_broadcast import ImplicitBroadcast

    def check(*_: object) -> object:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(ImplicitBroadcast, "check", check)
    result = run("check", grouped)
    assert result.exit_code == 2
    assert "error KG101: the rule raised ZeroDivisionError: oh" in result.stdout
    assert result.stdout.endswith("1 analysis could not run: the model was not fully checked\n")


def test_colours_are_for_terminals_alone(grouped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from kgraph import cli as module

    assert "\x1b" not in run("check", grouped).stdout
    style = module._style  # pyright: ignore[reportPrivateUsage]
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert style("x", "error").startswith("\x1b")
    monkeypatch.setenv("NO_COLOR", "1")
    assert style("x", "error") == "x"
    assert sys.stdout is not None


@pytest.mark.keras
def test_an_import_path_is_imported_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_models.py").write_text(
        "import keras\n"
        "def build():\n    x = keras.Input((4,))\n    return keras.Model(x, keras.layers.ReLU(name='r')(x), name='built')\n"
        "model = build()\n"
        "layer = keras.layers.ReLU()\n"
        "def broken():\n    raise ValueError('no\\nluck')\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    for name in ("build", "model"):
        assert run("check", f"mine_models:{name}").stdout.startswith(f"mine_models:{name}  2 nodes")
    assert "calling it without arguments raised ValueError: no" in run("check", "mine_models:broken").stderr
    assert "expected a model" in run("check", "mine_models:layer").stderr
    (tmp_path / "mine_broken.py").write_text("1 / 0\n", encoding="utf-8")
    assert "importing mine_broken raised ZeroDivisionError" in run("check", "mine_broken:x").stderr
    (tmp_path / "mine_needs.py").write_text("import not_here_at_all\n", encoding="utf-8")
    assert "needs the module 'not_here_at_all', which is not installed" in run("check", "mine_needs:x").stderr
    assert "has no 'biuld'; did you mean build?" in run("check", "mine_models:biuld").stderr


# --- limits --------------------------------------------------------------------------------------------------------

MODEL = str(Path(__file__).parent / "data" / "models" / "keras3.keras")
HDF5 = str(Path(__file__).parent / "data" / "models" / "keras3.h5")
JSON = str(Path(__file__).parent / "data" / "models" / "keras3.json")


@pytest.mark.parametrize(
    ("limit", "source", "message"),
    [
        ("nodes=2", JSON, "calls; the limit is 2 (nodes)"),
        ("json_depth=3", JSON, "is nested deeper than 3 levels (json_depth)"),
        ("config_bytes=100", JSON, "the limit is 100 (config_bytes)"),
        ("config_bytes=100", MODEL, "the limit is 100 (config_bytes)"),
        ("config_bytes=100", HDF5, "no description of a model was found in what could be read: "),
        ("entries=1", MODEL, "(entries)"),
    ],
)
@pytest.mark.parametrize("command", ["check", "summary", "show", "fuse", "draw"])
def test_a_limit_is_kept_by_every_command(command: str, limit: str, source: str, message: str, tmp_path: Path) -> None:
    written = tmp_path / "out.svg"
    output = ("-o", str(written)) if command == "draw" else ()
    result = run(command, source, "--limit", limit, *output)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not written.exists()
    assert run(command, source, "--limit", "nodes=100", "--limit", "json_depth=100", *output).exit_code == 0


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("node=5", "there is no limit 'node=5'; did you mean nodes?"),
        ("nodes", "the limit nodes must be a whole number from 1, received ''"),
        ("5", "there is no limit '5'; expected NAME=VALUE, where NAME is one of config_bytes, json_depth, entries,"),
        ("nodes=many", "the limit nodes must be a whole number from 1, received 'many'"),
        ("nodes=0", "the limit nodes must be a whole number from 1, received '0'"),
        ("nodes=-1", "the limit nodes must be a whole number from 1, received '-1'"),
        ("nodes=" + "9" * 5000, "the limit nodes must be a whole number from 1, received '9999"),
    ],
)
def test_a_wrong_limit_is_one_line(limit: str, message: str, grouped: str) -> None:
    result = run("check", grouped, "--limit", limit)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"kgraph: {message}")
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 300


def test_the_last_of_two_limits_counts_and_limits_are_kept_for_each_of_many() -> None:
    assert run("check", JSON, "--limit", "nodes=2", "--limit", "nodes=99").exit_code == 0
    result = run("check", JSON, MODEL, "--limit", "nodes=2", "-j", "1")
    assert result.exit_code == 2
    assert result.stdout.count("the limit is 2 (nodes)") == 2


OPEN = """
x = Input(shape=(None, None, 4), name="x")
v = Input(shape=(None, 4), name="v")
p = MaxPooling2D(2, name="p")(x)
u = UpSampling2D(2, name="u")(p)
z = Add(name="z")([x, u])
model = Model([x, v], [z, ReLU(name="r")(v)], name="open")
"""


@pytest.fixture
def opened(tmp_path: Path) -> str:
    path = tmp_path / "open.py"
    path.write_text(OPEN, encoding="utf-8")
    return str(path)


def test_check_at_given_sizes(opened: str) -> None:
    assert "z  conditional" in run("check", opened).stdout
    result = run("check", opened, "--input", "x=6x8x4", "--input", "v=?X4")
    assert result.exit_code == 0
    assert "in   x (B, 6, 8, 4) float32, v (B, T, 4) float32" in result.stdout
    assert "z  identical  (B, 6, 8, 4)" in result.stdout
    assert run("check", opened, "--input", "x=NonexNonex4").stdout == run("check", opened).stdout


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (["6x8x4"], "the model has 2 inputs; name those that get sizes: x, v"),
        (["6x8x4", "v=3x4"], "--input 6x8x4: of several inputs each needs its name; expected NAME=6x8x4"),
        (["x=6x8x4", "x=6x8x4"], "--input x=6x8x4: the input 'x' is given twice"),
        (["w=6x8x4"], "the model has no input 'w'; expected one of: x, v"),
        (["x=6x8"], "input x has the shape (None, None, None, 4): expected 3 sizes, all but the batch; received 2"),
        (["x=6x8x5"], "input x has the shape (None, None, None, 4): axis 3 is 4; received 5"),
        (["x=6xx4"], "--input x=6xx4: '' is no size; expected something like 500x375x3, or ?x?x3"),
        (["x=6x-8x4"], "--input x=6x-8x4: '-8' is no size; expected something like 500x375x3, or ?x?x3"),
        (["x=6x²x4"], "--input x=6x²x4: '²' is no size; expected something like 500x375x3, or ?x?x3"),
        (["x=0x8x4"], "input x: a size must be a positive int, or None; received 0"),
        (
            ["x=7x8x4"],
            "z (layers.Add) does not take these sizes: Keras raises on (None, 7, 8, 4), (None, 6, 8, 4); "
            "the nearest sizes that the model accepts: H = 6, W = 8",
        ),
    ],
)
def test_sizes_that_cannot_be_are_one_line(opened: str, sizes: list[str], message: str) -> None:
    result = run("check", opened, *(word for each in sizes for word in ("--input", each)))
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"kgraph: {message}\n")


def test_why(opened: str) -> None:
    result = run("why", opened, "z")
    assert result.exit_code == 0
    assert result.stdout.startswith("z  Add  conditional  (B, H, W, 4)\n")
    assert "    <- p  H // 2, W // 2  (stride 2 and a valid 2-wide window)\n" in result.stdout
    assert json.loads(run("why", opened, "z", "--format", "json").stdout)["node"] == "z"


def test_why_of_a_node_that_does_not_exist(opened: str) -> None:
    result = run("why", opened, "zz")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "kgraph: open has no node 'zz'; did you mean z?\n"


def test_why_writes_smt_lib(opened: str, tmp_path: Path) -> None:
    out = tmp_path / "z.smt2"
    result = run("why", "--smt2", str(out), opened, "z")
    assert result.exit_code == 0
    assert result.stdout == run("why", opened, "z").stdout
    text = out.read_text(encoding="utf-8")
    assert text.startswith(
        '; "z" (layers.Add) is conditional. A solver must answer each check with the :status before it.'
    )
    assert text.count("(check-sat)") == text.count("(set-info :status ") == 6


def test_why_without_anything_to_prove(tmp_path: Path) -> None:
    path, out = tmp_path / "opaque.py", tmp_path / "o.smt2"
    path.write_text(
        "x = Input(shape=(None, 4), name=\"x\")\n\"{'outputs': (((None, None, 4), 'float32'),)}\"\n"
        'o = Custom("shop.Thing", name="o")(x)\nmodel = Model(x, o)\n',
        encoding="utf-8",
    )
    result = run("why", "--smt2", str(out), str(path), "o")
    assert (result.exit_code, result.stdout, out.exists()) == (2, "", False)
    assert result.stderr == (
        "kgraph: o: there is nothing to prove, as no rule tells which sizes custom.shop.Thing takes\n"
    )
