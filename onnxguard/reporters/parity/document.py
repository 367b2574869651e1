"""What a parity check found: how far apart, where, and whether to believe it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from onnxguard.parity.report import (
    Identity,
    NodeCheck,
    NodePass,
    ParityReport,
    Proof,
)
from onnxguard.reporters.kit.blocks import Drawn, Items
from onnxguard.reporters.kit.checks import PARITY
from onnxguard.reporters.kit.document import (
    Block,
    Document,
    Findings,
    Names,
    Pairs,
    Paragraph,
    Part,
    Section,
    Table,
)
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.claims import claim
from onnxguard.reporters.parity.phrases import number
from onnxguard.reporters.parity.trials import decades, referee, trial_table

if TYPE_CHECKING:
    from onnxguard.reporters.kit.html_elements import Markup
from onnxguard.reporters.kit.phrases import duration, marked
from onnxguard.reporters.kit.words import Code, Words, joined, sentence

ALIKE_SHOWN = 5
"""Findings of one code, and wrong nodes, that are shown unless all are asked for."""
SURVIVORS_SHOWN = NAMES_SHOWN = 20


def document(reports: tuple[ParityReport, ...]) -> Document:
    """The whole report, a part a model."""
    verdict = marked(parity_phrases.overall(reports))
    summary = parity_phrases.summary(reports)
    seconds = parity_phrases.seconds(reports)
    return Document("parity", verdict, summary, seconds, tuple(map(_part, reports)))


def _part(report: ParityReport) -> Part:
    found = claim(report)
    said = f" {found.relation} ", Code(report.reference), found.rest
    blocks = tuple(_blocks(report))
    return Part(marked(report.verdict), Code(report.path), said, _figures(report), blocks)


def _figures(report: ParityReport) -> list[tuple[str, Words]]:
    """The numbers that matter most, and what the check cost."""
    compared = parity_phrases.compared(report)
    figures: list[tuple[str, Words]] = []
    if compared:
        figures.append(("largest difference", number(report.largest)))
    figures.append(("tolerance", number(report.atol)))
    if report.trials:
        figures.append(("trials compared", f"{len(compared):,} of {len(report.trials):,}"))
    if report.nodes.ran:
        figures.append(("nodes compared", f"{report.nodes.checked:,} of {report.nodes.nodes:,}"))
    if report.proof and report.proof.mutants:
        figures.append(("damage noticed", f"{report.proof.rate:.0%}"))
    figures.append(("time", duration(report.seconds)))
    return figures


def _blocks(report: ParityReport) -> Iterator[Block]:
    worst = parity_phrases.worst(report)
    differs = worst is not None and not worst.difference.passed
    if worst and not differs and worst.difference.largest > 0:
        yield Paragraph(parity_phrases.spot(worst), "soft")
    if report.findings:
        yield Findings(tuple(parity_phrases.findings(report)), PARITY, alike=ALIKE_SHOWN)
    if report.remarks:
        yield Section("Remarks", [Items([Code(remark) for remark in report.remarks])])
    if report.nodes.ran or report.nodes.reason:
        yield _nodes(report.nodes)
    if any(trial.referees for trial in report.trials):
        yield Section("Rounding or error?", list(referee(report)), detail=not differs)
    if report.proof is not None:
        yield Section("Is damage noticed?", list(_proof(report.proof)), folded=True)
    if report.pictures:
        yield Drawn(partial(_pictures, report))
    if report.trials:
        yield trial_table(report.trials)
    bars = list(decades(report.trials))
    if bars:
        yield Section("Differences by decade", bars, detail=True, folded=True)
    if report.weights is not None or report.coverage:
        heads = "What", "Of", "Reached>", "In words"
        rows = list(_tried(report))
        yield Section("What was tried", [Table(heads, rows)], detail=True, folded=True)
    if report.identity is not None:
        pairs = Pairs(list(_identity(report.identity)))
        yield Section("What was compared", [pairs], detail=True, folded=True)


def _pictures(report: ParityReport) -> Markup:
    from onnxguard.reporters.parity.html_pictures import pictures

    return pictures(report)


def _nodes(nodes: NodePass) -> Section:
    title = "Nodes run alone, fed with the reference's tensors"
    if nodes.wrong:
        title = "1 node is wrong when run alone"
        if len(nodes.wrong) > 1:
            title = f"{len(nodes.wrong):,} nodes are wrong when run alone, in the graph's order"
    blocks: list[Block] = [Paragraph(sentence(parity_phrases.node_counts(nodes)))]
    if nodes.unchecked:
        blocks.append(Names("Not compared", list(map(Code, nodes.unchecked)), NAMES_SHOWN))
    checks = nodes.wrong or ((nodes.worst,) if nodes.worst else ())
    if checks:
        caption = "" if nodes.wrong else "the one nearest to its tolerance"
        heads = "Node", "Operator", "Compared with", "Off by>", "Allowed>"
        rows = [_node(check) for check in checks]
        blocks.append(Table(heads, rows, caption, ALIKE_SHOWN))
    blocks += [Paragraph(_suspects(check)) for check in checks if len(check.suspects) > 1]
    bad = bool(nodes.wrong)
    return Section(title, blocks, detail=not bad, folded=not bad)


def _node(check: NodeCheck) -> tuple[Words, ...]:
    off, allowed = number(check.difference.largest), number(check.difference.tolerance)
    return Code(check.node), Code(check.operator), Code(check.module), off, allowed


def _suspects(check: NodeCheck) -> Words:
    others = joined(Code(name) for name in check.suspects if name != check.node)
    what = " and has no counterpart in the reference."
    return ("At fault may also be ", *others, ": what feeds ", Code(check.node), what)


def _proof(proof: Proof) -> Iterator[Block]:
    yield Paragraph(sentence(parity_phrases.proof(proof)))
    if proof.kinds:
        rows = [(Code(kind), f"{killed:,}", f"{made:,}") for kind, made, killed in proof.kinds]
        yield Table(("Damage", "Noticed>", "Of>"), rows)
    if proof.survivors:
        yield Items(
            [("not noticed: ", Code(s.mutation), ", at ", Code(s.node)) for s in proof.survivors],
            SURVIVORS_SHOWN,
        )


def _tried(report: ParityReport) -> Iterator[tuple[Words, ...]]:
    for one in report.coverage:
        reached = f"{one.reached:,} of {one.extent:,}" if one.extent else f"{one.reached or '-'}"
        yield one.what, Code(one.name), reached, Code(one.said)
    if report.weights is not None:
        how = ", ".join(f"{count:,} {kind}" for kind, count in report.weights.ways)
        of = f"{report.weights.matched:,} of {report.weights.weights:,}"
        yield "weights", "the reference's", of, how or "-"


def _identity(identity: Identity) -> Iterator[tuple[Words, Words]]:
    yield "Graph", f"{identity.model_bytes:,} bytes"
    files = [
        ("Graph", "", identity.model_sha256),
        *(("External data", name, sha256) for name, sha256 in identity.external),
        ("Reference", identity.reference, identity.reference_sha256),
        ("Weights", identity.weights, identity.weights_sha256),
        *(("Inputs", name, sha256) for name, sha256 in identity.inputs),
    ]
    for label, name, sha256 in files:
        yield label, Code(name)
        yield f"{label}, SHA-256", Code(sha256)
    yield "IR version, opset", f"{identity.ir_version}, {identity.opset}"
    yield "Producer", Code(identity.producer)
    yield "Provider asked for", Code(identity.provider)
    yield "Providers active", Code(", ".join(identity.providers))
    yield "Nodes that each ran", Code(", ".join(f"{name} {n:,}" for name, n in identity.placement))
    yield "Optimisation", Code(identity.optimization_level)
    yield "Versions", Code(", ".join(f"{name} {version}" for name, version in identity.versions))
    yield "Machine", Code(identity.platform)
