"""``--target`` and what goes with it, which several commands share."""

from __future__ import annotations

from typing import NamedTuple

import click

from onnxguard.base.errors import UsageError
from onnxguard.cli.grouped import grouped
from onnxguard.policy.allowlist import Allowlist
from onnxguard.scanning.report import Origin, Setting


class TargetsAsked(NamedTuple):
    """What the options say."""

    targets: tuple[str, ...]
    fallback: str | None
    allow_unknown: bool


target_options = grouped(
    "targets",
    TargetsAsked._fields,
    TargetsAsked,
    click.option(
        "--target",
        "targets",
        metavar="NAME[@VERSION]|FILE",
        multiple=True,
        help="A runtime that must run the model; may be given several times.",
    ),
    click.option(
        "--fallback",
        metavar="forbid|N",
        help="Nodes that a --target may leave to another provider.  [default: any number]",
    ),
    click.option(
        "--allow-unknown",
        is_flag=True,
        help="Let nodes pass of which it is not known whether a --target runs them.",
    ),
)


def targeted(policy: Allowlist, asked: TargetsAsked) -> Allowlist:
    """The list with the targets of the command line.

    Raises:
        AllowlistError: there is no such target.
        UsageError: the options make no sense.
    """
    if not asked.targets:
        if asked.fallback is not None or asked.allow_unknown:
            raise UsageError("--fallback and --allow-unknown: name a --target")
        return policy
    from onnxguard.policy.wanted import fallback_of, want, with_targets

    try:
        most = None if asked.fallback is None else fallback_of(asked.fallback)
    except ValueError as error:
        raise UsageError(f"--{error}") from None
    return with_targets(policy, [want(name, asked.allow_unknown, most) for name in asked.targets])


def with_targets_told(origin: Origin, policies: list[Allowlist]) -> Origin:
    """Say which version of each target was asked, in the report."""
    asked = {wanted.target: None for policy in policies for wanted in policy.targets}
    told = [Setting("--target", name, "the registry", narrows=False) for name in asked]
    return origin._replace(settings=(*origin.settings, *told)) if told else origin
