"""One function per output format: a run becomes a string, which the caller writes.

No reporter prints, none decides the exit code, and each ends its text with a newline unless there
is nothing to say. A format's module is imported when the format is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from onnxguard.report import Run
from onnxguard.reporters.options import RenderOptions

__all__ = ["REPORTERS", "RenderOptions", "Reporter"]

Reporter = Callable[[Run, RenderOptions], str]


def _reporter(module: str) -> Reporter:
    def render(run: Run, options: RenderOptions) -> str:
        reporter: Reporter = import_module(f"onnxguard.reporters.{module}").render
        return reporter(run, options)

    return render


REPORTERS: dict[str, Reporter] = {
    "text": _reporter("text"),
    "json": _reporter("json_report"),
    "sarif": _reporter("sarif"),
    "junit": _reporter("junit"),
    "github": _reporter("github"),
    "markdown": _reporter("markdown"),
}
"""The reporters by the name that ``--format`` takes."""
