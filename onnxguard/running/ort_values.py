"""Arrays in and out of ONNX Runtime, those included that its Python binding does not know."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-not-found,import-untyped,unused-ignore] # an extra
from onnx import helper

from onnxguard.running.comparison import Array

_BY_BITS = ("bfloat16", "float8")
"""Dtypes of ml_dtypes that the binding does not know, or gives as uint8."""

_PACKED = ("int4", "uint4", "int2", "uint2", "float4")
"""Those of which ONNX Runtime keeps several in a byte."""


class UnsupportedError(Exception):
    """ONNX Runtime has no kernel for the node, or its Python binding cannot carry a dtype."""


def to_ort_value(value: Any) -> Any:
    """An OrtValue on the CPU with an array's elements.

    Raises:
        UnsupportedError: no value of this dtype can be made from Python.
    """
    array = np.ascontiguousarray(value).reshape(value.shape)
    if array.dtype.name.startswith(_BY_BITS):
        bits = array.view(f"uint{8 * array.dtype.itemsize}")
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, kind)
    if array.dtype.name.startswith(_PACKED):
        raise UnsupportedError(f"arrays of {array.dtype.name} cannot be handed over")
    return ort.OrtValue.ortvalue_from_numpy(array)


def from_ort_value(value: Any) -> Array:
    """An array with a copy of an OrtValue's elements.

    Raises:
        UnsupportedError: it is no tensor, or one that cannot be read from Python.
    """
    if not value.is_tensor():
        raise UnsupportedError(f"a {value.data_type()} is no tensor")
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(value.element_type()))
    if dtype.name.startswith(_PACKED):
        raise UnsupportedError(f"{value.data_type()} cannot be read from Python")
    if dtype.name.startswith(_BY_BITS):
        data = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
        return np.frombuffer(data, dtype).reshape(value.shape())
    return np.array(value.numpy())
