"""Each rule's docstring is its documentation and its test."""

from __future__ import annotations

import inspect
import re

import pytest

from kgraph import check, parse
from kgraph.findings import Severity
from kgraph.rules.base import Rule
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


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
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
    assert not [item for item in check(parse(sections(rule)["Use instead"])).findings if item.rule == rule.id]
