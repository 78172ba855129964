"""From a path, bytes or a file object to its Contents. What a file is, its content tells; its name must only fit."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from kgraph.errors import SourceError
from kgraph.frontends.archive import Archive, Member, is_archive, read_archive, read_member, stored_window
from kgraph.frontends.arrays import read_npz
from kgraph.frontends.contents import Contents, Limits, Weights
from kgraph.frontends.hdf5 import SIGNATURE, Structure, read_hdf5, signature_at
from kgraph.frontends.json_text import read_json
from kgraph.frontends.window import Damaged, Window

CONFIG, METADATA = "config.json", "metadata.json"
METADATA_BYTES = 2**20
WEIGHTS = (".weights.h5", ".weights.npz")
EXPECTED = "expected a .keras archive, an HDF5 file, JSON, a printed summary or the text form"
SUFFIXES = {".keras": "keras", ".h5": "h5", ".hdf5": "h5", ".hdf": "h5", ".json": "json"}
CALLED = {
    "keras": "a zip archive of Keras",
    "h5": "an HDF5 file",
    "json": "JSON",
    "summary": "a printed summary",
    "text": "the text form",
}
FOREIGN = (
    (b"\x80", "a pickle, which can run any code when it is loaded; save the model with model.save('model.keras')"),
    (b"\x1f\x8b", "packed by gzip; unpack it first"),
    (b"\x93NUMPY", "a numpy array, not a model"),
    (b"BZh", "packed by bzip2; unpack it first"),
    (b"\xfd7zXZ\0", "packed by xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"GGUF", "a GGUF file of weights; kgraph reads Keras models"),
)
"""First bytes of what is often mistaken for a model."""


def read_contents(
    source: Path | bytes | BinaryIO, *, name: str | None = None, limits: Limits | None = None
) -> Contents:
    """What a model file holds.

    Args:
        source: a path, the bytes themselves, or a file object open in binary mode; one that can seek is left where it
            stood.
        name: the file's name for messages; that of the path where it is None.
        limits: how much is read before the file is refused.

    Raises:
        SourceError: it is no file that kgraph reads, or cannot be read safely; one line says what it is and what to do.
    """
    limits = limits or Limits()
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _named(io.BytesIO(source), len(source), name, limits)
    if isinstance(source, os.PathLike):
        return _read_path(Path(source), name, limits)
    return _read_object(source, name, limits)


def _read_path(path: Path, name: str | None, limits: Limits) -> Contents:
    shown = name or path.name or str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path}: {_folder(path)}")
        if not stat.S_ISREG(status.st_mode):  # a pipe or device may never end
            raise SourceError(f"{path}: neither a file nor a folder; {EXPECTED}")
        with path.open("rb", buffering=0) as file:
            return _named(file, status.st_size, shown, limits, str(path))
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _read_object(file: BinaryIO, name: str | None, limits: Limits) -> Contents:
    if not callable(getattr(file, "read", None)):
        raise SourceError(f"a path, bytes or a file object is expected; received {type(file).__name__}")
    given = getattr(file, "name", None)
    shown = name or (PurePath(given).name if isinstance(given, str) else None)
    try:
        if not file.seekable():
            data = file.read(limits.config_bytes + 1)
            if len(data) > limits.config_bytes:
                raise SourceError(
                    f"more than {limits.config_bytes:,} bytes come from a stream; save it as a file first"
                )
            return _named(io.BytesIO(data), len(data), shown, limits)
        before = file.tell()
        try:
            return _named(file, file.seek(0, os.SEEK_END), shown, limits)
        finally:
            file.seek(before)
    except (OSError, ValueError) as error:
        raise SourceError(f"{shown or 'the file'}: cannot be read: {error}") from error
    except (TypeError, AttributeError) as error:
        raise SourceError(f"{shown or 'the file'}: it must be open in binary mode, open(path, 'rb')") from error


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return (
            "a TensorFlow SavedModel folder, which holds no Keras config; save the model with model.save('model.keras')"
        )
    if (path / CONFIG).exists():
        return f"a folder with {CONFIG}; pass that file, or zip the folder's members"
    return f"a folder; {EXPECTED}"


def _named(file: BinaryIO, size: int, name: str | None, limits: Limits, where: str | None = None) -> Contents:
    """The contents, with the path or name in every message, and whether the name fits."""
    shown = where or name or "the source"
    try:
        contents = _sniffed(Window(file, 0, size), limits)
    except SourceError as error:
        raise SourceError(f"{shown}: {error}") from error
    suffix = PurePath(name or "").suffix.lower()
    expected = SUFFIXES.get(suffix)
    odd = contents.odd
    if expected and expected != contents.format:
        odd = (f"the name ends in {suffix}, but the content is {CALLED[contents.format]}", *odd)
    return replace(contents, name=name, odd=odd)


def _sniffed(window: Window, limits: Limits) -> Contents:
    if not window.size:
        raise SourceError(f"it is empty; {EXPECTED}")
    head = window.read(0, min(window.size, 4096))
    # Keras asks zipfile, which looks at the end: an archive behind anything else is one too.
    if head[:2] == b"PK" or (not head.startswith(SIGNATURE) and is_archive(window)):
        return _read_keras(window, limits)
    if signature_at(window) is not None:
        return _read_h5(window, limits)
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise SourceError(f"it is {what}")
    if head[257:262] == b"ustar":
        raise SourceError("it is a tar archive; unpack it first")
    if window.size > limits.config_bytes:
        limit = f"the limit is {limits.config_bytes:,} (config_bytes)"
        raise SourceError(f"it has {window.size:,} bytes and is neither a zip archive nor an HDF5 file; {limit}")
    return _read_text(window.read(0, window.size), limits)


def _read_text(data: bytes, limits: Limits) -> Contents:
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        read = read_json(data, "the JSON", limits)
        return Contents(format="json", config=read.value, repeated=read.repeated, odd=read.odd)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise SourceError(_foreign(data, error.start)) from None
    if "\0" in text:
        raise SourceError(_foreign(data, data.index(0)))
    if not text.strip():
        raise SourceError(f"it holds nothing but blanks; {EXPECTED}")
    from kgraph.frontends.summary import is_summary  # archives and HDF5 files need none of it

    return Contents(format="summary" if is_summary(text) else "text", config=text)


def _foreign(data: bytes, at: int) -> str:
    """What a file that is neither text nor a known container may be."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it is text in UTF-16; save it in UTF-8"
    if b"saved_model" in data[:4096] or b"serve" in data[:4096] or b"Placeholder" in data:
        return "it is a TensorFlow graph (protobuf), which holds no Keras config; save the model as .keras"
    if data[:1] == b"\x08" and any(word in data[:4096] for word in (b"pytorch", b"onnx", b"tf2onnx", b"keras2onnx")):
        return "it is an ONNX model; kgraph reads Keras models"
    if data[4:8] == b"TFL3":
        return "it is a TensorFlow Lite model; kgraph reads Keras models"
    return f"it is not text in UTF-8 (byte {at:,}) and no known container; {EXPECTED}"


