"""Every model between two revisions of a real repository."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import formats
from support import protobuf as pb
from support.checkout import ROOT
from support.command import run
from support.git import git
from support.protobuf import graph, node
from support.repositories import external, weighted

from onnxguard.differences import review as reviewing
from onnxguard.reporters.diff import review_markdown

RELU, TANH = pb.model(graph(node("Relu"))), pb.model(graph(node("Tanh")))
BAD = pb.model(graph(node("Einsum")))
WEIGHTS, OTHER = bytes(range(64)) * 4, bytes(range(255, 191, -1)) * 4


def commit(**files: bytes | None) -> None:
    """Write files, remove those that are None, and commit all there is."""
    for name, data in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if data is None else path.write_bytes(data)
    git("add", "--all", "--force")
    git("commit", "--quiet", "--allow-empty", "--message", "next")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "--quiet")
    return folder


def reviewed(span: str = "HEAD~1..HEAD", *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and each model by its path after, or before where it is gone."""
    code, out, err = run("diff", "--git", span, "--format", "json", *more)
    assert err == ""
    found = json.loads(out)
    schema = json.loads((ROOT / "docs/review.schema.json").read_text("utf-8"))
    jsonschema.validate(found, schema)
    assert found["exit_code"] == code
    return code, {model["path"]["new"] or model["path"]["old"]: model for model in found["models"]}


def kinds(span: str = "HEAD~1..HEAD", *more: str) -> dict[str, str]:
    return {path: model["what"] for path, model in reviewed(span, *more)[1].items()}


def test_added_removed_renamed_and_changed_models() -> None:
    before = {
        "a.onnx": RELU,
        "m/b.onnx": weighted(WEIGHTS),
        "m/c.onnx": weighted(OTHER, "Tanh"),
        "same.ONNX": RELU,
    }
    commit(**before, **{"notes.txt": b"1"})
    after: dict[str, bytes | None] = {"a.onnx": BAD, "m/b.onnx": None, "m/c.onnx": None}
    commit(**after, **{"n/moved.onnx": weighted(WEIGHTS), "new.onnx": RELU, "notes.txt": b"2"})
    code, found = reviewed()
    assert code == 1
    assert {path: (model["what"], model["verdict"]) for path, model in found.items()} == {
        "a.onnx": ("changed", "fail"),
        "m/c.onnx": ("removed", "pass"),
        "n/moved.onnx": ("renamed", "pass"),
        "new.onnx": ("added", "pass"),
    }
    assert found["n/moved.onnx"]["path"] == {"old": "m/b.onnx", "new": "n/moved.onnx"}
    assert found["a.onnx"]["difference"]["judged"][0]["added"][0]["code"] == "OG101"
    assert kinds("HEAD~1..HEAD", "m") == {"m/c.onnx": "removed", "n/moved.onnx": "renamed"}
    assert kinds("HEAD~1..HEAD", "new.onnx", "a.onnx") == {"new.onnx": "added", "a.onnx": "changed"}
    assert kinds("HEAD..HEAD~1")["new.onnx"] == "removed"
    assert kinds("HEAD..HEAD") == {}


def test_an_added_model_is_judged_by_every_list() -> None:
    commit()
    commit(**{"bad.onnx": BAD})
    code, found = reviewed("HEAD~1..HEAD", "--allowlist", "base", "--allowlist", "adr-0258")
    assert code == 1
    judged = found["bad.onnx"]["judged"]
    assert [(each["allowlist"], each["verdict"]) for each in judged] == [
        ("base", "fail"),
        ("adr-0258", "fail"),
    ]
    assert judged[0]["findings"][0]["name"] == "operator-not-allowed"


def test_what_is_no_model_is_not_verified() -> None:
    commit()
    commit(**{"odd.onnx": b"no model"})
    assert reviewed()[0] == 2


def test_a_change_of_the_data_alone_is_a_change_of_the_model() -> None:
    model = external("w.bin", 8)
    commit(**{"m/a.onnx": model, "m/w.bin": bytes(32), "m/other.onnx": RELU, "w.bin": b"x"})
    commit(**{"m/w.bin": bytes(31) + b"1", "w.bin": b"y"})
    code, found = reviewed("HEAD~1..HEAD", "--allowlist", str(_lenient()))
    assert (code, list(found)) == (0, ["m/a.onnx"])
    assert (found["m/a.onnx"]["what"], found["m/a.onnx"]["data"]) == ("changed", ["m/w.bin"])
    out = run("diff", "--git", "HEAD~1")[1]
    assert "m/w.bin holds other values" in " ".join(out.split())


