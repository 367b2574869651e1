"""ONNX's official node tests, and the schema version that each is a case of."""

from __future__ import annotations

import re
import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx.checker
from onnx import defs, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from onnxguard.conformance.comparison import Value

LATEST_OPSET: int = defs.onnx_opset_version()
"""The newest opset of the default domain that the installed onnx knows."""


class Case(NamedTuple):
    """An official test of one operator.

    Attributes:
        domain: ``ai.onnx`` for the default domain.
        op_type: of the model's only node.
        model: imports the opset that the case was written for.
        inputs: in the order of the graph's inputs.
        outputs: what is expected, in the order of the graph's outputs.
    """

    name: str
    domain: str
    op_type: str
    model: onnx.ModelProto
    inputs: list[Value]
    outputs: list[Value]
    rtol: float
    atol: float

    @property
    def feeds(self) -> dict[str, Value]:
        """The inputs by name."""
        names = [value.name for value in self.model.graph.input]
        return dict(zip(names, self.inputs, strict=True))

    @property
    def opset(self) -> int:
        """The version of the operator's domain that the model imports."""
        return next(
            (o.version for o in self.model.opset_import if long_domain(o.domain) == self.domain), 0
        )


@cache
def node_cases() -> tuple[Case, ...]:
    """All official node tests whose graph is a single node.

    The others are functions spelled out as the nodes of their bodies; they would be evidence on no
    operator in particular, and neither are those whose body happens to be one node.
    """
    state = np.random.get_state()  # the cases seed the global generator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, about the overflows that some cases are about
        collected = collect_testcases("")  # "": of every operator
    np.random.set_state(state)
    return tuple(
        _case(case)
        for case in collected
        if case.model and len(case.model.graph.node) == 1 and not case.name.endswith("_expanded")
    )


def _case(case: Any) -> Case:
    node = case.model.graph.node[0]
    inputs, outputs = case.data_sets[0]
    return Case(
        case.name,
        long_domain(node.domain),
        node.op_type,
        case.model,
        [_value(value) for value in inputs],
        [_value(value) for value in outputs],
        case.rtol,
        case.atol,
    )


def _value(value: Any) -> Value:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value)


def long_domain(domain: str) -> str:
    """``ai.onnx`` for the default domain, which models spell in two ways."""
    return domain or "ai.onnx"


def short_domain(domain: str) -> str:
    """The empty string for the default domain, as the schemas have it."""
    return "" if domain == "ai.onnx" else domain


def schema_version(domain: str, op_type: str, opset: int) -> int | None:
    """The version of the schema that an opset uses; None where it defines no such operator."""
    try:
        schema = defs.get_schema(op_type, opset, short_domain(domain))
    except defs.SchemaError:
        return None
    return None if schema.deprecated else int(schema.since_version)


def unspoken(schema: defs.OpSchema, node: onnx.NodeProto) -> str:
    """An attribute's value that the text of this version does not know; "" where there is none.

    The checker looks at no value. One that a text of another version names and this one does not
    is not legal here: ``mode=wrap`` came to Pad with version 19.
    """
    for attribute in node.attribute:
        if attribute.type != onnx.AttributeProto.STRING or attribute.name not in schema.attributes:
            continue
        value = str(attribute.s, "utf-8", "replace")
        if not speaks_of(schema, attribute.name, value) and any(
            speaks_of(other, attribute.name, value)
            for other in _versions(schema.name, schema.domain)
        ):
            return f"{schema.name} {schema.since_version} knows no {attribute.name} {value}"
    return ""


def speaks_of(schema: defs.OpSchema, attribute: str, value: str) -> bool:
    """Whether the text of a version names a value of an attribute."""
    known = schema.attributes.get(attribute)
    text = f"{known.description} {schema.doc}" if known else ""
    return bool(re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text))


@cache
def _versions(op_type: str, domain: str) -> tuple[defs.OpSchema, ...]:
    return tuple(
        schema
        for schema in defs.get_all_schemas_with_history()
        if (schema.name, schema.domain) == (op_type, domain)
    )


def domain_versions(opset: int) -> dict[str, int]:
    """The version of each standard domain in the first release of onnx with an opset."""
    found = {"ai.onnx": opset}
    for row in helper.VERSION_TABLE:
        if row[2] == opset:
            found["ai.onnx.ml"] = int(row[3])
            if len(row) > 4:
                found["ai.onnx.training"] = int(row[4])
            break
    return found


def restamp(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """A copy that imports the domains as they were at an opset, at the oldest IR that has it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    versions = domain_versions(opset)
    for entry in copy.opset_import:
        entry.version = versions.get(long_domain(entry.domain), entry.version)
    copy.ir_version = helper.find_min_ir_version_for(list(copy.opset_import))
    return copy
