"""A training step as far as a CPU tells whether a GPU can record it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from onnxguard.students import cuda_graph
from onnxguard.students.compute import Compute
from onnxguard.students.student import Student
from onnxguard.students.training import train
from support.training_data import TINY, V1, V2, tiny_data
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten


class Recorded(TorchDispatchMode):
    """Refuses what waits for a GPU: a value or a size that is read, and tensors of the host's."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        indexed = func.overloadpacket in (ATEN.index, ATEN.index_put, ATEN.index_put_)
        by_mask = indexed and any(i is not None and i.dtype == torch.bool for i in args[1])
        sized_by_values = torch.Tag.dynamic_output_shape in func.tags and not indexed
        read = torch.Tag.data_dependent_output in func.tags
        if by_mask or sized_by_values or read or func is ATEN.lift_fresh.default:
            raise AssertionError(f"{func} cannot be recorded")
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("student", [V1, V2])
def test_a_step_can_be_recorded(
    student: Student, bf16: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def record(step: Callable[..., Tensor], *_: Any) -> Callable[..., Tensor]:
        number = count()
        made.append(step)

        def recorded(*given: Tensor) -> Tensor:
            if not next(number):  # what is made at first use is made before recording
                return step(*given)
            with Recorded():
                return step(*given)

        return recorded

    monkeypatch.setattr(cuda_graph, "recorded", record)
    compute = Compute(torch.device("cpu"), bf16, graphed=True)
    recipe = replace(TINY, half_size=0.5, epochs=2)
    train(student, tiny_data(tmp_path), recipe, str(tmp_path / "run"), compute=compute)
    assert len(made) == 2  # a size each


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 1],
        lambda x: x.index_put_((x > 1,), x[0]),
        lambda x: x.nonzero(),
        lambda x: x + torch.tensor([1.0]),
        lambda x: 1 if x.sum() > 2 else 0,
    ],
)
def test_what_cannot_be_recorded_is_noticed(wrong: Callable[[Tensor], Any]) -> None:
    x = torch.ones(3)
    with pytest.raises(AssertionError, match="cannot be recorded"), Recorded():
        wrong(x)
