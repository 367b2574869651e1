"""Results as JSON Lines: a model is on disk once it is judged, and a later run goes on from there.

The first line names the schema, the version and a digest of the settings. Each other line holds a
model's path, what its file was when the run began, and the report. A line that was cut is nothing.
A power cut takes the last ``SECONDS_BETWEEN_SYNCS`` at most.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import IO, Any, NamedTuple, Self

from onnxguard.base.errors import UsageError
from onnxguard.base.exclusive import SECONDS_TO_WAIT, Lock, lock_file
from onnxguard.base.printable import printable
from onnxguard.base.writing import put_in_place, refuse_link, sync, sync_folder
from onnxguard.scanning.plain_values import record_of, report_of
from onnxguard.scanning.report import Report, Verdict
from onnxguard.sources.remote import DEFAULT_ACCESS, Access, is_remote, shown
from onnxguard.version import __version__

SCHEMA = "onnxguard/results/1"

SECONDS_BETWEEN_SYNCS = 5.0
"""What a power cut may take of the results."""


class Stamp(NamedTuple):
    """What tells that a file was changed, times in nanoseconds."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Results:
    """A file of results, open for more; a context manager.

    Attributes:
        done: reports of an earlier run that still hold, by path: the model was verified, its file
            is the same, or its server says so, and it has no data in other files.
    """

    def __init__(
        self,
        path: str,
        settings: str,
        models: Iterable[str],
        resume: bool = False,
        keep: Callable[[Report], Report] | None = None,
        access: Access = DEFAULT_ACCESS,
    ) -> None:
        """Begin a file, or with ``resume`` go on with one that is there.

        Args:
            path: the file.
            settings: ``digest_of`` what decides the verdicts.
            models: the paths that this run is about; lines about others are dropped.
            resume: go on with the file, if there is one.
            keep: what is kept of a report in ``done``.
            access: how long a server may be asked whether a model changed.

        Raises:
            UsageError: the file is there and not to be resumed, is a symbolic link, holds something
                else or results of other settings, is in use, or cannot be written.
        """
        refuse_link(path)
        self._path, self._shown = path, f'"{printable(path)}"'
        self._header = {
            "schema": SCHEMA,
            "tool": {"name": "onnxguard", "version": __version__},
            "settings": settings,
        }
        self._stamps = {model: _stamp(model) for model in models}
        self._models = {_name(model): model for model in self._stamps}
        self._access = access
        self._synced = time.monotonic()
        self._keep = keep or (lambda report: report)
        self.done: dict[str, Report] = {}
        try:
            self._stream = self._resumed() if resume and os.path.exists(path) else self._begun()
        except OSError as error:
            raise UsageError(f"cannot write {self._shown}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: object, *_: object) -> None:
        try:
            sync(self._stream)
        except OSError as error:
            if raised is None:  # else a line that could not be written was an error already
                raise self._unwritten(error) from None
        finally:
            with suppress(OSError):
                self._stream.close()

    def add(self, path: str, report: Report) -> None:
        """Write a model's report, so that it outlives this process.

        Raises:
            UsageError: it cannot be written; the lines before it stay.
        """
        stamp = self._stamps.get(path)
        file = None if stamp is None else stamp._asdict()
        try:
            self._write(
                self._stream, {"path": _name(path), "file": file, "report": record_of(report)}
            )
        except OSError as error:
            raise self._unwritten(error) from None

    def _unwritten(self, error: OSError) -> UsageError:
        return UsageError(
            f"cannot write {self._shown}: {error.strerror}; what it holds stays, and `resume` goes "
            "on from there"
        )

    def _write(self, stream: IO[bytes], value: dict[str, Any]) -> None:
        stream.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
        stream.flush()
        if time.monotonic() - self._synced > SECONDS_BETWEEN_SYNCS:
            sync(stream)
            self._synced = time.monotonic()

    def _begun(self) -> IO[bytes]:
        try:
            stream = open(self._path, "xb")  # noqa: SIM115 - it stays open
        except FileExistsError:
            raise UsageError(
                f"{self._shown} is there already: `resume` goes on with it; else remove it, or "
                "name another file"
            ) from None
        self._lock(stream)
        self._write(stream, self._header)
        sync(stream)
        sync_folder(os.path.dirname(os.path.realpath(self._path)))
        return stream

    def _resumed(self) -> IO[bytes]:
        """Write what still holds to a new file, which takes the place of the old one."""
        with open(self._path, "r+b") as old:
            self._lock(old)
            if os.fstat(old.fileno()).st_ino != os.stat(self._path).st_ino:
                raise self._in_use()
            self._compare_header(old)
            import tempfile

            real = os.path.realpath(self._path)
            folder, name = os.path.split(real)
            descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", dir=folder)
            stream = open(descriptor, "wb")  # noqa: SIM115 - it stays open
            try:
                self._lock(stream)
                self._write(stream, self._header)
                stream.writelines(self._lines(old))
                sync(stream)
                os.chmod(temporary, os.fstat(old.fileno()).st_mode & 0o777)
                put_in_place(temporary, real)
            except BaseException:  # Ctrl-C too
                os.unlink(temporary)
                with suppress(OSError):
                    stream.close()
                raise
        return stream

    def _compare_header(self, old: IO[bytes]) -> None:
        first = old.readline()
        if not first.endswith(b"\n"):  # cut, at once
            mine = json.dumps(self._header, separators=(",", ":")).encode()
            if mine.startswith(first):
                return
        header = _parsed(first)
        if header.get("schema") != SCHEMA:
            raise UsageError(f"{self._shown} holds no results of onnxguard: name another file")
        tool = header.get("tool")
        version = tool.get("version") if isinstance(tool, dict) else None
        if version != __version__:
            raise UsageError(
                f"{self._shown} is of onnxguard {printable(str(version))}, this is {__version__}: "
                "start a new file"
            )
        if header.get("settings") != self._header["settings"]:
            raise UsageError(
                f"{self._shown} holds results of other settings (allowlist or options): "
                "start a new file"
            )

    def _lines(self, old: IO[bytes]) -> Iterator[bytes]:
        versions = self._versions_now()
        for number, line in enumerate(old, 2):
            if not line.endswith(b"\n"):
                return
            value = _parsed(line)
            path = self._models.get(str(value.get("path")), "")
            try:
                report = report_of(value.get("report"))
                stamp = None if value["file"] is None else Stamp(**value["file"])
            except (KeyError, TypeError, ValueError, RecursionError):
                raise UsageError(
                    f"{self._shown} line {number} is no result: remove the line, or start a new "
                    "file"
                ) from None
            if path not in self._stamps or path in self.done:
                continue
            if self._holds(path, stamp, report, versions.get(path, "")):
                self.done[path] = self._keep(report)
                yield line

    def _versions_now(self) -> dict[str, str]:
        """What servers tell of the models at addresses."""
        addresses = [model for model in self._stamps if is_remote(model)]
        if not addresses:
            return {}
        from onnxguard.sources.remote.opening import versions_at

        return versions_at(addresses, self._access)

    def _holds(self, path: str, stamp: Stamp | None, report: Report, version: str) -> bool:
        if path == "-" or report.verdict is Verdict.ERROR or stamp != self._stamps[path]:
            return False
        if is_remote(path) and (report.read is None or not version == report.read.version != ""):
            return False
        return report.facts is not None and not report.facts.external_data

    def _lock(self, stream: IO[bytes]) -> None:
        """Keep other runs away for as long as the file is open."""
        if lock_file(stream, SECONDS_TO_WAIT) is Lock.ANOTHERS:
            raise self._in_use()

    def _in_use(self) -> UsageError:
        return UsageError(f"{self._shown} is written by another run: wait for it, or end it")


def _name(path: str) -> str:
    """A path as the file names it: an address without its secrets, but with what tells them apart.

    >>> _name("https://host/m.onnx?token=abc")
    'https://host/m.onnx?token=*** 5068a8f8a553f965'
    """
    if not is_remote(path):
        return path
    return f"{shown(path)} {hashlib.sha256(path.encode()).hexdigest()[:16]}"


def _stamp(path: str) -> Stamp | None:
    """What a local file is now; None for anything else."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
