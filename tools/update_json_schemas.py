"""Write docs/*.schema.json from the types that the reports are made of.

python tools/update_json_schemas.py            # rewrite them
python tools/update_json_schemas.py --check    # exit 1 if one would change

What a field is comes from the docstring of its type, so that it is said once.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from onnxguard.students.ablation import Comparison, StudentSummary
from onnxguard.students.records import (
    Ablation,
    AblationRun,
    Card,
    DataFacts,
    Evaluation,
    ParityFigures,
)

from onnxguard.base.findings import Finding
from onnxguard.conformance.changes import Changes
from onnxguard.conformance.record import Conclusion, Conformance, Evidence, OperatorRecord
from onnxguard.differences import Difference, FactsDifference, Pair
from onnxguard.model.facts import Facts
from onnxguard.parity.report import ParityReport, ParityVerdict
from onnxguard.reporters.conformance import json as conformance
from onnxguard.reporters.diff import json as difference
from onnxguard.reporters.diff.phrases import LABELS, Number
from onnxguard.reporters.parity import json as parity
from onnxguard.reporters.scan import json as report
from onnxguard.reporters.targets import json as targets
from onnxguard.reporters.training import json as training
from onnxguard.scanning.on_targets import OnTargets
from onnxguard.scanning.plain_values import NOT_RECORDED
from onnxguard.scanning.report import Origin, Report, Verdict

DOCS = Path(__file__).resolve().parent.parent / "docs"
NAMES = {
    Report: "model",
    ParityReport: "model",
    OperatorRecord: "operator",
    FactsDifference: "facts",
    DataFacts: "data",
    AblationRun: "run",
    StudentSummary: "student",
    ParityFigures: "parity",
    ParityVerdict: "verdict",
    Conclusion: "verdict",
}
"""What types are called, where not by their own names."""
PLAIN: Mapping[Any, Any] = {}
"""What the type variables of a type that has none stand for."""
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
PATTERNS = {
    "sha256": "^([0-9a-f]{64})?$",
    "code": "^O[GP][0-9]{3}$",
    "role": "^(configuration|manifest|allowlist|lock|baseline)$",
    "date": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
}
LEAST = {
    "count": 1,
    "expanded_loops": -1,
    "expanded_nodes": -1,
    "number": 1,
    # What a model states may be negative, and so may a seed and the exponent of a decade.
    **dict.fromkeys(("dims", "ir_version", "length", "model_version", "offset", "shape"), None),
    **dict.fromkeys(("exponent", "new", "old", "product", "trip_count", "version"), None),
    **dict.fromkeys(("seed", "split_seed"), None),
}
"""The least that whole numbers are, by field; all others are counts, and 0 or more."""
SHARE = "in 0..1"
"""What a docstring says of numbers that are a part of a whole."""
ESCAPED = (
    "Strings from a model are escaped: control, bidi and format characters as \\xNN or \\uNNNN, a "
    "backslash as two."
)
RULE = {"type": "string", "description": "The rule's name, operator-not-allowed for OG101."}


class Kind(NamedTuple):
    """A kind of report.

    Attributes:
        name: of its file.
        id: what it calls itself.
        command: what writes it.
        fields: of the whole: types, or schemas as they are.
        records: fields that hold plain tuples, and what their items are called.
        optional: fields that may be absent.
    """

    name: str
    id: str
    command: str
    fields: Mapping[str, Any]
    records: Mapping[str, tuple[str, ...]] = {}
    optional: frozenset[str] = frozenset()


def fields_of(kind: Any) -> dict[str, Any]:
    """The fields of a named tuple and their types."""
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind._fields}


def counts(first: str, *enums: type[Enum]) -> dict[str, Any]:
    """An object of counts: all of them, and those of each value of an enum."""
    names = [*([first] if first else []), *(value.value for kind in enums for value in kind)]
    return closed(dict.fromkeys(names, int))


def closed(properties: dict[str, Any], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    """An object of these fields and no others."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


