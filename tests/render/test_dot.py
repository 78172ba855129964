"""DOT: the engine reads it, and no name is ever more than text."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.graph import Graph
from kgraph.render.cards import describe
from kgraph.render.dot import quote, write
from kgraph.render.engine import find
from tests.render import models


def read(text: str) -> Any:
    done = subprocess.run([find(), "-Kdot", "-Tdot_json"], input=text.encode("utf-8"), capture_output=True, check=True)
    return json.loads(done.stdout)


GOLDEN = """\
digraph kgraph {
label="chain\\n2 nodes · 1 edge · 0 parameters";
labelloc=t;
labeljust=l;
fontname=Helvetica;
rankdir=TB;
ranksep=0.35;
nodesep=0.3;
tooltip="chain";
node [shape=box, style="rounded,filled", fontname=Helvetica, fontsize=11];
edge [fontname=Helvetica, fontsize=9, arrowsize=0.7, color="#7d8a99"];
n0 [label="InputLayer\\nimage\\n4 · float32", tooltip=…, fillcolor="#eff2f6", color="#475569", fontcolor="#16202c", penwidth=1, peripheries=1];
n1 [label="ReLU\\nrelu_0\\n[output]", tooltip=…, fillcolor="#f7f6e1", color="#999933", fontcolor="#16202c", penwidth=1, peripheries=1];
n0 -> n1 [label="4", fontcolor="#536071", edgetooltip=…, labeltooltip=…];
}
"""


def test_a_golden() -> None:
    assert re.sub(r'tooltip="[^"]*\\n[^"]*"', "tooltip=…", write(describe(models.chain(1)))) == GOLDEN


@pytest.mark.parametrize(
    "graph", [models.resnext50(), models.zoo(), models.hostile()], ids=["resnext50", "zoo", "hostile"]
)
def test_the_engine_reads_it(graph: Graph) -> None:
    found = read(write(describe(graph)))
    assert [item["name"] for item in found["objects"]] == [f"n{index}" for index in range(len(graph.ops))]
    assert len(found["edges"]) == graph.edge_count


def test_marks() -> None:
    graph = models.resnext50()
    found = read(write(describe(graph, models.troubled(graph))))
    fused = [item for item in found["objects"] if item.get("peripheries") == "2"]
    assert len(fused) == 16
    assert all("[groups=32 · fused from 65 calls]" in item["label"] for item in fused)
    assert fused[0]["color"] == "#c5281c"
    assert any("[broadcast]" in item["label"] for item in found["objects"])


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=30))
def test_any_name_is_text_only(name: str) -> None:
    found = read(write(describe(models.hostile([f"a{name}"]))))
    assert [item["name"] for item in found["objects"]] == ["n0", "n1"]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("<b>", '"<b>"'),
        ('a"b', '"a\\"b"'),
        ("\\N", '"\\\\N"'),
        ("a\nb", '"a\\nb"'),
        ("&lt;", '"&amp;lt;"'),
        ("trailing\\", '"trailing\\\\"'),
    ],
)
def test_quoting(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_no_string_is_too_long_for_an_old_engine() -> None:
    for name in ("&" * 10_000, "漢" * 10_000, '"' * 10_000):
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', write(describe(models.hostile([name]))))
        assert max(len(string.encode("utf-8")) for string in strings) <= 16_000


def test_the_same_graph_gives_the_same_text() -> None:
    assert write(describe(models.zoo())) == write(describe(models.zoo()))
