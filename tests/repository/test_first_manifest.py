"""``onnxguard init`` writes a manifest that holds for the models as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import graph, message, node, opset_import, value
from support.repositories import (
    POINTER,
    RELU,
    TANH,
    codes,
    enter,
    hostile_models,
    refused,
    status,
    told,
    weighted,
    write_models,
)

from onnxguard.repository.first_manifest import ENTRIES
from onnxguard.repository.manifest_file import read_manifest

MANIFEST = Path("onnxguard.yaml")
SAMPLES = Path(__file__).parent.parent / "models"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def init(*arguments: str) -> str:
    code, out, err = run("init", "--allowlist", "mine.yaml", *arguments)
    assert (code, err) == (0, ""), err
    return out


def entries() -> list[tuple[str, ...]]:
    return [entry.paths for entry in read_manifest(MANIFEST).entries]


def test_first_manifest() -> None:
    Path("a").mkdir()
    write_models(m=RELU, n=weighted(bytes(8)), **{"a/t": TANH})
    write_models(**{"a/other": pb.model(graph(node("Relu"), input=value("x", 10, ["N"])))})
    assert init() == (
        "wrote onnxguard.yaml: 4 models in 3 entries; look at it, then run onnxguard lock and "
        "onnxguard check\n"
    )
    text = MANIFEST.read_text()
    head, _, rest = text.partition("models:\n")
    assert head.endswith("schema: 1\nlock: true\n")
    assert rest == (
        """\
  - paths: [a/other.onnx]
    allowlist: "./mine.yaml"
    contract:
      opset: 17
      inputs:
        x: float16[N]
      outputs:
        "y": float32[1,3,8,8]
  - paths: [a/t.onnx]
    allowlist: "./mine.yaml"
    # a/t.onnx fails today: OG101 (Tanh)
    contract:
      opset: 17
      inputs:
        x: float32[1,3,8,8]
      outputs:
        "y": float32[1,3,8,8]
  - paths:
      - m.onnx
      - n.onnx
    allowlist: "./mine.yaml"
    contract:
      opset: 17
      inputs:
        x: float32[1,3,8,8]
      outputs:
        "y": float32[1,3,8,8]
"""
    )
    assert "asks for onnxguard.lock" in refused("check")
    run("lock")
    assert codes() == {"a/t.onnx": ["OG101"]}


@pytest.mark.parametrize(
    ("count", "paths"), [(16, 16), (17, 1)], ids=["named one by one", "by a pattern"]
)
def test_many_models_of_a_kind(count: int, paths: int) -> None:
    for folder in ("a[1]", "b"):
        Path(folder).mkdir()
        write_models(**{f"{folder}/{at}": RELU for at in range(count)})
    init()
    first, second = entries()
    assert (len(first), len(second)) == (paths, paths)
    if paths == 1:
        assert (first, second) == (("a[[]1]/*.onnx",), ("b/*.onnx",))
    run("lock")
    assert codes() == {}


def test_a_pattern_covers_no_other_kind() -> None:
    write_models(**{f"{at:02}": RELU for at in range(20)})
    write_models(other=pb.model(graph(node("Relu")), opset=16))
    init()
    assert [len(paths) for paths in entries()] == [20, 1]
    Path("other.onnx").unlink()
    Path("UPPER.ONNX").write_bytes(RELU)
    init("--force")
    assert [len(paths) for paths in entries()] == [21]
    run("lock")
    assert codes() == {}


NAMES = """
    yes no on off y n true null ~ 1 1.0 1e3 0x1f 2026-05-03 a:b a#b #a -a *a &a !a %a @a `a` 'a' "a"
    {a} [a] a,b a*b a?b [!a] ** a** =a <<  | > ? a\\b \\ é \U0001f600 ... --- a- .a ${a} ::error::a
