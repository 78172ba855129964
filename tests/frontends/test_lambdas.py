"""The reference is Python itself: what is said to be proved must be what the function does when it is called."""

from __future__ import annotations

import dis
import functools
import inspect
import operator
import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import kgraph
from kgraph.frontends.lambdas import read_function
from kgraph.frontends.trials import try_selection
from kgraph.graph import Capture, Function, Slice

ARRAY = np.arange(5 * 6 * 7 * 8).reshape(5, 6, 7, 8)
FULL = Slice()


def numbering() -> Callable[[object], int]:
    """Cells by identity; they are kept, so that no other gets the identity of one that is gone."""
    seen: dict[int, tuple[int, object]] = {}
    return lambda cell: seen.setdefault(id(cell), (len(seen), cell))[0]


def read(fn: object, **arguments: Any) -> Function:
    return read_function(fn, arguments, numbering())


def define(source: str, name: str = "fn", **names: Any) -> Any:
    """Runs a definition and hands out what it defined."""
    exec(compile(textwrap.dedent(source), "<text>", "exec"), names)
    return names[name]


def evaluate(source: str, **names: Any) -> Any:
    return define(f"fn = {source}", **names)


def replaced(fn: Any, **parts: Any) -> Any:
    """A function that differs in parts of its code."""
    made = types.FunctionType(fn.__code__.replace(**parts), fn.__globals__, None, fn.__defaults__, fn.__closure__)
    made.__kwdefaults__ = fn.__kwdefaults__
    return made


def subscripted(selection: tuple[Any, ...]) -> Any:
    key = tuple(slice(part.start, part.stop, part.step) if isinstance(part, Slice) else part for part in selection)
    return ARRAY[key]


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """What comes of a call: the array with its shape, or the kind of error."""
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        return (type(error),)
    return np.shape(result), np.asarray(result).tolist()


# What is proved -------------------------------------------------------------------------------------------------------

NAMES: dict[str, Any] = {"g": 3, "key": (..., slice(1, 4)), "pair": (1, 9, 4), "part": slice(2, 5)}
EXPRESSIONS: list[tuple[str, tuple[Any, ...]]] = [
    ("lambda t: t[3]", (3,)),
    ("lambda t: t[-1]", (-1,)),
    ("lambda t: t[...]", (...,)),
    ("lambda t: t[()]", ()),
    ("lambda t: t[None]", (None,)),
    ("lambda t: t[2:]", (Slice(2),)),
    ("lambda t: t[1:4]", (Slice(1, 4),)),
    ("lambda t: t[::-1]", (Slice(None, None, -1),)),
    ("lambda t: t[..., 1:8:2]", (..., Slice(1, 8, 2))),
    ("lambda t: t[:, 0, None, ..., -3:]", (FULL, 0, None, ..., Slice(-3))),
    ("lambda t: t[..., slice(4)]", (..., Slice(None, 4))),
    ("lambda t: t[..., slice(1, 4)]", (..., Slice(1, 4))),
    ("lambda t: t[..., slice(1, 7, 2)]", (..., Slice(1, 7, 2))),
    ("lambda t: t[..., g:2 * g]", (..., Slice(3, 6))),
    ("lambda t: t[key]", (..., Slice(1, 4))),
    ("lambda t: t[pair[0]:pair[-1]]", (Slice(1, 4),)),
    ("lambda t: t[part]", (Slice(2, 5),)),
    ("lambda t: t[Ellipsis, 2]", (..., 2)),
    ("lambda t, s=(2, 5): t[s[0]:s[1]]", (Slice(2, 5),)),
    ("lambda t, *, a=1: t[a]", (1,)),
    ("lambda t, /, a=1: t[a]", (1,)),
    ("lambda t, *rest, **names: t[2]", (2,)),
    ("lambda t, a=True: t[a + 1]", (2,)),
    ("lambda t, a=True: t[-a]", (-1,)),
    ("lambda t, a=1: t[~a]", (-2,)),
    ("lambda t, a=None: t[+g if a is None else a]", (3,)),
    ("lambda t, a=None: t[0 if a is not None else 4]", (4,)),
    ("lambda t, a=None: t[(a is None) + 1]", (2,)),
    ("lambda t, a=None: t[(a is not None) + 1]", (1,)),
    ("lambda t, a=None: t[a or 2]", (2,)),
    ("lambda t, a=1: t[(a and 2):]", (Slice(2),)),
    ("lambda t, a=1: t[0 if not a else 1]", (1,)),
    ("lambda t, a=1: t[(not a) + 1]", (1,)),
    ("lambda t, a=1: t[1 if 0 < a < 2 else 0]", (1,)),
    ("lambda t, a=7: t[1 if 0 < a < 2 else 0]", (0,)),
    ("lambda t, a=1: t[1 if a in (1, 2) else 0]", (1,)),
    ("lambda t, a=1: t[1 if a not in (1, 2) else 0]", (0,)),
    ("lambda t, a=True: t[1 if a is True else 0]", (1,)),
    ("lambda t, a='last': t[..., 1] if a == 'last' else t[:, 1]", (..., 1)),
    ("lambda t, a='first': t[..., 1] if a == 'last' else t[:, 1]", (FULL, 1)),
    ("lambda t, a=(1, 2): t[1 if a == (1, 2) else 0]", (1,)),
    ("lambda t: t[int(7 / 2)]", (3,)),
    ("lambda t: t[int(g * 0.5):max(g, 5):abs(min(-1, -2))]", (Slice(1, 5, 2),)),
    ("lambda t: (t[4], 1)[0]", (4,)),
    ("lambda t: t[10 ** 30:]", (Slice(10**30),)),
    ("lambda t: t[1] if g else print", (1,)),
    ("lambda t: t[(a := 2) + a]", (4,)),
]
BODIES: list[tuple[str, tuple[Any, ...]]] = [
    ("a, b = 1, 4\nreturn t[a:b]", (Slice(1, 4),)),
    ("a, b, c = 4, 1, 2\na, b, c = b, a, c\nreturn t[a:b:c]", (Slice(1, 4, 2),)),
    ("a = 1\na += 2\nb = a\nreturn t[a:b + 1]", (Slice(3, 4),)),
    ("t = t[2]\nreturn t", (2,)),
    ("a = 2; b = a; c = b\nreturn t[c]", (2,)),
    ("a = 0\nwhile a < 3:\n    a += 1\nreturn t[a]", (3,)),
    ("a = 0\nwhile True:\n    a += 1\n    if a > 3:\n        break\nreturn t[a]", (4,)),
    ("a = 5\nwhile a in (5, 4, 3):\n    a -= 1\nreturn t[a]", (2,)),
    ("a = None\nwhile a is None:\n    a = 3\nreturn t[a]", (3,)),
    ("a = 3\nwhile a is not None:\n    b = a\n    a = None\nreturn t[b]", (3,)),
    ("a = 0\nwhile not a:\n    a = 2\nreturn t[a]", (2,)),
    ("assert t[1:] if 0 else 1\nreturn t[1]", (1,)),
    ("a = 1\nif a:\n    b = 2\nreturn t[b]", (2,)),
    ("match 3:\n    case 2:\n        return t[0]\n    case 3 | 4:\n        return t[1]", (1,)),
    ("if 1 == 2:\n    return lambda: t\nreturn t[1]", (1,)),
    ("key = (slice(None), slice(1, 3))\nreturn t[key]", (FULL, Slice(1, 3))),
    ("\n".join(f"x{n} = {n + 2000}" for n in range(300)) + "\nreturn t[x299 - x298]", (1,)),
]


