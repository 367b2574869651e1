"""What Git ignores is left out below a folder, and said; what is named or tracked never is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support import formats
from support.command import run
from support.git import git
from support.lists import write_list
from support.repositories import RELU, TANH, codes, refused, write_manifest

from onnxguard.reporters import REPORTERS
from onnxguard.sources import revisions

SAID = "left out because Git ignores them (--include-ignored): "


def write(*paths: str, data: bytes = RELU) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)


def ignore(*patterns: str) -> None:
    Path(".gitignore").write_text("".join(f"{pattern}\n" for pattern in patterns))


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ONNXGUARD_CACHE", str(tmp_path / "cache"))
    git("init", "--quiet")
    write_list(folder)
    write("a.onnx")
    write("build/b.onnx", "build/deep/c.onnx", "sub/scratch.onnx", data=TANH)
    ignore("build/", "scratch.onnx")
    return folder


def scanned(*arguments: str) -> tuple[set[str], set[str]]:
    """The models that were looked at, and those that were left out."""
    _, out, _ = run("scan", "--allowlist", "./mine.yaml", "--format", "json", *arguments)
    document = json.loads(out)
    models = {model["path"] for model in document["models"]}
    return models, set(document["origin"]["ignored"])


EVERY = {"./a.onnx", "./build/b.onnx", "./build/deep/c.onnx", "./sub/scratch.onnx"}


def test_a_folder_is_scanned_without_them_and_says_so() -> None:
    assert scanned(".") == ({"./a.onnx"}, EVERY - {"./a.onnx"})
    code, out, err = run("scan", ".", "--allowlist", "./mine.yaml")
    assert (code, err) == (0, "")
    assert f"{SAID}./build/b.onnx, ./build/deep/c.onnx, ./sub/scratch.onnx" in " ".join(out.split())
    assert run("scan", "-q", ".", "--allowlist", "./mine.yaml")[1:] == (
        "",
        f"{SAID}./build/b.onnx, ./build/deep/c.onnx, ./sub/scratch.onnx\n",
    )


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_every_format_says_what_was_left_out(output_format: str) -> None:
    _, out, _ = run("scan", ".", "--allowlist", "./mine.yaml", "--format", output_format)
    formats.check(output_format, out)
    assert "sub/scratch.onnx" in out


def test_they_can_be_asked_for() -> None:
    assert scanned(".", "--include-ignored") == (EVERY, set())
    Path("pyproject.toml").write_text("[tool.onnxguard]\ninclude-ignored = true\n")
    assert scanned(".") == (EVERY, set())


@pytest.mark.parametrize(
    ("named", "models"),
    [
        ("build/b.onnx", {"build/b.onnx"}),
        ("sub/*.onnx", {"sub/scratch.onnx"}),
        ("**/*.onnx", {path[2:] for path in EVERY}),
        ("build", {"build/b.onnx", "build/deep/c.onnx"}),
        ("build/deep/", {"build/deep/c.onnx"}),
        ("link", {"link/b.onnx", "link/deep/c.onnx"}),
        ("sub", {"sub/scratch.onnx"}),  # Git ignores all that lies there
    ],
)
def test_what_is_named_is_scanned(named: str, models: set[str]) -> None:
    Path("link").symlink_to("build")
    assert scanned(named) == (models, set())
    found, left_out = scanned(named, ".")
    assert models <= found
    assert not models & left_out


def test_a_folder_is_the_same_by_another_path(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("elsewhere").symlink_to("sub")
    write("sub/d.onnx")
    for named in ("elsewhere", "sub", "sub/../sub", os.path.abspath("sub")):
        assert scanned(named) == ({f"{named}/d.onnx"}, {f"{named}/scratch.onnx"}), named
    monkeypatch.chdir("sub")
    Path("mine.yaml").symlink_to("../mine.yaml")
    assert scanned(".") == ({"./d.onnx"}, {"./scratch.onnx"})


def test_what_git_tracks_is_never_left_out() -> None:
    git("add", "--force", "build/b.onnx", "sub/scratch.onnx")
    assert scanned(".") == (EVERY - {"./build/deep/c.onnx"}, {"./build/deep/c.onnx"})
    assert run("scan", ".", "--allowlist", "./mine.yaml")[0] == 1


def test_a_folder_without_any_other_model_is_not_passed() -> None:
    write("sub/README", data=b"")
    code, out, _ = run("scan", "sub", "--allowlist", "./mine.yaml")
    assert code == 2
    assert f"{SAID}sub/scratch.onnx" in out


@pytest.mark.parametrize("name", ["[b].onnx", "ü\n.onnx", "-.onnx", ":(top).onnx"])
def test_names_are_taken_as_they_are(name: str) -> None:
    write(f"odd/{name}", "odd/b.onnx")
    git("add", "odd/b.onnx")
    Path("odd/.gitignore").write_text("*")
    models, left_out = scanned("odd")
    assert models == {"odd/b.onnx"}
    assert len(left_out) == 1


def test_a_link_to_a_model_goes_by_its_own_name() -> None:
    Path("sub/link.onnx").symlink_to("scratch.onnx")
    Path("sub/tmp.onnx").symlink_to("../a.onnx")
    ignore("scratch.onnx", "tmp.onnx")
    assert scanned("sub") == ({"sub/link.onnx"}, {"sub/scratch.onnx", "sub/tmp.onnx"})


def test_without_git_or_a_repository_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        assert scanned(".") == (EVERY, set())
    os.rename(".git", "_git")
    assert scanned(".") == (EVERY, set())
    os.mkdir(".git")  # none that Git reads
    assert scanned(".") == (EVERY, set())


def test_a_hook_of_another_repository_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook is told where its own repository lies; here nothing is tracked in it."""
    git("init", "--quiet", "--bare", str(tmp_path / "other"))
    git("add", "--force", ".")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "none"))
    assert scanned(".") == (EVERY, set())


