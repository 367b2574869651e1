"""Words and numbers of a conformance report that several formats share."""

from __future__ import annotations

from onnxguard.conformance.record import Conformance, Evidence, OperatorRecord
from onnxguard.reporters.kit.phrases import plural


def counts(result: Conformance) -> str:
    """``70 operators: 62 proven, 6 partial, 2 unproven``."""
    found = [(evidence, result.count_of(evidence)) for evidence in Evidence]
    parts = [f"{count:,} {evidence.value}" for evidence, count in found if count]
    what = "operator" if result.kind == "allowlist" else "kind of node"
    number = len(result.operators)
    noun = f"{number:,} kinds of node" if what != "operator" and number != 1 else ""
    return f"{noun or plural(number, what)}: {', '.join(parts) or 'none'}"


def subject(result: Conformance) -> str:
    """What was run: ``406 official cases``, or the model on which inputs."""
    if result.kind == "allowlist":
        return f"{plural(sum(len(r.cases) for r in result.operators), 'official case')} run"
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in result.inputs)
    origin = "from a file" if result.seed is None else f"seed {result.seed}"
    return f"on {shapes or 'no inputs'}, {origin}"


def versions(result: Conformance) -> str:
    """``onnx 1.23.2, onnxruntime 1.31.1, numpy 2.4.6``."""
    return ", ".join(f"{name} {version}" for name, version in result.versions)


def difference(value: float | None) -> str:
    """``1.2e-07``, ``0``, or ``-`` where no floats were compared."""
    if value is None:
        return "-"
    return f"{value:.1e}" if value else "0"


def schema(record: OperatorRecord) -> str:
    """The schema version, ``-`` where there is none."""
    return "-" if record.version is None else str(record.version)
