"""What the seeds of an ablation came to, and whether the students differ by more than seeds do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.students.welch import welch_half_width

if TYPE_CHECKING:  # the records import NumPy, and a reporter needs none
    from onnxguard.students.records import Ablation


class StudentSummary(NamedTuple):
    """What one student's seeds came to in an ablation.

    Attributes:
        student: its name.
        parameters: trainable ones.
        ious: one a seed.
        best_epochs: one a seed.
        own_operators: those that no other student has; empty where there is no other.
        verdicts: ``(allowlist, verdict)``, the older list first; differing ones joined by a slash.
        seconds: of a training, the mean.
    """

    student: str
    parameters: int
    ious: tuple[float, ...]
    best_epochs: tuple[int, ...]
    own_operators: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    seconds: float

    @property
    def mean(self) -> float:
        """Of the IoU."""
        return fmean(self.ious)

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation of the IoU; None for a single seed."""
        return stdev(self.ious) if len(self.ious) > 1 else None


class Comparison(NamedTuple):
    """The best student of an ablation beside another.

    Attributes:
        leader: the student with the greatest mean IoU.
        other: another one.
        difference: of the mean IoU, at least 0.
        deviation: pooled over both students' seeds; None where one has a single seed.
        interval: Welch's 95 % interval of the difference; None as for the deviation.
    """

    leader: str
    other: str
    difference: float
    deviation: float | None
    interval: tuple[float, float] | None


def students(ablation: Ablation) -> tuple[StudentSummary, ...]:
    """What each student's seeds came to, in the order of the runs."""
    names = dict.fromkeys(run.student for run in ablation.runs)
    operators = {
        name: {op for run in ablation.runs if run.student == name for op in run.operators}
        for name in names
    }
    found = []
    for name in names:
        runs = [run for run in ablation.runs if run.student == name]
        others = [operators[other] for other in names if other != name]
        lists = dict.fromkeys(list_id for run in runs for list_id, _ in run.verdicts)
        judged = {
            list_id: dict.fromkeys(
                said for run in runs for at, said in run.verdicts if at == list_id
            )
            for list_id in lists
        }
        found.append(
            StudentSummary(
                name,
                runs[0].parameters,
                tuple(run.iou for run in runs),
                tuple(run.best_epoch for run in runs),
                tuple(sorted(operators[name].difference(*others))) if others else (),
                tuple((list_id, "/".join(said)) for list_id, said in judged.items()),
                fmean(run.seconds for run in runs),
            )
        )
    return tuple(found)


def allowlists(rows: Sequence[StudentSummary]) -> tuple[str, ...]:
    """The lists that any student was judged by, the older one first."""
    return tuple(dict.fromkeys(list_id for row in rows for list_id, _ in row.verdicts))


def comparisons(rows: Sequence[StudentSummary]) -> tuple[Comparison, ...]:
    """The student with the greatest mean IoU beside each other one; the earlier of equals leads."""
    if not rows:
        return ()
    leader = max(rows, key=lambda row: row.mean)
    found = []
    for other in rows:
        if other is leader:
            continue
        difference = leader.mean - other.mean
        spread = _spread(leader, other)
        if spread is None:
            found.append(Comparison(leader.student, other.student, difference, None, None))
            continue
        deviation, half = spread
        interval = (difference - half, difference + half)
        found.append(Comparison(leader.student, other.student, difference, deviation, interval))
    return tuple(found)


def _spread(one: StudentSummary, other: StudentSummary) -> tuple[float, float] | None:
    """The pooled deviation, and half of Welch's 95 % interval."""
    if one.deviation is None or other.deviation is None:
        return None
    counts = len(one.ious), len(other.ious)
    variances = one.deviation**2, other.deviation**2
    free = counts[0] - 1, counts[1] - 1
    pooled = math.sqrt((free[0] * variances[0] + free[1] * variances[1]) / sum(free))
    return pooled, welch_half_width(one.ious, other.ious)
