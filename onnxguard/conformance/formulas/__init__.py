"""The second referee: what the standard's text says of an operator, computed in float64.

PyTorch computes convolutions and the error function; the rest is NumPy. Nothing here comes from
``onnx.reference``, so that an answer on which both agree does not rest on one piece of code.
"""

from __future__ import annotations

from collections import ChainMap
from typing import Any

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper

from onnxguard.conformance.formulas import elementwise, movement, resize, sums, windows
from onnxguard.conformance.formulas.node import FORMULAS, Node, NoFormulaError, Value

__all__ = ["NoFormulaError", "evaluate", "has_formula"]

_WRITTEN_IN = (elementwise, movement, resize, sums, windows)
"""Whose import enters formulas into the table."""

_MOST_STEPS = 10_000


def has_formula(domain: str, op_type: str) -> bool:
    """Whether an operator can be computed here."""
    return domain in {"", "ai.onnx"} and (op_type in FORMULAS or op_type in {"If", "Loop"})


def evaluate(model: bytes, feeds: dict[str, Value], nudge: float = 0.0) -> list[Value]:
    """Run a model of few nodes and return all its outputs in order.

    Args:
        model: a ModelProto that holds all its data.
        feeds: by the names of the graph's inputs.
        nudge: what numbers are moved by before they are rounded, relative to them.

    Raises:
        NoFormulaError: one of its nodes cannot be computed here.
        Exception: whatever NumPy and PyTorch say of inputs that do not fit.
    """
    proto = onnx.load_model_from_string(model)
    opsets = {opset.domain or "ai.onnx": opset.version for opset in proto.opset_import}
    values = ChainMap(dict(feeds))
    with np.errstate(all="ignore"):
        return _run(proto.graph, values, opsets["ai.onnx"], nudge)


def _run(
    graph: onnx.GraphProto, values: ChainMap[str, Value], opset: int, nudge: float
) -> list[Value]:
    for tensor in graph.initializer:
        values[tensor.name] = numpy_helper.to_array(tensor)
    for proto in graph.node:
        if not has_formula(proto.domain, proto.op_type):
            raise NoFormulaError(f"there is no formula for {proto.op_type}")
        try:
            version = defs.get_schema(proto.op_type, opset, "").since_version
        except defs.SchemaError as error:
            raise NoFormulaError(str(error)) from None
        attributes = {a.name: _attribute(a) for a in proto.attribute}
        node = Node(proto.op_type, version, attributes, len(proto.output), nudge)
        inputs = [values[name] if name else None for name in proto.input]
        found: Any
        if proto.op_type == "If":
            found = _if(node, inputs, values, opset)
        elif proto.op_type == "Loop":
            found = _loop(node, inputs, values, opset)
        else:
            found = FORMULAS[proto.op_type](node, inputs)
        outputs = found if isinstance(found, list) else [found]
        for name, value in zip(proto.output, outputs, strict=False):
            values[name] = value if isinstance(value, list) else np.asarray(value)
    return [values[value.name] for value in graph.output]


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return str(value, "utf-8", "replace")
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _if(node: Node, inputs: list[Value], values: ChainMap[str, Value], opset: int) -> list[Value]:
    branch = node.get("then_branch" if bool(inputs[0]) else "else_branch")
    return _run(branch, values.new_child(), opset, node.nudge)


def _loop(node: Node, inputs: list[Value], values: ChainMap[str, Value], opset: int) -> list[Value]:
    """The carried values, then what each step scans out, one upon another."""
    trips, going, *carried = inputs
    most = _MOST_STEPS if trips is None else int(trips)
    going, body, step = going is None or bool(going), node.get("body"), 0
    scanned: list[list[Value]] = []
    while going and step < most:
        inner = values.new_child(
            dict(
                zip(
                    (value.name for value in body.input),
                    (np.array(step, np.int64), np.array(going), *carried),
                    strict=True,
                )
            )
        )
        condition, *rest = _run(body, inner, opset, node.nudge)
        going, carried = bool(condition), rest[: len(carried)]
        scanned.append(rest[len(carried) :])
        step += 1
        if step >= _MOST_STEPS:
            raise NoFormulaError("a loop of too many steps")
    if not scanned and len(body.output) > 1 + len(carried):
        raise NoFormulaError("a loop that scans nothing")
    return [*carried, *(np.stack(parts) for parts in zip(*scanned, strict=True))]
