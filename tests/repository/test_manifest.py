"""onnxguard.yaml: what it says, and what is said of a slip in it, with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command import run
from support.lists import write_list
from support.repositories import (
    CODES,
    EVERY,
    RELU,
    TANH,
    codes,
    enter,
    make_git,
    refused,
    status,
    told,
    write_manifest,
    write_models,
)

from onnxguard.base.errors import ManifestError
from onnxguard.policy.allowlist import Range
from onnxguard.repository.manifest import FullCheckLimits, Signature
from onnxguard.repository.manifest_file import find_manifest, read_manifest


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def entry(text: str) -> str:
    """A manifest whose only entry holds ``text`` too, on line 4 from column 7."""
    return f"schema: 1\nmodels:\n- paths: [m.onnx]\n  {text}\n"


def contract(text: str) -> str:
    return entry(f"contract: {{{text}}}")


def parity(text: str) -> str:
    return entry(f"parity: {{{text}}}")


WAIVER = "{model: m.onnx, code: OG101, reason: known, expires: 2026-05-03}"

SLIPS = {
    "empty": ("", "1:1: a manifest is a mapping: it starts with 'schema: 1'"),
    "a comment": ("# nothing\n", "1:1: a manifest is a mapping"),
    "a list": ("- a\n", "1:1: a manifest is a mapping"),
    "no YAML": ("schema: 1\nmodels: [\n", "3:1: not YAML: "),
    "a tab": ("schema: 1\nmodels:\n\t- a\n", "3:1: not YAML: "),
    "two documents": ("schema: 1\n---\nschema: 1\n", "2:1: a second document"),
    "an alias": ("schema: 1\nmodels: *a\n", "2:9: aliases are not taken"),
    "an anchor": ("schema: &a 1\n", "1:9: anchors are not taken"),
    "a tag": ("schema: !!int 1\n", "1:9: the tag tag:yaml.org,2002:int is not taken"),
    "a key twice": ("schema: 1\nschema: 1\n", '2:1: duplicate key "schema", first at line 1'),
    "nested": ("schema: " + "[" * 40 + "\n", "1:24: nested deeper than 16"),
    "no schema": ("models: []\n", "1:1: 'schema: 1' is missing"),
    "another schema": ("schema: 2\nmodels: []\n", "1:9: schema 2 is not known: this tool reads 1"),
    "schema as text": ("schema: '1'\n", '1:9: schema is a whole number, not "1"'),
    "no models": ("schema: 1\n", "1:1: 'models' is missing or empty"),
    "no entries": ("schema: 1\nmodels: []\n", "1:1: 'models' is missing or empty"),
    "models as text": ("schema: 1\nmodels: a\n", "2:9: models is a list, not text"),
    "models as a mapping": ("schema: 1\nmodels: {a: b}\n", "2:9: models is a list, not a mapping"),
    "unknown key": (
        "schema: 1\nmodel: []\n",
        '2:1: unknown key "model" in a manifest (did you mean models?)',
    ),
    "unknown key, hostile": (
        'schema: 1\n"\\e[31m": []\n',
        '2:1: unknown key "\\x1b[31m" in a manifest (known: exclude, include_ignored, lock, ',
    ),
    "lock": ("schema: 1\nlock: yes\n" + "models:\n" + EVERY, '2:7: "yes" is not one of true, fal'),
    "lock as a list": ("schema: 1\nlock: []\nmodels:\n" + EVERY, "2:7: this is text, not a list"),
    "exclude": ("schema: 1\nexclude: a\nmodels:\n" + EVERY, "2:10: exclude is a list, not text"),
    "exclude what": (
        "schema: 1\nexclude: [a, ../b]\nmodels:\n" + EVERY,
        '2:14: "../b" is no pattern of paths: a path is relative to the manifest\'s folder',
    ),
    "entry as text": ("schema: 1\nmodels: [a]\n", "2:10: an entry of models is a mapping, not te"),
    "entry's key": (entry("path: []"), '4:3: unknown key "path" in an entry of models (did you'),
    "no paths": ("schema: 1\nmodels: [{allowlist: a}]\n", "2:10: an entry of models needs 'paths'"),
    "empty paths": ("schema: 1\nmodels: [{paths: []}]\n", "2:10: an entry of models needs 'paths'"),
    "paths as text": ("schema: 1\nmodels: [{paths: a}]\n", "2:18: paths is a list, not text"),
    "path as a list": ("schema: 1\nmodels: [{paths: [[]]}]\n", "2:19: an item of paths is text, n"),
    "path as a number": (
        "schema: 1\nmodels: [{paths: [1.0]}]\n",
        "2:19: an item of paths is text, and YAML reads 1.0 as a number: quote it",
    ),
    "path as a word": (
        "schema: 1\nmodels: [{paths: [no]}]\n",
        "2:19: an item of paths is text, and YAML reads no as a boolean: quote it",
    ),
    "empty path": ("schema: 1\nmodels: [{paths: ['']}]\n", "2:19: an item of paths is empty"),
    "absolute path": (
        "schema: 1\nmodels: [{paths: [/a]}]\n",
        '2:19: "/a" is no pattern of paths: a path is relative',
    ),
    "a range": (
        "schema: 1\nmodels: [{paths: ['[b-a]']}]\n",
        '2:19: "[b-a]" is no pattern of paths: a range in brackets goes upwards',
    ),
    "allowlist": (
        entry("allowlist: adr-0259"),
        '4:14: adr-0259: no allowlist "adr-0259" in the registry (did you mean adr-0258',
    ),
    "allowlist's file": (
        entry("allowlist: lists/a.yaml"),
        "4:14: {root}/lists/a.yaml: cannot be read: No such file or directory",
    ),
    "allowlist's slip": (entry("allowlist: ./bad.yaml"), "4:14: {root}/bad.yaml:1:9: schema 7 "),
    "allowlist as a list": (entry("allowlist: [a]"), "4:14: allowlist is text, not a list"),
    "empty allowlist": (entry("allowlist: ''"), "4:14: allowlist is empty"),
    "contract": (entry("contract: 17"), "4:13: a contract is a mapping, not text"),
    "contract's key": (
        contract("input: {}"),
        '4:14: unknown key "input" in a contract (did you mean inputs?)',
    ),
    "opset": (
        contract("opset: new"),
        '4:21: opset is a version or a range such as 11..18 or 7.., not "new"',
    ),
    "opset, empty": (contract("opset: 18..11"), "4:21: opset 18..11 is empty: the first number"),
    "opset, nothing": (contract("opset: "), "opset is text, and YAML reads  as nothing: quote it"),
    "opset, negative": (contract("opset: -1"), "4:21: opset is a version or a range"),
    "opset, twice": (
        contract("opset: {'': 17, ai.onnx: 18}"),
        '4:30: the domain "ai.onnx" twice, once as ""',
    ),
    "opset as a list": (contract("opset: [17]"), "4:21: opset is a mapping, not a list"),
    "opset of a domain": (contract("opset: {a: b}"), "4:25: opset is a version or a range"),
    "ir_version": (contract("ir_version: [8]"), "4:26: ir_version is text, not a list"),
    "ir_version, what": (contract("ir_version: 8.5"), "4:26: ir_version is a version or a range"),
    "inputs": (contract("inputs: [x]"), "4:22: inputs is a mapping, not a list"),
    "outputs": (contract("outputs: y"), "4:23: outputs is a mapping, not text"),
    "a type as a list": (contract("inputs: {x: [1]}"), "4:26: one of inputs is text, not a list"),
    "a type": (
        contract("inputs: {x: float32}"),
        '4:26: "float32" is no type: write float32[1,3,H,W], with ? for any dynamic size',
    ),
    "a kind": (contract("inputs: {x: 'A float32[1]'}"), '4:26: "A float32[1]" is no type'),
    "brackets": (contract("inputs: {x: 'float32[[1]]'}"), '4:26: "float32[[1]]" is no type'),
    "after a type": (contract("inputs: {x: 'float32[1] or so'}"), "4:26: "),
    "a dtype": (
        contract("inputs: {x: 'float31[1]'}"),
        '4:26: unknown dtype "float31" (did you mean float32',
    ),
    "a dim": (contract("inputs: {x: 'float32[1,,2]'}"), "4:26: a size is missing between two com"),
    "the last dim": (contract("inputs: {x: 'float32[1,]'}"), "4:26: a size is missing between tw"),
    "a hostile type": (
        contract(r'inputs: {x: "\e[31m"}'),
        r'4:26: "\x1b[31m" is no type',
    ),
    "max_bytes": (contract("max_bytes: 1.5"), '4:25: max_bytes is a whole number, not "1.5"'),
    "max_bytes, unit": (contract("max_bytes: 1 MB"), '4:25: max_bytes is a whole number, not "1 M'),
    "max_bytes, negative": (contract("max_bytes: -1"), "4:25: max_bytes is a whole number, not"),
    "max_bytes as text": (contract("max_bytes: '1'"), "4:25: max_bytes is a whole number, not"),
    "metadata": (contract("metadata: [a]"), "4:24: metadata is a mapping, not a list"),
    "metadata's value": (contract("metadata: {a: [b]}"), "4:28: metadata a is text, not a list"),
    "metadata, a word": (
        contract("metadata: {a: yes}"),
        "4:28: metadata a is text, and YAML reads yes as a boolean: quote it",
    ),
    "parity": (entry("parity: a:b"), "4:11: parity is a mapping, not text"),
    "parity's key": (
        parity("torch: a:b, trial: 3"),
        '4:24: unknown key "trial" in parity (did you mean trials',
    ),
    "nothing to compare with": (
        parity("trials: 3"),
        "4:11: parity compares with one thing: 'torch' or 'reference'",
    ),
    "two things": (
        parity("torch: a:b, reference: c.onnx"),
        "4:11: parity compares with one thing: 'torch' or 'reference'",
    ),
    "torch": (parity("torch: [a]"), "4:19: torch is text, not a list"),
    "reference": (parity("reference: ''"), "4:23: reference is empty"),
    "weights": (parity("torch: a:b, weights: {}"), "4:33: weights is text, not a mapping"),
    "atol": (parity("torch: a:b, atol: small"), '4:30: atol is a number, not "small"'),
    "trials": (parity("torch: a:b, trials: 1.5"), '4:32: trials is a whole number, not "1.5"'),
    "seed": (parity("torch: a:b, seed: x"), '4:30: seed is a whole number, not "x"'),
    "opset of parity": (parity("torch: a:b, opset: x"), '4:31: opset is a whole number, not "x"'),
    "shapes": (parity("torch: a:b, shapes: x"), "4:32: shapes is a list, not text"),
    "inputs of parity": (parity("torch: a:b, inputs: x"), "4:32: inputs is a list, not text"),
    "ignore": (parity("torch: a:b, ignore: {}"), "4:32: ignore is a list, not a mapping"),
    "provider": (parity("torch: a:b, provider: []"), "4:34: provider is text, not a list"),
    "waivers": (entry("waivers: a"), "4:12: waivers is a list, not text"),
    "waiver": (entry("waivers: [a]"), "4:13: a waiver is a mapping, not text"),
    "waiver's key": (
        entry(f"waivers: [{WAIVER.replace('reason', 'reasons')}]"),
        '4:42: unknown key "reasons" in a waiver (did you mean reason?)',
    ),
    "waiver without": (
        entry("waivers: [{model: m.onnx, code: OG101, reason: known}]"),
        "4:13: a waiver needs 'expires'",
    ),
    "waiver's date": (
        entry(f"waivers: [{WAIVER.replace('2026-05-03', '2026-02-30')}]"),
        '4:66: "2026-02-30" is not a date such as 2026-05-03',
    ),
    "waiver's day": (
        entry(f"waivers: [{WAIVER.replace('2026-05-03', '3.5.2026')}]"),
        '4:66: "3.5.2026" is not a date such as 2026-05-03',
    ),
    "waiver's code": (
        entry(f"waivers: [{WAIVER.replace('OG101', 'OG821')}]"),
        '4:35: "OG821" is not a rule that can be waived',
    ),
    "waiver's hostile code": (
        entry('waivers: [{model: m.onnx, code: "\\e", reason: known, expires: 2026-05-03}]'),
        "4:35: ",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_slip(name: str, root: Path) -> None:
    text, said = SLIPS[name]
    (root / "bad.yaml").write_text("schema: 7\n")
    (root / "onnxguard.yaml").write_text(text)
    line = refused("check")
    assert line.startswith("onnxguard.yaml:")
    assert said.format(root=root) in line


@pytest.mark.parametrize("code", sorted(CODES))
def test_what_is_decided_after_the_waivers_cannot_be_waived(code: str) -> None:
    Path("onnxguard.yaml").write_text(entry(f"waivers: [{WAIVER.replace('OG101', code)}]"))
    assert f'"{code}" is not a rule that can be waived' in refused("check")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"schema: 1\n# caf\xe9\n", "onnxguard.yaml:2:6: not UTF-8"),
        (b"\xff\xfes\0c\0", "onnxguard.yaml:1:1: not UTF-8"),
        (b"schema: 1 \0\n", "not YAML"),
        (b"#" * (1 << 24) + b"\n", "larger than 16777216 bytes, too large for a manifest"),
        (b"[" * 100_000, "nested deeper than 16"),
        (b"{a: " * 100_000, "nested deeper than 16"),
    ],
    ids=["UTF-8", "UTF-16", "NUL", "large", "lists", "mappings"],
)
def test_file_that_is_no_manifest(content: bytes, said: str) -> None:
    Path("onnxguard.yaml").write_bytes(content)
    assert said in refused("check")


def test_byte_order_mark_is_skipped() -> None:
    write_models(m=RELU)
    path = write_manifest()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert status() == 0


def test_manifest_that_is_no_file(root: Path) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "fifo")
    os.symlink("loop", root / "loop")
    for name, said in {
        "missing.yaml": "No such file or directory",
        "folder": "Is a directory",
        "fifo": "not a regular file",
        "loop": "symbolic links",
        "/dev/null": "not a regular file",
        "a\x1b[31m": "No such file",
    }.items():
        for command in ("check", "lock"):
            line = refused(command, "--manifest", name)
            assert ": cannot be read: " in line
            assert said in line


@pytest.mark.parametrize("kind", ["folder", "fifo", "broken link"])
def test_a_manifest_that_is_none_is_not_passed_over_for_one_above(
    kind: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_models(m=RELU)
    write_manifest()
    nearer = root / "sub" / "onnxguard.yaml"
    nearer.parent.mkdir()
    {"folder": nearer.mkdir, "fifo": lambda: os.mkfifo(nearer)}.get(
        kind, lambda: nearer.symlink_to("nowhere")
    )()
    monkeypatch.chdir(nearer.parent)
    for command in ("check", "lock"):
        assert refused(command).startswith("onnxguard.yaml: cannot be read: ")


@pytest.mark.parametrize("command", ["check", "lock"])
def test_no_manifest(command: str) -> None:
    assert refused(command) == (
        "no onnxguard.yaml here or in a folder above, up to the repository's root: "
        "onnxguard init writes one"
    )


def test_nearest_manifest_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(m=TANH)
    write_manifest()
    for name in ("a", "a/b", "a/b/c"):
        Path(name).mkdir()
    write_list(root / "a")
    write_manifest(folder="a")
    write_models(**{"a/b/m": RELU})
    assert status() == 1
    monkeypatch.chdir("a/b/c")
    assert find_manifest(Path.cwd()) == root / "a" / "onnxguard.yaml"
    assert status() == 0
    code, out, _ = run("check", "--manifest", "../../../onnxguard.yaml")
    assert (code, "a/b/m.onnx" in out) == (1, True)


@pytest.mark.parametrize("kind", ["folder", "file", "link", "none"])
def test_a_manifest_above_the_repository_is_not_read(
    kind: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent's, or one in a shared temporary folder."""
    write_models(m=RELU)
    write_manifest()
    inner = root / "inner"
    inner.mkdir()
    (root / ".git").rmdir()
    make_git(inner, kind)
    monkeypatch.chdir(inner)
    assert "no onnxguard.yaml here" in refused("check")
    monkeypatch.chdir(root)
    assert status() == 0


