"""Servers on loopback: HTTP with ranges and faults, and the S3 API of moto."""

from __future__ import annotations

import os
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from onnxguard.sources.remote.filesystems import forget
from support import protobuf as pb
from support.patience import HANG

Content = bytes | Path


class Asked(NamedTuple):
    """A request that came in, and the status of the answer."""

    path: str
    headers: dict[str, str]
    status: int


class WebServer(ThreadingHTTPServer):
    """Serves ``files``, by ranges unless a fault says otherwise, and writes down who asked.

    ``faults`` are taken one for each request, in order; ``always`` then stands for the others:
    a status; ``cut`` in mid-body; ``short`` of its last byte; ``slow``: a byte at a time;
    ``silent``; ``whole``: no ranges; ``unmeasured``: neither ranges nor a size; ``changed``:
    another ETag; ``anonymous``: no ETag; ``gzip``; ``shifted``: another range; ``to PLACE``: a
    redirect; ``STATUS after TIME``: with that ``Retry-After``; ``416 of RANGE``: with that
    ``Content-Range``.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stopping = threading.Event()
        self.renew()

    def renew(self) -> None:
        """Forget files, faults and what was asked."""
        self.files: dict[str, Content] = {}
        self.faults: list[str] = []
        self.always = ""
        self.asked: list[Asked] = []
        self.sent = 0

    def url(self, path: str, scheme: str = "http") -> str:
        """The address of one of the files."""
        return f"{scheme}://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go away in mid-body, as they should."""


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        faults = self.server.faults
        self._answer(faults.pop(0) if faults else self.server.always)

    def do_HEAD(self) -> None:
        """Only faults without a body are answered so."""
        self.do_GET()

    def send_response(self, code: int, message: str | None = None) -> None:
        """Write the request down before the client knows of the answer."""
        self.server.asked.append(Asked(self.path, dict(self.headers), code))
        super().send_response(code, message)

    def _answer(self, fault: str) -> None:
        content = self.server.files.get(unquote(urlsplit(self.path).path))  # a proxy's has a host
        if fault == "silent":
            self.server.stopping.wait()
            self.close_connection = True
            return
        if fault.startswith("to "):
            self._empty(302, Location=fault.removeprefix("to "))
            return
        status, _, rest = fault.partition(" ")
        if rest.startswith("after "):
            self._empty(int(status), **{"Retry-After": rest.removeprefix("after ")})
            return
        if rest.startswith("of "):
            self._empty(int(status), **{"Content-Range": rest.removeprefix("of ")})
            return
        if fault.isdigit() or content is None:
            self._empty(int(fault or 404))
            return
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        start, stop = self._asked_range(size)
        if fault in ("whole", "unmeasured", "gzip") or "Range" not in self.headers:
            self.send_response(200)
            start, stop = 0, size
        elif start >= size:
            self._empty(416, **{"Content-Range": f"bytes */{size}"})
            return
        else:
            self.send_response(206)
            told = (start + 1, stop + 1) if fault == "shifted" else (start, stop)
            self.send_header("Content-Range", f"bytes {told[0]}-{told[1] - 1}/{size}")
        if fault != "anonymous":
            self.send_header("ETag", '"another"' if fault == "changed" else self._etag(content))
        if fault == "gzip":
            self.send_header("Content-Encoding", "gzip")
        if fault == "short":
            stop -= 1
        if fault == "unmeasured":
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self._send(content, start, stop, fault)

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _asked_range(self, size: int) -> tuple[int, int]:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        return (int(asked[1]), min(int(asked[2]) + 1, size)) if asked else (0, size)

    @staticmethod
    def _etag(content: Content) -> str:
        if isinstance(content, Path):
            return f'"{content.stat().st_mtime_ns:x}"'
        return f'"{sha256(content).hexdigest()[:16]}"'

    def _send(self, content: Content, start: int, stop: int, fault: str) -> None:
        if isinstance(content, bytes):
            body = content[start:stop]
        else:
            with content.open("rb") as stream:
                body = os.pread(stream.fileno(), stop - start, start)
        if fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.server.sent += len(body)
        if fault == "slow":
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                if self.server.stopping.wait(0.05):
                    break
        else:
            self.wfile.write(body)


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[WebServer]:
    """Run a server; with a certificate (and its key in the same file) it speaks TLS."""
    server = WebServer()
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        forget()  # close what is connected
        server.shutdown()
        server.server_close()


def make_certificate(path: Path) -> None:
    """Write a key and a certificate of it for localhost, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, *private) + certificate.public_bytes(pem))


@pytest.fixture(scope="module")
def running() -> Iterator[WebServer]:
    """An HTTP server for a module's tests."""
    with serving() as server:
        yield server


@pytest.fixture
def web(running: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """The HTTP server as new, and no proxy or netrc of the machine in the way."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", os.devnull)
    running.renew()
    return running


# moto looks whether a request is signed, not at the signature.
_SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, Signature=0"


class S3(NamedTuple):
    """moto's server, which speaks the S3 API."""

    host: str

    def put(self, path: str, content: bytes = b"") -> None:
        """Make a bucket (``/bucket``) or an object (``/bucket/key``)."""
        with closing(HTTPConnection(self.host, timeout=HANG)) as connection:
            connection.request("PUT", path, content, {"Authorization": _SIGNED})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()


@contextmanager
def storing() -> Iterator[S3]:
    """Run moto's server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield S3("{}:{}".format(*server.get_host_and_port()))
    finally:
        forget()
        server.stop()


def s3_environment(s3: S3) -> dict[str, str]:
    """What tells AWS's libraries to go there and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": f"http://{s3.host}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def write_sparse_model(path: Path, tensors: int, size: int) -> None:
    """A model of MatMul layers whose weights are holes of ``size`` bytes in the file.

    Args:
        path: where it is written.
        tensors: how many weights it has.
        size: bytes of each, four times a square.
    """
    side = int((size // 4) ** 0.5)
    assert 4 * side * side == size
    nodes = [pb.node("MatMul", f"x{i} w{i}", f"x{i + 1}", name=f"/{i}") for i in range(tensors)]
    ends = [pb.value(name, 1, [1, side]) for name in ("x0", f"x{tensors}")]
    head = pb.graph(*nodes, name="sparse", input=ends[0], output=ends[1])
    heads = []
    for index in range(tensors):
        tensor = pb.tensor(1, [side, side], f"w{index}") + pb.tag(9, pb.LEN) + pb.varint(size)
        heads.append(pb.tag(5, pb.LEN) + pb.varint(len(tensor) + size) + tensor)
    length = len(head) + sum(map(len, heads)) + tensors * size
    with path.open("wb") as stream:
        stream.write(pb.number_field(1, 8) + pb.tag(7, pb.LEN) + pb.varint(length) + head)
        for each in heads:
            stream.write(each)
            stream.seek(size, os.SEEK_CUR)
        stream.write(pb.field("ModelProto", "opset_import", pb.opset_import("", 17)))
