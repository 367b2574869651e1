"""A report is the same after it was a record, and a record that is none is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sample_runs import CLEAN, MANY, NASTY, NOTHING, SINGLE, STUDENT, UNVERIFIED

from onnxguard import Report, scan
from onnxguard.base.findings import Finding
from onnxguard.model.facts import Facts
from onnxguard.reporters import REPORTERS
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.scan.json import render
from onnxguard.scanning.lean import FORMATS, lean
from onnxguard.scanning.plain_values import record_of, report_of

MODELS = sorted((Path(__file__).parent.parent / "models").glob("*.onnx"))
SAMPLES = [*MANY.reports, *SINGLE.reports, *NOTHING.reports]


def again(report: Report) -> Report:
    return report_of(json.loads(json.dumps(record_of(report))))


@pytest.mark.parametrize("report", SAMPLES, ids=lambda report: report.path[:20])
def test_sample_is_the_same_again(report: Report) -> None:
    assert again(report) == report


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.parametrize("policy", ["base", "pre-adr-0258"])
def test_scan_is_the_same_again(path: Path, policy: str) -> None:
    report = scan(path, policy)
    assert again(report) == report
    assert type(again(report).findings) is tuple


TEXTS = st.text(max_size=9)
FINDINGS = st.builds(
    Finding,
    code=st.sampled_from(["OG101", "OG201", "OG702"]),
    message=TEXTS,
    hint=TEXTS,
    operator=TEXTS,
    adr=TEXTS,
    waiver=TEXTS,
).filter(lambda finding: finding.places)


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        Report,
        path=TEXTS,
        allowlist=TEXTS,
        findings=st.lists(FINDINGS, max_size=3).map(tuple),
        facts=st.none() | st.builds(Facts),
        seconds=st.floats(0, 1e6),
        outline=st.none(),
    )
)
def test_any_report_is_the_same_again(report: Report) -> None:
    assert again(report) == report


def test_it_is_what_a_report_in_json_holds() -> None:
    document = json.loads(render(MANY, RenderOptions()))
    for model, report in zip(document["models"], MANY.reports, strict=True):
        assert report_of(model) == report._replace(seconds=round(report.seconds, 6))


def test_what_was_added_later_is_left_out_where_it_is_not_there() -> None:
    assert set(record_of(STUDENT)) == {
        "path",
        "allowlist",
        "verdict",
        "findings",
        "facts",
        "seconds",
    }
    assert record_of(UNVERIFIED)["facts"] is None


@pytest.mark.parametrize("verbosity", [0, -1])
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_formats_print_the_same_of_what_is_kept(name: str, verbosity: int) -> None:
    options = RenderOptions(verbosity=verbosity)
    kept = MANY._replace(reports=tuple(lean(report, costs=True) for report in MANY.reports))
    assert kept != MANY
    assert REPORTERS[name](kept, options) == REPORTERS[name](MANY, options)


def changed(keys: tuple[Any, ...], value: Any) -> Any:
    record = record_of(NASTY)
    holder = record
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    return record


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        "text",
        {**record_of(CLEAN), "path": 1},
        {**record_of(CLEAN), "path": None},
        {**record_of(CLEAN), "verdict": "maybe"},
        {**record_of(CLEAN), "verdict": []},
        {**record_of(CLEAN), "findings": {}},
        {**record_of(CLEAN), "facts": []},
        {**record_of(CLEAN), "facts": {}},
        {**record_of(CLEAN), "seconds": "1"},
        {key: value for key, value in record_of(CLEAN).items() if key != "allowlist"},
        changed(("findings", 0, "code"), "OG999"),
        changed(("findings", 0, "places"), []),
        changed(("findings", 0, "places", 0, "start"), "0"),
        changed(("findings", 0, "count"), True),
        changed(("facts", "size"), None),
        changed(("facts", "metadata"), [{"key": "a"}]),
        changed(("facts", "metadata"), [{"key": "a", "value": 1}]),
        changed(("facts", "metadata"), 5),
        changed(("facts", "initializer_bytes"), {"float32": "5"}),
        changed(("facts", "inputs", 0, "dims"), [1.5]),
    ],
    ids=lambda record: str(record)[-60:],
)
def test_what_is_no_record_is_refused(record: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        report_of(record)
