"""OG801 and OG802: findings that a list accepts."""

from __future__ import annotations

from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

_Own = partial(Rule, waivable=False, baselinable=False)

WAIVERS = (
    _Own(
        "OG801",
        "waiver-expired",
        Severity.ERROR,
        "A waiver covers this model but has run out.",
        "A waiver is an exception with a date because somebody promised to come back to it. Past "
        "its date it covers nothing.",
        "Fix what it excuses and delete it, or renew it in review with a new date and reason.",
    ),
    _Own(
        "OG802",
        "waiver-unused",
        Severity.ERROR,
        "A waiver excused nothing.",
        "The problem is gone, or the pattern never matched. Left in place, the waiver will one day "
        "excuse something that nobody reviewed.",
        "Delete the waiver, or correct its pattern or codes.",
    ),
)
