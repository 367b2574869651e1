"""The graph to be checked: its bytes, read once, and what they declare."""

from __future__ import annotations

import hashlib
import math
import mmap
import os
from typing import NamedTuple

import numpy as np
import onnx
from onnx import external_data_helper, helper

from onnxguard.base.errors import ModelError
from onnxguard.base.printable import printable
from onnxguard.catalogue import RULES
from onnxguard.model.messages import DTYPES
from onnxguard.model.wire import LARGEST_MESSAGE
from onnxguard.policy.allowlist import Allowlist, Limit
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, load_allowlist
from onnxguard.running.errors import ParityError
from onnxguard.scanning.report import Report
from onnxguard.scanning.scan import scan_bytes
from onnxguard.sources.data_files import DataFile, DataFolder
from onnxguard.sources.files import open_model
from onnxguard.sources.remote import is_remote

VALUES = 1_024
"""Constants of more bytes say nothing of sizes."""

LOADED_BYTES = 1 << 30
"""External data of up to this size is loaded for what looks at single nodes."""

_BOUNDS = {"tensor_elements": 1 << 29, "loop_trip_count": 1 << 20, "loop_trip_product": 1 << 24}
"""How much a model may ask for: tensors of 2 GiB of float32, loops that end within minutes."""

Dim = int | str
"""A fixed size, or the symbol of a dynamic one; empty where it has no name."""


class Declared(NamedTuple):
    """An input or output of the graph: its dtype as NumPy names it, and its dims if declared."""

    name: str
    dtype: str
    dims: tuple[Dim, ...] | None


class OnnxModel(NamedTuple):
    """A model that was read.

    Attributes:
        path: as the user named it, safe to print.
        folder: that of its path as it was given, links of folders followed.
        linked: ``(location, path)`` of all external data, where a link leads one file out of the
            folder: ONNX Runtime takes that of a path and not of bytes.
        data: the file's bytes: what is hashed is what is run; empty once they were ``released``.
        sha256: of the file's bytes.
        size: of the file, bytes.
        file: the path of a regular file that it can be read from again, else empty.
        proto: the same, parsed; external data loaded up to ``LOADED_BYTES``.
        whole: whether ``proto`` holds all values, or would if it was not ``bare``.
        inputs: those that must be fed, in the graph's order.
        outputs: in the graph's order.
        external: ``(location, sha256)`` of each external data file.
        bare: whether the values of large weights are left out for now.
    """

    path: str
    folder: str
    data: bytes
    sha256: str
    size: int
    file: str
    proto: onnx.ModelProto
    whole: bool
    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    external: tuple[tuple[str, str], ...]
    linked: tuple[tuple[str, str], ...] = ()
    bare: bool = False

    def released(self) -> OnnxModel:
        """The same without the bytes, and without the values of large weights.

        These are as much memory again each. ``restored`` brings the values back, and what cannot be
        read again is kept.
        """
        if not self.file:
            return self._replace(data=b"")
        return self._replace(data=b"", proto=without_values(self.proto), bare=True)

    def restored(self) -> OnnxModel:
        """The same with all values, read from the file again if need be.

        Raises:
            ParityError: OP005, it is another file by now.
        """
        if not self.bare:
            return self
        try:
            with (
                open(self.file, "rb") as stream,
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
                memoryview(mapped) as data,
            ):
                if hashlib.sha256(data).hexdigest() == self.sha256:
                    proto = _loaded(onnx.ModelProto.FromString(data), self)
                    return self._replace(proto=proto, bare=False)
        except (OSError, ValueError):
            pass
        raise _unusable(self.file, "it is no longer the file that was compared")

    @property
    def opset(self) -> int:
        """The version of the default domain, 0 where none is imported."""
        return opset_of(self.proto)


def read_onnx(path: str | os.PathLike[str]) -> OnnxModel:
    """Read a model once, and refuse what must not be run: broken files and unsafe external data.

    Raises:
        ParityError: OP005, it cannot be read or must not be run.
    """
    text = os.fspath(path)
    try:
        with open_model(text) as buffer:
            if len(buffer) > LARGEST_MESSAGE:
                message = f"a model of {len(buffer):,} bytes, which no runtime reads"
                raise _unusable(text, message, "save its weights as external data")
            data = bytes(buffer[: len(buffer)])
    except ModelError as error:
        raise _unusable(text, str(error), error.hint) from None
    refuse_unsafe(text, scan_bytes(data, text, _bounded(), text))
    return _parsed(text, data)


def parse_onnx(data: bytes, name: str) -> OnnxModel:
    """As ``read_onnx``, of bytes in memory; there is no folder that external data could be in."""
    refuse_unsafe(name, scan_bytes(data, name, _bounded()))
    return _parsed(name, data)


def _bounded() -> Allowlist:
    """The default list with bounds of what can be run; its other findings are not looked at."""
    policy = load_allowlist(DEFAULT_ALLOWLIST)
    bounds = {name: Limit(value, policy.decision) for name, value in _BOUNDS.items()}
    return policy._replace(limits={**policy.limits, **bounds})


