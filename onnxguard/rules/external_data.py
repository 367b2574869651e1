"""Values in other files (OG401 to OG408). The target is looked at; a small one's head is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from onnxguard.base.findings import Place, Severity
from onnxguard.base.printable import printable
from onnxguard.model.constant_nodes import tensor_bytes
from onnxguard.model.graph import Tensor
from onnxguard.model.messages import dtype_name
from onnxguard.model.survey import Survey, parse_offset
from onnxguard.model.wire import Buffer
from onnxguard.policy.allowlist import Allowlist
from onnxguard.rules.collector import Found
from onnxguard.rules.header import severity_of
from onnxguard.sources.data_files import DataFile, DataFolder, lexical, refused, unless_pointer
from onnxguard.sources.remote import RemoteBytes
from onnxguard.sources.remote.faults import RemoteError
from onnxguard.sources.remote.ranges import Source

KNOWN_KEYS = frozenset({b"location", b"offset", b"length", b"checksum"})
"""Source: onnx/docs/ExternalData.md."""

PREPACKED = b"prepacked"
"""Keys that begin so say where ONNX Runtime put weights in the order of its kernels."""


def check(survey: Survey, policy: Allowlist, found: Found, path: str | None) -> None:
    """Check every external tensor of the model at ``path``, None where it has no folder."""
    action = policy.policy("external_data")
    find = _finder(survey.model.data, path)
    files: dict[bytes, DataFile] = {}
    for tensor, place_of in survey.model.tensors(lambda tensor: tensor.is_external):
        place = place_of()
        if action != "allow":
            hint = "save the model with its weights inside: onnx.save without external data"
            message = "a tensor keeps its values in another file"
            found.add("OG401", message, place, hint=hint, severity=severity_of(action))
        _keys(tensor, place, found)
        location = dict(tensor.external).get(b"location", b"")
        if location not in files:
            files[location] = find(location)
        file, shown = files[location], printable(location)
        if file.code:
            message = f'external data at "{shown}"{file.why}'
            found.add(file.code, message, place, hint=file.hint)
            continue
        if file.linked:
            _link(policy, shown, place, found)
        _range(tensor, file.size, shown, place, found)


def _finder(data: Buffer, path: str | None) -> Callable[[bytes], DataFile]:
    if isinstance(data, RemoteBytes):
        return partial(_find_remote, data.source)
    if path is None:
        return _find_nowhere
    return DataFolder(path).find


def _find_nowhere(location: bytes) -> DataFile:
    file = lexical(location)
    why = " cannot be checked: the model came without a folder"
    return file if file.code else refused(file, "OG404", why)


def _find_remote(source: Source, location: bytes) -> DataFile:
    """As ``DataFolder.find``, of a file beside a model at an address."""
    file = lexical(location)
    if file.code:
        return file
    try:
        size, head = source.look_beside(file.name)
    except RemoteError as error:
        if error.late:
            raise
        why = " is missing" if error.missing else f" {error}"
        return refused(file, "OG404", why)
    return unless_pointer(file._replace(size=size), head)


def _link(policy: Allowlist, shown: str, place: Place, found: Found) -> None:
    action = policy.policies.get("external_data_links", "")
    if action != "allow":
        message = f'external data at "{shown}" goes through a symbolic link'
        hint = "ONNX Runtime follows it, onnx refuses it: copy the data into a plain file"
        severity = severity_of(action) if action else Severity.NOTE
        found.add("OG407", message, place, hint=hint, severity=severity)


def _keys(tensor: Tensor, place: Place, found: Found) -> None:
    keys = [key for key, _ in tensor.external]
    unknown = sorted(k for k in set(keys) - KNOWN_KEYS if not k.startswith(PREPACKED))
    problems = [f'the unknown key "{printable(k)}"' for k in unknown[:8]]
    twice = sorted(key for key, times in Counter(keys).items() if times > 1)
    problems += [f'the key "{printable(key)}" twice' for key in twice[:8]]
    if not tensor.external_location:
        problems.append("no data_location, so that runtimes differ in whether they read it")
    for problem in problems:
        hint = "keep one location, offset and length"
        found.add("OG406", f"external data with {problem}", place, hint=hint)


def _range(tensor: Tensor, size: int, location: str, place: Place, found: Found) -> None:
    if dtype_name(tensor.dtype) == "string":
        hint = "keep texts in the model: their lengths have no place in such a file"
        found.add(
            "OG405", "string values in another file, which no runtime reads", place, hint=hint
        )
        return
    keys = dict(tensor.external)
    offset, length = (parse_offset(keys.get(key)) for key in (b"offset", b"length"))
    for key, value in ((b"offset", offset), (b"length", length)):
        if key in keys and value is None:
            message = f'the {key.decode()} "{printable(keys[key], 40)}" is not a whole number'
            found.add("OG405", message, place, hint="save the model again")
            return
    start, wanted = offset or 0, tensor_bytes(tensor)
    ranges = [(start, start + (length or wanted))]  # ONNX Runtime takes a length of 0 for none
    hint = "the data file is not the one that the model was saved with"
    if start and not (length or wanted):
        message = "a tensor without elements at an offset, which ONNX Runtime 1.31 cannot read"
        hint = "keep it in the model, or leave the offset out"
        found.add("OG405", message, place, hint=hint, severity=Severity.WARNING)
    if length and length != wanted:
        message = f"a tensor of {wanted:,} bytes says its data has {length:,}"
        found.add("OG405", message, place, hint=hint)
    for key in sorted(key for key in keys if key.startswith(PREPACKED)):
        ranges += _prepacked(key, keys[key], place, found)
    for begin, end in ranges:
        if end > size:
            message = f'bytes {begin:,} to {end:,} of "{location}", which has {size:,}'
            found.add("OG405", message, place, hint=hint)


def _prepacked(key: bytes, text: bytes, place: Place, found: Found) -> list[tuple[int, int]]:
    """The ranges of ``kernel|offset;length;checksum|...``, as ONNX Runtime writes them."""
    ranges = []
    for part in filter(None, text.split(b"|")[1:]):
        offset, length = (parse_offset(number) for number in (*part.split(b";"), None, None)[:2])
        if offset is None or length is None:
            message = f'the {printable(key)} "{printable(part, 40)}" is not offset;length;checksum'
            found.add("OG405", message, place, hint="save the model again")
        else:
            ranges.append((offset, offset + length))
    return ranges
