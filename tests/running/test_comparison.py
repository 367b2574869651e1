"""Pairs of arrays on which a careless comparison errs, each with the verdict that is right."""

from __future__ import annotations

import math
from typing import NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp
from onnx import TensorProto, helper

from onnxguard.parity.settings import Settings
from onnxguard.parity.trials import compare_outputs
from onnxguard.running.comparison import Named, compare
from onnxguard.running.difference import Difference
from onnxguard.running.graph_file import OnnxModel, parse_onnx

Array = npt.NDArray[np.generic]

ATOL = 1e-5
VALUE, DTYPE, SHAPE, FINITE, DISCRETE = "OP201", "OP203", "OP204", "OP205", "OP206"
NAN, INF = math.nan, math.inf
LARGEST64 = 1.7e308


class Pair(NamedTuple):
    """Two arrays and the code of the problem between them, empty where there is none."""

    expected: Array
    actual: Array
    problem: str
    tolerance: float = ATOL


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


def f64(*values: float) -> Array:
    return np.array(values, np.float64)


def of(dtype: npt.DTypeLike, *values: object) -> Array:
    return np.array(values, dtype)


def one_wrong_in_a_million(by: float) -> Pair:
    expected = np.zeros(1_000_000, np.float32)
    actual = expected.copy()
    actual[654_321] = by
    return Pair(expected, actual, VALUE if by > ATOL else "")


def read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


GRID = np.arange(24, dtype=np.float32).reshape(4, 6)
MOVED = np.where(GRID == 13, GRID + np.float32(1), GRID)

