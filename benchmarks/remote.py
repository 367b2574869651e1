"""A 1.6 GB model over HTTP and over the S3 API, beside downloading it and ``onnx.load``.

``python -m benchmarks.remote [--folder DIR] [http] [s3]`` from the root of the repository, with the
``dev`` extra installed. Both servers run on loopback, so that bytes and requests alone say what a
network would cost. moto's server reads the whole object for each range of it: over S3 the seconds
are its own. The model takes 1.6 GB on disk, twice while it is downloaded, and moto keeps a copy.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import onnx

import onnxguard
from benchmarks import models
from onnxguard.sources.remote import Access

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.servers import s3_environment, serving, storing


def scanned(address: str, size: int) -> None:
    """Scan the model at an address and print what it took, imports included."""
    started = time.perf_counter()
    report = onnxguard.scan(address, "adr-0258", access=Access(timeout=1200))
    seconds = time.perf_counter() - started
    if report.read is None:
        raise SystemExit(f"{address}: {report.findings[0].message}")
    received, requests, _ = report.read
    print(
        f"  onnxguard  {received:>13,} bytes ({received / size:.2%})  {requests:>4} requests"
        f"  {seconds:7.2f} s"
    )


def downloaded(download: Callable[[Path], None], folder: Path, size: int) -> None:
    """Download the model, load it, and print what it took."""
    path = folder / "downloaded.onnx"
    started = time.perf_counter()
    download(path)
    onnx.load(path)
    seconds = time.perf_counter() - started
    path.unlink()
    print(f"  instead    {size:>13,} bytes (100 %)   {1:>4} request   {seconds:7.2f} s, loaded")


def over_http(path: Path) -> None:
    """The model on a web server with ranges."""
    size = path.stat().st_size

    def download(target: Path) -> None:
        url = web.url("/large.onnx")
        with urllib.request.urlopen(url) as answer, target.open("wb") as stream:  # noqa: S310 - http
            shutil.copyfileobj(answer, stream, 1 << 20)

    with serving() as web:
        web.files["/large.onnx"] = path
        print("HTTP")
        downloaded(download, path.parent, size)
        scanned(web.url("/large.onnx"), size)


def over_s3(path: Path) -> None:
    """The model in moto's S3 server."""
    import boto3  # type: ignore[import-untyped]

    size = path.stat().st_size

    def download(target: Path) -> None:
        body = client.get_object(Bucket="zoo", Key="large.onnx")["Body"]
        with target.open("wb") as stream:
            shutil.copyfileobj(body, stream, 1 << 20)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with storing() as s3:
        os.environ |= s3_environment(s3)
        s3.put("/zoo")
        client = boto3.client("s3")
        client.upload_file(str(path), "zoo", "large.onnx")
        print("S3")
        downloaded(download, path.parent, size)
        scanned("s3://zoo/large.onnx", size)


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remote", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the model is kept")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="http or s3")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.gettempdir()) / "onnxguard-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"onnx {onnx.__version__}, onnxguard {onnxguard.__version__}"
    )
    path = models.large(folder)
    for name, case in (("http", over_http), ("s3", over_s3)):
        if name in (options.cases or ("http", "s3")):
            case(path)


if __name__ == "__main__":
    main()
