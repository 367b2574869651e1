"""OG801 and OG802: findings that a list accepts."""

from __future__ import annotations

from datetime import date

from support import protobuf as pb
from support.protobuf import graph, node

from rule_cases.case import Case

RELU = node("Relu")

TANH = pb.model(graph(node("Tanh")))

PLAIN = pb.model(graph(RELU))

PAST, FUTURE = date(2026, 1, 2), date(9999, 12, 31)  # whatever the day of the run


def waiver(expires: date, model: str = "*.onnx") -> str:
    keys = f"model: '{model}', code: OG101, operator: Tanh, reason: until it is gone"
    return f"waivers: [{{{keys}, expires: {expires}}}]\n"


CASES = (
    Case(
        "OG801",
        "waiver that ended",
        TANH,
        TANH,
        rules=waiver(PAST),
        good_rules=waiver(FUTURE),
        message=f"the waiver of OG101 Tanh expired on {PAST}",
        hint="fix the model, or renew the waiver at",
        also=frozenset({"OG101"}),
    ),
    Case(
        "OG802",
        "waiver that covers nothing",
        PLAIN,
        PLAIN,
        rules=waiver(FUTURE),
        good_rules=waiver(FUTURE, "other.onnx"),
        message="the waiver of OG101 Tanh covers nothing in this model",
        hint="remove the waiver at",
    ),
)
