"""What kgraph can know of a kind: shapes, weights, which axes it keeps, how to say what fixed an extent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from kgraph.graph import FrozenDict, Op, Slot, Spec, Tree, Weight
from kgraph.ops.catalog import REQUIRED, entry
from kgraph.ops.fields import Check, spatial_rank
from kgraph.ops.refusing import refuse, refuse_always, refuse_unbuilt, short

Origin = tuple[int, int] | None
"""(operand, axis) whose extent an output axis has unchanged at every size; None where there is none."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the rules in this package see it: what is called, and the specs of what enters it."""

    kind: str
    config: FrozenDict
    arguments: FrozenDict
    operands: tuple[Spec, ...]

    def argument(self, name: str) -> Any:
        """An argument of the call, with Keras' default where it is left out (None where there is none)."""
        if name in self.arguments:
            return self.arguments[name]
        known = entry(self.kind)
        default = known.call.get(name) if known else None
        return None if default is REQUIRED else default

    def field(self, name: str) -> Any:
        """A config entry of a layer, an argument of an operation; None where there is none."""
        return self.config.get(name) if self.kind.startswith("layers.") else self.argument(name)


def call_of(op: Op, operands: tuple[Spec, ...]) -> Call:
    """The call that an Op makes on operands of these specs."""
    return Call(op.kind, op.config, op.arguments, operands)


def no_specs(_: Call) -> tuple[Spec, ...] | None:
    """Shapes cannot be inferred."""
    return None


def no_weights(_: Call) -> tuple[Weight, ...] | None:
    """The layer has no variables."""
    return ()


def keeps_nothing(_: Call, rank: int) -> tuple[Origin, ...]:
    """No output axis is known to have the extent of an input axis."""
    return (None,) * rank


def keeps_batch(_: Call, rank: int) -> tuple[Origin, ...]:
    """Axis 0 is that of the first operand; nothing else is known."""
    return ((0, 0), *(None,) * (rank - 1)) if rank else ()


def keeps_all(call: Call, rank: int) -> tuple[Origin, ...]:
    """Every axis is that of the first operand."""
    if not is_single(call):
        return (None,) * rank
    last = rank - 1 if call.config.get("activation") == "glu" else rank
    return tuple((0, axis) if axis != last else None for axis in range(rank))


def says_nothing(_: Call, axis: int) -> str:
    """No words for what fixed the extent."""
    return ""


def is_exact(_: Call) -> bool:
    """What is recorded is what a call has when it runs."""
    return True


