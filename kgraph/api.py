"""The public functions: the one place that wires the layers together."""

from __future__ import annotations

import functools
import os
from importlib import metadata
from typing import Any

from kgraph.analysis.extents import extents, shown_shape
from kgraph.errors import SourceError
from kgraph.findings import Endpoint, Finding, FusedSummary, GraphSummary, Problem, Report
from kgraph.frontends import File, Loaded, load, open_file
from kgraph.frontends.contents import Limits
from kgraph.graph import Graph, Value, parameters, values
from kgraph.rewrite import Outcome, rewrite
from kgraph.rules.base import Facts, Rule
from kgraph.rules.discover import discovered


@functools.cache
def version() -> str:
    """kgraph's version."""
    return metadata.version("kgraph")


def extract(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False, limits: Limits | None = None) -> Graph:
    """The Graph of a source.

    Args:
        source: a live functional or built Sequential model; a Graph; the path, the bytes or the open file (binary) of
            a model file (``.keras``, ``.h5``, ``.json``, a printed summary, the text form); the text of one; or an
            import path ``package.module:name``. Files are read without Keras, and nothing in them is run.
        nested: ``dissolve`` repeats the calls of a nested model at each of its calls; ``keep`` makes each one node.
        run_lambdas: also *call* Lambda functions of a live model whose bytecode does not tell what they select, on a
            small array of numbers. Off by default: nothing of the model is run.
        limits: how much of a file is read before it is refused; ``kgraph.Limits()`` where it is None.

    Raises:
        SourceError: the source cannot be read.
    """
    return load(source, nested=nested, run_lambdas=run_lambdas, limits=limits).graph


def fuse(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False, limits: Limits | None = None) -> Outcome:
    """Fuses what hand-written subgraphs can be fused exactly, and says why the near misses cannot.

    Args:
        source, nested, run_lambdas, limits: as for ``extract``.

    Returns:
        The fused graph, the fusions (``applied``) and the refusals (``refused``).
    """
    return rewrite(extract(source, nested=nested, run_lambdas=run_lambdas, limits=limits))


def show(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False, limits: Limits | None = None) -> str:
    """The text form: Keras functional code, from which ``parse`` reads the same graph."""
    from kgraph.text import show as write

    return write(extract(source, nested=nested, run_lambdas=run_lambdas, limits=limits))


def draw(
    source: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    report: Report | None = None,
    limits: Limits | None = None,
) -> str:
    """Draws a graph as SVG (or as DOT, by the suffix of ``path``) and returns the text.

    Args:
        source: as for ``extract``; pass ``fuse(...).graph`` for the fused graph.
        path: where to write it; nothing is half-written.
        report: what ``check`` said: verdicts and findings are then marked.
        limits: as for ``extract``.

    Raises:
        DrawError: the layout engine is missing or took too long, or the file cannot be written.
    """
    from kgraph.render import draw as render

    return render(extract(source, limits=limits), path, report=report)


def check(source: Any, *, nested: str = "dissolve", run_lambdas: bool = False, limits: Limits | None = None) -> Report:
    """Checks a model: a verdict on every merge, fusions, refusals and the findings of every rule.

    Args:
        source, nested, run_lambdas, limits: as for ``extract``.

    Returns:
        The Report. Where a file holds no graph that can be read, but rules have found something in what it does hold,
        the graph is empty and ``errors`` says why.

    Raises:
        SourceError: the source cannot be read, and there is nothing else to say of it.
    """
    file = open_file(source, limits=limits)
    try:
        loaded = load(source if file is None else file, nested=nested, run_lambdas=run_lambdas, limits=limits)
    except SourceError as error:
        report = None if file is None else _check_contents(file, error)
        if report is None:
            raise
        return report
    return check_loaded(loaded)


def _check_contents(file: File, error: SourceError) -> Report | None:
    """The Report on a file without a graph; None where no rule finds anything in it."""
    facts = Facts(Graph({}, {}, (), ()), file.source, file.contents)
    findings, problems = _run(facts, discovered())
    if not findings:
        return None
    problems = [Problem("graph", str(error)), *problems]
    return Report(version(), file.source, _summary(facts.graph), findings=tuple(findings), errors=tuple(problems))


def check_loaded(loaded: Loaded) -> Report:
    """The Report on a graph that is loaded already."""
    graph, origin = loaded.graph, loaded.source
    facts = Facts(graph, origin, loaded.contents)
    findings, problems = _run(facts, discovered())
    outcome = facts.outcome
    return Report(
        kgraph=version(),
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
