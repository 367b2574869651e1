"""Allowlist files that must be refused, with the line that is at fault."""

from __future__ import annotations

from typing import NamedTuple

HEAD = "schema: 1\nid: mine\ntitle: mine\ndate: 2026-01-01\nreason: a test\n"
RELU = "operators:\n  - name: Relu\n"
GOOD = HEAD + RELU


class BadList(NamedTuple):
    """A file's text, the line at fault (0: the file as a whole) and words of the message."""

    text: str
    line: int
    words: str = ""


def _added(extra: str, line: int = 0, words: str = "") -> BadList:
    """``extra`` after a good list; ``line`` counts from 1 within ``extra``."""
    return BadList(GOOD + extra, GOOD.count("\n") + line if line else 0, words)


def _operator(extra: str, line: int = 1, words: str = "") -> BadList:
    """``extra`` as further keys of the operator."""
    indented = "".join(f"    {row}\n" for row in extra.splitlines())
    return _added(indented, line, words)


def _lookups(levels: int) -> str:
    """The billion laughs: each line refers to the one before it nine times."""
    rows = ["a0: &a0 [x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(rows) + "\n"


BAD_LISTS = {
    "empty": BadList("", 0),
    "only a comment": BadList("# nothing\n", 0),
    "null": BadList("null\n", 0),
    "a list": BadList("- Relu\n- Conv\n", 1),
    "a word": BadList("Relu\n", 1),
    "two documents": BadList(GOOD + "---\n" + GOOD, 0),
    "not YAML": BadList("schema: [1\n", 0),
    "tabs": BadList("schema: 1\nid: mine\noperators:\n\t- name: Relu\n", 4),
    "tab after a key": BadList(HEAD + "operators:\n  - name: Relu\n  \treason: x\n", 0),
    "not UTF-8": BadList("schema: 1\nid: \udcff\udcfe\n", 0),
    "control character": BadList("schema: 1\nid: mi\x07ne\n", 0),
    "duplicate key": _added("reason: again\n", 1, "reason"),
    "duplicate key, nested": _operator("name: Conv", 1, "name"),
    "duplicate schema": BadList("schema: 1\nschema: 1\nid: mine\n" + RELU, 2, "schema"),
    "duplicate operator": _added("  - name: Relu\n", 1, "Relu"),
    "duplicate limit": _added("limits:\n  nodes: 10\n  nodes: 1000000\n", 3, "nodes"),
    "unknown key": _added("operator:\n  - name: Conv\n", 1, "operator"),
    "unknown key of an operator": _operator("version: 3", 1, "version"),
    "unknown limit": _added("limits:\n  node: 10\n", 2, "node"),
    "unknown policy": _added("policy:\n  function: forbid\n", 2, "function"),
    "unknown policy value": _added("policy:\n  functions: allowed\n", 2, "allowed"),
    "unknown severity": _operator("attributes:\n  alpha: {in: [1], severity: bad}", 2, "bad"),
    "unknown attribute rule": _operator("attributes:\n  alpha: {inn: [1]}", 2, "inn"),
    "missing schema": BadList("id: mine\n" + RELU, 0, "schema"),
    "missing id": BadList("schema: 1\n" + RELU, 0, "id"),
    "schema from the future": BadList("schema: 99\nid: mine\n" + RELU, 1, "99"),
    "schema is a string": BadList("schema: '1'\nid: mine\n" + RELU, 1),
    "schema is true": BadList("schema: true\nid: mine\n" + RELU, 1),
    "operator without a name": BadList(HEAD + "operators:\n  - reason: none\n", 7, "name"),
    "empty operator name": BadList(HEAD + "operators:\n  - name: ''\n", 7),
    "name and names": _operator("names: [Conv]", 1),
    "name turned boolean": BadList(HEAD + "operators:\n  - name: NO\n", 7),
    "names turned boolean": BadList(HEAD + "operators:\n  - names: [Relu, On, Conv]\n", 7),
    "name turned null": BadList(HEAD + "operators:\n  - name: ~\n", 7),
    "name turned number": BadList(HEAD + "operators:\n  - name: 1e3\n", 7),
    "id turned float": BadList(GOOD.replace("id: mine", "id: 1.10"), 2, "1.10"),
    "id turned date": BadList(GOOD.replace("id: mine", "id: 2026-01-01"), 2),
    "version range turned float": _added("opset: {ai.onnx: 1.10}\n", 1),
    "limit is a word": _added("limits:\n  nodes: many\n", 2),
    "limit turned boolean": _added("limits:\n  nodes: yes\n", 2),
    "limit is a float": _added("limits:\n  nodes: 1e6\n", 2),
    "limit in octal": _added("limits:\n  nodes: 0o17\n", 2),
    "limit in sexagesimal": _added("limits:\n  nodes: 1:30\n", 2),
    "limit is negative": _added("limits:\n  nodes: -1\n", 2),
    "limit of 10000 digits": _added(f"limits:\n  nodes: {'9' * 10_000}\n", 2),
    "date is a word": BadList(GOOD.replace("2026-01-01", "yesterday"), 4),
    "date that is none": BadList(GOOD.replace("2026-01-01", "2026-13-45"), 4),
    "date with a time": BadList(GOOD.replace("2026-01-01", "2026-01-01T00:00:00Z"), 4),
    "opset range reversed": _added('opset:\n  ai.onnx: "24..7"\n', 2),
    "opset range of words": _added('opset:\n  ai.onnx: "seven..24"\n', 2),
    "operators is a mapping": BadList(HEAD + "operators:\n  Relu: {}\n", 7),
    "operators is a word": BadList(HEAD + "operators: Relu\n", 6),
    "operator is a word": BadList(HEAD + "operators:\n  - Relu\n", 7),
    "limits is a list": _added("limits:\n  - nodes: 10\n", 2),
    "names is a word": BadList(HEAD + "operators:\n  - names: Relu\n", 7),
    "name is a list": BadList(HEAD + "operators:\n  - name: [Relu]\n", 7),
    "key is a list": _added("? [a, b]\n: 1\n", 1),
    "merge key": BadList(
        HEAD + "operators:\n  - &relu {name: Relu}\n  - {<<: *relu, name: Conv}\n", 0
    ),
    "python object": _added("title2: !!python/object/apply:os.system ['true']\n", 0),
    "unknown tag": BadList(GOOD.replace("title: mine", "title: !secret mine"), 3),
    "aliases that expand": BadList(GOOD + _lookups(12), 0),
    "alias to itself": BadList(HEAD + "operators: &o\n  - *o\n", 0),
    "alias of nothing": BadList(HEAD + "operators: *none\n", 6),
    "extends itself": _added("extends: mine\n", 1, "mine"),
    "extends an unknown id": _added("extends: adr-0285\n", 1, "adr-0258"),
    "extends a path outside": _added("extends: ../../../../etc/passwd\n", 1),
    "extends an absolute path": _added("extends: /etc/passwd\n", 1),
    "extends a URL": _added("extends: https://example.com/list.yaml\n", 1),
    "waiver without an expiry": _added(
        "waivers:\n  - {model: '*.onnx', code: OG101, reason: because}\n", 2, "expires"
    ),
    "waiver of an unknown code": _added(
        "waivers:\n  - {model: '*', code: OG999, reason: b, expires: 2099-01-01}\n", 2, "OG999"
    ),
    "waiver without a reason": _added(
        "waivers:\n  - {model: '*', code: OG101, expires: 2099-01-01}\n", 2, "reason"
    ),
    "denied and without a reason": _added("deny:\n  - {name: Conv}\n", 2, "reason"),
    "nested 100000 deep": BadList(GOOD + "title: " + "[" * 100_000 + "\n", 0),
}