@pytest.mark.parametrize(("source", "selection"), EXPRESSIONS)
def test_a_subscript_by_what_is_known_is_proved(source: str, selection: tuple[Any, ...]):
    fn = evaluate(source, **NAMES)
    found = read(fn)
    assert (found.selection, found.known, found.note) == (selection, "proved", "")
    assert outcome(fn, ARRAY) == outcome(subscripted, selection)


@pytest.mark.parametrize(("body", "selection"), BODIES)
def test_statements_are_followed(body: str, selection: tuple[Any, ...]):
    fn = define("def fn(t):\n" + textwrap.indent(body, "    "))
    found = read(fn)
    assert (found.selection, found.note) == (selection, "")
    assert outcome(fn, ARRAY) == outcome(subscripted, selection)


def test_a_parameter_in_a_cell_and_a_closure_variable():
    source = "def make(c):\n    def fn(t, a=1):\n        return t[c:a:-1] if c else (lambda: (t, a))\n    return fn"
    fn = define(source, "make")(3)
    assert read(fn).selection == (Slice(3, 1, -1),)
    assert outcome(fn, ARRAY) == outcome(subscripted, (Slice(3, 1, -1),))


def test_what_python_deprecates_is_read_without_a_warning():
    assert read(evaluate("lambda t, a=True: t[~a]")).selection == (-2,)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    comparisons = st.sampled_from(["<", "<=", "==", "!=", ">", ">="])
    conditions = st.one_of(
        st.builds("{} {} {}".format, inner, comparisons, inner),
        st.builds("{} < {} <= {}".format, inner, inner, inner),
        st.builds("{} {} ({}, 1, 2)".format, inner, st.sampled_from(["in", "not in"]), inner),
        st.builds("not {}".format, inner),
        st.sampled_from(["none is None", "d is not None", "data_format == 'channels_last'", "d and c"]),
    )
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "//", "%", "&", "|", "^", "/"]), inner),
        st.builds("({} ** {})".format, inner, st.integers(-1, 3)),
        st.builds("({} {} {})".format, inner, st.sampled_from(["<<", ">>"]), st.integers(0, 4)),
        st.builds("({}{})".format, st.sampled_from("+-"), inner),
        st.builds("{}({})".format, st.sampled_from(["~int", "abs", "int"]), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("({} if {} else {})".format, inner, conditions, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("({})".format, conditions),
    )


LEAVES = st.one_of(st.integers(0, 9).map(str), st.sampled_from(["c", "d", "k", "g", "a", "v", "pair[0]", "pair[-1]"]))
NUMBERS = st.recursive(LEAVES, grown, max_leaves=5)
PARTS = st.one_of(
    st.builds("{}:{}".format, NUMBERS, NUMBERS),
    st.builds("{}:{}:{}".format, NUMBERS, NUMBERS, NUMBERS),
    st.builds("slice({}, {})".format, NUMBERS, NUMBERS),
    NUMBERS,
    st.sampled_from([":", "...", "None", ":d", "::-1", "-2:"]),
)
RETURNS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: f"return t[{', '.join(parts)}]")
BLOCKS = st.one_of(
    NUMBERS.map("v = {}".format),
    st.builds("v, d = d, {}".format, NUMBERS),
    st.builds("v {}= {}".format, st.sampled_from("+-*|"), NUMBERS),
    st.builds("if {}:\n    {}\nelif v in (0, 2):\n    v = {}".format, NUMBERS, RETURNS, NUMBERS),
    st.builds("n = 0\nwhile n < min(v, {}):\n    n += 1\nv = n".format, st.integers(0, 6)),
)
INTS = st.integers(-4, 8)


