"""Inert malicious descriptions and files, made by hand: whatever they name is never looked up."""

from __future__ import annotations

import base64
import json
from typing import Any

from kgraph.findings import Finding, Source
from kgraph.frontends import open_file
from kgraph.graph import Graph
from kgraph.rules.base import Facts
from kgraph.rules.discover import discovered
from tests.frontends.zips import packed

Json = dict[str, Any]

CODE = base64.b64encode(b"\xe3" + b"\1\0\0\0" + b"\0\0\0\0" * 2 + b"\2\0\0\0" + b"\3\0\0\0" + b"inert").decode()
"""Starts as marshalled code does, and is none."""


def layer(class_name: str, module: str | None = "keras.layers", /, **config: Any) -> Json:
    return {"module": module, "class_name": class_name, "config": {"name": "a", **config}, "registered_name": None}


def function(name: str, module: str | None = "builtins") -> Json:
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def lambda_layer(**function: Any) -> Json:
    """A Lambda of Keras 3 that holds code."""
    return layer(
        "Lambda", function={"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}
    )


def old_lambda(**more: Any) -> Json:
    """A Lambda of Keras 2 that holds code."""
    return layer("Lambda", function=[CODE, None, None], function_type="lambda", module="__main__", **more)


def old_op(function: str, class_name: str = "TFOpLambda") -> Json:
    return layer(class_name, "tf_keras.src.layers.core.tf_op_layer", function=function)


def model(*layers: Json, old: bool = False, **more: Any) -> Json:
    """A Sequential model of Keras 3 or 2 that starts with an input of shape (None, 4)."""
    shape = {"batch_input_shape": [None, 4]} if old else {"batch_shape": [None, 4]}
    first = {**layer("InputLayer", dtype="float32"), "config": {"name": "x", "dtype": "float32", **shape}}
    return {**layer("Sequential", "keras", layers=[first, *layers]), **more}


def archive(description: Json, **more: bytes) -> bytes:
    """A ``.keras`` archive of a description."""
    files = {"metadata.json": b'{"keras_version": "3.15.1"}', "config.json": json.dumps(description).encode()}
    return packed(files | more)


def found(source: Any) -> list[Finding]:
    """What the rules say of a file alone, whether or not it holds a graph that can be read."""
    file = open_file(json.dumps(source) if isinstance(source, dict) else source)
    if file is None:
        raise ValueError("no file")
    facts = Facts(Graph({}, {}, (), ()), Source("attack"), file.contents)
    rules = [rule for rule in discovered() if rule.id.startswith("KG7")]
    return [finding for rule in rules for finding in rule.check(facts.graph, facts)]


def rules(source: Any) -> dict[str, str]:
    """Severity by rule."""
    return {finding.rule: finding.severity.value for finding in found(source)}
