"""What ONNX Runtime 1.31 does otherwise than the ONNX standard, each as a model of one node.

``python benchmarks/ort_deviations.py`` needs NumPy and ONNX Runtime, and nothing else; it prints
what is right and what ONNX Runtime gives, and exits 1 where one of them is mended.
"""

from __future__ import annotations

import base64
import sys
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort

REFUSED = "it must be refused"
ANYTHING = "it must run"


class Deviation(NamedTuple):
    """A model of one node.

    Attributes:
        node: the node, for people.
        model: a ModelProto in base64.
        inputs: by name.
        right: an array, ``REFUSED`` or ``ANYTHING``.
    """

    op_type: str
    opset: int
    node: str
    what: str
    model: str
    inputs: dict[str, Any]
    right: Any


DEVIATIONS = (
    Deviation(
        "Resize",
        17,
        (
            "y = Resize <coordinate_transformation_mode: string = 'align_corners', mode: "
            "string = 'linear'> (x, '', s)"
        ),
        (
            "aligns the corners of the 3 pixels that there are, not of the size 3.2 that the "
            "scale asks for, as the standard's own cases expect"
        ),
        (
            "CAgSADqYAQpaCgF4CgAKAXMSAXkiBlJlc2l6ZSoyCh5jb29yZGluYXRlX3RyYW5zZm9ybWF0aW9uX21vZGUi"
            "DWFsaWduX2Nvcm5lcnOgAQMqEQoEbW9kZSIGbGluZWFyoAEDEgFnWhsKAXgSFgoUCAESEAoCCAEKAggBCgII"
            "AQoCCARaDwoBcxIKCggIARIECgIIBGIJCgF5EgQKAggBQgQKABAR"
        ),
        {
            "x": np.array([[[[0.0, 1.0, 2.0, 3.0]]]], np.float32),
            "s": np.array([1.0, 1.0, 1.0, 0.800000011920929], np.float32),
        },
        np.array([[[[0, 3 / 2.2, 6 / 2.2]]]], np.float32),
    ),
    Deviation(
        "Resize",
        17,
        (
            "y = Resize <coordinate_transformation_mode: string = 'tf_crop_and_resize', mode: "
            "string = 'linear'> (x, r, '', n)"
        ),
        "refuses a region of float64, which T2 of the operator allows",
        (
            "CAgSADqxAQpiCgF4CgFyCgAKAW4SAXkiBlJlc2l6ZSo3Ch5jb29yZGluYXRlX3RyYW5zZm9ybWF0aW9uX21v"
            "ZGUiEnRmX2Nyb3BfYW5kX3Jlc2l6ZaABAyoRCgRtb2RlIgZsaW5lYXKgAQMSAWdaGwoBeBIWChQIARIQCgII"
            "AQoCCAEKAggBCgIIBFoPCgFyEgoKCAgLEgQKAggIWg8KAW4SCgoICAcSBAoCCARiCQoBeRIECgIIAUIECgAQ"
            "EQ=="
        ),
        {
            "x": np.array([[[[0.0, 1.0, 2.0, 3.0]]]], np.float32),
            "r": np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0], np.float64),
            "n": np.array([1, 1, 1, 2], np.int64),
        },
        np.array([[[[0, 3]]]], np.float32),
    ),
    Deviation(
        "ReduceSum",
        17,
        ("y = ReduceSum <keepdims: int = 0> (x, a)"),
        "sums int64 in a float64: the last bits are lost",
        (
            "CAgSADpXCiUKAXgKAWESAXkiCVJlZHVjZVN1bSoPCghrZWVwZGltcxgAoAECEgFnWg8KAXgSCgoICAcSBAoC"
            "CAJaDwoBYRIKCggIBxIECgIIAWIJCgF5EgQKAggHQgQKABAR"
        ),
        {"x": np.array([9007199254740993, 0], np.int64), "a": np.array([0], np.int64)},
        np.array(2**53 + 1),
    ),
    Deviation(
        "ReduceProd",
        17,
        ("y = ReduceProd <axes: ints = [0], keepdims: int = 0> (x)"),
        "multiplies int64 in a float64: the last bits are lost",
        (
            "CAgSADpRCjAKAXgSAXkiClJlZHVjZVByb2QqCwoEYXhlc0AAoAEHKg8KCGtlZXBkaW1zGACgAQISAWdaDwoB"
            "eBIKCggIBxIECgIIAmIJCgF5EgQKAggHQgQKABAR"
        ),
        {"x": np.array([94906267, 94906267], np.int64)},
        np.array(94906267 * 94906267),
    ),
    Deviation(
        "Pow",
        17,
        ("y = Pow (x, p)"),
        "takes int64 to a power of int32 in a float64: the last bits are lost",
        (
            "CAgSADpACg4KAXgKAXASAXkiA1BvdxIBZ1oPCgF4EgoKCAgHEgQKAggBWg8KAXASCgoICAYSBAoCCAFiCQoB"
            "eRIECgIIB0IECgAQEQ=="
        ),
        {"x": np.array([94906267], np.int64), "p": np.array([2], np.int32)},
        np.array([94906267**2]),
    ),
    Deviation(
        "Pad",
        17,
        ("y = Pad <mode: string = 'wrap'> (x, p)"),
        "takes the mode wrap at opset 17: Pad 13 knows constant, reflect and edge",
        (
            "CAgSADpRCh8KAXgKAXASAXkiA1BhZCoPCgRtb2RlIgR3cmFwoAEDEgFnWg8KAXgSCgoICAESBAoCCANaDwoB"
            "cBIKCggIBxIECgIIAmIJCgF5EgQKAggBQgQKABAR"
        ),
        {"x": np.array([1.0, 2.0, 3.0], np.float32), "p": np.array([1, 1], np.int64)},
        REFUSED,
    ),
    Deviation(
        "Pad",
        18,
        ("y = Pad (x, p, '', a)"),
        "refuses constant axes of int32, which Tind of Pad 18 allows",
        (
            "CAgSADpUChMKAXgKAXAKAAoBYRIBeSIDUGFkEgFnKg0IARAGQgFhSgQAAAAAWg8KAXgSCgoICAESBAoCCANa"
            "DwoBcBIKCggIBxIECgIIAmIJCgF5EgQKAggBQgQKABAS"
        ),
        {"x": np.array([1.0, 2.0, 3.0], np.float32), "p": np.array([1, 1], np.int64)},
        np.array([0, 1, 2, 3, 0], np.float32),
    ),
    Deviation(
        "ReduceMax",
        20,
        ("y = ReduceMax <keepdims: int = 0> (x, a)"),
        "refuses an empty tensor of booleans (opset 20 on), whose largest is false",
        (
            "CAkSADpbCiUKAXgKAWESAXkiCVJlZHVjZU1heCoPCghrZWVwZGltcxgAoAECEgFnWhMKAXgSDgoMCAkSCAoC"
            "CAAKAggCWg8KAWESCgoICAcSBAoCCAFiCQoBeRIECgIICUIECgAQFA=="
        ),
        {"x": np.zeros((0, 2), bool), "a": np.array([0], np.int64)},
        np.array([False, False]),
    ),
    Deviation(
        "ReduceMin",
        20,
        ("y = ReduceMin <keepdims: int = 0> (x, a)"),
        "refuses an empty tensor of booleans (opset 20 on), whose least is true",
        (
            "CAkSADpbCiUKAXgKAWESAXkiCVJlZHVjZU1pbioPCghrZWVwZGltcxgAoAECEgFnWhMKAXgSDgoMCAkSCAoC"
            "CAAKAggCWg8KAWESCgoICAcSBAoCCAFiCQoBeRIECgIICUIECgAQFA=="
        ),
        {"x": np.zeros((0, 2), bool), "a": np.array([0], np.int64)},
        np.array([True, True]),
    ),
    Deviation(
        "Constant",
        17,
        ("y = Constant <strange: int = 1, value: tensor = float[1] {1}> ()"),
        "takes an attribute that the operator does not have",
        (
            "CAgSADpFCjUSAXkiCENvbnN0YW50Kg4KB3N0cmFuZ2UYAaABAioWCgV2YWx1ZSoKCAEQAUoEAACAP6ABBBIB"
            "Z2IJCgF5EgQKAggBQgQKABAR"
        ),
        {},
        REFUSED,
    ),
)


