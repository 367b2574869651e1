"""A student is put in place whole or not at all: whatever ends it, whoever else writes."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from onnxguard.students.student import STUDENTS
from support.command import run
from support.trained import (
    ENDINGS,
    contents,
    earlier,
    gate_options,
    images,
    placed,
    recipe_options,
    refusal,
)

from onnxguard.base.errors import TrainingError
from onnxguard.gating import gates, publishing
from onnxguard.gating import train_and_gate as whole
from onnxguard.gating.publishing import held, publish
from onnxguard.parity.check import check_parity

NAME = "saliency-v2"
V2 = STUDENTS[NAME]
RUN = f"trained/{NAME}.run"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def student(folder: Path) -> dict[str, bytes]:
    """The six files of a student in a folder, by their endings; of others nothing."""
    paths = {ending: folder / f"{NAME}{ending}" for ending in ENDINGS}
    return {ending: path.read_bytes() for ending, path in paths.items() if path.exists()}


@pytest.fixture
def old(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return student(earlier(tmp_path_factory))


@pytest.fixture
def new(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return student(placed(tmp_path_factory))


def put(files: Mapping[str, bytes], folder: Path = Path("trained")) -> None:
    folder.mkdir(exist_ok=True)
    for ending, data in files.items():
        (folder / f"{NAME}{ending}").write_bytes(data)


# -- killed, or refused by the system, at every step -----------------------------------------------

STEPS = """
import errno, json, os, shutil, signal, sys
from pathlib import Path
from onnxguard.base.errors import OnnxguardError
from onnxguard.gating.publishing import ENDINGS, held, publish

NAME = "saliency-v2"
CALLS = "open replace rename unlink remove rmdir mkdir chmod fsync".split()
REAL = {name: getattr(os, name) for name in CALLS} | {"fsync": lambda descriptor: None}

def ending_at(step, how, work):
    '''Do some work in a process of its own, which ends at a step; True if it was over before.'''
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 3, -signal.SIGKILL), code
        return code == 0
    left = [step]
    def wrapped(name):
        def call(*arguments, **named):
            left[0] -= 1
            if left[0] == -1 and how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if left[0] == -1 and how == "interrupt":
                raise KeyboardInterrupt
            if left[0] == -1:
                named_file = arguments[0] if isinstance(arguments[0], str) else None
                raise OSError(errno.EBUSY, "Device or resource busy", named_file)
            return REAL[name](*arguments, **named)
        return call
    for name in CALLS:
        setattr(os, name, wrapped(name))
    try:
        work()
    except (OnnxguardError, KeyboardInterrupt):
        left[0] = -1
    os._exit(3 if left[0] < 0 else 0)

def publishing():
    with held("trained", NAME):
        publish(new, "trained", NAME)

def recovering():
    with held("trained", NAME):
        pass

def files(folder):
    paths = {ending: Path(folder, NAME + ending) for ending in ENDINGS}
    return {ending: path.read_bytes() for ending, path in paths.items() if path.exists()}

def begin():
    shutil.rmtree("trained", ignore_errors=True)
    shutil.copytree("before", "trained")

def look(where):
    '''What is in place belongs together, and all of it is there where the graph is.'''
    found = files("trained")
    assert found.items() <= old.items() or found.items() <= new.items(), (where, sorted(found))
    assert ".onnx" not in found or found in (old, new), (where, sorted(found))
    return found

old, new, how = files("before"), files("after"), sys.argv[1]
seen, step, over = [], 0, False
while not over:
    begin()
    over = ending_at(step, how, publishing)
    found = look(step)
    seen.append(".onnx" in found and ("new" if found == new else "old"))
    if how != "kill":
        assert found in (old, new), (step, sorted(found))
    again, done = step % 13, how != "kill"
    while not done:  # the next start is killed as well, at every thirteenth of its steps
        begin()
        ending_at(step, "kill", publishing)
        done = ending_at(again, "kill", recovering)
        look((step, again))
        assert ending_at(1 << 30, "kill", recovering)
        assert look((step, again)) in (old, new), (step, again)
        again += 13
    assert ending_at(1 << 30, "kill", recovering)
    assert os.listdir("trained/" + NAME + ".run") == [], step
    assert not os.path.exists("trained/" + NAME + ".run.lock")
    step += 1
