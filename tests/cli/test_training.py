"""``onnxguard train-and-gate`` as a user calls it: options, streams, terminals, bad input."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from onnxguard.students.compute import cpu_has_bf16
from PIL import Image
from support.command import run
from support.terminal import Seen, on_terminal
from support.trained import (
    HELD_OUT,
    IMAGES,
    contents,
    copied,
    gate_options,
    images,
    kept_out,
    refusal,
    write_images,
)

from onnxguard.cli.commands import commands
from onnxguard.reporters import CARD_REPORTERS

NAME = "saliency-v2"
LINE = re.compile(
    r"epoch (\d+)/(\d+): loss \d+\.\d{4}, IoU [01]\.\d{4}(, the best so far)?, \d+ images/s, "
    r"\d+\.\d s"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return tuple(gate_options(tmp_path_factory))


# -- bad input -------------------------------------------------------------------------------------

REFUSALS = {
    "no such student": (
        "--student saliency-v9",
        'no student "saliency-v9"; there are: saliency-v1, saliency-v2',
    ),
    "a crop of 12": ("--crop 12", "--crop: a multiple of 8 pixels, not 12"),
    "a crop that cannot be halved": ("--half-size 1", "--crop: a multiple of 16 pixels, not 24"),
    "a crop beyond the images": ("--train-side 16", "--train-side: at least the crop's 24"),
    "a crop beyond the others": ("--validation-side 16", "--validation-side: at least the crop's"),
    "no batch": ("--batch 0", "--batch: 1 or more, not 0"),
    "no epochs": ("--epochs 0", "--epochs: 1 or more, not 0"),
    "no learning": ("--learning-rate 0", "--learning-rate: 1e-12 or more, not 0"),
    "a rate that is none": ("--learning-rate nan", "--learning-rate: "),
    "a rate without end": ("--learning-rate inf", "--learning-rate: "),
    "a weight without end": ("--dice-weight inf", "--dice-weight: "),
    "a negative weight": ("--dice-weight -1", "--dice-weight: 0 or more, not -1"),
    "more flips than images": ("--flip 1.5", "--flip: 0 to 1, not 1.5"),
    "a negative seed": ("--seed -1", "--seed: 0 "),
    "a seed beyond all numbers": ("--seed 99999999999999999999999", "--seed: "),
    "a share beyond all": ("--validation-share 2", "--validation-share: 0 to 1, not 2"),
    "one value to normalise": (
        "--batch 1 --crop 8 --train-side 8 --validation-side 8",
        "--batch",
    ),
    "two wishes": ("--resume --restart", "--resume goes on, --restart begins anew"),
    "nothing to go on with": ("--resume", "--resume: no training was begun in trained/"),
    "over a model": ("--output x.onnx", '--output "x.onnx" is a model'),
    "into nowhere": ("--output no/x.txt", '--output "no/x.txt": not a file in a folder'),
    "a log over a model": ("--csv x.onnx", '--csv "x.onnx" is a model'),
    "a log into nowhere": ("--csv no/x.csv", '--csv "no/x.csv": not a file in a folder'),
    "no such data": ("--data no", '"no" cannot be read: No such file or directory'),
    "data in a file": ("--data file", '"file" cannot be read: Not a directory'),
    "no data": ("--data empty", '"empty" holds no images with masks'),
    "a file as the folder": ("--out file", '--out "file": '),
    "a folder in a file": ("--out file/trained", '--out "file/trained": Not a directory'),
    "a file as the cache": ("--cache file", 'the cache "file" cannot be written'),
    "no such list": ("--allowlist adr-9", 'no allowlist "adr-9"'),
    "a list that is none": ("--allowlist list.yaml", "list.yaml:1:1: "),
    "too few images": ("--validation-least 24", "none is left to train on"),
    "fewer than a batch": ("--batch 17", "16 images to train on, fewer than one --batch of 17"),
    "a graph of steps": ("--device cpu --cuda-graph", "--cuda-graph: for one process on one GPU"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_input_gets_one_line_and_leaves_nothing(
    name: str, folder: Path, options: tuple[str, ...]
) -> None:
    (folder / "empty").mkdir()
    (folder / "file").write_text("a file")
    (folder / "list.yaml").write_text("- not: a list\n")
    call, says = REFUSALS[name]
    assert says in refusal("train-and-gate", *options, *call.split())
    assert not list(folder.rglob("*.onnx"))
    assert (folder / "file").read_text() == "a file"


@pytest.mark.parametrize(
    "call", ["--resume", "--batch=17", "--validation-least=24", "--seed=99999999999999999999999"]
)
def test_a_training_that_never_began_leaves_no_folder(
    call: str, folder: Path, options: tuple[str, ...]
) -> None:
    assert run("train-and-gate", *options, call)[0] == 2
    assert not (folder / "trained" / f"{NAME}.run").exists()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK"])
def test_an_environment_that_makes_no_sense_gets_one_line(
    name: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x\n")
    line = refusal("train-and-gate", *options)
    assert f'the environment says {name}="x\\n", which is not a number' in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_gets_one_line(options: tuple[str, ...]) -> None:
    line = refusal("train-and-gate", *options, "--device", "cuda")
    assert line.endswith("--device cuda: PyTorch finds no GPU here; use --device cpu")


@pytest.mark.skipif(cpu_has_bf16(), reason="the processor has bfloat16")
def test_a_precision_that_would_be_slow_gets_one_line(options: tuple[str, ...]) -> None:
    line = refusal("train-and-gate", *options, "--device", "cpu", "--precision", "bf16")
    assert "--precision bf16: this processor has no bfloat16 instructions" in line


@pytest.mark.parametrize(
    "call",
    [
        "--atol=-1",
        "--atol=nan",
        "--atol=inf",
        "--mutants=-1",
        "--kill-rate=2",
        "--kill-rate=nan",
        "--min-iou=nan",
        "--min-iou=-nan",
        "--min-iou=inf",
        "--min-iou=2",
        "--epochs=1.5",
        "--learning-rate=fast",
        "--schedule=linear",
        "--device=tpu",
        "--recipe=best",
        "--on-bad-pair=keep",
        "--format=xml",
    ],
)
def test_values_that_make_no_sense(call: str, folder: Path, options: tuple[str, ...]) -> None:
    code, out, err = run("train-and-gate", *options, call)
    assert (code, out) == (2, "")
    assert f"'{call.partition('=')[0]}'" in err
    assert not (folder / "trained").exists()


def test_a_training_does_not_go_on_with_other_data(
    folder: Path, options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = copied(kept_out(tmp_path_factory), folder / "trained")
    before = contents(out)
    write_images(folder / "others", seed=5)
    line = refusal("train-and-gate", *options, "--data", "others", "--resume")
    assert "the earlier training was begun with other data" in line
    assert contents(out) == before


def test_the_list_is_looked_at_before_the_data(options: tuple[str, ...]) -> None:
    line = refusal("train-and-gate", *options, "--allowlist", "adr-9", "--data", "no")
    assert 'no allowlist "adr-9"' in line


# -- pairs that cannot be used ---------------------------------------------------------------------


@pytest.fixture
def flawed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images of all tests, and four that cannot be used."""
    data = copied(images(tmp_path_factory), folder / "flawed")
    shutil.copy(data / "images/000.jpg", data / "images/alone.jpg")
    shutil.copy(data / "masks/000.png", data / "masks/orphan.png")
    shutil.copy(data / "images/000.jpg", data / "images/empty.jpg")
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(data / "masks/empty.png")
    (data / "images/torn.jpg").write_bytes((data / "images/000.jpg").read_bytes()[:300])
    shutil.copy(data / "masks/000.png", data / "masks/torn.png")
    return data


