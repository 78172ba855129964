"""Calls Lambda functions on numbers that name their place. Only for a caller who was told to run the user's code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kgraph.frontends.lambdas import freeze_plain
from kgraph.graph import Slice


def try_selection(fn: Any, arguments: Mapping[str, Any], shape: tuple[int | None, ...]) -> tuple[Any, ...] | None:
    """Calls the function on numbers that name their place. The key that it selects by along one fixed axis, or None.

    Only for a caller who was told to run the user's code. It runs twice, on other numbers, and on other extents where
    they are not fixed.
    """
    first, second = (_probe(fn, arguments, shape, free) for free in (3, 4))
    return first if first == second else None


def _probe(fn: Any, arguments: Mapping[str, Any], shape: tuple[int | None, ...], free: int) -> tuple[Any, ...] | None:
    import numpy as np

    extents = [free if extent is None else extent for extent in shape]
    size = int(np.prod(extents, dtype=object))
    if not 0 < size <= 2**22:
        return None
    # Shuffled halves of either sign: no sorting, rounding, clipping or absolute value leaves them as they are.
    array = np.random.default_rng(free).permutation(np.arange(size, dtype="float32") - size // 2 + 0.5).reshape(extents)
    try:
        passed = [name for name in inspect.getfullargspec(fn).args if name in ("mask", "training")]
        result = fn(array.copy(), **{**arguments, **dict.fromkeys(passed)})
        found = np.asarray(result if hasattr(result, "shape") else None)  # numpy would stack a list
    except Exception:  # the user's code may raise anything
        return None
    if found.dtype != array.dtype or not found.size or np.array_equal(found, array):
        return None
    order = np.argsort(array, axis=None)
    origin = order[np.searchsorted(array.ravel(), found.ravel(), sorter=order).clip(max=size - 1)]
    for axis in (axis for axis, extent in enumerate(shape) if extent is not None):
        places = list(dict.fromkeys(np.unravel_index(origin, extents)[axis].tolist()))
        step = places[1] - places[0] if len(places) > 1 else 1
        stop = places[-1] + (1 if step > 0 else -1)
        for part in (places[0], slice(places[0], None if stop < 0 else stop, None if step == 1 else step)):
            if np.array_equal(found, array[(slice(None),) * axis + (part,)]):
                return (..., freeze_plain(part)) if axis == len(shape) - 1 else (*(Slice(),) * axis, freeze_plain(part))
    return None
