"""What the cells of a summary's row say: names, classes, shapes, parameters, connections; and what they cannot say."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgraph.graph import FrozenDict, Slot, Spec, Weight
from kgraph.ops import UNTOLD, complete, infer_specs, knowledge
from kgraph.ops.base import Call
from kgraph.ops.catalog import REQUIRED, canonical, class_kinds, entry

CUT = "…"
UNKNOWN = "unknown"
"""In place of the dtypes, which no summary shows."""

MODELS = {
    "Functional": "models.Functional", "Function": "models.Functional", "Model": "models.Functional",
    "Sequential": "models.Sequential",
}  # fmt: skip
OPERATORS = {
    "__operators__.add": "ops.add", "math.add": "ops.add", "math.subtract": "ops.subtract", "nn.relu": "ops.relu",
    "math.multiply": "ops.multiply", "math.truediv": "ops.true_divide", "math.divide": "ops.divide",
    "math.maximum": "ops.maximum", "math.minimum": "ops.minimum", "__operators__.getitem": "ops.get_item",
}  # fmt: skip
"""Kinds of the functions that Keras 2 shows as layers named ``tf.<path>``."""

LISTS = ("xs", "arrays", "tensors", "operands", "inputs")
"""Parameters of operations that take a list of tensors."""

LISTED = tuple(f"layers.{name}" for name in ("Concatenate", "Dot", "Attention", "AdditiveAttention"))
"""Layers other than merges that take a list of tensors."""

SHAPE = re.compile(r"\(([^()\[\]{}]*+)\)")
KEYED = re.compile(r"['\"]?([A-Za-z_]\w*+)['\"]?\s*+:\s*+\(([^()\[\]{}]*+)\)")
EXTENTS = re.compile(r"\s*+(?:None|\d++)?(?:\s*+,\s*+(?:None|\d++))*+\s*+,?\s*+")
BRACKETS = ("()", "[]", "{}")
CONNECTION = re.compile(r"(?P<name>.+)\[(?P<node>\d{1,9})\]\[(?P<out>\d{1,9})\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """A cell's reference to a tensor: output ``out`` of call ``node`` of a layer; None where that was cut off."""

    name: str
    node: int | None
    out: int | None


def split_name(cell: str) -> tuple[str, str]:
    """Name and class of ``conv2d (Conv2D)``; what is cut off ends in ``…``."""
    at = cell.rfind("(")
    if at < 0:
        return cell.rstrip(CUT + ".") + CUT, CUT
    name, cls = cell[:at].strip(), cell[at + 1 :].strip()
    if cls.endswith(")"):
        return name, "".join(cls[:-1].split())
    return name, cls.rstrip(CUT + ".") + CUT


def shapes(cell: str) -> tuple[tuple[int | None, ...] | None, ...]:
    """The shapes in a cell, None for one that is not told (``multiple``, ``?``, cut off).

    Keras numbers the outputs in a dict in the order of their keys, and prints them as they come.
    """
    texts, keyed = SHAPE.findall(cell), sorted(KEYED.findall(cell)) if "{" in cell else []
    whole = CUT not in cell and all(cell.count(left) == cell.count(right) for left, right in BRACKETS)
    if "{" in cell and (not whole or len(keyed) != len(texts) or cell.count("{") > 1):
        return (None,)
    found = [_shape(text) for text in ([shape for _, shape in keyed] or texts)]
    return tuple(found) if found and whole else (*found, None)


def _shape(text: str) -> tuple[int | None, ...] | None:
    if not EXTENTS.fullmatch(text):
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return tuple(None if part == "None" else int(part[:18]) for part in parts)


def weights(cell: str, *, trainable: bool) -> tuple[Weight, ...] | None:
    """The number of a row's parameters as one weight; None where the cell does not tell it."""
    digits = cell.replace(",", "").replace(" ", "")
    if not digits.isdecimal() or len(digits) > 18:
        return None
    return (Weight("parameters", (int(digits),), UNKNOWN, trainable),) if int(digits) else ()


