"""However large a file says that its fields are, little of it is held."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import protobuf as pb
from support.measure import measure
from support.protobuf import LEN, graph, message, node, tag

import onnxguard
from onnxguard.model.reading import STEPS
from onnxguard.model.wire import LARGEST_MESSAGE

SIZE = 1_800_000_000
MEGABYTES = 60
PLAIN = graph(node("Relu"))


def inside(*path: tuple[int, bytes]) -> bytes:
    """The start of a model whose last field has ``SIZE`` bytes: numbers, and what stands before."""
    heads = b""
    left = SIZE
    for number, before in reversed(path):
        heads = before + tag(number, LEN) + pb.varint(left) + heads
        left = SIZE + len(heads)
    return message("ModelProto", ir_version=8, opset_import=pb.opset_import("", 17)) + heads


WHOLE = pb.field("ModelProto", "graph", PLAIN)
SPARSE = {
    "producer_name": (inside((2, WHOLE)), 2),
    "doc_string": (inside((6, WHOLE)), 2),
    "graph name": (inside((7, b""), (2, PLAIN)), 2),
    "node name": (inside((7, b""), (1, PLAIN), (3, b"")), 2),
    "op_type": (inside((7, b""), (1, PLAIN), (4, b"")), 2),
    "attribute string": (inside((7, b""), (1, PLAIN), (5, node("Relu")), (4, b"")), 1),
    "attribute ints": (inside((7, b""), (1, PLAIN), (5, b""), (8, b"")), 2),
    "dims": (inside((7, b""), (5, PLAIN), (1, b"")), 2),
    "int64_data": (inside((7, b""), (5, PLAIN), (7, b"")), 2),
    "raw_data": (inside((7, b""), (5, PLAIN), (9, b"")), 1),
    "dimension": (
        inside((7, b""), (11, PLAIN), (2, b""), (1, b""), (2, b""), (1, b""), (2, b"")),
        2,
    ),
    "metadata key": (inside((14, WHOLE), (1, b"")), 2),
    "metadata value": (inside((14, WHOLE), (2, b"")), 2),
    "external location": (inside((7, b""), (5, PLAIN), (13, b""), (2, b"")), 2),
    "function name": (inside((25, WHOLE), (1, b"")), 2),
    "unknown field": (inside((1000, WHOLE)), 1),
}


def write_sparse(path: Path, head: bytes, size: int) -> None:
    path.write_bytes(head)
    os.truncate(path, size)


@pytest.mark.parametrize("name", SPARSE)
def test_field_of_gigabytes_is_not_held(name: str, tmp_path: Path) -> None:
    head, code = SPARSE[name]
    path = tmp_path / "model.onnx"
    write_sparse(path, head, len(head) + SIZE)
    usage = measure("scan", "-q", str(path))
    assert usage.exit == code, usage
    assert usage.megabytes < MEGABYTES, usage


FEW_STEPS = 400_000
READ = f"""
import resource, sys
from onnxguard.base.errors import ModelError
from onnxguard.model.reading import read_model
from onnxguard.sources.files import open_model

def held():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for path in sys.argv[1:]:
    before = held()
    with open_model(path) as data:
        try:
            read_model(data, {FEW_STEPS})
        except ModelError as error:
            print(error.code, held() - before)
"""
MANY: dict[str, tuple[str, Callable[[int], bytes], int]] = {
    "weights": ("initializer", lambda i: pb.tensor(1, [1], f"w{i}", raw_data=bytes(4)), 50_000),
    "ranks": ("initializer", lambda i: pb.tensor(1, range(999 + i, 1007 + i)), 20_000),
    "dims": ("initializer", lambda i: message("TensorProto", dims=[*range(300 + i, 990 + i)]), 600),
    "types": ("value_info", lambda i: pb.value(f"v{i}", 1, [1]), 80_000),
    "nodes": ("node", lambda i: node("Relu", f"x{i}", f"y{i}"), 40_000),
    "long names": ("node", lambda i: node("Relu", f"x{i}" + "a" * 1500, "b" * 1500), 6_000),
    "names": ("node", lambda i: node("Relu", f"x{i}" + "a" * 80, f"y{i}" + "b" * 80), 40_000),
    "ints": (
        "node",
        lambda i: node("R", attribute=pb.attribute("a", ints=[*range(i, i + 64)])),
        9_000,
    ),
    "texts": ("node", lambda i: node("R", attribute=pb.attribute("a", s=f"{i}" * 700)), 9_000),
}
"""A field of a graph, what the ``i``-th holds, and how many are more than the steps suffice for."""


@pytest.mark.parametrize("name", MANY)
def test_what_a_step_keeps_is_bounded(name: str, tmp_path: Path) -> None:
    """All steps that are allowed keep less than 200 MB: a tenth of them is tried, in a child."""
    field, each, count = MANY[name]
    many = b"".join(pb.field("GraphProto", field, each(i)) for i in range(count))
    (tmp_path / "plain.onnx").write_bytes(pb.model(PLAIN))
    (tmp_path / "many.onnx").write_bytes(pb.model(PLAIN + many))
    paths = str(tmp_path / "plain.onnx"), str(tmp_path / "many.onnx")
    done = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, check=True)
    code, kibibytes = done.stdout.split()
    assert code == b"OG005"
    whole = int(kibibytes) / 1024 * STEPS / FEW_STEPS
    assert whole < 200 - 20, whole  # the interpreter takes the rest


@pytest.mark.parametrize("more", [0, 1])
def test_message_of_two_gibibytes_is_found(more: int, tmp_path: Path) -> None:
    """No protobuf reads it, and no list can allow it."""
    size = LARGEST_MESSAGE + more
    start = message("ModelProto", ir_version=8, opset_import=pb.opset_import("", 17)) + WHOLE
    left = size - len(start) - 2
    head = start + tag(1000, LEN)
    while len(head + pb.varint(left)) + left > size:
        left -= 1
    path = tmp_path / "model.onnx"
    write_sparse(path, head + pb.varint(left), size)
    report = onnxguard.scan(path, "base")
    found = [finding for finding in report.findings if finding.code == "OG606"]
    assert len(found) == more
    for finding in found:
        assert finding.message == (
            "the model has 2,147,483,648 bytes; a protobuf message has at most 2,147,483,647"
        )
        assert finding.place.end == size


def test_name_of_a_megabyte_is_read_and_a_longer_one_is_not() -> None:
    for size, code in ((1 << 20, "OG106"), ((1 << 20) + 1, "OG005")):
        data = pb.model(graph(node("R" * size)))
        codes = {finding.code for finding in onnxguard.scan_bytes(data).findings}
        assert code in codes
        assert ("OG005" in codes) == (code == "OG005")


def test_long_text_is_checked_to_its_end() -> None:
    for text, bad in (("é" * 300_000, False), ("é" * 300_000 + "\udcff", True)):
        data = pb.model(PLAIN, doc_string=text.encode("utf-8", "surrogateescape"))
        codes = {finding.code for finding in onnxguard.scan_bytes(data).findings}
        assert ("OG605" in codes) == bad