@given(st.lists(BLOCKS, max_size=3), RETURNS, *[INTS] * 6)
def test_a_proof_agrees_with_the_call(blocks: list[str], last: str, c: int, d: int, k: int, g: int, a: int, first: int):
    lines = [
        "def make(c):",
        f"    def fn(t, a, d={d}, none=None, data_format='channels_last', *, k={k}):",
        f"        v = {first}",
        *textwrap.indent("\n".join([*blocks, last]), " " * 8).splitlines(),
        "    return fn",
    ]
    fn = define("\n".join(lines), "make", g=g, pair=(2, d))(c)
    found, real = read(fn, a=a), outcome(fn, ARRAY, a=a)
    event(found.note or found.known)
    if found.selection is not None:
        assert real == outcome(subscripted, found.selection)
    elif found.note.startswith("fails"):
        assert len(real) == 1
    else:
        limits = ("computes a huge number", "uses other things than plain values")
        assert found.note in ("has a key that is not basic slicing", *limits)


SIGNATURES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["t, a", "t, a=1", "t, a=1, b=2", "t, mask, a=2", "t, a=1, training=None", "t, p=1, /, a=1"]),
    st.sampled_from(["", ", *rest", ", *, k", ", *, k=3", ", *rest, k=3"]),
    st.sampled_from(["", ", **names"]),
)


@given(SIGNATURES, st.sets(st.sampled_from(["t", "p", "a", "b", "k", "mask", "zz"])))
def test_arguments_are_bound_as_keras_passes_them(signature: str, names: set[str]):
    fn = evaluate(f"lambda {signature}: t[a]")
    arguments = dict.fromkeys(names, 4)
    passed = dict.fromkeys(set(inspect.getfullargspec(fn).args) & {"mask", "training"})
    found, real = read(fn, **arguments), outcome(fn, ARRAY, **{**arguments, **passed})
    event(found.known)
    if "p" in names and "p=" in signature and "**" in signature and sys.version_info < (3, 13):
        assert "positional only" in found.note  # inspect was stricter than Python
    elif found.selection is None:
        assert found.note.startswith("cannot be called as Keras does")
        assert real == (TypeError,)
    else:
        assert real == outcome(subscripted, found.selection)


# Late and early binding -----------------------------------------------------------------------------------------------


def test_lambdas_of_a_loop_share_code_and_cell_and_read_the_last_slice():
    lambdas = define("def fn(g):\n    return [lambda t: t[..., c * g:(c + 1) * g] for c in range(32)]")(4)
    number = numbering()
    found = [read_function(each, {}, number) for each in lambdas]
    assert len({each.digest for each in found}) == 1
    assert {each.selection for each in found} == {(..., Slice(124, 128))}
    assert {each.captures for each in found} == {(Capture("c", 0, 31), Capture("g", 1, 4))}
    assert len(set(found)) == 1


def test_a_bound_variable_is_not_captured():
    found = [read(each) for each in evaluate("[lambda t, c=c: t[..., 4 * c:4 * c + 4] for c in range(32)]")]
    assert len({each.digest for each in found}) == 32  # the default values tell them apart
    assert {each.captures for each in found} == {()}
    assert [each.selection for each in found] == [(..., Slice(4 * c, 4 * c + 4)) for c in range(32)]


def test_functions_of_a_factory_have_cells_of_their_own():
    make = define("def make(c):\n    return lambda t: t[..., c]", "make")
    number = numbering()
    found = [read_function(make(c), {}, number) for c in range(3)]
    assert len({each.digest for each in found}) == 1
    assert [each.captures for each in found] == [(Capture("c", c, c),) for c in range(3)]
    assert [each.selection for each in found] == [(..., c) for c in range(3)]


def test_a_loop_over_a_global_is_read_now():
    names: dict[str, Any] = {"lambdas": []}
    exec("for c in range(3):\n    lambdas.append(lambda t: t[..., c])", names)
    found = [read(each) for each in names["lambdas"]]
    assert {(each.selection, each.captures) for each in found} == {((..., 2), (Capture("c", None, 2),))}
    names["c"] = 0
    assert read(names["lambdas"][2]).selection == (..., 0)


SLICE_TENSOR = """
def fn(x, start, stop, axis):
    if axis == 3 or axis == -1:
        return x[:, :, :, start:stop]
    elif axis == 1:
        return x[:, start:stop, :, :]
    else:
        raise ValueError("Slice axis should be in (1, 3), got {}.".format(axis))
"""


