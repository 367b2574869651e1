"""What tells a file at an address from another one that takes its place."""

from __future__ import annotations

import hashlib


def version_of(size: int, told: tuple[str | None, ...]) -> str:
    """A short digest of a file's size and of what else its server tells.

    Args:
        size: in bytes.
        told: ETag, time of change and their like, None where there is none.

    Returns:
        16 hexadecimal digits; empty where the server told nothing: a size alone is no version.
    """
    if not any(told):
        return ""
    return hashlib.sha256(repr((size, told)).encode()).hexdigest()[:16]
