"""Models in a store, over the S3 API of moto's server."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import protobuf as pb
from support.command import run
from support.patience import HANG
from support.protobuf import graph, node, tensor
from support.servers import S3, s3_environment, serving, storing, write_sparse_model

import onnxguard
from onnxguard import Finding, Verdict
from onnxguard.sources.discover import find_models
from onnxguard.sources.files import open_model
from onnxguard.sources.remote import Access
from onnxguard.sources.remote.filesystems import forget
from onnxguard.sources.remote.ranges import AFTER_JUMP, HEAD

MODEL = pb.model(graph(node("Relu")))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    path = tmp_path_factory.mktemp("sparse") / "sparse.onnx"
    write_sparse_model(path, 4, 1 << 20)
    environment = pytest.MonkeyPatch()
    with storing() as s3:
        for name, value in s3_environment(s3).items():
            environment.setenv(name, value)
        s3.put("/zoo")
        for name in ("b.onnx", "a.ONNX", "sub/c.onnx", "notes.txt", "sub/@odd %20 name.onnx"):
            s3.put(f"/zoo/models/{name.replace('%', '%25').replace(' ', '%20')}", MODEL)
        s3.put("/zoo/models-of-old/d.onnx", MODEL)
        for name in ("m.onnx", "v2.onnx/n.onnx"):
            s3.put(f"/zoo/folders/{name}", MODEL)
        s3.put("/zoo/folders/v1.onnx/")  # an empty folder, as consoles make them
        s3.put("/zoo/large.onnx", path.read_bytes())
        yield s3
    environment.undo()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxguard.sources.remote.patience.FIRST_PAUSE", 0.002)


def unverified(address: str, access: Access = Access(HANG)) -> Finding:  # noqa: B008 - a tuple
    report = onnxguard.scan(address, access=access)
    assert (report.verdict, report.facts, report.read) == (Verdict.ERROR, None, None)
    (finding,) = report.findings
    return finding


@pytest.mark.usefixtures("store")
def test_object_costs_its_structure_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "werkzeug")  # where the server writes each request down
    caplog.clear()
    report = onnxguard.scan("s3://zoo/large.onnx")
    assert report.passed
    assert report.path == "s3://zoo/large.onnx"
    assert report.read is not None
    asked = re.findall(r"(GET|HEAD) /zoo/large.onnx", caplog.text)
    assert asked == ["HEAD", *["GET"] * 5, "HEAD"]
    assert report.read.requests == len(asked)
    assert report.read.bytes <= HEAD + 4 * AFTER_JUMP


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 16\n"


@pytest.mark.parametrize(
    ("content", "codes", "read"),
    [
        (bytes(16), [], 16),
        (bytes(15), ["OG405"], 15),
        (POINTER, ["OG408"], len(POINTER)),
        (POINTER + bytes(1 << 16), [], 0),
        (b"", ["OG405"], 0),
    ],
)
def test_data_beside_the_model(content: bytes, codes: list[str], read: int, store: S3) -> None:
    keys = [pb.entry("location", "deep/../w.bin")]
    held = tensor(1, [4], "w", external_data=keys, data_location=1)
    model = pb.model(graph(node("Relu"), node("Identity", "w", "z"), initializer=held))
    folder = f"/zoo/data/{len(content)}-{read}"
    store.put(f"{folder}/m.onnx", model)
    store.put(f"{folder}/w.bin", content)
    report = onnxguard.scan(f"s3:/{folder}/m.onnx")
    assert [finding.code for finding in report.findings] == codes
    assert report.read is not None
    assert report.read.bytes == len(model) + read


# What is named, and the objects that it stands for.
SUB = ["models/sub/@odd %20 name.onnx", "models/sub/c.onnx"]
NAMED = {
    "s3://zoo/models/": ["models/a.ONNX", "models/b.onnx", *SUB],
    "s3://zoo/models": ["models/a.ONNX", "models/b.onnx", *SUB],
    "s3://zoo/models/sub": SUB,
    "s3://zoo/models/*.onnx": ["models/a.ONNX", "models/b.onnx"],
    "s3://zoo/models/?.ONNX": ["models/a.ONNX", "models/b.onnx"],
    "s3://zoo/mod*/**/*.onnx": ["models-of-old/d.onnx", "models/a.ONNX", "models/b.onnx", *SUB],
    "s3://zoo/folders/*.onnx": ["folders/m.onnx"],
    "s3://zoo/folders/**": ["folders/m.onnx", "folders/v2.onnx/n.onnx"],
    "s3://zoo/folders/": ["folders/m.onnx", "folders/v2.onnx/n.onnx"],
    "s3://zoo/folder*": ["folder*"],
    "S3://zoo/models/notes.txt": ["models/notes.txt"],
    "s3://zoo/none/": ["none/"],
    "s3://zoo/*.txt": ["*.txt"],
    "s3://zoo/none.onnx": ["none.onnx"],
}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("address", NAMED)
def test_folders_and_globs_are_expanded(address: str) -> None:
    models = [model.partition("://zoo/")[2] for model in find_models([address, address])]
    assert models == NAMED[address]


@pytest.mark.usefixtures("store")
def test_a_folder_is_scanned_in_worker_processes() -> None:
    code, out, _ = run("scan", "--jobs", "2", "--format", "json", "s3://zoo/models/")
    models = json.loads(out)["models"]
    assert code == 0
    assert [model["path"].rpartition("/")[2] for model in models] == [
        "a.ONNX", "b.onnx", "@odd %20 name.onnx", "c.onnx",
    ]  # fmt: skip
    assert all(model["read"]["bytes"] == len(MODEL) for model in models)


UNREADABLE = {
    "s3://zoo/none.onnx": "nothing is there (FileNotFoundError)",
    "s3://zoo/none/": "nothing is there (FileNotFoundError)",
    "s3://none/m.onnx": "nothing is there (HTTP 404)",
    "s3://none": "it is a bucket without *.onnx objects, or none",
    "s3://none/": "it is a bucket without *.onnx objects, or none",
    "s3://zoo/models": "it is a folder",
}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("address", UNREADABLE)
def test_object_that_is_not_there(address: str) -> None:
    finding = unverified(address)
    assert finding.code == "OG001"
    assert UNREADABLE[address] in finding.message
    if address != "s3://zoo/models":
        code, out, _ = run("scan", address)
        assert (code, UNREADABLE[address] in out) == (2, True)


def test_object_that_is_replaced_in_mid_read(store: S3) -> None:
    data = bytearray(2 << 20)
    data[:8] = b"\x08\x08" + bytes(6)
    store.put("/zoo/changing.onnx", bytes(data))

    def read_and_replace() -> None:
        with open_model("s3://zoo/changing.onnx") as held:
            assert held[0] == 8
            store.put("/zoo/changing.onnx", bytes(data) + b"more")
            assert held[1 << 20]
            pytest.fail("another object was read")

    with pytest.raises(onnxguard.ModelError, match="changed while it was read"):
        read_and_replace()


def test_object_that_is_replaced_after_the_last_read(store: S3) -> None:
    store.put("/zoo/changing.onnx", MODEL)
    with (
        pytest.raises(onnxguard.ModelError, match="changed while it was read"),
        open_model("s3://zoo/changing.onnx"),
    ):
        store.put("/zoo/changing.onnx", MODEL[:-1] + b"?")


def test_resumed_run_judges_what_changed(store: S3, tmp_path: Path) -> None:
    for name in "ab":
        store.put(f"/zoo/later/{name}.onnx", MODEL)
    results = "--resume", "--results", str(tmp_path / "results")
    command = "scan", "-q", "--jobs", "1", *results, "s3://zoo/later"
    assert run(*command) == run(*command) == (0, "", "")
    first = (tmp_path / "results").read_text()
    store.put("/zoo/later/b.onnx", pb.model(graph(node("Einsum"))))
    code, out, err = run(*command)
    assert (code, err) == (1, "")
    assert out.startswith("s3://zoo/later/b.onnx: OG101 error Einsum")
    last = (tmp_path / "results").read_text()
    assert last.splitlines()[:2] == first.splitlines()[:2]


EXTERNAL = {
    "w.bin": [],
    "./sub//w.bin": [],
    "none.bin": [("OG404", 'external data at "none.bin" is missing')],
    "sub": [("OG404", 'external data at "sub" is missing')],
    "short.bin": [("OG405", 'bytes 0 to 16 of "short.bin", which has 15')],
    "../large.onnx": [("OG402", "leaves the model's folder")],
}


@pytest.mark.parametrize("location", EXTERNAL)
def test_external_data_beside_an_object(location: str, store: S3) -> None:
    held = tensor(1, [4], "w", external_data=[pb.entry("location", location)], data_location=1)
    model = pb.model(graph(node("Add", "x w", "y"), initializer=held))
    store.put("/zoo/external/m.onnx", model)
    for name, size in (("w.bin", 16), ("sub/w.bin", 16), ("short.bin", 15)):
        store.put(f"/zoo/external/{name}", bytes(size))
    findings = onnxguard.scan("s3://zoo/external/m.onnx").findings
    found = [(f.code, f.message) for f in findings if f.code[:4] == "OG40" and f.code != "OG401"]
    assert [code for code, _ in found] == [code for code, _ in EXTERNAL[location]]
    for (_, message), (_, wanted) in zip(found, EXTERNAL[location], strict=True):
        assert wanted in message


@pytest.fixture
def renewed(store: S3) -> Iterator[S3]:
    """The store, before and after a test that has an environment of its own."""
    forget()
    yield store
    for thread in threading.enumerate():  # a call that was given up would meet the next test
        if thread.name == "onnxguard-remote":
            thread.join(HANG)
    forget()


@pytest.mark.usefixtures("renewed")
def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    finding = unverified("s3://zoo/large.onnx")
    assert "the connection failed (EndpointConnectionError), 4 times" in finding.message
    code, out, err = run("scan", "s3://zoo/models/")
    assert (code, out) == (2, "")
    assert 'cannot list "s3://zoo/models/"' in err
    assert err.count("\n") == 1


FAULTS = {
    "silent": "cannot be read: not done within 0.4 s",
    "500": "cannot be read: the server answers HTTP 500, 4 times",
    "503": "cannot be read: the server answers HTTP 503, 4 times",
    "403": "cannot be read: not allowed (HTTP 403)",
    "400": "cannot be read: the server answers HTTP 400",
}


# After HTTP 400 botocore asks where the bucket is.
REQUESTS = {"silent": 0, "500": 4, "503": 4, "403": 1, "400": 2}


@pytest.mark.usefixtures("renewed")
@pytest.mark.parametrize("fault", FAULTS)
def test_store_with_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        server.always = fault
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url(""))
        finding = unverified("s3://zoo/large.onnx", Access(0.4 if fault == "silent" else HANG))
        assert len(server.asked) == REQUESTS[fault], [asked[::2] for asked in server.asked]
    assert finding.message == FAULTS[fault]
    assert "testing-secret" not in str(finding)


@pytest.mark.usefixtures("renewed")
def test_a_store_that_asks_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        server.always = "429 after 1000000"
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url(""))
        finding = unverified("s3://zoo/large.onnx")
        assert len(server.asked) == 1
    wanted = "cannot be read: the server answers HTTP 429 and asks to wait 1,000,000 s"
    assert finding.message == wanted
    assert "--timeout" in finding.hint


@pytest.mark.usefixtures("renewed")
def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    finding = unverified("s3://zoo/large.onnx")
    assert "not allowed (NoCredentialsError)" in finding.message
    assert "AWS_PROFILE" in finding.hint