@pytest.mark.parametrize("axis", [1, 3, -1])
def test_the_arguments_of_the_layer_are_known(axis: int):
    fn = define(SLICE_TENSOR)
    found = read(fn, start=2, stop=5, axis=axis)
    assert found.selection == ((FULL, Slice(2, 5), FULL, FULL) if axis == 1 else (FULL, FULL, FULL, Slice(2, 5)))
    assert outcome(fn, ARRAY, 2, 5, axis) == outcome(subscripted, found.selection)


def test_an_axis_that_raises_is_unknown():
    assert read(define(SLICE_TENSOR), start=2, stop=5, axis=2).selection is None


def test_captures_are_what_is_read_late():
    source = """
    import math
    def make(zeta, alpha, empty, deep, cut):
        def fn(t, bound=shape):
            if 0:
                later = empty
            class Inner:
                field = in_class
            return t.shape, shape2, math.pi, helper, len, none, (lambda: inside), zeta, alpha, deep, cut, weights, ...
        return fn
    """
    names = {"shape": 3, "shape2": (1, "a", 2.5), "none": None, "inside": True, "weights": [1], "in_class": 5}
    make = define(source, "make", helper=print, **names)
    found = read(make(1, object(), 2, ((1,),), (slice(0, 2), ...)))
    assert found.captures == (
        Capture("alpha", 0, None),
        Capture("cut", 1, (Slice(0, 2), ...)),
        Capture("deep", 2, None),
        Capture("empty", 3, 2),
        Capture("in_class", None, 5),
        Capture("inside", None, True),
        Capture("none", None, None),
        Capture("shape2", None, (1, "a", 2.5)),
        Capture("zeta", 4, 1),
    )


def test_an_empty_cell_has_no_value():
    fn = define("def fn():\n    def inner(t):\n        return t[c]\n    return inner\n    c = 1")()
    found = read(fn)
    assert found.captures == (Capture("c", 0, None),)
    assert found.note == "reads a closure variable that has no value yet"
    assert outcome(fn, ARRAY) == (NameError,)


# What is unknown ------------------------------------------------------------------------------------------------------

