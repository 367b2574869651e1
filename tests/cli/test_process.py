"""The command as a process: on a terminal, in a pipe, interrupted, and asked for completions."""

from __future__ import annotations

import os
import pty
import re
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.patience import HANG
from support.protobuf import graph, node
from support.terminal import MODULE, environment, on_terminal

from onnxguard import __version__
from onnxguard.reporters import REPORTERS, STREAMED

CLEAN = pb.model(graph(node("Relu")))
BAD = pb.model(graph(node("Einsum")))
SCRIPT = [str(Path(sys.executable).with_name("onnxguard"))]
ESCAPE = "\x1b["


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.onnx").write_bytes(CLEAN)
    (tmp_path / "bad.onnx").write_bytes(BAD)
    return tmp_path


def drained(terminal: int) -> bytes:
    """What is left to read, up to the end."""
    data = b""
    try:
        while part := os.read(terminal, 65536):
            data += part
    except OSError:  # what Linux says of a terminal that nobody writes to any more
        pass
    os.close(terminal)
    return data


def start(*arguments: str, **streams: int) -> subprocess.Popen[bytes]:
    streams = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    } | streams
    return subprocess.Popen([*MODULE, *arguments], env=environment(), **streams)  # type: ignore[call-overload,no-any-return]


# -- colours and progress --------------------------------------------------------------------------


def test_text_is_coloured_on_a_terminal() -> None:
    seen = on_terminal("scan", "bad.onnx")
    assert seen.code == 1
    assert ESCAPE in seen.out
    plain = re.sub(r"\x1b\[[\d;]*m", "", seen.out)
    assert plain.startswith("FAIL  bad.onnx")
    assert ESCAPE not in plain


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ((), {"NO_COLOR": "1"}),
        ((), {"TERM": "dumb"}),
        (("--format", "json"), {}),
        (("--format", "markdown"), {}),
        (("--format", "github"), {}),
    ],
    ids=str,
)
def test_nothing_is_coloured(arguments: tuple[str, ...], more: dict[str, str]) -> None:
    seen = on_terminal("scan", "bad.onnx", *arguments, **more)
    assert (seen.code, seen.err) == (1, "")
    assert ESCAPE not in seen.out
    assert "Einsum" in seen.out


def test_empty_no_color_is_no_wish() -> None:
    assert ESCAPE in on_terminal("scan", "bad.onnx", NO_COLOR="").out


def test_pipe_and_file_are_not_coloured() -> None:
    assert ESCAPE not in on_terminal("scan", "bad.onnx", streams="e").out
    seen = on_terminal("scan", "bad.onnx", "--output", "report")
    assert (seen.code, seen.out, seen.err) == (1, "", "")
    assert ESCAPE not in Path("report").read_text()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_progress_is_shown_on_a_terminal(jobs: str) -> None:
    seen = on_terminal("scan", ".", "--format", "json", "--jobs", jobs, streams="e")
    assert seen.code == 1
    assert "scanning" in seen.err
    assert "100%" in seen.err
    assert seen.out.startswith("{")
    assert "scanning" not in seen.out


@pytest.mark.parametrize(
    ("paths", "streams"), [([".", "."], "o"), ([".", "."], ""), (["bad.onnx"], "oe")], ids=str
)
def test_progress_is_not_shown(paths: list[str], streams: str) -> None:
    assert on_terminal("scan", *paths, streams=streams).err == ""


def test_standard_input_that_is_a_terminal_is_not_waited_for() -> None:
    seen = on_terminal("scan", "-", streams="io")
    assert seen.code == 2
    assert "standard input is a terminal: pipe a model in" in seen.out


# -- ends ------------------------------------------------------------------------------------------


def reading(*arguments: str) -> subprocess.Popen[bytes]:
    """The command, in the middle of its standard input: it has taken more than a pipe holds."""
    process = start(*arguments)
    assert process.stdin is not None
    process.stdin.write(bytes(1 << 20))
    process.stdin.flush()
    return process


def test_interrupt_ends_with_two() -> None:
    with reading("scan", "-") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
    assert process.returncode == 2
    assert out == b""
    assert err.strip() == b"onnxguard: error: interrupted: not everything was verified"


def test_interrupt_of_several_jobs_ends_with_two(folder: Path) -> None:
    """As a terminal sends it: to every process of the group, in the middle of the work."""
    (folder / "many").mkdir()
    for number in range(20_000):
        os.link("clean.onnx", folder / f"many/{number}.onnx")
    ours, theirs = pty.openpty()
    command = [*MODULE, "scan", "many", "--jobs", "16"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment(), start_new_session=True
    ) as process:
        os.close(theirs)
        said = b""
        while b" 5%" not in said:
            said += os.read(ours, 65536)
        os.killpg(process.pid, signal.SIGINT)
        deadline = threading.Timer(HANG, os.killpg, (process.pid, signal.SIGKILL))
        deadline.start()
        said += drained(ours)
        out, _ = process.communicate()
        deadline.cancel()
    assert b"100%" not in said
    assert (process.returncode, out) == (2, b"")
    assert b"Traceback" not in said
    assert b"onnxguard: error: interrupted: not everything was verified" in said


