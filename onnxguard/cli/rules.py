"""``onnxguard rules``."""

from __future__ import annotations

import textwrap

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import near
from onnxguard.catalogue import PARITY_RULES, RULES, Rule

_ALL: dict[str, Rule] = {**RULES, **PARITY_RULES}


@click.command()
@click.argument("code", required=False)
def rules(code: str | None) -> None:
    """Say what a rule means, why it matters and how to fix it; without CODE, list them all."""
    if code is None:
        for rule in _ALL.values():
            click.echo(f"{rule.code}  {rule.name:<28} {rule.summary}")
        return
    key = code.upper()
    if key not in _ALL:
        by_name = {rule.name: rule.code for rule in _ALL.values()}
        key = by_name.get(code.lower(), "")
        if not key:
            raise UsageError(f'no rule "{printable(code)}"{near(code.upper(), _ALL)}')
    rule = _ALL[key]
    click.echo(f"{rule.title} ({rule.severity.value})\n")
    for title, text in (("What", rule.summary), ("Why", rule.why), ("Fix", rule.fix)):
        body = textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="  ")
        click.echo(f"{title}\n{body}\n" if title != "Fix" else f"{title}\n{body}")