ATTRIBUTE, CALLS, MAKES = "reads the attribute 'shape'", "calls a function", "makes a function"
TENSOR, TWICE, NO_KEY = "computes with the tensor", "subscripts twice", "has a key that is not basic slicing"
WRITES, FAILS = "writes to or deletes a variable", "fails on the values that it has now"
BUILDS, NO_SUBSCRIPT = "builds a list, a set, a dict or a text", "returns no subscript of the tensor"
HUGE, NOT_PLAIN = "computes a huge number", "uses other things than plain values"
UNKNOWN: list[tuple[str, str]] = [
    ("lambda t: t", "returns the tensor itself"),
    ("lambda t: 3", NO_SUBSCRIPT),
    ("lambda t: None", NO_SUBSCRIPT),
    ("lambda t, a=3: a", NO_SUBSCRIPT),
    ("lambda t: (t[1],)", NO_SUBSCRIPT),
    ("lambda t: (1, 2)[0]", NO_SUBSCRIPT),
    ("lambda t: t.shape[3]", ATTRIBUTE),
    ("lambda t: t[t.shape[0]]", ATTRIBUTE),
    ("lambda t: t.shape()", ATTRIBUTE),
    ("lambda t: np.shape(t)", ATTRIBUTE),
    ("lambda t: print(t)", CALLS),
    ("lambda t: t[len((1, 2))]", CALLS),
    ("lambda t: t[min(1, 2, key=None)]", CALLS),
    ("lambda t: t[max(*(1, 2))]", CALLS),
    ("lambda t: other(t)", CALLS),
    ("lambda t: t(1)", CALLS),
    ("lambda t: t + 1", TENSOR),
    ("lambda t: -t", TENSOR),
    ("lambda t: t[1] * 2", "computes with the tensor's subscript"),
    ("lambda t: t[t]", TENSOR),
    ("lambda t: t[t:]", TENSOR),
    ("lambda t: t[1 if t else 2]", TENSOR),
    ("lambda t: t[1] if t is None else t[2]", TENSOR),
    ("lambda t: t[int(t)]", TENSOR),
    ("lambda t: t[1][2]", TWICE),
    ("lambda t: t[1:][2:]", TWICE),
    ("lambda t: (t[1], t[2])", TWICE),
    ("lambda t: [t][0]", BUILDS),
    ("lambda t: t[[1, 2]]", BUILDS),
    ("lambda t: {t}", BUILDS),
    ("lambda t: {'t': t}", BUILDS),
    ("lambda t: f'{t}{t}'", None),
    ("lambda t: (lambda: 1)", MAKES),
    ("lambda t: (lambda: t)", MAKES),
    ("lambda t: t[(yes := 1)] if [yes := 2] else 0", BUILDS),
    ("lambda t: t[True]", NO_KEY),
    ("lambda t: t[1.0]", NO_KEY),
    ("lambda t: t['a']", NO_KEY),
    ("lambda t: t[..., ...]", NO_KEY),
    ("lambda t: t[::0]", NO_KEY),
    ("lambda t: t[:True]", NO_KEY),
    ("lambda t: t[(1, 2), 3]", "the value of a constant is not plain"),
    ("lambda t, a=(1, 2): t[a, 3]", NO_KEY),
    ("lambda t, a=(slice(1), 2): t[a, 3]", NOT_PLAIN),
    ("lambda t: t[b'a']", "the value of a constant is not plain"),
    ("lambda t: t[1 if 1 in {1, 2} else 2]", "the value of a constant is not plain"),
    ("lambda t, a=1: t[a // 0]", FAILS),
    ("lambda t, a=1: t[a << -1]", FAILS),
    ("lambda t, a=1: t[a @ 1]", FAILS),
    ("lambda t, a=1: t[a < 'a']", FAILS),
    ("lambda t, a=1: t[a in 'a']", FAILS),
    ("lambda t, a=(1,): t[a[1]]", FAILS),
    ("lambda t, a=1: t[a[1]]", FAILS),
    ("lambda t, a=1.5: t[~a]", FAILS),
    ("lambda t: t[slice()]", FAILS),
    ("lambda t, a=2: t[a ** 10 ** 9]", HUGE),
    ("lambda t, a=2: t[a << 10 ** 9]", HUGE),
    ("lambda t, a=2: t[:a ** 100 ** 2]", HUGE),
    ("lambda t, a=2: t[:(a ** 100) ** 2]", NOT_PLAIN),
    ("lambda t, a=1 << 9999: t[:a]", "the value of 'a' is not plain"),
    ("lambda t, a=(0,) * 1001: t[a[0]]", "the value of 'a' is not plain"),
    ("lambda t, a=[1]: t[a[0]]", "the value of 'a' is not plain"),
    ("lambda t, a='x': t[a + a]", "computes with other things than numbers"),
    ("lambda t, a=1000: t[1 if a is 1000.5 else 2]", None),
    ("lambda t, a=1, b=1: t[1 if a is b else 2]", "compares identities"),
    ("lambda t, a=slice(1): t[1 if a == 3 else 2]", NOT_PLAIN),
    ("lambda t: t[undefined]", "reads 'undefined', which is not defined"),
    ("lambda t: t[np:]", "the value of 'np' is not plain"),
    ("lambda t, mask=None: t[mask]", "depends on 'mask', which Keras passes"),
    ("lambda t, training=None: t[1] if training else t[2]", "depends on 'training', which Keras passes"),
    ("lambda t, a: t[a]", "cannot be called as Keras does: missing a required argument: 'a'"),
    ("lambda: 3", "cannot be called as Keras does: too many positional arguments"),
    ("lambda *t: t[0][1]", "the value of 't' is not plain"),
    ("lambda t, **names: t[names]", "the value of 'names' is not plain"),
    ("lambda t: (yield t)", "is a generator or coroutine"),
]
UNKNOWN_BODIES: list[tuple[str, str]] = [
    ("global new\n    new = 1\n    return t[1]", WRITES),
    ("t.x = 1\n    return t[1]", WRITES),
    ("t[1] = 1\n    return t[1]", WRITES),
    ("del t[1]\n    return t[1]", WRITES),
    ("a = 1\n    b = lambda: a\n    return t[1]", WRITES),
    ("for i in (1, 2):\n        pass\n    return t[1]", "loops over something"),
    ("import os\n    return t[1]", "uses the instruction IMPORT_NAME"),
    ("raise t", "raises an error"),
    ("assert 1 == 2\n    return t[1]", "raises an error"),
    ("try:\n        return t[1]\n    except IndexError:\n        return t[0]", "handles errors"),
    ("with t:\n        return t[1]", "handles errors"),
    ("while True:\n        pass", "runs for too long"),
    ("a = 3\n    while a:\n        a = a * a % 7\n    return t[1]", "runs for too long"),
    ("if 1 == 2:\n        a = 1\n    return t[a]", "reads a local variable that has no value"),
    ("a, b = (1, 2, 3)[0], 1\n    a, b = g\n    return t[a]", FAILS),
    ("a, b = 1, 2\n    a, b = t\n    return t[a]", TENSOR),
]


@pytest.mark.parametrize(("source", "note"), UNKNOWN)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_what_is_not_certain_is_unknown(source: str, note: str | None):
    found = read(evaluate(source, np=np, other=print, g=(1, 2, 3)))
    assert (found.selection, found.known) == (None, "unknown")
    assert found.note == note or (note is None and found.note)


@pytest.mark.parametrize(("body", "note"), UNKNOWN_BODIES)
def test_what_statements_do_may_be_unknown(body: str, note: str):
    found = read(define(f"def fn(t):\n    {body}", g=(1, 2, 3)))
    assert (found.selection, found.note) == (None, note)


def test_comprehensions_are_unknown():
    assert read(evaluate("lambda t: [x for x in t]")).note in (MAKES, "handles errors")


@pytest.mark.parametrize("source", ["async def fn(t):\n    return t[1]", "def fn(t):\n    yield t[1]"])
def test_coroutines_and_generators_are_unknown(source: str):
    assert read(define(source)).note == "is a generator or coroutine"


class Callables:
    def __call__(self, t: Any) -> Any:
        return t[1]

    def method(self, t: Any) -> Any:
        return t[1]


@pytest.mark.parametrize(
    "fn", [functools.partial(operator.getitem, ARRAY), Callables(), Callables().method, Callables, len, "text", None]
)
def test_only_functions_written_in_python_are_read(fn: object):
    assert read(fn) == Function("object 0")
    assert read(fn).note == "is not a plain Python function"


