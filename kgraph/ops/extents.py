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
