"""OG107 to OG110: what a list asks of an operator that it admits."""

from __future__ import annotations

from support.protobuf import attribute, node, value

from onnxguard.base.findings import Severity
from rule_cases.case import Case
from rule_cases.operators import (
    CLIP,
    CLIP_HIGH,
    HIGH,
    RELU,
    RESIZE_MODES,
    SIGMOID_FLOATS,
    model,
    resize,
    typed,
)

CASES = (
    Case(
        "OG107",
        "value outside the list",
        model(RELU, resize(attribute("mode", s="cubic"))),
        model(RELU, resize(attribute("mode", s="linear"))),
        rules=RESIZE_MODES,
        message="Resize: mode is cubic, allowed is nearest, linear",
        route="graph/node 1",
        at=resize(attribute("mode", s="cubic")),
        hint="cubic was never tried",
        operator="Resize",
        adr="ADR-3000",
    ),
    Case(
        "OG107",
        "value outside the list, as a warning",
        model(resize(attribute("mode", s="cubic"))),
        model(resize()),
        rules=RESIZE_MODES.replace("in:", "severity: warning, in:"),
        route="graph/node 0",
        operator="Resize",
        adr="ADR-3000",
        severity=Severity.WARNING,
    ),
    Case(
        "OG108",
        "dtype of an input",
        typed(11),
        typed(10),
        rules=SIGMOID_FLOATS,
        message="Sigmoid: input 0 is float64, allowed is float16, float32",
        route="graph/node 0",
        hint="my reason",
        operator="Sigmoid",
        adr="ADR-2000",
    ),
    Case(
        "OG108",
        "dtype of an output",
        model(node("Sigmoid"), output=value("y", 11)),
        model(node("Sigmoid"), output=value("y", 10)),
        rules=SIGMOID_FLOATS,
        message="Sigmoid: output 0 is float64",
        route="graph/node 0",
        operator="Sigmoid",
        adr="ADR-2000",
    ),
    Case(
        "OG109",
        "input of the graph",
        model(CLIP, input=[value("x"), value("high")]),
        model(CLIP, input=[value("x"), value("low")], initializer=HIGH),
        rules=CLIP_HIGH,
        message="Clip: max must be a constant and is not",
        route="graph/node 0",
        hint="an initializer or a Constant node",
        operator="Clip",
        adr="ADR-2000",
    ),
    Case(
        "OG110",
        "dtype that nothing declares",
        model(node("Identity", "x", "t"), node("Sigmoid", "t")),
        model(node("Identity", "x", "t"), node("Sigmoid", "t"), value_info=value("t")),
        rules=SIGMOID_FLOATS,
        message="Sigmoid: the dtype of input 0 is not declared",
        route="graph/node 1",
        hint="infer_shapes",
        operator="Sigmoid",
        adr="ADR-2000",
        severity=Severity.WARNING,
    ),
)
