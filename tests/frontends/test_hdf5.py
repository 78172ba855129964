"""Our HDF5 reader against h5py, which is not needed to use it."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.errors import SourceError
from kgraph.frontends.contents import Limits, Weights
from kgraph.frontends.hdf5 import DEEPEST, Structure, read_hdf5
from kgraph.frontends.window import Window

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")


def structure(data: bytes, limits: Limits | None = None) -> Structure:
    return read_hdf5(Window(io.BytesIO(data), 0, len(data)), limits or Limits())


def weights(data: bytes) -> Weights:
    found = structure(data)
    assert not found.unread
    assert not found.odd
    return found.weights


def plain(value: Any) -> Any:
    """An attribute as h5py reads it, as plain data."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode()
    return [plain(item) for item in value] if isinstance(value, list) else value


def named(dtype: Any) -> str:
    return (
        "string" if h5py.check_string_dtype(dtype) and dtype.kind == "O" else str(dtype.newbyteorder("=")).lstrip("|<")
    )


def said(data: bytes) -> tuple[dict[str, Any], set[str], dict[str, Any]]:
    """Datasets, groups and attributes as h5py sees them."""
    datasets: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    groups = {""}
    with h5py.File(io.BytesIO(data), "r") as file:
        stack = [("", file["/"])]
        while stack:
            path, item = stack.pop()
            for key, value in item.attrs.items():
                attributes.setdefault(path, {})[key] = plain(value)
            if isinstance(item, h5py.Dataset):
                datasets[path] = item.shape or (), named(item.dtype), item.id.get_storage_size()
                continue
            groups.add(path)
            hard = [key for key in item if isinstance(item.get(key, getlink=True), h5py.HardLink)]
            stack.extend((f"{path}/{key}".lstrip("/"), item[key]) for key in hard)
    return datasets, groups, attributes


def agree(data: bytes) -> None:
    datasets, groups, attributes = said(data)
    found = weights(data)
    assert {path: (item.shape, item.dtype) for path, item in found.datasets.items()} == {
        path: (shape, dtype) for path, (shape, dtype, _) in datasets.items()
    }
    for path, (_, _, stored) in datasets.items():
        assert found.datasets[path].stored in (stored, None)
    assert set(found.groups) == groups
    assert len(found.groups) == len(groups)
    assert found.attributes == attributes


NAMES = st.text(st.characters(blacklist_characters="/\0.", blacklist_categories=("Cs",)), min_size=1, max_size=12)
DTYPES = st.sampled_from(
    ["f2", "f4", ">f4", "f8", "i1", "u1", "<i2", ">i2", "u2", "i4", "u4", "i8", "u8", "bool", "S7"]
)
VALUES = st.one_of(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=300),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.lists(st.integers(-100, 100), min_size=1, max_size=5),
    st.lists(st.text("abcé", max_size=9), min_size=1, max_size=9),
    st.binary(max_size=30).map(lambda raw: np.bytes_(raw.hex().encode() or b"x")),
    st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=9).map(lambda texts: np.array(texts, "S")),
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    buffer = io.BytesIO()
    libver = draw(st.sampled_from(["earliest", "latest", "v108"]))
    block = draw(st.sampled_from([0, 512, 2048]))
    ordered = draw(st.booleans())
    with h5py.File(buffer, "w", libver=libver, userblock_size=block, track_order=ordered) as file:
        groups = [file["/"]]
        for _ in range(draw(st.integers(0, 6))):
            parent = draw(st.sampled_from(groups))
            name = draw(NAMES)
            if name not in parent:
                groups.append(parent.create_group(name, track_order=draw(st.booleans())))
        for _ in range(draw(st.integers(0, 8))):
            parent, name = draw(st.sampled_from(groups)), draw(NAMES)
            if name not in parent:
                made = add_dataset(draw, parent, name)
                if draw(st.booleans()):
                    made.attrs[draw(NAMES)] = draw(VALUES)
        for group in groups:
            for key, value in draw(st.dictionaries(NAMES, VALUES, max_size=12)).items():
                group.attrs[key] = value
    return buffer.getvalue()


def add_dataset(draw: st.DrawFn, parent: Any, name: str) -> Any:
    dtype = draw(DTYPES)
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
    if not shape:
        return parent.create_dataset(name, data=np.zeros((), dtype))
    if 0 in shape:
        return parent.create_dataset(name, shape, dtype)
    options: dict[str, Any] = draw(
        st.sampled_from(
            [{}, {"chunks": True}, {"compression": "gzip"}, {"chunks": True, "maxshape": (None,) * len(shape)}]
        )
    )
    if draw(st.booleans()):
        return parent.create_dataset(name, shape, dtype, **options)
    return parent.create_dataset(name, data=np.ones(shape).astype(dtype), **options)


@given(files())
def test_it_agrees_with_h5py(data: bytes) -> None:
    agree(data)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("count", [1, 7, 9, 40, 700, 5000])
