"""OG12x: what a target runs, and OG009: what is not known of one."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

TARGETS = (
    Rule(
        "OG009",
        "target-unknown",
        Severity.ERROR,
        "Whether the target runs this node is not known.",
        "The type of a value is not known, or the target's table names restrictions that nobody "
        "can judge from the file. A guess would be a promise that the runtime breaks.",
        "Declare types and shapes (onnx.shape_inference.infer_shapes), or try the model on the "
        "target. Where that is enough, 'unknown: allow' beside the targets, or --allow-unknown, "
        "lets such nodes pass.",
        unverified=True,
        waivable=False,
        ignorable=False,
        baselinable=False,
        unsafe=True,
    ),
    Rule(
        "OG120",
        "target-operator",
        Severity.ERROR,
        "The target does not have this operator.",
        "A runtime refuses the whole model when one operator has no kernel, mostly when a session "
        "is created and on the machine of whoever uses it.",
        "Export with operators that the target has; onnxguard targets show lists them.",
    ),
    Rule(
        "OG121",
        "target-opset",
        Severity.ERROR,
        "The target has the operator, but not as this opset defines it.",
        "A kernel is written for one definition of an operator. A runtime that is older than the "
        "definition has no kernel for it, whatever it had for the one before.",
        "Export at an opset that the message names.",
    ),
    Rule(
        "OG122",
        "target-model",
        Severity.ERROR,
        "The target does not read a file like this.",
        "Runtimes refuse opsets and IR versions that are younger than they are, and protobuf ends "
        "at two gibibytes.",
        "Export at a lower opset, save with a lower ir_version, or keep the weights apart.",
    ),
    Rule(
        "OG123",
        "target-type",
        Severity.ERROR,
        "The target has the operator, but not for values of this type.",
        "Kernels are written for some types and not for others: bfloat16 and integers are the "
        "usual gaps. The model is refused when it is loaded.",
        "Cast the value to a type that the operator takes there, or export in one.",
    ),
    Rule(
        "OG124",
        "target-attribute",
        Severity.ERROR,
        "The target has the operator, but not with this attribute.",
        "Kernels leave out what their authors did not need, such as another layout, and refuse the "
        "model when it is loaded.",
        "Export with a value that the message names.",
    ),
    Rule(
        "OG125",
        "target-fallback",
        Severity.ERROR,
        "More nodes are left to another provider than are allowed.",
        "What a provider has no kernel for is run by the CPU, and every change of sides copies "
        "values: a model on a GPU can be slower than on the CPU without a word.",
        "Export without the operators that the message names, or allow so many nodes.",
    ),
)
