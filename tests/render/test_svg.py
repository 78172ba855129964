"""The SVG: well formed, complete, marked, self-contained, and the same every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.findings import Problem, Report, Severity
from kgraph.graph import Graph
from kgraph.render import draw
from kgraph.render.theme import DARK, FAMILIES, LIGHT, TONES
from tests.render import models

SVG = "{http://www.w3.org/2000/svg}"


def tree(graph: Graph, report: Report | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(draw(graph, report=report))


def groups(root: ElementTree.Element, mark: str) -> list[ElementTree.Element]:
    return [element for element in root.iter(f"{SVG}g") if mark in element.attrib]


def texts(element: ElementTree.Element) -> list[str]:
    return [item.text or "" for item in element.iter(f"{SVG}text")]


def tooltip(element: ElementTree.Element) -> str:
    found = element.find(f"{SVG}title")
    assert found is not None
    return found.text or ""


def card(root: ElementTree.Element, node: str) -> ElementTree.Element:
    return next(item for item in groups(root, "data-node") if tooltip(item).split("\n")[0] == node)


def test_every_node_and_edge_stands_in_the_picture_once() -> None:
    graph = models.resnext50()
    root = tree(graph)
    assert len(graph.ops) == 177
    assert [tooltip(item).split("\n")[0] for item in groups(root, "data-node")] == list(graph.ops)
    number = {node: str(index) for index, node in enumerate(graph.ops)}
    expected = [(number[v.node], number[node]) for node, operands in graph.operands.items() for v in operands]
    drawn = [(item.attrib["data-from"], item.attrib["data-to"]) for item in groups(root, "data-edge")]
    assert len(drawn) == 192
    assert drawn == expected


def test_header_names_the_model_and_its_size() -> None:
    found = texts(tree(models.resnext50()))
    assert "resnext50_getitem" in found
    assert "177 nodes · 192 edges · 25,097,192 parameters" in found


def test_unknown_weights_are_not_counted() -> None:
    assert "23 nodes · 25 edges · parameters unknown" in texts(tree(models.zoo()))


def test_a_card_says_kind_name_configuration_and_family() -> None:
    graph = models.resnext50()
    root = tree(graph)
    assert texts(card(root, "conv2d")) == ["Conv2D", "CONV", "conv2d", "64 filters · 7×7 · stride 2"]
    assert texts(card(root, "predictions")) == ["Dense", "DENSE", "predictions", "1000 units · softmax", "output"]


def test_fused_nodes_are_marked() -> None:
    graph = models.resnext50()
    root = tree(graph)
    fused = [node for node, op in graph.ops.items() if op.replaces]
    marked = [item for item in groups(root, "data-node") if "f" in item.attrib["class"].split()]
    assert len(fused) == 16
    assert [tooltip(item).split("\n")[0] for item in marked] == fused
    for item in marked:
        assert "groups=32 · fused from 65 calls" in texts(item)
        assert len([rect for rect in item.findall(f"{SVG}rect") if rect.attrib["class"] == "base"]) == 3
        assert "fused from 65 calls: " in tooltip(item)


def test_verdicts_and_findings_have_badges() -> None:
    graph = models.resnext50()
    root = tree(graph, models.troubled(graph))
    assert "identical" in texts(card(root, "add"))
    assert {"broadcast", "KG101 warning"} <= set(texts(card(root, "add_1")))
    assert "conditional if H % 32 == 0 and W % 32 == 0" in texts(card(root, "add_2"))
    assert "unknown" in texts(card(root, "add_3"))
    assert {"incompatible", "KG105 error"} <= set(texts(card(root, "add_4")))
    assert {"KG101 warning", "KG501 info", "output"} <= set(texts(card(root, "predictions")))
    assert "error" in card(root, "add_4").attrib["class"].split()
    assert "warning" in card(root, "add_1").attrib["class"].split()
    assert "info" not in card(root, "predictions").attrib["class"].split()


def test_a_finding_of_a_folded_call_is_shown_on_the_fused_one() -> None:
    graph = models.resnext50()
    fused = next(node for node, op in graph.ops.items() if op.replaces)
    found = card(tree(graph, models.troubled(graph)), fused)
    assert "KG201 error" in texts(found)
    assert "KG201 error: branches read the same slice" in tooltip(found)


def test_several_findings_of_one_rule_share_a_badge_and_many_rules_are_counted() -> None:
    graph = models.chain(1)
    same = [models.finding("KG201", Severity.ERROR, "relu_0")] * 3
    assert "KG201 error ×3" in texts(card(tree(graph, models.report(graph, (), same)), "relu_0"))
    many = [models.finding(f"KG30{number}", Severity.WARNING, "relu_0") for number in range(9)]
    assert "6 more findings" in texts(card(tree(graph, models.report(graph, (), many)), "relu_0"))


def test_tooltips_tell_the_rest() -> None:
    graph = models.resnext50()
    root = tree(graph, models.troubled(graph))
    lines = tooltip(card(root, "conv2d")).split("\n")
    assert lines[:2] == ["conv2d", "layers.Conv2D, convolution"]
    assert "kernel_size = (7, 7)" in lines
    assert "9,472 parameters: kernel (7, 7, 3, 64), bias (64,)" in lines
    assert "input 0: zeropadding2d (None, 230, 230, 3) float32" in lines
    assert "output: (None, 112, 112, 64) float32" in lines
    merged = tooltip(card(root, "add_1"))
    assert "merge: broadcast (proved)\n  axis 3 of operand 1 is 1, made so by conv2d_4" in merged


def test_edges_carry_shapes() -> None:
    root = tree(models.zoo())
    labels = [item.text for item in root.iter(f"{SVG}text") if item.attrib.get("class") == "l"]
    assert len(labels) == models.zoo().edge_count
    assert {"128×256", "?×?×3", "?", "[0] ?×?×16", "[1] ?×?×16", "(8, 16)"} <= set(labels)


def test_outputs_are_numbered_where_there_are_several() -> None:
    root = tree(models.zoo())
    assert "output 1" in texts(card(root, "dense"))
    assert "output 3" in texts(card(root, "split"))


def test_the_legend_holds_what_occurs_and_no_more() -> None:
    graph = models.chain(2)
    plain = texts(tree(graph))
    assert {"activation", "model input"} <= set(plain)
    assert not {"convolution", "one call in place of several", "identical"} & set(plain)
    fused = models.resnext50()
    full = texts(tree(fused, models.troubled(fused)))
    for words in ("one call in place of several", "shapes never fit", "not decided", "likely mistake", "worth knowing"):
        assert words in full


def test_the_header_counts_findings_of_calls_that_are_not_drawn() -> None:
    graph = models.chain(1)
    report = models.report(graph, (), [models.finding("KG201", Severity.ERROR, "elsewhere")])
    assert "1 error" in texts(tree(graph, report))
    assert "no errors or warnings" in texts(tree(graph, models.report(graph)))


def test_an_analysis_that_did_not_run_is_said() -> None:
    graph = models.chain(1)
    size = models.report(graph)
    failed = Report(size.kgraph, size.source, size.graph, errors=(Problem("shapes", "no"), Problem("cost", "no")))
    assert "no errors or warnings · 2 analyses could not run" in texts(tree(graph, failed))


def test_screen_readers_get_a_title_and_a_description() -> None:
    root = tree(models.resnext50())
    assert root.attrib["role"] == "img"
    named = {element.attrib.get("id"): element.text for element in root}
    first, second = (named[name] for name in root.attrib["aria-labelledby"].split())
    assert first == "Graph of the model resnext50_getitem"
    assert second == "177 nodes · 192 edges · 25,097,192 parameters"
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"


@pytest.mark.parametrize("graph", [models.zoo(), models.hostile()], ids=["zoo", "hostile"])
def test_nothing_outside_is_referred_to(graph: Graph) -> None:
    text = draw(graph)
    root = ElementTree.fromstring(text)
    allowed = {"svg", "title", "desc", "style", "g", "rect", "path", "text"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if "href" in name or name.startswith("on") or name == "style"]
    style = next(root.iter(f"{SVG}style")).text or ""
    assert not re.search(r"url\(|@import|@font-face|https?:", style)
    assert text.count("http") == 1  # the name space


def test_hostile_names_stay_text() -> None:
    root = tree(models.hostile())
    assert len(groups(root, "data-node")) == len(models.HOSTILE) + 1
    shown = texts(root)
    assert '<b>bold</b> & "quoted" \\N \\l {a|<p> b}' in shown
    assert "]]> &amp; &#0; <!-- -->" in shown
    assert max(map(len, shown)) < 100


def test_a_long_name_is_cut_on_the_card_and_whole_in_the_tooltip() -> None:
    name = "x" * 10_000
    text = draw(models.hostile([name]))
    found = groups(ElementTree.fromstring(text), "data-node")[1]
    assert tooltip(found).split("\n")[0] == name
    assert all("…" in line or len(line) < 60 for line in texts(found))
    assert len(text) < 30_000
    width = float(ElementTree.fromstring(text).attrib["width"])
    assert width < 1000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4, unique=True))
def test_any_text_gives_well_formed_xml(names: list[str]) -> None:
    root = tree(models.hostile([f"{number}{name}" for number, name in enumerate(names)]))
    assert len(groups(root, "data-node")) == len(names) + 1


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(categories=["Cc", "Cs", "Cf", "Co", "Cn", "Zl", "Zp"]), max_size=30))
def test_any_control_character_gives_well_formed_xml(name: str) -> None:
    graph = models.hostile([f"a{name}b"])
    report = models.report(graph, (), [models.finding("KG\x00<", Severity.ERROR, f"a{name}b", message=name)])
    text = draw(graph, report=report)
    ElementTree.fromstring(text)
    text.encode("utf-8")


def test_the_same_graph_gives_the_same_text() -> None:
    assert draw(models.zoo()) == draw(models.zoo())
    graph = models.resnext50()
    assert draw(graph, report=models.troubled(graph)) == draw(graph, report=models.troubled(graph))


def test_the_hash_seed_does_not_matter() -> None:
    code = (
        "import hashlib; from kgraph.render import draw; from tests.render import models; g = models.resnext50();"
        "print(hashlib.sha256((draw(g, report=models.troubled(g)) + draw(models.zoo())).encode()).hexdigest())"
    )
    answers = {_python(code, PYTHONHASHSEED=seed) for seed in ("1", "2")}
    assert len(answers) == 1


def test_drawing_loads_nothing_heavy() -> None:
    code = (
        "import sys; import kgraph.render; assert 'subprocess' not in sys.modules and 'pydot' not in sys.modules;"
        "from tests.render import models; kgraph.render.draw(models.zoo());"
        "print([n for n in ('keras', 'tensorflow', 'numpy', 'networkx', 'pydot', 'rich') if n in sys.modules])"
    )
    assert _python(code) == "[]"


def _python(code: str, **environment: str) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        check=True,
    )
    return done.stdout.strip()


def test_the_size_of_the_text_is_linear() -> None:
    small, large = len(draw(models.chain(100))), len(draw(models.chain(1000)))
    assert large < 11 * small


def test_a_deep_chain_needs_no_recursion() -> None:
    assert len(groups(tree(models.chain(1500)), "data-node")) == 1501


def test_an_empty_graph_is_a_header_only() -> None:
    root = tree(Graph({}, {}, (), (), "nothing"))
    assert "0 nodes · 0 edges · 0 parameters" in texts(root)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_text_can_be_read() -> None:
    pairs = [(tone.ground, tone.ink) for tone in TONES.values()]
    for family in FAMILIES.values():
        for scheme, colours in ((LIGHT, family.light), (DARK, family.dark)):
            pairs += [(colours.ground, ink) for ink in (colours.ink, scheme["ink"], scheme["soft"], scheme["body"])]
    pairs += [(scheme["page"], scheme[ink]) for scheme in (LIGHT, DARK) for ink in ("ink", "soft", "body")]
    assert [pair for pair in pairs if _contrast(*pair) < 4.5] == []


def test_lines_can_be_seen() -> None:
    assert all(_contrast(scheme["page"], scheme["line"]) >= 3 for scheme in (LIGHT, DARK))