FULL = """\
schema: 1
lock: true
exclude: [old/**, "*.tmp.onnx"]
models:
  - paths: [m.onnx, "a/[!b]*.onnx"]
    allowlist: ./mine.yaml
    contract:
      opset: {"": 17, com.microsoft: 1..}
      ir_version: 8
      inputs:
        x: float32[1,3,H,?]
        "yes": "int64[]"
        s: sequence(tensor) float32[...]
      outputs: {}
      max_bytes: 1_000
      metadata: {name: "*", version: 1.0, "\\e": x}
    parity:
      torch: package.module:make
      weights: w.safetensors
      atol: 1e-3
      trials: 3
      seed: 0
      opset: 17
      shapes: ["x=1,3,8,8"]
      inputs: [a.npz]
      ignore: [OP109]
      provider: CPUExecutionProvider
      optimization_level: all
    full_check: {seconds: 7}
    waivers:
      - {model: m.onnx, code: OG101, operator: Tanh, reason: known, expires: 2026-05-03}
    shapes: ["x=1x3x8x8", b=]
    limits: {macs: 10, activation_bytes: 20, largest_tensor: 30}
  - paths: ["**"]
"""


def test_every_key_is_read(root: Path) -> None:
    (root / "onnxguard.yaml").write_text(FULL)
    found = read_manifest("onnxguard.yaml")
    assert (found.root, found.path, found.lock) == (str(root), "onnxguard.yaml", True)
    assert found.exclude == ("old/**", "*.tmp.onnx")
    first, last = found.entries
    assert first.paths == ("m.onnx", "a/[!b]*.onnx")
    assert (first.policy.id, first.place) == ("mine", "onnxguard.yaml:5")
    assert last[2:] == (None, None, (), "onnxguard.yaml:34", None, (), ())
    assert last.policy.id == "adr-0258"
    assert last.judging is last.policy
    assert first.full_check == FullCheckLimits(7, 8192)
    assert first.sizes == (("x", (1, 3, 8, 8)), ("b", ()))
    assert [(name, limit.value) for name, limit in first.limits] == [
        ("macs", 10), ("activation_bytes", 20), ("largest_tensor", 30)
    ]  # fmt: skip
    assert first.judging.sizes == first.sizes
    assert first.judging.limit("macs") == 10
    agreed = first.contract
    assert agreed is not None
    assert agreed.opset == {"ai.onnx": Range(17, 17), "com.microsoft": Range(1, None)}
    assert agreed.ir_version == Range(8, 8)
    assert agreed.inputs == (
        Signature("x", "tensor", "float32", (1, 3, "H", None)),
        Signature("yes", "tensor", "int64", ()),
        Signature("s", "sequence(tensor)", "float32", None),
    )
    assert agreed.outputs == ()
    assert agreed.max_bytes == 1000
    assert agreed.metadata == {"name": None, "version": "1.0", "\\x1b": "x"}
    assert first.parity is not None
    assert first.parity[:3] == ("package.module:make", None, "w.safetensors")
    assert first.parity.settings == {
        "atol": 1e-3,
        "trials": 3,
        "seed": 0,
        "opset": 17,
        "shapes": ("x=1,3,8,8",),
        "inputs": ("a.npz",),
        "ignore": ("OP109",),
        "provider": "CPUExecutionProvider",
        "optimization_level": "all",
    }
    assert [(w.code, w.operator, w.source) for w in first.waivers] == [
        ("OG101", "Tanh", "onnxguard.yaml:31:9")
    ]


