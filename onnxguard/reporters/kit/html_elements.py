"""Elements of an HTML page. What is no ``Markup`` yet is escaped as it goes in."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from onnxguard.reporters.kit.words import head_name, is_numeric, large

_HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
"""


def files(*names: str) -> str:
    """Styles or scripts of this folder, one after the other."""
    return "".join(Path(__file__).with_name(name).read_text(encoding="ascii") for name in names)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """An element; ``class_`` and ``aria_label`` are written as HTML has them."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
    )
    inside = "".join(c if isinstance(c, Markup) else escaped(c) for c in children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>")


def void(tag: str, **attributes: str) -> Markup:
    """An element that holds nothing and is not closed, such as ``meta``."""
    return Markup(element(tag, **attributes).removesuffix(f"</{tag}>"))


def escaped(text: str) -> Markup:
    """Escape HTML, and the ``##`` that some CI logs take for a command."""
    return Markup(html.escape(text).replace("##", "#&#35;"))


def policy(style: str, script: str) -> str:
    """Nothing may be loaded, and nothing runs or styles but these two, whatever a model says."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def page(title: str, allowed: str, style: str, *body: Markup) -> str:
    """The whole page; ``allowed`` is its Content-Security-Policy, ``style`` CSS."""
    head = element(
        "head",
        Markup('\n<meta charset="utf-8">\n'),
        void("meta", http_equiv="Content-Security-Policy", content=allowed),
        Markup(_HEAD),
        element("style", Markup(style)),
        Markup("\n"),
        element("title", title),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n{element("body", *body)}\n</html>\n'


def section(title: str, *children: str) -> Markup:
    """A card with a heading, on a line of its own."""
    return card(element("h3", title), *children)


def card(heading: Markup, *children: str) -> Markup:
    """A card with any heading."""
    return Markup(f"\n{element('section', heading, *children)}")


def code(text: str) -> Markup:
    """Text as the model, the user or a program wrote it."""
    return element("code", text)


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], label: str = ""
) -> Markup:
    """A table; a head that ends in > is of numbers, and a label tells what has no caption.

    It scrolls by itself where it is too wide; on a phone each row becomes a list of cells.
    """
    names = [head_name(head) for head in heads]
    kinds = ["number" if is_numeric(head) else "text" for head in heads]
    top = [
        element("th", name, scope="col", class_=kind)
        for name, kind in zip(names, kinds, strict=True)
    ]
    lines = []
    for first, *others in rows:
        first_kind = {"class_": "number"} if kinds[0] == "number" else {}
        row = [element("th", first, scope="row", **first_kind, **_label(names[0]))]
        for cell, kind, name in zip(others, kinds[1:], names[1:], strict=True):
            row.append(element("td", cell, class_=kind, **_label(name)))
        lines.append(element("tr", *row))
    whole = element(
        "table",
        *([element("caption", large(caption))] if caption else []),
        element("thead", element("tr", *top)),
        element("tbody", *lines),
        class_="stacked" if len(heads) > 3 else "plain",
    )
    # Who has no mouse scrolls what has the focus.
    aria_label = caption or label
    return element("div", whole, class_="wide", role="region", tabindex="0", aria_label=aria_label)


def _label(name: str) -> dict[str, str]:
    return {"data_label": name} if name else {}
