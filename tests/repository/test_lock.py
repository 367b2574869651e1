"""onnxguard.lock: which files there are and what their bytes are, and that a check says so."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
from support import formats
from support.command import run
from support.repositories import (
    POINTER,
    RELU,
    TANH,
    codes,
    enter,
    external,
    refused,
    rewrite,
    status,
    told,
    weighted,
    write_manifest,
    write_models,
)

from onnxguard.reporters import REPORTERS

LOCK = Path("onnxguard.lock")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = enter(tmp_path, monkeypatch)
    write_manifest(more="lock: true\n")
    return root


def lock(*arguments: str) -> str:
    code, out, err = run("lock", *arguments)
    assert (code, err) == (0, "")
    return out


def test_lock_is_a_line_a_file() -> None:
    Path("a").mkdir()
    write_models(b=RELU, **{"a/m": external("w.bin"), "B": TANH})
    Path("a/w.bin").write_bytes(bytes(16))
    assert lock() == "wrote onnxguard.lock: 4 files, 4 new, 0 changed, 0 gone\n"
    text = LOCK.read_text()
    paths = ["B.onnx", "a/m.onnx", "a/w.bin", "b.onnx"]
    rows = [f'    "{path}": "{sha256(Path(path).read_bytes()).hexdigest()}"' for path in paths]
    head = '{\n  "schema": "onnxguard/lock/1",\n  "files": {\n'
    assert text == head + ",\n".join(rows) + "\n  }\n}\n"
    assert lock("--jobs", "3") == "wrote onnxguard.lock: 4 files, 0 new, 0 changed, 0 gone\n"
    assert LOCK.read_text() == text
    Path("b.onnx").unlink()
    write_models(c=RELU, B=RELU)
    assert lock() == (
        "wrote onnxguard.lock: 4 files, 1 new, 1 changed, 1 gone\n"
        "  new     c.onnx\n"
        "  changed B.onnx\n"
        "  gone    b.onnx (its bytes are in c.onnx)\n"
    )


def test_what_differs_is_named_with_the_model_that_wants_it() -> None:
    models = {name: external("w.bin") for name in "abc"}
    write_models(**models, n=TANH)
    Path("w.bin").write_bytes(bytes(16))
    lock()
    Path("w.bin").write_bytes(bytes(15) + b"\1")
    os.rename("n.onnx", "moved.onnx")
    assert lock() == (
        "wrote onnxguard.lock: 5 files, 1 new, 1 changed, 1 gone\n"
        "  new     moved.onnx\n"
        "  changed w.bin (data of a.onnx and 2 more)\n"
        "  gone    n.onnx (its bytes are in moved.onnx)\n"
    )


def test_of_many_that_differ_some_are_named() -> None:
    write_models(a=RELU)
    lock()
    write_models(**{f"m{number:02}": RELU for number in range(30)})
    lines = run("lock")[1].splitlines()
    assert lines[1:3] == ["  new     m00.onnx", "  new     m01.onnx"]
    assert lines[20:] == ["  new     m19.onnx", "  new     and 10 more (-v names them)"]
    for number in range(30):
        Path(f"m{number:02}.onnx").unlink()
    assert len(run("lock", "-v")[1].splitlines()) == 31


def test_all_bad_files_are_told_at_once() -> None:
    write_models(a=RELU, b=POINTER, c=external("v.bin"), d=external("v.bin"), e=b"")
    code, out, err = run("lock")
    assert (code, out) == (2, "")
    assert err == (
        "onnxguard: error: 4 of 5 models cannot be locked; onnxguard.lock stays as it is\n"
        "  b.onnx: OG002 a Git LFS pointer, not the model itself "
        "(fetch the model: git lfs pull)\n"
        '  c.onnx: OG404 external data at "v.bin" is missing '
        "(ship the data file with the model, in the same folder)\n"
        '  d.onnx: OG404 external data at "v.bin" is missing '
        "(ship the data file with the model, in the same folder)\n"
        "  e.onnx: OG002 an empty file (export or fetch the model again)\n"
    )
    write_manifest()
    found = codes()
    assert set(found) == {"b.onnx", "c.onnx", "d.onnx", "e.onnx"}
    assert '"x", "y" are not models of onnxguard.yaml' in refused("check", "x", "a.onnx", "y")


def test_locked_and_unchanged() -> None:
    write_models(a=RELU, b=external("w.bin"))
    Path("w.bin").write_bytes(bytes(16))
    lock()
    assert codes() == {}
    assert status() == 0
    assert status("--jobs", "2") == 0


@pytest.mark.parametrize("more", [(), ("--no-cache",), ("--jobs", "2")])
def test_one_byte_of_a_weight(more: tuple[str, ...]) -> None:
    before, after = weighted(bytes(4096)), weighted(bytes(2000) + b"\1" + bytes(2095))
    write_models(a=RELU, m=before)
    lock()
    assert codes(*more) == {}
    rewrite("m.onnx", after)
    assert codes(*more) == {"m.onnx": ["OG821"]}
    assert status(*more) == 1
    said = f"m.onnx has the SHA-256 {sha256(after).hexdigest()[:12]}, and onnxguard.lock says "
    assert told("OG821", *more) == [said + sha256(before).hexdigest()[:12]]
    rewrite("m.onnx", before)
    assert codes(*more) == {}


def test_paths_are_locked_too() -> None:
    write_models(a=RELU, m=weighted(bytes(8)))
    lock()
    rewrite("m.onnx", weighted(b"\1" + bytes(7)))
    assert codes("a.onnx") == {}
    assert codes("m.onnx") == {"m.onnx": ["OG821"]}


@pytest.mark.parametrize("more", [(), ("--no-cache",)])
def test_external_data_that_changed(more: tuple[str, ...]) -> None:
    write_models(a=RELU, m=external("w.bin"))
    Path("w.bin").write_bytes(bytes(16))
    lock()
    assert codes(*more) == {}
    rewrite("w.bin", b"\1" + bytes(15))
    assert codes(*more) == {"m.onnx": ["OG821"]}
    assert told("OG821", *more)[0].startswith("w.bin has the SHA-256 ")
    Path("w.bin").unlink()
    assert codes(*more) == {"m.onnx": ["OG404", "OG821"]}
    assert told("OG821", *more)[0].startswith("w.bin cannot be read, and ")
    assert status(*more) == 1


def test_data_that_is_the_models_only_now() -> None:
    write_models(a=RELU, m=external("w.bin"))
    Path("w.bin").write_bytes(bytes(16))
    lock()
    write_models(m=external("v.bin"))
    Path("v.bin").write_bytes(bytes(16))
    assert codes() == {"m.onnx": ["OG821", "OG822"], "onnxguard.lock": ["OG823"]}
    assert told("OG822") == ["v.bin is not in onnxguard.lock"]
    assert told("OG823") == ["w.bin is not among the models and their data"]


def test_model_that_is_new_or_gone() -> None:
    write_models(a=RELU, b=RELU, c=RELU)
    lock()
    write_models(d=RELU)
    assert codes() == {"d.onnx": ["OG822"]}
    assert status() == 1
    Path("d.onnx").unlink()
    Path("a.onnx").unlink()
    Path("b.onnx").unlink()
    assert codes() == {"onnxguard.lock": ["OG823", "OG823"]}
    assert status() == 1
    assert status("c.onnx") == 0
    write_models(b=RELU)
    os.rename("b.onnx", "B.onnx")
    assert codes() == {"B.onnx": ["OG822"], "onnxguard.lock": ["OG823", "OG823"]}


def test_excluded_model_is_no_longer_among_them() -> None:
    write_models(a=RELU, b=RELU)
    lock()
    write_manifest(more="lock: true\nexclude: [b.onnx]\n")
    assert codes() == {"onnxguard.lock": ["OG823"]}
    lock()
    assert codes() == {}


def test_folder_in_a_models_place() -> None:
    write_models(a=RELU, b=RELU)
    lock()
    Path("b.onnx").unlink()
    Path("b.onnx").mkdir()
    assert codes() == {"onnxguard.lock": ["OG823"]}


def test_lock_that_is_asked_for_must_be_there() -> None:
    write_models(a=RELU)
    said = "onnxguard.yaml asks for onnxguard.lock, which is missing: run onnxguard lock"
    assert refused("check") == said
    write_manifest()
    assert status() == 0
    lock()
    write_models(a=TANH)
    assert codes() == {"a.onnx": ["OG101", "OG821"]}
    write_manifest(more="lock: false\n")
    assert codes() == {"a.onnx": ["OG101", "OG821"]}


DIGEST = "0" * 64


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff",
        b"{}",
        b"[]",
        b"null",
        b"1e999",
        b"[" * 100_000,
        b'{"schema": "onnxguard/lock/2", "files": {}}',
        b'{"schema": "onnxguard/lock/1"}',
        b'{"schema": "onnxguard/lock/1", "files": []}',
        b'{"schema": "onnxguard/lock/1", "files": {"a.onnx": 1}}',
        b'{"schema": "onnxguard/lock/1", "files": {"a.onnx": ""}}',
        b'{"schema": "onnxguard/lock/1", "files": {"a.onnx": "abc"}}',
        f'{{"schema": "onnxguard/lock/1", "files": {{"a.onnx": "{"A" * 64}"}}}}'.encode(),
        f'{{"schema": "onnxguard/lock/1", "files": {{"a": "{DIGEST}", "a": "{DIGEST}"}}}}'.encode(),
        b'<<<<<<< ours\n{"schema": "onnxguard/lock/1", "files": {}}\n',
    ],
)
def test_what_is_no_lock(content: bytes) -> None:
    write_models(a=RELU)
    LOCK.write_bytes(content)
    said = "onnxguard.lock: not a lock (onnxguard/lock/1): onnxguard lock writes it anew"
    assert refused("check") == said
    write_manifest()
    assert refused("check") == said
    lock()
    assert status() == 0


def test_merge_that_kept_both_lines_is_no_lock() -> None:
    """The second line would count, and who reviews the change sees the first one unchanged."""
    write_models(m=RELU)
    lock()
    write_models(m=weighted(bytes(8)))
    new = sha256(Path("m.onnx").read_bytes()).hexdigest()
    lines = LOCK.read_text().splitlines()
    lines.insert(4, f'    "m.onnx": "{new}"')
    lines[3] += ","
    LOCK.write_text("\n".join(lines))
    assert json.loads(LOCK.read_text())["files"] == {"m.onnx": new}
    assert "not a lock" in refused("check")


def test_lock_that_is_no_file() -> None:
    write_models(a=RELU)
    LOCK.mkdir()
    assert refused("check") == "onnxguard.lock: cannot be read: Is a directory"
    assert "cannot write" in refused("lock")
    LOCK.rmdir()
    os.mkfifo(LOCK)
    assert refused("check") == "onnxguard.lock: cannot be read: not a regular file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (POINTER, "OG002 a Git LFS pointer, not the model itself (fetch the model: git lfs pull)"),
        (b"", "OG002 an empty file (export or fetch the model again)"),
        (RELU[:-1], "OG003 malformed protobuf at byte "),
        (None, "OG001 cannot be read: No such file or directory"),
    ],
    ids=["pointer", "empty", "cut", "broken link"],
)
def test_model_that_cannot_be_locked(content: bytes | None, said: str) -> None:
    write_models(a=RELU)
    lock()
    before = LOCK.read_bytes()
    if content is None:
        os.symlink("nowhere", "m.onnx")
    else:
        write_models(m=content)
    assert refused("lock").startswith(f"m.onnx cannot be locked: {said}")
    assert LOCK.read_bytes() == before
    assert status() == 2
    assert codes()["m.onnx"][-1] == "OG822"


def test_locked_model_that_became_a_pointer() -> None:
    write_models(a=RELU, m=external("w.bin"))
    Path("w.bin").write_bytes(bytes(16))
    lock()
    write_models(m=POINTER)
    assert codes() == {"m.onnx": ["OG002", "OG821"], "onnxguard.lock": ["OG823"]}
    assert status() == 2


def test_data_that_cannot_be_locked() -> None:
    write_models(m=external("w.bin"))
    said = refused("lock")
    assert said == (
        'm.onnx cannot be locked: OG404 external data at "w.bin" is missing '
        "(ship the data file with the model, in the same folder)"
    )
    os.mkfifo("w.bin")
    assert "w.bin" in refused("lock")
    Path("w.bin").unlink()
    Path("w.bin").write_bytes(POINTER)
    assert 'OG408 external data at "w.bin" is a Git LFS pointer' in refused("lock")
    write_models(m=external("../w.bin"))
    assert 'OG402 external data at "../w.bin": leaves the model\'s folder' in refused("lock")
    assert not LOCK.exists()


def test_data_is_locked_by_its_plain_name() -> None:
    Path("deep").mkdir()
    write_models(a=external("./w.bin"), m=external("deep/../w.bin"))
    Path("w.bin").write_bytes(bytes(16))
    lock()
    assert '"w.bin": ' in LOCK.read_text()
    assert codes() == {}
    rewrite("w.bin", b"\1" * 16)
    assert codes() == {"a.onnx": ["OG821"], "m.onnx": ["OG821"]}


def test_linked_data_is_locked_where_the_runtime_reads_it(tmp_path: Path) -> None:
    """A model that is a link has its data beside the link, not beside the model it leads to."""
    for folder, value in (("real", b"\1"), ("link", b"\2")):
        Path(folder).mkdir()
        Path(folder, "w.bin").write_bytes(value * 16)
    Path("real/m.onnx").write_bytes(external("w.bin"))
    Path("link/m.onnx").symlink_to("../real/m.onnx")
    lock()
    files = json.loads(LOCK.read_text())["files"]
    assert files["link/w.bin"] == sha256(b"\2" * 16).hexdigest()
    assert codes() == {}
    rewrite("link/w.bin", b"\3" * 16)
    assert codes() == {"link/m.onnx": ["OG821"]}
    Path("link/w.bin").unlink()
    Path("link/w.bin").symlink_to("../real/w.bin")
    assert codes() == {"link/m.onnx": ["OG407", "OG821"]}
    Path("link/w.bin").unlink()
    Path("link/w.bin").symlink_to(tmp_path)
    assert codes() == {"link/m.onnx": ["OG403"], "link/w.bin": ["OG811", "OG821"]}


NAMES = ["a b", "é", "\U0001f600", "*", "[a]", "a\\b", "a\nb", "\x1b[31m", "\u202e", "bad\udcff"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_can_be_locked(name: str) -> None:
    write_models(**{name: RELU, "other": TANH})
    lock()
    assert LOCK.read_text().isascii()
    assert list(codes()) == ["other.onnx"]
    assert list(codes()) == ["other.onnx"]
    write_models(**{name: weighted(bytes(8))})
    assert sorted(codes().values()) == [["OG101"], ["OG821"]]


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_any_name_is_shown_harmless(output_format: str) -> None:
    write_models(kept=RELU, **dict.fromkeys(NAMES, RELU))
    lock()
    for name in NAMES[5:]:
        Path(f"{name}.onnx").unlink()
    write_models(**dict.fromkeys(NAMES[:5], TANH))
    code, out, _ = run("check", "--format", output_format)
    assert code == 1
    formats.check(output_format, out)


def test_two_branches_merge() -> None:
    """Models added by two branches are lines apart if a third lies between them."""
    write_models(a=RELU, m=RELU, z=RELU)
    lock()
    base = LOCK.read_text().splitlines()
    write_models(b=RELU)
    lock()
    added = [line for line in LOCK.read_text().splitlines() if line not in base]
    assert len(added) == 1
    assert "b.onnx" in added[0]


def test_lock_of_a_subfolder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub").mkdir()
    write_models(a=RELU, **{"sub/m": RELU})
    monkeypatch.chdir("sub")
    lock()
    assert not LOCK.exists()
    assert (root / LOCK).exists()
    assert status() == 0
    monkeypatch.chdir(root.parent)
    assert refused("lock").startswith("no onnxguard.yaml here")
    lock("--manifest", "repository/onnxguard.yaml")
    assert status("--manifest", "repository/onnxguard.yaml") == 0


@pytest.mark.parametrize("name", ["\ud800", "../../etc/passwd", "/etc/passwd", "a\0b", ""])
def test_a_lock_that_names_what_is_no_file_of_the_repository(name: str) -> None:
    write_models(a=RELU)
    write_manifest()
    run("lock")
    document = json.loads(Path("onnxguard.lock").read_text())
    document["files"][name] = "0" * 64
    Path("onnxguard.lock").write_text(json.dumps(document))
    assert codes() == {"onnxguard.lock": ["OG823"]}
    assert status() == 1
