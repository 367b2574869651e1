"""External data is judged in the file that ONNX Runtime reads it from, links and all."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import helper

import onnxguard
from onnxguard.sources.data_files import DataFolder

MODEL = "m.onnx"


def model(location: str, **keys: str) -> bytes:
    """``y = Identity(w)``: a run tells from which file w was read."""
    held = onnx.TensorProto(name="w", dims=[2], data_type=1, data_location=1)
    for key, value in {"location": location, **keys}.items():
        held.external_data.add(key=key, value=value)
    node = helper.make_node("Identity", ["w"], ["y"])
    outputs = [helper.make_tensor_value_info("y", 1, [2])]
    graph = helper.make_graph([node], "g", [], outputs, [held])
    opsets = [helper.make_opsetid("", 17)]
    made: bytes = helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()
    return made


def data(value: int) -> bytes:
    return struct.pack("<2f", value, value)


def put(path: Path, content: bytes | str) -> None:
    """A file, or a link where the content is a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.symlink_to(content)
    else:
        path.write_bytes(content)


Files = dict[str, bytes | str]
PLAIN = model("w.bin")
HUB: Files = {"blobs/a": PLAIN, "blobs/b": data(1)}

LAYOUTS: dict[str, tuple[str, Files, str]] = {
    # name: the model's path, files and links, the codes that are found
    "plain": ("k/m.onnx", {"k/m.onnx": PLAIN, "k/w.bin": data(1)}, ""),
    "the cache of the Hub": (
        "snap/m.onnx",
        {**HUB, "snap/m.onnx": "../blobs/a", "snap/w.bin": "../blobs/b"},
        "OG407",
    ),
    "the cache of the Hub, absolute": (
        "snap/m.onnx",
        {**HUB, "snap/m.onnx": "{root}/blobs/a", "snap/w.bin": "{root}/blobs/b"},
        "OG407",
    ),
    "the cache of the Hub, by a linked folder": (
        "main/m.onnx",
        {**HUB, "snap/m.onnx": "../blobs/a", "snap/w.bin": "../blobs/b", "main": "snap"},
        "OG407",
    ),
    "the cache of the Hub, not fetched": (
        "snap/m.onnx",
        {"blobs/a": PLAIN, "snap/m.onnx": "../blobs/a", "snap/w.bin": "../blobs/b"},
        "OG404",
    ),
    "below the linked model": (
        "snap/m.onnx",
        {"blobs/a": PLAIN, "blobs/c/b": data(1)}
        | {"snap/m.onnx": "../blobs/a", "snap/w.bin": "../blobs/c/b"},
        "OG407",
    ),
    "model linked, data beside both": (
        "link/m.onnx",
        {"real/m.onnx": PLAIN, "real/w.bin": data(1)}
        | {"link/m.onnx": "../real/m.onnx", "link/w.bin": data(2)},
        "",
    ),
    "model linked, data beside the model": (
        "link/m.onnx",
        {"real/m.onnx": PLAIN, "real/w.bin": data(1), "link/m.onnx": "../real/m.onnx"},
        "OG404",
    ),
    "model linked, short data beside the link": (
        "link/m.onnx",
        {"real/m.onnx": PLAIN, "real/w.bin": data(1)}
        | {"link/m.onnx": "../real/m.onnx", "link/w.bin": data(2)[:7]},
        "OG405",
    ),
    "model not linked, data linked": (
        "k/m.onnx",
        {"k/m.onnx": PLAIN, "k/o/v.bin": data(1), "k/w.bin": "o/v.bin"},
        "OG407",
    ),
    "model not linked, data linked outside": (
        "k/m.onnx",
        {"k/m.onnx": PLAIN, "o/w.bin": data(1), "k/w.bin": "../o/w.bin"},
        "OG403",
    ),
    "folder whose name begins alike": (
        "k/m.onnx",
        {"k/m.onnx": PLAIN, "k2/w.bin": data(1), "k/w.bin": "../k2/w.bin"},
        "OG403",
    ),
    "folder linked": ("f/m.onnx", {"k/m.onnx": PLAIN, "k/w.bin": data(1), "f": "k"}, ""),
    "chain of links that comes back": (
        "k/m.onnx",
        {"k/m.onnx": PLAIN, "k/z.bin": data(1), "o/w.bin": "../k/z.bin", "k/w.bin": "../o/w.bin"},
        "OG407",
    ),
    "chain of models, data at its end": (
        "a/m.onnx",
        {"c/m.onnx": PLAIN, "c/w.bin": data(3), "b/m.onnx": "../c/m.onnx", "b/w.bin": data(2)}
        | {"a/m.onnx": "../b/m.onnx", "a/w.bin": "../c/w.bin"},
        "OG407",
    ),
    "chain of models, data in the middle": (
        "a/m.onnx",
        {"c/m.onnx": PLAIN, "c/w.bin": data(3), "b/m.onnx": "../c/m.onnx", "b/w.bin": data(2)}
        | {"a/m.onnx": "../b/m.onnx", "a/w.bin": "../b/w.bin"},
        "OG403",
    ),
    "folder of the data linked": (
        "k/m.onnx",
        {"k/m.onnx": model("s/w.bin"), "k/o/w.bin": data(1), "k/s": "o"},
        "OG407",
    ),
    "folder of the data linked outside": (
        "k/m.onnx",
        {"k/m.onnx": model("s/w.bin"), "o/w.bin": data(1), "k/s": "../o"},
        "OG403",
    ),
    "links in a circle": (
        "k/m.onnx",
        {"k/m.onnx": PLAIN, "k/w.bin": "v.bin", "k/v.bin": "w.bin"},
        "OG403",
    ),
    "up and down": (
        "k/m.onnx",
        {"k/m.onnx": model("deep/../w.bin"), "k/deep/x": b"", "k/w.bin": data(1)},
        "",
    ),
    "down, up and through": (
        "k/m.onnx",
        {"k/m.onnx": model("deep/.././deep//w.bin"), "k/deep/w.bin": data(2), "k/w.bin": data(1)},
        "",
    ),
    "dot": ("k/m.onnx", {"k/m.onnx": model("./w.bin"), "k/w.bin": data(1)}, ""),
    "up from nowhere": (
        "k/m.onnx",
        {"k/m.onnx": model("nodir/../w.bin"), "k/w.bin": data(1)},
        "OG404",
    ),
    "up from a file": (
        "k/m.onnx",
        {"k/m.onnx": model("w.bin/../w.bin"), "k/w.bin": data(1)},
        "OG404",
    ),
    "up and out": (
        "k/m.onnx",
        {"k/m.onnx": model("deep/../../w.bin"), "k/deep/x": b"", "w.bin": data(1)},
        "OG402",
    ),
    "slash at the end": ("k/m.onnx", {"k/m.onnx": model("w.bin/"), "k/w.bin": data(1)}, "OG404"),
    "length of 0": (
        "k/m.onnx",
        {"k/m.onnx": model("w.bin", offset="8", length="0"), "k/w.bin": data(2) + data(1)},
        "",
    ),
    "pre-packed weights": (
        "k/m.onnx",
        {"k/m.onnx": model("w.bin", prepacked_0="MatMul+1|8;8;1"), "k/w.bin": data(1) * 2},
        "",
    ),
}
STRICTER: dict[str, tuple[str, Files, str]] = {
    "out and back": ("k/m.onnx", {"k/m.onnx": model("../k/w.bin"), "k/w.bin": data(1)}, "OG402"),
    "up from a link": (
        "k/m.onnx",
        {"k/m.onnx": model("s/../w.bin"), "k/o/p/x": b"", "k/s": "o/p"}
        | {"k/w.bin": data(1), "k/o/w.bin": data(2)},
        "OG403",
    ),
    "backslash": ("k/m.onnx", {"k/m.onnx": model("a\\b"), "k/a\\b": data(1)}, "OG402"),
    "colon": ("k/m.onnx", {"k/m.onnx": model("a:b"), "k/a:b": data(1)}, "OG402"),
    "pointer": (
        "k/m.onnx",
        {"k/m.onnx": PLAIN, "k/w.bin": b"version https://git-lfs.github.com/spec/v1\n"},
        "OG408",
    ),
}
"""What ONNX Runtime loads and other systems, or onnx, refuse or read from another file."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The path of each layout's model."""
    root = tmp_path_factory.mktemp("layouts")
    paths = {}
    for number, (name, (path, files, _)) in enumerate((LAYOUTS | STRICTER).items()):
        place = root / str(number)
        for file, content in files.items():
            link = content.replace("{root}", str(place)) if isinstance(content, str) else content
            put(place / file, link)
        paths[name] = place / path
    return paths


