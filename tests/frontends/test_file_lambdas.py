"""Lambdas in files that Keras saved: slices by arguments are assumed, loops that bind late are found, no code is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgraph import Report, check, extract, fuse
from kgraph.graph import Slice
from tests.frontends.keras2 import build
from tests.frontends.test_doors import DOORS, FLAVOURS, save

pytestmark = pytest.mark.keras

Make = Callable[[Any], Any]


def saved(make: Make, flavour: str, door: str, folder: Path) -> Path:
    keras = importlib.import_module("keras")
    return save(make(keras) if flavour == "keras3" else build(make), door, folder)


def take(t: Any, start: int, stop: int, axis: int = -1) -> Any:
    return t[:, start:stop] if axis == 1 else t[..., start:stop]


def by_arguments(keras: Any, *, axis: int | None = -1, last: int = 8, named: bool = True) -> Any:
    layers = keras.layers
    x = keras.Input((8, 8, 8), name="x")
    branches: list[Any] = []
    for number, (start, stop) in enumerate(((0, 2), (2, 4), (4, 6), (6, last))):
        arguments = {"start": start, "stop": stop, **({} if axis is None else {"axis": axis})}
        function = take if named else lambda t, start, stop, axis=-1: take(t, start, stop, axis)
        part = layers.Lambda(function, arguments=arguments, name=f"l{number}")(x)
        branches.append(layers.Conv2D(2, 3, padding="same", name=f"c{number}")(part))
    return keras.Model(x, layers.Concatenate(name="join")(branches))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("axis", [-1, None])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_slices_by_arguments_are_fused_as_assumed(
    flavour: str, door: str, axis: int | None, named: bool, tmp_path: Path
) -> None:
    path = saved(lambda keras: by_arguments(keras, axis=axis, named=named), flavour, door, tmp_path)
    graph = extract(path)
    function = graph.ops["l1"].config["function"]
    assert (function.selection, function.known) == ((..., Slice(2, 4)), "assumed")
    assert graph.ops["l1"].outputs[0].shape == (None, 8, 8, 2)
    (fusion,) = fuse(graph).applied
    assert (fusion.root, fusion.known, fusion.becomes["config"]["groups"]) == ("join", "assumed", 4)
    assert "assumed" in str(check(path))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_arguments_that_do_not_fit_the_shapes_are_no_slice(flavour: str, door: str, tmp_path: Path) -> None:
    """A Lambda of the same arguments that does something else."""

    def make(keras: Any) -> Any:
        x = keras.Input((8, 8, 8), name="x")
        y = keras.layers.Lambda(
            lambda t, start, stop: t[..., start : stop + 1], arguments={"start": 2, "stop": 4}, name="l"
        )(x)
        return keras.Model(x, keras.layers.Conv2D(2, 3, name="c")(y))

    graph = extract(saved(make, flavour, door, tmp_path))
    assert graph.ops["l"].config["function"].known == "unknown"
    assert graph.ops["l"].config["arguments"] == {"start": 2, "stop": 4}


# --- late binding --------------------------------------------------------------------------------------------------


def late(keras: Any, *, count: int = 4, width: int = 2, bound: bool = False, channels: int = 0) -> Any:
    """A loop as tutorials write it; ``bound`` binds its variable at each round."""
    layers = keras.layers
    x = keras.Input((8, 8, channels or count * width), name="x")
    branches: list[Any] = []
    for c in range(count):
        one = lambda t: t[..., c * width : (c + 1) * width]  # noqa: B023, E731  (the bug to be found)
        other = lambda t, c=c: t[..., c * width : (c + 1) * width]  # noqa: E731
        part = layers.Lambda(other if bound else one, name=f"l{c}")(x)
        branches.append(layers.Conv2D(2, 3, name=f"c{c}")(part))
    return keras.Model(x, layers.Concatenate(name="join")(branches))


def factory(keras: Any) -> Any:
    """Made by a function: each Lambda has a variable of its own."""
    layers = keras.layers

    def slice_of(c: int) -> Any:
        return layers.Lambda(lambda t: t[..., c * 2 : (c + 1) * 2], name=f"l{c}")

    x = keras.Input((8, 8, 8), name="x")
    branches = [layers.Conv2D(2, 3, name=f"c{c}")(slice_of(c)(x)) for c in range(4)]
    return keras.Model(x, layers.Concatenate(name="join")(branches))


def factory_called_twice(keras: Any) -> Any:
    """One part of a tensor, taken twice on purpose."""
    layers = keras.layers

    def head(name: str) -> Any:
        c = 1
        part = layers.Lambda(lambda t: t[..., c * 4 : (c + 1) * 4], name=f"l_{name}")(x)
        return layers.Conv2D(2, 3, name=f"c_{name}")(part)

    x = keras.Input((8, 8, 8), name="x")
    return keras.Model(x, layers.Concatenate(name="join")([head("a"), head("b")]))


def twin_towers(keras: Any) -> Any:
    """Three towers that scale by the same number: they take the whole tensor."""
    layers = keras.layers
    factor = 2
    x = keras.Input((8, 8, 6), name="x")
    towers = [layers.Conv2D(2, 3, name=f"c{c}")(layers.Lambda(lambda t: t * factor, name=f"l{c}")(x)) for c in range(3)]
    return keras.Model(x, layers.Concatenate(name="join")(towers))


def without_layers_of_their_own(keras: Any) -> Any:
    """Four times the same part, repeated on purpose: no weights tell them apart."""
    layers = keras.layers
    c = 1
    x = keras.Input((8, 8, 8), name="x")
    parts = [layers.Lambda(lambda t: t[..., c * 2 : (c + 1) * 2], name=f"l{n}")(x) for n in range(4)]
    return keras.Model(x, layers.Conv2D(2, 3, name="conv")(layers.Concatenate(name="join")(parts)))


def found(report: Report) -> list[str]:
    assert not report.errors
    return [finding.message for finding in report.findings if finding.rule == "KG201"]


@pytest.mark.parametrize(("count", "width"), [(4, 2), (3, 3), (8, 1)])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_loop_that_binds_late_is_found(flavour: str, door: str, count: int, width: int, tmp_path: Path) -> None:
    path = saved(lambda keras: late(keras, count=count, width=width), flavour, door, tmp_path)
    report = check(path)
    assert found(report) == [
        f"all {count} branches of x run the same code with the same values of its closure ({count - 1}, {width}): "
        f"each takes the same {width} of {count * width} channels"
    ]
    assert not report.fusions


SILENT: dict[str, Make] = {
    "bound": lambda keras: late(keras, bound=True),
    "two branches": lambda keras: late(keras, count=2, width=4),
    "not all channels": lambda keras: late(keras, channels=16),
    "factory": factory,
    "factory called twice": factory_called_twice,
    "twin towers": twin_towers,
    "nothing of their own": without_layers_of_their_own,
}


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_silent_where_it_may_be_meant(flavour: str, door: str, name: str, tmp_path: Path) -> None:
    report = check(saved(SILENT[name], flavour, door, tmp_path))
    assert not found(report)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_without_a_closure_nobody_can_tell(flavour: str, door: str, tmp_path: Path) -> None:
    """A variable of a module: the file holds nothing of its value."""
    scope: dict[str, Any] = {}
    exec(
        "def make(keras):\n"
        "    global c\n"
        "    layers, branches, x = keras.layers, [], keras.Input((8, 8, 8), name='x')\n"
        "    for c in range(4):\n"
        "        part = layers.Lambda(lambda t: t[..., c * 2 : (c + 1) * 2], name=f'l{c}')(x)\n"
        "        branches.append(layers.Conv2D(2, 3, name=f'c{c}')(part))\n"
        "    return keras.Model(x, layers.Concatenate(name='join')(branches))\n",
        scope,
    )
    path = saved(scope["make"], flavour, door, tmp_path)
    assert not found(check(path))
    function = extract(path).ops["l0"].config["function"]
    assert function.note.startswith("cannot tell: the file holds code, which is not run, and none of the values")
