"""What targets make of models: all in a table, then model by model what stands in the way."""

from __future__ import annotations

from collections import Counter

from onnxguard.reporters.kit.blocks import Items
from onnxguard.reporters.kit.document import Block, Document, Paragraph, Part, Section, Table
from onnxguard.reporters.kit.phrases import plural
from onnxguard.reporters.kit.words import Code, Marked, Words
from onnxguard.rules.targets import Answer
from onnxguard.scanning.on_targets import Asked, Confirmed, Matrix, OnTargets, Reason

SHOWN = 3
"""Reasons that are shown of each model and target, unless all are asked for."""

FEW = 3
"""Models up to which each has a column."""

_STYLES = {
    Answer.RUNS: "pass",
    Answer.FALLS_BACK: "warning",
    Answer.NAMED: "soft",
    Answer.UNKNOWN: "error",
    Answer.REFUSED: "fail",
}


def document(matrix: Matrix) -> Document:
    """The whole report."""
    told = [model for model in matrix.models if model.error or any(map(_is_told, model.asked))]
    parts = [_overview(matrix), *map(_model, told)]
    return Document("targets", None, _summary(matrix), None, parts)


def _is_told(asked: Asked) -> bool:
    return bool(asked.reasons) or asked.confirmed is not None


def _overview(matrix: Matrix) -> Part:
    """Every answer at once: a column a model where there are few, as targets have long names."""
    targets = [Code(name) for name, _ in matrix.targets]
    answers: list[list[Words]] = [
        [_outcome(asked) for asked in model.asked] or ["not read"] * len(targets)
        for model in matrix.models
    ]
    if len(matrix.models) <= FEW:
        heads = ["Target", *(Code(model.path) for model in matrix.models)]
        rows = [(target, *row) for target, *row in zip(targets, *answers, strict=True)]
    else:
        heads = ["Model", *targets]
        paths = [Code(model.path) for model in matrix.models]
        rows = [(path, *row) for path, row in zip(paths, answers, strict=True)]
    return Part(None, "What runs where", "", (), [Table(heads, rows)])


def _summary(matrix: Matrix) -> str:
    """``2 models, 3 targets: 4 runs, 1 falls back, 1 refused``."""
    answers = Counter(asked.answer for model in matrix.models for asked in model.asked)
    told = [f"{answers[answer]:,} {answer.value}" for answer in Answer if answers[answer]]
    unread = sum(1 for model in matrix.models if model.error)
    told += [f"{unread} not read"] if unread else []
    asked = f"{plural(len(matrix.models), 'model')}, {plural(len(matrix.targets), 'target')}"
    return f"{asked}: {', '.join(told) or 'nothing'}"


def _outcome(asked: Asked) -> Marked:
    """``runs``, ``falls back (4 of 37 nodes, 2 pieces)``, ``refused``."""
    said = str(asked.answer.value)
    if asked.answer is Answer.FALLS_BACK:
        pieces = plural(asked.pieces, "piece")
        said = f"falls back ({asked.left:,} of {asked.nodes:,} nodes, {pieces})"
    return Marked(said, _STYLES[asked.answer])


def _model(model: OnTargets) -> Part:
    if model.error:
        return Part(None, Code(model.path), (" was not read: ", Code(model.error)))
    return Part(
        None, Code(model.path), "", (), [_asked(asked) for asked in model.asked if _is_told(asked)]
    )


def _asked(asked: Asked) -> Section:
    blocks: list[Block] = []
    if asked.reasons:
        blocks.append(Items(list(map(_reason, asked.reasons)), SHOWN))
    if asked.confirmed is not None:
        blocks.append(Paragraph(_confirmed(asked.confirmed)))
    return Section((Code(asked.target), ": ", _outcome(asked)), blocks)


def _reason(reason: Reason) -> Words:
    more = f" and {reason.nodes - 1:,} more" if reason.nodes > 1 else ""
    fix = f"; {reason.fix}" if reason.fix else ""
    return Code(reason.why), ", at ", Code(reason.place), more, fix


def _confirmed(found: Confirmed) -> Words:
    if not found.loads:
        return "the installed runtime refuses it: ", Code(found.said)
    takes = ", ".join(f"{name} takes {nodes}" for name, nodes in found.providers)
    return f"the installed runtime loads it{': ' if takes else ''}{takes}"
