"""Outputs against what is expected."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from onnxguard.conformance.comparison import compare, fixed

NAN, INF = float("nan"), float("inf")
TOLERANCE = fixed(0.0, 1e-5)


def f4(*values: float) -> Any:
    return np.array(values, np.float32)


EQUAL = [
    ([f4(1, 2)], [f4(1, 2)]),
    ([f4(1)], [f4(1 + 9e-6)]),
    ([f4(NAN, 1)], [f4(NAN, 1)]),
    ([f4(INF, -INF)], [f4(INF, -INF)]),
    ([f4()], [f4()]),
    ([np.array(3)], [np.array(3)]),
    ([np.array(["a", "b"], object)], [np.array(["a", "b"])]),
    ([[f4(1), f4(1, 2)]], [[f4(1), f4(1, 2)]]),
    ([None], [None]),
    ([np.array(1, ml_dtypes.bfloat16)], [np.array(1, ml_dtypes.bfloat16)]),
    ([np.array([1 + 2j])], [np.array([1 + 2j])]),
    ([np.asfortranarray(f4(1, 2, 3, 4).reshape(2, 2))], [f4(1, 2, 3, 4).reshape(2, 2)]),
    ([f4(1, 2, 3, 4).reshape(2, 2)], [np.array([[1, 3], [2, 4]], np.float32).T]),
]

UNEQUAL = [
    ([f4(1)], [f4(1), f4(1)], "1 output instead of 2"),
    ([f4(1), f4(1)], [f4(1)], "2 outputs instead of 1"),
    ([f4(1)], [np.array([1.0])], "float32 instead of float64"),
    ([np.array([1])], [np.array([1], np.int32)], "int64 instead of int32"),
    ([f4(1)], [np.array(1, np.float32)], "shape [1] instead of []"),
    ([f4(1, 1)], [np.ones((1, 2), np.float32)], "shape [2] instead of [1, 2]"),
    ([f4(1, 2)], [f4(1, 2.001)], "2.0 instead of 2.000999"),
    ([f4(NAN)], [f4(1)], "nan instead of 1.0"),
    ([f4(1)], [f4(NAN)], "1.0 instead of nan"),
    ([f4(INF)], [f4(-INF)], "inf instead of -inf"),
    ([f4(INF)], [f4(3e38)], "inf instead of"),
    ([f4(3e38)], [f4(INF)], "instead of inf"),
    ([f4(INF)], [f4(NAN)], "inf instead of nan"),
    ([np.array([1, 2])], [np.array([1, 3])], "2 instead of 3 at [1]; 1 of 2 elements differ"),
    ([np.array([0], np.uint8)], [np.array([255], np.uint8)], "0 instead of 255"),
    ([np.array([True])], [np.array([False])], "True instead of False"),
    ([np.array(["a"], object)], [np.array(["b"])], "a instead of b"),
    ([[f4(1)]], [[f4(2)]], "output 0: item 0: 1.0 instead of 2.0"),
    ([[f4(1)]], [[f4(1), f4(2)]], "1 item instead of 2"),
    ([f4(1)], [[f4(1)]], "only one side is a sequence"),
    ([None], [f4(1)], "only one side holds a value"),
    ([f4(1)], [None], "only one side holds a value"),
    ([np.array(1, ml_dtypes.bfloat16)], [np.array(2, ml_dtypes.bfloat16)], "1.0 instead of 2.0"),
    ([np.array([1 + 2j])], [np.array([1 + 3j])], "2.0 instead of 3.0"),
    ([f4(1)], [f4(1), None], "1 output instead of 2"),
]


@pytest.mark.parametrize(("actual", "expected"), EQUAL)
def test_equal(actual: Any, expected: Any) -> None:
    assert compare(actual, expected, TOLERANCE).problem == ""


@pytest.mark.parametrize(("actual", "expected", "problem"), UNEQUAL)
def test_unequal(actual: Any, expected: Any, problem: str) -> None:
    assert problem in compare(actual, expected, TOLERANCE).problem


def test_the_difference_is_taken_in_float64() -> None:
    big = np.array([60000], np.float16)
    assert compare([-big], [big], TOLERANCE).difference == 120000
    assert compare([f4(1, NAN, INF, 3)], [f4(1.5, NAN, INF, 3)], TOLERANCE).difference == 0.5
    assert compare([f4(NAN)], [f4(NAN)], TOLERANCE).difference is None
    assert compare([np.array([1])], [np.array([2])], TOLERANCE).difference is None


def test_the_relative_tolerance_is_of_the_expected() -> None:
    assert compare([f4(110)], [f4(100)], fixed(0.1, 0)).problem == ""
    assert compare([f4(100)], [f4(110)], fixed(0.0905, 0)).problem
    assert compare([f4(1e-8)], [f4(0)], fixed(0.5, 0)).problem


def test_elements_are_counted() -> None:
    assert compare([f4(), f4(1, 2)], [f4(), f4(1, 2)], TOLERANCE).elements == 2
    assert compare([f4()], [f4()], TOLERANCE).elements == 0
