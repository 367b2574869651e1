"""Texts, numbers, dates and ranges of a YAML tree, each read as what it must be."""

from __future__ import annotations

import re
from datetime import date
from math import isinf

from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import Mapping, Mark, Scalar, Sequence, Tree, retyped
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Range

NUMBERS = ("a whole number", "a number")
"""What YAML may take the text of a number for."""


_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_WHOLE = r"0|[1-9][0-9]{0,18}"
_DOMAIN = re.compile(r"[!-~]+")

LARGEST = (1 << 63) - 1
"""The largest whole number that a model can hold, and so that a list can name."""


def text(tree: Tree, what: str, takes: tuple[str, ...] = ()) -> str:
    """The text of a scalar, one line, not empty.

    A plain word that YAML 1.1 takes for a boolean, a number or a date would mean something else to
    the next reader: it must be quoted, unless ``takes`` names its kind. So would 010, 0x10 or 1:30.
    """
    if not isinstance(tree, Scalar):
        kind = "a list" if isinstance(tree, Sequence) else "a mapping"
        tree.mark.fail(f"{what} is text, not {kind}")
    kind = retyped(tree)
    if kind and kind not in takes:
        tree.mark.fail(f"{what} is text, and YAML reads {printable(tree.text)} as {kind}: quote it")
    if kind in NUMBERS and not _DECIMAL.fullmatch(tree.text):
        tree.mark.fail(
            f"{what} is {printable(tree.text)}: write a number in decimal digits, without zeros "
            "before it, and text in quotes"
        )
    folded = " ".join(tree.text.split())
    if not folded:
        tree.mark.fail(f"{what} is empty")
    return printable(folded, 2000)


def _is_plain(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.plain


def optional_text(item: Mapping, key: str) -> str:
    """The text of a key, empty where it is absent."""
    return text(item.items[key], key) if key in item.items else ""


def mapping(tree: Tree, what: str) -> Mapping:
    """What must be a mapping."""
    if not isinstance(tree, Mapping):
        kind = "a list" if isinstance(tree, Sequence) else "text"
        tree.mark.fail(f"{what} is a mapping, not {kind}")
    return tree


def list_items(top: Mapping, key: str) -> list[Tree]:
    """The items of a key that holds a list, none where it is absent."""
    tree = top.items.get(key)
    if tree is None:
        return []
    if not isinstance(tree, Sequence):
        kind = "a mapping" if isinstance(tree, Mapping) else "text"
        tree.mark.fail(f"{key} is a list, not {kind}")
    return tree.items


def words(item: Mapping, key: str) -> list[Scalar]:
    """The texts of a key that holds a list of them."""
    found = []
    takes = NUMBERS if key in ("in", "not_in", "constant_inputs") else ()
    for tree in list_items(item, key):
        text(tree, f"an item of {key}", takes)
        if isinstance(tree, Scalar):
            found.append(tree)
    return found


def integer(tree: Tree, what: str) -> int:
    """A whole number, not negative; underscores may part its digits."""
    value = text(tree, what, NUMBERS).replace("_", "")
    if not re.fullmatch(_WHOLE, value) or int(value) > LARGEST or not _is_plain(tree):
        tree.mark.fail(f'{what} is a whole number, not "{value}"')
    return int(value)


def number(item: Mapping, key: str) -> float | None:
    """The number of a key, None where it is absent."""
    tree = item.items.get(key)
    if tree is None:
        return None
    value = text(tree, key, NUMBERS)
    form = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
    if not re.fullmatch(form, value) or isinf(float(value)):
        tree.mark.fail(f'{key} is a number, not "{value}"')
    return float(value)


def boolean(tree: Tree) -> bool:
    """``true`` or ``false``."""
    return choice(tree, ("true", "false")) == "true"


def choice(tree: Tree, choices: tuple[str, ...] | list[str]) -> str:
    """One of several words."""
    value = text(tree, "this", ("a boolean",))
    if value not in choices:
        tree.mark.fail(f'"{value}" is not one of {", ".join(choices)}')
    return value


def version_range(tree: Tree, what: str) -> Range:
    """``17``, ``11..18`` or ``7..``."""
    value = text(tree, what, NUMBERS)
    match = re.fullmatch(rf"({_WHOLE})(\.\.)?({_WHOLE})?", value)
    if match is None or (match[3] and not match[2]):
        tree.mark.fail(f'{what} is a version or a range such as 11..18 or 7.., not "{value}"')
    low = int(match[1])
    high = (int(match[3]) if match[3] else None) if match[2] else low
    if high is not None and high < low:
        tree.mark.fail(f"{what} {value} is empty: the first number is the smaller")
    return Range(low, high)


def domain_name(name: str, mark: Mark) -> str:
    """A domain as it is written; the default one may be written as ``""``."""
    if name and not _DOMAIN.fullmatch(name):
        mark.fail(f'"{printable(name)}" is not the name of a domain')
    return name or DEFAULT_DOMAIN


def opset_ranges(tree: Tree | None) -> dict[str, Range]:
    """Versions by domain; the default domain may be written as ``""``."""
    if tree is None:
        return {}
    item = mapping(tree, "opset")
    found: dict[str, Range] = {}
    for name, value in item.items.items():
        domain = domain_name(name, item.keys[name])
        if domain in found:
            item.keys[name].fail(f'the domain "{DEFAULT_DOMAIN}" twice, once as ""')
        found[domain] = version_range(value, "opset")
    return found


def day(tree: Tree) -> date:
    """A date as ISO 8601 writes it."""
    value = text(tree, "a date", ("a date", *NUMBERS))
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        tree.mark.fail(f'"{value}" is not a date such as 2026-05-03')
