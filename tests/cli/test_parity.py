"""``onnxguard parity``: options, exit codes, and what it says about bad input."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxguard.students import STUDENTS
from onnxguard.students.exporting import export_student
from onnxguard.students.untrained import untrained_network
from support.command import run
from support.parity_cases import WEIGHTS, graph

from onnxguard.parity.report import ParityReport
from onnxguard.reporters import PARITY_REPORTERS
from onnxguard.running.profiles import PROBES

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(4, 5))

    def forward(self, x):
        return x @ self.w


class TwoInputs(nn.Module):
    def forward(self, left, right):
        return left - 2 * right


class Decides(Net):
    def forward(self, x):
        return x @ self.w if bool(x.sum() < 1e9) else x


number = 3
"""
LINEAR = graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, w) }")
DIFFERENCE = graph(
    "(float[n, 4] a, float[n, 4] b) => (float[n, 4] y) { c = Add(b, b) y = Sub(a, c) }"
)
AGAINST = ("--torch", "nets:Net", "--weights", "w.pt")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module, its weights and graphs of it, that the command is run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NET)
    (tmp_path / "good.onnx").write_bytes(LINEAR)
    (tmp_path / "two.onnx").write_bytes(DIFFERENCE)
    (tmp_path / "bad.onnx").write_bytes(
        graph("(float[n, 4] x) => (float[n, 5] y) { y = MatMul(x, k) }", k=WEIGHTS * 1.01)
    )
    torch.save({"w": torch.from_numpy(WEIGHTS)}, tmp_path / "w.pt")
    yield tmp_path
    sys.modules.pop("nets", None)


def checked(*arguments: str) -> tuple[int, dict[str, object]]:
    """The exit code and the only report."""
    code, out, err = run("parity", *arguments, "--format", "json")
    assert err == ""
    (report,) = json.loads(out)["models"]
    return code, report


