"""The bytes of a model at an address, fetched where they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from typing import Protocol, overload

HEAD = 1 << 16
"""Bytes that are fetched first, at most."""

AFTER_JUMP, LAST_BLOCK = 1 << 15, 1 << 24
"""Bytes that are fetched after a jump, and the most that are fetched ahead."""

GROWTH = 16
"""How much larger a block is than the one before that it follows."""

GAP = 1 << 18
"""Bytes that come in the time of a request at 100 Mbit/s and 20 ms: so few are read through."""

HELD = 1 << 26
"""Bytes of blocks that are held at most."""

SPARE = 16
"""A reader that asks for a chunk gets so many bytes, where there are so many."""


class Source(Protocol):
    """Where the bytes come from."""

    @property
    def size(self) -> int:
        """Bytes of the model."""

    @property
    def head(self) -> bytes:
        """Its first bytes, if they came with the size; else empty."""

    @property
    def fetched(self) -> int:
        """Bytes that were received so far, those of failed tries included."""

    @property
    def requests(self) -> int:
        """Requests that were made so far."""

    @property
    def version(self) -> str:
        """``version_of`` what the server tells of the file."""

    def read(self, start: int, stop: int) -> bytes:
        """Exactly the bytes ``[start, stop)``."""

    def look_beside(self, location: str) -> tuple[int, bytes]:
        """The size of a file in the model's folder, and what tells whether it is a pointer.

        Raises:
            RemoteError: the size cannot be told.
        """


class RemoteBytes:
    """A Buffer over a source of ranges; every block that was fetched is kept, within bounds.

    A block is small after a jump, so that weights are passed over; larger where that jump would
    cost more than what is passed over; and it grows while the reads follow each other, so that a
    structure in one piece takes three.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._size = source.size
        self._block = source.head
        self._base = 0
        self._next = HEAD
        self._bases = [0]
        self._blocks = [source.head]

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> bytes: ...
    def __getitem__(self, index: int | slice, /) -> int | bytes:
        if isinstance(index, int):
            at = index - self._base
            if not 0 <= at < len(self._block):
                self._hold(index, 1)
                at = index - self._base
            return self._block[at]
        start, stop = index.start or 0, min(index.stop, self._size)
        if start >= stop:
            return b""
        at, end = start - self._base, stop - self._base
        if not (at >= 0 and end <= len(self._block)):
            if stop - start > LAST_BLOCK:
                return self.source.read(start, stop)
            self._hold(start, stop - start)
            at, end = start - self._base, stop - self._base
        return self._block[at:end]

    def chunk(self, pos: int) -> bytes:
        """Hold, and return, the bytes from ``pos`` on: a few at least."""
        self._hold(pos, min(SPARE, self._size - pos))
        return self._block[pos - self._base :]

    def _hold(self, pos: int, least: int) -> None:
        """Make the current block one that holds ``least`` bytes from ``pos`` on."""
        index = bisect_right(self._bases, pos) - 1
        base, block = self._bases[index], self._blocks[index]
        kept = block[pos - base :]
        if len(kept) < least:
            start = pos + len(kept)
            self._next = self._grown(start)
            stop = min(max(start + self._next, pos + least), self._size)
            base, block = pos, kept + self.source.read(start, stop)
            self._keep(base, block)
        self._base, self._block = base, block

    def _grown(self, start: int) -> int:
        """Bytes to fetch from ``start`` on."""
        end = self._base + len(self._block)
        if not end:  # no head came with the size
            return HEAD
        if start == end:
            return min(GROWTH * self._next, LAST_BLOCK)
        return 4 * GAP if end < start <= end + GAP else AFTER_JUMP

    def _keep(self, base: int, block: bytes) -> None:
        if sum(map(len, self._blocks)) + len(block) > HELD:
            self._bases, self._blocks = [0], [self.source.head]
        index = bisect_right(self._bases, base)
        self._bases.insert(index, base)
        self._blocks.insert(index, block)
