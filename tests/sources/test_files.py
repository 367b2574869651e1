"""What often stands where a model should is called by its name, and nothing odd is opened."""

from __future__ import annotations

import os
import re
import socket
import struct
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.protobuf import graph, node, tensor

import onnxguard
from onnxguard import Finding, Verdict
from onnxguard.sources.files import COPIED, open_model

MODEL = pb.model(graph(node("Relu")))

NOT_MODELS = {
    "empty": (b"", "an empty file"),
    "Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "a Git LFS pointer, not the model itself",
    ),
    "web page": (b"\n <!DOCTYPE html><html>", "a web page, not a model"),
    "web page without a doctype": (b"<HTML><body>", "a web page, not a model"),
    "XML": (b"<?xml version='1.0'?>", "a web page, not a model"),
    "ZIP": (b"PK\x03\x04rest", "a ZIP archive or PyTorch checkpoint, not a model"),
    "empty ZIP": (b"PK\x05\x06rest", "an empty ZIP archive, not a model"),
    "gzip": (b"\x1f\x8b\x08", "a gzip file, not a model"),
    "bzip2": (b"BZh91AY", "a bzip2 file, not a model"),
    "xz": (b"\xfd7zXZ\0\0\4", "an xz file, not a model"),
    "Zstandard": (b"(\xb5/\xfd\4", "a Zstandard file, not a model"),
    "7-Zip": (b"7z\xbc\xaf'\x1c\0\4", "a 7-Zip archive, not a model"),
    "zeros": (bytes(5000), "nothing but zeros, not a model"),
    "pickle": (b"\x80\x02}", "a Python pickle, not a model"),
    "pickle of protocol 4": (b"\x80\x04\x95", "a Python pickle, not a model"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file, not a model"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "a PNG picture, not a model"),
    "PDF": (b"%PDF-1.7", "a PDF file, not a model"),
    "program": (b"\x7fELF\x02", "a program, not a model"),
    "ORT format": (b"\x20\0\0\0ORTM\0\0", "a model in ORT format, not a model"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3\x14\0", "a TensorFlow Lite model, not a model"),
    "safetensors": (
        struct.pack("<Q", 59) + b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}     \1\2',
        "a safetensors file, not a model",
    ),
    "older Git LFS pointer": (
        b"version https://hawser.github.com/spec/v1\noid sha256:0\n",
        "a Git LFS pointer, not the model itself",
    ),
    "git-annex pointer": (
        b"/annex/objects/SHA256E-s12--ab12.onnx\n",
        "a git-annex pointer, not the model itself",
    ),
    "git-annex link as a file": (
        b"../.git/annex/objects/zX/k9/MD5E-s12--ab12.onnx/MD5E-s12--ab12.onnx",
        "a git-annex pointer, not the model itself",
    ),
    "DVC pointer": (
        b"outs:\n- md5: a304afb96060aad90176268345e10355\n  size: 12\n  path: model.onnx\n",
        "a DVC pointer, not the model itself",
    ),
    "DVC pointer of an import": (
        b"md5: 9a2b\nframe: 1\ndeps:\n- path: a\nouts:\n- md5: 1\n  path: model.onnx\n",
        "a DVC pointer, not the model itself",
    ),
    "Xet pointer": (
        b"# xet version 0\nfilesize = 123\nhash = 'ab12'\n",
        "a Xet pointer, not the model itself",
    ),
    "JSON": (b'{"error": "Repository not found"}', "JSON, not a model"),
    "JSON, indented": (b'[\n  {\n    "a": 1\n  }\n]\n', "JSON, not a model"),
    "error of S3": (b"<Error><Code>AccessDenied</Code></Error>", "a web page, not a model"),
    "error of a server": (b"404: Not Found", "plain text, not a model"),
    "text with a mark": (b"\xef\xbb\xbfAcc\xc3\xa8s refus\xc3\xa9\r\n", "plain text, not a model"),
    "long text": (b"Entry not found. " * 400, "plain text, not a model"),
    "text in UTF-16": ("Not found".encode("utf-16"), "text in UTF-16, not a model"),
    "textproto": (
        b'# made by hand\nir_version: 8\ngraph {\n  name: "g"\n}\n',
        "a model written as text, not a model file",
    ),
    "textproto from the graph on": (b"graph {\n}", "a model written as text, not a model file"),
    "ONNX's own syntax": (
        b'<\n   ir_version: 8,\n   opset_import: ["" : 17]\n>\n',
        "a model written as text, not a model file",
    ),
}


def unverified(path: Path) -> Finding:
    report = onnxguard.scan(path)
    assert report.verdict is Verdict.ERROR
    (finding,) = report.findings
    return finding


