"""The child of ``--full-check``: run the ONNX checker on one file, under a memory limit.

Called as ``python -m onnxguard.scanning.onnx_checker MEBIBYTES PATH``; prints one JSON object,
``{"check": ..., "inference": ...}``, each null or the reason for the refusal.
"""

from __future__ import annotations

import json
import sys
from typing import Any

OUT_OF_MEMORY = 3
"""The exit code of a child that met its memory limit."""


def check(path: str) -> dict[str, str | None]:
    """What the checker and strict shape inference say of a model; None where they accept it."""
    import onnx  # type: ignore[import-not-found,unused-ignore] # in an extra

    model = onnx.load(path, load_external_data=False) if path != "-" else _from_stdin(onnx)
    result: dict[str, str | None] = {"check": None, "inference": None}
    try:
        onnx.checker.check_model(model if path == "-" else path)
    except MemoryError:
        raise
    except Exception as error:
        result["check"] = _reason(error)
    try:
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except MemoryError:
        raise
    except Exception as error:
        result["inference"] = _reason(error)
    return result


def _from_stdin(onnx: Any) -> Any:
    return onnx.load_from_string(sys.stdin.buffer.read())


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _limit_memory(mebibytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit; the time limit still holds
        return
    size = mebibytes << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


if __name__ == "__main__":
    _limit_memory(int(sys.argv[1]))
    try:
        found = check(sys.argv[2])
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    except Exception as error:
        found = {"check": _reason(error), "inference": None}
    if any(reason and "alloc" in reason for reason in found.values()):
        sys.exit(OUT_OF_MEMORY)  # from C++ and protobuf, by way of exceptions of their own
    json.dump(found, sys.stdout)
