"""The golden cards, evaluations and ablations: file name, reporters, format, result and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from onnxguard import __version__
from onnxguard.reporters import (
    ABLATION_REPORTERS,
    CARD_REPORTERS,
    EVALUATION_REPORTERS,
    RenderOptions,
)
from support.training_records import ABLATIONS, CARDS, EVALUATIONS

FOLDER = Path(__file__).parent.parent / "goldens" / "training"
PLAIN = RenderOptions()

KINDS: dict[str, tuple[Mapping[str, Callable[[Any, RenderOptions], str]], Mapping[str, Any]]] = {
    "card": (CARD_REPORTERS, CARDS),
    "evaluation": (EVALUATION_REPORTERS, EVALUATIONS),
    "ablation": (ABLATION_REPORTERS, ABLATIONS),
}
"""The reporters and the samples of each kind of result."""

_ENDINGS = {"text": "txt", "json": "json", "markdown": "md"}


class Golden(NamedTuple):
    """A result that is kept under ``FOLDER``."""

    kind: str
    sample: str
    format: str
    options: RenderOptions = PLAIN
    suffix: str = ""

    @property
    def file(self) -> str:
        """Its name."""
        return f"{self.kind}-{self.sample}{self.suffix}.{_ENDINGS[self.format]}"

    def render(self) -> str:
        """Render it, with the version left out so that a release does not change it."""
        reporters, samples = KINDS[self.kind]
        text = reporters[self.format](samples[self.sample], self.options)
        return text.replace(__version__, "VERSION")


GOLDENS = (
    *(
        Golden(kind, sample, output_format)
        for kind, (reporters, samples) in KINDS.items()
        for sample in samples
        for output_format in _ENDINGS
    ),
    Golden("evaluation", "pass", "text", PLAIN._replace(color=True), "-color"),
    Golden("evaluation", "hostile", "text", PLAIN._replace(verbosity=1), "-verbose"),
    Golden("ablation", "apart", "text", PLAIN._replace(color=True), "-color"),
)
