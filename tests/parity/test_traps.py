"""Ways in which a parity check passes wrongly, each beside its nearest honest neighbour."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import shutil
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from make_models import FOLDER
from onnx import numpy_helper
from support import parity_cases as cases
from support.parity_cases import (
    LINEAR,
    OTHERS,
    WEIGHTS,
    Network,
    assert_honest,
    errors,
    exported,
    function,
    graph,
    linear,
    seeded,
    values,
    warned,
    weighted,
)
from torch import Tensor, nn
from torch.nn import functional

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.parity.check import check_parity
from onnxguard.parity.report import Outcome, ParityReport
from onnxguard.parity.settings import Settings
from onnxguard.running.errors import ParityError
from onnxguard.running.profiles import PROBES
from onnxguard.running.providers import LEVELS
from onnxguard.running.session import Session


class Trap(NamedTuple):
    """A graph, its reference, and what a check must find.

    ``codes`` must all be found; others may follow from the same mistake. An honest pair passes and
    may have no other warnings.
    """

    graph: bytes | Callable[[], bytes]
    reference: Callable[..., Any]
    codes: frozenset[str]
    honest: bool
    settings: dict[str, Any]


def trap(graph: Any, reference: Callable[..., Any], *codes: str, **settings: Any) -> Trap:
    return Trap(graph, reference, frozenset(codes), honest=False, settings=settings)


def honest(graph: Any, reference: Callable[..., Any], *warnings: str, **settings: Any) -> Trap:
    return Trap(graph, reference, frozenset(warnings), honest=True, settings=settings)


def report_of(case: Trap) -> ParityReport:
    reference = case.reference
    module = reference if isinstance(reference, nn.Module) else Network(reference)
    data = case.graph if isinstance(case.graph, bytes) else case.graph()
    return check_parity(data, module, **case.settings)


def judge(case: Trap) -> None:
    report = report_of(case)
    if case.honest:
        assert_honest(report, *case.codes)
        return
    assert case.codes <= errors(report) | warned(report), report.findings
    assert not report.passed
    assert (report.verdict == "vacuous") == all(code.startswith("OP3") for code in errors(report))


# Outputs

BOTH = graph("(float[n, 4] x) => (float[n, 5] y, float[n, 5] z) { y = MatMul(x, w) z = Neg(y) }")
CLOSE = graph(
    "(float[n, 4] x) => (float[n, 5] y, float[n, 5] z) { y = MatMul(x, w) z = Add(y, tiny) }",
    tiny=np.float32(1e-7),
)


@dataclasses.dataclass
class Answer:
    y: Tensor
    z: Tensor


class Pair(NamedTuple):
    y: Tensor
    z: Tensor


class Turned(NamedTuple):
    z: Tensor
    y: Tensor


def both(x: Tensor) -> tuple[Tensor, Tensor]:
    return weighted(x), -weighted(x)


OUTPUTS = {
    "a tuple": honest(BOTH, both),
    "a list": honest(BOTH, lambda x: list(both(x))),
    "a dict": honest(BOTH, lambda x: dict(zip("yz", both(x), strict=True))),
    "a dataclass": honest(BOTH, lambda x: Answer(*both(x))),
    "a named tuple": honest(BOTH, lambda x: Pair(*both(x))),
    "nested, with None": honest(BOTH, lambda x: ([both(x)[0], None], {"z": both(x)[1]})),
    "a dict of other names": honest(BOTH, lambda x: {"first": both(x)[0], "second": both(x)[1]}),
    "missing from the graph": trap(LINEAR, both, "OP202"),
    "missing from a list": trap(LINEAR, lambda x: list(both(x)), "OP202"),
    "missing from a dict": trap(LINEAR, lambda x: {"y": weighted(x), "z": x}, "OP202"),
    "more than the reference's": trap(BOTH, weighted, "OP202"),
    "none at all": trap(LINEAR, lambda _: None, "OP202"),
    "the same one twice": trap(LINEAR, lambda x: (weighted(x), weighted(x)), "OP202"),
    "reordered tuple": trap(BOTH, lambda x: both(x)[::-1], "OP201"),
    "reordered dict": trap(BOTH, lambda x: {"z": both(x)[1], "y": both(x)[0]}, "OP103", "OP201"),
    "reordered, values alike": trap(
        CLOSE, lambda x: {"z": weighted(x), "y": weighted(x)}, "OP103"
    ),
    "in order, values alike": honest(CLOSE, lambda x: {"y": weighted(x), "z": weighted(x)}),
    "reordered named tuple": trap(
        BOTH, lambda x: Turned(*both(x)[::-1]), "OP103"
    ),
    "another dtype": trap(LINEAR, lambda x: weighted(x).double(), "OP203"),
    "integers of another size": trap(
        graph("(float[n, 4] x) => (int32[n] y) { i = ArgMax <axis = 1, keepdims = 0> (x) "
              "y = Cast <to = 6> (i) }"),
        lambda x: x.argmax(1),
        "OP203",
    ),
    "a scalar for [1]": trap(
        graph("(float[n, 4] x) => (float[1] y) { s = ReduceSum <keepdims = 0> (x) "
              "y = Reshape(s, one) }", one=np.array([1])),
        lambda x: x.sum(),
        "OP204",
    ),
    "a column for a row": trap(
        graph("(float[n, 4] x) => (float[4, n] y) { y = Transpose(x) }"), lambda x: x, "OP204"
    ),
    "one more dim": trap(LINEAR, lambda x: weighted(x)[None], "OP204"),
    "NaN on both sides": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = Log(h) }"),
        lambda x: weighted(x).log(),
        "OP205",
    ),
    "infinity on both sides, and nothing else": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = Div(h, zero) }",
              zero=np.float32(0)),
        lambda x: weighted(x) / 0.0,
        "OP303",
    ),
    "infinity on one side": trap(LINEAR, lambda x: weighted(x) / 0.0, "OP205"),
    "two dtypes": honest(
        graph("(float[n, 4] x) => (float[n, 5] y, int64[n] z) { y = MatMul(x, w) "
              "z = ArgMax <axis = 1, keepdims = 0> (y) }"),
        lambda x: (weighted(x), weighted(x).argmax(1)),
    ),
    "an integer off by one": trap(
        graph("(float[n, 4] x) => (float[n, 5] y, int64[n] z) { y = MatMul(x, w) "
              "i = ArgMax <axis = 1, keepdims = 0> (y) z = Add(i, one) }", one=np.array(1)),
        lambda x: (weighted(x), weighted(x).argmax(1)),
        "OP206",
    ),
    "wrong by little": trap(LINEAR, lambda x: weighted(x) + 3e-5, "OP201"),
    "wrong within rounding": honest(LINEAR, lambda x: weighted(x) + 3e-7),
    "one element wrong": trap(
        LINEAR, lambda x: weighted(x) + 1e-3 * (torch.arange(5) == 3), "OP201", "OP401"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(name: str) -> None:
    judge(OUTPUTS[name])


# Inputs

SUM = graph("(float[n, 4] a, float[n, 4] b) => (float[n, 4] y) { t = Mul(a, two) y = Add(t, b) }",
            two=np.float32(2))  # fmt: skip
SWAPPED = graph(
    "(float[n, 4] b, float[n, 4] a) => (float[n, 4] y) { t = Mul(a, two) y = Add(t, b) }",
    two=np.float32(2),
)


def summed(a: Tensor, b: Tensor) -> Tensor:
    return 2 * a + b


def swapped(a: Tensor, b: Tensor) -> Tensor:
    return 2 * b + a


def other_names(p: Tensor, q: Tensor) -> Tensor:
    return 2 * p + q


def one_crc(plumless: Tensor, buckeroo: Tensor) -> Tensor:
    return 2 * buckeroo + plumless


def adding(x: Tensor) -> Tensor:
    return weighted(x.add_(1))


ADDING = graph("(float[n, 4] x) => (float[n, 5] y) { z = Add(x, one) y = MatMul(z, w) }",
               one=np.float32(1))  # fmt: skip
GATHER = "(%s[n] ids) => (float[n, 5] y) { i = Cast <to = 7> (ids) y = Gather(%s, i) }"
EMBED = "(int64[n] ids) => (float[n, 5] y) { y = Gather(%s, ids) }"
SELECTED = "(float[n, 4] x, bool%s keep) => (float[n, 4] y) { y = Where(keep, x, zero) }"


def embedded(ids: Tensor) -> Tensor:
    return torch.from_numpy(WEIGHTS)[ids]


PICTURE = """(uint8[n, 4] x) => (float[n, 5] y) {
  top = Constant <value = float {%s}> () white = Constant <value = float {255.0}> ()
  f = Cast <to = 1> (x) m = Min(f, top) unit = Div(m, white) y = MatMul(unit, w)
}"""
SIGNED = """(int32[n, 4] x) => (float[n, 5] y) {
  ten = Constant <value = float {10.0}> ()
  i = %s(x) f = Cast <to = 1> (i) g = Div(f, ten) y = MatMul(g, w)
}"""


def pictured(x: Tensor) -> Tensor:
    return weighted(x.float() / 255)


def signed(x: Tensor) -> Tensor:
    return weighted(x.float() / 10)


def keeping(x: Tensor, keep: Tensor) -> Tensor:
    return torch.where(keep, x, torch.zeros((), dtype=x.dtype))


def scaled(x: Tensor, ids: Tensor, keep: Tensor) -> Tensor:
    return torch.where(keep, x, -x) * ids


SCALED = """(float[n, 4] x, int64[n, 4] ids, bool[n, 4] keep) => (float[n, 4] y) {
  minus = Neg(%s) chosen = Where(keep, x, minus) f = Cast <to = 1> (ids) y = Mul(chosen, f)
}"""

INPUTS = {
    "by name": honest(SUM, summed),
    "by name, in another order": honest(SWAPPED, summed),
    "swapped": trap(SUM, swapped, "OP201"),
    "swapped by the export": trap(
        lambda: exported(
            Network(summed),
            {"b": values(1, 2, 4), "a": values(2, 2, 4)},
            dynamic={"a": {0: "n"}, "b": {0: "n"}},
        ),
        summed,
        "OP201",
    ),
    "named right by the export": honest(
        lambda: exported(
            Network(summed),
            {"a": values(1, 2, 4), "b": values(2, 2, 4)},
            dynamic={"a": {0: "n"}, "b": {0: "n"}},
        ),
        summed,
    ),
    "bound": honest(SUM, other_names, bindings={"a": "p", "b": "q"}),
    "bound the wrong way": trap(SUM, other_names, "OP201", bindings={"a": "q", "b": "p"}),
    "bound one of two": honest(SUM, lambda a, q: 2 * a + q, bindings={"b": "q"}),
    "names of one checksum": trap(
        graph("(float[n, 4] plumless, float[n, 4] buckeroo) => (float[n, 4] y) "
              "{ t = Mul(plumless, two) y = Add(t, buckeroo) }", two=np.float32(2)),
        one_crc,
        "OP201",
    ),
    "that is ignored": trap(
        graph("(float[n, 4] a, float[n, 4] b) => (float[n, 5] y) { y = MatMul(a, w) }"),
        lambda a, b: weighted(a) + 0 * b.sum(),
        "OP306",
    ),
    "ignored by the graph alone": trap(
        graph("(float[n, 4] a, float[n, 5] b) => (float[n, 5] y) { y = MatMul(a, w) }"),
        lambda a, b: weighted(a) + b,
        "OP201",
    ),
    "changed in place, as if shared": trap(LINEAR, adding, "OP201", "OP109"),
    "changed in place": honest(ADDING, adding, "OP109"),
    "copied first": honest(ADDING, lambda x: adding(x.clone())),
    "indices": honest(graph(EMBED % "w"), embedded),
    "indices, cast": honest(graph(GATHER % ("int32", "w")), embedded),
    "indices of another table": trap(graph(EMBED % "v"), embedded, "OP201"),
    "indices of a shifted table": trap(
        graph(EMBED % "t", t=np.roll(WEIGHTS, 1, 0)), embedded, "OP201"
    ),
    "integers through": honest(
        graph("(int64[n] ids) => (int64[n] y) { y = Add(ids, one) }", one=np.array(1)),
        lambda ids: ids + 1,
    ),
    "pictures": honest(graph(PICTURE % "255.0"), pictured),
    "pictures cut off": trap(graph(PICTURE % "100.0"), pictured, "OP201"),
    "signed integers": honest(graph(SIGNED % "Identity"), signed),
    "signed integers without sign": trap(graph(SIGNED % "Abs"), signed, "OP201"),
    "a mask": honest(graph(SELECTED % "[n, 4]", zero=np.float32(0)), keeping),
    "a mask inverted": trap(
        graph("(float[n, 4] x, bool[n, 4] keep) => (float[n, 4] y) "
              "{ not = Not(keep) y = Where(not, x, zero) }", zero=np.float32(0)),
        keeping,
        "OP201",
    ),
    "one flag": honest(graph(SELECTED % "", zero=np.float32(0)), keeping),
    "three dtypes": honest(graph(SCALED % "x"), scaled),
    "three dtypes, one ignored": trap(graph(SCALED % "v", v=np.float32(1)), scaled, "OP201"),
    "a scalar": honest(
        graph("(float[n, 4] x, float s) => (float[n, 4] y) { y = Mul(x, s) }"), lambda x, s: x * s
    ),
    "float64": honest(
        graph("(double[n, 4] x) => (double[n, 5] y) { y = MatMul(x, d) }",
              d=WEIGHTS.astype(np.float64)),
        weighted,
    ),
    "float64 rounded to float32": trap(
        graph("(double[n, 4] x) => (double[n, 5] y) { f = Cast <to = 1> (x) m = MatMul(f, w) "
              "y = Cast <to = 11> (m) }"),
        weighted,
        "OP201",
        atol=1e-9,
    ),
    "none": trap(
        graph("() => (float[4, 5] y) { y = Identity(w) }"),
        lambda: torch.from_numpy(WEIGHTS),
        "OP305",
    ),
    "static": honest(
        graph("(float[2, 4] x) => (float[2, 5] y) { y = MatMul(x, w) }"), weighted
    ),
    "static, wrong": trap(
        graph("(float[2, 4] x) => (float[2, 5] y) { y = MatMul(x, v) }"),
        weighted,
        "OP201",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INPUTS)
def test_inputs(name: str) -> None:
    judge(INPUTS[name])


# Answers that say nothing

SCALED_ARGMAX = graph("(float[n, 4] x) => (int64[n] y) "
                      "{ l = Mul(x, k) y = ArgMax <axis = 1, keepdims = 0> (l) }",
                      k=np.float32(1.5))  # fmt: skip
ARGMAX = graph("(float[n, 4] x) => (int64[n] y) "
               "{ l = MatMul(x, w) y = ArgMax <axis = 1, keepdims = 0> (l) }")  # fmt: skip
ARGMAX_AND_LOGITS = graph(
    "(float[n, 4] x) => (float[n, 5] l, int64[n] y) "
    "{ l = MatMul(x, w) y = ArgMax <axis = 1, keepdims = 0> (l) }"
)
HIDDEN_IN_FUNCTION = graph(
    "(float[n, 4] x) => (int64[n] y) { y = local.head(x, k) }",
    function("head (a, k) => (b) { l = Mul(a, k) b = ArgMax <axis = 1, keepdims = 0> (l) }"),
    k=np.float32(1.5),
)
HIDDEN_IN_BRANCH = graph(
    """(float[n, 4] x) => (int64[n] y) {
      mean = ReduceMean <keepdims = 0> (x) c = Greater(mean, zero)
      y = If (c) <
        then_branch = yes () => (int64[n] t) {
          p = Mul(x, k) t = ArgMax <axis = 1, keepdims = 0> (p) },
        else_branch = no () => (int64[n] e) {
          q = Mul(x, k) e = ArgMax <axis = 1, keepdims = 0> (q) }>
    }""",
    k=np.float32(1.5),
    zero=np.float32(0),
)
MASK = "(float[n, 4] x) => (float[n, 5] y) { l = MatMul(x, w) g = Greater(l, zero) %s }"
ZERO_ONE = {"zero": np.float32(0), "one": np.float32(1)}
SIGMOID = "(float[n, 4] x) => (float[n, 5] y) { l = MatMul(x, w) s = Mul(l, k) y = %s(s) }"


def steep(by: float) -> bytes:
    return graph(SIGMOID % "Sigmoid", k=np.float32(by))


def above(least: float) -> bytes:
    text = "(float[n, 4] x) => (float[m] y) { c = Greater(x, k) y = Compress(x, c) }"
    return graph(text, k=np.float32(least))


def near(x: Tensor) -> Tensor:
    return weighted(x, WEIGHTS * np.float32(1.001))


def masked(x: Tensor) -> Tensor:
    return (weighted(x) > 0).float()


EMPTY = {"shapes": ("x=0x4",)}
VACUOUS = {
    "constant": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { l = MatMul(x, w) y = Mul(l, zero) }",
              zero=np.float32(0)),
        lambda x: weighted(x) * 0,
        "OP303",
    ),
    "dead": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { l = MatMul(x, w) m = Sub(l, k) y = Relu(m) }",
              k=np.float32(1e4)),
        lambda x: (weighted(x) - 1e4).relu(),
        "OP303",
    ),
    "constant integers": trap(
        graph("(float[n, 4] x) => (int64[2] y) { y = Shape(x) }"),
        lambda x: torch.tensor(x.shape),
        "OP303",
        shapes=("x=4x4",),
    ),
    "one of two is constant": trap(
        graph("(float[n, 4] x) => (float[n, 5] y, float[n, 4] z) "
              "{ y = MatMul(x, w) z = Mul(x, zero) }", zero=np.float32(0)),
        lambda x: (weighted(x), x * 0),
        "OP303",
    ),
    "frozen": trap(
        graph("(float[n, 4] x) => (float[4, 5] y, float[n, 4] z) { y = Identity(w) z = Neg(x) }"),
        lambda x: (torch.from_numpy(WEIGHTS), -x),
        "OP305",
    ),
    "frozen for each size": trap(
        graph("(float[n, 4] x) => (float[n, 4] y) { s = Shape(x) k = Expand(r, s) "
              "z = Mul(x, zero) y = Add(k, z) }", r=np.arange(4, dtype=np.float32),
              zero=np.float32(0)),
        lambda x: torch.arange(4.0).expand_as(x) + x * 0,
        "OP305",
    ),
    "a tolerance as wide as the output": trap(LINEAR, weighted, "OP303", atol=1.0),
    "empty": trap(LINEAR, weighted, "OP302", **EMPTY),
    "empty for one of two shapes": trap(
        LINEAR, weighted, "OP302", shapes=("x=3x4", "x=0x4")
    ),
    "nothing in some trials": honest(above(2), lambda x: x[x > 2]),
    "nothing in any trial": trap(above(1e6), lambda x: x[x > 1e6], "OP302"),
    "a sigmoid": honest(steep(1.0), lambda x: weighted(x).sigmoid()),
    "saturated": trap(
        steep(1e3), lambda x: (1e3 * weighted(x)).sigmoid(), "OP304", local=False,
        shapes=("x=200x4",),
    ),
    "saturated to zero and one": trap(
        steep(1e6), lambda x: (1e6 * weighted(x)).sigmoid(), local=False
    ),
    "saturated, its logits compared": honest(
        steep(1e6), lambda x: (1e6 * weighted(x)).sigmoid()
    ),
    "saturated, other logits": trap(steep(1e6), lambda x: (2e6 * weighted(x)).sigmoid()),
    "saturated, other logits, alone": trap(
        steep(1e6), lambda x: (2e6 * weighted(x)).sigmoid(), local=False
    ),
    "a saturated tanh": trap(
        graph(SIGMOID % "Tanh", k=np.float32(1e6)),
        lambda x: (1e6 * weighted(x)).tanh(),
        local=False,
    ),
    "a saturated softmax": trap(
        graph(SIGMOID % "Softmax", k=np.float32(1e5)),
        lambda x: (1e5 * weighted(x)).softmax(-1),
        local=False,
    ),
    "argmax": honest(ARGMAX, lambda x: weighted(x).argmax(1)),
    "argmax alone": trap(ARGMAX, lambda x: weighted(x).argmax(1), "OP308", local=False),
    "argmax of other logits": trap(ARGMAX, lambda x: near(x).argmax(1), "OP401"),
    "argmax of quite other logits": trap(SCALED_ARGMAX, lambda x: (x * 1.0).argmax(1)),
    "argmax of scaled inputs": honest(SCALED_ARGMAX, lambda x: (x * 1.5).argmax(1)),
    "argmax beside its logits": honest(
        ARGMAX_AND_LOGITS, lambda x: (weighted(x), weighted(x).argmax(1)), local=False
    ),
    "argmax in a function": trap(HIDDEN_IN_FUNCTION, lambda x: (x * 1.0).argmax(1)),
    "argmax in a branch": trap(HIDDEN_IN_BRANCH, lambda x: (x * 1.0).argmax(1)),
    "a threshold alone": trap(
        graph(MASK % "y = Cast <to = 1> (g)", **ZERO_ONE), masked, "OP308", local=False
    ),
    "a threshold": honest(graph(MASK % "y = Cast <to = 1> (g)", **ZERO_ONE), masked),
    "a threshold of other logits": trap(
        graph(MASK % "y = Cast <to = 1> (g)", **ZERO_ONE),
        lambda x: (near(x) > 0).float(),
        "OP401",
    ),
    "an inverted mask alone": trap(
        graph(MASK % "c = Cast <to = 1> (g) y = Sub(one, c)", **ZERO_ONE),
        lambda x: 1 - masked(x),
        "OP308",
        local=False,
    ),
    "a shifted mask alone": trap(
        graph(MASK % "c = Cast <to = 1> (g) y = Add(c, one)", **ZERO_ONE),
        lambda x: masked(x) + 1,
        "OP308",
        local=False,
    ),
    "a count of a mask alone": trap(
        graph("(float[n, 4] x) => (int64[n] y) { l = MatMul(x, w) g = Greater(l, zero) "
              "i = Cast <to = 7> (g) y = ReduceSum <keepdims = 0> (i, axes) }",
              zero=np.float32(0), axes=np.array([1])),
        lambda x: (weighted(x) > 0).long().sum(1),
        "OP308",
        local=False,
    ),
    "a scalar": honest(
        graph("(float[n, 4] x) => (float y) { y = ReduceSum <keepdims = 0> (x) }"),
        lambda x: x.sum(),
    ),
    "a scalar, wrong": trap(
        graph("(float[n, 4] x) => (float y) { y = ReduceSum <keepdims = 0> (x) }"),
        lambda x: 1.001 * x.sum(),
        "OP201",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VACUOUS)
def test_answers_that_say_nothing(name: str) -> None:
    judge(VACUOUS[name])


@pytest.mark.parametrize("factor", [0, 1e-7, 1])
def test_nothing_but_what_is_compared_counts(factor: float, tmp_path: Path) -> None:
    """One file of inputs is enough where the output varies, whatever its profile."""
    path = tmp_path / "inputs.npz"
    x = np.random.default_rng(1).random((3, 4)) * factor
    np.savez(path, x=x.astype(np.float32))
    report = check_parity(LINEAR, linear(), inputs=(str(path),))
    assert [trial.profile for trial in report.trials] == ["inputs.npz"]
    if factor == 1:
        assert_honest(report)
    else:
        assert errors(report) == {"OP303"}, report.findings


def test_one_number_is_no_constant(tmp_path: Path) -> None:
    path = tmp_path / "inputs.npz"
    np.savez(path, x=np.ones((1, 4), np.float32))
    data = graph("""(float[n, 4] x) => (float[n] y) {
      h = MatMul(x, w) y = ReduceMax <axes = [1], keepdims = 0> (h)
    }""")
    assert_honest(check_parity(data, Network(lambda x: weighted(x).amax(1)), inputs=(str(path),)))


# Sizes


class Upsample(nn.Module):
    """Twice the size: by a factor, or by the size that Python saw at the export."""

    def __init__(self, baked: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.baked = baked

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if not self.baked:
            return functional.interpolate(y, scale_factor=2.0)
        return functional.interpolate(y, size=(int(x.shape[2]) * 2, int(x.shape[3]) * 2))


class Positions(nn.Module):
    """Adds a ramp, whose length Python saw at the export."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_numpy(np.arange(int(x.shape[-1]), dtype=np.float32))


