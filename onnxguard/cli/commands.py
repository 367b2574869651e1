"""The commands by what people come for, and how the words on a command line find theirs."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any, NoReturn

import click

from onnxguard.cli.examples import examples
from onnxguard.version import __version__

GROUPS = {
    "Judge models": {
        "scan": "onnxguard.cli.scan:scan",
        "diff": "onnxguard.cli.diff:diff",
        "targets": "onnxguard.cli.targets:targets",
    },
    "Keep a repository": {
        "check": "onnxguard.cli.check:check",
        "init": "onnxguard.cli.init:init",
        "lock": "onnxguard.cli.lock:lock",
    },
    "Run graphs": {
        "parity": "onnxguard.cli.parity:parity",
        "conform": "onnxguard.cli.conform:conform",
    },
    "Look things up": {
        "allowlist": "onnxguard.cli.allowlist:allowlist",
        "rules": "onnxguard.cli.rules:rules",
        "cache": "onnxguard.cli.cache:cache",
        "help": "onnxguard.cli.commands:help_",
    },
    "Train students": {
        "train-and-gate": "onnxguard.cli.train_and_gate:train_and_gate",
        "evaluate": "onnxguard.cli.evaluate:evaluate",
        "ablate": "onnxguard.cli.ablate:ablate",
    },
}
"""Where each command lies, by the heading under which the help lists it."""

_PLACES = {name: place for group in GROUPS.values() for name, place in group.items()}


_OF_COMMANDS = frozenset({"-q", "--quiet", "-v", "--verbose"})
"""Options of most commands, which may stand before the command's name too."""


class _Commands(click.Group):
    """Loads a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PLACES:
            return None
        module, name = _PLACES[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        gc.freeze()
        gc.enable()  # ``main`` turned it off
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _PLACES))
        for heading, names in GROUPS.items():
            rows = [(name.ljust(width), _sentence(self.get_command(ctx, name))) for name in names]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A hook or a shell's * hands over names of files, and one may be that of an option.
        for arg in args[: args.index("--")] if "--" in args else args:
            if arg.startswith("-") and arg != "-" and os.path.lexists(arg):
                from onnxguard.base.printable import printable

                ctx.fail(
                    f'"{printable(arg)}" is the name of a file and could be an option too: '
                    "put -- before the names of files, after all options"
                )
        before = 0
        while before < len(args) and args[before] in _OF_COMMANDS:
            before += 1
        if 0 < before < len(args):
            args = [args[before], *args[:before], *args[before + 1 :]]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _PLACES:
            _no_command(ctx, args[0], _PLACES)
        return super().resolve_command(ctx, args)


def _sentence(command: click.Command | None) -> str:
    """The first paragraph of its help, whole."""
    return " ".join(((command and command.help) or "").split("\n\n")[0].split())


def _no_command(ctx: click.Context, word: str, known: Any) -> NoReturn:
    from onnxguard.base.printable import printable
    from onnxguard.base.yaml_tree import near

    ctx.fail(f'no command "{printable(word)}"{near(word, known)}')


def _color(ctx: click.Context, _: click.Parameter, value: str) -> None:
    ctx.color = {"always": True, "never": False}.get(value)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="-q and -v of a command may stand before its name too.\n\n"
    + examples("scan model.onnx --allowlist adr-0258", "help scan"),
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    expose_value=False,
    callback=_color,
    help="Colours in text reports; auto: on a terminal, unless NO_COLOR is set.",
)
@click.version_option(__version__, "-V", "--version", prog_name="onnxguard")
def commands() -> None:
    """Verify exported ONNX graphs and keep the bad ones out.

    Exit code: 0 no findings, 1 findings, 2 anything else.
    """


@click.command("help")
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command, as its --help does."""
    assert ctx.parent is not None  # noqa: S101 - it is a command of the group
    at, command = ctx.parent, ctx.parent.command
    for name in names:
        known = command.list_commands(at) if isinstance(command, click.Group) else []
        if not isinstance(command, click.Group) or name not in known:
            _no_command(at, name, known)
        command = command.get_command(at, name) or command
        at = click.Context(command, parent=at, info_name=name)
    click.echo(command.get_help(at))
