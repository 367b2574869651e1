"""The facts agree with onnx's own view of every official node-test model."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import make_models
import onnx
import pytest
from onnx.backend.test.loader import load_model_tests
from support import oracle

import onnxguard
from onnxguard import Allowlist, load_allowlist, scan_bytes
from onnxguard.catalogue.validity import VALIDITY
from onnxguard.policy.derive import derive_allowlist
from onnxguard.scanning.scan import facts_of

FEWEST = 1800
"""onnx 1.23 has 1,884 cases; far fewer would mean that the loader found nothing."""


@pytest.fixture(scope="module")
def official() -> dict[str, onnx.ModelProto]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about the overflows that some cases are about
        cases = load_model_tests(kind="node")
    return {case.name: case.model for case in cases if case.model is not None}


@pytest.fixture(scope="module")
def policy() -> Allowlist:
    return load_allowlist("adr-0258")


def test_facts_equal_onnx_on_every_official_model(
    official: dict[str, onnx.ModelProto], policy: Allowlist
) -> None:
    assert len(official) >= FEWEST
    for name, model in official.items():
        outcome = oracle.compare(model.SerializeToString(), policy)
        assert outcome.startswith("alike"), (name, outcome)


def test_official_models_exercise_what_is_compared(official: dict[str, onnx.ModelProto]) -> None:
    """Each part of the outline differs between models, so that agreeing on it means something."""
    outlines = [oracle.of_proto(model) for model in official.values()]
    kinds = Counter(str(value[1]) for each in outlines for value in each.inputs + each.outputs)
    assert {"tensor", "sequence(tensor)", "optional(tensor)"} <= kinds.keys()
    operators = {key for each in outlines for key in each.operators}
    assert len(operators) > 150
    assert any(each.initializers for each in outlines)
    assert any(each.constants for each in outlines)
    assert any(
        each.nodes > len(model.graph.node)
        for each, model in zip(outlines, official.values(), strict=True)
    )


def test_a_list_that_is_derived_from_an_official_model_accepts_it(
    official: dict[str, onnx.ModelProto], tmp_path: Path
) -> None:
    """All but Loops whose rounds the data decide, which is by design: the hint says what to do."""
    refused: dict[str, set[str]] = {}
    path = tmp_path / "list.yaml"
    for name, model in official.items():
        data = model.SerializeToString()
        path.write_text(derive_allowlist([(name, facts_of(data))], "mine"))
        report = onnxguard.scan_bytes(data, name, load_allowlist(path))
        if not report.passed:
            refused[name] = {finding.code for finding in report.findings}
            hints = [finding.hint for finding in report.findings]
            assert all("a waiver, or a list without limits.loop_trip_count" in h for h in hints)
    assert all(codes == {"OG206"} for codes in refused.values()), refused
    assert all("loop" in name or "expanded" in name for name in refused)
    assert 0 < len(refused) < 20


def test_no_official_model_is_called_invalid(
    official: dict[str, onnx.ModelProto], policy: Allowlist
) -> None:
    """Onnx's own checker accepts all of them, as its own tests see to."""
    codes = {rule.code for rule in VALIDITY}
    for name, model in official.items():
        findings = scan_bytes(model.SerializeToString(), name, policy).findings
        assert [f for f in findings if f.code in codes] == [], name


@pytest.mark.parametrize("path", sorted(make_models.FOLDER.glob("*.onnx")), ids=lambda p: p.name)
def test_facts_equal_onnx_on_the_committed_models(path: Path, policy: Allowlist) -> None:
    assert oracle.compare(path.read_bytes(), policy).startswith("alike")
