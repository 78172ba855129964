"""Reads from the installed libraries what ``kgraph/ops/names.json`` holds; ``pytest --refresh`` writes it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator
from typing import Any

from kgraph.ops.names import normal
from tests.frontends.keras2 import tf_keras

FAMILIES = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")
BASES = {
    "layers": ("layers.Layer", "src.models.model.Model", "src.engine.base_layer.Layer"),
    "operations": ("src.ops.operation.Operation",),
    "initializers": ("initializers.Initializer",),
    "regularizers": ("regularizers.Regularizer",),
    "constraints": ("constraints.Constraint",),
    "losses": ("losses.Loss", "src.losses.losses_utils.Loss"),
    "metrics": ("metrics.Metric",),
    "optimizers": ("optimizers.Optimizer", "src.optimizers.optimizer.Optimizer", "optimizers.legacy.Optimizer"),
    "schedules": ("optimizers.schedules.LearningRateSchedule",),
    "policies": ("src.dtype_policies.dtype_policy.DTypePolicy", "src.dtype_policies.dtype_policy_map.DTypePolicyMap",
                 "mixed_precision.Policy", "src.mixed_precision.policy.Policy"),
    "quantizers": ("src.quantizers.quantizers.Quantizer", "src.quantizers.quantization_config.QuantizationConfig"),
    "others": ("src.random.seed_generator.SeedGenerator",
               "layers.InputSpec", "optimizers.OptimizerMap",
               "src.distillation.distillation_loss.DistillationLoss", "src.layers.preprocessing.feature_space.Feature",
               "src.layers.preprocessing.feature_space.Cross", "src.trainers.compile_utils.CompileLoss",
               "mixed_precision.LossScaleOptimizer", "src.backend.common.variables.Variable"),
}  # fmt: skip
"""Classes whose subclasses a description may hold, by where either library keeps them."""

FUNCTIONS = ("activations", "losses", "metrics", "ops", "random")
"""Public modules whose functions a description may name."""

SERVICES = frozenset(("get", "serialize", "deserialize"))
"""Functions of those modules that make objects of descriptions themselves."""

SYMBOLS = ("math", "nn", "linalg", "signal", "image", "strings", "sparse", "ragged", "bitwise", "random", "sets",
           "quantization", "dtypes", "keras.backend", "__operators__")  # fmt: skip
"""Modules of TensorFlow whose functions compute tensors of tensors, and nothing else."""

_PURE = """
abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_to_space bitcast boolean_mask
broadcast_dynamic_shape broadcast_static_shape broadcast_to cast clip_by_global_norm clip_by_norm clip_by_value complex
concat constant convert_to_tensor cos cosh cumsum custom_gradient divide dynamic_partition dynamic_stitch edit_distance
eig eigvals einsum ensure_shape equal exp expand_dims extract_volume_patches eye fill fingerprint floor gather gather_nd
greater greater_equal guarantee_const hessians histogram_fixed_width histogram_fixed_width_bins identity identity_n
less less_equal linspace logical_and logical_not logical_or matmul matrix_square_root maximum meshgrid minimum multiply
negative no_gradient norm not_equal numpy one_hot ones ones_like pad parallel_stack pow range rank realdiv
recompute_grad reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat
required_space_to_batch_paddings reshape reverse reverse_sequence roll round saturate_cast scalar_mul scatter_nd
searchsorted sequence_mask shape shape_n sigmoid sign sin sinh size slice sort space_to_batch space_to_batch_nd split
sqrt square squeeze stack stop_gradient strided_slice subtract switch_case tan tanh tensor_scatter_nd_add
tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub tensor_scatter_nd_update tensordot tile transpose
truediv truncatediv truncatemod unique unique_with_counts unravel_index unstack vectorized_map where zeros zeros_like
debugging.assert_equal debugging.assert_greater debugging.assert_greater_equal debugging.assert_less
debugging.assert_less_equal debugging.assert_near debugging.assert_non_negative debugging.assert_positive
debugging.assert_rank debugging.assert_rank_at_least debugging.assert_shapes debugging.assert_type
debugging.check_numerics io.decode_and_crop_jpeg io.decode_base64 io.decode_bmp io.decode_compressed io.decode_csv
io.decode_gif io.decode_image io.decode_jpeg io.decode_json_example io.decode_png io.decode_raw io.encode_base64
io.encode_jpeg io.encode_png io.extract_jpeg_shape io.is_jpeg io.parse_example io.parse_sequence_example
io.parse_single_example io.parse_tensor io.serialize_tensor audio.decode_wav audio.encode_wav
div norm to_float to_double to_int32 to_int64 floor_div depth_to_space space_to_depth
"""
PURE = frozenset(_PURE.split())
"""Functions of TensorFlow elsewhere that compute tensors of tensors, and nothing else."""

NOT_PURE = ("File", "Py", "Load", "Save", "Restore", "Dataset", "Iterator", "Reader", "Queue", "Print", "Log", "Summary",
            "Send", "Recv", "Function", "Call", "Xla", "TPU", "Collective", "Nccl", "Debug", "Timestamp", "Symbolic",
            "Remote", "Apply", "Accumulator", "Barrier", "If", "While", "Case", "Map", "Rpc", "Connect", "Configure", "Wait", "Abort")  # fmt: skip
"""Words in the names of TensorFlow's graph operations that do more than compute, or call what does."""