PAIRS = {
    "NaN, number": Pair(f32(NAN, 1), f32(0, 1), FINITE),
    "number, NaN": Pair(f32(0, 1), f32(NAN, 1), FINITE),
    "NaN, NaN": Pair(f32(NAN, 1), f32(NAN, 1), FINITE),
    "all NaN": Pair(f32(NAN), f32(NAN), FINITE),
    "NaN in the last element": Pair(f32(0, 0, NAN), f32(0, 0, NAN), FINITE),
    "inf, inf": Pair(f32(INF), f32(INF), FINITE),
    "inf, -inf": Pair(f32(INF), f32(-INF), FINITE),
    "inf, number": Pair(f32(INF), f32(3e38), FINITE),
    "number, -inf": Pair(f32(3e38), f32(-INF), FINITE),
    "NaN, inf": Pair(f64(NAN), f64(INF), FINITE),
    "NaN within an infinite tolerance": Pair(f32(NAN), f32(0), FINITE, INF),
    "inf within an infinite tolerance": Pair(f32(INF), f32(0), FINITE, INF),
    "no tolerance at all": Pair(f32(1), f32(1), VALUE, NAN),
    "zero size": Pair(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), ""),
    "zero size, other shape": Pair(np.zeros((0, 3), "f4"), np.zeros((3, 0), "f4"), SHAPE),
    "zero size against something": Pair(np.zeros((0, 3), "f4"), np.zeros((1, 3), "f4"), SHAPE),
    "row against column": Pair(np.ones((1, 5), "f4"), np.ones((5, 1), "f4"), SHAPE),
    "broadcast from one": Pair(np.ones((4, 5), "f4"), np.ones((1,), "f4"), SHAPE),
    "scalar against [1]": Pair(np.array(3, np.float32), f32(3), SHAPE),
    "leading one": Pair(np.ones((1, 3), "f4"), np.ones(3, "f4"), SHAPE),
    "transposed": Pair(np.ones((2, 3), "f4"), np.ones((3, 2), "f4"), SHAPE),
    "integers of other shapes": Pair(np.ones((1, 5), int), np.ones((5, 1), int), SHAPE),
    "scalars": Pair(np.array(3, np.float32), np.array(3, np.float32), ""),
    "scalars that differ": Pair(np.array(3, np.float32), np.array(4, np.float32), VALUE),
    "float64 for float32": Pair(f32(1), f64(1), DTYPE),
    "float32 for float64": Pair(f64(1), f32(1), DTYPE),
    "float16 for float32": Pair(f32(1), of("f2", 1), DTYPE),
    "bfloat16 for float32": Pair(f32(1), of(ml_dtypes.bfloat16, 1), DTYPE),
    "bfloat16 for float16": Pair(of("f2", 1), of(ml_dtypes.bfloat16, 1), DTYPE),
    "integers for floats": Pair(f32(1), of("i4", 1), DTYPE),
    "int32 for int64": Pair(of("i8", 7), of("i4", 7), DTYPE),
    "unsigned for signed": Pair(of("i1", 7), of("u1", 7), DTYPE),
    "booleans for integers": Pair(of("i1", 1), of("?", True), DTYPE),
    "booleans for floats": Pair(f32(1), of("?", True), DTYPE),
    "complex for real": Pair(f32(1), of("c8", 1), DTYPE),
    "text for numbers": Pair(f32(1), of(object, "1"), DTYPE),
    "dtype before shape": Pair(f32(1, 2), f64(1), DTYPE),
    "int8 that wraps": Pair(of("i1", 127), of("i1", -128), DISCRETE),
    "uint8 that wraps": Pair(of("u1", 0), of("u1", 255), DISCRETE),
    "int16 that wraps": Pair(of("i2", 32767), of("i2", -32768), DISCRETE),
    "int64 beyond float64": Pair(of("i8", 2**53), of("i8", 2**53 + 1), DISCRETE),
    "int64 ends": Pair(of("i8", -(2**63)), of("i8", 2**63 - 1), DISCRETE),
    "uint64 ends": Pair(of("u8", 0), of("u8", 2**64 - 1), DISCRETE),
    "uint64 neighbours": Pair(of("u8", 2**64 - 1), of("u8", 2**64 - 2), DISCRETE),
    "uint64 largest": Pair(of("u8", 2**64 - 1), of("u8", 2**64 - 1), ""),
    "integers within a tolerance": Pair(of("i8", 1), of("i8", 2), DISCRETE, 10.0),
    "int4": Pair(of(ml_dtypes.int4, 1, 7), of(ml_dtypes.int4, 1, -8), DISCRETE),
    "int4 alike": Pair(of(ml_dtypes.int4, 1, 7), of(ml_dtypes.int4, 1, 7), ""),
    "booleans": Pair(of("?", True, False), of("?", True, True), DISCRETE),
    "booleans alike": Pair(of("?", True, False), of("?", True, False), ""),
    "strings": Pair(of(object, "cat", "dog"), of(object, "cat", "dot"), DISCRETE),
    "strings alike": Pair(of(object, "cat", "dog"), of(object, "cat", "dog"), ""),
    "strings that end in NUL": Pair(of(object, "cat"), of(object, "cat\0"), DISCRETE),
    "strings in capitals": Pair(of(object, "cat"), of(object, "Cat"), DISCRETE),
    "complex": Pair(of("c8", 1 + 1j), of("c8", 1 + 1.1j), VALUE),
    "complex, real part": Pair(of("c16", 1 + 1j), of("c16", 1.1 + 1j), VALUE),
    "complex conjugate": Pair(of("c8", 3 + 4j), of("c8", 3 - 4j), VALUE),
    "complex alike": Pair(of("c8", 1 + 1j), of("c8", 1 + 1j), ""),
    "complex with a NaN": Pair(of("c8", complex(1, NAN)), of("c8", complex(1, NAN)), FINITE),
    "complex with an inf": Pair(of("c16", complex(INF, 1)), of("c16", complex(INF, 2)), FINITE),
    "float16 ends": Pair(of("f2", 65504), of("f2", -65504), VALUE),
    "float16 that overflowed": Pair(of("f2", 65504), of("f2", INF), FINITE),
    "float16 one ulp at 1000": Pair(of("f2", 1000), of("f2", 1000.5), VALUE),
    "bfloat16": Pair(of(ml_dtypes.bfloat16, 1, 2), of(ml_dtypes.bfloat16, 1, 2.02), VALUE),
    "bfloat16 alike": Pair(of(ml_dtypes.bfloat16, 1, 2), of(ml_dtypes.bfloat16, 1, 2), ""),
    "bfloat16 NaN": Pair(of(ml_dtypes.bfloat16, NAN), of(ml_dtypes.bfloat16, NAN), FINITE),
    "bfloat16 inf": Pair(of(ml_dtypes.bfloat16, INF), of(ml_dtypes.bfloat16, INF), FINITE),
    "float8": Pair(of(ml_dtypes.float8_e4m3fn, 1), of(ml_dtypes.float8_e4m3fn, 1.125), VALUE),
    "float8 NaN": Pair(of(ml_dtypes.float8_e5m2, NAN), of(ml_dtypes.float8_e5m2, NAN), FINITE),
    "denormals": Pair(f32(1e-45), f32(-1e-45), ""),
    "denormals without tolerance": Pair(f32(1e-45), f32(0), VALUE, 0.0),
    "denormals of float64": Pair(f64(5e-324), f64(0), VALUE, 0.0),
    "zeros of both signs": Pair(f32(-0.0), f32(0.0), "", 0.0),
    "difference at the tolerance": Pair(f64(0), f64(ATOL), ""),
    "below zero at the tolerance": Pair(f64(0), f64(-ATOL), ""),
    "one ulp above it": Pair(f64(0), f64(np.nextafter(ATOL, 1)), VALUE),
    "one ulp below it": Pair(f64(0), f64(np.nextafter(ATOL, 0)), ""),
    "float32 that rounds to it": Pair(f32(0), f32(1e-5), "", float(np.float32(1e-5))),
    "float32 above a float64 tolerance": Pair(f32(1), f32(1 + 2**-16), VALUE),
    "one wrong element of a million": one_wrong_in_a_million(2e-5),
    "one doubtful element of a million": one_wrong_in_a_million(9e-6),
    "huge, relatively close": Pair(f32(1e30), f32(1.0000001e30), VALUE),
    "large, one ulp apart": Pair(f32(1000), np.nextafter(f32(1000), f32(2000)), VALUE),
    "huge, equal": Pair(f32(1e30), f32(1e30), ""),
    "huge, of both signs": Pair(f32(1e30), f32(-1e30), VALUE),
    "float32 ends": Pair(f32(3.4e38), f32(-3.4e38), VALUE),
    "float64 ends": Pair(f64(LARGEST64, 0), f64(-LARGEST64, 0), VALUE),
    "float64 ends, complex": Pair(of("c16", 1e308 + 1e308j), of("c16", -1e308 - 1e308j), VALUE),
    "swapped rows": Pair(GRID, GRID[[1, 0, 2, 3]], VALUE),
    "reversed": Pair(GRID, GRID[::-1, ::-1], VALUE),
    "the same values in Fortran order": Pair(GRID, np.asfortranarray(GRID), ""),
    "one moved, in Fortran order": Pair(GRID, np.asfortranarray(MOVED), VALUE),
    "strides": Pair(GRID[::2, 1::2], np.ascontiguousarray(GRID[::2, 1::2]), ""),
    "negative strides": Pair(GRID[::-1], np.ascontiguousarray(GRID[::-1]), ""),
    "one moved, strided": Pair(GRID[:, ::3], MOVED[:, ::3].copy() + np.float32(1), VALUE),
    "repeated by a stride of zero": Pair(
        np.broadcast_to(f32(1, 2), (3, 2)), np.tile(f32(1, 2), (3, 1)), ""
    ),
    "read-only": Pair(read_only(f32(1, 2)), read_only(f32(1, 2)), ""),
    "read-only, wrong": Pair(read_only(f32(1, 2)), read_only(f32(1, 3)), VALUE),
    "integers in Fortran order": Pair(
        np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), ""
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_verdict_is_right(name: str) -> None:
    pair = PAIRS[name]
    before = pair.expected.tobytes(), pair.actual.tobytes()
    difference = compare("y", pair.expected, pair.actual, pair.tolerance)
    assert difference.problem == pair.problem, difference
    assert difference.passed == (not pair.problem)
    assert bool(difference.message) == bool(pair.problem)
    assert "\n" not in difference.message
    assert (pair.expected.tobytes(), pair.actual.tobytes()) == before


