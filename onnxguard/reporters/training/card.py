"""A model card: the verdict first, then everything that is known; a model hub shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from onnxguard import __version__
from onnxguard.reporters.kit.blocks import Image, Items, Listing
from onnxguard.reporters.kit.document import (
    Block,
    Document,
    Names,
    Pairs,
    Paragraph,
    Part,
    Section,
    Table,
)
from onnxguard.reporters.kit.phrases import byte_size, duration, plural
from onnxguard.reporters.kit.words import Code, Marked, Words, sentence
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.blocks import answers, data, facts
from onnxguard.students.normalisation import DEVIATION, MEAN

if TYPE_CHECKING:
    from onnxguard.students.records import Card, Gate

CONSTANTS_SHOWN = 20
_STYLES = {True: "pass", False: "fail", None: "warning"}


def document(card: Card) -> Document:
    """The card; the pictures that it shows lie beside it."""
    verdict = Marked("PASS", "pass") if card.passed else Marked("FAIL", "fail")
    figures: list[tuple[str, Words]] = [
        ("trainable parameters", f"{card.parameters:,}"),
        ("size", byte_size(card.size)),
        ("opset", f"{card.opset}"),
        ("made", (Code(card.made), f" with onnxguard {__version__}")),
    ]
    if card.measures is not None:
        figures.insert(0, ("IoU", phrases.figure(card.measures.iou)))
    name = Code(card.student)
    said = f", {plural(len(card.epochs), 'epoch')} on ", Code(card.data.name)
    part = Part(verdict, name, said, figures, tuple(_blocks(card)))
    whole = dict(card.seconds).get("whole", 0.0)
    gates = phrases.gates(card)
    return Document("train-and-gate", verdict, gates, whole, (part,), title=name)


def _blocks(card: Card) -> Iterator[Block]:
    if card.epochs:
        yield Image(phrases.file_name(card.student, ".curve.png"), "training curve")
    if card.measures is not None:
        sheet = phrases.file_name(card.student, ".sheet.png")
        yield Image(sheet, "image, mask, prediction, errors")
    yield Section("Gates", list(_gates(card.gates)))
    yield Section("Intended use", list(_use(card)), detail=True)
    yield Section("Figures", list(_figures(card)))
    yield Section("Limits of use", [Items(list(_limits(card)))], detail=True)
    yield Section("License", [Paragraph(_license(card))], detail=True)
    yield Section("Graph", list(_graph(card)))
    checked = "Not checked." if card.parity is None else phrases.parity(card.parity)
    yield Section("Parity with PyTorch", [Paragraph(checked)], detail=True)
    yield Section("Training", list(_training(card)))
    yield Section(
        "Made with",
        [
            facts("Packages", card.versions, ("Package", "Version"), detail=True),
            facts("Hardware", card.hardware, ("Hardware", "Which"), detail=True),
            Section("Phases", [_phases(card)], detail=True, folded=True),
        ],
        detail=True,
    )
    digests = ("graph (ONNX)", Code(card.sha256)), ("weights", Code(card.weights_sha256))
    yield Section("Files", [Pairs(digests, ("File", "SHA-256"))], detail=True)


def _gates(gates: tuple[Gate, ...]) -> Iterator[Block]:
    rows = [(Code(gate.name), _outcome(gate), Code(gate.summary)) for gate in gates]
    yield Table(("Gate", "Outcome", "Found"), rows)
    problems = [(Code(g.name), ": ", Code(problem)) for g in gates for problem in g.problems]
    if problems:
        yield Items(problems)


def _outcome(gate: Gate) -> str:
    said = phrases.OUTCOMES[gate.passed]
    return said if gate.passed else Marked(said, _STYLES[gate.passed])


def _use(card: Card) -> Iterator[Block]:
    yield Paragraph(
        "A small student network for saliency: it says of each pixel of an image how much it "
        "belongs to what catches the eye."
    )
    puts = [("Input", *map(Code, entry)) for entry in card.inputs]
    puts += [("Output", *map(Code, entry)) for entry in card.outputs]
    yield Table(("", "Name", "Type", "Dimensions"), puts)
    mean = ", ".join(f"{value:g}" for value in MEAN)
    deviation = ", ".join(f"{value:g}" for value in DEVIATION)
    put = (
        "The input is one RGB image in 0..1, normalised channel by channel as for ImageNet: less "
        f"the mean {mean}, divided by the standard deviation {deviation}."
    )
    out = (
        "The output has the input's height and width and lies in 0..1: the more salient, the "
        "greater."
    )
    sizes = (
        f"H and W must be multiples of {card.multiple}. PyTorch and ONNX Runtime both refuse any "
        "other size with an error: resize, pad or crop first."
    )
    yield Items([put, out, sizes])
    yield Listing(_example(card), "python")


def _example(card: Card) -> str:
    return f"""\
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
saliency = session.run(None, feed)[0][0, 0]"""


def _figures(card: Card) -> Iterator[Block]:
    if card.measures is None:
        yield Paragraph("The graph was not run on the held-out images, so there are no figures.")
        return
    images = plural(card.measures.images, "held-out image")
    yield Paragraph(
        f"Of the graph in ONNX Runtime, on {images}. A trivial answer needs no network, and is "
        "tuned to these very images."
    )
    yield answers(card.baselines, card.measures.iou)
    yield Table(("Measure", "Value>"), phrases.measures(card.measures))


def _limits(card: Card) -> Iterator[Words]:
    trained = f"Trained on {plural(card.data.training, 'image')} of ", Code(card.data.name)
    yield (*trained, " and on nothing else: what it makes of other images is not known.")
    if card.measures is not None:
        yield (
            f"The figures are on {plural(card.data.validation, 'held-out image')} of the same set. "
            "These also chose the epoch that was exported, so expect a little less on new images."
        )
    if card.data.name == "generated":
        yield "The images were drawn by a program; it has never seen a photograph."
    if not card.passed:
        yield "It did not pass every gate: do not use it."


def _license(card: Card) -> Words:
    network = "The network, its training and the code above are under BSD-2-Clause-Patent. "
    if card.data.name == "generated":
        return f"{network}The images were drawn by the same program, so no other terms apply."
    images = "What the weights may be used for also depends on the terms of the images of "
    return (network, images, Code(card.data.name), ": look there before you pass them on.")


def _graph(card: Card) -> Iterator[Block]:
    held = f"{byte_size(card.size)}, opset {card.opset}, IR {card.ir_version}; "
    judged = "the scan by the allowlist ", Code(card.allowlist), " says ", Code(card.scan_verdict)
    yield Paragraph((held, *judged, "."))
    yield Names("Operators", [(Code(name), f" {count:,}") for name, count in card.operators])
    rows = [tuple(map(Code, constant)) for constant in card.constants]
    if rows:
        heads = "Constant node's output", "Type", "Shape", "Value"
        constants = Table(heads, rows, shown=CONSTANTS_SHOWN)
        title = plural(len(rows), "Constant node")
        yield Section(title, [constants], detail=True)


def _training(card: Card) -> Iterator[Block]:
    yield Paragraph(sentence(phrases.history(card)))
    yield from data(card.data)
    yield facts("Recipe", card.recipe, ("Option", "Value"), detail=True)
    heads = "Epoch>", "Loss>", "IoU>", "Learning rate>", "Images/s>", "Time>"
    rows: list[tuple[Words, ...]] = []
    for epoch in card.epochs:
        row = [
            f"{epoch.number:,}",
            phrases.figure(epoch.loss),
            phrases.figure(epoch.iou),
            f"{epoch.learning_rate:.3g}",
            f"{epoch.images_per_second:,.0f}" if epoch.train_seconds else "-",
            duration(epoch.seconds),
        ]
        best = epoch.number == card.best_epoch
        rows.append(tuple(Marked(text, "bold") if best else text for text in row))
    if rows:
        yield Section("Every epoch", [Table(heads, rows)], detail=True, folded=True)


def _phases(card: Card) -> Table:
    rows = [(Code(phase), duration(seconds)) for phase, seconds in card.seconds]
    return Table(("Phase", "Time>"), rows)