def _lenient() -> Path:
    path = Path("../lenient.yaml").absolute()
    path.write_text(
        "schema: 1\nid: lenient\ntitle: t\nextends: adr-0258\n"
        "adr: ADR-0001\ndate: 2026-01-01\n"
        "policy: {external_data: allow}\n"
    )
    return path


def test_data_are_those_of_each_revision() -> None:
    commit(**{"a.onnx": external("w.bin", 8), "w.bin": bytes(32)})
    commit(**{"a.onnx": external("v.bin", 8), "w.bin": None, "v.bin": bytes(32)})
    _, found = reviewed("HEAD~1", "--allowlist", str(_lenient()))
    assert found["a.onnx"]["difference"]["judged"][0]["verdict"] == {"old": "pass", "new": "pass"}


def test_three_dots_begin_where_the_histories_parted() -> None:
    commit(**{"a.onnx": RELU})
    git("checkout", "--quiet", "-b", "side")
    commit(**{"side.onnx": weighted(WEIGHTS)})
    git("checkout", "--quiet", "main")
    commit(**{"main.onnx": weighted(OTHER, "Tanh")})
    assert kinds("side...main") == {"main.onnx": "added"}
    assert kinds("side..main") == {"main.onnx": "added", "side.onnx": "removed"}
    assert kinds("side") == {"main.onnx": "added", "side.onnx": "removed"}


def test_paths_are_of_the_working_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    commit(**{"m/a.onnx": RELU, "n/a.onnx": RELU})
    commit(**{"m/a.onnx": TANH, "n/a.onnx": TANH})
    monkeypatch.chdir("m")
    assert kinds("HEAD~1", ".") == {"m/a.onnx": "changed"}
    assert kinds("HEAD~1", "../n") == {"n/a.onnx": "changed"}
    assert kinds("HEAD~1") == {"m/a.onnx": "changed", "n/a.onnx": "changed"}
    assert "lies outside of the repository" in run("diff", "--git", "HEAD~1", "../..")[2]


def test_a_pointer_of_git_lfs_is_its_content_where_that_is_there() -> None:
    def pointer(data: bytes) -> bytes:
        oid = hashlib.sha256(data).hexdigest()
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"
        return text.encode()

    commit(**{"a.onnx": pointer(RELU)})
    commit(**{"a.onnx": pointer(TANH)})
    assert reviewed()[0] == 2
    for data in (RELU, TANH):
        oid = hashlib.sha256(data).hexdigest()
        kept = Path(".git/lfs/objects", oid[:2], oid[2:4], oid)
        kept.parent.mkdir(parents=True)
        kept.write_bytes(data)
    code, found = reviewed()
    assert (code, found["a.onnx"]["verdict"]) == (0, "pass")


def test_nothing_that_the_repository_configures_is_run(tmp_path: Path) -> None:
    commit(**{"a.onnx": RELU})
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    script.chmod(0o755)
    Path(".gitattributes").write_text("*.onnx filter=evil diff=evil\n")
    commit(**{"a.onnx": TANH})
    for key in (
        *("core.fsmonitor", "core.pager", "pager.cat-file", "diff.external", "diff.evil.textconv"),
        *("diff.evil.command", "filter.evil.smudge", "filter.evil.clean", "filter.evil.process"),
    ):
        git("config", key, str(script))
    assert kinds() == {"a.onnx": "changed"}
    assert not (tmp_path / "ran").exists()


def test_a_link_is_not_followed() -> None:
    commit()
    Path("b.onnx").symlink_to("/etc/passwd")
    commit()
    code, out, err = run("diff", "--git", "HEAD~1")
    assert (code, out) == (2, "")
    assert '"b.onnx" is a link or a submodule, which is not followed' in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--git nowhere", 'git: no commit "nowhere"'),
        ("--git --output=x..HEAD", 'git: no commit "--output=x"'),
        ("--git HEAD..--help", 'git: no commit "--help"'),
        ("--git ..HEAD", 'git: no BASE in "..HEAD": is a variable not set?'),
        ("--git ...", 'git: no BASE in "...": is a variable not set?'),
        ("--git HEAD m", '"m" is in neither revision'),
        ("--git HEAD a.onnx/b", '"a.onnx/b" is in neither revision'),
        ("--git HEAD:a.onnx", 'git: no commit "HEAD:a.onnx"'),
        (
            "a.onnx",
            "name two models, OLD and NEW, or two revisions, --git BASE..HEAD: 1 model given",
        ),
        ("a b c", "--git BASE..HEAD: 3 models given"),
    ],
)
def test_what_is_asked_for_wrongly(words: str, said: str) -> None:
    commit(**{"a.onnx": RELU})
    code, out, err = run("diff", *words.split())
    assert (code, out) == (2, "")
    assert said in err


