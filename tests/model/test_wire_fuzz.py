"""The wire reader against generated messages and damaged models, with onnx as the oracle."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import generate, mutations, oracle
from support import protobuf as pb

from onnxguard import Allowlist, load_allowlist
from onnxguard.base.errors import WireError
from onnxguard.model.wire import Field, fields, read_varint, signed

GENERATED = 4_000
DAMAGED = 12_000
PART = 1_000

generous = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

# -- the wire format alone ------------------------------------------------------------------------

numbers = st.integers(1, (1 << 29) - 1)
unsigned = st.integers(0, (1 << 64) - 1)


@generous
@given(unsigned, st.binary(max_size=4))
def test_varint_reads_back(value: int, after: bytes) -> None:
    written = pb.varint(value)
    assert read_varint(written + after, 0, len(written + after)) == (value, len(written))


@generous
@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_negative_numbers_read_back(value: int) -> None:
    written = pb.varint(value)
    assert signed(read_varint(written, 0, len(written))[0]) == value


@generous
@given(st.binary(max_size=12))
def test_varint_of_any_bytes_stays_within_them(data: bytes) -> None:
    try:
        value, end = read_varint(data, 0, len(data))
    except WireError:
        return
    assert 0 <= value < 1 << 64
    assert 0 < end <= min(len(data), 10)


field_values = st.one_of(
    st.tuples(st.just(pb.VARINT), unsigned),
    st.tuples(st.just(pb.I32), st.integers(0, (1 << 32) - 1)),
    st.tuples(st.just(pb.I64), unsigned),
    st.tuples(st.just(pb.LEN), st.binary(max_size=300)),
)


def write(number: int, wire_type: int, value: Any) -> bytes:
    if wire_type == pb.VARINT:
        return pb.number_field(number, value)
    if wire_type == pb.LEN:
        return pb.bytes_field(number, value)
    width = 4 if wire_type == pb.I32 else 8
    return pb.tag(number, wire_type) + int(value).to_bytes(width, "little")


def values(data: bytes, field: Field) -> list[Any]:
    """The values of a field, those of a run of scalars one by one; the tags between take a byte."""
    if field.wire_type == pb.LEN:
        return [data[field.start : field.end]]
    found = []
    pos = field.start
    for _ in range(field.count):
        if field.wire_type == pb.VARINT:
            value, end = read_varint(data, pos, field.end)
        else:
            end = pos + (4 if field.wire_type == pb.I32 else 8)
            value = int.from_bytes(data[pos:end], "little")
        found.append(value)
        pos = end + 1
    assert pos - 1 == field.end
    assert found[-1] == field.value
    return found


@pytest.mark.parametrize("window", [16, 100, 1 << 16])
@given(
    st.lists(
        st.tuples(numbers | st.integers(1, 3), field_values, st.sampled_from([1, 1, 2, 40])),
        max_size=8,
    )
)
@generous
def test_fields_read_back(window: int, written: list[tuple[int, tuple[int, Any], int]]) -> None:
    """Also where scalars of one field follow each other, which are read as one run."""
    each = [(number, *value) for number, value, times in written for _ in range(times)]
    data = b"".join(write(*field) for field in each)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onnxguard.model.wire._RUN_WINDOW", window)
        found = list(fields(data, 0, len(data)))
    read = [(f.number, f.wire_type, value) for f in found for value in values(data, f)]
    assert read == each


@generous
@given(st.binary(max_size=200))
def test_fields_of_any_bytes_stay_within_them(data: bytes) -> None:
    found: list[Field] = []
    with contextlib.suppress(WireError):
        found += fields(data, 0, len(data))
    before = 0
    for field in found:
        assert before < field.start <= field.end <= len(data)
        before = field.end


# -- whole models ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy() -> Allowlist:
    return load_allowlist("adr-0258")


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    found = mutations.seeds()
    assert len(found) > 200
    return found


@pytest.mark.parametrize("first", range(0, GENERATED, PART))
def test_generated_models_are_read_as_onnx_reads_them(first: int, policy: Allowlist) -> None:
    nodes = constants = 0
    for number in range(first, first + PART):
        model = generate.random_model(number)
        outcome = oracle.compare(model.SerializeToString(), policy)
        assert outcome.startswith("alike"), (number, outcome)
        outline = oracle.of_proto(model)
        nodes += outline.nodes
        constants += len(outline.constants)
    assert nodes > PART
    assert constants > PART // 20


@generous
@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_onnx_reads_them(data: bytes) -> None:
    oracle.compare(data, load_allowlist("adr-0258"))


@generous
@given(st.data())
def test_field_of_any_bytes_is_read_as_onnx_reads_it(data: st.DataObject) -> None:
    """Any bytes where a message of the model belongs."""
    name = data.draw(st.sampled_from(["graph", "opset_import", "functions", "training_info"]))
    payload = data.draw(st.binary(max_size=100))
    whole = pb.model(pb.graph(pb.node("Relu"))) + pb.field("ModelProto", name, payload)
    oracle.compare(whole, load_allowlist("adr-0258"))


@pytest.mark.parametrize("first", range(0, DAMAGED, PART))
def test_damaged_models_are_read_as_onnx_reads_them(
    first: int, seeds: list[bytes], policy: Allowlist
) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(first, first + PART):
        try:
            outcomes[oracle.compare(mutations.mutate(number, seeds), policy)] += 1
        except Exception as error:
            raise AssertionError(f"damaged model {number}: {error}") from error
    alike = sum(count for name, count in outcomes.items() if name.startswith("alike"))
    assert alike > PART // 5, outcomes
