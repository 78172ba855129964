"""The text form: a Graph written and read as real Keras functional code. Nothing is executed to read it."""

from kgraph.text.reader import parse
from kgraph.text.writer import show

__all__ = ["parse", "show"]