DYNAMIC = {"x": {0: "n", 2: "h", 3: "w"}}


@cache
def upsampled(baked: bool, dynamic: bool = True) -> bytes:
    examples = {"x": values(1, 1, 1, 8, 8)}
    network = seeded(lambda: Upsample(baked))
    return exported(network, examples, dynamic=DYNAMIC if dynamic else None)


BAKED = graph("(float[n, 4] x) => (float[m] y) { y = Reshape(x, size) }", size=np.array([8]))
FLAT = graph("(float[n, 4] x) => (float[m] y) { y = Reshape(x, size) }", size=np.array([-1]))
BATCH = graph("(float[1, 4] x) => (float[1, 5] y) { y = MatMul(x, w) }")

SIZES = {
    "a factor": honest(
        lambda: upsampled(False), seeded(lambda: Upsample(False)), shapes=("x=2x1x6x9",)
    ),
    "a size baked in": trap(
        lambda: upsampled(True),
        seeded(lambda: Upsample(True)),
        "OP204",
        shapes=("x=2x1x6x9", "x=1x1x8x8"),
    ),
    "a size baked in, static": honest(
        lambda: upsampled(True, dynamic=False), seeded(lambda: Upsample(True))
    ),
    "a ramp baked in": trap(
        lambda: exported(Positions(), {"x": values(1, 2, 8)}, dynamic={"x": {1: "length"}}),
        Positions(),
        "OP207",
    ),
    "a reshape baked in": trap(BAKED, lambda x: x.reshape(-1), "OP207"),
    "a reshape": honest(FLAT, lambda x: x.reshape(-1)),
    "a batch that the signature fixes": trap(BATCH, weighted, "OP207", shapes=("x=2x4",)),
    "the batch that it fixes": honest(BATCH, weighted, shapes=("x=1x4",)),
    "the reference refuses": trap(LINEAR, lambda x: weighted(x.reshape(1, 4)), "OP207"),
    "all refuse everything": trap(LINEAR, weighted, "OP301", shapes=("x=3x5", "x=2x7")),
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes(name: str) -> None:
    judge(SIZES[name])


def test_shapes_that_nobody_takes_are_told() -> None:
    halves = graph("(float[n, m] x) => (float[k, 2] y) { y = Reshape(x, s) }", s=np.array([-1, 2]))
    report = check_parity(halves, Network(lambda x: x.reshape(-1, 2)), shapes=("x=3x3", "x=3x4"))
    assert_honest(report)
    assert [trial.outcome for trial in report.trials[:2]] == [Outcome.BOTH_REFUSED, "compared"]
    assert any(remark.startswith("both sides refuse x 3x3: ") for remark in report.remarks)
    assert report.trials[0].model_said
    assert report.trials[0].reference_said


def test_at_least_three_shapes_none_square_and_batches() -> None:
    report = check_parity(upsampled(False), seeded(lambda: Upsample(False)), local=False)
    shapes = {dict(trial.shapes)["x"] for trial in report.trials}
    assert len(shapes) >= 3
    assert all(height != width for _, _, height, width in shapes)
    assert max(shape[0] for shape in shapes) > 1
    profiles = [trial.profile for trial in report.trials]
    assert set(profiles) == {"noise", "image", "large", *PROBES} - {"empty"}  # no mask
    assert max(shape[0] for shape in shapes) > 8


# Branches


def branching(condition: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    def forward(x: Tensor) -> Tensor:
        return weighted(x) if condition(x) else weighted(x, OTHERS)

    return forward


def two_decisions(x: Tensor) -> Tensor:
    y = weighted(x)
    if x.mean() > 0:
        y = y + 0
    if x.mean() > 1e6:
        y = y * 3
    return y


IF = """(float[n, 4] x) => (float[n, 5] y) {
  mean = ReduceMean <keepdims = 0> (x) c = Greater(mean, bound)
  y = If (c) <
    then_branch = yes () => (float[n, 5] t) { t = MatMul(x, w) },
    else_branch = no () => (float[n, 5] e) { e = MatMul(x, %s) }>
}"""
INNER = """i = ReduceMax <keepdims = 0> (x) d = Greater(i, far)
  o = If (d) <
    then_branch = deep () => (float[n, 5] t) { t = MatMul(x, v) },
    else_branch = flat () => (float[n, 5] e) { e = MatMul(x, w) }>"""
NESTED = f"""(float[n, 4] x) => (float[n, 5] y) {{
  mean = ReduceMean <keepdims = 0> (x) c = Greater(mean, bound)
  y = If (c) <
    then_branch = yes () => (float[n, 5] o) {{ {INNER} }},
    else_branch = no () => (float[n, 5] r) {{ r = MatMul(x, w) }}>
}}"""
IN_FUNCTION = function(f"pick (x, w, v, far) => (o) {{ {INNER} }}")
BOUNDS = {"bound": np.float32(0), "far": np.float32(1e6)}
LOOP = """(float[n, 4] x) => (float[n, 4] y) {
  y = Loop (trips, on, x) <body = step (int64 i, bool go, float[n, 4] a) =>
    (bool on_out, float[n, 4] b) { on_out = Identity(go) b = Add(a, one) }>
}"""
LATE = """(float[n, 4] x) => (float[n, 4] y) {
  top = ReduceMax <keepdims = 0> (x) on = Greater(top, far)
  trips = Constant <value = int64 {1}> ()
  y = Loop (trips, on, x) <body = step (int64 i, bool go, float[n, 4] a) =>
    (bool on_out, float[n, 4] b) { on_out = Identity(go) b = Add(a, one) }>
}"""


class Batches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return weighted(x) if len(x) == 1 else weighted(x, OTHERS)


class Squeezed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return weighted(x).squeeze()


class Exporting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return weighted(x, OTHERS) if torch.onnx.is_in_onnx_export() else weighted(x)


def exported_at_one(module: nn.Module) -> bytes:
    return exported(module, {"x": values(1, 1, 4)}, dynamic={"x": {0: "n"}})


FROZEN = branching(lambda x: x.mean() > 0)


@cache
def frozen() -> bytes:
    example = values(1, 3, 4).abs()
    return exported(Network(FROZEN), {"x": example}, dynamic={"x": {0: "n"}})


BRANCHES = {
    "an If": honest(graph(IF % "v", bound=np.float32(0)), FROZEN),
    "an If, wrong on one side": trap(graph(IF % "w", bound=np.float32(0)), FROZEN, "OP201"),
    "an If never taken": trap(graph(IF % "v", bound=np.float32(1e6)), lambda x: weighted(x, OTHERS),
                              "OP307"),
    "an If in an If never taken": trap(graph(NESTED, v=OTHERS, **BOUNDS), weighted, "OP307"),
    "an If in a function never taken": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = local.pick(x, w, v, far) }", IN_FUNCTION,
              far=np.float32(1e6)),
        weighted,
        "OP307",
    ),
    "frozen at the export": trap(frozen, FROZEN, "OP201"),
    "never taken by Python": trap(LINEAR, branching(lambda x: x.mean() < 1e6), "OP307"),
    "never taken by Python's numbers": trap(
        LINEAR, branching(lambda x: x.mean().item() < 1e6), "OP307"
    ),
    "never taken by a float": trap(LINEAR, branching(lambda x: float(x.max()) < 1e6), "OP307"),
    "never taken by any()": trap(LINEAR, branching(lambda x: not (x > 1e6).any()), "OP307"),
    "one of two never taken": trap(LINEAR, two_decisions, "OP307"),
    "Python looks at sizes": honest(LINEAR, branching(lambda x: x.shape[0] < 1000)),
    "both taken, values alike": honest(
        LINEAR, lambda x: weighted(x) if x.mean() > 0 else weighted(x) + 0
    ),
    "where": honest(
        graph("(float[n, 4] x) => (float[n, 5] y) { m = ReduceMean <keepdims = 0> (x) "
              "c = Greater(m, zero) a = MatMul(x, w) b = MatMul(x, v) y = Where(c, a, b) }",
              zero=np.float32(0)),
        lambda x: torch.where(x.mean() > 0, weighted(x), weighted(x, OTHERS)),
    ),
    "a Loop": honest(
        graph(LOOP, trips=np.array(3), on=np.array(True), one=np.float32(1)), lambda x: x + 3
    ),
    "a Loop of other trips": trap(
        graph(LOOP, trips=np.array(4), on=np.array(True), one=np.float32(1)),
        lambda x: x + 3,
        "OP201",
    ),
    "a Loop never entered": trap(
        graph(LATE, far=np.float32(1e6), one=np.float32(1)), lambda x: x * 1, "OP307"
    ),
    "a Loop that some inputs enter": honest(
        graph(LATE, far=np.float32(2), one=np.float32(1)),
        lambda x: torch.where(x.max() > 2, x + 1, x),
    ),
    "a batch of one": trap(lambda: exported_at_one(Batches()), Batches(), "OP201"),
    "a batch of one, squeezed": honest(lambda: exported_at_one(Squeezed()), Squeezed()),
    "only for the exporter": trap(lambda: exported_at_one(Exporting()), Exporting(), "OP201"),
    "a function": honest(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = local.linear(x, w) }",
              function("linear (a, b) => (c) { c = MatMul(a, b) }")),
        weighted,
    ),
    "a function of other weights": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = local.linear(x, v) }",
              function("linear (a, b) => (c) { c = MatMul(a, b) }")),
        weighted,
        "OP201",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_branches(name: str) -> None:
    judge(BRANCHES[name])


