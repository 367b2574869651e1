"""OG184 and OG185: the shapes of values, as they follow from the graph."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

SHAPES = (
    Rule(
        "OG184",
        "shapes-do-not-fit",
        Severity.ERROR,
        "The shapes of a node's inputs, or its attributes, do not fit together.",
        "A MatMul of 3 columns by 2 rows, a Split that does not divide, weights for another number "
        "of channels: the node cannot run, whatever the data. Shapes are those that follow from "
        "the graph's inputs and constants through every node before.",
        "Look at the node that makes the input that is named: the sizes of its inputs, its "
        "attributes and the constants that it reads.",
    ),
    Rule(
        "OG185",
        "declared-shape-differs",
        Severity.ERROR,
        "A value is declared with another shape than the one it gets.",
        "Who reads the declaration reserves memory or reviews the model for another shape than the "
        "one that flows. Runtimes refuse such a model, or warn and go on.",
        "Remove the declaration (value_info) and run onnx.shape_inference, or correct the shape of "
        "the graph's output.",
    ),
)
