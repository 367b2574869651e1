"""One HTML page for people: no script, no network, light and dark, as wide as the screen."""

from __future__ import annotations

from collections.abc import Iterator

from onnxguard.base.findings import Finding
from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.report import (
    Identity,
    NodeCheck,
    NodePass,
    Outcome,
    ParityReport,
    ParityVerdict,
    Proof,
    Trial,
)
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.html_elements import (
    Markup,
    card,
    code,
    element,
    listed,
    page,
    section,
    table,
)
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.parity import claims as parity_claims
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.html_errors import errors
from onnxguard.reporters.parity.html_pictures import pictures
from onnxguard.reporters.parity.html_style import STYLE
from onnxguard.reporters.parity.phrases import number
from onnxguard.running.difference import Difference

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing on the page may load or run, whatever a model calls its parts."""

ALIKE_SHOWN = 5
"""Findings of one rule that are shown; the table of nodes holds all of them."""


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render a page that holds everything it shows, pictures included."""
    title = f"onnxguard parity: {parity_phrases.overall(reports).value.upper()}"
    summary = [] if len(reports) == 1 else [_summary(reports)]
    articles = [_report(report, number) for number, report in enumerate(reports, 1)]
    body = element("h1", title), element("main", *summary, *articles)
    return page(title, POLICY, STYLE, *body)


def _summary(reports: tuple[ParityReport, ...]) -> Markup:
    if not reports:
        return card(element("h2", "Summary"), element("p", "Nothing was checked."))
    rows = [
        (
            element("a", code(report.path), href=f"#report-{place}"),
            code(report.reference),
            _badge(report.verdict),
            number(report.largest) if parity_phrases.compared(report) else "-",
            ", ".join(dict.fromkeys(finding.code for finding in report.findings)),
        )
        for place, report in enumerate(reports, 1)
    ]
    heads = ("Graph", "Reference", "Verdict", "Largest difference>", "Findings")
    return card(element("h2", "Summary"), table(parity_phrases.summary(reports), heads, rows))


def _report(report: ParityReport, place: int) -> Markup:
    parts = [
        _head(report),
        _findings(report),
        _remarks(report),
        pictures(report),
        _trials(report.trials),
        errors(report),
        _referees(report),
        _nodes(report.nodes),
        _proof(report.proof),
        _identity(report.identity),
    ]
    return element("article", *parts, id=f"report-{place}")


def _head(report: ParityReport) -> Markup:
    claim = parity_claims.claim(report)
    said = [code(report.path), f" {claim.relation} ", code(report.reference), f"{claim.rest}."]
    compared = parity_phrases.compared(report)
    figures = [("Tolerance", number(report.atol))]
    if compared:
        figures.insert(0, ("Largest difference", number(report.largest)))
    if report.trials:
        figures.append(("Trials compared", f"{len(compared):,} of {len(report.trials):,}"))
    if report.nodes.ran:
        figures.append(("Nodes compared", f"{report.nodes.checked:,} of {report.nodes.nodes:,}"))
    if report.proof and report.proof.mutants:
        figures.append(("Damage noticed", f"{report.proof.rate:.0%}"))
    figures.append(("Time", f"{report.seconds:.1f} s"))
    terms = [element("div", element("dt", k), element("dd", v)) for k, v in figures]
    title = element("h2", _badge(report.verdict), " ", code(report.path))
    return card(title, element("p", *said), element("dl", *terms, class_="figures"))


def _findings(report: ParityReport) -> Markup:
    if not report.findings:
        return Markup()
    alike: dict[str, list[Finding]] = {}
    for finding in parity_phrases.findings(report):
        alike.setdefault(finding.code, []).append(finding)
    return section("Findings", *(_alike(findings) for findings in alike.values()))


def _alike(findings: list[Finding]) -> Markup:
    """The findings of one rule, which is explained once."""
    first = findings[0]
    lines: list[Markup] = []
    for finding in findings[:ALIKE_SHOWN]:
        lines.append(element("p", code(finding.message)))
        places = [place.route for place in finding.places if place.route != "model"]
        if places:
            lines.append(_labelled("Where", *listed(places, finding.count)))
        if finding.waiver:
            lines.append(_labelled("Waived because", finding.waiver))
    if len(findings) > ALIKE_SHOWN:
        lines.append(element("p", f"And {len(findings) - ALIKE_SHOWN:,} more."))
    lines.append(_labelled("Why it matters", PARITY_RULES[first.code].why))
    if first.hint:
        lines.append(_labelled("Fix", first.hint))
    severity = first.severity.value
    title = element("h4", f"{severity} {phrases.title(first.code)}")
    return element("div", title, *lines, class_=f"finding {severity}")


def _labelled(label: str, *text: str) -> Markup:
    return element("p", element("strong", f"{label}: "), *text)


def _remarks(report: ParityReport) -> Markup:
    if not report.remarks:
        return Markup()
    items = [element("li", remark) for remark in report.remarks]
    return section("Remarks", element("ul", *items))


def _trials(trials: tuple[Trial, ...]) -> Markup:
    if not trials:
        return Markup()
    rows = [row for trial in trials for row in _trial(trial)]
    heads = ("Inputs", "Shapes", "Output", "Largest difference>", "Beyond tolerance>", "Outcome")
    return section("Trials", table("each set of inputs, run on both sides", heads, rows))