def test_a_branch_can_be_waived_and_that_is_told() -> None:
    case = BRANCHES["never taken by Python"]
    report = check_parity(LINEAR, Network(case.reference), ignore=("OP307",))
    assert_honest(report)
    assert report.remarks == ("ignored as asked: OP307",)


# Training, chance, state


class Trained(nn.Module):
    """Convolution, norm and dropout: what differs between training and evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.3))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x)
        return answer


class Lying(nn.Module):
    """In evaluation mode itself, whatever it wraps."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.train()
        self.training = False

    def train(self, mode: bool = True) -> Lying:  # noqa: ARG002 - that is the lie
        return self

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.inner(x)
        return answer


class Buffered(nn.Module):
    """Writes every answer into one buffer, which it returns; adds to it where it counts."""

    def __init__(self, counts: bool = False) -> None:
        super().__init__()
        self.buffers_by_size: dict[int, Tensor] = {}
        self.counts = counts

    def forward(self, x: Tensor) -> Tensor:
        buffer = self.buffers_by_size.setdefault(len(x), torch.zeros(len(x), 5))
        return buffer.add_(weighted(x)) if self.counts else buffer.copy_(weighted(x))


class Tiring(nn.Module):
    """Answers the first calls and then another way."""

    def __init__(self, then: Callable[[Tensor], Any], calls: int = 9) -> None:
        super().__init__()
        self.left = calls
        self.then = then

    def forward(self, x: Tensor) -> Any:
        self.left -= 1
        return weighted(x) if self.left >= 0 else self.then(x)


