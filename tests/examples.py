"""The examples in the project's pages, run as a reader would run them.

A page's blocks run from top to bottom in one folder that holds a copy of ``tests/models``:

- ``console``: commands after ``$``, each with all that it prints; ``...`` alone on a line stands for
  any lines.
- ``yaml`` and ``toml`` that open with a comment such as ``# lists/mine.yaml``: the file of that name.
- ``pycon``: a session of Python, run as a doctest.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from checkout import ENVIRONMENT, ROOT, run

from onnxguard import __version__

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
"""Every page of the project."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.(?:yaml|toml))\n")
_DAY = r"20\d\d-\d\d-\d\d"
_CHANGING = re.compile(
    rf'\d+ ms|\d+\.\d s\b|time="[\d.]+"|"seconds": [\d.e-]+|as of {_DAY}|^date: {_DAY}',
    re.MULTILINE,
)


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
        return named[1] if named and self.language in {"yaml", "toml"} else ""


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in _BLOCK.finditer(page)]


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def same(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed, but for times, the day and the version."""
    shown, printed = (
        _CHANGING.sub("CHANGING", text.replace(__version__, "VERSION")).rstrip("\n") + "\n"
        for text in (shown, printed)
    )
    parts = re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)
    return re.fullmatch(r"(?:.*\n)*?".join(map(re.escape, parts)), printed) is not None


class Folder:
    """Where a page's examples run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._exit_code = 0
        shutil.copytree(ROOT / "tests" / "models", path / "tests" / "models")

    def bash(self, command: str) -> str:
        """Run a command and return both its streams; ``$?`` is that of the one before."""
        done = run(
            "bash",
            "-c",
            f"(exit {self._exit_code})\n{command}",
            cwd=self.path,
            rc=None,
            PATH=f"{Path(sys.executable).parent}:{ENVIRONMENT['PATH']}",
            LC_ALL="C",
            COLUMNS="80",
        )
        self._exit_code = done.returncode
        return done.stdout

    def python(self, session: str) -> str:
        """Run a session; return what is wrong with it, or ""."""
        test = doctest.DocTestParser().get_doctest(session, {}, "session", None, 0)
        said = io.StringIO()
        with contextlib.chdir(self.path):
            doctest.DocTestRunner(verbose=False).run(test, out=said.write)
        return said.getvalue()

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
            text += folder.python(text)
        result += [page[at : block.start], text]
        at = block.end
    return "".join([*result, page[at:]])


def _replayed(command: str, shown: str, folder: Folder) -> str:
    printed = folder.bash(command)
    if not same(shown, printed):
        shown = printed
    return f"$ {command}\n{shown}"