def refused(*arguments: str) -> str:
    """The one line that a call is refused with; it must exit 2 and print nothing else."""
    code, out, err = run("parity", *arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("onnxguard: error: ")
    return line


def test_a_graph_that_agrees_passes_and_one_that_differs_fails() -> None:
    code, out, err = run("parity", "good.onnx", *AGAINST)
    assert (code, err) == (0, "")
    assert out.startswith("PASS  good.onnx agrees with nets:Net")
    code, out, err = run("parity", "bad.onnx", *AGAINST)
    assert (code, err) == (1, "")
    assert out.startswith("FAIL  bad.onnx differs from nets:Net")
    assert "OP201" in out
    assert "OP401" in out


def test_a_tolerance_large_enough_lets_it_pass() -> None:
    wide = ("--atol", "1", "--ignore", "OP303,OP112", "--profile", "normal")
    assert run("parity", "bad.onnx", *AGAINST, *wide)[0] == 0


@pytest.mark.parametrize("output_format", PARITY_REPORTERS)
def test_the_exit_code_does_not_depend_on_the_format(output_format: str) -> None:
    for model, expected in (("good.onnx", 0), ("bad.onnx", 1)):
        assert run("parity", model, *AGAINST, "--format", output_format)[0] == expected


@pytest.mark.parametrize("output_format", [f for f in PARITY_REPORTERS if f != "text"])
def test_what_could_not_be_compared_is_a_report_too(output_format: str) -> None:
    code, out, err = run("parity", "good.onnx", "--torch", "nets:No", "--format", output_format)
    assert code == 2
    assert "OP001" in out
    assert err == ""


def test_a_vacuous_comparison_fails() -> None:
    code, report = checked("good.onnx", "--torch", "nets:Decides", "--weights", "w.pt")
    assert (code, report["verdict"]) == (1, "vacuous")
    ignoring = ("--ignore", "op307")
    code, report = checked("good.onnx", "--torch", "nets:Decides", "--weights", "w.pt", *ignoring)
    assert (code, report["verdict"]) == (0, "pass")
    assert any("OP307" in str(remark) for remark in list(report["remarks"]))  # type: ignore[call-overload]


def test_another_graph_as_the_reference() -> None:
    assert run("parity", "bad.onnx", "--reference", "good.onnx")[0] == 1
    assert "--reference" in refused("good.onnx", "--reference", "bad.onnx", *AGAINST)


def test_inputs_are_bound_by_name(folder: Path) -> None:
    line = refused("two.onnx", "--torch", "nets:TwoInputs")
    assert "--bind a=PARAMETER" in line
    bound = ("--bind", "a=left", "--bind", "b=right")
    assert run("parity", "two.onnx", "--torch", "nets:TwoInputs", *bound)[0] == 0
    crossed = ("--bind", "a=right", "--bind", "b=left")
    assert run("parity", "two.onnx", "--torch", "nets:TwoInputs", *crossed)[0] == 1
    random = np.random.Generator(np.random.PCG64(0))
    arrays = {name: random.random((2, 4), np.float32) for name in "ba"}
    np.savez(folder / "both.npz", **arrays)
    code, report = checked("two.onnx", "--torch", "nets:TwoInputs", *bound, "--inputs", "both.npz")
    assert (code, len(list(report["trials"]))) == (0, 1)  # type: ignore[call-overload]


def test_tolerances_for_all_outputs_and_for_one(folder: Path) -> None:
    wide = ("--ignore", "OP303,OP112", "--profile", "normal")
    assert run("parity", "bad.onnx", *AGAINST, *wide, "--atol", "1e-6", "--atol", "y=1")[0] == 0
    assert "y" in refused("bad.onnx", *AGAINST, "--atol", "z=1")
    (folder / "pyproject.toml").write_text(
        '[tool.onnxguard.parity]\natol = 1.0\nignore = ["OP303", "OP112"]\nprofile = ["normal"]\n'
    )
    assert run("parity", "bad.onnx", *AGAINST)[0] == 0
    (folder / "pyproject.toml").write_text('[tool.onnxguard.parity]\ntolerance = "some"\n')
    assert run("parity", "good.onnx", *AGAINST)[0] == 2


def test_shapes_trials_and_seeds() -> None:
    shapes = ("--shape", "x=2x4", "--shape", "x=7,4", "--trials", "2", "--seed", "5")
    code, report = checked("good.onnx", *AGAINST, *shapes)
    trials = list(report["trials"])  # type: ignore[call-overload]
    assert code == 0
    probes = [trial for trial in trials if trial["profile"] in PROBES]
    assert len(trials) - len(probes) == 2 * 2 * 3
    assert len(probes) == 2
    assert {trial["seed"] for trial in trials} == {5, 6}


def test_proof_and_evidence(folder: Path) -> None:
    code, report = checked("good.onnx", *AGAINST, "--prove", "--mutants", "5")
    assert code == 0
    assert report["proof"]["mutants"] == 5  # type: ignore[index]
    code, _, _ = run("parity", "bad.onnx", *AGAINST, "--save", "evidence")
    assert code == 1
    assert (folder / "evidence" / "replay.py").is_file()


def test_evidence_that_cannot_be_written_is_told_before_the_work(folder: Path) -> None:
    line = refused("good.onnx", *AGAINST, "--save", "nets.py")
    assert line.endswith('nets.py": File exists')
    assert "would overwrite" not in refused("no.onnx", *AGAINST, "--save", "kept")
    (folder / "kept" / "model.onnx").write_bytes(LINEAR)
    assert "evidence would overwrite model.onnx" in refused("good.onnx", *AGAINST, "--save", "kept")
    assert (folder / "kept" / "model.onnx").read_bytes() == LINEAR


FILLING = """

class Filling(Net):
    def forward(self, x):
        import shutil
        shutil.rmtree("kept", ignore_errors=True)
        open("kept", "w").close()
        return x @ self.w
"""


def test_a_report_outlives_its_evidence(folder: Path) -> None:
    with (folder / "nets.py").open("a") as stream:
        stream.write(FILLING)
    call = ("--torch", "nets:Filling", "--weights", "w.pt", "--save", "kept")
    code, out, err = run("parity", "good.onnx", *call)
    assert code == 2
    assert out.startswith("PASS  good.onnx")
    assert "onnxguard: error: evidence cannot be written" in err


def test_a_proof_below_the_asked_share_fails() -> None:
    blunt = ("--prove", "--mutants", "8", "--atol", "0.05", "--no-local", "--kill-rate", "1")
    blunt += ("--profile", "normal", "--ignore", "OP112")
    code, report = checked("good.onnx", *AGAINST, *blunt)
    assert code == 1
    assert [f["code"] for f in report["findings"]] == ["OP501"]  # type: ignore[attr-defined]


def test_a_report_goes_to_a_file_whole_or_not_at_all(folder: Path) -> None:
    code, out, _ = run("parity", "good.onnx", *AGAINST, "--format", "html", "--output", "r.html")
    assert (code, out) == (0, "")
    assert (folder / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert "is a model" in refused("good.onnx", *AGAINST, "--output", "good.onnx")
    assert (folder / "good.onnx").read_bytes() == LINEAR
    assert "not a file in a folder" in refused("good.onnx", *AGAINST, "--output", "no/r.html")


REFUSALS = {
    "nothing to compare with": ("good.onnx", "compare with what"),
    "no such model": ("no.onnx --torch nets:Net", "no.onnx: cannot be read"),
    "a page": ("nets.py --torch nets:Net", "nets.py: "),
    "no such module": ("good.onnx --torch nots:Net", "nots:Net: cannot be imported"),
    "no such callable": ("good.onnx --torch nets:No", 'nets:No: "nets" has no "No"'),
    "no callable": ("good.onnx --torch nets:number", "no module or callable but of type int"),
    "no reference": ("good.onnx --torch nets", "package.module:callable"),
    "no such program": ("good.onnx --torch no.pt2", "no.pt2: not an exported program"),
    "no such student": ("good.onnx --torch student:v9", 'no student "v9"'),
    "a student without weights": ("good.onnx --torch student:saliency-v1", "--weights FILE"),
    "no such weights": ("good.onnx --torch nets:Net --weights no.pt", "no.pt: cannot be read"),
    "weights of another": (
        "good.onnx --torch nets:Net --weights other.pt",
        'other.pt does not fit: "w" is missing, "v" is not in the network',
    ),
    "no such inputs": ("good.onnx --torch nets:Net --inputs no.npz", "no.npz: no such file"),
    "inputs that are none": ("good.onnx --torch nets:Net --inputs nets.py", "not a .npz"),
    "inputs of another": ("good.onnx --torch nets:Net --inputs other.npz", 'lacks the input "x"'),
    "a shape of nothing": ("good.onnx --torch nets:Net --shape z=1x4", "INPUT being one of: x"),
    "a shape without dims": ("good.onnx --torch nets:Net --shape x=a", "dims are whole numbers"),
    "a shape of another rank": ("good.onnx --torch nets:Net --shape x=4", "the input has 2 dims"),
    "a provider that is not there": (
        "good.onnx --torch nets:Net --provider cuda",
        "the provider cuda is not active here",
    ),
    "a code that is none": ("good.onnx --torch nets:Net --ignore OP999", 'no rule "OP999"'),
    "a code not to be ignored": ("good.onnx --torch nets:Net --ignore OP201", "cannot be passed"),
    "a code that hides that nothing ran": ("good.onnx --torch nets:Net --ignore OP301", "OP301"),
    "a proof that is not asked for": ("good.onnx --torch nets:Net --mutants 3", "with --prove"),
    "a path to a module": ("good.onnx --torch nets.py:Net", "write nets:Net"),
    "a binding that is none": ("good.onnx --torch nets:Net --bind x", "INPUT=PARAMETER"),
    "weights of a graph": ("good.onnx --reference bad.onnx --weights w.pt", "--weights are of"),
    "a reference for no model": ("--torch nets:Net", "--torch is for a MODEL"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_input_gets_one_line(name: str, folder: Path) -> None:
    torch.save({"v": torch.zeros(1)}, folder / "other.pt")
    np.savez(folder / "other.npz", z=np.zeros(3))
    call, says = REFUSALS[name]
    assert says in refused(*call.split())


@pytest.mark.parametrize(
    "call", ["--atol=-1", "--atol=nan", "--atol=inf", "--trials=0", "--kill-rate=2", "--seed=-1"]
)
def test_numbers_that_make_no_sense(call: str) -> None:
    code, out, err = run("parity", "good.onnx", *AGAINST, call)
    assert (code, out) == (2, "")
    assert re.search(r"invalid value for '--[a-z-]+'", err)


# -- without a model -------------------------------------------------------------------------------


def test_an_untrained_student_is_checked_where_none_was_trained() -> None:
    code, out, err = run("parity", "--shape", "input=1x3x64x96", "--no-local")
    assert code == 0
    assert err.startswith("no trained student in trained/: checking a saliency-v2")
    assert out.startswith("PASS  untrained saliency-v2 agrees with student:saliency-v2")


def test_trained_students_are_checked(folder: Path) -> None:
    (folder / "trained").mkdir()
    for student in STUDENTS.values():
        network = untrained_network(student)
        (folder / "trained" / f"{student.name}.onnx").write_bytes(export_student(student, network))
        from safetensors.torch import save_file

        save_file(network.state_dict(), folder / "trained" / f"{student.name}.safetensors")
    code, out, err = run("parity", "--shape", "input=1x3x32x64", "--no-local", "--save", "kept")
    assert (code, err) == (0, "")
    for name in STUDENTS:
        assert f"trained/{name}.onnx agrees with student:{name}" in out
        assert (folder / "kept" / name / "replay.py").is_file()


def test_the_api_is_the_same_check() -> None:
    import onnxguard

    report = onnxguard.check_parity("good.onnx", "nets:Net", weights="w.pt")
    assert isinstance(report, onnxguard.ParityReport)
    assert isinstance(report, ParityReport)
    assert report.passed
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        onnxguard.nothing  # noqa: B018 - the attribute is what is asked for
