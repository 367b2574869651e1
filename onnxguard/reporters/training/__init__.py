"""Cards, evaluations and ablations become text, Markdown, a page or JSON."""

from onnxguard.reporters.kit.formats import Reporter, documents, formats


def _reporters(kind: str) -> dict[str, Reporter]:
    return {
        **documents(f"{__name__}.{kind}", "text", "markdown", "html"),
        **formats(f"{__name__}.{kind}_", "json"),
    }


CARD_REPORTERS = _reporters("card")
EVALUATION_REPORTERS = _reporters("evaluation")
ABLATION_REPORTERS = _reporters("ablation")
