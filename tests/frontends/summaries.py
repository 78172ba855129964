"""What ``model.summary()`` prints, of either flavour, and what pasting makes of it."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock


def printed(model: Any, *, columns: int = 200, **options: Any) -> str:
    """The output of ``model.summary(**options)`` in a terminal so many columns wide."""
    said: list[str] = []
    with mock.patch.dict(os.environ, COLUMNS=str(columns)):
        model.summary(print_fn=lambda text, line_break=True: said.append(text), **options)
    return "\n".join(said) + "\n"
