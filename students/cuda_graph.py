"""A training step recorded once and replayed: a GPU then waits for no Python."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_WARM_UPS = 3


def recorded(
    step: Callable[..., Tensor],
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: int,
    device: torch.device,
) -> Callable[..., Tensor]:
    """Record a step as a CUDA graph; weights and optimiser are afterwards as they were.

    Args:
        step: takes ``which``, ``tops``, ``lefts`` (int64 ``[batch]``), ``flips`` (bool
            ``[batch]``) and ``vote`` (float32 scalar).
        network: what it changes.
        optimiser: the same; its learning rate is a tensor, and it is capturable.
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
    had_state = bool(optimiser.state)
    before = [tensor.clone() for tensor in _tensors(network, optimiser)]
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):  # what is allocated at first use must not be recorded
        for _ in range(_WARM_UPS):
            step(*held)
    torch.cuda.current_stream(device).wait_stream(stream)
    with torch.no_grad():
        tensors = _tensors(network, optimiser)
        for place, tensor in enumerate(tensors):
            if place < len(before):
                tensor.copy_(before[place])
            elif not had_state:
                tensor.zero_()  # an optimiser's first moments, its second ones, and its steps
    optimiser.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step(*held)

    def replay(*given: Tensor) -> Tensor:
        for target, value in zip(held, given, strict=True):
            target.copy_(value)
        graph.replay()
        return result

    return replay


def _tensors(network: nn.Module, optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """Everything that a step changes, always in the same order: the network's first."""
    state = [
        value
        for parameter in network.parameters()
        for value in optimiser.state.get(parameter, {}).values()
    ]
    return [*network.parameters(), *network.buffers(), *state]
