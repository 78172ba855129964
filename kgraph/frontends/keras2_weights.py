"""The weights of a layer as the HDF5 file of a Keras 2 model names them."""

from __future__ import annotations

from kgraph.frontends.contents import Weights
from kgraph.frontends.keras2_layers import weight_name
from kgraph.graph import FrozenDict, Shape, Weight
from kgraph.ops.fields import spatial_rank

CONVOLUTIONS = frozenset(f"layers.{name}" for name in (
    "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D",
))  # fmt: skip

NOT_TRAINED = frozenset(("moving_mean", "moving_variance", "mean", "variance", "count", "iteration"))
"""Variables that no layer of Keras trains."""


def stored_weights(
    weights: Weights | None, path: str, name: str, kind: str, config: FrozenDict
) -> tuple[Weight, ...] | None:
    """The variables that a file holds for a layer, None where it has none for it or does not say.

    Args:
        weights: the structure of the file's weights.
        path: the outermost nested model that the layer is in, under whose name the file keeps it; else empty.
        name: the layer's name.
        kind: its kind.
        config: its config.
    """
    if weights is None:
        return None
    group = f"model_weights/{path or name}"
    group = group if group in weights.attributes else path or name
    names = weights.attributes.get(group, {}).get("weight_names")
    if not isinstance(names, (list, tuple)):
        return None
    own = [str(each) for each in names if not path or str(each).startswith(f"{name}/")]  # pyright: ignore
    stored = [(each, weights.datasets.get(f"{group}/{each}")) for each in own]
    trained = config.get("trainable", True) is True
    found = [
        Weight(weight_name(kind, each), data.shape, data.dtype, trained and weight_name(kind, each) not in NOT_TRAINED)
        for each, data in stored
        if data is not None
    ]
    return tuple(found) if found and len(found) == len(own) else None


def taken_shape(kind: str, config: FrozenDict, built: Shape, stored: tuple[Weight, ...] | None) -> Shape:
    """The shape that a convolution takes at each of its calls: the channels, and no sizes.

    Args:
        kind, config: of the layer.
        built: the shape that it was built for, that of its first call.
        stored: its weights, of which the kernel tells the channels too.
    """
    rank = spatial_rank(kind)
    axis = 1 if config.get("data_format") == "channels_first" else rank + 1
    kernels = [weight.shape for weight in stored or () if weight.name == "kernel"]
    groups = config.get("groups", 1)
    channels = built[axis] if built is not None and len(built) == rank + 2 else None
    if channels is None and kernels and len(kernels[0]) == rank + 2 and type(groups) is int:
        channels = (kernels[0][-2] or 0) * groups or None
    return tuple(channels if each == axis else None for each in range(rank + 2)) if channels else None
