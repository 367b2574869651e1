"""Models on a web server: what is fetched, what goes wrong, and what is never told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import protobuf as pb
from support.checkout import ROOT
from support.command import run
from support.formats import check
from support.measure import measure
from support.patience import HANG, with_a_limit
from support.protobuf import LEN, graph, node, tag, tensor
from support.servers import WebServer, make_certificate, running, serving, web, write_sparse_model

import onnxguard
from onnxguard import Finding, Verdict
from onnxguard.cli import scale_options
from onnxguard.many.results_file import Results
from onnxguard.reporters import REPORTERS
from onnxguard.sources.files import open_model
from onnxguard.sources.pointers import HEAD_BYTES
from onnxguard.sources.remote import Access
from onnxguard.sources.remote.patience import TRIES
from onnxguard.sources.remote.ranges import AFTER_JUMP, HEAD

__all__ = ["running", "web"]

MODEL = pb.model(graph(node("Relu")))
TENSORS, PLAIN = 4, 5
"""Weights of the sparse model, and the requests that it takes: head, end and all but the first."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause a hundredth of the usual time between tries."""
    monkeypatch.setattr("onnxguard.sources.remote.patience.FIRST_PAUSE", 0.002)


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sparse") / "sparse.onnx"
    write_sparse_model(path, TENSORS, 1 << 20)
    return path


def unverified(address: str, access: Access = Access(HANG)) -> Finding:  # noqa: B008 - a tuple
    report = onnxguard.scan(address, access=access)
    assert (report.verdict, report.facts, report.read) == (Verdict.ERROR, None, None)
    (finding,) = report.findings
    assert finding.hint
    return finding


# -- what is fetched ------------------------------------------------------------------------------


def test_large_model_costs_its_structure_alone(tmp_path: Path, web: WebServer) -> None:
    path = tmp_path / "large.onnx"
    write_sparse_model(path, 16, 4 << 20)
    web.files["/large.onnx"] = path
    report = onnxguard.scan(web.url("/large.onnx"))
    local = onnxguard.scan(path)
    assert (report.facts, report.findings) == (local.facts, local.findings)
    assert report.read is not None
    assert report.read[:2] == (web.sent, len(web.asked))
    assert report.read.requests == 17  # the head, the end, and each header after a weight
    assert report.read.bytes < path.stat().st_size / 100
    assert report.read.bytes <= HEAD + 16 * AFTER_JUMP
    assert {asked.status for asked in web.asked} == {206}
    assert {asked.headers["Accept-Encoding"] for asked in web.asked} == {"identity"}


def test_structure_in_one_piece_costs_three_requests(web: WebServer) -> None:
    """Weights in another file, and more nodes than a request brings."""
    nodes = [node("Relu", f"v{i}", f"v{i + 1}", name="n" * 99) for i in range(30_000)]
    web.files["/m.onnx"] = pb.model(graph(*nodes))
    read = onnxguard.scan(web.url("/m.onnx")).read
    assert read is not None
    assert read[:2] == (len(web.files["/m.onnx"]), 3)
    assert read.bytes > 3 << 20


@pytest.mark.parametrize("size", [0, HEAD - 1000, HEAD, 3 * HEAD, 1 << 20])
def test_a_model_is_the_same_here_and_there(size: int, tmp_path: Path, web: WebServer) -> None:
    data = pb.model(graph(node("Relu"), initializer=tensor(3, [size], "w", raw_data=bytes(size))))
    (tmp_path / "m.onnx").write_bytes(data)
    web.files["/m.onnx"] = data
    report, local = onnxguard.scan(web.url("/m.onnx")), onnxguard.scan(tmp_path / "m.onnx")
    assert (report.facts, report.findings) == (local.facts, local.findings)


def test_small_model_needs_no_ranges(web: WebServer) -> None:
    web.files["/m.onnx"] = MODEL
    web.always = "whole"
    read = onnxguard.scan(web.url("/m.onnx")).read
    assert read is not None
    assert read[:2] == (len(MODEL), 1)


