"""A model card as Markdown, for a model hub: the verdict first, then everything that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard import __version__
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.phrases import byte_size, plural
from onnxguard.reporters.scan.markdown import cell, code
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.markdown import answers, data, details, listed, measures, table
from onnxguard.students.normalisation import DEVIATION, MEAN

if TYPE_CHECKING:
    from onnxguard.students.records import Card, Gate

CONSTANTS_SHOWN = 20


def render(card: Card, options: RenderOptions) -> str:
    """Render the card; the pictures that it shows lie beside it."""
    made = f"Made {code(card.made)} with onnxguard {__version__}"
    size = f"{plural(card.parameters, 'trainable parameter')}, {byte_size(card.size)} of ONNX"
    blocks = [
        f"# {code(card.student)}",
        f"**{phrases.verdict(card)}**: {phrases.gates(card, code)}. {made}; {size}.",
        *_pictures(card),
        "## Intended use",
        *_use(card),
        "## Figures",
        *_figures(card),
        "## Limits of use",
        _limits(card),
        "## Gates",
        table(("Gate", "Outcome", "Found"), map(_gate, card.gates)),
        *_problems(card.gates),
        "## Graph",
        *_graph(card),
        "## Parity with PyTorch",
        "Not checked." if card.parity is None else phrases.parity(card.parity),
        "## Training",
        *_training(card),
        "## Made with",
        listed(("Package", "Version"), card.versions),
        listed(("Hardware", "Which"), card.hardware),
        table(
            ("Phase", ">Time"),
            ([cell(phase), phrases.clock(seconds)] for phase, seconds in card.seconds),
        ),
        "## Files",
        table(
            ("File", "SHA-256"),
            (
                ["graph (ONNX)", cell(card.sha256)],
                ["weights (safetensors)", cell(card.weights_sha256)],
            ),
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _pictures(card: Card) -> list[str]:
    blocks = []
    if card.epochs:
        blocks.append(f"![training curve]({phrases.file_name(card.student, '.curve.png')})")
    if card.measures is not None:
        sheet = phrases.file_name(card.student, ".sheet.png")
        blocks.append(f"![image, mask, prediction]({sheet})")
    return blocks


def _use(card: Card) -> list[str]:
    puts = [("Input", *entry) for entry in card.inputs]
    puts += [("Output", *entry) for entry in card.outputs]
    mean = ", ".join(f"{value:g}" for value in MEAN)
    deviation = ", ".join(f"{value:g}" for value in DEVIATION)
    network = (
        "A small student network for saliency: it says of each pixel of an image how much it "
        "belongs to what catches the eye."
    )
    contract = (
        (
            "- The input is one RGB image in 0..1, normalised channel by channel as for ImageNet: "
            f"less the mean {mean}, divided by the standard deviation {deviation}."
        ),
        (
            "- The output has the input's height and width and lies in 0..1: the more salient, the "
            "greater."
        ),
        (
            f"- H and W must be multiples of {card.multiple}. PyTorch and ONNX Runtime both refuse "
            "any other size with an error: resize, pad or crop first."
        ),
    )
    return [
        network,
        table(
            ("", "Name", "Type", "Dimensions"),
            ([put, cell(name), cell(dtype), cell(dims)] for put, name, dtype, dims in puts),
        ),
        "\n".join(contract),
        _example(card),
    ]


def _example(card: Card) -> str:
    # Tildes, because a code span needs the backticks.
    return f"""\
~~~python
import numpy as np
import onnxruntime
from PIL import Image

image = Image.open("image.png").convert("RGB")
width, height = (side - side % {card.multiple} for side in image.size)
image = image.crop((0, 0, width, height))
mean, deviation = np.float32({list(MEAN)}), np.float32({list(DEVIATION)})
pixels = (np.float32(image) / 255 - mean) / deviation
session = onnxruntime.InferenceSession("{phrases.file_name(card.student, ".onnx")}")
feed = {{session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[np.newaxis]}}
saliency = session.run(None, feed)[0][0, 0]
~~~"""


def _figures(card: Card) -> list[str]:
    if card.measures is None:
        return ["The graph was not run on the held-out images, so there are no figures."]
    images = plural(card.measures.images, "held-out image")
    trivial = "A trivial answer needs no network, and is tuned to these very images."
    return [
        f"Of the graph in ONNX Runtime, on {images}. {trivial}",
        answers(card.student, card.measures.iou, card.baselines),
        measures(card.measures),
    ]


def _limits(card: Card) -> str:
    trained = f"{plural(card.data.training, 'image')} of {code(card.data.name)}"
    held_out = plural(card.data.validation, "held-out image")
    lines = [
        f"- Trained on {trained} and on nothing else: what it makes of other images is not known."
    ]
    if card.measures is not None:
        lines.append(
            f"- The figures are on {held_out} of the same set. These also chose the epoch that was "
            "exported, so expect a little less on new images."
        )
    if card.data.name == "generated":
        lines.append("- The images were drawn by a program; it has never seen a photograph.")
    if not card.passed:
        lines.append("- It did not pass every gate: do not use it.")
    return "\n".join(lines)


def _gate(gate: Gate) -> list[str]:
    word = phrases.outcome(gate)
    return [cell(gate.name), word if gate.passed else f"**{word}**", cell(gate.summary)]


def _problems(gates: tuple[Gate, ...]) -> list[str]:
    lines = [f"- {code(gate.name)}: {code(problem)}" for gate in gates for problem in gate.problems]
    return ["Problems:", "\n".join(lines)] if lines else []


def _graph(card: Card) -> list[str]:
    versions = f"{byte_size(card.size)}, opset {card.opset}, IR {card.ir_version}"
    scan = f"the scan by the allowlist {code(card.allowlist)} says {code(card.scan_verdict)}"
    blocks = [
        f"{versions}; {scan}.",
        table(
            ("Operator", ">Nodes"),
            ([cell(operator), f"{count:,}"] for operator, count in card.operators),
        ),
    ]
    if not card.constants:
        return [*blocks, "No Constant nodes."]
    rows = [list(map(cell, constant)) for constant in card.constants[:CONSTANTS_SHOWN]]
    blocks.append(table(("Constant node's output", "Type", "Shape", "Value"), rows))
    hidden = len(card.constants) - CONSTANTS_SHOWN
    if hidden > 0:
        blocks.append(f"And {plural(hidden, 'more Constant node')}.")
    return blocks


def _training(card: Card) -> list[str]:
    blocks = [*data(card.data), listed(("Option", "Value"), card.recipe), phrases.history(card)]
    rows = []
    for epoch in card.epochs:
        row = [
            f"{epoch.number:,}",
            phrases.figure(epoch.loss),
            phrases.figure(epoch.iou),
            f"{epoch.learning_rate:.3g}",
            f"{epoch.images_per_second:,.0f}" if epoch.train_seconds else "-",
            phrases.clock(epoch.seconds),
        ]
        rows.append([f"**{text}**" for text in row] if epoch.number == card.best_epoch else row)
    if rows:
        heads = (">Epoch", ">Loss", ">IoU", ">Learning rate", ">Images/s", ">Time")
        blocks.append(details("Every epoch", table(heads, rows)))
    return blocks
