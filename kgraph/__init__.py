"""kgraph: graph-level static analysis for Keras models."""

from kgraph.api import check, draw, extract, fuse, show
from kgraph.errors import KgraphError
from kgraph.findings import Finding, Fusion, Refusal, Report, Severity, Verdict
from kgraph.frontends.contents import Limits
from kgraph.graph import Graph, Op, Value
from kgraph.rewrite import Outcome, Refused
from kgraph.text import parse

__all__ = [
    "Finding",
    "Fusion",
    "Graph",
    "KgraphError",
    "Limits",
    "Op",
    "Outcome",
    "Refusal",
    "Refused",
    "Report",
    "Severity",
    "Value",
    "Verdict",
    "check",
    "draw",
    "extract",
    "fuse",
    "parse",
    "show",
]
