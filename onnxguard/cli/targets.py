"""``onnxguard targets``."""

from __future__ import annotations

from datetime import date

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.extras import require_extra
from onnxguard.base.printable import plural, printable
from onnxguard.base.writing import write_whole
from onnxguard.cli.examples import examples
from onnxguard.cli.left_out import ignored_option, models_at
from onnxguard.cli.messages import note, say
from onnxguard.cli.output import Reports, check_output, report_options, write_reports
from onnxguard.policy.target import Row, Target, load_target, resolve_target, target_ids
from onnxguard.reporters import TARGET_REPORTERS
from onnxguard.rules.node_facts import called
from onnxguard.scanning.on_targets import Matrix, OnTargets, ask_targets

USUAL = (
    *("onnxruntime-cpu", "onnxruntime-cuda", "onnxruntime-directml", "onnxruntime-webgpu"),
    *("onnxruntime-webnn", "openvino-cpu", "tensorrt", "migraphx", "onnx-mlir-cpu", "tract"),
)
"""The targets that are asked where none is named."""
PROVIDERS = {
    "onnxruntime-cpu": "CPUExecutionProvider",
    "onnxruntime-cuda": "CUDAExecutionProvider",
    "onnxruntime-directml": "DmlExecutionProvider",
}
"""What ``--confirm`` asks of ONNX Runtime for a target."""


