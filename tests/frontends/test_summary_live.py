"""The graph that is read from a printed summary against that of the live model, in both flavours and every layout."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kgraph import Graph, check, parse, show
from kgraph.errors import SourceError
from kgraph.frontends import live
from kgraph.frontends.summary import read
from kgraph.testing import ResNeXt, build_resnext, resnext_configs
from tests.frontends.keras2 import build, flavour
from tests.frontends.summaries import DATA, KERAS2, KERAS3, differences, golden, printed, printed_of_old
from tests.frontends.test_tf_keras import UNBUILDABLE
from tests.frontends.zoo import ZOO

pytestmark = pytest.mark.keras

WITHOUT_SUMMARY = ("function", "function_from_the_middle")

REFUSED = {
    "custom_layers": "reads 5 tensors in 3 calls; which call reads which is not told",
    "custom_operation": "reads 3 tensors in 2 calls; which call reads which is not told",
    "nested_sharing_a_layer": "would read its own output; which call of a shared layer is which is not told",
}
"""Models whose summary fits several graphs: none of them is taken."""

SAID = {
    "attention": "reads 5 tensors, in one call or in several, which is not told: one call is taken",
    "layer_with_several_outputs": "which output of lstm is read is not told",
    "nested_with_other_shapes": "reads 2 tensors, in one call or in several, which is not told: one call is taken",
}
"""Models whose graph may differ from the one read, and the note that says so."""

NAMES = [name for name in ZOO if name not in WITHOUT_SUMMARY]
QUICK = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))


def compare(name: str, model: Any, texts: dict[str, str]) -> None:
    true = live.read(model, nested="keep")
    for layout, text in texts.items():
        if name in REFUSED:
            with pytest.raises(SourceError, match=REFUSED[name]):
                read(text, "s.txt")
            continue
        graph, notes = read(text, "s.txt")
        assert parse(show(graph)) == graph, layout
        if name in SAID:
            assert any(SAID[name] in note for note in notes), layout
        else:
            assert not list(differences(graph, true)), layout


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_of_keras_3_gives_the_live_graph(name: str) -> None:
    model = ZOO[name]()
    compare(name, model, {layout: write(model) for layout, write in KERAS3.items()})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNBUILDABLE])
def test_every_layout_of_keras_2_gives_the_live_graph(name: str) -> None:
    model = build(ZOO[name].__wrapped__)  # type: ignore[attr-defined]
    compare(name, model, {layout: write(model) for layout, write in KERAS2.items()})


@pytest.mark.parametrize("name", sorted({*NAMES} - {*REFUSED, *SAID}))
def test_a_verdict_is_that_of_the_live_model_or_unknown(name: str) -> None:
    model = ZOO[name]()
    sound(printed(model), model)
    if name not in UNBUILDABLE:
        model = build(ZOO[name].__wrapped__)  # type: ignore[attr-defined]
        sound(printed(model), model)


def sound(text: str, model: Any) -> None:
    """No verdict on what a summary tells goes beyond, or against, that on the live model."""
    true = {verdict.node: verdict.verdict for verdict in check(live.read(model, nested="keep")).merges}
    for verdict in check(text).merges:
        assert verdict.verdict in ("unknown", true[verdict.node]), verdict


def test_a_reshape_that_changes_the_size_keeps_no_batch() -> None:
    import keras

    x, z = keras.Input((8, 2), name="x"), keras.Input((8,), name="z")
    model = keras.Model([x, z], keras.layers.Add(name="add")([keras.ops.reshape(x, (-1, 8)), z]))
    assert [verdict.verdict for verdict in check(printed(model)).merges] == ["unknown"]
    kept = keras.Input((16,), name="kept")
    model = keras.Model([x, kept], keras.layers.Add(name="add")([keras.layers.Reshape((16,))(x), kept]))
    assert [verdict.verdict for verdict in check(printed(model)).merges] == ["identical"]


@settings(QUICK, max_examples=25)
@given(resnext_configs(), st.sampled_from(sorted(KERAS3)))
def test_random_resnext_of_keras_3(config: ResNeXt, layout: str) -> None:
    model = build_resnext(config)
    agree(KERAS3[layout](model), model, cuts=layout == "a terminal of 60")


@settings(QUICK, max_examples=25)
@given(resnext_configs(), st.sampled_from(sorted(KERAS2)))
def test_random_resnext_of_keras_2(config: ResNeXt, layout: str) -> None:
    model = build(functools.partial(_resnext, config))
    agree(KERAS2[layout](model), model, cuts=layout.startswith("old"))


def _resnext(config: ResNeXt, keras: Any) -> Any:
    return build_resnext(config, keras=keras)


def agree(text: str, model: Any, *, cuts: bool) -> None:
    """The same graph and no verdict beyond the live one; where references are cut off, the summary may be refused."""
    try:
        graph, notes = read(text, "s.txt")
    except SourceError as error:
        assert cuts and "wider columns" in str(error)
        return
    assert not list(differences(graph, live.read(model)))
    assert any("the model's outputs" in note or "no column 'Connected to'" in note for note in notes)
    if not any("…" in node for node in graph.ops):
        sound(text, model)


# --- goldens ------------------------------------------------------------------------------------------------------


def stack(keras: Any) -> Any:
    """A nested Sequential model: its rows tell how they are connected."""
    layers = keras.layers

    head = keras.Sequential([layers.Dense(4, name="first"), layers.Dropout(0.5, name="drop")], name="head")
    x = keras.Input((8,), name="x")
    frozen = layers.Dense(4, name="frozen", trainable=False)(x)
    return keras.Model(x, layers.Add(name="add")([head(x), frozen]), name="stack")


def keras3(builder: Callable[[Any], Any]) -> Any:
    import keras

    keras.utils.clear_session(free_memory=False)
    return builder(keras)


def resnext50(keras: Any) -> Any:
    from examples import resnext50 as example

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example, "keras", keras)
        patch.setattr(example, "layers", keras.layers)
        return example.late()


SMALL = ResNeXt(depths=(1, 1), width=2, cardinality=3, form="bound", sizes=(16, 16))


def small(keras: Any) -> Any:
    return build_resnext(SMALL, keras=keras)


GOLDEN: dict[str, Callable[[], str]] = {
    "keras3_several_80": lambda: printed(ZOO["several_inputs_and_outputs"](), columns=80),
    "keras3_resnext_60": lambda: printed(keras3(small), columns=60),
    "keras3_resnext_112": lambda: printed(keras3(small), columns=112),
    "keras3_stack": lambda: printed(keras3(stack), columns=140, expand_nested=True, show_trainable=True),
    "keras3_operations": lambda: printed(ZOO["operations"](), line_length=120),
    "keras3_attention": lambda: printed(ZOO["attention"](), line_length=90),
    "keras3_nested": lambda: printed(ZOO["nested_deeply"](), line_length=100, expand_nested=True),
    "keras3_sequential": lambda: printed(ZOO["sequential"]()),
    "keras2_several": lambda: printed(build(ZOO["several_inputs_and_outputs"].__wrapped__)),  # type: ignore[attr-defined]
    "keras2_resnext": lambda: printed(build(small)),
    "keras2_resnext_60": lambda: printed(build(small), line_length=60),
    "keras2_stack": lambda: printed(build(stack), expand_nested=True, show_trainable=True),
    "keras2_operations": lambda: printed(build(ZOO["operations"].__wrapped__)),  # type: ignore[attr-defined]
    "keras2_dicts": lambda: printed(build(ZOO["nested_with_dicts"].__wrapped__)),  # type: ignore[attr-defined]
    "keras2_old_resnext": lambda: printed_of_old(build(small)),
    "keras2_old_cut": lambda: printed_of_old(build(small), line_length=84),
    "keras2_resnext50": lambda: printed(build(resnext50)),
}
"""The summaries in ``tests/data/summaries``, which ``--refresh`` writes anew; the ends of lines are left out."""


@pytest.mark.parametrize("name", GOLDEN)
def test_keras_still_prints_what_the_golden_summaries_say(name: str, refresh: bool) -> None:
    """Not to the letter: versions of Keras count bytes and write titles otherwise."""
    text = "".join(f"{line.rstrip()}\n" for line in GOLDEN[name]().splitlines())
    path = DATA / f"{name}.txt"
    if refresh:
        path.write_text(text, encoding="utf-8")
    assert golden(text) == golden(path.read_text(encoding="utf-8"))


def test_no_golden_summary_is_left_over() -> None:
    assert {path.stem for path in Path(DATA).glob("*.txt")} == set(GOLDEN)


def test_the_comparison_can_fail() -> None:
    model = build(small)
    true: Graph = live.read(model)
    text = printed(model)
    for old, new in (
        (" 84 ", " 85 "),
        ("16, 16, 12)", "16, 16, 13)"),
        ("'b0_g1[0][0]'", "'b0_g0[0][0]'"),
        ("b1_add (", "b1_sum ("),
    ):
        assert old in text, old
        assert list(differences(read(text.replace(old, new), "s.txt")[0], true)), old
    assert flavour().Model is not None
