"""Helpers for tests, of kgraph and of plug-ins: random ResNeXt models whose truth is known by construction.

Keras and Hypothesis are imported inside the functions that need them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kgraph.graph import Constant, Graph
from kgraph.text import show

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FORMS = ("getitem", "split", "bound", "arguments", "named")
MUTATIONS = (
    "stride", "dilation", "kernel", "permuted", "overlap", "repeated", "missing", "axis", "shared", "used", "late",
    "add_channels", "add_space",
)  # fmt: skip
REASONS = {
    "stride": "has strides",
    "dilation": "has dilation_rate",
    "kernel": "has kernel_size",
    "permuted": "in the order",
    "overlap": "never read",
    "repeated": "never read",
    "missing": "never read",
    "axis": "joins axis",
    "shared": "share one layer",
    "used": "is also",
    "late": "never read",
}
"""What the sentence of the refusal must hold."""


@dataclass(frozen=True)
class ResNeXt:
    """A random ResNeXt.

    Attributes:
        depths: blocks per stage.
        width: channels per branch in the first stage, doubled in each stage.
        cardinality: branches per block.
        stride: of the first block of each stage but the first.
        dilation, kernel: of the grouped convolutions (dilation only where the stride is 1).
        bias: whether the convolutions of the branches have one.
        norm: ``batch``, ``layer`` or ``none``.
        form: how the channels are sliced, one of ``FORMS``.
        project: whether each stage's first block has a projection where an identity would do.
        sizes: height and width, None where they are open.
        data_format: order of the channels.
        mutation: one of ``MUTATIONS`` or None, done to block number ``block`` (over all stages).
        seed: which branch is mutated.
    """

    depths: tuple[int, ...] = (1,)
    width: int = 2
    cardinality: int = 4
    stride: int = 2
    dilation: int = 1
    kernel: int = 3
    bias: bool = False
    norm: str = "batch"
    form: str = "getitem"
    project: bool = True
    sizes: tuple[int | None, int | None] = (8, 8)
    data_format: str = "channels_last"
    mutation: str | None = None
    block: int = 0
    seed: int = 0

    @property
    def blocks(self) -> int:
        """Number of blocks over all stages."""
        return sum(self.depths)

    def strides(self, block: int) -> int:
        """Stride of a block's grouped convolution and projection."""
        starts = [sum(self.depths[:stage]) for stage in range(1, len(self.depths))]
        return self.stride if block in starts else 1


@dataclass(frozen=True)
class Truth:
    """What kgraph must say of a ResNeXt: number of fusions, the mutated block's refusal, verdicts of the Adds."""

    fusions: int
    refusal: str | None
    verdicts: Mapping[str, int]
    late: int


def truth(config: ResNeXt) -> Truth:
    """The truth about a configuration, from how it is made."""
    broken = config.mutation is not None and config.mutation in REASONS
    fusable = 0 if config.cardinality == 1 else config.blocks - broken
    verdicts = Counter(_verdict(config, block) for block in range(config.blocks))
    reason = REASONS.get(config.mutation or "")
    return Truth(fusable, reason, dict(verdicts), int(config.mutation == "late"))


def _verdict(config: ResNeXt, block: int) -> str:
    """Verdict of a block's Add, whose paths have the same strides and padding."""
    if block == config.block and config.mutation in ("add_channels", "add_space", "axis"):
        return "broadcast"  # of branches that are joined along the height, at heights that come down to 1
    return "identical"  # a branch of another stride can only be joined at sizes at which that makes no difference


def resnext_configs(*, mutations: bool = True) -> SearchStrategy[ResNeXt]:
    """A Hypothesis strategy for random ResNeXt configurations, with at most one mutation each."""
    from hypothesis import strategies as st

    plain = st.builds(
        ResNeXt,
        depths=st.lists(st.integers(1, 2), min_size=1, max_size=2).map(tuple),
        width=st.integers(1, 3),
        cardinality=st.integers(1, 8),
        stride=st.integers(1, 2),
        dilation=st.integers(1, 2),
        kernel=st.sampled_from((1, 3)),
        bias=st.booleans(),
        norm=st.sampled_from(("batch", "layer", "none")),
        form=st.sampled_from(FORMS),
        project=st.booleans(),
        sizes=st.sampled_from(((8, 8), (7, 9), (None, None), (None, 8))),
        data_format=st.sampled_from(("channels_last", "channels_first")),
        seed=st.integers(0, 7),
    )
    if not mutations:
        return plain
    kinds = st.sampled_from((None, *MUTATIONS))
    return st.builds(_mutated, plain, kinds, st.integers(0, 3))


