"""How a PyTorch module computes: what it reads out of its data, in which precision."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from onnxguard.base.printable import printable

REDUCED = (torch.float16, torch.bfloat16)
"""What keeps too few bits to vouch for float32."""

_OURS = (torch.__name__, __name__)


class Read(NamedTuple):
    """A value that Python took out of a tensor, as ``if tensor:`` and ``.item()`` do.

    Attributes:
        site: the file and line of the user's code, ``net.py:31``.
        decision: the value of a boolean; None for a number, of which it cannot be seen what was
            made.
    """

    site: str
    decision: bool | None


class Behaviour(NamedTuple):
    """One run of a module.

    Attributes:
        reads: what Python took out of tensors, in order.
        operators: the operators of ATen that ran, in order.
        reduced: those that gave half precision.
    """

    reads: tuple[Read, ...]
    operators: tuple[str, ...]
    reduced: tuple[str, ...]


class BehaviourWatch(TorchDispatchMode):
    """Watches without keeping tensors."""

    def __init__(self) -> None:
        super().__init__()
        self._reads: list[Read] = []
        self._operators: list[str] = []
        self._reduced: dict[str, None] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; the default imports the compiler, which takes a second."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See one operator of ATen."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "overloadpacket", func).__name__
        self._operators.append(name)
        if name == "_local_scalar_dense":
            self._reads.append(Read(_site(), result if isinstance(result, bool) else None))
        for tensor in result if isinstance(result, list | tuple) else (result,):
            if isinstance(tensor, torch.Tensor) and tensor.dtype in REDUCED:
                self._reduced[printable(name)] = None
        return result

    def behaviour(self) -> Behaviour:
        """What was seen."""
        return Behaviour(tuple(self._reads), tuple(self._operators), tuple(self._reduced))


def _site() -> str:
    """The nearest line that is not PyTorch's."""
    frame = sys._getframe(1)  # noqa: SLF001 - cheaper than a traceback, and documented
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_OURS):
            break
        frame = frame.f_back
    name = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return printable(f"{name}:{frame.f_lineno}")
