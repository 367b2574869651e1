"""What the reference computed on the way: every tensor, with the operator and module it is from."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.running.comparison import Array, Named

PRODUCT = "mm of addmm"
"""The kind of a product of matrices to which PyTorch adds a bias in the same step."""


class Recorded(NamedTuple):
    """One tensor that the reference computed.

    Attributes:
        kind: the operator, as PyTorch (``convolution``) or ONNX (``Conv``) names it.
        module: the path of the module that computed it, empty for the outermost.
        scope: that module as the TorchScript exporter spells it in node names,
            ``/enc1a/enc1a.0``.
        value: a copy, of the moment when it was computed.
        sources: the positions of the tensors that it was computed from.
    """

    kind: str
    module: str
    scope: str
    value: Array
    sources: tuple[int, ...]


class Trace(NamedTuple):
    """One run of the reference, watched.

    Attributes:
        outputs: what it returned.
        records: every tensor, in the order of computation.
    """

    outputs: Named
    records: tuple[Recorded, ...]
