"""Runs the saved graphs again and compares: needs NumPy, ONNX Runtime and the files beside it.

    python replay.py

Exit code: 0 within the tolerance, 1 beyond it, 2 where nothing could be compared. That is so of
graphs with bfloat16 or float8 inputs or outputs as well: NumPy has no such dtypes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any

import numpy as np

# Read at its import. Its telemetry writes texts from the graph to the home folder.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime as ort  # type: ignore[import-untyped] # it has no stubs

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = {
    "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def main() -> int:
    """Replay everything that the manifest names."""
    with open(os.path.join(HERE, "manifest.json"), encoding="utf-8") as stream:
        manifest = json.load(stream)
    for name, digest in manifest["files"].items():
        if sha256(name) != digest:
            return stop(f"{json.dumps(name)} is not the file that was saved")
    wanted = manifest["providers"][0][0]
    if wanted not in ort.get_available_providers():
        return stop(f"this ONNX Runtime has no {wanted}")
    if not manifest["comparisons"]:
        return stop("nothing was compared, so that there is nothing to replay")
    say(f"ONNX Runtime {ort.__version__}, NumPy {np.__version__}, {wanted}")
    saved = ", ".join(f"{name} {number}" for name, number in manifest["versions"].items())
    say(f"saved with {saved}")
    try:
        verdicts = [replay(manifest, part) for part in manifest["comparisons"]]
    except Exception as error:  # ONNX Runtime's errors have no other class
        return stop(" ".join(str(error).split()))
    return 0 if all(verdicts) else 1


def replay(manifest: dict[str, Any], part: dict[str, Any]) -> bool:
    """Run one graph and compare; tell whether all of it is within the tolerance."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = LEVELS[manifest["optimization_level"]]
    path = os.path.join(HERE, *part["model"].split("/"))
    providers = [(name, chosen) for name, chosen in manifest["providers"]]
    session = ort.InferenceSession(path, options, providers=providers)
    if providers[0][0] not in session.get_providers():
        raise RuntimeError(f"{providers[0][0]} is not active here")
    feeds = {entry["name"]: load(part["inputs"], entry) for entry in part["inputs"]["arrays"]}
    values = session.run(None, feeds)
    outputs = part["outputs"] if part["outputs"] is not None else range(len(values))
    expected = part["expected"]["arrays"]
    if len(outputs) != len(expected):
        say(f"FAIL {part['title']}: outputs: {len(outputs)}, of the reference: {len(expected)}")
        return False
    verdicts = []
    for position, entry in zip(outputs, expected, strict=True):
        said, within = compare(load(part["expected"], entry), values[position], entry, part)
        name = json.dumps(session.get_outputs()[position].name)
        say(f"{'ok  ' if within else 'FAIL'} {part['title']}, output {name}: {said}")
        verdicts.append(within)
    return all(verdicts)


def compare(
    expected: np.ndarray, actual: Any, entry: dict[str, Any], part: dict[str, Any]
) -> tuple[str, bool]:
    """Say what one output differs by, and whether that is within the tolerance."""
    actual = np.asarray(actual)
    dtype = "str" if actual.dtype.kind in "OU" else actual.dtype.name
    if dtype != entry["dtype"]:
        return f"{dtype}, the reference gives {entry['dtype']}", False
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, the reference gives {expected.shape}", False
    if not expected.size:
        return "no elements", True
    if expected.dtype.kind not in "fc":
        unequal = expected != actual
        place = np.unravel_index(int(np.argmax(unequal)), expected.shape)
        over = int(np.count_nonzero(unequal))
        said = f"{over:,} of {expected.size:,} elements differ"
        return (f"{said}, first {at(place, expected, actual)}" if over else said), not over
    finite = np.isfinite(expected) & np.isfinite(actual)
    if not finite.all():
        place = np.unravel_index(int(np.argmin(finite)), expected.shape)
        bad = int(expected.size - np.count_nonzero(finite))
        said = f"{bad:,} elements are NaN or infinite, first {at(place, expected, actual)}"
        return said, False
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    with np.errstate(over="ignore"):
        gaps = np.abs(expected.astype(wide) - actual.astype(wide))
    place = np.unravel_index(int(np.argmax(gaps)), expected.shape)
    absolute = entry.get("tolerance", part["tolerance"])
    allowed = absolute + entry.get("relative", 0.0) * np.abs(expected.astype(wide))
    over = int(expected.size - np.count_nonzero(gaps <= allowed))
    said = f"largest difference {float(gaps[place])!r} {at(place, expected, actual)}"
    return f"{said}; {over:,} of {gaps.size:,} above {absolute!r}", not over


def at(place: Any, expected: np.ndarray, actual: np.ndarray) -> str:
    """Where, and both values there."""
    where = ", ".join(str(int(i)) for i in place)
    ours, theirs = (
        ascii(value) if isinstance(value, str) else str(value)
        for value in (expected[place], actual[place])
    )
    return f"at [{where}]: {theirs} instead of {ours}"


def load(part: dict[str, Any], entry: dict[str, Any]) -> Any:
    """Give an array back: npz files know neither bfloat16 nor text of any length."""
    with np.load(os.path.join(HERE, part["file"]), allow_pickle=False) as archive:
        array = archive[entry["key"]]
    if entry["dtype"] == "str":
        text = json.loads(array.tobytes().decode())
        return np.array(text, dtype=object).reshape(entry["shape"])
    if entry["dtype"] == "bfloat16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def sha256(name: str) -> str:
    """The digest of a saved file, empty where it is missing."""
    path = os.path.join(HERE, *name.split("/"))
    if not os.path.isfile(path):
        return ""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def say(line: str) -> None:
    """Write one line that any terminal shows."""
    sys.stdout.write(line.encode("ascii", "backslashreplace").decode() + "\n")


def stop(reason: str) -> int:
    """Say why nothing could be compared."""
    sys.stderr.write(f"replay: {ascii(reason)[1:-1]}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
