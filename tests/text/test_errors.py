"""What is said of text that is wrong: one line, which names the line, what was expected and what was received."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgraph.errors import TextError
from kgraph.text import parse, show
from tests.text.strategies import graphs

HEAD = "x = Input((8, 8, 4))\nv = Input((4,))\n"
END = "\nmodel = Model([x, v], y)\n"


def message(text: str) -> str:
    with pytest.raises(TextError) as caught:
        parse(text)
    said = str(caught.value)
    assert said.splitlines() == [said]
    assert re.match(r"line \d+: ", said)
    return said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("y = Conv2d(4, 3)(x)", "Keras has no 'Conv2d'; did you mean 'Conv2D'?; a class of your own is Custom(\"Conv2d\", ...)"),
        ("y = layers.Relu()(x)", "Keras has no 'layers.Relu'; a class of your own is Custom(\"layers.Relu\", ...)"),
        ("y = Qqqqqq()(x)", "Keras has no 'Qqqqqq'; a class of your own is Custom(\"Qqqqqq\", ...)"),
        ("y = ops.concatenat([x, x])", "Keras has no 'ops.concatenat'; did you mean 'ops.concatenate'?"),
        ("y = ReLU()(w)", "'w' is not defined above"),
        ("relu_1 = ReLU()(x)\ny = relu1 + relu_1", "'relu1' is not defined above; did you mean 'relu_1'?"),
        ("y = ReLU(w)", "cannot read 'w'; expected a literal"),
        ("d = Dense(4)\ny = ReLU()(d)", "'d' is a layer; call it on a tensor"),
        ("d = Dense(4)\ny = d", "'d' is a layer; call it on a tensor"),
        ("y = x(v)", "'x' is a tensor, it cannot be called"),
        ("y = dense(x)", "cannot read 'dense(x)'; expected a layer or an operation called on tensors"),
        ("y = 4", "cannot read '4'; expected a layer or an operation called on tensors"),
        ("y = [x, v]", "cannot read '[x, v]'; expected a layer or an operation called on tensors"),
        ("y = x if x else v", "cannot read 'x if x else v'; expected a layer or an operation called on tensors"),
        ("y = 0 < x < 1", "cannot read '0 < x < 1'; expected a layer or an operation called on tensors"),
        ("y = x << 1", "cannot read 'x << 1'; expected an operator of Keras between tensors and numbers"),
        ('y = x + "a"', "cannot read \"x + 'a'\"; expected an operator of Keras between tensors and numbers"),
        ("y = x + ops.split(x, 2, -1)", "cannot read 'x + ops.split(x, 2, -1)'; expected an operator of Keras between tensors and numbers"),
        ("y = Conv2D(4)(x)", "Conv2D needs kernel_size, received 'Conv2D(4)'"),
        ("y = Lambda()(x)", "Lambda needs function, received 'Lambda()'"),
        ('y = Conv2D(4, 3, pading="same")(x)', "Conv2D has no parameter 'pading'; did you mean 'padding'?"),
        ("y = Conv2D(4, 3, stride=2)(x)", "Conv2D has no parameter 'stride'; did you mean 'strides'?"),
        ("y = ops.split(x, 2, axs=1)", "ops.split has no parameter 'axs'; did you mean 'axis'?"),
        ("y = ReLU()(input=x)", "ReLU() has no parameter 'input'; did you mean 'inputs'?"),
        ("y = Conv2D(4, 3, filters=4)(x)", "argument 'filters' of Conv2D is given twice"),
        ("y = ops.add(x, x1=x)", "argument 'x1' of ops.add is given twice"),
        ("y = ops.add(x, v, v)", "ops.add takes at most 2 positional arguments, received 'ops.add(x, v, v)'"),
        ("y = ReLU(1, 2, 3, 4, 5, 6)(x)", "ReLU takes at most 5 positional arguments, received 'ReLU(1, 2, 3, 4, 5, 6)'"),
        ("y = Conv2D(4, **3)(x)", "a dict must follow the ** in 'Conv2D(4, **3)'"),
        ("y = Conv2D(4, 3, name=5)(x)", "name must be a string, received 'Conv2D(4, 3, name=5)'"),
        ('y = Conv2D("a", "b")(x)', "\"Conv2D('a', 'b')(x)\" does not work on tensors of shape (None, 8, 8, 4)"),
        ("y = Conv2D(-4, 3)(x)", "'Conv2D(-4, 3)(x)' does not work on tensors of shape (None, 8, 8, 4)"),
        ("y = Conv2D(4, 9)(x)", "'Conv2D(4, 9)(x)' does not work on tensors of shape (None, 8, 8, 4)"),
        ("y = Dense(4.5)(v)", "'Dense(4.5)(v)' does not work on tensors of shape (None, 4)"),
        ("y = ops.reshape(v, (2, 2.5))(v)", "cannot read 'ops.reshape(v, (2, 2.5))(v)'; expected a layer or an operation called on tensors"),
        ("y = ZeroPadding2D('a')(x)", "cannot make \"ZeroPadding2D('a')\": ZeroPadding2D takes no such arguments"),
        ("y = x[1.5]", "a tensor takes ints, slices, None and ... between its brackets, received 'x[1.5]'"),
        ('y = x["a":]', "a tensor takes ints, slices, None and ... between its brackets, received \"x['a':]\""),
        ("y = x[::0]", "a tensor takes ints, slices, None and ... between its brackets, received 'x[::0]'"),
        ("y = x[v]", "cannot read 'v'; expected a literal"),
        ("y = 5[0]", "cannot read '5[0]'; expected a layer or an operation called on tensors"),
        ("p = ops.split(x, 2, -1)\ny = p[2]", "'p' holds 2 tensors, it has no 2"),
        ("p = ops.split(x, 2, -1)\ny = p[...]", "'p' holds 2 tensors, it has no ..."),
        ("a, y = ReLU()(x)", "'ReLU()(x)' has 1 output, but 2 variables stand on the left"),
        ("(y,) = ops.split(x, 2, -1)", "'ops.split(x, 2, -1)' has 2 outputs, but 1 variable stands on the left"),
        ("y = ops.unstack(x)", "the number of outputs of 'ops.unstack(x)' is not known here; write a variable for each on the left"),
        ("a, y = Dense(4)", "a layer is bound to one variable, received 'a, y = Dense(4)'"),
        ("x.y = ReLU()(x)", "can only assign to variables, received 'x.y = ReLU()(x)'"),
        ("a, x.y = ReLU()(x)", "can only assign to variables, received 'a, x.y = ReLU()(x)'"),
        ("() = ReLU()(x)", "can only assign to variables, received '() = ReLU()(x)'"),
        ("a = b = ReLU()(x)", "expected an assignment, received 'a = b = ReLU()(x)'"),
        ("x.y += x", "expected an assignment, received 'x.y += x'"),
        ("ReLU()(x)", "expected an assignment, received 'ReLU()(x)'"),
        ("for i in x:\n    pass", "expected an assignment, received 'for i in x: pass'"),
        ("5", "expected an assignment, received '5'"),
        ("y = Custom()(x)", 'Custom takes the name of a class, Custom("pkg.Class", key=value), received \'Custom()\''),
        ("y = Custom(5)(x)", 'Custom takes the name of a class, Custom("pkg.Class", key=value), received \'Custom(5)\''),
        ('y = Object("a", 1)(x)', 'Object takes the name of a class, Object("pkg.Class", key=value), received "Object(\'a\', 1)"'),
        ('y = Object("a", {}, {})(x)', 'Object takes the name of a class, Object("pkg.Class", key=value), received "Object(\'a\', {}, {})"'),
        ("y = Input()", "Input needs one of shape and batch_shape, received 'Input()'"),
        ('y = Input(shape="a")', "Input needs a shape of ints and None, received \"Input(shape='a')\""),
        ("y = Input(batch_shape=(2, -1))", "Input needs a shape of ints and None, received 'Input(batch_shape=(2, -1))'"),
        ("y = Input(3, batch_shape=(3,))", "Input needs one of shape and batch_shape, received 'Input(3, batch_shape=(3,))'"),
        ("y = Input(batch_shape=(3,), batch_size=3)", "Input takes batch_size with a shape, received 'Input(batch_shape=(3,), batch_size=3)'"),
        ("y = Input((3,), 1, 'float32')", "Input takes shape and batch_size by position, received \"Input((3,), 1, 'float32')\""),
        ("y = Input((3,), name=3)", "name must be a string, received 'Input((3,), name=3)'"),
        ("y = Input((3,), shap=3)", "Input has no parameter 'shap'; did you mean 'shape'?"),
        ("y = Custom('a', b=constant(1, 2, 3))(x)", "constant takes a dtype, a shape and a digest: constant(\"float32\", (3,), \"0f3a\"), received 'constant(1, 2, 3)'"),
        ("y = Custom('a', b=constant())(x)", "constant takes 3 or 4 positional arguments, received 'constant()'"),
        ("y = Custom('a', b=opaque(1))(x)", "opaque takes a string, received 'opaque(1)'"),
        ("y = Custom('a', b=float(1))(x)", 'float takes "nan", "inf" or "-inf", received \'float(1)\''),
        ("y = Custom('a', b=complex(1, 2))(x)", "complex takes two floats, received 'complex(1, 2)'"),
        ("y = Custom('a', b=slice())(x)", "slice takes one to three positional arguments, received 'slice()'"),
        ("y = Custom('a', b={1: 2})(x)", "the keys of a dict must be strings, received '{1: 2}'"),
        ("y = Custom('a', b={**{}})(x)", "the keys of a dict must be strings, received '{**{}}'"),
        ("y = Custom('a', b={'a': 1, 'a': 2})(x)", "the key 'a' is given twice"),
        ("y = Custom('a', b=-'a')(x)", "cannot read \"-'a'\"; expected a number behind the minus"),
        ("y = Custom('a', b=~1)(x)", "cannot read '~1'; expected a number behind the minus"),
        ("y = Custom('a', b=9**9**9)(x)", "cannot work out '9 ** 9'; expected numbers, and + - * / or //"),
        ("y = Custom('a', b=1 // 2j)(x)", "cannot work out '1 // 2j'; expected numbers, and + - * / or //"),
        ("y = Custom('a', b='a' * 9)(x)", "cannot work out \"'a' * 9\"; expected numbers, and + - * / or //"),
        ("y = Custom('a', b=10**20 * 1)(x)", "cannot work out '10 ** 20'; expected numbers, and + - * / or //"),
        ("y = Custom('a', b=1 // 0)(x)", "cannot work out '1 // 0': a division by zero"),
        ("y = Custom('a', b=lambda: 1)(x)", "a lambda must be one subscript of its one argument, as in lambda t: t[..., 0:4], received 'lambda: 1'"),
        ("y = Custom('a', b=lambda t, u=1: t[0])(x)", "a lambda must be one subscript of its one argument, as in lambda t: t[..., 0:4], received 'lambda t, u=1: t[0]'"),
        ("y = Custom('a', b=lambda t: u[0])(x)", "a lambda must be one subscript of its one argument, as in lambda t: t[..., 0:4], received 'lambda t: u[0]'"),
        ("y = Custom('a', b=open('f'))(x)", "cannot read \"open('f')\"; expected a literal, or a layer or operation called on tensors"),
        ("y = Custom('a', b=(1)(2))(x)", "cannot read '1(2)'; expected a literal, or a layer or operation called on tensors"),
        ("y = Custom('a', b=[i for i in x])(x)", "cannot read '[i for i in x]'; expected a literal"),
        ("y = Custom('a', b=f'{x}')(x)", "cannot read \"f'{x}'\"; expected a literal"),
        ("y = Custom('a', b=ones((3,)))(x)", "cannot read 'ones((3,))'; expected a literal, or a layer or operation called on tensors"),
        ("y = ReLU()(*[x])", "cannot read '*[x]'; expected a literal or a tensor"),
        ("y = x.y(x)", "cannot read 'x.y(x)'; expected a layer or an operation called on tensors"),
    ],
)  # fmt: skip
def test_mistakes(body: str, said: str) -> None:
    line = 3 + body.count("\n") - body.count("\n    ")
    assert message(HEAD + body + END) == f"line {line}: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the text form must end in model = Model(inputs, outputs)"),
        ("x = Input((3,))\n\n", "line 2: the text form must end in model = Model(inputs, outputs)"),
        ("x = Input((3,))\nm = Model(x, x)\ny = ReLU()(x)", "line 3: nothing can follow Model(...), received 'y = ReLU()(x)'"),
        ("m = Model()", "line 1: Model takes inputs, outputs and name, received 'Model()'"),
        ("m = Model((), (), 'a', 1)", "line 1: Model takes inputs, outputs and name, received \"Model((), (), 'a', 1)\""),
        ("m = Model((), (), nam='a')", "line 1: Model has no parameter 'nam'; did you mean 'name'?"),
        ("m = Model((), (), 5)", "line 1: Model gives one model, and takes a string as its name, received 'Model((), (), 5)'"),
        ("a, b = Model((), ())", "line 1: Model gives one model, and takes a string as its name, received 'Model((), ())'"),
        ("m = Model((), 5)", "line 1: the inputs and outputs of a Model must be tensors, received 'Model((), 5)'"),
        ("x = Input((3,))\ny = ReLU()(x)\nm = Model(y, y)", "line 3: the text describes no graph: the declared input 'y' is computed from other tensors"),
        ("x = Input((3,))\n\"{'layer': 'l'}\"\ny = ReLU()(x)\n\"{'layer': 'l'}\"\nz = ELU()(y)\nm = Model(x, z)",
         "line 6: the text describes no graph: nodes 'y' and 'z' call the layer 'l', but differ in its kind"),
        ("x = (", "line 1: not Python: '(' was never closed"),
        ("x = Input((3,))\n  y = 1", "line 2: not Python: unexpected indent"),
        ("x = 1\0", "line 1: not Python: the character '\\x00' cannot stand in a text"),
        ("\n\nx = '\ud800'", "line 3: not Python: the character '\\ud800' cannot stand in a text"),
        ("x = 0\n" + "(" * 10_000, "line 2: not Python: too many nested parentheses"),
        ("# a\ny = " + "-" * 10_000 + "1", "line 2: nested too deeply to be read"),
        ("y = (\n1 +\n" + "-" * 10_000 + "1)", "line 3: nested too deeply to be read"),
        ("y = 1" + " + 1" * 100_000, "line 1: nested too deeply to be read"),
        ("y = x" + "[0]" * 100_000, "line 1: nested too deeply to be read"),
        ("\ny = x" + "[0]" * 900, "line 2: nested too deeply to be read"),
        ("\ny = Custom('a', b=" + "1 + " * 700 + "1)", "line 2: nested too deeply to be read"),
        ("y = " + "9" * 5000, "line 1: not Python: Exceeds the limit (4300 digits) for integer string conversion"),
        ("y = 0x" + "f" * 5000, "line 1: cannot read 'this Constant'; expected a layer or an operation called on tensors"),
        ("from os import system\nsystem('ls')", "line 2: expected an assignment, received \"system('ls')\""),
        ("y = __import__('os').system('ls')", "line 1: cannot read \"__import__('os').system('ls')\"; expected a layer or an operation called on tensors"),
    ],
)  # fmt: skip
def test_texts_as_a_whole(text: str, said: str) -> None:
    assert message(text).startswith(said)


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ("{'outputs': 3}", 'the outputs of an annotation must be a tuple of shapes with their dtypes, such as ((None, 4), "float32"); received 3'),
        ("{'outputs': ()}", 'the outputs of an annotation must be a tuple of shapes with their dtypes, such as ((None, 4), "float32"); received ()'),
        ("{'outputs': (((1.5,), 'f'),)}", 'the outputs of an annotation must be a tuple of shapes with their dtypes, such as ((None, 4), "float32"); received (((1.5,), "f"),)'),
        ("{'weights': 'x'}", 'the weights of an annotation must be None or a tuple of (name, shape, dtype, trainable); received "x"'),
        ("{'weights': (('a', None, 'f', True),)}", 'the weights of an annotation must be None or a tuple of (name, shape, dtype, trainable); received (("a", None, "f", True),)'),
        ("{'weights': (('a', (1,), 'f'),)}", 'the weights of an annotation must be None or a tuple of (name, shape, dtype, trainable); received (("a", (1,), "f"),)'),
        ("{'id': 3}", "the id of an annotation must be a string; received 3"),
        ("{'layer': 3}", "the layer of an annotation must be a string or None; received 3"),
        ("{'function': {'captures': 5}}", "the function of an annotation must be a dict of digest, known, note and captures, these a tuple of (name, cell, value); received {\"captures\": 5}"),
        ("{'function': {'captures': (('a', 'b', 1),)}}", 'the function of an annotation must be a dict of digest, known, note and captures, these a tuple of (name, cell, value); received {"captures": (("a", "b", 1),)}'),
        ("{'function': {'odd': 5}}", 'the function of an annotation must be a dict of digest, known, note and captures, these a tuple of (name, cell, value); received {"odd": 5}'),
        ("{'function': {'note': 5}}", 'the function of an annotation must be a dict of digest, known, note and captures, these a tuple of (name, cell, value); received {"note": 5}'),
        ("{'idd': 'a'}", "an annotation holds id, layer, outputs, weights, function; received 'idd'"),
        ("{'function': {}}", "the annotation tells of another number of functions than 'ReLU()(x)' holds"),
        ("{'id': 'x'}", "the id 'x' is given twice"),
        ("{'id': x}", "the annotation \"{'id': x}\" is no dict of literals: cannot read 'x'; expected a literal"),
        ("{", "the annotation '{' is not Python"),
        ("{1, 2}", "the annotation '{1, 2}' is no dict of literals: cannot read '{1, 2}'; expected a literal"),
        ("{}[0]", "the annotation '{}[0]' is no dict of literals: cannot read '{}[0]'; expected a literal"),
        ("{\\ud800}", "the annotation '{\\ud800}' is not Python"),
        ("{'id': " + "-" * 10_000 + "1}", "the annotation \"{'id': --------------------------------------------------------------------...\" is not Python"),
        ("{'a': 1} - 1", "the annotation \"{'a': 1} - 1\" is no dict of literals: cannot work out \"{'a': 1} - 1\"; expected numbers, and + - * / or //"),
    ],
)  # fmt: skip
def test_annotations_that_say_nothing_sensible(annotation: str, said: str) -> None:
    found = message(f'{HEAD}"""{annotation}"""\ny = ReLU()(x){END}')
    assert found in (f"line 3: {said}", f"line 4: {said}")


def test_annotations_in_the_wrong_place() -> None:
    two = "\"{'id': 'a'}\"\n"
    assert (
        message(f"{HEAD}{two}{two}y = ReLU()(x){END}")
        == "line 4: two annotations follow each other, but a call takes one"
    )
    bound = message(f"{HEAD}{two}y = ReLU(){END}")
    assert bound == "line 4: the annotation before it belongs to no call, received 'y = ReLU()'"
    assert message(f"{HEAD}{two}y = x{END}").startswith("line 4: the annotation before it belongs to no call")
    assert message(f"{HEAD}{two}{END[1:]}".replace(", y", ", x")).startswith("line 4: the annotation before it belongs")
    twice = f"{HEAD}d = Dense(4)\na = d(v)\n\"{{'layer': 'e'}}\"\ny = d(a){END}"
    assert message(twice) == "line 6: the layer of 'd(a)' is 'd' already, it cannot be 'e' too"
    few = f"{HEAD}\"{{'function': (None, None)}}\"\ny = Lambda(lambda t: t[0])(x){END}"
    assert message(few).startswith("line 4: the annotation tells of another number of functions")


def test_text_that_is_no_text() -> None:
    with pytest.raises(TextError, match="^line 1: expected the text of a model, received bytes$"):
        parse(b"x = 1")  # pyright: ignore[reportArgumentType]


def test_errors_name_the_line_in_a_long_text() -> None:
    rows = ["x = Input((4,))", *["x = ReLU()(x)"] * 5000]
    assert message("\n".join([*rows, "y = Foo()(x)"])).startswith("line 5002: ")
    assert message("\n".join([*rows, "y = ReLU(", ")(", "z", ")"])) == "line 5004: 'z' is not defined above"
    assert message("\n".join([*rows, "y = (", *rows])).startswith("line 5002: not Python: '(' was never closed")
    assert message("\n".join([*rows, "y = " + "-" * 10_000 + "1", *rows])).startswith("line 5002: nested too deeply")


# --- anything at all: a Graph or a TextError, and nothing is run -----------------------------------------------------

BASES = (
    HEAD + "a, b = ops.split(x, 2, axis=-1)\nc = Conv2D(4, 3, padding='same')(a)\nd = Dense(4)\ny = d(d(c + b[..., 0:2]))" + END,
    HEAD + "\"{'id': 'e:1/y', 'outputs': ((None, 'f'),), 'weights': None}\"\ny = Custom('p.C', a=float('nan'), b={'k': (1,)})(x)" + END,
    HEAD + "\"{'function': {'captures': (('c', 0, 3),)}}\"\ny = Lambda(lambda t: t[..., 4:8], name='l')(x)" + END,
)  # fmt: skip
PIECES = (
    "(", ")", "[", "]", "{", "}", '"', "'", '"""', ",", "=", ":", ".", "*", "**", "-", "~", "\n", "\\", "#", "\0", "\ud800", "\t",
    "x", "y", "None", "True", "...", "0", "-1", "1.5", "1j", "9**9**9", "1e999", "b'x'", "f'{x}'", "0x" + "f" * 3000, "not ",
    "lambda t: t[0]", "slice(1)", "opaque('a')", "constant('f', (1,), 'd')", "constant(1, 2, 3)", "float('nan')", "Input",
    "Model", "Object('a')", "Custom", "ops.split", "ops.add", "x[1.5]", "indices_or_sections=", "name=", "axis=", "filters",
    "\"{'id': 3}\"\n", "\"{'outputs': 3}\"\n", "\"{'weights': 'x'}\"\n", "\"{'layer': None}\"\n", "*x", "**x", " := ", " if x else ",
    " for i in x", "await ", "yield ", "import os\n", "exec('1')", "__import__('os')", "é", "ﬁ", "layers.Dense(3)", "10000000000000",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid text with a few characters, pieces or lines changed."""
    text = draw(st.sampled_from(BASES) | graphs(3).map(show))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 12)))
        how = draw(st.sampled_from(("delete", "double", "replace", "insert", "swap lines", "double line")))
        if how == "delete":
            text = text[:start] + text[stop:]
        elif how == "double":
            text = text[:start] + text[start:stop] * 2 + text[stop:]
        elif how == "replace":
            text = text[:start] + draw(st.sampled_from(PIECES)) + text[stop:]
        elif how == "insert":
            text = text[:start] + draw(st.sampled_from(PIECES)) + text[start:]
        else:
            lines = text.split("\n")
            one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            if how == "swap lines":
                lines[one], lines[other] = lines[other], lines[one]
            else:
                lines.insert(one, lines[other])
            text = "\n".join(lines)
    return text


def assert_graph_or_error(text: str) -> None:
    try:
        graph = parse(text)
    except TextError as error:
        said = str(error)
        assert said.splitlines() == [said]
        assert re.match(r"line \d+: ", said)
        said.encode()
        return
    assert parse(show(graph)) == graph


@given(mutated())
@settings(max_examples=400)
def test_mutated_text(text: str) -> None:
    assert_graph_or_error(text)


@given(st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(PIECES)).map("".join))
@example("x = Input((3,))\ny = x\ny += [" + "x," * 10 + "]")
def test_random_text(text: str) -> None:
    assert_graph_or_error(text)


WRONG = ("a", b"b", -1, 0, 1.5, 10**30, None, True, ..., (), (1, 2), {}, {"a": 1}, float("inf"), 2j)
CALLS = (
    "Conv2D({}, {})(x)", "Conv2D(4, 3, strides={}, data_format={})(x)", "Conv2D(4, 3, padding={}, groups={})(x)",
    "Dense({}, dtype={})(v)", "Concatenate(axis={}, trainable={})([x, x])", "ops.concatenate([x, x], axis={}, **{{'k': {}}})",
    "ops.split(x, {}, {})", "ops.array_split(x, {}, {})", "ops.reshape(x, {}, **{{'k': {}}})", "ops.expand_dims(x, {}, **{{'k': {}}})",
    "ops.squeeze(x, {}, **{{'k': {}}})", "ops.sum(x, {}, {})", "ops.transpose(x, {}, **{{'k': {}}})", "ops.take(x, {}, {})",
    "ops.stack([x, x], {}, **{{'k': {}}})", "ops.cast(x, {}, **{{'k': {}}})", "ops.add(x, {}, **{{'k': {}}})",
    "Reshape({}, dtype={})(x)", "Permute({}, dtype={})(x)", "RepeatVector({}, dtype={})(v)", "ZeroPadding2D({}, {})(x)",
    "Cropping2D({}, {})(x)", "UpSampling2D({}, {})(x)", "MaxPooling2D({}, {})(x)", "BatchNormalization({}, epsilon={})(x)",
    "LayerNormalization({}, {})(x)", "Embedding({}, {})(v)", "DepthwiseConv2D({}, depth_multiplier={})(x)",
    "GlobalAveragePooling2D({}, keepdims={})(x)", "Flatten({}, dtype={})(x)", "Lambda({}, output_shape={})(x)",
    "Rescaling({}, {})(x)", "Add()([x, {}, {}])", "Add()({}, mask={})", "ReLU()({}, {})", "Input({}, {})", "Input(batch_shape={}, dtype={})",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_wrong_types_everywhere(call: str) -> None:
    written = ["float('inf')" if value == float("inf") else repr(value) for value in WRONG]
    for one in written:
        for other in (one, "1", "'a'", "()"):
            for left in ("y", "(y, z)"):
                assert_graph_or_error(f"{HEAD}{left} = {call.format(one, other)}{END}")


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


AUDIT = """
import sys
from kgraph.errors import TextError
from kgraph.text import parse, show