def _trial(trial: Trial) -> Iterator[tuple[str, ...]]:
    inputs, shapes = code(_inputs(trial)), code(trial.shape_text)
    if trial.outcome is not Outcome.COMPARED:
        said = trial.model_said or trial.reference_said
        outcome = element("span", f"{parity_phrases.OUTCOMES[trial.outcome]}: ", code(said))
        yield inputs, shapes, "", "", "", outcome
    for difference in trial.differences:
        over = parity_phrases.over(difference) if difference.elements else "-"
        largest = number(difference.largest)
        yield inputs, shapes, code(difference.output), largest, over, _outcome(difference)


def _inputs(trial: Trial) -> str:
    return trial.profile if trial.seed < 0 else f"{trial.profile}, seed {trial.seed}"


def _outcome(difference: Difference) -> Markup:
    if difference.passed:
        return element("span", "within", class_="pass")
    if difference.problem != "OP201":
        message = difference.message.removeprefix(difference.output)
        return element("span", message.strip(), class_="fail")
    where = f"beyond, at {parity_phrases.dims(difference.index)}: "
    values = code(f"{difference.actual} instead of {difference.expected}")
    return element("span", where, values, class_="fail")


def _referees(report: ParityReport) -> Markup:
    rows = [
        (
            code(_inputs(trial)),
            code(trial.shape_text),
            code(referee.output),
            number(referee.reference_error),
            number(referee.model_error),
        )
        for trial in report.trials
        for referee in trial.referees
    ]
    if not rows:
        return Markup()
    heads = ("Inputs", "Shapes", "Output", "PyTorch in float32>", "Graph>")
    caption = "largest distance from PyTorch in float64, which rounds next to nothing"
    said = Markup(parity_phrases.referee(report, code))
    return section("Rounding or error?", element("p", said), table(caption, heads, rows))


def _nodes(nodes: NodePass) -> Markup:
    if not nodes.ran and not nodes.reason:
        return Markup()
    parts = [element("p", _sentence(parity_phrases.node_counts(nodes)))]
    if nodes.unchecked:
        names = listed(nodes.unchecked, len(nodes.unchecked))
        parts.append(_labelled("Not compared", *names))
    checks = nodes.wrong or ((nodes.worst,) if nodes.worst else ())
    if checks:
        caption = "beyond their tolerance" if nodes.wrong else "the one nearest to its tolerance"
        heads = ("Node", "Compared with", "Largest difference>", "Tolerance>", "Outcome")
        parts.append(table(caption, heads, map(_node, checks)))
    return section("Each node alone, fed with the reference's tensors", *parts)


def _node(check: NodeCheck) -> tuple[str, ...]:
    others = [name for name in check.suspects if name != check.node]
    blame = [" Or a node before it: ", *listed(others, len(others))] if others else []
    return (
        element("span", code(check.node), f" {check.operator}"),
        code(check.module),
        number(check.difference.largest),
        number(check.difference.tolerance),
        element("span", _outcome(check.difference), *blame),
    )


def _proof(proof: Proof | None) -> Markup:
    if proof is None:
        return Markup()
    rows = [(kind, f"{killed:,}", f"{made:,}") for kind, made, killed in proof.kinds]
    parts = [element("p", _sentence(parity_phrases.proof(proof)))]
    if rows:
        parts.append(table("by kind of damage", ("Damage", "Noticed>", "Of>"), rows))
    if proof.survivors:
        missed = [(survivor.mutation, code(survivor.node)) for survivor in proof.survivors]
        parts.append(table("not noticed", ("Damage", "Node"), missed))
    return section("Is damage noticed?", *parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _identity(identity: Identity | None) -> Markup:
    if identity is None:
        return Markup()
    ran = ", ".join(f"{provider} {nodes:,}" for provider, nodes in identity.placement)
    facts = [
        ("Graph, SHA-256", identity.model_sha256),
        ("Size", phrases.byte_size(identity.model_bytes)),
        *((f"External data {place}, SHA-256", digest) for place, digest in identity.external),
        ("Opset, IR", f"{identity.opset}, {identity.ir_version}"),
        ("Producer", identity.producer),
        ("Reference", identity.reference),
        ("Reference, SHA-256", identity.reference_sha256),
        ("Weights", identity.weights),
        ("Weights, SHA-256", identity.weights_sha256),
        *((f"Inputs {path}, SHA-256", digest) for path, digest in identity.inputs),
        ("Provider asked for", identity.provider),
        ("Providers active", ", ".join(identity.providers)),
        ("Nodes that each ran", ran),
        ("Optimization level", identity.optimization_level),
        ("Versions", ", ".join(f"{name} {version}" for name, version in identity.versions)),
        ("Platform", identity.platform),
    ]
    lines = [
        element("tr", element("th", label, scope="row"), element("td", code(text)))
        for label, text in facts
        if text
    ]
    body = element("tbody", *lines)
    return section("What exactly was compared", element("table", body, class_="keys"))


def _badge(verdict: ParityVerdict) -> Markup:
    return element("span", verdict.value.upper(), class_=f"badge {verdict.value}")
