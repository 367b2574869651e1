"""Several processes that train one network: the same weights in each, a share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function

from onnxguard.base.errors import TrainingError
from onnxguard.base.printable import printable

_PATIENCE = timedelta(hours=2)
"""So long the others wait where one decodes a data set for all."""


class Group(NamedTuple):
    """The processes of a training.

    Attributes:
        rank: this one, from 0.
        size: how many there are.
        local_rank: this one among those of its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def add(self, tensor: Tensor) -> None:
        """Replace a tensor by the sum of all processes' tensors."""
        if self.size > 1:
            dist.all_reduce(tensor)

    def wait(self) -> None:
        """Go on when all processes are here.

        Raises:
            TrainingError: one of them ended.
        """
        if self.size == 1:
            return
        try:
            dist.barrier()
        except RuntimeError:
            raise TrainingError("another process ended: see what it said") from None

    def share(self, value: Any) -> Any:
        """What the first process has, in every process."""
        if self.size == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]

    def average_gradients(self, network: nn.Module, extra: Tensor) -> Tensor:
        """Replace every gradient by the mean over the processes, in one exchange.

        Args:
            network: whose gradients are there.
            extra: float32 ``[n]`` that travels with them.

        Returns:
            The sum of ``extra`` over the processes.
        """
        if self.size == 1:
            return extra
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        together = torch.cat([*(g.flatten() for g in gradients), extra])
        dist.all_reduce(together)
        sizes = [*(gradient.numel() for gradient in gradients), len(extra)]
        for gradient, total in zip(gradients, torch.split(together, sizes), strict=False):
            gradient.copy_(total.view(gradient.shape) / self.size)
        return together[-len(extra) :]


def described_group() -> Group:
    """The group that ``torchrun`` describes in the environment, or this process alone.

    Raises:
        TrainingError: the description makes no sense.
    """
    numbers = []
    for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
        text = os.environ.get(name, default)
        if not (text.isascii() and text.isdigit()):
            raise TrainingError(
                f'the environment says {name}="{printable(text)}", which is not a number: '
                "unset it, or start with torchrun"
            )
        numbers.append(int(text))
    return Group(*numbers) if numbers[1] > 1 else Group()


@contextmanager
def joined(group: Group, device: torch.device) -> Iterator[None]:
    """Connect the processes of a group, each with its device.

    Raises:
        TrainingError: the others cannot be reached.
    """
    if group.size == 1:
        yield
        return
    cuda = device.type == "cuda"
    try:
        if cuda:
            torch.cuda.set_device(device)
        dist.init_process_group(
            "nccl" if cuda else "gloo", device_id=device if cuda else None, timeout=_PATIENCE
        )
    except (RuntimeError, ValueError) as error:
        said = printable(" ".join(str(error).split()), 200)
        raise TrainingError(f"the other processes of torchrun cannot be reached: {said}") from None
    try:
        yield
    finally:
        dist.destroy_process_group()


def synchronise_norms(network: nn.Module, group: Group) -> None:
    """Let every batch norm measure the whole batch, not this process's share of it.

    PyTorch's own layer for that refuses the CPU.
    """
    if group.size == 1:
        return
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _SynchronisedNorm(child, group))


class _SynchronisedNorm(nn.BatchNorm2d):
    """A batch norm with another's parameters and statistics, over all processes."""

    def __init__(self, norm: nn.BatchNorm2d, group: Group) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self._group = group

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[n, channels, H, W]`` to the same."""
        if not self.training:
            return super().forward(x)
        apply: Any = _Normalised.apply
        normed, mean, variance, count = apply(x, self.weight, self.bias, self.eps, self._group)
        with torch.no_grad():
            assert self.running_mean is not None  # noqa: S101 - these norms track statistics
            assert self.running_var is not None  # noqa: S101
            assert self.num_batches_tracked is not None  # noqa: S101
            assert self.momentum is not None  # noqa: S101
            unbiased = variance * (count / (count - 1))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
            self.num_batches_tracked.add_(1)
        result: Tensor = normed
        return result


class _Normalised(Function):
    """Batch norm of a batch that lies in several processes (Ioffe and Szegedy, ICML 2015)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, group: Group
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        number = wide.new_full((1,), x.numel() / x.shape[1])
        # Two exchanges, not one of sums of squares, whose difference would lose digits.
        first = torch.cat([wide.sum((0, 2, 3)), number])
        group.add(first)
        mean, count = first[:-1] / first[-1], first[-1]
        centred = wide - mean[:, None, None]
        variance = (centred * centred).sum((0, 2, 3))
        group.add(variance)
        variance /= count
        scale = torch.rsqrt(variance + epsilon)
        hat = centred * scale[:, None, None]
        ctx.save_for_backward(hat, weight, scale, count)
        ctx.group = group
        ctx.mark_non_differentiable(mean, variance, count)
        normed = hat * weight[:, None, None] + bias[:, None, None]
        return normed.to(x.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hat, weight, scale, count = ctx.saved_tensors
        given = gradients[0]
        wide = given.to(hat.dtype)
        for_bias, for_weight = wide.sum((0, 2, 3)), (wide * hat).sum((0, 2, 3))
        both = torch.cat([for_bias, for_weight])
        ctx.group.add(both)
        over_bias, over_weight = (both / count).chunk(2)
        inner = wide - over_bias[:, None, None] - hat * over_weight[:, None, None]
        passed = inner * (weight * scale)[:, None, None]
        return passed.to(given.dtype), for_weight, for_bias, None, None
