"""Write the tables of the default list into docs/conformance.md, or ``--check`` them.

The largest differences depend on the processor: ``--check`` passes over that column. It takes
minutes; the tests look at some rows.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from onnxguard.conformance import Conformance, conform_allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST
from onnxguard.reporters import CONFORMANCE_REPORTERS, RenderOptions
from onnxguard.reporters.kit.markdown import ROWS_SHOWN

PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"
OPSETS = (17, 21)
_WORST = re.compile(r"\| (?:-|0|\d\.\de[+-]\d\d) \|$", re.MULTILINE)
_SECONDS = re.compile(r", [\d.]+ (?:ms|s|min \d+ s)\.$", re.MULTILINE)


def table(result: Conformance) -> str:
    """The parts of the report that go into the page: counts, versions, a row an operator, why."""
    text = CONFORMANCE_REPORTERS["markdown"](result, RenderOptions())
    counts, _, by, *rest = text.split("\n\n")[1:]
    why = rest[rest.index("### Not proven") + 1] if "### Not proven" in rest else ""
    return (
        "\n\n".join([_SECONDS.sub(".", counts), by, _rows(result), "Not proven:", why]).rstrip()
        + "\n"
    )


def _rows(result: Conformance) -> str:
    """All rows of the table, of which a report in Markdown shows ``ROWS_SHOWN``."""
    lines: list[str] = []
    for at in range(0, len(result.operators), ROWS_SHOWN):
        part = result._replace(operators=result.operators[at : at + ROWS_SHOWN])
        blocks = CONFORMANCE_REPORTERS["markdown"](part, RenderOptions()).split("\n\n")
        rows = next(block for block in blocks if block.startswith("| Operator"))
        lines += rows.splitlines()[2 if at else 0 :]
    return "\n".join(lines)


def page_with(text: str, result: Conformance) -> str:
    """The page with the table of a result."""
    begin, end = f"<!-- table {result.opset} -->\n", f"<!-- /table {result.opset} -->"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table(result)}\n{end}{rest.partition(end)[2]}"


def comparable(text: str) -> str:
    """The page without what differs between machines."""
    return _WORST.sub("| ", text)


def main(check: bool) -> int:
    """Write the page, or say with an exit code of 1 that it is not up to date."""
    text = now = PAGE.read_text(encoding="utf-8")
    for opset in OPSETS:
        now = page_with(now, conform_allowlist(DEFAULT_ALLOWLIST, opset))
    if check:
        return int(comparable(now) != comparable(text))
    PAGE.write_text(now, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
