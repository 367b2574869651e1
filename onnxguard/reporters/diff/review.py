"""What a range of commits does to models: those that fail first, each with what differs in it."""

from __future__ import annotations

from collections import Counter

from onnxguard.differences.review import Review, Reviewed
from onnxguard.reporters.diff import document as of_two
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.checks import SCAN
from onnxguard.reporters.kit.document import Block, Document, Findings, Pairs, Part, Section
from onnxguard.reporters.kit.words import Code, Words, flat
from onnxguard.scanning.report import Report, Verdict

_ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)
_KINDS = ("changed", "renamed", "added", "removed")


def document(review: Review) -> Document:
    """The whole report."""
    models = sorted(review.models, key=lambda model: _ORDER.index(model.verdict))
    verdict = phrases.marked(review.verdict)
    parts = [_part(model, f"report-{place}") for place, model in enumerate(models, 1)]
    return Document("diff", verdict, summary(review), review.seconds, parts)


def summary(review: Review) -> Words:
    """``main (0123456789ab) to HEAD (...): 2 models changed, 1 failed``."""
    kinds = Counter(model.what for model in review.models)
    said = [f"{phrases.plural(kinds[kind], 'model')} {kind}" for kind in _KINDS if kinds[kind]]
    verdicts = Counter(model.verdict for model in review.models)
    bad = {Verdict.FAIL: "failed", Verdict.ERROR: "not verified"}
    said += [f"{verdicts[verdict]:,} {word}" for verdict, word in bad.items() if verdicts[verdict]]
    (base, old), (head, new) = review.base, review.head
    told = ", ".join(said or ["no model differs"])
    return (Code(base), f" ({old}) to ", Code(head), f" ({new}): {told}")


def _part(model: Reviewed, anchor: str) -> Part:
    old, new = model.path
    if model.difference is not None:
        (part,) = of_two.document(model.difference, anchor).parts
        name = Code(new) if old == new else (Code(old), " -> ", Code(new))
        data = [", ", Code(", ".join(model.data)), " holds other values"] if model.data else []
        return part._replace(name=name, said=(f", {model.what}", *flat(part.said), *data))
    blocks: list[Block] = [_judged(report) for report in model.reports]
    return Part(phrases.marked(model.verdict), Code(new or old), f", {model.what}", (), blocks)


def _judged(report: Report) -> Section:
    title = Code(report.allowlist), ": ", phrases.marked(report.verdict)
    blocks: list[Block] = []
    if report.facts is not None:
        facts = report.facts
        size, nodes = phrases.byte_size(facts.size), f"{facts.nodes:,}"
        blocks.append(Pairs([("size", Code(size)), ("nodes", Code(nodes))]))
    if report.findings:
        blocks.append(Findings(report.findings, SCAN))
    return Section(title, blocks)
