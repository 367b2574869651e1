"""A folder with all that it takes to see a difference again, elsewhere and without this tool."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import IO, Any

import numpy as np
import onnx

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.writing import make_folders, put_in_place, refuse_link, sync
from onnxguard.parity.node_pass import Evidence
from onnxguard.parity.report import EvidenceError, NodeCheck, ParityReport
from onnxguard.parity.trials import Case
from onnxguard.running.comparison import Array
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.providers import PROVIDER_NAMES, PROVIDER_OPTIONS

MANIFEST = "manifest.json"
SCRIPT = "replay.py"
OWN = (
    SCRIPT,
    "model.onnx",
    "model/model.onnx",
    "model",
    "inputs.npz",
    "reference.npz",
    "model.npz",
    "node.onnx",
    "node_inputs.npz",
    "node_expected.npz",
    "node_actual.npz",
    MANIFEST,
)
"""What a folder of evidence holds."""

_BLOCK = 1 << 20


def require_folder(folder: str) -> None:
    """Make the folder, and fail before the work where evidence could not be written to it.

    Raises:
        UsageError: it cannot be made or written, is a symbolic link, or holds such files of another
            origin.
    """
    _Folder(folder)


def save_evidence(
    folder: str,
    report: ParityReport,
    model: OnnxModel,
    case: Case | None,
    node: Evidence | None,
) -> None:
    """Write the graph, the worst inputs with both answers, and a script that compares them again.

    No name that came from a model becomes a file's, but for those of external data, which a scan
    judged. These lie in a folder of their own, because what lies beside a script can be imported
    by it. The manifest is written last: a folder without one is not whole.

    Args:
        folder: where, made if missing; one that holds such files of another origin is refused.
        report: what was found.
        model: the graph.
        case: the one to show, None where nothing was compared.
        node: the first wrong node, None where there is none.

    Raises:
        EvidenceError: the folder cannot be written any more.
    """
    try:
        _save(_Folder(folder), report, model, case, node)
    except UsageError as error:
        raise EvidenceError(str(error), report) from None


def _save(
    target: _Folder,
    report: ParityReport,
    model: OnnxModel,
    case: Case | None,
    node: Evidence | None,
) -> None:
    target.begin()
    target.write(SCRIPT, _script())  # first: it marks the folder as one that may be written again
    graph = _write_model(target, model)
    comparisons = []
    if case is not None:
        inputs = list(case.inputs.arrays.items())
        parts = target.arrays("inputs.npz", "input", inputs)
        expected = target.arrays("reference.npz", "output", case.expected or ())
        for entry, difference in zip(expected["arrays"], case.trial.differences, strict=False):
            entry |= {"tolerance": difference.tolerance, "relative": difference.relative}
        actual = target.arrays("model.npz", "output", case.actual or ())
        names, given = [d.name for d in model.outputs], [name for name, _ in case.actual or ()]
        places = None if names == given else [names.index(name) for name in given]
        comparisons.append(_comparison(graph, graph, report.atol, parts, expected, actual, places))
    if node is not None and report.nodes.wrong:
        comparisons.append(_write_node(target, report.nodes.wrong[0], node))
    target.end({**_about(report, case), "comparisons": comparisons})


def _about(report: ParityReport, case: Case | None) -> dict[str, Any]:
    identity = report.identity
    asked = identity.provider if identity else "cpu"
    providers = {PROVIDER_NAMES[n]: PROVIDER_OPTIONS.get(n, {}) for n in (asked, "cpu")}
    trial = case.trial if case else None
    return {
        "schema": 1,
        "path": report.path,
        "reference": report.reference,
        "verdict": report.verdict.value,
        "profile": trial.profile if trial else None,
        "seed": trial.seed if trial else None,
        "providers": list(providers.items()),
        "optimization_level": identity.optimization_level if identity else "all",
        "versions": dict(identity.versions) if identity else {},
        "platform": identity.platform if identity else "",
    }


def _comparison(
    model: str,
    title: str,
    tolerance: float,
    inputs: dict[str, Any],
    expected: dict[str, Any],
    actual: dict[str, Any],
    outputs: list[int] | None = None,
) -> dict[str, Any]:
    """What the script replays; ``outputs`` are the positions that are compared, None for all."""
    return {
        "title": title,
        "model": model,
        "tolerance": tolerance,
        "outputs": outputs,
        "inputs": inputs,
        "expected": expected,
        "actual": actual,
    }


def _write_model(target: _Folder, model: OnnxModel) -> str:
    """Write the very bytes that were checked; return the file's name."""
    if not model.external:
        return target.write("model.onnx", model.data)
    for location, digest in model.external:
        name = posixpath.normpath(location)
        up = ".." in location.split("/")  # through a folder that would not be there
        if name.casefold() == "model.onnx" or name.startswith("/") or up:
            raise UsageError(f'evidence cannot be saved: external data "{printable(location)}"')
        target.copy(f"model/{name}", os.path.join(model.folder, location), digest)
    return target.write("model/model.onnx", model.data)


