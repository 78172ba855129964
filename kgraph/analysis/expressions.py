"""Extents as expressions in open sizes: sums of products of sizes and floor divisions, in one normal form.

Two expressions that are equal in this form are equal at every size; what it cannot tell is for ``integers``. The rules
of ``ops/`` compute with expressions as with ints: comparing them asks the path that is being explored (``cases``), and
outside of one only ``==`` is allowed, which compares forms.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NoReturn

from kgraph.graph import Value


class TooHardError(TypeError):
    """An operation leaves quasi-affine arithmetic; what needs it is not known. Never seen outside of ``analysis``."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """An open size: the batch (``value`` is None), or that of an axis which nothing but itself is known to equal."""

    value: Value | None
    axis: int
    hashed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.value, self.axis)))

    def __hash__(self) -> int:
        return self.hashed

    def __str__(self) -> str:
        return "B" if self.value is None else f"{self.value}.shape[{self.axis}]"


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """``inner // divisor``; the divisor is at least 2."""

    inner: Expression
    divisor: int
    hashed: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.inner, self.divisor)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Floor) and self.divisor == other.divisor and self.inner.same(other.inner)

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True, eq=False)
class Largest:
    """The largest of several extents; the normal form has none of which the others are known to be no larger."""

    options: tuple[Extent, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Largest) or len(self.options) != len(other.options):
            return False
        return all(map(_is_same, self.options, other.options))

    def __hash__(self) -> int:
        return hash(self.options)


Atom = Symbol | Floor | Largest
Monomial = tuple[Atom, ...]
"""A product of atoms, in order."""

decider: ContextVar[Callable[[Expression, str], bool] | None] = ContextVar("decider", default=None)
"""Answers ``expression == 0`` and ``expression >= 0`` where a rule asks."""


class Expression:
    """A sum of products with whole coefficients, at least one of which is open."""

    __slots__ = ("_hash", "constant", "terms")

    terms: Mapping[Monomial, int]
    constant: int

    def __init__(self, terms: Mapping[Monomial, int], constant: int) -> None:
        self.terms = terms
        self.constant = constant
        self._hash = hash((frozenset(terms.items()), constant))

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Expression({dict(self.terms)!r}, {self.constant})"

    def same(self, other: object) -> bool:
        """True if the forms are equal; asks nobody."""
        return (
            isinstance(other, Expression)
            and self._hash == other._hash
            and self.constant == other.constant
            and self.terms == other.terms
        )

    def __eq__(self, other: object) -> bool:
        if self.same(other):
            return True
        if decider.get() is None or not isinstance(other, (int, Expression)):
            return False
        return _ask(minus(self, other), "==")

    def __add__(self, other: Extent) -> Extent:
        return plus(self, other)

    __radd__ = __add__

    def __neg__(self) -> Extent:
        return times(self, -1)

    def __sub__(self, other: Extent) -> Extent:
        return minus(self, other)

    def __rsub__(self, other: Extent) -> Extent:
        return minus(other, self)

    def __mul__(self, other: Extent) -> Extent:
        return times(self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Extent) -> Extent:
        return divided(self, other)

    def __rfloordiv__(self, other: Extent) -> Extent:
        return divided(other, self)

    def __mod__(self, other: Extent) -> Extent:
        return minus(self, times(divided(self, other), other))

    def __rmod__(self, other: Extent) -> Extent:
        return minus(other, times(divided(other, self), self))

    def __divmod__(self, other: Extent) -> tuple[Extent, Extent]:
        return self // other, self % other

    def __lt__(self, other: Extent) -> bool:
        return _ask(minus(minus(other, self), 1), ">=")

    def __le__(self, other: Extent) -> bool:
        return _ask(minus(other, self), ">=")

    def __gt__(self, other: Extent) -> bool:
        return _ask(minus(minus(self, other), 1), ">=")

    def __ge__(self, other: Extent) -> bool:
        return _ask(minus(self, other), ">=")

    def __bool__(self) -> bool:
        return not _ask(self, "==")

    def __index__(self) -> NoReturn:
        raise TooHardError("an open size is no number")

    __int__ = __float__ = __index__


Extent = int | Expression


