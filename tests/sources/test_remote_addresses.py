"""Which addresses are taken, how they are shown, and which bytes are fetched for a read."""

from __future__ import annotations

from random import Random

import pytest
from support.command import run

import onnxguard
from onnxguard.base.errors import UsageError
from onnxguard.sources.remote.addresses import beside, check_address, is_remote, shown
from onnxguard.sources.remote.ranges import (
    AFTER_JUMP,
    GAP,
    HEAD,
    HELD,
    LAST_BLOCK,
    RemoteBytes,
)

REMOTE = {
    "https://host/m.onnx": True,
    "HTTP://host/m.onnx": True,
    "s3://bucket/m.onnx": True,
    "memory://m.onnx": True,
    "simplecache::s3://bucket/m.onnx": True,
    "c://m.onnx": False,
    "C:/m.onnx": False,
    "C:\\m.onnx": False,
    "/tmp/m.onnx": False,
    "https:/host/m.onnx": False,
    "models/https://m.onnx": False,
    "-": False,
    "": False,
}

SHOWN = {
    "m.onnx": "m.onnx",
    "https://host/m.onnx": "https://host/m.onnx",
    "https://me:secret@host:8/m.onnx": "https://***@host:8/m.onnx",
    "https://secret@host/m.onnx": "https://***@host/m.onnx",
    "https://a@secret@host/m.onnx": "https://***@host/m.onnx",
    "https://host/@a/m.onnx": "https://host/@a/m.onnx",
    "https://host/m.onnx?a=secret&secret&b=secret=": "https://host/m.onnx?a=***&***&b=***",
    "https://host/m.onnx#secret": "https://host/m.onnx",
    "https://host?secret": "https://host?***",
    "https://me:secret@host?x/y=secret": "https://***@host?x/y=***",
    "https://host#secret@x/": "https://host/",
    "https://host/m\x1b[31m.onnx": "https://host/m\\x1b[31m.onnx",
    "s3://bucket/we?rd.onnx": "s3://bucket/we?rd.onnx",
    "s3://bucket/m.onnx?versionId=secret": "s3://bucket/m.onnx?versionId=***",
    "s3://key:secret@bucket/m.onnx": "s3://***@bucket/m.onnx",
    "hf://org/repo@main/m.onnx": "hf://org/repo@main/m.onnx",
    "simplecache::https://a:secret@b/m": "simplecache::https://***@b/m",
}

REFUSED = {
    "file:///etc/passwd": "file:// is not read, only http://, https://, s3://, gs://, hf://",
    "memory://m.onnx": "memory:// is not read",
    "ftp://host/m.onnx": "ftp:// is not read",
    "simplecache::s3://bucket/m.onnx": "simplecache::s3:// is not read",
    "https://host/models/": "HTTP has no folders",
    "https://host/models/?list=1": "HTTP has no folders",
    "https://host": "HTTP has no folders",
    "https:///m.onnx": "is not an address",
    "https://host/m.onnx\r\nX: y": "is not an address",
    "s3://key:secret@bucket/m.onnx": "s3:// takes no credentials in the address",
    # Neither package is among those of the tests.
    "gs://bucket/m.onnx": "gs:// needs gcsfs: pip install '.[remote]' -c constraints.txt",
    "hf://org/repo/m.onnx": "hf:// needs huggingface_hub: pip install '.[remote]'",
}

BESIDE = {
    ("https://host/a/m.onnx", "w.bin"): "https://host/a/w.bin",
    ("https://host/m.onnx", "./b//w.bin"): "https://host/b/w.bin",
    ("https://host/a/m.onnx?sig=x/y#z", "w.bin"): "https://host/a/w.bin?sig=x/y",
    ("https://host/a/m.onnx", "w #?%2e.bin"): "https://host/a/w%20%23%3F%252e.bin",
    ("s3://bucket/a/m.onnx", "w #?%2e.bin"): "s3://bucket/a/w #?%2e.bin",
    ("s3://bucket/m.onnx", "b/w.bin"): "s3://bucket/b/w.bin",
}


