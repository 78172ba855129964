"""How the weights of a fused call come from those of the calls that it replaces, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kgraph.graph import Op, Weight


@dataclass(frozen=True, slots=True)
class Stacked:
    """``weight`` of the fused layer is the concatenation along ``axis`` of the same weight of ``layers``, in order."""

    weight: str
    axis: int
    layers: tuple[str, ...]


def stack(branches: Sequence[Op]) -> tuple[tuple[Weight, ...] | None, tuple[Stacked, ...]]:
    """Weights of branches put side by side along the last axis, the output channels of kernels and biases.

    Args:
        branches: calls of layers with the same weights.

    Returns:
        The weights of the fused layer (None where those of a branch are unknown), and how each is made.
    """
    layers = tuple(op.layer for op in branches if op.layer is not None)
    names = [weight.name for weight in branches[0].weights or ()]
    recipe = tuple(Stacked(name, -1, layers) for name in names)
    columns = [op.weights for op in branches if op.weights is not None]
    if len(columns) != len(branches):
        return None, recipe
    return tuple(_beside(column) for column in zip(*columns, strict=True)), recipe


def _beside(weights: tuple[Weight, ...]) -> Weight:
    last = [weight.shape[-1] for weight in weights]
    total = None if None in last else sum(extent for extent in last if extent is not None)
    return replace(weights[0], shape=(*weights[0].shape[:-1], total))
