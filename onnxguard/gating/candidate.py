"""A trained network as files, and the bytes of these: what is judged is what is put in place."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.writing import write_whole
from onnxguard.gating.publishing import GRAPH, WEIGHTS
from onnxguard.students.exporting import export_student

if TYPE_CHECKING:
    from torch import nn

    from onnxguard.students.student import Student


class Candidate(NamedTuple):
    """A student's graph, and the weights that it was exported from.

    Attributes:
        graph: path of its file.
        weights: the same, of the safetensors file.
        graph_data: the graph file's bytes, as they were written.
        weights_data: the same, of the safetensors file.
    """

    graph: str
    weights: str
    graph_data: bytes
    weights_data: bytes

    @property
    def digests(self) -> tuple[str, str]:
        """The sha256 of both files, hexadecimal, the graph's first."""
        graph, weights = map(hashlib.sha256, (self.graph_data, self.weights_data))
        return graph.hexdigest(), weights.hexdigest()


def write_candidate(folder: str, student: Student, network: nn.Module) -> Candidate:
    """Write a network's weights and its graph.

    Raises:
        UsageError: a file cannot be written.
    """
    from safetensors.torch import save

    base = os.path.join(folder, student.name)
    state = {n: t.detach().cpu().contiguous() for n, t in network.state_dict().items()}
    weights, graph = save(state, {"student": student.name}), export_student(student, network)
    write_whole(base + WEIGHTS, weights)
    write_whole(base + GRAPH, graph)
    return Candidate(base + GRAPH, base + WEIGHTS, graph, weights)
