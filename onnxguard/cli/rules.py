"""``onnxguard rules``."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import ChainMap
from collections.abc import Sequence

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import near
from onnxguard.catalogue import PARITY_RULES, RULES, Rule
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import CODE
from onnxguard.cli.messages import columns_of, say

_ALL = ChainMap(PARITY_RULES, RULES)  # of which it lists the last first
_NAMES = 28


@click.command(epilog=examples("rules OG101", "rules OG4", "rules Resize"))
@click.argument("what", metavar="[CODE|GROUP|WORD]", required=False, type=CODE)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write it.",
)
def rules(what: str | None, output_format: str) -> None:
    """Say what a rule means, why it matters and how to fix it.

    Without an argument, list all of them; with a group (OG1) or a word, those that have it.
    """
    found = list(_ALL.values()) if what is None else _found(what)
    if output_format == "json":
        click.echo(json.dumps([rule._asdict() for rule in found], indent=2))
    elif len(found) == 1:
        click.echo(_whole(found[0]))
    else:
        for rule in found:
            begin = f"{rule.code}  {rule.name:<{_NAMES}} "
            say(f"{begin}{rule.summary}", len(begin))


def _found(what: str) -> Sequence[Rule]:
    """The rule of this code or name; else those whose code begins or whose text goes like it."""
    word = what.casefold()
    rules = _ALL.values()
    exact = [
        rule for rule in rules if what.upper() in (rule.code, rule.code[2:]) or word == rule.name
    ]
    begun = [rule for rule in rules if word and rule.code.casefold().startswith(word)]
    text = [rule for rule in rules if len(word) > 2 and word in " ".join(rule[:6]).casefold()]
    found = exact or begun or text
    if not found:
        hint = near(what.upper(), _ALL)
        raise UsageError(f'no rule "{printable(what)}", and none that speaks of it{hint}')
    return found


def _whole(rule: Rule) -> str:
    texts = (("What", rule.summary), ("Why", rule.why), ("Fix", rule.fix))
    width = min(88, columns_of(sys.stdout) or 88)
    parts = [
        f"{title}\n{textwrap.fill(text, width, initial_indent='  ', subsequent_indent='  ')}"
        for title, text in texts
    ]
    preview = ", a preview" if rule.preview else ""
    return "\n\n".join([f"{rule.title} ({rule.weight.value}{preview})", *parts])