def _write_node(target: _Folder, check: NodeCheck, node: Evidence) -> dict[str, Any]:
    names = [value.name for value in onnx.load_model_from_string(node.data).graph.output]
    output = next(i for i, n in enumerate(names) if printable(n) == check.difference.output)
    return {
        **_comparison(
            target.write("node.onnx", node.data),
            f"node.onnx ({check.operator})",
            check.difference.tolerance,
            target.arrays("node_inputs.npz", "input", list(node.fed.items())),
            target.arrays("node_expected.npz", "output", [(names[output], node.expected)]),
            target.arrays("node_actual.npz", "output", [(names[output], node.actual)]),
            [output],
        ),
        "node": check.node,
        "module": check.module,
    }


def _script() -> bytes:
    return (files("onnxguard.parity") / SCRIPT).read_bytes()


class _Folder:
    """A folder that is filled file by file, each whole or not there."""

    def __init__(self, path: str) -> None:
        refuse_link(path)
        refuse_link(os.path.join(path, "model"))
        self._path = os.path.realpath(path)
        self._digests: dict[str, str] = {}
        with self._refusing():
            make_folders(self._path)
            present = [name for name in OWN if os.path.lexists(os.path.join(self._path, name))]
            if present and not self._is_evidence():
                raise UsageError(
                    f'evidence would overwrite {present[0]} in "{printable(path)}": '
                    "save into another folder"
                )
            with tempfile.TemporaryFile(dir=self._path):
                pass

    def begin(self) -> None:
        """From here on the folder is not whole, until the manifest is written."""
        self._remove(MANIFEST)

    def write(self, name: str, data: bytes) -> str:
        """Write one file; return its name."""
        return self._put(name, lambda stream: stream.write(data))

    def arrays(self, name: str, key: str, arrays: Any) -> dict[str, Any]:
        """Write named arrays under ``key_0`` and so on; describe them for the manifest."""
        keyed = {f"{key}_{i}": array for i, (_, array) in enumerate(arrays)}
        packed: dict[str, Any] = {place: pack(array) for place, array in keyed.items()}
        self._put(name, lambda stream: np.savez(stream, **packed))
        described = [
            {
                "key": place,
                "name": given,
                "dtype": "str" if array.dtype.kind in "OU" else array.dtype.name,
                "shape": list(array.shape),
                "sha256": hashlib.sha256(packed[place].tobytes()).hexdigest(),
            }
            for (place, array), (given, _) in zip(keyed.items(), arrays, strict=True)
        ]
        return {"file": name, "arrays": described}

    def copy(self, name: str, source: str, digest: str) -> None:
        """Copy a file that must still be what it was."""

        def blocks(stream: IO[bytes]) -> None:
            with open(source, "rb") as original:
                while block := original.read(_BLOCK):
                    stream.write(block)

        self._put(name, blocks)
        if self._digests[name] != digest:
            self._remove(name)
            raise UsageError(f'"{printable(source)}" was changed while it was checked: check again')

    def end(self, manifest: dict[str, Any]) -> None:
        """Remove what an earlier report left, then write the manifest."""
        for name in OWN:
            if name not in self._digests:
                self._remove(name)
        whole = {**manifest, "files": self._digests.copy()}
        self.write(MANIFEST, (json.dumps(whole, indent=1) + "\n").encode())

    def _put(self, name: str, fill: Callable[[IO[bytes]], object]) -> str:
        path = self._place(name)
        with self._refusing(path):
            make_folders(os.path.dirname(path))
            descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=os.path.dirname(path))
            try:
                with open(descriptor, "w+b") as stream:
                    fill(stream)
                    stream.seek(0)
                    self._digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
                    sync(stream)
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(temporary, 0o666 & ~umask)
                put_in_place(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
        return name

    def _remove(self, name: str) -> None:
        path = self._place(name)
        with self._refusing(path):
            if os.path.islink(path) or os.path.isfile(path):
                os.unlink(path)

    def _place(self, name: str) -> str:
        """Where a file lies; one that is a link itself is replaced, and not followed."""
        path = self._path
        *folders, last = name.split("/")
        for folder in folders:
            path = os.path.join(path, folder)
            refuse_link(path)
        return os.path.join(path, last)

    def _is_evidence(self) -> bool:
        path = os.path.join(self._path, SCRIPT)
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as stream:
            return stream.readline() == _script().splitlines(keepends=True)[0]

    @contextmanager
    def _refusing(self, path: str = "") -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            where = printable(path or self._path)
            raise UsageError(f'evidence cannot be written to "{where}": {reason}') from None


def pack(array: Array) -> Array:
    """Make an array that any NumPy reads: bfloat16 and its like as bits, text as JSON's bytes."""
    if array.dtype.kind in "OU":
        text = json.dumps(array.ravel().tolist())
        return np.frombuffer(text.encode(), np.uint8)
    if array.dtype.isbuiltin != 1:
        return np.array(array, order="C").view(f"u{array.dtype.itemsize}")
    return array
