"""A model change becomes text, Markdown, a page or JSON."""

from onnxguard.reporters.kit.formats import documents, formats

REPORTERS = {
    **documents(f"{__name__}.document", "text", "markdown", "html"),
    **formats(f"{__name__}.", "json"),
}
"""By the name that ``--format`` takes."""

REVIEW_REPORTERS = {
    **documents(f"{__name__}.review", "text", "html"),
    "markdown": formats(f"{__name__}.", "review_markdown")["review_markdown"],
    "json": formats(f"{__name__}.", "review_json")["review_json"],
}
"""Those of all models between two revisions."""
