"""What a model holds, a row a thing: heads and cells of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from onnxguard.model.facts import ConstantNode, ExternalData, Function, Loop, OpsetImport, Value
from onnxguard.reporters.kit.phrases import dims
from onnxguard.reporters.kit.words import listed

READERS_SHOWN, VERSIONS_SHOWN = 3, 8

CONSTANT = "Output", "Type", "Bytes>", "Value", "Read by"
EXTERNAL = "Tensor", "File", "Offset>", "Bytes>"
FUNCTION = "Function", "Nodes>", "Calls>", "Inputs>", "Outputs>", "Opsets"
LOOP = "Loop", "Rounds>", "In all>", "Known from"


def constant(node: ConstantNode) -> tuple[str, ...]:
    """``/up3/Constant_output_0``, ``float32[4]``, ``16``, ``[1, 1, 2, 2]``, ``Resize_18``."""
    readers = listed(node.readers, READERS_SHOWN) or "nothing"
    return node.output, f"{node.dtype}{dims(node.shape)}", f"{node.bytes:,}", node.value, readers


def external(data: ExternalData) -> tuple[str, ...]:
    """``conv.weight``, ``model.data``, ``4,096``, ``1,024``."""
    return data.tensor, data.location, _number(data.offset), _number(data.length)


def function(found: Function) -> tuple[str, ...]:
    """``local::Block``, ``7``, ``2``, ``3``, ``1``, ``ai.onnx 17``."""
    counts = found.nodes, found.calls, found.inputs, found.outputs
    return found.label, *map(_number, counts), versions(found.opset_imports)


def loop(found: Loop) -> tuple[str, ...]:
    """``graph/node 4``, ``12``, ``1,440``, ``initializer``."""
    rounds = _number(found.trip_count) or "no bound"
    return found.place.route, rounds, _number(found.product), found.source


def type_of(value: Value) -> str:
    """``float32[1,3,H,W]``, ``int64[?] sequence``."""
    kind = "" if value.kind == "tensor" else f" {value.kind}"
    return f"{value.dtype}{dims(value.dims)}{kind}"


def versions(imports: Sequence[OpsetImport]) -> str:
    """``ai.onnx 17, ai.onnx.ml 3``."""
    return listed([f"{entry.domain} {entry.version}" for entry in imports], VERSIONS_SHOWN)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