def answer(deviation: Deviation) -> Any:
    """What ONNX Runtime gives on its CPU provider, or what it says."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            base64.b64decode(deviation.model), options, providers=["CPUExecutionProvider"]
        )
        return session.run(None, deviation.inputs)[0]
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no common class
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def is_right(deviation: Deviation, given: Any) -> bool:
    """Whether ONNX Runtime does there what the standard says."""
    if isinstance(deviation.right, str):
        return isinstance(given, str) is (deviation.right == REFUSED)
    if isinstance(given, str) or given.dtype != deviation.right.dtype:
        return False
    if given.dtype.kind != "f":
        return np.array_equal(given, deviation.right)
    return np.allclose(given, deviation.right, rtol=0, atol=1e-5)


def main() -> int:
    """Print each deviation; 1 where one is mended."""
    ort.set_default_logger_severity(4)
    print(f"onnxruntime {ort.__version__}, numpy {np.__version__}")
    mended = 0
    for deviation in DEVIATIONS:
        given = answer(deviation)
        right = is_right(deviation, given)
        mended += right
        print(f"\n{deviation.op_type}, opset {deviation.opset}: {deviation.what}")
        print(f"  {deviation.node}")
        print(f"  right: {deviation.right}")
        print(f"  given: {given}{' (mended)' if right else ''}")
    return int(mended > 0)


if __name__ == "__main__":
    sys.exit(main())
