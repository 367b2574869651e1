"""What follows from the sizes of inputs: dims of values on the way, and the memory of a run."""

from __future__ import annotations

from functools import cached_property

import onnx

from onnxguard.base.errors import OnnxguardError
from onnxguard.model.describing import cost_for
from onnxguard.model.reading import STEPS
from onnxguard.model.shapes.dims import Sym
from onnxguard.model.survey import Survey
from onnxguard.running.graph_file import without_values
from onnxguard.running.inputs import Shapes
from onnxguard.scanning.scan import surveyed


class Sizes:
    """Infers shapes of the main graph, when it is first asked.

    Args:
        proto: the model.
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._proto = proto

    @cached_property
    def _seen(self) -> Survey | None:
        try:
            return surveyed(without_values(self._proto).SerializeToString(), STEPS)
        except OnnxguardError:
            return None

    def symbol(self, name: str, axis: int) -> str:
        """The dim of an input that a dim of a value is equal to; empty where it is none."""
        if self._seen is None:
            return ""
        graph = self._seen.model.graph
        shape = self._seen.scopes.shapes().of(graph, name.encode("utf-8", "surrogateescape")).shape
        if shape is None or not -len(shape) <= axis < len(shape):
            return ""
        dim = shape[axis]
        if not isinstance(dim, Sym) or len(dim.terms) != 1:
            return ""
        factors, count = dim.terms[0]
        return factors[0] if len(factors) == count == 1 else ""

    def memory(self, shapes: Shapes) -> int:
        """The bytes that are alive at once in a run on inputs of these shapes, 0 if unknown."""
        if self._seen is None:
            return 0
        try:
            return cost_for(self._seen, tuple(shapes.items())).activation_bytes
        except OnnxguardError:
            return 0
