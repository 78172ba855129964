"""Recurrent layers, and the cells that they loop over."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.graph import FrozenDict, Object, Shape, Slot, Spec, Weight
from kgraph.ops import fields
from kgraph.ops.base import (
    Call,
    Knowledge,
    Origin,
    channel_axis,
    compute_dtype,
    fixed,
    image_of,
    is_single,
    joined,
    keeps_nothing,
    shape_of,
    variables,
)
from kgraph.ops.convolution import WINDOW, complete_sizes, slid
from kgraph.ops.elementwise import broadcast
from kgraph.ops.fields import spatial_rank
from kgraph.ops.refusing import refuse, refuse_unbuilt, short

GATES = {"layers.SimpleRNN": 1, "layers.GRU": 3, "layers.LSTM": 4}
STATES = {"layers.SimpleRNNCell": 1, "layers.GRUCell": 1, "layers.LSTMCell": 2}
"""How many states a cell hands from one step to the next."""


def cells(call: Call) -> tuple[Call, ...] | None:
    """The cells that a layer loops over, each as a call on what enters it; None where one is not Keras' own."""
    shape, rank = shape_of(call), len(shape_of(call))
    # An RNN does not look at how many axes there are, and records the same for more than it can loop over.
    fits = rank == 3 or (rank > 3 and call.kind == "layers.RNN")
    if not is_single(call) or (call.kind == "layers.RNN" and not fits):
        return None
    if not fits:
        return refuse(
            "{} takes a tensor of rank 3 (batch, steps, features); it receives rank {}, {}",
            short(call.kind), rank, shape,
        )  # fmt: skip
    # A cell that is given may have its weights.
    width = shape[-1] if call.kind == "layers.RNN" else fixed(call, shape[-1], "how many features enter")
    if width is None or _lacks_batch(call):
        return None
    found, made = _objects(call), list[Call]()
    for cell in found:
        if not isinstance(cell, Object) or cell.kind not in STATES or not fields.size("", cell.config.get("units")):
            return None
        made.append(Call(cell.kind, cell.config, FrozenDict(), (Spec((shape[0], width), call.operands[0].dtype),)))
        width = cell.config["units"]
    return tuple(made) or None


def _objects(call: Call) -> tuple[object, ...]:
    if call.kind in GATES:
        return (Object(f"{call.kind}Cell", call.config),)
    cell = call.config.get("cell")
    if isinstance(cell, Object) and cell.kind == "layers.StackedRNNCells":
        stacked = cell.config.get("cells")
        return stacked if isinstance(stacked, tuple) else ()  # pyright: ignore[reportUnknownVariableType]
    return (cell,)


def _specs(call: Call) -> tuple[Spec, ...] | None:
    found, dtype = cells(call), compute_dtype(call)
    if found is None or dtype is None:
        return None
    batch, steps = shape_of(call)[:2]
    units = [cell.config["units"] for cell in found]
    output = (batch, steps, units[-1]) if call.config["return_sequences"] else (batch, units[-1])
    states: list[Shape] = [(batch, cell.config["units"]) for cell in found for _ in range(STATES[cell.kind])]
    return tuple(Spec(shape, dtype) for shape in _with_states(call, output, states))


def _with_states(call: Call, output: Shape, states: list[Shape]) -> list[Shape]:
    return [output, *states] if call.config["return_state"] else [output]


def _weights(call: Call) -> tuple[Weight, ...] | None:
    found = cells(call)
    if found is None:
        return None
    return joined(_cell_weights(cell) for cell in found)


def _lacks_batch(call: Call) -> bool:
    """True where Keras raises: states that outlive a call need a fixed batch."""
    if not call.config["stateful"] or (call.operands[0].shape or (None,))[0] is not None:
        return False
    refuse("{} with stateful=True needs to know the batch; it receives {}", short(call.kind), call.operands[0].shape)
    return True


def _cell_weights(call: Call) -> tuple[Weight, ...] | None:
    width, units = (call.operands[0].shape or (None,))[-1], call.config["units"]
    gates = GATES[call.kind.removesuffix("Cell")] * units
    if width is None:
        return None
    return variables(call, *_kernels((width, gates), (units, gates), _bias(call, gates)))


def _state_shapes(call: Call) -> list[Shape]:
    given = call.arguments.get("states")
    slots = given if isinstance(given, tuple) else (given,)  # pyright: ignore[reportUnknownVariableType]
    return [call.operands[slot.index].shape for slot in slots if isinstance(slot, Slot)]  # pyright: ignore


