"""What a runtime's kernels are as a target: rows that differ in one type alone are put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onnxguard.model.type_names import canonical
from onnxguard.policy.allowlist import Range
from onnxguard.policy.target import Row, written_head, written_rows
from onnxguard.policy.target_exceptions import with_exceptions


def target_of(found: dict[str, Any], name: str, today: str) -> tuple[str, str]:
    """The two texts of a target, head and rows, of what ``read_kernels`` found.

    Args:
        found: that.
        name: of the target, without a version.
        today: the date, ISO 8601.
    """
    # An open kernel takes the definition that it begins with, and none that came later.
    rows = [
        (domain or "ai.onnx", op, (low, low if high is None else high), types, "kernel")
        for domain, op, low, high, types in found["kernels"]
    ]
    rows += [
        (domain or "ai.onnx", op, (low, high), types, "inlined")
        for domain, op, low, high, types in found["inlined"]
    ]
    rows = _with_unknown(rows, found["unknown"])
    version = found["runtime"]
    head = {
        "schema": 1,
        "target": name,
        "version": version,
        "title": f"ONNX Runtime {version}, CPU",
        "source": f"onnxruntime {version}: its own list of kernels (get_all_opkernel_def), and "
        "the standard's functions, tried one by one",
        "date": today,
        "licence": "MIT",
        "versions": "since",
        "types": "parameters",
        "opsets": found["opsets"],
        "ir_version": found["ir_version"],
        "model_bytes": (1 << 31) - 1,
        "external_data": True,
        "float16_as_float32": True,
    }
    lacking: dict[tuple[str, str, int], dict[str, tuple[str, ...]]] = {
        (domain or "ai.onnx", op_type, since): dict.fromkeys(attributes, ())
        for domain, op_type, _, since, attributes in found["unknown"]
    }
    whole = _lacking(merged_rows(rows), lacking)
    return written_head(head), written_rows(with_exceptions(name, whole))


Rows = list[tuple[str, str, Row]]


def _lacking(rows: Rows, lacking: dict[tuple[str, str, int], dict[str, tuple[str, ...]]]) -> Rows:
    """Part the versions of which the runtime does not know all attributes from those before."""
    found: Rows = []
    for domain, op_type, row in rows:
        left, low, high = row, row.versions.low, row.versions.high or row.versions.low
        for since in sorted(n for d, o, n in lacking if (d, o) == (domain, op_type)):
            if low <= since <= high:
                if low < since:
                    found.append((domain, op_type, left._replace(versions=Range(low, since - 1))))
                attributes = lacking[domain, op_type, since]
                left, low = row._replace(attributes=attributes), since
        found.append((domain, op_type, left._replace(versions=Range(low, high))))
    return found


def _with_unknown(rows: list[_Raw], unknown: list[list[Any]]) -> list[_Raw]:
    """What becomes of definitions that the runtime does not know: it takes the ones before them."""
    for domain, op_type, before, since, _ in unknown:
        key = domain or "ai.onnx", op_type
        rows = [
            (*each[:2], (each[2][0], since), *each[3:])
            if each[:2] == key and each[2][1] == before and each[4] == "kernel"
            else each
            for each in rows
        ]
    return rows


Versions = tuple[int, int]
_Raw = tuple[str, str, Versions, dict[str, list[str]], str]


def merged_rows(raw: Iterable[_Raw]) -> list[tuple[str, str, Row]]:
    """Rows of kernels, those put together that differ in the types of one parameter alone."""
    groups: dict[tuple[str, str, Versions, str], list[dict[str, frozenset[str]]]] = {}
    for domain, op_type, versions, types, how in raw:
        own = {name: frozenset(map(canonical, kinds)) for name, kinds in types.items()}
        groups.setdefault((domain, op_type, versions, how), []).append(own)
    spans: dict[tuple[str, str, str, tuple[Any, ...]], list[Versions]] = {}
    for (domain, op_type, versions, how), each in groups.items():
        for merged in _merged(each):
            frozen = tuple(sorted(merged.items()))
            spans.setdefault((domain, op_type, how, frozen), []).append(versions)
    rows: Rows = []
    for (domain, op_type, how, frozen), ranges in spans.items():
        rows += [(domain, op_type, Row(Range(*v), dict(frozen), how, {})) for v in _joined(ranges)]
    return rows


def _merged(rows: list[dict[str, frozenset[str]]]) -> list[dict[str, frozenset[str]]]:
    """Put rows together that differ in one parameter, parameter by parameter."""
    for name in sorted({name for types in rows for name in types}, reverse=True):
        groups: dict[tuple[Any, ...], frozenset[str] | None] = {}
        for types in rows:
            key = tuple(sorted((n, kinds) for n, kinds in types.items() if n != name))
            own = types.get(name)
            before = groups.get(key, frozenset())
            groups[key] = None if own is None or before is None else before | own
        rows = [
            dict(key) | ({} if kinds is None else {name: kinds}) for key, kinds in groups.items()
        ]
    return rows


def _joined(versions: list[Versions]) -> list[Versions]:
    """Ranges that follow one another as one."""
    found: list[Versions] = []
    for low, high in sorted(versions):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found
