"""Recognise a model that differs from an earlier one in its weights alone.

A verdict depends on every byte of a file but the values of its initializers, of which few are ever
read (a trip count, a shape). Which ones those are follows from the other bytes. So where two files
of one size agree in all that was read, what was found in the first holds for the second, and a
folder of models of one architecture is judged at the cost of comparing them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.findings import Finding
from onnxguard.model.facts import Facts
from onnxguard.model.wanted import Wanted
from onnxguard.policy.allowlist import Allowlist

if TYPE_CHECKING:
    from onnxguard.model.survey import Survey
    from onnxguard.model.wire import Buffer

KEPT = 64
"""Models that are remembered, the latest used first."""

STRUCTURE_BYTES = 1 << 18
PIECES = 1 << 10
"""A model with more structure than this, or in more pieces, is not remembered."""


Spans = tuple[tuple[int, int], ...]
Asked = tuple[Allowlist, Wanted]
"""The list that a model is judged by, and what is said of it."""


class Twin(NamedTuple):
    """A judged model: the bytes between its weights, and what was found before waivers.

    Without ``pieces``, all of its bytes count, and the digest stands for them.
    ``spans`` is where those bytes lie, ``digest`` what two models share that are twins: SHA-256,
    hexadecimal; empty where nobody wants it.
    """

    asked: Asked
    size: int
    pieces: tuple[tuple[int, int, bytes], ...]
    facts: Facts
    findings: tuple[Finding, ...]
    spans: Spans
    digest: str


def digest_at(data: Buffer, spans: Spans) -> str:
    """The digest of a model that may be a twin of the one whose ``spans`` these are."""
    pieces = (
        data[at : min(at + STRUCTURE_BYTES, end)]
        for start, end in spans
        for at in range(start, end, STRUCTURE_BYTES)
    )
    return _digest(len(data), spans, pieces)


def _digest(size: int, spans: Spans, pieces: Iterable[bytes]) -> str:
    import hashlib

    digest = hashlib.sha256(repr((size, spans)).encode())
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


_recent: list[Twin] = []


def _same(one: Asked, other: Asked) -> bool:
    return one[0] is other[0] and one[1] == other[1]


def find_twin(data: Buffer, asked: Asked) -> Twin | None:
    """The remembered model that ``data`` is but for its weights, of which the same was asked."""
    size = len(data)
    whole = ""
    heads: dict[tuple[int, int], bytes] = {}  # of many twins, the first piece ends at one place
    for index, twin in enumerate(_recent):
        if twin.size != size or not _same(twin.asked, asked):
            continue
        if not twin.pieces:
            whole = whole or digest_at(data, twin.spans)
            if whole == twin.digest:
                return twin
            continue
        start, end, head = twin.pieces[0]
        if (start, end) not in heads:
            heads[start, end] = data[start:end]
        if heads[start, end] == head and all(
            data[start:end] == piece for start, end, piece in twin.pieces[1:]
        ):
            if index:
                _recent.insert(0, _recent.pop(index))
            return twin
    return None


def remember(twin: Twin | None) -> None:
    """Keep a judged model, once it is certain that its file did not change while it was read."""
    if twin is not None and not (_recent and _recent[0] is twin):
        _recent.insert(0, twin)
        del _recent[KEPT:]


def twin_of(
    data: Buffer,
    seen: Survey,
    asked: Asked,
    facts: Facts,
    findings: tuple[Finding, ...],
    whole: int = 0,
) -> Twin | None:
    """What there is to remember of a judged model.

    None where its verdict depends on other files, or there is too much structure; unless it is of
    at most ``whole`` bytes, of which the digest is remembered then.
    """
    if seen.model.has_external_data:
        return None
    pieces: list[tuple[int, int, bytes]] = []
    start = total = 0
    for begin, end in [*_weights(seen), (len(data), len(data))]:
        total += begin - start
        if total > STRUCTURE_BYTES or len(pieces) > PIECES:
            all_of_it = ((0, len(data)),)
            if len(data) > whole:
                return None
            digest = digest_at(data, all_of_it)
            return Twin(asked, len(data), (), facts, findings, all_of_it, digest)
        pieces.append((start, begin, data[start:begin]))
        start = end
    size, spans = len(data), tuple([(start, end) for start, end, _ in pieces])
    digest = _digest(size, spans, (piece for _, _, piece in pieces)) if asked[1].digest else ""
    return Twin(asked, size, tuple(pieces), facts, findings, spans, digest)


def _weights(seen: Survey) -> list[tuple[int, int]]:
    """Where the initializers' values lie that no rule looked at, in file order."""
    return sorted(
        (tensor.data[0].start, tensor.data[0].end)
        for graph in seen.model.graphs
        for tensor in graph.initializers
        if tensor.start not in seen.scopes.read
        and len(tensor.data) == 1
        and tensor.data[0].field == 9
    )
