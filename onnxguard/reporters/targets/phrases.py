"""How the formats say what a target makes of a model."""

from __future__ import annotations

from collections import Counter

from onnxguard.rules.targets import Answer
from onnxguard.scanning.on_targets import Asked, Matrix


def outcome(asked: Asked) -> str:
    """``runs``, ``falls back (4 of 37 nodes, 2 pieces)``, ``refused (3 reasons)``."""
    if asked.answer is Answer.FALLS_BACK:
        pieces = "1 piece" if asked.pieces == 1 else f"{asked.pieces} pieces"
        return f"falls back ({asked.left:,} of {asked.nodes:,} nodes, {pieces})"
    return str(asked.answer.value)


def summary(matrix: Matrix) -> str:
    """``2 models, 3 targets: 4 runs, 1 falls back, 1 refused``."""
    answers = Counter(asked.answer for model in matrix.models for asked in model.asked)
    told = [f"{answers[answer]:,} {answer.value}" for answer in Answer if answers[answer]]
    unread = sum(1 for model in matrix.models if model.error)
    told += [f"{unread} not read"] if unread else []
    models, targets = len(matrix.models), len(matrix.targets)
    return (
        f"{models:,} model{'s' * (models != 1)}, {targets} target{'s' * (targets != 1)}: "
        f"{', '.join(told) or 'nothing'}"
    )
