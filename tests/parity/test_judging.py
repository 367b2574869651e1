"""Findings about what only a machine with a GPU shows, and about selections."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.parity_cases import Network, graph

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import Severity
from onnxguard.parity.check import check_parity
from onnxguard.parity.collector import Found
from onnxguard.parity.judging import judge_cases
from onnxguard.parity.report import Outcome, Trial
from onnxguard.parity.settings import Settings
from onnxguard.parity.trials import Case
from onnxguard.running.difference import Difference
from onnxguard.running.inputs import Inputs

AGREES = Difference("y", "float32", (1,), 1e-5)
CASE = Case(
    Inputs("noise", 0, {}), [], [], Trial("noise", 0, (), "", Outcome.COMPARED, "", "", (AGREES,))
)
CPU = ("CPUExecutionProvider", 4)
CUDA = ("CUDAExecutionProvider", 3)


@pytest.mark.parametrize(
    ("provider", "placement", "codes"),
    [
        ("cuda", (CPU,), ["OP111"]),
        ("cuda", (CPU, CUDA), []),
        ("tensorrt", (CPU, CUDA), ["OP111"]),
        ("cpu", (), []),
    ],
)
def test_a_provider_on_which_no_node_ran(
    provider: str, placement: tuple[tuple[str, int], ...], codes: list[str]
) -> None:
    found = Found(0)
    judge_cases([CASE], placement, Settings(provider=provider), found, [])
    assert [finding.code for finding in found.findings()] == codes


SELECTING = """(float[n, 4] x) => (float[n, 5] y) {
  m = ReduceMax <keepdims = 1> (x) c = Greater(m, k) clean = MatMul(x, w)
  z = Identity(clean) %s
}"""
SELECTIONS = {
    "where": "y = Where(c, one, clean)",
    "cast": "f = Cast <to = 1> (c) g = Mul(f, one) y = Add(clean, g)",
}


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("trigger", [1e9, 1.0])
def test_a_trigger_that_nothing_pulls_is_told(name: str, trigger: float) -> None:
    one, threshold = np.float32(0.5), np.float32(trigger)
    model = graph(SELECTING % SELECTIONS[name], k=threshold, one=one)

    def forward(x: torch.Tensor) -> torch.Tensor:
        from support.parity_cases import weighted

        clean = weighted(x)
        pulled = x.amax() > trigger
        return torch.where(pulled, 0.5, clean) if name == "where" else clean + pulled * 0.5

    report = check_parity(model, Network(forward))
    told = [f for f in report.findings if f.code == "OP310"]
    assert bool(told) == (trigger > 1e6), report.findings
    assert all(finding.severity is Severity.WARNING for finding in told)
    assert report.passed


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(UsageError, match='no setting "atoll"'):
        check_parity("no.onnx", "nets:Net", atoll=1)
