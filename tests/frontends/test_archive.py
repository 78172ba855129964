from __future__ import annotations

import io
import random
import struct
import zipfile

import pytest

from kgraph.errors import SourceError
from kgraph.frontends.archive import Archive, is_archive, read_archive, read_member, stored_window
from kgraph.frontends.contents import Limits
from kgraph.frontends.window import Damaged, Window
from tests.frontends.zips import members, packed, raw


def archive(data: bytes, limits: Limits | None = None) -> Archive:
    return read_archive(Window(io.BytesIO(data), 0, len(data)), limits or Limits())


def member(found: Archive, name: str, most: int = 2**20, limits: Limits | None = None) -> bytes:
    return read_member(found, found.by_name[name], most, limits or Limits())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_it_reads_what_zipfile_writes(method: int) -> None:
    files = members(a__txt=b"x" * 5000, empty=b"", é=b"1")
    found = archive(packed(files, method))
    assert not found.odd
    assert {entry.entry.name: entry.entry.size for entry in found.members} == {
        name: len(data) for name, data in files.items()
    }
    assert {name: member(found, name) for name in files} == files


def test_data_descriptors_and_wide_sizes() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: int) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as made:
        made.writestr("late", b"abc")
        with made.open("wide", "w", force_zip64=True) as file:
            file.write(b"defg")
    found = archive(pipe.getvalue())
    assert not found.odd
    assert (member(found, "late"), member(found, "wide")) == (b"abc", b"defg")


def test_more_than_65535_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory's own 64 bit record."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    data = packed({"a": b"1", "b": b"2"})
    assert b"PK\6\6" in data
    assert member(archive(data), "b") == b"2"


def test_a_comment_and_what_stands_before_the_archive() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a", b"1")
        made.comment = b"said"
    data = b"\x7fELF" + buffer.getvalue()
    assert is_archive(Window(io.BytesIO(data), 0, len(data)))
    found = archive(data)
    assert member(found, "a") == b"1"
    assert found.odd == ("4 bytes stand before the first member of the zip archive",)


@pytest.mark.parametrize("name", ["../a", "/a", "C:\\a", "a\\b", "a\0b", "a/../../b", "é"])
def test_names_are_told_as_they_are(name: str) -> None:
    assert archive(raw([(name.encode(), b"")])).members[0].entry.name == name


def test_flags_of_members() -> None:
    entry = archive(raw([(b"a", b"")], flags=0x801, mode=0o120777)).members[0].entry
    assert entry.encrypted
    assert entry.symlink
    plain = archive(raw([(b"\x82", b"")], flags=0, mode=0o100644)).members[0].entry
    assert (plain.name, plain.encrypted, plain.symlink) == ("é", False, False)


def test_of_two_members_with_one_name_the_last_counts() -> None:
    found = archive(raw([(b"a", b"1"), (b"a", b"2")]))
    assert len(found.members) == 2
    assert member(found, "a") == b"2"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (raw([(b"a", b"1"), (b"b", b"2")], local={1: b"c"}), "'b' is called 'c' in its local header"),
        (
            raw([(b"a", b"1"), (b"b", b"2")], offsets={1: 3}),
            "'b' has no local header where the directory says it has one",
        ),
        (raw([(b"a", b"1")], offsets={0: 10**6}), "the local header of 'a' lies outside the file"),
        (raw([(b"a", b"1" * 50), (b"a", b"1" * 50)], offsets={1: 0}), "'a' overlaps 'a'"),
        (raw([(b"a", b"1")], sizes={0: 30}), "the data of a member reaches into the directory of the zip archive"),
        (
            packed({"a": b"1"}).replace(b"a1", b"a1", 1).replace(struct.pack("<II", 1, 1), struct.pack("<II", 1, 2), 1),
            "the local header of 'a' differs from the directory in size, checksum or method",
        ),
    ],
)
def test_what_is_odd(data: bytes, sentence: str) -> None:
    assert sentence in archive(data).odd


