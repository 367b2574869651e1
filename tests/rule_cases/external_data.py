"""OG4xx: values that lie in another file."""

from __future__ import annotations

import os
from pathlib import Path

from support import protobuf as pb
from support.protobuf import graph, node, tensor

from onnxguard.base.findings import Severity
from rule_cases.case import Build, Case, beside

DATA = bytes(24)
PLACE = 'graph/initializer 0 "w"'


def external(*entries: tuple[str, str], location: int | None = 1) -> bytes:
    """A float32 [2,3] tensor, 24 bytes, with its values elsewhere."""
    return held(1, [2, 3], *entries, location=location)


def held(dtype: int, dims: list[int], *entries: tuple[str, str], location: int | None = 1) -> bytes:
    more = {} if location is None else {"data_location": location}
    return tensor(dtype, dims, "w", external_data=[pb.entry(k, v) for k, v in entries], **more)


def model(initializer: bytes) -> bytes:
    return pb.model(graph(node("Relu"), initializer=initializer))


def at(location: str, **ranges: str) -> bytes:
    return model(external(("location", location), *ranges.items()))


def file(*entries: tuple[str, str], location: int | None = 1) -> Build:
    return beside("w.bin", DATA, model(external(*entries, location=location)))


def ranged(**ranges: str) -> Build:
    return beside("w.bin", DATA, at("w.bin", **ranges))


def linked(folder: Path) -> bytes:
    (folder / "other.bin").write_bytes(DATA)
    (folder / "w.bin").symlink_to("other.bin")
    return at("w.bin")


def linked_outside(folder: Path) -> bytes:
    elsewhere = folder.with_name(f"{folder.name}.other")
    elsewhere.write_bytes(DATA)
    (folder / "w.bin").symlink_to(elsewhere)
    return at("w.bin")


def linked_in_a_circle(folder: Path) -> bytes:
    (folder / "w.bin").symlink_to("v.bin")
    (folder / "v.bin").symlink_to("w.bin")
    return at("w.bin")


def linked_to_nothing(folder: Path) -> bytes:
    (folder / "w.bin").symlink_to("gone.bin")
    return at("w.bin")


def not_fetched_by_git_annex(folder: Path) -> bytes:
    key = "SHA256E-s4096--4d7a.bin"
    (folder / "w.bin").symlink_to(f".git/annex/objects/Gx/7q/{key}/{key}")
    return at("w.bin")


def up_from_a_link(folder: Path) -> bytes:
    (folder / "real/deep").mkdir(parents=True)
    (folder / "real/w.bin").write_bytes(DATA)
    (folder / "w.bin").write_bytes(DATA)
    (folder / "data").symlink_to("real/deep")
    return at("data/../w.bin")


def hard_linked(folder: Path) -> bytes:
    (folder / "other.bin").write_bytes(DATA)
    os.link(folder / "other.bin", folder / "w.bin")
    return at("w.bin")


def fifo(folder: Path) -> bytes:
    os.mkfifo(folder / "w.bin")
    return at("w.bin")


def parent_linked(folder: Path) -> bytes:
    (folder / "real").mkdir()
    (folder / "real/w.bin").write_bytes(DATA)
    (folder / "data").symlink_to("real")
    return at("data/w.bin")


def parent(folder: Path) -> bytes:
    (folder / "data").mkdir()
    (folder / "data/w.bin").write_bytes(DATA)
    return at("data/w.bin")


def up_from_a_folder(folder: Path) -> bytes:
    (folder / "data").mkdir()
    (folder / "w.bin").write_bytes(DATA)
    return at("data/../w.bin")