def trained() -> nn.Module:
    network = seeded(Trained)
    with torch.no_grad():
        network.layers[1].running_mean.fill_(0.2)
        network.layers[1].running_var.fill_(1.7)
    return network


@cache
def trained_graph(training: bool) -> bytes:
    mode = torch.onnx.TrainingMode
    return exported(
        trained().train(training),
        {"x": values(1, 2, 1, 6, 6)},
        dynamic=DYNAMIC,
        training=mode.TRAINING if training else mode.EVAL,
        do_constant_folding=not training,
    )


def refuses(_: Tensor) -> Tensor:
    raise RuntimeError("no more")


LONG = {"shapes": ("x=30x4",)}
SMALL = {"shapes": ("x=3x1x6x9", "x=2x1x8x5")}
DROPOUT = "(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = Dropout(h, ratio, on) }"
NORM = """(float[n, 4] x) => (float[n, 5] y) {
  h = MatMul(x, w)
  y %s = BatchNormalization <training_mode = %d> (h, five, none, none, five)
}"""
FIVES = {"five": np.ones(5, np.float32), "none": np.zeros(5, np.float32)}
RATIO = {"ratio": np.float32(0.5), "on": np.array(True)}


def normed(x: Tensor) -> Tensor:
    h = weighted(x)
    return (h - h.mean(0)) / (h.var(0, unbiased=False) + 1e-5).sqrt()


