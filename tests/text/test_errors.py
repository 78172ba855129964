"""What is no text form: one line says what, where, what was expected and what was received; and in bounded time."""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.errors import KgraphError, TextError
from kgraph.graph import Graph, Value
from kgraph.text import parse, show
from kgraph.text.implied import MANY
from kgraph.text.statements import CHUNK, TOO_DEEP
from tests.text.strategies import graphs

LINES = (Path(__file__).parent / "errors.txt").read_text(encoding="utf-8").splitlines()
CASES = list(zip(LINES[::2], [line.strip() for line in LINES[1::2]], strict=True))
"""Statements, each with what is said of it."""

RECURSION = sys.getrecursionlimit()


def around(body: str) -> str:
    """A text in which the body starts on line 3."""
    return f"x = Input((8, 8, 4))\nv = Input((4,))\n{body}\nmodel = Model([x, v], y)\n"


def message(text: str) -> str:
    """The one line that is said of a text that cannot be read."""
    with pytest.raises(TextError) as caught:
        parse(text)
    said = str(caught.value)
    assert said.isprintable() and len(said) < 500
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    return said


@pytest.mark.parametrize(("body", "expected"), CASES)
def test_messages(body: str, expected: str) -> None:
    assert message(around(body)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the text ends here, but it must end in model = Model(inputs, outputs)"),
        ("\n# nothing", "line 1: the text ends here, but it must end in model = Model(inputs, outputs)"),
        ("import os\n\n'''a text'''", "line 3: the text ends here, but it must end in model = Model(inputs, outputs)"),
        ("a\x0cb \u2028 = 3", "line 1: not Python: "),
        ("# \x0c \x0b \u2028 \x85 are no ends of lines\r\n\ry = )", "line 3: not Python: "),
        ("y = 3 +", "line 1: not Python: "),
        ("x = Input((4,)\n" + "y = x\n" * 3 * CHUNK, "line 1: not Python: '(' was never closed"),
        ("x = Input((4,))\n" * 2 * CHUNK + "y = )\n" + "y = x\n" * CHUNK, f"line {2 * CHUNK + 1}: not Python: "),
        ("x = Input((4,))\n" * 2 * CHUNK + "y = z\n", f"line {2 * CHUNK + 1}: 'z' is not defined above"),
        ("x = Input((4,))\n  y = x", "line 2: not Python: "),
        ("\n\ny = '\0'", "line 3: not Python: the character '\\x00' cannot stand in a text"),
        ("\ny = '\ud800'", "line 2: not Python: the character '\\ud800' cannot stand in a text"),
        ("\"{'id': '\\ud800'}\"", "line 1: the annotation \"{'id': '\\ud800'}\" is not Python; expected a dict of literals"),
        ("\"{'id': '\\0'}\"", "line 1: the annotation \"{'id': '\\x00'}\" is not Python; expected a dict of literals"),
        ("y = 1" + "0" * 5000, "line 1: not Python: Exceeds the limit"),
    ],
)  # fmt: skip
def test_where_a_text_breaks(text: str, expected: str) -> None:
    assert message(text).startswith(expected)


@pytest.mark.parametrize("text", [3, None, b"x = Input((4,))", Path("model.py")])
def test_what_is_no_text(text: object) -> None:
    with pytest.raises(TextError) as caught:
        parse(text)  # type: ignore[arg-type]
    assert str(caught.value) == f"line 1: expected the text of a model, received {type(text).__name__}"


DEEP = {
    "signs": "y = " + "-" * 100_000 + "x",
    "a few signs": "y = " + "-" * RECURSION + "x",
    "signs of a literal": "y = x + " + "-" * (RECURSION // 2) + "1",
    "words": "y = " + "not " * 100_000 + "x",
    "sums": "y = " + "x + " * 100_000 + "x",
    "a few sums": "y = " + "x + " * RECURSION + "x",
    "powers": "y = " + "x ** " * 100_000 + "x",
    "attributes": "y = x" + ".a" * 100_000,
    "methods": "y = x" + ".a" * 100_000 + "()",
    "calls": "y = x" + "()" * 100_000,
    "subscripts": "y = x" + "[0]" * 100_000,
    "lambdas": "y = " + "lambda t: " * 10_000 + "t",
    "an annotation": "\"{'id': " + "-" * 100_000 + '1}"',
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
def test_what_is_nested_too_deeply(body: str) -> None:
    assert message(around(body)) == f"line 3: {TOO_DEEP}"


def test_where_a_text_is_nested_too_deeply() -> None:
    assert message(around(f"w = (\nx\n)\ny = {'-' * 100_000}x")) == f"line 6: {TOO_DEEP}"
    assert message(around(f"y = (\n{'-' * 3000}\n{'-' * 3000}\n{'-' * 3000}x)")) == f"line 1 or below: {TOO_DEEP}"


@pytest.mark.parametrize("bracket", ["(", "[", "{", "{1: ", "ReLU()(", "x[", "f(", "lambda t: ("])
def test_brackets_without_end(bracket: str) -> None:
    assert message(around(f"y = {bracket * 100_000}")).startswith("line 3: ")
    assert message(around(f"y = Custom('a', b={'[' * 99}1{']' * 99})(x)")).endswith("nested more than 60 deep")


NUMBER = "0x" + "f" * 100_000


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"y = Custom('a', b={NUMBER} ** 2)(x)", "cannot work out 'this BinOp'; expected numbers up to 2**63"),
        (f"y = Custom('a', b={NUMBER} * 2)(x)", "cannot work out 'this BinOp'; expected numbers up to 2**63"),
        (f"y = Custom('a', b={'9 * ' * 100}9)(x)", "cannot work out '9 * 9 * 9 *"),
        ("y = Custom('a', b=9 ** 9 ** 9 ** 9)(x)", "cannot work out '9 ** 9'"),
        (f"y = Input((-{NUMBER},))", "Input needs a shape of None and ints that are not negative, received 'this Call'"),
        (f"p = ops.split(x, 2); y = p[{NUMBER}]", "'p' holds 2 tensors; expected the index of one, received 0xffff"),
        (f"\"{{'outputs': {NUMBER}}}\"; y = ReLU()(x)", "the outputs of an annotation must be a tuple of shapes"),
        (f"y = {NUMBER}", "cannot read 'this Constant'; expected a layer or an operation"),
        (f"y = ops.split(x, {NUMBER})", "how many outputs 'this Call' has is not known here"),
    ],
)  # fmt: skip
def test_numbers_that_are_too_large(body: str, expected: str) -> None:
    assert message(around(body)).startswith(f"line 3: {expected}")


