"""A report as plain values, and back: what JSON reports, results and caches hold."""

from __future__ import annotations

from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from onnxguard.catalogue import RULES
from onnxguard.report import Report

NOT_RECORDED = frozenset({"outline"})
"""Fields of a report that are for one format alone."""


def record_of(report: Report) -> dict[str, Any]:
    """Return a report as objects, arrays, texts and numbers; fields added later may be absent."""
    record: dict[str, Any] = {}
    for name, value in zip(report._fields, report, strict=True):
        added = Report._field_defaults.get(name, ...) is None
        if name not in NOT_RECORDED and not (added and value is None):
            record[name] = plain(value)
    record["findings"] = [
        {"code": finding.code, "name": RULES[finding.code].name, **plain(finding)}
        for finding in report.findings
    ]
    if report.facts is not None:
        record["facts"]["metadata"] = [
            {"key": key, "value": value} for key, value in report.facts.metadata
        ]
    return record


def report_of(record: Any) -> Report:
    """Return the report that ``record_of`` was given, but for what is not recorded.

    Raises:
        ValueError: the record is none, or holds a value of another type.
    """
    facts = record.get("facts") if isinstance(record, dict) else None
    if isinstance(facts, dict) and isinstance(facts.get("metadata"), list):
        pairs = [list(p.values()) if isinstance(p, dict) else p for p in facts["metadata"]]
        record = {**record, "facts": {**facts, "metadata": pairs}}
    report: Report = _typed(Report, record)
    if any(finding.code not in RULES or not finding.places for finding in report.findings):
        raise ValueError("a finding of an unknown rule, or without a place")
    return report


def plain(value: object) -> Any:
    """Turn named tuples into objects, tuples into arrays and enums into their values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        fields: tuple[str, ...] | None = getattr(value, "_fields", None)
        if fields is not None:
            return {name: plain(item) for name, item in zip(fields, value, strict=True)}
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _typed(kind: Any, value: Any) -> Any:
    """Return a plain value as the type that a field is annotated with."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _one_of(arguments, value)
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is ...:
            return tuple([_typed(arguments[0], item) for item in value])
        if len(arguments) == len(value):
            return tuple(map(_typed, arguments, value))
    elif origin is dict and isinstance(value, dict):
        return {key: _typed(arguments[1], item) for key, item in value.items()}
    elif isinstance(kind, type):
        if hasattr(kind, "_fields") and isinstance(value, dict):
            return _named(kind, value)
        if issubclass(kind, Enum):
            return kind(value)
        if type(value) is kind or (kind is float and type(value) is int):
            return value
    raise ValueError(f"{str(value)[:40]!r} is no {kind}")


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None and NoneType in kinds:
        return None
    left = [kind for kind in kinds if kind is not NoneType]
    exact = [kind for kind in left if type(value) is kind]
    return _typed((exact or left)[0], value)


def _named(kind: Any, value: dict[str, Any]) -> Any:
    given = {}
    for name, hint in _hints(kind).items():
        if name in value and name not in NOT_RECORDED:
            given[name] = _typed(hint, value[name])
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(str(error)) from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(kind).items() if name in kind._fields}
