"""Short texts: what a shape, a configuration and a name look like on a card."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kgraph.graph import Constant, Function, Object, Op, Shape, Slice, Slot, Spec

Text = str | None

FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write: control characters, lone surrogates."""

BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of the text around them."""

MOST_ITEMS, MOST_DEPTH, MOST_TEXT = 12, 3, 400

QUIET = frozenset(("name", "trainable", "dtype", "build_config", "arguments", "unreadable"))


def clean(text: str) -> str:
    """The text with U+FFFD for every character that cannot stand in an XML or a DOT file, and plain line ends."""
    return FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """The same on one line, in its own direction."""
    return " ".join(BIDI.sub("\ufffd", clean(text)).split())


def shorten(text: str, most: int = MOST_TEXT) -> str:
    """At most so many characters: the two ends and an ellipsis."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


def short_kind(kind: str) -> str:
    """``Conv2D`` of ``layers.Conv2D``."""
    return kind.rpartition(".")[2] or kind


def shape_label(shape: Shape) -> str:
    """``56×56×128``: the batch is left out where it is open, ``?`` stands for what is not known."""
    if shape is None:
        return "?"
    if not shape:
        return "scalar"
    if shape[0] is not None:
        return f"({', '.join(map(_extent, shape))})"
    return "×".join(map(_extent, shape[1:])) or "B"


def shape_text(shape: Shape) -> str:
    """The whole shape as Keras prints it."""
    if shape is None:
        return "of unknown rank"
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def spec_text(spec: Spec) -> str:
    """Shape and dtype."""
    return f"{shape_text(spec.shape)} {spec.dtype}"


def value_text(value: Any) -> str:
    """A leaf or tree of a configuration, of bounded length."""
    return shorten(_tree_text(value, 0))


def _tree_text(value: Any, depth: int) -> str:
    if depth > MOST_DEPTH:
        return "…"
    if isinstance(value, str):
        return repr(shorten(value))
    if value is ...:
        return "..."
    if isinstance(value, Slot):
        return f"input {value.index}"
    if isinstance(value, Slice):
        return _slice_text(value, depth)
    if isinstance(value, Constant):
        return f"constant {shape_text(value.shape)} {value.dtype}"
    if isinstance(value, Object):
        inside = ", ".join(f"{key}={_tree_text(item, depth + 1)}" for key, item in _first(value.config))
        return f"{short_kind(value.kind)}({inside})"
    if isinstance(value, Function):
        return _function_text(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key}: {_tree_text(item, depth + 1)}" for key, item in _first(value))  # pyright: ignore[reportUnknownArgumentType]
        return f"{{{inside}}}"
    if isinstance(value, (tuple, list)):
        items: list[Any] = list(value[:MOST_ITEMS])  # pyright: ignore[reportUnknownArgumentType]
        more = ", …" if len(value) > MOST_ITEMS else "," if len(value) == 1 else ""  # pyright: ignore[reportUnknownArgumentType]
        return f"({', '.join(_tree_text(item, depth + 1) for item in items)}{more})"
    return shorten(str(value))


def _first(items: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(items.items())[:MOST_ITEMS]


def _extent(extent: int | None) -> str:
    return "?" if extent is None else str(extent)


def _slice_text(part: Slice, depth: int) -> str:
    ends = [("" if end is None else _tree_text(end, depth + 1)) for end in (part.start, part.stop)]
    return ":".join(ends if part.step is None else [*ends, _tree_text(part.step, depth + 1)])


def subscript(key: Any) -> str:
    """``[..., 4:8]``."""
    parts: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)  # pyright: ignore[reportUnknownVariableType]
    return shorten(f"[{', '.join(map(value_text, parts[: 2 * MOST_ITEMS]))}]")


def _function_text(function: Function) -> str:
    if function.selection is not None:
        return subscript(function.selection)
    return "opaque function" + (f" ({shorten(function.note)})" if function.note else "")


def detail(op: Op) -> str:
    """The configuration that matters, on one line: ``64 filters · 7×7 · stride 2``."""
    if op.is_input:
        return " · ".join((shape_label(op.outputs[0].shape), op.outputs[0].dtype)) if op.outputs else ""
    settings = {**op.config, **{key: value for key, value in op.arguments.items() if not holds_slot(value)}}
    if op.replaces:
        settings.pop("groups", None)  # the badge says it
    rank = len(op.outputs[0].shape or ()) if op.outputs else 0
    if _is_last(settings.get("axis"), rank) and short_kind(op.kind).lower().endswith(("normalization", "softmax")):
        del settings["axis"]
    told = [text for key, say in DETAILS.items() if key in settings and (text := _told(say, settings[key], key))]
    return one_line(" · ".join((*told, *_rest(op, settings))))


def _is_last(axis: Any, rank: int) -> bool:
    return axis in (-1, (-1,), rank - 1, (rank - 1,))


def _told(say: Callable[[Any], Text], value: Any, key: str) -> Text:
    try:
        return say(value)
    except (TypeError, ValueError, AttributeError, IndexError):  # a custom layer's key of the same name
        return f"{key}={shorten(value_text(value), 24)}"


