"""A conformance run becomes text, a module a format."""

from onnxguard.reporters.kit.formats import formats

REPORTERS = formats(f"{__name__}.", "text", "json", "markdown")
"""By the name that ``--format`` takes."""
