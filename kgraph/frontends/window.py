"""A bounded view on a part of a file: what is outside is never read, and only the pages that are asked for are."""

from __future__ import annotations

from typing import BinaryIO

from kgraph.errors import SourceError

PAGE = 4096
PAGES = 512
"""Pages that are kept: the structures of a file point to and fro."""


class Damaged(SourceError):  # noqa: N818
    """A file contradicts itself at one place; the reader says which part of it could not be looked at."""


class Window:
    """``size`` bytes of ``file`` from ``start`` on; all offsets are relative to ``start``."""

    __slots__ = ("_file", "_pages", "size", "start")

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self.start = start
        self.size = size
        self._pages: dict[int, bytes] = {}

    def within(self, start: int, size: int) -> Window:
        """A part of this window.

        Raises:
            Damaged: it would reach outside.
        """
        self._check(start, size)
        return Window(self._file, self.start + start, size)

    def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes.

        Raises:
            Damaged: the window is shorter.
            SourceError: the file cannot be read.
        """
        self._check(offset, size)
        page, skip = divmod(offset, PAGE)
        data = self._page(page)[skip : skip + size] if skip + size <= PAGE else self._fetch(offset, size)
        if len(data) != size:
            raise Damaged(f"the file ends before byte {self.start + offset + size:,}")
        return data

    def _check(self, offset: int, size: int) -> None:
        if not 0 <= offset <= self.size - size or size < 0:
            raise Damaged(f"{size:,} bytes at byte {offset:,} reach past the end, {self.size:,} bytes")

    def _page(self, number: int) -> bytes:
        known = self._pages.get(number)
        if known is None:
            if len(self._pages) >= PAGES:
                self._pages.clear()
            start = number * PAGE
            known = self._pages[number] = self._fetch(start, min(PAGE, self.size - start))
        return known

    def _fetch(self, offset: int, size: int) -> bytes:
        try:
            self._file.seek(self.start + offset)
            return self._file.read(size)
        except (OSError, ValueError) as error:  # ValueError: a file that its owner has closed
            raise SourceError(f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from error
