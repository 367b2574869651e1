"""Write a first manifest from the models that are there."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from onnxguard.base.globs import escaped
from onnxguard.base.printable import printable
from onnxguard.model.facts import Facts, Value
from onnxguard.model.messages import DTYPES
from onnxguard.policy.allowlist import Allowlist
from onnxguard.repository.contract import imports_of, type_text
from onnxguard.scanning.report import Report
from onnxguard.scanning.scan import scan

NAMED = 16
"""Files that an entry names one by one; a folder with more of a kind is named by a pattern."""

ENTRIES = 100
"""With more kinds of models, those of one contract share an entry, whatever their folders."""

OPERATORS = 6
"""Operators that are named of those for which a model fails."""

LARGEST = 10**9
"""What the manifest takes for a version lies below."""

NOT_UTF8 = "[!\x01-\ud7ff\ue000-\U0010ffff]"
"""Any byte that is not UTF-8: YAML has no word for a certain one."""

KEY_BYTES = 1000
"""A longer key YAML does not take."""

HEAD = """\
# What onnxguard check asks of the models below this folder. The first entry that covers a model
# counts; a model that none covers fails.
schema: 1
lock: true
"""


class Kind(NamedTuple):
    """Models of one folder with one contract: its lines of YAML, none where it is not known.

    Where ``deep``, those of the folders below it are among them.
    """

    folder: str
    contract: tuple[str, ...]
    deep: bool = False


def first_manifest(
    root: str,
    models: Iterable[str],
    exclude: tuple[str, ...],
    policy: Allowlist,
    allowlist: str,
    include_ignored: bool = False,
) -> str:
    """The text of a manifest that covers the models as they are.

    Args:
        root: the folder that the manifest will lie in.
        models: paths relative to it, parted by ``/``.
        exclude: folders whose models are not delivered.
        policy: the list that judges them; what it finds is said in comments.
        allowlist: its id or path, as the manifest names it.
        include_ignored: models that Git ignores are among them.
    """
    left_out = ", ".join(_quoted(f"{_pattern(folder)}/**") for folder in exclude)
    lines = ["include_ignored: true"] if include_ignored else []
    lines += [f"exclude: [{left_out}]"] if exclude else []
    lines += ["models:", *entries_of(root, models, (), policy, allowlist)]
    return HEAD + "\n".join(lines) + "\n"


def entries_of(
    root: str,
    models: Iterable[str],
    others: Iterable[str],
    policy: Allowlist,
    allowlist: str,
) -> list[str]:
    """Lines of YAML, two columns in: entries that cover the models as they are.

    Args:
        root: the manifest's folder.
        models: paths relative to it, parted by ``/``.
        others: models beside them that other entries cover.
        policy: the list that judges them; what it finds is said in comments.
        allowlist: its id or path, as the manifest names it.
    """
    kinds: dict[Kind, list[Report]] = {}
    folders = Counter(path.rpartition("/")[0] for path in others)
    for path in models:
        report = scan(os.path.join(root, path), policy)._replace(path=path)
        folder = path.rpartition("/")[0]
        folders[folder] += 1
        kinds.setdefault(Kind(folder, tuple(_contract(report.facts))), []).append(report)
    kinds = _few(kinds)
    lines: list[str] = []
    for kind, reports in kinds.items():
        lines += _entry(kind, reports, allowlist, whole=len(reports) == folders[kind.folder])
    return lines


def _few(kinds: dict[Kind, list[Report]]) -> dict[Kind, list[Report]]:
    """As they are, or joined: those of one contract, of one folder, of one folder at the top."""
    joined = kinds
    for key in (
        lambda kind: kind._replace(folder=""),
        lambda kind: Kind(kind.folder, ()),
        lambda kind: Kind(kind.folder.partition("/")[0], (), deep=True),
    ):
        if len(joined) <= ENTRIES:
            break
        joined = {}
        for kind, reports in kinds.items():
            joined.setdefault(key(kind), []).extend(reports)
    return joined


def _entry(kind: Kind, reports: list[Report], allowlist: str, whole: bool) -> Iterator[str]:
    prefix = f"{_pattern(kind.folder)}/" if kind.folder else ""
    named = [report.path for report in reports]
    if kind.deep and kind.folder:
        yield f"  - paths: [{_quoted(f'{prefix}**')}]"
    elif whole and len(named) > NAMED and all(path.endswith(".onnx") for path in named):
        yield f"  - paths: [{_quoted(f'{prefix}*.onnx')}]"
    elif len(named) == 1:
        yield f"  - paths: [{_quoted(_pattern(named[0]))}]"
    else:
        yield "  - paths:"
        yield from (f"      - {_quoted(_pattern(path))}" for path in named)
    yield f"    allowlist: {_quoted(allowlist)}"
    for report in reports[:NAMED]:
        failing: dict[str, set[str]] = {}
        for finding in report.findings:
            if finding.fails:
                failing.setdefault(finding.code, set()).update(filter(None, [finding.operator]))
        if failing:
            said = (_failing(code, sorted(failing[code])) for code in sorted(failing))
            yield f"    # {printable(report.path)} fails today: {', '.join(said)}"
    if kind.contract:
        yield "    contract:"
        yield from (f"      {line}" for line in kind.contract)


def _failing(code: str, operators: list[str]) -> str:
    """``OG101 (Einsum, Gelu)``."""
    more = ["..."] if len(operators) > OPERATORS else []
    return f"{code} ({', '.join(operators[:OPERATORS] + more)})" if operators else code


def _contract(facts: Facts | None) -> Iterator[str]:
    if facts is None:
        return
    imports = imports_of(facts)
    known = all(
        len(versions) == 1 and 0 <= min(versions) < LARGEST and len(_key(domain)) < KEY_BYTES
        for domain, versions in imports.items()
    )
    if known and list(imports) == ["ai.onnx"]:
        yield f"opset: {min(imports['ai.onnx'])}"
    elif known and imports:
        named = (f"{_key(domain)}: {min(versions)}" for domain, versions in imports.items())
        yield f"opset: {{{', '.join(named)}}}"
    given = tuple([value for value in facts.inputs if not value.default])
    for what, values in (("inputs", given), ("outputs", facts.outputs)):
        names = [value.name for value in values]
        if not values or len(set(names)) < len(names) or not all(map(_writable, values)):
            continue
        yield f"{what}:"
        yield from (f"  {_quoted(value.name)}: {_type(value)}" for value in values)


def _writable(value: Value) -> bool:
    """Whether the manifest can say what type this is."""
    return bool(
        value.name.strip()
        and len(_quoted(value.name)) < KEY_BYTES
        and _KIND.fullmatch(value.kind)
        and value.dtype in _DTYPES
    )


def _key(domain: str) -> str:
    return domain if domain.replace(".", "").isalnum() else _quoted(domain)


def _type(value: Value) -> str:
    """The type of a value, in quotes where YAML needs them.

    A dimension whose name the manifest cannot spell is any dynamic one, and named in a comment.
    """
    dims, odd = value.dims, []
    if dims is not None:
        odd = [dim for dim in dims if isinstance(dim, str) and not _DIM.fullmatch(dim)]
        dims = tuple([None if dim in odd else dim for dim in dims])
    text = type_text(value._replace(dims=dims))
    text = text if _TYPE.fullmatch(text) else _in_quotes(text)
    called = ", ".join([f'"{dim}"' for dim in odd])
    return f"{text}  # the model calls {called} what is ? here" if odd else text


def _quoted(text: str) -> str:
    """A scalar of YAML: plain where it can only be a word, in double quotes elsewhere."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _in_quotes(text)


def _in_quotes(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _pattern(path: str) -> str:
    """The pattern of a path; one byte that is not UTF-8 may stand for another."""
    return _SURROGATE.sub(NOT_UTF8, escaped(path))


_DTYPES = frozenset(name for name, _ in DTYPES.values())
_KIND = re.compile(r"[a-z_]+(\([a-z0-9_(),]+\))?")
_DIM = re.compile(r"(?!-?[0-9]+$|\.\.\.$)[^\s,\[\]?]+")
_TYPE = re.compile(r"[a-z0-9]+\[[A-Za-z0-9_,.?-]*\]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