@pytest.mark.parametrize("model", [CLEAN, BAD], ids=["clean", "bad"])
def test_reader_that_leaves_is_no_traceback_and_no_verdict(model: bytes) -> None:
    with start("scan", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(model)
        process.stdin.close()
        err = process.stderr.read()
        process.wait(HANG)
    assert process.returncode == 2
    assert err == b""


PRINTING = (
    ("scan", "bad.onnx", "clean.onnx", "-v"),
    ("scan", "clean.onnx", "--format", "json"),
    ("diff", "clean.onnx", "bad.onnx", "-v", "--format", "json"),
    ("rules",),
    ("allowlist", "show", "adr-0258"),
    ("allowlist", "export", "adr-0258", "--to", "c"),
    ("allowlist", "diff", "base", "adr-0258"),
    ("allowlist", "derive", "clean.onnx"),
    ("scan", "--help"),
)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_report_that_does_not_fit_is_no_verdict(
    arguments: tuple[str, ...], unbuffered: str, folder: Path
) -> None:
    """On a full disk, and on one that takes the first hundred bytes."""
    for target, limit in (("/dev/full", resource.RLIM_INFINITY), (str(folder / "report"), 100)):
        with open(target, "wb") as stream:
            done = subprocess.run(
                [*MODULE, *arguments],
                stdout=stream,
                stderr=subprocess.PIPE,
                text=True,
                env={**environment(), "PYTHONUNBUFFERED": unbuffered},
                preexec_fn=lambda limit=limit: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)
                ),
                check=False,
            )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert done.stderr.startswith("onnxguard: error: cannot write the report: ")


def test_output_that_does_not_fit_leaves_what_was_there(folder: Path) -> None:
    (folder / "report").write_text("before")
    done = subprocess.run(
        [*MODULE, "scan", "clean.onnx", "--output", "report"],
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        check=False,
    )
    assert done.returncode == 2
    assert 'cannot write "report": File too large' in done.stderr
    assert (folder / "report").read_text() == "before"
    assert sorted(os.listdir()) == ["bad.onnx", "clean.onnx", "report"]