class _Targets(click.Group):
    """A group whose words that are no command are models."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = ("--help", "-h")
        if args and args[0] not in self.commands and args[0] not in options:
            args = ["matrix", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Targets)
def targets() -> None:
    """Say which runtimes run which models: onnxguard targets MODEL...

    The words list, show, diff, from-runtime and matrix are commands; all others are models.
    """


@targets.command(epilog=examples("targets matrix model.onnx --target onnxruntime-webgpu"))
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--target",
    "names",
    metavar="NAME[@VERSION]|FILE",
    multiple=True,
    help="Ask this one; may be given several times.  [default: a choice of ten]",
)
@click.option("--all", "everyone", is_flag=True, help="Ask the newest version of every target.")
@click.option(
    "--confirm",
    "confirming",
    is_flag=True,
    help="Have the installed ONNX Runtime load the models, too (extra: parity).",
)
@ignored_option
@report_options(TARGET_REPORTERS)
@click.option("--verbose", "-v", is_flag=True, help="Every reason, and what to do.")
def matrix(
    models: tuple[str, ...],
    names: tuple[str, ...],
    everyone: bool,
    confirming: bool,
    include_ignored: bool,
    reports: Reports,
    verbose: bool,
) -> int:
    """Show which models run on which targets, and why not.

    Exit code: 0 no target refuses a model, 1 one does, 2 something is not known.
    """
    newest = {each.partition("@")[0]: each for each in target_ids()}
    names = tuple(newest) if everyone else names or USUAL
    asked = list({target.id: target for target in map(load_target, names)}.values())
    paths = models_at(models, include_ignored)
    written = reports.targets(paths)
    found = [ask_targets(path, asked) for path in paths]
    if confirming:
        found = [_confirmed(path, model, asked) for path, model in zip(paths, found, strict=True)]
    whole = Matrix(tuple((target.id, target.title) for target in asked), tuple(found))
    write_reports(TARGET_REPORTERS, whole, written, int(verbose))
    return whole.exit_code


def _confirmed(path: str, model: OnTargets, asked: list[Target]) -> OnTargets:
    require_extra("--confirm", "parity", ["onnxruntime"])
    from onnxguard.running.confirm import confirm

    found = []
    for target, answer in zip(asked, model.asked, strict=False):
        provider = PROVIDERS.get(target.name)
        if provider is None:
            found.append(answer)
            continue
        providers = tuple(dict.fromkeys((provider, "CPUExecutionProvider")))
        found.append(answer._replace(confirmed=confirm(path, providers)))
    return model._replace(asked=tuple(found))


@targets.command("list", epilog=examples("targets list"))
def list_() -> None:
    """List the targets of the registry."""
    width = max(map(len, target_ids()))
    for name in target_ids():
        target = load_target(name)
        count = len(target.operators())
        begin = f"{name:<{width}}  {count:>3} operators  {_knows(target):<16}  "
        say(f"{begin}{target.title}", width + 2)


def _knows(target: Target) -> str:
    if target.names_alone:
        return "names"
    return "opsets" if target.types == "none" else "opsets and types"


@targets.command(epilog=examples("targets show tensorrt Resize"))
@click.argument("name", metavar="NAME[@VERSION]|FILE")
@click.argument("operators", nargs=-1, metavar="[OPERATOR...]")
def show(name: str, operators: tuple[str, ...]) -> None:
    """Show what a target has, and how that is known."""
    target = load_target(name)
    say(f"{target.id}: {target.title}")
    say(f"source: {target.source}, read on {target.date} (licence: {target.licence or '-'})")
    if target.note:
        say(f"note: {target.note}")
    opsets = ", ".join(f"{domain} {version}" for domain, version in target.opsets.items())
    ir_version = target.ir_version or "not said"
    say(f"newest opsets: {opsets or 'not said'}; newest IR version: {ir_version}")
    if target.rest:
        say(f"what it does not have is left to {resolve_target(target.rest)}")
    wanted = {each.rpartition("::")[2] for each in operators}
    unknown = sorted(wanted - {op_type for _, op_type in target.operators()})
    for domain, op_type in target.operators():
        if not wanted or op_type in wanted:
            label = op_type if domain == "ai.onnx" else f"{domain}::{op_type}"
            for row in target.rows(domain, op_type):
                say(f"  {label:<28} {_row(row, target)}".rstrip(), 31)
    if unknown:
        raise UsageError(f"{target.id} has no {', '.join(map(printable, unknown))}")


def _row(row: Row, target: Target) -> str:
    what = "version" if target.versions == "since" and row.how != "inlined" else "opset"
    parts = [] if target.names_alone else [f"{what} {row.versions}"]
    for name, kinds in sorted(row.types.items()):
        parts.append(f"{name + ': ' if name else ''}{', '.join(sorted(map(_short, kinds)))}")
    for name, values in row.attributes.items():
        parts.append(f"{called(name)} {', '.join(values) or 'left out'}")
    return "; ".join([*parts, *([row.how] if row.how != "kernel" else [])])


def _short(kind: str) -> str:
    return kind.removeprefix("tensor(").removesuffix(")") if kind.startswith("tensor(") else kind


@targets.command(epilog=examples("targets diff onnxruntime-cpu@1.31 onnxruntime-cpu@1.32"))
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
def diff(before: str, after: str) -> None:
    """Show what B runs that A does not, and the reverse."""
    a, b = load_target(before), load_target(after)
    lines = []
    for domain in sorted(a.opsets.keys() | b.opsets.keys()):
        old, new = a.opsets.get(domain), b.opsets.get(domain)
        lines += [f"~ {domain} opset: up to {old} -> up to {new}"] if old != new else []
    if a.ir_version != b.ir_version:
        lines.append(f"~ IR version: up to {a.ir_version} -> up to {b.ir_version}")
    for key in sorted({*a.operators(), *b.operators()}):
        old_rows, new_rows = ([_row(row, target) for row in target.rows(*key)] for target in (a, b))
        label = key[1] if key[0] == "ai.onnx" else "::".join(key)
        lines += [f"- {label}: {row}" for row in old_rows if row not in new_rows]
        lines += [f"+ {label}: {row}" for row in new_rows if row not in old_rows]
    for line in lines or [f"{a.id} and {b.id} say the same"]:
        say(line, 4)


@targets.command("from-runtime", epilog=examples("targets from-runtime --output own.yaml"))
@click.option("--name", default="onnxruntime-cpu", show_default=True, help="The target's name.")
@click.option("--output", metavar="FILE.yaml", required=True, help="The head; the rows lie beside.")
@click.option("--python", metavar="PROGRAM", help="The Python whose ONNX Runtime is asked.")
def from_runtime(name: str, output: str, python: str | None) -> None:
    """Write a target from the installed ONNX Runtime.

    Every function of the standard is tried with every type: that takes a minute. It needs the
    extra parity.
    """
    from onnxguard.running.kernel_target import target_of
    from onnxguard.running.kernels import read_kernels

    if python is None:
        require_extra("onnxguard targets from-runtime", "parity", ["onnx", "onnxruntime"])
    if not output.endswith(".yaml"):
        raise UsageError("--output ends in .yaml: the rows are written beside it, as .tsv")
    rows_file = output.removesuffix(".yaml") + ".tsv"
    for path in (output, rows_file):
        check_output(path)
    found = read_kernels(python) if python else read_kernels()
    head, rows = target_of(found, name, f"{date.today()}")
    write_whole(rows_file, rows)
    write_whole(output, head)
    target = load_target(output if "/" in output else f"./{output}")
    note(f"wrote {printable(output)}: {target.id}, {plural(len(target.operators()), 'operator')}")
