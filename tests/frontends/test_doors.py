"""The same graph through every door: a live model, what it is saved as (JSON, an archive, HDF5) and the text form.

The truth is what the live model records; both flavours of Keras build the same zoo and the same random networks.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings

from kgraph import Graph, check, extract, fuse, parse, show
from kgraph.errors import SourceError
from kgraph.graph import FrozenDict, Function, Op, Shape
from kgraph.testing import ResNeXt, build_resnext, resnext_configs, truth
from tests.frontends.keras2 import build
from tests.frontends.zoo import ZOO

pytestmark = pytest.mark.keras

FLAVOURS = ("keras3", "keras2")
DOORS = ("json", "keras", "h5")

UNBUILDABLE = {
    "activations", "constants", "custom_operation", "function", "function_from_the_middle", "input_listed_twice",
    "low_rank_adapted", "nested_function", "odd_names", "quantised", "starred_arguments", "unserializable_activation",
}  # fmt: skip
"""What tf_keras cannot build; ``test_tf_keras`` says why and proves it."""

NO_FUNCTION = "a keras.Function is no model, and cannot be saved"
UNWRITTEN: dict[tuple[str, str, str], str] = {
    ("keras3", "function", "*"): NO_FUNCTION,
    ("keras3", "function_from_the_middle", "*"): NO_FUNCTION,
    ("keras3", "nested_function", "*"): NO_FUNCTION,
    ("keras3", "custom_layers", "*"): "a layer has no config",
    ("keras3", "unserializable_activation", "*"): "a partial function",
    ("keras3", "opaque_lambdas", "h5"): "a Lambda closes over a module",
    ("keras3", "odd_names", "h5"): "two layers of one name",
    ("keras2", "custom_layers", "*"): "a layer has no config",
    ("keras2", "opaque_lambdas", "*"): "a Lambda closes over a namespace",
    ("keras2", "subscripts", "keras"): "tf_keras cannot write an Ellipsis",
    ("keras2", "many_branches", "keras"): "tf_keras cannot write an Ellipsis",
}
"""What Keras itself refuses to save, and why."""

REFUSED: dict[tuple[str, str, str], str] = {
    ("keras3", "subclass_of_functional", "*"): "'Net' lists no layers; expected a functional or Sequential model",
    ("keras2", "subclass_of_functional", "*"): "'Net' lists no layers; expected a functional or Sequential model",
    ("keras3", "odd_names", "*"): "are both named 'a:1'; the names tell which is connected to which",
    # tf_keras writes the inner call of the layer in place of the outer ones, and cannot load the file itself
    ("keras2", "nested_sharing_a_layer", "h5"): "output 0 of call 1 of the layer 'dense', which is called 1 times",
}
"""Files that hold no graph, or a broken one, and what kgraph says of them."""

CODE = "code in a file is not read"
CLASS = "a file names neither a custom class's parameters nor the function that it was defined in, nor its weights"
LESS: dict[tuple[str, str, str], str] = {
    ("keras3", "quantised", "*"): "what quantizing makes of weights and outputs",
    ("keras3", "low_rank_adapted", "*"): "what low-rank adaption adds to the weights",
    ("keras3", "lambdas", "*"): CODE,
    ("keras3", "opaque_lambdas", "*"): CODE,
    ("keras3", "constants", "*"): "Keras writes a scalar array as a number",
    ("keras3", "custom_operation", "*"): CLASS,
    ("keras3", "nested_with_unknown_rank", "*"): CLASS,
    ("keras3", "nested_with_a_call_of_its_own", "*"): CLASS,
    ("keras3", "nested_sharing_a_layer", "json"): "the file holds the layer twice",
    ("keras3", "nested_sharing_a_layer", "h5"): "the file holds the layer twice",
    ("keras2", "lambdas", "*"): CODE,
    ("keras2", "nested_with_unknown_rank", "*"): CLASS,
    ("keras2", "nested_with_a_call_of_its_own", "*"): CLASS,
    ("keras2", "nested_sharing_a_layer", "json"): "the file holds the layer twice",
    ("keras2", "nested_sharing_a_layer", "keras"): "the file holds the layer twice",
}
"""Files that say less than the live model, and what."""

CASES = [(flavour, name) for flavour in FLAVOURS for name in ZOO if flavour == "keras3" or name not in UNBUILDABLE]


def told(table: dict[tuple[str, str, str], str], flavour: str, name: str, door: str) -> str | None:
    return table.get((flavour, name, door)) or table.get((flavour, name, "*"))


@functools.cache
def model_of(flavour: str, name: str) -> Any:
    return ZOO[name]() if flavour == "keras3" else build(ZOO[name].__wrapped__)  # type: ignore[attr-defined]


@functools.cache
def lively(flavour: str, name: str) -> Graph:
    return extract(model_of(flavour, name))


@contextmanager
def quiet() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls HDF5 legacy, and warns of code in a file
        yield


def save(model: Any, door: str, folder: Path) -> Path:
    path = folder / f"model.{door}"
    with quiet():
        if door == "json":
            path.write_text(model.to_json(), encoding="utf-8")
        else:
            model.save(path)
    return path


# --- the zoo -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("flavour", "name"), CASES)
def test_a_file_gives_the_graph_of_the_live_model(flavour: str, name: str, door: str, tmp_path: Path) -> None:
    model = model_of(flavour, name)
    if told(UNWRITTEN, flavour, name, door):
        with pytest.raises((AttributeError, NotImplementedError, TypeError, ValueError)):
            save(model, door, tmp_path)
        return
    path = save(model, door, tmp_path)
    message = told(REFUSED, flavour, name, door)
    if message:
        with pytest.raises(SourceError) as caught:
            extract(path)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    read, live = extract(path), lively(flavour, name)
    never_contradicts(read, live)
    assert (read == live) == (told(LESS, flavour, name, door) is None)
    assert extract(path.read_bytes()) == read
    assert extract(show(read)) == read


def never_contradicts(read: Graph, live: Graph) -> None:
    """What a file does not tell is unknown, and all else is as the live model has it."""
    assert list(read.ops) == list(live.ops)
    assert (read.operands, read.inputs, read.outputs) == (live.operands, live.inputs, live.outputs)
    for node, op in read.ops.items():
        true = live.ops[node]
        assert short(op.kind) == short(true.kind)
        assert op.weights in (None, true.weights)
        assert len(op.outputs) == len(true.outputs)
        for spec, other in zip(op.outputs, true.outputs, strict=True):
            assert fits(spec.shape, other.shape)
            assert spec.dtype == other.dtype or spec.shape is None
        if not op.kind.startswith("custom."):
            assert op.arguments.keys() == true.arguments.keys()
            blind = any(spec.shape is None for spec in read.operand_specs(node))
            assert agree(comparable(op, blind=blind), comparable(true, blind=blind))


def fits(shape: Shape, other: Shape) -> bool:
    """True if a shape is told rightly, in part or not at all: the kernel of a convolution tells its channels alone."""
    if shape is None or shape == other:
        return True
    return other is not None and all(one in (None, two) for one, two in zip(shape, other, strict=True))


def short(kind: str) -> str:
    return kind.rpartition(".")[2]


def comparable(op: Op, *, blind: bool) -> FrozenDict:
    """A config without the entries in which a function is, or what it is called with.

    Keras 2 counts axes from the front: without a shape nobody knows which of them is the last.
    """
    dropped = (*(("arguments",) if op.kind == "layers.Lambda" else ()), *(("axis",) if blind else ()))
    return FrozenDict({k: v for k, v in op.config.items() if not isinstance(v, Function) and k not in dropped})


def agree(one: FrozenDict, other: FrozenDict) -> bool:
    nan = repr  # a nan differs from itself
    return one == other or nan(dict(sorted(one.items()))) == nan(dict(sorted(other.items())))


@pytest.mark.parametrize("name", [name for name in ZOO if name not in UNBUILDABLE])
def test_what_a_file_says_less_it_says_less_in_every_format(name: str, tmp_path: Path) -> None:
    """Code, classes and names are the same through all doors of one flavour; what HDF5 omits is unknown there."""
    for flavour in FLAVOURS:
        files = [
            extract(save(model_of(flavour, name), door, tmp_path))
            for door in ("json", "keras")
            if not told(UNWRITTEN, flavour, name, door) and not told(REFUSED, flavour, name, door)
        ]
        if name != "nested_sharing_a_layer":
            assert all(graph == files[0] for graph in files)


@pytest.mark.parametrize("name", ["lambdas", "nested_with_unknown_rank"])
def test_files_of_both_flavours_are_equivalent_where_they_say_less(name: str, tmp_path: Path) -> None:
    # Made anew: a model of tf_keras that was saved as HDF5 writes its JSON without modules from then on.
    new, old = (extract(save(model_of.__wrapped__(flavour, name), "json", tmp_path)) for flavour in FLAVOURS)
    assert [op.kind for op in new.ops.values()] == [op.kind for op in old.ops.values()]
    assert [op.arguments for op in new.ops.values()] == [op.arguments for op in old.ops.values()]
    assert new.operands == old.operands


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", ["nested", "nested_twice", "nested_with_dicts", "nested_deeply", "wrappers"])
def test_nested_models_are_kept_through_every_door(flavour: str, name: str, tmp_path: Path) -> None:
    live = extract(model_of(flavour, name), nested="keep")
    assert (len(live.ops) < len(lively(flavour, name).ops)) == (name != "wrappers")
    for door in DOORS:
        read = extract(save(model_of(flavour, name), door, tmp_path), nested="keep")
        assert list(read.ops) == list(live.ops)
        assert read.operands == live.operands
        for node, op in read.ops.items():
            assert (op.kind, op.config, op.arguments) == (
                live.ops[node].kind, live.ops[node].config, live.ops[node].arguments,
            )  # fmt: skip


# --- random networks -----------------------------------------------------------------------------------------------

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
RANDOM = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate), max_examples=300 if LONG else 12)
"""Without shrinking: every attempt builds and saves two models."""

BUILDERS: dict[str, Callable[[ResNeXt], Any]] = {
    "keras3": build_resnext,
    "keras2": lambda config: build(lambda keras: build_resnext(config, keras=keras)),
}


@RANDOM
@given(resnext_configs())
@example(ResNeXt(form="arguments"))
@example(ResNeXt(form="arguments", data_format="channels_first", sizes=(None, None), stride=1))
@example(ResNeXt(form="arguments", mutation="shared", norm="layer"))
@example(ResNeXt(form="bound", mutation="late"))
def test_random_networks_are_the_same_through_every_door(
    tmp_path_factory: pytest.TempPathFactory, config: ResNeXt
) -> None:
    models = {flavour: BUILDERS[flavour](config) for flavour in FLAVOURS}
    graphs = {flavour: extract(model) for flavour, model in models.items()}
    assert graphs["keras2"].equivalent(without_lists_of_one(graphs["keras3"]))
    for flavour, door in ((flavour, door) for flavour in FLAVOURS for door in DOORS):
        try:
            path = save(models[flavour], door, tmp_path_factory.mktemp("doors"))
        except TypeError as error:
            assert "Ellipsis" in str(error)
            assert (flavour, door) == ("keras2", "keras")
            continue
        read = extract(path)
        never_contradicts(read, graphs[flavour])
        if is_told(config, flavour):
            assert read == graphs[flavour]
            says_the_truth(config, path)


def without_lists_of_one(graph: Graph) -> Graph:
    """Keras 2 takes a list of one output for the output."""
    alone = isinstance(graph.outputs, tuple) and len(graph.outputs) == 1
    return Graph(graph.ops, graph.operands, graph.inputs, graph.outputs[0] if alone else graph.outputs)


def is_told(config: ResNeXt, flavour: str) -> bool:
    """True where no code hides what is sliced."""
    if config.mutation == "late":
        return False
    if config.form == "arguments" and flavour == "keras2":  # what is shared is recorded once, for one of its calls
        return config.mutation != "shared"
    return config.form in ("getitem", "split", "arguments")


def says_the_truth(config: ResNeXt, path: Path) -> None:
    report, expected = check(path), truth(config)
    assert len(report.fusions) == expected.fusions
    assert len(report.refusals) == (expected.refusal is not None)
    known = {"assumed"} if config.form == "arguments" else {"proved"}
    assert {fusion.known for fusion in report.fusions} <= known
    assert not report.errors


def test_the_text_form_of_a_fused_graph_is_read_again() -> None:
    graph = fuse(build_resnext(ResNeXt())).graph
    assert parse(show(graph)) == graph == extract(show(graph))


def test_all_names_are_of_the_zoo() -> None:
    for table in (UNWRITTEN, REFUSED, LESS):
        assert {name for _, name, _ in table} <= set(ZOO)
    assert set(ZOO) >= UNBUILDABLE
