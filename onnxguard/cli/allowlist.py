"""``onnxguard allowlist``."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import TypeVar

import click

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.findings import operator_label
from onnxguard.base.printable import plural, printable
from onnxguard.base.yaml_tree import near
from onnxguard.cli.examples import examples
from onnxguard.cli.kinds import LIST, FilePath
from onnxguard.cli.left_out import ignored_option, models_at
from onnxguard.cli.messages import columns_of, say
from onnxguard.cli.origin import from_here
from onnxguard.cli.output import check_output, emit
from onnxguard.model.facts import Facts
from onnxguard.model.schemas import Formal
from onnxguard.model.standard import LATEST_OPSET, is_standard, operator_names
from onnxguard.model.type_names import shown as shown_type
from onnxguard.policy.allowlist import LIMITS, Allowlist, Decision, Entry, Waiver, Wanted
from onnxguard.policy.derive import derive_allowlist
from onnxguard.policy.export import to_c, to_ort_config
from onnxguard.policy.operator_schemas import KINDS
from onnxguard.policy.registry import allowlist_ids, is_path, load_allowlist, registered_id
from onnxguard.scanning.scan import read_facts, read_needs
from onnxguard.sources.remote import shown

T = TypeVar("T")


@click.group()
def allowlist() -> None:
    """Look at allowlists, compare, check and write them."""


@allowlist.command("list", epilog=examples("allowlist list"))
def list_() -> None:
    """List the registry, from the first list to the last."""
    lists = sorted(map(load_allowlist, allowlist_ids()), key=lambda policy: len(policy.lineage))
    for policy in lists:
        decided = f"{policy.decision.adr or '-':<9} {policy.decision.date}"
        begin = f"{policy.id:<13} {len(policy.entries):>3} operators  {decided}  "
        say(f"{begin}{policy.title}", len(begin))


@allowlist.command(epilog=examples("allowlist show adr-0258"))
@click.argument("name", type=LIST)
def show(name: str) -> None:
    """Show everything that a list says, and who decided it."""
    policy = load_allowlist(name)
    say(f"{policy.id}: {policy.title}")
    say(f"built on: {' > '.join(policy.lineage[1:]) or 'nothing'}")
    click.echo(f"\noperators ({len(policy.entries)})")
    for key in sorted(policy.entries):
        for entry in policy.entries[key]:
            say(f"  {_entry(entry)}", 37)
    click.echo("\ndecisions")
    for decision, labels in _decisions(policy).items():
        say(f"  {decision.adr or '-':<10}  {decision.date or '-':<10}  {decision.reason}", 26)
        for line in textwrap.wrap(", ".join(labels), (columns_of(sys.stdout) or 94) - 6):
            click.echo(f"      {line}")
    if policy.denials:
        click.echo("\ndenied")
        for denial in policy.denials.values():
            instead = f" Use {denial.instead}." if denial.instead else ""
            decided = f"{denial.decision.label:<10}  {denial.decision.reason}"
            say(f"  {denial.label:<22} {decided}{instead}", 37)
    click.echo("\nlimits")
    for limit_name, limit in sorted(policy.limits.items()):
        decided = f"{limit.decision.label:<10}"
        say(f"  {limit_name:<18} {limit.value:>13,}  {decided}  {LIMITS[limit_name]}", 48)
    click.echo("\npolicy")
    for line in _policies(policy):
        say(f"  {line}", 4)


def _policies(policy: Allowlist) -> Iterator[str]:
    for domain, versions in sorted(policy.opsets.items()):
        yield f"opset of {domain}: {versions}"
    yield f"IR version: {policy.ir_version or 'any'}"
    if policy.dtypes:
        yield f"dtypes: {policy.dtypes}"
    for name, action in sorted(policy.policies.items()):
        yield f"{name}: {action}"
    constants = policy.constants
    yield f"constants: {constants if isinstance(constants, str) else f'up to {constants} bytes'}"
    yield from (f"target: {_target(wanted)}" for wanted in policy.targets)
    yield from (f"waiver: {_waiver(waiver)}" for waiver in policy.waivers)
    yield from (f"{label}: {said}" for label, said in _schemas(policy).items())


def _decisions(policy: Allowlist) -> dict[Decision, list[str]]:
    """What was decided, the oldest first, and what each decision is about."""
    found: dict[Decision, list[str]] = {}
    for entries in policy.entries.values():
        for entry in entries:
            found.setdefault(entry.decision, []).append(entry.label)
            for name, rule in entry.attributes.items():
                found.setdefault(rule.decision, []).append(f"{name} of {entry.label}")
    for denial in policy.denials.values():
        found.setdefault(denial.decision, []).append(f"not {denial.label}")
    for name, limit in policy.limits.items():
        found.setdefault(limit.decision, []).append(name)
    order = sorted(found, key=lambda decision: (decision.date, decision.adr))
    return {decision: sorted(found[decision]) for decision in order}


def _waiver(waiver: Waiver) -> str:
    what = f"{waiver.code} {waiver.operator}".strip()
    return f"{what} in {waiver.model} until {waiver.expires}: {waiver.reason}"


def _target(wanted: Wanted) -> str:
    """A target and what is asked of it; of a file also which, for its path says little."""
    name = wanted.target
    if is_path(name):
        name = f"{printable(from_here(name))} sha256:{wanted.sha256[:12]}"
    nodes = "any number" if wanted.fallback is None else str(wanted.fallback)
    unknown = "allowed" if wanted.allow_unknown else "refused"
    return f"{name}, nodes left to others: {nodes}, unknown ones {unknown}"


def _schemas(policy: Allowlist) -> dict[str, str]:
    """What a list declares of operators: their inputs, outputs, attributes and types."""
    found = {}
    for schema in (each for schemas in policy.schemas.values() for each in schemas):
        parts = [" -> ".join(map(_formals, (schema.inputs, schema.outputs)))]
        for name, attribute in schema.attributes.items():
            kind = KINDS[attribute.type - 1]
            given = "" if attribute.default is None else f" = {attribute.default}"
            parts.append(f"{name} {kind}{given}{' required' * attribute.required}")
        for name, types in schema.constraints.items():
            parts.append(f"{name} is {' or '.join(map(shown_type, types))}")
        found[f"schema {schema.domain}::{schema.name} {schema.since_version}"] = "; ".join(parts)
    return found


def _formals(formals: tuple[Formal, ...]) -> str:
    said = []
    for name, types, option, least, homogeneous in formals:
        more = "" if option == "single" else f" {option}"
        more += f" at least {least}" if least else ""
        more += "" if homogeneous else " mixed"
        said.append(f"{name} {shown_type(types)}{more}")
    return f"({', '.join(said)})"


def _entry(entry: Entry) -> str:
    conditions = []
    if entry.opset != (1, None):
        conditions.append(f"opset {entry.opset}")
    for name, rule in entry.attributes.items():
        parts = []
        if rule.allowed is not None:
            parts.append(f"in {', '.join(rule.allowed)}")
        if rule.denied:
            parts.append(f"not {', '.join(rule.denied)}")
        if rule.minimum is not None:
            parts.append(f"at least {_exact(rule.minimum)}")
        if rule.maximum is not None:
            parts.append(f"at most {_exact(rule.maximum)}")
        if rule.required:
            parts.append("required")
        if rule.default is not None:
            parts.append(f"{rule.default} by default")
        conditions.append(f"{name} {' and '.join(parts)} ({rule.severity.value})")
    if entry.dtypes:
        conditions.append(f"dtypes {entry.dtypes}")
    if entry.constant_inputs:
        conditions.append(f"constant {', '.join(entry.constant_inputs)}")
    said = f"[{'; '.join(conditions)}] " if conditions else ""
    return f"{entry.label:<22} {entry.decision.label:<10}  {said}{entry.decision.reason}"


def _exact(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


@allowlist.command(epilog=examples("allowlist diff pre-adr-0258 adr-0258"))
@click.argument("before", type=LIST, metavar="A")
@click.argument("after", type=LIST, metavar="B")
def diff(before: str, after: str) -> None:
    """Show where B allows, denies or limits something else than A."""
    a, b = load_allowlist(before), load_allowlist(after)
    lines = [
        f"+ {_entry(e)}"
        for key in sorted(b.entries.keys() - a.entries.keys())
        for e in b.entries[key]
    ]
    lines += [
        f"- {_entry(e)}"
        for key in sorted(a.entries.keys() - b.entries.keys())
        for e in a.entries[key]
    ]
    for key in sorted(a.entries.keys() & b.entries.keys()):
        old, new = ([_entry(e) for e in policy.entries[key]] for policy in (a, b))
        if old != new:
            lines += [f"- {text}" for text in old] + [f"+ {text}" for text in new]
    parts = [_flat(policy) for policy in (a, b)]
    for name in sorted(parts[0].keys() | parts[1].keys()):
        old_value, new_value = (part.get(name, "none") for part in parts)
        if old_value != new_value:
            lines.append(f"~ {name}: {old_value} -> {new_value}")
    for line in lines or [f"{a.id} and {b.id} say the same"]:
        say(line, 37 if line[0] in "+-" else 4)


def _flat(policy: Allowlist) -> dict[str, str]:
    flat = {f"limit {name}": f"{limit.value:,}" for name, limit in policy.limits.items()}
    flat |= {f"opset of {domain}": str(versions) for domain, versions in policy.opsets.items()}
    flat |= {f"policy {name}": action for name, action in policy.policies.items()}
    flat |= {
        f"denied {denial.label}": denial.instead or "yes" for denial in policy.denials.values()
    }
    flat |= _schemas(policy)
    flat |= {"IR version": str(policy.ir_version), "constants": str(policy.constants)}
    flat |= {
        "dtypes": str(policy.dtypes),
        "targets": "; ".join(map(_target, policy.targets)) or "none",
        "waivers": "; ".join(map(_waiver, policy.waivers)) or "none",
    }
    return flat


@allowlist.command(epilog=examples("allowlist check team.yaml"))
@click.argument("file", type=FilePath("FILE"))
def check(file: str) -> int:
    """Check that a list can be used, and that ONNX knows its names."""
    policy = load_allowlist(file)
    unknown = [
        text for entries in policy.entries.values() for e in entries for text in _unknown(e, policy)
    ]
    unknown += [
        f'{denial.source}: ONNX has no operator "{printable(denial.op_type)}"'
        f"{near(denial.op_type, operator_names(denial.domain))}"
        for denial in policy.denials.values()
        if denial.domain in LATEST_OPSET
        and denial.op_type != "*"
        and not is_standard(denial.domain, denial.op_type)
    ]
    for text in unknown:
        say(text)
    operators, waivers = len(policy.entries), len(policy.waivers)
    say(
        f"{policy.id}: {plural(operators, 'operator')}, {plural(waivers, 'waiver')}, "
        f"{plural(len(unknown), 'unknown name')}"
    )
    return 1 if unknown else 0


def _unknown(entry: Entry, policy: Allowlist) -> list[str]:
    declared = policy.schemas.get((entry.domain, entry.op_type), ())
    if entry.domain not in LATEST_OPSET and not declared:
        return []
    if not declared and not is_standard(entry.domain, entry.op_type):
        hint = near(entry.op_type, operator_names(entry.domain))
        return [f'{entry.source}: ONNX has no operator "{printable(entry.op_type)}"{hint}']
    newest = declared[-1].since_version if declared else LATEST_OPSET[entry.domain]
    schema = policy.schema_at(entry.domain, entry.op_type, entry.opset.high or newest)
    if schema is None:
        return [f"{entry.source}: {entry.label} does not exist at opset {entry.opset}"]
    found = [
        f'{entry.source}: {entry.label} has no attribute "{printable(name)}"'
        f"{near(name, schema.attributes)}"
        for name in entry.attributes
        if name not in schema.attributes
    ]
    inputs = [formal.name for formal in schema.inputs]
    return found + [
        f'{entry.source}: {entry.label} has no input "{printable(name)}"{near(name, inputs)}'
        for name in entry.constant_inputs
        if name not in inputs and not name.isdigit()
    ]


@allowlist.command(
    epilog=examples(
        "allowlist sync vmafx-2026 --from core/src/dnn/op_allowlist.c",
        "allowlist sync team.yaml --from onnxruntime-cpu@1.31",
    )
)
@click.argument("name", type=LIST)
@click.option(
    "--from",
    "source",
    required=True,
    metavar="FILE|TARGET",
    help="A C or Python file with a table of strings, or a target of onnxguard targets list.",
)
@click.option("--table", metavar="NAME", help="Which table of the file, where it has several.")
def sync(name: str, source: str, table: str | None) -> int:
    """Compare a list with the program or runtime that it follows.

    Exit code: 0 both name the same operators, 1 they do not, 2 the call is wrong.
    """
    from onnxguard.policy.string_table import followed

    policy = load_allowlist(name)
    there, here = followed(source, table), policy.entries.keys()
    lines = [
        f"+ {operator_label(*key)}: in {printable(source)} alone" for key in sorted(there - here)
    ]
    lines += [f"- {operator_label(*key)}: in {policy.id} alone" for key in sorted(here - there)]
    same = f"{policy.id} and {printable(source)} name the same {plural(len(there), 'operator')}"
    for line in lines or [same]:
        say(line)
    return 1 if lines else 0


@allowlist.command(epilog=examples("allowlist derive models/*.onnx --output team.yaml"))
@click.argument("models", nargs=-1, required=True, type=FilePath("MODEL"))
@click.option("--id", "name", default="derived", show_default=True, help="The id of the new list.")
@ignored_option
@click.option("--output", type=FilePath("FILE"), help="Write it there instead of to stdout.")
def derive(models: tuple[str, ...], name: str, include_ignored: bool, output: str | None) -> None:
    """Write the list that models need, with a comment on each operator."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError("--id is letters, digits, dots, dashes and underscores")
    if registered_id(name) is not None:
        raise UsageError(f"--id {name} is that of a list in the registry: choose another")
    check_output(output)
    facts: list[tuple[str, Facts]] = []
    memory: dict[str, int] = {}
    for path, (held, needed) in _read(models, include_ignored, read_needs):
        facts.append((path, held))
        memory |= {key: max(value, memory.get(key, 0)) for key, value in needed.items()}
    _write(derive_allowlist(facts, name, memory), output, f"the list {name}")