def _is_same(left: Extent, right: Extent) -> bool:
    return left == right if isinstance(left, int) else left.same(right)


def _ask(difference: Extent, sign: str) -> bool:
    if isinstance(difference, int):
        return difference == 0 if sign == "==" else difference >= 0
    ask = decider.get()
    token = decider.set(None)  # what is remembered is found by its form
    try:
        known = decided(difference, sign)
    finally:
        decider.reset(token)
    if known is not None:
        return known
    if ask is None:
        raise TooHardError(f"whether {difference!r} {sign} 0 depends on open sizes")
    return ask(difference, sign)


def symbol(value: Value | None, axis: int) -> Expression:
    """The expression that is one open size."""
    return atomic(Symbol(value, axis))


def atomic(atom: Atom) -> Expression:
    """The expression that is one atom."""
    return Expression({(atom,): 1}, 0)


def _parts(extent: Extent) -> tuple[Mapping[Monomial, int], int]:
    return ({}, extent) if isinstance(extent, int) else (extent.terms, extent.constant)


def _made(terms: dict[Monomial, int], constant: int) -> Extent:
    left = {monomial: factor for monomial, factor in terms.items() if factor}
    return Expression(left, constant) if left else constant


def plus(left: Extent, right: Extent) -> Extent:
    """``left + right``."""
    (terms, constant), (more, added) = _parts(left), _parts(right)
    result = dict(terms)
    for monomial, factor in more.items():
        result[monomial] = result.get(monomial, 0) + factor
    return _made(result, constant + added)


def minus(left: Extent, right: Extent) -> Extent:
    """``left - right``."""
    return plus(left, times(right, -1))


def times(left: Extent, right: Extent) -> Extent:
    """``left * right``."""
    (terms, constant), (more, added) = _parts(left), _parts(right)
    result: dict[Monomial, int] = {}
    for one, factor in (*terms.items(), ((), constant)):
        for two, other in (*more.items(), ((), added)):
            monomial = one if not two else two if not one else tuple(sorted((*one, *two), key=_rank))
            result[monomial] = result.get(monomial, 0) + factor * other
    return _made(result, result.pop((), 0))


@functools.lru_cache(maxsize=4096)
def _rank(atom: Atom) -> str:
    return repr(atom)