@pytest.mark.parametrize("name", PAIRS)
def test_the_verdict_does_not_depend_on_which_side_is_which(name: str) -> None:
    pair = PAIRS[name]
    assert compare("y", pair.actual, pair.expected, pair.tolerance).problem == pair.problem


@pytest.mark.parametrize("name", [name for name, pair in PAIRS.items() if pair.problem])
def test_what_fails_is_counted(name: str) -> None:
    pair = PAIRS[name]
    difference = compare("y", pair.expected, pair.actual, pair.tolerance)
    if pair.problem in {DTYPE, SHAPE}:
        assert difference.largest == INF
        assert difference.elements == difference.over == 0
        return
    assert 0 < difference.over <= difference.elements == pair.expected.size
    assert difference.largest > 0 or pair.tolerance != pair.tolerance
    assert difference.expected
    assert difference.actual
    assert len(difference.index) == pair.expected.ndim


def test_one_wrong_element_is_found_where_it_is() -> None:
    expected = np.zeros((3, 4, 5), np.float32)
    actual = expected.copy()
    actual[1, 2, 3] = 0.5
    actual[2, 0, 0] = -0.25
    difference = compare("y", expected, actual, ATOL)
    assert difference == Difference(
        "y",
        "float32",
        (3, 4, 5),
        ATOL,
        "OP201",
        "y differs by 0.5 at [1, 2, 3]: 0.5 instead of 0.0",
        largest=0.5,
        index=(1, 2, 3),
        expected="0.0",
        actual="0.5",
        over=2,
        elements=60,
        percentiles=((50.0, 0.0), (90.0, 0.0), (99.0, 0.5), (99.9, 0.5)),
        ulps=int(np.float32(0.5).view(np.int32)),
        decades=((-1, 2),),
        exact=58,
    )


