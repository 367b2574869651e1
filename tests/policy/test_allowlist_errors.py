"""Whatever is wrong with a list is said in one line, with the line and column where it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onnxguard import AllowlistError, load_allowlist

HEAD = "schema: 1\nid: mine\n"
"""Two lines, so that what is tested starts in the third."""


def operator(keys: str) -> str:
    return f"operators:\n  - {{name: Relu, {keys}}}\n"


def attribute(keys: str) -> str:
    return operator(f"attributes: {{alpha: {{{keys}}}}}")


def schema(keys: str) -> str:
    return f"schemas: [{{name: F, domain: ours, {keys}}}]"


ERRORS = {
    "list for text": ("title: [a]", "3:8: title is text, not a list"),
    "mapping for text": ("title: {a: b}", "3:8: title is text, not a mapping"),
    "boolean for text": (
        "title: yes",
        "3:8: title is text, and YAML reads yes as a boolean: quote it",
    ),
    "number for text": (
        "title: 1.10",
        "3:8: title is text, and YAML reads 1.10 as a number: quote it",
    ),
    "whole number for text": (
        "adr: 258",
        "3:6: adr is text, and YAML reads 258 as a whole number: quote it",
    ),
    "nothing for text": (
        "reason: ~",
        "3:9: reason is text, and YAML reads ~ as nothing: quote it",
    ),
    "empty text": ("title: ''", "3:8: title is empty"),
    "blank text": ("title: '  '", "3:8: title is empty"),
    "list for a mapping": ("limits: [a]", "3:9: limits is a mapping, not a list"),
    "text for a mapping": ("policy: allow", "3:9: policy is a mapping, not text"),
    "word that validity has not": (
        "policy: {validity: forbid}",
        '3:20: "forbid" is not one of error, warn, allow',
    ),
    "list for validity": ("policy: {validity: [warn]}", "3:20: "),
    "rule that is not about validity": (
        "policy: {validity: {node-odrer: warn}}",
        '3:21: unknown key "node-odrer" in validity (did you mean node-order',
    ),
    "mapping for a list": ("waivers: {a: b}", "3:10: waivers is a list, not a mapping"),
    "text for a list": ("deny: Scan", "3:7: deny is a list, not text"),
    "unknown key": (
        "operator: []",
        '3:1: unknown key "operator" in an allowlist (did you mean operators or opset?)',
    ),
    "key far from any other": (
        "limits: {zzz: 1}",
        '3:10: unknown key "zzz" in limits (known: activation_bytes, constant_elements',
    ),
    "key in another case": (
        operator("OPSET: 7"),
        '4:18: unknown key "OPSET" in an operator (did you mean opset?)',
    ),
    "duplicate key": ("title: a\ntitle: b", '4:1: duplicate key "title", first at line 3'),
    "no name": ("operators: [{opset: 7}]", "3:13: an operator has a 'name' or 'names'"),
    "name and names": (
        "operators: [{name: A, names: [B]}]",
        "3:23: an operator has either 'name' or 'names'",
    ),
    "no names": ("operators: [{names: []}]", "3:21: 'names' is empty"),
    "name of other characters": (
        "operators: [{name: Re lu}]",
        '3:20: "Re lu" is not the name of an operator',
    ),
    "name too long": (
        f"operators: [{{name: {'R' * 128}}}]",
        f'3:20: "{"R" * 128}" is not the name of an operator',
    ),
    "name twice": (
        "operators: [{name: Relu}, {names: [Tanh, Relu]}]",
        '3:42: "Relu" is listed twice for the same opsets, first at LIST:3:20',
    ),
    "ranges that overlap": (
        "operators: [{name: Relu, opset: 14..}, {name: Relu, opset: 7..14}]",
        '3:20: "Relu" is listed twice for the same opsets, first at LIST:3:47',
    ),
    "denial without a reason": ("deny: [{name: Scan}]", "3:8: a denied operator needs 'reason'"),
    "range of words": (
        "ir_version: new",
        '3:13: ir_version is a version or a range such as 11..18 or 7.., not "new"',
    ),
    "range without a start": (
        "opset: {ai.onnx: ..7}",
        '3:18: opset is a version or a range such as 11..18 or 7.., not "..7"',
    ),
    "range from zero on": ("opset: {ai.onnx: 010..17}", "3:18: opset is a version or a range"),
    "version that YAML reads as 15": ("ir_version: 017", "3:13: ir_version is 017: write a number"),
    "domain that ends in a space": (
        "opset: {'ai.onnx ': 17}",
        '3:9: "ai.onnx " is not the name of a domain',
    ),
    "domain of other letters": (
        "operators: [{name: A, domain: аi.onnx.ml}]",  # noqa: RUF001 - it is Cyrillic
        '3:31: "аi.onnx.ml" is not the name of a domain',  # noqa: RUF001
    ),
    "domain that begins with a space": (
        "deny: [{name: A, domain: ' one', reason: bad}]",
        '3:26: " one" is not the name of a domain',
    ),
    "range reversed": (
        "opset: {ai.onnx: 9..8}",
        "3:18: opset 9..8 is empty: the first number is the smaller",
    ),
    "attribute's rule without a rule": (
        attribute("default: x"),
        "4:38: an attribute's rule needs in, not_in, min, max or required",
    ),
    "attribute's bound in words": (attribute("min: low"), '4:44: min is a number, not "low"'),
    "attribute's bound not finite": (
        attribute("max: .inf"),
        "4:44: max is .inf: write a number in decimal digits, without zeros before it, and text",
    ),
    "attribute's bound too large": (attribute("max: 1e999"), '4:44: max is a number, not "1e999"'),
    "attribute's bound in other digits": (attribute("max: ٣"), '4:44: max is a number, not "٣"'),
    "attribute's value in base sixteen": (
        attribute("not_in: [0x10]"),
        "4:48: an item of not_in is 0x",
    ),
    "attribute's value not finite": (
        attribute("not_in: [.inf]"),
        "4:48: an item of not_in is .inf",
    ),
    "attribute's value cut": (attribute("not_in: [10_]"), "4:48: an item of not_in is 10_: write"),
    "attribute's default by minutes": (
        attribute("in: [90], default: 1:30"),
        "4:58: default is 1:30:",
    ),
    "attribute's severity": (
        attribute("in: [1], severity: fatal"),
        '4:58: "fatal" is not one of error, warning, note',
    ),
    "attribute's required": (
        attribute("required: maybe"),
        '4:49: "maybe" is not one of true, false',
    ),
    "unknown dtype": ("dtypes: {in: [float]}", '3:15: unknown dtype "float"'),
    "dtypes without any": ("dtypes: {}", "3:9: dtypes needs 'in' or 'not_in'"),
    "empty dtypes": ("dtypes: {in: []}", "3:9: dtypes needs 'in' or 'not_in'"),
    "limit without its number": ("limits: {nodes: {adr: x}}", "3:17: a limit needs 'max'"),
    "limit in quotes": ("limits: {nodes: '10'}", '3:17: nodes is a whole number, not "10"'),
    "limit that YAML reads as 8": ("limits: {nodes: 010}", "3:17: nodes is 010: write a number in"),
    "limit with a zero before it": (
        "limits: {nodes: 08}",
        '3:17: nodes is a whole number, not "08"',
    ),
    "limit in other digits": ("limits: {nodes: ١٢}", '3:17: nodes is a whole number, not "١٢"'),
    "negative limit": ("limits: {nodes: -1}", '3:17: nodes is a whole number, not "-1"'),
    "policy": (
        "policy: {functions: maybe}",
        '3:21: "maybe" is not one of allow, warn, forbid',
    ),
    "constants": (
        "policy: {constants: allow}",
        '3:21: "allow" is not one of report, forbid',
    ),
    "constants without a number": (
        "policy: {constants: {}}",
        "3:21: constants needs 'max_bytes'",
    ),
    "constants' key": (
        "policy: {constants: {max: 8}}",
        '3:22: unknown key "max" in constants (known: max_bytes)',
    ),
    "waiver without an end": (
        "waivers: [{model: a, code: OG101, reason: b}]",
        "3:11: a waiver needs 'expires'",
    ),
    "waiver without a model": ("waivers: [{}]", "3:11: a waiver needs 'model'"),
    "waiver's code": (
        "waivers: [{model: a, code: OG1, reason: b, expires: 2030-01-01}]",
        '3:28: "OG1" is not a rule that can be waived',
    ),
    "waiver of what was not verified": (
        "waivers: [{model: a, code: OG001, reason: b, expires: 2030-01-01}]",
        '3:28: "OG001" is not a rule that can be waived',
    ),
    "waiver of a waiver": (
        "waivers: [{model: a, code: OG801, reason: b, expires: 2030-01-01}]",
        '3:28: "OG801" is not a rule that can be waived',
    ),
    "waiver that ends on no day": (
        "waivers: [{model: a, code: OG101, reason: b, expires: 2030-02-30}]",
        '3:55: "2030-02-30" is not a date such as 2026-05-03',
    ),
    "date in another form": (
        "date: 3 May 2026",
        '3:7: "3 May 2026" is not a date such as 2026-05-03',
    ),
    "parent that does not exist": (
        "extends: adr-258",
        '3:10: no allowlist "adr-258" in the registry (did you mean ',
    ),
    "parent outside": (
        "extends: ../small.yaml",
        '3:10: "../small.yaml" lies outside the folder of this list',
    ),
    "parent that is missing": (
        "extends: none.yaml",
        "3:10: FOLDER/none.yaml: cannot be read: No such file or directory",
    ),
    "itself": ("extends: list.yaml", "3:10: extends goes in a circle: mine -> list.yaml"),
    "schema without a name": ("schemas: [{domain: ours}]", "3:11: a schema needs 'name'"),
    "schema of ONNX's own": (
        "schemas: [{name: Relu, domain: ai.onnx}]",
        "3:32: the schemas of ai.onnx are ONNX's own",
    ),
    "schema that is known": (
        "schemas: [{name: Gelu, domain: com.microsoft}]",
        "3:18: the schema of com.microsoft::Gelu is known: leave it out",
    ),
    "schema of version nought": (schema("since_version: 0"), "3:50: since_version is 1 or more"),
    "schema twice": (
        "schemas: [{name: F, domain: ours}, {name: F, domain: ours, since_version: 1}]",
        "3:36: a second schema of ours::F for one version",
    ),
    "input without a type": (schema("inputs: [{name: x}]"), "3:44: one of inputs needs 'type'"),
    "input of no type": (
        schema("inputs: [{name: x, type: float}]"),
        '3:60: "float" is no type: write float32, sequence(int64), optional(string) or map(',
    ),
    "type that nests without end": (
        schema(f"inputs: [{{name: x, type: {'sequence(' * 2000}}}]"),
        "3:60: ",
    ),
    "inputs of one name": (
        schema("inputs: [{name: x, type: int8}, {name: x, type: int8}]"),
        '3:74: two inputs have the name "x"',
    ),
    "input after a variadic one": (
        schema("inputs: [{name: x, type: int8, variadic: true}, {name: y, type: int8}]"),
        "3:83: what is variadic comes last",
    ),
    "input that is both": (
        schema("inputs: [{name: x, type: int8, variadic: true, optional: true}]"),
        "3:44: what is variadic may be left out unless at_least says otherwise",
    ),
    "least of what is single": (
        schema("outputs: [{name: x, type: int8, at_least: 1}]"),
        "3:67: at_least is said of what is variadic",
    ),
    "variable that stands for nothing": (schema("types: {T: []}"), '3:46: "T" stands for no type'),
    "variable that nothing is of": (
        schema("types: {T: [int8]}"),
        '3:43: no input or output is "T"',
    ),
    "variable with the name of a type": (
        schema("types: {int8: [int64]}"),
        '3:43: "int8" is a type: give the variable another name',
    ),
    "attribute of no type": (
        schema("attributes: {a: {type: flaot}}"),
        '3:58: "flaot" is no type of attribute (did you mean float',
    ),
    "attribute that is required and has a default": (
        schema("attributes: {a: {type: int, required: true, default: 1}}"),
        "3:88: what is required has no default",
    ),
    "default of another type": (
        schema("attributes: {a: {type: int, default: 1.5}}"),
        '3:72: "1.5" is no int',
    ),
    "default of a list": (
        schema("attributes: {a: {type: ints, default: 1}}"),
        "3:73: a default is said of a float, an int or a string, not of ints",
    ),
    "alias": ("title: &a x\nreason: *a", "3:8: anchors are not taken: write the value out"),
    "alias of nothing": ("title: *a", "3:8: aliases are not taken: write the value out"),
    "tag": ("title: !x y", "3:8: the tag !x is not taken"),
    "tag of a mapping": ("limits: !x {}", "3:9: the tag !x is not taken"),
    "key that is no word": ("? [a]\n: b", "3:3: a key is a word, not a list or a mapping"),
    "second document": ("---\nid: b", "3:1: a second document: one file holds one"),
    "too deep": ("title: " + "[" * 17, "3:23: nested deeper than 16"),
    "tab": ("limits:\n\tnodes: 1", "4:1: not YAML: "),
    "list that does not end": ("operators: [", "4:1: not YAML: "),
}


@pytest.mark.parametrize("text", ["schema: 1\nid: x\x1b", "# ä日\nid: x\x1b"])
def test_a_character_that_yaml_does_not_take_is_where_it_stands(text: str, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(AllowlistError, match=r":2:6: not YAML: the character U\+001B is not allow"):
        load_allowlist(path)


@pytest.mark.parametrize("char", ["\r", "\x85", "\u2028", "\u2029", "\u202e", "\u2066"])
def test_nothing_hides_behind_a_comment(char: str, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(f"{HEAD}# é{char}operators: [{{name: Abs}}]\n", "utf-8", newline="")
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(path)
    said = f"U+{ord(char):04X} hides from a reader what stands here: remove it"
    assert str(caught.value) == f"{path}:3:4: {said}"
    escape = ascii(char).strip("'")
    path.write_text(f'{HEAD}title: "one{escape}two"\n'.replace("\n", "\r\n"), newline="")
    assert load_allowlist(path).title.endswith("two")


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_and_where(name: str, tmp_path: Path) -> None:
    text, message = ERRORS[name]
    path = tmp_path / "list.yaml"
    path.write_text(f"{HEAD}{text}\n", encoding="utf-8")
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(path)
    wanted = message.replace("LIST", str(path)).replace("FOLDER", str(tmp_path))
    assert str(caught.value).startswith(f"{path}:{wanted}")
    assert "\n" not in str(caught.value)
    assert f"{caught.value.line}:{caught.value.column}" == ":".join(message.split(":")[:2])
    assert caught.value.source == str(path)


TOPS = {
    "no schema": ("id: mine\n", "1:1: 'schema: 1' is missing"),
    "schema of another tool": (
        "schema: 2\nid: mine\n",
        "1:9: schema 2 is not known: this tool reads 1",
    ),
    "no id": ("schema: 1\n", "1:1: 'id' is missing"),
    "id of other characters": (
        "schema: 1\nid: a/b\n",
        "2:5: an id is letters, digits, dots, dashes and underscores",
    ),
    "empty file": ("", "1:1: an allowlist is a mapping: it starts with 'schema: 1'"),
    "list": ("- a\n", "1:1: an allowlist is a mapping: it starts with 'schema: 1'"),
}


@pytest.mark.parametrize("name", TOPS)
def test_error_at_the_top(name: str, tmp_path: Path) -> None:
    text, message = TOPS[name]
    path = tmp_path / "list.yaml"
    path.write_text(text)
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(path)
    assert str(caught.value) == f"{path}:{message}"


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_bytes(b"schema: 1\nid: caf\xe9\n")
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(path)
    assert str(caught.value) == f"{path}:2:8: not UTF-8"


def test_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_bytes(b"\xef\xbb\xbfschema: 1\nid: mine\n")
    assert load_allowlist(path).id == "mine"


def test_error_in_a_list_below_names_that_list(tmp_path: Path) -> None:
    (tmp_path / "below.yaml").write_text("schema: 1\nid: below\nlimits: {nodes: x}\n")
    (tmp_path / "list.yaml").write_text(f"{HEAD}extends: below.yaml\n")
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(tmp_path / "list.yaml")
    assert str(caught.value) == f'{tmp_path / "below.yaml"}:3:17: nodes is a whole number, not "x"'


def leave_missing(path: Path) -> None:
    assert not path.exists()


def make_folder(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_large(path: Path) -> None:
    path.write_text(HEAD + "# " + "x" * (1 << 20))


FILES = {
    "missing": (leave_missing, "cannot be read: No such file or directory; known lists: adr-"),
    "folder": (make_folder, "cannot be read: Is a directory"),
    "FIFO": (make_fifo, "cannot be read: not a regular file"),
    "larger than a mebibyte": (make_large, "larger than 1048576 bytes, too large for an allowlist"),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_no_list(name: str, tmp_path: Path) -> None:
    make, message = FILES[name]
    path = tmp_path / "list.yaml"
    make(path)
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert (caught.value.line, caught.value.column) == (0, 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adr-0285", 'no allowlist "adr-0285" in the registry (did you mean adr-0258'),
        ("ADR-0258", 'no allowlist "ADR-0258" in the registry (did you mean adr-0258'),
        (
            "zzz",
            "adr-0169, adr-0171, adr-0258, base, pre-adr-0258, vmafx-2026)",
        ),
    ],
)
def test_unknown_id_names_those_that_there_are(name: str, message: str) -> None:
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(name)
    assert message in str(caught.value)