def test_git_is_asked_once_and_never_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    (tmp_path / "git").write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    scanned("a.onnx", "build/b.onnx", "sub/*.onnx")
    scanned(".", "--include-ignored")
    assert not log.exists()
    scanned("sub", "build", "a.onnx")
    [line] = log.read_text().splitlines()
    assert "core.fsmonitor=false" in line
    assert "core.hooksPath=/dev/null" in line


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index may name a .gitignore that lies with a remote, and a remote may be a program."""
    git("add", ".gitignore")
    blob = git("ls-files", "--stage", ".gitignore").split()[1]
    git("update-index", "--skip-worktree", ".gitignore")
    Path(".gitignore").unlink()
    Path(".git/objects", blob[:2], blob[2:]).unlink()
    for key, setting in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::touch {tmp_path}/ran"),
        ("protocol.ext.allow", "always"),
    ):
        git("config", key, setting)
    monkeypatch.delitem(revisions._ALONE, "GIT_NO_LAZY_FETCH")  # which an older Git knows not
    assert scanned(".")[0] == EVERY
    assert not (tmp_path / "ran").exists()


def test_nothing_that_the_repository_configures_is_run(tmp_path: Path) -> None:
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    git("config", "core.fsmonitor", str(script))
    scanned(".")
    assert not (tmp_path / "ran").exists()


# -- commands that report no verdicts ----------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["allowlist derive", "allowlist export adr-0258 --to ort-config", "targets"]
)
def test_what_writes_of_models_leaves_them_out_too(command: str) -> None:
    said = f"{SAID}./build/b.onnx, ./build/deep/c.onnx, ./sub/scratch.onnx\n"
    _, out, err = run(*command.split(), ".")
    assert "a.onnx" in out or "Relu" in out
    assert "scratch" not in out
    assert "Tanh" not in out
    assert err == said
    _, out, err = run(*command.split(), ".", "--include-ignored")
    assert "scratch" in out or "Tanh" in out
    assert err == ""
    _, out, err = run(*command.split(), "sub/scratch.onnx")
    assert "scratch" in out or "Tanh" in out
    assert err == ""


# -- a repository's manifest -----------------------------------------------------------------------


def test_check_lock_and_init_leave_them_out() -> None:
    code, out, err = run("init", "--allowlist", "./mine.yaml")
    said = f"{SAID}build/b.onnx, build/deep/c.onnx, sub/scratch.onnx"
    assert code == 0
    assert "1 model in 1 entry" in out
    assert err == f"{said}\n"
    code, out, err = run("lock")
    assert "1 file" in out
    assert err == f"{said}\n"
    code, out, err = run("check")
    assert code == 0
    assert said in " ".join(out.split())
    assert run("check", "-q")[1:] == ("", f"{said}\n")
    assert "nothing to add" in run("init", "--add", "--allowlist", "./mine.yaml")[1]


def test_an_entry_that_names_one_asks_for_it() -> None:
    write_manifest(
        "  - {paths: [sub/scratch.onnx, a.onnx], allowlist: ./mine.yaml}\n"
        "  - {paths: ['build/*.onnx'], allowlist: ./mine.yaml}\n"
    )
    assert codes() == {"sub/scratch.onnx": ["OG101"], "onnxguard.yaml": ["OG812"]}
    git("add", "--force", "build/b.onnx")
    assert codes() == {"sub/scratch.onnx": ["OG101"], "build/b.onnx": ["OG101"]}


def test_a_path_that_is_named_is_checked() -> None:
    write_manifest()
    assert codes("build/b.onnx") == {"build/b.onnx": ["OG101"]}
    assert codes("build") == {"build/b.onnx": ["OG101"], "build/deep/c.onnx": ["OG101"]}
    Path("sub/scratch2.onnx").symlink_to("scratch.onnx")
    ignore("build/", "scratch*.onnx")
    assert codes("sub/scratch2.onnx") == {"sub/scratch2.onnx": ["OG101"]}
    assert codes("sub/scratch.onnx", "a.onnx") == {"sub/scratch.onnx": ["OG101"]}
    write("sub/README", data=b"")
    assert '"sub" is not a model' in refused("check", "sub")


@pytest.mark.parametrize("how", ["--include-ignored", "manifest"])
def test_a_repository_can_ask_for_them(how: str) -> None:
    options = [how] if how.startswith("-") else []
    write_manifest(more="" if options else "include_ignored: true\n")
    assert "4 files" in run("lock", *options)[1]
    code, out, _ = run("check", *options)
    assert code == 1
    assert "3 failed" in out
    assert SAID not in out


def test_init_writes_that_a_repository_asks_for_them() -> None:
    assert "4 models" in run("init", "--include-ignored", "--allowlist", "./mine.yaml")[1]
    assert "\ninclude_ignored: true\n" in Path("onnxguard.yaml").read_text()
    assert run("lock")[1].startswith("wrote onnxguard.lock: 4 files")
    write_manifest("  - {paths: [a.onnx], allowlist: ./mine.yaml}\n")
    assert "write 'include_ignored: true' into onnxguard.yaml first" in refused(
        "init", "--add", "--include-ignored"
    )


@pytest.mark.parametrize("command", ["check", "lock", "init"])
def test_a_repository_without_any_other_model_says_so(command: str) -> None:
    os.unlink("a.onnx")
    if command != "init":
        write_manifest()
    assert "but 3 that Git ignores (--include-ignored)" in refused(command)


def test_a_repository_in_a_folder_that_git_ignores_is_whole() -> None:
    write_list(Path("build"))
    write_manifest(folder="build")
    os.chdir("build")
    assert codes() == {"b.onnx": ["OG101"], "deep/c.onnx": ["OG101"]}
