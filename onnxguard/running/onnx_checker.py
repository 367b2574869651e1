"""What the child of ``--full-check`` does: run the ONNX checker on one file, within limits.

The checker refuses two things that ONNX Runtime runs, and that the standard allows or leaves open:
the default domain spelled ``ai.onnx`` at a node of the main graph, and sparse tensors where dense
ones are read, whose indices need be neither sorted nor int64. It is given what the runtime makes of
them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

DENSE = 1 << 20
"""Elements up to which a sparse initializer is written out: inference may ask for its values."""

_UNALLOCATED = ("bad_alloc", "Arena alloc failed")
"""What C++ and protobuf say, by way of exceptions of their own, when there is no memory."""


def check(path: str, seconds: int, mebibytes: int) -> dict[str, str]:
    """What the checker and strict shape inference say of a model; empty where they accept it.

    Args:
        path: the file, absolute.
        seconds: CPU time; a process that exceeds it is killed by SIGXCPU, where there is that.
        mebibytes: memory of the whole process, where that can be limited.

    Raises:
        MemoryError: they are too few.
    """
    import onnx

    _limit(seconds, mebibytes)
    said = {"check": "", "inference": ""}
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # whatever a reader of hostile bytes raises is its answer
        return {**said, "check": _reason(error)}
    try:
        if read_as_runtimes_do(model):
            os.chdir(os.path.dirname(path))  # where external data is looked for
            onnx.checker.check_model(model)
        else:
            onnx.checker.check_model(path)
    except Exception as error:
        said["check"] = _reason(error)
    try:
        write_out(model)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except Exception as error:
        said["inference"] = _reason(error)
    return said


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in _UNALLOCATED):
        raise MemoryError from None
    return f"{type(error).__name__}: {text}"


def _limit(seconds: int, mebibytes: int) -> None:
    """Limit what this process may take from now on; no crash leaves a core behind."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; that by the clock still holds
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    for what, most in (
        (resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + seconds),
        (resource.RLIMIT_AS, mebibytes << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (soft, hard))


def _graphs(model: Any) -> Iterator[Any]:
    """Every graph and function of a model."""
    waiting: list[Any] = [model.graph, *model.functions]
    for info in model.training_info:
        waiting += [info.initialization, info.algorithm]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting += attribute.graphs


def read_as_runtimes_do(model: Any) -> bool:
    """Spell the default domain one way, sort sparse tensors, in place; whether any changed."""
    changed = False
    for opset in model.opset_import:
        if opset.domain == "ai.onnx":
            opset.domain, changed = "", True
    for node in model.graph.node:  # elsewhere the runtime refuses it too
        if node.domain == "ai.onnx":
            node.domain, changed = "", True
    for graph in _graphs(model):
        for node in graph.node:
            if node.op_type == "Constant":
                for attribute in node.attribute:
                    if attribute.HasField("sparse_tensor"):
                        changed |= _sort(attribute.sparse_tensor)
        for sparse in getattr(graph, "sparse_initializer", ()):
            changed |= _sort(sparse)
    return changed


def _sort(sparse: Any) -> bool:
    """Bring the elements of a sparse tensor into order, each once; whether they were not."""
    import numpy as np
    from onnx import numpy_helper

    try:
        given = numpy_helper.to_array(sparse.indices)
        values = numpy_helper.to_array(sparse.values)
        at = given.astype(np.int64).reshape(len(given), -1)
        order = np.lexsort(at.T[::-1])
        at = at[order]
        kept = np.concatenate([[True], np.any(at[1:] != at[:-1], axis=1)])[: len(at)]
        if kept.all() and (order[1:] > order[:-1]).all() and given.dtype == np.int64:
            return False
        indices = at[kept].reshape((-1, *given.shape[1:]))
        values = values[order][kept]
    except (IndexError, TypeError, ValueError):  # it is no sparse tensor: the checker says so
        return False
    sparse.indices.CopyFrom(numpy_helper.from_array(indices, sparse.indices.name))
    sparse.values.CopyFrom(numpy_helper.from_array(values, sparse.values.name))
    return True


def write_out(model: Any) -> None:
    """Make the sparse initializers of a model dense, in place; a large one has no values then."""
    for graph in _graphs(model):
        for sparse in getattr(graph, "sparse_initializer", ()):
            graph.initializer.append(_dense(sparse))
        if graph.DESCRIPTOR.name == "GraphProto":
            graph.ClearField("sparse_initializer")


def _dense(sparse: Any) -> Any:
    import numpy as np
    from onnx import TensorProto, numpy_helper

    name, dims = sparse.values.name, list(sparse.dims)
    if all(dim >= 0 for dim in dims) and math.prod(dims) <= DENSE:
        try:
            values = numpy_helper.to_array(sparse.values)
            at = numpy_helper.to_array(sparse.indices)
            dense = np.zeros(dims, values.dtype)
            if at.ndim == 1:
                dense.reshape(-1)[at] = values
            else:
                dense[tuple(at.T)] = values
            return numpy_helper.from_array(dense, name)
        except (IndexError, TypeError, ValueError):  # the checker said what is wrong
            pass
    return TensorProto(name=name, dims=dims, data_type=sparse.values.data_type)
