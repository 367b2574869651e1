"""What a user would write instead: ``onnx.load``, then a recursive walk that counts operators.

``python benchmarks/walk.py PATH...`` prints the counts of each; a folder is all its ``*.onnx``.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import onnx


def count_operators(graph: onnx.GraphProto, counts: Counter[tuple[str, str]]) -> None:
    """Add the operators of a graph and of the graphs in its attributes."""
    for node in graph.node:
        counts[node.domain, node.op_type] += 1
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                count_operators(attribute.g, counts)
            elif attribute.type == onnx.AttributeProto.GRAPHS:
                for inner in attribute.graphs:
                    count_operators(inner, counts)


def load_and_walk(path: str) -> Counter[tuple[str, str]]:
    """Load a model with its weights and count its operators."""
    counts: Counter[tuple[str, str]] = Counter()
    count_operators(onnx.load(path).graph, counts)
    return counts


def main(arguments: list[str]) -> None:
    """Count each model's operators."""
    for argument in arguments:
        path = Path(argument)
        for model in sorted(path.glob("*.onnx")) if path.is_dir() else [path]:
            print(model.name, dict(load_and_walk(str(model))))


if __name__ == "__main__":
    main(sys.argv[1:])
