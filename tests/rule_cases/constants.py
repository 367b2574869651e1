"""OG7xx: Constant nodes."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import constant, graph, node

from rule_cases.case import Case

RELU = node("Relu")
EIGHT = constant("c", value_int={"i": 1})
NINE = constant("c", value={"t": pb.tensor(3, [9], raw_data=bytes(9))})

CASES = (
    Case(
        "OG701",
        "Constant node",
        pb.model(graph(EIGHT, RELU)),
        pb.model(graph(RELU, initializer=pb.scalar(1, "c"))),
        rules="policy: {constants: forbid}\n",
        message="a Constant node, which the list forbids",
        route="graph/node 0",
        at=EIGHT,
        operator="Constant",
    ),
    Case(
        "OG702",
        "Constant of one byte too many",
        pb.model(graph(NINE, RELU)),
        pb.model(graph(EIGHT, RELU)),
        rules="policy: {constants: {max_bytes: 8}}\n",
        message="a Constant node of 9 bytes, 8 are allowed",
        route="graph/node 0",
        at=NINE,
        operator="Constant",
    ),
)