def test_what_wraps_is_read_and_not_what_is_wrapped():
    inner = evaluate("lambda t: t[1]")

    @functools.wraps(inner)
    def wrapper(t: Any) -> Any:
        return inner(t)

    @functools.wraps(inner)
    def other(t: Any) -> Any:
        return t[2]

    assert read(wrapper).note == CALLS
    assert read(other).selection == (2,)


def test_only_the_builtin_itself_is_computed():
    assert read(evaluate("lambda t: t[abs(-1)]", abs=lambda number: number)).note == CALLS  # pyright: ignore
    assert read(evaluate("lambda t: t[absolute(-1)]", absolute=abs)).selection == (1,)


def test_another_python_is_unknown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kgraph.frontends.lambdas._SHIFT", -1)
    assert read(evaluate("lambda t: t[1]")).note == "is bytecode of an unknown Python"


# Nothing of the user's runs -------------------------------------------------------------------------------------------

LOG: list[str] = []
SPECIAL = """abs add and bool call class ceil contains delattr eq float floor format ge get getattr getattribute getitem
    gt hash index init instancecheck int invert iter le len lt mod mul ne neg new or pos pow radd repr rsub set setattr
    str sub subclasscheck truediv trunc xor fspath prepare"""


def spy(name: str) -> Any:
    def method(*_: object, **__: object) -> NoReturn:
        LOG.append(name)
        raise RuntimeError(name)

    return property(method) if name == "__class__" else method


def hostile() -> Any:
    """An object of which nothing can be used, nor of its class."""
    spies = {f"__{name}__": spy(f"__{name}__") for name in SPECIAL.split()}
    kept = ("__init__", "__new__", "__prepare__", "__class__", "__setattr__", "__call__")
    meta = type("Meta", (type,), {name: value for name, value in spies.items() if name not in kept})
    kind = type.__call__(meta, "Hostile", (), {**spies, "__init__": object.__init__, "__new__": object.__new__})
    return object.__new__(kind)


class HostileDict(dict[str, Any]):
    __getitem__ = __contains__ = __iter__ = __len__ = get = keys = items = spy("dict")


class HostileTuple(tuple[Any, ...]):
    __slots__ = ()
    __getitem__ = __contains__ = __iter__ = __len__ = spy("tuple")


class HostileInt(int):
    __index__ = __int__ = __hash__ = __eq__ = __add__ = __bool__ = bit_length = spy("int")


def quiet(fn: Any, **arguments: Any) -> Function:
    """Reads a function while every call of Python code is watched."""
    watched: list[types.CodeType] = []
    before = sys.getprofile()
    LOG.clear()
    sys.setprofile(lambda frame, happened, _: watched.append(frame.f_code) if happened == "call" else None)
    try:
        found = read(fn, **arguments)
    finally:
        sys.setprofile(before)
    assert not LOG
    assert not [code for code in watched if code.co_filename == "<text>"]
    return found


@pytest.mark.parametrize(
    "use", ["evil", "evil + 1", "1 if evil else 2", "1 if evil == 1 else 2", "1 if evil in (1, 2) else 2"]
)
@pytest.mark.parametrize("make", [hostile, lambda: HostileInt(1), lambda: HostileTuple((1,)), HostileDict])
def test_nothing_of_the_user_runs(use: str, make: Callable[[], Any]):
    evil = make()
    for source in (f"lambda t, evil=evil: t[{use}]", f"lambda t, *, evil=evil: t[{use}]", f"lambda t: t[{use}]"):
        assert quiet(evaluate(source, evil=evil)).note == "the value of 'evil' is not plain"
    closed = define(f"def fn(evil):\n    return lambda t: t[{use}]")(evil)
    assert quiet(closed).captures == (Capture("evil", 0, None),)
    assert quiet(evaluate(f"lambda t, evil: t[{use}]"), evil=evil).note == "the value of 'evil' is not plain"
    assert quiet(evil).note == "is not a plain Python function"
    assert quiet(evaluate("lambda t: t[slice(evil, 1)]", evil=slice(evil, 2))).selection is None


def test_hostile_parts_of_a_function_are_left_alone():
    fn = replaced(evaluate("lambda t: t[99]"), co_consts=(None, hostile(), HostileInt(3), HostileTuple((1,))))
    assert quiet(fn).note == "the value of a constant is not plain"
    fn = evaluate("lambda t, a=1: t[a]")
    fn.__module__ = fn.__doc__ = fn.__wrapped__ = fn.__signature__ = hostile()
    fn.__annotations__ = HostileDict()
    assert quiet(fn).selection == (1,)
    fn.__defaults__ = HostileTuple((1,))
    assert quiet(fn).note == "has globals or defaults of an unusual type"
    fn.__defaults__, fn.__kwdefaults__ = (1,), HostileDict()
    assert quiet(fn).note == "has globals or defaults of an unusual type"
    fn = types.FunctionType(evaluate("lambda t: t[a]").__code__, HostileDict(a=1))
    assert quiet(fn) == Function(quiet(fn).digest)


def test_a_function_with_an_effect_is_never_called():
    calls: list[Any] = []
    fn = evaluate("lambda t, c=1: calls.append(t) or t[c]", calls=calls)
    assert quiet(fn).note == "reads the attribute 'append'"
    assert calls == []


def test_the_builtins_of_the_function_count():
    fn = types.FunctionType(evaluate("lambda t: t[abs(-2)]").__code__, {"__builtins__": {"abs": print}})
    assert quiet(fn).note == CALLS
    fn = types.FunctionType(evaluate("lambda t: t[abs(-2)]").__code__, {"__builtins__": HostileDict()})
    assert quiet(fn).note == "has globals or defaults of an unusual type"


