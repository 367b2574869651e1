"""Parity reports become text, Markdown, a page, or what programs read."""

from onnxguard.reporters.kit.formats import documents, formats

REPORTERS = {
    **documents(f"{__name__}.document", "text", "markdown", "html"),
    **formats(f"{__name__}.", "json", "sarif", "junit", "github"),
}
"""By the name that ``--format`` takes."""
