"""Files that are not a model, or cannot be read."""

from __future__ import annotations

import io
import os
import random
import zipfile
from pathlib import Path

from support import protobuf as pb

from hostile.registry import CLEAN, NOT_VERIFIED, model, path

PLAIN = pb.model(pb.graph(pb.node("Relu")))


@model(CLEAN)
def plain() -> bytes:
    """The model that the others are made of is clean."""
    return PLAIN


@model(NOT_VERIFIED, "OG002")
def empty() -> bytes:
    return b""


@model(NOT_VERIFIED, "OG002")
def lfs_pointer() -> bytes:
    return (
        b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:" + b"4d7a2146" * 8 + b"\nsize 12345\n"
    )


@model(NOT_VERIFIED, "OG002")
def annex_pointer() -> bytes:
    return b"/annex/objects/SHA256E-s12--" + b"4d7a2146" * 8 + b".onnx\n"


@model(NOT_VERIFIED, "OG002")
def dvc_pointer() -> bytes:
    return b"outs:\n- md5: a304afb96060aad90176268345e10355\n  size: 1\n  path: model.onnx\n"


@model(NOT_VERIFIED, "OG002")
def xet_pointer() -> bytes:
    return b"# xet version 0\nfilesize = 1\nhash = '" + b"4d7a2146" * 8 + b"'\n"


@model(NOT_VERIFIED, "OG002")
def error_as_json() -> bytes:
    return b'{"error": "Repository not found"}'


@model(NOT_VERIFIED, "OG002")
def ort_format_to_whoever_loads_it_from_memory() -> bytes:
    return pb.bytes_field(6, b"abORTM") + PLAIN


@model(NOT_VERIFIED, "OG002")
def html_page() -> bytes:
    return b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>gone</body></html>\n"


@model(NOT_VERIFIED, "OG002")
def zip_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.onnx", PLAIN)
    return buffer.getvalue()


@model(NOT_VERIFIED)
def random_bytes() -> bytes:
    return random.Random(7).randbytes(4096)


@model(NOT_VERIFIED)
def text_file() -> bytes:
    return b"hello, this is not a model\n"


@model(NOT_VERIFIED)
def zeros() -> bytes:
    return bytes(4096)


@model(NOT_VERIFIED, "OG003")
def cut_in_the_middle() -> bytes:
    return PLAIN[: len(PLAIN) // 2]


@model(NOT_VERIFIED, "OG003")
def cut_by_one_byte() -> bytes:
    return PLAIN[:-1]


@model(NOT_VERIFIED, "OG003")
def trailing_zeros() -> bytes:
    return PLAIN + bytes(16)


@model(NOT_VERIFIED, "OG003")
def trailing_text() -> bytes:
    return PLAIN + b"</html>\n"


@model(NOT_VERIFIED, "OG004")
def no_graph() -> bytes:
    return pb.message("ModelProto", ir_version=8, opset_import=pb.opset_import("", 17))


@model(NOT_VERIFIED)
def a_bare_tensor() -> bytes:
    return pb.ints(1, 2, 3, name="weight")


@path(NOT_VERIFIED)
def missing(folder: Path) -> Path:
    return folder / "missing.onnx"


@path(NOT_VERIFIED)
def folder_named_like_a_model(folder: Path) -> Path:
    (folder / "model.onnx").mkdir()
    return folder / "model.onnx"


@path(NOT_VERIFIED)
def folder_without_models(folder: Path) -> Path:
    (folder / "models").mkdir()
    (folder / "models" / "README.md").write_text("nothing here\n")
    return folder / "models"


@path(NOT_VERIFIED, "OG001")
def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "model.onnx")
    return folder / "model.onnx"


@path(NOT_VERIFIED, "OG001")
def device(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("/dev/zero")
    return folder / "model.onnx"


@path(NOT_VERIFIED, "OG001")
def symlink_to_itself(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("model.onnx")
    return folder / "model.onnx"


@path(NOT_VERIFIED, "OG001")
def symlinks_in_a_ring(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("other.onnx")
    (folder / "other.onnx").symlink_to("model.onnx")
    return folder / "model.onnx"


@path(NOT_VERIFIED, "OG001")
def symlink_to_nothing(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("gone.onnx")
    return folder / "model.onnx"


@path(NOT_VERIFIED)
def glob_without_a_match(folder: Path) -> Path:
    return folder / "*.onnx"


@path(NOT_VERIFIED, "OG001")
def folder_that_holds_a_fifo(folder: Path) -> Path:
    (folder / "good.onnx").write_bytes(PLAIN)
    os.mkfifo(folder / "pipe.onnx")
    return folder
