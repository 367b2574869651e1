"""Addresses of models: which are taken, how they are shown, and what lies beside one."""

from __future__ import annotations

import re

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import WHOLE, printable

WEB = frozenset({"http", "https"})
PACKAGES = {
    "http": ("fsspec", "aiohttp"),
    "https": ("fsspec", "aiohttp"),
    "s3": ("fsspec", "s3fs"),
    "gs": ("fsspec", "gcsfs"),
    "hf": ("fsspec", "huggingface_hub"),
}
"""The protocols that are read, each with the packages that do it."""

HIDDEN = "***"
"""Stands for what may be a secret."""

# A drive is one letter. fsspec chains protocols with "::", and none of those is taken.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]+)://")


def is_remote(path: str) -> bool:
    """Whether a path is an address, of whichever protocol, and no file of this machine."""
    return _ADDRESS.match(path) is not None


def protocol_of(address: str) -> str:
    """The protocol of an address, in small letters."""
    return address.partition("://")[0].lower()


def check_address(address: str) -> None:
    """Check that an address can be read at all, without a request.

    Raises:
        UsageError: a protocol that is not taken or whose packages are missing, or no address of
            one file.
    """
    protocol = protocol_of(address)
    name = f'"{shown(address)}"'
    if protocol not in PACKAGES:
        known = ", ".join(f"{each}://" for each in PACKAGES)
        raise UsageError(f"{name}: {printable(protocol)}:// is not read, only {known}")
    from importlib.util import find_spec

    from onnxguard.base.extras import how_to_install

    missing = [package for package in PACKAGES[protocol] if find_spec(package) is None]
    if missing:
        raise UsageError(
            f"{name}: {protocol}:// needs {' and '.join(missing)}: {how_to_install('remote')}"
        )
    host, _, key = address.partition("://")[2].partition("/")
    if not host or not address.isprintable():
        raise UsageError(f"{name} is not an address")
    if protocol not in WEB:
        if "@" in host:
            raise UsageError(f"{name}: {protocol}:// takes no credentials in the address")
    elif not key.partition("?")[0] or key.partition("?")[0].endswith("/"):
        raise UsageError(f"{name}: HTTP has no folders: name each model by its own address")


def shown(path: str) -> str:
    """A path as it may be printed: an address without user, password and the query's values.

    >>> shown("https://me:secret@host/m.onnx?token=abc#part")
    'https://***@host/m.onnx?token=***'
    """
    if not is_remote(path):
        return printable(path, WHOLE)
    protocol, _, rest = path.partition("://")
    host, slash, key = rest.partition("/")
    if "?" in host:  # no slash comes before the query
        host, slash, key = rest.partition("?")
        slash, key = "", f"?{rest.partition('?')[2]}"
    web = protocol.lower() in WEB
    if web:
        host, key = host.partition("#")[0], key.partition("#")[0]
    if "@" in host:
        host = f"{HIDDEN}@{host.rpartition('@')[2]}"
    key, mark, query = key.partition("?")
    if mark:
        query = "&".join(_hidden(part, web) for part in query.split("&"))
    return printable(f"{protocol}://{host}{slash}{key}{mark}{query}", WHOLE)


def _hidden(part: str, web: bool) -> str:
    name, equals, _ = part.partition("=")
    if equals:
        return f"{name}={HIDDEN}"
    return HIDDEN if web else part  # elsewhere a question mark is a letter of a name, or a glob's


def beside(address: str, location: str) -> str:
    """The address of a file in the folder of a model, or below it.

    Args:
        address: the model's.
        location: a relative path parted by ``/`` that leaves no folder.
    """
    parts = [part for part in location.split("/") if part not in ("", ".")]
    if protocol_of(address) not in WEB:
        return "/".join([address.rpartition("/")[0], *parts])
    from urllib.parse import quote

    path, mark, query = address.partition("#")[0].partition("?")
    return "/".join([path.rpartition("/")[0], *(quote(p, safe="") for p in parts)]) + mark + query
