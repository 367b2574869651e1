"""A report as plain values, and back: what JSON reports, results and caches hold."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from onnxguard.catalogue import RULES
from onnxguard.scanning.report import Report

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
    report: Report = _reader(Report)(record)
    if any(finding.code not in RULES or not finding.places for finding in report.findings):
        raise ValueError("a finding of an unknown rule, or without a place")
    return report


_PLAIN = frozenset({str, int, float, bool, NoneType})


def plain(value: object) -> Any:
    """Turn named tuples into objects, tuples into arrays and enums into their values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        items = [item if item.__class__ in _PLAIN else plain(item) for item in value]
        fields: tuple[str, ...] | None = getattr(value, "_fields", None)
        return items if fields is None else dict(zip(fields, items, strict=True))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a plain value the type that a field is annotated with."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _one_of(arguments)
    if origin is tuple:
        return _items(arguments)
    if origin is dict:
        return _mapping(arguments[1])
    if hasattr(kind, "_fields"):
        return _named(kind)
    if issubclass(kind, Enum):
        return cast("Callable[[Any], Any]", kind)

    def exact(value: Any) -> Any:
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        raise _refusal(value, kind.__name__)

    return exact


def _one_of(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    readers = {kind: _reader(kind) for kind in kinds if kind is not NoneType}
    first = next(iter(readers.values()))

    def one(value: Any) -> Any:
        if value is None and NoneType in kinds:
            return None
        return readers.get(type(value), first)(value)

    return one


def _items(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    readers = [_reader(kind) for kind in kinds if kind is not ...]

    def items(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _refusal(value, "list")
        if kinds[-1] is ...:
            return tuple(map(readers[0], value))
        if len(value) != len(readers):
            raise _refusal(value, f"list of {len(readers)}")
        return tuple([read(item) for read, item in zip(readers, value, strict=True)])

    return items


def _mapping(kind: Any) -> Callable[[Any], Any]:
    read = _reader(kind)

    def mapping(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _refusal(value, "object")
        return {key: read(item) for key, item in value.items()}

    return mapping


def _named(kind: Any) -> Callable[[Any], Any]:
    readers = {
        name: _reader(hint)
        for name, hint in get_type_hints(kind).items()
        if name in kind._fields and name not in NOT_RECORDED
    }

    def named(value: Any) -> Any:
        if type(value) is not dict:
            raise _refusal(value, kind.__name__)
        try:
            return kind(**{name: readers[name](value[name]) for name in readers if name in value})
        except TypeError as error:
            raise ValueError(str(error)) from None

    return named


def _refusal(value: object, kind: str) -> ValueError:
    return ValueError(f"{str(value)[:40]!r} is no {kind}")
