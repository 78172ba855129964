from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from kgraph import Finding, check, extract, parse
from tests.frontends.keras2 import build, tf_keras
from tests.frontends.zoo import ZOO

JSON = Path(__file__).parent.parent / "data" / "models" / "keras3.json"


def findings(source: Any) -> list[Finding]:
    report = check(source)
    assert not report.errors
    return [finding for finding in report.findings if finding.rule == "KG301"]


def forged(change: Any) -> list[Finding]:
    config = json.loads(JSON.read_text(encoding="utf-8"))
    layers = {layer["config"]["name"]: layer for layer in config["config"]["layers"]}
    change(layers)
    return findings(json.dumps(config))


def tensor(layer: dict[str, Any]) -> dict[str, Any]:
    return layer["inbound_nodes"][0]["args"][0]["config"]


def test_the_file_as_it_is() -> None:
    assert not findings(JSON)


def last_but_one() -> tuple[str, str]:
    layers = json.loads(JSON.read_text(encoding="utf-8"))["config"]["layers"]
    user = next(layer for layer in layers if layer["config"]["name"] == "dense")
    return tensor(user)["keras_history"][0], layers[0]["config"]["name"]


def test_a_forged_record_of_a_layer() -> None:
    maker, _ = last_but_one()

    def change(layers: Any) -> None:
        tensor(layers["dense"])["shape"] = [None, 77]

    (finding,) = forged(change)
    assert finding.nodes == (maker,)
    assert finding.message.startswith(f"{maker} is recorded as (None, 77), but on (")
    assert (finding.severity, finding.known) == ("warning", "recorded")


def test_a_forged_record_of_an_input() -> None:
    _, first = last_but_one()

    def change(layers: Any) -> None:
        layers[first]["config"]["batch_shape"] = [None, *layers[first]["config"]["batch_shape"][1:-1], 99]

    (finding,) = forged(change)
    assert finding.nodes == (first,)
    assert "is recorded as (None" in finding.message
    assert "but its config says (None" in finding.message


def test_one_of_several_outputs() -> None:
    (finding,) = findings(
        parse(
            'x = Input(shape=(4, 6), name="x")\n'
            "\"{'outputs': (((None, 4, 3), 'float32'), ((None, 5, 3), 'float32'))}\"\n"
            "a, b = ops.split(x, indices_or_sections=2, axis=-1)\n"
            "model = Model(x, [a, b])"
        )
    )
    assert finding.message == (
        "split[1] is recorded as (None, 5, 3), but on (None, 4, 6) a ops.split makes (None, 4, 3)"
    )


@pytest.mark.parametrize("shape", ["(None, None)", "None"])
def test_what_is_not_recorded_contradicts_nothing(shape: str) -> None:
    text = f"""x = Input(shape=(4,), name="x")
"{{'outputs': (({shape}, 'float32'),)}}"
y = Dense(3, name="y")(x)
model = Model(x, y)"""
    assert not findings(parse(text))


@pytest.mark.keras
@pytest.mark.parametrize("name", ZOO)
def test_silent_on_what_keras_3_records(name: str) -> None:
    assert not findings(ZOO[name]())


@pytest.mark.keras
def test_silent_on_what_keras_2_records() -> None:
    built = 0
    for builder in ZOO.values():
        try:
            model = build(builder.__wrapped__)  # type: ignore[attr-defined]
        except (AttributeError, TypeError, ValueError):
            continue  # ``test_tf_keras`` says which, and why
        built += 1
        assert not findings(model)
        assert not findings(extract(model))
    assert built > 50


@pytest.mark.keras
@pytest.mark.parametrize("flavour", ["keras", "tf_keras"])
def test_silent_on_a_bug_of_keras(flavour: str) -> None:
    """Keras 3 does not see that a vector of scales stretches an axis of 1."""
    keras = importlib.import_module("keras") if flavour == "keras" else tf_keras()
    x = keras.Input((8, 8, 1), name="x")
    y = keras.layers.Rescaling([1.0, 2.0, 3.0], name="scale")(x)
    model = keras.Model(x, keras.layers.Conv2D(2, 3, name="conv")(y))
    graph = extract(model)
    assert graph.ops["scale"].outputs[0].shape == (None, 8, 8, 1 if flavour == "keras" else 3)
    assert not findings(model)
    assert not findings(model.to_json())


@pytest.mark.keras
@pytest.mark.parametrize("name", ["ResNet50", "EfficientNetB0", "ConvNeXtTiny"])
def test_silent_on_applications(name: str) -> None:
    keras = importlib.import_module("keras")
    model = getattr(keras.applications, name)(weights=None)
    assert not findings(model)
    assert not findings(model.to_json())