TEXTS = {texts!r}

def read(text):
    try:
        return show(parse(text))
    except TextError as error:
        return str(error)

for text in TEXTS[:3]:
    read(text)  # the catalogue is read, and the packages of kgraph.ops are imported, at their first use
seen = set()
sys.addaudithook(lambda event, _: seen.add(event))
for text in TEXTS:
    read(text)
{more}
print(sorted(seen - {{"compile", "builtins.id"}}))
"""


def hostile() -> list[str]:
    attacks = (
        "__import__('os').system('true')", "exec('1')", "eval('1')", "open('f', 'w')", "(lambda: open('f'))()",
        "[open('f') for i in x]", "x.__class__.__base__", "ops.add(x, open('f'))", "Custom(open('f'))(x)", "keras.models.load_model('f')",
        "Lambda(lambda t: t[open('f')])(x)", "Custom('os.system', a='true')(x)", "f'{open(1)}'", "x[open('f')]",
        "Object('builtins.exec', source='1')(x)", "opaque('a')", "Custom('a', b=Custom('subprocess.run', args='ls'))(x)",
    )  # fmt: skip
    texts = [*BASES, *(f"{HEAD}y = {attack}{END}" for attack in attacks)]
    texts += [
        "import os, subprocess\nfrom os import *\n" + HEAD + "y = x" + END,
        "\"{'id': open('f')}\"\n" + HEAD + "y = Relu()(x)",
    ]
    return texts


def test_nothing_is_run() -> None:
    assert run(AUDIT.format(texts=hostile(), more="")) == "[]"


@pytest.mark.parametrize(
    ("more", "event"),
    [
        ("open(__file__ if '__file__' in globals() else sys.executable)", "open"),
        ("exec('1')", "exec"),
        ("import this", "import"),
    ],
)
def test_the_test_that_nothing_is_run_can_fail(more: str, event: str) -> None:
    assert event in run(AUDIT.format(texts=hostile()[:3], more=more))


@given(st.data())
@settings(max_examples=50)
def test_errors_are_the_same_every_time(data: Any) -> None:
    text = data.draw(mutated())
    outcomes: set[str] = set()
    for _ in range(2):
        try:
            outcomes.add(show(parse(text)))
        except TextError as error:
            outcomes.add(str(error))
    assert len(outcomes) == 1
