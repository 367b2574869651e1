"""A pointer is told as one, whether it stands where a model belongs or its data."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import protobuf as pb
from support.protobuf import entry, graph, node, tensor

import onnxguard
from onnxguard import Verdict
from onnxguard.sources.pointers import HEAD_BYTES, pointer_of

SIZE = 4096
"""Bytes of the tensor; every pointer below is padded to them."""

MODEL = pb.model(
    graph(
        node("Relu"),
        initializer=tensor(
            1, [SIZE // 4], "w", data_location=1, external_data=entry("location", "w.bin")
        ),
    )
)

KEY = b"SHA256E-s4096--4d7a.onnx"
LFS, ANNEX, DVC, XET = (
    ("a Git LFS pointer", "git lfs pull"),
    ("a git-annex pointer", "git annex get"),
    ("a DVC pointer", "dvc pull"),
    ("a Xet pointer", "git xet checkout"),
)
POINTERS = {
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4096\n", LFS),
    "LFS, first address": (b"version https://hawser.github.com/spec/v1\noid sha256:4d7a\n", LFS),
    "LFS, before it": (b"version http://git-media.io/v/2\noid sha256:4d7a\nsize 4096\n", LFS),
    "LFS, CRLF and a mark": (
        b"\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\r\noid sha256:4d7a\r\n",
        LFS,
    ),
    "annex, unlocked": (b"/annex/objects/" + KEY + b"\n", ANNEX),
    "annex, link as text": (b"../.git/annex/objects/Gx/7q/" + KEY + b"/" + KEY, ANNEX),
    "annex, link of a submodule": (b"../../.git/modules/a b/annex/objects/Gx/" + KEY, ANNEX),
    "annex, absolute link": (b"/home/a/.git/annex/objects/Gx/" + KEY, ANNEX),
    "annex, Windows": (b"..\\.git\\annex\\objects\\Gx\\" + KEY, ANNEX),
    "DVC": (b"outs:\n- md5: 4d7a\n  size: 4096\n  path: w.bin\n", DVC),
    "DVC, CRLF": (b"outs:\r\n- md5: 4d7a\r\n  path: w.bin\r\n", DVC),
    "DVC, of an import": (
        b"md5: 9a2b\ndeps:\n- path: a\n  repo:\n    url: https://a/b\nouts:\n- path: w.bin\n",
        DVC,
    ),
    "Xet": (b"# xet version 0\nfilesize = 4096\nhash = '4d7a'\n", XET),
}
NO_POINTERS = {
    "text": b"version 2 of the weights",
    "an address alone": b"https://git-lfs.github.com/spec/v1",
    "a folder's name": b"annex/objects",
    "numbers, then a pointer's text": b"\x01\x02/annex/objects/" + KEY,
    "other YAML": b"outs: none\nname: w\n",
    "behind the head": b" " * HEAD_BYTES + b"# xet version 0\n",
}


@pytest.mark.parametrize("name", POINTERS)
def test_pointer_to_a_model(name: str, tmp_path: Path) -> None:
    text, (kind, fetch) = POINTERS[name]
    (tmp_path / "m.onnx").write_bytes(text)
    report = onnxguard.scan(tmp_path / "m.onnx")
    (finding,) = report.findings
    assert (report.verdict, finding.code) == (Verdict.ERROR, "OG002")
    assert finding.message == f"{kind}, not the model itself"
    assert finding.hint.startswith(f"fetch the model: {fetch}")


@pytest.mark.parametrize("name", POINTERS)
def test_pointer_to_data(name: str, tmp_path: Path) -> None:
    text, (kind, fetch) = POINTERS[name]
    (tmp_path / "m.onnx").write_bytes(MODEL)
    (tmp_path / "w.bin").write_bytes(text.ljust(SIZE, b"\n"))
    (finding,) = onnxguard.scan(tmp_path / "m.onnx").findings
    assert finding.code == "OG408"
    assert finding.message == f'external data at "w.bin" is {kind}, not the data itself'
    assert finding.hint.startswith(f"fetch the data: {fetch}")


@pytest.mark.parametrize("name", NO_POINTERS)
def test_what_is_no_pointer(name: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(MODEL)
    (tmp_path / "w.bin").write_bytes(NO_POINTERS[name].ljust(SIZE, b"\n"))
    assert onnxguard.scan(tmp_path / "m.onnx").findings == ()


def test_a_model_that_begins_with_such_a_text_is_none() -> None:
    named = graph(node("Relu"), name="/annex/objects/x")
    for data in (pb.field("ModelProto", "graph", named), b"\x08\x08\x12\x10/annex/objects/x"):
        assert pointer_of(data) is None


def test_link_to_a_key_that_is_not_here(tmp_path: Path) -> None:
    target = ".git/annex/objects/zX/k9/" + KEY.decode()
    (tmp_path / "m.onnx").symlink_to(target)
    (finding,) = onnxguard.scan(tmp_path / "m.onnx").findings
    assert (finding.code, finding.message) == ("OG002", "a git-annex pointer, not the model itself")
    (tmp_path / "m.onnx").unlink()
    (tmp_path / "m.onnx").write_bytes(MODEL)
    (tmp_path / "w.bin").symlink_to(target)
    (finding,) = onnxguard.scan(tmp_path / "m.onnx").findings
    assert finding.code == "OG408"
    assert "git annex get" in finding.hint
