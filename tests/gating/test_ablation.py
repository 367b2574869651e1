"""``onnxguard ablate``: students over seeds, interrupted and gone on with, and its bad input."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from onnxguard.students.compute import Compute
from onnxguard.students.data import find_data, take_training
from onnxguard.students.logs import Watch
from onnxguard.students.recipe import Recipe
from onnxguard.students.student import STUDENTS
from onnxguard.students.training import train
from support.checkout import ROOT
from support.command import run
from support.held import held, said_until_held
from support.patience import HANG
from support.terminal import environment
from support.trained import (
    HELD_OUT,
    SIDE,
    cached,
    contents,
    copied,
    images,
    recipe_options,
    refusal,
)

from onnxguard.base.errors import TrainingError
from onnxguard.base.progress import silent
from onnxguard.gating.ablation import ablate
from onnxguard.scanning.scan import scan

EPOCHS = 3
RUNS = [(student, seed) for student in STUDENTS for seed in (0, 1)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    recipe = recipe_options(tmp_path_factory)
    return ("--seeds", "0,1", *recipe, "--epochs", str(EPOCHS))


@pytest.fixture(scope="module")
def whole(
    options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str, str]:
    """An ablation from beginning to end: its folder, and what was printed."""
    out = tmp_path_factory.mktemp("whole") / "ablation"
    code, text, err = run("ablate", *options, "--out", str(out))
    assert code == 0, err
    return out, text, err


def table(out: Path) -> dict[tuple[str, int], tuple[float, int]]:
    """IoU and best epoch of each run, as the JSON has them."""
    record = json.loads((out / "ablation.json").read_text())
    schema = json.loads((ROOT / "docs/ablation.schema.json").read_text())
    jsonschema.validate(record, schema)
    return {
        (one["student"], one["seed"]): (one["iou"], one["best_epoch"]) for one in record["runs"]
    }


# -- from beginning to end -------------------------------------------------------------------------


def test_every_student_is_trained_from_every_seed(whole: tuple[Path, str, str]) -> None:
    out, text, err = whole
    assert list(table(out)) == RUNS
    lines = err.splitlines()
    assert len(lines) == len(RUNS) * EPOCHS
    for student, seed in RUNS:
        heads = [line for line in lines if line.startswith(f"{student}, seed {seed}: epoch ")]
        assert len(heads) == EPOCHS
        assert (out / "runs" / f"{student}-{seed}" / "result.json").is_file()
        assert not list((out / "runs" / f"{student}-{seed}").glob("checkpoint*"))
    for name in STUDENTS:
        assert name in text
    assert "\x1b" not in text


def test_tables_and_plot_are_written_beside_the_runs(whole: tuple[Path, str, str]) -> None:
    out, _, _ = whole
    assert (out / "ablation.png").read_bytes().startswith(b"\x89PNG\r\n")
    page = (out / "ablation.md").read_text()
    for iou, _ in table(out).values():
        assert f"{iou:.4f}" in page


def test_the_figures_agree_with_one_another(whole: tuple[Path, str, str]) -> None:
    out, text, _ = whole
    record = json.loads((out / "ablation.json").read_text())
    found = table(out)
    assert [row["student"] for row in record["students"]] == list(STUDENTS)
    for row in record["students"]:
        student = STUDENTS[row["student"]]
        ious = [iou for (name, _), (iou, _) in found.items() if name == student.name]
        assert row["ious"] == ious
        assert row["mean"] == pytest.approx(statistics.fmean(ious), abs=1e-12)
        assert row["deviation"] == pytest.approx(statistics.stdev(ious), abs=1e-12)
        assert row["parameters"] == student.parameters
        assert f"{row['mean']:.4f}" in text
    (comparison,) = record["comparisons"]
    means = {row["student"]: row["mean"] for row in record["students"]}
    difference = means[comparison["leader"]] - means[comparison["other"]]
    assert comparison["difference"] == pytest.approx(difference, abs=1e-12)
    assert comparison["difference"] >= 0
    options = {entry["option"]: entry["value"] for entry in record["recipe"]}
    assert "seed" not in options
    assert options["epochs"] == str(EPOCHS)


def test_graphs_are_exported_and_judged_by_both_lists(whole: tuple[Path, str, str]) -> None:
    out, _, _ = whole
    record = json.loads((out / "ablation.json").read_text())
    for one in record["runs"]:
        graph = out / "runs" / f"{one['student']}-{one['seed']}" / f"{one['student']}.onnx"
        assert tuple(one["operators"]) == STUDENTS[one["student"]].operators
        verdicts = {entry["allowlist"]: entry["verdict"] for entry in one["verdicts"]}
        assert list(verdicts) == ["pre-adr-0258", "adr-0258"]
        for allowlist, verdict in verdicts.items():
            assert scan(str(graph), allowlist).verdict.value == verdict
        assert verdicts["adr-0258"] == "pass"
        assert (verdicts["pre-adr-0258"] == "pass") is (one["student"] == "saliency-v1")


def test_a_run_is_the_training_that_its_seed_describes(
    whole: tuple[Path, str, str], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sizes = {"train_side": SIDE, "validation_side": SIDE, "crop": SIDE}
    recipe = Recipe(**sizes, batch=4, epochs=EPOCHS, validation_least=HELD_OUT, seed=1)
    data = find_data(str(images(tmp_path_factory)))
    taken = take_training(data, recipe, str(cached(tmp_path_factory)), 1, "refuse", silent)
    trained = train(STUDENTS["saliency-v2"], taken.data, recipe, str(folder / "run"))
    expected = (trained.history[trained.best_epoch - 1].iou, trained.best_epoch)
    assert table(whole[0])["saliency-v2", 1] == expected


@pytest.mark.parametrize("output_format", ["json", "markdown"])
def test_what_is_done_is_told_again_in_any_format(
    output_format: str, whole: tuple[Path, str, str], options: tuple[str, ...]
) -> None:
    out = copied(whole[0], Path("copy"))
    before = contents(out / "runs")
    shown = ("--out", str(out), "--format", output_format)
    code, text, err = run("ablate", *options, *shown)
    assert (code, err) == (0, "")
    ending = {"json": "json", "markdown": "md"}[output_format]
    assert text == (out / f"ablation.{ending}").read_text()
    assert contents(out / "runs") == before
    assert run("ablate", *options, *shown, "--output", "report") == (0, "", "")
    assert Path("report").read_text() == text


def test_a_seed_more_is_one_run_more_for_each_student(
    whole: tuple[Path, str, str], options: tuple[str, ...]
) -> None:
    out = copied(whole[0], Path("copy"))
    code, _, err = run("ablate", *options, "--seeds", "1,5", "--out", str(out))
    assert code == 0
    assert {line.partition(":")[0] for line in err.splitlines()} == {
        "saliency-v1, seed 5",
        "saliency-v2, seed 5",
    }
    found = table(out)
    assert list(found) == [(student, seed) for student in STUDENTS for seed in (1, 5)]
    assert found["saliency-v1", 1] == table(whole[0])["saliency-v1", 1]


# -- interrupted -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def interrupted(
    options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """An ablation that was interrupted in its second run: its folder, and its last words."""
    out = tmp_path_factory.mktemp("interrupted") / "ablation"
    process = subprocess.Popen(
        [sys.executable, *held(2, 2, 1), "ablate", *options, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    with process:
        *_, last, _ = said_until_held(process)
        assert last.startswith("saliency-v1, seed 1: epoch 1/")
        process.send_signal(signal.SIGINT)
        said, err = process.communicate(timeout=HANG)
    assert (process.returncode, said) == (2, "")
    return out, err.splitlines()


def test_an_interrupted_ablation_goes_on_where_it_was(
    interrupted: tuple[Path, list[str]], whole: tuple[Path, str, str], options: tuple[str, ...]
) -> None:
    out, last = copied(interrupted[0], Path("copy")), interrupted[1]
    assert last[-1].startswith("onnxguard: error: interrupted")
    assert "Traceback" not in "".join(last)
    assert not (out / "ablation.json").exists()
    assert [path.parent.name for path in out.rglob("result.json")] == ["saliency-v1-0"]
    done = out / "runs" / "saliency-v1-0" / "result.json"
    before = (done.read_bytes(), done.stat().st_mtime_ns)
    code, _, err = run("ablate", *options, "--out", str(out))
    assert code == 0
    assert "saliency-v1, seed 0" not in err
    assert f"saliency-v1, seed 1: epoch 1/{EPOCHS}: loss" not in err
    assert (done.read_bytes(), done.stat().st_mtime_ns) == before
    assert table(out) == table(whole[0])
    graphs = [
        {name: data for name, data in contents(place / "runs").items() if name.endswith(".onnx")}
        for place in (out, whole[0])
    ]
    assert graphs[0] == graphs[1]


def test_what_it_says_once_interrupted_names_options_that_it_has(
    interrupted: tuple[Path, list[str]], options: tuple[str, ...]
) -> None:
    out, last = copied(interrupted[0], Path("copy")), interrupted[1]
    assert "--resume" not in last[-1]
    # Of the seed that was interrupted alone, so that what was begun meets other options first.
    line = refusal("ablate", *options, "--out", str(out), "--epochs", "9", "--seeds", "1")
    assert "--resume" not in line
    assert "--restart" not in line


class Interrupting(Watch):
    """Sends SIGINT in a step, as Ctrl-C would."""

    def __init__(self, at: int) -> None:
        self._at = at

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        del epoch, steps, loss, rate
        if step == self._at:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("at", [1, 4], ids=["first step", "last step"])
def test_an_interrupt_ends_it_in_whichever_step_it_comes(
    at: int, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In the last step of a run too: the next run does not begin."""
    recipe = Recipe(SIDE, SIDE, SIDE, batch=4, epochs=1, validation_least=HELD_OUT)
    data = find_data(str(images(tmp_path_factory)))
    taken = take_training(data, recipe, str(cached(tmp_path_factory)), 1, "refuse", silent)
    labels: list[str] = []

    def watch(label: str) -> Watch:
        labels.append(label)
        return Interrupting(at)

    compute = Compute(torch.device("cpu"))
    v1 = STUDENTS["saliency-v1"]
    with pytest.raises((TrainingError, KeyboardInterrupt)):
        ablate([v1], [0, 1], taken, recipe, str(folder), compute=compute, watch=watch)
    assert labels == ["saliency-v1, seed 0"]
    found = ablate([v1], [0, 1], taken, recipe, str(folder), compute=compute)
    assert [one.seed for one in found.runs] == [0, 1]


