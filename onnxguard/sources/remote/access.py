"""What the caller allows."""

from __future__ import annotations

from typing import NamedTuple


class Access(NamedTuple):
    """How models at addresses are read.

    Attributes:
        timeout: seconds that one model may take in all, retries included.
        full_download: whether a model is downloaded whole where its server sends no ranges.
    """

    timeout: float = 60.0
    full_download: bool = False


DEFAULT_ACCESS = Access()
