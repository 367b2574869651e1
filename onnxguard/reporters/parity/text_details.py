"""The part of the parity report for people that is shown if verbose."""

from __future__ import annotations

from collections import Counter

from onnxguard.parity.report import Identity, Outcome, ParityReport, Trial
from onnxguard.reporters.kit import phrases
from onnxguard.reporters.kit.paint import Paint, columns, wrap
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.running.difference import Difference

BAR = 40
"""The longest bar of a histogram, in columns."""

_HEAD = ("inputs", "seed", "shape", "output", "largest", "99 % within", "ULP", "over")
_TEXTS = 4
"""The columns up to this one are texts, the others numbers."""
_LEGEND = (
    "largest: the largest difference of any element; 99 % within: what 99 % of the elements keep "
    "within; ULP: the largest distance in steps between neighbouring floats; over: elements "
    "beyond the tolerance"
)


def detail_sections(report: ParityReport, paint: Paint) -> list[tuple[str, list[str]]]:
    """Return headings and lines: trials, histograms, nodes, and what exactly was compared."""
    sections = []
    by_output: dict[str, list[Difference]] = {}
    for trial in report.trials:
        for difference in trial.differences:
            by_output.setdefault(difference.output, []).append(difference)
    if report.trials:
        heading = phrases.plural(len(report.trials), "trial")
        only = f", output {next(iter(by_output))}" if len(by_output) == 1 else ""
        sections.append((f"{heading}{only}", _trials(report, paint, bool(only))))
    for output, differences in by_output.items():
        lines = _histogram(differences, paint)
        if lines:
            sections.append((f"Elements of {output} by difference, all trials", lines))
    if report.nodes.ran:
        sections.append(("Nodes run alone", _nodes(report)))
    if report.identity is not None:
        sections.append(("What was compared", _identity(report.identity)))
    return sections


def _trials(report: ParityReport, paint: Paint, one_output: bool) -> list[str]:
    rows = [row for trial in report.trials for row in _rows(trial)]
    lines: list[str] = []
    if rows:
        table = _aligned([_HEAD, *rows])
        if one_output:
            table = [(*row[: _TEXTS - 1], *row[_TEXTS:]) for row in table]
        head, *body = columns(table, "    ", widest=48)
        legend = [paint(line, "dim") for line in wrap(_LEGEND.split(" "), "    ")]
        lines = [paint(head, "dim"), *body, *legend]
    for trial in report.trials:
        if trial.outcome is not Outcome.COMPARED:
            lines += _refused(trial)
    return lines


def _aligned(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Put the numbers to the right of their columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        (*row[:_TEXTS], *(c.rjust(w) for c, w in zip(row[_TEXTS:], widths[_TEXTS:], strict=True)))
        for row in rows
    ]


def _rows(trial: Trial) -> list[tuple[str, ...]]:
    return [
        (
            trial.profile,
            parity_phrases.seed(trial),
            trial.shape_text,
            difference.output,
            parity_phrases.number(difference.largest),
            parity_phrases.percentile(difference, 99.0),
            f"{difference.ulps:,}",
            parity_phrases.over(difference),
        )
        for difference in trial.differences
    ]


def _refused(trial: Trial) -> list[str]:
    text = f"{parity_phrases.setting(trial)}: {parity_phrases.OUTCOMES[trial.outcome]}"
    lines = wrap(text.split(" "), "      ", first="    ")
    for who, said in (("graph", trial.model_said), ("reference", trial.reference_said)):
        if said:
            lines += wrap(said.split(" "), "        ", first=f"      the {who} says: ")
    return lines


def _histogram(differences: list[Difference], paint: Paint) -> list[str]:
    decades: Counter[int] = Counter()
    for difference in differences:
        decades.update(dict(difference.decades))
    exact = sum(difference.exact for difference in differences)
    tolerance = min(difference.tolerance for difference in differences)
    beyond = [e for e in sorted(decades) if float(f"1e{e}") >= tolerance]
    most = max([exact, *decades.values()])
    bars = [("equal", exact)] if exact else []
    bars += [(f"{_power(e)} to {_power(e + 1)}", decades[e]) for e in sorted(decades)]
    lines = [
        f"    {label:<14}  {count:>{len(f'{most:,}')},}  {'=' * max(1, round(BAR * count / most))}"
        for label, count in bars
    ]
    if beyond:
        within = lines[: -len(beyond)]
        mark = f"    {'-' * 6} allowed: {parity_phrases.number(tolerance)} {'-' * 6}"
        lines = [*within, mark, *(paint(line, "red") for line in lines[-len(beyond) :])]
    return lines


def _power(exponent: int) -> str:
    return f"1e{exponent:+03d}"


def _nodes(report: ParityReport) -> list[str]:
    nodes = report.nodes
    lines = wrap(parity_phrases.node_counts(nodes).split(" "), "    ")
    if nodes.worst is not None:
        check = nodes.worst
        text = (
            f"the worst: {check.operator} {check.node}, off by "
            f"{parity_phrases.number(check.difference.largest)} where "
            f"{parity_phrases.number(check.difference.tolerance)} is allowed, against "
            f"{check.module}"
        )
        lines += wrap(text.split(" "), "      ", first="    ")
    if nodes.unchecked:
        names = [f"{name}," for name in nodes.unchecked[:-1]] + [nodes.unchecked[-1]]
        lines += wrap(names, "      ", first="    not compared: ")
    return lines


def _identity(identity: Identity) -> list[str]:
    made_by = f", {identity.producer}" if identity.producer else ""
    graph = f"{identity.model_bytes:,} bytes, IR {identity.ir_version}, opset {identity.opset}"
    files = [
        ("graph", f"{graph}{made_by}", identity.model_sha256),
        *(("external data", name, sha256) for name, sha256 in identity.external),
        ("reference", identity.reference, identity.reference_sha256),
        ("weights", identity.weights, identity.weights_sha256),
        *(("inputs", name, sha256) for name, sha256 in identity.inputs),
    ]
    rows = []
    for label, name, sha256 in files:
        rows += [(label, name)] if name else []
        rows += [("  sha256", sha256)] if sha256 else []
    active = ", ".join(identity.providers)
    rows.append(("provider", f"{identity.provider} was asked for, active: {active}"))
    if identity.placement:
        placed = ", ".join(f"{count:,} on {name}" for name, count in identity.placement)
        rows.append(("nodes ran", placed))
    rows += [
        ("optimisation", identity.optimization_level),
        ("versions", ", ".join(f"{name} {version}" for name, version in identity.versions)),
        ("machine", identity.platform),
    ]
    lines = []
    for label, value in rows:
        first = f"    {label:<13}  "
        lines += wrap(value.split(" "), " " * len(first), first=first)
    return lines
