"""``[tool.onnxguard]`` of a pyproject.toml: defaults for options of the commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from onnxguard.base.errors import ConfigError
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular
from onnxguard.base.searched_folders import searched_folders
from onnxguard.base.yaml_tree import near
from onnxguard.cli.messages import note
from onnxguard.cli.origin import CONFIGURED, from_here
from onnxguard.policy.registry import is_path
from onnxguard.scanning.report import DecidingFile

KEYS = {
    "scan": "allowlist baseline format full-check ignore include-ignored jobs rules-url select "
    "strict",
    "check": "baseline format full-check jobs manifest rules-url strict",
    "lock": "jobs manifest",
    "init": "allowlist",
    "diff": "allowlist format",
    "parity": "atol format ignore kill-rate mutants opset optimization-level profile provider "
    "prove rtol run-seconds seed tolerance trials values",
    "conform": "case-seconds format min-cases opset require-proven seed",
}
"""Options that a table may set, by command; the scan's stand in [tool.onnxguard] itself. None that
runs code, writes, asks another machine or takes back the exit code."""

MAX_BYTES = 1 << 24

_KINDS = {
    str: "text",
    list: "a list of texts",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_PATHS = ("allowlist", "baseline", "manifest")


F = TypeVar("F", bound=Callable[..., Any])


class Config(NamedTuple):
    """What pyproject.toml says.

    Attributes:
        values: by key (``full-check``); empty where there is no table.
        path: the file with the table, None where there is none.
        sha256: of that file, hexadecimal.
    """

    values: dict[str, Any]
    path: Path | None = None
    sha256: str = ""


def config_option(command: F) -> F:
    """``--config``: what a pyproject.toml says of the command is the default of its options."""
    return click.option(
        "--config",
        type=click.Choice(["auto", "none"]),
        default="auto",
        is_eager=True,
        expose_value=False,
        callback=_configure,
        help="Read [tool.onnxguard] of the repository's pyproject.toml (auto), or not.",
    )(command)


def _configure(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Feed the table to click's default_map before the options are read."""
    if value != "none":
        try:
            folder = Path.cwd()
        except OSError:  # it was removed
            return value
        name = ctx.command.name or ""
        all_options = {option.opts[0].removeprefix("--"): option for option in ctx.command.params}
        options = {key: all_options[key] for key in KEYS[name].split() if key in all_options}
        config = read_config(folder, name, {key: _kind(option) for key, option in options.items()})
        ctx.default_map = {
            str(options[key].name): (given,) if key in ("format", "atol", "rtol") else given
            for key, given in config.values.items()
        }
        if config.path is not None:
            path = printable(from_here(config.path))
            ctx.meta[CONFIGURED] = DecidingFile("configuration", path, config.sha256)
            if config.values and name not in ("scan", "check"):  # whose reports say it
                note(f"defaults from {path}: {', '.join(config.values)}")
    return value


def _kind(option: click.Parameter) -> type:
    name = option.type.name.split()[0]
    if option.multiple and option.name != "formats" and name != "float":
        return list
    return {"integer": int, "float": float, "boolean": bool}.get(name, str)


def read_config(start: Path, command: str, kinds: Mapping[str, type]) -> Config:
    """Read the table of the nearest pyproject.toml that has one, of the folders that are searched.

    Args:
        start: where the search begins.
        command: whose options are wanted.
        kinds: what each key of that command is to be.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or a file that is not TOML.
    """
    for folder in searched_folders(start):
        path = folder / "pyproject.toml"
        if not os.path.isfile(path):  # False, too, in a folder that may not be searched
            continue
        try:
            content = read_regular(path, MAX_BYTES + 1)
        except OSError as error:
            raise _wrong(path, f"cannot be read: {error.strerror}") from None
        if len(content) > MAX_BYTES:
            raise _wrong(path, f"longer than {MAX_BYTES:,} bytes: is this a configuration?")
        table = _table(path, content) if b"onnxguard" in content else None
        if table is not None:
            import hashlib

            values = _values(path, _own(path, table, command), command, kinds)
            return Config(values, path, hashlib.sha256(content).hexdigest())
    return Config({})


def _wrong(path: Path, message: str) -> ConfigError:
    return ConfigError(f"{printable(os.fspath(path))}: {message}")


def _table(path: Path, content: bytes) -> dict[str, Any] | None:
    import tomllib

    try:
        table = tomllib.loads(content.decode()).get("tool", {}).get("onnxguard")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, f"not TOML: {error}") from None
    except AttributeError:
        table = ()
    if table is None or isinstance(table, dict):
        return table
    raise _wrong(path, "[tool.onnxguard] is a table")


def _own(path: Path, table: dict[str, Any], command: str) -> dict[str, Any]:
    """What the table says of one command: those of the others are tables in it."""
    others = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key in others.keys() - (KEYS.keys() - {"scan"}):
        raise _wrong(
            path,
            f'unknown table "{printable(key)}" in [tool.onnxguard]'
            f"{near(key, KEYS.keys() - {'scan'})}",
        )
    if command != "scan":
        return others.get(command, {})
    return {key: value for key, value in table.items() if key not in others}


def _values(
    path: Path, table: dict[str, Any], command: str, kinds: Mapping[str, type]
) -> dict[str, Any]:
    name = "[tool.onnxguard]" if command == "scan" else f"[tool.onnxguard.{command}]"
    values: dict[str, Any] = {}
    for key, value in table.items():
        wanted = kinds.get(key)
        if wanted is None:
            raise _wrong(path, f'unknown key "{printable(key)}" in {name}{near(key, kinds)}')
        texts = all(isinstance(item, str) for item in value) if isinstance(value, list) else True
        number = wanted is float and type(value) is int
        if not texts or (type(value) is not wanted and not number):
            raise _wrong(path, f"{key} in {name} is {_KINDS[wanted]}")
        if key == "format" and ":" in value:
            raise _wrong(
                path, f"format in {name} is a format alone: only a command line names a file"
            )
        relative = key in _PATHS and (key != "allowlist" or is_path(value))
        values[key] = str(path.parent / value) if relative else value
    return values
