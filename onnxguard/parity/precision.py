"""In which precision a PyTorch module computes, for a while."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from onnxguard.base.memory import trim


@contextmanager
def full_precision(default: torch.dtype) -> Iterator[None]:
    """No autocast, no TF32, no bfloat16 in float32 products; what was set before is set again."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        with (
            _exact_products(),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
        ):
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _exact_products() -> Iterator[None]:
    """Set what PyTorch has for this: one old interface, and since 2.9 a setting for each backend.

    The old one is used where it works, because once the two are mixed its getters raise.
    """
    backends: Any = torch.backends  # its stubs lag behind it
    with ExitStack() as undo:
        with suppress(RuntimeError):  # the caller mixed them
            before, allowed = torch.get_float32_matmul_precision(), backends.cudnn.allow_tf32
            undo.callback(torch.set_float32_matmul_precision, before)
            undo.callback(setattr, backends.cudnn, "allow_tf32", allowed)
            torch.set_float32_matmul_precision("highest")
            backends.cudnn.allow_tf32 = False
        if hasattr(backends, "fp32_precision"):
            for part in (
                *(backends, backends.cuda.matmul, backends.cudnn, backends.mkldnn),
                *(backends.cudnn.conv, backends.cudnn.rnn),
                *(backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn),
            ):
                if part.fp32_precision not in ("ieee", "none"):
                    undo.callback(setattr, part, "fp32_precision", part.fp32_precision)
                    part.fp32_precision = "ieee"
        yield


@contextmanager
def widened(module: nn.Module) -> Iterator[None]:
    """Every floating parameter and buffer in float64 for a while, without a second network.

    What shares its storage with another, or is part of a larger one, gets that very storage back;
    what a run puts in the place of a tensor is gone after it.
    """
    owned = [vars(part) for part in module.modules()]
    owned += [held for own in owned for held in own.values() if type(held) is dict]
    kept_names = [(own, dict(own)) for own in owned]
    tensors = dict.fromkeys((*module.parameters(), *module.buffers()))
    stores = Counter(tensor.untyped_storage().data_ptr() for tensor in tensors)
    before: list[tuple[torch.Tensor, torch.Tensor | torch.dtype]] = []
    try:
        for tensor in tensors:
            if tensor.is_floating_point() and tensor.dtype != torch.float64:
                store = tensor.untyped_storage()
                alone = store.nbytes() == tensor.nbytes and stores[store.data_ptr()] == 1
                before.append((tensor, tensor.dtype if alone else tensor.data))
                tensor.data = tensor.data.double()
        trim()  # what was narrow is free by now
        yield
    finally:
        for tensor, kept in before:
            if isinstance(kept, torch.Tensor):
                tensor.data = kept
            else:  # what was widened is what it was again
                tensor.data = tensor.data.to(kept)
        for own, names in kept_names:
            for name in own.keys() - names:
                del own[name]
            own.update(names)


class StayingWide(TorchFunctionMode):
    """Gives float64 where a network asks for float32 by name: the two do not mix in a product."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.float:
            return args[0].double()
        args = tuple(map(_wide, args))
        return func(*args, **{name: _wide(value) for name, value in (kwargs or {}).items()})


def _wide(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value


def in_float32(module: nn.Module) -> nn.Module:
    """A module that computes in half precision as a copy in float32; others as they are."""
    tensors = (*module.parameters(), *module.buffers())
    half = any(t.dtype in (torch.float16, torch.bfloat16) for t in tensors)
    return copy.deepcopy(module).float() if half else module