def names() -> dict[str, Any]:
    """Everything, as plain JSON data in a stable order."""
    import keras

    old = tf_keras()
    _import_all(keras, "keras.src")
    _import_all(old, "tf_keras.src")
    metrics = (keras.metrics.Metric, old.metrics.Metric)
    classes: dict[str, dict[str, set[str]]] = {family: {} for family in BASES}
    for family, bases in BASES.items():
        found = (cls for base in bases for root in (keras, old) for cls in _below(_at(root, base)))
        for cls in dict.fromkeys(found):
            if family == "layers" and issubclass(cls, metrics):  # in Keras 2 they are layers
                continue
            _add(classes[family], cls.__name__, _places(cls))
    functions: dict[str, dict[str, set[str]]] = {family: {} for family in FUNCTIONS}
    for root in (keras, old):
        for family, path, function in _functions(root):
            for place in (path, *_places(function)):
                module, _, name = place.rpartition(".")
                _add(functions[family], name, {f"{module}.{name}"})
    allowed = {path for rows in (*classes.values(), *functions.values()) for paths in rows.values() for path in paths}
    others = {path for root in (keras, old) for path, _ in public(root)} - allowed
    return {
        "keras": keras.__version__,
        "tf_keras": old.__version__,
        "tensorflow": importlib.import_module("tensorflow").__version__,
        "classes": {family: _sorted(rows) for family, rows in classes.items()},
        "functions": {family: _sorted(rows) for family, rows in functions.items()},
        "strings": {family: sorted(_strings(family, keras, old)) for family in FAMILIES},
        "services": sorted(others),
        "symbols": sorted(_symbols()),
        "nodes": sorted(_nodes()),
    }


