"""``docs/files.md`` names every rule and every attack, and says of each rule what the rule says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from kgraph.rules.discover import discovered

DOCS = Path(__file__).parents[3] / "docs" / "files.md"
RULES = {rule.id: rule for rule in discovered() if rule.id.startswith("KG7")}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCS.read_text("utf-8").splitlines()
    if line.startswith("|")
]


def test_every_attack_has_rules_that_exist() -> None:
    attacks = {row[0]: re.findall(r"KG\d{3}", row[3]) for row in ROWS if re.fullmatch(r"A\d+", row[0])}
    assert list(attacks) == [f"A{number}" for number in range(1, 17)]
    assert all(found and set(found) <= RULES.keys() for found in attacks.values())
    assert {rule for found in attacks.values() for rule in found} == RULES.keys() - {"KG715"}


def test_every_rule_is_documented_as_it_is() -> None:
    told = {row[0]: row[1] for row in ROWS if row[0].startswith("KG")}
    assert told == {f"{rule.id} `{rule.name}`": rule.severity.value for rule in RULES.values()}


def test_the_readme_links_to_it() -> None:
    assert "](docs/files.md)" in (DOCS.parents[1] / "README.md").read_text("utf-8")
