"""Costs count for the sizes that are given; those that cannot be are refused."""

from __future__ import annotations

import re

import pytest
from support import protobuf as pb
from support.protobuf import graph, node, value

import onnxguard
from onnxguard import Verdict
from onnxguard.policy.allowlist import Decision, Limit
from onnxguard.policy.registry import load_allowlist
from onnxguard.policy.sizes import Sizes, parse_sizes

MODEL = pb.model(
    graph(
        node("MatMul", "x w"),
        input=[value("x", dims=["N", 3]), value("any", dims=None)],
        output=value("y", dims=None),
        initializer=pb.tensor(1, [3, 5], "w", raw_data=bytes(60)),
    )
)


def scanned(sizes: Sizes, macs: int = 100) -> onnxguard.Report:
    policy = load_allowlist("adr-0258")
    limits = policy.limits | {"macs": Limit(macs, Decision())}
    return onnxguard.scan_bytes(MODEL, "m.onnx", policy._replace(sizes=sizes, limits=limits))


def test_limits_are_judged_for_the_sizes_that_are_given() -> None:
    assert scanned(()).findings == ()  # at least 15
    assert scanned((("x", (6, 3)),)).findings == ()
    (finding,) = scanned((("x", (7, 3)),)).findings
    assert finding.code == "OG209"
    assert finding.message == "a run takes 105 multiply-accumulates, 100 are allowed"


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            (("z", (1, 3)),),
            'the shape 1x3 for "z": there is no such input, the inputs are x, any',
        ),
        ((("x", (1, 4)),), 'the shape 1x4 for "x": it is declared as [?, 3]'),
        ((("x", (3,)),), 'the shape 3 for "x": it is declared as [?, 3]'),
        ((("x", ()),), 'the shape scalar for "x": it is declared as [?, 3]'),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: Sizes, said: str) -> None:
    report = scanned(sizes)
    (finding,) = report.findings
    assert (report.verdict, finding.code, finding.message) == (Verdict.ERROR, "OG008", said)


def test_an_input_without_a_shape_takes_any() -> None:
    assert scanned((("any", (1, 2, 3)),)).findings == ()


def test_sizes_are_read_as_they_are_written() -> None:
    read = parse_sizes(["a=1x3x8x8", "b=", "c=d=5"])
    assert read == (("a", (1, 3, 8, 8)), ("b", ()), ("c=d", (5,)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", '"a": write INPUT=DIMS, as image=1x3x256x256'),
        ("=3", '"=3": write INPUT=DIMS'),
        ("a=1x-3", '"a=1x-3": dims are whole numbers'),
        ("a=1xN", '"a=1xN": dims are whole numbers'),
        ("a=9223372036854775808", "a dimension has at most 63 bits"),
        ("x=1", '"x=1": the input has a shape already'),
    ],
)
def test_what_is_no_shape_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_sizes(["x=1", text])