def test_many_members_and_attributes(libver: str, count: int) -> None:
    """Deep B-trees, heaps of many blocks, and attributes in dense storage."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=libver) as file:
        group = file.create_group("many")
        for number in range(count):
            group[f"{'long' * 40}{number}"] = h5py.SoftLink("/nowhere")
        for number in range(min(count, 300)):
            file.attrs[f"text{number}"] = f"value {number}"
    found = weights(buffer.getvalue())
    assert {link.path for link in found.links} == {f"many/{'long' * 40}{number}" for number in range(count)}
    assert found.attributes[""] == {f"text{number}": f"value {number}" for number in range(min(count, 300))}


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_a_large_text(libver: str) -> None:
    buffer = io.BytesIO()
    text = "x" * 3_000_000
    with h5py.File(buffer, "w", libver=libver) as file:
        file.attrs["model_config"] = text
        if libver == "latest":  # the old format has no room for it
            for number in range(3):
                file.attrs[f"fixed{number}"] = np.bytes_(f"{number}" * 100_000)
    found = weights(buffer.getvalue()).attributes[""]
    assert found["model_config"] == text
    assert libver == "earliest" or found["fixed2"] == "2" * 100_000


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_links_are_told_and_not_followed(libver: str) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=libver) as file:
        file.create_dataset("a/data", data=np.ones((2, 3), "f4"))
        file["a/again"] = file["a/data"]
        file["a/round"] = file["a"]
        file["soft"] = h5py.SoftLink("/a/data")
        file["out"] = h5py.ExternalLink("/etc/passwd", "/x")
        file["named"] = np.dtype("f8")
        file["a"].create_dataset("typed", (2,), file["named"])
    found = weights(buffer.getvalue())
    assert {(link.path, link.kind, link.target) for link in found.links} == {
        ("soft", "soft", "/a/data"),
        ("out", "external", "/etc/passwd:/x"),
        (*(("a/data", "hard", "a/again") if libver == "earliest" else ("a/again", "hard", "a/data")),),
        ("a/round", "hard", "a"),
    }
    assert {path: item.shape for path, item in found.datasets.items()} == {
        "a/again": (2, 3),
        "a/data": (2, 3),
        "a/typed": (2,),
    }
    assert found.datasets["a/typed"].dtype == "float64"


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_data_that_is_elsewhere_or_nowhere(tmp_path: Path, libver: str) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("outside", (4,), "u1", external=[("/etc/hostname", 0, 2), ("other.bin", 0, 2)])
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("elsewhere.h5", "data", (4,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("bomb", (2**40,), "f4", chunks=(2**20,), compression="gzip")
        small = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        small.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3,)), small)
        file["nothing"] = h5py.Empty("f4")
        file["complex"] = np.zeros(2, "c8")
        file["texts"] = ["a", "b"]
    found = weights(path.read_bytes()).datasets
    assert found["outside"].external == ("/etc/hostname", "other.bin")
    assert found["virtual"].virtual
    assert (found["bomb"].size, found["bomb"].stored) == (2**42, 0)
    assert (found["compact"].stored, found["nothing"].size, found["nothing"].shape) == (12, 0, ())
    assert (found["complex"].dtype, found["texts"].dtype, found["texts"].size) == ("compound", "string", 32)


def test_a_user_block_and_a_file_cut_short() -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=1024) as file:
        file["a"] = np.zeros(1000)
    data = buffer.getvalue()
    assert weights(data).user_block == 1024
    cut = structure(data[:-100])
    assert "cut short" in cut.odd[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89HDF\r\n\x1a\n", "superblock at byte 0"),
        (b"\x89HDF\r\n\x1a\n\x09" + bytes(90), "version 9"),
        (b"\x89HDF\r\n\x1a\n\x02\x04\x04" + bytes(90), "offsets of 4 bytes"),
        (b"nothing here", "no HDF5 signature"),
    ],
)
def test_what_is_no_hdf5_file(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        structure(data)


def test_groups_nested_too_deep_and_too_many() -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("/".join("g" * (DEEPEST + 5)))
    assert "deep" in structure(buffer.getvalue()).unread[0]
    few = structure(buffer.getvalue(), Limits(objects=30))
    assert len(few.weights.groups) == 30
    assert "more than 30 objects" in few.unread[0]
    assert "more structures" in structure(buffer.getvalue(), Limits(config_bytes=2000)).unread[0]


def mutated(data: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    made = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(96 if chance.random() < 0.2 else len(made) - 8)
        if chance.random() < 0.3:
            made[place : place + 8] = struct.pack("<Q", chance.randrange(len(made)))
        else:
            made[place] = chance.choice((0, 1, 255, chance.randrange(256)))
    return bytes(made[: chance.randrange(len(made))] if chance.random() < 0.1 else made)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_damaged_files_are_never_clean_by_accident(libver: str) -> None:
    """Whatever is mutated, the reader ends with what it found or with one sentence."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=libver) as file:
        for number in range(12):
            group = file.create_group(f"layers/l{number}")
            group["kernel"] = np.ones((3, 4), "f4")
            group.create_dataset("packed", data=np.ones((30, 4)), compression="gzip")
            group.attrs["name"] = f"layer{number}"
            file.attrs[f"texts{number}"] = ["a", "b" * number]
    data = buffer.getvalue()
    unread = refused = 0
    for seed in range(600):
        try:
            unread += bool(structure(mutated(data, seed)).unread)
        except SourceError as error:
            assert "\n" not in str(error)
            refused += 1
    assert unread > 20
    assert refused > 5
