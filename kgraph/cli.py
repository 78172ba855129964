"""The command line: thin, one function a command."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from kgraph.errors import KgraphError
from kgraph.files import write_text
from kgraph.version import __version__

if TYPE_CHECKING:
    from kgraph.frontends import Loaded
    from kgraph.graph import Graph

NURSERY = 200_000
"""Objects that may be made before Python looks for cycles among them."""

SOURCE_HELP = """SOURCE is an import path package.module:name of a Keras 3 model, or of a function without
arguments that makes one (the current folder comes first; this imports the module and so needs Keras), or a file in the
text form, as `kgraph show` writes it. An existing file wins."""


class _Group(click.Group):
    """Puts what a SOURCE is under the help of every command."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(" ".join(SOURCE_HELP.split()))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="kgraph %(version)s")
def cli() -> None:
    """Graph-level static analysis for Keras models.

    Exit codes: 0 nothing found, 1 findings at or above the threshold, 2 the source could not be read or the call is
    wrong.
    """


def _command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Reports a KgraphError as one line on stderr with exit code 2, and ends with the command's exit code."""

    @functools.wraps(function)
    def run(**options: Any) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up notes are not about the model
        try:
            code = function(**_gathered(options))
        except KgraphError as error:
            click.echo(f"kgraph: {' '.join(str(error).split())}", err=True)
            code = 2
        sys.exit(code or 0)

    return run


def _gathered(options: dict[str, Any]) -> dict[str, Any]:
    """The options, with those of reading a model in one: what the public functions take by the same names."""
    if "limit" not in options:
        return options
    from kgraph.frontends.contents import limits_of

    written = options.pop("limit")
    reading = {"nested": options.pop("nested"), "run_lambdas": options.pop("run_lambdas")}
    return {**options, "reading": {**reading, "limits": limits_of(written) if written else None}}


def _reading_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that reads a model."""
    function = click.option(
        "--nested", type=click.Choice(["dissolve", "keep"]), default="dissolve", show_default=True,
        help="Repeat the calls inside a nested model, or keep it as one node.",
    )(function)  # fmt: skip
    function = click.option(
        "--limit", multiple=True, metavar="NAME=VALUE",
        help="How much of a file is read before it is refused, such as nodes=5000000; once for each limit.",
    )(function)  # fmt: skip
    return click.option(
        "--run-lambdas", is_flag=True, help="Also call Lambda functions whose bytecode does not tell what they select."
    )(function)


def _reading(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and the one source that they read."""
    return click.argument("source")(_reading_options(function))


@cli.command()
@_reading_options
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the report to a file.")
@click.option("-v", "--verbose", is_flag=True, help="Write out every merge, fusion and refusal, and why.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Processes for several sources; one a processor.")
@click.option(
    "--fail-on", type=click.Choice(["info", "warning", "error"]), default="warning", show_default=True,
    help="Findings of at least this severity make the exit code 1.",
)  # fmt: skip
@click.option(
    "--input", "sizes", multiple=True, metavar="[NAME=]HxWxC",
    help="Check at these sizes: 500x375x3, without the batch; ? for one that stays open. Repeat it for several inputs.",
)  # fmt: skip
@_command
def check(
    sources: tuple[str, ...], reading: dict[str, Any], output_format: str, output: str | None, verbose: bool,
    jobs: int | None, fail_on: str, sizes: tuple[str, ...],
) -> int:  # fmt: skip
    """Check models: a verdict on every merge, fusions, and what is wrong.

    One SOURCE gives a whole report; of several, what was found is listed, and JSON is an array.
    """
    from kgraph.api import check as check_one
    from kgraph.findings import Severity

    reading["input_shape"] = _input_shape(sizes)
    terminal = output is None and sys.stdout.isatty()
    style = _style if terminal else _plain
    if len(sources) == 1:
        report = check_one(sources[0], **reading)
        from kgraph.report.text import render

        width = shutil.get_terminal_size((100, 24)).columns if terminal else 100
        text = report.to_json() if output_format == "json" else render(report, every=verbose, width=width, style=style)
        reports = [report]
    else:
        from kgraph.report import many

        reports = _with_progress(sources, jobs or os.cpu_count() or 1, reading)
        json = output_format == "json"
        text = many.render_json(reports) if json else many.render(reports, every=verbose, style=style)
    _emit(text + "\n", output)
    return max(report.exit_code(Severity(fail_on)) for report in reports)


def _input_shape(sizes: tuple[str, ...]) -> Any:
    """What ``--input`` gives: None, the shape of the only input, or those of several by name."""
    named: dict[str, tuple[int | None, ...]] = {}
    for text in sizes:
        name, _, extents = text.rpartition("=")
        if not name and len(sizes) > 1:
            raise KgraphError(f"--input {text}: of several inputs each needs its name; expected NAME={extents}")
        if name in named:
            raise KgraphError(f"--input {text}: the input {name!r} is given twice")
        named[name] = tuple(_size(text, extent) for extent in extents.lower().split("x"))
    return named.get("", named or None)


