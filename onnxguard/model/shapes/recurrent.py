"""LSTM, GRU and RNN (onnx/defs/rnn)."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.known import MismatchError, Outputs, Site, of

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
"""Matrices of weights that an operator has for each direction."""


def recurrent(site: Site) -> Outputs:
    """All hidden states; the last one; of an LSTM the last cell too."""
    shape = site.shape(0, rank=3)
    directions = 2 if site.text(b"direction", b"forward") == b"bidirectional" else 1
    hidden: Dim = site.integer(b"hidden_size", 0) or None
    recurrence, weights = site.shape_of(2), site.shape_of(1)
    if hidden is None and recurrence is not None and len(recurrence) == 3:
        hidden = recurrence[2]
    if weights is not None and len(weights) == 3 and d.differ(weights[2], shape[2]):
        raise MismatchError(
            f"input 0 is {shape_text(shape)}, weights {shape_text(weights)} take "
            f"{d.text(weights[2])} features"
        )
    length, batch = shape[:2]
    if site.integer(b"layout", 0):
        batch, length = shape[:2]
        every: Shape = (batch, length, directions, hidden)
        last: Shape = (batch, directions, hidden)
    else:
        every, last = (length, directions, batch, hidden), (directions, batch, hidden)
    return of(every, last, last)


RECURRENT: dict[str, Callable[[Site], Outputs]] = dict.fromkeys(GATES, recurrent)
