"""The elements of a model's small tensors, which are read where a shape depends on them."""

from __future__ import annotations

from onnxguard.model.constants import Constants
from onnxguard.model.graph import Tensor
from onnxguard.model.shapes.known import (
    FLOATS,
    INTEGERS,
    UNKNOWN,
    VALUES_KEPT,
    Known,
    Outputs,
    held,
)

FLOATS_KEPT = 8
"""Of floats a shorter list is followed: scales are, weights are not."""

LONGEST = 16 * VALUES_KEPT
"""Bytes of those elements, however they are written."""

Reads = list[tuple[int, Known]]
"""The inputs of a node whose elements were read, by their index, and what was read of each."""


class Elements:
    """Reads a tensor once."""

    def __init__(self, constants: Constants) -> None:
        self._constants = constants
        self._found: dict[int, Known] = {}
        self._alike: dict[tuple[object, ...], Known] = {}

    def of(self, tensor: Tensor) -> Known:
        """What is known of a tensor of the file; its values are read where they are asked for."""
        count = tensor.elements
        if count < 0:
            return UNKNOWN
        most = FLOATS_KEPT if tensor.dtype in FLOATS else -1
        most = VALUES_KEPT if tensor.dtype in INTEGERS else most
        followed = count <= most and not tensor.is_external
        return Known(tensor.dims, stored=tensor if followed else None, hidden=not followed)

    def of_attribute(self, tensor: Tensor) -> Known:
        """As ``of``, the same of all that hold the same: their bytes are read as attributes are."""
        found = self.of(tensor)
        if found.stored is None or len(tensor.data) != 1:
            return found
        data = tensor.data[0]
        if data.end - data.start > LONGEST:
            return found
        key = tensor.dtype, tensor.dims, data[:2], self._constants.model.data[data.start : data.end]
        return self._alike.setdefault(key, found)

    def full(self, known: Known) -> Known:
        """What is known of a value, with its elements."""
        tensor = known.stored
        if tensor is None or known.values is not None:
            return known
        found = self._found.get(tensor.start)
        if found is None:
            static = self._constants.of_tensor(tensor, "", tensor.dtype in FLOATS)
            found = held(tensor.dims, static.values, tensor.dtype)
            self._found[tensor.start] = found
        return found


class Watched:
    """Reads elements for a node, and notes in ``reads`` of which inputs."""

    def __init__(self, elements: Elements, inputs: Outputs) -> None:
        self._elements, self._inputs = elements, inputs
        self.reads: Reads = []

    def full(self, known: Known) -> Known:
        """As ``Elements.full``."""
        found = self._elements.full(known)
        if known.stored:  # which may stand in two places: then the answer is of equal ones alone
            self.reads += [(at, found) for at, each in enumerate(self._inputs) if each == known]
        return found