def _size(text: str, extent: str) -> int | None:
    if extent in ("none", "?"):
        return None
    if extent.isascii() and extent.isdigit() and len(extent) < 20:
        return int(extent)
    raise KgraphError(f"--input {text}: {extent!r} is no size; expected something like 500x375x3, or ?x?x3")


def _with_progress(sources: tuple[str, ...], jobs: int, reading: dict[str, Any]) -> list[Any]:
    """The reports on many sources, with a bar where a person is looking."""
    from kgraph.api import check_many

    found = check_many(sources, jobs=jobs, **reading)
    if not sys.stderr.isatty():
        return list(found)
    from rich.console import Console
    from rich.progress import track

    bar = Console(stderr=True)
    return list(track(found, "checking", total=len(sources), console=bar, transient=True))


@cli.command()
@_reading
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write the fused graph to a file, in the text form."
)
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_command
def fuse(source: str, reading: dict[str, Any], output: str | None, output_format: str) -> None:
    """Fuse what can be fused exactly, and say why the rest cannot."""
    from kgraph.api import show
    from kgraph.findings import FusedSummary
    from kgraph.report.fusions import render, render_json
    from kgraph.rewrite import rewrite

    graph = _read(source, reading)
    outcome = rewrite(graph)
    if output is not None:
        _emit(show(outcome.graph), output)
    before, after = (FusedSummary(len(item.ops), item.edge_count) for item in (graph, outcome.graph))
    writer = render_json if output_format == "json" else render
    click.echo(writer(before, after, outcome.applied, outcome.refused), nl=False)


@cli.command()
@_reading
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The file: .svg, .dot or .gv.")
@click.option("--unfused", is_flag=True, help="Draw the graph as it was extracted.")
@_command
def draw(source: str, reading: dict[str, Any], output: str, unfused: bool) -> None:
    """Draw the fused graph, with verdicts and findings."""
    from kgraph import api

    graph = _read(source, reading)
    report = api.check(graph)
    drawn = graph if unfused else api.fuse(graph).graph
    api.draw(drawn, output, report=report)
    click.echo(f"{output}: {len(drawn.ops):,} nodes, {drawn.edge_count:,} edges")


@cli.command()
@_reading
@click.option("--fused", is_flag=True, help="Write the fused graph.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write it to a file.")
@_command
def show(source: str, reading: dict[str, Any], fused: bool, output: str | None) -> None:
    """Write the graph as Keras functional code, which `kgraph check` reads again."""
    from kgraph import api

    graph = _read(source, reading)
    _emit(api.show(api.fuse(graph).graph if fused else graph), output)


@cli.command()
@_reading
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the table to a file.")
@_command
def summary(source: str, reading: dict[str, Any], output_format: str, output: str | None) -> None:
    """Print the model as a table, hand-written grouped convolutions folded into one line each."""
    from kgraph import api
    from kgraph.report.table import lines, render, render_json
    from kgraph.report.text import plain

    loaded = _load(source, reading)
    graph, notes = loaded.graph, loaded.notes
    rows = lines(graph, api.fuse(graph).graph)
    if output_format == "json":
        _emit(render_json(graph, rows, notes=notes), output)
        return
    terminal = output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 100
    _emit(render(graph, rows, notes=notes, width=width, style=_style if terminal else plain), output)


def _load(source: str, reading: dict[str, Any]) -> Loaded:
    from kgraph.frontends import load
    from kgraph.memory import collector_paused

    with collector_paused():
        return load(source, **reading)


def _read(source: str, reading: dict[str, Any]) -> Graph:
    """The graph of a source, for commands whose output has no place for what the source does not tell."""
    loaded = _load(source, reading)
    if loaded.notes:
        click.echo(f"kgraph: {source} does not tell everything; `kgraph check` says what was assumed", err=True)
    return loaded.graph


@cli.command()
@_reading
@click.argument("node")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--smt2", type=click.Path(dir_okay=False), metavar="OUT",
    help="Also write what is claimed as SMT-LIB 2, for any SMT solver to check.",
)  # fmt: skip
@_command
def why(source: str, reading: dict[str, Any], node: str, output_format: str, smt2: str | None) -> None:
    """Print why a call works where it does: for every axis the calls that made its extent, back to the input."""
    from kgraph.analysis.chains import why as found_why
    from kgraph.analysis.smt import smt2 as claims
    from kgraph.report.why import render, render_json

    graph = _read(source, reading)
    found = found_why(graph, node)
    if smt2 is not None:
        _emit(claims(graph, node), smt2)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 100
    text = render(found, width=width, style=_style if terminal else _plain)
    _emit(render_json(found) if output_format == "json" else text, None)


COLOURS: dict[str, dict[str, Any]] = {
    "title": {"bold": True},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow"},
    "info": {"fg": "cyan"},
    "good": {"fg": "green"},
    "dim": {"dim": True},
}


def _plain(text: str, _: str) -> str:
    return text


def _style(text: str, role: str) -> str:
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        return text
    return click.style(text, **COLOURS[role])


def _emit(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    write_text(output, text)


def main() -> None:
    """The console script."""
    gc.set_threshold(NURSERY)  # a graph is large, acyclic and needed to the end: looking through it frees nothing
    cli()
