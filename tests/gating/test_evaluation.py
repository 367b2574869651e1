"""``onnxguard evaluate``: its figures are those of the images, and bad input gets one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import jsonschema
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper, parser
from onnxguard.students.baselines import baselines
from onnxguard.students.data import find_data
from onnxguard.students.generated import draw_scene
from onnxguard.students.measures import Measures, MeasureSums
from onnxguard.students.normalisation import DEVIATION, MEAN
from onnxguard.students.recipe import Recipe
from onnxguard.students.sampling import split
from PIL import Image
from support.checkout import ROOT
from support.command import run
from support.trained import HELD_OUT, SIDE, cached, images, placed, refusal

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Weights = Mapping[str, npt.ArrayLike]

SIZES = ((24, 24), (24, 37), (45, 24), (24, 29))
"""Height and width of the images; the shorter side is 24, so that 24 resizes nothing."""


def graph(text: str, **weights: npt.ArrayLike) -> bytes:
    """A model from ``(inputs) => (outputs) { nodes }``, with initializers by name."""
    proto = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> graph {text}')
    for name, value in weights.items():
        held = numpy_helper.from_array(np.asarray(value, np.float32), name)
        proto.graph.initializer.append(held)
    data: bytes = proto.SerializeToString()
    return data


def kernel(red: float, rows: int = 1) -> Array:
    """A 1 by 1 kernel that reads red alone."""
    weights = np.zeros((rows, 3, 1, 1), np.float32)
    weights[:, 0] = red
    return weights


def mapping(height: str = "H", width: str = "W") -> str:
    return f"(float[1,3,{height},{width}] input) => (float[1,1,{height},{width}] saliency_map)"


NODES = "{ a = Conv (input, k, b) saliency_map = Sigmoid (a) }"
STEEP = 1e5
"""Of red in units of its deviation: half a grey level is 850, where Sigmoid is 0 or 1 exactly."""
RED: Weights = {"k": kernel(STEEP), "b": [STEEP * (MEAN[0] - 0.5) / DEVIATION[0]]}
"""1 where red is more than half, as the normalisation is undone."""
CONSTANT: Weights = {"k": kernel(0), "b": [np.log(0.75 / 0.25)]}
"""0.75 everywhere."""
FAINT: tuple[str, Weights] = (
    "{ a = Conv (input, k, b) s = Sigmoid (a) saliency_map = Conv (s, half, quarter) }",
    {**RED, "half": [[[[0.5]]]], "quarter": [0.25]},
)
"""0.75 where red is more than half, 0.25 elsewhere."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, their masks and a few graphs."""
    monkeypatch.chdir(tmp_path)
    for part in ("pairs/images", "pairs/masks"):
        (tmp_path / part).mkdir(parents=True)
    for number, size in enumerate(SIZES):
        image, mask = draw_scene(*size, np.random.Generator(np.random.PCG64([7, number])))
        mask[8:12, 8:12] = True
        Image.fromarray(image).save(tmp_path / f"pairs/images/{number}.png")
        pixels = mask.astype(np.uint8) * np.uint8(255)
        Image.fromarray(pixels).save(tmp_path / f"pairs/masks/{number}.png")
    (tmp_path / "red.onnx").write_bytes(graph(mapping() + NODES, **RED))
    (tmp_path / "constant.onnx").write_bytes(graph(mapping() + NODES, **CONSTANT))
    (tmp_path / "faint.onnx").write_bytes(graph(mapping() + FAINT[0], **FAINT[1]))
    return tmp_path


@pytest.fixture
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return ("--data", "pairs", "--cache", str(cached(tmp_path_factory)), "--jobs", "1")


WHOLE = ("--side", "0", "--crop", "0")
CENTRE = ("--side", "24", "--crop", "16")


