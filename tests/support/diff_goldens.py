"""The golden comparisons: file name, sample, format and options."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from onnxguard import __version__
from onnxguard.reporters import DIFFERENCE_REPORTERS, RenderOptions
from support.diff_samples import PAIRS, sample

FOLDER = Path(__file__).parent.parent / "goldens" / "diff"
PLAIN = RenderOptions()
_ENDINGS = {"text": "txt", "json": "json", "markdown": "md"}


class Golden(NamedTuple):
    """A comparison that is kept under ``FOLDER``."""

    sample: str
    format: str
    options: RenderOptions = PLAIN
    suffix: str = ""

    @property
    def file(self) -> str:
        """Its name."""
        return f"{self.sample}{self.suffix}.{_ENDINGS[self.format]}"

    def render(self) -> str:
        """Render it, with the version left out so that a release does not change it."""
        text = DIFFERENCE_REPORTERS[self.format](sample(self.sample), self.options)
        return text.replace(__version__, "VERSION")


GOLDENS = (
    *(Golden(name, output_format) for name in PAIRS for output_format in ("text", "markdown")),
    *(Golden(name, "json") for name in ("rich", "weights", "unverified")),
    Golden("rich", "text", PLAIN._replace(color=True), "-color"),
    Golden("hostile", "text", PLAIN._replace(verbosity=1), "-verbose"),
)