""".split()  # noqa: SIM905 - they are many
ODD = ["a b", " a", "a ", "a: b", "a #b", "\n", "a\nb", "\t", "\x1b[31m", "\x7f", "\x85", "\ufeff"]
ODD += ["\u2028", "\u202e", "\udcff", "caf\udce9", "\ue000", "\U000e0001", "é" * 100]


def test_any_file_name() -> None:
    names = [*NAMES, *ODD]
    for at, folder in enumerate([*NAMES, *ODD[:-1]]):
        Path(folder).mkdir()
        write_models(**{f"{folder}/{name}": RELU for name in (names[at], names[-at], "a")})
    init()
    run("lock")
    assert codes("--no-cache") == {}
    assert all(len(paths) in {2, 3} for paths in entries())
    write_models(new=RELU)
    assert list(codes("--no-cache")) == ["new.onnx"]


DIMS: dict[str, list[int | str]] = {
    "number": [1, 0, 2**31, 2**62],
    "negative": [-1, -(2**63)],
    "symbol": ["N", "batch_size", "é", "N/2", "2*N", "a.b"],
    "like a number": ["1", "-1", "07"],
    "like any": ["?", "..."],
    "any among others": [1, "...", "?"],
    "empty": [""],
    "space": ["a b", " "],
    "comma": ["a,b"],
    "bracket": ["a]", "[a"],
    "colon": ["a: b", "a:b", "#a"],
    "emoji": ["\U0001f600"],
    "hostile": ["\x1b[31m", "\u202e", "::error::"],
    "many": [*range(40)],
    "none": [],
}


@pytest.mark.parametrize("name", DIMS)
def test_any_dims(name: str) -> None:
    shapes = [DIMS[name], *([dim] for dim in DIMS[name])]
    for at, dims in enumerate(shapes):
        write_models(**{str(at): pb.model(graph(node("Relu"), input=value("x", 1, dims)))})
    init()
    run("lock")
    assert "OG813" not in str(codes("--no-cache"))
    write_models(other=pb.model(graph(node("Relu"), input=value("x", 1, ["other", "other"]))))
    text = MANIFEST.read_text()
    assert "float32[...]" not in text


TENSORS = [*NAMES, *ODD[:14], "x" * 300, "\U000e0001" * 300, "a" * 1100, "inputs", "*", "", " "]


def unlocked() -> str:
    """The text of a first manifest, which asks for no lock here."""
    init()
    MANIFEST.write_text(MANIFEST.read_text().replace("lock: true\n", ""))
    return MANIFEST.read_text()


def test_a_dimension_that_cannot_be_spelt_is_any() -> None:
    dims = ["batch", "2*s1 + 1", "?", "floor_div(s1,8)", 3]
    write_models(m=pb.model(graph(node("Relu"), input=value("x"), output=value("y", dims=dims))))
    text = unlocked()
    assert "x: float32[1,3,8,8]\n" in text
    said = 'the model calls "2*s1 + 1", "?", "floor_div(s1,8)" what is ? here'
    assert f'"y": float32[batch,?,?,?,3]  # {said}\n' in text
    assert "OG813" not in codes().get("m.onnx", [])


def test_inputs_that_are_initializers_are_left_out() -> None:
    weights = pb.tensor(1, [2], "w", raw_data=bytes(8))
    inputs = [value("x", dims=[2]), value("w", dims=[2])]
    made = graph(node("Relu"), input=inputs, output=value("y", dims=[2]), initializer=weights)
    write_models(m=pb.model(made, ir=3))
    text = unlocked()
    assert "inputs:\n        x: float32[2]\n      outputs:" in text
    assert codes() == {}
    named = text.replace("x: float32[2]\n", "x: float32[2]\n        w: float32[2]\n")
    MANIFEST.write_text(named)  # as manifests were written once
    assert codes() == {}
    MANIFEST.write_text(text.replace("x: float32[2]\n", "z: float32[2]\n"))
    assert told("OG813") == ["the inputs are x instead of z"]


def test_maps_keep_their_keys() -> None:
    tensor_type = message("TypeProto", tensor_type=message("TypeProto.Tensor", elem_type=1))
    made = message("TypeProto.Map", key_type=8, value_type=tensor_type)
    kind = message("TypeProto", map_type=made)
    listed = message("TypeProto", sequence_type=message("TypeProto.Sequence", elem_type=kind))
    inputs = [
        message("ValueInfoProto", name=name, type=t) for name, t in (("m", kind), ("s", listed))
    ]
    write_models(m=pb.model(graph(node("Relu", "x"), input=[value("x"), *inputs])))
    text = unlocked()
    assert 'm: "map(string,tensor) float32[...]"\n' in text
    assert 's: "sequence(map(string,tensor)) float32[...]"\n' in text
    assert codes() == {}
    MANIFEST.write_text(text.replace("map(string,tensor)", "map(tensor)"))  # as once written
    assert codes() == {}
    MANIFEST.write_text(text.replace("map(string,tensor)", "map(int64,tensor)"))
    assert codes() == {"m.onnx": ["OG813", "OG813"]}


def test_any_name_of_a_tensor() -> None:
    for at, name in enumerate(TENSORS):
        made = graph(node("Relu"), input=value(name.strip("\udcff")), output=value("y"))
        entry, domain = pb.entry(name.strip("\udcff"), "v"), opset_import(name.strip("\udcff"), 1)
        write_models(**{str(at): pb.model(made, metadata_props=entry, opset_import=domain)})
    init()
    run("lock")
    assert "OG813" not in str(codes("--no-cache"))


@pytest.mark.parametrize("version", [0, 1, 2**31, 10**9 - 1, 10**9, 2**63 - 1, -1])
def test_any_version(version: int) -> None:
    write_models(m=pb.model(graph(node("Relu")), opset=version))
    init()
    run("lock")
    assert "OG813" not in str(codes("--no-cache"))


def test_inputs_that_a_manifest_cannot_name() -> None:
    kinds = {
        "twice": [value("x"), value("x")],
        "untyped": [message("ValueInfoProto", name="x")],
        "unknown": [value("x", 99)],
        "none": [],
    }
    for name, inputs in kinds.items():
        write_models(**{name: pb.model(graph(node("Relu"), input=inputs))})
    write_models(versions=pb.model(graph(node("Relu")), opset_import=opset_import("", 11)))
    init()
    run("lock")
    assert "OG813" not in str(codes("--no-cache"))


def test_our_own_models() -> None:
    shutil.copytree(SAMPLES, "models")
    code, _, err = run("init")
    assert (code, err) == (0, "")
    run("lock")
    assert codes("--no-cache") == {"models/int8.onnx": ["OG101", "OG101"]}
    assert status("models/saliency_v2.onnx") == 0


def test_hostile_models() -> None:
    held = hostile_models()
    assert len(held) > 20
    for at, data in enumerate(held.values()):
        Path(str(at)).mkdir()
        write_models(**{f"{at}/m": data})
    init()
    MANIFEST.write_text(MANIFEST.read_text().replace("lock: true", "lock: false"))
    assert len({path for paths in entries() for path in paths}) == len(held)
    assert not {"OG811", "OG812", "OG813"} & {
        c for found in codes("--no-cache").values() for c in found
    }


def test_models_that_cannot_be_read_are_covered_too() -> None:
    write_models(a=POINTER, b=RELU, c=b"")
    os.mkfifo("d.onnx")
    os.symlink("nowhere", "e.onnx")
    init()
    assert "# a.onnx fails today: OG002" in MANIFEST.read_text()
    said = run("lock")[2]
    assert "4 of 5 models cannot be locked" in said
    assert "a.onnx: OG002" in said
    MANIFEST.write_text(MANIFEST.read_text().replace("lock: true", "lock: false"))
    found = codes("--no-cache")
    assert {path: each[0] for path, each in found.items()} == {
        "a.onnx": "OG002",
        "c.onnx": "OG002",
        "d.onnx": "OG001",
        "e.onnx": "OG001",
    }


# -- the command -----------------------------------------------------------------------------------


def test_what_is_no_manifest_is_not_written_over() -> None:
    write_models(m=RELU)
    MANIFEST.write_text("mine\n")
    assert "onnxguard.yaml:1:1: a manifest is a mapping" in refused("init")
    assert MANIFEST.read_text() == "mine\n"
    init("--force")
    assert entries() == [("m.onnx",)]
    MANIFEST.unlink()
    os.symlink("nowhere", MANIFEST)
    for options in ((), ("--force",), ("--add",)):
        assert "link" in refused("init", *options)
    assert not Path("nowhere").exists()


def test_folder_and_list(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub/lists").mkdir(parents=True)
    write_models(**{"sub/m": RELU})
    write_list(root / "sub" / "lists")
    for given, written in {
        "mine.yaml": "../mine.yaml",
        "sub/lists/mine.yaml": "lists/mine.yaml",
        str(root / "mine.yaml"): "../mine.yaml",
        "adr-0258": "adr-0258",
    }.items():
        code, _, err = run("init", "sub", "--force", "--allowlist", given)
        assert (code, err) == (0, "")
        text = Path("sub/onnxguard.yaml").read_text()
        assert f"\n    allowlist: {written}\n" in text.replace('"', "")
    assert not MANIFEST.exists()
    monkeypatch.chdir("sub")
    shutil.copy("../mine.yaml", "here.yaml")
    shutil.copy("../small.yaml", "small.yaml")
    assert run("init", "--force", "--allowlist", "here.yaml")[0] == 0
    assert "    allowlist: ./here.yaml\n" in MANIFEST.read_text().replace('"', "")
    run("lock")
    assert status() == 0


def test_what_cannot_be_written_down(root: Path) -> None:
    said = f"no models below {root}: there is nothing to write down"
    assert refused("init") == said
    write_models(m=RELU)
    assert refused("init", "nowhere") == '"nowhere" is not a folder'
    assert refused("init", "m.onnx") == '"m.onnx" is not a folder'
    assert "no allowlist" in refused("init", "--allowlist", "adr-0259")
    assert "cannot be read" in refused("init", "--allowlist", "lost.yaml")
    assert not MANIFEST.exists()


def test_list_with_an_odd_path() -> None:
    folder = "a b: #c\U0001f600\\"
    Path(folder).mkdir()
    write_list(Path(folder))
    write_models(m=RELU)
    code, _, err = run("init", "--allowlist", f"{folder}/mine.yaml")
    assert (code, err) == (0, "")
    run("lock")
    assert status() == 0


def test_installed_packages_are_excluded() -> None:
    write_models(m=RELU)
    for folder in ("env [1]", "tools/env"):
        Path(folder, "lib").mkdir(parents=True)
        Path(folder, "pyvenv.cfg").write_text("home = /usr\n")
        write_models(**{f"{folder}/lib/t": TANH})
    init()
    assert read_manifest(MANIFEST).exclude == ("env [[]1]/**", "tools/env/**")
    MANIFEST.write_text(MANIFEST.read_text().replace("lock: true\n", ""))
    code, out, err = run("check", "-q")
    assert (code, out) == (0, "")
    assert err == "left out by 'exclude': env [1]/lib/t.onnx, tools/env/\n"


def test_a_folder_for_each_model_makes_few_entries() -> None:
    for at in range(150):
        Path(f"f{at}").mkdir()
        write_models(**{f"f{at}/m": weighted(bytes(at))})
    init()
    assert [len(paths) for paths in entries()] == [150]


def test_many_kinds_are_told_by_folder_and_many_folders_by_the_one_above() -> None:
    for at in range(ENTRIES + 1):
        Path(f"a/f{at % 3}").mkdir(parents=True, exist_ok=True)
        model = pb.model(graph(node("Relu"), input=value("x", dims=(at + 1,))))
        write_models(**{f"a/f{at % 3}/{at}": model})
    init()
    assert entries() == [("a/f0/*.onnx",), ("a/f1/*.onnx",), ("a/f2/*.onnx",)]
    assert [entry.contract for entry in read_manifest(MANIFEST).entries] == [None] * 3
    for at in range(ENTRIES + 1):
        Path(f"b/{at}").mkdir(parents=True)
        model = pb.model(graph(node("Relu"), input=value("x", dims=(at + 1, 2))))
        write_models(**{f"b/{at}/m": model})
    init("--force")
    assert entries() == [("a/**",), ("b/**",)]
    run("lock")
    assert codes() == {}


# -- adding to one that is there -------------------------------------------------------------------

KEPT = """\
# ours
schema: 1   # the first
lock: true
models:
- paths: [m.onnx]  # reviewed by us
  allowlist: ./small.yaml

  waivers:
  - {model: m.onnx, code: OG101, reason: "known", expires: 2099-01-01}
  # until the next release
