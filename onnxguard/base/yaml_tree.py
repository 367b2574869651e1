"""YAML as a tree that remembers where everything stands and never retypes a scalar.

Built from PyYAML's events rather than its nodes, so that depth, size and aliases are bounded before
anything grows. A scalar is the text that was written: ``NO``, ``1.10`` and ``2026-05-03`` stay so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import yaml

from onnxguard.base.errors import AllowlistError
from onnxguard.base.printable import printable

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Mark(NamedTuple):
    """A position in a YAML file; line and column count from 1."""

    source: str
    line: int
    column: int

    def fail(self, message: str) -> NoReturn:
        """Raise ``file:line:column: message``."""
        raise AllowlistError(message, self.source, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


class Scalar(NamedTuple):
    """Text as written; ``plain`` where it stood without quotes."""

    mark: Mark
    text: str
    plain: bool


class Sequence(NamedTuple):
    """A list."""

    mark: Mark
    items: list[Tree]


class Mapping(NamedTuple):
    """A mapping with unique keys, in file order; ``keys`` holds where each key stands."""

    mark: Mark
    items: dict[str, Tree]
    keys: dict[str, Mark]

    def only(self, allowed: Iterable[str], what: str) -> None:
        """Fail on a key that means nothing here, with the nearest that does."""
        known = list(allowed)
        for key, mark in self.keys.items():
            if key not in known:
                mark.fail(f'unknown key "{printable(key)}" in {what}{near(key, known)}')


Tree = Scalar | Sequence | Mapping

_HIDING = re.compile("\r(?!\n)|[\x85\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Ends of a line to YAML 1.1 alone, which end a comment that goes on in an editor; and characters
that show text in another order."""


def near(word: str, known: Iterable[str], few: int = 24) -> str:
    """`` (did you mean ...?)``, or what there is if that is at most ``few`` names, or nothing."""
    import difflib  # imported here: only an error needs it

    names = sorted(known)
    alike = [name for name in names if name.casefold() == word.casefold()]
    close = alike or difflib.get_close_matches(word, names, 3, 0.6)
    if close:
        return f" (did you mean {' or '.join(close)}?)"
    return f" (known: {', '.join(names)})" if 0 < len(names) <= few else ""


def parse(text: bytes, source: str, what: str = "an allowlist", most: int = MAX_BYTES) -> Mapping:
    """Parse one YAML document, ``what``, of at most so many bytes, whose top is a mapping.

    Raises:
        AllowlistError: with file, line and column, for anything else.
    """
    if len(text) > most:
        raise AllowlistError(f"larger than {most} bytes, too large for {what}", source)
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        column = error.start - text.rfind(b"\n", 0, error.start)
        Mark(source, line, column).fail("not UTF-8")
    hiding = _HIDING.search(decoded)
    if hiding:
        place = _behind(decoded[: hiding.start()], source)
        place.fail(f"U+{ord(hiding[0]):04X} hides from a reader what stands here: remove it")
    try:
        tree = _build(decoded, source)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        message = " ".join(filter(None, [error.context, error.problem]))
        hint = ": indent with spaces" if "\\t" in message else ""
        _mark(at, source).fail(f"not YAML: {message}{hint}")
    except yaml.reader.ReaderError as error:
        read = decoded.partition(chr(error.character))[0]  # libyaml counts bytes
        place = _behind(read, source)
        place.fail(f"not YAML: the character U+{error.character:04X} is not allowed")
    except yaml.YAMLError as error:
        Mark(source, 1, 1).fail(f"not YAML: {printable(str(error))}")
    except RecursionError:
        Mark(source, 1, 1).fail("nested too deeply")
    if not isinstance(tree, Mapping):
        start = tree.mark if tree is not None else Mark(source, 1, 1)
        start.fail(f"{what} is a mapping: it starts with 'schema: 1'")
    return tree


def _behind(read: str, source: str) -> Mark:
    """Where what was read ends."""
    return Mark(source, read.count("\n") + 1, len(read) - read.rfind("\n"))


def _mark(at: Any, source: str) -> Mark:
    """PyYAML's mark as ours; the start of the file where it has none."""
    return Mark(source, 1, 1) if at is None else Mark(source, at.line + 1, at.column + 1)


def _build(text: str, source: str) -> Tree | None:
    open_nodes: list[Sequence | Mapping] = []
    keys: list[Scalar | None] = []
    root: Tree | None = None
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            open_nodes.pop()
            keys.pop()
            continue
        mark = _mark(event.start_mark, source)
        node: Tree
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(mark, event.value, event.implicit[0])
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Sequence(mark, [])
        elif isinstance(event, yaml.MappingStartEvent):
            node = Mapping(mark, {}, {})
        elif isinstance(event, yaml.AliasEvent):
            mark.fail("aliases are not taken: write the value out")
        elif isinstance(event, yaml.DocumentStartEvent) and root is not None:
            mark.fail("a second document: one file holds one")
        else:
            continue
        if event.anchor is not None:
            mark.fail("anchors are not taken: write the value out")
        if event.tag is not None:
            mark.fail(f"the tag {printable(event.tag)} is not taken")
        if not open_nodes:
            root = node
        else:
            _attach(open_nodes[-1], keys, node, mark)
        if not isinstance(node, Scalar):
            open_nodes.append(node)
            keys.append(None)
            if len(open_nodes) > MAX_DEPTH:
                mark.fail(f"nested deeper than {MAX_DEPTH}")
    return root


def _attach(parent: Sequence | Mapping, keys: list[Scalar | None], node: Tree, mark: Mark) -> None:
    if isinstance(parent, Sequence):
        parent.items.append(node)
        return
    key = keys[-1]
    if key is not None:
        parent.items[key.text] = node
        keys[-1] = None
        return
    if not isinstance(node, Scalar):
        mark.fail("a key is a word, not a list or a mapping")
    if node.text in parent.keys:
        mark.fail(
            f'duplicate key "{printable(node.text)}", first at line {parent.keys[node.text].line}'
        )
    parent.keys[node.text] = mark
    keys[-1] = node


_KINDS = {"bool": "a boolean", "int": "a whole number", "float": "a number", "null": "nothing"}
_KINDS |= {"timestamp": "a date", "merge": "a merge", "value": "a value"}


def retyped(scalar: Scalar) -> str:
    """What YAML 1.1 makes of a plain scalar that is not text to it; "" for text."""
    if not scalar.plain:
        return ""
    for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(scalar.text[:1], ()):
        if pattern.match(scalar.text):
            return _KINDS[tag.rpartition(":")[2]]
    return ""
