"""Adam: what changes a network's weights after each step."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

_BETAS = 0.9, 0.999
_EPSILON = 1e-8


class Adam:
    """Adam as PyTorch has it, by its fused kernel.

    ``torch.optim.Adam`` computes the same, but it imports PyTorch's compiler, which would take two
    seconds of every training. Source: Kingma and Ba, Adam: A Method for Stochastic Optimization,
    2015, algorithm 1.

    Attributes:
        parameters: what it changes, by their ``grad``.
        state: for each of them its ``exp_avg`` and ``exp_avg_sq``, shaped as it is, and ``step``, a
            float32 scalar; all of them on its device.
    """

    def __init__(self, parameters: Iterable[Tensor], rate: float, recorded: bool = False) -> None:
        """Begin at step 0.

        Args:
            parameters: all on one device.
            rate: the learning rate.
            recorded: steps are to be recorded as a CUDA graph, which reads the rate where it is.
        """
        self.parameters = list(parameters)
        device = self.parameters[0].device
        self._rate = torch.tensor(rate, device=device) if recorded else rate
        self.state = [
            {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter, requires_grad=False),
                "exp_avg_sq": torch.zeros_like(parameter, requires_grad=False),
            }
            for parameter in self.parameters
        ]

    def set_rate(self, rate: float) -> None:
        """Change the learning rate, of steps that were recorded too."""
        if isinstance(self._rate, Tensor):
            self._rate.fill_(rate)
        else:
            self._rate = rate

    def forget_gradients(self) -> None:
        """Drop every gradient, so that the next backward pass does not add to it."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        changed = [
            (parameter, parameter.grad, state)
            for parameter, state in zip(self.parameters, self.state, strict=True)
            if parameter.grad is not None
        ]
        adam(
            [parameter for parameter, _, _ in changed],
            [gradient for _, gradient, _ in changed],
            [state["exp_avg"] for _, _, state in changed],
            [state["exp_avg_sq"] for _, _, state in changed],
            [],
            [state["step"] for _, _, state in changed],
            fused=True,
            capturable=isinstance(self._rate, Tensor),
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self._rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )
