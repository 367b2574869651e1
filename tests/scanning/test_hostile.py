"""Every class of hostile input gets its answer: the exit code, the rule, and a harmless report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hostile import CASES, Case
from hostile.files import PLAIN
from support import formats
from support.command import run

import onnxguard
from onnxguard.reporters import REPORTERS, RenderOptions
from onnxguard.scanning.report import Run

QUICK = [case for case in CASES.values() if not case.heavy]
NOBODY = 65534
BY_COMMAND = ["json", "html", "text"]
OTHERS = sorted(formats.CHECKS.keys() - set(BY_COMMAND))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no pyproject.toml is above, which each scan would read."""
    monkeypatch.chdir(tmp_path)


def scan(path: Path, case: Case, output_format: str, *more: str) -> tuple[int, str, str]:
    return run("scan", str(path), "--allowlist", case.allowlist, "--format", output_format, *more)


def codes(text: str) -> set[str]:
    """The codes of the errors in a JSON report."""
    return {
        finding["code"]
        for report in json.loads(text)["models"]
        for finding in report["findings"]
        if finding["severity"] == "error"
    }


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_each_input_is_judged_and_reported(case: Case, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    judged = False
    for output_format in BY_COMMAND:
        code, out, err = scan(path, case, output_format)
        assert "Traceback" not in out + err
        assert code in case.exits, (output_format, out, err)
        assert not formats.raw_characters(err), ascii(err)
        if out:
            judged = True
            formats.check(output_format, out)
        else:
            assert code == 2
            assert err.count("\n") == 1, err
        if output_format == "json" and case.codes:
            assert case.codes <= codes(out), out
    if judged:  # one scan for all others, as the command would make one for each
        run = Run((onnxguard.scan(path, case.allowlist),))
        for output_format in OTHERS:
            formats.check(output_format, REPORTERS[output_format](run, RenderOptions()))


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
@pytest.mark.parametrize("flag", ["-q", "-v"])
def test_less_and_more_text_are_as_harmless(flag: str, case: Case, tmp_path: Path) -> None:
    code, out, err = scan(case.build(tmp_path), case, "text", flag)
    assert code in case.exits
    assert not formats.raw_characters(out + err)
    assert not any(line.lstrip().startswith("::") for line in (out + err).splitlines())


@pytest.mark.parametrize(
    "case", [case for case in QUICK if case.content is not None], ids=lambda case: case.name
)
def test_standard_input_is_judged_alike(case: Case) -> None:
    assert case.content is not None
    arguments = ["scan", "-", "--allowlist", case.allowlist, "--format", "json"]
    code, out, err = run(*arguments, stdin=case.content())
    assert code in case.exits, (out, err)
    formats.check("json", out)


def test_a_model_cut_at_any_byte_is_never_clean(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    for length in range(len(PLAIN)):
        path.write_bytes(PLAIN[:length])
        code, out, _ = run("scan", str(path), "--allowlist", "adr-0258", "--format", "json")
        assert code in (1, 2), (length, out)


def test_unreadable_file_is_not_verified(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(PLAIN)
    arguments = ["scan", str(path), "--allowlist", "adr-0258", "--format", "json"]
    assert run(*arguments)[0] == 0
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read anything
        os.seteuid(NOBODY)
    try:
        code, out, err = run(*arguments)
    finally:
        os.seteuid(user)
    assert code == 2, (out, err)
    assert "OG001" in codes(out)
    assert "Traceback" not in out + err
