"""What a report says of its own making: the command, the date, the lists, what narrowed it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.cli.messages import note
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import list_sha256
from onnxguard.scanning.report import DecidingFile, Origin, Run, Setting
from onnxguard.sources.remote import is_remote, shown

CONFIGURED = "onnxguard.config"
"""Under this key of click's ``meta`` stands the file that gave defaults, if one did."""

F = TypeVar("F", bound=Callable[..., Any])

_SOURCES = {
    click.core.ParameterSource.COMMANDLINE: "the command line",
    click.core.ParameterSource.ENVIRONMENT: "the environment",
}


def origin_of(
    policies: Iterable[Allowlist], narrowing: Iterable[str], changing: Iterable[str] = ()
) -> Origin:
    """What the command that runs was asked for.

    Args:
        policies: the lists that judge.
        narrowing: parameters by which less is looked for, or less fails, than without them.
        changing: parameters of which only a value that a file gave is told.
    """
    context = click.get_current_context()
    given = [setting for name in narrowing if (setting := _setting(context, name, narrows=True))]
    given += [
        setting
        for name in changing
        if (setting := _setting(context, name, narrows=False))
        and setting.source not in _SOURCES.values()
    ]
    lists = {(policy.id, list_sha256(policy)): None for policy in policies}
    words = context.obj if isinstance(context.obj, list) else []
    return Origin(
        command=("onnxguard", *map(_word, words)),
        date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        allowlists=tuple(sorted(lists)),
        settings=tuple(given),
    )


def _setting(context: click.Context, name: str, narrows: bool) -> Setting | None:
    """An option that was set, and by whom; None where it has its own default."""
    value: Any = context.params.get(name)
    source = context.get_parameter_source(name)
    if not value or source is None or source is click.core.ParameterSource.DEFAULT:
        return None
    who = _SOURCES.get(source) or context.meta[CONFIGURED].path
    items = [str(item) for item in (value if isinstance(value, tuple) else (value,))]
    if source is click.core.ParameterSource.DEFAULT_MAP:  # a file's paths were made absolute
        items = [from_here(item) if os.path.isabs(item) else item for item in items]
    text = "" if value is True else ", ".join(map(_word, items))
    (option,) = [parameter for parameter in context.command.params if parameter.name == name]
    shown_name = option.opts[0] if isinstance(option, click.Option) else name.upper()
    return Setting(shown_name, text, printable(who), narrows)


def _word(text: str) -> str:
    """A word of a command as it may be shown: an address without its secrets."""
    head, mark, tail = text.partition("=") if text.startswith("-") else ("", "", text)
    return printable(head) + mark + (shown(tail) if is_remote(tail) else printable(tail))


def digests_option(command: F) -> F:
    """Add the option to a command."""
    return click.option(
        "--digests", is_flag=True, help="Say on stderr which files decided, with their SHA-256."
    )(command)


def hashed(role: str, paths: Iterable[str | os.PathLike[str]]) -> list[DecidingFile]:
    """The files as they are now, each named relative to the working folder.

    Raises:
        UsageError: one cannot be read any more.
    """
    found = []
    for path in dict.fromkeys(map(from_here, paths)):
        from hashlib import file_digest

        try:
            with open(path, "rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(f'"{printable(path)}" cannot be read: {error.strerror}') from None
        found.append(DecidingFile(role, printable(path), digest))
    return found


def configuration() -> tuple[DecidingFile, ...]:
    """The pyproject.toml whose table counts for the command that runs, if one does."""
    found = click.get_current_context().meta.get(CONFIGURED)
    return () if found is None else (found,)


def from_here(path: str | os.PathLike[str]) -> str:
    """The path relative to the working folder; as it is where there is no way from there."""
    try:
        return os.path.relpath(path)
    except (OSError, ValueError):  # the folder was removed; another drive
        return os.fspath(path)


def say_files(run: Run, asked: bool) -> None:
    """Name the files on stderr where that is asked for, by ``--digests`` or ``-v``."""
    if run.origin is not None and asked:
        for file in run.origin.files:
            note(f"decided by {file.role} {file.path} sha256:{file.sha256}")
