"""Results are on disk as they come; a run that was stopped goes on with each model once."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.command import run, unfiled
from support.patience import until
from support.protobuf import field, graph, node, tensor

import onnxguard
from onnxguard import Report, scan
from onnxguard.base.errors import UsageError
from onnxguard.many import results_file as results
from onnxguard.many.fingerprint import digest_of
from onnxguard.many.results_file import Results
from onnxguard.version import __version__

CLEAN = pb.model(graph(node("Relu")))
BAD = pb.model(graph(node("Einsum")))
FILE = "results.jsonl"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for at in range(6):
        (tmp_path / "models" / f"{at}.onnx").write_bytes(BAD if at == 3 else CLEAN)
    return tmp_path


def written() -> int:
    """Whole lines of the file, while another process adds to it."""
    return Path(FILE).read_bytes().count(b"\n") if os.path.exists(FILE) else 0


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(FILE).read_text().splitlines()]


def models() -> list[str]:
    return [line["path"] for line in lines()[1:]]


def scanned(*more: str) -> tuple[int, str, str]:
    return run("scan", "--config", "none", "models", "--results", FILE, *more)


def judged(monkeypatch: pytest.MonkeyPatch, *more: str) -> list[str]:
    """Go on with the file, and return which models were judged anew."""
    seen: list[str] = []
    module = import_module("onnxguard.cli.scan")
    original = vars(module)["scan_model"]

    def spy(path: str, *rest: Any) -> Report:
        seen.append(os.path.basename(path).removesuffix(".onnx"))
        report: Report = original(path, *rest)
        return report

    with monkeypatch.context() as patch:
        patch.setattr(module, "scan_model", spy)
        assert scanned("--resume", *more)[2] == ""
    return seen


def timeless(text: str) -> str:
    return re.sub(r'"seconds": [\d.e-]+|\d+(\.\d+)? m?s\b', "0", text)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_line_a_model(jobs: str) -> None:
    plain = run("scan", "--config", "none", "models")
    code, out, err = scanned("--jobs", jobs)
    assert (code, timeless(out), err) == (1, timeless(plain[1]), "")
    header, *rest = lines()
    rest.sort(key=lambda line: line["path"])  # processes may be done out of order
    assert header["schema"] == "onnxguard/results/1"
    assert header["tool"] == {"name": "onnxguard", "version": __version__}
    assert re.fullmatch("[0-9a-f]{64}", header["settings"])
    assert [line["path"] for line in rest] == [f"models/{at}.onnx" for at in range(6)]
    stat = os.stat("models/3.onnx")
    assert rest[3]["file"] == {
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "ctime_ns": stat.st_ctime_ns,
        "inode": stat.st_ino,
    }
    assert rest[3]["report"]["findings"][0]["code"] == "OG101"
    assert rest[0]["report"]["facts"]["operators"][0]["op_type"] == "Relu"  # whole, for others


@pytest.mark.parametrize("format_", ["json", "text", "junit"])
def test_a_report_covers_what_was_done_before(format_: str) -> None:
    _, whole, _ = run("scan", "--config", "none", "models", "--format", format_)
    scanned()
    Path(FILE).write_text("".join(Path(FILE).read_text().splitlines(True)[:4]))
    code, out, err = scanned("--resume", "--format", format_)
    assert (code, err) == (1, "")
    strip = re.compile(r'("seconds": |time=")[\d.e-]+|\d+(\.\d+)? m?s\b')
    assert strip.sub("0", unfiled(out)) == strip.sub("0", unfiled(whole))
    assert sorted(models()) == [f"models/{at}.onnx" for at in range(6)]


# -- going on --------------------------------------------------------------------------------------


def test_nothing_is_judged_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned()
    before = Path(FILE).read_bytes()
    assert judged(monkeypatch) == []
    assert Path(FILE).read_bytes() == before


def test_without_a_file_there_is_nothing_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned()
    Path(FILE).unlink()
    assert judged(monkeypatch) == ["0", "1", "2", "3", "4", "5"]
    assert len(models()) == 6


@pytest.mark.parametrize("cut", range(1, 8))
@pytest.mark.parametrize("more", ["", '{"path":"models/9'])
def test_what_was_cut_is_judged_again(cut: int, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned()
    Path(FILE).write_text("".join(Path(FILE).read_text().splitlines(True)[:cut]) + more)
    assert judged(monkeypatch) == [str(at) for at in range(cut - 1, 6)]
    assert models() == [f"models/{at}.onnx" for at in range(6)]


@pytest.mark.parametrize("size", [0, 1, 40])
def test_a_header_that_was_cut_is_no_file_of_somebody_else(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned()
    os.truncate(FILE, size)
    assert len(judged(monkeypatch)) == 6
    assert len(models()) == 6


def touch() -> None:
    os.utime("models/3.onnx", ns=(1, 1))


def rewrite() -> None:
    before = os.stat("models/3.onnx")
    Path("models/3.onnx").write_bytes(BAD.replace(b"Einsum", b"Einsun"))
    os.utime("models/3.onnx", ns=(before.st_atime_ns, before.st_mtime_ns))


def replace() -> None:
    Path("new").write_bytes(CLEAN)
    os.replace("new", "models/3.onnx")


@pytest.mark.parametrize("change", [touch, rewrite, replace])
def test_a_model_that_changed_is_judged_again(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned()
    change()
    assert judged(monkeypatch) == ["3"]
    assert models() == [f"models/{at}.onnx" for at in (0, 1, 2, 4, 5, 3)]
    assert lines()[-1]["report"]["verdict"] == scan("models/3.onnx").verdict.value


def test_models_that_came_and_went(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned()
    Path("models/1.onnx").unlink()
    Path("models/7.onnx").write_bytes(BAD)
    assert judged(monkeypatch) == ["7"]
    assert models() == [f"models/{at}.onnx" for at in (0, 2, 3, 4, 5, 7)]


def test_what_was_not_verified_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("models/2.onnx").write_bytes(b"")
    assert scanned()[0] == 2
    assert judged(monkeypatch) == ["2"]
    assert len(models()) == 6


def test_a_model_with_data_elsewhere_is_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = field("StringStringEntryProto", "key", "location")
    entry += field("StringStringEntryProto", "value", "w.bin")
    held = tensor(1, [2], "w", external_data=entry, data_location=1)
    Path("models/2.onnx").write_bytes(pb.model(graph(node("Relu"), initializer=held)))
    Path("models/w.bin").write_bytes(bytes(8))
    scanned("--allowlist", "base")
    assert judged(monkeypatch, "--allowlist", "base") == ["2"]


def test_names_that_are_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.fsdecode(b"models/\xff\x1b'\".onnx")
    Path(name).write_bytes(CLEAN)
    scanned()
    assert name in models()
    assert judged(monkeypatch) == []


# -- what is refused -------------------------------------------------------------------------------


def refusal(*more: str) -> str:
    before = Path(FILE).read_bytes() if os.path.exists(FILE) else None
    code, out, err = scanned(*more)
    assert (code, out) == (2, "")
    assert err.startswith("onnxguard: error: ")
    assert err.count("\n") == 1
    assert (Path(FILE).read_bytes() if os.path.exists(FILE) else None) == before
    return err


def test_a_file_is_not_written_over() -> None:
    Path(FILE).write_text("mine\n")
    assert "is there already: --resume goes on with it" in refusal()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mine\n", "holds no results of onnxguard"),
        ("mine", "holds no results of onnxguard"),
        ("[]\n", "holds no results of onnxguard"),
        ("{}\n", "holds no results of onnxguard"),
        ("[" * 99_999 + "\n", "holds no results of onnxguard"),
        ('{"schema":"onnxguard/results/2"}\n', "holds no results of onnxguard"),
        ('{"schema":"onnxguard/results/1"}\n', "is of onnxguard None, this is"),
        (
            '{"schema":"onnxguard/results/1","tool":{"version":"\\u001b"}}\n',
            "is of onnxguard \\x1b",
        ),
        (f'{{"schema":"onnxguard/results/1","tool":{{"version":"{__version__}"}}}}\n', "settings"),
    ],
)
def test_a_file_of_something_else(text: str, said: str) -> None:
    Path(FILE).write_text(text)
    assert said in refusal("--resume")


@pytest.mark.parametrize(
    "line", ["{}", "[]", "x", '{"path":"models/1.onnx","file":{},"report":{}}', "\0"]
)
def test_a_line_that_is_no_result(line: str) -> None:
    scanned()
    text = Path(FILE).read_text().splitlines(True)
    Path(FILE).write_text("".join([*text[:2], line + "\n", *text[2:]]))
    assert f'"{FILE}" line 3 is no result' in refusal("--resume")
    assert sorted(os.listdir()) == ["models", FILE]


@pytest.mark.parametrize(
    "more", [["--strict"], ["--ignore", "OG1"], ["--allowlist", "base"], ["--select", "OG101"]]
)
def test_other_settings(more: list[str]) -> None:
    scanned()
    assert "holds results of other settings" in refusal("--resume", *more)


def test_what_does_not_decide_a_verdict_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned()
    assert judged(monkeypatch, "-j", "2", "--exit-zero", "-v", "--format", "json") == []


WAIVED = """\
schema: 1
id: mine
title: Mine
extends: adr-0258
date: 2026-01-02
reason: a reason
waivers:
  - {model: 3.onnx, code: OG101, reason: a reason, expires: 2026-06-01}