def test_costs_are_judged_for_the_sizes_of_the_entry() -> None:
    write_models(m=RELU)  # x and y: 768 bytes each of [1, 3, 8, 8]
    entry = "  - {paths: [m.onnx], allowlist: ./mine.yaml, MORE limits: {activation_bytes: SIZE}}\n"
    write_manifest(entry.replace("SIZE", "1535").replace("MORE", ""))
    assert codes() == {"m.onnx": ["OG210"]}
    assert told("OG210") == ["a run holds 1,536 bytes at once, 1,535 are allowed"]
    write_manifest(entry.replace("SIZE", "1536").replace("MORE", "shapes: [x=1x3x8x8],"))
    assert codes() == {}
    write_manifest(entry.replace("SIZE", "1536").replace("MORE", "shapes: [z=1x3x8x8],"))
    assert codes() == {"m.onnx": ["OG008"]}
    assert status() == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("shapes: [x]", '5:14: shapes: "x": write INPUT=DIMS, as image=1x3x256x256'),
        ("limits: {nodes: 1}", '5:14: unknown key "nodes" in an entry'),
        ("limits: {macs: many}", "5:20: "),
    ],
)
def test_costs_that_cannot_be_read(line: str, said: str, root: Path) -> None:
    (root / "onnxguard.yaml").write_text(f"schema: 1\nmodels:\n  - paths: [m.onnx]\n\n    {line}\n")
    with pytest.raises(ManifestError) as caught:
        read_manifest("onnxguard.yaml")
    assert f"onnxguard.yaml:{said}" in str(caught.value)


