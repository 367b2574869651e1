"""The command line. Exit 0 clean, 1 findings, 2 anything else."""

from __future__ import annotations

import errno
import gc
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, 2 also where no error can be told."""
    gc.disable()  # until the command is there: what is imported stays, and is much of a short run
    try:
        return _run(args)
    except OSError:
        _forget_stdout()
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - it stays open
        return 2
    finally:
        gc.enable()


def _run(args: Sequence[str] | None) -> int:
    """Run the command line and return its exit code.

    click and Python themselves exit 1 on errors and on Ctrl-C; here 1 means findings, so every
    other end is mapped to 2.
    """
    import click

    from onnxguard.base.errors import OnnxguardError
    from onnxguard.cli.commands import commands

    # OpenMP's threads are to sleep while they wait. Those that spin wait for one another where the
    # machine has other work too, and PyTorch becomes fifty times slower. Read at its import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Workers are to import nothing of the folder that is judged, as ``python -c`` would.
    os.environ["PYTHONSAFEPATH"] = "1"
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
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
    except click.ClickException as error:
        _say(_usage(error))
        if context := getattr(error, "ctx", None):
            _say(f"see {context.command_path} --help", begin="")
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted: not everything was verified")
    except OnnxguardError as error:
        from onnxguard.cli.flags import as_flags

        _say(as_flags(str(error)))
    except SystemExit as stop:  # click prints a completion, or meets a closed pipe
        return 2 if stop.code else 0
    except BrokenPipeError:
        _forget_stdout()  # the reader left
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NOT_WRITTEN and not error.filename:
            _forget_stdout()
            _say(f"cannot write the report: {error.strerror}: what was written is not all of it")
            return 2
        if isinstance(error, FileNotFoundError) and not _is_somewhere():
            _say("the working folder was removed: change to one that is there")
            return 2
        if os.environ.get("ONNXGUARD_TRACEBACK"):
            raise
        _say(
            f"internal error, nothing was verified: {type(error).__name__}: "
            f"{ascii(str(error))[:200]} (set ONNXGUARD_TRACEBACK=1 for the traceback)"
        )
    return 2


def _is_somewhere() -> bool:
    """Whether the working folder is there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


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


def _usage(error: click.ClickException) -> str:
    """What click says, as everything else here is said."""
    import click

    from onnxguard.base.yaml_tree import near

    text = " ".join(error.format_message().split()).rstrip(".")
    text = text[:1].lower() + text[1:]
    text = text.replace("a valid integer range", "a whole number")
    text = text.replace("a valid float range", "a number")
    if getattr(error, "option_name", None) == "--color":
        text += ": it stands before the command"
    choices = getattr(getattr(error, "param", None), "type", None)
    if isinstance(choices, click.Choice) and (word := re.search("'([^']*)' is not one of", text)):
        text += near(word[1], map(str, choices.choices), few=0)
    return _whence(error) + text


def _whence(error: click.ClickException) -> str:
    """The file that gave an option its value, and a colon; nothing where no file did."""
    from click.core import ParameterSource

    from onnxguard.cli.origin import CONFIGURED

    context, option = getattr(error, "ctx", None), getattr(error, "param", None)
    if context is None or option is None:
        return ""
    source = context.get_parameter_source(option.name)
    return f"{context.meta[CONFIGURED].path}: " if source is ParameterSource.DEFAULT_MAP else ""


def _say(message: str, begin: str = "onnxguard: error: ") -> None:
    from onnxguard.cli.messages import note

    for line in f"{begin}{message}".split("\n"):
        note(line)
