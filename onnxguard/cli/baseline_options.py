"""``--baseline`` and ``--update-baseline``, which several commands share."""

from __future__ import annotations

import os
from typing import NamedTuple

import click

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import plural, printable
from onnxguard.cli.grouped import grouped
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.messages import note
from onnxguard.cli.output import check_place
from onnxguard.scanning.baseline import Located, accept, read_baseline, write_baseline
from onnxguard.scanning.report import Run


class Baseline(NamedTuple):
    """What the options say: a file that is read, or else written anew."""

    baseline: str | None
    update_baseline: bool

    def check(self, partial: bool = False) -> None:
        """Fail before the work, not after it.

        Args:
            partial: only some of the models are looked at.

        Raises:
            UsageError: the options do not go together, or the file cannot be written.
            ManifestError: the file is no baseline.
        """
        path = self.baseline
        if path is None:
            if self.update_baseline:
                raise UsageError("--update-baseline: name the file with --baseline FILE")
        elif not self.update_baseline:
            read_baseline(path)
        elif partial:
            raise UsageError("--update-baseline looks at all models: leave the paths out")
        else:
            check_place(path, option="--baseline")
            if os.path.lexists(path):
                read_baseline(path)  # nothing else is written over

    def judged(self, run: Run, strict: bool, partial: bool = False, located: Located = str) -> Run:
        """The run with what the baseline accepts waived; the file is written first if asked.

        Args:
            run: all that was found.
            strict: warnings fail a model too.
            partial: only some of the models were looked at.
            located: tells where a report's file lies.
        """
        if self.baseline is None:
            return run
        if self.update_baseline:
            accepted = write_baseline(self.baseline, run, located)
            shown = printable(self.baseline)
            note(f"wrote {shown}: {plural(accepted, 'finding')} accepted")
        return accept(run, read_baseline(self.baseline), strict, partial, located)


baseline_options = grouped(
    "baseline",
    Baseline._fields,
    Baseline,
    click.option(
        "--baseline",
        type=FilePath("FILE"),
        help="Fail only on findings that this file does not accept.",
    ),
    click.option(
        "--update-baseline", is_flag=True, help="Accept what is found now, and write it there."
    ),
)