def pairs(crop: int = 0) -> list[tuple[Pixels, Mask]]:
    """The images and masks as they are on disk, cut as the command says that it cuts them."""
    found = []
    for number, (height, width) in enumerate(SIZES):
        image, mask = (
            np.asarray(Image.open(f"pairs/{part}/{number}.png")) for part in ("images", "masks")
        )
        top, left = ((side - crop) // 2 if crop else 0 for side in (height, width))
        down, right = (crop or side - side % 8 for side in (height, width))
        where = np.s_[top : top + down, left : left + right]
        found.append((image[where], mask[where] == 255))
    return found


def red(image: Pixels) -> Array:
    return (image[..., 0] > 127.5).astype(np.float32)


def measured(answers: Iterable[tuple[Array, Mask]]) -> Measures:
    sums = MeasureSums()
    for saliency, mask in answers:
        sums.add(saliency, mask)
    return sums.result()


def evaluated(*arguments: str) -> dict[str, object]:
    """The report as JSON."""
    code, out, err = run("evaluate", *arguments, "--format", "json")
    assert (code, err) == (0, "")
    report: dict[str, object] = json.loads(out)
    schema = json.loads((ROOT / "docs/evaluation.schema.json").read_text())
    jsonschema.validate(report, schema)
    return report


# -- figures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options_", "crop"), [(WHOLE, 0), (CENTRE, 16)], ids=["whole", "centre"])
def test_measures_are_those_of_the_answers_that_a_graph_must_give(
    options_: tuple[str, ...], crop: int, options: tuple[str, ...]
) -> None:
    report = evaluated("red.onnx", *options, *options_)
    expected = measured((red(image), mask) for image, mask in pairs(crop))
    assert report["measures"] == expected._asdict()
    assert 0 < expected.iou < 1
    trivial = {entry["answer"]: entry["iou"] for entry in list(report["baselines"])}  # type: ignore[call-overload]
    assert trivial == dict(baselines(pairs(crop)))
    assert (report["side"], report["crop"]) == (0 if crop == 0 else 24, crop)


def test_an_answer_that_is_the_same_everywhere_has_the_iou_of_everything(
    options: tuple[str, ...],
) -> None:
    report = evaluated("constant.onnx", *options, *WHOLE)
    everything = np.float32(0.75)
    expected = measured((np.full(mask.shape, everything), mask) for _, mask in pairs())
    assert report["measures"] == pytest.approx(expected._asdict(), abs=1e-6)
    trivial = {entry["answer"]: entry["iou"] for entry in list(report["baselines"])}  # type: ignore[call-overload]
    assert trivial["everything"] == pytest.approx(expected.iou, abs=1e-12)


def test_stretching_fills_the_range_and_leaves_a_constant_alone(options: tuple[str, ...]) -> None:
    full = evaluated("red.onnx", *options, *WHOLE)["measures"]
    faint = evaluated("faint.onnx", *options, *WHOLE)
    stretched = evaluated("faint.onnx", *options, *WHOLE, "--stretch")
    assert (faint["stretched"], stretched["stretched"]) == (False, True)
    assert faint["measures"] != full
    assert stretched["measures"] == full
    constant = [
        evaluated("constant.onnx", *options, *WHOLE, *more) for more in ((), ("--stretch",))
    ]
    assert constant[0]["measures"] == constant[1]["measures"]


def test_limit_takes_the_first_images(options: tuple[str, ...]) -> None:
    report = evaluated("red.onnx", *options, *WHOLE, "--limit", "2")
    assert report["measures"] == measured((red(i), m) for i, m in pairs()[:2])._asdict()
    most = evaluated("red.onnx", *options, *WHOLE, "--limit", "99")
    assert most["measures"]["images"] == len(SIZES)  # type: ignore[index]


def test_made_up_images_are_not_those_that_students_are_trained_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cache = ("--cache", str(cached(tmp_path_factory)), "--jobs", "1")
    report = evaluated("red.onnx", "--limit", "3", *cache)
    assert (report["data"], report["side"], report["crop"]) == ("generated", 88, 80)
    assert report["measures"]["images"] == 3  # type: ignore[index]
    from onnxguard.students.pairs import data_sha256

    assert report["data_sha256"] == data_sha256(find_data(None, 3, seed=1))[0]
    assert report["data_sha256"] != data_sha256(find_data(None, 3))[0]


@pytest.mark.parametrize("student", ["saliency-v1", "saliency-v2"])
def test_a_trained_student_has_the_measures_of_its_card(
    student: str,
    folder: Path,
    options: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On the images that were held out, copied out of the data set."""
    out = placed(tmp_path_factory, student)
    data = find_data(str(images(tmp_path_factory)))
    recipe = Recipe()
    _, held_out = split(len(data.names), recipe.validation_share, HELD_OUT, recipe.split_seed)
    for part, ending in (("images", "jpg"), ("masks", "png")):
        (folder / "held" / part).mkdir(parents=True)
        for index in held_out:
            name = f"{part}/{data.names[index]}.{ending}"
            shutil.copy(images(tmp_path_factory) / name, folder / "held" / name)
    sizes = ("--data", "held", "--side", str(SIDE), "--crop", str(SIDE))
    report = evaluated(str(out / f"{student}.onnx"), *options, *sizes)
    card = json.loads((out / f"{student}.json").read_text())
    assert card["measures"]["images"] == HELD_OUT
    assert report["measures"] == pytest.approx(card["measures"], abs=1e-12)
    assert {e["answer"]: e["iou"] for e in list(report["baselines"])} == pytest.approx(  # type: ignore[call-overload]
        {e["answer"]: e["iou"] for e in card["baselines"]}, abs=1e-12
    )
    assert report["sha256"] == card["sha256"]
    best = card["epochs"][card["best_epoch"] - 1]
    assert report["measures"]["iou"] == pytest.approx(best["iou"], abs=1e-3)  # type: ignore[index]


# -- graphs ----------------------------------------------------------------------------------------


def test_a_graph_of_one_size_takes_images_of_that_size_alone(
    folder: Path, options: tuple[str, ...]
) -> None:
    (folder / "fixed.onnx").write_bytes(graph(mapping("16", "16") + NODES, **RED))
    report = evaluated("fixed.onnx", *options, *CENTRE)
    assert report["measures"] == evaluated("red.onnx", *options, *CENTRE)["measures"]
    for crop in ("8", "24"):
        line = refusal("evaluate", "fixed.onnx", *options, "--side", "24", "--crop", crop)
        assert f"takes images that are 16 pixels high, and these are {crop}" in line
        assert "--crop" in line
    (folder / "wide.onnx").write_bytes(graph(mapping("H", "24") + NODES, **RED))
    assert "24 pixels wide" in refusal("evaluate", "wide.onnx", *options, *CENTRE)


def test_a_graph_that_fails_the_scan_is_not_run(
    folder: Path, options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It would answer with a map of another size: were it run, it would be told that."""
    nodes = '{ a = Einsum <equation = "bchw->bwhc"> (input) saliency_map = Sigmoid (a) }'
    (folder / "einsum.onnx").write_bytes(graph(mapping() + nodes))
    line = refusal("evaluate", "einsum.onnx", *options, *WHOLE)
    assert "einsum.onnx does not pass the scan by adr-0258, so it is not run: OG101" in line
    v2 = str(placed(tmp_path_factory) / "saliency-v2.onnx")
    line = refusal("evaluate", v2, *options, *WHOLE, "--allowlist", "pre-adr-0258")
    assert "does not pass the scan by pre-adr-0258" in line
    assert "Resize" in line


SIGNATURES: Mapping[str, tuple[str, Weights, str]] = {
    "two inputs": (
        (
            "(float[1,3,H,W] input, float[1,3,H,W] other) => (float[1,1,H,W] y) "
            "{ s = Concat <axis = 1> (input, other) a = Conv (s, k, b) y = Sigmoid (a) }"
        ),
        {"k": np.zeros((1, 6, 1, 1)), "b": [0]},
        "has 2 inputs and 1 output; a student has one of each",
    ),
    "two outputs": (
        (
            "(float[1,3,H,W] input) => (float[1,1,H,W] y, float[1,1,H,W] z) "
            "{ z = Conv (input, k, b) y = Sigmoid (z) }"
        ),
        RED,
        "has 1 input and 2 outputs",
    ),
    "float64": (
        "(double[1,1,H,W] input) => (double[1,1,H,W] y) { y = Relu (input) }",
        {},
        "input is float64 1x1xHxW; a student's is float32 1x3xHxW",
    ),
    "four channels": (
        "(float[1,4,H,W] input) => (float[1,1,H,W] y) { a = Conv (input, k, b) y = Sigmoid (a) }",
        {"k": np.zeros((1, 4, 1, 1)), "b": [0]},
        "input is float32 1x4xHxW; a student's is float32 1x3xHxW",
    ),
    "three answers": (
        "(float[1,3,H,W] input) => (float[1,3,H,W] y) { y = Sigmoid (input) }",
        {},
        "y is float32 1x3xHxW; a student's is float32 1x1xHxW",
    ),
    "a batch of two": (
        "(float[2,3,H,W] input) => (float[2,1,H,W] y) { a = Conv (input, k, b) y = Sigmoid (a) }",
        RED,
        "input is float32 2x3xHxW",
    ),
    "three dims": (
        "(float[3,H,W] input) => (float[3,H,W] y) { y = Sigmoid (input) }",
        {},
        "input is float32 3xHxW",
    ),
    "another size": (
        (
            "(float[1,3,H,W] input) => (float[1,1,h,w] y) { a = Conv (input, k, b) "
            "s = Sigmoid (a) y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (s) }"
        ),
        RED,
        "0: the answer is 1x1x12x12, not of the image's size",
    ),
    "no sigmoid": (
        "(float[1,3,H,W] input) => (float[1,1,H,W] y) { a = Conv (input, k, b) y = Relu (a) }",
        {"k": kernel(0), "b": [1.5]},
        "0: the answer leaves 0..1; a student ends with Sigmoid",
    ),
    "no number": (
        (
            "(float[1,3,H,W] input) => (float[1,1,H,W] y) "
            "{ a = Conv (input, k, b) c = Conv (a, huge) y = Conv (c, zero) }"
        ),
        {"k": kernel(0), "b": [3e38], "huge": [[[[3e38]]]], "zero": [[[[0]]]]},
        "0: the answer holds NaN",
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_graph_that_is_no_student_gets_one_line(
    name: str, folder: Path, options: tuple[str, ...]
) -> None:
    text, weights, says = SIGNATURES[name]
    (folder / "m.onnx").write_bytes(graph(text, **weights))
    assert says in refusal("evaluate", "m.onnx", *options, *CENTRE[:2], "--crop", "24")


def test_external_data_is_looked_for_beside_the_graph(
    folder: Path, options: tuple[str, ...]
) -> None:
    (folder / "apart").mkdir()
    onnx.save(
        onnx.load("red.onnx"),
        "apart/red.onnx",
        save_as_external_data=True,
        location="red.data",
        size_threshold=0,
    )
    assert (folder / "apart/red.data").stat().st_size
    whole, apart = (evaluated(path, *options, *WHOLE) for path in ("red.onnx", "apart/red.onnx"))
    assert whole["measures"] == apart["measures"]


def test_the_graph_is_looked_at_before_the_images(options: tuple[str, ...]) -> None:
    assert "no.onnx" in refusal("evaluate", "no.onnx", "--data", "nowhere", *options[2:], *WHOLE)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 500056\n"
NO_MODELS = {
    "a Git LFS pointer": (LFS, "Git LFS"),
    "a text": (b"not a model, but a text\n", "m.onnx"),
    "nothing": (b"", "m.onnx"),
    "half of one": (graph(mapping() + NODES, **RED)[:90], "m.onnx"),
}


@pytest.mark.parametrize("name", NO_MODELS)
def test_what_is_no_model_gets_one_line(name: str, folder: Path, options: tuple[str, ...]) -> None:
    data, says = NO_MODELS[name]
    (folder / "m.onnx").write_bytes(data)
    assert says in refusal("evaluate", "m.onnx", *options, *WHOLE)


@pytest.mark.parametrize(
    ("path", "says"),
    [("none.onnx", "none.onnx: cannot be read"), ("pairs", "pairs: not a regular file")],
)
def test_a_path_without_a_file_gets_one_line(
    path: str, says: str, options: tuple[str, ...]
) -> None:
    assert says in refusal("evaluate", path, *options, *WHOLE)


# -- options ---------------------------------------------------------------------------------------

REFUSALS = {
    "a crop of 12": ("red.onnx --data pairs --crop 12", "--crop: a multiple of 8"),
    "a side of 12": ("red.onnx --data pairs --side 12", "--crop: a multiple of 8"),
    "a crop beyond the side": ("red.onnx --data pairs --side 16 --crop 24", "up to the side of 16"),
    "a crop without a side": ("red.onnx --data pairs --side 0 --crop 8", "--crop needs a --side"),
    "no such folder": ("red.onnx --data no", '"no" cannot be read: No such file'),
    "a file as a folder": ("red.onnx --data red.onnx", '"red.onnx" cannot be read: Not a dir'),
    "an empty folder": ("red.onnx --data empty", '"empty" holds no images with masks'),
    "no such list": ("red.onnx --data pairs --allowlist no", 'no allowlist "no"'),
    "over the model": ("red.onnx --data pairs --output red.onnx", "never written to"),
    "over another model": ("red.onnx --data pairs --output r.onnx", "never written to"),
    "into nowhere": ("red.onnx --data pairs --output no/r.txt", "not a file in a folder"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_options_get_one_line(
    name: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder / "empty").mkdir()
    call, says = REFUSALS[name]
    assert says in refusal("evaluate", *call.split(), "--cache", str(cached(tmp_path_factory)))


@pytest.mark.parametrize("call", ["--limit=0", "--side=-1", "--crop=a", "--on-bad-pair=keep"])
def test_values_that_make_no_sense(call: str, options: tuple[str, ...]) -> None:
    code, out, err = run("evaluate", "red.onnx", *options, call)
    assert (code, out) == (2, "")
    assert f"'{call.partition('=')[0]}'" in err


def test_bad_pairs_are_refused_or_left_out(folder: Path, options: tuple[str, ...]) -> None:
    before = evaluated("red.onnx", *options, *WHOLE)
    (folder / "pairs/images/lonely.png").write_bytes((folder / "pairs/images/0.png").read_bytes())
    (folder / "pairs/images/torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (folder / "pairs/masks/torn.png").write_bytes((folder / "pairs/masks/0.png").read_bytes())
    code, out, err = run("evaluate", "red.onnx", *options, *WHOLE)
    assert (code, out) == (2, "")
    head, lonely, torn = err.splitlines()
    assert "2 pairs cannot be used: " in head
    assert "--on-bad-pair skip" in head
    assert lonely == "  images/lonely.png: an image without a mask"
    assert torn.startswith("  torn: ")
    report = evaluated("red.onnx", *options, *WHOLE, "--on-bad-pair", "skip")
    assert [entry["pair"] for entry in list(report["skipped"])] == ["images/lonely.png", "torn"]  # type: ignore[call-overload]
    assert report["measures"] == before["measures"]
    for output_format in ("text", "markdown"):
        shown = ("--on-bad-pair", "skip", "--format", output_format)
        code, out, err = run("evaluate", "red.onnx", *options, *WHOLE, *shown)
        assert (code, err) == (0, "")
        assert "torn" in out


def test_images_smaller_than_eight_pixels_get_one_line(
    folder: Path, options: tuple[str, ...]
) -> None:
    for part in ("images", "masks"):
        pixels = np.full((7, 30), 255, np.uint8)
        pixels[:3] = 0
        Image.fromarray(pixels).save(folder / f"pairs/{part}/flat.png")
    line = refusal("evaluate", "red.onnx", *options, *WHOLE)
    assert "flat" in line


def test_formats_say_the_same(folder: Path, options: tuple[str, ...]) -> None:
    report = evaluated("red.onnx", *options, *WHOLE)
    iou = f"{report['measures']['iou']:.4f}"  # type: ignore[index]
    code, text, err = run("evaluate", "red.onnx", *options, *WHOLE)
    assert (code, err) == (0, "")
    assert text.startswith("red.onnx on folder, 4 images\n")
    assert text.splitlines()[-1].startswith(f"IoU {iou}, ")
    assert "\x1b" not in text
    asked = ("--format", "markdown", "--output", "r.md")
    assert run("evaluate", "red.onnx", *options, *WHOLE, *asked) == (0, "", "")
    page = (folder / "r.md").read_text()
    assert iou in page
    assert page.startswith("#")
