"""``--full-check`` runs the ONNX checker in a process of its own, and outlives it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from rule_cases.full_check import (
    ACCEPTED,
    NOT_RUN,
    REJECTED,
    RUN,
    deadly,
    never_done,
    write_large,
)
from support import protobuf as pb
from support.command import run
from support.lists import lenient
from support.patience import HANG
from support.protobuf import graph, node, value

import onnxguard
from onnxguard import Finding, Severity, Verdict
from onnxguard.base.extras import how_to_install
from onnxguard.catalogue import RULES
from onnxguard.policy.registry import FOLDER
from onnxguard.running import full_check
from onnxguard.running.full_check import FullCheck

ROOMY = FullCheck(seconds=HANG, mebibytes=8192)
LIST = lenient("adr-0258")
"""Passes what the scan would find itself, so that ONNX's checker alone speaks of it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def extended(path: Path, check: FullCheck = ROOMY) -> tuple[Verdict, tuple[Finding, ...]]:
    report = onnxguard.scan(path, LIST, check)
    return report.verdict, report.findings


def scan(path: Path, *more: str) -> tuple[int, list[dict[str, Any]], str]:
    arguments = ["scan", str(path), "--full-check", "--format", "json", "--config", "none", *more]
    code, out, err = run(*arguments)
    findings = [f for model in json.loads(out)["models"] for f in model["findings"]] if out else []
    return code, findings, err


def test_good_model_is_accepted(path: Path) -> None:
    path.write_bytes(ACCEPTED)
    assert scan(path) == (0, [], "")


@pytest.mark.parametrize("name", REJECTED)
def test_model_that_onnx_rejects_is_a_finding(name: str, path: Path) -> None:
    model, message = REJECTED[name]
    path.write_bytes(model)
    assert onnxguard.scan(path, LIST).findings == ()
    verdict, findings = extended(path)
    assert verdict is Verdict.FAIL
    assert {finding.code for finding in findings} == {"OG901"}
    assert any(message in finding.message for finding in findings), findings
    for finding in findings:
        assert finding.severity is Severity.ERROR
        assert finding.hint == RULES["OG901"].fix
        assert finding.place == ("model", 0, len(model))


def test_rejected_model_fails_the_command(path: Path) -> None:
    path.write_bytes(REJECTED["shapes that do not fit"][0])
    code, findings, err = scan(path)
    assert (code, [f["code"] for f in findings], err) == (1, ["OG185", "OG901"], "")
    assert scan(path, "--ignore", "OG901,OG185")[:2] == (0, [])
    assert scan(path, "--exit-zero")[0] == 0


def test_message_is_one_line_and_harmless(path: Path) -> None:
    first = node("Relu", "t", "y", name="\x1b[31m\n::error::")
    path.write_bytes(pb.model(graph(first, node("Relu", "x", "t"))))
    _, findings = extended(path)
    assert len(findings) == 2
    assert all(finding.message.isprintable() for finding in findings)
    assert "\\x1b[31m" in findings[0].message


def test_findings_of_the_scan_stay(path: Path) -> None:
    path.write_bytes(pb.model(graph(node("Einsum"), output=value("y", 7))))
    verdict, findings = extended(path)
    assert verdict is Verdict.FAIL
    assert findings[0].code == "OG101"
    assert {finding.code for finding in findings} == {"OG101", "OG901"}


def test_model_that_was_not_verified_is_not_run(path: Path) -> None:
    path.write_bytes(b"PK\3\4")
    verdict, (finding,) = extended(path)
    assert (verdict, finding.code) == (Verdict.ERROR, "OG002")


def test_name_that_looks_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-c.onnx").write_bytes(ACCEPTED)
    assert run("scan", "--full-check", "--quiet", "--", "-c.onnx") == (0, "", "")


