"""What ``--save`` keeps: whole, in its place, and enough to see the difference elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper
from support.multiplied import Times, save, times, write_external

from onnxguard.base.errors import UsageError
from onnxguard.parity import replay
from onnxguard.parity.check import check_parity
from onnxguard.parity.evidence import OWN, pack, save_evidence
from onnxguard.parity.report import Outcome, Trial
from onnxguard.parity.trials import Case
from onnxguard.running.comparison import Array, compare
from onnxguard.running.graph_file import parse_onnx, read_onnx
from onnxguard.running.inputs import Inputs

NODE = {"node.onnx", "node_inputs.npz", "node_expected.npz", "node_actual.npz"}
ALWAYS = {"model.onnx", "inputs.npz", "reference.npz", "model.npz", "manifest.json", "replay.py"}


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def run_replay(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script in a copy of the folder, where nothing else is."""
    moved = folder.parent / f"{folder.name} moved"
    shutil.rmtree(moved, ignore_errors=True)
    shutil.copytree(folder, moved)
    command = [sys.executable, "-I", str(moved / "replay.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=moved.parent)


def test_a_difference_is_seen_again_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "evidence"
    report = save(folder, 2.001)
    assert files_below(folder) == ALWAYS | NODE
    done = run_replay(folder)
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert [line.split(",")[0] for line in lines] == ["FAIL model.onnx", "FAIL node.onnx (Mul)"]
    worst = max((d for t in report.trials for d in t.differences), key=lambda d: d.largest)
    assert f'"y": largest difference {worst.largest!r} at {list(worst.index)}: ' in lines[0]
    assert f"{worst.actual} instead of {worst.expected}; {worst.over:,} of" in lines[0]
    node = report.nodes.wrong[0].difference
    assert f"largest difference {node.largest!r} at {list(node.index)}: " in lines[1]
    assert lines[1].endswith(f"above {node.tolerance!r}")


def test_agreement_is_seen_again(tmp_path: Path) -> None:
    report = save(tmp_path / "evidence", 2.0, atol=1e-7)
    assert report.passed
    done = run_replay(tmp_path / "evidence")
    assert done.returncode == 0, done.stderr
    assert 'ok   model.onnx, output "y": largest difference 0.0' in done.stdout


def test_a_script_needs_nothing_of_onnxguard() -> None:
    assert replay.__file__ is not None
    assert "onnxguard" not in Path(replay.__file__).read_text(encoding="utf-8")


def test_what_an_earlier_check_left_is_not_replayed(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    save(folder, 2.001)
    save(folder, 2.0)
    assert files_below(folder) == ALWAYS
    assert run_replay(folder).returncode == 0


def test_the_manifest_says_what_was_compared(tmp_path: Path) -> None:
    report = save(tmp_path, 2.001, optimization_level="basic", seed=3)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["verdict"] == "fail"
    assert manifest["seed"] == 3
    assert manifest["providers"] == [["CPUExecutionProvider", {}]]
    assert manifest["optimization_level"] == "basic"
    assert report.identity is not None
    assert manifest["versions"] == dict(report.identity.versions)
    assert manifest["files"]["model.onnx"] == report.identity.model_sha256
    whole, node = manifest["comparisons"]
    assert whole["tolerance"] == 1e-5
    (entry,) = whole["inputs"]["arrays"]
    assert (entry["name"], entry["dtype"], entry["shape"][:2]) == ("x", "float32", [1, 3])
    assert node["node"] == "times"
    assert node["outputs"] == [0]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "ü ☃", "x\ny", "input_0", "..", "nul\t"])
def test_names_never_become_files(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / "evidence"
    data = times(2.5, name, f"{name}/out", f"{name}.bin").SerializeToString()
    report = check_parity(data, Times(2.0), save=str(folder), bindings={name: "x"})
    assert not report.passed
    assert {path.split("/", 2)[-1] for path in files_below(tmp_path)} == ALWAYS | NODE
    assert files_below(folder) == ALWAYS | NODE


def test_odd_names_are_replayed(tmp_path: Path) -> None:
    name = "../x\n\u202e☃"
    data = times(2.5, name, f"{name}/out").SerializeToString()
    check_parity(data, Times(2.0), save=str(tmp_path / "e"), bindings={name: "x"})
    done = run_replay(tmp_path / "e")
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert '"../x\\n\\u202e\\u2603/out"' in done.stdout


@pytest.mark.parametrize("location", ["weights.bin", "deep/er/w", "replay.py", "numpy.py"])
def test_external_data_comes_along_and_cannot_be_imported(tmp_path: Path, location: str) -> None:
    path = write_external(tmp_path / "from", 2.001, location)
    folder = tmp_path / "to"
    check_parity(path, Times(2.0), save=str(folder))
    whole = {"model/model.onnx", f"model/{location}"}
    assert files_below(folder) == (ALWAYS - {"model.onnx"}) | whole | NODE
    weights = tmp_path / "from" / location
    assert (folder / "model" / location).read_bytes() == weights.read_bytes()
    shutil.rmtree(tmp_path / "from")
    # Without -I, what lies beside the script can be imported.
    command = [sys.executable, str(folder / "replay.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "FAIL model/model.onnx" in done.stdout


@pytest.mark.parametrize("location", ["Model.onnx", "deep/../w"])
def test_external_data_that_cannot_come_along_is_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "from/deep").mkdir(parents=True)
    path = write_external(tmp_path / "from", 2.0, location)
    with pytest.raises(UsageError, match=f'cannot be saved: external data "{location}"'):
        check_parity(path, Times(2.0), save=str(tmp_path / "to"))


def test_a_replay_gives_a_provider_the_options_of_the_check(tmp_path: Path) -> None:
    data = times(2.0).SerializeToString()
    report = check_parity(data, Times(2.0))
    assert report.identity is not None
    report = report._replace(identity=report.identity._replace(provider="cuda"))
    save_evidence(str(tmp_path), report, parse_onnx(data, "-"), None, None)
    saved = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    gpu = ["CUDAExecutionProvider", {"use_tf32": "0"}]
    assert saved["providers"] == [gpu, ["CPUExecutionProvider", {}]]


def test_external_data_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = write_external(tmp_path / "from", 2.0, "weights.bin")
    model = read_onnx(path)
    (tmp_path / "from" / "weights.bin").write_bytes(bytes(96))
    report = check_parity(times(2.0).SerializeToString(), Times(2.0))
    with pytest.raises(UsageError, match="was changed while it was checked"):
        save_evidence(str(tmp_path / "to"), report, model, None, None)
    assert files_below(tmp_path / "to") == {"replay.py"}


def exhibit_of(inputs: dict[str, Array], expected: Array, actual: Array) -> Case:
    given = Inputs("noise", 0, inputs)
    trial = Trial("noise", 0, given.shapes, given.sha256, Outcome.COMPARED)
    answers = [("y", expected)], [("y", actual)]
    return Case(given, *answers, trial)


def write_arrays(folder: Path, inputs: dict[str, Array], expected: Array, actual: Array) -> None:
    report = check_parity(times(2.0).SerializeToString(), Times(2.0))
    model = parse_onnx(times(2.0).SerializeToString(), "-")
    save_evidence(str(folder), report, model, exhibit_of(inputs, expected, actual), None)


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.float16, "c8"])
def test_every_dtype_survives(tmp_path: Path, dtype: Any) -> None:
    array = np.array([[1.5, -0.0, np.inf, np.nan]]).astype(dtype).T
    write_arrays(tmp_path, {"x": array}, array, array)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    (entry,) = manifest["comparisons"][0]["expected"]["arrays"]
    with np.load(tmp_path / "reference.npz", allow_pickle=False) as archive:
        back = archive[entry["key"]].view(array.dtype)
    assert entry["dtype"] == array.dtype.name
    assert entry["shape"] == [4, 1]
    assert back.tobytes() == array.tobytes()


def test_bfloat16_is_read_without_knowing_it(tmp_path: Path) -> None:
    array = np.array([1.5, -3.0e38, 2.0**-120], ml_dtypes.bfloat16)
    write_arrays(tmp_path, {"x": array}, array, array)
    part = {"file": str(tmp_path / "reference.npz")}
    back = replay.load(part, {"key": "output_0", "dtype": "bfloat16", "shape": [3]})
    assert back.tolist() == array.astype(np.float32).tolist()


def test_text_survives_a_trailing_nul(tmp_path: Path) -> None:
    text = np.array([["a\0", "☃"]], dtype=object)
    np.savez(tmp_path / "text.npz", input_0=pack(text))
    part = {"file": str(tmp_path / "text.npz")}
    back = replay.load(part, {"key": "input_0", "dtype": "str", "shape": [1, 2]})
    assert back.tolist() == text.tolist()


def identity_of_text() -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.STRING, [2])
    output = helper.make_tensor_value_info("y", TensorProto.STRING, [2])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [output])
    opsets = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return data


