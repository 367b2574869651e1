"""Where and how ONNX Runtime can be asked to run a graph: names, without importing it."""

from __future__ import annotations

PROVIDERS = ("cpu", "cuda", "tensorrt")
"""Where ONNX Runtime can be asked to run."""

LEVELS = ("none", "basic", "extended", "all")
"""Graph optimisation levels; ``all`` is what ONNX Runtime does unless told otherwise."""

RUN_SECONDS: float = 120
"""Time that one run of a graph may take unless told otherwise."""
