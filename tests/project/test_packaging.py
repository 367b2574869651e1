"""What is shipped, installed as a user would install it (installs from the package index)."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.checkout import ROOT, installed, make_venv, run, snapshot


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def tracked(repository: Path) -> set[str]:
    listed = run("git", "ls-tree", "-r", "-z", "--name-only", "HEAD", cwd=repository).stdout
    return set(filter(None, listed.split("\0")))


@pytest.fixture(scope="module")
def dist(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and from it the wheel, and put the source out of reach."""
    folder = tmp_path_factory.mktemp("build")
    run("git", "clone", "--quiet", repository, folder / "source", cwd=folder)
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", cwd=folder / "source")
    shutil.rmtree(folder / "source")
    return folder / "dist"


@pytest.fixture(scope="module")
def user(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone; return the folder of the environment's programs."""
    folder = tmp_path_factory.mktemp("user")
    programs = make_venv(folder / "venv")
    (wheel,) = dist.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", programs / "python")
    run(*pip, "install", "--no-compile", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return programs


def test_the_wheel_holds_the_modules_and_allowlists_alone(dist: Path, tracked: set[str]) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert "onnxguard/py.typed" in held
    assert "onnxguard/allowlists/adr-0258.yaml" in held
    shipped = {name for name in tracked if name.startswith("onnxguard/")}
    shipped |= {f"onnxguard/{n}" for n in tracked if n.startswith(("allowlists/", "students/"))}
    assert held == shipped


def test_the_sdist_can_test_itself(dist: Path, tracked: set[str]) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert ".pre-commit-hooks.yaml" in held
    assert {name for name in tracked if not name.startswith(".")} - held == set()


def test_the_base_install_is_click_and_pyyaml(user: Path) -> None:
    assert installed(user / "python") == {"onnxguard", "click", "pyyaml"}


def test_the_console_script_scans(user: Path, tmp_path: Path) -> None:
    for model in ("saliency_v1.onnx", "saliency_v2.onnx"):
        shutil.copy(ROOT / "tests/models" / model, tmp_path)
    scan = (user / "onnxguard", "scan", "--allowlist", "pre-adr-0258")
    assert "Resize" not in run(*scan, "saliency_v1.onnx", cwd=tmp_path).stdout
    assert "Resize" in run(*scan, "saliency_v2.onnx", cwd=tmp_path, rc=1).stdout


def test_the_registry_is_installed(user: Path, tmp_path: Path) -> None:
    listed = run(user / "onnxguard", "allowlist", "list", cwd=tmp_path).stdout
    for path in (ROOT / "allowlists").glob("*.yaml"):
        assert path.stem in listed


def test_the_module_runs_as_the_script_does(user: Path, dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    version = wheel.name.split("-")[1]
    for command in ((user / "onnxguard",), (user / "python", "-m", "onnxguard")):
        assert run(*command, "--version", cwd=tmp_path).stdout.split()[-1] == version


def test_source_tree_is_imported_as_it_lies_there(tmp_path: Path) -> None:
    """``allowlists/`` stands beside the package there, and inside it once installed."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for folder in ("onnxguard", "allowlists"):
        shutil.copytree(ROOT / folder, tree / folder)
    finder = "import sys; sys.meta_path = [f for f in sys.meta_path if 'ditable' not in repr(f)]; "
    code = finder + "import onnxguard; print(onnxguard.load_allowlist('base').id)"
    assert run(sys.executable, "-c", code, cwd=tree).stdout == "base\n"
