"""The hook, through the real pre-commit in a real repository (installs from the package index)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support.checkout import ROOT, installed, run, snapshot

LFS_POINTER = f"""\
version https://git-lfs.github.com/spec/v1
oid sha256:{"4d7a" * 16}
size 494913
"""


class Repository(NamedTuple):
    """A repository whose commits run the hook, and where pre-commit keeps its environments."""

    path: Path
    cache: Path

    def commit(self, name: str, rc: int) -> str:
        """Commit one file and nothing else; return what git and the hook print."""
        run("git", "reset", "--quiet", cwd=self.path)
        run("git", "add", name, cwd=self.path)
        commit = ("git", "commit", f"--message={name}")
        homes = {"PRE_COMMIT_HOME": str(self.cache), "ONNXGUARD_CACHE": str(self.cache / "models")}
        return run(*commit, cwd=self.path, rc=rc, **homes).stdout

    def committed(self) -> list[str]:
        """List the files of the last commit."""
        return run("git", "ls-tree", "--name-only", "HEAD", cwd=self.path).stdout.split()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("pre-commit")
    hooks = snapshot(folder)
    rev = run("git", "rev-parse", "HEAD", cwd=hooks).stdout.strip()
    made = Repository(folder / "repository", folder / "cache")
    run("git", "init", "--quiet", made.path, cwd=folder)
    (made.path / ".pre-commit-config.yaml").write_text(
        f"""\
repos:
  - repo: {hooks.as_uri()}
    rev: {rev}
    hooks:
      - id: onnxguard-scan
        args: [--allowlist, pre-adr-0258]
