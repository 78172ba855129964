"""The arithmetic of extents: ``+ - * //`` alone, so that it holds for expressions in open sizes as for numbers.

An extent that is not known (None) passes through. Nothing here decides whether Keras would raise.
"""

from __future__ import annotations

from collections.abc import Iterable

Extent = int | None


def spread(size: int, dilation: int) -> int:
    """How many positions a dilated kernel spans."""
    return dilation * (size - 1) + 1


def window(extent: Extent, size: int, stride: int, dilation: int, padding: str) -> Extent:
    """The output extent of a sliding window over ``extent`` positions; not positive where it does not fit."""
    if extent is None:
        return None
    if padding != "valid":
        return -(-extent // stride)
    return (extent - spread(size, dilation)) // stride + 1


def unwindow(extent: Extent, width: int, stride: int, padding: str, added: int | None) -> Extent:
    """The output extent of a transposed convolution, whose dilated kernel spans ``width`` positions."""
    if extent is None:
        return None
    if padding != "valid":
        return extent * stride if added is None else (extent - 1) * stride + width % 2 + added
    return (extent - 1) * stride + width + (max(stride - width, 0) if added is None else added)


def total(extents: Iterable[Extent]) -> Extent:
    """The sum of extents."""
    result = 0
    for extent in extents:
        if extent is None:
            return None
        result = result + extent
    return result


def product(extents: Iterable[Extent]) -> Extent:
    """The product of extents."""
    result = 1
    for extent in extents:
        if extent is None:
            return None
        result = result * extent
    return result


def times(extent: Extent, factor: Extent) -> Extent:
    """An extent repeated."""
    return product((extent, factor))


def plus(extent: Extent, more: Extent) -> Extent:
    """An extent lengthened (or, by a negative number, shortened)."""
    return total((extent, more))


def agree(extents: Iterable[Extent]) -> bool:
    """False where Keras raises: of extents that must be the same, two that are known are not."""
    known = [extent for extent in extents if extent is not None]
    return all(extent == known[0] for extent in known[1:])


def slice_extent(start: int | None, stop: int | None, step: int | None, extent: Extent) -> Extent:
    """How many positions ``start:stop:step`` reads of an axis, as Python counts them."""
    if extent is None or (stop is None and start in (None, 0) and step in (None, 1)):
        return extent
    stride = step or 1
    if stride > 0:
        first = 0 if start is None else _clamped(start, extent, 0, extent)
        last = extent if stop is None else _clamped(stop, extent, 0, extent)
        return -((first - last) // stride) if first < last else 0
    first = extent - 1 if start is None else _clamped(start, extent, -1, extent - 1)
    last = -1 if stop is None else _clamped(stop, extent, -1, extent - 1)
    return -((first - last) // stride) if last < first else 0


def _clamped(place: int, extent: int, low: int, high: int) -> int:
    """A place of a slice, counted from the front, and not beyond either end."""
    if place < 0:
        return low if place + extent < low else place + extent
    return high if place > high else place
