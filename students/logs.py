"""Who is told how a training goes: nobody, a CSV file, TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from onnxguard.students.history import Epoch

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.writing import write_whole


class Watch:
    """Is told of every step that is looked at and of every epoch; this one does nothing."""

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        """Hear of a step.

        Args:
            epoch: the one that is under way, from 1.
            step: how many of its steps are done.
            steps: how many it has.
            loss: the mean over those that are done.
            rate: images a second since the epoch, or the process, began.
        """

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Hear of an epoch that is over: the last of ``history``, which a resumed one goes on."""

    def resumed(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Hear of the epochs that an earlier process did."""
        self.epoch(history, best_epoch)

    def close(self) -> None:
        """Hear that nothing more comes."""


class Watches(Watch):
    """Tells several."""

    def __init__(self, *watches: Watch) -> None:
        self._watches = watches

    def step(self, epoch: int, step: int, steps: int, loss: float, rate: float) -> None:
        """Tell each."""
        for watch in self._watches:
            watch.step(epoch, step, steps, loss, rate)

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Tell each."""
        for watch in self._watches:
            watch.epoch(history, best_epoch)

    def resumed(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Tell each."""
        for watch in self._watches:
            watch.resumed(history, best_epoch)

    def close(self) -> None:
        """Tell each."""
        for watch in self._watches:
            watch.close()


class CsvLog(Watch):
    """A CSV file with a line an epoch, whole after each, resumed ones included."""

    def __init__(self, path: str) -> None:
        self._path = path

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Write the file anew.

        Raises:
            UsageError: it cannot be written.
        """
        del best_epoch
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(Epoch._fields)
        table.writerows(history)
        write_whole(self._path, text.getvalue())


class TensorBoardLog(Watch):
    """Scalars for TensorBoard, the x axis being epochs."""

    def __init__(self, folder: str) -> None:
        from torch.utils.tensorboard import SummaryWriter

        try:
            self._writer: Any = SummaryWriter(folder)
        except OSError as error:
            raise UsageError(f'--tensorboard "{printable(folder)}": {error.strerror}') from None
        self._written = 0

    def epoch(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Add what is new."""
        del best_epoch
        for epoch in history[self._written :]:
            for name, value in (
                ("loss/training", epoch.loss),
                ("iou/validation", epoch.iou),
                ("learning rate", epoch.learning_rate),
                ("images a second", epoch.images_per_second),
            ):
                self._writer.add_scalar(name, value, epoch.number)
        self._written = len(history)
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
