"""A candidate is made in a folder of its own, and moved out of it only when it passed.

A student is six files that belong together, and a file system renames one at a time. So the graph
is what counts: it goes first and comes last, and where it is, all that is in place is of one
student. ``NAME.run/publishing`` holds the old files and the new ones meanwhile. Whatever fails is
undone; where the process was killed, the next one to hold the folder undoes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from onnxguard.base.errors import TrainingError
from onnxguard.base.exclusive import exclusive
from onnxguard.base.printable import printable
from onnxguard.base.writing import make_folders, refuse_link, sync_folder, write_whole

EVIDENCE = "parity"
"""The folder, in that of the candidate, with the evidence of a failed parity check."""
GRAPH, WEIGHTS, CARD = ".onnx", ".safetensors", ".json"
ENDINGS = (WEIGHTS, CARD, ".md", ".curve.png", ".sheet.png", GRAPH)
"""The files of a student; the graph comes last: it is in place when all that describes it is."""

_PUBLISHING, _OLD, _NEW, _MOVING = "publishing", "old", "new", "moving"


def run_folder(out: str, student: str) -> str:
    """Where a student's checkpoint and its candidate lie while it is trained and judged."""
    return os.path.join(out, f"{student}.run")


def lock_of(out: str, student: str) -> str:
    """The file that is there while a process holds the folder."""
    return run_folder(out, student) + ".lock"


@contextmanager
def held(out: str, student: str) -> Iterator[str]:
    """Have a student's folder to oneself; what a killed publishing left is undone or done.

    It fails before the work where files could not be put in place, or written elsewhere.

    Raises:
        TrainingError: no such folder can be made, or something lies in it or in the place of a file
            that must not.
        UsageError: another run holds it, or it is a symbolic link.
    """
    folder = run_folder(out, student)
    for place in (out, folder):
        refuse_link(place)
    try:
        make_folders(out)
    except OSError as error:
        raise TrainingError(f'`out` "{printable(out)}": {error.strerror}') from None
    with exclusive(lock_of(out, student), printable(folder)):
        _require_own(out, folder, student)
        settle(out, student)
        try:
            make_folders(folder)
        except OSError as error:
            raise TrainingError(f"{printable(folder)}: {error.strerror}") from None
        yield folder


def _require_own(out: str, folder: str, student: str) -> None:
    for path in (os.path.join(place, student + e) for place in (out, folder) for e in ENDINGS):
        if os.path.isdir(path) and not os.path.islink(path):
            raise TrainingError(f"{printable(path)} is a folder, and is to be a file")
    links = [folder] if os.path.islink(folder) else []
    for inside in (folder, os.path.join(folder, _PUBLISHING)):
        with suppress(OSError), os.scandir(inside) as entries:
            links += [entry.path for entry in entries if entry.is_symlink()]
    if links:
        raise TrainingError(
            f"{printable(min(links))} is a symbolic link, through which files would be written "
            "elsewhere: remove it"
        )


def forget_candidate(folder: str, student: str) -> None:
    """Remove what an earlier candidate left, so that nothing is taken for the next one's.

    A folder in which nothing is left goes too.

    Raises:
        TrainingError: something stays.
    """
    kept = [os.path.join(folder, student + ending) for ending in ENDINGS]
    for path in kept:
        with suppress(OSError):
            os.unlink(path)
    evidence = os.path.join(folder, EVIDENCE)
    shutil.rmtree(evidence, ignore_errors=True)
    left = [path for path in (*kept, evidence) if os.path.lexists(path)]
    if left:
        raise TrainingError(f"{printable(left[0])} cannot be removed: remove it")
    with suppress(OSError):
        os.rmdir(folder)


# -- putting in place ------------------------------------------------------------------------------


def is_half_published(out: str, student: str) -> bool:
    """Whether a publishing is under way, or was when its process was killed."""
    return os.path.lexists(_publishing(out, student))


