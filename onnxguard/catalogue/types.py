"""OG17x and OG18x: the types of values, as they follow from ONNX's schemas, and sizes."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

TYPES = (
    Rule(
        "OG176",
        "input-type",
        Severity.ERROR,
        "A node gets an input of a type that its operator does not take at this opset.",
        "The operator is not defined for the type: ONNX's checker refuses the model, and a runtime "
        "has no kernel for it, or one that nobody specified. Types are those that follow from the "
        "graph's inputs and constants, not those that the file declares.",
        "Insert a Cast before the node, or export at an opset whose operator takes the type.",
    ),
    Rule(
        "OG177",
        "input-types-differ",
        Severity.ERROR,
        "Two inputs of a node have different types where the operator asks for one type.",
        "ONNX converts nothing implicitly: Add of float16 and float32 means nothing. Such a graph "
        "comes from a conversion to another precision that was done in part.",
        "Convert all of the inputs, or insert a Cast before the one that differs.",
    ),
    Rule(
        "OG178",
        "output-type",
        Severity.ERROR,
        "A node's attributes ask for an output of a type that its operator cannot give.",
        "A Cast to a type that does not exist yet at this opset, or that no opset has, loads in no "
        "runtime. The same holds for what comes out of the graphs inside a node.",
        "Choose a type that the operator gives, or export at a newer opset.",
    ),
    Rule(
        "OG179",
        "declared-type-differs",
        Severity.ERROR,
        "A value is declared with another type than the one it gets.",
        "Who reads the declaration reserves memory, picks a kernel or reviews the model for "
        "another type than the one that flows. ONNX's checker and runtimes refuse the model.",
        "Remove the declaration (value_info) and run onnx.shape_inference, or correct the type of "
        "the graph's input or output.",
    ),
    Rule(
        "OG180",
        "body-types-differ",
        Severity.ERROR,
        "The branches of an If, or the start and the end of a loop's body, differ in type.",
        "What comes after the node would have one type or another by what happens at run time, "
        "and a Loop's second round would start with another type than its first.",
        "Insert a Cast in the body that differs.",
    ),
    Rule(
        "OG181",
        "resize-twice",
        Severity.ERROR,
        "A Resize is told its output's size twice: by scales and by sizes.",
        "ONNX allows one of the two: where they disagree, nothing says which counts. Shape "
        "inference and runtimes refuse the model.",
        "Leave one of the two inputs out, as an empty name.",
    ),
    Rule(
        "OG182",
        "type-incomplete",
        Severity.ERROR,
        "An input of the main graph has no type, or a declared type does not say what it holds.",
        "A caller cannot know what to feed, and a tensor, sequence, map or optional of nothing in "
        "particular is no type of ONNX. The checker and ONNX Runtime refuse the model; another "
        "reader guesses. Other values need no declaration: their types follow.",
        "Declare the input's type, or remove the value_info; export the model again.",
    ),
)
