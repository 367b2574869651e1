"""Compare a model with its contract (OG813)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.model.facts import Dim, Facts, Value
from onnxguard.repository.manifest import Contract, Signature


def check_contract(
    facts: Facts, contract: Contract, data_bytes: int | None, place: str
) -> list[Finding]:
    """One finding for each point that is not as agreed.

    Args:
        facts: of the model.
        contract: what the manifest asks for.
        data_bytes: of the model's external data, None where that is not known.
        place: of the entry in the manifest.
    """
    whole = (Place("model", 0, facts.size),)
    hint = f"the contract stands at {place}"
    return [
        Finding("OG813", Severity.ERROR, message, whole, hint=hint)
        for message in _breaches(facts, contract, data_bytes)
    ]


def _breaches(facts: Facts, contract: Contract, data_bytes: int | None) -> Iterator[str]:
    yield from _versions(facts, contract)
    for what, wanted, found in (
        ("inputs", contract.inputs, facts.inputs),
        ("outputs", contract.outputs, facts.outputs),
    ):
        if wanted is not None:
            yield from _signatures(what, wanted, found)
    size, most = facts.size + (data_bytes or 0), contract.max_bytes
    if most is not None and size > most:
        yield f"{size:,} bytes with external data, and the contract allows {most:,}"
    elif most is not None and data_bytes is None:
        yield f"external data of unknown size, and the contract allows {most:,} bytes"
    for key, value in contract.metadata.items():
        held = [text for name, text in facts.metadata if name == key]
        if not held:
            yield f'the metadata "{key}" is missing'
        for text in dict.fromkeys(held):  # readers differ in which of two they take
            if value is not None and text != value:
                yield f'the metadata "{key}" is "{text}" instead of "{value}"'


def _versions(facts: Facts, contract: Contract) -> Iterator[str]:
    ir_version = contract.ir_version
    if ir_version is not None and facts.ir_version not in ir_version:
        yield f"IR version {facts.ir_version or 'none'} instead of {ir_version}"
    if not contract.opset:
        return
    held = imports_of(facts)
    for domain, wanted in contract.opset.items():
        for version in sorted(held.get(domain, ())):
            if version not in wanted:
                yield f"opset {version} of {domain} instead of {wanted}"
        if domain not in held:
            yield f"opset none of {domain} instead of {wanted}"
    for domain in sorted(held.keys() - contract.opset.keys()):
        yield f"imports the opset {domain}, which the contract does not name"


def imports_of(facts: Facts) -> dict[str, set[int]]:
    """The versions of each domain that a model and its functions import."""
    held: dict[str, set[int]] = {}
    for imports in (facts.opset_imports, *(function.opset_imports for function in facts.functions)):
        for entry in imports:
            held.setdefault(entry.domain, set()).add(entry.version)
    return held


def _signatures(
    what: str, wanted: tuple[Signature, ...], found: tuple[Value, ...]
) -> Iterator[str]:
    agreed = [signature.name for signature in wanted]
    # An input that has a default need not be named.
    found = tuple([value for value in found if not value.default or value.name in agreed])
    names = [value.name for value in found]
    if names != agreed:
        held, asked = (", ".join(given) or "none" for given in (names, agreed))
        yield f"the {what} are {held} instead of {asked}"
        return
    for signature, value in zip(wanted, found, strict=True):
        if not _fits(signature, value):
            is_, agreed_type = type_text(value), type_text(signature)
            yield f'"{value.name}" of the {what} is {is_} instead of {agreed_type}'


def _fits(signature: Signature, value: Value) -> bool:
    if signature.dtype != value.dtype or signature.kind not in (value.kind, _keyless(value.kind)):
        return False
    if signature.dims is None:
        return True
    if value.dims is None or len(value.dims) != len(signature.dims):
        return False
    return all(
        not isinstance(held, int) if wanted is None else held == wanted
        for wanted, held in zip(signature.dims, value.dims, strict=True)
    )


def _keyless(kind: str) -> str:
    """A kind without the keys of its maps, as contracts were once written: ``map(tensor)``."""
    return re.sub(r"map\(\w+,", "map(", kind)


def type_text(value: Signature | Value) -> str:
    """A type as the manifest writes it: ``float32[1,3,H,W]``, ``sequence(tensor) int64[?]``."""
    dims = "..." if value.dims is None else ",".join(map(_size, value.dims))
    return f"{'' if value.kind == 'tensor' else f'{value.kind} '}{value.dtype}[{dims}]"


def _size(dim: Dim) -> str:
    return "?" if dim is None else str(dim)
