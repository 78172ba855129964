"""Printed conditions, such as ``H % 32 == 0 and W >= 7``, read back word by word as SMT-LIB."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "div", ast.Mod: "mod"
}  # fmt: skip
COMPARISONS: Mapping[type[ast.cmpop], str] = {ast.Eq: "=", ast.LtE: "<=", ast.GtE: ">=", ast.Lt: "<", ast.Gt: ">"}


def as_smt(text: str, names: Mapping[str, str]) -> str:
    """A condition as an SMT-LIB term: ``""`` is true, ``never`` false.

    Args:
        text: as ``conditions.words`` writes it.
        names: by the printed name of a size, which may hold any character, what it is in SMT-LIB.

    Raises:
        ValueError: it is no such condition.
    """
    if text in ("", "never"):
        return "true" if not text else "false"
    longest = sorted(names, key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest)) or "(?!)"
    plain = re.sub(rf"(?<![\w.])(?:{pattern})(?!\w)", lambda found: f"v{longest.index(found.group())}", text)
    return _term(ast.parse(plain, mode="eval").body, [names[name] for name in longest])


def _term(node: ast.expr, names: list[str]) -> str:
    def term(part: ast.expr) -> str:
        return _term(part, names)

    match node:
        case ast.Constant(value=int(number)):
            return str(number)
        case ast.Name(id=name):
            return names[int(name[1:])]
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return f"(- {term(part)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return f"({ARITHMETIC[type(op)]} {term(left)} {term(right)})"
        case ast.Call(func=ast.Name(id="ceil"), args=[ast.BinOp(left=left, op=ast.Div(), right=right)]):
            return f"(- (div (- {term(left)}) {term(right)}))"
        case ast.Call(func=ast.Name(id="max" | "min" as which), args=[first, *others]):
            sign, result = ">=" if which == "max" else "<=", term(first)
            for other in map(term, others):
                result = f"(ite ({sign} {result} {other}) {result} {other})"
            return result
        case ast.BoolOp(op=op, values=parts):
            return f"({'and' if isinstance(op, ast.And) else 'or'} {' '.join(map(term, parts))})"
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = zip([left, *comparators], ops, comparators, strict=False)
            found = [_comparison(term(before), op, after, names) for before, op, after in sides]
            return found[0] if len(found) == 1 else f"(and {' '.join(found)})"
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is no part of a condition")


def _comparison(left: str, op: ast.cmpop, right: ast.expr, names: list[str]) -> str:
    if isinstance(op, (ast.In, ast.NotIn)) and isinstance(right, ast.Set):
        listed = f"(or {' '.join(f'(= {left} {_term(part, names)})' for part in right.elts)})"
        return listed if isinstance(op, ast.In) else f"(not {listed})"
    if isinstance(op, ast.NotEq):
        return f"(not (= {left} {_term(right, names)}))"
    if type(op) not in COMPARISONS:
        raise ValueError(f"{type(op).__name__} is no comparison of a condition")
    return f"({COMPARISONS[type(op)]} {left} {_term(right, names)})"
