"""What Keras itself writes is no attack: everything that it has, serialized by itself, in both flavours."""

from __future__ import annotations

import importlib
import inspect
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kgraph
from kgraph.errors import KgraphError
from tests.frontends import keras2
from tests.frontends.zoo import ZOO
from tests.ops.keras_catalog import OWN_SAMPLES, SAMPLES
from tests.rules.files.attacks import found

pytestmark = pytest.mark.keras

FAMILIES = ("initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
MORE: dict[str, Any] = {
    "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9, "end_learning_rate": 0.01, "alpha": 0.1,
    "boundaries": [1, 2], "values": [0.1, 0.2, 0.3], "warmup_target": 1.0, "name": "m", "fn": None, "num_classes": 2,
    "target_class_ids": [0], "specificity": 0.5, "sensitivity": 0.5, "recall": 0.5, "precision": 0.5, "value": 0.5,
    "learning_rate": 0.1, "max_value": 2.0, "input_shape": (4,), "num_bins": 4, "bin_boundaries": [0.0, 1.0],
    "num_spectrogram_bins": 8, "num_mel_bins": 4, "height": 8, "width": 8, "crop": 1, "stateful": False,
    "vocabulary_size": 4, "layers": [], "input_dim": 8, "output_dim": 4, "min_value": 0.0, "maxlen": 4, "max_tokens": 4,
    "depth": 4, "n": 2, "r": 1,
}  # fmt: skip
NOT_MODELS = {"TFSMLayer", "TorchModuleWrapper", "Lambda", "JaxLayer", "FlaxLayer"}
"""Layers that have a rule of their own, or want what is not installed."""


def flavours() -> list[Any]:
    return [importlib.import_module("keras"), keras2.tf_keras()]


def made(cls: Any, keras: Any) -> Any:
    """What Keras writes of an instance of a class, with whatever arguments it needs; None where it cannot be made."""
    cell, inner = keras.layers.SimpleRNNCell(4), keras.layers.LSTM(4)
    own: dict[str, Any] = {"layer": inner, "cell": cell, "cells": [cell], "inner_optimizer": keras.optimizers.SGD()}
    samples = {**SAMPLES, **MORE, **own, **OWN_SAMPLES.get(cls.__name__, {})}
    parameters = inspect.signature(cls.__init__).parameters.values()
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"
    ]
    arguments = {name: samples.get(name) for name in needed} | OWN_SAMPLES.get(cls.__name__, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return keras.saving.serialize_keras_object(cls(**arguments))
        except Exception:
            return None


def objects(keras: Any) -> Iterator[tuple[str, str, Any]]:
    """Family, name and an instance of all that a flavour of Keras has in public."""
    modules = [(family, getattr(keras, family)) for family in ("layers", *FAMILIES)]
    modules += [("schedules", keras.optimizers.schedules), ("legacy", getattr(keras.optimizers, "legacy", None))]
    for family, module in modules:
        for name, cls in sorted(vars(module or object()).items() if module else ()):
            if inspect.isclass(cls) and hasattr(cls, "get_config") and name not in NOT_MODELS:
                yield family, name, made(cls, keras)


def around(family: str, value: Any) -> dict[str, Any]:
    """A description with an object where such a one stands."""
    if family == "layers":
        return {"class_name": "Sequential", "module": "keras", "config": {"name": "m", "layers": [value]}}
    dense: dict[str, Any] = {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 2}}
    whole: dict[str, Any] = {"class_name": "Sequential", "module": "keras", "config": {"name": "m", "layers": [dense]}}
    entry = {
        "initializers": "kernel_initializer",
        "regularizers": "kernel_regularizer",
        "constraints": "bias_constraint",
    }
    if family in entry:
        dense["config"][entry[family]] = value
        return whole
    adam: dict[str, Any] = {"class_name": "Adam", "module": "keras.optimizers", "config": {"learning_rate": value}}
    compiled = {
        "losses": {"loss": value}, "metrics": {"metrics": [value]}, "optimizers": {"optimizer": value},
        "legacy": {"optimizer": value}, "schedules": {"optimizer": adam},
    }  # fmt: skip
    return {**whole, "compile_config": compiled[family]}


@pytest.mark.parametrize("flavour", [0, 1], ids=["keras", "tf_keras"])
def test_every_object_of_keras(flavour: int) -> None:
    keras = flavours()[flavour]
    seen: dict[str, int] = {}
    missing: list[str] = []
    said: dict[str, list[str]] = {}
    for family, name, instance in objects(keras):
        if instance is None:
            missing.append(f"{family}.{name}")
            continue
        seen[family] = seen.get(family, 0) + 1
        text = json.dumps(around(family, instance), default=str)
        findings = [finding.message for finding in found(text)]
        if findings:
            said[f"{family}.{name}"] = findings
    assert not said
    assert len(missing) < 12, missing
    assert all(seen.get(family, 0) > (60 if family == "layers" else 3) for family in ("layers", *FAMILIES, "schedules"))


