"""Cards, evaluations and ablations become text, a module a format of each."""

from onnxguard.reporters.kit.formats import formats

CARD_REPORTERS = formats(f"{__name__}.card_", "text", "markdown", "json")
EVALUATION_REPORTERS = formats(f"{__name__}.evaluation_", "text", "json", "markdown")
ABLATION_REPORTERS = formats(f"{__name__}.ablation_", "text", "json", "markdown")