def test_manifest_error_names_its_file() -> None:
    with pytest.raises(ManifestError, match=r"^nowhere/onnxguard\.yaml: cannot be read: "):
        read_manifest("nowhere/onnxguard.yaml")


# -- which entry covers what -----------------------------------------------------------------------


def test_the_first_entry_counts() -> None:
    write_models(a=TANH, b=TANH)
    write_list(Path(), "operators: [{names: [Tanh]}]\n", "wide.yaml")
    wide = "  - {paths: [a.onnx], allowlist: ./wide.yaml}\n"
    write_manifest(wide, EVERY)
    assert codes() == {"b.onnx": ["OG101"]}
    write_manifest(EVERY, wide)
    assert codes() == {
        "a.onnx": ["OG101"],
        "b.onnx": ["OG101"],
        "onnxguard.yaml": ["OG812"],
    }
    assert told("OG812") == ["the entry of a.onnx covers no model"]
    assert status() == 1


def test_exclude_is_said() -> None:
    write_models(a=RELU, b=TANH)
    write_manifest(more="exclude: ['b*']\n")
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert "\nleft out by 'exclude': b.onnx\nPASS: " in out
    assert run("check", "-q") == (0, "", "left out by 'exclude': b.onnx\n")
    assert run("check", "--format", "json")[2] == "left out by 'exclude': b.onnx\n"
    assert run("check", "--output", "report")[2] == "left out by 'exclude': b.onnx\n"
    assert "left out by 'exclude': b.onnx\n" in Path("report").read_text()
    write_manifest("  - {paths: [b.onnx]}\n", EVERY, more="exclude: ['b*']\n")
    assert codes() == {"onnxguard.yaml": ["OG812"]}