def publish(files: Mapping[str, bytes], out: str, student: str) -> str:
    """Put a candidate in place, or leave what is there as it is; the folder must be ``held``.

    The bytes that were judged are written anew beside the candidate, which others may have written
    to, and read back in the last moment.

    Args:
        files: the bytes of every file, by ``ENDINGS``.
        out: folder.
        student: its name.

    Returns:
        The path of the graph.

    Raises:
        TrainingError: a file cannot be put in place, or is not the one that was judged; what stood
            there before still does.
        UsageError: the files cannot be written.
    """
    base = _publishing(out, student)
    _require_described(files)
    shutil.rmtree(base, ignore_errors=True)
    try:
        for part in (_OLD, _NEW):
            make_folders(os.path.join(base, part))
        for ending in ENDINGS:
            write_whole(os.path.join(base, _NEW, student + ending), files[ending])
        write_whole(os.path.join(base, _MOVING), "")
        _move(files, out, student)
    except BaseException as error:  # Ctrl-C too
        _undo(out, student)
        if not isinstance(error, OSError):
            raise
        raise TrainingError(
            f"{printable(os.path.join(out, os.path.basename(error.filename or '')))} cannot be put "
            f"in place: {error.strerror}; nothing was replaced, and the candidate is in "
            f"{printable(run_folder(out, student))}"
        ) from None
    shutil.rmtree(base, ignore_errors=True)
    return os.path.join(out, student + GRAPH)


def _publishing(out: str, student: str) -> str:
    return os.path.join(run_folder(out, student), _PUBLISHING)


def _places(out: str, student: str, ending: str) -> tuple[str, str, str]:
    """Where a file is in the end, where the old one is put, and where the new one comes from."""
    base, name = _publishing(out, student), student + ending
    return os.path.join(out, name), os.path.join(base, _OLD, name), os.path.join(base, _NEW, name)


def _sync_all(out: str, student: str) -> None:
    base = _publishing(out, student)
    for folder in (out, os.path.join(base, _OLD), os.path.join(base, _NEW)):
        sync_folder(folder)


def _move(files: Mapping[str, bytes], out: str, student: str) -> None:
    for ending in reversed(ENDINGS):  # the graph goes first
        place, old, _ = _places(out, student, ending)
        if os.path.lexists(place):
            os.replace(place, old)
    _sync_all(out, student)
    for ending in ENDINGS[:-1]:
        place, _, new = _places(out, student, ending)
        os.replace(new, place)
    _sync_all(out, student)
    _require_judged(files, out, student)
    place, _, new = _places(out, student, GRAPH)
    os.replace(new, place)
    _sync_all(out, student)


def _require_described(files: Mapping[str, bytes]) -> None:
    """Refuse a card of another graph or of other weights."""
    card = json.loads(files[CARD])
    found = hashlib.sha256(files[GRAPH]).hexdigest(), hashlib.sha256(files[WEIGHTS]).hexdigest()
    if (card["sha256"], card["weights_sha256"], card["passed"]) != (*found, True):
        raise TrainingError("the card is not that of a student that passed: nothing was replaced")


def _require_judged(files: Mapping[str, bytes], out: str, student: str) -> None:
    """Refuse files that another process changed since they were judged."""
    for ending in ENDINGS:
        place, _, new = _places(out, student, ending)
        path = new if ending == GRAPH else place
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
        if digest != hashlib.sha256(files[ending]).digest():
            raise TrainingError(
                f"{printable(place)} is not what was judged, another process wrote it: nothing was "
                "replaced"
            )


def settle(out: str, student: str) -> None:
    """Finish a publishing of a process that was killed, if its graph is in place, or undo it.

    Raises:
        TrainingError: it cannot be undone.
    """
    if is_half_published(out, student):
        _, _, new = _places(out, student, GRAPH)
        if os.path.exists(new):
            _undo(out, student)
        shutil.rmtree(_publishing(out, student), ignore_errors=True)


def _undo(out: str, student: str) -> None:
    """Put back what stood there; each step may be the last one, and is then not done again."""
    base = _publishing(out, student)
    if os.path.exists(os.path.join(base, _MOVING)):
        try:
            _move_back(out, student)
        except OSError as error:
            raise TrainingError(
                f"what stood in {printable(out)} could not be put back: {error.strerror}; it is in "
                f"{printable(os.path.join(base, _OLD))}, and the next start tries it again"
            ) from None
    shutil.rmtree(base, ignore_errors=True)


def _move_back(out: str, student: str) -> None:
    for ending in reversed(ENDINGS):
        place, _, new = _places(out, student, ending)
        if not os.path.lexists(new) and os.path.lexists(place):
            os.replace(place, new)
    _sync_all(out, student)
    for ending in ENDINGS:  # the graph comes last
        place, old, _ = _places(out, student, ending)
        if os.path.lexists(old):
            os.replace(old, place)
    _sync_all(out, student)
    base = _publishing(out, student)
    os.unlink(os.path.join(base, _MOVING))
    sync_folder(
        base
    )  # else it might come back without the new files, and old ones be taken for them
