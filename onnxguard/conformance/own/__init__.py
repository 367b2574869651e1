"""Cases of our own: recipes write them from the schema at a version, each from a fixed seed."""

from __future__ import annotations

from onnxguard.conformance.own import (
    casting,
    control,
    elementwise,
    moving,
    picking,
    summing,
    windows,
)

__all__ = ["casting", "control", "elementwise", "moving", "picking", "summing", "windows"]
