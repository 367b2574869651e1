"""Watch a PyTorch module while it runs: below Python, so that functional calls are seen too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from onnxguard.parity.trace import PRODUCT, Recorded, Trace
from onnxguard.running.comparison import Array, Named

_SILENT = frozenset({"detach", "alias", "lift_fresh", "empty", "empty_like"})


class Watch(TorchDispatchMode):
    """Records every floating tensor that a module computes, in the order of computation.

    Args:
        module: the outermost one.
        values: keep the tensors' values; without them only decisions are kept.
    """

    supports_higher_order_operators = True  # torch.cond and its like

    def __init__(self, module: nn.Module, values: bool = True) -> None:
        super().__init__()
        self._values = values
        self._module = module
        self._called: list[str] = []
        self._entered = ExitStack()
        self._records: list[Recorded] = []
        self._decisions: list[str] = []
        self._made: dict[int, tuple[torch.Tensor, int]] = {}
        self._stores = {p.untyped_storage().data_ptr() for p in module.parameters()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; the default imports the compiler, which takes a second."""
        return False

    def __enter__(self) -> Self:
        for path, module in self._module.named_modules():
            before = module.register_forward_pre_hook(
                lambda _, __, path=path: self._called.append(path)
            )
            after = module.register_forward_hook(
                lambda *_: (self._called.pop(), None)[1], always_call=True
            )
            self._entered.callback(before.remove)
            self._entered.callback(after.remove)
        self._entered.enter_context(_in_small_steps())
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._entered.close()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See one operator of ATen."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "overloadpacket", func).__name__.rstrip("_")
        if name == "_local_scalar_dense" and isinstance(result, bool):
            self._decisions.append(str(result))
        if not self._values:
            return result
        sources = tuple(self._made[id(t)][1] for t in _tensors(args) if id(t) in self._made)
        if name == "addmm" and not kwargs:  # alpha and beta are 1
            self._record(PRODUCT, torch.mm(*args[1:]), sources)
        if name == "_to_copy" and result.dtype == args[0].dtype:
            return result
        for number, tensor in enumerate(_tensors(result)):
            self._record(f"{name} {number}" if number else name, tensor, sources)
        return result

    def _record(self, name: str, tensor: torch.Tensor, sources: tuple[int, ...]) -> None:
        if not tensor.dtype.is_floating_point or name in _SILENT or not tensor.numel():
            return
        module = self._called[-1] if self._called else ""
        # Kept alive, or its id would be another tensor's soon.
        self._made[id(tensor)] = tensor, len(self._records)
        value = tensor.detach().cpu()
        if tensor.untyped_storage().data_ptr() not in self._stores:  # no run changes a parameter
            value = value.clone(memory_format=torch.contiguous_format)
        self._records.append(Recorded(name, module, self._scope(), _numpy(value), sources))

    def _scope(self) -> str:
        return "".join(f"/{_element(path)}" for path in self._called if path)

    @property
    def decisions(self) -> tuple[str, ...]:
        """The booleans that Python looked at."""
        return tuple(self._decisions)

    def trace(self, outputs: Named) -> Trace:
        """What was seen, with what the module returned."""
        return Trace(outputs, tuple(self._records))


@contextmanager
def _in_small_steps() -> Iterator[None]:
    """No fused attention and no compiled parts: what they compute on the way is not seen."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)


def _element(path: str) -> str:
    """A module's name in the TorchScript exporter's scopes: ``enc1a.0``, ``conv``, ``layer.1.0``.

    Numbered children carry the name of their container.
    """
    parts = path.split(".")
    start = len(parts) - 1
    while start and parts[start].isdigit():
        start -= 1
    return ".".join(parts[start:])


def _numpy(tensor: torch.Tensor) -> Array:
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    array: Array = tensor.numpy()
    return array


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
