"""The full check of a repository: by an entry of the manifest or by an option."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rule_cases.full_check import REJECTED, deadly, never_done
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import graph, node, value
from support.repositories import (
    RELU,
    codes,
    enter,
    refused,
    reports,
    told,
    write_manifest,
    write_models,
)

from onnxguard.base.extras import how_to_install

WRONG = REJECTED["shapes that do not fit"][0]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def asking(how: str, more: str = "") -> None:
    """A manifest whose only entry asks for it so."""
    entry = f"  - {{paths: ['*.onnx'], allowlist: ./mine.yaml, full_check: {how}{more}}}\n"
    write_manifest(entry)


def reshaped(size: int) -> bytes:
    """A model that is right where ``size`` is 8: the values of its weights decide."""
    held = pb.ints(24, size, name="s")
    return pb.model(graph(node("Reshape", "x s"), initializer=held, output=value("y", 1, [24, 8])))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_entry_asks_for_it(jobs: str) -> None:
    write_models(a=RELU, b=WRONG, c=RELU)
    asking("true")
    for _ in range(2):  # what is remembered of b does not hide it
        assert codes("--jobs", jobs) == {"b.onnx": ["OG901"]}
    asking("false")
    assert codes("--jobs", jobs) == {}
    assert codes("--jobs", jobs, "--full-check") == {"b.onnx": ["OG901"]}


def test_models_that_share_their_structure_are_each_checked() -> None:
    write_list(Path(), "operators: [{name: Reshape}]\n")
    write_models(a=reshaped(8), b=reshaped(7), c=reshaped(8))
    asking("true")
    assert codes() == {"b.onnx": ["OG901"]}


def test_limits_of_an_entry() -> None:
    write_models(a=never_done(), b=RELU)
    asking("{seconds: 1}")
    said = "the full check took more than 1 s and was stopped"
    assert told("OG902") == [said]
    asking("{seconds: 600}")
    assert told("OG902", "--full-check", "--full-check-seconds", "600", "b.onnx") == []


def test_a_crash_costs_one_model() -> None:
    write_list(Path(), "operators: [{name: Split}]\n")
    write_models(a=RELU, b=deadly(), c=RELU)
    asking("true")
    assert told("OG902") == ["the full check died: the process was killed by SIGABRT"]
    assert [model["verdict"] for model in reports()] == ["pass", "fail", "pass"]


def test_a_waiver_covers_it() -> None:
    write_models(b=WRONG)
    waiver = "{model: '*', code: OG901, reason: known, expires: 9999-12-31}"
    asking("true", f", waivers: [{waiver}]")
    assert codes() == {}


def test_what_was_not_verified_is_not_run() -> None:
    write_models(a=b"PK\3\4")
    asking("true")
    assert codes() == {"a.onnx": ["OG002"]}


def test_leaving_it_out_is_said() -> None:
    write_models(b=WRONG)
    asking("true")
    code, out, _ = run("check", "--no-full-check")
    assert code == 0
    assert "--no-full-check" in out
    said = "--full-check and --no-full-check contradict each other"
    assert refused("check", "--full-check", "--no-full-check") == said


def test_a_table_asks_for_it() -> None:
    write_models(b=WRONG)
    write_manifest()
    Path("pyproject.toml").write_text("[tool.onnxguard.check]\nfull-check = true\n")
    assert codes() == {"b.onnx": ["OG901"]}
    assert codes("--no-full-check") == codes("--config", "none") == {}


def test_a_resumed_run_knows_whether_it_was_made() -> None:
    write_models(a=RELU, b=WRONG)
    write_manifest()
    results = "../results.jsonl"
    assert run("check", "--results", results)[0] == 0
    assert "other settings" in refused("check", "--results", results, "--resume", "--full-check")


def test_a_missing_onnx_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(a=RELU)
    asking("true")
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert refused("check") == f"the full check needs onnx: {how_to_install('onnx')}"
    assert run("check", "--no-full-check")[0] == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("maybe", '"maybe" is not one of true, false'),
        ("{seconds: 0}", "seconds is 1 or more"),
        ("{mebibytes: 255}", "mebibytes is 256 or more"),
        ("{minutes: 1}", 'unknown key "minutes"'),
    ],
)
def test_slips(how: str, said: str) -> None:
    write_models(a=RELU)
    asking(how)
    assert said in refused("check")
