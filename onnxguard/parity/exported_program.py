"""A ``.pt2`` file of ``torch.export`` as a module that takes its inputs by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from onnxguard.base.errors import UsageError


class ExportedModule(nn.Module):
    """Calls an exported program with its arguments as they were given at the export.

    Its ``forward`` has the program's parameters, whether they were positional or named there.

    Args:
        program: what was loaded.

    Raises:
        UsageError: it takes something else than tensors.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        super().__init__()
        self.program = program.module()
        positional, keywords = program.example_inputs or ((), {})
        if not all(isinstance(v, torch.Tensor) for v in (*positional, *keywords.values())):
            raise UsageError("an exported program that takes lists or dicts cannot be fed by name")
        names = list(inspect.signature(self.program.forward).parameters)
        self._positional = names[: len(positional)]
        self._keywords = list(keywords)
        signature = inspect.Signature(
            [
                inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
                for name in (*self._positional, *self._keywords)
            ]
        )

        def forward(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs).arguments
            by_position = [given[name] for name in self._positional]
            return self.program(*by_position, **{name: given[name] for name in self._keywords})

        forward.__signature__ = signature  # type: ignore[attr-defined]
        self.forward = forward
        # An exported module says that it is in training mode, always; what it does is in its graph.
        training = any(map(_trains, _nodes(program)))
        for module in self.modules():
            module.training = training


def _nodes(program: torch.export.ExportedProgram) -> Iterator[torch.fx.Node]:
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            yield from module.graph.nodes


def _trains(node: torch.fx.Node) -> bool:
    """Whether an operator was exported as it behaves in training."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return False
    given = dict(zip((argument.name for argument in schema.arguments), node.args, strict=False))
    given.update(node.kwargs)
    return any(given.get(name) is True for name in ("train", "training"))