def test_models_are_read_in_worker_processes(sparse: Path, web: WebServer) -> None:
    web.files.update({f"/{i}.onnx": sparse for i in range(3)})
    addresses = [web.url(f"/{i}.onnx") for i in range(3)]
    code, out, _ = run("scan", "--jobs", "2", "--format", "json", *addresses)
    document = json.loads(out)
    jsonschema.validate(document, json.loads((ROOT / "docs" / "report.schema.json").read_text()))
    models = document["models"]
    assert code == 0
    assert [model["path"] for model in models] == addresses
    assert [model["read"]["requests"] for model in models] == [PLAIN] * 3
    assert len(web.asked) == 3 * PLAIN


@pytest.mark.parametrize(("asked", "jobs"), [([], 3), (["--jobs", "2"], 2), (["--jobs", "1"], 1)])
def test_several_addresses_are_read_at_once_unless_told(
    asked: list[str], jobs: int, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files.update({f"/{i}.onnx": MODEL for i in range(3)})
    judge_all, given = scale_options.judge_all, []

    def noted(*arguments: Any) -> Any:
        given.append(arguments[3])
        return judge_all(*arguments[:3], 1)

    monkeypatch.setattr(scale_options, "judge_all", lambda *a, **_: noted(*a))
    assert run("scan", *asked, *[web.url(f"/{i}.onnx") for i in range(3)])[0] == 0
    assert given == [jobs]


def test_text_says_what_was_read_where_a_model_has_more_than_a_line(
    sparse: Path, web: WebServer
) -> None:
    web.files["/m.onnx"] = web.files["/n.onnx"] = sparse
    told = f"read {HEAD + 3 * AFTER_JUMP + 6:,} bytes (3.91 %) in 5 requests"
    code, out, _ = run("scan", web.url("/m.onnx"))
    assert (code, told in out) == (0, True)
    several = web.url("/m.onnx"), web.url("/n.onnx")
    assert "requests" not in run("scan", *several)[1]
    assert run("scan", "-v", *several)[1].count(told) == 2


# -- what goes wrong and passes -------------------------------------------------------------------

PASSING = {
    "cut at the head": ["cut"],
    "cut later": ["", "", "cut"],
    "500 twice": ["500", "500"],
    "one of each": ["503", "", "429", "cut", "short", "", "short"],
}


@pytest.mark.parametrize("name", PASSING)
def test_another_try_reads_the_model(name: str, sparse: Path, web: WebServer) -> None:
    web.files["/m.onnx"] = sparse
    web.faults = list(PASSING[name])
    report = onnxguard.scan(web.url("/m.onnx"))
    assert report.passed
    assert report.read is not None
    assert report.read.requests == PLAIN + sum(map(bool, PASSING[name]))
    assert report.facts == onnxguard.scan(sparse).facts


def test_a_server_that_asks_to_wait_is_asked_again_then(sparse: Path, web: WebServer) -> None:
    """As often as it says so, which is more often than a server that says nothing."""
    web.files["/m.onnx"] = sparse
    web.faults = ["", *["429 after 1"] * TRIES, "503 after 1"]
    began = time.monotonic()
    report = onnxguard.scan(web.url("/m.onnx"), access=Access(HANG))
    assert time.monotonic() - began >= TRIES + 1
    assert report.passed
    assert report.read is not None
    assert report.read.requests == PLAIN + TRIES + 1


def test_a_server_may_name_the_time_to_wait_for(sparse: Path, web: WebServer) -> None:
    web.files["/m.onnx"] = sparse
    then = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    web.faults = ["429 after " + format_datetime(then, usegmt=True)]
    assert onnxguard.scan(web.url("/m.onnx"), access=Access(HANG)).passed
    assert datetime.now(UTC) >= then
    assert len(web.asked) == PLAIN + 1


FAR = "Fri, 31 Dec 9999 23:59:59 GMT"


@pytest.mark.parametrize("told", ["1000000", FAR])
def test_nobody_waits_for_longer_than_there_is_time(told: str, web: WebServer) -> None:
    web.always = f"429 after {told}"
    finding = unverified(web.url("/m.onnx"))
    assert "the server answers HTTP 429 and asks to wait" in finding.message
    assert "--timeout" in finding.hint
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "told", ["0", "-5", "soon", "1e9", "\xb2", "9" * 40, "Sun, 06 Nov 1994 08:49:37 GMT", "inf"]
)
def test_a_time_to_wait_that_says_nothing(told: str, web: WebServer) -> None:
    web.always = f"429 after {told}"
    message = unverified(web.url("/m.onnx")).message
    assert message == "cannot be read: the server answers HTTP 429, 4 times"


