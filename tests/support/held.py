"""``onnxguard ARGUMENTS``, held in the middle of a training until it is asked to stop.

A process of its own: ``held.py TRAINING EPOCH STEP ARGUMENTS...``. After that step of that epoch of
that training, all counted from 1, it says ``HELD`` on standard error and waits for the signal, or
to be killed: a signal that is sent after some time comes too late where the machine is busy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HELD = "held"


def held(training: int, epoch: int, step: int) -> list[str]:
    """The first words of such a command, without the interpreter."""
    return [str(Path(__file__)), str(training), str(epoch), str(step)]


def said_until_held(process: subprocess.Popen[str], processes: int = 1) -> list[str]:
    """What a command said on standard error until it was held, in all its processes."""
    assert process.stderr is not None
    said: list[str] = []
    while processes:
        line = process.stderr.readline()
        assert line, "".join(said)
        processes -= line.endswith(f"{HELD}\n")
        said.append(line)
    return said


def hold(training: int, epoch: int, step: int) -> None:
    """Hold this process there."""
    from onnxguard.students.training import _Loop

    look, begin, begun = _Loop._require_finite, _Loop.__init__, 0

    def beginning(self: _Loop, *given: Any) -> None:
        nonlocal begun
        begun += 1
        begin(self, *given)

    def looking(self: _Loop, loss: float, at: int, done: int) -> None:
        look(self, loss, at, done)
        if (begun, at + 1, done) == (training, epoch, step):
            os.write(2, f"{HELD}\n".encode())  # at once, for others write there too
            while not self._stop.asked:
                time.sleep(0.01)

    _Loop.__init__, _Loop._require_finite = beginning, looking  # type: ignore[method-assign]


if __name__ == "__main__":
    hold(*map(int, sys.argv[1:4]))
    from onnxguard.cli import main

    sys.exit(main(sys.argv[4:]))