def test_text_is_replayed(tmp_path: Path) -> None:
    inputs: dict[str, Array] = {"x": np.array(["a", "☃"], dtype=object)}
    model = parse_onnx(identity_of_text(), "-")
    report = check_parity(times(2.0).SerializeToString(), Times(2.0))
    for folder, answer, code in (("same", "☃", 0), ("other", "b", 1)):
        expected = np.array(["a", answer], dtype=object)
        exhibit = exhibit_of(inputs, expected, inputs["x"])
        save_evidence(str(tmp_path / folder), report, model, exhibit, None)
        done = run_replay(tmp_path / folder)
        assert done.returncode == code, done.stderr
    assert "1 of 2 elements differ, first at [1]: '\\u2603' instead of 'b'" in done.stdout


def test_a_missing_output_is_a_difference(tmp_path: Path) -> None:
    data = times(2.0).SerializeToString()
    zeros = np.zeros((1, 3, 4, 8), np.float32)
    exhibit = exhibit_of({"x": zeros}, zeros, zeros)._replace(expected=[("y", zeros)] * 2)
    report = check_parity(data, Times(2.0))
    save_evidence(str(tmp_path / "e"), report, parse_onnx(data, "-"), exhibit, None)
    done = run_replay(tmp_path / "e")
    assert done.returncode == 1
    assert "outputs: 1, of the reference: 2" in done.stdout