def divided(left: Extent, right: Extent) -> Extent:
    """``left // right``, rounded down.

    Raises:
        TooHardError: the divisor is open and does not divide the dividend whatever the sizes.
    """
    if isinstance(right, Expression):
        return _quotient(left, right)
    if right == 0:
        raise TooHardError("a division by 0")
    if right < 0:
        return divided(times(left, -1), -right)
    if isinstance(left, int) or right == 1:
        return left // right if isinstance(left, int) else left
    inner = _without_inner_floor(left, right)
    if inner is not None:
        return divided(*inner)
    whole = {monomial: factor // right for monomial, factor in left.terms.items() if factor % right == 0}
    rest = {monomial: factor for monomial, factor in left.terms.items() if factor % right}
    return plus(_made(whole, left.constant // right), _floor(_made(rest, left.constant % right), right))


def _without_inner_floor(left: Expression, divisor: int) -> tuple[Extent, int] | None:
    """``n + x // d`` over ``c`` is ``n * d + x`` over ``c * d``; ``n - x // d`` is ``n * d - x + d - 1`` over the same.

    This holds for whole ``n``, so it is done where there is one floor, once. None where there is not.
    """
    floors = [monomial for monomial in left.terms if len(monomial) == 1 and isinstance(monomial[0], Floor)]
    if len(floors) != 1 or left.terms[floors[0]] not in (1, -1):
        return None
    atom, sign = floors[0][0], left.terms[floors[0]]
    if not isinstance(atom, Floor):
        return None
    rest = _made({m: factor for m, factor in left.terms.items() if m != floors[0]}, left.constant)
    inner = plus(times(rest, atom.divisor), times(atom.inner, sign))
    return plus(inner, atom.divisor - 1 if sign < 0 else 0), atom.divisor * divisor


def _floor(inner: Extent, divisor: int) -> Extent:
    """``inner // divisor`` where nothing can be taken out in front; of ``-((-x) // d)``, which rounds up, it has
    ``(x + d - 1) // d``."""
    if isinstance(inner, int):
        return inner // divisor
    common = math.gcd(divisor, *inner.terms.values())
    if common != 1:
        smaller = _made({m: factor // common for m, factor in inner.terms.items()}, inner.constant // common)
        return divided(smaller, divisor // common)
    if leading(inner) < 0:
        return times(divided(plus(times(inner, -1), divisor - 1), divisor), -1)
    return atomic(Floor(inner, divisor))


def leading(extent: Expression) -> int:
    """The factor of the first product, in an order that depends on the products alone."""
    return min(extent.terms.items(), key=lambda item: tuple(map(_rank, item[0])))[1]


def _quotient(left: Extent, right: Expression) -> Extent:
    """The exact quotient by a product of sizes."""
    if left == 0 and isinstance(left, int):
        return 0
    if isinstance(left, int) or right.constant or len(right.terms) != 1 or left.constant:
        raise TooHardError("a division by an open size")
    ((divisor, scale),) = right.terms.items()
    result: dict[Monomial, int] = {}
    constant = 0
    for monomial, factor in left.terms.items():
        rest = list(monomial)
        for atom in divisor:
            if atom not in rest:
                raise TooHardError("a division by an open size")
            rest.remove(atom)
        if factor % scale:
            raise TooHardError("a division by an open size")
        if rest:
            result[tuple(rest)] = factor // scale
        else:
            constant = factor // scale
    return _made(result, constant)


def largest(options: tuple[Extent, ...]) -> Extent:
    """The largest of several extents."""
    left: list[Extent] = []
    for option in dict.fromkeys(options):
        if any(decided(minus(other, option), ">=") for other in left):
            continue
        left = [other for other in left if not decided(minus(option, other), ">=")]
        left.append(option)
    return left[0] if len(left) == 1 else atomic(Largest(tuple(sorted(left, key=repr))))


@functools.lru_cache(maxsize=65_536)
def decided(difference: Extent, sign: str) -> bool | None:
    """Whether ``difference == 0`` (or ``>= 0``) at every size, or at none; None where simple bounds do not tell."""
    if isinstance(difference, int):
        return difference == 0 if sign == "==" else difference >= 0
    low = _bound(difference, 1)
    if low is not None and low >= 0:
        if sign == ">=":
            return True
        if low > 0:
            return False
    high = _bound(difference, -1)
    if high is not None and high < 0:
        return False
    common = math.gcd(*difference.terms.values())
    return False if sign == "==" and difference.constant % common else None


def _bound(extent: Expression, side: int) -> int | None:
    """A lower (``side`` 1) or upper (-1) bound over all sizes of at least 1; None where this finds none.

    Floors are replaced from the outside in by what they cannot exceed; what is left is linear in sizes.
    """
    terms = {monomial: factor * side for monomial, factor in extent.terms.items()}
    constant, scale = extent.constant * side, 1
    while (floor := _a_floor(terms)) is not None:
        factor = terms.pop((floor,))
        terms = {monomial: each * floor.divisor for monomial, each in terms.items()}
        for monomial, inner in floor.inner.terms.items():
            terms[monomial] = terms.get(monomial, 0) + factor * inner
        less = factor * (floor.divisor - 1) if factor > 0 else 0
        constant = constant * floor.divisor + factor * floor.inner.constant - less
        scale *= floor.divisor
    for monomial, factor in terms.items():
        low = [least(atom) for atom in monomial] if factor else []
        if factor < 0 or any(each is None or each < 0 for each in low):
            return None
        constant += factor * math.prod(each or 0 for each in low)
    return -(-constant // scale) * side


def _a_floor(terms: Mapping[Monomial, int]) -> Floor | None:
    return next((m[0] for m in terms if len(m) == 1 and isinstance(m[0], Floor)), None)


def least(atom: Atom) -> int | None:
    """A lower bound of an atom over all sizes of at least 1; None where there is none to be found."""
    if isinstance(atom, Symbol):
        return 1
    if isinstance(atom, Floor):
        low = _bound(atom.inner, 1)
        return None if low is None else low // atom.divisor
    known = [each if isinstance(each, int) else _bound(each, 1) for each in atom.options]
    return max((each for each in known if each is not None), default=None)
