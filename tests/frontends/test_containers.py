from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from kgraph.errors import SourceError
from kgraph.frontends.arrays import read_npz
from kgraph.frontends.containers import read_contents
from kgraph.frontends.contents import Limits
from kgraph.frontends.window import Window
from tests.frontends.zips import CONFIG, METADATA, members, packed, raw

MODELS = Path(__file__).parent.parent / "data" / "models"


def test_archives_of_both_flavours() -> None:
    for name, version in (("keras3.keras", "3.15.1"), ("keras2.keras", "2.21.0")):
        found = read_contents(MODELS / name)
        assert (found.format, found.name, found.metadata["keras_version"]) == ("keras", name, version)
        assert found.config["class_name"] == "Functional"
        assert {entry.name for entry in found.entries} == {"metadata.json", "config.json", "model.weights.h5"}
        assert found.weights is not None
        assert (3, 3, 3, 4) in {dataset.shape for dataset in found.weights.datasets.values()}
        assert not (found.odd or found.unread or found.repeated)


def test_hdf5_files_of_both_flavours() -> None:
    for name, version in (("keras3.h5", "3.15.1"), ("keras2.h5", "2.21.0")):
        found = read_contents(MODELS / name)
        assert (found.format, found.metadata) == ("h5", {"keras_version": version, "backend": "tensorflow"})
        assert found.config["class_name"] == "Functional"
        assert "loss" in found.compiled
        assert found.weights is not None
        assert "layer_names" in found.weights.attributes["model_weights"]
        assert not (found.odd or found.unread or found.repeated)


def test_json_and_text() -> None:
    found = read_contents(MODELS / "keras3.json")
    assert (found.format, found.config["class_name"]) == ("json", "Functional")
    text = 'x = Input(shape=(1,), name="x")\nmodel = Model(x, x)\n'
    assert (read_contents(text.encode()).format, read_contents(b"\xef\xbb\xbf" + text.encode()).config) == (
        "text",
        text,
    )
    summary = "Model: m\n Layer (type)    Output Shape   Param #\n dense (Dense)"
    assert (read_contents(summary.encode()).format, read_contents(summary.encode()).config) == ("summary", summary)


def test_every_kind_of_source() -> None:
    path = MODELS / "keras3.keras"
    expected = read_contents(path)
    assert read_contents(path.read_bytes(), name=path.name) == expected
    with path.open("rb") as file:
        file.seek(5)
        assert read_contents(file) == expected
        assert file.tell() == 5
    reading, writing = os.pipe()
    os.write(writing, (MODELS / "keras3.json").read_bytes())
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert read_contents(pipe).format == "json"
    with os.fdopen(os.open(os.devnull, os.O_RDONLY), "rb") as empty, pytest.raises(SourceError, match="it is empty"):
        read_contents(empty)


def test_a_stream_has_a_limit() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x" * 50)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, pytest.raises(SourceError, match="more than 10 bytes come from a stream"):
        read_contents(pipe, limits=Limits(config_bytes=10))


@pytest.mark.parametrize("source", [3, io.StringIO("text")])
def test_no_source_at_all(source: Any) -> None:
    with pytest.raises(SourceError, match="expected; received int|binary mode"):
        read_contents(source)


def test_a_closed_file() -> None:
    file: BinaryIO = io.BytesIO(b"x")
    file.close()
    with pytest.raises(SourceError, match="the file: cannot be read: I/O operation on closed file"):
        read_contents(file)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.keras: cannot be read: No such file"):
        read_contents(tmp_path / "none.keras")
    with pytest.raises(SourceError, match="cannot be read: .*embedded null"):
        read_contents(Path("a\0b"))
    with pytest.raises(SourceError, match="a folder; expected"):
        read_contents(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(SourceError, match=r"a folder with config\.json; pass that file"):
        read_contents(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(SourceError, match="SavedModel folder"):
        read_contents(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        read_contents(tmp_path / "pipe")


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty; expected"),
        (b" \n", "nothing but blanks"),
        (pickle.dumps([1]), "a pickle, which can run any code"),
        (gzip.compress(b"{}", mtime=0), "packed by gzip; unpack it first"),
        (tarred(), "a tar archive"),
        (b"\x93NUMPY\1\0", "a numpy array"),
        (b"\x08\x01\x12\x07saved_model\xff\xff", "TensorFlow graph"),
        (b"\x08\x07\x12\x07pytorch\xff\xff", "ONNX"),
        (b"\x1c\0\0\0TFL3\xff", "TensorFlow Lite"),
        ("{}".encode("utf-16"), "UTF-16"),
        (b"abc\xff", r"not text in UTF-8 \(byte 3\)"),
        (b"abc\0", r"not text in UTF-8 \(byte 3\)"),
        (b"{", "the JSON is not JSON: Expecting property name"),
        (packed({"a/config.json": b"{}"}), "zip the members themselves"),
        (packed({"m/data.pkl": b""}), "a PyTorch file"),
        (packed({"a.npy": b""}), "an npz file: weights alone"),
        (packed({}), r"without config\.json"),
        (packed(members(config__json=b"{")), r"config\.json is not JSON"),
    ],
)
def test_what_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=rf"^m\.keras: .*{message}") as caught:
        read_contents(data, name="m.keras")
    assert "\n" not in str(caught.value)


