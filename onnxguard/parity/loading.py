"""Load both sides of a comparison."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import onnx
from torch import float32 as torch_float32

from onnxguard.base.errors import UsageError
from onnxguard.base.memory import trim
from onnxguard.base.printable import printable
from onnxguard.parity.onnx_reference import OnnxReference
from onnxguard.parity.outputs import Wanted, narrowed
from onnxguard.parity.precision import in_float32
from onnxguard.parity.reference import find_reference
from onnxguard.parity.settings import Settings
from onnxguard.parity.torch_reference import TorchReference, evaluated
from onnxguard.parity.trials import Reference
from onnxguard.running.comparison import Array
from onnxguard.running.graph_file import OnnxModel, read_onnx, without_values
from onnxguard.running.ranges import Range, Ranges, parse_values
from onnxguard.running.session import Session
from onnxguard.running.sizes import Sizes


class Sides(NamedTuple):
    """Both sides, loaded.

    Attributes:
        model: the graph under test; its bytes are kept for evidence alone, and the values of its
            weights where something will damage them.
        session: it, in ONNX Runtime.
        reference: what vouches for it.
        name: the reference as the user named it, safe to print.
        reference_sha256: of its file, empty for a callable.
        weights: the weights' file, safe to print, may be empty.
        weights_sha256: of that file.
        same: whether the reference is the graph under test.
        ranges: what the graph says of the values of its inputs.
        sizes: what follows from the sizes of its inputs.
        bounds: what is drawn for an input: what the user said, or else the graph.
        wanted: which outputs are compared; ``model`` ends at them.
    """

    model: OnnxModel
    session: Session
    reference: Reference
    name: str
    reference_sha256: str
    weights: str
    weights_sha256: str
    same: bool
    ranges: Ranges
    sizes: Sizes
    bounds: Mapping[str, Range]
    wanted: Wanted


@contextmanager
def loaded_sides(
    model: OnnxModel,
    torch: Any,
    reference: str | os.PathLike[str] | None,
    weights: str | os.PathLike[str] | None,
    settings: Settings,
) -> Iterator[Sides]:
    """Load what vouches for a graph, and the graph in ONNX Runtime; a module is in evaluation mode.

    Raises:
        ParityError: one side could not be loaded.
        UsageError: the call is wrong.
    """
    data, light = model.data, without_values(model.proto)
    sizes = Sizes(light)
    ranges = Ranges(light, sizes.symbol)  # the module takes what any output depends on
    if settings.save is None and not settings.mutants and reference is None:
        model = model.released()
    model, wanted = narrowed(model, settings.outputs)
    if wanted.asked:
        ranges.keep(model.proto.graph)
    unknown = sorted({*settings.atols, *settings.rtols} - {d.name for d in model.outputs})
    if unknown:
        names = ", ".join(printable(d.name) for d in model.outputs)
        raise UsageError(f'no output "{printable(unknown[0])}"; the graph has: {names}')
    outputs = tuple(d.name for d in model.outputs) if wanted.asked else None
    session = open_session(model, data, settings, settings.provider != "cpu", outputs)
    if settings.save is None:
        model = model._replace(data=b"")
    del data
    bounds = {**ranges.integers, **parse_values(settings.values, model.inputs)}
    if reference is not None:
        other = read_onnx(reference)
        same = _content(other) == _content(model)
        graph = OnnxReference(other, settings)
        about = other.path, other.sha256, "", "", same
        yield Sides(model, session, graph, *about, ranges, sizes, bounds, wanted)
        return
    found = find_reference(torch, None if weights is None else os.fspath(weights))
    shown = "" if weights is None else printable(os.fspath(weights))
    with evaluated(found.module):
        module = found.module if settings.budget is None else in_float32(found.module)
        side = TorchReference(module, settings.bindings, settings.run_seconds)
        side.precision = None if settings.budget is None else torch_float32
        side.bind([declared.name for declared in model.inputs])
        about = found.name, found.sha256, shown, found.weights_sha256, False
        yield Sides(model, session, side, *about, ranges, sizes, bounds, wanted)


def open_session(
    model: OnnxModel,
    data: bytes,
    settings: Settings,
    profiled: bool = False,
    outputs: tuple[str, ...] | None = None,
    beside: Mapping[str, Array] | None = None,
) -> Session:
    """Load bytes in ONNX Runtime as the settings say; external data lies where the model's does."""
    if beside:
        trim()  # what these were taken from is free by now
    folder = model.folder if model.external else ""
    return Session(data, settings, folder, profiled, model.linked, outputs=outputs, beside=beside)


def _content(model: OnnxModel) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """What a graph computes, without who wrote it and what it is called."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    for field in ("producer_name", "producer_version", "model_version", "doc_string", "domain"):
        proto.ClearField(field)
    del proto.metadata_props[:]
    proto.graph.ClearField("name")
    proto.graph.ClearField("doc_string")
    external = () if model.whole else model.external  # or it is in the proto
    return proto.SerializeToString(deterministic=True), external