@pytest.mark.parametrize("path", REMOTE)
def test_address_or_file(path: str) -> None:
    assert is_remote(path) is REMOTE[path]


@pytest.mark.parametrize("path", SHOWN)
def test_secrets_are_not_shown(path: str) -> None:
    assert shown(path) == SHOWN[path]


@pytest.mark.parametrize("address", REFUSED)
def test_address_that_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_address(address)
    message = str(caught.value)
    assert REFUSED[address] in message
    assert "secret" not in message
    assert message.isprintable()
    code, out, err = run("scan", "tests/models/none.onnx", address)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert REFUSED[address] in err
    (finding,) = onnxguard.scan(address).findings
    assert (finding.code, REFUSED[address] in finding.message) == ("OG001", True)


@pytest.mark.parametrize(("address", "location"), BESIDE)
def test_address_of_a_neighbour(address: str, location: str) -> None:
    assert beside(address, location) == BESIDE[address, location]


class Held:
    """A source that counts what is read of it."""

    def __init__(self, data: bytes, head: int = 0) -> None:
        self.data = data
        self.size = len(data)
        self.head = data[:head]
        self.fetched = self.requests = 0

    def read(self, start: int, stop: int) -> bytes:
        assert 0 <= start < stop <= self.size
        self.requests += 1
        self.fetched += stop - start
        return self.data[start:stop]

    def size_beside(self, location: str) -> int:
        raise NotImplementedError(location)


@pytest.mark.parametrize("seed", range(20))
def test_any_read_gives_the_bytes_that_are_there(seed: int) -> None:
    random = Random(seed)
    source = Held(random.randbytes(1 << 21), random.choice([0, HEAD]))
    data = RemoteBytes(source)
    assert len(data) == source.size
    for _ in range(200):
        start = random.randrange(source.size)
        stop = min(start + random.choice([0, 1, 100, AFTER_JUMP, LAST_BLOCK + 1]), source.size)
        assert data[start:stop] == source.data[start:stop]
        assert data[start] == source.data[start]
        chunk = data.chunk(start)
        assert chunk == source.data[start : start + len(chunk)]
        assert len(chunk) >= min(16, source.size - start)


def test_blocks_grow_while_reads_follow_each_other() -> None:
    source = Held(bytes(1 << 26), HEAD)
    data = RemoteBytes(source)
    for pos in range(0, source.size, 1000):
        assert data[pos : pos + 1000] is not None
    assert source.fetched == source.size - HEAD
    assert source.requests == 5  # 1 MiB, then 16 MiB at a time


@pytest.mark.parametrize(("gap", "requests"), [(GAP // 2, 8), (1 << 22, 32)])
def test_short_gaps_are_read_through_and_long_ones_are_jumped_over(gap: int, requests: int) -> None:
    source = Held(bytes(32 * (gap + 100)), HEAD)
    data = RemoteBytes(source)
    for pos in range(0, source.size, gap + 100):
        assert data[pos : pos + 100] == bytes(100)
    assert source.requests <= requests
    assert (source.fetched < source.size / 50) is (gap > GAP)


def test_a_jump_costs_one_small_block_and_what_was_read_costs_nothing() -> None:
    source = Held(bytes(1 << 24), HEAD)
    data = RemoteBytes(source)
    places = [pos << 20 for pos in (3, 7, 1, 15)]
    for _ in range(2):
        for pos in places:
            assert data[pos + 100] == 0
    assert (source.requests, source.fetched) == (4, 4 * AFTER_JUMP)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxguard.sources.remote.ranges.HELD", 1 << 18)
    source = Held(bytes(1 << 24), HEAD)
    data = RemoteBytes(source)
    for pos in range(0, source.size, 1 << 19):
        assert data[pos] == 0
    assert sum(map(len, data._blocks)) <= 1 << 18 < HELD
