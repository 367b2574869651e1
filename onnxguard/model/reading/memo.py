"""What the same bytes meant before, in this model or another; bounded, and shared by a process.

A model repeats its attributes, types and shapes to the byte, and models of one family share them:
looking one up costs a fraction of reading it again. Nothing is kept that depends on more than the
bytes themselves: on where they stand, or on what else the model holds.

What reading cost is kept beside what was read: a model is charged for the first of equal bytes in
it, whatever was read before it, so that no verdict depends on the order of a run.
"""

from __future__ import annotations

from typing import TypeVar

from onnxguard.model.graph import Attribute, Operator, Type

T = TypeVar("T")

ENTRIES = 4096
"""Entries that one memo keeps."""

KEY_BYTES = 256
"""Bytes of the longest key."""

attributes: dict[bytes, tuple[Attribute, int]] = {}
rests: dict[bytes, tuple[bytes, bytes, bytes, list[bytes]]] = {}
"""What follows the name of a node: op_type, domain, overload, and attributes that are kept here."""
operators: dict[bytes, Operator] = {}
"""Those of the default domain, by op_type."""
types: dict[bytes, tuple[Type, int]] = {}
shapes: dict[bytes, tuple[tuple[int, ...], int]] = {}
"""Dims as they are written: themselves and their product."""


def remember(memo: dict[bytes, T], key: bytes, value: T) -> None:
    """Keep a value, unless the memo is full or the key too long."""
    if len(key) <= KEY_BYTES and len(memo) < ENTRIES:
        memo[key] = value


def forget() -> None:
    """Empty all memos."""
    for memo in (attributes, rests, operators, types, shapes):
        memo.clear()
