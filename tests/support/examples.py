"""The examples in the project's pages, run as a reader would run them.

A page's blocks run from top to bottom in one folder that holds a copy of ``tests/models``:

- ``console``: commands after ``$``, each with all that it prints; ``...`` alone on a line stands
  for any lines. Those of onnxguard that import PyTorch run in this process, by the same ``main``.
- ``yaml``, ``toml`` and ``python`` that open with a comment such as ``# lists/mine.yaml``: a file
  of that name.
- ``pycon``: a session of Python, run as a doctest.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import shlex
import shutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from onnxguard import __version__
from support.checkout import ENVIRONMENT, ROOT, run
from support.command import run_merged

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
"""Every page of the project."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.(?:yaml|toml|py))\n")
_SLOW_TO_START = re.compile(r"onnxguard (?:parity|train-and-gate|evaluate)\b[\w ./:=-]*")
"""Commands without any of a shell's signs that import PyTorch, which takes seconds."""
_DAY = r"20\d\d-\d\d-\d\d(?:T[\d:]+Z)?"
_CHANGING = re.compile(
    rf'\d(?:\.\d+)?e-\d\d|\d+ ms|\d+\.\d s\b|time="[\d.]+"|"seconds": [\d.e-]+|'
    rf'as of {_DAY}|^(?:date:|  date +) ?{_DAY}|date" value="{_DAY}"',
    re.MULTILINE,
)
_ROUNDED = re.compile(
    r"Largest at .*?\)\.|largest difference (?:[\d.]+|CHANGING)|\(\w+ inputs, [^;)]+|"
    r"(?:largest error|mean|cosine|PSNR) [\d.]+%?|(?<= at )(?:\w+ )?\[[\d, ]+\]|\d+\.\d{5,}"
)
"""What the sums of one processor round otherwise than those of another, in a report of parity."""


class Block(NamedTuple):
    """A fenced block: its language, its text, and where the text lies in the page."""

    language: str
    text: str
    start: int
    end: int

    @property
    def file(self) -> str:
        """The file that the block shows, or ""."""
        named = _FILE.match(self.text)
        return named[1] if named and self.language in {"yaml", "toml", "python"} else ""


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in _BLOCK.finditer(page)]


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def same(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed, but for times, the day, the version and rounding."""
    shown, printed = (
        text.replace(__version__, "VERSION").rstrip("\n") for text in (shown, printed)
    )
    parts = re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)
    rounded = "largest difference" in " ".join(shown.split())
    expected = (re.escape(_fixed(part, rounded)) for part in parts)
    return re.fullmatch(".*?".join(expected), _fixed(printed, rounded), re.DOTALL) is not None


def _fixed(text: str, rounded: bool) -> str:
    """The text without what may change; where figures are ``rounded``, lines break anywhere."""
    text = _CHANGING.sub("CHANGING", text)
    return _ROUNDED.sub("ROUNDED", " ".join(text.split())) if rounded else text


class _Session(doctest.DocTestRunner):
    """Keeps what each example gave that shows something else."""

    def __init__(self, verbose: bool) -> None:
        super().__init__(verbose=verbose)
        self.differing: list[tuple[doctest.Example, str]] = []

    def report_failure(
        self,
        out: Any,  # noqa: ARG002 - doctest's signature
        test: doctest.DocTest,  # noqa: ARG002 - doctest's signature
        example: doctest.Example,
        got: str,
    ) -> None:
        self.differing.append((example, re.sub(r"\A(Traceback.*\n)(?: .*\n)+", r"\1", got)))

    def report_unexpected_exception(
        self,
        out: Any,  # noqa: ARG002 - doctest's signature
        test: doctest.DocTest,  # noqa: ARG002 - doctest's signature
        example: doctest.Example,
        exc_info: Any,
    ) -> None:
        said = "".join(traceback.format_exception_only(exc_info[1]))
        self.differing.append((example, f"Traceback (most recent call last):\n{said}"))


class Folder:
    """Where a page's examples run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._exit_code = 0
        self._names: dict[str, Any] = {}
        shutil.copytree(ROOT / "tests" / "models", path / "tests" / "models")

    def bash(self, command: str) -> str:
        """Run a command and return both its streams; ``$?`` is that of the one before."""
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{ENVIRONMENT['PATH']}",
            "LC_ALL": "C",
            "COLUMNS": "80",
            "ONNXGUARD_CACHE": str(self.path / ".cache"),
        }
        if _SLOW_TO_START.fullmatch(command):
            return self._here(shlex.split(command)[1:], ENVIRONMENT | environment)
        script = f"(exit {self._exit_code})\n{command}"
        done = run("bash", "-c", script, cwd=self.path, rc=None, **environment)
        self._exit_code = done.returncode
        return done.stdout

    def _here(self, arguments: list[str], environment: dict[str, str]) -> str:
        """Run onnxguard in this process, which keeps nothing of it."""
        before = set(sys.modules)
        with contextlib.chdir(self.path), mock.patch.dict(os.environ, environment, clear=True):
            self._exit_code, printed = run_merged(*arguments)
        for name in sys.modules.keys() - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(self.path)):
                del sys.modules[name]
        return printed

    def python(self, session: str) -> str:
        """Run a session, which knows the names of those before; return it as it goes now."""
        test = doctest.DocTestParser().get_doctest(session, {}, "session", None, 0)
        test.globs = self._names
        lines = session.splitlines(keepends=True)
        runner = _Session(verbose=False)
        with contextlib.chdir(self.path):
            runner.run(test, clear_globs=False)
        for example, got in reversed(runner.differing):
            start = example.lineno + example.source.count("\n")
            lines[start : start + example.want.count("\n")] = [got]
        return "".join(lines)

    def write(self, name: str, text: str) -> None:
        """Write a file that a page shows."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def replay(page: str, folder: Folder) -> str:
    """The page with what its commands print now, where that differs from what it shows."""
    result: list[str] = []
    at = 0
    for block in blocks(page):
        text = block.text
        if block.file:
            folder.write(block.file, text)
        elif block.language == "console":
            text = "".join(_replayed(*each, folder) for each in commands(text))
        elif block.language == "pycon":
            text = folder.python(text)
        result += [page[at : block.start], text]
        at = block.end
    return "".join([*result, page[at:]])


def _replayed(command: str, shown: str, folder: Folder) -> str:
    printed = folder.bash(command)
    if not same(shown, printed):
        shown = printed
    return f"$ {command}\n{shown}"