def _mutated(config: ResNeXt, mutation: str | None, block: int) -> ResNeXt:
    """The configuration with a mutation, changed where the mutation could not be built."""
    config = replace(config, mutation=mutation, block=block % config.blocks)
    if mutation is None:
        return config
    fewest = 3 if mutation in ("missing", "stride", "dilation", "kernel") else 2
    config = replace(config, cardinality=max(config.cardinality, fewest))
    if mutation in ("stride", "axis"):
        config = replace(config, sizes=(None, None))
    if mutation == "dilation":
        config = replace(config, stride=1, kernel=3, dilation=1)
    if mutation in ("overlap", "repeated") and config.form == "split":
        config = replace(config, form="getitem")
    return config


def build_resnext(config: ResNeXt, *, prefix: str = "", backwards: bool = False, keras: Any = None) -> Any:
    """The Keras model of a configuration.

    Args:
        config: what to build.
        prefix: put before each layer's name.
        backwards: make the branches of a block in reverse order (they are concatenated in the same order).
        keras: what to build it with, in place of Keras 3; needs ``Input``, ``Model``, ``layers`` and ``ops.split``.
    """
    if keras is None:
        import keras

    return _Builder(config, keras, prefix, backwards).model()


class _Builder:
    """Builds one configuration; ``index`` of a channel slice and names depend on it alone."""

    def __init__(self, config: ResNeXt, keras: Any, prefix: str, backwards: bool) -> None:
        self.config, self.keras, self.layers = config, keras, keras.layers
        self.prefix, self.backwards = prefix, backwards
        self.axis = -1 if config.data_format == "channels_last" else 1
        self.extra: list[Any] = []

    def model(self) -> Any:
        config = self.config
        sizes = (*config.sizes, 3) if self.axis == -1 else (3, *config.sizes)
        image = self.keras.Input(sizes, name=f"{self.prefix}image")
        channels = config.width * config.cardinality
        x = self.conv(channels * 2, "stem")(image)
        block = 0
        for stage, depth in enumerate(config.depths):
            for number in range(depth):
                x = self.block(x, channels * 2**stage, block, first=number == 0)
                block += 1
        return self.keras.Model(image, [x, *self.extra], name=f"{self.prefix}resnext")

    def conv(self, filters: int, name: str, **options: Any) -> Any:
        options = {"kernel_size": 1, "padding": "same", "data_format": self.config.data_format, **options}
        return self.layers.Conv2D(filters, name=f"{self.prefix}{name}", **options)

    def norm(self, x: Any, name: str) -> Any:
        axis = self.axis if self.axis == -1 else 1
        if self.config.norm == "batch":
            return self.layers.BatchNormalization(axis=axis, name=f"{self.prefix}{name}")(x)
        if self.config.norm == "layer":
            return self.layers.LayerNormalization(axis=axis, name=f"{self.prefix}{name}")(x)
        return x

    def block(self, x: Any, channels: int, block: int, *, first: bool) -> Any:
        config, name = self.config, f"b{block}"
        mutation = config.mutation if block == config.block else None
        strides = config.strides(block)
        out = channels * 2
        needed = x.shape[self.axis] != out or strides != 1
        shortcut = x
        if mutation == "add_channels":
            shortcut = self.conv(1, f"{name}_project", strides=strides)(x)
        elif mutation == "add_space":
            pooled = self.layers.GlobalAveragePooling2D(
                data_format=config.data_format, keepdims=True, name=f"{self.prefix}{name}_pool"
            )(x)
            shortcut = self.conv(out, f"{name}_project")(pooled)
        elif needed or (config.project and first):
            shortcut = self.norm(self.conv(out, f"{name}_project", strides=strides)(x), f"{name}_project_norm")
        y = self.conv(channels, f"{name}_reduce")(x)
        y = self.layers.ReLU(name=f"{self.prefix}{name}_relu")(self.norm(y, f"{name}_norm"))
        y = self.grouped(y, channels, strides, name, mutation)
        y = self.conv(out, f"{name}_expand")(y)
        return self.layers.Add(name=f"{self.prefix}{name}_add")([y, shortcut])

    def grouped(self, x: Any, channels: int, strides: int, name: str, mutation: str | None) -> Any:
        config = self.config
        count, width = config.cardinality, channels // config.cardinality
        victim = config.seed % count
        bounds = [(index * width, (index + 1) * width) for index in range(count)]
        if mutation == "overlap":
            victim = max(victim, 1)
            bounds[victim] = (bounds[victim][0] - 1, bounds[victim][1] - 1)
        if mutation == "repeated":
            bounds[victim] = bounds[victim - 1]
        parts = self.late(x, count, width) if mutation == "late" else self.slices(x, bounds, width)
        convs = [self.branch(width, strides, f"{name}_g{i}", mutation if i == victim else None) for i in range(count)]
        if mutation == "shared":
            convs[victim] = convs[victim - 1]
        order = range(count - 1, -1, -1) if self.backwards else range(count)
        made = {index: convs[index](parts[index]) for index in order}
        branches = [made[index] for index in range(count)]
        if mutation == "permuted":
            branches[victim], branches[victim - 1] = branches[victim - 1], branches[victim]
        if mutation == "missing":
            del branches[victim]
        if mutation == "used":
            self.extra.append(branches[victim])
        axis = {-1: 1, 1: 2}[self.axis] if mutation == "axis" else self.axis
        return self.layers.Concatenate(axis=axis, name=f"{self.prefix}{name}_concat")(branches)

    def branch(self, width: int, strides: int, name: str, mutation: str | None) -> Any:
        config = self.config
        kernel = config.kernel + 2 if mutation == "kernel" else config.kernel
        if mutation == "stride":
            strides += 1
        dilation = config.dilation if strides == 1 else 1
        if mutation == "dilation":
            dilation += 1
        return self.conv(width, name, kernel_size=kernel, strides=strides, dilation_rate=dilation, use_bias=config.bias)

    def slices(self, x: Any, bounds: list[tuple[int, int]], width: int) -> list[Any]:
        form, last = self.config.form, self.axis == -1
        if form == "split":
            return list(self.keras.ops.split(x, len(bounds), axis=self.axis))
        if form == "getitem":
            return [x[..., a:b] if last else x[:, a:b] for a, b in bounds]
        if form == "bound":
            return [self.layers.Lambda(_bound(a, b, last))(x) for a, b in bounds]
        if form == "named":
            return [
                self.layers.Lambda(_factory(a // width, width, last))(x)
                if a % width == 0
                else x[..., a:b]
                if last
                else x[:, a:b]
                for a, b in bounds
            ]
        return [self.layers.Lambda(_take, arguments={"start": a, "stop": b, "axis": self.axis})(x) for a, b in bounds]

    def late(self, x: Any, count: int, width: int) -> list[Any]:
        parts: list[Any] = []
        for c in range(count):

            def last_slice(t: Any) -> Any:
                return t[..., c * width : (c + 1) * width]  # noqa: B023  (the bug to be found)

            def first_slice(t: Any) -> Any:
                return t[:, c * width : (c + 1) * width]  # noqa: B023

            parts.append(self.layers.Lambda(last_slice if self.axis == -1 else first_slice)(x))
        return parts


def _bound(start: int, stop: int, last: bool) -> Callable[[Any], Any]:
    return (lambda t, a=start, b=stop: t[..., a:b]) if last else (lambda t, a=start, b=stop: t[:, a:b])


def _factory(index: int, width: int, last: bool) -> Callable[[Any], Any]:
    def slice_group(t: Any) -> Any:
        if last:
            return t[..., index * width : (index + 1) * width]
        return t[:, index * width : (index + 1) * width]

    return slice_group


def _take(t: Any, start: int, stop: int, axis: int) -> Any:
    if axis == -1:
        return t[..., start:stop]
    return t[:, start:stop]


def to_keras(graph: Graph) -> Any:
    """The Keras model of a graph whose kinds are all Keras' own, by running its text form.

    Only for graphs that you trust: the text form holds no code of anybody's but kgraph's own printing of it.
    """
    return run_text(show(graph))


def run_text(text: str) -> Any:
    """The Keras model that a text form makes when it is run. Only for texts that you trust: they are executed."""
    import keras
    import numpy as np

    def constant(dtype: str, shape: tuple[int, ...], digest: str, values: Any = None) -> Any:
        if values is None:
            raise ValueError(f"the values of constant {digest} are not kept")
        return np.array(values, dtype=dtype).reshape(shape)

    names = {**vars(keras.layers), **vars(keras), "constant": constant}
    exec(compile(text, "<kgraph text form>", "exec"), names)
    return names["model"]


def plain_name(layer: str) -> str:
    """The name that the text form gives a layer of this identity, where no other layer wishes for the same."""
    return re.sub(r"\W", "_", layer, flags=re.ASCII)


def is_executable(graph: Graph) -> bool:
    """True if Keras can run the text form: all kinds are its own, no function is opaque, no constant is too large."""
    for op in graph.ops.values():
        if not op.kind.startswith(("layers.", "ops.", "activations.")):
            return False
        function = op.config.get("function")
        if op.kind == "layers.Lambda" and getattr(function, "selection", None) is None:
            return False
        if any(isinstance(value, Constant) and value.values is None for value in op.arguments.values()):
            return False
    return True
