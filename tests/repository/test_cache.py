"""What a check remembers: nothing is judged twice, and nothing that changed is taken for known."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.command import run, unfiled
from support.lists import write_list
from support.repositories import (
    RELU,
    TANH,
    codes,
    enter,
    external,
    hostile_models,
    rewrite,
    status,
    weighted,
    write_manifest,
    write_models,
)

from onnxguard.many import fingerprint
from onnxguard.reporters import REPORTERS
from onnxguard.repository import cache
from onnxguard.repository import check as checks
from onnxguard.repository.manifest_file import read_manifest
from onnxguard.scanning.report import Report

model_check = import_module("onnxguard.repository.model_check")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that are judged, in order; the real judge judges them."""
    seen: list[str] = []
    real = vars(model_check)["examine"]

    def examine(path: str, *given: Any) -> Any:
        seen.append(os.path.relpath(path))
        return real(path, *given)

    monkeypatch.setattr(model_check, "examine", examine)
    return seen


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this very moment are trusted by their state."""
    monkeypatch.setattr(cache, "SETTLED", -(10**12))


def database() -> Path:
    folder = Path(os.environ["ONNXGUARD_CACHE"])
    return folder / cache.FILE


def rows(table: str, column: str = "*") -> list[Any]:
    with sqlite3.connect(database()) as held:
        found = held.execute(f"select {column} from {table}").fetchall()
    held.close()
    return found


def change(statement: str, *values: object) -> None:
    held = sqlite3.connect(database())
    with held:
        held.execute(statement, values)
    held.close()


def again(judged: list[str], *arguments: str) -> list[str]:
    """Which models the next check judges anew."""
    judged.clear()
    run("check", *arguments)
    return list(judged)


def models() -> list[str]:
    """Write some models that differ in more than their weights."""
    write_models(
        a=RELU, b=TANH, c=weighted(bytes(8)), d=weighted(bytes(16)), e=weighted(bytes(8), "Tanh")
    )
    write_manifest()
    return [f"{name}.onnx" for name in "abcde"]


def test_second_check_judges_nothing(judged: list[str]) -> None:
    names = models()
    assert again(judged) == names
    assert again(judged) == []
    assert len(rows("files")) == len(rows("results")) == 5
    checked = checks.check(read_manifest("onnxguard.yaml"), checks.Options())
    assert checked.cached == 5
    assert checks.check(read_manifest("onnxguard.yaml"), checks.Options(caching=False)).cached == 0
    before = database().read_bytes()
    assert again(judged) == []
    assert database().read_bytes() == before


def test_what_judges_is_imported_where_something_is_judged() -> None:
    """By Python's own list of what it imported: most of a check that knows all is its start."""
    models()
    code = "import sys; from onnxguard.cli import main; main(['check']); print(*sys.modules)"
    for known in (False, True):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        loaded = set(done.stdout.splitlines()[-1].split())
        judging = {"onnxguard.scanning.scan", "onnxguard.rules", "onnxguard.model.shapes.infer"}
        assert judging & loaded == (set() if known else judging)


