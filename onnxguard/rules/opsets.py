"""The opset version that a graph's operators mean: its function's imports, or the model's."""

from __future__ import annotations

from onnxguard.model.graph import Function, Graph, Model, Opset
from onnxguard.policy.allowlist import DEFAULT_DOMAIN


def versions(opsets: list[Opset]) -> dict[str, int]:
    """Version by domain, the default one as ``ai.onnx``; the last of duplicates."""
    return {opset.domain or DEFAULT_DOMAIN: opset.version for opset in opsets}


class Opsets:
    """The versions that each function, and the model outside of them, imports."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[Function | None, dict[str, int]] = {}

    def version(self, graph: Graph, domain: str) -> int:
        """The opset version of ``domain`` in ``graph``; 0 where it is not imported."""
        function = graph.function
        if function not in self._known:
            self._known[function] = versions(function.opsets if function else self._model.opsets)
        return self._known[function].get(domain or DEFAULT_DOMAIN, 0)
