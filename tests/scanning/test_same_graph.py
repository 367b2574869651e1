"""A model that differs from an earlier one in more than its weights is judged by itself."""

from __future__ import annotations

import os
import struct
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import protobuf as pb
from support.lists import make_list
from support.protobuf import attribute, body, constant, field, graph, node, tensor, value

import onnxguard
from onnxguard import Allowlist, Report
from onnxguard.scanning import same_graph
from onnxguard.scanning.scan import examine

RULES = """\
operators: [{names: [Expand, Resize, Tile]}, {name: Clip, constant_inputs: [max]}]
limits: {loop_trip_count: 100, tensor_elements: 1000}
policy: {constants: {max_bytes: 64}, unknown_fields: warn}
dtypes: {not_in: [float64]}
"""
LOOP = node("Loop", "m _ x", attribute=attribute("body", g=body(node("Relu"))))
SMALL = {"input": value("x", dims=[1]), "output": value("y", dims=[1])}


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_graph, "_recent", [])


@pytest.fixture
def policy(tmp_path: Path) -> Allowlist:
    return make_list(tmp_path, RULES)


def floats(*numbers: float, name: str = "w") -> bytes:
    raw = struct.pack(f"<{len(numbers)}f", *numbers)
    return tensor(1, [len(numbers)], name, raw_data=raw)


def weighted(raw: bytes, **more: bytes) -> bytes:
    held = tensor(1, [2], "w", raw_data=raw)
    return pb.model(graph(node("Relu"), initializer=held, **more))


def outcome(report: Report) -> tuple[object, ...]:
    return report.verdict, report.findings, report.facts


def test_weights_alone_make_no_difference(policy: Allowlist) -> None:
    first = onnxguard.scan_bytes(weighted(bytes(8)), "a.onnx", policy)
    second = onnxguard.scan_bytes(weighted(bytes(range(8))), "b.onnx", policy)
    assert len(same_graph._recent) == 1
    assert outcome(second) == outcome(first)
    assert second.facts is first.facts
    assert (first.path, second.path) == ("a.onnx", "b.onnx")


PAIRS: dict[str, tuple[bytes, bytes]] = {
    "operator": (pb.model(graph(node("Relu"))), pb.model(graph(node("Reul")))),
    "dims": (
        pb.model(graph(node("Relu"), initializer=tensor(1, [2], "w", raw_data=bytes(8)))),
        pb.model(graph(node("Relu"), initializer=tensor(1, [3], "w", raw_data=bytes(8)))),
    ),
    "dtype": (
        pb.model(graph(node("Relu"), initializer=tensor(7, [1], "w", raw_data=bytes(8)))),
        pb.model(graph(node("Relu"), initializer=tensor(11, [1], "w", raw_data=bytes(8)))),
    ),
    "name of a weight": (
        pb.model(graph(node("Clip", "x _ w"), initializer=floats(1, name="w"))),
        pb.model(graph(node("Clip", "x _ w"), initializer=floats(1, name="v"))),
    ),
    "trip count": (
        pb.model(graph(LOOP, initializer=pb.scalar(7, "m"))),
        pb.model(graph(LOOP, initializer=pb.scalar(700, "m"))),
    ),
    "shape": (
        pb.model(graph(node("Expand", "x s"), initializer=pb.ints(9, name="s"), **SMALL)),
        pb.model(graph(node("Expand", "x s"), initializer=pb.ints(9000, name="s"), **SMALL)),
    ),
    "scales": (
        pb.model(graph(node("Resize", "x _ w"), initializer=floats(9), **SMALL)),
        pb.model(graph(node("Resize", "x _ w"), initializer=floats(9000), **SMALL)),
    ),
    "shape through other nodes": (
        pb.model(
            graph(
                node("Identity", "s", "t"),
                node("Expand", "x t"),
                initializer=pb.ints(9, name="s"),
                **SMALL,
            )
        ),
        pb.model(
            graph(
                node("Identity", "s", "t"),
                node("Expand", "x t"),
                initializer=pb.ints(9000, name="s"),
                **SMALL,
            )
        ),
    ),
    "shape in a branch": (
        pb.model(
            graph(
                node("If", "c", attribute=attribute("a", g=body(node("Expand", "x s")))),
                initializer=pb.ints(9, name="s"),
                **SMALL,
            )
        ),
        pb.model(
            graph(
                node("If", "c", attribute=attribute("a", g=body(node("Expand", "x s")))),
                initializer=pb.ints(9000, name="s"),
                **SMALL,
            )
        ),
    ),
    "count of packed values": (
        pb.model(graph(node("Relu"), initializer=tensor(7, [2], "w", int64_data=b"\1\1"))),
        pb.model(graph(node("Relu"), initializer=tensor(7, [2], "w", int64_data=b"\x81\1"))),
    ),
    "bytes of a string": (
        pb.model(graph(node("Relu"), initializer=tensor(8, [2], "w", string_data=[b"a", b"b"]))),
        pb.model(graph(node("Relu"), initializer=tensor(8, [2], "w", string_data=[b"a2\1b"]))),
    ),
    "value of a Constant": (
        pb.model(graph(constant("c", value={"t": floats(1.0)}), node("Relu"))),
        pb.model(graph(constant("c", value={"t": floats(2.0)}), node("Relu"))),
    ),
    "value in a sparse tensor": (
        pb.model(
            graph(
                LOOP,
                sparse_initializer=pb.message(
                    "SparseTensorProto", dims=[1], values=pb.ints(9, name="m"), indices=pb.ints(0)
                ),
            )
        ),
        pb.model(
            graph(
                LOOP,
                sparse_initializer=pb.message(
                    "SparseTensorProto", dims=[1], values=pb.ints(900, name="m"), indices=pb.ints(0)
                ),
            )
        ),
    ),
    "producer": (
        weighted(bytes(8)) + field("ModelProto", "producer_name", "one"),
        weighted(bytes(8)) + field("ModelProto", "producer_name", "two"),
    ),
    "one byte more after the weights": (
        weighted(bytes(8)) + pb.number_field(99, 1),
        weighted(bytes(8)) + pb.number_field(98, 1),
    ),
}