def written(keras: Any, module: Any, function: Any, name: str) -> Iterator[Any]:
    """All ways in which a function stands in a description."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield keras.saving.serialize_keras_object(function)
        yield module.serialize(function)
        try:
            module.get(name)
        except Exception:  # one that Keras has, and does not find by its name
            return
    yield name


@pytest.mark.parametrize("flavour", [0, 1], ids=["keras", "tf_keras"])
def test_every_function_of_keras(flavour: int) -> None:
    keras = flavours()[flavour]
    said: dict[str, list[str]] = {}
    count = 0
    for family in ("activations", "losses", "metrics"):
        module = getattr(keras, family)
        for name, function in sorted(vars(module).items()):
            if not inspect.isfunction(function) or name in ("get", "serialize", "deserialize", "clone_metric"):
                continue
            for value in written(keras, module, function, name):
                count += 1
                description = around(family if family != "activations" else "layers", value)
                if family == "activations":
                    dense = {
                        "class_name": "Dense",
                        "module": "keras.layers",
                        "config": {"units": 2, "activation": value},
                    }
                    description = around("layers", dense)
                findings = [finding.message for finding in found(json.dumps(description))]
                if findings:
                    said[f"{family}.{name}"] = findings
    assert not said
    assert count > 100


def allowed(name: str) -> set[str]:
    """The rules that speak of a model of the zoo, because it has a Lambda or something of the user's own."""
    lambdas = {"lambdas", "opaque_lambdas"}
    own = {
        "custom_layers", "unserializable_activation", "custom_operation", "subclass_of_functional", "opaque_lambdas",
        "nested_with_unknown_rank", "nested_with_a_call_of_its_own",
    }  # fmt: skip
    return ({"KG701", "KG702"} if name in lambdas else set()) | ({"KG703"} if name in own else set())


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_in_every_format(name: str, tmp_path: Path) -> None:
    model = ZOO[name]()
    if not hasattr(model, "save"):
        pytest.skip("only models are saved")
    assert saved(importlib.import_module("keras"), model, tmp_path) <= allowed(name)


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_of_keras_2_in_every_format(name: str, tmp_path: Path) -> None:
    try:
        builder: Any = ZOO[name]
        model = keras2.build(builder.__wrapped__)
    except Exception as error:
        pytest.skip(f"Keras 2 cannot make it: {error}"[:80])
    if not hasattr(model, "save"):
        pytest.skip("only models are saved")
    assert saved(keras2.tf_keras(), model, tmp_path) <= allowed(name)


def saved(keras: Any, model: Any, folder: Path) -> set[str]:
    """The rules that speak of a model in one of its formats; of missing weights only if Keras misses them too."""
    rules: set[str] = set()
    for suffix in ("keras", "h5", "json"):
        path = folder / f"model.{suffix}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if suffix == "json":
                    path.write_text(model.to_json(), encoding="utf-8")
                else:
                    model.save(path)
            except Exception:  # not every model can be saved in every format
                continue
        try:
            report = kgraph.check(path)
        except KgraphError:  # it has no graph, and nothing was found
            rules |= {finding.rule for finding in found(path)}
            continue
        assert not report.errors or "graph" in {item.where for item in report.errors}
        spoken = {finding.rule for finding in report.findings if finding.rule.startswith("KG7")}
        if "KG715" in spoken:  # Keras can write what it cannot read
            with pytest.raises(Exception, match="variables"):
                keras.models.load_model(path, safe_mode=False)
        rules |= spoken - {"KG715"}
    return rules


@pytest.mark.parametrize("flavour", [0, 1], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_dtype_policies_and_compiled_models(flavour: int, policy: str, tmp_path: Path) -> None:
    keras = flavours()[flavour]
    own = keras.mixed_precision.Policy(policy) if flavour else keras.dtype_policies.DTypePolicy(policy)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype=own), keras.layers.Dropout(0.5)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    optimizer = keras.optimizers.Adam(schedule)
    if policy == "mixed_float16":
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
    model.compile(optimizer, loss="mse", metrics=["accuracy", keras.metrics.AUC(), keras.metrics.mean_absolute_error])
    assert not saved(keras, model, tmp_path)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantised_models(mode: str, tmp_path: Path) -> None:
    keras = flavours()[0]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(4)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize(mode)
    assert not saved(keras, model, tmp_path)


APPLICATIONS = {"MobileNetV2": (96, 96, 3), "EfficientNetB0": (64, 64, 3), "ConvNeXtTiny": (32, 32, 3)}


@pytest.mark.parametrize("flavour", [0, 1], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications(flavour: int, name: str, tmp_path: Path) -> None:
    keras = flavours()[flavour]
    model = getattr(keras.applications, name)(weights=None, input_shape=APPLICATIONS[name], include_top=False)
    assert not saved(keras, model, tmp_path)


def test_hand_written_groups(tmp_path: Path) -> None:
    from examples.resnext50 import getitem

    path = tmp_path / "model.json"
    path.write_text(getitem().to_json(), encoding="utf-8")
    assert not [finding for finding in kgraph.check(path).findings if finding.rule.startswith("KG7")]
