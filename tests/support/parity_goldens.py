"""The golden parity reports: file name, format, reports and options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from onnxguard import __version__
from onnxguard.parity.report import ParityReport
from onnxguard.reporters import PARITY_REPORTERS, RenderOptions
from support.formats import with_rules_that_broke
from support.parity_reports import ALL, BOTH_REFUSE, FAILING, PASSING, PROVED, SUSPECTS

FOLDER = Path(__file__).parent.parent / "goldens" / "parity"


class Golden(NamedTuple):
    """A report that is kept under ``FOLDER``."""

    file: str
    format: str
    reports: tuple[ParityReport, ...]
    options: RenderOptions

    def render(self) -> str:
        """Render it, with the version left out so that a release does not change it."""
        text = PARITY_REPORTERS[self.format](self.reports, self.options)
        text = with_rules_that_broke(text) if self.format == "sarif" else text
        return text.replace(__version__, "VERSION")


PLAIN = RenderOptions()


def render(output_format: str, *reports: ParityReport, **options: Any) -> str:
    """Render reports as a format, with options other than the plain ones."""
    return PARITY_REPORTERS[output_format](reports, PLAIN._replace(**options))


def flat(text: str) -> str:
    """The text as one line, so that it does not matter where lines break."""
    return " ".join(text.split())


SOME = (FAILING, SUSPECTS, BOTH_REFUSE, PROVED)
GOLDENS = (
    Golden("text-pass.txt", "text", (PASSING,), PLAIN),
    Golden("text-fail.txt", "text", (FAILING,), PLAIN),
    Golden("text-color.txt", "text", (FAILING,), PLAIN._replace(color=True, verbosity=1)),
    Golden("text-all.txt", "text", ALL, PLAIN),
    Golden("text-all-quiet.txt", "text", ALL, PLAIN._replace(verbosity=-1)),
    Golden("text-some-verbose.txt", "text", SOME, PLAIN._replace(verbosity=1)),
    Golden("json.json", "json", (PROVED,), PLAIN),
    Golden("sarif.sarif", "sarif", SOME, PLAIN),
    Golden("junit.xml", "junit", ALL, PLAIN),
    Golden("github.txt", "github", ALL, PLAIN),
    Golden("markdown.md", "markdown", SOME, PLAIN),
)