print(json.dumps(seen))
"""


@pytest.mark.parametrize("how", ["kill", "refuse", "interrupt"])
@pytest.mark.parametrize("first", [False, True])
def test_whatever_ends_it_what_is_in_place_belongs_together(
    how: str, first: bool, folder: Path, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    put({} if first else old, folder / "before")
    put(new, folder / "after")
    (folder / "before" / "notes.txt").write_text("mine")
    (folder / "steps.py").write_text(STEPS)
    command = [sys.executable, "steps.py", how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    seen = json.loads(done.stdout)
    assert len(seen) > 50
    assert seen[-1] == "new"
    assert seen[0] == (not first and "old")
    assert (folder / "trained" / "notes.txt").read_text() == "mine"


def test_a_killed_publishing_is_undone_by_whoever_looks_for_the_student_next(
    old: dict[str, bytes], new: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(old)

    class KilledError(BaseException):
        pass

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_require_judged", kill)  # five files are in place by then
        patched.setattr(publishing, "_undo", kill)
        with pytest.raises(KilledError), held("trained", NAME):
            publish(new, "trained", NAME)
    assert student(Path("trained")) == {e: new[e] for e in ENDINGS if e != ".onnx"}
    code, out, _ = run("parity")
    assert (code, student(Path("trained"))) == (0, old)
    assert f"PASS  trained/{NAME}.onnx agrees with student:{NAME}" in out


def test_what_cannot_be_put_back_is_kept_and_said(
    old: dict[str, bytes], new: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(old)

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_require_judged", refuse)
        patched.setattr(publishing, "_move_back", refuse)
        with pytest.raises(TrainingError) as refused, held("trained", NAME):
            publish(new, "trained", NAME)
    said = f"it is in {RUN}/publishing/old, and the next start tries it again"
    assert str(refused.value).endswith(said)
    assert student(Path(RUN, "publishing/old")) == old
    with held("trained", NAME):
        assert student(Path("trained")) == old


# -- tampered with ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_changes_while_it_is_put_in_place_is_noticed(
    ending: str, old: dict[str, bytes], new: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(old)
    staged = Path(RUN, "publishing/new", NAME + ending)
    move = publishing._move

    def tampering(*arguments: str) -> None:
        staged.write_bytes(old[ending])  # a whole file, and of a student that passed
        move(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "_move", tampering)
    with pytest.raises(TrainingError, match="is not what was judged"), held("trained", NAME):
        publish(new, "trained", NAME)
    assert student(Path("trained")) == old


def test_a_card_of_another_student_is_not_published(
    old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    for mixed in (new | {".onnx": old[".onnx"]}, new | {".safetensors": old[".safetensors"]}):
        with pytest.raises(TrainingError, match="the card is not that"), held("trained", NAME):
            publish(mixed, "trained", NAME)
    failed = json.dumps(json.loads(new[".json"]) | {"passed": False}).encode()
    with pytest.raises(TrainingError, match="the card is not that"), held("trained", NAME):
        publish(new | {".json": failed}, "trained", NAME)
    assert student(Path("trained")) == {}


def test_what_another_process_writes_into_the_folder_is_not_published(
    old: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The files are those of another training by the time that they are put in place."""

    def overwritten(*arguments: str) -> str:
        put(old, Path(RUN))
        return publish(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(whole, "publish", overwritten)
    code, _, err = run("train-and-gate", *gate_options(tmp_path_factory))
    assert code == 0, err
    found = student(Path("trained"))
    assert found[".onnx"] == student(placed(tmp_path_factory))[".onnx"]
    publishing._require_described(found)


@pytest.mark.parametrize("endings", [(".onnx", ".safetensors"), (".safetensors",)])
def test_what_another_process_writes_there_while_it_is_judged_fails_parity(
    endings: tuple[str, ...],
    old: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Graph and weights of another training, which agree with one another, or the weights alone."""

    def meanwhile(graph: str, *arguments: str, **settings: float) -> object:
        put({ending: old[ending] for ending in endings}, Path(RUN))
        return check_parity(graph, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(gates, "check_parity", meanwhile)
    loose = ("--atol", "1e9") if len(endings) == 1 else ()  # even where any weights would agree
    options = (*gate_options(tmp_path_factory), *loose)
    code, out, _ = run("train-and-gate", *options, "--format", "json")
    verdicts = {gate["name"]: gate for gate in json.loads(out)["gates"]}
    assert (code, verdicts["parity"]["passed"]) == (1, False)
    assert "another process writes them" in verdicts["parity"]["problems"][0]
    assert student(Path("trained")) == {}


# -- what leads elsewhere --------------------------------------------------------------------------


LINKS = ("", "/parity", "/publishing", "/publishing/old", "/checkpoint.json", f"/{NAME}.md")


@pytest.mark.parametrize("name", LINKS)
def test_a_symbolic_link_in_the_folder_of_a_run_is_refused(
    name: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = folder / "outside"
    outside.mkdir()
    (outside / "replay.py").write_text("mine")
    link = folder / f"{RUN}{name}"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside, target_is_directory=True)
    line = refusal("train-and-gate", *gate_options(tmp_path_factory), "--atol", "1e-12")
    assert f"{RUN}{name}" in line
    assert "is a symbolic link" in line
    assert contents(outside) == {"replay.py": b"mine"}
    assert link.is_symlink()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_folder_in_the_place_of_a_candidates_file_is_one_line(
    ending: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder / RUN / f"{NAME}{ending}").mkdir(parents=True)
    line = refusal("train-and-gate", *gate_options(tmp_path_factory))
    assert line.endswith(f"{RUN}/{NAME}{ending} is a folder, and is to be a file")


# -- two at once -----------------------------------------------------------------------------------


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "onnxguard", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_a_second_training_is_told_of_the_first(tmp_path_factory: pytest.TempPathFactory) -> None:
    options = ("train-and-gate", *gate_options(tmp_path_factory))
    images(tmp_path_factory)
    first = started(*options)
    try:
        until(Path(f"{RUN}.lock").exists, first)
        first.send_signal(signal.SIGSTOP)
        until(lambda: bool(Path(f"{RUN}.lock").read_text()), first)
        line = refusal(*options, "--restart", "--min-iou", "0.99")
        said = f"{RUN} is used by process {first.pid} on {platform.node()}: wait for it, or end it"
        assert line.endswith(said)
    finally:
        first.send_signal(signal.SIGCONT)
    _, err = first.communicate()
    assert first.returncode == 0, err
    publishing._require_described(student(Path("trained")))
    assert not Path(f"{RUN}.lock").exists()


def test_trainings_at_once_leave_one_student_that_passed(
    old: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One passes its gates and two do not: what is in place was judged, and is whole."""
    put(old)
    options = ("train-and-gate", *gate_options(tmp_path_factory), "--restart", "--epochs", "2")
    floors = ("0.99", "0", "0.98")
    processes = [started(*options, "--min-iou", floor, "--seed", floor[-1]) for floor in floors]
    ends = [process.communicate() for process in processes]
    codes = [process.returncode for process in processes]
    assert codes[0] in {1, 2}, ends
    assert codes[1] in {0, 2}, ends
    assert codes[2] in {1, 2}, ends
    assert any(code < 2 for code in codes), ends
    found = student(Path("trained"))
    assert sorted(found) == sorted(ENDINGS)
    publishing._require_described(found)
    assert (found == old) == (codes[1] == 2)
    assert run("parity")[0] == 0


# -- reports that would be written over it ---------------------------------------------------------


OWN = [f"trained/{NAME}{ending}" for ending in ENDINGS if ending != ".onnx"]
OWN += ["trained/saliency-v1.json", f"{RUN}/checkpoint.json", f"{RUN}.lock", f"{RUN}/parity/x"]


@pytest.mark.parametrize("option", ["--output", "--csv"])
@pytest.mark.parametrize("name", OWN)
def test_a_students_own_files_are_no_report(
    name: str, option: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    Path(name).parent.mkdir(parents=True)
    line = refusal("train-and-gate", *gate_options(tmp_path_factory), option, name)
    assert line.endswith(f'{option} "{name}" is one of a student\'s own files: name another file')


@pytest.mark.parametrize("how", ["link", "hard link", "detour"])
def test_a_students_own_files_are_known_by_any_name(
    how: str, old: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    put(old)
    card, name = Path("trained", f"{NAME}.json"), "report.json"
    if how == "link":
        Path(name).symlink_to(card)
    elif how == "hard link":
        Path(name).hardlink_to(card)
    else:
        name = f"trained/../trained/./{NAME}.json"
    line = refusal("train-and-gate", *gate_options(tmp_path_factory), "--output", name)
    assert "is one of a student's own files" in line
    assert student(Path("trained")) == old


def test_report_and_log_are_two_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    options = (*gate_options(tmp_path_factory), "--output", "x", "--csv", "./x")
    assert "--output and --csv: two files" in refusal("train-and-gate", *options)


GRAPH = f"trained/{NAME}.onnx"
REPORTS = {
    f"{command} {ending}": (*call, "--output", f"trained/{NAME}{ending}")
    for ending in (".safetensors", ".json", ".sheet.png")
    for command, call in {
        "evaluate": ("evaluate", GRAPH),
        "parity": ("parity",),
        "parity of a graph": ("parity", GRAPH, "--torch", f"student:{NAME}"),
    }.items()
} | {"scan": ("scan", "trained", "--output", f"trained/{NAME}.safetensors")}


@pytest.mark.parametrize("name", REPORTS)
def test_other_commands_do_not_write_over_a_student_either(
    name: str, old: dict[str, bytes]
) -> None:
    put(old)
    refusal(*REPORTS[name])
    assert student(Path("trained")) == old


@pytest.mark.parametrize(
    "name", ["ablation.json", "ablation.md", "ablation.png", "runs/saliency-v1-0/result.json"]
)
def test_an_ablations_own_files_are_no_report(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = Path("ablation", name)
    path.parent.mkdir(parents=True)
    line = refusal("ablate", *recipe_options(tmp_path_factory), "--output", str(path))
    assert "is one of the ablation's own files" in line