def _read_h5(window: Window, limits: Limits) -> Contents:
    structure = read_hdf5(window, limits)
    root = structure.weights.attributes.get("", {})
    made = Contents(
        format="h5",
        metadata={key: root[key] for key in ("keras_version", "backend") if key in root},
        weights=structure.weights,
        odd=structure.odd,
        unread=structure.unread,
    )
    for key, target in (("model_config", "config"), ("training_config", "compiled")):
        if key not in root:
            continue
        what = f"the attribute {key}"
        if not isinstance(root[key], str):
            raise SourceError(f"{what} is {type(root[key]).__name__}; expected a text, JSON")
        read = read_json(root[key].encode(), what, limits)
        repeated = tuple(f"{key}: {place}" for place in read.repeated)
        values: dict[str, Any] = {target: read.value}
        made = replace(made, **values, repeated=made.repeated + repeated, odd=made.odd + read.odd)
    return made


def _read_keras(window: Window, limits: Limits) -> Contents:
    archive = read_archive(window, limits)
    config = archive.by_name.get(CONFIG)
    if config is None:
        raise SourceError(_other_archive([member.entry.name for member in archive.members]))
    read = read_json(read_member(archive, config, limits.config_bytes, limits), CONFIG, limits)
    made = Contents(
        format="keras",
        config=read.value,
        entries=tuple(member.entry for member in archive.members),
        repeated=read.repeated,
        odd=archive.odd + read.odd,
    )
    return _with_weights(_with_metadata(made, archive, limits), archive, limits)


