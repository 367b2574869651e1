"""The gates: each one refuses for its own reason, and then nothing is replaced."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest
from onnxguard.students.data import find_data, take_training
from onnxguard.students.recipe import Recipe
from onnxguard.students.store import Store
from onnxguard.students.student import STUDENTS, Student
from support.command import run
from support.trained import (
    ENDINGS,
    HELD_OUT,
    SIDE,
    cached,
    contents,
    copied,
    gate_options,
    images,
    kept_out,
    placed,
    refusal,
)

from onnxguard.base.progress import silent
from onnxguard.gating.candidate import Candidate
from onnxguard.gating.gates import Judged, Limits, judge
from onnxguard.scanning.scan import scan

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "saliency-v2"
V2 = STUDENTS[NAME]
LIMITS = Limits(mutants=0, min_iou=0.0)
EPOCH = "epoch 1/1: "


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an earlier student, which the command is run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained").mkdir()
    for ending in ENDINGS:
        (tmp_path / "trained" / f"{NAME}{ending}").write_bytes(f"earlier {ending}".encode())
    return tmp_path


def in_place(folder: Path) -> dict[str, bytes]:
    """What stands beside the folder of the candidate."""
    found = contents(folder / "trained")
    return {name: data for name, data in found.items() if not name.startswith(f"{NAME}.run/")}


class Trained(NamedTuple):
    """What a training that was judged printed and left."""

    code: int
    card: dict[str, object]
    err: str

    @property
    def gates(self) -> dict[str, object]:
        """Whether each gate was passed."""
        return {gate["name"]: gate["passed"] for gate in list(self.card["gates"])}  # type: ignore[call-overload]

    def problems(self, name: str) -> list[str]:
        """Why one was not."""
        (gate,) = [g for g in list(self.card["gates"]) if g["name"] == name]  # type: ignore[call-overload]
        return list(gate["problems"])


def judged(*arguments: str) -> Trained:
    """``train-and-gate``; its JSON is the card."""
    code, out, err = run("train-and-gate", *arguments, "--format", "json")
    assert code in {0, 1}, err
    return Trained(code, json.loads(out), err)


# -- a gate that refuses ---------------------------------------------------------------------------


def refused(
    folder: Path, factory: pytest.TempPathFactory, gate: str, *arguments: str
) -> tuple[Trained, Path]:
    """A training that one gate refuses: what it said, and the folder with what is kept."""
    before = in_place(folder)
    found = judged(*gate_options(factory), *arguments)
    assert found.code == 1
    assert found.card["passed"] is False
    assert [name for name, passed in found.gates.items() if passed is False] == [gate]
    assert in_place(folder) == before
    kept = folder / "trained" / f"{NAME}.run"
    assert found.card == json.loads((kept / f"{NAME}.json").read_text())
    for ending in (".onnx", ".safetensors", ".md", ".curve.png"):
        assert (kept / f"{NAME}{ending}").stat().st_size > 1000
    return found, kept


def test_the_scan_refuses_and_then_the_graph_is_not_run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found, kept = refused(
        folder, tmp_path_factory, "scan", "--student", NAME, "--allowlist", "pre-adr-0258"
    )
    assert found.problems("scan") == ["OG101 Resize is not on the allowlist pre-adr-0258"]
    assert found.gates == {"scan": False, "contract": True, "parity": None, "iou": None}
    assert (found.card["parity"], found.card["measures"]) == (None, None)
    assert not (kept / f"{NAME}.sheet.png").exists()
    assert not (kept / "parity").exists()


def test_parity_refuses_and_leaves_evidence(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found, kept = refused(folder, tmp_path_factory, "parity", "--atol", "1e-12")
    (problem,) = found.problems("parity")
    assert problem.startswith("OP208 saliency_map differs by ")
    assert found.gates == {"scan": True, "contract": True, "parity": False, "iou": True}
    assert (kept / "parity" / "replay.py").is_file()
    assert (kept / f"{NAME}.sheet.png").is_file()
    # Judged anew with the usual tolerance it passes, and the evidence goes.
    again = judged(*gate_options(tmp_path_factory), "--resume")
    assert (again.code, kept.exists()) == (0, False)


def test_a_candidate_that_cannot_be_measured_is_refused_with_a_card(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = in_place(folder)
    wild = ("--learning-rate", "1e38", "--batch", "16", "--epochs", "1")  # one step, to nowhere
    found = judged(*gate_options(tmp_path_factory), *wild)
    assert found.code == 1
    assert found.gates == {"scan": True, "contract": True, "parity": False, "iou": False}
    (problem,) = found.problems("iou")
    assert problem.endswith("the answer holds NaN")
    assert in_place(folder) == before
    assert (folder / "trained" / f"{NAME}.run" / f"{NAME}.md").is_file()


def test_too_low_an_iou_refuses(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    found, kept = refused(folder, tmp_path_factory, "iou", "--min-iou", "0.99")
    iou = found.card["measures"]["iou"]  # type: ignore[index]
    assert found.problems("iou") == [f"IoU {iou:.4f} is not at least 0.9900"]
    assert not (kept / "parity").exists()
    assert (kept / f"{NAME}.sheet.png").is_file()


def test_a_trivial_answer_is_the_floor_where_none_is_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = gate_options(tmp_path_factory)
    del options[options.index("--min-iou") :]
    before = in_place(folder)
    found = judged(*options)
    baselines = {e["answer"]: e["iou"] for e in list(found.card["baselines"])}  # type: ignore[call-overload]
    best = max(baselines, key=lambda answer: float(baselines[answer]))
    iou = found.card["measures"]["iou"]  # type: ignore[index]
    assert found.problems("iou") == [
        f"IoU {iou:.4f} is not more than {baselines[best]:.4f} of the trivial answer {best}"
    ]
    assert (found.code, in_place(folder)) == (1, before)


def test_the_text_names_the_gate_and_where_the_candidate_is(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code, out, err = run("train-and-gate", *gate_options(tmp_path_factory), "--min-iou", "0.99")
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == f"FAIL  {NAME}, 1 epoch on folder"
    assert [line.split()[0] for line in lines if "  failed   " in line] == ["iou"]
    assert lines[-2].startswith("FAIL: iou failed; scan, contract, parity passed, ")
    assert lines[-1] == f"not in place, kept in: trained/{NAME}.run/{NAME}.onnx"
    assert [line.startswith(EPOCH) for line in err.splitlines()] == [True]
    assert in_place(folder)[f"{NAME}.onnx"] == b"earlier .onnx"


# -- the contract, and gates that the command line cannot fail -------------------------------------


@pytest.fixture
def validation(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The images that the students of ``placed`` were judged on."""
    recipe = Recipe(SIDE, SIDE, SIDE, batch=4, epochs=1, validation_least=HELD_OUT)
    data, cache = find_data(str(images(tmp_path_factory))), str(cached(tmp_path_factory))
    return take_training(data, recipe, cache, 1, "refuse", silent).data.validation