def as_given(_: str, config: FrozenDict) -> FrozenDict:
    """No entry of the config is spelled in several ways or depends on others."""
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known of one kind.

    Attributes:
        specs: output specs from operand specs as Keras infers them; None where this cannot be told.
        weights: the variables of a layer of this kind; None where this cannot be told.
        kept: per output axis (given the output's rank) the operand axis whose extent it has.
        reason: in a person's words what fixed the extent of an output axis, such as ``256 filters``.
        complete: a config with every derived default filled in and every short spelling written out.
        merge: ``layer`` or ``numpy`` for an elementwise merge: how it lines up operands of unequal rank.
        several: True if a call returns a sequence even where it holds one tensor.
        exact: False for a call of which Keras records other shapes than it has when it runs, at some sizes.
        pins: True if a number that is recorded may be told by nothing else: TensorFlow is given every part of a split,
            Keras 3 all but the last.
        needs: what the config entries (or the arguments, by name) must be for the rules above to be asked at all.
    """

    specs: Callable[[Call], tuple[Spec, ...] | None] = no_specs
    weights: Callable[[Call], tuple[Weight, ...] | None] = no_weights
    kept: Callable[[Call, int], tuple[Origin, ...]] = keeps_nothing
    reason: Callable[[Call, int], str] = says_nothing
    complete: Callable[[str, FrozenDict], FrozenDict] = as_given
    merge: str | None = None
    several: bool = False
    exact: Callable[[Call], bool] = is_exact
    pins: bool = False
    needs: Mapping[str, Check] = FrozenDict()


def is_float(dtype: str) -> bool:
    """True for the dtypes that Keras casts as a layer's policy says."""
    return dtype.startswith(("float", "bfloat"))


def is_single(call: Call) -> bool:
    """True if the first argument is one tensor, not a structure of several."""
    return isinstance(next(iter(call.arguments.values()), None), Slot)


def compute_dtype(call: Call) -> str | None:
    """The dtype that a layer computes in, None where its policy is not a plain one."""
    policy = call.config.get("dtype")
    if not isinstance(policy, str):
        return None
    return policy.removeprefix("mixed_")


def variable_dtype(call: Call) -> str | None:
    """The dtype of a layer's variables, None where its policy is not a plain one."""
    policy = call.config.get("dtype")
    if not isinstance(policy, str):
        return None
    return "float32" if policy.startswith("mixed_") else policy


def same_specs(call: Call) -> tuple[Spec, ...] | None:
    """A layer whose output has its first operand's shape, in the layer's compute dtype."""
    return layer_spec(call, call.operands[0].shape) if is_single(call) else None


def layer_spec(call: Call, shape: tuple[int | None, ...] | None) -> tuple[Spec, ...] | None:
    """One output of this shape in the layer's compute dtype; None where either is not known."""
    dtype = compute_dtype(call)
    # ``glu`` halves the last axis when it runs, which Keras does not record.
    if shape is None or dtype is None or call.config.get("activation") == "glu":
        return None
    return (Spec(shape, dtype),)


def passed_spec(call: Call, shape: tuple[int | None, ...] | None) -> tuple[Spec, ...] | None:
    """The same for a layer that computes nothing: what is not of a float dtype keeps its own."""
    dtype = call.operands[0].dtype
    if is_float(dtype):
        return layer_spec(call, shape)
    return None if shape is None else (Spec(shape, dtype),)


def variables(call: Call, *rows: tuple[str, tuple[int | None, ...], bool]) -> tuple[Weight, ...] | None:
    """Weights from rows of name, shape and whether the layer trains them.

    None where the dtype policy is not a plain one, or the layer has low-rank weights beside its own.
    """
    dtype = variable_dtype(call)
    if dtype is None or call.config.get("lora_rank"):
        return None
    training = call.config.get("trainable", True) is True
    return tuple(Weight(name, shape, dtype, trained and training) for name, shape, trained in rows)


def joined(found: Iterable[tuple[Weight, ...] | None]) -> tuple[Weight, ...] | None:
    """The weights of several layers, one after the other; None where those of one are not known."""
    every = tuple(found)
    return None if None in every else tuple(weight for weights in every for weight in weights or ())


def shape_of(call: Call) -> tuple[int | None, ...]:
    """The first operand's shape; () where not even its rank is known."""
    return call.operands[0].shape or ()


def image_shape(call: Call) -> tuple[int | None, ...] | None:
    """The first operand's shape; None if it is not of the rank that the kind is for, such as 4 for ``Conv2D``."""
    return image_of(call, 0)


def image_of(call: Call, loops: int) -> tuple[int | None, ...] | None:
    """The same with so many axes between the batch and the image, over which the kind loops."""
    shape = call.operands[0].shape if call.operands else None
    if shape is None:
        return None
    rank = spatial_rank(call.kind) + 2
    if len(shape) == rank + loops:
        return shape
    # Keras asks a convolution for its output's shape before it is called, and compares its kernel with what enters;
    # Keras 2 takes more axes.
    compared = "kernel_size" in call.config and len(shape) < rank + loops and not call.kind.endswith("Transpose")
    say = refuse_always if compared else refuse
    return say(
        "{} takes a tensor of rank {} {}; it receives rank {}, {}",
        short(call.kind), rank + loops, axes_words(call, rank, loops), len(shape), shape,
    )  # fmt: skip


def axes_words(call: Call, rank: int, loops: int = 0) -> str:
    """``(batch, rows, columns, channels)``: what the axes of an image-like tensor stand for."""
    spatial = {3: ("steps",), 4: ("rows", "columns"), 5: ("planes", "rows", "columns")}[rank]
    if rank == 3 and loops:
        spatial = ("positions",)
    first = call.config.get("data_format") == "channels_first"
    inner = ("channels", *spatial) if first else (*spatial, "channels")
    return f"({', '.join(('batch', *('steps',) * loops, *inner))})"


def fixed(call: Call, extent: int | None, what: str) -> int | None:
    """An extent that the shapes of a layer's weights depend on: where it is open, Keras cannot make them."""
    if extent is None:
        return refuse_unbuilt(
            "{} needs to know {} to make its weights; it receives {}", short(call.kind), what, call.operands[0].shape
        )
    return extent


def keeps_rank(call: Call, rank: int) -> bool:
    """True if the first operand is of the rank that the kind is for, and so is the output; a file may record any."""
    shape = call.operands[0].shape if call.operands else None
    return shape is not None and len(shape) == rank == spatial_rank(call.kind) + 2


def spatial_axes(call: Call, rank: int) -> range:
    """The axes of an image-like tensor that are neither the batch nor the channels."""
    return range(2, rank) if call.config.get("data_format") == "channels_first" else range(1, rank - 1)


def channel_axis(call: Call, rank: int) -> int:
    """The axis of the channels."""
    return 1 if call.config.get("data_format") == "channels_first" else rank - 1


def is_ints(value: Any) -> TypeGuard[tuple[int, ...]]:
    """True for a tuple of plain ints."""
    return isinstance(value, tuple) and all(type(item) is int for item in value)  # pyright: ignore


def as_axes(axes: Any, rank: int, *, checked: bool = True) -> tuple[int, ...] | None:
    """One axis or several, counted from the front; None if they are no ints, or there are no such axes.

    Then Keras raises, if it looks (``checked``).
    """
    found = axes if isinstance(axes, tuple) else (axes,)  # pyright: ignore[reportUnknownVariableType]
    if not is_ints(found):
        return None
    for axis in found:
        if not -rank <= axis < rank:
            return refuse("there is no axis {} in a tensor of rank {}", axis, rank) if checked else None
    return tuple(axis % rank for axis in found)


def repeat(value: Tree, rank: int) -> Tree:
    """A size that may be written as one int for all axes, written out."""
    return (value,) * rank if isinstance(value, int) and not isinstance(value, bool) else value
