"""Official cases of one operator at an opset: as they are, moved to it, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import onnx
from onnx import defs

from onnxguard.conformance.cases import (
    Case,
    node_cases,
    restamp,
    schema_version,
    unspoken,
)
from onnxguard.conformance.known import MEANING_CHANGED


class Chosen(NamedTuple):
    """An official case, the model to run, and whether it was moved to the opset."""

    case: Case
    model: bytes
    restamped: bool


def choose(
    schema: defs.OpSchema, domain: str, opset: int, accepts: Callable[[bytes], bool]
) -> tuple[list[Chosen], int]:
    """Those that are cases of a schema version, and how many are not.

    One counts as it is where its version of the operator is this one; else it is moved to the
    opset, and counts if the full checker accepts that, the operator still means the same, and the
    text of the version knows the values of its attributes.

    Args:
        schema: at the version that is asked about.
        domain: ``ai.onnx`` for the default domain.
        opset: of the default domain.
        accepts: whether the full checker accepts a model.
    """
    chosen: list[Chosen] = []
    refused = 0
    for case in node_cases():
        if (case.domain, case.op_type) != (domain, schema.name):
            continue
        if schema_version(domain, schema.name, case.opset) == schema.since_version:
            chosen.append(Chosen(case, case.model.SerializeToString(), False))
            continue
        moved = restamp(case.model, opset)
        data = moved.SerializeToString()
        if _same_meaning(case, schema) and not _young(schema, moved) and accepts(data):
            chosen.append(Chosen(case, data, True))
        else:
            refused += 1
    return chosen, refused


def _young(schema: defs.OpSchema, model: onnx.ModelProto) -> bool:
    return bool(unspoken(schema, model.graph.node[0]))


def _same_meaning(case: Case, schema: defs.OpSchema) -> bool:
    changed = MEANING_CHANGED.get(case.op_type, 0) if case.domain == "ai.onnx" else 0
    own = schema_version(case.domain, case.op_type, case.opset) or 0
    return (own >= changed) == (int(schema.since_version) >= changed)
