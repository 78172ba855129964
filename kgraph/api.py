"""The public functions: the one place that wires the layers together."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kgraph.analysis import domain as domains
from kgraph.analysis.domain import Domain
from kgraph.analysis.extents import extents
from kgraph.analysis.names import renamed, shown_shape
from kgraph.analysis.requirements import requirements
from kgraph.analysis.resized import Sizes, named_sizes, resized
from kgraph.errors import KgraphError, SizesError, SourceError
from kgraph.findings import Endpoint, Finding, FusedSummary, GraphSummary, Problem, Report, Source
from kgraph.frontends import File, Loaded, load, open_file
from kgraph.frontends.contents import Contents, Limits
from kgraph.graph import Graph, Value, parameters, values
from kgraph.memory import collector_paused
from kgraph.rewrite import Outcome, rewrite
from kgraph.rules.base import Facts, Rule
from kgraph.rules.discover import discovered
from kgraph.version import __version__


@collector_paused()
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


@collector_paused()
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


@collector_paused()
def check(
    source: Any,
    *,
    input_shape: Sizes | Mapping[str, Sizes] | None = None,
    names: Mapping[str, str] | None = None,
    nested: str = "dissolve",
    run_lambdas: bool = False,
    limits: Limits | None = None,
) -> Report:
    """Checks a model: a verdict on every merge, fusions, refusals and the findings of every rule.

    Args:
        source, nested, run_lambdas, limits: as for ``extract``.
        input_shape: what the model is called on, ``(500, 375, 3)`` without the batch, by name where there are several
            inputs; None for an extent that stays open. Everything is then said of these sizes.
        names: names of your own for some sizes, ``{"H": "height"}``.

    Returns:
        The Report. Where a file holds no graph that can be read, but rules have found something in what it does hold,
        the graph is empty and ``errors`` says why.

    Raises:
        SourceError: the source cannot be read, and there is nothing else to say of it.
        KgraphError: the model does not take this input shape.
    """
    file = open_file(source, limits=limits)
    try:
        loaded = load(source if file is None else file, nested=nested, run_lambdas=run_lambdas, limits=limits)
    except SourceError as error:
        report = None if file is None else _check_contents(file, error)
        if report is None:
            raise
        return report
    if input_shape is not None:
        loaded = replace(loaded, graph=_at_sizes(loaded.graph, input_shape))
    if names:
        loaded = replace(loaded, graph=renamed(loaded.graph, names))
    return check_loaded(loaded)


def _at_sizes(graph: Graph, sizes: Sizes | Mapping[str, Sizes]) -> Graph:
    """The graph at given sizes; where it does not work there, the error says which sizes near them it takes."""
    try:
        return resized(graph, sizes)
    except SizesError as error:
        accepted, given = domains.domain(graph), named_sizes(graph, sizes)
        nearest = accepted.nearest(**dict.fromkeys(accepted.symbols, 1) | given)
        if accepted.unknown or not nearest:
            raise
        if given.items() <= nearest.items():
            others = {name: size for name, size in nearest.items() if name not in given}
            raise SizesError(f"{error}; give the other sizes as well, such as {_said(others)}") from error
        near = _said({name: nearest[name] for name in nearest if name in given})
        raise SizesError(f"{error}; the nearest sizes that the model accepts: {near}") from error


def _said(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items() if name != "B")


def _check_contents(file: File, error: SourceError) -> Report | None:
    """The Report on a file without a graph; None where no rule finds anything in it, or Keras would not read it."""
    if file.contents.format in ("text", "summary"):
        return None
    facts = Facts(Graph({}, {}, (), ()), file.source, file.contents)
    findings, problems = _run(facts, discovered())
    if not findings:
        return None
    problems = [Problem("graph", str(error)), *_unread(file.contents), *problems]
    return Report(__version__, file.source, _summary(facts.graph), findings=tuple(findings), errors=tuple(problems))


@collector_paused()
def check_loaded(loaded: Loaded) -> Report:
    """The Report on a graph that is loaded already."""
    graph, origin = loaded.graph, loaded.source
    facts = Facts(graph, origin, loaded.contents)
    findings, problems = _run(facts, discovered())
    problems = [*_unread(loaded.contents), *problems]
    outcome = facts.outcome
    return Report(
        kgraph=__version__,
        source=origin,
        graph=_summary(graph),
        fused=FusedSummary(len(outcome.graph.ops), outcome.graph.edge_count),
        merges=facts.verdicts,
        requirements=requirements(graph),
        domain=domains.summary(graph),
        fusions=outcome.applied,
        refusals=outcome.refused,
        findings=tuple(findings),
        errors=tuple(problems),
        notes=loaded.notes,
    )


@collector_paused()
def shapes(
    source: Any,
    *,
    names: Mapping[str, str] | None = None,
    nested: str = "dissolve",
    run_lambdas: bool = False,
    limits: Limits | None = None,
) -> dict[str, tuple[int | str | None, ...] | None]:
    """The symbolic shape of every tensor, batch first: ``{"conv2d": ("B", "ceil(H / 2)", "ceil(W / 2)", 64), ...}``.

    Args:
        source, nested, run_lambdas, limits: as for ``extract``.
        names: names of your own for some sizes, ``{"H": "height"}``.

    Returns:
        By value (``split[1]`` for the second output of a call) its extents: ints, expressions in the sizes of the
        inputs, or None for a size that only running the model tells; None for the whole where the rank is unknown.
    """
    graph = renamed(extract(source, nested=nested, run_lambdas=run_lambdas, limits=limits), names or {})
    made = (Value(node, out) for node, op in graph.ops.items() for out in range(len(op.outputs)))
    return {str(value): shown_shape(graph, extents(graph, value)) for value in made}


@collector_paused()
def domain(
    source: Any,
    *,
    names: Mapping[str, str] | None = None,
    nested: str = "dissolve",
    run_lambdas: bool = False,
    limits: Limits | None = None,
) -> Domain:
    """The sizes at which the whole model runs: ``domain(model).accepts(H=500, W=375)``.

    Args:
        source, names, nested, run_lambdas, limits: as for ``shapes``.

    Returns:
        A Domain: a condition in words, and tests (``accepts``, ``nearest``, ``smallest``).
    """
    graph = extract(source, nested=nested, run_lambdas=run_lambdas, limits=limits)
    return domains.domain(renamed(graph, names or {}))


def check_many(
    sources: Sequence[str],
    *,
    jobs: int = 1,
    input_shape: Sizes | Mapping[str, Sizes] | None = None,
    nested: str = "dissolve",
    run_lambdas: bool = False,
    limits: Limits | None = None,
) -> Iterator[Report]:
    """A Report for each source, in their order, each as soon as it and all before it are done.

    A source that cannot be read stops no other: its Report has the reason under ``errors``.

    Args:
        sources: paths of files, or import paths.
        jobs: processes that work at once.
        input_shape, nested, run_lambdas, limits: as for ``check``.

    Raises:
        KgraphError: a process was ended from outside.
    """
    one = functools.partial(
        _check_or_say_why, input_shape=input_shape, nested=nested, run_lambdas=run_lambdas, limits=limits
    )
    if jobs <= 1 or len(sources) <= 1:
        yield from map(one, sources)
        return
    import multiprocessing
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

    fresh = multiprocessing.get_context("spawn")  # a copy of this process would hold what other threads have locked
    with ProcessPoolExecutor(min(jobs, len(sources)), mp_context=fresh) as pool:
        try:
            yield from pool.map(one, sources, chunksize=max(1, min(16, len(sources) // (4 * jobs))))
        except BrokenExecutor as error:
            raise KgraphError(
                "a process that checks files ended by itself, perhaps for want of memory; try --jobs 1"
            ) from error


def _check_or_say_why(source: str, **reading: Any) -> Report:
    try:
        return check(source, **reading)
    except KgraphError as error:
        nothing = GraphSummary(nodes=0, edges=0, parameters=None, inputs=(), outputs=())
        origin = Source(source, source, "unknown")
        return Report(kgraph=__version__, source=origin, graph=nothing, errors=(Problem(source, str(error)),))


def _unread(contents: Contents | None) -> list[Problem]:
    """What was not looked at: a file with such a part never looks clean."""
    return [] if contents is None else [Problem("file", sentence) for sentence in contents.unread]


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
    return Endpoint(str(value), shown_shape(graph, extents(graph, value)), graph.spec(value).dtype)