def candidate(graph: Path, weights: Path) -> Candidate:
    """Files as if they had just been written."""
    return Candidate(str(graph), str(weights), graph.read_bytes(), weights.read_bytes())


def judge_placed(
    factory: pytest.TempPathFactory,
    folder: Path,
    validation: Store,
    student: Student = V2,
    limits: Limits = LIMITS,
) -> Judged:
    """Judge a copy of the student that passed as if it had to be another one."""
    copy = copied(placed(factory), folder / "copy")
    files = candidate(copy / f"{NAME}.onnx", copy / f"{NAME}.safetensors")
    return judge(files, student, 123_721, validation, SIDE, limits, silent)


OPERATORS = "Concat Constant Conv MaxPool Relu Resize Sigmoid"
CONTRACTS: Mapping[str, tuple[Student, str]] = {
    "parameters": (V2._replace(parameters=1), "parameters: 123,721 instead of 1"),
    "operators": (
        V2._replace(operators=("Conv", "Relu")),
        f"operators: {OPERATORS} instead of Conv Relu",
    ),
    "opset": (
        V2._replace(opset=18),
        "opset: [('ai.onnx', 17)] instead of [('ai.onnx', 18)]",
    ),
    "inputs": (
        V2._replace(input_name="x"),
        "inputs: input float32 1x3xHxW instead of x float32 1x3xHxW",
    ),
    "outputs": (
        V2._replace(output_name="y"),
        "outputs: saliency_map float32 1x1xHxW instead of y float32 1x1xHxW",
    ),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_contract_refuses(
    name: str, folder: Path, validation: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    student, says = CONTRACTS[name]
    found = judge_placed(tmp_path_factory, folder, validation, student)
    scanned, contract, parity, iou = found.gates
    assert scanned.passed
    assert (contract.name, contract.passed, contract.problems) == ("contract", False, (says,))
    assert (parity.passed, iou.passed, found.parity, found.measured) == (None, None, None, None)


def test_what_was_put_in_place_passes_when_it_is_judged_again(
    folder: Path, validation: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = judge_placed(tmp_path_factory, folder, validation)
    assert [gate.passed for gate in found.gates] == [True] * 4
    assert [gate.name for gate in found.gates] == ["scan", "contract", "parity", "iou"]
    assert not (folder / "copy" / "parity").exists()


def test_a_graph_that_cannot_be_read_fails_scan_and_contract(
    folder: Path, validation: Store
) -> None:
    (folder / "m.onnx").write_text("no graph")
    files = candidate(folder / "m.onnx", folder / "m.onnx")
    found = judge(files, V2, 123_721, validation, SIDE, LIMITS, silent)
    assert [gate.passed for gate in found.gates] == [False, False, None, None]
    assert found.gates[1].summary == "the graph could not be read"


def test_weights_that_are_none_fail_parity(
    folder: Path, validation: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = copied(placed(tmp_path_factory), folder / "copy")
    (copy / "w.safetensors").write_bytes(b"no weights")
    files = candidate(copy / f"{NAME}.onnx", copy / "w.safetensors")
    found = judge(files, V2, 123_721, validation, SIDE, LIMITS, silent)
    assert [gate.passed for gate in found.gates] == [True, True, False, True]
    (problem,) = found.gates[2].problems
    assert "w.safetensors" in problem
    assert problem.isprintable()


def test_a_tolerance_that_hides_everything_fails_parity(
    folder: Path, validation: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    blunt = LIMITS._replace(atol=1.0)
    found = judge_placed(tmp_path_factory, folder, validation, limits=blunt)
    assert [gate.passed for gate in found.gates] == [True, True, False, True]
    assert [problem.split()[0] for problem in found.gates[2].problems] == ["OP303"]


def test_damaged_graphs_are_tried_where_it_is_asked_for(
    folder: Path, validation: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = judge_placed(tmp_path_factory, folder, validation, limits=LIMITS._replace(mutants=3))
    assert [gate.passed for gate in found.gates] == [True] * 4
    assert found.gates[2].summary.endswith("3 of 3 damaged graphs noticed")


# -- all of them pass ------------------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS)
def test_a_student_that_passes_is_put_in_place_whole(
    student: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = placed(tmp_path_factory, student)
    assert sorted(os.listdir(out)) == sorted(f"{student}{ending}" for ending in ENDINGS)
    card = json.loads((out / f"{student}.json").read_text())
    jsonschema.validate(card, json.loads((ROOT / "docs/card.schema.json").read_text()))
    for field, ending in (("sha256", ".onnx"), ("weights_sha256", ".safetensors")):
        data = (out / f"{student}{ending}").read_bytes()
        assert card[field] == hashlib.sha256(data).hexdigest()
    assert card["size"] == (out / f"{student}.onnx").stat().st_size
    assert card["passed"] is True
    assert [gate["passed"] for gate in card["gates"]] == [True] * 4
    assert card["parameters"] == STUDENTS[student].parameters
    for ending in (".curve.png", ".sheet.png"):
        assert (out / f"{student}{ending}").read_bytes().startswith(b"\x89PNG\r\n")
    assert card["sha256"] in (out / f"{student}.md").read_text()


GRAPHS = {
    "saliency-v1": ("pre-adr-0258", "Concat Conv ConvTranspose MaxPool Relu Sigmoid", 0),
    "saliency-v2": ("adr-0258", OPERATORS, 3),
}


@pytest.mark.parametrize("student", STUDENTS)
def test_graphs_have_exactly_the_operators_of_their_student(
    student: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    allowlist, operators, constants = GRAPHS[student]
    graph = str(placed(tmp_path_factory, student) / f"{student}.onnx")
    report = scan(graph, allowlist)
    assert report.passed
    assert report.facts is not None
    uses = {use.label: use.count for use in report.facts.operators}
    assert sorted(uses) == operators.split()
    assert uses.get("Constant", 0) == constants
    assert run("scan", graph, "--allowlist", allowlist)[0] == 0


def test_trained_students_are_found_and_pass_parity_and_scan(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for student in STUDENTS:
        for name, data in contents(placed(tmp_path_factory, student)).items():
            (folder / "trained" / name).write_bytes(data)
    code, out, err = run("parity")
    assert (code, err) == (0, "")
    for student in STUDENTS:
        assert f"PASS  trained/{student}.onnx agrees with student:{student} within 1e-05" in out
    assert run("scan", "trained")[0] == 0


def test_a_student_that_passes_replaces_the_earlier_one(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = in_place(folder)
    (folder / "trained" / "notes.txt").write_text("mine")
    code, out, _ = run("train-and-gate", *gate_options(tmp_path_factory))
    after = in_place(folder)
    assert code == 0
    assert out.splitlines()[-1] == f"in place: trained/{NAME}.onnx"
    assert sorted(after) == sorted([*before, "notes.txt"])
    assert not any(after[name] == data for name, data in before.items())
    assert not (folder / "trained" / f"{NAME}.run").exists()
    # The same seed gives the same student.
    assert after[f"{NAME}.onnx"] == (placed(tmp_path_factory) / f"{NAME}.onnx").read_bytes()


# -- publishing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_folder_in_the_place_of_a_file_is_told_before_the_work(
    ending: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = folder / "trained" / f"{NAME}{ending}"
    path.unlink()
    path.mkdir()
    line = refusal("train-and-gate", *gate_options(tmp_path_factory))
    assert line.endswith(f"trained/{NAME}{ending} is a folder, and is to be a file")


# -- once it was refused ---------------------------------------------------------------------------


@pytest.fixture
def again(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A candidate that its IoU kept out, and the options it was trained with."""
    copied(kept_out(tmp_path_factory) / f"{NAME}.run", folder / "trained" / f"{NAME}.run")
    return tuple(gate_options(tmp_path_factory))


@pytest.mark.parametrize("asked", [(), ("--resume",)])
def test_what_a_gate_refused_is_judged_anew_without_a_training(
    asked: tuple[str, ...], folder: Path, again: tuple[str, ...]
) -> None:
    found = judged(*again, *asked)
    assert found.code == 0
    assert "loss" not in found.err  # no epoch was trained
    assert not (folder / "trained" / f"{NAME}.run").exists()
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    data = (folder / "trained" / f"{NAME}.onnx").read_bytes()
    assert card["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_higher_floor_refuses_it_again(folder: Path, again: tuple[str, ...]) -> None:
    before = in_place(folder)
    found = judged(*again, "--resume", "--min-iou", "0.95")
    assert (found.code, in_place(folder)) == (1, before)
    assert [name for name, passed in found.gates.items() if not passed] == ["iou"]


@pytest.mark.parametrize("iou", [0.98, 0.0])
def test_a_history_that_is_not_that_of_the_weights_is_refused(
    iou: float, folder: Path, again: tuple[str, ...]
) -> None:
    before, checkpoint = in_place(folder), folder / "trained" / f"{NAME}.run/checkpoint.json"
    record = json.loads(checkpoint.read_text())
    record["history"][0]["iou"] = iou
    checkpoint.write_text(json.dumps(record))
    found = judged(*again, "--resume")
    (problem,) = found.problems("iou")
    assert f" is not the {iou:.4f} of the epoch that was exported" in problem
    assert (found.code, in_place(folder)) == (1, before)


def test_the_gate_measures_what_the_training_did(tmp_path_factory: pytest.TempPathFactory) -> None:
    for student in STUDENTS:
        card = json.loads((placed(tmp_path_factory, student) / f"{student}.json").read_text())
        trained = card["epochs"][card["best_epoch"] - 1]["iou"]
        assert card["measures"]["iou"] == pytest.approx(trained, abs=1e-3)


def test_a_restart_trains_anew(folder: Path, again: tuple[str, ...]) -> None:
    found = judged(*again, "--restart", "--seed", "7")
    assert found.code == 0
    assert found.err.startswith(EPOCH)
    assert {e["option"]: e["value"] for e in list(found.card["recipe"])}["seed"] == "7"  # type: ignore[call-overload]
    assert not (folder / "trained" / f"{NAME}.run").exists()


DIFFERENCES = {
    "another seed": (("--seed", "7"), "was begun with --seed 42, not 7"),
    "more epochs": (("--epochs", "2"), "was begun with --epochs 1, not 2"),
    "another side": (("--train-side", "32"), "was begun with --train-side 24, not 32"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_training_does_not_go_on_with_another_recipe(
    name: str, folder: Path, again: tuple[str, ...]
) -> None:
    before = contents(folder / "trained")
    options, says = DIFFERENCES[name]
    for asked in ((), ("--resume",)):
        said = refusal("train-and-gate", *again, *asked, *options)
        assert f"the earlier training {says}" in said
    assert contents(folder / "trained") == before


def test_evidence_of_another_candidate_does_not_stay(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What lies beside a candidate is taken for its own."""
    options = gate_options(tmp_path_factory)
    assert judged(*options, "--atol", "1e-12").code == 1
    kept = folder / "trained" / f"{NAME}.run"
    assert (kept / "parity").exists()
    assert judged(*options, "--restart", "--seed", "7", "--allowlist", "pre-adr-0258").code == 1
    assert not (kept / "parity").exists()
    assert not (kept / f"{NAME}.sheet.png").exists()
