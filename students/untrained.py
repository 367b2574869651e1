"""A student that nobody trained, with numbers in it that make a check worth something."""

from __future__ import annotations

import torch
from onnxguard.students.student import Student
from torch import nn


def untrained_network(student: Student, seed: int = 0) -> nn.Module:
    """The student with seeded weights and batch norms that do something, in evaluation mode.

    A fresh batch norm is the identity, which would hide that an exporter folded it wrongly; one
    with arbitrary statistics lets the signal fade or explode. So the statistics are measured on
    noise, then moved at random.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = student.build()
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            nn.init.uniform_(norm.weight, 0.7, 1.3)
            nn.init.normal_(norm.bias, 0.0, 0.2)
            norm.momentum = None  # the mean over all batches, of which there is one
        network.train()
        network(torch.randn(4, 3, 64, 64))
        for norm in norms:
            for statistic in (norm.running_mean, norm.running_var):
                assert statistic is not None  # noqa: S101 - these norms track statistics
                statistic.mul_(torch.empty_like(statistic).uniform_(0.7, 1.4))
        return network.eval()
