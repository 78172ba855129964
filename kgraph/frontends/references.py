"""Every class and function that loading a description would look up, and how each name stands to Keras' own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, cast

from kgraph.frontends.descriptions import Description, Part, Place, role, written
from kgraph.frontends.lookalikes import imitated, skeleton
from kgraph.ops.names import names, normal

NAMED = 3
"""So many places of a name are written out."""

PLAIN = frozenset((
    "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__", "__lambda__",
))  # fmt: skip
"""Class names that stand for plain values; ``__lambda__`` is code, not a name."""

TYPE_SPECS = frozenset((
    "TensorSpec", "RaggedTensorSpec", "SparseTensorSpec", "IndexedSlicesSpec", "VariableSpec", "OptionalSpec",
    "NoneTensorSpec", "TypeSpec", "KerasTensor",
))  # fmt: skip
"""Classes of TensorFlow that describe a type."""

FAMILIES: Mapping[str, frozenset[str]] = {
    "layer": frozenset(("layers", "operations")),
    "activation": frozenset(("layers", "operations")),
    "initializer": frozenset(("initializers",)),
    "regularizer": frozenset(("regularizers",)),
    "constraint": frozenset(("constraints",)),
    "loss": frozenset(("losses",)),
    "metric": frozenset(("metrics", "losses")),
    "optimizer": frozenset(("optimizers",)),
    "schedule": frozenset(("schedules",)),
    "policy": frozenset(("policies",)),
}
"""The families of classes that may stand in a role."""

SPELT: Mapping[str, frozenset[str]] = {
    "activation": frozenset(("activations",)),
    "initializer": frozenset(("initializers",)),
    "regularizer": frozenset(("regularizers",)),
    "constraint": frozenset(("constraints",)),
    "loss": frozenset(("losses", "metrics")),
    "metric": frozenset(("metrics", "losses")),
    "optimizer": frozenset(("optimizers",)),
}
"""The families of names that a plain text may give in a role."""

SEARCHED = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")
"""Modules that Keras searches for a function that is said to be ``builtins``."""

ACTING = frozenset((
    "__build_class__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "execfile", "exit", "getattr",
    "globals", "help", "input", "locals", "open", "quit", "setattr", "vars",
))  # fmt: skip
"""Functions of Python's ``builtins`` that do more than compute."""

GENERAL = frozenset((
    "IPython", "PIL", "absl", "aiohttp", "boto3", "builtin", "cffi", "cloudpickle", "cv2", "dill", "distutils",
    "fsspec", "google", "h5py", "httpx", "imp", "jax", "jinja2", "joblib", "matplotlib", "ml_dtypes", "numba", "numpy",
    "paramiko", "pandas", "pip", "pipes", "pkg_resources", "psutil", "pytest", "requests", "scipy", "setuptools",
    "sklearn", "sympy", "tensorflow", "torch", "urllib3", "wheel", "yaml",
))  # fmt: skip
"""Packages that nearly every machine has, and that define no parts of Keras models."""

FOREIGN = (sys.stdlib_module_names | GENERAL) - {"__main__"}
KEPT = ("", "function")
KERAS_2_OPTIMIZERS = "Custom>"
"""The package under which Keras 2 registers its own optimizers."""

LAMBDA = ("function", "output_shape", "mask")
"""Entries of a Lambda that may be functions."""


class Standing(StrEnum):
    """How a name stands to Keras' own."""

    KNOWN = "known"
    """It is Keras' own, where it belongs."""
    CUSTOM = "custom"
    """The user's own, or of a package made for Keras."""
    NEWER = "newer"
    """In a module of Keras that holds such things, but none that kgraph knows: of another release."""
    RENAMED = "renamed"
    """Keras' own, but said to be registered under another name."""
    MISPLACED = "misplaced"
    """Keras' own, but of another family than belongs there, or a class where a function is said to be."""
    SERVICE = "service"
    """Of Keras, but no part of models."""
    FOREIGN = "foreign"
    """Of a module that holds no parts of models."""
    LOOKALIKE = "lookalike"
    """Spelt to be taken for Keras' own."""


class Name(NamedTuple):
    """What is looked up. ``kind`` is ``class``, ``function``, ``type`` (a TypeSpec) or ``text``; ``in_lambda`` where
    it is what a Lambda calls."""

    name: str
    module: str | None
    registered: str | None
    role: str | None
    kind: str
    in_lambda: bool = False

    @property
    def path(self) -> str:
        """Module and name, as the file writes them."""
        return f"{self.module}.{self.name}" if self.module else self.name


@dataclass(frozen=True, slots=True)
class Reference:
    """A name, how often it is looked up, and the first places where."""

    name: Name
    standing: Standing
    count: int
    places: tuple[str, ...]


def references(description: Description) -> tuple[Reference, ...]:
    """Every different name that loading would look up, in the order of their first places."""
    found: dict[Name, list[Any]] = {}
    for name, place in _all(description):
        seen = found.get(name)
        if seen is None:
            found[name] = [1, place]
        else:
            seen[0] += 1
            if len(seen) <= NAMED:
                seen.append(place)
    return tuple(
        Reference(name, standing(name), count, tuple(written(place) for place in places))
        for name, (count, *places) in found.items()
    )


def _all(description: Description) -> Iterator[tuple[Name, Place]]:
    for class_name, parts in description.objects.items():
        if class_name in PLAIN:
            continue
        for part in parts:
            name = _named(part)
            if name is not None:
                yield name, part.place
    for part in description.of("Lambda"):
        yield from _keras_2_lambda(part)
    for part in description.texts:
        wanted = role(part.key)
        if wanted in SPELT and part.value and _is_own(part.owner):
            yield Name(part.value, None, None, wanted, "text"), part.place