def test_too_large_for_a_text() -> None:
    with pytest.raises(SourceError, match="the source: it has 11 bytes and is neither a zip archive nor"):
        read_contents(b"hello world", limits=Limits(config_bytes=10))


@pytest.mark.parametrize(
    ("name", "content"),
    [("keras3.h5", "an HDF5 file"), ("keras3.json", "JSON")],
)
def test_a_name_that_does_not_fit(name: str, content: str) -> None:
    data = (MODELS / name).read_bytes()
    assert read_contents(data, name="m.KERAS").odd == (f"the name ends in .keras, but the content is {content}",)
    assert not read_contents(data, name="m.bin").odd


def test_an_archive_behind_something_else() -> None:
    data = (MODELS / "keras3.keras").read_bytes()
    for before in (b"\x80\x04", b'{"class_name": "Clean"}', b"#!/bin/sh\n"):
        found = read_contents(before + data)
        assert found.format == "keras"
        assert "stand before the first member" in found.odd[0]


def test_metadata() -> None:
    assert read_contents(packed(members())).metadata == METADATA
    odd = read_contents(packed({"config.json": b"{}"}))
    assert odd.odd == ("the archive has no metadata.json",)
    assert read_contents(packed(members(metadata__json=b"[]"))).odd == ("metadata.json is no JSON object",)
    assert "metadata.json is not JSON" in read_contents(packed(members(metadata__json=b"["))).unread[0]
    twice = read_contents(packed(members(metadata__json=b'{"a": 1, "a": NaN}', config__json=b'{"b": 1, "b": 2}')))
    assert twice.repeated == ("$.b", "metadata.json: $.a")
    assert not twice.odd


def weights_of(name: str) -> bytes:
    with zipfile.ZipFile(MODELS / name) as archive:
        return archive.read("model.weights.h5")


def test_packed_weights_are_looked_at_up_to_a_limit() -> None:
    data = packed(members(model__weights__h5=weights_of("keras3.keras")), zipfile.ZIP_DEFLATED)
    found = read_contents(data)
    assert found.weights == read_contents(MODELS / "keras3.keras").weights
    small = read_contents(data, limits=Limits(unpacked=1000))
    assert small.weights is None
    assert "larger than 1,000 bytes" in small.unread[0]


def test_shards_are_joined() -> None:
    first, second = weights_of("keras3.keras"), weights_of("keras2.keras")
    found = read_contents(packed(members() | {"model_0.weights.h5": first, "model_1.weights.h5": second}))
    alone = [read_contents(data).weights for data in (first, second)]
    assert found.weights is not None
    assert set(found.weights.datasets) == set(alone[0].datasets) | set(alone[1].datasets)  # pyright: ignore


def test_weights_that_cannot_be_looked_at() -> None:
    assert "no HDF5 signature" in read_contents(packed(members(model__weights__h5=b"nothing"))).unread[0]
    cut = read_contents(packed(members(model__weights__h5=weights_of("keras3.keras")[:-10])))
    assert cut.odd[0].startswith("'model.weights.h5': the HDF5 file says")
    own = [(name.encode(), data) for name, data in members(model__weights__h5=weights_of("keras3.keras")).items()]
    over = read_contents(raw([*own, (b"again.weights.h5", own[2][1])], offsets={3: 0}))
    assert any("again.weights.h5" in sentence for sentence in over.unread)


