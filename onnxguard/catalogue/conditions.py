"""OG107 to OG110: what a list asks of an operator that it admits."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

CONDITIONS = (
    Rule(
        "OG107",
        "attribute-value",
        Severity.ERROR,
        "An attribute has a value outside what the allowlist reviewed.",
        "One operator is many kernels. Resize with cubic interpolation is other code than Resize "
        "with nearest, and was not exercised with it. An attribute that the model leaves out "
        "counts with the default of its opset version.",
        "Set the attribute to a permitted value where the model is exported, and check accuracy "
        "afterwards. Where the list makes this a warning, the model still passes.",
    ),
    Rule(
        "OG108",
        "operator-dtype",
        Severity.ERROR,
        "The operator is used with an element type that the allowlist does not permit for it.",
        "Runtimes implement an operator for some types only; the rest fails at load time, falls "
        "back to a slower device or runs a kernel that nobody tested.",
        "Export in a permitted type, or insert a Cast before the node.",
    ),
    Rule(
        "OG109",
        "input-not-constant",
        Severity.ERROR,
        "An input that must be a constant is computed at run time.",
        "A shape, a scale or a pad that comes from the data lets the input decide how much memory "
        "and time the node takes, and hides the value from this scan.",
        "Fold constants on export, or give the value as an initializer or a Constant node.",
    ),
    Rule(
        "OG110",
        "dtype-undeclared",
        Severity.WARNING,
        "The list restricts this operator's element type, and what it is cannot be told.",
        "Types follow from the graph's inputs and constants through every standard operator. What "
        "comes out of a custom one, or of a function that is called in very many ways, is known "
        "only where the model declares it.",
        "Declare the value: run ONNX shape inference and save its result in the model.",
    ),
)