def _named(part: Part) -> Name | None:
    value = part.value
    name, config = value["class_name"], value.get("config")
    if "config" not in value and "module" not in value:
        return None
    module, registered = _text(value.get("module")), _text(value.get("registered_name"))
    if name == "__typespec__":
        return Name(_text(value.get("spec_name")) or "", module, registered, None, "type")
    if name != "function":
        return Name(name, module, registered, role(part.key), "class")
    if not isinstance(config, str):
        return None
    in_lambda = part.owner is not None and part.owner.get("class_name") == "Lambda" and part.key in LAMBDA
    return Name(config, module, registered, role(part.key), "function", in_lambda)


def _keras_2_lambda(part: Part) -> Iterator[tuple[Name, Place]]:
    config: Any = part.value.get("config")
    if not isinstance(config, Mapping):
        return
    entries = cast("Mapping[str, Any]", config)
    for key, module in (("function", "module"), ("output_shape", "output_shape_module"), ("mask", "mask_module")):
        name = entries.get(key)
        if isinstance(name, str) and entries.get(f"{key}_type") == "function":
            place = ((part.place, "config"), key)
            yield Name(name, _text(entries.get(module)), None, None, "function", in_lambda=True), place


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _is_own(owner: Mapping[str, Any] | None) -> bool:
    """True for an object of Keras' own, which reads its entries as Keras does."""
    return owner is None or (isinstance(owner["class_name"], str) and owner["class_name"] in names().classes)


def standing(name: Name) -> Standing:
    """How a name stands to Keras' own; nothing is looked up anywhere but in the list of Keras' names."""
    if _is_disguised(name):
        return Standing.LOOKALIKE
    if name.kind == "text":
        return _spelt(name)
    if name.module in (None, "", "builtins"):
        return _unplaced(name)
    below = normal(name.path)
    if below is not None:
        return _own(name, below)
    root = (name.module or "").partition(".")[0]
    if root not in FOREIGN:
        return Standing.CUSTOM
    if root == "tensorflow" and (
        (name.kind == "type" and name.name in TYPE_SPECS)
        or (name.kind == "function" and _is_tensor_function(name.name))
    ):
        return Standing.KNOWN
    return Standing.FOREIGN


def _is_disguised(name: Name) -> bool:
    if name.module and imitated(name.module.partition(".")[0]) is not None:
        return True
    if name.path.isascii():
        return False
    plain = skeleton(name.name)
    return not name.name.isascii() and plain in _folded()


@functools.cache
def _folded() -> frozenset[str]:
    found = names()
    return frozenset(name.casefold() for name in (*found.classes, *found.functions))


def _is_tensor_function(name: str) -> bool:
    return any(symbol.rpartition(".")[2] == name for symbol in names().symbols)


def _spelt(name: Name) -> Standing:
    found = names().strings
    families = SPELT[name.role or ""]
    if any(name.name in found[family] for family in families) or name.name.lower() in found["optimizers"]:
        return Standing.KNOWN
    return _other(name.name)


def _other(name: str) -> Standing:
    """A bare name that is not Keras' own: the user's, unless it is one of Python's that act."""
    root, dot, _ = name.partition(".")
    return Standing.FOREIGN if name in ACTING or (dot and root in FOREIGN) else Standing.CUSTOM


def _unplaced(name: Name) -> Standing:
    """A name without a module: searched among what is registered, then in Keras' own modules."""
    found = names()
    if name.kind == "function":
        if name.name in found.functions:
            return Standing.KNOWN
        if name.name in found.classes:
            return Standing.MISPLACED
        if any(f"{family}.{name.name}" in found.services for family in SEARCHED):
            return Standing.SERVICE
        return _other(name.name)
    if name.registered and ">" in name.registered and name.registered != name.name:
        return Standing.CUSTOM
    families = found.classes.get(name.name.removeprefix(KERAS_2_OPTIMIZERS) if name.role == "optimizer" else name.name)
    if families is not None:
        return _placed(name, frozenset(families))
    if any(name.name in rows for rows in found.strings.values()):
        return Standing.KNOWN
    return _other(name.name)


def _own(name: Name, below: str) -> Standing:
    """A name in a module of Keras."""
    found = names()
    classes = frozenset(family for family, paths in found.classes.get(name.name, {}).items() if below in paths)
    is_function = any(below in paths for paths in found.functions.get(name.name, {}).values())
    if name.kind == "function" and (is_function or f"keras.{below}" in found.symbols):
        return _registered(name)
    if name.kind != "function" and classes:
        return _placed(name, classes)
    if classes or is_function:
        return Standing.MISPLACED
    if below in found.services:
        return Standing.SERVICE
    parent = below.rpartition(".")[0]
    if name.kind == "class" and (parent in FAMILY_MODULES or name.name in found.classes):
        return Standing.NEWER
    return Standing.SERVICE


FAMILY_MODULES = frozenset((
    *SEARCHED, "layers", "models", "ops", "dtype_policies", "quantizers", "optimizers.schedules", "layers.experimental",
    "layers.experimental.preprocessing", "optimizers.legacy",
))  # fmt: skip
"""Public modules of Keras whose classes are parts of models."""


def _placed(name: Name, families: frozenset[str]) -> Standing:
    allowed = FAMILIES.get(name.role or "")
    if allowed is not None and not allowed & families and "others" not in families:
        return Standing.MISPLACED
    return _registered(name)


def _registered(name: Name) -> Standing:
    kept = (None, *KEPT, name.name)
    return Standing.KNOWN if name.registered in kept else Standing.RENAMED