MODES = {
    "left in training mode": honest(
        lambda: trained_graph(False), trained().train(), **SMALL
    ),
    "in evaluation mode": honest(lambda: trained_graph(False), trained().eval(), **SMALL),
    "exported in training mode": trap(lambda: trained_graph(True), trained(), "OP105", **SMALL),
    "a wrapper that lies": trap(lambda: trained_graph(False), Lying(trained()), "OP104", **SMALL),
    "a wrapper of nothing that trains": trap(LINEAR, Lying(linear()), "OP104"),
    "a wrapper that says the truth": honest(
        lambda: trained_graph(False), nn.Sequential(trained()), **SMALL
    ),
    "functional dropout": trap(
        LINEAR, lambda x: functional.dropout(weighted(x), 0.5, training=True), "OP107", **LONG
    ),
    "functional dropout, switched off": honest(
        LINEAR, lambda x: functional.dropout(weighted(x), 0.5, training=False)
    ),
    "noise below the tolerance": honest(LINEAR, lambda x: weighted(x) + 1e-7 * torch.rand(1)),
    "noise": trap(LINEAR, lambda x: weighted(x) + 1e-3 * torch.rand(1), "OP107"),
    "Dropout": trap(graph(DROPOUT, **RATIO), weighted, "OP105", "OP108", **LONG),
    "Dropout, its mode a Constant": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) "
              "on = Constant <value = bool {1}> () y = Dropout(h, ratio, on) }",
              ratio=np.float32(0.5)),
        weighted,
        "OP105",
    ),
    "Dropout, its mode an input": trap(
        graph("(float[n, 4] x, bool on) => (float[n, 5] y) "
              "{ h = MatMul(x, w) y = Dropout(h, ratio, on) }", ratio=np.float32(0.5)),
        lambda x, on: weighted(x) + 0 * on,
        "OP105",
    ),
    "Dropout, switched off": honest(graph(DROPOUT, ratio=np.float32(0.5), on=np.array(False)),
                                    weighted),
    "Dropout without a mode": honest(
        graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = Dropout(h) }"), weighted
    ),
    "Dropout that drops nothing yet": trap(
        graph(DROPOUT, ratio=np.float32(0), on=np.array(True)), weighted, "OP105"
    ),
    "Dropout in a branch": trap(
        graph("""(float[n, 4] x) => (float[n, 5] y) {
          m = ReduceMean <keepdims = 0> (x) c = Greater(m, zero) h = MatMul(x, w)
          y = If (c) <then_branch = a () => (float[n, 5] t) { t = Dropout(h, ratio, on) },
                      else_branch = b () => (float[n, 5] e) { e = Identity(h) }>
        }""", zero=np.float32(0), **RATIO),
        weighted,
        "OP105",
    ),
    "Dropout in a function": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) y = local.drop(h) }",
              function("drop (a) => (b) { r = Constant <value = float {0.5}> () "
                       "on = Constant <value = bool {1}> () b = Dropout(a, r, on) }")),
        weighted,
        "OP105",
    ),
    "batch norm": trap(graph(NORM % (", m, s", 1), **FIVES), normed, "OP105", shapes=("x=30x4",)),
    "batch norm in a function": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) "
              "{ h = MatMul(x, w) y = local.norm(h, five, none, none, five) }",
              function("norm (a, s, b, m, v) => (c) "
                       "{ c, d, e = BatchNormalization <training_mode = 1> (a, s, b, m, v) }"),
              **FIVES),
        normed,
        "OP105",
        shapes=("x=30x4",),
    ),
    "batch norm of weights": honest(  # as F.batch_norm(weight, training=True) is exported
        graph("""(float[n, 4] x) => (float[n, 5] y) {
          c, m, s = BatchNormalization <training_mode = 1> (w, five, none, none, five)
          y = MatMul(x, c)
        }""", **FIVES),
        lambda x: x @ functional.batch_norm(
            torch.from_numpy(WEIGHTS).to(x.dtype), None, None, training=True
        ),
    ),
    "batch norm in evaluation": honest(
        graph(NORM % ("", 0), **FIVES), lambda x: weighted(x) / (1 + 1e-5) ** 0.5
    ),
    "a random operator": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { h = MatMul(x, w) "
              "r = RandomNormalLike <scale = 0.001> (h) y = Add(h, r) }"),
        weighted,
        "OP108",
    ),
    "a buffer that is reused": honest(LINEAR, Buffered()),
    "a buffer that counts": trap(LINEAR, Buffered(counts=True), "OP107"),
    "a reference that refuses later": trap(LINEAR, Tiring(refuses), "OP107"),
    "a reference that answers more later": trap(LINEAR, Tiring(lambda x: (x, x)), "OP107"),
    "a reference of another shape later": trap(LINEAR, Tiring(lambda x: x), "OP107"),
    "a reference of another dtype later": trap(
        LINEAR, Tiring(lambda x: weighted(x).double()), "OP107"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODES)
def test_training_chance_and_state(name: str) -> None:
    judge(MODES[name])


# Precision


