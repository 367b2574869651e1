"""The opset version that a graph's operators mean: its function's imports, or the model's."""

from __future__ import annotations

from onnxguard.model.graph import Graph, Model, Opset
from onnxguard.policy.allowlist import DEFAULT_DOMAIN


def versions(opsets: list[Opset]) -> dict[str, int]:
    """Version by domain, the default one as ``ai.onnx``; the last of duplicates."""
    return {opset.domain or DEFAULT_DOMAIN: opset.version for opset in opsets}


def opset_of(model: Model, graph: Graph, domain: str) -> int:
    """The opset version of ``domain`` in ``graph``; 0 where it is not imported."""
    imports = graph.function.opsets if graph.function else model.opsets
    return versions(imports).get(domain or DEFAULT_DOMAIN, 0)
