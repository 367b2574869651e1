"""A candidate is made in a folder of its own, and moved out of it only when it passed."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from onnxguard.base.errors import TrainingError
from onnxguard.base.printable import printable
from onnxguard.base.writing import refuse_link, write_whole
from onnxguard.gating.gates import EVIDENCE
from onnxguard.students.exporting import export_student

if TYPE_CHECKING:
    from torch import nn

    from onnxguard.students.student import Student

ENDINGS = (".safetensors", ".json", ".md", ".curve.png", ".sheet.png", ".onnx")
"""The files of a student; the graph comes last: it is in place when all that describes it is."""


def run_folder(out: str, student: str) -> str:
    """Where a student's checkpoint and its candidate lie while it is trained and judged."""
    return os.path.join(out, f"{student}.run")


def require_out(out: str, student: str) -> None:
    """Make the folder, and fail before the work where its files could not be replaced.

    Raises:
        TrainingError: it is no folder, or a folder lies where a file is to be.
        UsageError: it is a symbolic link.
    """
    for folder in (out, run_folder(out, student)):
        refuse_link(folder)
    try:
        os.makedirs(run_folder(out, student), exist_ok=True)
    except OSError as error:
        raise TrainingError(f'--out "{printable(out)}": {error.strerror}') from None
    for ending in ENDINGS:
        path = os.path.join(out, student + ending)
        if os.path.isdir(path):
            raise TrainingError(f"{printable(path)} is a folder, and is to be a file")


def forget_candidate(folder: str, student: str) -> None:
    """Remove what an earlier candidate left, so that nothing is taken for the next one's.

    A folder in which nothing is left goes too.
    """
    for ending in ENDINGS:
        with suppress(OSError):
            os.unlink(os.path.join(folder, student + ending))
    shutil.rmtree(os.path.join(folder, EVIDENCE), ignore_errors=True)
    with suppress(OSError):
        os.rmdir(folder)


def write_candidate(folder: str, student: Student, network: nn.Module) -> tuple[str, str]:
    """Write a network's weights and its graph; returns their paths, the graph's first.

    Raises:
        UsageError: a file cannot be written.
    """
    from safetensors.torch import save

    base = os.path.join(folder, student.name)
    state = {n: t.detach().cpu().contiguous() for n, t in network.state_dict().items()}
    write_whole(base + ".safetensors", save(state, {"student": student.name}))
    write_whole(base + ".onnx", export_student(student, network))
    return base + ".onnx", base + ".safetensors"


def publish(folder: str, out: str, student: str) -> str:
    """Move a candidate's files out of its folder, each by one rename; returns the graph's path.

    Raises:
        TrainingError: a file cannot be moved.
    """
    for ending in ENDINGS:
        source, target = (os.path.join(place, student + ending) for place in (folder, out))
        try:
            os.replace(source, target)
        except OSError as error:
            raise TrainingError(
                f"{printable(target)} cannot be put in place: {error.strerror}; the candidate is "
                f"in {printable(folder)}"
            ) from None
    return os.path.join(out, student + ".onnx")
