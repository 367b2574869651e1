"""Files of web servers (http://, https://), by ranged requests over a session of fsspec.

fsspec's own ``cat_file`` takes the whole file where a server ignores ranges, accepts compressed
bytes, and does not tell whether two answers are of one file; so the requests are made here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from onnxguard.model.wire import LARGEST_MESSAGE
from onnxguard.sources.pointers import HEAD_BYTES
from onnxguard.sources.remote.access import Access
from onnxguard.sources.remote.addresses import beside
from onnxguard.sources.remote.faults import RemoteError, changed, of_status
from onnxguard.sources.remote.filesystems import filesystem
from onnxguard.sources.remote.patience import Patience
from onnxguard.sources.remote.ranges import HEAD
from onnxguard.sources.remote.versions import version_of

T = TypeVar("T")

DOWNLOADED = LARGEST_MESSAGE
"""Bytes that are downloaded at most."""

_PIECE = 1 << 16
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_NO_BYTES = re.compile(r"bytes \*/0")
_IDENTITY = ("ETag", "Last-Modified", "Content-MD5", "Digest")


class WebFile:
    """A Source over ranged requests, each answer of which must be of the same file."""

    def __init__(self, address: str, patience: Patience) -> None:
        self.fetched = self.requests = 0
        self.size = -1
        self.head = b""
        self._address = address
        self._patience = patience
        self._fs: Any = filesystem("http")
        self._url = self._url_of(address)
        self._identity: tuple[str | None, ...] = ()

    @property
    def version(self) -> str:
        """``version_of`` the file that was read."""
        return version_of(self.size, self._identity)

    def look(self) -> None:
        """Ask for no more than what file it is."""
        self.size, _, self._identity = self._persist(
            lambda: self._range(self._url, 0, 1, keep=False)
        )

    def start(self) -> bool:
        """Fetch the head and the size; False where the server sends no ranges."""
        size, data, identity = self._persist(lambda: self._range(self._url, 0, HEAD))
        if data is None:
            return False
        self.size, self.head, self._identity = size, data, identity
        return True

    def read(self, start: int, stop: int) -> bytes:
        """Exactly the bytes ``[start, stop)``, by one request if all goes well."""
        size, data, identity = self._persist(lambda: self._range(self._url, start, stop))
        if (size, identity) != (self.size, self._identity):
            raise changed()
        if data is None:
            raise RemoteError("the server sends ranges no more", _DOWNLOAD_HINT)
        return data

    def look_beside(self, location: str) -> tuple[int, bytes]:
        """The size of the file at ``location`` in the model's folder, and its first bytes."""
        url = self._url_of(beside(self._address, location))
        size, head, _ = self._persist(lambda: self._range(url, 0, HEAD_BYTES))
        if size < 0:
            raise RemoteError("the server does not tell its size")
        return size, head or b""

    def download(self, stream: IO[bytes]) -> None:
        """Write the whole file into ``stream``; its size becomes the source's.

        Raises:
            RemoteError: it cannot be read, or is larger than ``DOWNLOADED``.
        """
        self._persist(lambda: self._download(stream))
        self.size = stream.tell()

    def _url_of(self, address: str) -> Any:
        try:
            return self._fs.encode_url(address)
        except ValueError as error:
            raise RemoteError(f"cannot be read: no address ({type(error).__name__})") from None

    def _persist(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        def once(left: float) -> T:
            self.requests += 1
            limited = asyncio.wait_for(call(), left)
            future = asyncio.run_coroutine_threadsafe(limited, self._fs.loop)
            try:
                return future.result(left + 1)  # one more, should the loop itself hang
            finally:
                future.cancel()

        return self._patience.persist(once, self._url.scheme)

    @asynccontextmanager
    async def _get(self, url: Any, **headers: str) -> AsyncIterator[Any]:
        session = await self._fs.set_session()
        headers["Accept-Encoding"] = "identity"  # a range of compressed bytes means nothing
        async with session.get(url, headers=headers) as answer:
            self.requests += len(answer.history)
            hops = [*answer.history, answer]
            if url.scheme == "https" and any(hop.url.scheme != "https" for hop in hops):
                raise RemoteError("cannot be read: the server redirects from https to http")
            try:
                if answer.headers.get("Content-Encoding", "identity") not in ("identity", ""):
                    raise RemoteError("cannot be read: the server sends it compressed")
                if answer.status >= 400 and answer.status != 416:
                    raise of_status(answer.status, "http", answer.headers)
                yield answer
            finally:
                if not answer.content.at_eof():
                    answer.close()  # rather than read what is left

    async def _range(
        self, url: Any, start: int, stop: int, keep: bool = True
    ) -> tuple[int, bytes | None, tuple[str | None, ...]]:
        """The file's size, -1 if unknown; the bytes, None where they are more; its identity."""
        async with self._get(url, Range=f"bytes={start}-{stop - 1}") as answer:
            identity = _identity_of(answer)
            told = answer.headers.get("Content-Range", "")
            length = answer.content_length
            if answer.status == 416:
                if start:
                    raise changed()
                # Of an empty file, but servers refuse to send ranges so, too.
                return (0, b"", identity) if _NO_BYTES.match(told) else (-1, None, identity)
            if answer.status == 206:
                span = _CONTENT_RANGE.match(told)
                if span is None:
                    raise RemoteError("cannot be read: the server does not say what it sends")
                first, last, size = map(int, span.groups())
                if first != start or last != min(stop, size) - 1:
                    raise RemoteError("cannot be read: the server sends another range than asked")
                self._follow(url, answer)
                return size, await self._body(answer, last + 1 - first), identity
            if answer.status != 200:
                raise RemoteError(f"cannot be read: the server answers HTTP {answer.status}")
            if start or length is None or length > stop:
                return -1 if length is None else length, None, identity
            return length, await self._body(answer, length) if keep else b"", identity

    async def _body(self, answer: Any, count: int) -> bytes:
        pieces: list[bytes] = []
        missing = count
        while missing:
            piece = await answer.content.read(min(missing, _PIECE))
            if not piece:
                message = "cannot be read: the connection ended early"
                raise RemoteError(message, passing=True)
            self.fetched += len(piece)
            missing -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _follow(self, url: Any, answer: Any) -> None:
        """Follow a redirect once: later requests go where it led.

        Credentials of the address are for its own server alone.
        """
        if answer.history and url is self._url:
            self._url = answer.url
            if url.user is not None and answer.url.origin() == url.origin():
                self._url = answer.url.with_user(url.user).with_password(url.password)

    async def _download(self, stream: IO[bytes]) -> None:
        stream.seek(0)
        stream.truncate()
        async with self._get(self._url) as answer:
            if answer.status != 200:
                raise RemoteError(f"cannot be read: the server answers HTTP {answer.status}")
            if (answer.content_length or 0) > DOWNLOADED:
                raise _too_large()
            self._identity = _identity_of(answer)
            async for piece in answer.content.iter_chunked(_PIECE):
                self.fetched += len(piece)
                stream.write(piece)
                if stream.tell() > DOWNLOADED:
                    raise _too_large()


_DOWNLOAD_HINT = "download the model and scan the file, or let --allow-full-download do so"


def _identity_of(answer: Any) -> tuple[str | None, ...]:
    return tuple(answer.headers.get(name) for name in _IDENTITY)


def _too_large() -> RemoteError:
    return RemoteError(f"cannot be downloaded: more than {DOWNLOADED:,} bytes")


class Downloaded:
    """A Source over a copy of a whole file."""

    head = b""

    def __init__(self, origin: WebFile, stream: IO[bytes]) -> None:
        self.size = origin.size
        self._origin = origin
        self._stream = stream

    @property
    def fetched(self) -> int:
        """Bytes that were received."""
        return self._origin.fetched

    @property
    def requests(self) -> int:
        """Requests that were made."""
        return self._origin.requests

    @property
    def version(self) -> str:
        """``version_of`` the file that was downloaded."""
        return self._origin.version

    def read(self, start: int, stop: int) -> bytes:
        """Exactly the bytes ``[start, stop)``."""
        self._stream.seek(start)
        return self._stream.read(stop - start)

    def look_beside(self, location: str) -> tuple[int, bytes]:
        """The size of a file beside the original, and its first bytes."""
        return self._origin.look_beside(location)


@contextmanager
def opened(address: str, patience: Patience, access: Access) -> Iterator[WebFile | Downloaded]:
    """Open a file of a web server.

    Raises:
        RemoteError: it cannot be read; its server sends no ranges and ``access`` does not allow to
            download it whole.
    """
    source = WebFile(address, patience)
    if source.start():
        yield source
        return
    if not access.full_download:
        message = "the server sends no ranges: all of the model would have to be downloaded"
        raise RemoteError(message, _DOWNLOAD_HINT)
    with TemporaryFile(prefix="onnxguard-") as stream:
        source.download(stream)
        yield Downloaded(source, stream)
