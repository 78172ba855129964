"""Printed summaries, read without Keras: goldens, every message, and texts that nobody should have to read."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kgraph
from kgraph import check, parse
from kgraph.errors import SourceError
from kgraph.frontends.summary import is_summary, read
from kgraph.graph import Function, parameters
from tests.frontends.summaries import DATA, collapsed, golden, joined
from tests.fuzzing import attempt

NAMES = sorted(path.stem for path in DATA.glob("*.txt"))
BIG = "keras2_resnext50"
OUTPUTS = "a summary does not tell the model's outputs: the tensors that nothing reads are taken"
CHAIN = "the table has no column 'Connected to': each row is taken to read the row above"


def text_of(name: str) -> str:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


# --- goldens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name != BIG])
def test_golden(name: str, refresh: bool) -> None:
    """The graph in the text form, after the notes as comments; ``--refresh`` writes it anew."""
    path, found = DATA / f"{name}.py", golden(text_of(name))
    if refresh:
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")
    assert parse(found) == read(text_of(name), name)[0]


@pytest.mark.parametrize("pasted", [str, joined, collapsed])
def test_resnext50_in_the_words_of_keras_2(pasted: type[str]) -> None:
    """As published: whole, and from pages that lost its line breaks or its white space too."""
    text = "\n".join(line.ljust(98) for line in text_of(BIG).split("\n")) if pasted is joined else text_of(BIG)
    graph, notes = read(pasted(text), BIG)
    assert (len(graph.ops), graph.edge_count, parameters(graph)) == (1201, 1712, 25_097_192)
    functions = [value for op in graph.ops.values() for value in op.config.values() if isinstance(value, Function)]
    assert Counter(function.known for function in functions) == {"assumed": 512}
    assert notes == (
        OUTPUTS,
        "what 512 calls in 16 groups (lambda ... lambda_511) select is not told: they are assumed to be slices in "
        "order, as all around them fits",
    )
    assert graph == read(text_of(BIG), BIG)[0]


def test_what_is_known_of_resnext50_is_recorded_and_what_is_not_is_said() -> None:
    report = check(DATA / f"{BIG}.txt")
    assert report.source.format == "summary"
    assert Counter((verdict.verdict, verdict.known) for verdict in report.merges) == {("identical", "recorded"): 16}
    assert not report.findings
    assert not report.fusions
    assert {refusal.reason for refusal in report.refusals if "does not tell" not in refusal.reason} == set()
    assert len(report.notes) == 2
    assert report.to_dict()["notes"] == list(report.notes)
    assert f"\nnotes\n  {OUTPUTS}\n" in str(report)
    assert report.exit_code() == 0


def test_the_notes_of_a_report_are_folded_and_written_out() -> None:
    from kgraph.report.text import render

    rows = "".join(f"l{i} (Dense)     ?             9         l{i - 1}[0][0]\n" for i in range(1, 21))
    report = check(table("l0 (InputLayer) [(None, 4)]   0\n" + rows))
    assert "\n  ... and 6 more\n" in render(report)
    assert "more" not in render(report, every=True)
    assert render(report, every=True).count("is not told ('?')") == 20


# --- layouts ------------------------------------------------------------------------------------------------------

HEAD = "Layer (type)    Output Shape  Param #   Connected to\n" + "=" * 60 + "\n"
CHAINED = "Layer (type)    Output Shape  Param #\n" + "=" * 40 + "\n"
X = "x (InputLayer)  [(None, 4)]   0\n"


def table(rows: str, *, head: str = HEAD, total: str = "Total params: 0\n") -> str:
    return f"{head}{rows}{'=' * 60}\n{total}"


def test_a_table_may_stand_in_other_text() -> None:
    text = f"Epoch 1/10\n>>> model.summary()\n{table(X)}Trainable params: 0\n\nWhat is wrong here?\n"
    assert list(read(text, "x")[0].ops) == ["x"]
    assert is_summary(text)
    assert not is_summary("Layer by layer\nOutput")


def test_the_first_of_several_summaries_is_read() -> None:
    for text in (table(X) + table("y (InputLayer)  [(None, 4)]   0\n"), collapsed(table(X) + table(X))):
        graph, notes = read(text, "x")
        assert list(graph.ops) == ["x"]
        assert "the text holds several summaries: the first is read" in notes


def test_a_text_that_ends_early_is_said() -> None:
    graph, notes = read(HEAD + X, "x")
    assert list(graph.ops) == ["x"]
    assert "the text ends before 'Total params': rows may be missing at its end" in notes


def test_totals_that_do_not_add_up_are_said() -> None:
    rows = X + "d (Dense)       (None, 2)     10        x[0][0]\n"
    assert (
        "the rows have 10 parameters, 'Total params' says 1,234"
        in read(table(rows, total="Total params: 1,234\n"), "x")[1]
    )
    assert read(table(rows, total="Total params: 10\n"), "x")[1] == (OUTPUTS,)
    assert read(table(rows, total="Total params: ,\n"), "x")[1] == (OUTPUTS,)


def test_a_chain_reads_the_row_above() -> None:
    graph, notes = read(table("d (Dense)       (None, 2)     10\ne (Dense)       (None, 3)     9\n", head=CHAINED), "x")
    assert {node: [str(value) for value in read_] for node, read_ in graph.operands.items()} == {
        "input": [], "d": ["input"], "e": ["d"],
    }  # fmt: skip
    assert graph.ops["input"].outputs[0].shape is None
    assert CHAIN in notes
    assert "the summary does not show the input of the model: its shape is unknown" in notes


def test_which_output_a_chain_reads_is_said_not_to_be_told() -> None:
    rows = (
        "x (InputLayer)  (None, 6, 4)  0\nl (LSTM)        [(None, 3), (None, 3)]  9\nd (Dense)       (None, 2)     8\n"
    )
    head = "Layer (type)    Output Shape            Param #\n" + "=" * 60 + "\n"
    rows = rows.replace("(None, 6, 4)  0", "(None, 6, 4)            0").replace(
        "(None, 2)     8", "(None, 2)               8"
    )
    assert "line 5: which output of l is read is not told" in read(table(rows, head=head), "x")[1]


@pytest.mark.parametrize(
    ("cell", "shapes", "note"),
    [
        ("(None, 4)", [(None, 4)], False),
        ("[(None, 4)]", [(None, 4)], False),
        ("(None,)", [(None,)], False),
        ("()", [()], False),
        ("[(4), (5,)]", [(4,), (5,)], False),
        ("multiple", [None], True),
        ("?", [None], True),
        ("(None, 4", [None], True),
        ("(None, x)", [None], True),
        ("[(None, 4), (N…", [(None, 4), None], True),
        ("[(None, 4), ", [(None, 4), None], True),
        ("{b: (4,), a: (5,)}", [(5,), (4,)], False),
        ("{'b': (4,), 'a'", [None], True),
        ("{'b': {'c': (4,)}}", [None], True),
        ("", [None], True),
    ],
)  # fmt: skip
def test_shapes(cell: str, shapes: list[object], note: bool) -> None:
    head = "Layer (type)    Output Shape             Param #   Connected to\n" + "=" * 60 + "\n"
    row = f"d (Dense)       {cell.ljust(25)}0         x[0][0]\n"
    graph, notes = read(table("x (InputLayer)  [(None, 4)]              0\n" + row, head=head), "x")
    assert [spec.shape for spec in graph.ops["d"].outputs] == shapes
    assert any("the output shape of d is not told" in said for said in notes) == note


def test_parameters() -> None:
    for cell, known in (("10", True), ("1,234", True), ("0 (unused)", False), ("?", False), ("9" * 19, False)):
        head = "Layer (type)    Output Shape  Param #             Connected to\n" + "=" * 60 + "\n"
        row = f"d (Dense)       (None, 2)     {cell.ljust(20)}x[0][0]\n"
        graph, notes = read(table(X.replace("0\n", "0 \n") + row, head=head), "x")
        assert (graph.ops["d"].weights is not None) == known, cell
        assert any("the number of parameters of d is not told" in note for note in notes) != known


def test_an_input_has_one_output_however_its_cell_is_cut() -> None:
    """``[(None, 224, 224, 3)`` without its end is how Keras 2 printed most inputs."""
    graph, notes = read(table("x (InputLayer)  [(None, 4)    0\n"), "x")
    assert [spec.shape for spec in graph.ops["x"].outputs] == [(None, 4)]
    assert notes == (OUTPUTS,)


@pytest.mark.parametrize(
    ("cls", "kind", "note"),
    [
        ("InputLayer", "layers.InputLayer", ""),
        ("MultiHeadAtte…", "layers.MultiHeadAttention", ""),
        ("Conv…", "custom.Conv…", "the class 'Conv…' is cut off and fits 1"),
        ("Own…", "custom.Own…", "the class 'Own…' is cut off and fits no class of Keras: it stays unknown"),
        ("Own", "custom.Own", ""),
        ("Functional", "models.Functional", ""),
        ("Functi…", "custom.Functi…", "fits 2 classes"),
    ],
)
def test_classes(cls: str, kind: str, note: str) -> None:
    head = "Layer (type)           Output Shape  Param #   Connected to\n" + "=" * 60 + "\n"
    row = f"{f'd ({cls})' if not cls.endswith('…') else f'd ({cls}'}".ljust(23) + "(None, 2)     0         x[0][0]\n"
    graph, notes = read(table(X.replace("  [", "         [") + row, head=head), "x")
    assert graph.ops["d"].kind == kind
    assert any(note in said for said in notes) if note else not any("class" in said for said in notes)


def test_names_that_are_cut_off_are_said() -> None:
    rows = X + "a_long_na…\n(Dense)         (None, 2)     10        x[0][0]\n"
    rows += "anothe… (Dense) (None, 2)     6         a_long…\n"
    text = table(
        rows.replace("a_long_na…\n(Dense)        ", "a_long_n… (Dense)").replace(
            "a_long_n… (Dense) ", "a_lo… (Dense)  "
        ),
        total="Total params: 16\n",
    )
    graph, notes = read(text, "x")
    assert list(graph.ops) == ["x", "a_lo…", "anothe…"]
    assert "2 names cut off: what is shown is the name (line 4: 'a_lo…')" in notes


def test_rows_that_may_be_several_calls_are_said() -> None:
    inputs = X + X.replace("x", "y", 1)
    for cls, said in (("Own", True), ("Add", False), ("Attention", False), ("TFOpLambda", False)):
        row = f"a ({cls})".ljust(16) + "(None, 4)     0         x[0][0]\n" + " " * 40 + "y[0][0]\n"
        notes = read(table(inputs + row), "x")[1]
        told = "line 5: a reads 2 tensors, in one call or in several, which is not told: one call is taken"
        assert (told in notes) == said, cls


def test_a_dict_of_shapes_without_white_space_is_read_in_the_order_of_keys() -> None:
    text = collapsed(
        table(X + "m (Functional)  {'z': (None, 4), 'c': (None, 2)} 10  ['x[0][0]']\n", total="Total params: 10")
    )
    assert [spec.shape for spec in read(text, "x")[0].ops["m"].outputs] == [(None, 2), (None, 4)]


# --- messages -----------------------------------------------------------------------------------------------------

BOX = (
    "┏━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┓\n"
    "┃ Layer (type) ┃ Output Shape ┃ Param # ┃\n"
    "┡━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━┩\n"
    "│ x (InputLayer) │ (None, 4) │ 0 │\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "expected the output of model.summary(), received text without its header 'Layer (type)  Output Shape'"),
        (HEAD, "line 1: the summary has a header, but no rows below it"),
        (table("(InputLayer)    (None, 4)     0\n"), "line 3: expected a row 'name (Type)', received '(InputLayer)'"),
        (
            table(X + "d (Dense)       (None, 2)     10        y[0][0]\n"),
            "line 4: d reads 'y', which is no row of the table; paste all of its rows",
        ),
        (table("d (Dense)       (None, 2)     10\n"), "the summary has no row of an InputLayer, and nothing to start from"),
        (
            table(X + X.replace("x", "xx", 1) + "d (Add)         (None, 4)     0         x…\n"),
            "line 5: d reads 'x…', which fits 2 rows; print the summary with wider columns: model.summary(line_length=200)",
        ),
        (
            table(X + X + "d (Add)         (None, 4)     0         x[0][0]\n"),
            "line 5: d reads 'x', which fits 2 rows",
        ),
        (
            table(X + "d (Dense)       (None, 4)     20        x[0][0]\n" + " " * 40 + "d[0][0]\n"
                  + "e (ReLU)        (None, 4)     0         d[0\n"),
            "line 6: e reads a call of d; which of 2 is cut off; print the summary with wider columns",
        ),
        (
            table(X + "d (Own)         [(4,), (4,)]  20        x[0][0]\ne (ReLU)        (None, 4)     0         d[0]\n"),
            "line 5: e reads an output of d; which of 2 is cut off; print the summary with wider columns",
        ),
        (
            table(X + "d (ReLU)        (None, 4)     0         x[0][3]\n"),
            "line 4: d reads output 3 of x, which has 1",
        ),
        (
            table(X + "d (Own)         ?             0         x[0][0]\ne (ReLU)        (None, 4)     0         d[0][1000]\n"),
            "line 5: e reads output 1000 of d, which has 1",
        ),
        (
            table(X + "d (ReLU)        (None, 4)     0         d[0][0]\n"),
            "line 4: d would read its own output; which call of a shared layer is which is not told",
        ),
        (
            table(X + "d (ReLU)        (None, 4)     0         e[0][0]\ne (ReLU)        (None, 4)     0         d[0][0]\n"),
            "would read its own output",
        ),
        (
            table(X + "d (Own)         (None, 4)     0         x[0][0]\n" + " " * 40 + "x[0][0]\n" + " " * 40 + "x[0][0]\n"
                  + "e (Add)         (None, 4)     0         d[0][0]\n" + " " * 40 + "d[1][0]\n"),
            "line 4: d reads 3 tensors in 2 calls; which call reads which is not told",
        ),
        (
            table(X + "d (ReLU)        (None, 4)     0         x[0][0]\n" + "e (Add)         (None, 4)     0         d[0][0]\n"
                  + " " * 40 + "d[5][0]\n"),
            "line 4: call 5 of d is read, but its row shows 1; which call is which is not told",
        ),
        (BOX.replace("┓", "").replace("┩", ""), "the table is cut at the right edge of the terminal, and columns are missing; set"),
        (BOX + "│ d (Dense) │ (None, 4) │\n", "a row of the table does not have the 3 cells of its header; paste all of it"),
        (BOX + "│    └ d (Dense) │ (None, 4) │ 0 │\n│          └ d (Dense) │ (None, 4) │ 0 │\n└───────────┴──────────────┴─────────┘",
         "d is nested deeper than the row above allows"),
        ("Layer (type) Output Shape x (InputLayer) (None, 4) 0", "line 1: the header of the summary has no column 'Param #'"),
        (
            "Layer (type) Output Shape Param # x (InputLayer) (None, 4) 0 " + "y (Dense) " + "(1) " * 60_000,
            "line 1: expected rows 'name (Type)  (None, ...)  0', received other text",
        ),
    ],
)  # fmt: skip
def test_messages(text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(text, "model.txt")
    said = str(caught.value)
    assert said.startswith("model.txt: ")
    assert message in said
    assert "\n" not in said


def test_every_way_to_hand_in_a_summary(tmp_path: Path) -> None:
    text = table(X)
    path = tmp_path / "summary.txt"
    path.write_text(text, encoding="utf-8")
    for source in (path, str(path), text, collapsed(text), text.encode()):
        report = check(source)
        assert report.source.format == "summary"
        assert report.notes == (OUTPUTS,)
    assert kgraph.extract(path) == kgraph.extract(text)
    with pytest.raises(SourceError, match="is neither an existing file nor an import path"):
        check("Layer")


# --- hostile texts ------------------------------------------------------------------------------------------------

SEEDS = [text_of(name) for name in NAMES if name != BIG]


def attempted(text: str) -> str | None:
    return attempt(lambda data: read(data.decode(), "x"), text.encode())


@given(st.sampled_from(NAMES), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_text_cut_anywhere(name: str, start: int, length: int) -> None:
    text = text_of(name)
    start %= len(text)
    assert attempted(text[: start + 1]) is None
    assert attempted(text[start : start + length % 5000]) is None


@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_lines_and_words_changed(text: str, chance: random.Random) -> None:
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        action = chance.randrange(6)
        if action == 0:
            del lines[at]
        elif action == 1:
            lines.insert(at, lines[other])
        elif action == 2:
            lines[at] = lines[other]
        elif action == 3:
            cut = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + chance.choice("()[]{}│┃|+…'\",0 ├\x1b\u200b") + lines[at][cut:]
        elif action == 4:
            lines[at] = lines[at].replace("0", str(chance.choice((-1, 1, 10**9, 10**30))))
        else:
            lines[at] = lines[at][chance.randrange(len(lines[at]) + 1) :]
        lines = lines or [""]
    assert attempted("\n".join(lines)) is None


@given(st.text(st.sampled_from("Layer (type)OutputShapeParam#ConnectedtoX[0]{}'│┏━┓_=|+-,…\n <&")))
def test_any_text_below_a_header(text: str) -> None:
    for head in (HEAD, CHAINED, BOX, "Layer (type) Output Shape Param # Connected to "):
        assert attempted(head + text) is None


MB = 1_000_000
LONG = {
    "one word": "x" * MB,
    "words": "x " * (MB // 2),
    "spaces": " " * MB,
    "rows": "x (Dense) (None, 4) 0 " * (MB // 22),
    "shapes": "(None, 4) " * (MB // 10),
    "brackets": "(" * MB,
    "square": "[" * MB,
    "closed": "x[0]" * (MB // 4),
    "connections": "x[0][0] " * (MB // 8),
    "quotes": "'a[" * (MB // 3),
    "braces": "{a: " * (MB // 4),
    "bars": "│ x " * (MB // 4),
    "more bars": "|" * MB,
    "borders": "├───" * (MB // 4),
    "rules": "_" * MB,
    "equals": "=" * MB,
    "tags": "<span " * (MB // 6),
    "entities": "&amp;" * (MB // 5),
    "headers": "Layer (type) Output Shape " * (MB // 26),
    "layers": "Layer " * (MB // 6),
    "colours": "\x1b[0" * (MB // 3),
    "empty lines": "\n" * MB,
    "models": 'Model: "' * (MB // 8),
    "totals": "Total params: " * (MB // 14),
    "names": "a (" * (MB // 3),
    "digits": "9" * MB,
    "tabs": "\t" * (MB // 8),
}


@pytest.mark.parametrize("what", LONG)
def test_a_megabyte_of_one_thing(what: str) -> None:
    """Below the header, behind it, and before it: read or refused in one line, ten times as fast as it must be."""
    for text in (HEAD + X + LONG[what], HEAD.rstrip("=\n") + LONG[what], BOX + LONG[what], LONG[what] + table(X)):
        assert attempt(lambda data: read(data.decode(), "x"), text.encode(), 30.0) is None


def test_many_rows() -> None:
    rows = [
        f"l{i} (ReLU)".ljust(16) + "(None, 4)     0         " + (f"l{i - 1}[0][0]" if i else "x[0][0]")
        for i in range(20_000)
    ]
    graph, _ = read(table(X + "\n".join(rows) + "\n"), "x")
    assert len(graph.ops) == 20_001
    wide = X + "a (Add)         (None, 4)     0         " + f"x[0][0]\n{' ' * 40}" * 20_000 + "\n"
    assert read(table(wide), "x")[0].edge_count == 20_000
    cut = X + "".join(f"{'l' * 8}… (ReLU) (None, 4)    0         x[0][0]\n" for _ in range(20_000))
    with pytest.raises(SourceError, match="fits 20000 rows"):
        read(table(cut + "a (Add)         (None, 4)     0         llllllll…\n"), "x")