@pytest.mark.parametrize("words", ["rules", "rules OG101", "allowlist show base", "targets list"])
def test_a_closed_stdout_is_no_terminal(words: str) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *MODULE, *words.split()],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closed_stream_is_no_internal_error(closed: int) -> None:
    command = f'exec "$@" {closed}>&-' if closed else 'exec "$@" <&-'
    arguments = ["scan", "clean.onnx" if closed else "-", "clean.onnx"]
    done = subprocess.run(
        ["sh", "-c", command, "sh", *MODULE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode in {0: {2}, 1: {0, 2}, 2: {0}}[closed]
    assert "internal error" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", ["check", "lock", "init", "scan clean.onnx", "cache show"])
def test_a_working_folder_that_was_removed_is_no_internal_error(words: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["sh", "-c", 'rmdir ../gone && exec "$@"', "sh", *MODULE, *words.split()]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=gone, env=environment()
    )
    assert done.returncode == (0 if words == "cache show" else 2)
    assert "internal error" not in done.stderr
    if words in ("check", "lock", "init"):
        said = "the working folder was removed: change to one that is there"
        assert done.stderr == f"onnxguard: error: {said}\n"


def test_interrupt_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return "finished"

    monkeypatch.setitem(STREAMED, "text", interrupt)
    code, out, err = run("scan", "clean.onnx")
    assert (code, out) == (2, "")
    assert err.strip() == "onnxguard: error: interrupted: not everything was verified"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_standard_input_is_read_whatever_the_jobs(jobs: str) -> None:
    command = [*MODULE, "scan", "-q", "clean.onnx", "-", "--jobs", jobs]
    done = subprocess.run(command, input=BAD, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(b"-: OG101 error Einsum")


def test_failure_of_the_tool_itself_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("unlucky\x1b[2J\n")

    monkeypatch.setitem(STREAMED, "text", fail)
    monkeypatch.delenv("ONNXGUARD_TRACEBACK", raising=False)
    code, out, err = run("scan", "clean.onnx")
    assert (code, out) == (2, "")
    assert err == (
        "onnxguard: error: internal error, nothing was verified: RuntimeError: "
        "'unlucky\\x1b[2J\\n' (set ONNXGUARD_TRACEBACK=1 for the traceback)\n"
    )
    monkeypatch.setenv("ONNXGUARD_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="unlucky"):
        run("scan", "clean.onnx")


# -- how it is called ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [MODULE, SCRIPT], ids=["module", "script"])
def test_module_and_script_are_the_same(command: list[str]) -> None:
    def outcome(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert outcome("--version") == (0, f"onnxguard, version {__version__}\n")
    assert outcome("scan", "-q", "clean.onnx") == (0, "")
    assert outcome("scan", "-q", "bad.onnx")[0] == 1
    assert outcome("scan", "-q", "none.onnx")[0] == 2


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_the_commands_and_exit_codes(option: str) -> None:
    code, out, err = run(option)
    assert (code, err) == (0, "")
    assert re.findall(r"^  (scan|allowlist|rules) ", out, re.MULTILINE) == [
        "scan",
        "allowlist",
        "rules",
    ]
    code, out, err = run("scan", option)
    assert (code, err) == (0, "")
    assert "Exit code: 0 no findings, 1 findings, 2 a model could not be verified" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scna", "m.onnx"], 'no command "scna" (did you mean scan?)'),
        (["SCAN"], 'no command "SCAN" (did you mean scan?)'),
        (["x\x1b[2J"], 'no command "x\\x1b[2J" (known: ablate, allowlist, cache, check, conform, '),
        (["scan", "clean.onnx", "--alowlist", "base"], "--allowlist"),
        (["scan", "clean.onnx", "--formt=json"], "--format"),
        (["scan", "clean.onnx", "--format", "jsn"], "'json'"),
        (["scan", "clean.onnx", "--format"], "requires an argument"),
        (["scan", "clean.onnx", "--jobs", "two"], "'two' is not a whole number"),
        (["scan", "clean.onnx", "--timeout", "two"], "'two' is not a number"),
        (["scan", "clean.onnx", "--color", "never"], "'--color': it stands before the command"),
        (["allowlist", "lst"], "lst"),
        (["--nothing"], "--nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_call_that_is_wrong_ends_with_two(arguments: list[str], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_call_without_a_command_shows_help_and_ends_with_two() -> None:
    code, out, err = run()
    assert code == 2
    assert "Usage: onnxguard" in out + err


# -- completion ------------------------------------------------------------------------------------


def completed(**variables: str) -> str:
    done = subprocess.run(
        SCRIPT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    script = completed(_ONNXGUARD_COMPLETE=f"{shell}_source")
    assert "_ONNXGUARD_COMPLETE" in script
    assert "onnxguard" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("onnxguard s", {"scan"}),
        ("onnxguard allowlist d", {"derive", "diff"}),
        ("onnxguard scan --format s", {"sarif"}),
        ("onnxguard scan --select OG10", {f"OG{number}" for number in range(101, 110)}),
        ("onnxguard parity --ignore op30", {f"OP{number}" for number in range(301, 310)}),
        ("onnxguard scan --allowlist adr-02", {"adr-0258", "adr-02"}),
        ("onnxguard scan mod", {"mod"}),  # a shell finds the files that go on so
        ("onnxguard diff --allowlist adr-0258 mod", {"mod"}),
        (
            "onnxguard scan --full",
            {"--full-check", "--full-check-seconds", "--full-check-mebibytes"},
        ),
    ],
)
def test_completion(words: str, wanted: set[str]) -> None:
    said = completed(
        _ONNXGUARD_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
    )
    assert {line.partition(",")[2] for line in said.splitlines()} == wanted


@pytest.mark.parametrize(
    "arguments", [*PRINTING, ("scan", "bad.onnx"), ("scan", "gone.onnx"), ("scam",)], ids=" ".join
)
def test_nothing_can_be_told(arguments: tuple[str, ...]) -> None:
    """Neither the report nor that it is not there fits; 1 would be a verdict."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*MODULE, *arguments], stdout=full, stderr=full, check=False)
    assert done.returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
@pytest.mark.parametrize("form", sorted(REPORTERS))
def test_report_to_a_pipe_is_utf_8_as_to_a_file(form: str, encoding: str) -> None:
    done = subprocess.run(
        [*MODULE, "scan", "bad.onnx", "--format", form],
        capture_output=True,
        env={**environment(), "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    plain = subprocess.run(
        [*MODULE, "scan", "bad.onnx", "--format", form],
        capture_output=True,
        env={**environment(), "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert timeless(done.stdout.decode("utf-8")) == timeless(plain.stdout.decode("utf-8"))


def timeless(report: str) -> str:
    """A report without how long it took."""
    return re.sub(r"\d[\d.]*", "0", report)
