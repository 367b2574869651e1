"""Read a model: ``read_model`` turns bytes into the tree of ``graph``.

Two paths read nodes and tensors. ``plain`` takes the form that exporters write and gives up on
anything else; ``careful``, driven by the tables of ``messages``, takes whatever a protobuf reader
takes and notes what was odd.
"""

from onnxguard.model.reading.model import STEPS, malformed, read_model

__all__ = ["STEPS", "malformed", "read_model"]
