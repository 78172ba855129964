"""Writing files: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from kgraph.errors import KgraphError


def target_of(path: str | os.PathLike[str]) -> Path:
    """The file that writing to a path would write: a symbolic link is written through, not replaced.

    Raises:
        KgraphError: nothing can be written there.
    """
    said = os.fspath(path)
    try:
        target = Path(path).resolve()
        folder, taken = target.parent.is_dir(), target.is_dir()
    except (OSError, ValueError, RuntimeError) as error:  # a null character, a ring of links, a name too long
        raise KgraphError(f"cannot write {said!r}: {getattr(error, 'strerror', None) or error}") from error
    if not folder:
        raise KgraphError(f"cannot write {said!r}: there is no folder {str(target.parent)!r}")
    if taken:
        raise KgraphError(f"cannot write {said!r}: it is a folder")
    return target


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a text file in UTF-8 with ``\\n`` at line ends.

    Raises:
        KgraphError: it cannot be written; what was there before is still there.
    """
    target = target_of(path)
    scratch = target.parent / f".kgraph-{secrets.token_hex(8)}.tmp"
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        scratch.replace(target)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KgraphError(f"cannot write {os.fspath(path)!r}: {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
