"""Whatever a description holds, no rule raises, and what is said can be printed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kgraph.findings import Source
from kgraph.frontends.contents import Contents
from kgraph.frontends.descriptions import describe
from kgraph.frontends.references import references
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.discover import discovered
from tests.rules.files.attacks import CODE

KEYS = st.sampled_from((
    "class_name", "module", "config", "registered_name", "spec_name", "layers", "layer", "function", "function_type",
    "output_shape", "output_shape_type", "mask", "activation", "kernel_initializer", "loss", "metrics", "optimizer",
    "vocabulary", "filepath", "node_def", "cls_symbol", "safe_mode", "compile_config", "build_config", "name", "dtype",
))  # fmt: skip
TEXTS = st.sampled_from((
    "Lambda", "function", "Dense", "__lambda__", "__numpy__", "__typespec__", "TFOpLambda", "ClassMethod", "TFSMLayer",
    "TensorFlowOpLayer", "StringLookup", "keras.layers", "keras", "os", "builtins", "lambda", "relu", "", ".", ">", "..",
    "os.system", "k\u0435ras", "\x00\n", "keras.config.enable_unsafe_deserialization", CODE, "io.write_file",
))  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.integers(2**70, 2**71) | TEXTS | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6)
)


@given(VALUES, VALUES, st.lists(st.text(max_size=5), max_size=3))
def test_no_description_makes_a_rule_raise(config: Any, compiled: Any, odd: list[str]) -> None:
    contents = Contents(format="h5", config=config, compiled=compiled, odd=tuple(odd), repeated=tuple(odd))
    facts = Facts(Graph({}, {}, (), ()), Source("hostile"), contents)
    for rule in discovered():
        for finding in rule.check(facts.graph, facts):
            assert finding.rule == rule.id
            assert len(finding.message) < 2_000


def everything(value: Any) -> list[Any]:
    """All objects of a value, found in another way than the walk finds them."""
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in everything(item))]
    return [found for item in value for found in everything(item)] if isinstance(value, list) else []


@given(VALUES)
def test_every_object_is_walked(config: Any) -> None:
    described = describe(Contents(format="json", config=config))
    found = [part.value for parts in described.objects.values() for part in parts]
    wanted = [value for value in everything(config) if isinstance(value.get("class_name"), str)]
    assert sorted(map(id, found)) == sorted(map(id, wanted))
    assert sum(reference.count for reference in references(described)) >= sum(
        isinstance(value.get("config"), dict) and value["class_name"] in ("Dense", "StringLookup") for value in wanted
    )


def test_the_deepest_description_is_walked() -> None:
    inner: Any = {"class_name": "system", "module": "os", "config": {}}
    for _ in range(5_000):
        inner = {"class_name": "Sequential", "module": "keras", "config": {"layers": [inner]}}
    described = describe(Contents(format="json", config=inner))
    (found,) = [item for item in references(described) if item.name.path == "os.system"]
    assert found.places[0].startswith("$.config.layers[0].config.layers[0]") and len(found.places[0]) > 5_000
