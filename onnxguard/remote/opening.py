"""From an address to the bytes of its model, and from a folder of a store to its models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onnxguard.errors import UsageError
from onnxguard.remote.access import Access
from onnxguard.remote.addresses import WEB, check_address, protocol_of, shown
from onnxguard.remote.faults import RemoteError
from onnxguard.remote.patience import Patience
from onnxguard.remote.ranges import RemoteBytes


@contextmanager
def opened(address: str, access: Access) -> Iterator[RemoteBytes]:
    """Give the bytes of the model at an address.

    Raises:
        RemoteError: it cannot be read (OG001): also while it is read, and where it changed
            meanwhile.
    """
    try:
        check_address(address)
    except UsageError as error:
        raise RemoteError(str(error)) from None
    patience = Patience(access.timeout)
    if protocol_of(address) in WEB:
        from onnxguard.remote import web

        with web.opened(address, patience, access) as source:
            yield RemoteBytes(source)
    else:
        from onnxguard.remote import store

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
    from onnxguard.remote.store import expand

    try:
        return expand(address, access) or [address]
    except RemoteError as error:
        raise UsageError(f'cannot list "{shown(address)}": {error}; {error.hint}') from None
