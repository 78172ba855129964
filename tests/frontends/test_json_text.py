from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.errors import SourceError
from kgraph.frontends.contents import Limits
from kgraph.frontends.json_text import NAMED, Json, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(data: bytes, limits: Limits | None = None) -> Json:
    return read_json(data, "config.json", limits or Limits())


def depth(value: object) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(depth, items), default=0)


@given(VALUES, st.booleans())
def test_it_reads_what_json_reads(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    if value != json.loads(text.encode("utf-8", "replace")):  # half a pair, written as it is
        return
    data = text.encode()
    assert read(data) == Json(value)
    limit = depth(value)
    assert read(data, Limits(json_depth=limit)).value == value
    if limit:
        with pytest.raises(SourceError, match="nested deeper"):
            read(data, Limits(json_depth=limit - 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "config.json is nested deeper than 200 levels (json_depth)"),
        (b'{"a":' * 1_000_000, "config.json is nested deeper than 200 levels (json_depth)"),
        (b'{\n "a": }', "config.json is not JSON: Expecting value, line 2, column 7"),
        (b"", "config.json is not JSON: Expecting value, line 1, column 1"),
        (b'{"a":\n "\xff"}', "config.json is not UTF-8: line 2, column 3, byte 0xff"),
        (b'["\xed\xa0\x80"]', "config.json is not UTF-8: line 1, column 3, byte 0xed"),
        (b'["x",\n"\\ud800"]', "config.json holds half a surrogate pair, \\ud800: line 2, column 2"),
        (b'["\\\\\\ude00"]', "config.json holds half a surrogate pair, \\ude00: line 1, column 5"),
        (b"[\n" + b"9" * 5000 + b"]", "config.json holds a whole number with too many digits: line 2, column 1"),
    ],
)
def test_one_line_on_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(data)
    assert str(caught.value) == message


def test_more_bytes_than_the_limit() -> None:
    with pytest.raises(SourceError, match=r"has 12 bytes; the limit is 10 \(config_bytes\)"):
        read(b"[1, 2, 3, 4]", Limits(config_bytes=10))


def test_brackets_in_strings_do_not_nest() -> None:
    text = json.dumps(['[{"' * 300, "\\", '\\"[' * 300, "]"])
    assert read(text.encode(), Limits(json_depth=1)).value == json.loads(text)


def test_pairs_of_surrogates_and_escaped_backslashes_are_fine() -> None:
    assert read(b'["\\ud83d\\ude00", "\\\\ud800"]').value == ["\U0001f600", "\\ud800"]


def test_what_is_no_json_but_read_by_python() -> None:
    found = read(b'\xef\xbb\xbf{"a": NaN, "b": [-Infinity, NaN]}')
    assert math.isnan(found.value["a"])
    assert found.odd == ("config.json starts with a byte order mark",)


def test_repeated_keys_are_told_with_their_places() -> None:
    found = read(b'{"a": 1, "b": [0, {"c": 1, "c": 2, "c": 3, "d": {}, "d": {}}], "a": {"x": 1, "x": 2}}')
    assert found.value == {"a": {"x": 2}, "b": [0, {"c": 3, "d": {}}]}
    assert set(found.repeated) == {"$.a", "$.a.x", "$.b[1].c", "$.b[1].d"}
    lost = read(b'{"a": {"x": 1, "x": 2}, "a": 3}')
    assert set(lost.repeated) == {"$.a", "(replaced).x"}


def test_many_repeated_keys() -> None:
    found = read(b"[" + b", ".join([b'{"a": 1, "a": 2}'] * 100) + b"]")
    assert len(found.repeated) == NAMED + 1
    assert found.repeated[-1] == f"and {100 - NAMED} more"


def test_a_limit_beyond_what_the_parser_does_is_no_traceback() -> None:
    with pytest.raises(SourceError, match=r"^x.json is nested deeper than Python's JSON parser goes$"):
        read_json(b"[" * 200_000 + b"]" * 200_000, "x.json", Limits(json_depth=1_000_000))