def link(text: str) -> Link:
    """A reference as it is written: ``conv2d[0][0]``, ``conv2d[0…``, ``conv2…``."""
    text = text.strip().strip("'\"")
    found = CONNECTION.fullmatch(text.rstrip(","))
    if found is not None:
        return Link(found["name"], int(found["node"]), int(found["out"]))
    rest = text.rstrip(CUT)
    numbered = re.fullmatch(r"(.+?)\[(\d{1,9})(\](?:\[\d{0,9})?)?", rest)
    if numbered is not None and "[" not in numbered[1]:
        return Link(numbered[1], int(numbered[2]) if numbered[3] else None, None)
    if rest.endswith("["):
        return Link(rest[:-1], None, None)
    return Link(rest + CUT, None, None)


@functools.cache
def _operations() -> Mapping[str, tuple[str, ...]]:
    """Kinds of Keras 3's operations by the name of their class."""
    found: dict[str, dict[str, None]] = {}
    for path, kind in class_kinds().items():
        if kind.startswith("ops."):
            found.setdefault(path.rpartition(".")[2], {})[kind] = None
    return {name: tuple(kinds) for name, kinds in found.items()}


@functools.cache
def _layers() -> tuple[str, ...]:
    kinds = {kind for kind in class_kinds().values() if kind.startswith("layers.")}
    return tuple(sorted(kind.removeprefix("layers.") for kind in kinds))


def kind(name: str, cls: str, *, boxed: bool, operands: Sequence[Spec], outputs: Sequence[Spec]) -> tuple[str, str]:
    """The kind that a class shown in a row stands for, and a note where that is not certain (empty otherwise)."""
    if cls.endswith(CUT):
        return _cut_kind(cls, boxed=boxed)
    if cls in MODELS:
        return MODELS[cls], ""
    if cls in ("TFOpLambda", "SlicingOpLambda"):
        path = re.sub(r"_\d+$", "", name.removeprefix("tf."))
        return OPERATORS.get(path, f"custom.tf.{path}"), ""
    layer = canonical(f"layers.{cls}")
    operations = _operations().get(cls, ()) if boxed else ()
    if entry(layer) is None:
        return (operations[0], "") if len(operations) == 1 else (f"custom.{cls}", "")
    return _either(layer, operations[0], operands, outputs) if operations else (layer, "")


def _cut_kind(cls: str, *, boxed: bool) -> tuple[str, str]:
    shown = cls.rstrip(CUT)
    fitting = [f"layers.{name}" for name in _layers() if shown and name.startswith(shown)]
    fitting += [kinds[0] for name, kinds in _operations().items() if boxed and shown and name.startswith(shown)]
    fitting += [model for name, model in MODELS.items() if shown and name.startswith(shown)]
    if len(fitting) == 1:
        return fitting[0], ""
    said = f"fits {len(fitting)} classes" if fitting else "fits no class of Keras"
    return f"custom.{shown or 'unknown'}{CUT}", f"the class {cls!r} is cut off and {said}: it stays unknown"


def _either(layer: str, operation: str, operands: Sequence[Spec], outputs: Sequence[Spec]) -> tuple[str, str]:
    """A layer and an operation that look the same: what is recorded decides, or nobody can."""
    ranks = {len(spec.shape) for spec in operands if spec.shape is not None}
    merge = knowledge(layer).merge is not None
    if merge and len(operands) == 1:
        return operation, ""
    if layer in ("layers.Softmax", "layers.Concatenate") or (merge and (len(operands) > 2 or len(ranks) == 1)):
        return layer, ""  # they do the same to tensors of one rank
    if merge and len(ranks) == 2:
        possible = [each for each in (layer, operation) if _gives(each, operands) == outputs[0].shape]
        if len(possible) == 1:
            return possible[0], ""
    if layer == "layers.Reshape" and len(operands) == 1 and _keeps_size(operands[0], outputs[0]):
        return layer, ""
    name = layer.removeprefix("layers.")
    return f"custom.{name}", f"keras.{layer} and keras.{operation} look the same in a summary: it stays unknown"


