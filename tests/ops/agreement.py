"""One layer, built by Keras and inferred by kgraph: what is compared, and what is expected where Keras refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hypothesis import assume

from kgraph.frontends import live
from kgraph.frontends.live_layers import class_kind, layer_config
from kgraph.graph import FrozenDict, Slot, Spec
from kgraph.ops import Call, infer_specs, infer_weights
from tests.ops.test_layers import Example, compare, load


def agree(make: Callable[[], Any], *inputs: tuple[Any, ...], listed: bool = False, **arguments: Any) -> bool:
    """The layer's specs and weights are those of Keras; where Keras refuses the call, nothing is inferred.

    Args:
        make: makes the layer anew; where Keras refuses that already, nothing is compared.
        inputs: shape and dtype of the tensors that enter; the dtype may be left out.
        listed: whether the tensors enter as one list.
        arguments: other arguments of the call.

    Returns:
        Whether Keras took the call.
    """
    keras = load("keras")
    try:
        layer = make()
    except ValueError:
        assume(False)
        raise
    specs = [Spec(spec[0], (*spec, "float32")[1]) for spec in inputs]
    tensors = [keras.Input(batch_shape=spec.shape, dtype=spec.dtype, name=f"x{i}") for i, spec in enumerate(specs)]
    try:
        outputs = layer(tensors, **arguments) if listed else layer(*tensors, **arguments)
    except Exception:  # whatever stops it is a refusal
        call = _call(layer, specs, arguments, listed=listed)
        assert infer_specs(call) is None, call
        return False
    compare(live.read(keras.Function(tensors, outputs, name="function")))
    return True


class Use(Protocol):
    """What becomes of a call: ``agree`` compares it, ``example`` hands it on."""

    def __call__(
        self, make: Callable[[], Any], *inputs: tuple[Any, ...], listed: bool = False, **arguments: Any
    ) -> Any: ...


def example(make: Callable[[], Any], *inputs: tuple[Any, ...], listed: bool = False, **arguments: Any) -> Example:
    """The same call, to be made at several sizes, each by a layer of its own."""

    def call(*tensors: Any) -> Any:
        layer = make()
        fresh = type(layer).from_config(layer.get_config())
        return fresh(list(tensors), **arguments) if listed else fresh(*tensors, **arguments)

    return call, list(inputs)


def _call(layer: Any, specs: list[Spec], arguments: Mapping[str, Any], *, listed: bool) -> Call:
    from kgraph.ops.catalog import entry

    kind = class_kind(layer)
    known = entry(kind)
    names = list(known.call if known else ())
    slots = tuple(map(Slot, range(len(specs))))
    entering = {names[0]: slots} if listed else dict(zip(names, slots, strict=False))
    config = layer_config(layer, kind)
    assert infer_weights(Call(kind, config, FrozenDict(), ())) is None  # it is called on nothing
    return Call(kind, config, FrozenDict({**entering, **arguments}), tuple(specs))