# -- bad input -------------------------------------------------------------------------------------


def test_another_recipe_in_the_same_folder_is_refused(
    whole: tuple[Path, str, str], options: tuple[str, ...]
) -> None:
    out = copied(whole[0], Path("copy"))
    before = contents(out)
    for more in (("--epochs", "2"), ("--flip", "0"), ("--split-seed", "1")):
        line = refusal("ablate", *options, "--out", str(out), *more)
        assert "runs/saliency-v1-0/result.json is of other data, another recipe or device" in line
        assert line.endswith("name another folder")
    assert contents(out) == before


DAMAGES = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "a number": "3",
    "an empty object": "{}",
    "deep": "[" * 100_000,
    "no text": "\udcff",
}
FIELDS: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "no run": lambda record: record.pop("run"),
    "a run that is none": lambda record: record.update(run=3),
    "no figure": lambda record: record["run"].pop("iou"),
    "a word for a figure": lambda record: record["run"].update(iou="high"),
    "nothing for a figure": lambda record: record["run"].update(iou=None),
    "verdicts that are none": lambda record: record["run"].update(verdicts=[1]),
    "operators that are none": lambda record: record["run"].update(operators=7),
}


@pytest.mark.parametrize("name", [*DAMAGES, *FIELDS])
def test_a_result_that_is_damaged_gets_one_line(
    name: str, whole: tuple[Path, str, str], options: tuple[str, ...]
) -> None:
    out = copied(whole[0], Path("copy"))
    path = out / "runs" / "saliency-v1-1" / "result.json"
    if name in DAMAGES:
        path.write_bytes(DAMAGES[name].encode("utf-8", "surrogateescape"))
    else:
        record = json.loads(path.read_text())
        FIELDS[name](record)
        path.write_text(json.dumps(record))
    line = refusal("ablate", *options, "--out", str(out))
    assert "runs/saliency-v1-1/result.json is not what was written: remove it" in line