def _import_all(root: Any, package: str) -> None:
    """Imports every module of a library, so that all its classes exist."""
    base = importlib.import_module(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(base.__path__, f"{package}."):
            if module.name.startswith((f"{package}.backend.", f"{package}.testing")) or "test" in module.name:
                continue
            try:
                importlib.import_module(module.name)
            except Exception:  # another backend's, or in want of a package
                continue


def _at(root: Any, path: str) -> Any:
    found = root
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _below(base: Any) -> Iterator[Any]:
    if base is None:
        return
    stack, seen = [base], {base}
    while stack:
        cls = stack.pop()
        if cls.__module__.startswith(("keras.", "tf_keras.")) and "test" not in cls.__module__:
            yield cls
        fresh = [item for item in cls.__subclasses__() if item not in seen]
        seen.update(fresh)
        stack += fresh


def _places(item: Any) -> set[str]:
    """All paths of a class or function, private and public, without their root."""
    exported = getattr(item, "__dict__", {}).get("_api_export_path", ())
    paths = [exported] if isinstance(exported, str) else list(exported)
    paths += list(getattr(item, "__dict__", {}).get("_keras_api_names", ()))
    paths += list(getattr(item, "__dict__", {}).get("_keras_api_names_v1", ()))
    paths.append(f"{item.__module__}.{item.__qualname__}")
    return {place for place in map(normal, paths) if place}


def _add(rows: dict[str, set[str]], name: str, places: set[str]) -> None:
    rows.setdefault(name, set()).update(place for place in places if place.rpartition(".")[2] == name)
    for place in places:
        other = place.rpartition(".")[2]
        if other != name:
            rows.setdefault(other, set()).add(place)


def public(root: Any) -> Iterator[tuple[str, Any]]:
    """Every public name of a library and what it stands for."""
    stack, seen = [(root, "")], {id(root)}
    while stack:
        module, prefix = stack.pop()
        for name, item in vars(module).items():
            if name.startswith("_") or name in ("src", "backend") or (inspect.ismodule(item) and id(item) in seen):
                continue
            if inspect.ismodule(item):
                if item.__name__.startswith(("keras.", "tf_keras.")):
                    seen.add(id(item))
                    stack.append((item, f"{prefix}{name}."))
            elif callable(item):
                yield f"{prefix}{name}", item


def _functions(root: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in public(root):
        family, _, _ = path.partition(".")
        if family in FUNCTIONS and inspect.isfunction(item) and path.rpartition(".")[2] not in SERVICES:
            yield family, path, item


def _strings(family: str, keras: Any, old: Any) -> set[str]:
    """The names that ``get`` of a family takes."""
    found: set[str] = set()
    modules = [importlib.import_module(f"{root.__name__}.src.{family}") for root in (keras, old)]
    for module in modules:
        found.update(vars(module).get("ALL_OBJECTS_DICT", ()))
        found.update(getattr(vars(module).get("LOCAL"), "ALL_OBJECTS", ()))
        found.update(
            name for name, item in vars(module).items()
            if not name.startswith("_") and name not in SERVICES and (inspect.isclass(item) or inspect.isfunction(item))
            and item.__module__.startswith((f"keras.src.{family}", f"tf_keras.src.{family}"))
        )  # fmt: skip
    lookups = [(name, _at(root, f"{family}.get")) for name in found for root in (keras, old)]
    return {name for name, get in lookups if _is_taken(get, name)} | EXTRA.get(family, set())


EXTRA = {
    "metrics": {"accuracy", "acc", "crossentropy", "ce", "ACC"},
    "optimizers": {
        "SGD",
        "Adam",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Adamax",
        "Nadam",
        "Ftrl",
        "AdamW",
        "Adafactor",
        "Lion",
    },
}
"""What ``compile`` takes besides, and how people spell optimizers."""


def _is_taken(get: Any, name: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return get(name) is not None
        except TypeError:  # it was found, and wants arguments
            return True
        except Exception:
            return False


def _symbols() -> Iterator[str]:
    """The names by which tf_keras finds functions that it can have recorded: those that tensors may dispatch."""
    from tensorflow.python.util import dispatch, tf_export

    for name in vars(tf_export)["_NAME_TO_SYMBOL_MAPPING"]:  # there is no other list of them
        item = tf_export.get_symbol_from_name(name)
        module, _, last = name.removeprefix("compat.v1.").rpartition(".")
        if inspect.isclass(item) or not hasattr(item, dispatch.FALLBACK_DISPATCH_ATTR) or last == "print_tensor":
            continue
        if module in SYMBOLS or (f"{module}.{last}" if module else last) in PURE:
            yield name


def _nodes() -> Iterator[str]:
    from tensorflow.python.framework import op_def_registry  # pyright: ignore

    tf: Any = importlib.import_module("tensorflow")
    for name in dir(tf.raw_ops):
        definition = op_def_registry.get(name)
        if definition is not None and not definition.is_stateful and not any(word in name for word in NOT_PURE):
            yield name


def _sorted(rows: dict[str, set[str]]) -> dict[str, list[str]]:
    return {name: sorted(rows[name]) for name in sorted(rows)}
