"""Objects of a store (s3://, gs://, hf://), through whatever filesystem fsspec has for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from onnxguard.sources.pointers import HEAD_BYTES, POINTER_BYTES
from onnxguard.sources.remote.access import Access
from onnxguard.sources.remote.addresses import beside, protocol_of
from onnxguard.sources.remote.faults import RemoteError, changed
from onnxguard.sources.remote.filesystems import filesystem
from onnxguard.sources.remote.patience import Patience, in_time
from onnxguard.sources.remote.versions import version_of

T = TypeVar("T")

SUFFIX = ".onnx"

_IDENTITY = (
    "ETag",
    "LastModified",
    "VersionId",
    "etag",
    "generation",
    "md5Hash",
    "updated",
    "blob_id",
    "last_commit",
)
"""What stores tell of an object that changes with it."""


class StoredObject:
    """A Source over an open file of fsspec. Every read is a request: nothing is read ahead."""

    head = b""

    def __init__(self, address: str, patience: Patience) -> None:
        self.fetched = self.requests = 0
        self._address = address
        self._protocol = protocol_of(address)
        self._patience = patience
        if "/" not in address.partition("://")[2].strip("/"):
            raise RemoteError("not an object: it is a bucket without *.onnx objects, or none")
        self._file = self._ask(lambda fs: fs.open(address, "rb", cache_type="none"))
        details = self._file.details
        if details.get("type") == "directory":
            raise RemoteError("not an object: it is a folder without *.onnx objects")
        self.size = int(details["size"])
        self._identity = _identity(details)

    @property
    def version(self) -> str:
        """``version_of`` the object that was opened."""
        return _version(self._identity)

    def read(self, start: int, stop: int) -> bytes:
        """Exactly the bytes ``[start, stop)``, by one request if all goes well."""

        def ranged(_: Any) -> bytes:
            self._file.seek(start)
            data: bytes = self._file.read(stop - start)
            self.fetched += len(data)
            if len(data) != stop - start:
                message = "cannot be read: fewer bytes came than were asked for"
                raise RemoteError(message, passing=True)
            return data

        return self._ask(ranged)

    def look_beside(self, location: str) -> tuple[int, bytes]:
        """The size of the object at ``location`` in the model's folder; its head if it is small."""
        address = beside(self._address, location)
        details = self._ask(lambda fs: fs.info(address))
        if details.get("type") == "directory":
            raise RemoteError("cannot be read: it is a folder", missing=True)
        size = int(details["size"])
        if not 0 < size <= POINTER_BYTES:
            return size, b""
        end = min(HEAD_BYTES, size)
        head: bytes = self._ask(lambda fs: fs.cat_file(address, start=0, end=end))
        self.fetched += len(head)
        return size, head

    def finish(self) -> None:
        """Look whether the object is still the one that was opened.

        Raises:
            RemoteError: it is another one, or gone.
        """
        if _identity(self._ask(lambda fs: fs.info(self._address))) != self._identity:
            raise changed()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _ask(self, call: Callable[[Any], T]) -> T:
        def once(left: float) -> T:
            self.requests += 1
            return in_time(lambda: call(_fresh(self._protocol)), left)

        return self._patience.persist(once, self._protocol)


def _fresh(protocol: str) -> Any:
    """The filesystem without the listings that it keeps."""
    fs = filesystem(protocol)
    fs.invalidate_cache()
    return fs


def version_at(address: str, patience: Patience) -> str:
    """``version_of`` the object at an address.

    Raises:
        RemoteError: it cannot be told.
    """
    protocol = protocol_of(address)

    def ask(left: float) -> dict[str, Any]:
        return in_time(lambda: dict(_fresh(protocol).info(address)), left)

    return _version(_identity(patience.persist(ask, protocol)))


def _version(identity: tuple[Any, ...]) -> str:
    return version_of(identity[0], tuple(value and str(value) for value in identity[1:]))


def _identity(details: dict[str, Any]) -> tuple[Any, ...]:
    return details.get("size"), *(details.get(key) for key in _IDENTITY)


@contextmanager
def opened(address: str, patience: Patience) -> Iterator[StoredObject]:
    """Open an object; afterwards look whether it changed meanwhile.

    Raises:
        RemoteError: it cannot be read, or it changed.
    """
    source = StoredObject(address, patience)
    try:
        yield source
        source.finish()
    finally:
        source.close()


def expand(address: str, access: Access) -> list[str]:
    """The models that an address of a store stands for, sorted; empty where nothing is found.

    A glob stands for the objects that it matches, a folder for the ``*.onnx`` objects below it
    (``.onnx`` in any case of letters for both), and what ends with ``.onnx`` for itself.

    Raises:
        RemoteError: the store cannot be asked.
    """
    protocol, _, path = address.partition("://")
    protocol = protocol.lower()
    magic = any(char in path for char in "*?[")
    if path.lower().endswith(SUFFIX) and not magic:
        return [address]
    patience = Patience(access.timeout)

    if magic and path.lower().endswith(SUFFIX):
        path = path[: -len(SUFFIX)] + ".[oO][nN][nN][xX]"

    def listed(fs: Any) -> list[str]:
        found = fs.glob(path, detail=True) if magic else fs.find(path, detail=True)
        files = [name for name, details in found.items() if details["type"] == "file"]
        return [name for name in files if not name.endswith("/")]  # what consoles make a folder of

    def ask(left: float) -> list[str]:
        return in_time(lambda: listed(_fresh(protocol)), left)

    try:
        names = patience.persist(ask, protocol)
    except RemoteError as error:
        if error.missing:
            return []
        raise
    if not magic:
        names = [name for name in names if name.lower().endswith(SUFFIX)]
    return sorted(f"{protocol}://{name}" for name in names)
