"""External data: places that a model must not read, and entries that do not add up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node

from hostile.registry import CLEAN, FINDINGS, path, table

SIZE = 24


def external(*entries: tuple[str, str], name: str = "w") -> bytes:
    """A float32 [2,3] tensor in another file, with the entries as they are."""
    written = [pb.entry(key, text) for key, text in entries]
    return pb.tensor(1, [2, 3], name, data_location=1, external_data=written)


def at(location: str) -> bytes:
    """A model whose one initializer lies at ``location``."""
    return pb.model(graph(node("Relu"), initializer=external(("location", location))))


def beside(folder: Path, model: bytes, data: bytes | None = bytes(SIZE)) -> Path:
    """Write the model to its own folder, and ``weights.bin`` beside it."""
    home = folder / "model"
    home.mkdir()
    (home / "model.onnx").write_bytes(model)
    if data is not None:
        (home / "weights.bin").write_bytes(data)
    return home / "model.onnx"


@path(CLEAN)
def plain_external_file(folder: Path) -> Path:
    return beside(folder, at("weights.bin"))


@path(CLEAN)
def external_file_with_a_range(folder: Path) -> Path:
    entries = [("location", "weights.bin"), ("offset", "4096"), ("length", str(SIZE))]
    model = pb.model(graph(node("Relu"), initializer=external(*entries)))
    return beside(folder, model, bytes(4096 + SIZE))


@table(FINDINGS, "OG402")
def location_outside() -> dict[str, bytes]:
    locations = [
        "../secret.bin",
        "a/../../secret.bin",
        "a/b/../../../secret.bin",
        "..",
        "/etc/passwd",
        "//etc/passwd",
        "/dev/zero",
        "C:\\Windows\\win.ini",
        "C:/Windows/win.ini",
        "C:weights.bin",
        "\\\\server\\share\\weights.bin",
        "//server/share/weights.bin",
        "..\\secret.bin",
        "a\\..\\..\\secret.bin",
        "\\secret.bin",
        "https://example.com/weights.bin",
        "file:///etc/passwd",
        "*/_ORT_MEM_ADDR_/*",
    ]
    return {location: at(location) for location in locations}


@table(FINDINGS)
def location_that_names_no_file() -> dict[str, bytes]:
    missing = external(("offset", "0"), ("length", str(SIZE)))
    locations = ["", ".", "./", "a/", "weights.bin\0", "\n"]
    return {repr(location): at(location) for location in locations} | {
        "no location": pb.model(graph(node("Relu"), initializer=missing)),
        "no entries": pb.model(graph(node("Relu"), initializer=external())),
    }


@path(FINDINGS, "OG403")
def symlinked_file(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    (folder / "secret.bin").write_bytes(bytes(SIZE))
    (model.parent / "weights.bin").symlink_to(folder / "secret.bin")
    return model


@path(CLEAN)
def symlinked_file_inside_the_folder(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    (model.parent / "real.bin").write_bytes(bytes(SIZE))
    (model.parent / "weights.bin").symlink_to("real.bin")
    return model


@path(FINDINGS, "OG403")
def symlink_out_and_up_again(folder: Path) -> Path:
    model = beside(folder, at("data/../weights.bin"))
    (folder / "elsewhere/deep").mkdir(parents=True)
    (folder / "elsewhere" / "weights.bin").write_bytes(bytes(SIZE))
    (model.parent / "data").symlink_to(folder / "elsewhere/deep")
    return model


@path(FINDINGS, "OG408")
def pointer_of_the_size_of_the_tensor(folder: Path) -> Path:
    text = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 24\n"
    return beside(folder, at("weights.bin"), text)


@path(FINDINGS, "OG403")
def symlinked_parent(folder: Path) -> Path:
    model = beside(folder, at("data/weights.bin"))
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "weights.bin").write_bytes(bytes(SIZE))
    (model.parent / "data").symlink_to(folder / "elsewhere")
    return model


@path(FINDINGS, "OG403")
def symlink_to_dev_zero(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    (model.parent / "weights.bin").symlink_to("/dev/zero")
    return model


@path(FINDINGS, "OG403")
def symlink_to_itself(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    (model.parent / "weights.bin").symlink_to("weights.bin")
    return model


@path(FINDINGS, "OG403")
def hard_link(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    (folder / "secret.bin").write_bytes(bytes(SIZE))
    os.link(folder / "secret.bin", model.parent / "weights.bin")
    return model


@path(FINDINGS, "OG403")
def external_fifo(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    os.mkfifo(model.parent / "weights.bin")
    return model


@path(FINDINGS, "OG403")
def external_folder(folder: Path) -> Path:
    model = beside(folder, at("weights.bin"), None)
    (model.parent / "weights.bin").mkdir()
    return model


@path(FINDINGS, "OG404")
def missing_file(folder: Path) -> Path:
    return beside(folder, at("weights.bin"), None)


@path(FINDINGS, "OG404")
def missing_folder(folder: Path) -> Path:
    return beside(folder, at("data/weights.bin"))


@path(FINDINGS)
def file_name_too_long(folder: Path) -> Path:
    return beside(folder, at("w" * 5000))


def _range_case(name: str, code: str, *entries: tuple[str, str]) -> None:
    def build(folder: Path) -> Path:
        located = external(("location", "weights.bin"), *entries)
        return beside(folder, pb.model(graph(node("Relu"), initializer=located)))

    build.__name__ = name
    path(FINDINGS, code)(build)


_range_case("negative_offset", "OG405", ("offset", "-24"))
_range_case("offset_past_the_end", "OG405", ("offset", "4096"))
_range_case("huge_offset", "OG405", ("offset", str(1 << 80)))
_range_case("offset_is_a_word", "OG405", ("offset", "ten"))
_range_case("offset_is_hexadecimal", "OG405", ("offset", "0x10"))
_range_case("offset_is_a_float", "OG405", ("offset", "0.0"))
_range_case("offset_is_empty", "OG405", ("offset", ""))
_range_case("offset_has_an_underscore", "OG405", ("offset", "0_0"))
_range_case("offset_in_arabic_digits", "OG405", ("offset", "\N{ARABIC-INDIC DIGIT ZERO}"))
_range_case("offset_of_100000_digits", "OG405", ("offset", "9" * 100_000))
_range_case("negative_length", "OG405", ("length", "-1"))
_range_case("length_past_the_end", "OG405", ("offset", "8"), ("length", str(SIZE)))
_range_case("length_shorter_than_the_dims", "OG405", ("length", "8"))
_range_case("length_is_a_word", "OG405", ("length", "all"))
_range_case("location_twice", "OG406", ("location", "other.bin"))
_range_case("offset_twice", "OG406", ("offset", "0"), ("offset", "8"))
_range_case("unknown_key", "OG406", ("url", "https://example.com"))
_range_case("key_in_capitals", "OG406", ("OFFSET", "8"))


@path(FINDINGS, "OG405")
def file_shorter_than_the_tensor(folder: Path) -> Path:
    return beside(folder, at("weights.bin"), bytes(SIZE - 1))


def everywhere(bad: bytes) -> dict[str, bytes]:
    """The tensor in every place where a model can hold one."""
    indices = pb.tensor(7, [1], raw_data=bytes(8))
    values = pb.tensor(1, [1], raw_data=bytes(4))

    def sparse(v: bytes, i: bytes) -> bytes:
        return pb.message("SparseTensorProto", values=v, indices=i, dims=[8])

    def holding(attributes: bytes) -> bytes:
        return node("Relu", attribute=attributes)

    holder = constant("w", value={"t": bad})
    branch = attribute("then_branch", g=body(initializer=bad))
    deep = attribute("then_branch", g=body(holder))
    default = attribute("a", t=bad)
    of_function: dict[str, Any] = {"opset_import": pb.opset_import("local", 1)}
    return {
        "sparse values": pb.model(graph(node("Relu"), sparse_initializer=sparse(bad, indices))),
        "sparse indices": pb.model(graph(node("Relu"), sparse_initializer=sparse(values, bad))),
        "Constant": pb.model(graph(holder, node("Relu"))),
        "Constant sparse_value": pb.model(
            graph(
                constant("w", sparse_value={"sparse_tensor": sparse(bad, indices)}),
                node("Relu"),
            )
        ),
        "attribute": pb.model(graph(holding(attribute("a", t=bad)))),
        "attribute said to be INT": pb.model(graph(holding(attribute("a", type=2, t=bad)))),
        "attribute tensors": pb.model(graph(holding(attribute("a", tensors=[values, bad])))),
        "attribute sparse_tensors": pb.model(
            graph(holding(attribute("a", sparse_tensors=[sparse(values, bad)])))
        ),
        "initializer of a subgraph": pb.model(graph(node("If", "c", "y", attribute=branch))),
        "Constant of a subgraph": pb.model(graph(node("If", "c", "y", attribute=deep))),
        "function": pb.model(graph(node("Relu")), functions=function("F", holder), **of_function),
        "function default": pb.model(
            graph(node("Relu")),
            functions=function("F", node("Relu"), attribute_proto=default),
            **of_function,
        ),
        "graph in a function": pb.model(
            graph(node("Relu")),
            functions=function("F", node("If", "c", "y", attribute=branch)),
            **of_function,
        ),
        "training": pb.model(
            graph(node("Relu")),
            training_info=pb.message("TrainingInfoProto", initialization=graph(initializer=bad)),
        ),
    }


@table(FINDINGS, "OG402")
def outside_from_everywhere() -> dict[str, bytes]:
    return everywhere(external(("location", "../secret.bin")))


@table(FINDINGS, "OG404")
def missing_from_everywhere() -> dict[str, bytes]:
    return everywhere(external(("location", "weights.bin")))


@table(FINDINGS)
def location_without_its_flag() -> dict[str, bytes]:
    """``external_data`` is filled while ``data_location`` says DEFAULT, and the other way round."""
    entries = pb.entry("location", "../secret.bin")
    fields: dict[str, dict[str, object]] = {
        "entries and DEFAULT": {"external_data": entries, "raw_data": bytes(SIZE)},
        "entries and an unknown location": {"external_data": entries, "data_location": 7},
        "EXTERNAL and raw_data": {
            "external_data": pb.entry("location", "weights.bin"),
            "data_location": 1,
            "raw_data": bytes(SIZE),
        },
    }
    return {
        name: pb.model(graph(node("Relu"), initializer=pb.tensor(1, [2, 3], "w", **extra)))
        for name, extra in fields.items()
    }
