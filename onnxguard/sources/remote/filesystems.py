"""One fsspec filesystem for each protocol and process, so that connections are used again."""

from __future__ import annotations

import os
from typing import Any

from onnxguard.sources.remote.patience import STALL

CONNECT = 10.0
"""Seconds that a connection may take to stand."""

_open: dict[tuple[int, str], Any] = {}


def filesystem(protocol: str) -> Any:
    """The filesystem of a protocol, made at its first use; fsspec closes it when Python ends.

    Credentials, proxies and endpoints are those of the environment.
    """
    name = "http" if protocol == "https" else protocol
    key = os.getpid(), name  # a connection does not survive a fork
    if key not in _open:
        import fsspec  # type: ignore[import-untyped] # it has no annotations

        made = fsspec.filesystem(
            name, skip_instance_cache=True, use_listings_cache=False, **_options(name)
        )
        if name == "s3":
            made.retries = 1  # ours count and pause for all protocols alike
        _open.setdefault(key, made)  # another thread may have been faster
    return _open[key]


def forget() -> None:
    """Close every filesystem; the next use reads the environment anew."""
    import gc

    _open.clear()
    gc.collect()  # fsspec closes a filesystem when it is collected


def _options(protocol: str) -> dict[str, Any]:
    if protocol == "http":
        import aiohttp

        from onnxguard.sources.remote.redirects import guard

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=STALL)
        options = {"trust_env": True, "timeout": timeout, "trace_configs": [guard()]}
        return {"client_kwargs": options}
    if protocol == "s3":
        retries = {"total_max_attempts": 1}
        times = {"connect_timeout": CONNECT, "read_timeout": STALL}
        return {"config_kwargs": {"retries": retries, **times}}
    return {}
