"""Words that a report is made of: our own, and what is shown as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class Code(str):
    """Text as a model, a user or a program wrote it, safe to print."""

    __slots__ = ()


class Linked(Code):
    """``Code`` that leads somewhere on a page.

    Attributes:
        href: where to.
        anchor: what leads to it; may be empty.
        node: as of ``html_graph.Note``.
    """

    __slots__ = ("anchor", "href", "node")

    href: str
    anchor: str
    node: str

    def __new__(cls, text: str, href: str, anchor: str = "", node: str = "") -> Self:
        """Text with a link."""
        made = super().__new__(cls, text)
        made.href, made.anchor, made.node = href, anchor, node
        return made


class Marked(str):
    """Words of our own that stand out.

    Attributes:
        style: a style of ``Paint``: a verdict, a severity, ``bold`` or ``soft``.
        sign: what text shows instead, such as ``+`` for ``added``; empty where it shows the words.
    """

    __slots__ = ("sign", "style")

    style: str
    sign: str

    def __new__(cls, text: str, style: str, sign: str = "") -> Self:
        """Words in a style."""
        made = super().__new__(cls, text)
        made.style, made.sign = style, sign
        return made


Words = str | tuple[str, ...]
"""One text, or several that are joined without a space between them."""


def is_numeric(head: str) -> bool:
    """Whether a column is of numbers."""
    return head.endswith(">") and not isinstance(head, Code)


def head_name(head: str) -> str:
    """A head as it is shown."""
    return head[:-1] if is_numeric(head) else head


def flat(words: Words) -> tuple[str, ...]:
    """The texts that words are made of."""
    return (words,) if isinstance(words, str) else words


def plain(words: Words) -> str:
    """The words as one text."""
    return words if isinstance(words, str) else "".join(words)


def joined(items: Iterable[Words], shown: int | None = None, between: str = ", ") -> Words:
    """The items with commas between them, and how many more there are."""
    every = list(items)
    parts = [part for item in every[:shown] for part in (between, *flat(item))]
    hidden = len(every) - len(every[:shown])
    return (*parts[1:], *([f" and {hidden:,} more"] if hidden else []))


def listed(names: Iterable[str], shown: int) -> str:
    """The first names with commas between them, and how many more there are."""
    return plain(joined(names, shown))


def begun(said: Words) -> Words:
    """Words that went on after a name, where there is none before them."""
    first, *others = flat(said) or [""]
    return (first if isinstance(first, Code) else first.lstrip(",: "), *others)


def large(text: str) -> str:
    """The text, its first letter large where it is our own."""
    return text if isinstance(text, Code) else f"{text[:1].upper()}{text[1:]}"


def sentence(text: Words) -> Words:
    """The words, the first letter of our own large, with a full stop."""
    first, *rest = flat(text)
    return (large(first), *rest, ".")
