"""Printed summaries, read without Keras: goldens, every message, and texts that nobody should have to read."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kgraph
from kgraph import check, parse
from kgraph.errors import SourceError
from kgraph.frontends.summary import is_summary, read
from kgraph.graph import Function, parameters
from kgraph.report.table import lines, render
from tests.frontends.summaries import DATA, broken, collapsed, coloured, golden, in_ascii, joined, on_a_page
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
    path, found = DATA / f"{name}.graph", golden(text_of(name))
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

    report = check(table(X, *(row(f"d{i} (Dense)", "?", 0, "x[0][0]") for i in range(20))))
    assert "\n  ... and 5 more\n" in render(report)
    assert "\n  ... and" not in render(report, every=True)
    assert render(report, every=True).count("is not told ('?')") == 20


# --- layouts ------------------------------------------------------------------------------------------------------


PASTES: dict[str, Callable[[str], str]] = {
    "joined": lambda text: joined(padded(text)),
    "collapsed": collapsed,
    "broken": lambda text: broken(padded(text), 41),
    "broken once": lambda text: broken(padded(text), 70),
    "ascii": in_ascii,
    "page": on_a_page,
    "coloured": coloured,
    "indented": lambda text: "    " + text.replace("\n", "\n    "),
    "windows": lambda text: text.replace("\n", "\r\n"),
    "marked": lambda text: "\ufeff" + text.replace(" (", "\u200b\u00a0("),
}


def padded(text: str) -> str:
    """Lines as long as the longest, as a terminal has them."""
    lines = text.split("\n")
    return "\n".join(line.ljust(max(map(len, lines))) for line in lines)


@pytest.mark.parametrize("paste", PASTES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != BIG])
def test_a_paste_gives_the_same_graph(name: str, paste: str) -> None:
    text = PASTES[paste](text_of(name))
    if (name, paste) == ("keras2_resnext_60", "collapsed"):  # the shapes themselves are wrapped, other cells between
        with pytest.raises(SourceError, match="which is no row of the table; paste all of its rows"):
            read(text, name)
        return
    assert read(text, name)[0] == read(text_of(name), name)[0]


def row(name: str, shape: str = "(None, 4)", params: object = 0, *links: str) -> str:
    """Lines of a row: the first has all cells, and each other link has a line of its own."""
    rest = [f"{'':90}{link}\n" for link in links[1:]]
    return "".join([f"{name:30}{shape:40}{params:<20}{(*links, '')[0]}\n", *rest])


RULE = "=" * 120 + "\n"
HEAD = row("Layer (type)", "Output Shape", "Param #", "Connected to") + RULE
CHAINED = row("Layer (type)", "Output Shape", "Param #") + RULE
X = row("x (InputLayer)")
Y = row("y (InputLayer)")


def table(*rows: str, head: str = HEAD, total: int | str = 0) -> str:
    return f"{head}{''.join(rows)}{RULE}Total params: {total}\n"


def test_a_table_may_stand_in_other_text() -> None:
    text = f"Epoch 1/10\n>>> model.summary()\n{table(X)}Trainable params: 0\n\nWhat is wrong here?\n"
    assert list(read(text, "x")[0].ops) == ["x"]
    assert is_summary(text)
    assert not is_summary("Layer by layer\nOutput")


@pytest.mark.parametrize("text", [table(X) + table(Y), collapsed(table(X) + table(Y))])
def test_the_first_of_several_summaries_is_read(text: str) -> None:
    graph, notes = read(text, "x")
    assert list(graph.ops) == ["x"]
    assert "the text holds several summaries: the first is read" in notes


def test_a_text_that_ends_early_is_said() -> None:
    graph, notes = read(HEAD + X, "x")
    assert list(graph.ops) == ["x"]
    assert "the text ends before 'Total params': rows may be missing at its end" in notes


@pytest.mark.parametrize(
    ("total", "notes"),
    [
        ("1,234", ("the rows have 10 parameters, 'Total params' says 1,234", OUTPUTS)),
        ("10", (OUTPUTS,)),
        (",", (OUTPUTS,)),
    ],
)
def test_totals_that_do_not_add_up_are_said(total: str, notes: tuple[str, ...]) -> None:
    assert read(table(X, row("d (Dense)", "(None, 2)", 10, "x[0][0]"), total=total), "x")[1] == notes


def test_a_chain_reads_the_row_above() -> None:
    graph, notes = read(
        table(row("d (Dense)", "(None, 2)", 10), row("e (ReLU)", "(None, 2)"), head=CHAINED, total=10), "x"
    )
    read_by = {node: [str(value) for value in operands] for node, operands in graph.operands.items()}
    assert read_by == {"input": [], "d": ["input"], "e": ["d"]}
    assert graph.ops["input"].outputs[0].shape is None
    assert notes == (CHAIN, "the summary does not show the input of the model: its shape is unknown")


def test_an_input_in_the_middle_of_a_chain_reads_nothing() -> None:
    graph, _ = read(table(X, row("d (ReLU)"), Y, row("e (ReLU)"), head=CHAINED), "x")
    assert graph.operands["y"] == ()
    assert [str(value) for value in kgraph.graph.values(graph.outputs)] == ["d", "e"]


def test_which_output_a_chain_reads_is_said_not_to_be_told() -> None:
    rows = X, row("l (LSTM)", "[(None, 3), (None, 3)]", 9), row("d (Dense)", "(None, 2)", 8)
    assert read(table(*rows, head=CHAINED, total=17), "x")[1] == (
        CHAIN,
        "line 5: which output of l is read is not told",
    )


@pytest.mark.parametrize(
    ("cell", "shapes", "told"),
    [
        ("(None, 4)", [(None, 4)], True),
        ("[(None, 4)]", [(None, 4)], True),
        ("(None,)", [(None,)], True),
        ("()", [()], True),
        ("[(4), (5,)]", [(4,), (5,)], True),
        ("multiple", [None], False),
        ("?", [None], False),
        ("(None, 4", [None], False),
        ("(None, x)", [None], False),
        ("[(None, 4), (N…", [(None, 4), None], False),
        ("[(None, 4), ", [(None, 4), None], False),
        ("{b: (4,), a: (5,)}", [(5,), (4,)], True),
        ("{'b': (4,), 'a'", [None], False),
        ("{'b': {'c': (4,)}}", [None], False),
        ("", [None], False),
    ],
)
def test_shapes(cell: str, shapes: list[object], told: bool) -> None:
    graph, notes = read(table(X, row("d (Own)", cell, 0, "x[0][0]")), "x")
    assert [spec.shape for spec in graph.ops["d"].outputs] == shapes
    assert any("the output shape of d is not told" in said for said in notes) != told


@pytest.mark.parametrize(
    ("cell", "told"), [("10", True), ("1,234", True), ("0 (unused)", False), ("?", False), ("9" * 19, False)]
)
def test_parameters(cell: str, told: bool) -> None:
    graph, notes = read(table(X, row("d (Dense)", "(None, 4)", cell, "x[0][0]")), "x")
    assert (graph.ops["d"].weights is not None) == told
    assert any("the number of parameters of d is not told" in note for note in notes) != told


def test_keras_shows_no_parameters_of_functions() -> None:
    graph, notes = read(table(X, row("f (Function)", "(None, 4)", 0, "x[0][0]")), "x")
    assert graph.ops["f"].weights is None
    assert "line 4: the number of parameters of f is not told ('0')" in notes


def test_an_input_has_one_output_however_its_cell_is_cut() -> None:
    """``[(None, 224, 224, 3)`` without its end is how Keras 2 printed most inputs."""
    graph, notes = read(table(row("x (InputLayer)", "[(None, 4)")), "x")
    assert [spec.shape for spec in graph.ops["x"].outputs] == [(None, 4)]
    assert notes == (OUTPUTS,)


@pytest.mark.parametrize(
    ("shown", "kind", "note"),
    [
        ("d (MultiHeadAtte…", "layers.MultiHeadAttention", None),
        ("d (Conv2", "custom.Conv2…", "the class 'Conv2…' is cut off and fits 2 classes: it stays unknown"),
        ("d (Ow", "custom.Ow…", "the class 'Ow…' is cut off and fits no class of Keras: it stays unknown"),
        ("d", "custom.unknown…", "the class '…' is cut off and fits no class of Keras: it stays unknown"),
        ("d (Own)", "custom.Own", None),
        ("d (Functional)", "models.Functional", None),
        ("d (TFOpLambda)", "custom.tf.d", None),
        ("tf.math.add_7 (TFOpLambda)", "ops.add", None),
        ("d (Sub", "layers.Subtract", None),
    ],
)
def test_classes(shown: str, kind: str, note: str | None) -> None:
    graph, notes = read(table(X, row(shown, "(None, 2)", 0, "x[0][0]")), "x")
    node = next(node for node in graph.ops if node != "x")
    assert graph.ops[node].kind == kind
    said = [line for line in notes if "class" in line]
    assert said == ([] if note is None else [f"line 4: {node}: {note}"])


def test_names_that_are_cut_off_are_said() -> None:
    rows = X, row("a_lo… (ReLU)", "(None, 4)", 0, "x[0][0]"), row("anothe… (ReLU)", "(None, 4)", 0, "a_long…")
    graph, notes = read(table(*rows), "x")
    assert list(graph.ops) == ["x", "a_lo…", "anothe…"]
    assert str(graph.operands["anothe…"][0]) == "a_lo…"
    assert "2 names cut off: what is shown is the name (line 4: 'a_lo…')" in notes


@pytest.mark.parametrize(
    ("cls", "said"),
    [("Own", True), ("Functional", True), ("Add", False), ("Attention", False), ("TFOpLambda", False), ("LSTM", True)],
)
def test_rows_that_may_be_several_calls_are_said(cls: str, said: bool) -> None:
    notes = read(table(X, Y, row(f"a ({cls})", "(None, 4)", 0, "x[0][0]", "y[0][0]")), "x")[1]
    told = "line 5: a reads 2 tensors, in one call or in several, which is not told: one call is taken"
    assert (told in notes) == said


def test_a_sequential_model_takes_one_tensor() -> None:
    graph, _ = read(table(X, Y, row("s (Sequential)", "(None, 4)", 0, "x[0][0]", "y[0][0]")), "x")
    assert list(graph.ops) == ["x", "y", "s", "s:1"]


@pytest.mark.parametrize(
    "text",
    [
        "{'z': (None, 4), 'c': (None, 2)} 10 ['x[0][0]']",
        "{'z': (None, 4), 10 ['x[0][0]'] 'c': (None, 2)}",
        "multiple 10 ['x[0][0]']",
        "[(None, 4), 10 ['x[ 0][0]']",
    ],
)
def test_cells_whose_white_space_is_lost(text: str) -> None:
    words = f"Layer (type) Output Shape Param # Connected to ==== x (InputLayer) [(None, 4)] 0 m (Functional) {text} Total params: 10"
    graph, _ = read(words, "x")
    shapes = [spec.shape for spec in graph.ops["m"].outputs]
    assert shapes == {"{": [(None, 2), (None, 4)], "m": [None], "[": [(None, 4), None]}[text[0]]
    assert parameters(graph) == 10
    assert [str(value) for value in graph.operands["m"]] == ["x"]


def boxed(*rows: tuple[str, str, str]) -> str:
    """The table of Keras 3: name and class, shape, and what is read."""
    cells = [("Layer (type)", "Output Shape", "Param #", "Connected to"), *((a, b, "0", c) for a, b, c in rows)]
    lines = ["│ " + " │ ".join(f"{cell:40}" for cell in line) + " │" for line in cells]
    edge = "┏" + "┳".join(["━" * 42] * 4) + "┓"
    return "\n".join([edge, *lines, edge.translate({ord("┏"): "└", ord("┓"): "┘"}), "Total params: 0"])


INPUTS = (("x (InputLayer)", "(None, 4)", "-"), ("y (InputLayer)", "(None, 3, 4)", "-"))
FIXED = (("f (InputLayer)", "(2, 4)", "-"), ("g (InputLayer)", "(2, 3, 4)", "-"), ("h (InputLayer)", "(3, 4)", "-"))


@pytest.mark.parametrize(
    ("cls", "shape", "reads", "kind"),
    [
        ("Add", "(None, 4)", "x[0][0], x[0][0]", "layers.Add"),
        ("Add", "(None, 4)", "x[0][0]", "ops.add"),
        ("Add", "(None, 3, 4)", "x[0][0], y[0][0], y[0][0]", "layers.Add"),
        ("Add", "(None, 3, 4)", "x[0][0], y[0][0]", "custom.Add"),
        ("Multiply", "(3, 4)", "y[0][0], x[0][0]", "custom.Multiply"),
        ("Reshape", "(None, 2, 2)", "x[0][0]", "layers.Reshape"),
        ("Reshape", "(None, 2)", "x[0][0]", "custom.Reshape"),
        ("Reshape", "(4, None)", "x[0][0]", "custom.Reshape"),
        ("Reshape", "(None, None, 2)", "x[0][0]", "custom.Reshape"),
        ("Softmax", "(None, 4)", "x[0][0]", "layers.Softmax"),
        ("Concatenate", "(None, 8)", "x[0][0], x[0][0]", "layers.Concatenate"),
        ("Add", "(2, 3, 4)", "f[0][0], g[0][0]", "layers.Add"),
        ("Add", "(2, 3, 4)", "h[0][0], g[0][0]", "ops.add"),
        ("Stack", "(None, 2, 4)", "x[0][0], x[0][0]", "ops.stack"),
        ("Einsum", "(None, 4)", "x[0][0], x[0][0]", "ops.einsum"),
        ("GetItem", "(None, 2)", "x[0][0]", "ops.get_item"),
        ("GetIt…", "(None, 2)", "x[0][0]", "ops.get_item"),
    ],
)
def test_layers_and_operations_of_one_name(cls: str, shape: str, reads: str, kind: str) -> None:
    """What is recorded decides which it is, or it stays unknown, and that is said."""
    graph, notes = read(boxed(*INPUTS, *FIXED, (f"d ({cls}" + ")" * (not cls.endswith("…")), shape, reads)), "x")
    assert graph.ops["d"].kind == kind
    assert any("look the same in a summary: it stays unknown" in note for note in notes) == kind.startswith("custom.")


def test_what_a_summary_does_not_show_of_arguments_is_unknown() -> None:
    calls = ("a (Stack)", "(None, 2, 4)", "x[0][0], x[0][0]"), ("b (Einsum)", "(None, 4)", "x[0][0], x[0][0]")
    graph, _ = read(
        boxed(
            *INPUTS,
            *calls,
            ("c (Meshgrid)", "[(4, 4), (4, 4)]", "x[0][0], x[0][0]"),
            ("e (Subtract)", "(None, 4)", "x[0][0]"),
        ),
        "x",
    )
    said = kgraph.show(graph)
    assert 'a = ops.stack([x, x], axis=Object("unknown"))' in said
    assert 'b = ops.einsum(Object("unknown"), x, x)' in said
    assert 'c_0, c_1 = ops.meshgrid(x, x, indexing=Object("unknown"))' in said
    assert 'e = ops.subtract(x, x2=Object("unknown"))' in said
    assert parse(said) == graph


def test_a_shared_layer_of_keras_3_shows_the_shape_of_its_last_call() -> None:
    rows = *INPUTS, ("d (Dense)", "(None, 3, 4)", "x[0][0], y[0][0]"), ("f (Flatten)", "(None, 4)", "d[0][0]")
    graph, notes = read(boxed(*rows), "x")
    assert [graph.ops[node].outputs[0].shape for node in ("d", "d:1")] == [None, None]
    assert "line 5: d is called 2 times; which shapes it has is not told" in notes
    graph, notes = read(boxed(*INPUTS, ("d (Dense)", "(None, 4)", "x[0][0], x[0][0]")), "x")
    assert [graph.ops[node].outputs[0].shape for node in ("d", "d:1")] == [(None, 4), (None, 4)]


@pytest.mark.parametrize("form", ["Lambda", "GetItem"])
def test_slices_are_assumed_where_all_around_them_fits(form: str) -> None:
    parts = [(f"s{i} ({form})", "(None, 2, 8)", "x[0][0]") for i in range(2)]
    convs = [(f"c{i} (Conv1D)", "(None, 4, 2)", f"s{i}[0][0]") for i in range(2)]
    rows = (
        ("x (InputLayer)", "(None, 4, 8)", "-"),
        *parts,
        *convs,
        ("y (Concatenate)", "(None, 8, 2)", "c0[0][0], c1[0][0]"),
    )
    graph, notes = read(boxed(*rows), "x")
    functions = [op.config.get("function") or op.arguments.get("key") for op in (graph.ops["s0"], graph.ops["s1"])]
    assert [function.known for function in functions if isinstance(function, Function)] == ["assumed", "assumed"]
    assert any("what 2 calls in 1 group (s0 ... s1) select is not told" in note for note in notes)
    for old, new in (
        ("(None, 2, 8)", "(None, 8)"), ("(None, 2, 8)", "(None, 2, 4)"), ("(None, 2, 8)", "(None, 1, 8)"),
        ("(None, 2, 8)", "(3, 4, 8)"), ("(None, 4, 8)", "(None, None, 8)"), ("(None, 2, 8)", "?"), ("s1[0][0]", "s0[0][0]"),
    ):  # fmt: skip
        _, notes = read(boxed(*(tuple(cell.replace(old, new) for cell in cells) for cells in rows)), "x")  # type: ignore[misc]
        assert not any("assumed" in note for note in notes), (old, new)


def test_the_axis_of_a_concatenation_is_taken_where_shapes_leave_no_other() -> None:
    for inputs, whole, axis in (
        (("(None, 4)", "(None, 4)"), "(None, 8)", 1),
        (("(None, 4)", "(None, 4)"), "(None, 9)", None),
        (("(None, 4)", "(None, 4)"), "(None, 4)", None),
        (("(None, None)", "(None, 4)"), "(None, 8)", None),
        (("(None, 4)", "(None, 2, 4)"), "(None, 8)", None),
        (("(None, 4)", "(None, 4)"), "?", None),
    ):
        first, second = (row(f"{name} (InputLayer)", shape) for name, shape in zip("xy", inputs, strict=True))
        graph, _ = read(table(first, second, row("c (Concatenate)", whole, 0, "x[0][0]", "y[0][0]")), "x")
        assert graph.ops["c"].config.get("axis") == axis, (inputs, whole)


def test_a_row_that_reads_nothing_is_said_and_has_no_batch() -> None:
    rows = X, row("d (Dense)"), row("e (Add)"), row("f (Add)", "(None, 4)", 0, "d[0][0]", "x[0][0]")
    report = check(table(*rows))
    assert {"line 4: what d reads is not told", "line 5: what e reads is not told"} <= {*report.notes}
    assert [verdict.verdict for verdict in report.merges] == ["unknown"]


def test_rows_may_stand_in_any_order() -> None:
    rows = row("e (Add)", "(None, 4)", 0, "d[0][0]", "d[0][0]"), row("d (ReLU)", "(None, 4)", 0, "x[0][0]"), X
    assert list(read(table(*rows), "x")[0].ops) == ["x", "d", "e"]


def test_a_call_that_reads_its_own_layer_is_a_later_one() -> None:
    rows = X, row("d (Own)", "(None, 4)", 0, "x[0][0]", "d[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[1][0]")
    graph, _ = read(table(*rows), "x")
    assert {node: [str(value) for value in operands] for node, operands in graph.operands.items()} == {
        "x": [], "d": ["x"], "d:1": ["d"], "e": ["d:1"],
    }  # fmt: skip


def test_calls_outside_of_the_model_count_too() -> None:
    rows = X, row("d (ReLU)", "(None, 4)", 0, "x[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[3][0]")
    assert [str(value) for value in read(table(*rows), "x")[0].operands["e"]] == ["d"]


def test_outputs_that_were_cut_off_are_there_and_unknown() -> None:
    rows = X, row("d (Own)", "[(None, 4), (N", 0, "x[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[0][3]")
    graph, _ = read(table(*rows), "x")
    assert [spec.shape for spec in graph.ops["d"].outputs] == [(None, 4), None, None, None]


def test_a_nested_model_whose_rows_may_be_models_stays_one_call() -> None:
    """Where the white space before them is lost, so is how deep they are."""
    inner = ("└ i (Dense)", "(None, 4)", "-"), ("└ n (Net)", "(None, 4)", "-"), ("└ o (Dense)", "(None, 4)", "-")
    rows = INPUTS[0], ("s (Sequential)", "(None, 4)", "x[0][0]")
    graph, notes = read(boxed(*rows, *inner), "x")
    assert list(graph.ops) == ["x", "s"]
    assert "line 4: how the rows inside s are connected is not told: it stays one call" in notes
    assert list(read(boxed(*rows, inner[0], inner[2]), "x")[0].ops) == ["x", "s/i", "s/o"]


def test_a_name_that_was_wrapped_and_lost_its_white_space() -> None:
    words = "Layer (type) Output Shape Param # Connected to x (InputLayer) (None, 4) 0 [] long_ (None, 4) 0 ['x[0][0]'] name (ReLU)"
    assert list(read(f"{words} Total params: 0", "x")[0].ops) == ["x", "long_name"]
    lines = "Layer (type)\tOutput Shape\tParam #\nx (InputLayer)\t(None, 4)\t0\n"
    assert list(read(lines, "x")[0].ops) == ["x"]


@pytest.mark.parametrize("text", ["_" * 40 + "\n" + HEAD + X, "┏━━━\n" + table(X), "+---+\n|x|\n" + table(X)])
def test_rules_that_were_not_broken(text: str) -> None:
    assert list(read(text, "x")[0].ops) == ["x"]
    assert not is_summary("┏━━━━\n━━━━")


# --- messages -----------------------------------------------------------------------------------------------------

BOX = (
    "┏━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┓\n"
    "┃ Layer (type) ┃ Output Shape ┃ Param # ┃\n"
    "┡━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━┩\n"
    "│ x (InputLayer) │ (None, 4) │ 0 │\n"
)
WIDER = "print the summary with wider columns: model.summary(line_length=200)"
ADD = row("d (Add)", "(None, 4)", 0, "x[0][0]", "x[0][0]")

MESSAGES = {
    "nothing": "expected the output of model.summary(), received text without its header 'Layer (type)  Output Shape'",
    HEAD: "line 1: the summary has a header, but no rows below it",
    table(row("(InputLayer)")): "line 3: expected a row 'name (Type)', received '(InputLayer)'",
    table(X, row("d (ReLU)", "(None, 4)", 0, "y[0][0]")): "line 4: d reads 'y', which is no row of the table; paste all of",
    table(row("d (ReLU)")): "the summary has no row of an InputLayer, and nothing to start from",
    table(X, row("y (InputLayer)", "(None, 4)", 0, "x[0][0]")): "line 4: y is an InputLayer, which reads nothing",
    table(X, row("xx (InputLayer)"), row("d (ReLU)", "(None, 4)", 0, "x…")): f"line 5: d reads 'x…', which fits 2 rows; {WIDER}",
    table(X, X, row("d (ReLU)", "(None, 4)", 0, "x[0][0]")): "line 5: d reads 'x', which fits 2 rows",
    table(X, row("d (ReLU)", "(None, 4)", 0, "x[0][0]", "x[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[0")):
        f"line 6: e reads a call of d; which of 2 is cut off; {WIDER}",
    table(X, row("d (Own)", "[(4,), (4,)]", 0, "x[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[0][")):
        f"line 5: e reads an output of d; which of 2 is cut off; {WIDER}",
    table(X, row("d (ReLU)", "(None, 4)", 0, "x[0][3]")): "line 4: d reads output 3 of x, which has 1",
    table(X, row("d (Own)", "?", 0, "x[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[0][1000]")):
        "line 5: e reads output 1000 of d, which has 1",
    table(X, row("d (ReLU)", "(None, 4)", 0, "d[0][0]")): "line 4: d would read its own output; which call of a shared layer",
    table(X, row("d (ReLU)", "(None, 4)", 0, "e[0][0]"), row("e (ReLU)", "(None, 4)", 0, "d[0][0]")): "would read its own output",
    table(X, row("d (Own)", "(None, 4)", 0, "x[0][0]", "x[0][0]", "x[0][0]"), row("e (Add)", "(None, 4)", 0, "d[0][0]", "d[1][0]")):
        "line 4: d reads 3 tensors in 2 calls; which call reads which is not told",
    table(X, row("d (ReLU)", "(None, 4)", 0, "x[0][0]"), row("e (Add)", "(None, 4)", 0, "d[0][0]", "d[5][0]")):
        "line 4: call 5 of d is read, but its row shows 1; which call is which is not told",
    BOX.replace("┓", ""): "line 1: the table is cut at the right edge of the terminal, and columns are missing; set the",
    BOX + "│ d (Dense) │ (None, 4) │\n": "a row of the table does not have the 3 cells of its header; paste all of it",
    BOX + "│          └ d (Dense) │ (None, 4) │ 0 │\n": "line 5: d is nested deeper than the row above allows",
    "Layer (type) Output Shape x (InputLayer) (None, 4) 0": "line 1: the header of the summary has no column 'Param #'",
    "Layer (type) Output Shape Param # y (Dense) " + "(1) " * 60_000:
        "line 1: expected rows 'name (Type)  (None, ...)  0', received other text",
}  # fmt: skip
"""Texts that are refused, and what is said of each."""


@pytest.mark.parametrize("text", MESSAGES, ids=[message[:40] for message in MESSAGES.values()])
def test_messages(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(text, "model.txt")
    said = str(caught.value)
    assert said.startswith(f"model.txt: {MESSAGES[text][:4]}") or MESSAGES[text][:4] not in ("line", "the ")
    assert MESSAGES[text] in said
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


def everything(data: bytes) -> None:
    """All that the commands do with a summary."""
    read(data.decode(), "x")
    report = check(data)
    graph = kgraph.extract(data)
    assert str(report) and kgraph.show(graph)
    assert render(graph, lines(graph, kgraph.fuse(graph).graph), notes=report.notes)


@functools.cache
def warm() -> None:
    """Imports now what is imported when it is first needed: the watch would see that."""
    everything(text_of("keras3_resnext_60").encode())


def attempted(text: str) -> str | None:
    warm()
    return attempt(everything, text.encode(), 10.0)


@given(st.sampled_from(NAMES), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_text_cut_anywhere(name: str, start: int, length: int) -> None:
    text = text_of(name)
    start %= len(text)
    assert attempted(text[: start + 1]) is None
    assert attempted(text[start : start + length % 5000]) is None


@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_lines_and_words_changed(text: str, chance: random.Random) -> None:
    told = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(told)), chance.randrange(len(told))
        action = chance.randrange(6)
        if action == 0:
            del told[at]
        elif action == 1:
            told.insert(at, told[other])
        elif action == 2:
            told[at] = told[other]
        elif action == 3:
            cut = chance.randrange(len(told[at]) + 1)
            told[at] = told[at][:cut] + chance.choice("()[]{}│┃|+…'\",0 ├\x1b\u200b") + told[at][cut:]
        elif action == 4:
            told[at] = told[at].replace("0", str(chance.choice((-1, 1, 10**9, 10**30))))
        else:
            told[at] = told[at][chance.randrange(len(told[at]) + 1) :]
        told = told or [""]
    assert attempted("\n".join(told)) is None


@given(st.text(st.sampled_from("Layer (type)OutputShapeParam#ConnectedtoX[0]{}'│┏━┓_=|+-,…\n <&")))
def test_any_text_below_a_header(text: str) -> None:
    for head in (HEAD, CHAINED, BOX, "Layer (type) Output Shape Param # Connected to "):
        assert attempted(head + text) is None


MB = 300_000
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
def test_much_of_one_thing(what: str) -> None:
    """Below the header, behind it, and before it: read or refused in one line."""
    for text in (HEAD + X + LONG[what], HEAD.rstrip("=\n") + LONG[what], BOX + LONG[what], LONG[what] + table(X)):
        assert attempt(lambda data: read(data.decode(), "x"), text.encode(), 30.0) is None


def test_many_rows() -> None:
    count = 5_000
    chain = (row(f"l{i} (ReLU)", "(None, 4)", 0, f"l{i - 1}[0][0]" if i else "x[0][0]") for i in range(count))
    assert len(read(table(X, *chain), "x")[0].ops) == count + 1
    wide = row("a (Add)", "(None, 4)", 0, *["x[0][0]"] * count)
    assert read(table(X, wide), "x")[0].edge_count == count
    cut = [row("llllllll… (ReLU)", "(None, 4)", 0, "x[0][0]")] * count
    with pytest.raises(SourceError, match="fits 5000 rows"):
        read(table(X, *cut, row("a (Add)", "(None, 4)", 0, "llllllll…")), "x")
