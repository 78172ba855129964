"""Imports the model that ``package.module:name`` names. This runs the user's own module."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from pathlib import Path
from typing import Any

from kgraph.errors import SourceError

FUNCTIONS: tuple[type, ...] = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial)


def import_model(path: str) -> object:
    """The object behind an import path; a function is called without arguments.

    The current folder comes first on ``sys.path`` while the module is imported.

    Raises:
        SourceError: there is no such module or name, or the user's code raises.
    """
    module_name, _, name = path.partition(":")
    if (
        not module_name
        or not name
        or not all(part.isidentifier() for part in (*module_name.split("."), *name.split(".")))
    ):
        raise SourceError(
            f"{path[:80]!r} is no import path; expected package.module:name, such as examples.resnext50:getitem"
        )
    found: Any = _import(module_name, path)
    for part in name.split("."):
        if not hasattr(found, part):
            raise SourceError(
                f"{path!r}: {getattr(found, '__name__', module_name)} has no {part!r}{_similar(found, part)}"
            )
        found = getattr(found, part)
    return _made(found, path)


def _import(module_name: str, path: str) -> object:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise SourceError(f"{path!r}: there is no module {error.name!r} here or on the Python path") from error
        hint = "; pip install 'kgraph[tensorflow]'" if error.name in ("keras", "tensorflow") else ""
        raise SourceError(
            f"{path!r}: importing it needs the module {error.name!r}, which is not installed{hint}"
        ) from error
    except Exception as error:  # the user's own module
        raise SourceError(f"{path!r}: importing {module_name} raised {_said(error)}") from error
    finally:
        sys.path.remove(folder)


def _made(found: Any, path: str) -> object:
    if not isinstance(found, FUNCTIONS):
        return found  # a model can be called too, but is one already
    try:
        return found()
    except Exception as error:  # the user's own function
        raise SourceError(f"{path!r}: calling it without arguments raised {_said(error)}") from error


def _said(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__


def _similar(module: object, name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, [item for item in dir(module) if not item.startswith("_")], n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