@pytest.mark.parametrize("backwards", [False, True], ids=["", "backwards"])
@pytest.mark.parametrize("name", PAIRS)
def test_each_of_a_pair_is_judged_as_if_alone(
    name: str, backwards: bool, policy: Allowlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = reversed(PAIRS[name]) if backwards else PAIRS[name]
    if name != "bytes of a string":
        assert len(first) == len(second)
    alone = outcome(onnxguard.scan_bytes(second, "m.onnx", policy))
    monkeypatch.setattr(same_graph, "_recent", [])
    before = outcome(onnxguard.scan_bytes(first, "m.onnx", policy))
    assert outcome(onnxguard.scan_bytes(second, "m.onnx", policy)) == alone
    assert before != alone


def test_another_list_judges_anew(policy: Allowlist, tmp_path: Path) -> None:
    data = weighted(bytes(8))
    assert onnxguard.scan_bytes(data, "m.onnx", policy).passed
    strict = make_list(tmp_path, "limits: {nodes: 0}\n")
    assert not onnxguard.scan_bytes(data, "m.onnx", strict).passed
    assert not onnxguard.scan_bytes(data, "m.onnx", "base").findings
    assert onnxguard.scan_bytes(data, "m.onnx", policy).passed


def test_waivers_are_those_of_each_path(tmp_path: Path) -> None:
    waiver = "{model: old.onnx, code: OG101, reason: known, expires: 9999-12-31}"
    policy = make_list(tmp_path, f"waivers: [{waiver}]\n")
    data = pb.model(graph(node("Tanh")))
    verdicts = [
        onnxguard.scan_bytes(data, name, policy).passed
        for name in ("new.onnx", "old.onnx", "new.onnx", "old.onnx")
    ]
    assert verdicts == [False, True, False, True]


def test_values_in_other_files_are_looked_for_every_time(tmp_path: Path) -> None:
    policy = make_list(tmp_path)
    held = tensor(1, [1], "w", data_location=1, external_data=pb.entry("location", "w.bin"))
    data = pb.model(graph(node("Relu"), initializer=held))
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.onnx").write_bytes(data)
    (tmp_path / "with/w.bin").write_bytes(bytes(4))
    assert onnxguard.scan(tmp_path / "with/m.onnx", policy).passed
    assert not onnxguard.scan(tmp_path / "without/m.onnx", policy).passed
    (tmp_path / "with/w.bin").unlink()
    assert not onnxguard.scan(tmp_path / "with/m.onnx", policy).passed


def test_file_that_becomes_malformed_is_not_verified(policy: Allowlist) -> None:
    data = weighted(bytes(8))
    assert onnxguard.scan_bytes(data, "m.onnx", policy).passed
    at = data.index(bytes(8)) - 1
    broken = data[:at] + b"\x7f" + data[at + 1 :]
    assert onnxguard.scan_bytes(broken, "m.onnx", policy).facts is None


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_changes_while_it_is_read_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """Not even where the time of the last write is set back."""
    module = import_module("onnxguard.scanning.scan")
    real = vars(module)["judge"]
    path = tmp_path / "m.onnx"
    path.write_bytes(weighted(bytes(8)))
    other = pb.model(graph(node("Evil"), initializer=tensor(1, [2], "w", raw_data=bytes(8))))
    assert len(other) == path.stat().st_size

    def judge(*arguments: Any) -> Any:
        found = list(real(*arguments))
        before = path.stat()
        path.write_bytes(other)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return found

    if large:
        monkeypatch.setattr(same_graph, "STRUCTURE_BYTES", 10)
    with monkeypatch.context() as patched:
        patched.setattr(module, "judge", judge)
        found = module.examine(str(path), onnxguard.load_allowlist("base"))
    assert [finding.code for finding in found.report.findings] == ["OG001"]
    assert (found.digest, same_graph._recent) == ("", [])
    assert [f.code for f in onnxguard.scan(path, "base").findings] == ["OG101"]


def test_model_with_much_structure_is_known_by_all_of_its_bytes(
    policy: Allowlist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a check alone, which reads all of it for its cache; a scan jumps over the weights."""
    monkeypatch.setattr(same_graph, "STRUCTURE_BYTES", 10)
    for name, raw in (("a", bytes(8)), ("b", bytes(8)), ("c", bytes(range(8)))):
        (tmp_path / name).write_bytes(weighted(raw))
    first, same, other = [examine(str(tmp_path / name), policy) for name in "abc"]
    assert same.report.facts is first.report.facts
    assert (same.digest, same.spans) == (first.digest, ((0, len(weighted(bytes(8)))),))
    assert other.report.facts is not first.report.facts
    assert other.digest != first.digest
    monkeypatch.setattr(same_graph, "_recent", [])
    assert onnxguard.scan(tmp_path / "a", policy).judged_sha256 is None
    assert same_graph._recent == []


def test_few_models_are_remembered(policy: Allowlist) -> None:
    for number in range(3 * same_graph.KEPT):
        data = pb.model(graph(*[node("Relu")] * number, node("Relu")))
        assert onnxguard.scan_bytes(data, "m.onnx", policy).passed
    assert len(same_graph._recent) == same_graph.KEPT
