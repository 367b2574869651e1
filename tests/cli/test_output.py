"""``--output`` writes a report whole or not at all; ``--jobs`` changes nothing but the time."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support import protobuf as pb
from support.command import run, unfiled
from support.lists import write_list
from support.protobuf import graph, node
from support.terminal import on_terminal

from onnxguard.cli.commands import commands
from onnxguard.many.batches import BATCH
from onnxguard.reporters import REPORTERS

CLEAN = pb.model(graph(node("Relu")))
BAD = pb.model(graph(node("Einsum")))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.onnx").write_bytes(CLEAN)
    (tmp_path / "bad.onnx").write_bytes(BAD)
    return tmp_path


def timeless(text: str) -> str:
    """The report without what it says about its own duration and date."""
    text = re.sub(r'("seconds": |time=")[\d.e-]+', r"\g<1>0", text)
    return re.sub(r"\d+(\.\d+)? m?s\b", "0 s", unfiled(text))


# -- --output --------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_file_holds_what_would_have_been_printed(output_format: str) -> None:
    arguments = ["scan", "clean.onnx", "bad.onnx", "--format", output_format]
    code, printed, _ = run(*arguments)
    assert run(*arguments, "--output", "report") == (code, "", "")
    written = Path("report").read_bytes()
    assert timeless(written.decode()) == timeless(printed)
    assert b"\r" not in written


@pytest.mark.parametrize(("columns", "width"), [(60, 60), (80, 80), (20, 40), (0, 100)])
def test_text_is_as_wide_as_the_terminal_and_100_columns_elsewhere(
    columns: int, width: int
) -> None:
    shown = on_terminal("diff", "clean.onnx", "bad.onnx", columns=columns, NO_COLOR="1").out
    plain = run("diff", "clean.onnx", "bad.onnx")[1]
    assert width - 20 < max(map(len, shown.splitlines())) <= width
    assert 80 < max(map(len, plain.splitlines())) <= 100
    if width > 40:  # a table that is wider is set as lines
        assert timeless(" ".join(shown.split())) == timeless(" ".join(plain.split()))


def test_file_is_replaced_and_nothing_is_left_beside_it(folder: Path) -> None:
    Path("report.json").write_text("x" * 100_000)
    assert run("scan", "bad.onnx", "--format", "json", "--output", "report.json")[0] == 1
    assert json.loads(Path("report.json").read_text())["models"]
    assert sorted(os.listdir(folder)) == ["bad.onnx", "clean.onnx", "report.json"]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_file_has_the_mode_that_the_umask_leaves(umask: int) -> None:
    before = os.umask(umask)
    try:
        run("scan", "clean.onnx", "--output", "report")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("report").st_mode) == 0o666 & ~umask


REFUSED = {
    "model.onnx": '--output "model.onnx" is a model, which is never written to',
    "MODEL.ONNX": '--output "MODEL.ONNX" is a model, which is never written to',
    "model": '--output "model" is a model, which is never written to',
    "link": '--output "link" is a model, which is never written to',
    "folder": '--output "folder": not a file in a folder that exists',
    "none/report": '--output "none/report": not a file in a folder that exists',
    "fifo": '--output "fifo"',
}


@pytest.mark.parametrize("output", REFUSED)
def test_what_is_never_written_to(output: str) -> None:
    Path("model").write_bytes(CLEAN)
    Path("link").symlink_to("model")
    Path("folder").mkdir()
    os.mkfifo("fifo")
    before = {path: os.lstat(path) for path in os.listdir()}
    code, out, err = run("scan", "clean.onnx", "model", "--output", output)
    assert (code, out) == (2, "")
    assert err.startswith(f"onnxguard: error: {REFUSED[output]}")
    assert Path("model").read_bytes() == CLEAN
    after = {path: os.lstat(path) for path in os.listdir()}
    assert {path: status.st_mode for path, status in before.items()} == {
        path: status.st_mode for path, status in after.items()
    }


@pytest.mark.parametrize(
    "held",
    [bytes(99), b"text, then \0", b"\xff\xfe\xfd\xfc", bytes(range(1, 256))],
    ids=["zeros", "a zero", "a mark", "no zero"],
)
@pytest.mark.parametrize("options", [("--output", "w.bin"), ("--format", "json:w.bin")])
def test_nothing_is_written_over_what_is_no_text(held: bytes, options: tuple[str, str]) -> None:
    Path("w.bin").write_bytes(held)  # as weights beside a model are, whatever they are called
    for command in (("scan", "clean.onnx"), ("diff", "clean.onnx", "bad.onnx")):
        code, out, err = run(*command, *options)
        assert (code, out) == (2, "")
        assert err == (
            f'onnxguard: error: {options[0]} "w.bin" holds something else than text: remove it, '
            "or name another file\n"
        )
    assert Path("w.bin").read_bytes() == held


def test_nothing_is_written_over_what_a_command_goes_by() -> None:
    write_list(Path())
    Path("pyproject.toml").write_text("[tool.onnxguard]\nstrict = true\n")
    with_list = ("--allowlist", "./mine.yaml")
    accepting = ("--baseline", "b.json", "--update-baseline")
    assert run("scan", "bad.onnx", *accepting, "--output", "b.json")[0] == 2
    assert not Path("b.json").exists()
    run("scan", "bad.onnx", *accepting)
    held = {file: Path(file).read_bytes() for file in os.listdir()}
    lists = "mine.yaml", "./small.yaml"
    for command, files in {
        "scan clean.onnx --baseline b.json": (*lists, "b.json", "pyproject.toml"),
        "diff clean.onnx bad.onnx": lists,
    }.items():
        name = command.partition(" ")[0]
        for file in files:
            code, _, err = run(*command.split(), *with_list, "--output", file)
            said = f'--output "{file}" is what the {name} goes by: name another file'
            assert (code, err) == (2, f"onnxguard: error: {said}\n")
    assert {file: Path(file).read_bytes() for file in os.listdir()} == held


def test_name_of_a_report_is_printed_harmlessly() -> None:
    _, _, err = run("scan", "clean.onnx", "--output", "none\x1b[2J/report")
    assert err == (
        'onnxguard: error: --output "none\\x1b[2J/report": not a file in a folder that exists\n'
    )


@pytest.mark.parametrize(
    "arguments",
    [("--allowlist", "none"), ("--select", "OG999"), ("--format", "none"), ("--jobs", "-1")],
    ids=" ".join,
)
def test_report_survives_a_call_that_is_wrong(arguments: tuple[str, str]) -> None:
    Path("report").write_text("yesterday")
    assert run("scan", "clean.onnx", "--output", "report", *arguments)[0] == 2
    assert Path("report").read_text() == "yesterday"


def test_report_survives_a_disk_that_is_full(folder: Path) -> None:
    """The kernel refuses to write more than a few bytes, as it does where the disk is full."""
    Path("report").write_text("yesterday")
    start = (
        "import resource, signal, sys; from onnxguard.cli import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", start, "scan", "bad.onnx", "--output", "report"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'onnxguard: error: cannot write "report": File too large\n'
    assert Path("report").read_text() == "yesterday"
    assert sorted(os.listdir(folder)) == ["bad.onnx", "clean.onnx", "report"]


# -- --jobs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More models than two workers take at a time, of every kind."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(3 * BATCH + 5):
        data = [CLEAN, BAD, b"", CLEAN + b"\0"][number % 4 if number % 5 == 0 else 0]
        (folder / f"{number:03}.onnx").write_bytes(data)
    return folder


@pytest.mark.parametrize("jobs", ["2", "3", "0", "40"])
@pytest.mark.parametrize("output_format", ["json", "text"])
def test_jobs_change_nothing_but_the_time(output_format: str, jobs: str, many: Path) -> None:
    arguments = ["scan", str(many), "--format", output_format]
    code, out, err = run(*arguments, "--jobs", jobs)
    alone = run(*arguments, "--jobs", "1")
    assert (code, err) == (alone[0], alone[2]) == (2, "")
    assert timeless(out) == timeless(alone[1])


def test_jobs_do_not_change_what_options_do(many: Path) -> None:
    options = ["--strict", "--ignore", "OG1", "--exit-zero", "-q"]
    alone, together = (run("scan", str(many), "-j", jobs, *options) for jobs in "12")
    assert timeless(together[1]) == timeless(alone[1])
    assert together[0] == alone[0] == 2


def test_sarif_leads_to_the_rules_where_they_are_said_to_be() -> None:
    address = "https://git.example/docs/rules.md"
    out = run("scan", "bad.onnx", "--format", "sarif", "--rules-url", address)[1]
    assert f"{address}#og101-operator-not-allowed" in out
    assert "helpUri" not in run("scan", "bad.onnx", "--format", "sarif")[1]
    for odd in ("rules.md", "javascript:x", "https://a b", "https://\x1b"):
        code, out, err = run("scan", "bad.onnx", "--rules-url", odd)
        assert (code, out) == (2, "")
        assert "is no address: https://..." in err


@pytest.mark.parametrize("jobs", ["-1", "two", "1.5", ""])
def test_number_of_jobs_is_a_number(jobs: str) -> None:
    code, out, err = run("scan", "clean.onnx", f"--jobs={jobs}")
    assert (code, out) == (2, "")
    assert "'--jobs'" in err


# -- Options ---------------------------------------------------------------------------------------

ASKED = ("formats", "output")


def test_a_report_is_asked_for_in_the_same_words_everywhere() -> None:
    found = {}
    context = click.Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        asked = {option.name: option for option in command.params if option.name in ASKED}
        if len(asked) == len(ASKED):
            found[name] = tuple((asked[n].opts, asked[n].help, asked[n].default) for n in ASKED)
    assert len(found) == 8
    assert len(set(map(repr, found.values()))) == 1


# -- several reports of one run --------------------------------------------------------------------


@pytest.fixture
def bad() -> str:
    Path("bad.onnx").write_bytes(pb.model(graph(node("Einsum"))))
    return "bad.onnx"


def test_several_formats_are_written_of_one_run(bad: str) -> None:
    several = ("--format", "sarif:out.sarif", "--format", "github", "--format", "json:out.json")
    code, out, err = run("scan", bad, *several)
    assert (code, err) == (1, "")
    assert out.startswith("::error ")
    assert json.loads(Path("out.sarif").read_text("utf-8"))["version"] == "2.1.0"
    (model,) = json.loads(Path("out.json").read_text("utf-8"))["models"]
    assert model["path"] == bad
    assert run("scan", bad, "--format", "sarif", "--output", "alone.sarif")[0] == 1
    both = [json.loads(Path(name).read_text("utf-8")) for name in ("out.sarif", "alone.sarif")]
    assert both[0]["runs"][0]["results"] == both[1]["runs"][0]["results"]


def test_every_report_in_a_file_leaves_stdout_empty(bad: str) -> None:
    assert run("scan", bad, "--format", "html:page.html") == (1, "", "")
    assert "<html" in Path("page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--format sarif --format github", "sarif and github: one of them goes to stdout"),
        ("--format sarif:a --format json:./a", 'two reports go to "./a"'),
        ("--format sarif:a --output b", "--output: every --format has a file already"),
        ("--format sarif:", "'sarif:' names no file after the colon"),
        ("--format jsno:a", "(did you mean json?)"),
        ("--format json:bad.onnx", '--format "bad.onnx" is a model'),
        ("--format json:none/a", '--format "none/a": not a file in a folder that exists'),
        ("--format json:a --results a", "--results and --output are two files"),
        ("--format json:a --results ./a", "--results and --output are two files"),
    ],
)
def test_reports_that_cannot_be_written_are_refused(options: str, said: str, bad: str) -> None:
    before = Path(bad).read_bytes()
    code, out, err = run("scan", bad, *options.split())
    assert (code, out) == (2, "")
    assert said in err
    assert Path(bad).read_bytes() == before
    assert not Path("a").exists()
