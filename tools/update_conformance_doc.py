"""Write the table of the default list into docs/conformance.md, or ``--check`` it.

The largest differences depend on the processor: ``--check`` passes over that column.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from onnxguard.conformance import Conformance, conform_allowlist
from onnxguard.policy.registry import DEFAULT_ALLOWLIST
from onnxguard.reporters import CONFORMANCE_REPORTERS, RenderOptions

PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- /table -->)", re.DOTALL)
_WORST = re.compile(r"\| (?:-|0|\d\.\de[+-]\d\d) (?=\| \**(?:proven|partial|unproven))")


def table(result: Conformance) -> str:
    """The part of the report that goes into the page."""
    text = CONFORMANCE_REPORTERS["markdown"](result, RenderOptions())
    body = text.partition("\n\n")[2]
    return f"{body}\n".replace("### ", "#### ")


def page_with(text: str, result: Conformance) -> str:
    """The page with the table of a result."""
    return _TABLE.sub(lambda _: f"\n{table(result)}", text)


def comparable(text: str) -> str:
    """The page without what differs between machines."""
    return _WORST.sub("| ", text)


def main(check: bool) -> int:
    """Write the page, or say with an exit code of 1 that it is not up to date."""
    text = PAGE.read_text(encoding="utf-8")
    now = page_with(text, conform_allowlist(DEFAULT_ALLOWLIST))
    if check:
        return int(comparable(now) != comparable(text))
    PAGE.write_text(now, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
