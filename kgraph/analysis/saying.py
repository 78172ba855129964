"""Extents in a person's words: ``ceil(H / 2)``, ``2 * H + 1``, ``H // 16``."""

from __future__ import annotations

from collections.abc import Callable

from kgraph.analysis.expressions import Atom, Expression, Extent, Floor, Largest, Monomial, Symbol, atomic, minus, plus


def said(extent: Extent, name: Callable[[Symbol], str] = str) -> str:
    """An extent for a person: ``ceil(H / 2)``, ``2 * H + 1``, ``H // 16``."""
    if isinstance(extent, int):
        return str(extent)
    smaller = _smaller(extent, name)
    if smaller is not None:
        return smaller
    inside, constant = _with_constant(extent)
    parts = [(_product(monomial, abs(factor), name, inside), factor < 0) for monomial, factor in extent.terms.items()]
    if constant:
        parts.append((str(abs(constant)), constant < 0))
    parts.sort(key=lambda part: part[1])
    (first, negative), *rest = parts
    alone = not rest and not negative and max(map(len, extent.terms)) == 1
    first = first[1:-1] if alone and first.startswith("(") and first.endswith(")") else first
    return ("-" if negative else "") + first + "".join(f" {'-' if less else '+'} {words}" for words, less in rest)


def _with_constant(extent: Expression) -> tuple[int, int]:
    """(what is put inside the only division, what stays outside): ``(H + 1) // 2 - 1`` is said ``(H - 1) // 2``."""
    ((monomial, factor), *more) = extent.terms.items()
    if more or len(monomial) != 1 or not isinstance(monomial[0], Floor) or extent.constant % factor:
        return 0, extent.constant
    return extent.constant // factor, 0


def _smaller(extent: Expression, name: Callable[[Symbol], str]) -> str | None:
    """``a + b - max(a, b)`` as the smaller of the two."""
    for monomial, factor in extent.terms.items():
        atom = monomial[0]
        if factor == -1 and len(monomial) == 1 and isinstance(atom, Largest) and len(atom.options) == 2:
            left, right = atom.options
            if minus(plus(extent, atomic(atom)), plus(left, right)) == 0:
                return f"min({said(left, name)}, {said(right, name)})"
    return None


def _product(monomial: Monomial, factor: int, name: Callable[[Symbol], str], inside: int) -> str:
    words = [_atom_words(atom, name, inside) for atom in monomial]
    return " * ".join([str(factor), *words] if factor != 1 else words)


def _atom_words(atom: Atom, name: Callable[[Symbol], str], inside: int = 0) -> str:
    if isinstance(atom, Symbol):
        return name(atom)
    if isinstance(atom, Largest):
        return f"max({', '.join(said(option, name) for option in atom.options)})"
    up = not inside and atom.inner.constant == atom.divisor - 1
    words = said(minus(atom.inner, atom.inner.constant) if up else plus(atom.inner, inside * atom.divisor), name)
    words = f"({words})" if " " in words else words
    return f"ceil({words} / {atom.divisor})" if up else f"({words} // {atom.divisor})"
