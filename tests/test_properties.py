"""Random ResNeXt models with one mutation each: what kgraph says equals what is true by construction."""

from __future__ import annotations

import collections
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings

from kgraph import Graph, check, extract, fuse, parse, show
from kgraph.rewrite import Outcome
from kgraph.testing import ResNeXt, build_resnext, plain_name, resnext_configs, to_keras, truth

pytestmark = pytest.mark.keras

QUICK = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""Without shrinking: every attempt builds a Keras model, and the configuration that fails is small enough."""


@settings(QUICK, max_examples=120)
@given(resnext_configs())
def test_report_is_the_truth(config: ResNeXt) -> None:
    model = build_resnext(config)
    report, expected = check(model), truth(config)
    assert len(report.fusions) == expected.fusions
    reasons = [refusal.reason for refusal in report.refusals]
    assert len(reasons) == (expected.refusal is not None)
    assert all((expected.refusal or "") in reason for reason in reasons)
    assert collections.Counter(verdict.verdict for verdict in report.merges) == expected.verdicts
    assert sum(finding.rule == "KG201" for finding in report.findings) == expected.late
    loud = [finding for finding in report.findings if finding.rule != "KG201" and finding.severity != "info"]
    assert len(loud) == expected.verdicts.get("broadcast", 0)


@settings(QUICK, max_examples=40)
@given(resnext_configs())
def test_graph_is_what_keras_recorded(config: ResNeXt) -> None:
    model = build_resnext(config)
    graph = extract(model)
    nodes = [node for depth in model._nodes_by_depth.values() for node in depth]
    assert len(graph.ops) == len(nodes)
    assert graph.edge_count == sum(len(node.input_tensors) for node in nodes)
    for node in nodes:
        if len(node.operation._inbound_nodes) == 1:
            recorded = [tuple(tensor.shape) for tensor in node.outputs]
            assert [spec.shape for spec in graph.ops[node.operation.name].outputs] == recorded


@settings(QUICK, max_examples=40)
@given(resnext_configs())
def test_text_form_round_trip_and_idempotent_fusion(config: ResNeXt) -> None:
    graph = extract(build_resnext(config))
    assert parse(show(graph)) == graph
    outcome = fuse(graph)
    assert parse(show(outcome.graph)) == outcome.graph
    again = fuse(outcome.graph)
    assert again.graph == outcome.graph
    assert not again.applied


@settings(QUICK, max_examples=25)
@given(resnext_configs(mutations=False))
def test_executed_text_form_is_equivalent(config: ResNeXt) -> None:
    graph = extract(build_resnext(config))
    assert extract(to_keras(graph)).equivalent(graph)
    fused = fuse(graph).graph
    assert extract(to_keras(fused)).equivalent(fused)


@settings(QUICK, max_examples=25)
@given(resnext_configs())
def test_names_and_construction_order_do_not_matter(config: ResNeXt) -> None:
    plain = extract(build_resnext(config))
    other = extract(build_resnext(config, prefix="zz_", backwards=True))
    assert config.mutation == "late" or plain.equivalent(other)
    left, right = fuse(plain), fuse(other)
    assert config.mutation == "late" or left.graph.equivalent(right.graph)
    assert len(left.applied) == len(right.applied)
    assert len(left.refused) == len(right.refused)


@settings(QUICK, max_examples=20)
@given(resnext_configs())
def test_fused_convolutions_compute_what_the_branches_computed(config: ResNeXt) -> None:
    """TensorFlow convolves channels_last alone on a CPU: the twin of a channels_first model is compared."""
    import numpy as np

    assume(config.mutation not in ("stride", "axis"))  # Keras builds these with open sizes, and cannot run them
    config = replace(config, data_format="channels_last")
    model = build_resnext(config)
    outcome = fuse(model)
    assume(outcome.applied)
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.uniform(0.1, 0.9, variable.shape))
    fused = to_keras(outcome.graph)
    carry(outcome, model, fused, extract(model))
    image = random.normal(size=(2, *(size or 8 for size in config.sizes), 3)).astype("float32")
    expected, found = (flat(item(image, training=False)) for item in (model, fused))
    for left, right in zip(expected, found, strict=True):
        assert np.max(np.abs(left - right)) <= 1e-5 * np.max(np.abs(left))


def flat(outputs: Any) -> list[Any]:
    """Outputs as a list of numpy arrays."""
    import numpy as np

    return [np.asarray(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]  # pyright: ignore


def carry(outcome: Outcome, model: Any, fused: Any, graph: Graph) -> None:
    """Gives the fused model the weights of the original, by the recipe of each fusion."""
    import numpy as np

    old = {layer.name: layer for layer in model.layers}
    for node, op in outcome.graph.ops.items():
        if not op.weights:
            continue
        layer = fused.get_layer(plain_name(op.layer or node))
        if node not in outcome.weights:
            layer.set_weights(old[op.layer].get_weights())
            continue
        for recipe in outcome.weights[node]:
            parts = [named(old[name], recipe.weight) for name in recipe.layers]
            target = next(weight for weight in layer.weights if weight.name == recipe.weight)
            target.assign(np.concatenate(parts, axis=recipe.axis))


def named(layer: Any, weight: str) -> Any:
    """A layer's weight by name, as numpy."""
    return next(variable for variable in layer.weights if variable.name == weight).numpy()