def refuse_unsafe(name: str, report: Report) -> None:
    """Refuse a model that a scan found broken, or whose data lies where it must not.

    Raises:
        ParityError: OP005.
    """
    for finding in report.findings:
        if RULES[finding.code].unsafe:
            raise _unusable(name, finding.message, finding.hint)


def _parsed(text: str, data: bytes) -> OnnxModel:
    folder = os.path.realpath(os.path.dirname(text))
    try:
        proto = onnx.load_model_from_string(data)
    except Exception as error:
        raise _unusable(text, str(error)) from None
    near = DataFolder(text)
    files = {location: near.find(location) for location in _locations(proto)}
    for location, file in files.items():  # it may be another one than the scan saw
        if file.code:
            raise _unusable(text, f'external data at "{printable(location)}"{file.why}')
    external = tuple((location, file_sha256(file.path)) for location, file in files.items())
    outside = not all(f.path.startswith(os.path.join(folder, "")) for f in files.values())
    linked = tuple((location, file.path) for location, file in files.items()) if outside else ()
    whole = sum(file.size for file in files.values()) <= LOADED_BYTES
    if whole:
        _load_data(proto, files)
    regular = text != "-" and not is_remote(text) and os.path.isfile(text)
    initialized = {tensor.name for tensor in proto.graph.initializer}
    initialized |= {tensor.values.name for tensor in proto.graph.sparse_initializer}
    return OnnxModel(
        printable(text),
        folder,
        data,
        hashlib.sha256(data).hexdigest(),
        len(data),
        text if data and regular else "",
        proto,
        whole,
        tuple(_declared(text, v) for v in proto.graph.input if v.name not in initialized),
        tuple(_declared(text, v) for v in proto.graph.output),
        external,
        linked,
    )


def without_values(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model, in which large initializers have no values."""
    bare = onnx.ModelProto(ir_version=proto.ir_version)
    for field in ("opset_import", "functions", "metadata_props"):
        getattr(bare, field).extend(getattr(proto, field))
    bare.producer_name, bare.producer_version = proto.producer_name, proto.producer_version
    bare.graph.name = proto.graph.name
    for field in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(bare.graph, field).extend(getattr(proto.graph, field))
    for tensor in proto.graph.initializer:
        kept = tensor
        if tensor.ByteSize() > VALUES:
            kept = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        bare.graph.initializer.append(kept)
    return bare


def _loaded(proto: onnx.ModelProto, model: OnnxModel) -> onnx.ModelProto:
    """The parsed model with its external data, where that is not too large."""
    if model.whole and model.external:
        near = DataFolder(model.file)
        _load_data(proto, {location: near.find(location) for location in _locations(proto)})
    return proto


def external_files(model: OnnxModel) -> tuple[tuple[str, str], ...]:
    """``(location, sha256)`` of each external data file as it is now; "" for one that is gone."""
    now = []
    for place, _ in model.external:
        try:
            now.append((place, file_sha256(os.path.join(model.folder, place))))
        except OSError:
            now.append((place, ""))
    return tuple(now)


def _external_tensors(proto: onnx.ModelProto) -> list[tuple[onnx.TensorProto, dict[str, str]]]:
    """Every tensor whose values lie in another file, and what it says of them."""
    tensors = external_data_helper._get_all_tensors(proto)  # noqa: SLF001 - onnx's own walk
    external = filter(external_data_helper.uses_external_data, tensors)
    return [(tensor, {e.key: e.value for e in tensor.external_data}) for tensor in external]


def _locations(proto: onnx.ModelProto) -> list[str]:
    return sorted({keys.get("location", "") for _, keys in _external_tensors(proto)})


def _load_data(proto: onnx.ModelProto, files: dict[str, DataFile]) -> None:
    """Put the values of all tensors into the proto; onnx's own function takes no link."""
    for tensor, keys in _external_tensors(proto):
        bits = math.prod(tensor.dims) * DTYPES[tensor.data_type][1]
        with open(files[keys["location"]].path, "rb") as stream:
            stream.seek(int(keys.get("offset", "0")))
            tensor.raw_data = stream.read((bits + 7) // 8)
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def opset_of(proto: onnx.ModelProto) -> int:
    """The version of the default domain, 0 where none is imported."""
    versions = [o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    return max(versions, default=0)


def file_sha256(path: str) -> str:
    """The digest of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _declared(path: str, value: onnx.ValueInfoProto) -> Declared:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        said = f"{printable(value.name)} is a {(kind or 'value of no type').replace('_type', '')}"
        raise _unusable(path, f"{said}, and only tensors are compared")
    tensor = value.type.tensor_type
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    except KeyError:
        raise _unusable(path, f"{printable(value.name)} has no element type") from None
    dims: tuple[Dim, ...] | None = None
    if tensor.HasField("shape"):
        dims = tuple(
            dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else dim.dim_param
            for dim in tensor.shape.dim
        )
    name = "str" if dtype == np.dtype(object) else np.dtype(dtype).name
    return Declared(value.name, name, dims)


def _unusable(path: str, message: str, hint: str = "") -> ParityError:
    line = " ".join(message.split())
    return ParityError("OP005", f"{printable(path)}: {line}" + (f" ({hint})" if hint else ""))