def autocast(x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return (x @ torch.from_numpy(WEIGHTS)).float()


def halved(x: Tensor) -> Tensor:
    return (x.bfloat16() @ torch.from_numpy(WEIGHTS).bfloat16()).float()


ROUNDED = graph("""(float[n, 4] x) => (float[n, 5] y) {
  a = Cast <to = 16> (x) b = Cast <to = 16> (w) c = Cast <to = 1> (a) d = Cast <to = 1> (b)
  e = MatMul(c, d) f = Cast <to = 16> (e) y = Cast <to = 1> (f)
}""")
ROUNDED_WEIGHTS = WEIGHTS.astype(ml_dtypes.bfloat16).astype(np.float32)

PRECISION = {
    "autocast": trap(ROUNDED, autocast, "OP106"),
    "autocast, nodes not passed": trap(ROUNDED, autocast, "OP106", local=False),
    "bfloat16": trap(ROUNDED, halved, "OP106"),
    "bfloat16, nodes not passed": trap(ROUNDED, halved, "OP106", local=False),
    "float16": trap(LINEAR, lambda x: weighted(x.half()).float(), "OP106"),
    "autocast against float32": trap(LINEAR, autocast, "OP201", "OP106"),
    "bfloat16 weights": trap(
        LINEAR, lambda x: x @ torch.from_numpy(WEIGHTS).bfloat16().float(), "OP201"
    ),
    "weights rounded alike": honest(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, r) }", r=ROUNDED_WEIGHTS),
        lambda x: weighted(x, ROUNDED_WEIGHTS),
    ),
    "a graph of rounded weights": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, r) }", r=ROUNDED_WEIGHTS),
        weighted,
        "OP201",
    ),
    "another opset than asked for": trap(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, w) }", opset=18),
        weighted,
        "OP101",
        opset=17,
    ),
    "the opset asked for": honest(LINEAR, weighted, opset=17),
}


@pytest.mark.parametrize("name", PRECISION)
def test_precision_and_opset(name: str) -> None:
    judge(PRECISION[name])


class Looking(nn.Module):
    """Notes under which settings it is run."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[object, ...]] = set()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.add(
            (
                torch.get_float32_matmul_precision(),
                torch.backends.cudnn.allow_tf32,
                torch.is_autocast_enabled("cpu"),
                torch.is_grad_enabled(),
                self.training,
            )
        )
        return weighted(x)


@pytest.fixture
def reduced() -> Iterator[None]:
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision("highest")


@pytest.mark.usefixtures("reduced")
def test_the_reference_runs_in_full_precision_and_settings_are_put_back() -> None:
    module = Looking()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        report = check_parity(LINEAR, module)
        assert torch.is_autocast_enabled("cpu")
    assert_honest(report)
    assert module.seen == {("highest", False, False, False, False)}
    assert torch.get_float32_matmul_precision() == "medium"
    assert torch.backends.cudnn.allow_tf32
    assert torch.get_default_dtype() == torch.float64


@pytest.mark.parametrize("level", LEVELS)
def test_every_optimisation_level_runs_and_is_recorded(level: str) -> None:
    report = check_parity(LINEAR, linear(), optimization_level=level)
    assert_honest(report)
    assert report.identity is not None
    assert report.identity.optimization_level == level
    options = Session(LINEAR, Settings(optimization_level=level))._session.get_session_options()
    name = {"none": "DISABLE_ALL"}.get(level, f"ENABLE_{level.upper()}")
    assert options.graph_optimization_level.name == f"ORT_{name}"


@pytest.mark.skipif(torch.cuda.is_available(), reason="the provider is active here")
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_fell_back_is_an_error(
    provider: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ParityError, match=f"the provider {provider} is not active") as caught:
        check_parity(LINEAR, linear(), provider=provider)
    assert caught.value.code == "OP004"
    assert not list(tmp_path.iterdir())
    assert not capsys.readouterr().out


def test_a_session_does_not_fall_back_while_it_runs() -> None:
    assert not Session(LINEAR, Settings())._session._enable_fallback


def test_the_referee_tells_noise_from_error() -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.from_numpy(WEIGHTS))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.w

    report = check_parity(graph(
        "(float[n, 4] x) => (float[n, 5] y) { m = MatMul(x, w) y = Add(m, k) }", k=np.float32(1e-3)
    ), Linear())  # fmt: skip
    [referee] = report.trials[0].referees
    assert referee.output == "y"
    assert referee.reference_error < 1e-5
    assert referee.model_error == pytest.approx(1e-3, rel=0.01)


# Identity


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(LINEAR)
    return path


def rebuilt(path: Path) -> nn.Module:
    w = cases.first_initializer(str(path))
    return Network(lambda x: x @ w.to(x.dtype))


def by_hand(path: Path) -> nn.Module:
    proto = onnx.load_model_from_string(path.read_bytes())
    w = torch.from_numpy(numpy_helper.to_array(proto.graph.initializer[0]).copy())
    return Network(lambda x: x @ w.to(x.dtype))


@pytest.mark.parametrize("rebuild", [rebuilt, by_hand])
@pytest.mark.parametrize("name", ["itself", "symlink", "hard link", "copy", "relative"])
def test_a_reference_that_was_rebuilt_from_the_graph(
    rebuild: Callable[[Path], nn.Module],
    name: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(model.parent)
    source = Path("model.onnx") if name == "relative" else model.with_name("other.onnx")
    if name == "itself":
        source = model
    elif name == "symlink":
        source.symlink_to(model)
    elif name == "hard link":
        source.hardlink_to(model)
    elif name == "copy":
        shutil.copy(model, source)
    report = check_parity(model, lambda: rebuild(source))
    assert errors(report) == {"OP102"}


def test_a_reference_that_reads_the_graph_only_when_it_is_run(model: Path) -> None:
    report = check_parity(model, Network(lambda x: x @ cases.first_initializer(str(model))))
    assert "OP102" in errors(report)


def test_a_reference_that_reads_its_own_files(model: Path) -> None:
    path = model.with_name("weights.npy")
    np.save(path, WEIGHTS)

    def build() -> nn.Module:
        weights = np.load(path)
        return Network(lambda x: weighted(x, weights))

    assert_honest(check_parity(model, build))


def test_a_reference_beside_another_model(model: Path) -> None:
    other = model.with_name("other.onnx")
    other.write_bytes(graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, v) }"))

    def build() -> nn.Module:
        onnx.load(str(other))
        return linear()

    assert_honest(check_parity(model, build))


def restamped(data: bytes) -> bytes:
    proto = onnx.load_model_from_string(data)
    proto.producer_name, proto.doc_string, proto.graph.name = "another", "another", "another"
    again: bytes = proto.SerializeToString()
    return again


@pytest.mark.parametrize("name", ["itself", "copy", "symlink", "restamped"])
def test_a_graph_does_not_vouch_for_itself(name: str, model: Path) -> None:
    other = model.with_name("other.onnx")
    if name == "copy":
        shutil.copy(model, other)
    elif name == "symlink":
        other.symlink_to(model)
    elif name == "restamped":
        other.write_bytes(restamped(model.read_bytes()))
    report = check_parity(model, reference=model if name == "itself" else other)
    assert errors(report) == {"OP102"}


def test_another_graph_may_vouch(model: Path) -> None:
    other = model.with_name("other.onnx")
    other.write_bytes(graph("(float[n, 4] x) => (float[n, 5] y) { y = Gemm(x, w) }"))
    assert_honest(check_parity(model, reference=other))
    other.write_bytes(graph("(float[n, 4] x) => (float[n, 5] y) { y = Gemm(x, v) }"))
    assert "OP201" in errors(check_parity(model, reference=other))


def meddling(do: Callable[[], object]) -> nn.Module:
    def forward(x: Tensor) -> Tensor:
        do()
        return weighted(x)

    return Network(forward)


def test_a_file_that_is_replaced_meanwhile(model: Path) -> None:
    newer = graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, v) }")
    report = check_parity(model, meddling(lambda: model.write_bytes(newer)))
    assert errors(report) == {"OP110"}
    assert report.identity is not None
    assert report.identity.model_bytes == len(LINEAR)


def test_a_file_that_is_deleted_meanwhile(model: Path) -> None:
    report = check_parity(model, meddling(lambda: model.unlink(missing_ok=True)))
    assert errors(report) == {"OP110"}


def test_a_file_that_is_touched_meanwhile(model: Path) -> None:
    assert_honest(check_parity(model, meddling(model.touch)))


def test_the_reference_is_the_graph_in_disguise() -> None:
    session = Session(LINEAR, Settings())

    def forward(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run({"x": x.numpy()})[0][1])

    assert "OP102" in errors(check_parity(LINEAR, Network(forward)))


def test_the_callers_module_is_left_as_it_was() -> None:
    module = trained().train()
    module.layers[1].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    data = trained_graph(False)
    assert_honest(check_parity(data, module, **SMALL))
    assert [part.training for part in module.modules()] == [True, True, True, False, True]
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


# External data


@pytest.fixture
def external(tmp_path: Path) -> Path:
    for name in ("external.onnx", "external.onnx.data"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path / "external.onnx"


def external_reference(path: Path = FOLDER / "external.onnx") -> Callable[[Tensor], Tensor]:
    proto = onnx.load(str(path))
    held = {
        t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in proto.graph.initializer
    }

    def forward(input: Tensor) -> Tensor:  # noqa: A002 - the graph's name for it
        w = {name: tensor.to(input.dtype) for name, tensor in held.items()}
        hidden = (input @ w["0.weight"] + w["0.bias"]).relu()
        return hidden @ w["1.weight"] + w["1.bias"]

    return forward


def test_external_data(external: Path) -> None:
    report = check_parity(external, Network(external_reference()))
    assert_honest(report)
    assert report.nodes.checked == 3
    assert report.identity is not None
    [(location, digest)] = report.identity.external
    assert location == "external.onnx.data"
    assert len(digest) == 64


def test_a_graph_with_its_data_inside_is_the_same_graph(external: Path) -> None:
    whole = external.with_name("whole.onnx")
    onnx.save(onnx.load(str(external)), str(whole))
    assert errors(check_parity(whole, reference=external)) == {"OP102"}
    assert errors(check_parity(external, reference=whole)) == {"OP102"}


def test_linked_data_is_what_onnx_runtime_would_load(external: Path) -> None:
    """As in the cache of the Hugging Face Hub; a session of bytes knows of no model's folder."""
    data = external.with_suffix(".onnx.data")
    folder = external.with_name("snapshot")
    folder.mkdir()
    for path in (external, data):
        (folder / path.name).symlink_to(path)
    linked = folder / external.name
    reference = external_reference()
    report = check_parity(linked, Network(reference))
    assert_honest(report)
    assert report.identity is not None
    held = hashlib.sha256(data.read_bytes()).hexdigest()
    assert report.identity.external == (("external.onnx.data", held),)
    assert errors(check_parity(linked, reference=external)) == {"OP102"}
    (folder / data.name).unlink()
    (folder / data.name).write_bytes(bytes(data.stat().st_size))
    assert "OP201" in errors(check_parity(linked, Network(reference)))


