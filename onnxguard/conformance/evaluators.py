"""ONNX Runtime on the CPU and the reference evaluator of onnx; both run in the worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnxruntime as ort  # type: ignore[import-not-found,import-untyped,unused-ignore] # an extra
from onnx import helper, inliner, shape_inference
from onnx.reference import ReferenceEvaluator

from onnxguard.conformance.comparison import Value
from onnxguard.conformance.formulas import evaluate
from onnxguard.conformance.referees import NUDGES
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import graphs_of
from onnxguard.running.ort_values import UnsupportedError, from_ort_value, to_ort_value
from onnxguard.running.providers import PROVIDER_NAMES
from onnxguard.running.session import session_options

_MOST_BYTES = 4 << 30
"""What a referee may allocate; what it is asked for is estimated to need far less."""

_UNSUPPORTED = (
    "Unsupported model IR version",
    "No Op registered for",
    "is under development and support for this is limited",
    "is not currently registered or supported",
    "data type is not supported with",
    "Unsupported value attribute datatype",
)
"""How ONNX Runtime says that it lacks something, besides NOT_IMPLEMENTED."""


def versions() -> dict[str, str]:
    """The versions of what runs here."""
    found = {"onnx": onnx.__version__, "onnxruntime": ort.__version__, "numpy": np.__version__}
    with suppress(PackageNotFoundError):
        found["torch"] = version("torch")
    return found


def run(model: bytes, feeds: dict[str, Value]) -> list[Value]:
    """Run a model in ONNX Runtime, optimised by default, and return all its outputs in order.

    Args:
        model: a ModelProto that holds all its data.
        feeds: by the names of the graph's inputs.

    Raises:
        UnsupportedError: there is no kernel, or a dtype that cannot be carried.
        Exception: whatever else ONNX Runtime says.
    """
    session = _session(model, "all")
    try:
        return _outputs(session, feeds)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no common class
        raise _told(error) from None


def _outputs(session: Any, feeds: dict[str, Value]) -> list[Value]:
    tensors = all(meta.type.startswith("tensor") for meta in session.get_outputs())
    if not tensors or any(not isinstance(value, np.ndarray) for value in feeds.values()):
        outputs: list[Value] = session.run(None, feeds)
        return outputs
    return [from_ort_value(value) for value in session.run_with_ort_values(None, _carried(feeds))]


def trace(model: bytes, feeds: dict[str, Value]) -> list[Array | None]:
    """Run a model without optimisations; None stands for an output that cannot be read.

    Raises:
        UnsupportedError: as of ``run``.
        Exception: whatever else ONNX Runtime says.
    """
    session = _session(model, "none")
    return [_readable(value) for value in session.run_with_ort_values(None, _carried(feeds))]


def measure(model: bytes, feeds: dict[str, Value]) -> list[tuple[str, tuple[int, ...]] | None]:
    """Run a model without optimisations; dtype and shape of each output that can be read."""
    values = trace(model, feeds)
    return [None if value is None else (value.dtype.name, value.shape) for value in values]


def _session(model: bytes, level: str) -> Any:
    try:
        return ort.InferenceSession(
            model, session_options(level), providers=[PROVIDER_NAMES["cpu"]]
        )
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no common class
        raise _told(error) from None


def _told(error: Exception) -> Exception:
    """What ONNX Runtime says, told apart by whether it is that it lacks something."""
    if type(error).__name__ == "NotImplemented" or any(s in str(error) for s in _UNSUPPORTED):
        return UnsupportedError(str(error))
    return error


def _carried(feeds: dict[str, Value]) -> dict[str, Any]:
    return {name: to_ort_value(value) for name, value in feeds.items()}


def _readable(value: Any) -> Array | None:
    try:
        return from_ort_value(value)
    except UnsupportedError:
        return None


def run_reference(model: bytes, feeds: dict[str, Value]) -> list[Value]:
    """Run a model in ``onnx.reference`` and return all its outputs in order."""
    proto = onnx.load_model_from_string(model)
    _complete_loops(proto)
    with limited_memory():
        outputs: Any = ReferenceEvaluator(proto).run(None, feeds)
    return [np.asarray(value) if isinstance(value, np.generic) else value for value in outputs]


def run_formula(model: bytes, feeds: dict[str, Value]) -> list[Value]:
    """Compute a model by formulas and return all its outputs in order."""
    with limited_memory():
        return evaluate(model, feeds)


def nudged(model: bytes, feeds: dict[str, Value]) -> list[list[Value]]:
    """The outputs where numbers are rounded from a little below, and from a little above."""
    with limited_memory():
        return [evaluate(model, feeds, nudge) for nudge in NUDGES]


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let this process grow by ``_MOST_BYTES`` at most, where the system can limit that."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as stream:  # what it has, in pages
            held = int(stream.read().split()[5]) * resource.getpagesize()
    except (ImportError, OSError):  # no Linux
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held + _MOST_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _complete_loops(model: onnx.ModelProto) -> None:
    """Write out the condition of each Loop that has none.

    The standard reads an absent one as true; onnx.reference (1.23) never enters such a loop.
    """
    true = helper.make_tensor("", onnx.TensorProto.BOOL, [], [True])
    for number, graph in enumerate(list(graphs_of(model))):
        name = f"onnxguard.true.{number}"
        loops = [node for node in graph.node if node.op_type == "Loop"]
        endless = [node for node in loops if len(node.input) > 1 and not node.input[1]]
        for node in endless:
            node.input[1] = name
        if endless:  # an initializer of the main graph would not be seen in a function
            graph.node.insert(0, helper.make_node("Constant", [], [name], value=true))


def check(model: bytes) -> str:
    """Say why the full checker refuses a model; "" where it accepts it."""
    try:
        onnx.checker.check_model(onnx.load_model_from_string(model), full_check=True)
    except Exception as error:  # noqa: BLE001 - it has several, without a common class
        return str(error) or type(error).__name__
    return ""


def prepare(model: bytes) -> bytes:
    """Inline the local functions and infer the types of what lies between nodes."""
    proto = onnx.load_model_from_string(model)
    if proto.functions:
        proto = inliner.inline_local_functions(proto)
    try:
        proto = shape_inference.infer_shapes(proto)
    except Exception:  # noqa: BLE001 - types only tell variants apart
        return bytes(proto.SerializeToString())
    return bytes(proto.SerializeToString())