def text(written: str) -> Build:
    """A small data file; the tensor would fit into it."""
    return beside("w.bin", written.encode().ljust(24, b"\n"), at("w.bin"))


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4096\n"
POINTERS = {
    "Git LFS": (LFS, "a Git LFS pointer", "git lfs pull"),
    "Git LFS, first version": (
        "version https://hawser.github.com/spec/v1\noid sha256:4d7a\nsize 4096\n",
        "a Git LFS pointer",
        "git lfs pull",
    ),
    "git-annex": ("/annex/objects/SHA256E-s4096--4d7a.bin\n", "a git-annex pointer", "git annex"),
    "git-annex without links": (
        "../.git/annex/objects/Gx/7q/SHA256E-s4096--4d7a/SHA256E-s4096--4d7a",
        "a git-annex pointer",
        "git annex get",
    ),
    "DVC": ("outs:\n- md5: 4d7a\n  size: 4096\n  path: w.bin\n", "a DVC pointer", "dvc pull"),
    "DVC with a header": (
        "md5: 4d7a\nfrozen: true\nouts:\n- path: w.bin\n  md5: 4d7a\n",
        "a DVC pointer",
        "dvc pull",
    ),
    "Xet": ("# xet version 0\nfilesize = 4096\nhash = '4d7a'\n", "a Xet pointer", "git xet"),
}

PLAIN = ranged()
INSIDE = model(tensor(1, [2, 3], "w", raw_data=DATA))


def refused(name: str, location: str, why: str) -> Case:
    return Case(
        "OG402",
        name,
        beside("w.bin", DATA, at(location)),
        PLAIN,
        message=why,
        route=PLACE,
        hint="a file name in the model's own folder",
    )


