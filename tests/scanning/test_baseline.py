"""``--baseline``: the findings of today are accepted, and new ones fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hostile.injection import PAYLOADS, poisoned
from support import formats
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import graph, node
from support.repositories import (
    POINTER,
    RELU,
    TANH,
    codes,
    enter,
    refused,
    reports,
    rewrite,
    status,
    told,
    weighted,
    write_manifest,
    write_models,
)

from onnxguard.reporters import REPORTERS
from onnxguard.rules.collector import KINDS_KEPT

FILE = "baseline.json"
WITH = ("--baseline", FILE)
UPDATE = (*WITH, "--update-baseline")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = enter(tmp_path, monkeypatch)
    write_manifest()
    return root


def accepted() -> dict[str, list[dict[str, Any]]]:
    document = json.loads(Path(FILE).read_text())
    assert list(document) == ["schema", "models"]
    assert document["schema"] == "onnxguard/baseline/1"
    models: dict[str, list[dict[str, Any]]] = document["models"]
    return models


def test_todays_findings_are_accepted() -> None:
    write_models(a=TANH, b=RELU, c=pb.model(graph(node("Tanh"), node("Tanh"), node("Einsum"))))
    code, out, err = run("check", *UPDATE)
    assert (code, err) == (0, f"wrote {FILE}: 3 findings accepted\n")
    assert "PASS: 3 of 3 models passed; 3 waived" in out
    assert f"accepted in {FILE}" in run("check", *WITH, "-v")[1]
    message = "Tanh is not on the allowlist mine"
    assert accepted()["a.onnx"] == [
        {"code": "OG101", "operator": "Tanh", "message": message, "count": 1}
    ]
    assert [(f["operator"], f["count"]) for f in accepted()["c.onnx"]] == [
        ("Einsum", 1),
        ("Tanh", 2),
    ]
    before = Path(FILE).read_bytes()
    assert status(*WITH) == 0
    assert status(*WITH, "--strict") == 0
    assert codes(*WITH) == {}
    assert status() == 1
    assert status(*UPDATE) == 0
    assert Path(FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("model", "standing"),
    [
        (pb.model(graph(node("Tanh"), node("Einsum"))), ["OG101"]),
        (pb.model(graph(node("Tanh"), node("Tanh"))), ["OG101"]),
        (pb.model(graph(node("Tanh"), node("Relu"))), []),
        (pb.model(graph(node("Tanh")), opset=23), ["OG502"]),
        (POINTER, ["OG002"]),
    ],
    ids=["another", "more places", "elsewhere", "another rule", "unverified"],
)
def test_new_finding_fails(model: bytes, standing: list[str]) -> None:
    write_models(a=TANH, ok=RELU)
    run("check", *UPDATE)
    write_models(a=model)
    found = codes(*WITH)
    assert found.get("a.onnx", []) == standing
    assert status(*WITH) == (2 if "OG002" in standing else 1 if standing else 0)


def test_the_same_finding_in_another_model_fails() -> None:
    write_models(a=TANH, ok=RELU)
    run("check", *UPDATE)
    write_models(b=TANH)
    assert codes(*WITH) == {"b.onnx": ["OG101"]}
    assert status(*WITH) == 1


def test_a_finding_in_a_model_with_a_long_path_is_accepted_there_alone() -> None:
    deep = f"{'d' * 120}/{'e' * 120}"
    Path(deep).mkdir(parents=True)
    write_models(**{f"{deep}/a": TANH})
    for command in (("check",), ("scan", ".", "--allowlist", "./mine.yaml")):
        assert run(*command, *UPDATE)[0] == 0
        assert list(accepted()) == [f"{deep}/a.onnx"]
        write_models(**{f"{deep}/b": TANH})
        code, out, _ = run(*command, *WITH, "-q")
        assert code == 1
        assert [line.partition(":")[0].removeprefix("./") for line in out.splitlines()[:-1]] == [
            f"{deep}/b.onnx"
        ]
        Path(f"{deep}/b.onnx").unlink()


def test_what_is_never_accepted() -> None:
    write_models(m=weighted(bytes(8)), gone=RELU, ok=RELU)
    expired = "{model: m.onnx, code: OG101, reason: known, expires: 2001-01-01}"
    write_manifest(
        f"  - {{paths: ['[!l]*.onnx'], allowlist: ./mine.yaml, waivers: [{expired}]}}\n"
        "  - {paths: [lfs.onnx], allowlist: ./mine.yaml}\n"
    )
    run("check", *UPDATE)
    run("lock")
    rewrite("m.onnx", weighted(b"\1" + bytes(7)))
    Path("gone.onnx").unlink()
    write_models(lfs=POINTER)
    Path("U.ONNX").write_bytes(TANH)
    before = codes()
    assert before == {
        "U.ONNX": ["OG811", "OG822"],
        "lfs.onnx": ["OG002", "OG822"],
        "m.onnx": ["OG801", "OG821"],
        "onnxguard.lock": ["OG823"],
    }
    code, _, err = run("check", *UPDATE)
    assert (code, err) == (2, f"wrote {FILE}: 0 findings accepted\n")
    assert accepted() == {}
    assert codes(*WITH) == before


def test_stale_baseline() -> None:
    write_models(a=TANH, b=TANH, c=RELU)
    run("check", *UPDATE)
    write_models(a=RELU)
    Path("b.onnx").unlink()
    assert codes(*WITH) == {FILE: ["OG831"]}
    message = "a.onnx: OG101 Tanh is not on the allowlist mine"
    assert told("OG831", *WITH) == [f"accepts what is gone: {message} and 1 more"]
    assert status(*WITH) == 0
    assert status(*WITH, "--strict") == 1
    assert codes(*WITH, "c.onnx") == {}
    assert status(*UPDATE) == 0
    assert accepted() == {}
    assert codes(*WITH, "--strict") == {}


def test_waived_finding_is_not_accepted_twice() -> None:
    write_models(a=TANH)
    run("check", *UPDATE)
    waiver = "{model: a.onnx, code: OG101, reason: known, expires: 2999-01-01}"
    write_manifest(f"  - {{paths: [a.onnx], allowlist: ./mine.yaml, waivers: [{waiver}]}}\n")
    assert codes(*WITH) == {FILE: ["OG831"]}
    assert [f["waiver"] for f in reports(*WITH)[0]["findings"]] == ["known"]


def test_findings_that_were_left_out_are_not_accepted() -> None:
    """Others could take their place, and the count would be the same."""

    def odd(*names: int) -> bytes:
        return pb.model(graph(*[node(f"Op{n}") for n in names]))

    write_models(a=odd(*range(KINDS_KEPT + 2)))
    assert status(*UPDATE) == 1
    assert len(accepted()["a.onnx"]) == KINDS_KEPT
    assert codes(*WITH) == {"a.onnx": ["OG101"]}
    assert "2 more findings of this rule are left out" in told("OG101", *WITH)


def test_hostile_findings_are_accepted() -> None:
    write_models(**{str(at): poisoned(text) for at, text in enumerate(PAYLOADS.values())})
    run("check", *UPDATE)
    assert Path(FILE).read_text().isascii()
    assert codes(*WITH) == {}


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
@pytest.mark.parametrize(
    "text", ["##[error]", "::error::x", "\x1b[2J", "\u202e|`<b>](x)", "##vso[a]"]
)
def test_hostile_baseline_is_shown_harmless(text: str, output_format: str) -> None:
    write_models(a=RELU, b=RELU)
    held = {"code": text, "operator": text, "message": text, "count": 1}
    document = {"schema": "onnxguard/baseline/1", "models": {text: [held]}}
    Path(FILE).write_text(json.dumps(document))
    code, out, _ = run("check", *WITH, "--format", output_format)
    assert code == 0
    assert "OG831" in out
    formats.check(output_format, out)


# -- the file --------------------------------------------------------------------------------------

FINDING = '{"code": "OG101", "operator": "Tanh", "message": "m", "count": 1}'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON, and so no baseline: remove it, or name another file"),
        ("\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("<<<<<<< ours", "not JSON"),
        ("{}", "not a baseline (onnxguard/baseline/1)"),
        ("[]", "not a baseline"),
        ("null", "not a baseline"),
        ("1", "not a baseline"),
        ('{"schema": "onnxguard/baseline/2", "models": {}}', "not a baseline"),
        ('{"schema": "onnxguard/baseline/1"}', "not a baseline"),
        ('{"schema": "onnxguard/baseline/1", "models": []}', "not a baseline"),
        ('{"schema": "onnxguard/baseline/1", "models": {"a": "b"}}', "not a baseline"),
        ('{"schema": "onnxguard/baseline/1", "models": {"a": [{}]}}', "not a baseline"),
        (
            f'{{"schema": "onnxguard/baseline/1", "models": {{"a": [{FINDING}]}}}}'.replace(
                "1}", "1e999}"
            ),
            "not a baseline",
        ),
        (
            f'{{"schema": "onnxguard/baseline/1", "models": {{"a": [{FINDING}]}}}}'.replace(
                "1}", '"many"}'
            ),
            "not a baseline",
        ),
    ],
)
def test_what_is_no_baseline(content: str, said: str) -> None:
    write_models(a=TANH)
    Path(FILE).write_text(content)
    assert refused("check", *WITH).startswith(f"{FILE}: {said}")
    assert refused("check", *UPDATE).startswith(f"{FILE}: {said}")
    assert Path(FILE).read_text() == content


def test_baseline_that_is_no_file() -> None:
    write_models(a=TANH)
    assert refused("check", *WITH) == f"{FILE}: no such baseline: --update-baseline writes it"
    Path("folder").mkdir()
    os.mkfifo("fifo")
    for name, said in {"folder": "Is a directory", "fifo": "not a regular file"}.items():
        assert refused("check", "--baseline", name) == f"{name}: cannot be read: {said}"
        assert "not a file in a folder that exists" in refused(
            "check", "--baseline", name, "--update-baseline"
        )
    assert "not a file in a folder" in refused(
        "check", "--baseline", "nowhere/b.json", "--update-baseline"
    )


def test_options_that_do_not_go_together() -> None:
    write_models(a=TANH)
    assert refused("check", "--update-baseline") == (
        "--update-baseline: name the file with --baseline FILE"
    )
    assert refused("check", "a.onnx", *UPDATE) == (
        "--update-baseline looks at all models: leave the paths out"
    )
    assert not Path(FILE).exists()


def test_a_model_is_never_written_to() -> None:
    write_models(a=TANH)
    assert "is a model, which is never written to" in refused(
        "check", "--baseline", "a.onnx", "--update-baseline"
    )
    assert Path("a.onnx").read_bytes() == TANH


def test_baseline_of_a_scan() -> None:
    write_models(a=TANH, b=RELU)
    scan = ("scan", "--config", "none", "--allowlist", "mine.yaml", "a.onnx", "b.onnx")
    assert run(*scan)[0] == 1
    assert run(*scan, *UPDATE)[0] == 0
    assert run(*scan, *WITH)[0] == 0
    write_list(Path(), "dtypes: {in: [int8]}\n")
    code, out, _ = run(*scan, *WITH)
    assert (code, "OG303" in out or "OG306" in out) == (1, True)


@pytest.mark.parametrize(
    "typed", ["m", "./m", "m//", "m/../m", "{root}/m", "m/a.onnx", "./m/a.onnx", "link", "../r/m"]
)
def test_a_path_may_be_typed_in_any_way(typed: str, root: Path) -> None:
    (root.parent / "r").symlink_to(root)
    Path("m").mkdir()
    Path("link").symlink_to("m")
    write_models(**{"m/a": TANH})
    with_list = ("--allowlist", "./mine.yaml")
    assert run("scan", "m", *with_list, *UPDATE)[0] == 0
    assert list(accepted()) == ["m/a.onnx"]
    code, out, err = run("scan", typed.format(root=root), *with_list, *WITH, "--strict")
    assert (code, err) == (0, ""), out


def test_a_baseline_is_relative_to_its_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("m", "deep/lists"):
        Path(folder).mkdir(parents=True)
    write_models(**{"m/a": TANH})
    write_manifest(
        "  - {paths: ['m/*.onnx'], allowlist: ./mine.yaml}\n"
        "  - {paths: [no.onnx], allowlist: ./mine.yaml}\n"
    )
    file = "deep/lists/b.json"
    assert run("check", "--baseline", file, "--update-baseline")[0] == 0
    held = json.loads(Path(file).read_text())["models"]
    assert list(held) == ["../../m/a.onnx", "../../onnxguard.yaml"]
    assert status("--baseline", file, "--strict") == 0
    monkeypatch.chdir("m")
    assert status("--baseline", f"../{file}", "--strict") == 0
    options = ("--allowlist", "../mine.yaml", "--baseline", f"../{file}")
    assert run("scan", "a.onnx", "./a.onnx", *options)[0] == 0


def test_results_hold_what_was_found_and_not_what_was_accepted() -> None:
    write_models(a=TANH, b=RELU)
    run("check", *UPDATE)
    assert status(*WITH, "--results", "../r.jsonl") == 0
    assert status(*WITH, "--results", "../r.jsonl", "--resume") == 0
    said = "holds results of other settings"
    assert said in refused("check", "--results", "../r.jsonl", "--resume")
