"""A student becomes an ONNX file."""

from __future__ import annotations

import io
import warnings

import torch
from onnxguard.students.student import Student
from torch import nn

_TRACED_SIZE = 64


def export_student(student: Student, network: nn.Module) -> bytes:
    """The ONNX graph of a student: its opset, batch norm folded, H and W dynamic.

    Args:
        student: which one it is.
        network: its network; what is exported is a fresh float32 copy on the CPU, because a
            compiled module cannot be exported and autocast would end up in the graph.

    Returns:
        The file's bytes.
    """
    fresh = student.build(network.state_dict())
    image = torch.zeros(1, 3, _TRACED_SIZE, _TRACED_SIZE)
    dims = {2: "H", 3: "W"}
    target = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The TorchScript exporter is deprecated, and alone it writes opset 17 with Constant nodes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            fresh,
            (image,),
            target,  # type: ignore[arg-type] # its annotation forgets streams
            dynamo=False,
            opset_version=student.opset,
            do_constant_folding=True,
            input_names=[student.input_name],
            output_names=[student.output_name],
            dynamic_axes={student.input_name: dims, student.output_name: dims},
        )
    return target.getvalue()