def test_no_revision_at_all_is_no_comparison() -> None:
    commit(**{"a.onnx": RELU})
    code, out, err = run("diff", "--git", "")
    assert (code, out) == (2, "")
    assert err == 'onnxguard: error: git: no BASE in "": is a variable not set?\n'


@pytest.mark.parametrize("base", [{}, {"bad.onnx": RELU, "new/bad.onnx": RELU}])
def test_waivers_go_by_the_paths_in_the_repository(base: dict[str, bytes]) -> None:
    path = Path("../waiving.yaml").absolute()
    path.write_text(
        "schema: 1\nid: waiving\nextends: adr-0258\nwaivers:\n"
        "  - {model: new/bad.onnx, code: OG101, reason: known, expires: 2099-01-01}\n"
    )
    commit(**base)
    bad = pb.model(graph(node("Sin")))
    commit(**{"bad.onnx": bad, "new/bad.onnx": bad})
    code, found = reviewed("HEAD~1", "--allowlist", str(path))
    assert (code, found["bad.onnx"]["verdict"]) == (1, "fail")
    assert found["new/bad.onnx"]["verdict"] == "pass"


def test_a_model_that_is_renamed_to_something_else_is_removed() -> None:
    commit(**{"a.onnx": weighted(WEIGHTS)})
    commit(**{"a.onnx": None, "a.bin": weighted(WEIGHTS)})
    assert kinds() == {"a.onnx": "removed"}
    assert kinds("HEAD~1", "a.onnx") == {"a.onnx": "removed"}
    assert kinds("HEAD..HEAD~1") == {"a.onnx": "renamed"}


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code, _, err = run("diff", "--git", "HEAD~1")
    assert code == 2
    assert "git: fatal: not a git repository" in err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git cannot be run: No such file" in run("diff", "--git", "HEAD~1")[2]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_format_titles_by_revision_and_has_failing_models_first(form: str) -> None:
    commit(**{"a.onnx": RELU, "b.onnx": RELU})
    commit(**{"a.onnx": TANH, "b.onnx": BAD, "c d.onnx": RELU})
    code, out, err = run("diff", "--git", "HEAD~1..HEAD", "--format", form)
    assert (code, err) == (1, "")
    assert "HEAD~1" in out
    assert git("rev-parse", "HEAD")[:12] in out
    assert out.index("b.onnx") < out.index("a.onnx")
    assert "c d.onnx" in out


def test_a_comment_is_cut_to_what_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    commit(**{f"{at:02}.onnx": RELU for at in range(30)})
    commit(**{f"{at:02}.onnx": BAD if at == 29 else TANH for at in range(30)})

    def call(*more: str) -> str:
        said = run("diff", "--git", "HEAD~1", "--format", "markdown", *more)[1]
        return re.sub(r", [\d.,]+ m?s\.", ".", said)

    whole = call()
    monkeypatch.setattr(review_markdown, "MOST", len(whole) // 2)
    cut = call()
    assert len(cut) <= len(whole) // 2
    assert len(cut) > len(whole) // 3
    assert "of 30 models are without details here: a comment takes" in cut
    assert "Einsum is not on the allowlist" in cut  # what fails comes first
    assert all(f"{at:02}.onnx" in cut for at in range(30))
    assert len(call("-v")) >= len(whole)


def test_a_page_draws_graphs_that_differ_those_of_models_that_fail_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit(**{"a.onnx": RELU, "b.onnx": TANH, "c.onnx": RELU})
    commit(**{"a.onnx": TANH, "b.onnx": RELU, "c.onnx": BAD})

    def drawn() -> list[str]:
        code, out, err = run("diff", "--git", "HEAD~1..HEAD", "--format", "html")
        assert (code, err) == (1, "")
        formats.check_document("html", out)
        parts = re.findall(r"<article.*?</article>", out, re.DOTALL)
        names = [re.findall(r"<h2>.*?<code>(.*?)</code>", part)[0] for part in parts]
        return [name for name, part in zip(names, parts, strict=True) if "<svg xmlns" in part]

    assert drawn() == ["c.onnx", "a.onnx", "b.onnx"]
    monkeypatch.setattr(reviewing, "DRAWN_NODES", 4)  # two nodes a pair
    assert drawn() == ["c.onnx", "a.onnx"]
    monkeypatch.setattr(reviewing, "DRAWN_MODELS", 1)
    assert drawn() == ["c.onnx"]