def test_models_are_known_by_content_at_once(
    judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of this moment is not trusted by its state, but it can be read."""
    monkeypatch.setattr(cache, "SETTLED", 10**15)
    names = models()
    assert again(judged) == names
    assert rows("files") == []
    assert again(judged) == []


def test_a_young_file_is_not_kept(judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SETTLED", 10**15)
    models()
    old = 1_000_000_000
    for path in Path().glob("*.onnx"):
        os.utime(path, ns=(old, old))
    again(judged)
    assert rows("files") == []  # the change of its times is young


def test_changed_model_is_judged_again(judged: list[str]) -> None:
    models()
    run("check")
    rewrite("c.onnx", weighted(bytes(8), "Tanh"))
    os.utime("c.onnx", (1, 1))
    stale = os.stat("a.onnx")
    assert codes()["c.onnx"] == ["OG101"]
    judged.clear()
    rewrite("a.onnx", RELU.replace(b"Relu", b"Tanh"))  # the same size and time
    now = os.stat("a.onnx")
    assert (now.st_size, now.st_mtime_ns, now.st_ino) == (
        stale.st_size,
        stale.st_mtime_ns,
        stale.st_ino,
    )
    if now.st_ctime_ns == stale.st_ctime_ns:  # one tick of the clock
        os.utime("a.onnx", ns=(stale.st_atime_ns, stale.st_mtime_ns))
    assert codes()["a.onnx"] == ["OG101"]


def test_file_in_anothers_place(judged: list[str]) -> None:
    models()
    run("check")
    os.replace("b.onnx", "a.onnx")
    assert codes()["a.onnx"] == ["OG101"]
    os.unlink("a.onnx")
    os.symlink("c.onnx", "a.onnx")
    judged.clear()
    code, out, _ = run("check")
    assert (code, "PASS  a.onnx" in out) == (1, True)
    assert judged == []  # both contents were known


def test_copy_elsewhere_is_known_by_content(
    judged: list[str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models()
    run("check")
    shutil.copytree(root, root.parent / "clone")
    monkeypatch.chdir(root.parent / "clone")
    assert again(judged) == []
    write_models(c=weighted(b"other we"), new=weighted(b"weights!"))
    assert again(judged) == []
    assert list(codes()) == ["b.onnx", "e.onnx"]
    write_models(c=weighted(bytes(12)))
    assert again(judged) == ["c.onnx"]
    assert {Path(os.fsdecode(row[0])).name for row in rows("files", "distinct root")} == {
        "repository",
        "clone",
    }


def test_a_weight_that_is_read_is_part_of_the_content(judged: list[str]) -> None:
    """A trip count lies among the weights, and decides."""

    def looping(trips: int) -> bytes:
        body = pb.body(
            pb.node("Identity", "c", "d"),
            input=[pb.value("i", 7, ()), pb.value("c", 9, ())],
            output=pb.value("d", 9, ()),
        )
        loop = pb.node("Loop", "m _", "", attribute=pb.attribute("body", g=body))
        return pb.model(pb.graph(loop, pb.node("Relu"), initializer=pb.scalar(trips, "m")))

    write_list(Path(), "limits: {loop_trip_count: 10}\n")
    write_models(a=looping(10), ok=RELU)
    write_manifest()
    before = codes()
    again(judged)
    write_models(a=looping(11))
    assert again(judged) == ["a.onnx"]
    assert codes() != before


def test_list_that_is_edited(judged: list[str]) -> None:
    names = models()
    run("check")
    write_list(Path(), "operators: [{names: [Tanh]}]\n")
    assert again(judged) == names
    assert codes() == {}
    write_list(Path())
    assert again(judged) == []
    assert list(codes()) == ["b.onnx", "e.onnx"]


def test_waivers_are_applied_to_what_is_known() -> None:
    models()
    run("check")
    waivers = "[{model: '*.onnx', code: OG101, reason: known, expires: 2999-01-01}]"
    write_list(Path(), f"waivers: {waivers}\n")
    found = codes()
    assert {code for each in found.values() for code in each} == {"OG802"}
    assert set(found) == {"a.onnx", "c.onnx", "d.onnx"}


def test_contract_and_lock_are_asked_of_what_is_known(judged: list[str]) -> None:
    models()
    write_list(Path(), "operators: [{names: [Tanh]}]\n")
    run("lock")
    assert status() == 0
    write_manifest(
        "  - {paths: [a.onnx], allowlist: ./mine.yaml, contract: {opset: 1}}\n"
        "  - {paths: ['*.onnx'], allowlist: ./mine.yaml}\n"
    )
    assert codes() == {"a.onnx": ["OG813"]}
    rewrite("c.onnx", weighted(b"changed!"))
    assert codes() == {"a.onnx": ["OG813"], "c.onnx": ["OG821"]}
    assert again(judged) == []


def test_new_tool_judges_anew(judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    names = models()
    run("check")
    monkeypatch.setattr(fingerprint, "tool_digest", lambda: "another")
    assert again(judged) == names


def test_no_cache_touches_nothing(judged: list[str]) -> None:
    names = models()
    assert again(judged, "--no-cache") == names
    assert not database().parent.exists()
    run("check")
    before = database().read_bytes()
    write_models(a=TANH)
    assert again(judged, "--no-cache") == names
    assert database().read_bytes() == before


def test_external_data_is_never_known(judged: list[str]) -> None:
    write_models(a=external("w.bin"), b=RELU)
    Path("w.bin").write_bytes(bytes(16))
    write_manifest()
    assert codes() == {}
    assert again(judged) == ["a.onnx"]
    Path("w.bin").unlink()
    assert codes() == {"a.onnx": ["OG404"]}


def test_unreadable_model_is_never_known(judged: list[str]) -> None:
    write_models(a=b"<html>", b=RELU)
    os.symlink("nowhere", "c.onnx")
    write_manifest()
    run("check")
    assert again(judged) == ["a.onnx", "c.onnx"]
    write_models(a=RELU, nowhere=RELU)
    os.rename("nowhere.onnx", "nowhere")
    assert codes() == {}


def test_large_structure_is_known_whole(judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("onnxguard.scanning.same_graph"), "STRUCTURE_BYTES", 10)
    write_models(a=weighted(bytes(8)), b=TANH)
    write_manifest()
    run("check")
    assert again(judged) == []
    assert [json.loads(spans) for _, spans, _ in rows("structures")] == [
        [[0, size]] for size in sorted({len(TANH), len(weighted(bytes(8)))})
    ]
    write_models(a=weighted(b"\1" + bytes(7)))
    assert again(judged) == ["a.onnx"]
    monkeypatch.setattr(import_module("onnxguard.scanning.scan"), "WHOLE_BYTES", 10)
    write_models(c=weighted(bytes(20)))
    run("check")
    assert again(judged) == ["c.onnx"]


def test_model_that_changes_while_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found in one file is not kept under the digest of the next."""
    monkeypatch.setattr(import_module("onnxguard.scanning.same_graph"), "STRUCTURE_BYTES", 10)
    real = vars(model_check)["examine"]

    def examine(path: str, *given: Any) -> Any:
        found = real(path, *given)
        if path.endswith("a.onnx"):
            os.unlink(path)
            write_models(a=TANH)
        return found

    write_models(a=RELU, b=weighted(bytes(8)))
    write_manifest()
    with monkeypatch.context() as patched:
        patched.setattr(model_check, "examine", examine)
        run("check")
    assert codes() == {"a.onnx": ["OG101"]}

    def vanish(path: str, *given: Any) -> Any:
        found = real(path, *given)
        Path(path).unlink()
        return found

    write_models(a=weighted(bytes(12)))
    with monkeypatch.context() as patched:
        patched.setattr(model_check, "examine", vanish)
        assert status("a.onnx") == 0


# -- the same answers ------------------------------------------------------------------------------


def without_seconds(text: str) -> str:
    text = re.sub(r'"seconds": [\d.e-]+|time="[\d.]+"|[\d.,]+ m?s\b|\d+ min', "", text)
    return re.sub(r"[\d.,]+ s(econds)?", "", unfiled(text))


@pytest.mark.parametrize(
    ("output_format", "more"),
    [*((each, ()) for each in sorted(REPORTERS)), ("text", ("-v",)), ("text", ("-q",))],
)
def test_cache_says_what_a_fresh_check_says(output_format: str, more: tuple[str, ...]) -> None:
    models()
    samples = Path(__file__).parent.parent / "models"
    for path in sorted(samples.iterdir()):
        shutil.copy(path, path.name)
    write_models(lfs=b"<html>")
    contract = "contract: {opset: 17, inputs: {x: 'float32[1,3,8,8]'}}"
    write_manifest(
        f"  - {{paths: [c.onnx, looping.onnx], allowlist: ./mine.yaml, {contract}}}\n"
        "  - {paths: ['sal*.onnx', 'int8.onnx', 'external.onnx']}\n"
        "  - {paths: ['?.onnx', 'lfs.onnx'], allowlist: ./mine.yaml}\n"
    )
    asked = ("check", "--format", output_format, *more)
    fresh, first, second = run(*asked, "--no-cache"), run(*asked), run(*asked)
    assert [code for code, _, _ in (fresh, first, second)] == [2, 2, 2]
    assert without_seconds(first[1]) == without_seconds(fresh[1])
    assert without_seconds(second[1]) == without_seconds(fresh[1])


@pytest.mark.parametrize(("jobs", "whole"), [(1, False), (2, True)])
def test_reports_are_the_same_in_every_field_but_seconds(jobs: int, whole: bool) -> None:
    for at, data in enumerate(list(hostile_models().values())[::3]):
        write_models(**{f"{at:03}": data, f"{at:03}-again": data})
    write_manifest()
    manifest = read_manifest("onnxguard.yaml")

    def checked(caching: bool) -> tuple[list[Report], int]:
        found = checks.check(manifest, checks.Options(jobs, caching=caching, whole=whole))
        return [report._replace(seconds=0) for report in found.run.reports], found.cached

    fresh, cold, warm = checked(caching=False), checked(caching=True), checked(caching=True)
    assert (fresh[1], cold[1]) == (0, 0)
    assert warm[1] > (25 if whole else 40)  # what has no findings is not kept whole
    for before, first, second in zip(fresh[0], cold[0], warm[0], strict=True):
        assert first == before
        assert second == before


# -- a cache that somebody else wrote ------------------------------------------------------------

SECRET = "0123456789abcdef" * 2


PASSING = (
    "update results set report = json_set(report, '$.verdict', 'pass', '$.findings', json('[]'))"
)


def found() -> list[str]:
    """The models that fail; in this format what is known of passing ones is used, too."""
    return [line.partition(": ")[0] for line in run("check", "-q")[1].splitlines()]


def forge_report() -> None:
    change(PASSING)


def forge_without_signature() -> None:
    change(PASSING)
    change("update results set signature = ''")


def forge_with_null() -> None:
    change(PASSING)
    change("update results set signature = null")


def forge_digest() -> None:
    """The digest of a good model, in the rows of all files."""
    held = dict(rows("files", "cast(path as text), digest"))
    change("update files set digest = ?", held["a.onnx"])


def swap_reports() -> None:
    """The signed row of a good model, under the digests of the others."""
    held = dict(rows("files", "cast(path as text), digest"))
    for bad in (held["b.onnx"], held["e.onnx"]):
        change("delete from results where digest = ?", bad)
        copy = "insert into results select ?, judge, report, signature, day from results"
        change(f"{copy} where digest = ?", bad, held["a.onnx"])


@pytest.mark.parametrize(
    "forge", [forge_report, forge_without_signature, forge_with_null, forge_digest, swap_reports]
)
def test_a_row_that_is_not_signed_is_none(
    forge: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    models()
    assert found() == ["b.onnx", "e.onnx"]
    forge()
    assert found() == [], "the attack does nothing, so that it shows nothing"
    database().unlink()
    monkeypatch.setenv(cache.KEY, SECRET)
    monkeypatch.setenv("CI", "true")
    for _ in range(2):
        assert found() == ["b.onnx", "e.onnx"]
        forge()
    assert found() == ["b.onnx", "e.onnx"]


def test_a_checksum_that_is_not_signed_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(a=RELU)
    write_manifest()
    run("lock")
    write_models(a=weighted(bytes(8)))
    locked = json.loads(Path("onnxguard.lock").read_text())["files"]["a.onnx"]
    for key, models_ in (("", []), (SECRET, ["a.onnx"])):
        monkeypatch.setenv(cache.KEY, key)
        assert found() == ["a.onnx"]
        change("update files set sha256 = ?", locked)
        assert found() == models_
        database().unlink()


@pytest.mark.parametrize("before", ["", "another key, as long as the first"])
def test_rows_of_another_key_are_judged_anew(
    before: str, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.KEY, before)
    names = models()
    assert again(judged) == names
    assert again(judged) == []
    monkeypatch.setenv(cache.KEY, SECRET)
    assert again(judged) == names
    assert again(judged) == []
    assert len(rows("files")) == len(rows("results")) == 5
    assert {len(signature) for (signature,) in rows("structures", "signature")} == {64}
    write_models(c=weighted(b"other we"))
    assert again(judged) == []


@pytest.mark.parametrize("name", cache.CI)
def test_ci_uses_no_cache_without_a_key(
    name: str, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = models()
    assert again(judged) == names
    change(PASSING)
    kept = database().read_bytes()
    monkeypatch.setenv(name, "true" if name != "JENKINS_URL" else "https://ci.test/")
    assert again(judged) == names
    assert list(codes()) == ["b.onnx", "e.onnx"]
    assert database().read_bytes() == kept
    monkeypatch.setenv(cache.KEY, SECRET)
    assert again(judged) == names
    assert again(judged) == []
    monkeypatch.setenv(cache.KEY, "")
    monkeypatch.setenv(name, "False")
    assert again(judged) == []


@pytest.mark.parametrize("key", ["x", SECRET[:31]])
def test_a_key_that_could_be_guessed_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models()
    monkeypatch.setenv(cache.KEY, key)
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err == (
        f"onnxguard: error: ONNXGUARD_CACHE_KEY has {len(key)} characters: "
        "make it one of 32 or more\n"
    )
    assert run("check", "--no-cache")[0] == 1


# -- a cache that is damaged -----------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xa5" * 8192
    path.write_bytes(content)


def filled(content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(content)

    return damage


def tables(*statements: str) -> Callable[[Path], None]:
    def damage(_: Path) -> None:
        for statement in statements:
            change(statement)

    return damage


REBUILT: dict[str, Callable[[Path], None]] = {
    "garbage": filled(b"\0garbage" * 1000),
    "text": filled(b"not a database"),
    "cut in half": cut,
    "scribbled on": scribble,
    "files of another shape": tables("drop table files", "create table files (a)"),
    "results of another shape": tables("drop table results", "create table results (a)"),
    "structures of another shape": tables(
        "drop table structures", "create table structures (size, a)", "delete from files"
    ),
    "reports that are no JSON": tables("update results set report = '{'"),
    "reports that are null": tables("update results set report = null"),
    "reports that are a list": tables("update results set report = '[]'"),
    "reports of another kind": tables("update results set report = '{\"path\": 1}'"),
    "reports nested deep": tables(f"update results set report = '{'[' * 100_000}'"),
    "reports that are not UTF-8": tables("update results set report = cast(x'ff' as text)"),
    "states that are not UTF-8": tables("update files set state = cast(x'ff' as text)"),
    "spans that are no JSON": tables("update structures set spans = '['", "delete from files"),
    "spans that are null": tables(
        "update structures set spans = null where 0", "delete from files"
    ),
    "spans of another kind": tables("update structures set spans = '[1, 2]'", "delete from files"),
    "spans of words": tables("update structures set spans = '[[\"a\", 2]]'", "delete from files"),
    "numbers for digests": tables("update files set digest = 1, sha256 = 2"),
    "a view": tables("drop table files", "create view files as select 1 as root"),
}


@pytest.mark.parametrize("name", REBUILT)
def test_damaged_cache_is_made_anew(name: str, judged: list[str]) -> None:
    models()
    run("lock")
    run("check")
    REBUILT[name](database())
    for _ in range(2):
        code, out, err = run("check")
        assert (code, err) == (1, "")
        assert out.count("FAIL  ") == 2
    assert again(judged) == []
    assert len(rows("results")) == 5


def test_folder_in_the_databases_place(judged: list[str]) -> None:
    names = models()
    database().mkdir(parents=True)
    for _ in range(2):
        assert again(judged) == names
        assert status() == 1
    assert database().is_dir()


def test_file_in_the_folders_place(judged: list[str], root: Path) -> None:
    names = models()
    (root.parent / "cache").write_bytes(b"")
    for _ in range(2):
        assert again(judged) == names


def test_database_that_may_not_be_written(judged: list[str]) -> None:
    names = models()
    again(judged)
    held = sqlite3.connect(database(), isolation_level=None)
    held.execute("begin immediate")
    write_models(new=weighted(bytes(40)))
    monkeypatch = pytest.MonkeyPatch()
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **more: real(path, **more | {"timeout": 0})
    )
    try:
        assert again(judged) == ["new.onnx"]  # it can be read
        assert again(judged) == ["new.onnx"]  # and nothing was kept
        assert status() == 1
    finally:
        monkeypatch.undo()
        held.execute("rollback")
        held.close()
    assert again(judged) == ["new.onnx"]
    assert again(judged) == []
    assert names


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written(judged: list[str]) -> None:
    names = models()
    run("check")
    database().write_bytes(b"garbage")
    database().parent.chmod(0o500)
    try:
        assert again(judged) == names
        assert status() == 1
    finally:
        database().parent.chmod(0o700)


def test_two_checks_at_once(root: Path) -> None:
    for at in range(60):
        write_models(**{f"{at:03}": weighted(bytes(4 * at + 4), "Tanh" if at % 2 else "Relu")})
    write_manifest()
    command = [sys.executable, "-m", "onnxguard", "check", "--format", "json"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) for _ in range(2)]
    documents = [json.loads(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [1, 1]
    for document in documents:
        assert document["summary"] == {"models": 60, "pass": 30, "fail": 30, "error": 0}
    assert status() == 1
    assert len(rows("results")) == 60


NAMES = ["a b", "\U0001f600", "a\nb", "bad\udcff", "'; drop table files; --"]


def test_names_of_any_bytes(judged: list[str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root.parent / "caf\udce9"
    os.rename(root, folder)
    monkeypatch.chdir(folder)
    write_models(**dict.fromkeys(NAMES, RELU), other=TANH)
    write_manifest()
    run("lock")
    assert status() == 1
    assert again(judged) == []
    assert len(rows("files")) == len(NAMES) + 1


def test_old_rows_are_forgotten(judged: list[str]) -> None:
    models()
    run("check")
    change("insert into files values (x'61', x'62', '', '', '', '', 1)")
    change("insert into results values ('a', 'b', '{}', '', 1)")
    change("update files set day = day - 1 where day > 1")
    change("update results set day = day - 1 where day > 1")
    assert again(judged) == []
    assert len(rows("files")) == 5
    assert {day for (day,) in rows("results", "day")} == {day for (day,) in rows("files", "day")}
    assert len(rows("results")) == 5
