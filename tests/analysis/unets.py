"""Random U-Nets in the text form, many of which are made to fit one size and break at others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

Pair = tuple[int, int]

DOWNS = ("MaxPooling2D", "AveragePooling2D", "Conv2D")
UPS = ("UpSampling2D", "Conv2DTranspose")


@dataclass(frozen=True)
class Level:
    """One level: convolutions, a way down and its way up.

    Attributes:
        convs: kernel size and padding of each convolution, on the way down as on the way up.
        down, wide, padding: the kind of layer, its window and its padding.
        factor: the strides per axis.
        up, kernel, up_padding: the same for the way up.
        merge: ``Concatenate`` or ``Add``.
        fits: whether the skip is cropped (or the other side padded) so that they meet at the U-Net's size.
    """

    convs: tuple[tuple[int, str], ...]
    down: str
    wide: int
    padding: str
    factor: Pair
    up: str
    kernel: int
    up_padding: str
    merge: str
    fits: bool


@dataclass(frozen=True)
class UNet:
    """Levels from the outside in, for which ``size`` is what they are made to fit."""

    levels: tuple[Level, ...]
    size: Pair
    data_format: str = "channels_last"
    channels: int = 1


def levels(paddings: st.SearchStrategy[str]) -> st.SearchStrategy[Level]:
    convs = st.lists(st.tuples(st.sampled_from((1, 3)), paddings), max_size=2).map(tuple)
    return st.builds(
        Level,
        convs=convs,
        down=st.sampled_from(DOWNS),
        wide=st.sampled_from((2, 2, 2, 3)),
        padding=paddings,
        factor=st.sampled_from(((2, 2), (2, 2), (2, 2), (2, 1), (3, 2))),
        up=st.sampled_from(UPS),
        kernel=st.integers(2, 4),
        up_padding=paddings,
        merge=st.sampled_from(("Concatenate", "Add")),
        fits=st.sampled_from((True, True, True, True, False)),
    )


@st.composite
def unets(draw: st.DrawFn, most: int = 6) -> UNet:
    """U-Nets of 1 to ``most`` levels."""
    paddings = draw(st.sampled_from((("same",), ("same",), ("valid",), ("same", "valid"))))
    depth = draw(st.integers(1, most))
    found = draw(st.lists(levels(st.sampled_from(paddings)), min_size=depth, max_size=depth))
    size = draw(st.tuples(st.integers(1, 200), st.integers(1, 200)))
    return UNet(tuple(found), size, draw(st.sampled_from(("channels_last", "channels_first"))))


def unet_text(net: UNet) -> str:
    """A U-Net in the text form."""
    return _Writer(net).text()


class _Writer:
    def __init__(self, net: UNet) -> None:
        self.net = net
        self.lines: list[str] = []
        self.order = "" if net.data_format == "channels_last" else ', data_format="channels_first"'

    def text(self) -> str:
        net = self.net
        shape = (None, None, net.channels) if not self.order else (net.channels, None, None)
        self.lines += [f'image = Input(shape={shape}, name="image")', "x = image"]
        size, skips = net.size, list[tuple[str, Pair]]()
        for number, level in enumerate(net.levels):
            size = self.convolved(level, size)
            self.lines.append(f"s{number} = x")
            skips.append((f"s{number}", size))
            size = self.down(level, size)
        size = self.convolved(net.levels[-1], size)
        for level, (skip, wanted) in zip(reversed(net.levels), reversed(skips), strict=True):
            size = self.convolved(level, self.merged(level, self.up(level, size), skip, wanted))
        return "\n".join([*self.lines, "model = Model(image, x)"])

    def call(self, layer: str, *given: str) -> None:
        arguments = ", ".join((*given, *([self.order[2:]] if self.order else [])))
        self.lines.append(f"x = {layer}({arguments})(x)")

    def convolved(self, level: Level, size: Pair) -> Pair:
        for width, padding in level.convs:
            self.call("Conv2D", str(self.net.channels), str(width), f'padding="{padding}"')
            less = 0 if padding == "same" else width - 1
            size = size[0] - less, size[1] - less
        return size

    def down(self, level: Level, size: Pair) -> Pair:
        first = [str(self.net.channels)] if level.down == "Conv2D" else []
        self.call(level.down, *first, str(level.wide), f"strides={level.factor}", f'padding="{level.padding}"')
        same, wide, by = level.padding == "same", level.wide, level.factor
        return _each(size, lambda n, axis: -(-n // by[axis]) if same else (n - wide) // by[axis] + 1)

    def up(self, level: Level, size: Pair) -> Pair:
        by = level.factor
        if level.up == "UpSampling2D":
            self.call("UpSampling2D", str(by))
            return _each(size, lambda n, axis: n * by[axis])
        given = (str(self.net.channels), str(level.kernel), f"strides={by}", f'padding="{level.up_padding}"')
        self.call("Conv2DTranspose", *given)
        same, wide = level.up_padding == "same", level.kernel
        return _each(size, lambda n, axis: n * by[axis] if same else (n - 1) * by[axis] + max(wide, by[axis]))

    def merged(self, level: Level, size: Pair, skip: str, wanted: Pair) -> Pair:
        missing = [w - n for n, w in zip(size, wanted, strict=True)]
        if level.fits and any(missing):
            crop, pad = _halves([max(m, 0) for m in missing]), _halves([max(-m, 0) for m in missing])
            self.lines.append(f"{skip} = ZeroPadding2D({pad}{self.order})(Cropping2D({crop}{self.order})({skip}))")
        axis = "" if level.merge == "Add" or not self.order else "axis=1"
        self.lines.append(f"x = {level.merge}({axis})([{skip}, x])")
        if level.merge == "Concatenate":
            self.call("Conv2D", str(self.net.channels), "1")
        return size


def _each(size: Pair, rule: Callable[[int, int], int]) -> Pair:
    return rule(size[0], 0), rule(size[1], 1)


def _halves(amounts: Sequence[int]) -> tuple[Pair, ...]:
    return tuple((amount // 2, amount - amount // 2) for amount in amounts)