def test_a_status_that_will_not_pass_is_not_waited_for(web: WebServer) -> None:
    web.always = "403 after 1"
    assert "not allowed" in unverified(web.url("/m.onnx")).message
    assert len(web.asked) == 1


# -- what goes wrong ------------------------------------------------------------------------------

# The fault of the first request, then of all others; what is said, and requests that are made.
FAILING = {
    "500": ("500", "500", "the server answers HTTP 500, 4 times", 4),
    "500 later": ("", "500", "the server answers HTTP 500, 4 times", 5),
    "cut": ("", "cut", "the connection failed (ClientPayloadError), 4 times", 5),
    "short": ("", "short", "the connection ended early, 4 times", 5),
    "404": ("404", "", "nothing is there (HTTP 404)", 1),
    "gone": ("410", "", "nothing is there (HTTP 410)", 1),
    "removed": ("", "404", "nothing is there (HTTP 404)", 2),
    "403": ("403", "", "not allowed (HTTP 403)", 1),
    "401": ("401", "", "not allowed (HTTP 401)", 1),
    "400": ("400", "", "the server answers HTTP 400", 1),
    "204": ("204", "", "the server answers HTTP 204", 1),
    "changed": ("", "changed", "the model changed while it was read", 2),
    "without an ETag": ("", "anonymous", "the model changed while it was read", 2),
    "no ranges": ("whole", "", "the server sends no ranges", 1),
    "no ranges by 416": ("416", "", "the server sends no ranges", 1),
    "no ranges of so much": ("416 of bytes */9", "", "the server sends no ranges", 1),
    "cut off at the end": ("", "416", "the model changed while it was read", 2),
    "no ranges later": ("", "whole", "the server sends ranges no more", 2),
    "no size": ("unmeasured", "", "the server sends no ranges", 1),
    "compressed": ("gzip", "", "the server sends it compressed", 1),
    "another range": ("shifted", "", "the server sends another range than asked", 1),
    "redirects": ("to /m.onnx", "to /m.onnx", "redirects to nowhere (TooManyRedirects)", 10),
    "redirect to a file": ("to file:///etc/passwd", "", "redirects to nowhere", 1),
}


@pytest.mark.parametrize("name", FAILING)
def test_model_that_cannot_be_read(name: str, sparse: Path, web: WebServer) -> None:
    first, web.always, message, requests = FAILING[name]
    web.files["/m.onnx"] = sparse
    web.faults = [first]
    finding = unverified(web.url("/m.onnx"))
    assert finding.code == "OG001"
    assert message in finding.message
    assert len(web.asked) == requests


@pytest.mark.parametrize("fault", ["slow", "silent"])
def test_time_is_limited(fault: str, sparse: Path, web: WebServer) -> None:
    web.files["/m.onnx"] = sparse
    web.faults = ["", fault]
    finding = unverified(web.url("/m.onnx"), Access(0.3))
    assert finding.message == "cannot be read: not done within 0.3 s"
    assert "--timeout" in finding.hint


@pytest.mark.usefixtures("web")
def test_nobody_listens() -> None:
    message = unverified("http://127.0.0.1:1/m.onnx").message
    assert message == "cannot be read: the connection failed (ClientConnectorError), 4 times"