RUN = """
import json, sys
import onnxruntime
onnxruntime.set_default_logger_severity(4)
found = {}
for path in json.load(sys.stdin):
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found[path] = session.run(None, {})[0].tolist()
    except Exception as error:
        found[path] = str(error)
json.dump(found, sys.stderr)
"""


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, object]:
    """What ONNX Runtime reads from each, or why it refuses; in a process of its own."""
    asked = json.dumps([str(path) for path in folders.values()])
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    answers = json.loads(done.stderr[done.stderr.index("{") :])
    return {name: answers[str(path)] for name, path in folders.items()}


def codes(path: Path | str) -> str:
    return " ".join(finding.code for finding in onnxguard.scan(path).findings)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_passes_is_what_onnx_runtime_reads(
    name: str, folders: dict[str, Path], loaded: dict[str, object]
) -> None:
    path, wanted = folders[name], LAYOUTS[name][2]
    assert codes(path) == wanted
    if wanted in ("", "OG407"):
        (item,) = onnxguard.read_facts(path).external_data
        file = DataFolder(str(path)).find(item.location)
        offset = 8 if name == "length of 0" else 0
        held = Path(file.path).read_bytes()[offset : offset + 8]
        assert loaded[name] == list(struct.unpack("<2f", held))
        assert file.linked is (wanted == "OG407")
    else:
        assert isinstance(loaded[name], str)


@pytest.mark.parametrize("name", STRICTER)
def test_what_is_refused_although_onnx_runtime_reads_it(
    name: str, folders: dict[str, Path], loaded: dict[str, object]
) -> None:
    assert codes(folders[name]) == STRICTER[name][2]
    assert isinstance(loaded[name], list)


@pytest.mark.parametrize("way", [lambda p: p.name, lambda p: f"./{p.name}", os.path.relpath])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_way_to_the_folder_changes_nothing(
    name: str,
    way: Callable[[Path], str],
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folders[name].parent)
    assert codes(way(folders[name])) == LAYOUTS[name][2]


def test_a_pointer_is_read_no_further_than_its_head(tmp_path: Path) -> None:
    """A large file is not opened: weights that nobody may read are still looked at."""
    (tmp_path / MODEL).write_bytes(model("w.bin"))
    put(tmp_path / "w.bin", b"version https://git-lfs.github.com/spec/v1\n" + bytes(1 << 16))
    assert codes(tmp_path / MODEL) == ""