@pytest.mark.parametrize(
    "call",
    [f"Dense({NUMBER})(x)", f"x + {NUMBER}", f"x[{NUMBER}:]", "x + 1e999", f"Conv2D(4, {NUMBER})(x)", f"ops.reshape(x, {NUMBER})"],
)  # fmt: skip
def test_large_numbers_that_a_graph_can_hold(call: str) -> None:
    graph = parse(around(f"y = {call}"))
    assert parse(show(graph)) == graph


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (["y = Add()(p)"] * 9, "'p'"),
        ([f"y = Add()([{'p, ' * 9}])"], "'p'"),
        ([f"y{index} = p[1:]" for index in range(9)], "'p[1:]'"),
        ([f"y{index} = ops.split(x, {MANY // 4}, axis=1)" for index in range(9)], "'ops.split(x, 250000, axis=1)'"),
        ([f"model = Model(x, [{'p, ' * 9}])"], "'p'"),
    ],
)
def test_a_short_text_stands_for_no_large_graph(lines: list[str], where: str) -> None:
    start = [f"x = Input(({MANY},))", f"p = ops.split(x, {MANY // 4}, axis=1)"]
    said = message("\n".join([*start, *lines, "model = Model(x, x)"]))
    assert said.endswith(f": at {where} the text stands for more than {MANY:,} tensors that it does not name each")


def test_named_tensors_are_not_counted() -> None:
    names = ", ".join(f"p{index}" for index in range(1000))
    calls = [f"{names} = ops.split(x, 1000, axis=1)", f"y = Concatenate()([{names}])"] * 2
    scans = ["q = ops.split(x, 1000, axis=1)", *[f"y = q[{index}]" for index in range(1000)]] * 2
    graph = parse("\n".join(["x = Input((1000,))", *calls, *scans, "model = Model(x, y)"]))
    assert graph.outputs == Value("split_2", 999) and len(graph.ops) == 2


def test_a_word_is_sought_among_the_last_variables() -> None:
    rows = ["x = Input((4,))", *[f"value_{index} = x" for index in range(20_000)], "y = valeu_19999"]
    assert message("\n".join(rows)) == "line 20002: 'valeu_19999' is not defined above; did you mean 'value_19999'?"


def outcome(text: str) -> Graph | None:
    """The graph of a text; None if one line says what is wrong with it."""
    try:
        return parse(text)
    except KgraphError:
        pass
    message(text)
    return None


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text(text: str) -> None:
    assert outcome(text) is None
    outcome(around(text))


WORDS = sorted({word for body, _ in CASES for word in body.replace("(", " ( ").replace(",", " , ").split()})


@given(
    st.lists(st.sampled_from([*WORDS, "\n", "(", ")", "[", "]", "x", "y", "=", "v", ":", "**", "*", "-"]), max_size=15)
)
def test_any_words_of_the_form(words: list[str]) -> None:
    outcome(around(" ".join(words)))


@given(graphs(), st.integers())
def test_a_damaged_text(graph: Graph, seed: int) -> None:
    """What is cut out, doubled or moved leaves a text that is read as a graph, or one line."""
    rng, text = random.Random(seed), show(graph)
    for _ in range(3):
        start, stop, place = (rng.randrange(len(text) + 1) for _ in range(3))
        piece = text[start : min(stop, start + 20)]
        damaged = rng.choice((text[:start] + text[start + len(piece) :], text[:place] + piece + text[place:]))
        found = outcome(damaged)
        assert found is None or parse(show(found)) == found


@given(graphs(), st.integers())
def test_a_text_whose_parts_are_exchanged(graph: Graph, seed: int) -> None:
    """Python all the same: expressions of the text stand in each other's place."""
    rng, tree = random.Random(seed), ast.parse(show(graph))
    spots = [
        (node, field)
        for node in ast.walk(tree)
        for field, value in ast.iter_fields(node)
        if isinstance(value, ast.expr) and not (isinstance(node, ast.Attribute) or field == "targets")
    ]
    for _ in range(min(3, len(spots))):
        (node, field), (other, source) = rng.choice(spots), rng.choice(spots)
        if not any(child is node for child in ast.walk(getattr(other, source))):
            setattr(node, field, getattr(other, source))
    found = outcome(ast.unparse(tree))
    assert found is None or parse(show(found)) == found
