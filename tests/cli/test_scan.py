"""``onnxguard scan``: what it looks at, what it lets through, and its exit code."""

from __future__ import annotations

import ctypes
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.command import run
from support.protobuf import attribute, graph, node, tensor
from support.repositories import write_manifest

from onnxguard.base.printable import printable
from onnxguard.reporters import REPORTERS
from onnxguard.sources.discover import find_models

CLEAN = pb.model(graph(node("Relu")))
WARNED = pb.model(
    graph(
        node("Resize", "x _ s", attribute=attribute("mode", s="cubic")),
        input=[pb.value("x"), pb.value("s", dims=(4,))],
    )
)
BAD = pb.model(graph(node("Einsum", attribute=attribute("equation", s="abcd"))))
UNVERIFIED = b"version https://git-lfs.github.com/spec/v1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that the command is run in."""
    monkeypatch.chdir(tmp_path)
    models = {"clean": CLEAN, "warned": WARNED, "bad": BAD, "unverified": UNVERIFIED}
    for name, data in models.items():
        (tmp_path / f"{name}.onnx").write_bytes(data)
    return tmp_path


def scanned(*arguments: str, stdin: bytes = b"") -> tuple[int, dict[str, list[str]]]:
    """The exit code, and the codes of the findings by model."""
    code, out, err = run("scan", *arguments, "--format", "json", stdin=stdin)
    assert err == ""
    models: list[dict[str, Any]] = json.loads(out)["models"]
    return code, {model["path"]: [f["code"] for f in model["findings"]] for model in models}


# -- exit codes ------------------------------------------------------------------------------------

EXITS = {
    "clean": 0,
    "warned": 0,
    "bad": 1,
    "unverified": 2,
    "missing": 2,
    "clean warned": 0,
    "clean bad": 1,
    "bad clean": 1,
    "clean unverified": 2,
    "bad unverified": 2,
    "unverified bad": 2,
    "warned --strict": 1,
    "clean --strict": 0,
    "bad --exit-zero": 0,
    "warned --strict --exit-zero": 0,
    "unverified --exit-zero": 2,
    "clean bad unverified --exit-zero": 2,
}


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
@pytest.mark.parametrize("line", EXITS)
def test_exit_code_whatever_the_format(line: str, output_format: str) -> None:
    arguments = [a if a.startswith("-") else f"{a}.onnx" for a in line.split()]
    code, out, err = run("scan", *arguments, "--format", output_format)
    assert code == EXITS[line], out
    assert err == ""


@pytest.mark.parametrize("verbosity", ["-q", "-v", "-qv"])
@pytest.mark.parametrize("line", ["clean", "bad", "unverified"])
def test_exit_code_whatever_the_verbosity(line: str, verbosity: str) -> None:
    assert run("scan", f"{line}.onnx", verbosity)[0] == EXITS[line]


def test_allowlist_is_chosen() -> None:
    assert run("scan", "warned.onnx", "--allowlist", "adr-0258")[0] == 0
    assert run("scan", "warned.onnx", "--allowlist", "pre-adr-0258")[0] == 1
    Path("mine.yaml").write_text("schema: 1\nid: mine\noperators: [{name: Einsum}]\n")
    assert run("scan", "bad.onnx", "--allowlist", "mine.yaml")[0] == 0
    assert run("scan", "bad.onnx", "--allowlist", "./mine.yaml")[0] == 0
    code, out, err = run("scan", "bad.onnx", "--allowlist", "mine")
    assert (code, out) == (2, "")
    assert err.startswith('onnxguard: error: mine: no allowlist "mine" in the registry')


def test_list_with_an_error_stops_the_run() -> None:
    Path("mine.yaml").write_text("schema: 1\nid: mine\noperator: []\n")
    code, out, err = run("scan", "clean.onnx", "--allowlist", "mine.yaml")
    assert (code, out) == (2, "")
    assert err.startswith('onnxguard: error: mine.yaml:3:1: unknown key "operator"')


# -- select and ignore -----------------------------------------------------------------------------

