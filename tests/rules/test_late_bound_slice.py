from __future__ import annotations

from kgraph import Finding, check, parse


def lambdas(*parts: tuple[str, str, str]) -> str:
    """Statements from (slice, digest, captures)."""
    lines: list[str] = []
    for number, (part, digest, captures) in enumerate(parts):
        facts = f"{{'function': {{'digest': '{digest}', 'known': 'proved', 'captures': {captures}}}}}"
        lines += [f'"{facts}"', f'l{number} = Lambda(lambda t: t[{part}], name="l{number}")(x)']
    return "\n".join(lines)


def findings(body: str, outputs: str, channels: int = 8) -> list[Finding]:
    graph = parse(f'x = Input(shape=(4, {channels}), name="x")\n{body}\nmodel = Model(x, {outputs})')
    return [finding for finding in check(graph).findings if finding.rule == "KG201"]


CELL = "(('c', 0, 3),)"


def test_branches_that_share_a_cell_and_leave_channels_unread() -> None:
    (finding,) = findings(lambdas(*[("..., 6:8", "d", CELL)] * 4), "[l0, l1, l2, l3]")
    assert finding.message == "all 4 branches of x read channels 6..7; channels 0..5 are never read"
    assert "Lambda(lambda t, c=c: ...)" in finding.help
    assert finding.nodes == ("l0", "l1", "l2", "l3")


def test_an_index_instead_of_a_slice() -> None:
    (finding,) = findings(lambdas(*[("..., 7", "d", CELL)] * 8), "[l0, l1, l2, l3, l4, l5, l6, l7]")
    assert finding.message == "all 8 branches of x read channel 7; channels 0..6 are never read"


def test_a_recorded_shape_that_the_code_no_longer_gives_is_certain_even_if_everything_is_read() -> None:
    recorded = lambdas(*[("..., 6:8", "d", CELL)] * 2).replace(
        "{'function'", "{'outputs': (((None, 4, 3), 'float32'),), 'function'", 1
    )
    (finding,) = findings(recorded + "\nz = ops.relu(x)", "[l0, l1, z]")
    assert finding.message.startswith("all 2 branches of x read channels 6..7")


def test_a_slice_past_the_end_says_where_it_reads() -> None:
    recorded = lambdas(*[("..., 992:1024", "d", CELL)] * 2).replace(
        "{'function'", "{'outputs': (((None, 4, 3), 'float32'),), 'function'"
    )
    (finding,) = findings(recorded, "[l0, l1]")
    assert finding.message == (
        "all 2 branches of x read channels 992..1023, of which it has none (0..7); channels 0..7 are never read"
    )


def test_silent_where_the_cause_is_not_certain() -> None:
    same = ("..., 6:8", "d", CELL)
    assert not findings(lambdas(same, same) + "\nz = ops.relu(x)", "[l0, l1, z]")  # the rest is read elsewhere
    assert not findings(lambdas(same, ("..., 6:8", "other", CELL)), "[l0, l1]")  # two expressions
    assert not findings(lambdas(same, ("..., 6:8", "d", "(('c', 1, 3),)")), "[l0, l1]")  # two cells: a factory
    assert not findings(lambdas(("..., 6:8", "d", "()"), ("..., 6:8", "d", "()")), "[l0, l1]")  # bound as defaults
    assert not findings(lambdas(same), "l0")  # one alone
    assert not findings(lambdas(*[("..., 2:8", "d", CELL)] * 2), "[l0, l1]")  # they never could have been apart
    assert not findings(lambdas(same, same), "[x, l0, l1]")  # the model gives out all of x


def test_an_unknown_selection_is_not_judged() -> None:
    facts = "\"{'function': {'digest': 'd', 'known': 'unknown', 'captures': (('c', 0, 3),)}, 'outputs': (((None, 4, 2), 'float32'),)}\""
    body = "\n".join(f'{facts}\nl{n} = Lambda(opaque("d"), name="l{n}")(x)' for n in range(2))
    assert not findings(body, "[l0, l1]")