def test_the_place_does_not_depend_on_the_memory_order() -> None:
    plain = compare("y", GRID, MOVED, ATOL)
    turned = compare("y", np.asfortranarray(GRID), MOVED[::-1][::-1], ATOL)
    assert plain == turned
    assert plain.index == (2, 1)
    assert (plain.expected, plain.actual) == ("13.0", "14.0")


def test_a_quantile_that_is_fine_does_not_save_an_element_that_is_not() -> None:
    difference = compare("y", *one_wrong_in_a_million(0.5)[:2], ATOL)
    assert difference.problem == VALUE
    assert difference.over == 1
    assert difference.index == (654_321,)
    assert dict(difference.percentiles)[99.9] == 0.0


def test_the_first_of_those_that_are_not_finite_is_shown() -> None:
    difference = compare("y", f32(1, 2, INF, NAN), f32(1, NAN, INF, 4), ATOL)
    assert difference.problem == FINITE
    assert difference.largest == INF
    assert (difference.over, difference.elements) == (3, 4)
    assert (difference.index, difference.expected, difference.actual) == ((1,), "2.0", "nan")
    assert "3 elements" in difference.message


@pytest.mark.parametrize(
    ("expected", "actual", "largest"),
    [
        (of("i1", 127), of("i1", -128), 255),
        (of("u1", 0), of("u1", 255), 255),
        (of("u8", 0), of("u8", 2**64 - 1), 2**64),
        (of("i8", -(2**63)), of("i8", 2**63 - 1), 2**64),
        (of("i8", 2**53), of("i8", 2**53 + 1), 1),
        (of("?", True), of("?", False), 1),
        (of(object, "a"), of(object, "b"), 1),
    ],
)
def test_the_distance_of_integers_cannot_wrap_around(
    expected: Array, actual: Array, largest: float
) -> None:
    assert compare("y", expected, actual, ATOL).largest == largest


def test_integers_are_shown_in_full() -> None:
    difference = compare("y", of("u8", 5, 2**64 - 1), of("u8", 5, 2**64 - 2), ATOL)
    assert difference.index == (1,)
    assert difference.expected == str(2**64 - 1)
    assert difference.actual == str(2**64 - 2)
    assert (difference.exact, difference.over, difference.ulps) == (1, 1, 0)
    assert "1 of 2 elements" in difference.message


