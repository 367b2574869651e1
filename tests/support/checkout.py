"""A clean checkout of the working tree, uncommitted work included, for tests that install it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Git sets variables of its own where tests run from one of its hooks; they name another repository.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("GIT_", "PYTHON", "PRE_COMMIT", "VIRTUAL_ENV", "ONNXGUARD", "NO_COLOR"))
} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@localhost",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@localhost",
}


def run(
    *command: str | Path, cwd: Path, rc: int | None = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command, its two streams as one text; ``rc`` is what it must exit with."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=ENVIRONMENT | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert rc is None or done.returncode == rc, f"{command}: {done.returncode}\n{done.stdout}"
    return done


def snapshot(folder: Path) -> Path:
    """Commit what ``git add`` would take of the working tree to a new bare repository."""
    repository = folder / "onnxguard.git"
    run("git", "init", "--quiet", "--bare", repository, cwd=folder)
    git = ("git", f"--git-dir={repository}", f"--work-tree={ROOT}")
    run(*git, "add", "--all", cwd=ROOT)
    run(*git, "commit", "--quiet", "--no-verify", "--message=snapshot", cwd=ROOT)
    return repository


def make_venv(folder: Path) -> Path:
    """Make a virtual environment that holds nothing; return the folder of its programs.

    pip installs into it from outside, with ``--python``: to give it one of its own takes seconds.
    """
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def installed(python: Path) -> set[str]:
    """Name what an interpreter's environment holds, without the installers themselves."""
    code = "import importlib.metadata as m; print(*(d.name for d in m.distributions()), sep='\\n')"
    names = run(python, "-I", "-c", code, cwd=python.parent).stdout.lower().split()
    return set(names) - {"pip", "setuptools", "wheel"}