""",
        encoding="utf-8",
    )
    run(
        sys.executable,
        "-m",
        "pre_commit",
        "install",
        "--install-hooks",
        cwd=made.path,
        PRE_COMMIT_HOME=str(made.cache),
        PIP_COMPILE="0",  # what runs is compiled when it does
    )
    made.commit(".pre-commit-config.yaml", rc=0)
    return made


def test_a_model_on_the_list_goes_through(repository: Repository) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v1.onnx", repository.path)
    output = repository.commit("saliency_v1.onnx", rc=0)
    assert "onnxguard scan" in output
    assert "Passed" in output
    assert "saliency_v1.onnx" in repository.committed()


def test_a_model_off_the_list_is_blocked(repository: Repository) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", repository.path)
    output = repository.commit("saliency_v2.onnx", rc=1)
    assert "- exit code: 1" in output
    assert "Resize" in output
    assert "saliency_v2.onnx" not in repository.committed()


def test_a_git_lfs_pointer_is_blocked(repository: Repository) -> None:
    (repository.path / "x.onnx").write_text(LFS_POINTER, encoding="ascii")
    output = repository.commit("x.onnx", rc=1)
    assert "- exit code: 2" in output
    assert "LFS" in output
    assert "x.onnx" not in repository.committed()


@pytest.mark.parametrize("name", ["V2.ONNX", "v2.Onnx", "sub/v2.oNNX"])
def test_a_name_in_any_case_is_a_model(name: str, repository: Repository) -> None:
    (repository.path / name).parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", repository.path / name)
    assert "Resize" in repository.commit(name, rc=1)
    assert name not in repository.committed()


def test_a_link_is_scanned(repository: Repository) -> None:
    """What it leads to may have another name, or lie outside, and is no file of the commit."""
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", repository.path / "v2.bin")
    for name, target in {"link.onnx": "v2.bin", "LINK.ONNX": "v2.bin", "gone.onnx": "none"}.items():
        (repository.path / name).symlink_to(target)
    assert "Resize" in repository.commit("link.onnx", rc=1)
    assert "Resize" in repository.commit("LINK.ONNX", rc=1)
    assert "- exit code: 2" in repository.commit("gone.onnx", rc=1)
    assert not {"link.onnx", "LINK.ONNX", "gone.onnx"} & set(repository.committed())


def test_other_files_are_not_scanned(repository: Repository) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", repository.path / "v2.onnx.txt")
    assert "no files to check" in repository.commit("v2.onnx.txt", rc=0)
    (repository.path / "nonnx").symlink_to("saliency_v2.onnx")
    assert "no files to check" in repository.commit("nonnx", rc=0)


def test_the_hook_brings_click_and_pyyaml_alone(repository: Repository) -> None:
    program = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    (python,) = repository.cache.glob(f"repo*/py_env-*/{program}")
    assert installed(python) == {"onnxguard", "click", "pyyaml"}


LIST = """\
schema: 1
id: all
extends: adr-0258
operators: [{names: [DynamicQuantizeLinear, ConvInteger]}]
"""


def write_baseline(folder: Path, path: Path) -> None:
    options = ("--allowlist=pre-adr-0258", "--update-baseline", "--baseline=accepted")
    run(sys.executable, "-m", "onnxguard", "scan", "int8.onnx", *options, cwd=folder)
    (folder / "accepted").rename(path)


@pytest.mark.parametrize("own", ["[--allowlist, pre-adr-0258]", "[--allowlist, base, --]", ""])
@pytest.mark.parametrize("option", ["--allowlist=lists", "--baseline=b"])
def test_a_name_is_no_option(option: str, own: str, repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "named"
    run("git", "init", "--quiet", folder, cwd=tmp_path)
    config = (repository.path / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    line = "        args: [--allowlist, pre-adr-0258]\n"
    config = config.replace(line, f"        args: {own}\n" if own else "")
    (folder / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    shutil.copy(ROOT / "tests/models/int8.onnx", folder)
    value = folder / option.partition("=")[2] / "x.onnx"  # what the option would name
    for path in (folder / option / "x.onnx", value):
        path.parent.mkdir()
        path.write_text(LIST, encoding="utf-8")
    if option == "--baseline=b":
        write_baseline(folder, value)
    (folder / ".git/info/exclude").write_text(f"/{value.parent.name}/\n", encoding="utf-8")

    def hook(rc: int) -> str:
        run("git", "add", "--all", cwd=folder)
        command = (sys.executable, "-m", "pre_commit", "run")
        return run(*command, cwd=folder, rc=rc, PRE_COMMIT_HOME=str(repository.cache)).stdout

    output = hook(rc=1)
    behind = own == "" or own.endswith("--]")
    assert "- exit code: 2" in output
    assert ("ConvInteger is not on the allowlist" in output) is behind
    assert ("put -- before the names of files" in output) is not behind
    shutil.rmtree(folder / option)
    shutil.move(folder / "int8.onnx", tmp_path)
    shutil.copy(ROOT / "tests/models/saliency_v1.onnx", folder / "-v.onnx")
    assert ("Passed" in hook(rc=0)) if behind else ("exit code: 2" in hook(rc=1))


def test_the_other_hook_checks_the_whole_repository(repository: Repository) -> None:
    folder = repository.path
    model, manifest = folder / "saliency_v1.onnx", folder / "onnxguard.yaml"
    for other in set(folder.glob("**/*.[oO][nN][nN][xX]")) - {model}:
        other.unlink()
    config = folder / ".pre-commit-config.yaml"
    given = config.read_text(encoding="utf-8")
    hook = given[given.index("      - id: onnxguard-scan") :]
    config.write_text(given.replace(hook, "      - id: onnxguard-check\n"), encoding="utf-8")
    manifest.write_text("schema: 1\nmodels: [{paths: ['*v1.onnx']}]\n", encoding="utf-8")
    output = repository.commit(config.name, rc=0)
    assert "onnxguard check" in output
    assert "Passed" in output
    run(sys.executable, "-m", "onnxguard", "lock", cwd=folder)
    repository.commit("onnxguard.lock", rc=0)
    flip_a_weight(model)
    assert "OG821" in repository.commit(model.name, rc=1)
    manifest.write_text(
        "schema: 1\nmodels: [{paths: ['*v1.onnx'], contract: {opset: 16}}]\n", encoding="utf-8"
    )
    # Of what is committed the model is as it was, and the manifest is no longer.
    output = repository.commit(manifest.name, rc=1)
    assert "OG813" in output
    assert "decided by manifest onnxguard.yaml sha256:" in output
    assert "OG821" not in output


def flip_a_weight(model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[9000] ^= 1
    model.write_bytes(data)