def test_strings_of_a_model_are_shown_harmlessly() -> None:
    difference = compare(
        "y\x1b[2J", of(object, "a\x1b[31m\n"), of(object, "\x07" + "b" * 999), ATOL
    )
    shown = difference.output + difference.message + difference.expected + difference.actual
    assert shown.isprintable()
    assert len(difference.actual) < 100


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("start", [1.0, -1.0, 0.0, 1000.0])
def test_ulps_are_steps_between_representable_numbers(
    dtype: type[np.floating], start: float
) -> None:
    expected = np.array([start], dtype)
    actual = expected
    for _ in range(3):
        actual = np.nextafter(actual, np.array([np.inf], dtype))
    assert compare("y", expected, actual, INF).ulps == 3
    assert compare("y", actual, expected, INF).ulps == 3


def test_ulps_are_counted_through_zero() -> None:
    below, above = np.float32(-1e-45), np.float32(1e-45)
    assert compare("y", f32(below), f32(above), ATOL).ulps == 2
    assert compare("y", f32(-0.0), f32(0.0), ATOL).ulps == 0
    ends = np.finfo(np.float64)
    assert compare("y", f64(ends.min), f64(ends.max), ATOL).ulps == 2 * (0x7FEFFFFFFFFFFFFF)


@pytest.mark.parametrize("exponent", range(-40, 39))
def test_a_decade_begins_at_its_power_of_ten(exponent: int) -> None:
    power = float(f"1e{exponent}")
    gaps = f64(power, power * (1 + 1e-9), power * (1 - 1e-9))
    difference = compare("y", gaps * 0, gaps, ATOL)
    assert difference.decades == ((exponent - 1, 1), (exponent, 2))


EXAMPLES = settings(deadline=None, derandomize=True)

FLOATS = stnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    stnp.array_shapes(min_dims=0, max_dims=3, max_side=4),
    elements={"allow_nan": False, "allow_infinity": False, "min_value": -1000, "max_value": 1000},
)
TOLERANCES = st.sampled_from([0.0, 1e-7, 1e-5, 1e-3, 1.0])


@st.composite
def pairs(draw: st.DrawFn, arrays: st.SearchStrategy[Array] = FLOATS) -> tuple[Array, Array]:
    """Two arrays of one dtype and shape, some of their elements equal or nearly so."""
    first = draw(arrays)
    second = draw(
        stnp.arrays(first.dtype, first.shape, elements=st.sampled_from([0, 1e-6, -1e-4, 3, -500]))
    )
    return first, (first + second).astype(first.dtype)


@EXAMPLES
@given(pairs(), TOLERANCES)
def test_the_numbers_add_up(pair: tuple[Array, Array], tolerance: float) -> None:
    expected, actual = pair
    d = np.abs(expected.astype(np.float64) - actual.astype(np.float64))
    difference = compare("y", expected, actual, tolerance)
    assert difference.elements == d.size
    assert difference.over + np.count_nonzero(d <= tolerance) == d.size
    assert difference.passed == (difference.over == 0)
    assert difference.largest == d.max()
    assert d[difference.index] == difference.largest
    assert difference.exact + sum(n for _, n in difference.decades) == d.size
    assert difference.exact == np.count_nonzero(expected == actual)
    assert [e for e, _ in difference.decades] == sorted({e for e, _ in difference.decades})
    assert difference.expected == str(expected[difference.index])
    assert difference.actual == str(actual[difference.index])
    quantiles = [d for _, d in difference.percentiles]
    assert quantiles == sorted(quantiles)
    assert quantiles[-1] <= difference.largest
    assert (difference.ulps == 0) == (difference.largest == 0)


@EXAMPLES
@given(pairs(), TOLERANCES)
def test_a_distance_has_no_direction(pair: tuple[Array, Array], tolerance: float) -> None:
    there, back = compare("y", *pair, tolerance), compare("y", *pair[::-1], tolerance)
    assert (there.expected, there.actual) == (back.actual, back.expected)
    same = {"expected": "", "actual": "", "message": ""}
    assert there._replace(**same) == back._replace(**same)


