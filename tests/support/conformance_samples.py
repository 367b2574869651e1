"""Conformance results of each kind that a reporter has to show, and their goldens."""

from __future__ import annotations

from typing import Any

from onnxguard.conformance import (
    CaseResult,
    Conformance,
    Covered,
    Evidence,
    OperatorRecord,
    Outcome,
    Source,
    WholeGraph,
)
from onnxguard.reporters import CONFORMANCE_REPORTERS, RenderOptions
from support.checkout import ROOT

GOLDENS = ROOT / "tests" / "goldens" / "conformance"


def record(name: str, evidence: Evidence, *cases: CaseResult, **fields: Any) -> OperatorRecord:
    blank = OperatorRecord("ai.onnx", name, 13, "", 0, len(cases), 0, 0, evidence, "", None, cases)
    return blank._replace(**fields)


def samples() -> dict[str, Conformance]:
    """One result of each kind that a reporter has to show."""
    passed = CaseResult("test_a", False, Outcome.PASSED, 1.25e-7)
    wrong = CaseResult("test_b", True, Outcome.FAILED, 0.5, "output 0: 1.0 instead of 1.5 at [0]")
    crashed = CaseResult("test_c", False, Outcome.CRASHED, None, "killed by SIGSEGV")
    missing = CaseResult("test_d", False, Outcome.UNSUPPORTED, None, "no kernel | `none`")
    disputed = CaseResult("own_e", False, Outcome.DISPUTED, 1.0, "one: a; two: b", Source.OWN)
    coverage = (
        Covered("dtype", "T float32", "agreed"),
        Covered("dtype", "T int16", "no kernel"),
        Covered("attribute", "axis: set", "missing"),
    )
    versions = (("onnx", "1.23.2"), ("onnxruntime", "1.31.1"), ("numpy", "2.4.6"))
    of_list = Conformance(
        "allowlist",
        "mine",
        "",
        17,
        (
            record("Abs", Evidence.PROVEN, passed, worst=1.25e-7),
            record("Erf", Evidence.FAILED, passed, wrong, crashed, reason="test_b: wrong"),
            record("Gelu", Evidence.UNPROVEN, version=None, reason="no such operator", refused=4),
            record(
                "Max",
                Evidence.PARTIAL,
                passed,
                missing,
                disputed,
                exact=2,
                reason="not exercised: attribute axis: set",
                coverage=coverage,
            ),
        ),
        versions,
        seconds=5.0,
    )
    hostile = "::error::\\x1b[31m ##[group] <b>|`[a](b)"
    kind = "(float, -, float) " + "kernel_shape=[3,3] " * 6 + hostile
    of_model = Conformance(
        "model",
        hostile,
        "0" * 64,
        17,
        (
            record("Conv", Evidence.PROVEN, passed, variant=kind, nodes=1200, worst=0.0),
            record(hostile, Evidence.UNPROVEN, domain=hostile, reason=hostile, variant="()"),
        ),
        versions,
        ((hostile, (1, 3, 64, 96)),),
        seed=0,
        seconds=0.25,
        whole=WholeGraph(Outcome.FAILED, 0.5, 1e-7, hostile),
    )
    empty = Conformance("allowlist", "empty", "", 17, (), versions)
    return {"list": of_list, "model": of_model, "empty": empty}


def texts() -> dict[str, str]:
    """What each golden file holds."""
    return {
        f"{name}.{output_format}": render(result, RenderOptions())
        for name, result in samples().items()
        for output_format, render in CONFORMANCE_REPORTERS.items()
        if output_format != "html"  # of which parity's stand for all
    }


def write_goldens() -> None:
    """Write them anew."""
    GOLDENS.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (GOLDENS / name).write_text(text, encoding="utf-8", newline="\n")
