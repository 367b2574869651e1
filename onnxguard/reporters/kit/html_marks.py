"""Which boxes of an outline the findings of a report are about."""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.model.outline import Box, Outline
from onnxguard.scanning.report import Report

At = tuple[int, int]
"""A box: the index of its graph, and its own in there."""

_ORDER = list(Severity)


class Marks(NamedTuple):
    """Where the findings are.

    Attributes:
        boxes: the standing findings at each box, as indices into ``report.findings``, the worst
            first.
        places: the box around each place of a finding, by the finding's index and the place's.
    """

    boxes: dict[At, list[int]]
    places: dict[tuple[int, int], At]


def marks(report: Report, outline: Outline) -> Marks:
    """Find the boxes.

    A finding marks the innermost node around each of its places. Where it has more places than it
    kept, it marks every node of its operator.
    """
    boxes = _boxes(outline)
    marked: dict[At, dict[int, None]] = {}
    found: dict[tuple[int, int], At] = {}
    places: list[tuple[Place, int, int]] = []
    for number, finding in enumerate(report.findings):
        if finding.waiver:
            continue
        places += [(place, number, at) for at, place in enumerate(finding.places)]
        if finding.operator and finding.count > len(finding.places):
            for box, at in boxes:
                if box.label == finding.operator:
                    marked.setdefault(at, {})[number] = None
    places.sort(key=lambda entry: entry[0].start)
    around: list[tuple[Box, At]] = []
    ahead = iter(boxes)
    following = next(ahead, None)
    for place, number, index in places:
        while following is not None and following[0].start <= place.start:
            around.append(following)
            following = next(ahead, None)
        while around and around[-1][0].end <= place.start:
            around.pop()
        inner = next((at for box, at in reversed(around) if box.end >= place.end), None)
        if inner is not None:
            marked.setdefault(inner, {})[number] = None
            found[number, index] = inner
    boxed = {at: sorted(some, key=lambda n: _weight(report, n)) for at, some in marked.items()}
    return Marks(boxed, found)


def severity_of(report: Report, numbers: list[int]) -> Severity:
    """The severity of the worst of some findings."""
    return min((report.findings[number].severity for number in numbers), key=_ORDER.index)


def _weight(report: Report, number: int) -> tuple[int, int]:
    finding: Finding = report.findings[number]
    return _ORDER.index(finding.severity), number


def _boxes(outline: Outline) -> list[tuple[Box, At]]:
    """The nodes in the order of the file, each before those inside it."""
    boxes = [
        (box, (number, index))
        for number, graph in enumerate(outline.graphs)
        for index, box in enumerate(graph.boxes)
        if box.route
    ]
    return sorted(boxes, key=lambda pair: (pair[0].start, -pair[0].end, pair[1]))