@pytest.mark.parametrize("padding", [0, COPIED], ids=["read", "mapped"])
@pytest.mark.parametrize("name", NOT_MODELS)
def test_bytes_that_are_no_model(name: str, padding: int, tmp_path: Path) -> None:
    data, message = NOT_MODELS[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(data + bytes(padding if data else 0))
    finding = unverified(path)
    assert (finding.code, finding.message) == ("OG002", message)
    assert finding.hint


@pytest.mark.parametrize("name", NOT_MODELS)
def test_bytes_that_are_no_model_in_memory(name: str) -> None:
    data, message = NOT_MODELS[name]
    (finding,) = onnxguard.scan_bytes(data).findings
    assert (finding.code, finding.message) == ("OG002", message)


def test_model_that_is_taken_for_ort_format_from_memory_is_refused() -> None:
    """ONNX Runtime looks at bytes 4 to 8 before it parses: the rest may be any model."""
    data = pb.bytes_field(6, b"abORTM") + MODEL
    assert data[4:8] == b"ORTM"
    parsed = pb.parse_model(data)
    assert parsed is not None
    assert len(parsed.graph.node) == 1
    (finding,) = onnxguard.scan_bytes(data).findings
    assert finding.code == "OG002"
    assert "ORT format" in finding.message
    shifted = pb.bytes_field(6, b"abcORTM") + MODEL
    assert onnxguard.scan_bytes(shifted).passed


def test_names_in_a_model_are_not_taken_for_a_pointer() -> None:
    for text in ("/annex/objects/x", "outs: x", "# xet version 0", "<html>", '{"a": 1}', "ORTM"):
        assert onnxguard.scan_bytes(pb.model(graph(node("Relu")), producer_name=text)).passed
        named = graph(node("Relu"), name=text)
        assert onnxguard.scan_bytes(pb.field("ModelProto", "graph", named) + MODEL[:8]).facts


def test_link_of_git_annex_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.symlink_to(".git/annex/objects/zX/k9/MD5E-s12--ab12.onnx/MD5E-s12--ab12.onnx")
    finding = unverified(path)
    assert (finding.code, finding.message) == ("OG002", "a git-annex pointer, not the model itself")
    assert "git annex get" in finding.hint


def test_hint_for_a_pointer_is_the_command_that_fetches_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(NOT_MODELS["Git LFS pointer"][0])
    assert "git lfs pull" in unverified(path).hint


@pytest.mark.parametrize("size", [0, 1, COPIED, 10 * COPIED])
def test_small_and_large_models_are_read_alike(size: int, tmp_path: Path) -> None:
    held = tensor(3, [size], "w", raw_data=bytes(size))
    data = pb.model(graph(node("Relu"), initializer=held))
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    report = onnxguard.scan(path, "adr-0258")
    assert report.findings == ()
    assert report.facts == onnxguard.scan_bytes(data, "m.onnx", "adr-0258").facts
    assert report.facts is not None
    assert report.facts.size == len(data)


def test_large_standard_input_is_kept_in_a_file_and_judged_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = tensor(3, [50_000], "w", raw_data=bytes(50_000))
    data = pb.model(graph(node("Relu"), initializer=held))
    whole = run("scan", "-v", "-", stdin=data)
    monkeypatch.setattr("onnxguard.sources.files.IN_MEMORY", 1000)
    assert without_seconds(run("scan", "-v", "-", stdin=data)) == without_seconds(whole)
    assert whole[0] == 0
    monkeypatch.setattr("onnxguard.sources.files.LARGEST_MESSAGE", 49_999)
    code, out, _ = run("scan", "-", stdin=data)
    assert code == 2
    assert "more than 49,999 bytes on standard input" in out


def without_seconds(ran: tuple[int, str, str]) -> tuple[int, str]:
    return ran[0], re.sub(r"[\d.]+ m?s\b", "", ran[1])


def make_folder(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


ODD = {
    "folder": (make_folder, "not a regular file: it is a folder without *.onnx files"),
    "FIFO": (make_fifo, "not a regular file: it is a named pipe"),
    "device": (make_device, "not a regular file: it is a device"),
    "socket": (make_socket, "not a regular file: it is a socket"),
    "link to itself": (make_loop, "cannot be read: Too many levels of symbolic links"),
    "link to nothing": (make_nothing, "cannot be read: No such file or directory"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, message = ODD[name]
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    path = Path("model.onnx")
    make(path)
    finding = unverified(path)
    assert (finding.code, finding.message) == ("OG001", message)


def test_file_that_becomes_shorter_meanwhile_is_not_verified(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    held = tensor(3, [50 * COPIED], "w", raw_data=bytes(50 * COPIED))
    path.write_bytes(pb.model(graph(node("Relu"), initializer=held)))

    def read_what_is_gone() -> int:
        with open_model(str(path)) as data:
            os.truncate(path, COPIED)
            return data[len(data) - 1]

    with pytest.raises(onnxguard.ModelError, match="became shorter") as caught:
        read_what_is_gone()
    assert caught.value.code == "OG001"


def test_file_that_is_written_to_meanwhile_is_not_verified(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(MODEL)
    with pytest.raises(onnxguard.ModelError) as caught, open_model(str(path)):
        path.write_bytes(MODEL + MODEL)
    assert caught.value.code == "OG001"


def test_link_to_a_model_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "real.onnx").write_bytes(MODEL)
    (tmp_path / "link.onnx").symlink_to("real.onnx")
    report = onnxguard.scan(tmp_path / "link.onnx")
    assert report.passed
    assert report.path == str(tmp_path / "link.onnx")


@pytest.mark.parametrize("path", ["a\0b.onnx", "x" * 5000, ""])
def test_name_that_no_file_can_have(path: str) -> None:
    report = onnxguard.scan(path)
    assert report.verdict is Verdict.ERROR
    assert report.findings[0].code == "OG001"
    assert report.path.isprintable()
