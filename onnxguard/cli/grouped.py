"""Options that several commands share, and that reach each command as one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

Command = TypeVar("Command", bound=Callable[..., Any])


def grouped(
    name: str, fields: Iterable[str], kind: Callable[..., Any], *options: Callable[[Any], Any]
) -> Callable[[Command], Command]:
    """Give a command options.

    Args:
        name: the parameter of the command that takes them.
        fields: the options' own parameters.
        kind: makes the value, given each field by its name.
        options: as ``click.option`` makes them, in the order of the help.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_value(*args: Any, **given: Any) -> Any:
            own = {field: given.pop(field) for field in fields}
            return command(*args, **given, **{name: kind(**own)})

        decorated: Any = with_value
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate
