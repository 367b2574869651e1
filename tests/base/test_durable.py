"""What was written is on the disk before the rename that counts: the order of system calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
CALLS = "fsync,rename,renameat,renameat2,write,pwrite64,mkdir"
_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (\d+)")

WRITERS = {
    "any whole file": """
        from onnxguard.base.writing import write_whole
        write_whole("file", "text")
    """,
    "a checkpoint": """
        from onnxguard.students.checkpoint import save_checkpoint
        sys.path.insert(0, str(tests / "students"))
        from test_checkpoint import WHOLE, at
        save_checkpoint("deep/run", at(1, 0))
        save_checkpoint("deep/run", WHOLE)
    """,
    "the lock": """
        from onnxguard.repository.lock import write_lock
        write_lock(".", {"m.onnx": "0" * 64})
    """,
    "a manifest": """
        import shutil
        from onnxguard.cli import main
        shutil.copy(tests / "models/saliency_v2.onnx", "m.onnx")
        assert main(["init"]) == 0
    """,
    "a baseline": """
        from onnxguard.scanning.baseline import write_baseline
        from onnxguard.scanning.report import Run
        write_baseline("baseline.json", Run(()))
    """,
    "results": """
        from onnxguard import scan
        from onnxguard.many.results_file import Results
        model = str(tests / "models/saliency_v2.onnx")
        for resume in (False, True):
            with Results("results.jsonl", "settings", [model], resume) as results:
                results.add(model, scan(model))
    """,
    "evidence": """
        from onnxguard.parity.evidence import _Folder
        folder = _Folder("evidence")
        folder.write("model.onnx", b"bytes")
        folder.end({})
    """,
    "a student": """
        import hashlib, json
        from onnxguard.gating.publishing import ENDINGS, held, publish
        for content in (b"earlier", b"new"):
            files = {ending: content + ending.encode() for ending in ENDINGS}
            digests = [hashlib.sha256(files[e]).hexdigest() for e in (".onnx", ".safetensors")]
            card = {"sha256": digests[0], "weights_sha256": digests[1], "passed": True}
            files[".json"] = json.dumps(card).encode()
            with held("trained", "s"):
                publish(files, "trained", "s")
    """,
}
COUNTS = {"a student": ".onnx"}
"""Where several files are renamed, the one that counts."""


def traced(folder: Path, script: str) -> list[tuple[str, list[str]]]:
    """The system calls of a script that concern files below a folder, with their paths."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = folder.parent / "calls"
    code = f"import sys, pathlib\ntests = pathlib.Path({str(TESTS)!r})\n"
    code += "sys.path.insert(0, str(tests))\n" + "\n".join(line[8:] for line in script.splitlines())
    command = [strace, "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(log)]
    done = subprocess.run(
        [*command, sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if "ptrace" in done.stderr and not log.exists():
        pytest.skip("this machine lets no process be traced")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(_below(folder, log.read_text()))


def _below(folder: Path, log: str) -> Iterator[tuple[str, list[str]]]:
    for line in log.splitlines():
        match = _CALL.fullmatch(line)
        if match is None:
            continue
        name, arguments, _ = match.groups()
        found = re.findall(r'<(/[^>]*)>|"([^"]+)"', arguments)
        paths = [os.path.join(folder, by_descriptor or named) for by_descriptor, named in found]
        inside = [path for path in paths if Path(path).is_relative_to(folder)]
        inside = [path for path in inside if not path.endswith(".run.lock")]  # it may be lost
        if inside:
            yield name, inside


def unsafe(calls: list[tuple[str, list[str]]], counts: str = "") -> list[str]:
    """What a power cut could take once all of this is done, or leave half written in its place.

    ``counts`` is how the files end before whose renaming all has to be on the disk.
    """
    dirty: set[str] = set()  # files with bytes, folders with names, that may not be on the disk
    problems = []
    for name, paths in calls:
        if name in {"write", "pwrite64"}:
            dirty.add(paths[0])
        elif name == "mkdir":
            dirty |= {os.path.dirname(paths[0])}
        elif name == "fsync":
            dirty.discard(paths[0])
        elif name.startswith("rename"):
            source, target = paths[-2:]
            problems += [f"{source} is renamed before it is on the disk"] * (source in dirty)
            others = dirty - {source} if target.endswith(counts) else set()
            problems += [f"{target} is put in place before {other}" for other in sorted(others)]
            dirty |= {os.path.dirname(target), os.path.dirname(source)}
    return problems + [f"{path} is never on the disk" for path in sorted(dirty)]


@pytest.mark.parametrize("name", WRITERS)
def test_bytes_and_names_are_on_the_disk_before_the_rename_that_counts(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    calls = traced(folder, WRITERS[name])
    assert {"fsync", "write"} <= {call for call, _ in calls}
    assert unsafe(calls, COUNTS.get(name, "")) == []


def test_what_is_not_on_the_disk_is_told() -> None:
    """The judge of these tests itself."""
    write, sync = ("write", ["/f/t"]), ("fsync", ["/f/t"])
    rename, folder = ("rename", ["/f/t", "/f/x"]), ("fsync", ["/f"])
    assert unsafe([write, sync, rename, folder]) == []
    assert unsafe([write, rename, folder, sync]) == ["/f/t is renamed before it is on the disk"]
    assert unsafe([write, sync, rename]) == ["/f is never on the disk"]
    assert unsafe([("mkdir", ["/f/new"]), write, sync, rename, folder]) == [
        "/f/x is put in place before /f"
    ]
