"""The golden reports: file name, format, run and options."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from onnxguard import __version__
from onnxguard.reporters import REPORTERS, RenderOptions
from onnxguard.scanning.report import Run
from support.formats import with_rules_that_broke
from support.html_samples import DRAWN
from support.sample_runs import MANY, SINGLE

FOLDER = Path(__file__).parent.parent / "goldens" / "reporters"


class Golden(NamedTuple):
    """A report that is kept under ``FOLDER``."""

    file: str
    format: str
    run: Run
    options: RenderOptions

    def render(self) -> str:
        """Render it, with the version left out so that a release does not change it."""
        text = REPORTERS[self.format](self.run, self.options)
        text = with_rules_that_broke(text) if self.format == "sarif" else text
        return text.replace(__version__, "VERSION")


PLAIN = RenderOptions()
GOLDENS = (
    Golden("text.txt", "text", SINGLE, PLAIN),
    Golden("text-color.txt", "text", SINGLE, PLAIN._replace(color=True)),
    Golden("text-many.txt", "text", MANY, PLAIN),
    Golden("text-quiet.txt", "text", MANY, PLAIN._replace(verbosity=-1)),
    Golden("text-verbose.txt", "text", MANY, PLAIN._replace(verbosity=1)),
    Golden("json.json", "json", MANY, PLAIN),
    Golden("sarif.sarif", "sarif", MANY, PLAIN),
    Golden("junit.xml", "junit", MANY, PLAIN),
    Golden("github.txt", "github", MANY, PLAIN),
    Golden("markdown.md", "markdown", MANY, PLAIN),
    Golden("html.html", "html", DRAWN, PLAIN),
)
