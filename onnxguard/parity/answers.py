"""The tensors in whatever a module returns: tuples, dicts, dataclasses, caches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from onnxguard.base.printable import printable
from onnxguard.running.errors import ParityError

_DEPTH = 4
"""So deep it is looked into an object for tensors."""


def tensors_of(answer: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor, bool]]:
    """Every tensor in order: its name, itself, and whether it only carries a state.

    Its name are the keys, fields and places that lead to it, ``past.0.1``. A state is what an
    object of no known kind holds, such as a cache.

    Raises:
        ParityError: OP001, there is something else.
    """
    if isinstance(answer, torch.Tensor):
        yield name, answer, False
    elif isinstance(answer, bool | int | float):
        yield name, torch.tensor(answer), False
    elif answer is not None:
        parts = _parts(answer)
        if parts is None:
            held = list(_held(name, answer, _DEPTH))
            if not held:
                kind = type(answer).__name__
                raise ParityError(
                    "OP001", f"the reference returns a {printable(kind)}, not tensors"
                )
            yield from ((path, tensor, True) for path, tensor in held)
            return
        for key, part in parts:
            yield from tensors_of(part, f"{name}.{key}" if name else key)


def _parts(answer: Any) -> list[tuple[str, Any]] | None:
    """What a container of a known kind holds, by key, field or place; None for other objects."""
    if isinstance(answer, Mapping):
        return [(str(key), value) for key, value in answer.items()]
    if isinstance(answer, tuple) and hasattr(answer, "_fields"):
        return list(zip(answer._fields, answer, strict=True))
    if is_dataclass(answer) and not isinstance(answer, type):
        return [(member.name, getattr(answer, member.name)) for member in fields(answer)]
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return [(str(place), value) for place, value in enumerate(answer)]
    return None


def _held(name: str, answer: Any, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors that an object iterates over, or else has among its attributes."""
    if isinstance(answer, torch.Tensor):
        yield name, answer
        return
    parts = _parts(answer)
    if parts is None and isinstance(answer, Iterable) and not isinstance(answer, str | bytes):
        parts = [(str(place), part) for place, part in enumerate(answer)]
    if parts is None:
        parts = list(getattr(answer, "__dict__", {}).items())
    for key, part in parts if depth else ():
        yield from _held(f"{name}.{key}" if name else key, part, depth - 1)
