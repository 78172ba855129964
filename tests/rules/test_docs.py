"""Each rule's docstring is its documentation and its test."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest

from kgraph import check, parse
from kgraph.errors import SourceError
from kgraph.findings import Finding, Severity, Source
from kgraph.frontends import config, open_file
from kgraph.frontends.contents import Contents, Dataset, Entry, Limits, Link, Weights
from kgraph.graph import Graph
from kgraph.rules.base import Facts, Rule
from kgraph.rules.discover import discovered

RULES = {rule.id: rule for rule in discovered()}
HEADINGS = ("What it does", "Why is this bad?", "Example", "Use instead")


def sections(rule: Rule) -> dict[str, str]:
    text = inspect.cleandoc(type(rule).__doc__ or "")
    parts = re.split(r"^([A-Z][^\n:]*[:?])\n", text, flags=re.MULTILINE)
    return {
        head.removesuffix(":"): inspect.cleandoc("\n" + body)
        for head, body in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_headings(rule: Rule) -> None:
    assert tuple(sections(rule)) == HEADINGS
    assert re.fullmatch(r"KG\d{3}", rule.id)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
    assert isinstance(rule.severity, Severity)


FENCE = re.compile(r"```json( contents)?\n(.*)\n```", re.DOTALL)


def written(value: Any, cls: Any) -> Any:
    """A record of ``contents.py`` from the JSON that a docstring holds."""
    nested = {"weights": Weights, "entries": Entry, "datasets": Dataset, "links": Link}
    made: dict[str, Any] = {}
    for key, item in value.items():
        inner = nested.get(key)
        if inner in (Entry, Link):
            item = tuple(written(row, inner) for row in item)
        elif inner is Dataset:
            item = {path: written(row, inner) for path, row in item.items()}
        elif inner is not None:
            item = written(item, inner)
        made[key] = tuple(item) if isinstance(item, list) else item
    return cls(**made)


def findings(example: str) -> list[Finding]:
    """What all rules say of an example: the text form, a description (JSON), or the contents of a file."""
    fenced = FENCE.fullmatch(example)
    if fenced is None:
        return list(check(parse(example)).findings)
    opened = None if fenced[1] else open_file(fenced[2])
    contents = written(json.loads(fenced[2]), Contents) if opened is None else opened.contents
    try:
        graph = config.read(contents, limits=Limits())
    except SourceError:
        graph = Graph({}, {}, (), ())
    facts = Facts(graph, Source("example"), contents)
    return [finding for rule in RULES.values() for finding in rule.check(graph, facts)]


OF_GRAPHS = {key: rule for key, rule in RULES.items() if "```" not in sections(rule)["Example"]}
OF_FILES = {key: rule for key, rule in RULES.items() if key not in OF_GRAPHS}


@pytest.mark.parametrize("rule", OF_FILES.values(), ids=list(OF_FILES))
def test_the_example_of_a_file_is_found_by_its_rule_alone(rule: Rule) -> None:
    found = findings(sections(rule)["Example"])
    assert [(item.rule, item.severity) for item in found] == [(rule.id, rule.severity)]


@pytest.mark.parametrize("rule", OF_GRAPHS.values(), ids=list(OF_GRAPHS))
def test_marked_lines_are_found_and_no_others(rule: Rule) -> None:
    example = sections(rule)["Example"]
    marked = {line.partition("=")[0].strip() for line in example.splitlines() if line.endswith(f"# {rule.id}")}
    found = [finding for finding in check(parse(example)).findings if finding.rule == rule.id]
    assert marked
    assert {node for finding in found for node in finding.nodes} & marked
    assert all(set(finding.nodes) & marked for finding in found)
    assert all(finding.severity is rule.severity for finding in found)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_use_instead_is_silent(rule: Rule) -> None:
    found = findings(sections(rule)["Use instead"])
    assert not [item for item in found if item.rule == rule.id or rule.id in OF_FILES]