MIXED = pb.model(
    graph(
        node("Einsum", attribute=attribute("equation", s="abcd")),
        initializer=tensor(1, [-1], "w", raw_data=b""),
    ),
    pb.number_field(99, 1),
)
ALL = {"OG101", "OG302", "OG601"}
CHOSEN: dict[str, set[str]] = {
    "": ALL,
    "--select OG101": {"OG101"},
    "--select og101": {"OG101"},
    "--select OG1": {"OG101"},
    "--select OG": ALL,
    "--select OG1,OG6": {"OG101", "OG601"},
    "--select OG1 --select OG3": {"OG101", "OG302"},
    "--select OG30": {"OG302"},
    "--select OG2": set(),
    "--ignore OG101": {"OG302", "OG601"},
    "--ignore OG1,OG3": {"OG601"},
    "--ignore OG1 --ignore OG3 --ignore OG6": set(),
    "--select OG1,OG3 --ignore OG101": {"OG302"},
    "--select OG101 --ignore OG1": set(),
}


@pytest.mark.parametrize("line", CHOSEN)
def test_codes_that_are_looked_at(line: str) -> None:
    Path("mixed.onnx").write_bytes(MIXED)
    code, found = scanned("mixed.onnx", *line.split())
    assert set(found["mixed.onnx"]) == CHOSEN[line]
    assert code == (1 if CHOSEN[line] else 0)


@pytest.mark.parametrize("line", ["--select OG1", "--select OG101,OG6", "--ignore OG1"])
def test_model_that_was_not_verified_is_never_left_out(line: str) -> None:
    assert scanned("unverified.onnx", *line.split()) == (2, {"unverified.onnx": ["OG002"]})


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--select", "OG999", '--select: no rule "OG999"'),
        ("--select", "OG1010", '--select: no rule "OG1010"'),
        ("--select", "operator-denied", '--select: no rule "OPERATOR-DENIED"'),
        ("--select", "", '--select: no rule ""'),
        ("--select", "OG101,", '--select: no rule ""'),
        ("--ignore", "OG11\x1b", '--ignore: no rule "OG11\\x1b"'),
        ("--ignore", "OG102,OG9999", '--ignore: no rule "OG9999"'),
        ("--ignore", "OG0", "--ignore OG0: a model that was not verified cannot be passed over"),
        ("--ignore", "OG001", "--ignore OG001: a model that was not verified"),
        ("--ignore", "OG101,OG003", "--ignore OG003: a model that was not verified"),
        ("--ignore", "OG", "--ignore OG: a model that was not verified"),
        ("--ignore", "O", "--ignore O: a model that was not verified"),
    ],
)
def test_codes_that_cannot_be_meant(option: str, text: str, message: str) -> None:
    code, out, err = run("scan", "clean.onnx", option, text)
    assert (code, out) == (2, "")
    assert err.startswith(f"onnxguard: error: {message}")
    assert err.count("\n") == 1


def test_misspelt_code_names_those_that_are_near() -> None:
    _, _, err = run("scan", "clean.onnx", "--select", "OG1011")
    assert re.search(r"\(did you mean .*OG101", err)


# -- paths -----------------------------------------------------------------------------------------


def plant(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CLEAN)


def test_folder_is_searched_to_its_end() -> None:
    plant("m/b.onnx", "m/a.onnx", "m/sub/deep/c.ONNX", "m/sub/.hidden.onnx", "m/a.onnx.data")
    plant("m/model.pb", "m/.git/x.onnx", "m/.cache/y.onnx", "m/Z.OnnX")
    found = ["m/Z.OnnX", "m/a.onnx", "m/b.onnx", "m/.cache/y.onnx", "m/sub/.hidden.onnx"]
    assert find_models(["m"]) == [*found, "m/sub/deep/c.ONNX"]
    assert scanned("m") == (0, {path: [] for path in find_models(["m"])})
    assert find_models(["m/"]) == find_models(["m"])


def test_paths_are_scanned_in_the_order_in_which_they_are_named() -> None:
    plant("m/a.onnx", "m/b.onnx")
    named = ["warned.onnx", "m", "clean.onnx"]
    assert list(scanned(*named)[1]) == ["warned.onnx", "m/a.onnx", "m/b.onnx", "clean.onnx"]


