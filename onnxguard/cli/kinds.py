"""Kinds of values that a shell can complete: files, lists and codes of rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from onnxguard.base.errors import UsageError
from onnxguard.sources.discover import EMPTY

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class FilePath(click.Path):
    """A path, called ``metavar`` in the help; who reads it says that it cannot be read."""

    def __init__(self, metavar: str) -> None:
        super().__init__(readable=False)
        self.metavar = metavar

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """What the help says for it."""
        return self.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the path; refuse one without a character, which some commands take for a folder."""
        if value == "":
            option = f"{param.opts[0]}: " if isinstance(param, click.Option) else ""
            raise UsageError(f"{option}{EMPTY}")
        return super().convert(value, param, ctx)


class _List(FilePath):
    """An id of the registry, or a file."""

    def shell_complete(self, *given: Any) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from onnxguard.policy.registry import allowlist_ids

        return [*_begun(allowlist_ids(), given[-1]), CompletionItem(given[-1], type="file")]


class _Code(FilePath):
    """A rule's code, or the start of some."""

    convert = click.Path.convert

    def shell_complete(self, *given: Any) -> list[CompletionItem]:
        from onnxguard.catalogue import PARITY_RULES, RULES

        return _begun((*RULES, *PARITY_RULES), given[-1].upper())


class Target(NamedTuple):
    """A report that is asked for: its format, and its file or None for stdout."""

    form: str
    output: str | None = None


class Form(click.Choice):  # type: ignore[type-arg] # click 8.1 has none
    """``FORMAT`` or ``FORMAT:FILE``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give a ``Target``."""
        if isinstance(value, Target):
            return value
        form, colon, file = str(value).partition(":")
        if colon and not file:
            self.fail(f"{value!r} names no file after the colon", param, ctx)
        return Target(super().convert(form, param, ctx), file or None)


def _begun(names: Iterable[str], typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(typed)]


LIST = _List("ID|FILE")
CODE = _Code("CODE")