UNCOVERED = [
    "m.onnx",
    "M.ONNX",
    "m.Onnx",
    ".onnx",
    ".hidden.onnx",
    "a/m.onnx",
    ".hidden/m.onnx",
    "a/b/c/d/m.onnx",
    "node_modules/m.onnx",
    "venv/m.onnx",
    "a b.onnx",
    "\U0001f600.onnx",
    "-m.onnx",
    "git/.github/m.onnx",
]


@pytest.mark.parametrize("path", UNCOVERED)
def test_model_that_no_entry_covers(path: str) -> None:
    write_models(known=RELU)
    write_manifest("  - {paths: [known.onnx], allowlist: ./mine.yaml}\n")
    assert status() == 0
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(RELU)
    assert codes() == {path: ["OG811"]}
    assert told("OG811") == ["no entry of onnxguard.yaml covers the model"]
    assert status() == 1
    write_manifest(
        "  - {paths: [known.onnx], allowlist: ./mine.yaml}\n", more="exclude: ['[!k]*', '*/**']\n"
    )
    assert status() == 0


def test_case_of_a_suffix_is_no_way_out() -> None:
    write_models(known=RELU)
    Path("M.ONNX").write_bytes(TANH)
    write_manifest()
    assert codes() == {"M.ONNX": ["OG811"]}
    write_manifest("  - {paths: ['**/*.[oO][nN][nN][xX]'], allowlist: ./mine.yaml}\n")
    assert codes() == {"M.ONNX": ["OG101"]}


