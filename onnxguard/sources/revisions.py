"""Models of a Git repository as they were at a revision: named by Git, read as blobs.

No filter, hook, driver or file-system monitor that a repository configures is run, nothing is
fetched, and the working tree is not looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
_ALONE = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_ALONE |= {"GIT_ALLOW_PROTOCOL": "none"}  # an older Git knows the first not: nothing is fetched
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")
"""What a hook of one repository is told, and what would be wrong of another."""
_LFS = re.compile(
    rb"version https://git-lfs\S+\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize \d+\n"
)
_POINTER_BYTES = 1024
_REGULAR = ("100644", "100755")
_UNSAFE = {b"", b".", b"..", b".git"}
"""Parts of a path that Git itself would not check out."""


class Change(NamedTuple):
    """A file that differs between two revisions; None where there is none.

    Attributes:
        old: its path before, relative to the repository's root, parted by ``/``.
        new: its path after.
    """

    old: str | None
    new: str | None


def run_git(
    folder: str | os.PathLike[str],
    *words: str,
    stdout: int | IO[bytes] = subprocess.PIPE,
    alone: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run Git in a folder; where ``alone``, for the repository whose root that is and no other.

    Raises:
        UsageError: it cannot be run.
    """
    env = {**os.environ, **_ALONE}
    if alone:
        env = {name: value for name, value in env.items() if name not in _ELSEWHERE}
        env["GIT_CEILING_DIRECTORIES"] = os.path.dirname(os.path.realpath(folder))
    command = ["git", *_SAFE, "-C", os.fspath(folder), *words]
    try:
        return subprocess.run(  # noqa: S603 - git, by words of ours
            command, stdout=stdout, stderr=subprocess.PIPE, check=False, env=env
        )
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}") from None


class Repository:
    """A Git repository.

    Raises:
        UsageError: there is no Git, or the folder is in no repository.
    """

    def __init__(self, folder: str | os.PathLike[str] = ".") -> None:
        self._folder = os.fspath(folder)
        self._folder = os.fsdecode(self._git("rev-parse", "--show-toplevel").rstrip(b"\n"))

    def _git(self, *words: str, what: str = "") -> bytes:
        done = run_git(self._folder, *words)
        if done.returncode:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
            raise UsageError(f"git: {what or printable(lines[-1])}")
        return done.stdout

    def commit(self, name: str) -> str:
        """The id of a revision's commit, 40 hexadecimal digits or more.

        Raises:
            UsageError: there is no such commit.
        """
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return self._git(*words, what=f'no commit "{printable(name)}"').decode().strip()

    def base(self, one: str, other: str) -> str:
        """The commit at which the histories of two commits parted.

        Raises:
            UsageError: they have none in common.
        """
        return self._git("merge-base", one, other, what="no common history").decode().strip()

    def inside(self, path: str) -> str:
        """A path of the working folder as the repository's root has it.

        Raises:
            UsageError: it lies outside.
        """
        found = os.path.relpath(os.path.abspath(path), self._folder).replace(os.sep, "/")
        if found == ".." or found.startswith("../"):
            raise UsageError(f'"{printable(path)}" lies outside of the repository')
        return found

    def changes(self, base: str, head: str, paths: Sequence[str] = ()) -> list[Change]:
        """Every file that differs, by the new path; a renamed one once, with both paths."""
        words = ("diff-tree", "-r", "-z", "-M", "--name-status", "--no-ext-diff", base, head, "--")
        specs = [f":(top,literal){path}" for path in paths if path != "."]
        fields = iter(self._git(*words, *specs).split(b"\0"))
        found = []
        for status in fields:
            if not status:
                continue
            first = os.fsdecode(next(fields))
            if status[:1] == b"R":
                found.append(Change(first, os.fsdecode(next(fields))))
            else:
                old = None if status[:1] == b"A" else first
                found.append(Change(old, None if status[:1] == b"D" else first))
        return sorted(found, key=lambda change: change.new or change.old or "")

    def files(self, commit: str) -> dict[str, str]:
        """The blob of every regular file of a commit by its path."""
        listed: dict[str, str] = {}
        for line in self._git("ls-tree", "-r", "-z", commit).split(b"\0"):
            head, _, path = line.partition(b"\t")
            mode, _, rest = head.decode().partition(" ")
            if mode in _REGULAR and not _UNSAFE & {*path.lower().split(b"/")}:
                listed[os.fsdecode(path)] = rest.partition(" ")[2]
        return listed

    def write(self, blob: str, target: Path) -> None:
        """Write a blob to a new file; of a pointer of Git LFS the content, if it is there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            done = run_git(self._folder, "cat-file", "blob", blob, stdout=file)
        if done.returncode:
            raise UsageError(f"git: the object {blob} is not there: fetch it first")
        if target.stat().st_size <= _POINTER_BYTES:
            pointer = _LFS.fullmatch(target.read_bytes())
            kept = self._lfs(pointer[1].decode()) if pointer else None
            if kept is not None and kept.is_file():
                shutil.copyfile(kept, target)

    def _lfs(self, oid: str) -> Path:
        folder = os.fsdecode(self._git("rev-parse", "--git-path", "lfs/objects").rstrip(b"\n"))
        return Path(self._folder, folder, oid[:2], oid[2:4], oid)


def parted(text: str) -> Iterator[str]:
    """Base and head of ``BASE..HEAD`` or ``BASE...HEAD``; the latter is HEAD where left out.

    Raises:
        UsageError: the base is left out: HEAD alone never differs.
    """
    base, dots, head = text.partition("..")
    if not base:
        raise UsageError(f'git: no BASE in "{printable(text)}": is a variable not set?')
    yield base
    yield (head.removeprefix(".") if dots else "") or "HEAD"