def test_several_jobs_check_as_one(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        model = REJECTED["shapes that do not fit"][0] if name == "b" else ACCEPTED
        (tmp_path / f"{name}.onnx").write_bytes(model)
    assert scan(tmp_path, "--jobs", "2") == scan(tmp_path)


def test_waiver_covers_what_onnx_rejects(path: Path) -> None:
    path.write_bytes(REJECTED["shapes that do not fit"][0])
    policy = path.with_name("mine.yaml")
    waiver = "{model: '*.onnx', code: OG901, reason: known, expires: 9999-12-31}"
    head = "schema: 1\nid: mine\nextends: adr-0258\npolicy: {validity: allow}\n"
    policy.write_text(f"{head}waivers: [{waiver}]\n")
    code, findings, _ = scan(path, "--allowlist", str(policy))
    assert [finding["code"] for finding in findings] == ["OG901"]
    assert code == 0


# -- when the child does not come back -------------------------------------------------------------


def stopped(path: Path, check: FullCheck) -> str:
    """The one finding's message, which says that nothing is known of the model."""
    verdict, findings = extended(path, check)
    assert verdict is Verdict.FAIL
    (finding,) = [f for f in findings if f.code.startswith("OG9")]
    assert (finding.code, finding.severity) == ("OG902", Severity.ERROR)
    assert finding.hint == RULES["OG902"].fix
    return finding.message


def test_check_without_end_is_stopped(path: Path) -> None:
    """By its CPU time: a child that waits for the processor is not stopped."""
    path.write_bytes(never_done())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    message = stopped(path, FullCheck(seconds=2, mebibytes=8192))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert message == "the full check took more than 2 s and was stopped"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime >= 1


@pytest.mark.parametrize("megabytes", [40, 80, 240])
def test_check_that_takes_too_much_memory_is_stopped(megabytes: int, path: Path) -> None:
    write_large(path, megabytes * 1_000_000)
    message = stopped(path, FullCheck(seconds=HANG, mebibytes=256))
    assert message == "the full check needs more than 256 MiB"


def test_large_model_passes_where_there_is_memory(path: Path) -> None:
    write_large(path, 50_000_000)
    assert extended(path) == (Verdict.PASS, ())


def children() -> list[int]:
    """The processes that wait for a model."""
    waiting = full_check._idle.get(os.getpid(), [])
    return [worker.call(os.getpid, seconds=HANG) for worker in waiting]


def test_one_child_serves_many_models(path: Path) -> None:
    path.write_bytes(ACCEPTED)
    assert extended(path) == (Verdict.PASS, ())
    before = children()
    path.write_bytes(REJECTED["shapes that do not fit"][0])
    assert extended(path)[0] is Verdict.FAIL
    assert len(before) == 1
    assert children() == before


def test_a_model_that_kills_the_checker_costs_itself_alone(tmp_path: Path) -> None:
    """A Split of more outputs than parts: onnx aborts its process."""
    for name, model in (("a", ACCEPTED), ("b", deadly()), ("c", ACCEPTED)):
        (tmp_path / f"{name}.onnx").write_bytes(model)
    for more in ((), ("--jobs", "2")):
        code, findings, _ = scan(tmp_path, "--select", "OG9", *more)
        (finding,) = findings
        assert (code, finding["code"]) == (1, "OG902")
        assert finding["message"] == "the full check died: the process was killed by SIGABRT"


def test_a_child_that_died_meanwhile_is_replaced(path: Path) -> None:
    path.write_bytes(ACCEPTED)
    assert extended(path) == (Verdict.PASS, ())
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    assert extended(path) == (Verdict.PASS, ())


def test_what_a_child_did_before_decides_on_nothing(path: Path) -> None:
    """A large model leaves a child that has less memory for the next one."""
    check = FullCheck(HANG, 512)
    verdicts = []
    for size in (1_000, 50_000_000, 1_000, 50_000_000):
        write_large(path, size)
        verdicts.append(extended(path, check)[0])
    assert set(verdicts) == {Verdict.PASS}


# -- what ONNX Runtime runs ------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUN)
def test_what_onnx_runtime_runs_is_no_error(name: str, path: Path) -> None:
    model = RUN[name]
    with pytest.raises((onnx.checker.ValidationError, onnx.shape_inference.InferenceError)):
        onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    x = np.ones((1, 3, 8, 8), np.float32)
    assert session.run(None, {"x": x})[0].shape == x.shape
    path.write_bytes(model)
    assert "OG9" not in " ".join(f"{f.code} {f.message}" for f in extended(path)[1])


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_onnx_runtime_refuses_too_is_an_error(name: str, path: Path) -> None:
    model = NOT_RUN[name]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with pytest.raises(Exception, match=r"ONNXRuntimeError"):
        onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    path.write_bytes(model)
    assert "OG901" in {finding.code for finding in extended(path)[1]}


# -- calls that cannot work ------------------------------------------------------------------------


def test_standard_input_is_refused() -> None:
    code, out, err = run("scan", "-", "--full-check", "--config", "none", stdin=ACCEPTED)
    assert (code, out) == (2, "")
    assert err == "onnxguard: error: --full-check reads the file itself: name a file, not -\n"


def test_a_missing_extra_is_named(path: Path, tmp_path: Path) -> None:
    """An interpreter that sees onnxguard, click and PyYAML, and no other package."""
    site = tmp_path / "site"
    (site / "onnxguard").mkdir(parents=True)
    for part in Path(onnxguard.__file__).parent.iterdir():
        if part.name not in ("__pycache__", "allowlists"):
            (site / "onnxguard" / part.name).symlink_to(part)
    (site / "onnxguard/allowlists").symlink_to(FOLDER)
    for package in (click, yaml):
        source = Path(str(package.__file__)).parent
        (site / source.name).symlink_to(source)
    start = f"import sys; sys.path.insert(0, {str(site)!r}); from onnxguard import cli; "
    start += "sys.exit(cli.main())"
    command = [sys.executable, "-I", "-S", "-c", start, "scan", str(path), "--config", "none"]
    path.write_bytes(ACCEPTED)
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (plain.returncode, plain.stderr) == (0, "")
    full = subprocess.run([*command, "--full-check"], capture_output=True, text=True, check=False)
    assert (full.returncode, full.stdout) == (2, "")
    assert full.stderr == (
        f"onnxguard: error: the full check needs onnx: {how_to_install('onnx')}\n"
    )


@pytest.mark.parametrize(
    "option", ["--full-check-seconds=0", "--full-check-mebibytes=255", "--full-check-seconds=x"]
)
def test_limits_have_limits(option: str, path: Path) -> None:
    path.write_bytes(ACCEPTED)
    code, out, err = run("scan", str(path), "--full-check", option)
    assert (code, out) == (2, "")
    assert option.partition("=")[0] in err


@pytest.mark.parametrize("option", ["--full-check-seconds=5", "--full-check-mebibytes=999"])
def test_limits_of_a_check_that_is_not_asked_for_are_refused(option: str, path: Path) -> None:
    path.write_bytes(ACCEPTED)
    code, out, err = run("scan", str(path), option)
    assert (code, out) == (2, "")
    assert "limit --full-check: add it" in err


def test_limits_reach_the_child(path: Path) -> None:
    path.write_bytes(never_done())
    options = ["--full-check-seconds", "1", "--select", "OG9"]
    code, findings, _ = scan(path, *options)
    assert code == 1
    assert [f["message"] for f in findings] == ["the full check took more than 1 s and was stopped"]
