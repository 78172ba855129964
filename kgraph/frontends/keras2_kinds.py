"""What Keras 2 (tf_keras) calls things: classes by name, functions of TensorFlow by symbol, and their kinds."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.ops.catalog import canonical, entry, kind_of

MODULES = re.compile(r"(tf_keras|keras|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)")
"""Where Keras 2's own classes live, in every release of it."""

OP_LAYERS = frozenset((
    "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer",
))  # fmt: skip
"""Layers that stand for a function of TensorFlow; they keep their first argument as it was given."""

OLD = "compat.v1."
"""The prefix of functions that TensorFlow 2 keeps from TensorFlow 1 beside newer ones that do the same."""

MODELS = {"Functional": "models.Functional", "Model": "models.Functional", "Sequential": "models.Sequential"}

_SYMBOLS = """
absolute: x = math.abs abs
add: x=x1 y=x2 = math.add __operators__.add add
all: input_tensor=x axis keepdims = math.reduce_all reduce_all
any: input_tensor=x axis keepdims = math.reduce_any reduce_any
argmax: input=x axis output_type = math.argmax argmax
argmin: input=x axis output_type = math.argmin argmin
arctan2: y=x1 x=x2 = math.atan2 atan2
broadcast_to: input=x shape = broadcast_to
cast: x dtype = cast
ceil: x = math.ceil
clip: t=x clip_value_min=x_min clip_value_max=x_max = clip_by_value
concatenate: values=xs axis = concat
cos: x = math.cos cos
cosh: x = math.cosh cosh
divide_no_nan: x=x1 y=x2 = math.divide_no_nan
einsum: equation=subscripts *operands = einsum linalg.einsum
elu: features=x = nn.elu
equal: x=x1 y=x2 = math.equal equal
erf: x = math.erf
exp: x = math.exp exp
expand_dims: input=x axis = expand_dims
expm1: x = math.expm1
floor: x = math.floor floor
floor_divide: x=x1 y=x2 = math.floordiv floor_div floordiv
gelu: features=x approximate = nn.gelu
get_item: tensor=x slice_spec=key = __operators__.getitem
greater: x=x1 y=x2 = math.greater greater
greater_equal: x=x1 y=x2 = math.greater_equal greater_equal
image.resize: images size method=interpolation antialias = image.resize
leaky_relu: features=x alpha=negative_slope = nn.leaky_relu
less: x=x1 y=x2 = math.less less
less_equal: x=x1 y=x2 = math.less_equal less_equal
log: x = math.log
log1p: x = math.log1p
log_sigmoid: x = math.log_sigmoid
log_softmax: logits=x axis = nn.log_softmax math.log_softmax
logical_and: x=x1 y=x2 = math.logical_and logical_and
logical_not: x = math.logical_not logical_not
logical_or: x=x1 y=x2 = math.logical_or logical_or
logical_xor: x=x1 y=x2 = math.logical_xor
logsumexp: input_tensor=x axis keepdims = math.reduce_logsumexp reduce_logsumexp
matmul: a=x1 b=x2 = linalg.matmul matmul
max: input_tensor=x axis keepdims = math.reduce_max reduce_max
maximum: x=x1 y=x2 = math.maximum maximum
mean: input_tensor=x axis keepdims = math.reduce_mean reduce_mean
min: input_tensor=x axis keepdims = math.reduce_min reduce_min
minimum: x=x1 y=x2 = math.minimum minimum
mod: x=x1 y=x2 = math.floormod math.mod
multiply: x=x1 y=x2 = math.multiply multiply
negative: x = math.negative negative
not_equal: x=x1 y=x2 = math.not_equal not_equal
pad: tensor=x paddings=pad_width mode constant_values = pad
power: x=x1 y=x2 = math.pow pow
prod: input_tensor=x axis keepdims = math.reduce_prod reduce_prod
reciprocal: x = math.reciprocal
relu: features=x = nn.relu
relu6: features=x = nn.relu6
reshape: tensor=x shape=newshape = reshape
round: x = math.round round
rsqrt: x = math.rsqrt
selu: features=x = nn.selu
sigmoid: x = math.sigmoid nn.sigmoid sigmoid
sign: x = math.sign sign
silu: features=x beta = nn.silu nn.swish
sin: x = math.sin sin
sinh: x = math.sinh sinh
softmax: logits=x axis = nn.softmax math.softmax
softplus: features=x = math.softplus nn.softplus
softsign: features=x = math.softsign nn.softsign
split: value=x num_or_size_splits=indices_or_sections axis = split
sqrt: x = math.sqrt sqrt
square: x = math.square square
squeeze: input=x axis = squeeze
stack: values=x axis = stack
std: input_tensor=x axis keepdims = math.reduce_std
subtract: x=x1 y=x2 = math.subtract subtract
stop_gradient: input=variable = stop_gradient
sum: input_tensor=x axis keepdims = math.reduce_sum reduce_sum
take: params=x indices axis = gather
tan: x = math.tan tan
tanh: x = math.tanh nn.tanh tanh
tile: input=x multiples=repeats = tile
true_divide: x=x1 y=x2 = math.truediv math.divide truediv divide
transpose: a=x perm=axes = transpose
unstack: value=x num axis = unstack
var: input_tensor=x axis keepdims = math.reduce_variance
where: condition x=x1 y=x2 = where
zeros_like: input=x tensor=x dtype = zeros_like
ones_like: input=x tensor=x dtype = ones_like
"""
"""``operation of Keras 3: parameters (TensorFlow's name=Keras' name) = symbols``, in TensorFlow's order."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation of Keras 3 that a function of TensorFlow is: ``names`` maps its parameters to Keras' names."""

    kind: str
    names: Mapping[str, str]

    @property
    def first(self) -> str:
        """TensorFlow's name of the first parameter."""
        return next(iter(self.names))


def is_own(module: str | None) -> bool:
    """True for a module of Keras 2 itself, and where none is named."""
    return module is None or MODULES.match(module) is not None


def operation(symbol: str) -> Operation | None:
    """The operation of a symbol such as ``math.add``; None where Keras 3 has none."""
    return _operations().get(symbol.removeprefix(OLD))


def foreign(symbol: str) -> str:
    """The kind of a function of TensorFlow that Keras 3 has no equivalent of."""
    return f"custom.tf.{symbol.removeprefix(OLD)}"


def layer_kind(module: str | None, name: str) -> str:
    """The kind of a class of layers; files of old releases name no module.

    What is Keras' own and what is not is told by the module, or by Keras 3's names where there is none.
    """
    kind = canonical(f"layers.{name}")
    if module is None:
        return kind if entry(kind) is not None else f"custom.{name}"
    if not MODULES.match(module):
        return f"custom.{module}.{name}"
    public = kind_of(module, name)
    return kind if entry(kind) is not None or public.startswith("custom.") else public


@functools.cache
def _operations() -> Mapping[str, Operation]:
    found: dict[str, Operation] = {}
    for line in _SYMBOLS.strip().splitlines():
        name, _, rest = line.partition(": ")
        parameters, _, symbols = rest.partition(" = ")
        pairs = (part.partition("=") for part in parameters.split())
        names = {ours: theirs or ours for ours, _, theirs in pairs}
        found.update(dict.fromkeys(symbols.split(), Operation(f"ops.{name}", names)))
    return found