def test_data_that_a_linked_model_has_beside_itself_alone_is_not_taken(external: Path) -> None:
    folder = external.with_name("snapshot")
    folder.mkdir()
    (folder / external.name).symlink_to(external)
    with pytest.raises(ParityError, match="is missing"):
        check_parity(folder / external.name, Network(external_reference()))


def test_external_data_of_other_values(external: Path) -> None:
    reference = external_reference()
    data = external.with_suffix(".onnx.data")
    damaged = bytearray(data.read_bytes())
    damaged[0:4] = struct.pack("<f", 3.0)
    data.write_bytes(damaged)
    assert "OP201" in errors(check_parity(external, Network(reference)))


def test_external_data_that_is_replaced_meanwhile(external: Path) -> None:
    reference = external_reference()
    data = external.with_suffix(".onnx.data")

    def forward(input: Tensor) -> Tensor:  # noqa: A002
        data.write_bytes(bytes(data.stat().st_size))
        return reference(input)

    assert "OP110" in errors(check_parity(external, Network(forward)))


@pytest.mark.parametrize("name", ["missing", "short", "symlink", "escapes", "absolute", "bytes"])
def test_external_data_that_must_not_be_read(name: str, external: Path) -> None:
    data = external.with_suffix(".onnx.data")
    model: Path | bytes = external
    if name == "missing":
        data.unlink()
    elif name == "short":
        data.write_bytes(data.read_bytes()[:8])
    elif name == "symlink":
        outside = data.parent.with_name("outside.data")
        data.rename(outside)
        data.symlink_to(outside)
    elif name == "bytes":
        model = external.read_bytes()
    else:
        shutil.copy(data, external.parent.parent / "outside.data")
        place = "../outside.data" if name == "escapes" else str(data)
        proto = onnx.load(str(external), load_external_data=False)
        for tensor in proto.graph.initializer:
            for entry in tensor.external_data[:1]:
                assert entry.key == "location"
                entry.value = place
        external.write_bytes(proto.SerializeToString())
    with pytest.raises(ParityError) as caught:
        check_parity(model, Network(external_reference()))
    assert caught.value.code == "OP005"
    assert_one_line(caught.value)


# Errors


def assert_one_line(error: OnnxguardError) -> None:
    assert str(error).isprintable()
    assert 10 < len(str(error)) < 600


def exits() -> nn.Module:
    sys.exit(0)


