"""What the same bytes meant before, in this model or another; bounded, and shared by a process.

A model repeats its attributes, types and shapes to the byte, and models of one family share them:
looking one up costs a fraction of reading it again.
"""

from __future__ import annotations

from typing import TypeVar

from onnxguard.model.graph import Attribute, Operator, Type

T = TypeVar("T")

ENTRIES = 4096
"""Entries that one memo keeps."""

KEY_BYTES = 256
"""Bytes of the longest key."""

operators: dict[bytes, Operator] = {}
attributes: dict[bytes, Attribute] = {}
types: dict[bytes, Type] = {}
shapes: dict[bytes, tuple[tuple[int, ...], int]] = {}


def remember(memo: dict[bytes, T], key: bytes, value: T) -> None:
    """Keep a value, unless the memo is full or the key too long."""
    if len(key) <= KEY_BYTES and len(memo) < ENTRIES:
        memo[key] = value