UNUSABLE = {
    "images/alone.jpg": "an image without a mask",
    "masks/orphan.png": "a mask without an image",
    "empty": "the mask is empty",
    "torn": "the image is damaged",
}


@pytest.mark.usefixtures("flawed")
def test_bad_pairs_are_listed_and_refused(folder: Path, options: tuple[str, ...]) -> None:
    few = ("--data", "flawed", "--validation-least", "500")  # mistakes come first
    for call in (("--data", "flawed"), few):
        code, out, err = run("train-and-gate", *options, *call)
        assert (code, out) == (2, "")
        head, *lines = err.splitlines()
        assert head == (
            "onnxguard: error: 4 pairs cannot be used: correct or remove them, or leave them out "
            "with --on-bad-pair skip"
        )
        assert len(lines) == len(UNUSABLE)
        for name, why in UNUSABLE.items():
            assert any(line.startswith(f"  {name}: {why}") for line in lines)
    assert not (folder / "trained").exists()
    line = refusal("train-and-gate", *options, *few, "--on-bad-pair", "skip")
    assert f"{IMAGES + 2} pairs, of which 500 are to be held out for validation" in line


@pytest.mark.usefixtures("flawed")
def test_bad_pairs_are_left_out_where_it_is_asked_for(
    folder: Path, options: tuple[str, ...]
) -> None:
    skipping = ("--data", "flawed", "--on-bad-pair", "skip")
    code, out, _ = run("train-and-gate", *options, *skipping)
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    assert code == 0
    skipped = {entry["pair"]: entry["why"] for entry in card["data"]["skipped"]}
    assert sorted(skipped) == sorted(UNUSABLE)
    assert all(skipped[name].startswith(why) for name, why in UNUSABLE.items())
    assert "4 pairs skipped" in out
    page = (folder / "trained" / f"{NAME}.md").read_text()
    for name in UNUSABLE:
        assert name in out
        assert name in page
    # Two of them are pairs that could have been used; the other two were never pairs.
    data = card["data"]
    assert data["pairs"] == IMAGES + 2
    assert data["training"] + data["validation"] == IMAGES