def _gives(kind: str, operands: Sequence[Spec]) -> tuple[int | None, ...] | None:
    slots = (Slot(0), Slot(1))
    arguments = FrozenDict(inputs=slots) if kind.startswith("layers.") else FrozenDict(x1=slots[0], x2=slots[1])
    config = complete(kind, FrozenDict(dtype="float32")) if kind.startswith("layers.") else FrozenDict()
    found = infer_specs(Call(kind, config, arguments, tuple(Spec(spec.shape, "float32") for spec in operands)))
    return found[0].shape if found else None


def _keeps_size(before: Spec, after: Spec) -> bool:
    """True if the batch alone is open and all other extents make up the same size: then the batch is kept."""
    sizes = [_size(spec.shape[1:]) if spec.shape and spec.shape[0] is None else None for spec in (before, after)]
    return bool(sizes[0]) and sizes[0] == sizes[1]


def _size(extents: Sequence[int | None]) -> int | None:
    return None if None in extents else math.prod(extent or 0 for extent in extents)


def arguments(kind: str, refs: Sequence[object]) -> FrozenDict:
    """The arguments of a call on tensors, in the order shown; what a summary does not show of them is UNTOLD."""
    known = entry(kind)
    names = list(known.call) if known else ["inputs"]
    if not kind.startswith("ops."):
        first = next((name for name in names if not name.startswith("*")), "inputs")
        several = len(refs) > 1 or knowledge(kind).merge or kind == "layers.Concatenate"
        return FrozenDict({first: tuple(refs) if several else refs[0]}) if refs else FrozenDict()
    listed = names[0] in LISTS or kind == "ops.stack" or len(refs) > len(names)
    place = next((name for name in names if name.startswith("*")), names[0] if listed else None)
    if place is not None:
        return FrozenDict({name: tuple(refs) if name == place else UNTOLD for name in names})
    return FrozenDict({name: refs[at] if at < len(refs) else UNTOLD for at, name in enumerate(names)})


def is_single(kind: str) -> bool:
    """True for layers that take one tensor: each tensor in ``Connected to`` is a call of its own."""
    if kind == "models.Sequential":
        return True
    known = entry(kind)
    if known is None or not kind.startswith("layers.") or knowledge(kind).merge:
        return False
    if kind in (*LISTED, "layers.Lambda", "layers.Identity") or "Attention" in kind:
        return False
    return len([name for name in known.call if name not in ("training", "mask")]) == 1


def may_be_several(kind: str, tensors: int) -> bool:
    """True if a row that reads so many tensors may be several calls, of which others than the first are not read."""
    if kind.startswith(("ops.", "activations.", "custom.tf.")) or is_single(kind):
        return False
    known = entry(kind)
    required = [name for name, default in known.call.items() if default is REQUIRED] if known else []
    fewest = 2 if knowledge(kind).merge or kind in LISTED else max(1, len(required))
    return tensors >= 2 * fewest


def joined_axis(operands: Sequence[Spec], output: Spec) -> int | None:
    """The axis along which tensors were concatenated, where their shapes leave no other."""
    parts = [spec.shape for spec in operands]
    whole = output.shape
    if whole is None or len(parts) < 2 or any(part is None or len(part) != len(whole) for part in parts):
        return None
    columns = [[part[axis] for part in parts if part is not None] for axis in range(len(whole))]
    found = [axis for axis, column in enumerate(columns) if any(extent != whole[axis] for extent in column)]
    if len(found) != 1:
        return None
    extents = [extent for extent in columns[found[0]] if extent is not None]
    return found[0] if len(extents) == len(parts) and sum(extents) == whole[found[0]] else None
