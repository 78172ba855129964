from __future__ import annotations

import pytest

from tests.analysis.applications import FEW, application, names
from tests.analysis.brute import is_long

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("name", names() if is_long() else FEW)
def test_keras_builds_the_smallest_and_no_smaller_one(name: str) -> None:
    found = application(name)
    assert found.wrong == ()
    assert found.unknown == ()
    assert found.condition is not None
    assert found.smallest is not None
    assert "unknown" not in {*found.verdicts, *found.requirements}