def _other_archive(names: list[str]) -> str:
    inner = next((name for name in names if name.endswith(f"/{CONFIG}")), None)
    if inner is not None:
        return f"it is a zip archive with {inner!r}; zip the members themselves, not the folder around them"
    if any(name.endswith("data.pkl") for name in names):
        return "it is a PyTorch file (pickles in a zip archive); kgraph reads Keras models"
    if names and all(name.endswith(".npy") for name in names):
        return "it is an npz file: weights alone, without the model; pass the .keras or .json file"
    return f"it is a zip archive without {CONFIG}; expected what model.save('model.keras') writes"


def _with_metadata(made: Contents, archive: Archive, limits: Limits) -> Contents:
    member = archive.by_name.get(METADATA)
    if member is None:
        return replace(made, odd=(*made.odd, f"the archive has no {METADATA}"))
    try:
        read = read_json(read_member(archive, member, METADATA_BYTES, limits), METADATA, limits)
    except SourceError as error:
        return replace(made, unread=(*made.unread, f"{METADATA} was not read: {error}"))
    if not isinstance(read.value, dict):
        return replace(made, odd=(*made.odd, f"{METADATA} is no JSON object"))
    repeated = tuple(f"{METADATA}: {place}" for place in read.repeated)
    return replace(made, metadata=read.value, repeated=made.repeated + repeated, odd=made.odd + read.odd)  # pyright: ignore


def _with_weights(made: Contents, archive: Archive, limits: Limits) -> Contents:
    """Adds the structure of all files of weights: one, or the shards of one."""
    found: list[Weights] = []
    odd, unread = list(made.odd), list(made.unread)
    # Members that lie over each other would be looked at again and again.
    stored, unpacked = archive.window.size, limits.unpacked
    for name, member in archive.by_name.items():
        if not name.endswith(WEIGHTS):
            continue
        stored -= member.entry.packed
        unpacked -= member.entry.size if member.method else 0
        try:
            if stored < 0 or unpacked < 0:
                raise Damaged(f"it is packed, and larger than {limits.unpacked:,} bytes (unpacked), or overlaps others")
            structure = _structure(archive, member, limits)
        except SourceError as error:
            unread.append(f"{name!r} was not looked at: {error}")
            continue
        found.append(structure.weights)
        odd += [f"{name!r}: {sentence}" for sentence in structure.odd]
        unread += [f"{name!r}: {sentence}" for sentence in structure.unread]
    return replace(made, weights=_joined(found), odd=tuple(odd), unread=tuple(unread))


def _structure(archive: Archive, member: Member, limits: Limits) -> Structure:
    view = stored_window(archive, member)
    if view is None:
        # Weights that were never trained are zeros, which pack well: their size alone is limited.
        data = read_member(archive, member, limits.unpacked, replace(limits, ratio=limits.unpacked))
        view = Window(io.BytesIO(data), 0, len(data))
    if member.entry.name.endswith(".npz"):
        return Structure(*read_npz(view, limits))
    return read_hdf5(view, limits)


def _joined(parts: list[Weights]) -> Weights | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return Weights(
        datasets={path: dataset for part in parts for path, dataset in part.datasets.items()},
        groups=tuple(dict.fromkeys(path for part in parts for path in part.groups)),
        links=tuple(link for part in parts for link in part.links),
        attributes={path: values for part in parts for path, values in part.attributes.items()},
        user_block=max(part.user_block for part in parts),
    )