CASES = (
    Case(
        "OG401",
        "where the list forbids it",
        PLAIN,
        INSIDE,
        rules="policy: {external_data: forbid}\n",
        message="a tensor keeps its values in another file",
        route=PLACE,
        hint="without external data",
    ),
    Case(
        "OG401",
        "where the list warns of it",
        PLAIN,
        INSIDE,
        rules="policy: {external_data: warn}\n",
        route=PLACE,
        severity=Severity.WARNING,
    ),
    refused("folder above", "../w.bin", "leaves the model's folder"),
    refused("folder above, on the way", "a/../../w.bin", "leaves the model's folder"),
    refused("absolute path", "/w.bin", "an absolute path"),
    refused("backslash", "..\\w.bin", "holds a backslash"),
    refused("drive", "C:w.bin", "a drive or a URL"),
    refused("URL", "https://w.bin", "a drive or a URL"),
    refused("stream of a file", "./w.bin:stream", "holds a colon"),
    refused("address in memory", "*/_ORT_MEM_ADDR_/*", "an address in the runtime's memory"),
    refused("nothing", " ", "empty"),
    refused("mark that turns the text around", "w\u202e.bin", "control or invisible characters"),
    refused("folder above and back", "../model/w.bin", "leaves the model's folder"),
    Case(
        "OG403",
        "link out of the folder",
        linked_outside,
        PLAIN,
        message="goes through a symbolic link that leads out of the model's folder",
        route=PLACE,
    ),
    Case("OG403", "circle of links", linked_in_a_circle, PLAIN, message="circle", route=PLACE),
    Case(
        "OG403",
        "up from a link",
        up_from_a_link,
        up_from_a_folder,
        message='goes through a symbolic link and up from there by ".."',
        route=PLACE,
    ),
    Case("OG403", "hard link", hard_linked, PLAIN, message="hard link", route=PLACE),
    Case("OG403", "FIFO", fifo, PLAIN, message="is not a regular file", route=PLACE),
    Case("OG403", "folder", at("."), PLAIN, message="is not a regular file", route=PLACE),
    Case(
        "OG404",
        "no file of that name",
        at("w.bin"),
        PLAIN,
        message='external data at "w.bin" is missing',
        route=PLACE,
        hint="ship the data file with the model",
    ),
    Case(
        "OG404",
        "link to no file",
        linked_to_nothing,
        PLAIN,
        message='external data at "w.bin" is a symbolic link to a file that is missing',
        route=PLACE,
    ),
    Case(
        "OG405",
        "past the end of the file",
        ranged(offset="1"),
        ranged(offset="0", length="24"),
        message='bytes 1 to 25 of "w.bin", which has 24',
        route=PLACE,
    ),
    Case(
        "OG405",
        "file shorter than the tensor",
        beside("w.bin", DATA[1:], at("w.bin")),
        beside("w.bin", DATA + b"more", at("w.bin")),
        message='bytes 0 to 24 of "w.bin", which has 23',
        route=PLACE,
    ),
    Case(
        "OG405",
        "length of another tensor",
        ranged(length="20"),
        ranged(length="24"),
        message="a tensor of 24 bytes says its data has 20",
        route=PLACE,
    ),
    Case(
        "OG405",
        "negative offset",
        ranged(offset="-8"),
        ranged(offset="00"),
        message='the offset "-8" is not a whole number',
        route=PLACE,
    ),
    Case(
        "OG405",
        "length that is no number",
        ranged(length="0x18"),
        ranged(length="24"),
        message='the length "0x18" is not a whole number',
        route=PLACE,
    ),
    Case(
        "OG405",
        "pre-packed weights past the end of the file",
        ranged(prepacked_0="MatMul+1|0;8;1|8;24;2"),
        ranged(prepacked_0="MatMul+1|0;8;1|8;16;2"),
        message='bytes 8 to 32 of "w.bin", which has 24',
        route=PLACE,
    ),
    Case(
        "OG405",
        "pre-packed weights of no length",
        ranged(prepacked_0="MatMul+1|-8;8;1"),
        ranged(prepacked_0="MatMul+1"),
        message='the prepacked_0 "-8;8;1" is not offset;length;checksum',
        route=PLACE,
    ),
    Case(
        "OG405",
        "past the end of the file without a length",
        ranged(offset="8", length="0"),
        ranged(offset="0", length="0"),
        message='bytes 8 to 32 of "w.bin", which has 24',
        route=PLACE,
    ),
    Case(
        "OG405",
        "texts",
        beside("w.bin", DATA, model(held(8, [3], ("location", "w.bin")))),
        beside("w.bin", DATA, model(held(7, [3], ("location", "w.bin")))),
        message="string values in another file, which no runtime reads",
        route=PLACE,
    ),
    Case(
        "OG405",
        "nothing at an offset",  # ONNX Runtime 1.31: unexpected end of file
        beside("w.bin", DATA, model(held(1, [0], ("location", "w.bin"), ("offset", "4")))),
        beside("w.bin", DATA, model(held(1, [0], ("location", "w.bin"), ("offset", "0")))),
        message="a tensor without elements at an offset, which ONNX Runtime 1.31 cannot read",
        route=PLACE,
        severity=Severity.WARNING,
    ),
    Case(
        "OG406",
        "unknown key",
        file(("location", "w.bin"), ("path", "w.bin")),
        file(("location", "w.bin"), ("checksum", "0")),
        message='external data with the unknown key "path"',
        route=PLACE,
    ),
    Case(
        "OG406",
        "key given twice",
        file(("location", "w.bin"), ("offset", "0"), ("offset", "0")),
        file(("location", "w.bin"), ("offset", "0")),
        message='external data with the key "offset" twice',
        route=PLACE,
    ),
    Case(
        "OG406",
        "no data_location",
        file(("location", "w.bin"), location=None),
        PLAIN,
        message="external data with no data_location",
        route=PLACE,
    ),
    *(
        Case(
            "OG407",
            name,
            build,
            good,
            rules=rules,
            good_rules="policy: {external_data_links: allow}\n" if good is build else None,
            message=f'external data at "{location}" goes through a symbolic link',
            route=PLACE,
            hint="copy the data into a plain file",
            severity=severity,
        )
        for name, build, good, location, rules, severity in (
            ("file", linked, PLAIN, "w.bin", "", Severity.NOTE),
            ("folder", parent_linked, parent, "data/w.bin", "", Severity.NOTE),
            ("that the list allows", linked, linked, "w.bin", "", Severity.NOTE),
            (
                "that the list warns of",
                linked,
                linked,
                "w.bin",
                "policy: {external_data_links: warn}\n",
                Severity.WARNING,
            ),
            (
                "that the list forbids",
                linked,
                linked,
                "w.bin",
                "policy: {external_data_links: forbid}\n",
                Severity.ERROR,
            ),
        )
    ),
    Case(
        "OG408",
        "link of git-annex to what was not fetched",
        not_fetched_by_git_annex,
        PLAIN,
        message='external data at "w.bin" is a git-annex pointer, not the data itself',
        route=PLACE,
        hint="git annex get",
    ),
    *(
        Case(
            "OG408",
            name,
            text(written),
            text("version 2 of the weights"),
            message=f'external data at "w.bin" is {kind}, not the data itself',
            route=PLACE,
            hint=fetch,
        )
        for name, (written, kind, fetch) in POINTERS.items()
    ),
)