# what is left out
exclude: [out/**]
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("options", [(), ("--add",)])
def test_new_models_are_added_and_every_word_stays(options: tuple[str, ...], end: str) -> None:
    write_models(m=RELU, n=TANH, o=RELU)
    MANIFEST.write_bytes(KEPT.replace("\n", end).encode())
    assert init(*options) == (
        "added 2 models in 1 entry to onnxguard.yaml; look at it, then run onnxguard lock\n"
    )
    assert entries() == [("m.onnx",), ("n.onnx", "o.onnx")]
    text = MANIFEST.read_bytes().decode()
    added = text.split(end)
    assert [line for line in KEPT.split("\n") if line in added] == KEPT.split("\n")
    head, tail = KEPT.replace("\n", end).split("# what is left out")
    assert text.startswith(head)
    assert text.endswith(f"# what is left out{tail}")
    assert "    - n.onnx" in added
    assert init(*options) == "onnxguard.yaml covers every model: there is nothing to add\n"
    assert MANIFEST.read_bytes().decode() == text
    run("lock")
    assert codes()["n.onnx"] == ["OG101"]


@pytest.mark.parametrize(
    "text",
    [
        "schema: 1\nmodels:\n      - paths: [m.onnx]",
        "schema: 1\nmodels:\n  -\n    paths:\n    - m.onnx\n\n\n",
        "models:\n  - paths: [\n      m.onnx,\n    ]\nschema: 1\n",
        "schema: 1\nmodels:\n  - {paths: [m.onnx]}\n  # the end\n...\n",
        "schema: 1\nmodels:\n  - paths: [m.onnx]\n    contract:\n      metadata: {a: |-\n}\n",
        'schema: 1\nmodels:\n- paths: [m.onnx]\n  contract: {metadata: {a: "b\n    c"}}\n',
    ],
    ids=["no newline", "item alone", "flow over lines", "end mark", "not YAML", "text over lines"],
)
def test_entries_are_added_however_the_manifest_is_laid_out(text: str) -> None:
    write_models(m=RELU, n=RELU)
    MANIFEST.write_text(text)
    if "|-" in text:
        refused("init")
        assert MANIFEST.read_text() == text
        return
    init()
    assert entries() == [("m.onnx",), ("n.onnx",)]
    written = iter(MANIFEST.read_text().splitlines())
    assert all(line in written for line in text.rstrip().splitlines())  # in their order


def test_models_in_one_line_are_not_added_to() -> None:
    write_models(m=RELU, n=RELU)
    MANIFEST.write_text("schema: 1\nmodels: [{paths: [m.onnx]}]\n")
    said = "onnxguard.yaml: its models stand in one line: give each entry a line of its own"
    assert refused("init") == said
    assert MANIFEST.read_text() == "schema: 1\nmodels: [{paths: [m.onnx]}]\n"


def test_a_dry_run_writes_nothing() -> None:
    write_models(m=RELU)
    whole = init("--dry-run")
    assert not MANIFEST.exists()
    init()
    assert MANIFEST.read_text() == whole
    write_models(n=TANH)
    assert init("--dry-run").startswith("would add 1 model in 1 entry:\n  - paths: [n.onnx]\n")
    assert MANIFEST.read_text() == whole


def test_a_manifest_in_another_folder_is_named_as_it_was() -> None:
    Path("sub").mkdir()
    write_models(**{"sub/m": RELU})
    assert init("sub") == (
        "wrote sub/onnxguard.yaml: 1 model in 1 entry; look at it, then run onnxguard lock and "
        "onnxguard check there\n"
    )
    assert init("sub/") == "sub/onnxguard.yaml covers every model: there is nothing to add\n"
    write_models(**{"sub/n": TANH})
    assert init("sub").startswith("added 1 model in 1 entry to sub/onnxguard.yaml; ")
    Path("sub/onnxguard.yaml").write_text("schema: 2\n")
    assert refused("init", "sub").startswith("sub/onnxguard.yaml:1:9: ")


def test_add_wants_a_manifest_and_force_forgets_one() -> None:
    write_models(m=RELU)
    assert refused("init", "--add").startswith("--add: there is no onnxguard.yaml: leave it out")
    assert "name one of them" in refused("init", "--add", "--force")


def test_a_pattern_is_added_only_for_a_folder_that_is_new() -> None:
    write_models(m=RELU)
    init()
    for folder in (".", "new"):
        Path(folder).mkdir(exist_ok=True)
        write_models(**{f"{folder}/{at}": RELU for at in range(17)})
    init()
    assert [len(paths) for paths in entries()] == [1, 17, 1]
    assert entries()[2] == ("new/*.onnx",)
