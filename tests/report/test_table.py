"""The table of ``kgraph summary``: what is folded into one line, and how it looks at every width."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kgraph import Graph, fuse, parse
from kgraph.cli import cli
from kgraph.frontends import load
from kgraph.report.table import Line, columns, lines, render, render_json
from tests.frontends.summaries import DATA

MODELS = Path(__file__).parent.parent / "data" / "models"
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


def rows_of(graph: Graph) -> tuple[Line, ...]:
    return lines(graph, fuse(graph).graph)


def table(graph: Graph, width: int = 100) -> str:
    return render(graph, rows_of(graph), width=width)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["summary", *arguments])


def summary(name: str) -> Graph:
    return load(DATA / f"{name}.txt").graph


# --- what is folded -----------------------------------------------------------------------------------------------


def test_a_proved_group_is_one_line_and_the_rest_in_order() -> None:
    assert table(parse(GROUPED)) == (
        "grouped\n"
        "name  kind                                                        output        params  reads\n"
        "x     InputLayer                                                  (B, 8, 8, 4)       0\n"
        "y     2 x (get_item -> Conv2D) -> Concatenate  = Conv2D groups=2  (B, 8, 8, 4)      76  proved\n"
        "z     Add                                                         (B, 8, 8, 4)       0  x, above\n"
        "\n"
        "7 calls in 3 lines, 8 edges, 76 parameters\n"
        "1 group of 5 calls folded, proved\n"
    )


def test_json() -> None:
    graph = parse(GROUPED)
    found = json.loads(render_json(graph, rows_of(graph), notes=("one",)))
    assert list(found) == ["name", "nodes", "edges", "parameters", "inputs", "outputs", "lines", "notes"]
    assert found["lines"][1] == {
        "name": "y", "kind": "layers.Conv2D", "shapes": [["B", 8, 8, 4]], "parameters": 76, "reads": ["x"],
        "shared": False, "known": "proved",
        "group": {"count": 2, "branch": ["get_item", "Conv2D"], "join": "Concatenate", "calls": 5},
    }  # fmt: skip
    assert (found["nodes"], found["edges"], found["parameters"], found["notes"]) == (7, 8, 76, ["one"])


def test_resnext50_is_177_lines() -> None:
    graph = summary("keras2_resnext50")
    rows = rows_of(graph)
    groups = [row for row in rows if row.group is not None]
    assert (len(graph.ops), len(rows), len(groups)) == (1201, 177, 16)
    assert {(row.known, row.group and row.group.count, row.group and row.group.calls) for row in groups} == {
        ("assumed", 32, 65)
    }
    assert sum(row.parameters or 0 for row in rows) == 25_097_192


def test_a_group_reads_what_its_slices_read() -> None:
    rows = {row.name: row for row in rows_of(summary("keras3_resnext_60"))}
    assert rows["b0_concat"].reads == ("b0_relu",)
    assert rows["b0_concat"].parameters == 108


def row(name: str, shape: str, params: object = 0, *links: str) -> str:
    rest = [f"{'':60}{link}\n" for link in links[1:]]
    return "".join([f"{name:20}{shape:20}{params:<20}{(*links, '')[0]}\n", *rest])


HEAD = f"{'Layer (type)':20}{'Output Shape':20}{'Param #':20}Connected to\n{'=' * 80}\n"
PAIR = HEAD + "".join((
    row("x (InputLayer)", "(None, 8, 8, 4)"),
    row("a (Lambda)", "(None, 8, 8, 2)", 0, "x[0][0]"),
    row("b (Lambda)", "(None, 8, 8, 2)", 0, "x[0][0]"),
    row("c (Conv2D)", "(None, 8, 8, 2)", 38, "a[0][0]"),
    row("d (Conv2D)", "(None, 8, 8, 2)", 38, "b[0][0]"),
    row("y (Concatenate)", "(None, 8, 8, 4)", 0, "c[0][0]", "d[0][0]"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "folded"),
    [
        ("", "", True),
        (
            row("d (Conv2D)", "(None, 8, 8, 2)", 38, "b[0][0]"),
            row("d (Conv2D)", "(None, 8, 8, 2)", 20, "b[0][0]"),
            False,
        ),
        ("d (Conv2D)", "d (Conv1D)", False),
        ("b[0][0]", "a[0][0]", False),  # two convolutions of one slice, the other is an output
        ("y (Concatenate)", "y (Add)        ", False),
        (
            row("x (InputLayer)", "(None, 8, 8, 4)"),
            row("x (InputLayer)", "(None, 8, 8, 5)"),
            False,
        ),  # a channel is not read
        (row("y", "")[:2], row("e (ReLU)", "(None, 8, 8, 2)", 0, "c[0][0]") + "y ", False),  # used elsewhere too
    ],
)
def test_what_looks_like_a_group_and_is_none(old: str, new: str, folded: bool) -> None:
    assert old in PAIR
    rows = rows_of(load(PAIR.replace(old, new, 1)).graph)
    assert any(row.group is not None for row in rows) == folded


ASSUMED = """
x = Input(shape=(8, 8, 4), name="x")
'{"function": {"known": "assumed"}}'
a = Lambda(lambda t: t[..., 2:4], name="a")(x)
'{"function": {"known": "assumed"}}'
b = Lambda(lambda t: t[..., 0:2], name="b")(x)
'{"outputs": (((None, 8, 8, 2), "float32"),)}'
c = Object("layers.Conv2D", name="c")(a)
'{"outputs": (((None, 8, 8, 2), "float32"),)}'
d = Object("layers.Conv2D", name="d")(b)
y = Concatenate(name="y")([c, d])
model = Model(x, y)
"""


def test_assumed_slices_in_another_order_are_no_group() -> None:
    assert not any(row.group for row in rows_of(parse(ASSUMED)))
    assert any(
        row.group for row in rows_of(parse(ASSUMED.replace("2:4", "9:9").replace("0:2", "2:4").replace("9:9", "0:2")))
    )


# --- cells --------------------------------------------------------------------------------------------------------

SHARED = """
x = Input(shape=(4,), name="x")
y = Input(shape=(4,), name="y")
dense = Dense(4, name="dense")
a = dense(x)
b = dense(y)
c, d = ops.split(b, indices_or_sections=2, axis=-1)
e = Add(name="e")([d, d])
model = Model([x, y], [a, c, e])
"""


def test_shared_weights_are_counted_once() -> None:
    rows = {row.name: row for row in rows_of(parse(SHARED))}
    assert (rows["dense"].shared, rows["dense:1"].shared) == (False, True)
    assert table(parse(SHARED)) == (
        "model\n"
        "name     kind        output          params  reads\n"
        "x        InputLayer  (B, 4)               0\n"
        "y        InputLayer  (B, 4)               0\n"
        "dense    Dense       (B, 4)              20  x\n"
        "dense:1  Dense       (B, 4)          shared  y\n"
        "split    split       (B, 2), (B, 2)       0  above\n"
        "e        Add         (B, 2)               0  split[1]\n"
        "\n"
        "6 calls in 6 lines, 5 edges, 20 parameters\n"
    )


def test_what_is_not_known_is_a_question_mark() -> None:
    text = HEAD + row("x (InputLayer)", "(None, 4)") + row("d (Own)", "?", "?", "x[0][0]")
    assert table(load(text).graph).split("\n")[2:] == [
        "x     InputLayer  (B, 4)       0",
        "d     Own         ?            ?  above",
        "",
        "2 calls in 2 lines, 1 edge, an unknown number of parameters",
        "",
    ]


def test_what_a_line_reads_is_never_cut_but_put_below() -> None:
    graph = summary("keras2_resnext50")
    said = table(graph, 80).split("\n")
    at = next(number for number, line in enumerate(said) if line.startswith("add  "))
    assert said[at + 1] == "batch_normalization_4, above".rjust(80)


@pytest.mark.parametrize(
    ("width", "group"),
    [
        (
            140,
            "concatenate               32 x (Lambda -> Conv2D) -> Concatenate  = Conv2D groups=32  (B, 56, 56, 128) ",
        ),
        (120, "concatenate               32 x (Lambda -> Conv2D)  = Conv2D groups=32  (B, 56, 56, 128) "),
        (100, "concatenate               32 x (Lambda -> Conv2D)  (B, 56, 56, 128) "),
        (80, "32 x (Lambda -> Conv2D) -> Concatenate  (B, 56, 56, 128) "),
    ],
)
def test_a_group_is_said_in_as_many_words_as_there_is_room_for(width: int, group: str) -> None:
    assert any(line.startswith(group) for line in table(summary("keras2_resnext50"), width).split("\n"))


@given(st.sampled_from(sorted(path.stem for path in DATA.glob("keras[23]_[a-qs-z]*.txt"))), st.integers(40, 200))
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    loaded = load(DATA / f"{name}.txt")
    said = render(loaded.graph, rows_of(loaded.graph), notes=loaded.notes, width=width)
    totals = said.partition("\n\n")[0]
    assert max(map(columns, totals.split("\n"))) <= max(width, 60)


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("größe", 5), ("层", 2), ("e\u0301", 1), ("ＡＢ", 4), ("", 0)])
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width


def test_wide_characters_keep_the_columns_straight() -> None:
    text = 'x = Input(shape=(4,), name="x")\ny = ReLU(name="卷积层")(x)\nz = ReLU(name="z")(y)\nmodel = Model(x, z)\n'
    said = table(parse(text)).split("\n")[1:5]
    assert {columns(line.partition("(B")[0]) for line in said[1:]} == {columns(said[0].partition("output")[0])}


# --- the command --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted(path for path in MODELS.iterdir() if path.suffix in (".keras", ".json", ".h5")), ids=str
)
def test_every_kind_of_file(path: Path) -> None:
    result = run(str(path))
    assert result.exit_code == 0, result.stderr
    graph = load(path).graph
    assert result.stdout == render(graph, rows_of(graph))
    assert "notes" not in result.stdout


def test_a_printed_summary_with_its_notes(tmp_path: Path) -> None:
    path, out = str(DATA / "keras3_resnext_60.txt"), tmp_path / "table.txt"
    said = run(path).stdout
    assert "\nb0_concat      3 x (Lambda -> Conv2D)" in said
    assert "\nnotes\n  2 names cut off: what is shown is the name (line 49: 'b0_project_n…')\n" in said
    assert run(path, "-o", str(out)).stdout == ""
    assert out.read_text(encoding="utf-8") == said
    assert len(json.loads(run(path, "--format", "json").stdout)["notes"]) == 3


def test_a_summary_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.txt"
    path.write_text(f"Layer (type)  Output Shape  Param #\n{'=' * 40}\n", encoding="utf-8")
    result = run(str(path))
    assert result.exit_code == 2
    assert result.stderr == f"kgraph: {path}: line 1: the summary has a header, but no rows below it\n"


@pytest.mark.parametrize("command", [("show",), ("fuse",), ("draw", "-o", "{out}")])
def test_commands_without_room_for_notes_point_to_them(tmp_path: Path, command: tuple[str, ...]) -> None:
    source = str(DATA / "keras2_stack.txt")
    result = CliRunner().invoke(
        cli, [command[0], source, *(part.format(out=tmp_path / "x.svg") for part in command[1:])]
    )
    assert result.exit_code == 0
    assert result.stderr == f"kgraph: {source} does not tell everything; `kgraph check` says what was assumed\n"


def test_notes_on_many_sources_are_for_the_verbose() -> None:
    sources = [str(DATA / f"{name}.txt") for name in ("keras2_stack", "keras3_stack")]
    said = [CliRunner().invoke(cli, ["check", "-j", "1", *verbose, *sources]).stdout for verbose in ((), ("-v",))]
    assert "note" not in said[0]
    assert f"{sources[0]}: note a summary does not tell the model's outputs" in said[1]


def test_the_terminal_gives_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """With colours: groups are green, the titles dim."""
    from kgraph import cli as module

    monkeypatch.setenv("COLUMNS", "140")  # what a terminal is asked for is asked by the test runner too
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    said: list[str] = []
    monkeypatch.setattr(module, "_emit", lambda text, _: said.append(text))
    with pytest.raises(SystemExit):
        cli(["summary", str(DATA / "keras2_resnext50.txt")])
    assert "\x1b[32mconcatenate               32 x (Lambda -> Conv2D) -> Concatenate  = Conv2D groups=32" in said[0]