@EXAMPLES
@given(pairs(), TOLERANCES, st.randoms(use_true_random=False))
def test_the_order_of_elements_does_not_matter(
    pair: tuple[Array, Array], tolerance: float, random: st.random.Random
) -> None:
    expected, actual = (side.ravel() for side in pair)
    order = list(range(expected.size))
    random.shuffle(order)
    first = compare("y", expected, actual, tolerance)
    second = compare("y", expected[order], actual[order], tolerance)
    moved = {"index": (), "expected": "", "actual": "", "message": ""}
    assert first._replace(**moved) == second._replace(**moved)


@EXAMPLES
@given(FLOATS, st.data())
def test_nothing_makes_up_for_one_element_that_is_not_finite(
    array: Array, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, array.size - 1))
    bad = array.copy()
    bad.flat[place] = data.draw(st.sampled_from([NAN, INF, -INF]))
    for expected, actual in ((array, bad), (bad, array), (bad, bad)):
        difference = compare("y", expected, actual, INF)
        assert difference.problem == FINITE
        assert (difference.over, difference.largest) == (1, INF)
        assert difference.index == np.unravel_index(place, array.shape)


INTEGERS = stnp.arrays(
    stnp.integer_dtypes(endianness="=") | stnp.unsigned_integer_dtypes(endianness="="),
    stnp.array_shapes(max_dims=2, max_side=4),
)


@EXAMPLES
@given(INTEGERS, st.data())
def test_integers_are_equal_or_wrong(expected: Array, data: st.DataObject) -> None:
    actual = data.draw(stnp.arrays(expected.dtype, expected.shape))
    gaps = [
        abs(int(a) - int(b))
        for a, b in zip(expected.ravel().tolist(), actual.ravel().tolist(), strict=True)
    ]
    difference = compare("y", expected, actual, 1e9)
    assert difference.over == sum(gap > 0 for gap in gaps)
    assert difference.over + difference.exact == difference.elements == expected.size
    assert difference.largest == float(max(gaps))
    assert difference.passed == (max(gaps) == 0)


@EXAMPLES
@given(pairs(), st.data())
def test_a_wider_tolerance_never_finds_more(pair: tuple[Array, Array], data: st.DataObject) -> None:
    narrow, wide = sorted(data.draw(st.tuples(TOLERANCES, TOLERANCES)))
    assume(narrow < wide)
    assert compare("y", *pair, wide).over <= compare("y", *pair, narrow).over


def model_of(*outputs: str) -> OnnxModel:
    """A model that has the outputs named."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in outputs]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in outputs]
    graph = helper.make_graph(nodes, "outputs", [source], values)
    opsets = [helper.make_opsetid("", 17)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return parse_onnx(proto.SerializeToString(), "-")


MODEL = model_of("a", "b")


def problems(expected: Named, actual: Named) -> list[tuple[str, str]]:
    found = compare_outputs(expected, actual, MODEL, Settings())
    return [(difference.output, difference.problem) for difference in found]


A, B = ("a", f32(1)), ("b", f32(2))


def test_outputs_that_agree() -> None:
    assert problems([A, B], [A, B]) == [("a", ""), ("b", "")]
    assert problems([("", f32(1)), ("", f32(2))], [A, B]) == [("a", ""), ("b", "")]


@pytest.mark.parametrize(
    "expected", [[A], [A, B, ("c", f32(3))], [], [A, B, B]], ids=["fewer", "more", "none", "twice"]
)
def test_an_output_too_many_or_too_few(expected: Named) -> None:
    assert problems(expected, [A, B]) == [("a, b", "OP202")]
    [difference] = compare_outputs(expected, [A, B], MODEL, Settings())
    assert difference.largest == INF
    assert f"2 outputs (a, b), the reference gives {len(expected)}" in difference.message


def test_outputs_in_another_order() -> None:
    assert problems([B, A], [A, B]) == [("a", VALUE), ("b", VALUE)]


def test_each_output_has_its_own_verdict() -> None:
    actual = [("a", f64(1)), ("b", f32(NAN))]
    assert problems([A, B], actual) == [("a", DTYPE), ("b", FINITE)]
