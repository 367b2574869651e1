"""Messages name parameters to Python, and flags on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from support import protobuf as pb
from support.command import run

from onnxguard.base.errors import UsageError
from onnxguard.cli.commands import commands
from onnxguard.cli.flags import FLAGS, as_flags
from onnxguard.parity.check import check_parity

COMMANDS = "parity", "conform", "scan", "evaluate", "train-and-gate"
PACKAGE = Path(__file__).resolve().parent.parent.parent / "onnxguard"
BELOW = sorted({path.parent.name for path in PACKAGE.glob("*/*.py")} - {"cli"})


def test_every_parameter_that_a_message_names_is_a_flag_of_a_command() -> None:
    found = [commands.get_command(click.Context(commands), name) for name in COMMANDS]
    sync = commands.get_command(click.Context(commands), "allowlist").commands["sync"]
    flags = {option for command in (*found, sync) for p in command.params for option in p.opts}
    assert set(FLAGS.values()) <= flags
    named = {
        name
        for folder in BELOW
        if folder not in ("catalogue", "reporters")  # whose texts name keys of files, too
        for path in (PACKAGE / folder).rglob("*.py")
        for literal in re.findall(r'f?"([^"\n]*)"\n?', path.read_text(encoding="utf-8"))
        for name in re.findall("(?<!`)`([a-z_]+)`(?!`)", literal)
    }
    assert named <= set(FLAGS)


@pytest.mark.parametrize("folder", BELOW)
def test_no_error_below_names_a_flag(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("*.py"):
        source = re.sub(r'"""(.|\n)*?"""', "", path.read_text(encoding="utf-8"))
        errors = re.findall(r"raise \w+\((?:[^()]|\([^()]*\))*\)", source)
        assert not [error for error in errors if re.search(r"(?<![\w-])--[a-z]", error)], path


def test_what_is_quoted_otherwise_stays() -> None:
    assert as_flags("`shapes` and `nothing`: ``x``") == "--shape and `nothing`: ``x``"


def test_the_same_mistake_in_python_and_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(pb.model(pb.graph(pb.node("Relu"))))
    given = str(path)
    with pytest.raises(UsageError, match=r"^`weights` are of a PyTorch module"):
        check_parity(given, reference=given, weights="w.safetensors")
    code, out, err = run("parity", given, "--reference", given, "--weights", "w.safetensors")
    assert (code, out) == (2, "")
    assert err == "onnxguard: error: --weights are of a PyTorch module; a graph has its own\n"
