"""Write docs/rules.md from onnxguard/catalogue.

python tools/update_rules_doc.py            # rewrite the page
python tools/update_rules_doc.py --check    # exit 1 if it would change
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from onnxguard.catalogue import PARITY_RULES, RULES, Rule

TARGET = Path(__file__).resolve().parent.parent / "docs" / "rules.md"

ALL = {**RULES, **PARITY_RULES}

HEAD = """\
# Rules

<!-- Written by tools/update_rules_doc.py from onnxguard/catalogue: edit there. -->

A code and a name never change their meaning. `onnxguard rules OG101` prints a rule's text,
`--select` and `--ignore` take a code or the start of one (`OG1` is every rule about operators), and
an allowlist [waives](write-an-allowlist.md#waivers) a finding by its code. A finding's message says
what is the matter in the model at hand; the severity below is the one that it has unless the
allowlist says otherwise. Codes that begin with OP belong to [parity](check-parity.md).
"""

GROUPS = {
    "OG0": (
        "Not verified",
        "ERROR and exit code 2; no `--select`, `--ignore`, `--exit-zero` or waiver takes it back.",
    ),
    "OG1": ("Operators", "Which operators the graph uses, and how."),
    "OG2": ("Bounds", "How much work the graph can ask for."),
    "OG3": ("Tensors", "What tensors declare, and what constants make of them."),
    "OG4": ("External data", "Files that a model's values lie in. They are looked at, not opened."),
    "OG5": (
        "Header and functions",
        "Versions, functions and what else stands beside the main graph.",
    ),
    "OG6": ("Wire format", "Encodings that parse, but not to the same model everywhere."),
    "OG7": ("Constant nodes", "Where an allowlist forbids or caps them."),
    "OG80": ("Waivers", "Exceptions that are over. They cannot be waived themselves."),
    "OG81": ("A repository's manifest", "What `onnxguard check` adds. None of it can be waived."),
    "OG82": ("A repository's lock", "Neither waived nor accepted by a baseline."),
    "OG83": ("Baselines", "What `--baseline` adds."),
    "OG9": ("Full check", "What `--full-check` adds."),
    "OP0": ("Parity: nothing to compare", "Exit code 2; no option takes it back."),
    "OP1": (
        "Parity: what must hold first",
        "Opset, modes and repeatability. `--ignore CODE` takes one upon yourself.",
    ),
    "OP2": ("Parity: differences", "What the comparison itself finds. Not to be ignored."),
    "OP3": (
        "Parity: a comparison that says nothing",
        "Vacuous where nothing else is wrong. `--ignore CODE` takes one upon yourself.",
    ),
    "OP4": ("Parity: single nodes", "What the node-local pass finds."),
    "OP5": ("Parity: proof", "What `--prove` finds."),
}


def page() -> str:
    """The whole page."""
    lines = [HEAD, *table()]
    for start, (title, text) in GROUPS.items():
        lines += ["", f"## {title}", "", text]
        for rule in ALL.values():
            if rule.code.startswith(start):
                lines += section(rule)
    return "\n".join([*lines, ""])


def table() -> Iterator[str]:
    """One line for each rule, with a link to its section."""
    yield "| code | name | severity | says |"
    yield "|---|---|---|---|"
    for rule in ALL.values():
        link = f"[{rule.code}](#{rule.code.lower()}-{rule.name})"
        yield f"| {link} | {rule.name} | {rule.weight.value} | {escaped(rule.summary)} |"


def section(rule: Rule) -> Iterator[str]:
    """What a rule means, why it matters and how to fix what it finds."""
    waived = "" if rule.waivable else ", cannot be waived"
    preview = ", a preview: it warns until it is stable" if rule.preview else ""
    yield from ("", f"### {rule.title}", "")
    yield f"{escaped(rule.summary)} ({rule.weight.value}{waived}{preview})"
    yield from ("", f"**Why** {escaped(rule.why)}", "", f"**Fix** {escaped(rule.fix)}")


def escaped(text: str) -> str:
    """The text as Markdown that shows it letter by letter."""
    return "".join(f"\\{char}" if char in "\\`*<|[" else char for char in text)


def main() -> int:
    """Rewrite the page, or with --check compare it."""
    text = page()
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
