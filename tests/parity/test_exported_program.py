"""Exported programs of ``torch.export`` as references."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.parity_cases import graph
from torch import Tensor, nn

from onnxguard.base.errors import OnnxguardError
from onnxguard.parity.check import check_parity
from onnxguard.parity.report import ParityVerdict

MINUS = graph("(float[n, 4] a, float[n, 4] b) => (float[n, 4] y) { c = Add(b, b) y = Sub(a, c) }")
CROSSED = graph("(float[n, 4] a, float[n, 4] b) => (float[n, 4] y) { c = Add(a, a) y = Sub(b, c) }")


class Minus(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a - 2 * b


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        dropped: Tensor = self.drop(a) - 2 * b
        return dropped


def saved(folder: Path, module: nn.Module, by_name: bool) -> str:
    """The path of an exported program whose arguments were positional or named."""
    one, two = torch.ones(2, 4), torch.zeros(2, 4)
    rows = torch.export.Dim("rows", min=1, max=64)
    program = torch.export.export(
        module,
        (one,) if by_name else (one, two),
        {"b": two} if by_name else None,
        dynamic_shapes={"a": {0: rows}, "b": {0: rows}},
    )
    path = folder / "program.pt2"
    torch.export.save(program, path)
    return str(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("by_name", [False, True], ids=["positional", "named"])
def test_a_program_takes_its_inputs_by_name(tmp_path: Path, by_name: bool) -> None:
    path = saved(tmp_path, Minus().eval(), by_name)
    report = check_parity(MINUS, path)
    assert report.verdict is ParityVerdict.PASS, report.findings
    assert report.identity is not None
    assert report.identity.reference_sha256
    assert any("program.pt2 is code: loading it evaluated" in said for said in report.remarks)
    assert "is code" not in "".join(check_parity(MINUS, Minus()).remarks)
    assert check_parity(CROSSED, path).verdict is ParityVerdict.FAIL


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_program_that_was_exported_in_training_mode(tmp_path: Path) -> None:
    report = check_parity(MINUS, saved(tmp_path, Dropping().train(), by_name=False))
    assert "OP104" in {finding.code for finding in report.findings}
    report = check_parity(MINUS, saved(tmp_path, Dropping().eval(), by_name=False))
    assert report.passed, report.findings


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "no.pt2").write_bytes(b"PK")
    with pytest.raises(OnnxguardError, match="not an exported program"):
        check_parity(MINUS, str(tmp_path / "no.pt2"))
