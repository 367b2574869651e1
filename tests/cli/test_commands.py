"""The words before a command's own: help, colours, -q and -v; how a wrong call is answered."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support import protobuf as pb
from support.command import run
from support.protobuf import graph, node

from onnxguard.cli.commands import GROUPS, commands
from onnxguard.cli.kinds import CODE, FilePath

RED = "\x1b["


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that name it."""
    context = click.Context(commands, info_name="onnxguard")
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for inner in command.commands.values():
                yield f"{name} {inner.name}", inner
        elif name != "help":
            yield name, command


NAMED = dict(all_commands())


PATHS = [
    (words, parameter)
    for words, command in NAMED.items()
    for parameter in command.params
    if isinstance(parameter.type, FilePath) and parameter.type is not CODE
]


@pytest.mark.parametrize(
    ("words", "parameter"), PATHS, ids=[f"{words} {param.name}" for words, param in PATHS]
)
def test_no_path_is_empty(words: str, parameter: click.Parameter) -> None:
    option = [parameter.opts[0]] if isinstance(parameter, click.Option) else []
    code, out, err = run(*words.split(), *option, "")
    assert (code, out) == (2, "")
    said = "".join(f"{name}: " for name in option)
    assert err == f'onnxguard: error: {said}a path is empty (""): is a variable not set?\n'


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    Path("bad.onnx").write_bytes(pb.model(graph(node("Einsum"))))
    return "bad.onnx"


def test_help_lists_every_command_with_its_whole_first_sentence() -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for heading, names in GROUPS.items():
        assert f"{heading}:" in text
        for name in names:
            command = commands.get_command(click.Context(commands), name)
            assert command is not None
            assert command.help is not None
            assert f" {name} {' '.join(command.help.split(chr(10) * 2)[0].split())}" in text
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("name", [name for name in NAMED if " " in name])
def test_help_of_a_group_cuts_no_sentence(name: str) -> None:
    group, _, inner = name.partition(" ")
    sentence = " ".join(str(NAMED[name].help).split("\n\n")[0].split())
    assert f" {inner} {sentence}" in " ".join(run(group, "--help")[1].split())


@pytest.mark.parametrize("name", NAMED)
def test_every_help_fits_80_columns(name: str) -> None:
    assert all(len(line) <= 80 for line in run(*name.split(), "--help")[1].splitlines())


@pytest.mark.parametrize("name", NAMED)
def test_every_command_shows_examples_that_it_takes(name: str) -> None:
    _, out, _ = run(*name.split(), "--help")
    shown = [line.strip() for line in out.partition("Example")[2].splitlines()[1:]]
    assert shown
    for line in shown:
        words = shlex.split(line)
        assert words[: 1 + len(name.split())] == ["onnxguard", *name.split()]
        NAMED[name].make_context(name, words[1 + len(name.split()) :])


@pytest.mark.parametrize("name", NAMED)
def test_help_of_a_command_is_what_its_option_shows(name: str) -> None:
    assert run("help", *name.split()) == run(*name.split(), "--help")


def test_help_of_nothing_is_that_of_all() -> None:
    assert run("help") == run("--help")


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_version(flag: str) -> None:
    code, out, _ = run(flag)
    assert code == 0
    assert out.startswith("onnxguard, version ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("scan --format jsno x", "(did you mean json?)\nsee onnxguard scan --help"),
        ("scan", "missing argument 'PATH...'\nsee onnxguard scan --help"),
        ("scan --jobs x y", "invalid value for '--jobs'"),
        ("scan --fromat json x", "Did you mean '--format'"),
        (
            "allowlist export base",
            "missing option '--to'. Choose from: c, ort-config\nsee onnxguard a",
        ),
        ("scam x", 'no command "scam" (did you mean scan?)\nsee onnxguard --help'),
        ("help scam", 'no command "scam" (did you mean scan?)\nsee onnxguard --help'),
        ("help scan x", 'no command "x"\nsee onnxguard scan --help'),
        ("help allowlist difff", 'no command "difff" (did you mean diff?)'),
        ("--color often scan x", "'often' is not one of 'auto', 'always', 'never'"),
    ],
)
def test_a_wrong_call_is_told_in_one_style(words: str, said: str) -> None:
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith("onnxguard: error: ")
    assert said in err
    assert "Usage:" not in err
    assert err.count("\n") == 2


@pytest.mark.parametrize(
    ("words", "environment", "colours"),
    [
        ("scan", {}, False),
        ("scan", {"FORCE_COLOR": "1"}, True),
        ("scan", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("scan", {"FORCE_COLOR": ""}, False),
        ("--color always scan", {}, True),
        ("--color always scan", {"NO_COLOR": "1"}, True),
        ("--color never scan", {"FORCE_COLOR": "1"}, False),
        ("--color auto scan", {"FORCE_COLOR": "1"}, True),
        ("--color always scan --output report.txt", {}, False),
    ],
)
def test_colours(
    words: str,
    environment: dict[str, str],
    colours: bool,
    bad: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, out, _ = run(*words.split(), bad)
    assert code == 1
    written = Path("report.txt")
    assert (RED in out + (written.read_text() if written.exists() else "")) is colours


@pytest.mark.parametrize("flags", ["-q", "--quiet", "-v", "-q -v"])
def test_quiet_and_verbose_may_stand_first(flags: str, bad: str) -> None:
    def said(*words: str) -> list[str]:
        code, out, _ = run(*words, bad)
        assert code == 1
        return [line for line in out.splitlines() if " ms" not in line and "onnxguard" not in line]

    assert said(*flags.split(), "scan") == said("scan", *flags.split())


def test_quiet_before_a_command_that_cannot_be() -> None:
    code, _, err = run("-q", "rules")
    assert (code, err.splitlines()[0]) == (2, "onnxguard: error: no such option '-q'")


WITHOUT_EXTRAS = """
import sys
for name in ("numpy", "onnx", "onnxruntime", "torch", "PIL", "matplotlib", "safetensors"):
    sys.modules[name] = None  # importing it is an error, as where it is not installed
from onnxguard.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--help"], 0, "Verify exported ONNX graphs"),
        *((["help", name], 0, name) for names in GROUPS.values() for name in names),
        (["parity"], 2, "onnxguard parity needs numpy, onnx, onnxruntime, torch: "),
        (["train-and-gate"], 2, "onnxguard train-and-gate needs "),
        (["conform", "m.onnx"], 2, "onnxguard conform needs "),
        (["evaluate", "m.onnx"], 2, "onnxguard evaluate needs "),
        (["ablate"], 2, "onnxguard ablate needs "),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_helps_need_no_extra_and_commands_name_theirs(
    words: list[str], code: int, says: str
) -> None:
    call = [sys.executable, "-c", WITHOUT_EXTRAS, *words]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done.stderr