def harmless(name: str) -> bool:
    """Python itself follows pointers that it expects behind these when the code is only looked at."""
    return not name.startswith(("INSTRUMENTED", "ENTER_EXECUTOR", "RESERVED", "CACHE"))


OPCODES = [code for name, code in dis.opmap.items() if code < 256 and harmless(name)]
PADDING = [(dis.opmap["NOP"], 0)] * 24


@given(st.lists(st.tuples(st.sampled_from(OPCODES), st.integers(0, 255) | st.integers(0, 3)), max_size=30))
def test_any_bytecode_is_read_without_an_error(units: list[tuple[int, int]]):
    code = bytes(byte for unit in [*units, *PADDING] for byte in unit)
    fn = define("def fn(c):\n    return lambda t, a=1, *, b=2: (t[c:a, b, 3], g.x)")(1)
    found = read(replaced(fn, co_code=code))
    event(found.note)
    assert found.known == ("unknown" if found.selection is None else "proved")


@pytest.mark.parametrize("opcode", OPCODES, ids=dis.opname.__getitem__)
def test_each_instruction_alone_is_read_without_an_error(opcode: int):
    code = bytes([opcode, 0, *[byte for unit in PADDING for byte in unit]])
    assert read(replaced(evaluate("lambda t: t"), co_code=code)).selection is None


def test_a_cache_without_an_instruction_is_no_error():
    code = bytes([dis.opmap["CACHE"], 0] * 30)
    assert read(replaced(evaluate("lambda t: t"), co_code=code)).note == "uses the instruction CACHE"


def test_odd_names_and_deep_constants_are_no_error():
    deep: Any = ()
    for _ in range(500):
        deep = (deep,)
    plain = evaluate("lambda t, a=1: t[99]")
    assert read(replaced(plain, co_consts=(None, deep))).note == "the value of a constant is not plain"
    assert read(replaced(plain, co_varnames=("t", "1"))).note.startswith("cannot be called as Keras does")
    assert read(replaced(plain, co_varnames=(".0", "a"))).note.startswith("reads a local")
    assert read(replaced(plain, co_consts=(None, int("9" * 4000) ** 2))).digest
    assert read(plain, **{"a": 1, "\ud800": 2}).note.startswith("cannot be called as Keras does")
    assert read_function(plain, {1: 2}, numbering()).selection is None  # pyright: ignore[reportArgumentType]


# The digest -----------------------------------------------------------------------------------------------------------

CONSTANTS: list[Any] = [
    *(
        0,
        1,
        2,
        True,
        False,
        None,
        ...,
        0.0,
        -0.0,
        1.0,
        float("nan"),
        float("inf"),
        1j,
        complex(-0.0, 1),
        complex(1, -0.0),
    ),
    *("", "1", "\ud800", b"", b"1", (), (1,), (1.0,), (True,), ((1,),), (1, (2,)), (1, 2), 10**5000, 10**5000 + 1),
    *(frozenset[int](), frozenset({1}), frozenset({1.0}), frozenset({1, 2}), frozenset({(1, 2)}), slice(1)),
]


def test_the_digest_tells_constants_apart():
    fn = evaluate("lambda t: t[99]")
    found = [read(replaced(fn, co_consts=(None, constant))).digest for constant in CONSTANTS]
    assert len(set(found)) == len(CONSTANTS)
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in found)


@pytest.mark.parametrize(
    "other",
    [
        "lambda t: t[..., c:d]",
        "lambda s: s[..., c:e]",
        "lambda  t: t[..., c:e]",
        "\nlambda t: t[..., c:e]",
        "lambda t, /: t[..., c:e]",
        "lambda *t: t[..., c:e]",
        "lambda t: t[..., c:e:1]",
        "lambda t: t[..., c-e]",
    ],
)
def test_the_digest_tells_expressions_apart(other: str):
    assert read(evaluate(f"({other})")).digest != read(evaluate("(lambda t: t[..., c:e])")).digest


def test_the_digest_tells_decorated_functions_apart():
    make = define("def make(name):\n    fn = lambda t: name(t)\n    fn.__qualname__ = name\n    return fn", "make")
    first, second = (read(make(name)) for name in ("abs", "exp"))
    assert first.digest != second.digest


def test_the_digest_does_not_depend_on_the_file_or_on_what_ran():
    source = "fn = lambda t, a=1, f=2: t[a:a + f] if f in {1, 2, 'x', 'y'} else t[a] + (lambda: {'u', 'v'})"
    names: list[dict[str, Any]] = [{}, {}]
    for each, file in zip(names, ("/here/one.py", "two.py"), strict=True):
        exec(compile(source, file, "exec"), each)
    first, second = (each["fn"] for each in names)
    before = read(first)
    for _ in range(2000):  # Python specialises what runs often
        first(ARRAY)
    assert before.digest == read(first).digest == read(second).digest
    assert before.note == read(first).note


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_a_tool_that_watches_the_lines_changes_nothing():
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009  # pyright is told of Python 3.11
    fn = define("def fn(t, a=1):\n    b = a + 1\n    return t[a:b]")
    before = read(fn)
    tool = 4
    monitoring.use_tool_id(tool, "test")
    try:
        monitoring.register_callback(tool, monitoring.events.LINE, lambda *_: None)  # pyright: ignore
        monitoring.set_local_events(tool, fn.__code__, monitoring.events.LINE | monitoring.events.INSTRUCTION)
        fn(ARRAY)
        found = read(fn)
    finally:
        monitoring.set_local_events(tool, fn.__code__, 0)
        monitoring.free_tool_id(tool)
    assert (found.digest, found.selection) == (before.digest, (Slice(1, 2),))