"""


def test_a_waiver_that_ran_out_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Day(date):
        @classmethod
        def today(cls) -> Day:
            return cls(*now)

    Path("mine.yaml").write_text(WAIVED)
    monkeypatch.setattr(import_module("onnxguard.cli.scan"), "date", Day)
    now = 2026, 5, 31
    scanned("--allowlist", "mine.yaml")
    now = 2026, 6, 1
    assert judged(monkeypatch, "--allowlist", "mine.yaml") == []
    now = 2026, 6, 2
    assert "other settings" in refusal("--resume", "--allowlist", "mine.yaml")


def test_resume_needs_a_file() -> None:
    code, _, err = run("scan", "models", "--resume")
    assert code == 2
    assert "--resume goes on with a file of results" in err


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("no/where.jsonl", "not a file in a folder that exists"),
        ("models", "not a file in a folder that exists"),
        ("models/0.onnx", "is a model, which is never written to"),
    ],
)
def test_a_file_that_cannot_be(file: str, said: str) -> None:
    code, _, err = run("scan", "models", "--results", file)
    assert code == 2
    assert said in err


def test_results_and_report_are_two_files() -> None:
    assert "two files" in refusal("--output", FILE)


def test_a_file_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "SECONDS_TO_WAIT", 0.1)
    scanned()
    with open(FILE, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert "is written by another run" in refusal("--resume")


LIMITED = """
import resource, sys
from onnxguard.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the size of files stands for it."""
    arguments = ["scan", "--config", "none", "models", "--results", FILE]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "2500", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f'onnxguard: error: cannot write "{FILE}": File too large; what it holds stays, and '
        "--resume goes on from there\n"
    )
    assert 0 < len(judged(monkeypatch)) < 6
    assert models() == [f"models/{at}.onnx" for at in range(6)]


# -- a whole process -------------------------------------------------------------------------------

SLOW = """
import sys, time
from onnxguard.cli import main, scan

