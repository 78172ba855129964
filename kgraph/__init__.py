"""kgraph: graph-level static analysis for Keras models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kgraph.analysis.domain import Domain
    from kgraph.api import check, domain, draw, extract, fuse, shapes, show
    from kgraph.errors import KgraphError
    from kgraph.findings import Finding, Fusion, Refusal, Report, Requirement, Severity, Verdict
    from kgraph.frontends.contents import Limits
    from kgraph.graph import Graph, Op, Value
    from kgraph.rewrite import Outcome, Refused
    from kgraph.text import parse
    from kgraph.version import __version__

_HOME = {
    "__version__": "version",
    **dict.fromkeys(("check", "domain", "draw", "extract", "fuse", "shapes", "show"), "api"),
    "Domain": "analysis.domain",
    "KgraphError": "errors",
    **dict.fromkeys(("Finding", "Fusion", "Refusal", "Report", "Requirement", "Severity", "Verdict"), "findings"),
    "Limits": "frontends.contents",
    **dict.fromkeys(("Graph", "Op", "Value"), "graph"),
    **dict.fromkeys(("Outcome", "Refused"), "rewrite"),
    "parse": "text",
}
"""Where each public name lives: imported when it is first used, as ``kgraph --help`` needs none of it."""

__all__ = [
    "Domain",
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
    "Requirement",
    "Severity",
    "Value",
    "Verdict",
    "__version__",
    "check",
    "domain",
    "draw",
    "extract",
    "fuse",
    "parse",
    "shapes",
    "show",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'kgraph' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"kgraph.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