def test_the_digest_is_the_same_in_every_process():
    program = """
        from kgraph.frontends.lambdas import read_function
        fn = lambda t: t[1] if "b" in {"a", "b", "c", "d", (1, "e")} else (lambda: {"f", "g"})
        print(read_function(fn, {}, id).digest)
    """
    printed = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(kgraph.__file__).parents[1],
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(printed) == 1


# Functions that are called on request ---------------------------------------------------------------------------------

SHAPE = (None, 6, 5, 8)


@given(st.integers(1, 3), st.integers(-9, 9), st.integers(-9, 9), st.integers(-3, 3).filter(bool))
def test_a_slice_is_found_by_trying(axis: int, start: int, stop: int, step: int):
    cut = (slice(None),) * axis + (slice(start, stop, step),)
    found = try_selection(lambda t: t[cut], {}, SHAPE)  # pyright: ignore
    places = range(SHAPE[axis] or 0)[start:stop:step]
    if not places or places == range(SHAPE[axis] or 0):
        assert found is None
    else:
        assert found is not None
        array = np.arange(3 * 6 * 5 * 8).reshape(3, 6, 5, 8)
        key = tuple(slice(part.start, part.stop, part.step) if isinstance(part, Slice) else part for part in found)
        assert np.array_equal(array[key], array[cut])


TRIED: list[tuple[str, tuple[Any, ...] | None]] = [
    ("lambda t: t[..., 3]", (..., 3)),
    ("lambda t: t[:, 3]", (FULL, 3)),
    ("lambda t: t[..., 3:4]", (..., Slice(3, 4))),
    ("lambda t: t[..., ::-1]", (..., Slice(7, None, -1))),
    ("lambda t: np.split(t, 4, axis=-1)[2]", (..., Slice(4, 6))),
    ("lambda t: np.take(t, [1, 3, 5], axis=1)", (FULL, Slice(1, 6, 2))),
    ("lambda t, a: t[..., :a]", (..., Slice(0, 2))),
    ("lambda t, a, mask, training: t[..., :a]", (..., Slice(0, 2))),
    ("lambda t: t", None),
    ("lambda t: t[1]", None),
    ("lambda t: t[:2]", None),
    ("lambda t: t[:, ::2, ::2]", None),
    ("lambda t: t[:, [0, 1, 3]]", None),
    ("lambda t: t[:, [2, 2]]", None),
    ("lambda t: t[:, :0]", None),
    ("lambda t: list(t[:, :2])", None),
    ("lambda t: t[..., :2].astype('float64')", None),
    ("lambda t: t[..., :2] * 1.5", None),
    ("lambda t: np.maximum(t, 0)[..., :2]", None),
    ("lambda t: np.sort(t)[..., :2]", None),
    ("lambda t: t[..., :2] * np.nan", None),
    ("lambda t: t[..., :t.shape[0]]", None),
    ("lambda t: t.sum(axis=-1)", None),
    ("lambda t: np.float32(3)", None),
    ("lambda t: missing", None),
    ("len", None),
]


@pytest.mark.parametrize(("source", "selection"), TRIED)
def test_what_is_found_by_trying(source: str, selection: tuple[Any, ...] | None):
    arguments = {"a": 2} if "t, a" in source else {}
    assert try_selection(evaluate(source, np=np), arguments, SHAPE) == selection


def test_what_cannot_be_tried():
    fn = evaluate("lambda t: t[..., :1]")
    assert try_selection(fn, {}, ()) is None
    assert try_selection(fn, {}, (0, 3)) is None
    assert try_selection(fn, {}, (2**12, 2**12)) is None
    assert try_selection(fn, {}, (None, None)) is None
    assert try_selection(fn, {}, (7,)) == (..., Slice(0, 1))


# Keras ----------------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_layers_of_keras_do_what_is_proved():
    keras = pytest.importorskip("keras")
    late = define("def fn(Lambda):\n    return [Lambda(lambda t: t[..., 2 * c:2 * c + 2]) for c in range(4)]")
    cut = define("def fn(t, start, stop):\n    return t[..., start:stop]")
    layers = [*late(keras.layers.Lambda), keras.layers.Lambda(cut, arguments={"start": 1, "stop": -1})]
    for layer in layers:
        found = read_function(layer.function, layer.arguments, numbering())
        assert found.selection is not None
        assert np.array_equal(np.asarray(layer(ARRAY.astype("float32"))), subscripted(found.selection))


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_functions_of_tensorflow_are_unknown_and_differ():
    tf = pytest.importorskip("tensorflow")
    found = [read(fn) for fn in (tf.abs, tf.exp, tf.split, tf.function(evaluate("lambda t: t[1]")))]
    assert {each.known for each in found} == {"unknown"}
    assert len({each.digest for each in found}) == 4
