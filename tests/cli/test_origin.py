"""A report says how it came about: what narrowed it, who asked for that, of which bytes it is."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support import formats
from support import protobuf as pb
from support.command import run
from support.protobuf import graph, node, tensor

import onnxguard
from onnxguard.policy.registry import list_sha256, load_allowlist
from onnxguard.reporters import REPORTERS

CLEAN = pb.model(graph(node("Relu")))
BAD = pb.model(graph(node("Einsum")))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (root / "clean.onnx").write_bytes(CLEAN)
    (root / "bad.onnx").write_bytes(BAD)
    return root


def configure(table: str, folder: Path = Path()) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.onnxguard]\n{table}\n", encoding="utf-8")


def origin(*arguments: str) -> dict[str, Any]:
    _, out, _ = run(*arguments, "--format", "json")
    held: dict[str, Any] = json.loads(out)["origin"]
    return held


def settings(*arguments: str) -> list[tuple[str, str, str]]:
    """Option, value and source of what a report states."""
    return [(s["option"], s["value"], s["source"]) for s in origin(*arguments)["settings"]]


# -- what narrowed it ------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [(), ("-q",), ("-v",)], ids=str)
@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_a_repository_that_narrows_a_scan_is_named(
    output_format: str, more: tuple[str, ...]
) -> None:
    """A failing model must not pass in silence because of a file that came along."""
    configure('select = ["OG2", "OG302"]')
    code, out, _ = run("scan", "bad.onnx", "--format", output_format, *more)
    assert code == 0
    formats.check(output_format, out)
    said = out.replace("\n", " ")
    if output_format == "json":
        assert settings("scan", "bad.onnx") == [("--select", "OG2, OG302", "pyproject.toml")]
    else:
        assert "narrowed by --select OG2, OG302 (pyproject.toml)" in said


def test_the_file_is_named_as_it_lies_from_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('ignore = ["OG101"]\nallowlist = "./mine.yaml"')
    (folder / "mine.yaml").write_text("schema: 1\nid: mine\noperators: [{name: Relu}]\n")
    (folder / ".git").mkdir()
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    found = settings("scan", "../bad.onnx")
    assert found[0] == ("--ignore", "OG101", "../pyproject.toml")
    assert found[1] == ("--allowlist", "../mine.yaml", "../pyproject.toml")
    assert "decided by --allowlist " in run("scan", "../bad.onnx")[1]


def test_the_command_line_is_named_where_it_narrows() -> None:
    configure('select = ["OG2"]')
    assert settings("scan", "bad.onnx", "--select", "og1", "--exit-zero") == [
        ("--select", "og1", "the command line"),
        ("--exit-zero", "", "the command line"),
    ]


@pytest.mark.parametrize("table", ["", "strict = true", 'format = "text"', "jobs = 2"])
def test_what_narrows_nothing_is_not_told(table: str) -> None:
    configure(table)
    assert settings("scan", "bad.onnx", "--allowlist", "base", "--strict") == []
    assert "narrowed" not in run("scan", "bad.onnx")[1]


def test_a_baseline_is_told() -> None:
    run("scan", "bad.onnx", "--baseline", "b.json", "--update-baseline")
    assert settings("scan", "bad.onnx", "--baseline", "b.json") == [
        ("--baseline", "b.json", "the command line")
    ]


def test_a_check_tells_what_narrowed_it() -> None:
    Path("onnxguard.yaml").write_text(
        'schema: 1\nmodels:\n  - paths: ["*.onnx"]\n    allowlist: base\nexclude: [bad.onnx]\n'
    )
    assert settings("check") == []
    Path(".git").mkdir()
    Path("link").symlink_to(".git")
    found = origin("check")
    assert (found["excluded"], found["not_entered"]) == (["bad.onnx"], [".git"])
    assert settings("check", "clean.onnx", "--no-parity", "--exit-zero") == [
        ("PATHS", "clean.onnx", "the command line"),
        ("--no-parity", "", "the command line"),
        ("--exit-zero", "", "the command line"),
    ]
    [held] = origin("check")["allowlists"]
    assert held == {"id": "base", "sha256": list_sha256(load_allowlist("base"))}


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_folders_that_were_not_entered_are_named(output_format: str) -> None:
    for name in ("m/.git", "m/sub/.git"):
        Path(name).mkdir(parents=True)
    Path("m/link").symlink_to("sub")  # its models are found where they lie
    Path("m/a.onnx").write_bytes(CLEAN)
    code, out, err = run("scan", "m", "--format", output_format)
    assert (code, err) == (0, "")
    if output_format == "json":
        assert json.loads(out)["origin"]["not_entered"] == ["m/.git", "m/link", "m/sub/.git"]
    else:
        assert "not entered: m/.git, m/link, m/sub/.git" in out
    assert origin("scan", "m/a.onnx")["not_entered"] == []


def test_many_folders_are_counted() -> None:
    for number in range(7):
        Path(f"m/{number}").mkdir(parents=True)
        Path(f"m/{number}/.git").mkdir()
    Path("m/a.onnx").write_bytes(CLEAN)
    assert (
        "not entered: m/0/.git, m/1/.git, m/2/.git, m/3/.git, m/4/.git and 2 more"
        in run("scan", "m")[1]
    )
    assert len(origin("scan", "m")["not_entered"]) == 7


# -- command and date ------------------------------------------------------------------------------


def test_command_and_date() -> None:
    held = origin("scan", "clean.onnx")
    assert held["command"] == ["onnxguard", "scan", "clean.onnx", "--format", "json"]
    made = datetime.strptime(held["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(0) <= datetime.now(UTC) - made < timedelta(minutes=10)


@pytest.mark.parametrize("output_format", sorted(set(REPORTERS) - {"html"}))
def test_the_command_is_harmless_and_without_secrets(output_format: str) -> None:
    address = "http://user:hunter2@127.0.0.1:9/m.onnx?sig=sesame"
    evil = "\x1b[2J::error::##[x]<b>`|\u202e.onnx"
    code, out, _ = run("scan", address, evil, "--format", output_format, "-v", "--timeout", "0.1")
    assert code == 2
    formats.check(output_format, out)
    assert "hunter2" not in out
    assert "sesame" not in out
    assert "\x1b" not in out


def test_verbose_text_can_be_filed() -> None:
    out = run("scan", "clean.onnx", "-v")[1]
    assert re.search(r"^  command +onnxguard scan clean\.onnx -v$", out, re.MULTILINE)
    assert re.search(r"^  date +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", out, re.MULTILINE)
    assert f"allowlist adr-0258  sha256 {list_sha256(load_allowlist('adr-0258'))}" in out
    assert re.search(f"^      file +{sha256(CLEAN).hexdigest()}$", out, re.MULTILINE)


# -- which bytes -----------------------------------------------------------------------------------


def digests(*arguments: str, stdin: bytes = b"") -> list[tuple[str | None, str | None]]:
    _, out, _ = run("scan", *arguments, "--format", "json", stdin=stdin)
    return [(m.get("sha256"), m.get("judged_sha256")) for m in json.loads(out)["models"]]


def weighted(weights: bytes) -> bytes:
    held = tensor(1, [len(weights) // 4], "w", raw_data=weights)
    return pb.model(graph(node("Add", "x w", "y"), initializer=held))


def test_a_small_model_alone_has_its_digest() -> None:
    [(whole, judged)] = digests("clean.onnx")
    assert whole == sha256(CLEAN).hexdigest()
    assert judged is not None
    assert digests("-", stdin=CLEAN)[0][0] == whole
    assert [one for one, _ in digests("clean.onnx", "bad.onnx")] == [None, None]
    both = [sha256(data).hexdigest() for data in (CLEAN, BAD)]
    assert [one for one, _ in digests("clean.onnx", "bad.onnx", "--sha256")] == both
    assert [one for one, _ in digests("clean.onnx", "bad.onnx", "--sha256", "-j2")] == both


def test_a_large_model_has_one_if_it_is_asked_for() -> None:
    data = weighted(bytes((1 << 24) + 4))
    Path("large.onnx").write_bytes(data)
    [(whole, judged)] = digests("large.onnx")
    assert whole is None
    assert judged is not None
    assert digests("large.onnx", "--sha256") == [(sha256(data).hexdigest(), judged)]


def test_models_that_differ_in_weights_alone_share_what_was_judged() -> None:
    for name, value in (("a", b"\1"), ("b", b"\2")):
        Path(f"{name}.onnx").write_bytes(weighted(value * 4096))
    (a, judged_a), (b, judged_b) = digests("a.onnx", "b.onnx", "--sha256")
    assert a != b
    assert judged_a == judged_b is not None
    assert digests("clean.onnx")[0][1] != judged_a


def test_what_depends_on_other_files_has_no_digest_of_what_was_judged() -> None:
    held = tensor(1, [1], "w", data_location=1, external_data=pb.entry("location", "w.bin"))
    Path("w.bin").write_bytes(bytes(4))
    Path("m.onnx").write_bytes(pb.model(graph(node("Relu"), initializer=held)))
    assert digests("m.onnx")[0][1] is None


def test_what_a_resumed_scan_did_before_has_its_digests() -> None:
    first = digests("clean.onnx", "bad.onnx", "--results", "r.jsonl", "--sha256")
    again = digests("clean.onnx", "bad.onnx", "--results", "r.jsonl", "--sha256", "--resume")
    assert first == again
    assert all(whole and judged for whole, judged in first)
    code, _, err = run("scan", "clean.onnx", "bad.onnx", "--results", "r.jsonl", "--resume")
    assert (code, "other settings" in err) == (2, True)


def test_a_cached_check_keeps_what_was_judged_and_no_digest_of_another_file() -> None:
    Path("onnxguard.yaml").write_text(
        'schema: 1\nmodels:\n  - paths: ["*.onnx"]\n    allowlist: base\n'
    )
    fresh = json.loads(run("check", "--format", "json")[1])["models"]
    again = json.loads(run("check", "--format", "json")[1])["models"]
    assert [m["judged_sha256"] for m in again] == [m["judged_sha256"] for m in fresh]
    assert all("sha256" not in m for m in again)


def test_python_states_a_digest_if_it_is_asked_for() -> None:
    assert onnxguard.scan("clean.onnx").sha256 is None
    assert onnxguard.scan("clean.onnx", sha256_up_to=len(CLEAN) - 1).sha256 is None
    held = onnxguard.scan("clean.onnx", sha256_up_to=len(CLEAN)).sha256
    assert held == sha256(CLEAN).hexdigest()


# -- which list ------------------------------------------------------------------------------------

LIST = """
schema: 1
id: mine
operators: [{name: Relu}, {name: Gelu, reason: It is needed.}]
limits: {nodes: 10}
"""


def list_digest(text: str, name: str = "list.yaml") -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text)
    return list_sha256(load_allowlist(f"./{name}"))


def test_a_list_is_known_by_what_it_says() -> None:
    known = list_digest(LIST)
    assert len(known) == 64
    assert list_digest(f"# a comment\n{LIST}", "elsewhere/list.yaml") == known
    moved = "operators: [{name: Gelu, reason: It is needed.}, {name: Relu}]"
    assert list_digest(re.sub("operators: .*", moved, LIST)) == known
    for change in (
        LIST.replace("10", "11"),
        LIST.replace("Relu", "Selu"),
        LIST.replace("is needed", "was needed"),
        LIST.replace("mine", "yours"),
        f"{LIST}policy: {{functions: allow}}\n",
        f"{LIST}extends: base\n",
        LIST + "waivers: [{model: m.onnx, code: OG101, reason: It is old., expires: 2099-01-01}]\n",
    ):
        assert list_digest(change) != known