def test_path_named_twice_is_scanned_once() -> None:
    plant("m/a.onnx", "m/b.onnx")
    assert find_models(["m/b.onnx", "m", "m/*.onnx", "m/b.onnx"]) == ["m/b.onnx", "m/a.onnx"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("m/*.onnx", ["m/a.onnx", "m/b.onnx"]),
        ("m/?.onnx", ["m/a.onnx", "m/b.onnx"]),
        ("m/[b-z].onnx", ["m/b.onnx"]),
        ("m/**/*.onnx", ["m/a.onnx", "m/b.onnx", "m/sub/c.onnx"]),
        ("m/*", ["m/a.onnx", "m/b.onnx"]),
        ("m/*.bin", ["m/*.bin"]),
    ],
)
def test_glob(pattern: str, found: list[str]) -> None:
    plant("m/b.onnx", "m/a.onnx", "m/sub/c.onnx")
    assert find_models([pattern]) == found


def test_glob_without_a_match_is_not_verified() -> None:
    code, out, _ = run("scan", "clean.onnx", "none/*.onnx")
    assert code == 2
    assert "none/*.onnx" in out
    assert "the pattern matches no file" in out


def test_name_that_looks_like_a_glob_is_a_file_too_where_there_is_one() -> None:
    plant("a[1].onnx", "a1.onnx")
    assert find_models(["a[1].onnx"]) == ["a[1].onnx", "a1.onnx"]
    Path("a[1].onnx").unlink()
    assert find_models(["a[1].onnx"]) == ["a1.onnx"]


def test_links_between_folders_end() -> None:
    plant("m/sub/a.onnx", "other/b.onnx")
    Path("m/sub/up").symlink_to("..")
    Path("m/self").symlink_to("self")
    Path("m/link.onnx").symlink_to("../other/b.onnx")
    Path("m/loop.onnx").symlink_to("loop.onnx")
    assert find_models(["m"]) == ["m/link.onnx", "m/loop.onnx", "m/sub/a.onnx"]
    code, found = scanned("m")
    assert code == 2
    assert found == {"m/link.onnx": [], "m/loop.onnx": ["OG001"], "m/sub/a.onnx": []}