def test_a_folder_in_the_place_of_a_result_gets_one_line(
    whole: tuple[Path, str, str], options: tuple[str, ...]
) -> None:
    out = copied(whole[0], Path("copy"))
    path = out / "runs" / "saliency-v1-1" / "result.json"
    path.unlink()
    path.mkdir()
    line = refusal("ablate", *options, "--out", str(out))
    assert line.endswith("runs/saliency-v1-1/result.json: Is a directory")


SEEDS = {
    "": "whole numbers with commas between them",
    "one": "whole numbers with commas between them",
    "1,,2": "whole numbers with commas between them",
    "1,2,": "whole numbers with commas between them",
    "1;2": "whole numbers with commas between them",
    "-1": "whole numbers with commas between them",
    "1.5": "whole numbers with commas between them",
    "²": "whole numbers with commas between them",
    "1,1": "one of them is there twice",
    "1, 01": "one of them is there twice",
    "0,99999999999999999999999": "--seed",
    "0," + "9" * 5000: "--seed",
}


@pytest.mark.parametrize("seeds", SEEDS, ids=lambda text: text[:30])
def test_bad_seeds_get_one_line_before_any_training(
    seeds: str, folder: Path, options: tuple[str, ...]
) -> None:
    line = refusal("ablate", *options, "--seeds", seeds)
    assert SEEDS[seeds] in line
    assert not list(folder.rglob("*.onnx"))


REFUSALS = {
    "a file as the folder": ("--out file", '--out "file": File exists'),
    "no such data": ("--data no", '"no" cannot be read'),
    "a crop of 12": ("--crop 12", "--crop: a multiple of 8 pixels, not 12"),
    "too few images": ("--validation-least 24", "none is left to train on"),
    "over a model": ("--output x.onnx", '--output "x.onnx" is a model'),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_input_gets_one_line(name: str, folder: Path, options: tuple[str, ...]) -> None:
    (folder / "file").write_text("a file")
    call, says = REFUSALS[name]
    assert says in refusal("ablate", *options, *call.split())


def test_it_refuses_to_be_several_processes(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "start it without torchrun" in refusal("ablate", *options)


def test_a_seed_alone_is_no_option(options: tuple[str, ...]) -> None:
    code, out, err = run("ablate", *options, "--seed", "3")
    assert (code, out) == (2, "")
    assert "--seed" in err
