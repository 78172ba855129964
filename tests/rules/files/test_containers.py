from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import kgraph
from kgraph.cli import cli
from kgraph.errors import SourceError
from kgraph.frontends.contents import Limits
from tests.frontends.zips import packed, raw
from tests.rules.files.attacks import archive, found, layer, model, rules

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

FILES = {"metadata.json": b'{"keras_version": "3.15.1"}', "config.json": json.dumps(model()).encode()}
MEMBERS = [(name.encode(), data) for name, data in FILES.items()]
DENSE = model(layer("Dense", units=3))
OLD_DENSE = model(layer("Dense", units=3), old=True)


def hdf5(fill: Any = None, **arguments: Any) -> bytes:
    """An HDF5 file that a function fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **arguments) as file:
        if fill is not None:
            fill(file)
    return buffer.getvalue()


def weights(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    return hdf5(lambda file: [file.create_dataset(path, shape, "float32") for path, shape in shapes.items()])


def with_weights(description: Any, data: bytes) -> bytes:
    return archive(description, **{"model.weights.h5": data})


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


# --- zip archives -------------------------------------------------------------------------------------------------

NAMES: dict[str, bytes] = {
    "up": b"../evil.py",
    "up from below": b"assets/../../evil.py",
    "absolute": b"/etc/cron.d/evil",
    "drive": b"C:/evil.py",
    "backslashes": b"assets\\..\\..\\evil.py",
    "share": b"\\\\host\\share",
    "null": b"evil.py\0.txt",
    "line break": b"evil\n.py",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_leave_the_archive(name: str) -> None:
    spoken = found(raw([*MEMBERS, (NAMES[name], b"x")]))
    assert {finding.rule for finding in spoken} == {"KG711"}
    assert all(finding.severity == "error" and finding.message.isprintable() for finding in spoken)


def test_what_would_happen_depends_on_the_number_of_members() -> None:
    few = found(raw([*MEMBERS, (b"../evil.py", b"x")]))
    many = found(raw([*MEMBERS, (b"a", b"x"), (b"../evil.py", b"x")]))
    assert "a program that unpacks it would write there" in few[0].message
    assert "it would be unpacked, over whatever is there" in many[0].message


@pytest.mark.parametrize(("other", "severity"), [
    ("CONFIG.JSON", "warning"), ("./config.json", "error"), ("config.json/", "error"), ("assets//../config.json", "error"),
])  # fmt: skip
def test_names_that_collide(other: str, severity: str) -> None:
    spoken = found(raw([*MEMBERS, (other.encode(), b"{}")]))
    assert {(finding.rule, finding.severity.value) for finding in spoken} == {("KG711", severity)}


def test_one_name_twice() -> None:
    evil = json.dumps(model(layer("system", "os"))).encode()
    spoken = found(raw([*MEMBERS, (b"config.json", evil)]))
    assert [finding.rule for finding in spoken] == ["KG704", "KG711"]
    assert "have one name" in spoken[1].message


def test_encrypted_and_linked_members() -> None:
    link = raw([*MEMBERS], mode=0o120777)
    assert rules(link) == {"KG711": "error"}
    locked = bytearray(raw([*MEMBERS, (b"assets/locked", b"x" * 9)]))
    at = locked.rindex(b"PK\1\2") + 8
    locked[at] |= 1
    locked[locked.rindex(b"PK\3\4") + 6] |= 1
    assert rules(bytes(locked)) == {"KG711": "error"}


def test_a_bomb() -> None:
    data = raw([*MEMBERS, (b"assets/zeros", b"x" * 9)], sizes={2: 2**31})
    at = data.rindex(b"PK\1\2") + 20
    bomb = data[:at] + (9).to_bytes(4, "little") + data[at + 4 :]
    assert "KG711" in rules(bomb)
    assert any("would grow" in finding.message for finding in found(bomb))


def test_a_bomb_of_a_description_is_refused() -> None:
    data = packed({"metadata.json": b"{}", "config.json": b" " * 2**28}, zipfile.ZIP_DEFLATED)
    with pytest.raises(SourceError, match="would grow"):
        kgraph.check(data)


@pytest.mark.parametrize("before", [b"#!/bin/sh\n", b"GIF89a", pickle.dumps(["a"]), b"\x89PNG\r\n"])
def test_bytes_before_the_archive(before: bytes) -> None:
    assert rules(before + packed(FILES)) == {"KG716": "warning"}


def test_what_lies_in_its_headers() -> None:
    with pytest.raises(SourceError, match="its local header is damaged"):
        kgraph.check(raw(MEMBERS, local={1: b"other.json"}))
    assert "KG716" in rules(raw([*MEMBERS, (b"assets/a", b"x")], local={2: b"b"}))
    assert "KG716" in rules(raw([*MEMBERS, (b"assets/a", b"x"), (b"assets/b", b"x")], offsets={3: 0}))


# --- what a file pretends to be -----------------------------------------------------------------------------------


def test_a_keras_file_that_is_something_else(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"

    def described(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(OLD_DENSE)
        file.attrs["keras_version"] = "2.15.0"

    path.write_bytes(hdf5(described))
    assert rules(path) == {"KG716": "warning"}
    assert "is an HDF5 file" in found(path)[0].message
    path.write_text(json.dumps(DENSE), encoding="utf-8")
    assert rules(path) == {"KG716": "warning"}
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(SourceError, match="a pickle, which can run any code"):
        kgraph.check(path)


def test_a_version_that_does_not_fit() -> None:
    written = {**OLD_DENSE, "keras_version": "3.15.1"}
    (finding,) = found(written)
    assert finding.rule == "KG716" and "the description is of Keras 2" in finding.message
    (finding,) = found({**DENSE, "keras_version": "2.15.0"})
    assert finding.rule == "KG716" and "the description is of Keras 3" in finding.message
    assert not found({**OLD_DENSE, "keras_version": "2.15.0"})
    assert not found({**DENSE, "keras_version": "3.15.1"})


# --- weights ------------------------------------------------------------------------------------------------------


def links(file: Any) -> None:
    file["layers/a/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")


def soft(file: Any) -> None:
    file["layers/a/vars/0"] = h5py.SoftLink("/layers/b")


def external(file: Any) -> None:
    file.create_dataset("layers/a/vars/0", (4, 3), "float32", external=[("/etc/passwd", 0, 48)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((4, 3), "float32")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", (4, 3))
    file.create_virtual_dataset("layers/a/vars/0", layout)


def bomb(file: Any) -> None:
    file.create_dataset("layers/a/vars/0", (2**20, 2**20), "float32", chunks=(1, 1024))


@pytest.mark.parametrize(("fill", "severity", "said"), [
    (links, "error", "'/etc/passwd:/x'"), (soft, "warning", "'/layers/b'"), (external, "error", "'/etc/passwd'"),
    (virtual, "error", "are put together from others"), (bomb, "error", "4,398,046,511,104 bytes"),
])  # fmt: skip
def test_weights_that_are_elsewhere(fill: Any, severity: str, said: str) -> None:
    for data in (with_weights(model(), hdf5(fill)), hdf5(lambda file: (described(file), fill(file)))):
        (finding,) = found(data)
        assert (finding.rule, finding.severity) == ("KG712", severity)
        assert said in finding.message and "'layers/a/vars/0'" in finding.message


def described(file: Any) -> None:
    file.attrs["model_config"] = json.dumps(model(old=True))


def test_bytes_before_the_weights() -> None:
    (finding,) = found(with_weights(model(), hdf5(userblock_size=512)))
    assert (finding.rule, finding.severity) == ("KG712", "warning")
    assert "512 bytes stand before" in finding.message


def test_attributes_are_walked_too() -> None:
    def attacked(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(model(layer("Dense", units=3), old=True))
        file.attrs["training_config"] = json.dumps({"loss": layer("system", "os"), "optimizer_config": None})

    (finding,) = found(hdf5(attacked))
    assert finding.rule == "KG704" and "training_config: $.loss" in finding.message


def test_pickled_weights() -> None:
    objects = npz(a=np.array([{"a": 1}], dtype=object), b=np.zeros(3, "float32"))
    (finding,) = found(archive(model(), **{"model.weights.npz": objects}))
    assert (finding.rule, finding.severity) == ("KG713", "warning")
    assert "at 'a'" in finding.message
    assert not found(archive(model(), **{"model.weights.npz": npz(b=np.zeros(3, "float32"))}))


def test_an_array_that_claims_terabytes() -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576), }"
    array = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    (finding,) = found(archive(model(), **{"model.weights.npz": packed({"a.npy": array})}))
    assert finding.rule == "KG712"


# --- weights that do not fit --------------------------------------------------------------------------------------


def spoken(data: bytes) -> dict[str, str]:
    """What ``check`` says, with the graph."""
    return {item.rule: item.message for item in kgraph.check(data).findings if item.rule.startswith("KG7")}


def test_weights_that_fit() -> None:
    assert not spoken(with_weights(DENSE, weights({"layers/dense/vars/0": (4, 3), "layers/dense/vars/1": (3,)})))
    more = {"layers/dense/vars/0": (4, 3), "layers/dense/vars/1": (3,), "layers/dense/vars/2": (9,)}
    assert not spoken(with_weights(DENSE, weights(more)))


@pytest.mark.parametrize("shapes", [
    {}, {"layers/dense/vars/0": (3, 4), "layers/dense/vars/1": (3,)}, {"layers/dense/vars/1": (3,)},
    {"optimizer/vars/0": (4, 3), "layers/dense/vars/1": (3,)},
], ids=["none", "turned", "one is missing", "the optimizer's alone"])  # fmt: skip
def test_weights_that_do_not_fit(shapes: dict[str, tuple[int, ...]]) -> None:
    message = spoken(with_weights(DENSE, weights(shapes)))["KG715"]
    assert "1 of shape (4, 3), as in a, and the file has 0" in message


def test_an_archive_without_weights() -> None:
    assert spoken(archive(DENSE)).keys() == {"KG715"}
    assert not spoken(archive(model()))


def test_shared_layers_need_their_weights_once() -> None:
    x, y = (["x", 0, 0], ["dense", 0, 0])
    layers = [
        {
            "class_name": "InputLayer",
            "name": "x",
            "config": {"name": "x", "batch_input_shape": [None, 4], "dtype": "float32"},
            "inbound_nodes": [],
        },
        {
            "class_name": "Dense",
            "name": "dense",
            "config": {"name": "dense", "units": 4},
            "inbound_nodes": [[[*x, {}]], [[*y, {}]]],
        },
    ]
    whole = {
        "class_name": "Functional",
        "config": {"name": "m", "layers": layers, "input_layers": [x], "output_layers": [["dense", 1, 0]]},
    }
    shapes = {"model_weights/dense/dense/kernel:0": (4, 4), "model_weights/dense/dense/bias:0": (4,)}

    def fill(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(whole)
        for path, shape in shapes.items():
            file.create_dataset(path, shape, "float32")

    assert not spoken(hdf5(fill))
    shapes.popitem()
    assert spoken(hdf5(fill)).keys() == {"KG715"}


# --- what was not looked at ---------------------------------------------------------------------------------------


def damaged() -> bytes:
    return with_weights(DENSE, b"this is no HDF5 file" * 9)


def test_what_was_not_read_is_an_error_and_never_clean(tmp_path: Path) -> None:
    report = kgraph.check(damaged())
    assert [item.where for item in report.errors] == ["file"]
    assert "'model.weights.h5' was not looked at" in report.errors[0].message
    assert not report.findings  # of weights that were not looked at, nothing is said
    assert report.exit_code() == 2
    path = tmp_path / "model.keras"
    path.write_bytes(damaged())
    done = CliRunner().invoke(cli, ["check", str(path)])
    assert done.exit_code == 2
    assert "model.weights.h5" in done.output


def test_what_was_not_read_of_a_file_without_a_graph() -> None:
    evil = {"class_name": "Sequential", "config": {"layers": [layer("system", "os")]}}
    report = kgraph.check(with_weights(evil, b"this is no HDF5 file" * 9))
    assert [item.where for item in report.errors] == ["graph", "file"]
    assert [item.rule for item in report.findings] == ["KG704"]


def test_limits_that_cut_the_walk_short_are_errors() -> None:
    data = with_weights(model(), weights({f"layers/a/vars/{number}": (1,) for number in range(50)}))
    assert not kgraph.check(data).errors
    report = kgraph.check(data, limits=Limits(objects=10))
    assert report.errors and report.exit_code() == 2
