"""Where what can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$ONNXGUARD_CACHE``, else ``onnxguard`` in the user's folder for caches."""
    if chosen := os.environ.get("ONNXGUARD_CACHE"):
        return Path(chosen)
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if os.path.isabs(xdg) else Path("~/.cache").expanduser()) / "onnxguard"
