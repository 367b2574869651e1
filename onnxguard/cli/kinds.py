"""Kinds of values that a shell can complete: files, lists and codes of rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class FilePath(click.Path):
    """A path, called ``metavar`` in the help."""

    def __init__(self, metavar: str) -> None:
        super().__init__()
        self.metavar = metavar

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """What the help says for it."""
        return self.metavar


class _List(FilePath):
    """An id of the registry, or a file."""

    def shell_complete(self, *given: Any) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from onnxguard.policy.registry import allowlist_ids

        return [*_begun(allowlist_ids(), given[-1]), CompletionItem(given[-1], type="file")]


class _Code(FilePath):
    """A rule's code, or the start of some."""

    def shell_complete(self, *given: Any) -> list[CompletionItem]:
        from onnxguard.catalogue import PARITY_RULES, RULES

        return _begun((*RULES, *PARITY_RULES), given[-1].upper())


def _begun(names: Iterable[str], typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(typed)]


LIST = _List("ID|FILE")
CODE = _Code("CODE")
