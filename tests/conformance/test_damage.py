"""Faults of a fake runtime are noticed; deviations of the real one are shown without onnx."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest

from benchmarks import ort_deviations
from benchmarks.conformance_damage import Subject, draw, faults_of, noticed, subjects
from onnxguard.conformance.known import DEVIATIONS


@pytest.fixture(scope="module")
def found() -> list[Subject]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return subjects(17)


def test_faults_are_noticed_by_our_own_cases(found: list[Subject]) -> None:
    drawn = draw(found, 120, seed=7)
    assert len(drawn) == 120
    ours = sum(noticed(fault, subject.own) for subject, fault in drawn)
    official = sum(noticed(fault, subject.official) for subject, fault in drawn)
    assert ours >= 0.95 * len(drawn)
    assert official < ours


def test_faults_are_of_all_kinds_and_over_all_operators(found: list[Subject]) -> None:
    faults = [fault for s in found for fault in faults_of(s.op_type, s.dtypes)]
    assert len({fault.kind for fault in faults}) == 7
    assert len({fault.op_type for fault in faults}) > 40
    drawn = draw(found, 40, seed=1)
    assert [f[1][:3] for f in draw(found, 40, seed=1)] == [f[1][:3] for f in drawn]
    assert [f[1][:3] for f in draw(found, 40, seed=2)] != [f[1][:3] for f in drawn]


def test_a_runtime_without_a_fault_is_not_blamed(found: list[Subject]) -> None:
    for subject in found:
        for fault in list(faults_of(subject.op_type, subject.dtypes))[:1]:
            right = fault._replace(damage=lambda formula, node, inputs: formula(node, inputs))
            assert not noticed(right, subject.own)


@pytest.mark.parametrize(
    "deviation", ort_deviations.DEVIATIONS, ids=lambda deviation: f"{deviation.op_type}"
)
def test_a_deviation_is_shown_by_a_model_of_one_node(
    deviation: ort_deviations.Deviation,
) -> None:
    assert not ort_deviations.is_right(deviation, ort_deviations.answer(deviation))


def test_every_known_deviation_is_shown() -> None:
    shown = sorted(deviation.op_type for deviation in ort_deviations.DEVIATIONS)
    assert shown == sorted(fault.op_type for fault in DEVIATIONS)


def test_the_script_needs_numpy_and_onnx_runtime_alone() -> None:
    tree = ast.parse(Path(ort_deviations.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    origins = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"base64", "sys", "numpy", "onnxruntime"}
    assert origins == {"__future__", "typing"}
