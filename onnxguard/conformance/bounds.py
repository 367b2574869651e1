"""What a referee would need for a case, estimated before it runs."""

from __future__ import annotations

import math

import numpy as np

from onnxguard.conformance.comparison import Value
from onnxguard.conformance.referees import Use

MOST_BYTES = 1 << 30
"""A referee that would need more is not asked."""
MOST_SECONDS = 10.0
"""Likewise for time."""

_POOLS = ("MaxPool", "AveragePool", "LpPool")
_PER_ELEMENT = {"Resize": 6e-5, "GridSample": 1e-4, **dict.fromkeys(_POOLS, 4e-6)}
"""Seconds that onnx.reference 1.23 takes for an output element; of pooling, and for a cell."""
_PER_CELL = 2e-9
"""Seconds for a product and a sum in NumPy."""


def too_much(use: Use, outputs: list[Value], evaluator: bool) -> str:
    """Why a referee is not asked; "" where it is.

    Args:
        use: the node.
        outputs: of the runtime, which has run it; their sizes say how much there is to do.
        evaluator: whether it is onnx.reference, or else a formula.
    """
    size, seconds = _needs(use, outputs, evaluator)
    if size > MOST_BYTES:
        return f"it would need about {size / (1 << 30):.1f} GiB"
    if seconds > MOST_SECONDS:
        return f"it would take about {seconds:.0f} s"
    return ""


def _needs(use: Use, outputs: list[Value], evaluator: bool) -> tuple[float, float]:
    """Bytes and seconds."""
    made = sum(value.size for value in outputs if isinstance(value, np.ndarray))
    given = sum(value.size for value in use.inputs if isinstance(value, np.ndarray))
    plain = 8.0 * 3 * (made + given)
    window = math.prod(use.attributes.get("kernel_shape", ()) or (1,))
    first, second = ([*use.inputs, None, None])[:2]
    match use.op_type:
        case "Conv" | "ConvTranspose" if first is not None and second is not None:
            spatial = made / max(second.shape[0], 1) if use.op_type == "Conv" else first.size
            cells = spatial * math.prod(second.shape[1:])  # each position sees a whole kernel
            return (plain + 8.0 * cells if evaluator else plain), cells * _PER_CELL * second.shape[
                0
            ]
        case "MaxPool" | "AveragePool" | "LpPool":
            seconds = made * window * _PER_ELEMENT[use.op_type] if evaluator else 0.0
            return plain + (0.0 if evaluator else 16.0 * made * window), seconds
        case "MatMul" | "Gemm" if first is not None and first.ndim:
            return plain, made * max(first.shape[-1], first.shape[0]) * _PER_CELL
        case "GatherND" | "ScatterND" if second is not None:
            return plain, second.size * 3e-6
        case _ if evaluator:
            return plain, made * _PER_ELEMENT.get(use.op_type, 1e-8)
    return plain, 0.0
