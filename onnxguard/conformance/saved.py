"""Records of operators in a file, a line each, so that a long run can be gone on with."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.conformance.record import (
    CaseResult,
    Covered,
    Evidence,
    OperatorRecord,
    Outcome,
    Source,
)
from onnxguard.version import __version__


class Saved:
    """The records of a run, by the operator's label; with a file they outlive it.

    Args:
        path: of the file, None for none.
        settings: all that decides on the records; a file with others is refused.
        resume: take the records that the file holds, instead of beginning anew.

    Raises:
        UsageError: the file cannot be written, or is of another run.
    """

    def __init__(
        self, path: str | Path | None, settings: dict[str, Any], resume: bool = False
    ) -> None:
        self.records: dict[str, OperatorRecord] = {}
        self._stream: TextIO | None = None
        if path is None:
            return
        head = json.dumps({"schema": "onnxguard/conformance-records/1", "version": __version__,
                           **settings}, sort_keys=True)  # fmt: skip
        try:
            if resume and os.path.exists(path):
                self._read(path, head)
                self._stream = open(path, "a", encoding="utf-8")  # noqa: SIM115 - until the end
            else:
                self._stream = open(path, "w", encoding="utf-8")  # noqa: SIM115 - until the end
                self._write(head)
        except OSError as error:
            raise UsageError(f"{printable(os.fspath(path))}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def add(self, record: OperatorRecord) -> None:
        """Keep a record."""
        self.records[record.label] = record
        self._write(json.dumps(_plain(record)))

    def _write(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def _read(self, path: str | Path, head: str) -> None:
        shown = printable(os.fspath(path))
        with open(path, encoding="utf-8", errors="replace") as stream:
            first, *lines = stream.read().split("\n")
        if first != head:
            raise UsageError(
                f"{shown}: its results are of other settings or versions: leave `resume` out"
            )
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, KeyError):  # a line that was cut short
                record = _record(json.loads(line))
                self.records[record.label] = record
        if lines and lines[-1]:
            with open(path, "a", encoding="utf-8") as stream:
                stream.write("\n")


def _plain(record: OperatorRecord) -> dict[str, Any]:
    found = record._asdict()
    return found | {"cases": [case._asdict() for case in record.cases]}


def _record(found: dict[str, Any]) -> OperatorRecord:
    cases = tuple(
        CaseResult(**case | {"outcome": Outcome(case["outcome"]), "source": Source(case["source"])})
        for case in found["cases"]
    )
    coverage = tuple(Covered(*item) for item in found["coverage"])
    evidence = Evidence(found["evidence"])
    return OperatorRecord(**found | {"cases": cases, "coverage": coverage, "evidence": evidence})