def test_many_odd_things_are_cut() -> None:
    found = archive(raw([(b"a", b"1")] * 50, local=dict.fromkeys(range(50), b"b")))
    assert found.odd[-1] == "and 30 more like these"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\3\4" + bytes(50), "no end record"),
        (b"PK", "no end record"),
        (packed({"a": b"1"})[:-1], "no end record"),
        (packed({"a": b"1"}).replace(b"PK\1\2", b"PK\1\3"), "no entry at byte"),
        (packed({"a": b"1"}).replace(struct.pack("<II", 47, 32), struct.pack("<II", 47, 999)), "should start at byte"),
        (packed({"a": b"1"}).replace(struct.pack("<II", 47, 32), struct.pack("<II", 46, 32)), "no entry|reaches past"),
        (raw([(b"a", b"1")], sizes={0: 2**32 - 1}), "more than 4 GiB does not say"),
    ],
)
def test_damaged_directories(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=f"directory of the zip archive.*({message})"):
        archive(data)


@pytest.mark.parametrize("extra", [struct.pack("<HHQ", 1, 8, 3), struct.pack("<HH", 9, 0)])
def test_an_entry_that_does_not_say_all_its_wide_sizes(extra: bytes) -> None:
    head = struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 0, 0, 0, 0, 0, 0, 0, *[2**32 - 1] * 2, 1, len(extra), 0, 0, 0, 0, 0
    )
    directory = head + b"a" + extra
    with pytest.raises(SourceError, match="more than 4 GiB does not say"):
        archive(directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), 0, 0))


def test_limits_of_the_directory() -> None:
    data = packed({f"{number}": b"" for number in range(30)})
    with pytest.raises(SourceError, match="more than 29 members"):
        archive(data, Limits(entries=29))
    with pytest.raises(SourceError, match="more than 1 entries take"):
        archive(data, Limits(entries=1))


def test_members_that_are_not_read() -> None:
    zeros = packed({"a": bytes(2**21)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(SourceError, match="'a' has 2,097,152 bytes; the limit is 1,048,576"):
        member(archive(zeros), "a")
    with pytest.raises(SourceError, match="would grow from .* more than 200 times"):
        member(archive(zeros), "a", 2**30)
    assert len(member(archive(zeros), "a", 2**30, Limits(ratio=2000))) == 2**21
    with pytest.raises(SourceError, match="'a' is encrypted"):
        member(archive(raw([(b"a", b"1")], flags=1)), "a")
    with pytest.raises(SourceError, match="packed by method 14"):
        member(archive(packed({"a": b"1"}, zipfile.ZIP_LZMA)), "a")
    with pytest.raises(SourceError, match="'a' is damaged: its local header is damaged"):
        member(archive(raw([(b"a", b"1")], local={0: b"b"})), "a")
    with pytest.raises(SourceError, match="do not fit the size or the checksum"):
        member(archive(packed({"a": b"12345"}).replace(b"12345", b"12346")), "a")
    broken = packed({"a": b"12345" * 9}, zipfile.ZIP_DEFLATED)
    with pytest.raises(SourceError, match="'a' is damaged: Error -3"):
        member(archive(broken[:31] + b"\xff\xff" + broken[33:]), "a")


def test_a_stored_member_is_seen_through_a_window() -> None:
    found = archive(packed({"a": b"12345"}))
    view = stored_window(found, found.by_name["a"])
    assert view is not None
    assert view.read(1, 3) == b"234"
    with pytest.raises(Damaged, match="reach past the end"):
        view.read(3, 3)
    deflated = archive(packed({"a": b"1"}, zipfile.ZIP_DEFLATED))
    assert stored_window(deflated, deflated.by_name["a"]) is None


def test_it_agrees_with_zipfile_on_damaged_archives() -> None:
    """What ``zipfile`` reads without complaint is read here, to the same bytes."""
    data = packed(members(model__weights__h5=b"w" * 200), zipfile.ZIP_DEFLATED)
    read = 0
    for seed in range(2000):
        chance, made = random.Random(seed), bytearray(data)
        for _ in range(chance.choice((1, 2))):
            made[chance.randrange(len(made))] = chance.randrange(256)
        try:
            with zipfile.ZipFile(io.BytesIO(made)) as archived:
                expected = archived.read("config.json")
        except Exception:  # zipfile raises many things
            continue
        try:
            assert member(archive(bytes(made)), "config.json") == expected
            read += 1
        except SourceError:
            pass
    assert read > 900