def _cell_specs(call: Call) -> tuple[Spec, ...] | None:
    """One step: the output, and the states after it, which a state of 1 does not narrow."""
    shape, states, dtype = call.operands[0].shape or (), _state_shapes(call), compute_dtype(call)
    if not is_single(call) or len(shape) != 2 or shape[1] is None or dtype is None or len(states) != STATES[call.kind]:
        return None
    first, units = states[0] or (), call.config["units"]
    if len(first) != 2 or first[1] != units:
        return None
    found = broadcast(((shape[0], units), *(state or () for state in states)), "numpy")
    return None if found is None else (Spec(found, dtype),) * (len(states) + 1)


def _bias(call: Call, gates: int) -> tuple[int, ...] | None:
    if not call.config.get("use_bias"):
        return None
    return (2, gates) if call.config.get("reset_after") else (gates,)  # a GRU's two products each have their own


def _kernels(
    kernel: tuple[int, ...], recurrent: tuple[int, ...], bias: tuple[int, ...] | None
) -> Iterator[tuple[str, tuple[int, ...], bool]]:
    yield "kernel", kernel, True
    yield "recurrent_kernel", recurrent, True
    if bias is not None:
        yield "bias", bias, True


def _kept(call: Call, rank: int) -> tuple[Origin, ...]:
    """The batch, and the steps of the whole sequence: states have an axis less."""
    inner = len(shape_of(call))
    if rank == 0 or rank > inner:
        return keeps_nothing(call, rank)
    steps = ((0, 1),) if rank == inner and call.config["return_sequences"] else ()
    return ((0, 0), *steps, *(None,) * (rank - 1 - len(steps)))


def _reason(call: Call, axis: int) -> str:
    whole = call.config["return_sequences"]
    found = cells(call)
    return f"{found[-1].config['units']} units" if found and axis == (2 if whole else 1) else ""


def _step(call: Call) -> tuple[int | None, ...] | None:
    """The shape that enters a convolutional cell at each step; None where Keras refuses the call."""
    shape = shape_of(call)
    if not is_single(call) or image_of(call, 1) is None or _lacks_batch(call):
        return None
    step = (shape[0], *shape[2:])
    if None in step[1:]:
        return refuse_unbuilt("{} needs to know the sizes of its states; it receives {}", short(call.kind), shape)
    return step


def _image_specs(call: Call) -> tuple[Spec, ...] | None:
    step, dtype = _step(call), compute_dtype(call)
    state = None if step is None else slid(call, step, "kernel_size")
    if step is None or state is None or dtype is None:
        return None
    state[channel_axis(call, len(state))] = call.config["filters"]
    batch, steps = shape_of(call)[:2]
    output = (batch, steps, *state[1:]) if call.config["return_sequences"] else tuple(state)
    return tuple(Spec(shape, dtype) for shape in _with_states(call, output, [tuple(state)] * 2))


def _image_weights(call: Call) -> tuple[Weight, ...] | None:
    step = _step(call)
    channels = None if step is None else step[channel_axis(call, len(step))]
    if channels is None:
        return None
    size, filters = call.config["kernel_size"], call.config["filters"]
    bias = (4 * filters,) if call.config["use_bias"] else None
    # The layer does not tell its cell whether it trains.
    cell = Call(call.kind, FrozenDict({**call.config, "trainable": True}), call.arguments, call.operands)
    return variables(cell, *_kernels((*size, channels, 4 * filters), (*size, filters, 4 * filters), bias))


def _image_reason(call: Call, axis: int) -> str:
    spatial = spatial_rank(call.kind)
    first = 2 if call.config["return_sequences"] else 1
    channels = first if call.config["data_format"] == "channels_first" else first + spatial
    return f"{call.config['filters']} filters" if axis == channels else ""


STATEFUL = {"return_sequences": fields.flag, "return_state": fields.flag, "stateful": fields.flag}
LOOP = Knowledge(specs=_specs, weights=_weights, kept=_kept, reason=_reason, needs=STATEFUL)
IMAGES = Knowledge(
    specs=_image_specs, weights=_image_weights, kept=_kept, reason=_image_reason, complete=complete_sizes,
    needs={**WINDOW, "filters": fields.either(fields.size), **STATEFUL},
)  # fmt: skip

KINDS = {
    **dict.fromkeys((*GATES, "layers.RNN"), LOOP),
    **dict.fromkeys(STATES, Knowledge(specs=_cell_specs, weights=_cell_weights, needs={"units": fields.size})),
    **{f"layers.ConvLSTM{rank}D": IMAGES for rank in (1, 2, 3)},
}
