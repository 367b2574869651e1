"""The options of commands that judge many models, and how they are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from functools import partial
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from onnxguard.base.errors import UsageError
from onnxguard.base.processes import cores
from onnxguard.cli.grouped import grouped
from onnxguard.cli.kinds import FilePath
from onnxguard.cli.messages import note
from onnxguard.cli.output import Reports, check_output, check_place, is_one_of
from onnxguard.cli.progress import on_terminal, progress_bar
from onnxguard.many.judge_all import judge_all
from onnxguard.scanning.report import Report
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, is_remote

AT_ONCE = 8
"""Models at addresses that are read at once: most of the time they wait for servers."""


class Scale(NamedTuple):
    """Where models are judged, and the file that keeps their results."""

    jobs: int
    scheduler: str | None
    results: str | None
    resume: bool

    def checked(self, reports: Reports, models: Sequence[str]) -> Scale:
        """The options with the number of processes, once they make sense.

        Raises:
            UsageError: they contradict each other, or the file of results cannot be written.
        """
        if self.resume and self.results is None:
            raise UsageError("--resume goes on with a file of results: name it with --results")
        files = [reports.output, *(file for _, file in reports.formats)]
        if self.results is not None and is_one_of(self.results, filter(None, files)):
            raise UsageError("--results and --output are two files")
        check = check_place if self.resume else check_output  # what is gone on with is read anyway
        check(self.results, models, "--results")
        told = click.get_current_context().get_parameter_source("jobs")
        if told is ParameterSource.DEFAULT and any(map(is_remote, models)):
            return self._replace(jobs=min(AT_ONCE, len(models)))
        return self._replace(jobs=self.jobs or cores())


scale_options = grouped(
    "scale",
    Scale._fields,
    Scale,
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(0),
        default=1,
        show_default=True,
        help="Processes to judge models with; 0: one for each core. At addresses: 8 by default.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Use the workers of the Dask cluster there, tcp://HOST:8786 (extra: fleet).",
    ),
    click.option(
        "--results",
        type=FilePath("FILE.jsonl"),
        help="Write each model's result there as soon as it is known.",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with the results there: skip models that were verified and are unchanged.",
    ),
)


def judge_models(
    models: Sequence[str],
    judge: Callable[[str], Report],
    lost: Callable[[str], Report],
    scale: Scale,
    settings: str = "",
    keep: Callable[[Report], Report] | None = None,
    access: Access = DEFAULT_ACCESS,
) -> list[Report]:
    """Judge models, and write and skip as the options say.

    Args:
        models: their paths as the user named them, each once.
        judge: what a worker does with each.
        lost: the report on a model whose process died.
        scale: the options.
        settings: ``digest_of`` what decides the verdicts, for a file of results.
        keep: what is kept of a report until the end; what a file of results holds is whole.
        access: how long a server may be asked whether a model changed.
    """
    show = len(models) > 1 and on_terminal()
    if scale.results is None:
        if keep is not None:
            judge = partial(_judge_leanly, judge, keep)
        reports = judge_all(models, judge, lost, scale.jobs, scale.scheduler, tell=tell)
        with closing(reports) as found, _progress(found, len(models), show) as shown:
            return list(shown)
    from onnxguard.many.results_file import Results

    with Results(scale.results, settings, models, scale.resume, keep, access) as results:
        left = [model for model in models if model not in results.done]
        reports = judge_all(left, judge, lost, scale.jobs, scale.scheduler, results.add, tell)
        by_model = dict(results.done)
        with closing(reports) as found, _progress(found, len(left), show) as shown:
            for model, report in zip(left, shown, strict=True):
                by_model[model] = report if keep is None else keep(report)
    return [by_model[model] for model in models]


def tell(text: str) -> None:
    """Say on stderr what the user should know of the work."""
    note(f"onnxguard: {text}")


def _judge_leanly(
    judge: Callable[[str], Report], keep: Callable[[Report], Report], model: str
) -> Report:
    """In a worker: leave out what need not be sent."""
    return keep(judge(model))


def _progress(reports: Iterator[Report], length: int, show: bool) -> Any:
    if not show:
        return nullcontext(reports)
    return progress_bar("scanning", length, reports)
