"""Graphs and references for parity tests: written as text, or exported from small modules."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper, parser
from torch import Tensor, nn

from onnxguard.base.findings import Severity
from onnxguard.parity.report import ParityReport

Array = npt.NDArray[np.generic]

WEIGHTS = np.random.Generator(np.random.PCG64(7)).standard_normal((4, 5)).astype(np.float32)
OTHERS = np.random.Generator(np.random.PCG64(8)).standard_normal((4, 5)).astype(np.float32)
"""float32 [4, 5], as ``w`` and ``v`` in every graph."""


class Network(nn.Module):
    """A module whose ``forward`` is a function; its parameters bear the names of the inputs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.forward = function


def weighted(x: Tensor, weights: Array = WEIGHTS) -> Tensor:
    """``x @ w`` in the dtype of x, so that the reference can be asked in float64."""
    return x @ torch.from_numpy(weights).to(x.dtype)


def graph(text: str, functions: str = "", opset: int = 17, **weights: npt.ArrayLike) -> bytes:
    """A model from ``(inputs) => (outputs) { nodes }`` in ONNX's textual syntax.

    Args:
        text: its main graph, which may read ``w`` and ``v``.
        functions: of the domain ``local``, in the same syntax.
        opset: of the default domain.
        **weights: more initializers by name.
    """
    domains = f'"" : {opset}' + (', "local" : 1' if functions else "")
    proto = parser.parse_model(
        f"<ir_version: 8, opset_import: [{domains}]> graph {text} {functions}"
    )
    held = {"w": WEIGHTS, "v": OTHERS, **weights}
    for name, value in held.items():
        if name in weights or name in text:
            proto.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    data: bytes = proto.SerializeToString()
    return data


def function(text: str, opset: int = 17) -> str:
    """A local function from ``name (inputs) => (outputs) { nodes }``."""
    return f'<domain: "local", opset_import: ["" : {opset}]> {text}'


LINEAR = graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, w) }")
"""``x @ w``, x being [n, 4]."""


def linear() -> nn.Module:
    """What LINEAR was exported from."""
    return Network(weighted)


def exported(
    module: nn.Module,
    examples: Mapping[str, Tensor],
    outputs: tuple[str, ...] = ("y",),
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    **options: Any,
) -> bytes:
    """A TorchScript export to opset 17."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation, and what tracing freezes: that is the point
        torch.onnx.export(
            module,
            tuple(examples.values()),
            stream,
            input_names=list(examples),
            output_names=list(outputs),
            dynamic_axes=dynamic or {},
            opset_version=17,
            dynamo=False,
            **options,
        )
    return stream.getvalue()


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """A module whose weights are the same in every run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return build()


def values(seed: int, *shape: int) -> Tensor:
    """Standard normal float32."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def errors(report: ParityReport) -> set[str]:
    """The codes that fail a report."""
    return {finding.code for finding in report.findings if finding.fails}


def warned(report: ParityReport) -> set[str]:
    """The codes that do not."""
    return {f.code for f in report.findings if f.severity is not Severity.ERROR}


def assert_honest(report: ParityReport, *warnings_allowed: str) -> None:
    """A pass that compared something and has nothing to complain of."""
    assert report.verdict == "pass", report.findings
    assert warned(report) == set(warnings_allowed), report.findings
    assert any(trial.differences for trial in report.trials)
    assert report.largest <= report.atol


def first_initializer(path: str) -> Tensor:
    """What a reference that was rebuilt from the graph would read."""
    proto = onnx.load(path)
    return torch.from_numpy(numpy_helper.to_array(proto.graph.initializer[0]).copy())
