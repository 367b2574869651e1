"""Which files decided on a run: ``--digests``, which several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.scanning.report import DecidingFile, Run

F = TypeVar("F", bound=Callable[..., Any])


def basis_options(command: F) -> F:
    """Add the option to a command."""
    return click.option(
        "--digests", is_flag=True, help="Say on stderr which files decided, with their SHA-256."
    )(command)


def hashed(role: str, paths: Iterable[str | os.PathLike[str]]) -> list[DecidingFile]:
    """The files as they are now, each named relative to the working folder.

    Raises:
        UsageError: one cannot be read any more.
    """
    import hashlib

    found = []
    for path in dict.fromkeys(map(from_here, paths)):
        try:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(f'"{printable(path)}" cannot be read: {error.strerror}') from None
        found.append(DecidingFile(role, printable(path), digest))
    return found


def from_here(path: str | os.PathLike[str]) -> str:
    """The path relative to the working folder; as it is where there is no way from there."""
    try:
        return os.path.relpath(path)
    except (OSError, ValueError):  # the folder was removed; another drive
        return os.fspath(path)


def say_files(run: Run, options: dict[str, Any]) -> None:
    """Name the files on stderr where that is asked for, by ``--digests`` or ``-v``."""
    if run.basis is not None and (options["digests"] or options["verbose"]):
        for file in run.basis.files:
            click.echo(f"decided by {file.role} {file.path} sha256:{file.sha256}", err=True)
