"""The command line. Exit 0 clean, 1 findings, 2 anything else."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from onnxguard.base.errors import OnnxguardError
from onnxguard.version import __version__

_COMMANDS = {
    "scan": "onnxguard.cli.scan:scan",
    "check": "onnxguard.cli.check:check",
    "init": "onnxguard.cli.init:init",
    "lock": "onnxguard.cli.lock:lock",
    "diff": "onnxguard.cli.diff:diff",
    "parity": "onnxguard.cli.parity:parity",
    "allowlist": "onnxguard.cli.allowlist:allowlist",
    "rules": "onnxguard.cli.rules:rules",
    "conform": "onnxguard.cli.conform:conform",
    "train-and-gate": "onnxguard.cli.train_and_gate:train_and_gate",
    "evaluate": "onnxguard.cli.evaluate:evaluate",
    "ablate": "onnxguard.cli.ablate:ablate",
}


class _Commands(click.Group):
    """Loads a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A hook or a shell's * hands over names of files, and one may be that of an option.
        for arg in args[: args.index("--")] if "--" in args else args:
            if arg.startswith("-") and arg != "-" and os.path.lexists(arg):
                from onnxguard.base.printable import printable

                ctx.fail(
                    f'"{printable(arg)}" is the name of a file and could be an option too: '
                    "put -- before the names of files, after all options"
                )
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from onnxguard.base.printable import printable
            from onnxguard.base.yaml_tree import near

            ctx.fail(f'no command "{printable(args[0])}"{near(args[0], _COMMANDS)}')
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="onnxguard")
def commands() -> None:
    """Verify exported ONNX graphs and keep the bad ones out."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, 2 also where no error can be told."""
    try:
        return _run(args)
    except OSError:
        _forget_stdout()
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - it stays open
        return 2


def _run(args: Sequence[str] | None) -> int:
    """Run the command line and return its exit code.

    click and Python themselves exit 1 on errors and on Ctrl-C; here 1 means findings, so every
    other end is mapped to 2.
    """
    # OpenMP's threads are to sleep while they wait. Those that spin wait for one another where the
    # machine has other work too, and PyTorch becomes fifty times slower. Read at its import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _write_wholly()
    _write_all_characters()
    # A shell asks for completions without arguments; with some, its variable would be a way to 0.
    asked = sys.argv[1:] if args is None else args
    completing = "" if asked else None  # no variable, or that of click
    try:
        result = commands.main(
            asked,
            prog_name="onnxguard",
            complete_var=completing,
            standalone_mode=False,
            obj=list(asked),
        )
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted: not everything was verified")
    except OnnxguardError as error:
        _say(str(error))
    except SystemExit as stop:  # click prints a completion, or meets a closed pipe
        return 2 if stop.code else 0
    except BrokenPipeError:
        _forget_stdout()  # the reader left
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NOT_WRITTEN and not error.filename:
            _forget_stdout()
            _say(f"cannot write the report: {error.strerror}: what was written is not all of it")
            return 2
        if os.environ.get("ONNXGUARD_TRACEBACK"):
            raise
        _say(
            f"internal error, nothing was verified: {type(error).__name__}: "
            f"{ascii(str(error))[:200]} (set ONNXGUARD_TRACEBACK=1 for the traceback)"
        )
    return 2


_NOT_WRITTEN = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def _write_wholly() -> None:
    """Put a buffer before a stream that has none, as with PYTHONUNBUFFERED.

    Without one, what the system does not take at once, as on a disk that is nearly full, is lost
    without an error.
    """
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        buffer = io.BufferedWriter(raw)
        sys.stdout = io.TextIOWrapper(buffer, sys.stdout.encoding, sys.stdout.errors)


def _write_all_characters() -> None:
    """Write files and pipes in UTF-8, as ``--output`` does, and no character ends a terminal's."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def _forget_stdout() -> None:
    """What is left in its buffer must not fail once more, at the end: Python would exit 120."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it stays open


def _say(message: str) -> None:
    click.echo(f"onnxguard: error: {message}", err=True)