def test_nothing_compared_is_nothing_passed(tmp_path: Path) -> None:
    data = times(2.0).SerializeToString()
    report = check_parity(data, Times(2.0))
    save_evidence(str(tmp_path / "e"), report, parse_onnx(data, "-"), None, None)
    done = run_replay(tmp_path / "e")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was compared" in done.stderr


def test_a_changed_file_is_not_replayed(tmp_path: Path) -> None:
    save(tmp_path / "e", 2.0)
    with (tmp_path / "e" / "reference.npz").open("ab") as stream:
        stream.write(b"\0")
    done = run_replay(tmp_path / "e")
    assert done.returncode == 2
    assert done.stderr == 'replay: "reference.npz" is not the file that was saved\n'


def test_another_provider_is_not_fallen_back_from(tmp_path: Path) -> None:
    save(tmp_path / "e", 2.0)
    path = tmp_path / "e" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["providers"].insert(0, ["AbsentExecutionProvider", {}])
    path.write_text(json.dumps(manifest), encoding="utf-8")
    done = run_replay(tmp_path / "e")
    assert done.returncode == 2
    assert done.stderr == "replay: this ONNX Runtime has no AbsentExecutionProvider\n"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="evidence cannot be written to") as caught:
            save(path, 2.0)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", OWN)
def test_nothing_of_the_users_is_overwritten(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"would overwrite .+: save into another folder"):
        save(tmp_path, 2.0)
    assert path.read_text(encoding="utf-8") == "mine"
    assert files_below(tmp_path) == {name}


def test_a_write_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    save(tmp_path, 2.0)
    os.unlink(tmp_path / "reference.npz")
    (tmp_path / "reference.npz").mkdir()
    with pytest.raises(UsageError, match=r"reference\.npz"):
        save(tmp_path, 2.001)
    # The manifest, which makes a folder whole, is gone with the first thing that changes.
    assert files_below(tmp_path) == {"model.onnx", "inputs.npz", "model.npz", "replay.py"}


def table() -> dict[str, tuple[Array, Array]]:
    """Pairs that a careless comparison gets wrong, and some that must pass."""
    one = np.array([1.0, 2.0], np.float32)
    nan, inf = (np.array([1.0, v], np.float32) for v in (np.nan, np.inf))
    return {
        "equal": (one, one),
        "just within": (one, one + np.float32(1e-6)),
        "just beyond": (one, one + np.float32(2e-5)),
        "nan on one side": (one, nan),
        "nan on both sides": (nan, nan),
        "infinite on both sides": (inf, inf),
        "broadcast": (one, one[:1]),
        "another rank": (one, one[None]),
        "another dtype": (one, one.astype(np.float64)),
        "half": (one.astype(np.float16), one.astype(np.float16)),
        "no elements": (one[:0], one[:0]),
        "equal integers": (np.array([255], np.uint8), np.array([255], np.uint8)),
        "integers that wrap": (np.array([0], np.uint8), np.array([255], np.uint8)),
        "booleans": (np.array([True]), np.array([False])),
        "complex": (one.astype(np.complex64), one.astype(np.complex64) + np.complex64(1e-3j)),
        "scalar": (np.array(1.0), np.array(1.1)),
        "huge": (np.array([1.7e308]), np.array([-1.7e308])),
    }


@pytest.mark.parametrize("name", table())
def test_the_script_judges_as_the_check_does(name: str) -> None:
    expected, actual = table()[name]
    entry = {"dtype": expected.dtype.name}
    said, within = replay.compare(expected, actual, entry, {"tolerance": 1e-5})
    difference = compare("y", expected, actual, 1e-5)
    assert within == difference.passed, said
    assert "\n" not in said
