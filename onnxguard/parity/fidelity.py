"""How far copies of lower precision are from float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import onnx

from onnxguard.base.printable import printable
from onnxguard.parity.budgets import Budget
from onnxguard.parity.pieces import one_piece, unlike
from onnxguard.running.comparison import Array, Named, compare, is_floating
from onnxguard.running.difference import Difference
from onnxguard.running.graph_file import Declared

_QUANTISING = frozenset({"QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "ConvInteger"})


class Fidelity(NamedTuple):
    """How near a copy's output is, in the terms of ``Budget``; top1 is NaN for what has no rows."""

    largest: float
    mean: float
    cosine: float
    psnr: float
    top1: float

    def beyond(self, budget: Budget) -> list[str]:
        """What exceeds the budget; written so that no NaN is within."""
        over = [f for f in ("largest", "mean") if not getattr(self, f) <= getattr(budget, f)]
        under = [f for f in ("cosine", "psnr") if not getattr(self, f) >= getattr(budget, f)]
        return over + under + (["top1"] if self.top1 < budget.top1 else [])

    def said(self, budget: Budget) -> str:
        """All measures, each with what is allowed."""
        first = "" if math.isnan(self.top1) else f", top-1 {self.top1:.1%} ({budget.top1:.0%})"
        return (
            f"largest error {self.largest:.2%} of the spread ({budget.largest:.0%} allowed), mean "
            f"{self.mean:.3%} ({budget.mean:.1%}), cosine {self.cosine:.6f} ({budget.cosine:g}), "
            f"PSNR {self.psnr:.1f} dB ({budget.psnr:g}){first}"
        )


def measure(expected: Array, actual: Array, budget: Budget, spread: float = 0.0) -> Fidelity:
    """Compare two floating arrays of one shape, in float64; NaN and infinity make all NaN.

    Errors are measured in shares of the expected values' spread, or of the one that is given.
    """
    a, b = (side.astype(np.float64).ravel() for side in (expected, actual))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return Fidelity(math.nan, math.nan, math.nan, math.nan, math.nan)
    gaps = np.abs(a - b)
    spread = spread or float(np.ptp(a)) or float(np.abs(a).max()) or 1.0
    rms = float(np.sqrt(np.mean(np.square(gaps))))
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / norms if norms else float(not gaps.any())
    psnr = 20 * math.log10(spread / rms) if rms else math.inf
    largest, mean = float(gaps.max()) / spread, float(gaps.mean()) / spread
    return Fidelity(largest, mean, cosine, psnr, _first(expected, actual, budget.largest * spread))


def _first(expected: Array, actual: Array, margin: float) -> float:
    """The share of decided rows in which both put the same first; NaN where there are none."""
    if expected.ndim != 2 or expected.shape[1] < 2:
        return math.nan
    best = np.sort(expected.astype(np.float64), 1)[:, -2:]
    decided = best[:, 1] - best[:, 0] > margin
    same = expected.argmax(1) == actual.argmax(1)
    return float(same[decided].mean()) if decided.any() else math.nan


def within_budget(
    expected: Named,
    actual: Named,
    outputs: tuple[Declared, ...],
    budget: Budget,
    numbers: Callable[[str], Array | None] = one_piece,
) -> Iterator[Difference]:
    """Compare outputs of a copy with the reference's, whatever their precision (OP209).

    ``numbers`` gives those of the pieces that an output is made of; a small one has a spread of its
    own.
    """
    for declared, (_, ours), (_, theirs) in zip(outputs, expected, actual, strict=True):
        floating = is_floating(ours.dtype) and is_floating(theirs.dtype)
        if not floating or ours.shape != theirs.shape or not ours.size:
            yield compare(declared.name, ours, theirs, 0.0)
            continue
        spread = float(np.ptp(ours.astype(np.float64))) or 1.0
        wide = theirs.astype(ours.dtype)
        plain = compare(declared.name, ours, wide, budget.largest * spread)
        found = measure(ours, wide, budget)
        beyond = found.beyond(budget)
        said = f"{printable(declared.name)}: {found.said(budget)}"
        for piece in unlike(numbers(declared.name), ours):
            part = measure(ours[piece], wide[piece], budget, float(np.abs(ours[piece]).max()))
            if not beyond and part.beyond(budget):
                beyond = part.beyond(budget)
                place = [int(axis[0]) for axis in np.nonzero(piece)]
                where = f"{printable(declared.name)}, the piece from {place} on"
                said = f"{where}, small beside the rest: {part.said(budget)}"
        if plain.problem != "OP205":
            plain = plain._replace(problem="OP209" if beyond else "", message=said)
        yield plain


def precision_of(proto: onnx.ModelProto) -> str:
    """``fp16`` or ``int8`` where a graph is a copy of that precision, else empty."""
    if any(node.op_type in _QUANTISING for node in proto.graph.node):
        return "int8"
    half = onnx.TensorProto.FLOAT16
    kinds = [value.type.tensor_type.elem_type for value in proto.graph.input]
    kinds += [tensor.data_type for tensor in proto.graph.initializer if len(tensor.dims) > 1]
    casts = any(
        node.op_type == "Cast" and a.i == half for node in proto.graph.node for a in node.attribute
    )
    return "fp16" if half in kinds and (casts or onnx.TensorProto.FLOAT not in kinds) else ""