def test_an_hdf5_file_whose_config_is_no_text() -> None:
    h5py = pytest.importorskip("h5py")
    for value, message in ((3, "is int; expected a text"), ("{", "the attribute model_config is not JSON")):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.attrs["model_config"] = value
        with pytest.raises(SourceError, match=message):
            read_contents(buffer.getvalue())


def array(header: bytes, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + data


def test_npz_weights() -> None:
    files = {
        "a.npy": array(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n", bytes(24)),
        "b.npy": array(b"{'descr': '|O', 'fortran_order': True, 'shape': (), }\n", b"\x80"),
        "c.npy": array(b"{'descr': '|b1', 'fortran_order': True, 'shape': (1099511627776,), }"),
        "s.npy": array(b"{'descr': '<U7', 'fortran_order': True, 'shape': (1,), }"),
        "d.npy": array(b"__import__('os')"),
        "e.npy": b"nothing",
        "f.npy": b"\x93NUMPY\1",
    }
    inner = packed(files)
    found = read_contents(packed(members() | {"model.weights.npz": inner}))
    assert found.weights is not None
    told = {path: (item.shape, item.dtype, item.size, item.stored) for path, item in found.weights.datasets.items()}
    assert told == {
        "a": ((2, 3), "float32", 24, 24),
        "b": ((), "object", 0, 1),
        "c": ((2**40,), "bool", 2**40, 0),
        "s": ((1,), "U7", 28, 0),
    }
    assert len(found.unread) == 3
    deflated = packed({f"{number}.npy": files["a.npy"] for number in range(25)}, zipfile.ZIP_DEFLATED)
    _, _, unread = read_npz(Window(io.BytesIO(deflated), 0, len(deflated)), Limits())
    assert (len(unread), unread[-1]) == (21, "and 5 more like these")


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
def test_ten_gigabytes_cost_what_ten_megabytes_cost(tmp_path: Path) -> None:
    """Counted in bytes that were read, not in seconds."""
    costs = [cost_of(tmp_path, size) for size in (10 * 2**20, 10 * 2**30)]
    assert costs[1][0] <= costs[0][0] + 4096
    assert costs[1][1] < costs[0][1] + 50_000


def cost_of(folder: Path, size: int) -> tuple[int, int]:
    """Bytes read and peak memory of an archive with a hole of ``size`` bytes in its weights."""
    path = folder / f"{size}.keras"
    weights = weights_of("keras3.keras")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
        archive.writestr("metadata.json", json.dumps(METADATA))
        archive.writestr("model.weights.h5", weights)
        start = archive.getinfo("model.weights.h5").header_offset
    data = path.read_bytes()
    cut = start + 30 + len("model.weights.h5") + len(weights)
    with path.open("wb") as file:  # the hole stands after the structures, inside the member
        # The local header says that the sizes are elsewhere, as for members of more than 4 GiB.
        file.write(data[: start + 18] + b"\xff" * 8 + data[start + 26 : cut])
        file.seek(size, os.SEEK_CUR)
        file.write(directory_with(data[cut:], size, cut, len(weights)))
    reads: list[int] = []
    with path.open("rb", buffering=0) as file:
        counted = Counted(file, reads)
        tracemalloc.start()
        found = read_contents(counted)  # pyright: ignore[reportArgumentType]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found.weights is not None
    assert len(found.weights.datasets) == 10
    assert found.entries[-1].size == size + len(weights)
    return sum(reads), peak


class Counted:
    def __init__(self, file: Any, reads: list[int]) -> None:
        self.file, self.reads = file, reads
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.reads.append(len(data))
        return data


def directory_with(data: bytes, more: int, cut: int, size: int) -> bytes:
    """The directory, with the 64 bit size of the last entry and the 64 bit end record."""
    last = data.rfind(b"PK\1\2")
    end = data.rfind(b"PK\5\6")
    extra = struct.pack("<HHQQ", 1, 16, size + more, size + more)
    entry = bytearray(data[last:end])
    entry[20:28] = b"\xff" * 8
    entry[30:32] = struct.pack("<H", len(extra))
    directory = data[:last] + bytes(entry) + extra
    start = cut + more
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 3, 3, len(directory), start)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, start + len(directory), 1)
    return directory + end64 + locator + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 3, 3, 2**32 - 1, 2**32 - 1, 0)
