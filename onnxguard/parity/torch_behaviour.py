"""How a PyTorch module computes: what it reads out of its data, in which precision."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from onnxguard.base.printable import printable

REDUCED = (torch.float16, torch.bfloat16)
"""What keeps too few bits to vouch for float32."""

_DATA = "_onnxguard_data"
"""The attribute of a tensor whose values come from the inputs' values."""
_SIZED = frozenset(
    {"empty_like", "full_like", "new_empty", "new_full", "new_ones", "new_zeros", "ones_like"}
    | {"rand_like", "randn_like", "zeros_like", "sym_size", "size"}
)
"""What takes nothing from a tensor but its size."""
_MOVING = frozenset(
    {"_to_copy", "alias", "clone", "copy_", "detach", "empty", "lift_fresh", "view"}
)
"""What keeps numbers, and does not compute."""
_MEETING = frozenset(
    {"clamp", "clamp_max", "clamp_min", "hardtanh", "remainder", "fmod", "threshold"}
    | {"eq", "ne", "lt", "le", "gt", "ge", "maximum", "minimum"}
)
"""What compares with its numbers, clips or wraps around at them."""
_FAR = 1e6

_OURS = (torch.__name__, __name__)


class Read(NamedTuple):
    """A value that Python took out of a tensor, as ``if tensor:`` and ``.item()`` do.

    Attributes:
        site: the file and line of the user's code, ``net.py:31``.
        decision: the value of a boolean; None for a number, of which it cannot be seen what was
            made.
        of_data: whether it depends on the inputs' values, and not on their sizes alone.
        installed: whether the code is an installed package's, and not the user's.
    """

    site: str
    decision: bool | None
    of_data: bool = True
    installed: bool = False


class Behaviour(NamedTuple):
    """One run of a module.

    Attributes:
        reads: what Python took out of tensors, in order.
        operators: the operators of ATen that ran, in order.
        reduced: those that computed in half precision.
        numbers: the constants that numbers were compared with or clipped at.
        empty_rows: where an attention had a mask, which queries it left no key, in any head:
            ``[N, T]`` or ``[1, T]``.
    """

    reads: tuple[Read, ...]
    operators: tuple[str, ...]
    reduced: tuple[str, ...]
    numbers: tuple[float, ...] = ()
    empty_rows: tuple[npt.NDArray[np.bool_], ...] = ()


class BehaviourWatch(TorchDispatchMode):
    """Watches without keeping tensors.

    Args:
        inputs: the tensors whose values are data; what is made of them is marked.
    """

    def __init__(self, inputs: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self._reads: list[Read] = []
        self._operators: list[str] = []
        self._reduced: dict[str, None] = {}
        self._numbers: dict[float, None] = {}
        self._functions = _Functions()
        self._entered = ExitStack()
        for tensor in inputs:
            setattr(tensor, _DATA, True)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; the default imports the compiler, which takes a second."""
        return False

    def __enter__(self) -> Self:
        self._entered.enter_context(self._functions)
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._entered.close()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See one operator of ATen."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "overloadpacket", func).__name__
        self._operators.append(name)
        given = list(_tensors((*args, *(kwargs or {}).values())))
        of_data = any(hasattr(tensor, _DATA) for tensor in given)
        if name == "_local_scalar_dense" and not self._functions.checks:
            decision = result if isinstance(result, bool) else None
            site, installed = _site()
            self._reads.append(Read(site, decision, of_data, installed))
        if name.rstrip("_").split(".")[0] in _MEETING:
            numbers = (float(a) for a in args[1:] if isinstance(a, int | float))
            self._numbers.update((n, None) for n in numbers if abs(n) < _FAR)
        for tensor in _tensors(result):
            if of_data and name not in _SIZED:
                setattr(tensor, _DATA, True)
            if tensor.dtype in REDUCED and name not in _MOVING:
                self._reduced[printable(name)] = None
        return result

    def behaviour(self) -> Behaviour:
        """What was seen."""
        return Behaviour(
            tuple(self._reads),
            tuple(self._operators),
            tuple(self._reduced),
            tuple(self._numbers),
            tuple(self._functions.empty_rows.values()),
        )


class _Functions(TorchFunctionMode):
    """Knows whether PyTorch itself looks at values, only to check them, and what masks leave."""

    checks = False

    def __init__(self) -> None:
        super().__init__()
        self.empty_rows: dict[tuple[int, ...], npt.NDArray[np.bool_]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        classes = kwargs.get("num_classes", args[1] if len(args) > 1 else -1)
        # With a number of classes, one_hot reads its largest index to see that it fits.
        self.checks = name == "one_hot" and classes != -1
        if name == "scaled_dot_product_attention":
            mask = kwargs.get("attn_mask", args[3] if len(args) > 3 else None)
            query = kwargs.get("query", args[0] if args else None)
            if mask is not None and query is not None and 2 <= mask.ndim <= query.ndim in (3, 4):
                rows = _empty_rows(mask, query.ndim)
                self.empty_rows[rows.shape] = self.empty_rows.get(rows.shape, False) | rows
        try:
            return func(*args, **kwargs)
        finally:
            self.checks = False


def _empty_rows(mask: torch.Tensor, axes: int) -> npt.NDArray[np.bool_]:
    """Of a mask ``[N, heads, T, keys]``, of so many axes at the most, what lets no key through."""
    values = mask.detach().cpu()
    held = (values if mask.dtype == torch.bool else values.double()).numpy()
    if mask.dtype != torch.bool:
        held = held > torch.finfo(mask.dtype).min
    empty = np.asarray(~held.any(-1))[(None,) * (axes - mask.ndim)]
    return np.asarray(empty.any(tuple(range(1, axes - 2))))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    for item in value if isinstance(value, list | tuple) else (value,):
        if isinstance(item, torch.Tensor):
            yield item
        elif isinstance(item, list | tuple):
            yield from (part for part in item if isinstance(part, torch.Tensor))


def _site() -> tuple[str, bool]:
    """The nearest line that is not PyTorch's, and whether it is of an installed package."""
    frame = sys._getframe(1)  # noqa: SLF001 - cheaper than a traceback, and documented
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_OURS):
            break
        frame = frame.f_back
    path = frame.f_code.co_filename.replace("\\", "/")
    installed = "/site-packages/" in path or "/dist-packages/" in path
    return printable(f"{path.rpartition('/')[2]}:{frame.f_lineno}"), installed
