from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from kgraph import KgraphError
from kgraph.rules import discover


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts entry points in place of the installed ones."""

    def put(*points: Any) -> None:
        def entry_points(**_: str) -> list[Any]:
            return list(points)

        discover.discovered.cache_clear()
        monkeypatch.setattr(metadata, "entry_points", entry_points)

    yield put
    discover.discovered.cache_clear()


class Extra:
    id = "XX001"
    name = "extra-rule"

    def check(self, graph: object, facts: object) -> list[object]:
        return []


def point(found: Any, name: str = "extra") -> Any:
    def load() -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    return SimpleNamespace(name=name, value="pkg:Extra", load=load)


def test_own_rules_and_plug_ins_are_found_by_id(plug: Any) -> None:
    plug(point(Extra))
    found = [rule.id for rule in discover.discovered()]
    assert found == sorted(found)
    assert {"KG101", "KG201", "KG701", "XX001"} <= set(found)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (ImportError("no numpy"), "the rule plug-in 'extra' .pkg:Extra. cannot be loaded: no numpy"),
        (SimpleNamespace, "the rule plug-in 'extra' .pkg:Extra. is no rule: it needs an id and check"),
        (type("Twin", (Extra,), {"id": "KG101"}), "two rules have the id KG101: ImplicitBroadcast and Twin"),
    ],
)
def test_a_wrong_plug_in_is_one_clear_error(plug: Any, found: Any, message: str) -> None:
    plug(point(found))
    with pytest.raises(KgraphError, match=message):
        discover.discovered()
