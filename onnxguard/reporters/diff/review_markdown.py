"""What commits do to models, as a comment on a pull request has room for."""

from __future__ import annotations

from onnxguard.differences.review import Review
from onnxguard.reporters.diff.review import document
from onnxguard.reporters.kit.document import Document, Paragraph
from onnxguard.reporters.kit.markdown import render as set_whole
from onnxguard.reporters.kit.options import RenderOptions

MOST = 65_536
"""Characters of a comment that GitHub takes."""


def render(review: Review, options: RenderOptions) -> str:
    """Render all of it, or where that is too long, the models at the end without details."""
    whole = document(review)
    text = set_whole(whole, options)
    if len(text) <= MOST or options.verbosity > 0:
        return text
    fits, cut = 0, len(whole.parts)  # so many parts keep their details: half as many are tried next
    while cut - fits > 1:
        middle = (fits + cut) // 2
        if len(set_whole(_cut(whole, middle), options)) <= MOST:
            fits = middle
        else:
            cut = middle
    return set_whole(_cut(whole, fits), options)[:MOST]


def _cut(whole: Document, detailed: int) -> Document:
    """The first parts with details, of the others a line."""
    said = (
        f"{len(whole.parts) - detailed:,} of {len(whole.parts):,} models are without details here: "
        f"a comment takes {MOST:,} characters. With -v nothing is cut; a page has all of it."
    )
    rest = [part._replace(blocks=(), figures=()) for part in whole.parts[detailed:]]
    first = rest[0]._replace(blocks=[Paragraph(said)])
    return whole._replace(parts=[*whole.parts[:detailed], first, *rest[1:]])
