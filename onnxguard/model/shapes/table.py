"""Domain -> operator -> the function that says what comes out of it."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes.creation import CREATION
from onnxguard.model.shapes.elementwise import ELEMENTWISE
from onnxguard.model.shapes.images import IMAGES
from onnxguard.model.shapes.known import Outputs, Site
from onnxguard.model.shapes.learning import LEARNING, TRAINING
from onnxguard.model.shapes.linear import LINEAR, PREVIEW
from onnxguard.model.shapes.movement import MOVEMENT
from onnxguard.model.shapes.onnxruntime import ONNX_RUNTIME
from onnxguard.model.shapes.recurrent import RECURRENT
from onnxguard.model.shapes.reductions import REDUCTIONS
from onnxguard.model.shapes.selection import SELECTION
from onnxguard.model.shapes.sequences import SEQUENCES
from onnxguard.model.shapes.windows import WINDOWS

Function = Callable[[Site], Outputs]

FUNCTIONS: dict[str, dict[str, Function]] = {
    "": {
        **ELEMENTWISE,
        **CREATION,
        **IMAGES,
        **LINEAR,
        **MOVEMENT,
        **RECURRENT,
        **REDUCTIONS,
        **SELECTION,
        **SEQUENCES,
        **WINDOWS,
    },
    "ai.onnx.ml": LEARNING,
    "ai.onnx.preview": PREVIEW,
    "ai.onnx.preview.training": TRAINING,
    "com.microsoft": ONNX_RUNTIME,
}
BODIES = frozenset({"If", "Loop", "Scan", "SequenceMap"})
"""The operators of the default domain whose graphs say what comes out; ``infer`` enters them."""