def test_images_that_are_trained_on_and_held_out_are_named_and_counted(
    folder: Path, options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = copied(images(tmp_path_factory), folder / "data")
    assert run("train-and-gate", *options, "--data", "data")[0] == 0
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    held_out = card["data"]["held_out"]
    assert (len(held_out), card["data"]["shared"]) == (HELD_OUT, [])
    assert set(held_out) <= {path.stem for path in (data / "images").iterdir()}
    trained_on = min({path.stem for path in (data / "images").iterdir()} - set(held_out))
    shutil.copy(data / f"images/{trained_on}.jpg", data / f"images/{held_out[2]}.jpg")
    code, out, _ = run("train-and-gate", *options, "--data", "data")
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    assert code == 0
    assert card["data"]["held_out"] == held_out
    assert card["data"]["shared"] == [{"held_out": held_out[2], "trained_on": trained_on}]
    assert "1 of these trained on too" in " ".join(out.split())
    said = f"{held_out[2]}: the image of {trained_on}, which is trained on"
    assert f"    1 pair held out and trained on too\n      {said}\n" in out
    page = (folder / "trained" / f"{NAME}.md").read_text()
    assert "1 pair held out and trained on too" in page
    assert all(f"`{name}`" in page for name in held_out)


# -- what is printed -------------------------------------------------------------------------------


def test_stdout_is_the_report_and_stderr_a_line_an_epoch(
    folder: Path, options: tuple[str, ...]
) -> None:
    code, out, err = run("train-and-gate", *options, "--epochs", "3", "--csv", "log.csv")
    assert code == 0
    assert out.startswith(f"PASS  {NAME}, 3 epochs on ")
    assert out.splitlines()[-1] == f"in place: trained/{NAME}.onnx"
    found = [LINE.fullmatch(line) for line in err.splitlines()]
    assert [match and match.group(1, 2) for match in found] == [(str(n), "3") for n in (1, 2, 3)]
    assert "\x1b" not in out + err
    assert "\r" not in out + err
    rows = list(csv.DictReader((folder / "log.csv").read_text().splitlines()))
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    assert [{k: str(v) for k, v in epoch.items()} for epoch in card["epochs"]] == rows
    best = max(card["epochs"], key=lambda epoch: float(epoch["iou"]))
    assert card["best_epoch"] == best["number"]


@pytest.mark.parametrize("output_format", CARD_REPORTERS)
def test_formats_and_exit_codes_agree(
    output_format: str,
    folder: Path,
    options: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    copied(kept_out(tmp_path_factory), folder / "trained")
    shown = (*options, "--resume", "--format", output_format)
    code, out, _ = run("train-and-gate", *shown, "--min-iou", "0.99")
    assert code == 1
    kept = folder / "trained" / f"{NAME}.run" / NAME
    ending = {"json": ".json", "markdown": ".md"}.get(output_format)
    if ending:
        assert out == kept.with_suffix(ending).read_text()
    code, out, _ = run("train-and-gate", *shown, "--output", "report")
    assert (code, out) == (0, "")
    report = (folder / "report").read_text()
    assert report.isascii() or output_format != "json"
    assert "PASS" in report or json.loads(report)["passed"] is True
    if ending:
        assert report == (folder / "trained" / f"{NAME}{ending}").read_text()


def test_verbose_shows_epochs_digests_and_versions(folder: Path, options: tuple[str, ...]) -> None:
    code, out, _ = run("train-and-gate", *options, "--verbose", "--epochs", "2")
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    assert code == 0
    assert re.search(r"^ +Epoch +Loss +IoU +Learning rate +Images/s +Time$", out, re.MULTILINE)
    for epoch in card["epochs"]:
        assert re.search(rf"^ +{epoch['number']} +{epoch['loss']:.4f} +", out, re.MULTILINE)
    for digest in (card["sha256"], card["weights_sha256"], card["data"]["sha256"]):
        assert digest in out
    for entry in card["versions"]:
        assert re.search(
            rf"^ +{entry['package']} +{re.escape(entry['version'])}$", out, re.MULTILINE
        )


def test_the_card_says_how_it_was_trained(folder: Path, options: tuple[str, ...]) -> None:
    more = ("--schedule", "constant", "--flip", "0", "--seed", "3")
    assert run("train-and-gate", *options, *more)[0] == 0
    card = json.loads((folder / "trained" / f"{NAME}.json").read_text())
    recipe = {entry["option"]: entry["value"] for entry in card["recipe"]}
    expected = {"schedule": "constant", "flip": "0.0", "seed": "3", "batch": "4", "crop": "24"}
    assert {name: recipe[name] for name in expected} == expected
    assert (card["data"]["training"], card["data"]["validation"]) == (IMAGES - HELD_OUT, HELD_OUT)
    assert card["epochs"][0]["learning_rate"] == float(recipe["learning_rate"])


# -- on a terminal ---------------------------------------------------------------------------------


def screen(text: str) -> list[str]:
    """The lines that a terminal shows in the end; it knows CR, LF and what a bar sends."""
    lines, column = [""], 0
    for part in re.split(r"(\r|\n|\x1b\[[0-9;?]*[A-Za-z])", text):
        if part == "\r":
            column = 0
        elif part == "\n":
            lines.append("")
            column = 0
        elif part.startswith("\x1b"):
            assert part in {"\x1b[?25l", "\x1b[?25h", "\x1b[K"}, part
            lines[-1] = lines[-1][:column] if part == "\x1b[K" else lines[-1]
        else:
            lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in lines]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """A training of three epochs on a terminal, with images that are in no cache yet."""
    fresh = tmp_path_factory.mktemp("fresh")
    where = ("--out", str(fresh / "trained"), "--cache", str(fresh / "cache"))
    options = (*gate_options(tmp_path_factory), *where, "--epochs", "3")
    return on_terminal("train-and-gate", *options)


def test_a_terminal_gets_a_bar_with_loss_iou_and_images_a_second(seen: Seen) -> None:
    assert seen.code == 0
    states = [ESCAPES.sub("", state).strip() for state in seen.err.split("\r")]
    bar = r"training +\[[#-]+\] +\d+%( +[\d:]+)? +(\d)/3, loss \d\.\d{3}(, IoU \d\.\d{3})?, \d+/s"
    found = [match for state in states if (match := re.match(bar, state))]
    assert [match.group(2) for match in found if match.group(3)][-1] == "3"
    assert {match.group(2) for match in found} == {"1", "2", "3"}
    assert not LINE.search(seen.err)


def test_the_bar_ends_with_the_iou_of_the_best_epoch(seen: Seen) -> None:
    text = ESCAPES.sub("", seen.out)
    best = re.search(r"IoU\s+(\d\.\d{4})\s+in\s+PyTorch", text)
    assert best
    states = [ESCAPES.sub("", state) for state in seen.err.split("\r")]
    shown = re.search(r"IoU (\d\.\d{3})", [s for s in states if s.startswith("training")][-1])
    assert shown
    assert float(shown[1]) == pytest.approx(float(best[1]), abs=0.0006)


def test_bars_go_when_they_are_done(seen: Seen) -> None:
    names = {ESCAPES.sub("", state).split(" ")[0] for state in seen.err.split("\r")}
    assert {"sizes", "images", "training", "trials", "evaluating"} <= names
    assert screen(seen.err) == [""]
    # The cursor is shown again.
    assert seen.err.rfind("\x1b[?25h") > seen.err.rfind("\x1b[?25l")


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_bar_never_takes_a_second_line(
    columns: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = (*gate_options(tmp_path_factory), "--out", str(tmp_path / "trained"))
    shown = on_terminal("train-and-gate", *options, columns=columns)
    states = [ESCAPES.sub("", state) for state in re.split(r"\r|\n", shown.err)]
    assert any(state.startswith("training") for state in states)
    assert max(map(len, states)) < columns
    assert screen(shown.err) == [""]


def test_the_report_on_a_terminal_is_coloured(
    seen: Seen, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert seen.out.startswith("\x1b[1;32mPASS\x1b[0m")
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", seen.out)
    out = tmp_path_factory.mktemp("plain") / "trained"
    options = (*gate_options(tmp_path_factory), "--out", str(out))
    plain = on_terminal("train-and-gate", *options, NO_COLOR="1")
    assert (plain.code, "\x1b" in plain.out) == (0, False)
    assert plain.out.startswith(f"PASS  {NAME}, ")
    assert not re.search(r"\x1b\[[\d;]*m", plain.err)


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["train-and-gate", "evaluate", "ablate"])
def test_every_option_has_help(name: str) -> None:
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    assert "Exit code: 0 " in " ".join(out.split())
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help.rstrip().endswith((".", "]")), parameter.help
            assert parameter.opts[0] in out
