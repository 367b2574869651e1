"""A training step recorded once and replayed: a GPU then waits for no Python."""

from __future__ import annotations

from collections.abc import Callable

import torch
from onnxguard.students.adam import Adam
from torch import Tensor, nn

_WARM_UPS = 3


def recorded(
    step: Callable[..., Tensor],
    network: nn.Module,
    optimiser: Adam,
    batch: int,
    device: torch.device,
) -> Callable[..., Tensor]:
    """Record a step as a CUDA graph; weights and optimiser are afterwards as they were.

    Args:
        step: takes ``which``, ``tops``, ``lefts`` (int64 ``[batch]``), ``flips`` (bool
            ``[batch]``) and ``vote`` (float32 scalar).
        network: what it changes.
        optimiser: the same; made for steps that are recorded.
        batch: images of a step.
        device: the GPU.

    Returns:
        The step, to be called in the same way; its result is overwritten by the next call.
    """
    whole = torch.zeros(batch, dtype=torch.int64, device=device)
    held = (
        whole,
        whole.clone(),
        whole.clone(),
        whole.bool(),
        torch.zeros((), device=device),
    )
    before = copies(network, optimiser)
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):  # what is allocated at first use must not be recorded
        for _ in range(_WARM_UPS):
            step(*held)
    torch.cuda.current_stream(device).wait_stream(stream)
    with torch.no_grad():
        for tensor, value in zip(_tensors(network, optimiser), before, strict=True):
            tensor.copy_(value)
    optimiser.forget_gradients()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step(*held)

    def replay(*given: Tensor) -> Tensor:
        for target, value in zip(held, given, strict=True):
            target.copy_(value)
        graph.replay()
        return result

    return replay


def copies(network: nn.Module, optimiser: Adam) -> list[Tensor]:
    """Everything that a step changes as it is now, without the history of how it came about.

    A clone of a parameter would keep alive the node that adds up its gradient. That node is bound
    to the stream on which it was made, and a step that meets it on another cannot be recorded.
    Source: PyTorch's pull request 166136.
    """
    return [tensor.detach().clone() for tensor in _tensors(network, optimiser)]


def _tensors(network: nn.Module, optimiser: Adam) -> list[Tensor]:
    """Everything that a step changes, always in the same order."""
    state = [tensor for held in optimiser.state for tensor in held.values()]
    return [*network.parameters(), *network.buffers(), *state]
