"""A conformance report for people."""

from __future__ import annotations

from onnxguard.conformance.record import Conclusion, Conformance, Evidence, OperatorRecord, Outcome
from onnxguard.reporters.conformance import phrases
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.kit.paint import Paint, wrap
from onnxguard.reporters.scan.text import duration, inert

_STYLES = {
    Evidence.PROVEN: "green",
    Evidence.PARTIAL: "yellow",
    Evidence.UNPROVEN: "yellow",
    Evidence.FAILED: "red",
}
_LIST_HEAD = ("evidence", "operator", "schema", "exact", "re-stamped", "passed", "worst")
_MODEL_HEAD = ("evidence", "operator", "schema", "nodes", "worst")


def render(result: Conformance, options: RenderOptions) -> str:
    """Render a line an operator, then why those that are not proven are not."""
    paint = Paint(options.color)
    conclusion = result.conclusion
    word = paint(conclusion.value.upper(), "green" if conclusion is Conclusion.PASS else "red")
    lines = [
        f"{word}  {paint(result.name, 'bold')}",
        f"      opset {result.opset}, {phrases.subject(result)}",
        f"      {phrases.versions(result)}, CPU",
    ]
    if result.operators:
        lines += ["", *_table(result, paint)]
    open_ends = [r for r in result.operators if r.evidence is not Evidence.PROVEN]
    if open_ends:
        lines += ["", *(line for record in open_ends for line in _reasons(record))]
    lines += ["", f"{word}: {phrases.counts(result)}, {duration(result.seconds)}"]
    return "".join(f"{inert(line)}\n" for line in lines)


def _table(result: Conformance, paint: Paint) -> list[str]:
    of_list = result.kind == "allowlist"
    head = _LIST_HEAD if of_list else _MODEL_HEAD
    rows = [head, *(_row(record, of_list) for record in result.operators)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for index, row in enumerate(rows):
        cells = [
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        if not index:
            lines.append(paint("  " + "  ".join(cells), "dim"))
            continue
        record = result.operators[index - 1]
        cells[0] = paint(cells[0], _STYLES[record.evidence])
        lines.append("  " + "  ".join(cells))
        if record.variant:
            variant = wrap(record.variant.split(" "), " " * (4 + widths[0]))
            lines += [paint(line, "dim") for line in variant]
    return lines


def _row(record: OperatorRecord, of_list: bool) -> tuple[str, ...]:
    common = record.evidence.value, record.label, phrases.schema(record)
    worst = phrases.difference(record.worst)
    if not of_list:
        return (*common, f"{record.nodes:,}", worst)
    passed = record.count_of(Outcome.PASSED)
    return (*common, str(record.exact), str(record.restamped), str(passed), worst)


def _reasons(record: OperatorRecord) -> list[str]:
    head = f"  {record.label} {record.evidence.value}: "
    lines = wrap(record.reason.split(" "), "    ", first=head)
    if record.variant:
        return lines
    for case in record.cases:
        if case.outcome is not Outcome.PASSED:
            said = f"{case.outcome.value}: {case.reason}"
            lines += wrap(said.split(" "), "      ", first=f"    {case.name} ")
    return lines
