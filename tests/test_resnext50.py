"""The reference case: examples/resnext50.py in its three forms."""

from __future__ import annotations

import collections
from typing import Any

import pytest

import kgraph
from kgraph import Report, check, draw, extract, fuse, parse, show
from kgraph.graph import parameters

pytestmark = pytest.mark.keras

LAST = {"late": [124] * 3 + [248] * 4 + [496] * 6 + [992] * 3}
FORMS = ("late", "bound", "getitem")


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    from examples import resnext50

    return {form: getattr(resnext50, form)() for form in FORMS}


@pytest.fixture(scope="module")
def reports(models: dict[str, Any]) -> dict[str, Report]:
    return {form: check(model) for form, model in models.items()}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_published_size(models: dict[str, Any], form: str) -> None:
    graph = extract(models[form])
    assert (len(graph.ops), graph.edge_count, parameters(graph)) == (1201, 1712, 25_097_192)
    assert (graph.nx.number_of_nodes(), graph.nx.number_of_edges()) == (1201, 1712)
    assert parameters(graph) == models[form].count_params()
    assert parse(show(graph)) == graph


@pytest.mark.parametrize("form", ("bound", "getitem"))
def test_sound_forms_are_fused_and_silent(models: dict[str, Any], reports: dict[str, Report], form: str) -> None:
    outcome = fuse(models[form])
    assert (len(outcome.graph.ops), outcome.graph.edge_count) == (177, 192)
    assert len(outcome.applied) == 16
    assert {(fusion.known, len(fusion.replaces), fusion.becomes["config"]["groups"]) for fusion in outcome.applied} == {
        ("proved", 65, 32)
    }
    assert parameters(outcome.graph) == 25_097_192
    report = reports[form]
    assert not report.findings
    assert not report.refusals
    assert report.exit_code() == 0
    assert report.fused == kgraph.findings.FusedSummary(177, 192)


def test_the_late_form_is_sixteen_errors_and_no_fusion(models: dict[str, Any], reports: dict[str, Report]) -> None:
    report = reports["late"]
    assert [finding.rule for finding in report.findings] == ["KG201"] * 16
    assert all(finding.severity == "error" and len(finding.nodes) == 32 for finding in report.findings)
    for finding, first in zip(report.findings, LAST["late"], strict=True):
        width = first // 31
        assert finding.message.endswith(
            f"read channels {first}..{first + width - 1}; channels 0..{first - 1} are never read"
        )
        assert finding.message.startswith("all 32 branches of re_lu")
        assert "c=c, width=width" in finding.help
    assert not report.fusions
    assert len(report.refusals) == 16
    assert report.exit_code() == 1
    assert fuse(models["late"]).graph == extract(models["late"])


@pytest.mark.parametrize("form", FORMS)
def test_every_add_is_identical_and_says_why(reports: dict[str, Report], form: str) -> None:
    merges = reports[form].merges
    assert [verdict.verdict for verdict in merges] == ["identical"] * 16
    shortcuts = ["projection" if block in (0, 3, 7, 13) else "identity" for block in range(16)]
    assert [verdict.why[0].partition(" ")[0] for verdict in merges] == shortcuts
    assert all(any("filters" in sentence for sentence in verdict.why) for verdict in merges)


def test_why_in_the_words_of_a_person(models: dict[str, Any]) -> None:
    graph = extract(models["getitem"])
    adds = check(graph).merges
    convs = {verdict.node: verdict.why for verdict in adds}
    first, fourth = convs[adds[0].node], convs[adds[3].node]
    assert first[1].startswith("height and width are 56 x 56: from max_pooling2d")
    assert first[1].endswith("unchanged through convolutions of stride 1")
    assert first[2].startswith("channels are 256: conv2d") and first[2].endswith("both have 256 filters")
    assert "both give 28" in fourth[1]


def test_all_blocks_in_one_frame_read_the_last_slice_of_the_last_block() -> None:
    """One cell for all 512 Lambdas: every one reads 992..1023, which most tensors do not even have."""
    import keras
    from keras import layers

    inputs = keras.Input((8, 8, 64), name="x")
    x: Any = inputs
    for blocks, filters in ((3, 128), (4, 256), (6, 512), (3, 1024)):
        for _ in range(blocks):
            x = layers.Conv2D(filters, 1)(x)
            width = filters // 32
            slices: list[Any] = []
            for c in range(32):
                part = layers.Lambda(lambda t: t[..., c * width : (c + 1) * width])(x)  # noqa: B023
                slices.append(layers.Conv2D(width, 1)(part))
            x = layers.Concatenate()(slices)
    report = check(keras.Model(inputs, x))
    assert len(report.findings) == 16
    counted = collections.Counter(
        finding.message.partition("read ")[2].partition(";")[0] for finding in report.findings
    )
    assert counted == {
        "channels 992..1023, of which it has none (0..127)": 3,
        "channels 992..1023, of which it has none (0..255)": 4,
        "channels 992..1023, of which it has none (0..511)": 6,
        "channels 992..1023": 3,
    }
    assert sum(len(finding.nodes) for finding in report.findings) == 512
    assert not report.fusions


def test_the_fused_drawing(models: dict[str, Any], reports: dict[str, Report]) -> None:
    fused = fuse(models["getitem"]).graph
    svg = draw(fused, report=reports["getitem"])
    assert svg == draw(fused, report=reports["getitem"])
    assert svg.count("groups=32") >= 16
    assert "25,097,192" in svg
