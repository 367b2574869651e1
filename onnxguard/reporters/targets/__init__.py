"""What targets make of models becomes text, Markdown, a page or JSON."""

from onnxguard.reporters.kit.formats import documents, formats

REPORTERS = {
    **documents(f"{__name__}.document", "text", "markdown", "html"),
    **formats(f"{__name__}.", "json"),
}
"""By the name that ``--format`` takes."""