judge = scan.scan_model

def slow(path, *given):
    time.sleep(600 if path.startswith("models/9") else 0.005)  # the last ones are not reached
    return judge(path, *given)

scan.scan_model = slow
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_each_model_once_after_a_run_was_stopped(
    number: signal.Signals, jobs: str, folder: Path
) -> None:
    for at in range(6, 400):
        (folder / "models" / f"{at}.onnx").write_bytes(BAD if at % 7 == 3 else CLEAN)
    arguments = ["scan", "--config", "none", "models", "--results", FILE, "--jobs", jobs]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until(lambda: process.poll() is not None or written() >= 60)
        assert process.poll() is None
        os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
        out, err = process.communicate()
    assert out == ""
    if number == signal.SIGINT:
        assert (process.returncode, err.count("interrupted")) == (2, 1)
    done = written() - 1
    assert 50 < done < 400
    code, out, err = scanned("--resume", "--jobs", jobs)
    assert (code, err) == (1, "")
    assert "343 of 400 models passed, 57 failed" in out
    assert sorted(models()) == sorted(f"models/{at}.onnx" for at in range(400))
    assert len(lines()) == 401


# -- by itself -------------------------------------------------------------------------------------


def test_by_itself() -> None:
    given = [f"models/{at}.onnx" for at in range(3)]
    with Results(FILE, "s", given) as begun:
        assert begun.done == {}
        for path in given:
            begun.add(path, scan(path))
    with Results(FILE, "s", given, resume=True) as resumed:
        assert resumed.done == {
            path: scan(path)._replace(seconds=r.seconds) for path, r in resumed.done.items()
        }
        assert list(resumed.done) == given
    with pytest.raises(UsageError, match="other settings"):
        Results(FILE, "t", given, resume=True)


def test_a_digest_is_the_same_in_every_process() -> None:
    code = (
        "from onnxguard import load_allowlist\nfrom onnxguard.many.fingerprint import digest_of\n"
        "print(digest_of(load_allowlist('adr-0258'), {'b', 'a'}, {'x': 1, 'y': None}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    policy = onnxguard.load_allowlist("adr-0258")
    assert found == {digest_of(policy, {"a", "b"}, {"y": None, "x": 1}) + "\n"}


def test_a_digest_tells_values_apart() -> None:
    values: list[Any] = ["", "1", 1, 1.5, True, None, (), [], {}, set(), ("",), {"": ""}, {""}]
    assert len({digest_of(value) for value in values}) == len(values)
    with pytest.raises(TypeError):
        digest_of(object())