NUMBERS = closed(dict.fromkeys(LABELS, Pair[Number]))
LISTS = {"type": "array", "items": closed({"id": str, "sha256": str})}
METADATA = {"type": "array", "items": closed({"key": str, "value": str})}
CODES: dict[str, Any] = {"exit_code": {"enum": [0, 1, 2]}}
REPORT = CODES | {"seconds": float, "origin": Origin}
REPORT |= {"summary": counts("models", Verdict), "models": tuple[Report, ...]}
PARITY = CODES | {"verdict": ParityVerdict, "seconds": float}
PARITY |= {"summary": counts("models", ParityVerdict), "models": tuple[ParityReport, ...]}
TARGETS = CODES | {"models": tuple[OnTargets, ...]}
TARGETS |= {"targets": {"type": "array", "items": closed({"id": str, "title": str})}}
CONFORMANCE = {
    "exit_code": {"enum": [0, 1]},
    "verdict": Conclusion,
    **fields_of(Conformance),
    "provider": {"const": "CPUExecutionProvider"},
    "versions": {"type": "object", "additionalProperties": {"type": "string"}},
    "summary": counts("", Evidence),
}
CHANGES = {"exit_code": {"enum": [0, 1]}, **fields_of(Changes)}
COUNTED = ("own", "passed", "known_failures", "unsupported", "disputed", "failed")
ABLATION = {"students": tuple[StudentSummary, ...], "comparisons": tuple[Comparison, ...]}
MORE: dict[type, dict[str, Any]] = {
    Report: dict.fromkeys(NOT_RECORDED),
    Finding: {"name": RULE},
    Origin: {"allowlists": LISTS},
    Facts: {"metadata": METADATA},
    Difference: CODES | {"verdict": Verdict, "sketch": None},
    FactsDifference: {"numbers": NUMBERS, "old": None, "new": None},
    ParityReport: {"largest": float, "pictures": None},
    OperatorRecord: dict.fromkeys(COUNTED, int),
    StudentSummary: {"mean": float, "deviation": float | None},
}
"""Fields that a report adds to those of a type; None takes one out."""
DIFFERENCE = CODES | fields_of(Difference) | {"verdict": Verdict}
del DIFFERENCE["sketch"]
REVISION = closed({"revision": str, "commit": str})
JUDGED = closed({"allowlist": str, "verdict": Verdict, "findings": tuple[Finding, ...]})
REVIEWED = closed(
    {
        "what": {"enum": ["added", "changed", "removed", "renamed"]},
        "path": Pair[str | None],
        "verdict": Verdict,
        "difference": Difference | None,
        "data": tuple[str, ...],
        "judged": {"type": "array", "items": JUDGED},
    }
)
REVIEW = CODES | {"seconds": float, "verdict": Verdict, "base": REVISION, "head": REVISION}
REVIEW |= {"models": {"type": "array", "items": REVIEWED}}
CARD = {"passed": bool, **fields_of(Card)}
KINDS = (
    Kind("report", report.SCHEMA, "scan", REPORT, optional=frozenset({"origin"})),
    Kind("difference", difference.SCHEMA, "diff", DIFFERENCE),
    Kind("review", difference.REVIEW, "diff --git", REVIEW),
    Kind("targets", targets.SCHEMA, "targets", TARGETS),
    Kind("parity", parity.SCHEMA, "parity", PARITY, parity.RECORDS),
    Kind("conformance", conformance.SCHEMA, "conform", CONFORMANCE, conformance.RECORDS),
    Kind("conformance-changes", conformance.CHANGES, "conform diff", CHANGES),
    Kind("card", training.CARD, "train-and-gate", CARD, training.CARD_RECORDS),
    Kind("evaluation", training.EVALUATION, "evaluate", fields_of(Evaluation), training.RECORDS),
    Kind(
        "ablation",
        training.ABLATION,
        "ablate",
        ABLATION | fields_of(Ablation),
        training.RECORDS,
    ),
)


