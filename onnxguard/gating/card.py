"""Gather what is known about a candidate."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version

from onnxguard.gating.candidate import Candidate
from onnxguard.gating.gates import Judged, compared, dims_of
from onnxguard.model.facts import Value
from onnxguard.parity.report import ParityReport
from onnxguard.students.recipe import Recipe
from onnxguard.students.records import Card, DataFacts, ParityFigures
from onnxguard.students.student import Student
from onnxguard.students.training import Trained
from onnxguard.version import __version__

_PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "onnx", "numpy", "pillow", "safetensors")


def make_card(
    student: Student,
    parameters: int,
    judged: Judged,
    trained: Trained,
    data: DataFacts,
    recipe: Recipe,
    candidate: Candidate,
    hardware: tuple[tuple[str, str], ...],
    seconds: Mapping[str, float],
) -> Card:
    """Describe a candidate."""
    sha256, weights_sha256 = candidate.digests
    facts = judged.scan.facts
    assert facts is not None  # noqa: S101 - it was exported a moment ago
    return Card(
        student=student.name,
        parameters=parameters,
        made=date.today().isoformat(),
        gates=judged.gates,
        data=data,
        recipe=recipe_rows(recipe),
        epochs=trained.history,
        best_epoch=trained.best_epoch,
        measures=judged.measured.measures if judged.measured else None,
        baselines=judged.measured.baselines if judged.measured else (),
        size=len(candidate.graph_data),
        sha256=sha256,
        weights_sha256=weights_sha256,
        opset=next((e.version for e in facts.opset_imports if e.domain == "ai.onnx"), 0),
        ir_version=facts.ir_version or 0,
        inputs=tuple(map(_value, facts.inputs)),
        outputs=tuple(map(_value, facts.outputs)),
        multiple=student.multiple,
        operators=tuple((use.label, use.count) for use in facts.operators),
        constants=tuple(
            (c.output, c.dtype, "x".join(map(str, c.shape)), c.value) for c in facts.constants
        ),
        allowlist=judged.scan.allowlist,
        scan_verdict=judged.scan.verdict.value,
        parity=_figures(judged.parity),
        versions=versions(),
        hardware=hardware,
        seconds=tuple(seconds.items()),
    )


def recipe_rows(recipe: Recipe, without: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """``(field, value)`` of a recipe."""
    return tuple(
        (name, str(value)) for name, value in asdict(recipe).items() if name not in without
    )


def versions() -> tuple[tuple[str, str], ...]:
    """``(package, version)`` of what the figures depend on."""
    found = [("onnxguard", __version__), ("Python", platform.python_version())]
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:  # one of the two builds of ONNX Runtime
            continue
    return tuple(found)


def _value(value: Value) -> tuple[str, str, str]:
    return value.name, value.dtype, dims_of(value)


def _figures(parity: ParityReport | None) -> ParityFigures | None:
    if parity is None:
        return None
    proof = parity.proof
    return ParityFigures(
        parity.verdict.value,
        parity.atol,
        parity.largest,
        compared(parity),
        parity.nodes.checked,
        proof.mutants if proof else 0,
        proof.killed if proof else 0,
    )