@pytest.mark.parametrize("named", ["m", "m/**/*.onnx", "**/b.onnx"])
def test_a_link_to_a_folder_that_is_not_looked_at_hides_no_model(
    named: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    plant("m/a.onnx", "m/b.onnx", str(out / "bad.onnx"))
    Path("m/link").symlink_to(out)
    code, found = scanned(named)
    assert (code, found["m/link"]) == (2, ["OG001"])
    if named == "m":
        assert scanned("m", str(out))[0] == 0
        assert scanned("m", "m/link")[0] == 0
    assert find_models(["m/link"]) == ["m/link/bad.onnx"]


def test_links_that_lead_back_do_not_multiply_a_glob() -> None:
    plant("m/sub/a.onnx")
    for number in range(8):  # 8 ** 40 ways, before the system stops following
        Path(f"m/sub/{number}").symlink_to("..")
    assert find_models(["m/**/*.onnx"]) == ["m/sub/a.onnx"]
    assert find_models(["**/a.onnx"]) == ["m/sub/a.onnx"]
    assert find_models(["*/**/sub/*"]) == ["m/sub/a.onnx"]


@pytest.mark.parametrize("make", ["mkdir", "mkfifo", "nothing"])
def test_what_is_no_model_is_not_verified(make: str) -> None:
    if make == "mkdir":
        Path("x.onnx").mkdir()
    elif make == "mkfifo":
        os.mkfifo("x.onnx")
    assert scanned("clean.onnx", "x.onnx") == (2, {"clean.onnx": [], "x.onnx": ["OG001"]})


def test_folder_without_models_is_not_verified() -> None:
    Path("empty/sub").mkdir(parents=True)
    code, out, _ = run("scan", "clean.onnx", "empty")
    assert code == 2
    assert "a folder without *.onnx files" in out


def test_folder_that_cannot_be_listed_stops_the_run(folder: Path) -> None:
    plant("m/a.onnx", "m/closed/b.onnx")
    Path("m/closed").chmod(0)
    user = os.geteuid()
    if user == 0:  # root may list anything
        folder.chmod(0o755)
        os.seteuid(65534)
    try:
        code, out, err = run("scan", "m", "--config", "none")
    finally:
        os.seteuid(user)
        Path("m/closed").chmod(0o755)
    assert (code, out) == (2, "")
    assert err == 'onnxguard: error: cannot list the folder "m/closed": Permission denied\n'


def test_standard_input() -> None:
    assert scanned("-", stdin=CLEAN) == (0, {"-": []})
    assert scanned("-", stdin=BAD) == (1, {"-": ["OG101"]})
    assert scanned("-", stdin=b"") == (2, {"-": ["OG002"]})
    assert scanned("clean.onnx", "-", "-", stdin=BAD) == (1, {"clean.onnx": [], "-": ["OG101"]})


def test_no_path_is_an_error() -> None:
    code, out, err = run("scan")
    assert (code, out) == (2, "")
    assert "missing argument 'PATH...'" in err


# -- quiet and verbose -----------------------------------------------------------------------------


def test_quiet_is_a_line_for_each_finding_of_a_failing_model() -> None:
    code, out, err = run("scan", "-q", "clean.onnx", "warned.onnx", "bad.onnx", "unverified.onnx")
    assert (code, err) == (2, "")
    assert out.splitlines() == [
        "bad.onnx: OG101 error Einsum is not on the allowlist adr-0258",
        "unverified.onnx: OG002 error a Git LFS pointer, not the model itself",
    ]
    assert run("scan", "--quiet", "clean.onnx", "warned.onnx") == (0, "", "")


def test_verbose_says_more_of_clean_models() -> None:
    _, usual, _ = run("scan", "clean.onnx", "bad.onnx")
    _, more, _ = run("scan", "--verbose", "clean.onnx", "bad.onnx")
    assert "Relu" not in usual
    assert "Relu" in more
    assert len(more.splitlines()) > len(usual.splitlines())


def test_text_ends_with_the_verdict() -> None:
    ends = {
        "clean.onnx": r"PASS: .*",
        "bad.onnx": r"FAIL: 1 error.*",
        "unverified.onnx": r"ERROR: .*",
    }
    for path, end in ends.items():
        last = run("scan", path)[1].splitlines()[-1]
        assert re.fullmatch(end, last), last


# -- names of files that options have, too ---------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["--allowlist=lists/x.onnx", "--exit-zero", "-q", "--output=x.onnx", "-\x1b.onnx"]
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_file_that_is_called_as_an_option_is_not_one(name: str, place: int) -> None:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(BAD)
    arguments = ["--config=none", "bad.onnx"]
    arguments.insert(2 * place, name)
    code, out, err = run("scan", *arguments)
    assert (code, out) == (2, "")
    assert f'"{printable(name)}" is the name of a file and could be an option too' in err
    code, out, _ = run("scan", "--config=none", "--", "bad.onnx", name)
    assert (code, out.count("FAIL  ")) == (1, 2)


def test_a_dash_is_standard_input_whatever_is_called_so() -> None:
    Path("-").write_bytes(BAD)
    assert run("scan", "-", stdin=CLEAN)[0] == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("what", ["source", "complete"])
def test_a_completion_is_no_verdict(shell: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell asks without arguments; with some, the variable would be a way to exit 0."""
    monkeypatch.setenv("_ONNXGUARD_COMPLETE", f"{shell}_{what}")
    monkeypatch.setenv("COMP_WORDS", "onnxguard sc")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run("scan", "bad.onnx")[0] == 1
    assert run("scan", "unverified.onnx")[0] == 2
    assert what == "complete" or run()[0] == 0


# -- costs ----------------------------------------------------------------------------------------


STUDENT = str(Path(__file__).parent.parent / "models" / "saliency_v1.onnx")
SHAPE = ("--shape", "input=1x3x64x64")
MACS = 1_285_376


def test_shape_says_for_which_inputs_costs_count() -> None:
    code, out, _ = run("scan", STUDENT, *SHAPE)
    assert code == 0
    assert "\n    Cost of a run on input float32[1,3,64,64]\n" in out
    assert f"multiply-accumulates {MACS:,}\n" in out
    code, out, _ = run("scan", STUDENT, *SHAPE, "--format", "json")
    cost = json.loads(out)["models"][0]["facts"]["cost"]
    assert (cost["macs"], cost["macs_exact"], cost["exact"]) == (MACS, True, True)
    assert cost["inputs"] == [["input", "float32[1,3,64,64]"]]
    assert sum(each["macs"] for each in cost["operators"]) == MACS
    _, out, _ = run("scan", STUDENT, *SHAPE, "--format", "markdown")
    assert f"multiply-accumulates {MACS:,}.\n" in out


def test_costs_are_said_where_everything_is() -> None:
    assert "Cost of a run" not in run("scan", STUDENT)[1]
    out = run("scan", STUDENT, "-v")[1]
    assert "multiply-accumulates at least 102\n" in out
    assert "Cost of a run on input float32[1,3,H,W]\n      weights" in out
    assert json.loads(run("scan", STUDENT, "--format", "json")[1])["models"][0]["facts"]["cost"]
    assert "float32[1,3,H,W]" not in run("scan", STUDENT, "--format", "sarif")[1]


def test_a_page_has_shapes_on_its_lines_and_the_cost_of_nodes() -> None:
    code, out, _ = run("scan", STUDENT, *SHAPE, "--format", "html")
    assert code == 0
    assert 'class="shape"' in out
    assert ">[1,2,64,64]<" in out
    assert "float32[1,2,64,64]" in out
    assert "The nodes that cost most" in out


def test_a_shape_that_cannot_be_is_not_verified() -> None:
    code, out, _ = run("scan", STUDENT, "--shape", "input=1x4x64x64")
    assert code == 2
    assert 'OG008 error: the shape 1x4x64x64 for "input": it is declared as [1, 3, ?, ?]' in out
    code, out, err = run("scan", STUDENT, "--shape", "input")
    assert (code, out) == (2, "")
    assert err == 'onnxguard: error: --shape "input": write INPUT=DIMS, as image=1x3x256x256\n'


@pytest.mark.parametrize(
    "words",
    ["scan", "check", "diff bad.onnx", "targets", "allowlist derive", "scan bad.onnx"],
)
def test_an_empty_path_is_a_variable_that_is_not_set(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.onnx").write_bytes(pb.model(pb.graph(pb.node("Einsum"))))
    write_manifest("  - {paths: ['*.onnx'], allowlist: adr-0258}\n")
    code, out, err = run(*words.split(), "")
    assert (code, out) == (2, "")
    assert err == 'onnxguard: error: a path is empty (""): is a variable not set?\n'


@contextmanager
def held_to_modes() -> Iterator[None]:
    """Root may read anything, by two capabilities that this thread is without."""
    libc, override, search = ctypes.CDLL(None), 1 << 1, 1 << 2  # as linux/capability.h numbers them
    version = (ctypes.c_uint32 * 2)(0x20080522, 0)
    before, less = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    for held in (before, less):
        assert libc.capget(version, held) == 0
    less[0] &= ~(override | search)
    assert libc.capset(version, less) == 0
    try:
        yield
    finally:
        assert libc.capset(version, before) == 0


@pytest.mark.parametrize("words", ["scan --format json", "targets"])
def test_a_model_that_may_not_be_read_is_in_the_report(words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "a.onnx")
        path.write_bytes(pb.model(pb.graph(pb.node("Relu"))))
        assert "cannot be read" not in run(*words.split(), str(path))[1]  # and imports all of it
        path.chmod(0)
        with held_to_modes():
            code, out, err = run(*words.split(), str(path))
    assert (code, err) == (2, "")
    assert "cannot be read: Permission denied" in out


def test_what_a_quiet_scan_shows_to_nobody_is_not_described(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described: list[object] = []
    monkeypatch.setattr(
        "onnxguard.model.describing.describe_constants",
        lambda *given: described.append(given) or [],
    )
    assert run("scan", "clean.onnx", "-q") == (0, "", "")
    assert described == []
    assert run("scan", "clean.onnx")[0] == 0
    assert len(described) == 1
