"""From an address to the bytes of its model, and from a folder of a store to its models."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from onnxguard.base.errors import UsageError
from onnxguard.sources.remote.access import Access
from onnxguard.sources.remote.addresses import WEB, check_address, protocol_of, shown
from onnxguard.sources.remote.faults import RemoteError
from onnxguard.sources.remote.patience import Patience
from onnxguard.sources.remote.ranges import RemoteBytes

ASKED_AT_ONCE = 16
"""Servers are asked for so many versions at a time."""


@contextmanager
def opened(address: str, access: Access) -> Iterator[RemoteBytes]:
    """Give the bytes of the model at an address.

    Raises:
        RemoteError: it cannot be read (OG001): also while it is read, and where it changed
            meanwhile.
    """
    _check(address)
    patience = Patience(access.timeout)
    if protocol_of(address) in WEB:
        from onnxguard.sources.remote import web

        with web.opened(address, patience, access) as source:
            yield RemoteBytes(source)
    else:
        from onnxguard.sources.remote import store

        with store.opened(address, patience) as stored:
            yield RemoteBytes(stored)


def models_at(address: str, access: Access) -> list[str]:
    """The models that an address stands for; itself where it is one file, or nothing is found.

    Raises:
        UsageError: an address that cannot be read, or a folder that cannot be listed.
    """
    check_address(address)
    if protocol_of(address) in WEB:
        return [address]
    from onnxguard.sources.remote.store import expand

    try:
        return expand(address, access) or [address]
    except RemoteError as error:
        raise UsageError(f'cannot list "{shown(address)}": {error}; {error.hint}') from None


def version_at(address: str, access: Access) -> str:
    """What ``Source.version`` of the model at an address would be, by one request.

    Raises:
        RemoteError: it cannot be told.
    """
    _check(address)
    patience = Patience(access.timeout)
    if protocol_of(address) in WEB:
        from onnxguard.sources.remote.web import WebFile

        file = WebFile(address, patience)
        file.look()
        return file.version
    from onnxguard.sources.remote import store

    return store.version_at(address, patience)


def versions_at(addresses: Sequence[str], access: Access) -> dict[str, str]:
    """``version_at`` each of them, several at a time; empty where it cannot be told."""
    left = iter(addresses)
    answers: queue.SimpleQueue[tuple[str, str | BaseException]] = queue.SimpleQueue()

    def work() -> None:
        for address in left:  # a list's iterator is one step of the interpreter
            try:
                answers.put((address, version_at(address, access)))
            except RemoteError:
                answers.put((address, ""))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                answers.put((address, error))

    # Daemons: whoever interrupts this does not wait for servers.
    for _ in range(min(ASKED_AT_ONCE, len(addresses))):
        threading.Thread(target=work, name="onnxguard-versions", daemon=True).start()
    found: dict[str, str] = {}
    for _ in addresses:
        address, answer = answers.get()
        if isinstance(answer, BaseException):
            raise answer
        found[address] = answer
    return found


def _check(address: str) -> None:
    try:
        check_address(address)
    except UsageError as error:
        raise RemoteError(str(error)) from None
