"""The printed output of ``model.summary()``."""

from __future__ import annotations


def is_summary(text: str) -> bool:
    """Whether a text is a pasted ``model.summary()``: it has the heads of the table's first columns."""
    return "Layer (type)" in text and "Output Shape" in text