@allowlist.command(epilog=examples("allowlist export adr-0258 --to c"))
@click.argument("name", type=LIST)
@click.argument("models", nargs=-1, type=FilePath("MODEL"))
@click.option(
    "--to",
    "target",
    type=click.Choice(["c", "ort-config"]),
    required=True,
    help="A C string table, or ONNX Runtime's required_operators.config.",
)
@ignored_option
@click.option("--output", type=FilePath("FILE"), help="Write it there instead of to stdout.")
def export(
    name: str, models: tuple[str, ...], target: str, include_ignored: bool, output: str | None
) -> None:
    """Write a list for a C program or for ONNX Runtime.

    With --to ort-config, name the models that it is for.
    """
    policy = load_allowlist(name)
    if target == "c" and models:
        raise UsageError("--to c takes no models: it writes the whole list")
    check_output(output)
    facts = _read(models, include_ignored, read_facts) if models else []
    text = to_c(policy) if target == "c" else to_ort_config(policy, facts)
    _write(text, output, f"{policy.id} for {'a C program' if target == 'c' else 'ONNX Runtime'}")


def _write(text: str, output: str | None, what: str) -> None:
    emit(text, output, color=False)
    if output is not None:
        say(f"wrote {printable(output)}: {what}")


def _read(
    paths: tuple[str, ...], include_ignored: bool, read: Callable[[str], T]
) -> list[tuple[str, T]]:
    found = []
    for path in models_at(paths, include_ignored):
        try:
            found.append((shown(path), read(path)))
        except ModelError as error:
            raise UsageError(f"{shown(path)}: {error}") from None
    return found