def test_what_is_not_looked_at() -> None:
    write_models(known=RELU)
    for folder in (".git", "a/.git", "env", "env/lib"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_models(**{f"{folder}/m": TANH})
    write_manifest()
    assert list(codes()) == ["env/lib/m.onnx", "env/m.onnx"]
    Path("env/pyvenv.cfg").write_text("home = /usr\n")  # hides nothing
    assert list(codes()) == ["env/lib/m.onnx", "env/m.onnx"]
    write_manifest(more="exclude: [env/**]\n")
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert "left out by 'exclude': env/\n" in out


def test_links(root: Path) -> None:
    (root.parent / "elsewhere").mkdir()
    (root.parent / "elsewhere" / "m.onnx").write_bytes(TANH)
    write_models(known=RELU)
    os.symlink(root.parent / "elsewhere" / "m.onnx", "link.onnx")
    Path("a").mkdir()
    os.symlink("..", "a/folder")
    write_manifest()
    assert codes() == {"link.onnx": ["OG101"]}
    assert status("link.onnx") == 1
    assert "not followed: a link to a folder: a/folder\n" in run("check")[2]
    os.symlink("nowhere", "broken.onnx")
    assert codes()["broken.onnx"] == ["OG001"]
    assert status() == 2


def test_a_link_to_a_folder_outside_hides_no_model(root: Path) -> None:
    (root.parent / "elsewhere").mkdir()
    (root.parent / "elsewhere" / "m.onnx").write_bytes(TANH)
    write_models(known=RELU)
    os.symlink(root.parent / "elsewhere", "folder")
    write_manifest()
    assert (codes(), status()) == ({"folder": ["OG811"]}, 1)
    write_manifest("  - {paths: ['**'], allowlist: ./mine.yaml}\n")
    assert (codes(), status()) == ({"folder": ["OG001"]}, 2)
    assert "folder cannot be locked" in refused("lock")
    write_manifest(more="exclude: [folder]\n")
    code, out, _ = run("check")
    assert (code, "left out by 'exclude': folder\n" in out) == (0, True)


def test_what_an_entry_names_is_a_model_whatever_it_is_called() -> None:
    write_models(known=RELU)
    Path("weights.bin").write_bytes(TANH)
    Path("other.bin").write_bytes(TANH)
    write_manifest("  - {paths: [weights.bin, '*.onnx'], allowlist: ./mine.yaml}\n")
    assert codes() == {"weights.bin": ["OG101"]}
    write_manifest("  - {paths: ['*'], allowlist: ./mine.yaml}\n")
    assert codes() == {}  # a star is meant for models
    write_manifest("  - {paths: ['*.bin', '*'], allowlist: ./mine.yaml}\n")
    assert codes() == {"weights.bin": ["OG101"], "other.bin": ["OG101"]}


def test_entries_without_number() -> None:
    """What names a path is looked up; a pattern before it still counts."""
    names = [f"m{at}" for at in range(300)]
    write_models(**dict.fromkeys(names, RELU))
    literal = "".join(f"  - {{paths: [{name}.onnx], allowlist: ./mine.yaml}}\n" for name in names)
    write_manifest("  - {paths: ['m1[0-4].onnx']}\n" + literal)
    assert codes()["onnxguard.yaml"] == ["OG812"] * 5


# -- paths -----------------------------------------------------------------------------------------


def test_paths_choose_models(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "ab", "..c"):
        Path(name).mkdir()
    write_models(**{"a/m": RELU, "a/n": TANH, "ab/m": TANH, "..c/m": RELU, "o": TANH})
    write_manifest(EVERY, "  - {paths: [unused.onnx]}\n")
    assert "onnxguard.yaml" in codes()
    for given, failing in {
        "a": ["a/n.onnx"],
        "a/": ["a/n.onnx"],
        "./a/../a/n.onnx": ["a/n.onnx"],
        "a/m.onnx": [],
        "..c": [],
        "..c/m.onnx": [],
        str(root / "o.onnx"): ["o.onnx"],
        ".": ["a/n.onnx", "ab/m.onnx", "o.onnx", "onnxguard.yaml"],
    }.items():
        assert list(codes(given)) == failing, given
    assert list(codes("a", "o.onnx")) == ["a/n.onnx", "o.onnx"]
    monkeypatch.chdir("a")
    assert list(codes("n.onnx")) == ["a/n.onnx"]
    assert list(codes("../o.onnx")) == ["o.onnx"]
    assert list(codes(".")) == ["a/n.onnx"]
    assert list(codes()) == ["a/n.onnx", "ab/m.onnx", "o.onnx", "../onnxguard.yaml"]


@pytest.mark.parametrize("given", ["b", "a.onnx", "mine.yaml", "M.onnx", "\x1b[2J"])
def test_path_to_no_model(given: str) -> None:
    Path("a").mkdir()
    write_models(**{"a/m": RELU})
    write_manifest()
    assert refused("check", given).endswith(
        "is not a model of onnxguard.yaml, nor a folder with one"
    )


@pytest.mark.parametrize("given", ["..", "../b", "/", "/nowhere.onnx"])
def test_path_outside(given: str) -> None:
    write_models(m=RELU)
    write_manifest()
    assert "lies outside the folder of onnxguard.yaml" in refused("check", given)


def test_nothing_there_is_no_success(root: Path) -> None:
    write_manifest()
    said = f"no models below {root}: nothing was verified"
    assert refused("check") == said
    write_models(m=RELU)
    write_manifest(more="exclude: ['**']\n")
    assert refused("check") == said
    assert refused("lock") == f"no models below {root}: there is nothing to lock"
