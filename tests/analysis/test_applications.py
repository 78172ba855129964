from __future__ import annotations

from typing import Any

import pytest

from kgraph import extract, parse, show
from kgraph.analysis.domain import domain
from kgraph.analysis.verdicts import verdicts
from kgraph.graph import Spec
from kgraph.ops import call_of, infer_specs, infer_weights
from tests.analysis.applications import FEW, application, names
from tests.analysis.brute import is_long

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("name", names() if is_long() else FEW)
def test_keras_builds_the_smallest_and_no_smaller_one(name: str) -> None:
    found = application(name)
    assert found.wrong == ()
    assert found.unknown == ()
    assert found.condition is not None
    assert (found.smallest is None) is name.startswith("NASNet")
    assert "unknown" not in {*found.verdicts, *found.requirements}


def test_the_layers_of_convnext_are_known() -> None:
    import keras
    import numpy as np
    from keras.src.applications.convnext import LayerScale, StochasticDepth

    image = keras.Input((None, None, 4))
    scaled = LayerScale(1e-6, 4, name="scale")(image)
    model = keras.Model(image, keras.layers.Add()([image, StochasticDepth(0.5, name="drop")(scaled)]))
    graph = extract(model)
    for node in ("scale", "drop"):
        call = call_of(graph.ops[node], graph.operand_specs(node))
        assert infer_specs(call) == graph.ops[node].outputs
        assert infer_weights(call) == graph.ops[node].weights
    assert [verdict.verdict for verdict in verdicts(graph)] == ["identical"]
    assert model(np.zeros((1, 3, 5, 4))).shape == (1, 3, 5, 4)
    assert infer_specs(call_of(graph.ops["scale"], (Spec((1, 5), "float32"),))) is None


def test_the_sum_of_inception_resnet_is_a_merge() -> None:
    import keras
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    image = keras.Input((None, None, 4), name="image")
    halved = keras.layers.UpSampling2D(2)(keras.layers.MaxPooling2D(2)(image))
    graph = extract(keras.Model(image, CustomScaleLayer(0.1, name="sum")([image, halved])))
    assert infer_specs(call_of(graph.ops["sum"], graph.operand_specs("sum"))) == graph.ops["sum"].outputs
    (verdict,) = verdicts(graph)
    assert (verdict.verdict, verdict.condition) == ("conditional", "H % 2 == 0 and W % 2 == 0")
    assert parse(show(graph)) == graph


def test_nasnet_for_images_of_any_size_takes_none() -> None:
    """Keras' own fault: NASNet compares sizes while it is built, and None equals None."""
    import keras
    import numpy as np

    build: Any = keras.applications.NASNetMobile
    model = build(include_top=False, weights=None, input_shape=(None, None, 3))
    assert domain(extract(model)).condition == "never"
    for size in (32, 97, 224):
        with pytest.raises(Exception, match="ncompatible shapes"):
            model(np.zeros((1, size, size, 3), "float32"))
