"""Generated hostile inputs: importing this package fills ``CASES``, one module a class."""

from __future__ import annotations

from importlib import import_module

from hostile.registry import CASES, Case

__all__ = ["CASES", "Case"]

for _module in (
    "bounds",
    "costly",
    "external",
    "files",
    "header",
    "injection",
    "operators",
    "tensors",
    "wire",
):
    import_module(f"hostile.{_module}")