def test_file_that_is_replaced_in_mid_read(sparse: Path, tmp_path: Path, web: WebServer) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(sparse.read_bytes())
    web.files["/m.onnx"] = path
    with open_model(web.url("/m.onnx")) as data:
        assert data[0] == 8
        path.write_bytes(bytes(3 << 20))
        with pytest.raises(onnxguard.ModelError, match="changed while it was read"):
            assert data[2 << 20]


NOT_MODELS = {
    "empty": (b"", "an empty file"),
    "page": (b"<!doctype html>" + bytes(HEAD), "a web page, not a model"),
}


@pytest.mark.parametrize("name", NOT_MODELS)
def test_bytes_that_are_no_model(name: str, web: WebServer) -> None:
    web.files["/m.onnx"], message = NOT_MODELS[name]
    finding = unverified(web.url("/m.onnx"))
    assert (finding.code, finding.message, len(web.asked)) == ("OG002", message, 1)


# -- a server without ranges ----------------------------------------------------------------------


def test_model_is_downloaded_whole_only_if_that_is_allowed(
    sparse: Path, tmp_path: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    web.files["/m.onnx"] = sparse
    web.always = "whole"
    code, out, _ = run("scan", web.url("/m.onnx"))
    assert code == 2
    assert "--allow-full-download" in out
    web.faults = ["whole", "cut"]
    code, out, _ = run("scan", "--allow-full-download", "--format", "json", web.url("/m.onnx"))
    (model,) = json.loads(out)["models"]
    size = sparse.stat().st_size
    assert (code, model["read"]["requests"], model["facts"]["size"]) == (0, 3, size)
    assert model["read"]["bytes"] >= size
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("told", ["416", "416 of bytes */9"])
def test_model_whose_server_refuses_ranges_is_downloaded(
    told: str, sparse: Path, web: WebServer
) -> None:
    web.files.update({"/m.onnx": sparse, "/empty.onnx": b""})
    access = Access(HANG, full_download=True)
    web.faults = [told]
    assert onnxguard.scan(web.url("/m.onnx"), access=access).passed
    web.faults = [told]
    assert unverified(web.url("/empty.onnx"), access).message == "an empty file"


def test_download_is_bounded(sparse: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxguard.sources.remote.web.DOWNLOADED", 1 << 20)
    web.files["/m.onnx"] = sparse
    for web.always in ("whole", "unmeasured"):
        message = unverified(web.url("/m.onnx"), Access(HANG, full_download=True)).message
        assert message == "cannot be downloaded: more than 1,048,576 bytes"


# -- redirects, credentials and proxies -----------------------------------------------------------


INWARD = [
    "http://127.0.0.1/m.onnx",
    "http://localhost/m.onnx",
    "http://127.1/m.onnx",
    "http://2130706433/m.onnx",
    "http://[::1]/m.onnx",
    "http://[::ffff:127.0.0.1]/m.onnx",
    "http://[64:ff9b::7f00:1]/m.onnx",
    "//10.1.2.3/m.onnx",
    "http://192.168.0.1/m.onnx",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/m.onnx",
    "http://0.0.0.0/m.onnx",
]


@pytest.mark.parametrize("target", INWARD)
def test_a_redirect_from_a_public_host_inward_is_not_followed(
    target: str, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public host is one that only the proxy knows."""
    web.files["/m.onnx"] = web.files["/latest/meta-data/"] = MODEL
    web.faults = [f"to {target}"]
    monkeypatch.setenv("http_proxy", web.url(""))
    finding = unverified("http://models.example/m.onnx")
    assert finding.code == "OG001"
    assert "redirects from a public host to" in finding.message
    assert [asked.path for asked in web.asked] == ["http://models.example/m.onnx"]


def test_a_redirect_from_a_public_host_to_another_is_followed(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files["/m.onnx"] = MODEL
    web.faults = ["to http://more.example/m.onnx"]
    monkeypatch.setenv("http_proxy", web.url(""))
    assert onnxguard.scan("http://models.example/m.onnx").facts is not None
    assert [asked.path for asked in web.asked] == [
        "http://models.example/m.onnx",
        "http://more.example/m.onnx",
    ]


def test_server_that_claims_terabytes_fills_no_memory(web: WebServer, tmp_path: Path) -> None:
    size = 10**13
    named = tag(3, LEN) + pb.varint(size // 2)
    inside = tag(1, LEN) + pb.varint(size // 2 + len(named)) + named
    head = tag(7, LEN) + pb.varint(size // 2 + len(inside)) + inside
    path = tmp_path / "m.onnx"
    for data, code in ((head, 2), (tag(2, LEN) + pb.varint(size // 2), 2)):
        path.write_bytes(data)
        try:
            os.truncate(path, size)
        except OSError:
            pytest.skip("no file of ten terabytes here")
        web.files["/m.onnx"] = path
        usage = measure("scan", "-q", web.url("/m.onnx"))
        assert usage.exit == code, usage
        assert usage.megabytes < 150, usage


def test_a_redirect_is_followed_once(sparse: Path, web: WebServer) -> None:
    web.files.update({"/m.onnx": sparse, "/there.onnx": sparse})
    web.faults = ["to /there.onnx"]
    report = onnxguard.scan(web.url("/m.onnx"))
    assert report.path == web.url("/m.onnx")
    assert report.read is not None
    assert report.read.requests == len(web.asked) == PLAIN + 1
    assert [asked.path for asked in web.asked] == ["/m.onnx", *["/there.onnx"] * PLAIN]


def test_credentials_go_to_the_server_that_they_are_for(sparse: Path, web: WebServer) -> None:
    web.files.update({"/m.onnx": sparse})
    address = web.url("/m.onnx").replace("//", "//user:hunter2@")
    web.faults = ["to " + web.url("/m.onnx").replace("127.0.0.1", "localhost")]
    assert onnxguard.scan(address).passed
    sent = [(asked.headers["Host"][:9], "Authorization" in asked.headers) for asked in web.asked]
    assert sent == [("127.0.0.1", True), *[("localhost", False)] * PLAIN]
    web.asked.clear()
    web.faults = ["to /m.onnx"]
    assert onnxguard.scan(address).passed
    assert all(asked.headers["Authorization"].startswith("Basic ") for asked in web.asked)


def test_netrc_is_read(
    sparse: Path, tmp_path: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    web.files["/m.onnx"] = sparse
    assert onnxguard.scan(web.url("/m.onnx")).passed
    assert {a.headers.get("Authorization") for a in web.asked} == {"Basic dXNlcjpodW50ZXIy"}
    web.asked.clear()
    assert onnxguard.scan(web.url("/m.onnx").replace("//", "//other:one@")).passed
    assert {a.headers.get("Authorization") for a in web.asked} == {"Basic b3RoZXI6b25l"}


def test_proxy_of_the_environment_is_used(
    sparse: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.url(""))
    web.files["/m.onnx"] = sparse
    assert onnxguard.scan("http://models.invalid/m.onnx").passed
    assert web.asked[0].path == "http://models.invalid/m.onnx"


SCAN = (sys.executable, "-m", "onnxguard", "scan")


def test_tls_is_verified_and_never_left(tmp_path: Path, web: WebServer) -> None:
    make_certificate(tmp_path / "server.pem")
    web.files["/m.onnx"] = MODEL
    with serving(tmp_path / "server.pem") as server:
        server.files["/m.onnx"] = MODEL
        address = server.url("/m.onnx", "https").replace("127.0.0.1", "localhost")
        message = unverified(address).message
        assert "certificate is refused (ClientConnectorCertificateError)" in message
        assert server.asked == []
        server.faults = ["", "to " + web.url("/m.onnx")]
        done = subprocess.run(  # what is trusted is read when aiohttp is imported
            [*SCAN, "-q", "--jobs", "1", address, f"{address}?2"],
            env=os.environ | {"SSL_CERT_FILE": str(tmp_path / "server.pem")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{address}?***: OG001 error ")
    assert "the server redirects from https to http" in line


OUTCOMES = ["", "404", "500", "cut", "whole", "changed", "to /m.onnx", "to http://h:hunter2@["]


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_secrets_of_an_address_are_in_no_output(
    output_format: str, sparse: Path, web: WebServer
) -> None:
    web.files["/m.onnx"] = sparse
    address = web.url("/m.onnx?sig=sesame&x=1").replace("//", "//user:hunter2@")
    for outcome in OUTCOMES:
        web.asked.clear()
        web.faults, web.always = ["" if outcome == "changed" else outcome], outcome
        code, out, err = run("scan", "-v", "--format", output_format, address)
        assert "m.onnx" in out or code == 0
        for secret in ("hunter2", "sesame", "dXNlcjpodW50ZXIy"):
            assert secret not in out + err
        if output_format != "html":
            check(output_format, out)
        assert web.asked[0].path == "/m.onnx?sig=sesame&x=1"


# -- external data --------------------------------------------------------------------------------


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 16\n"


def model_with(location: str, length: str = "16") -> bytes:
    keys = [pb.entry("location", location), pb.entry("length", length)]
    held = tensor(1, [4], "w", external_data=keys, data_location=1)
    return pb.model(graph(node("Add", "x w", "y"), initializer=held))


def external_findings(web: WebServer) -> list[tuple[str, str]]:
    report = onnxguard.scan(web.url("/models/m.onnx?sig=sesame"))
    found = [(f.code, f.message) for f in report.findings if f.code.startswith("OG4")]
    return [each for each in found if each[0] != "OG401"]


def test_external_data_beside_the_model_is_looked_at(web: WebServer) -> None:
    model = model_with("b/w #?%2e.bin")
    web.files["/models/m.onnx"] = model
    web.files["/models/b/w #?%2e.bin"] = bytes(1 << 20)
    assert external_findings(web) == []
    assert web.asked[-1].path == "/models/b/w%20%23%3F%252e.bin?sig=sesame"
    assert web.sent == len(model) + HEAD_BYTES


def test_external_data_is_asked_for_by_its_plain_name(web: WebServer) -> None:
    web.files["/models/m.onnx"] = model_with("deep/.././w.bin")
    web.files["/models/w.bin"] = bytes(16)
    assert external_findings(web) == []
    assert web.asked[-1].path == "/models/w.bin?sig=sesame"


# What is there, the fault of the second request, and what is said of it.
EXTERNAL = {
    "missing": (None, "", "OG404", 'external data at "w.bin" is missing'),
    "forbidden": (bytes(16), "403", "OG404", "not allowed (HTTP 403)"),
    "unmeasured": (bytes(16), "unmeasured", "OG404", "the server does not tell its size"),
    "too small": (bytes(15), "", "OG405", 'bytes 0 to 16 of "w.bin", which has 15'),
    "too small, no ranges": (bytes(15), "whole", "OG405", "which has 15"),
    "empty": (b"", "", "OG405", "which has 0"),
    "pointer": (POINTER, "", "OG408", 'external data at "w.bin" is a Git LFS pointer'),
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_external_data_that_is_not_there(name: str, web: WebServer) -> None:
    content, fault, code, message = EXTERNAL[name]
    web.files["/models/m.onnx"] = model_with("w.bin")
    if content is not None:
        web.files["/models/w.bin"] = content
    web.faults = ["", fault]
    (finding,) = external_findings(web)
    assert finding[0] == code
    assert message in finding[1]


@pytest.mark.parametrize("location", ["../w.bin", "a/../../w.bin", "/w.bin", "http://h/w", "a\\b"])
def test_nothing_outside_the_folder_is_asked_for(location: str, web: WebServer) -> None:
    web.files["/models/m.onnx"] = model_with(location)
    assert [code for code, _ in external_findings(web)] == ["OG402"]
    assert len(web.asked) == 1


def test_external_data_costs_time_too(web: WebServer) -> None:
    web.files["/m.onnx"] = model_with("w.bin")
    web.faults = ["", "silent"]
    assert "not done within" in unverified(web.url("/m.onnx"), Access(0.3)).message


# -- what a later run knows -----------------------------------------------------------------------

RESULTS = "results.jsonl"


def asked_for(web: WebServer, *options: str, names: str = "ab") -> tuple[int, dict[str, int]]:
    """The exit code of a scan of some models with ``--resume``, and the requests for each."""
    web.asked.clear()
    addresses = [web.url(f"/{name}.onnx") for name in names]
    code, _, err = run("scan", "--results", RESULTS, "--resume", *options, *addresses)
    assert err == ""
    paths = [asked.path for asked in web.asked]
    return code, {name: paths.count(f"/{name}.onnx") for name in names}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folder")
def test_resumed_run_asks_once_whether_a_model_changed(sparse: Path, web: WebServer) -> None:
    web.files.update({"/a.onnx": sparse, "/b.onnx": sparse})
    assert asked_for(web) == (0, {"a": PLAIN, "b": PLAIN})
    assert asked_for(web) == (0, {"a": 1, "b": 1})
    web.files["/b.onnx"] = pb.model(graph(node("Einsum")))
    assert asked_for(web) == (1, {"a": 1, "b": 2})
    assert asked_for(web) == (1, {"a": 1, "b": 1})
    assert len(Path(RESULTS).read_text().splitlines()) == 3


@pytest.mark.usefixtures("folder")
def test_resumed_run_judges_anew_what_no_server_vouches_for(web: WebServer) -> None:
    web.files.update({"/a.onnx": MODEL, "/b.onnx": MODEL})
    web.always = "anonymous"
    assert asked_for(web) == (0, {"a": 1, "b": 1})
    assert asked_for(web) == (0, {"a": 2, "b": 2})
    web.always = ""
    assert asked_for(web) == (0, {"a": 2, "b": 2})  # nothing was told when they were judged
    del web.files["/b.onnx"]
    assert asked_for(web) == (2, {"a": 1, "b": 2})


@pytest.mark.usefixtures("folder")
def test_resumed_run_knows_a_download_again(sparse: Path, web: WebServer) -> None:
    web.files["/a.onnx"] = sparse
    web.always = "whole"
    allowed = "--allow-full-download"
    assert asked_for(web, allowed, names="a") == (0, {"a": 2})
    assert asked_for(web, allowed, names="a") == (0, {"a": 1})
    os.utime(sparse, (1, 1))
    assert asked_for(web, allowed, names="a") == (0, {"a": 3})


@pytest.mark.usefixtures("folder")
def test_server_that_hangs_does_not_hold_a_resumed_run(web: WebServer) -> None:
    web.files.update({"/a.onnx": MODEL, "/b.onnx": MODEL})
    assert asked_for(web)[0] == 0

    def attempt(seconds: int) -> tuple[int, dict[str, int]]:
        web.faults = ["silent"] * 2
        return asked_for(web, "--timeout", str(seconds))

    # The server writes down what it answers.
    judged = (0, {"a": 1, "b": 1})
    assert with_a_limit(attempt, lambda found: found == judged)[1] == judged
    assert web.faults == []


@pytest.mark.usefixtures("folder")
def test_a_later_run_finds_an_address_that_is_written_without_its_secrets(web: WebServer) -> None:
    web.files["/m.onnx"] = MODEL
    plain = web.url("/m.onnx?token=secret").replace("://", "://me:word@")
    addresses = [f"{plain}{at}" for at in range(2)]
    run("scan", "--results", RESULTS, addresses[1])
    text = Path(RESULTS).read_text()
    assert "secret" not in text
    assert "word" not in text
    with Results(RESULTS, settings_of(text), addresses, resume=True) as results:
        assert list(results.done) == [addresses[1]]


def settings_of(results: str) -> str:
    """What the first line of a file of results says of its settings."""
    settings: str = json.loads(results.splitlines()[0])["settings"]
    return settings
