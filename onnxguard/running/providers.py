"""Where and how ONNX Runtime can be asked to run a graph: names and options, not the runtime."""

from __future__ import annotations

from typing import Protocol

PROVIDERS = ("cpu", "cuda", "tensorrt")
"""Where ONNX Runtime can be asked to run."""

PROVIDER_NAMES = dict(
    zip(
        PROVIDERS,
        ("CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"),
        strict=True,
    )
)
"""ONNX Runtime's names by ours."""

PROVIDER_OPTIONS: dict[str, dict[str, str]] = {
    # TF32 keeps 10 bits of 23: a difference of 1e-3 would be normal.
    "cuda": {"use_tf32": "0"},
}
"""What a provider is told, by our names."""

LEVELS = ("none", "basic", "extended", "all")
"""Graph optimisation levels; ``all`` is what ONNX Runtime does unless told otherwise."""

RUN_SECONDS: float = 120
"""Time that one run of a graph may take unless told otherwise."""


class RunSettings(Protocol):
    """How a graph is to be run: what a session asks of whatever settings it is given."""

    @property
    def provider(self) -> str:
        """One of ``PROVIDERS``."""

    @property
    def optimization_level(self) -> str:
        """One of ``LEVELS``."""

    @property
    def run_seconds(self) -> float:
        """The seconds that one run may take."""
