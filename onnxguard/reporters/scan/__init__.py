"""A run of the scan becomes text, a module a format."""

from onnxguard.reporters.kit.formats import formats

REPORTERS = formats(f"{__name__}.", "text", "json", "sarif", "junit", "github", "markdown", "html")
"""By the name that ``--format`` takes."""