def _rest(op: Op, settings: Mapping[str, Any]) -> list[str]:
    """For operations and custom layers, of which nothing is known, the other scalars too."""
    if op.kind.startswith("layers."):
        return []
    keys = [key for key, value in settings.items() if key not in DETAILS and key not in QUIET and _is_short(value)]
    return [f"{key}={value_text(settings[key])}" for key in keys[:3]]


def _is_short(value: Any) -> bool:
    return value is not None and len(value_text(value)) <= 24


def holds_slot(value: Any) -> bool:
    """True for an argument through which tensors enter."""
    return isinstance(value, Slot) or (isinstance(value, tuple) and any(isinstance(item, Slot) for item in value))  # pyright: ignore[reportUnknownVariableType]


def _numbers(value: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in value) if isinstance(value, (tuple, list)) else (int(value),)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _grid(value: Any) -> str:
    return "×".join(map(str, _numbers(value)))


def _kernel(value: Any) -> str:
    return _grid(value) if len(_numbers(value)) > 1 else f"kernel {_grid(value)}"


def _even(word: str, usual: int | None = None) -> Callable[[Any], Text]:
    """``stride 2`` where it is the same on every axis, ``stride 2×1`` where not, nothing where it is the usual one."""

    def say(value: Any) -> Text:
        numbers = None if value is None else _numbers(value)
        if numbers is None or set(numbers) == {usual}:
            return None
        return f"{word} {numbers[0] if len(set(numbers)) == 1 else _grid(numbers)}"

    return say


def _around(word: str) -> Callable[[Any], Text]:
    """Padding and cropping: a word, one number, or (before, after) an axis."""

    def say(value: Any) -> Text:
        if isinstance(value, str):
            return None if value == "valid" else value
        flat = [n for pair in value for n in _numbers(pair)] if isinstance(value, (tuple, list)) else [int(value)]  # pyright: ignore[reportUnknownVariableType]
        if len(set(flat)) == 1:
            return f"{word} {flat[0]}"
        return f"{word} {' × '.join(','.join(map(str, _numbers(pair))) for pair in value)}"  # pyright: ignore[reportUnknownVariableType]

    return say


def _plural(word: str) -> Callable[[Any], Text]:
    return lambda value: f"{int(value)} {word}" if int(value) != 1 else f"1 {word.removesuffix('s')}"


def _named(word: str, *usual: Any) -> Callable[[Any], Text]:
    return lambda value: None if value is None or value in usual else f"{word} {_bare(value)}"


def _bare(value: Any) -> str:
    return shorten(value if isinstance(value, str) else value_text(value), 40)


def _unless(*usual: Any) -> Callable[[Any], Text]:
    return lambda value: None if value is None or value in usual else _bare(value)


def _flag(word: str) -> Callable[[Any], Text]:
    return lambda value: word if value is True else None


def _inner(value: Any) -> Text:
    return f"of {short_kind(value.kind)}" if isinstance(value, Object) else None


DETAILS: dict[str, Callable[[Any], Text]] = {
    "key": subscript,
    "function": lambda value: _function_text(value) if isinstance(value, Function) else _bare(value),
    "layer": _inner,
    "equation": _bare,
    "subscripts": _bare,
    "filters": _plural("filters"),
    "units": _plural("units"),
    "num_heads": _plural("heads"),
    "key_dim": _named("key"),
    "input_dim": _named("in"),
    "output_dim": _named("out"),
    "kernel_size": _kernel,
    "pool_size": lambda value: f"pool {_grid(value)}",
    "size": _even("size"),
    "strides": _even("stride", 1),
    "padding": _around("pad"),
    "cropping": _around("crop"),
    "dilation_rate": _even("dilation", 1),
    "groups": lambda value: None if value in (None, 1) else f"groups={int(value)}",
    "depth_multiplier": lambda value: None if value in (None, 1) else f"depth ×{int(value)}",
    "data_format": lambda value: "channels first" if value == "channels_first" else None,
    "interpolation": _unless("nearest"),
    "target_shape": lambda value: f"to {_grid(value)}",
    "newshape": lambda value: f"to {_grid(value)}",
    "dims": lambda value: f"order {', '.join(map(str, _numbers(value)))}",
    "n": lambda value: f"{int(value)} times",
    "indices_or_sections": lambda value: f"into {value}" if isinstance(value, int) else f"at {value_text(value)}",
    "axis": lambda value: None if value is None else f"axis {value_text(value)}",
    "axes": lambda value: None if value is None else f"axes {value_text(value)}",
    "rate": lambda value: f"rate {float(value):g}",
    "negative_slope": lambda value: None if not value else f"slope {float(value):g}",
    "max_value": lambda value: None if value is None else f"max {float(value):g}",
    "activation": _unless("linear"),
    "return_sequences": _flag("sequences"),
    "go_backwards": _flag("backwards"),
    "keepdims": _flag("keepdims"),
}
"""What is said of each key, in the order in which it is said."""
