"""Outline the models of a run whose graphs a page has room for, those that failed first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxguard.base.budget import limited
from onnxguard.base.errors import ModelError, WireError
from onnxguard.model.outline import NODES, Outline, outline_of
from onnxguard.model.reading import read_model
from onnxguard.model.scopes import Scopes
from onnxguard.model.shapes.cost import TypeTexts
from onnxguard.policy.sizes import Sizes
from onnxguard.scanning.report import Report, Run, Verdict
from onnxguard.sources.files import open_model
from onnxguard.sources.remote import DEFAULT_ACCESS, Access

DRAWN_NODES, DRAWN_MODELS = 6_000, 100
"""So many nodes and models of a run are drawn."""

_ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)


def by_urgency(reports: Sequence[Report]) -> list[int]:
    """The indices of the reports: what was not verified, what failed, what has findings, the rest.

    Within each the order of the run.
    """

    def urgency(index: int) -> tuple[int, bool]:
        report = reports[index]
        return _ORDER.index(report.verdict), not report.findings

    return sorted(range(len(reports)), key=urgency)


def outlined(
    run: Run, paths: Sequence[str], access: Access = DEFAULT_ACCESS, sizes: Sizes = ()
) -> Run:
    """The run, with outlines of the models that a page draws; ``paths`` are those of the reports.

    A model is read again. One that was not read, came on standard input, or went away since has no
    outline.
    """
    reports = list(run.reports)
    for index in drawn(reports):
        report = reports[index]
        spans = [
            (place.start, place.end)
            for finding in report.findings
            if not finding.waiver
            for place in finding.places
        ]
        outline = read_outline(paths[index], access, spans, sizes)
        reports[index] = report._replace(outline=outline)
    return run._replace(reports=tuple(reports))


def drawn(reports: Sequence[Report]) -> Iterator[int]:
    """The indices of the reports whose graphs a page draws, the most urgent first."""
    nodes = models = 0
    for index in by_urgency(reports):
        facts = reports[index].facts
        if facts is None:
            continue
        nodes += min(facts.nodes, NODES)
        models += 1
        if nodes > DRAWN_NODES or models > DRAWN_MODELS:
            return
        yield index


def read_outline(
    path: str,
    access: Access = DEFAULT_ACCESS,
    spans: Sequence[tuple[int, int]] = (),
    sizes: Sizes = (),
) -> Outline | None:
    """Outline a model, as ``outline_of`` does, with shapes for inputs of those ``sizes``.

    None for standard input, and where it cannot be read.
    """
    if path == "-":
        return None
    try:
        with open_model(path, access) as data, limited():
            model = read_model(data)
            scopes = Scopes(model)
            texts = TypeTexts(scopes.shapes(sizes), scopes.types)
            return outline_of(model, spans, texts.of)
    except (ModelError, WireError):
        return None
