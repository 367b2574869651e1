"""docs/read-a-report.md shows what the commands in it print."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest
from command import run

from onnxguard import __version__

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "read-a-report.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```console\n\$ onnxguard (.*)\n((?:.*\n)*?)^```$", TEXT, re.MULTILINE)
TIMES = re.compile(r'\d+ ms|time="[\d.]+"|"seconds": [\d.e-]+')


def timeless(text: str) -> str:
    return TIMES.sub("TIME", text.replace(__version__, "VERSION"))


def test_every_format_is_shown() -> None:
    commands = " ".join(command for command, _ in EXAMPLES)
    shown = set(re.findall(r"--format (\w+)", commands))
    assert shown == {"json", "sarif", "junit", "github", "markdown"}


@pytest.mark.parametrize(("command", "expected"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_example(command: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, out, err = run(*shlex.split(command))
    assert code in {0, 1}
    assert err == ""
    want, got = timeless(expected), timeless(out)
    checker = doctest.OutputChecker()
    assert checker.check_output(want, got, doctest.ELLIPSIS), got
