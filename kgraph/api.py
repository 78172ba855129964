"""The public functions: the one place that wires the layers together."""

from __future__ import annotations

import os
from typing import Any

from kgraph.analysis.extents import extents, shown_shape
from kgraph.findings import Endpoint, Finding, FusedSummary, GraphSummary, Problem, Report, Source
from kgraph.frontends import load
from kgraph.graph import Graph, Value, parameters, values
from kgraph.memory import collector_paused
from kgraph.rewrite import Outcome, rewrite
from kgraph.rules.base import Facts, Rule
from kgraph.rules.discover import discovered
from kgraph.version import __version__


@collector_paused()
def extract(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False) -> Graph:
    """The Graph of a source.

    Args:
        source: a live Keras 3 functional or built Sequential model, a Graph, the path of a file in the text form, or
            an import path ``package.module:name``.
        nested: ``dissolve`` repeats the calls of a nested model at each of its calls; ``keep`` makes each one node.
        run_lambdas: also *call* Lambda functions whose bytecode does not tell what they select, on a small array of
            numbers. Off by default: nothing of the model is run.

    Raises:
        SourceError: the source cannot be read.
    """
    return load(source, nested=nested, run_lambdas=run_lambdas)[0]


@collector_paused()
def fuse(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False) -> Outcome:
    """Fuses what hand-written subgraphs can be fused exactly, and says why the near misses cannot.

    Args:
        source, nested, run_lambdas: as for ``extract``.

    Returns:
        The fused graph, the fusions (``applied``) and the refusals (``refused``).
    """
    return rewrite(extract(source, nested=nested, run_lambdas=run_lambdas))


def show(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False) -> str:
    """The text form: Keras functional code, from which ``parse`` reads the same graph."""
    from kgraph.text import show as write

    return write(extract(source, nested=nested, run_lambdas=run_lambdas))


def draw(source: Any, path: str | os.PathLike[str] | None = None, *, report: Report | None = None) -> str:
    """Draws a graph as SVG (or as DOT, by the suffix of ``path``) and returns the text.

    Args:
        source: as for ``extract``; pass ``fuse(...).graph`` for the fused graph.
        path: where to write it; nothing is half-written.
        report: what ``check`` said: verdicts and findings are then marked.

    Raises:
        DrawError: the layout engine is missing or took too long, or the file cannot be written.
    """
    from kgraph.render import draw as render

    return render(extract(source), path, report=report)


@collector_paused()
def check(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False) -> Report:
    """Checks a model: a verdict on every merge, fusions, refusals and the findings of every rule.

    Args:
        source, nested, run_lambdas: as for ``extract``.
    """
    graph, origin = load(source, nested=nested, run_lambdas=run_lambdas)
    return check_graph(graph, origin)


@collector_paused()
def check_graph(graph: Graph, origin: Source) -> Report:
    """The Report on a graph whose origin is known."""
    facts = Facts(graph, origin)
    findings, problems = _run(facts, discovered())
    outcome = facts.outcome
    return Report(
        kgraph=__version__,
        source=origin,
        graph=_summary(graph),
        fused=FusedSummary(len(outcome.graph.ops), outcome.graph.edge_count),
        merges=facts.verdicts,
        fusions=outcome.applied,
        refusals=outcome.refused,
        findings=tuple(findings),
        errors=tuple(problems),
    )


def _run(facts: Facts, rules: tuple[Rule, ...]) -> tuple[list[Finding], list[Problem]]:
    """Every rule; one that raises is reported as an analysis that did not run, and stops no other."""
    findings: list[Finding] = []
    problems: list[Problem] = []
    for rule in rules:
        try:
            findings.extend(rule.check(facts.graph, facts))
        except Exception as error:  # a rule may be somebody else's plug-in
            problems.append(Problem(rule.id, f"the rule raised {type(error).__name__}: {error}"))
    return sorted(findings, key=lambda finding: finding.rule), problems


def _summary(graph: Graph) -> GraphSummary:
    return GraphSummary(
        nodes=len(graph.ops),
        edges=graph.edge_count,
        parameters=parameters(graph),
        inputs=tuple(_endpoint(graph, value) for value in values(graph.inputs)),
        outputs=tuple(_endpoint(graph, value) for value in values(graph.outputs)),
    )


def _endpoint(graph: Graph, value: Value) -> Endpoint:
    return Endpoint(str(value), shown_shape(extents(graph, value)), graph.spec(value).dtype)