class Writer:
    """Makes the schema of a kind; types that it meets become definitions."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.defs: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """The whole schema."""
        tool = closed({"name": {"const": "onnxguard"}, "version": {"type": "string"}})
        fields = {name: self.of(found, name) for name, found in self.kind.fields.items()}
        whole = closed(
            {"schema": {"const": self.kind.id}, "tool": tool, **fields}, self.kind.optional
        )
        number = self.kind.id.rpartition("/")[2]
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"onnxguard {self.kind.name}, version {number}",
            "description": f"What `onnxguard {self.kind.command} --format json` writes. {ESCAPED}",
            **whole,
            "$defs": dict(sorted(self.defs.items())),
        }

    def of(self, kind: Any, field: str, known: Mapping[Any, Any] = PLAIN) -> dict[str, Any]:
        """The schema of a type, which a field of this name holds."""
        if isinstance(kind, dict):
            return self.given(kind)
        kind = known.get(kind, kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (UnionType, Union):
            return self.union([part for part in arguments if part is not NoneType], field, known)
        if origin is tuple:
            return self.items(arguments, field, known)
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1], field, known)}
        if origin is not None:  # a generic record
            own = dict(zip(origin.__parameters__, arguments, strict=True))
            return self.record(origin, {key: known.get(v, v) for key, v in own.items()})
        if hasattr(kind, "_fields") or issubclass(kind, Enum):
            return self.defined(kind)
        made: dict[str, Any] = {"type": TYPES[kind]}
        if kind is float and self.kind.records:
            self.defs["number"] = {
                "description": "JSON has no number for what is not finite.",
                "anyOf": [made, {"enum": ["Infinity", "-Infinity", "NaN"]}],
            }
            made = {"$ref": "#/$defs/number"}
        if kind is float and field.endswith("seconds"):
            made["minimum"] = 0
        if kind is int and (least := LEAST.get(field, 0)) is not None:
            made["minimum"] = least
        pattern = next((p for end, p in PATTERNS.items() if field.endswith(end)), None)
        return made | ({"pattern": pattern} if pattern and kind is str else {})

    def given(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema in which types may stand."""
        made = dict(schema)
        if "properties" in made:
            made["properties"] = {name: self.of(s, name) for name, s in made["properties"].items()}
        if isinstance(made.get("items"), dict):
            made["items"] = self.given(made["items"])
        return made

    def union(self, parts: list[Any], field: str, known: Mapping[Any, Any]) -> dict[str, Any]:
        """One of several types, or null."""
        made = [self.of(part, field, known) for part in parts]
        if all(set(schema) <= {"type", "minimum"} for schema in made):  # of numbers alone
            types = [*(schema.pop("type") for schema in made), "null"]
            return {"type": types} | {key: least for each in made for key, least in each.items()}
        return {"anyOf": [*made, {"type": "null"}]}

    def items(
        self, arguments: tuple[Any, ...], field: str, known: Mapping[Any, Any]
    ) -> dict[str, Any]:
        """An array; items that are plain tuples are objects with the names of the records."""
        inner = arguments[0]
        if arguments[-1] is not ...:
            return {
                "type": "array",
                "prefixItems": [self.of(part, field, known) for part in arguments],
                "minItems": len(arguments),
                "maxItems": len(arguments),
            }
        if field in self.kind.records:
            parts = zip(self.kind.records[field], get_args(inner), strict=True)
            return {"type": "array", "items": closed({n: self.of(t, n, known) for n, t in parts})}
        least = {"minItems": 1} if field == "places" else {}
        return {"type": "array", "items": self.of(inner, field, known)} | least

    def defined(self, kind: Any) -> dict[str, Any]:
        """A reference to the definition of a record or an enum."""
        name = NAMES.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
        if name not in self.defs:
            self.defs[name] = {}  # types may hold themselves
            said = {"description": shown(paragraph(kind))}
            if hasattr(kind, "_fields"):
                self.defs[name] = said | self.record(kind, {})
            else:
                self.defs[name] = said | {"enum": [value.value for value in kind]}
        return {"$ref": f"#/$defs/{name}"}

    def record(self, kind: Any, known: Mapping[Any, Any]) -> dict[str, Any]:
        """An object of a named tuple's fields, each with what its docstring says."""
        fields = fields_of(kind) | MORE.get(kind, {})
        described = attributes(kind)
        properties = {}
        optional = set()
        for name, found in fields.items():
            if found is None:
                continue
            made = self.of(found, name, known)
            if kind is Report and Report._field_defaults.get(name, ...) is None:
                optional.add(name)  # what was added later is absent where it is not known
                first = {"type": made["type"][0]} if "type" in made else made["anyOf"][0]
                made = first
            text = described.get(name) or paragraph(getattr(kind, name, ""))
            if SHARE in f"{text} {paragraph(kind)}" and "float" in f"{found}":
                made |= {"minimum": 0, "maximum": 1}
            if text and "description" not in made:
                made = {"description": shown(text), **made}
            properties[name] = made
        return closed(properties, frozenset(optional))


def paragraph(kind: Any) -> str:
    """The first paragraph of a docstring of our own."""
    text = "" if isinstance(kind, str) else inspect.getdoc(kind) or ""
    return "" if text.startswith("Alias for field") else " ".join(text.split("\n\n")[0].split())


def attributes(kind: Any) -> dict[str, str]:
    """What a class's docstring says of each attribute."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def shown(text: str) -> str:
    """What Python says, as JSON has it."""
    text = re.sub(r"\bNone\b", "null", text).replace("``", "`")
    return f"{text[:1].upper()}{text[1:]}"


def main() -> int:
    """Write what changed, or say whether anything would."""
    changed = []
    for kind in KINDS:
        path = DOCS / f"{kind.name}.schema.json"
        text = json.dumps(Writer(kind).document(), indent=2) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8", newline="\n")
    return int("--check" in sys.argv and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
