"""No option that takes a number takes one that is none."""

from __future__ import annotations

import click
import pytest
from support.command import run

from onnxguard.cli.commands import commands

REQUIRED = {"parity": ("m.onnx", "--torch", "m:f"), "scan": ("m.onnx",), "diff": ("a", "b")}


def ranges() -> list[tuple[str, str]]:
    """Every option of every command that is a number in a range, or any float."""
    found = []
    context = click.Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        # A recipe looks at its own fields: see test_cli_training.
        numbers = (option for option in command.params if isinstance(option.type, click.FloatRange))
        found += [(name, option.opts[0]) for option in numbers]
    return found


@pytest.mark.parametrize(("command", "option"), ranges())
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "NaN"])
def test_what_is_no_number_is_a_wrong_call(command: str, option: str, value: str) -> None:
    code, out, err = run(command, *REQUIRED.get(command, ()), f"{option}={value}")
    assert (code, out) == (2, "")
    assert f"'{option}'" in err


def test_there_are_such_options() -> None:
    found = ranges()
    for expected in (
        ("train-and-gate", "--min-iou"),
        ("train-and-gate", "--kill-rate"),
        ("parity", "--kill-rate"),
        ("parity", "--run-seconds"),
    ):
        assert expected in found