def raises() -> nn.Module:
    raise ValueError("two\nlines \x1b[31m")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nosuch_module:build", "No module named 'nosuch_module'"),
        ("os:nosuch", '"os" has no "nosuch"'),
        ("os:getcmd", r'"os" has no "getcmd" \(did you mean getcwd'),
        ("nets/small.py:build", '"nets/small.py:build" is a file: write nets.small:build'),
        ("/nets/small.py:build", "write small:build, in the folder /nets"),
        ("missing_onnxscript:build", r"onnxscript .*\(pip install '"),
        ("os:sep.nosuch", '"os" has no "sep.nosuch"|has no "nosuch"'),
        ("os:path", "no module or callable but of type module"),
        ("math:pi", "of type float"),
        ("os:getcwd", "makes a str, not a torch.nn.Module"),
        ("torch.nn:Linear", "calling it failed.*; name a function that takes nothing and makes"),
        ("os", "write package.module:callable"),
        ("os:", "write package.module:callable"),
        (":build", "write package.module:callable"),
        ("", "write package.module:callable"),
        ("..os:path", "cannot be imported"),
        ("nosuch.pt2", "not an exported program"),
        ("student:nosuch", "no student"),
        ("student:saliency-v2", "`weights`"),
        (raises, r"calling it failed: two lines \\x1b\[31m"),
        (exits, "calling it failed: .*[Ee]xit"),
        (lambda: 3, "makes a int"),
        (3, "of type int"),
    ],
)
def test_references_that_are_none(
    spec: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "missing_onnxscript.py").write_text("import onnxscript\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(OnnxguardError, match=says) as caught:
        check_parity(LINEAR, spec)
    assert_one_line(caught.value)
    assert isinstance(caught.value, UsageError) or caught.value.code == "OP001"


def test_an_import_that_exits_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "exiting_script.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParityError, match="exiting_script:build") as caught:
        check_parity(LINEAR, "exiting_script:build")
    assert caught.value.code == "OP001"


def test_a_forward_that_exits_is_no_pass() -> None:
    report = check_parity(LINEAR, Network(lambda _: sys.exit(0)))
    assert "OP207" in errors(report)


@pytest.mark.parametrize("answer", [1j, "text", {1, 2}, object(), np.zeros(3)])
def test_answers_that_are_no_tensors(answer: object) -> None:
    with pytest.raises(ParityError, match="the reference returns a") as caught:
        check_parity(LINEAR, Network(lambda _: answer))
    assert caught.value.code == "OP001"


@pytest.mark.parametrize(
    "settings",
    [
        {"provider": "xpu"},
        {"optimization_level": "ultra"},
        {"atol": -1.0},
        {"atol": float("nan")},
        {"atol": float("inf")},
        {"trials": 0},
        {"trials": -1},
        {"seed": -1},
        {"bindings": {"nosuch": "x"}},
        {"bindings": {"x": "nosuch"}},
        {"ignore": ("OP201",)},
        {"ignore": ("OP999",)},
        {"shapes": ("x",)},
        {"shapes": ("=3x4",)},
        {"shapes": ("nosuch=3x4",)},
        {"shapes": ("x=3x",)},
        {"shapes": ("x=ax4",)},
        {"shapes": ("x=-1x4",)},
        {"shapes": ("x=1e3x4",)},
        {"shapes": ("x=1_0x4",)},
        {"shapes": ("x=3x4x5",)},
        {"shapes": ("x=",)},
        {"shapes": ("x=999999999999999x4",)},
        {"shapes": ("x=99999999999999999999999x4",)},
    ],
    ids=str,
)
def test_settings_that_mean_nothing(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        check_parity(LINEAR, linear(), **settings)
    assert_one_line(caught.value)


def test_two_inputs_for_one_parameter() -> None:
    module = Network(lambda p, q=1.0: 2 * p + q)
    with pytest.raises(UsageError, match="p"):
        check_parity(SUM, module, bindings={"a": "p", "b": "p"})


def test_inputs_that_forward_does_not_know() -> None:
    with pytest.raises(UsageError, match="`bindings` a=PARAMETER"):
        check_parity(SUM, Network(other_names))


def test_comparing_with_nothing_or_with_two_things(model: Path) -> None:
    with pytest.raises(UsageError, match="compare with one thing"):
        check_parity(LINEAR)
    with pytest.raises(UsageError, match="compare with one thing"):
        check_parity(LINEAR, linear(), reference=model)


@pytest.mark.parametrize("data", [b"", b"\xff" * 64, b"\x08\x08", LINEAR[: len(LINEAR) // 2]])
def test_models_that_are_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    for model in (data, path):
        with pytest.raises(ParityError) as caught:
            check_parity(model, linear())
        assert caught.value.code == "OP005"
        assert_one_line(caught.value)


@pytest.mark.parametrize("dim", [-1, 0])
def test_dims_that_are_no_sizes(dim: int) -> None:
    proto = onnx.load_model_from_string(LINEAR)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = dim
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    try:
        assert not check_parity(proto.SerializeToString(), linear()).findings or dim == 0
    except OnnxguardError as error:
        assert_one_line(error)


def test_outputs_that_are_no_tensors() -> None:
    text = "(float[n, 4] x) => (seq(float[n, 4]) y) { y = SequenceConstruct(x, x) }"
    with pytest.raises(ParityError, match="y is a sequence") as caught:
        check_parity(graph(text), Network(lambda x: [x, x]))
    assert caught.value.code == "OP005"


# Weights


class Weighted(nn.Module):
    """``x @ w`` with w to be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(4, 5))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w


RIGHT = {"w": torch.from_numpy(WEIGHTS)}
ran: list[str] = []


class Hostile:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return run, ("hostile code",)


def run(code: str) -> None:
    ran.append(code)


def test_the_hostile_object_is_hostile() -> None:
    pickle.loads(pickle.dumps(Hostile()))
    assert ran == ["hostile code"]
    ran.clear()


@pytest.mark.parametrize("state", [RIGHT, {"state_dict": RIGHT}, {"model": RIGHT, "epoch": 3}])
def test_weights_that_fit(state: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    report = check_parity(LINEAR, Weighted, weights=path)
    assert_honest(report)
    assert report.identity is not None
    assert len(report.identity.weights_sha256) == 64


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({}, '"w" is missing'),
        ({"w": torch.zeros(5, 4)}, r'"w" is \[5, 4\] instead of \[4, 5\]'),
        ({**RIGHT, "v": torch.zeros(1)}, '"v" is not in the network'),
        ({"module.w": RIGHT["w"]}, '"w" is missing, "module.w" is not in the network'),
        ({"w": RIGHT["w"].to(torch.complex64)}, "w"),
        ({"w": RIGHT["w"].to(torch.int32)}, "w"),
        ({1: RIGHT["w"]}, "weights.pt"),
        ([RIGHT["w"]], "not a state dict"),
        (RIGHT["w"], "not a state dict"),
        ({"w": Hostile()}, "weights.pt"),
    ],
)
def test_weights_that_do_not_fit(state: Any, says: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    with pytest.raises(ParityError, match=says) as caught:
        check_parity(LINEAR, Weighted, weights=path)
    assert caught.value.code == "OP002"
    assert_one_line(caught.value)
    assert not ran


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_checkpoint_is_not_run(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps({"w": Hostile()}, protocol))
    with pytest.raises(ParityError) as caught:
        check_parity(LINEAR, Weighted, weights=path)
    assert caught.value.code == "OP002"
    assert not ran
    assert "`weights_only` set to `False`" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors", "nosuch.pt", "folder"])
def test_weights_that_are_none(name: str, tmp_path: Path) -> None:
    if name.startswith("weights"):
        (tmp_path / name).write_bytes(b"\xff" * 99)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ParityError, match=name) as caught:
        check_parity(LINEAR, Weighted, weights=tmp_path / name)
    assert caught.value.code == "OP002"
    assert_one_line(caught.value)


# Files of inputs

GIVEN = np.random.Generator(np.random.PCG64(5)).standard_normal((3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "array",
    [GIVEN, np.asfortranarray(GIVEN), GIVEN.astype(">f4"), GIVEN[::-1]],
    ids=["plain", "Fortran", "big-endian", "reversed"],
)
def test_given_inputs(array: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "inputs.npz"
    np.savez(path, x=array)
    assert_honest(check_parity(LINEAR, linear(), inputs=(str(path),)))
    wrong = check_parity(LINEAR, Network(lambda x: weighted(x, OTHERS)), inputs=(str(path),))
    assert "OP201" in errors(wrong)


def test_one_array_for_two_inputs_hides_that_they_are_swapped(tmp_path: Path) -> None:
    path = tmp_path / "inputs.npz"
    np.savez(path, a=GIVEN, b=GIVEN)
    assert not check_parity(SUM, Network(swapped), inputs=(str(path),)).passed
    np.savez(path, a=GIVEN, b=GIVEN[::-1])
    assert_honest(check_parity(SUM, Network(summed), inputs=(str(path),)))


def a_zip(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)


def an_array(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, GIVEN)


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def flagged(path: Path, local: int, central: int, value: int) -> None:
    """A file whose zip header says something else, in both of its places."""
    np.savez(path, x=GIVEN)
    data = bytearray(path.read_bytes())
    data[local] = data[data.find(b"PK\x01\x02") + central] = value
    path.write_bytes(data)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "no such file"),
    "a folder": (lambda p: p.mkdir(), "inputs.npz"),
    "empty": (lambda p: p.write_bytes(b""), "not a .npz"),
    "junk": (lambda p: p.write_bytes(b"\xff" * 99), "not a .npz"),
    "truncated": (
        lambda p: (np.savez(p, x=GIVEN), p.write_bytes(p.read_bytes()[:150])), "not a .npz"
    ),
    "pickled objects": (lambda p: np.savez(p, x=np.array([Hostile()], object)), "not a .npz"),
    "one array": (an_array, "one array|not a .npz"),
    "another name": (lambda p: np.savez(p, y=GIVEN), 'lacks the input "x"'),
    "one name too many": (lambda p: np.savez(p, x=GIVEN, y=GIVEN), 'holds "y"'),
    "no names": (lambda p: np.savez(p, GIVEN), 'lacks the input "x"'),
    "another dtype": (
        lambda p: np.savez(p, x=GIVEN.astype(np.float64)), '"x" is float64, the graph wants float32'
    ),
    "text": (lambda p: np.savez(p, x=np.array([["a"]])), '"x" is str'),
    "structured": (lambda p: np.savez(p, x=np.zeros(3, "f4,i4")), '"x" is'),
    "another rank": (lambda p: np.savez(p, x=GIVEN[0]), '"x" is 4, the graph wants nx4'),
    "a scalar": (lambda p: np.savez(p, x=np.float32(1)), '"x" is a scalar'),
    "no array inside": (lambda p: a_zip(p, "x.npy", b"hello"), 'not a .npz|"x" is'),
    "no suffix inside": (lambda p: a_zip(p, "x", b"hello"), 'not a .npz|"x" is'),
    "146 TiB declared": (lambda p: a_zip(p, "x.npy", header("(10000000000000, 4)")), "not a .npz"),
    "negative sizes": (lambda p: a_zip(p, "x.npy", header("(-3, 4)")), "not a .npz"),
    "too few bytes": (lambda p: a_zip(p, "x.npy", header("(3, 4)") + b"1234"), "not a .npz"),
    "nested header": (lambda p: a_zip(p, "x.npy", header("(" * 3000 + ")" * 3000)), "not a .npz"),
    "encrypted": (lambda p: flagged(p, 6, 8, 1), "not a .npz"),
    "unknown compression": (lambda p: flagged(p, 8, 10, 99), "not a .npz"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_that_hold_no_inputs(name: str, tmp_path: Path) -> None:
    write, says = FILES[name]
    path = tmp_path / "inputs.npz"
    write(path)
    with pytest.raises(ParityError, match=says) as caught:
        check_parity(LINEAR, linear(), inputs=(str(path),))
    assert caught.value.code == "OP003"
    assert "inputs.npz" in str(caught.value)
    assert_one_line(caught.value)
    assert not ran


def test_values_cannot_be_made_up_for_text() -> None:
    text = graph("(string[n] s) => (string[n] y) { y = Identity(s) }")
    with pytest.raises(UsageError, match=r"`inputs` FILE\.npz"):
        check_parity(text, Network(lambda s: s))


def test_an_input_without_a_rank_needs_a_shape() -> None:
    proto = onnx.load_model_from_string(LINEAR)
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    data = proto.SerializeToString()
    with pytest.raises(UsageError, match="`shapes` x=DIMS"):
        check_parity(data, linear())
    assert_honest(check_parity(data, linear(), shapes=("x=3x4", "x=2x4")))
