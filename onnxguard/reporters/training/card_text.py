"""What became of a student, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, columns, wrap
from onnxguard.reporters.kit.phrases import byte_size
from onnxguard.reporters.scan.text import inert
from onnxguard.reporters.training import phrases
from onnxguard.reporters.training.text import skipped

if TYPE_CHECKING:
    from onnxguard.students.records import Card, Gate

_STYLES = {True: "green", False: "red", None: "yellow"}
_WORDS = {True: "pass", False: "FAIL", None: "----"}


def render(card: Card, options: RenderOptions) -> str:
    """Render the gates with what each found; epochs, versions and digests where asked for."""
    paint = Paint(options.color)
    word = paint("PASS" if card.passed else "FAIL", "green" if card.passed else "red")
    lines = [
        f"{word}  {paint(card.student, 'bold')}",
        f"      {card.parameters:,} parameters, {byte_size(card.size)}, opset {card.opset}",
        *wrap(f"{card.data.name}: {phrases.data(card.data)}".split(" "), "      "),
        *wrap(phrases.history(card).split(" "), "      "),
        "",
    ]
    for gate in card.gates:
        lines += _gate(gate, paint)
    operators = [f"{name} {count}" for name, count in card.operators]
    lines += ["", *wrap(operators, "  ", "   ")]
    if card.measures:
        trivial = ", ".join(f"{name} {phrases.figure(iou)}" for name, iou in card.baselines)
        lines += ["", *wrap(f"trivial answers' IoU: {trivial}".split(" "), "  ")]
        lines += columns(phrases.measures(card.measures), "  ")
    lines += skipped(card.data.skipped, options)
    lines += skipped(phrases.shared(card.data), options, "held out and trained on too")
    if options.verbosity > 0:
        lines += _details(card, paint)
    whole = dict(card.seconds).get("whole", 0.0)
    lines += ["", f"{word}: {phrases.gates(card)}, {phrases.clock(whole)}"]
    return "".join(f"{inert(line)}\n" for line in lines)


def _gate(gate: Gate, paint: Paint) -> list[str]:
    head = f"  {paint(_WORDS[gate.passed], _STYLES[gate.passed])}  {gate.name:<8}  "
    lines = wrap(gate.summary.split(" "), " " * 18, first=head)
    for problem in gate.problems:
        lines += wrap(problem.split(" "), " " * 20, first=" " * 18)
    return lines


def _details(card: Card, paint: Paint) -> list[str]:
    rows = [("epoch", "loss", "IoU", "learning rate", "images/s", "seconds")]
    rows += [
        (
            str(epoch.number),
            f"{epoch.loss:.4f}",
            phrases.figure(epoch.iou),
            f"{epoch.learning_rate:.2e}",
            f"{epoch.images_per_second:.0f}",
            f"{epoch.seconds:.1f}",
        )
        for epoch in card.epochs
    ]
    facts = [*card.recipe, *card.hardware, *card.versions]
    facts += [(f"seconds, {phase}", f"{seconds:.1f}") for phase, seconds in card.seconds]
    facts += [
        ("data sha256", card.data.sha256),
        ("graph sha256", card.sha256),
        ("weights sha256", card.weights_sha256),
    ]
    return ["", *columns(rows, "  "), "", *(paint(line, "dim") for line in columns(facts, "  "))]
