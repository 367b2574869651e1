"""Read onnxguard.yaml: schema version 1, documented in docs/write-a-manifest.md."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from onnxguard.base.errors import AllowlistError, ManifestError
from onnxguard.base.globs import check_pattern
from onnxguard.base.printable import as_shown, printable
from onnxguard.base.reading import read_regular
from onnxguard.base.searched_folders import searched_folders
from onnxguard.base.yaml_tree import Mapping, Scalar, Tree, near, parse
from onnxguard.model.facts import Dim
from onnxguard.model.messages import DTYPES
from onnxguard.policy.allowlist import (
    COST_LIMITS,
    DEFAULT_DOMAIN,
    Allowlist,
    Decision,
    Limit,
)
from onnxguard.policy.allowlist_file import read_waiver
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, is_path, load_allowlist
from onnxguard.policy.sizes import Sizes, parse_sizes
from onnxguard.policy.yaml_values import (
    NUMBERS,
    boolean,
    integer,
    list_items,
    mapping,
    number,
    opset_ranges,
    text,
    version_range,
    words,
)
from onnxguard.repository.manifest import (
    MANIFEST,
    Contract,
    Entry,
    FullCheckLimits,
    Manifest,
    ParitySpec,
    Signature,
)

SCHEMA = 1
MAX_BYTES = 1 << 24
LEAST_MEBIBYTES = 256
"""What a full check takes in any case."""
_TOP = ("schema", "models", "exclude", "lock", "include_ignored")
_ENTRY: tuple[str, ...] = ("paths", "allowlist", "contract", "parity", "full_check", "waivers")
_ENTRY += ("shapes", "limits", "targets")
_CONTRACT = ("opset", "ir_version", "inputs", "outputs", "max_bytes", "metadata")
_REFERENCE = ("torch", "reference", "weights")
_SETTINGS = (
    *("atol", "rtol", "atols", "rtols", "trials", "seed", "shapes", "values", "profiles"),
    *("inputs", "outputs", "ignore", "opset"),
)
_CHOICES = ("provider", "optimization_level", "tolerance")
_TYPE = re.compile(
    r"(?:(?P<kind>[a-z_]+(?:\([a-z0-9_(),]+\))?) )?(?P<dtype>\w+)\[(?P<dims>[^\[\]]*)\]"
)
_DTYPES = frozenset(name for name, _ in DTYPES.values())


def find_manifest(start: Path) -> Path:
    """The manifest in ``start`` or in the nearest folder above it, within its repository.

    Raises:
        ManifestError: there is none.
    """
    for folder in searched_folders(start):
        path = folder / MANIFEST
        if os.path.lexists(path):
            return path
    raise ManifestError(
        f"no {MANIFEST} here or in a folder above, up to the repository's root: "
        "onnxguard init writes one"
    )


def nearest_manifest(given: str | None = None) -> Manifest:
    """Read the manifest that is given, or the nearest one, shown relative to the working folder.

    Raises:
        ManifestError: there is none, or ``file:line:column`` and what is wrong there.
    """
    return read_manifest(given or os.path.relpath(find_manifest(Path.cwd())))


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read a manifest and the allowlists that it names.

    Raises:
        ManifestError: ``file:line:column`` and what is wrong there.
    """
    file = Path(path)
    source = printable(os.fspath(path))
    try:
        content = read_regular(file, MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ManifestError(f"{source}: cannot be read: {reason}") from None
    return parse_manifest(content, os.path.dirname(os.path.abspath(file)), source)


def parse_manifest(content: bytes, root: str, source: str) -> Manifest:
    """Read a manifest's text.

    Args:
        content: the text, UTF-8.
        root: the folder that it lies in, absolute.
        source: the file, safe to print.

    Raises:
        ManifestError: ``file:line:column`` and what is wrong there.
    """
    try:
        tree = parse(content, source, "a manifest", MAX_BYTES)
        return _manifest(tree, content, root, source)
    except AllowlistError as error:
        raise ManifestError(str(error)) from None


def _manifest(top: Mapping, content: bytes, root: str, source: str) -> Manifest:
    top.only(_TOP, "a manifest")
    if "schema" not in top.items:
        top.mark.fail(f"'schema: {SCHEMA}' is missing")
    schema = integer(top.items["schema"], "schema")
    if schema != SCHEMA:
        top.items["schema"].mark.fail(f"schema {schema} is not known: this tool reads {SCHEMA}")
    items = list_items(top, "models")
    if not items:
        top.mark.fail("'models' is missing or empty: it lists which models there are")
    lists: dict[str, Allowlist] = {}  # each is read once: a manifest may have many entries
    entries = tuple(_entry(item, root, lists) for item in items)
    return Manifest(
        root=root,
        path=source,
        entries=entries,
        exclude=_globs(top, "exclude"),
        lock="lock" in top.items and boolean(top.items["lock"]),
        digest=hashlib.sha256(content).hexdigest(),
        lists=tuple(lists),
        include_ignored="include_ignored" in top.items and boolean(top.items["include_ignored"]),
    )


def _entry(tree: Tree, root: str, lists: dict[str, Allowlist]) -> Entry:
    item = mapping(tree, "an entry of models")
    item.only(_ENTRY, "an entry of models")
    paths = _globs(item, "paths")
    if not paths:
        item.mark.fail("an entry of models needs 'paths'")
    given = item.items.get("allowlist")
    name = _path(given, "allowlist") if given is not None else DEFAULT_ALLOWLIST
    path = os.path.normpath(os.path.join(root, name)) if is_path(name) else name
    try:
        if path not in lists:
            lists[path] = load_allowlist(path)
    except AllowlistError as error:
        (given or item).mark.fail(str(error))
    contract, parity = item.items.get("contract"), item.items.get("parity")
    policy = lists[path]
    if "targets" in item.items:
        from onnxguard.policy.wanted import read_wanted, with_targets

        policy = with_targets(policy, read_wanted(item.items["targets"], root))
    return Entry(
        paths=paths,
        policy=policy,
        contract=_contract(contract) if contract is not None else None,
        parity=_parity(parity) if parity is not None else None,
        waivers=tuple(read_waiver(waiver) for waiver in list_items(item, "waivers")),
        place=f"{item.mark.source}:{item.mark.line}",
        full_check=_full_check(item.items.get("full_check")),
        sizes=_sizes(item),
        limits=_limits(item.items.get("limits")),
    )


def _sizes(item: Mapping) -> Sizes:
    given = words(item, "shapes")
    try:
        return parse_sizes([word.text for word in given])
    except ValueError as error:
        given[0].mark.fail(f"shapes: {error}")


def _limits(tree: Tree | None) -> tuple[tuple[str, Limit], ...]:
    if tree is None:
        return ()
    item = mapping(tree, "limits")
    item.only(COST_LIMITS, "an entry's limits")
    return tuple(
        (name, Limit(integer(value, name), Decision(adr=f"{value.mark.source}:{value.mark.line}")))
        for name, value in item.items.items()
    )


def _full_check(tree: Tree | None) -> FullCheckLimits | None:
    if tree is None:
        return None
    if not isinstance(tree, Mapping):
        return FullCheckLimits() if boolean(tree) else None
    tree.only(FullCheckLimits._fields, "full_check")
    limits = FullCheckLimits()
    for key, least in (("seconds", 1), ("mebibytes", LEAST_MEBIBYTES)):
        if key in tree.items:
            value = integer(tree.items[key], key)
            if value < least:
                tree.items[key].mark.fail(f"{key} is {least} or more")
            limits = limits._replace(**{key: value})
    return limits


def _path(tree: Tree, what: str) -> str:
    """A text as it was written: of a path every character counts."""
    read = text(tree, what)
    return tree.text if isinstance(tree, Scalar) else read


def _globs(item: Mapping, key: str) -> tuple[str, ...]:
    found = words(item, key)
    for word in found:
        try:
            check_pattern(word.text)
        except ValueError as error:
            word.mark.fail(f'"{printable(word.text)}" is no pattern of paths: {error}')
    return tuple([word.text for word in found])


# -- the contract ---------------------------------------------------------------------------------


def _contract(tree: Tree) -> Contract:
    item = mapping(tree, "a contract")
    item.only(_CONTRACT, "a contract")
    get = item.items.get
    opset, ir_version, size = get("opset"), get("ir_version"), get("max_bytes")
    return Contract(
        opset={DEFAULT_DOMAIN: version_range(opset, "opset")}
        if isinstance(opset, Scalar)
        else opset_ranges(opset),
        ir_version=version_range(ir_version, "ir_version") if ir_version is not None else None,
        inputs=_signatures(get("inputs"), "inputs"),
        outputs=_signatures(get("outputs"), "outputs"),
        max_bytes=integer(size, "max_bytes") if size is not None else None,
        metadata=_metadata(get("metadata")),
    )


def _signatures(tree: Tree | None, what: str) -> tuple[Signature, ...] | None:
    if tree is None:
        return None
    return tuple(_signature(name, value, what) for name, value in mapping(tree, what).items.items())


def _signature(name: str, tree: Tree, what: str) -> Signature:
    written = _as_shown(text(tree, f"one of {what}"), tree)
    name = as_shown(name)
    found = _TYPE.fullmatch(written)
    if found is None:
        tree.mark.fail(
            f'"{written}" is no type: write float32[1,3,H,W], with ? for any dynamic size'
        )
    if found["dtype"] not in _DTYPES:
        tree.mark.fail(f'unknown dtype "{found["dtype"]}"{near(found["dtype"], _DTYPES)}')
    dims = found["dims"].strip()
    if dims == "...":
        return Signature(name, found["kind"] or "tensor", found["dtype"], None)
    sizes = tuple(_dim(part.strip(), tree) for part in dims.split(",")) if dims else ()
    return Signature(name, found["kind"] or "tensor", found["dtype"], sizes)


def _dim(word: str, tree: Tree) -> Dim:
    if word == "?":
        return None
    if not word:
        tree.mark.fail("a size is missing between two commas")
    return int(word) if re.fullmatch(r"-?[0-9]{1,19}", word) else as_shown(word)


def _metadata(tree: Tree | None) -> dict[str, str | None]:
    if tree is None:
        return {}
    found: dict[str, str | None] = {}
    for key, value in mapping(tree, "metadata").items.items():
        read = text(value, f"metadata {printable(key)}", NUMBERS)
        written = value.text if isinstance(value, Scalar) else read
        wanted = as_shown(written) if written.isprintable() else read
        found[as_shown(key)] = None if wanted == "*" else wanted
    return found


def _as_shown(read: str, tree: Tree) -> str:
    """What was written, where it is harmless: reports show names of models escaped already."""
    written = " ".join(tree.text.split()) if isinstance(tree, Scalar) else read
    return written if written.isprintable() else read


# -- the parity check -----------------------------------------------------------------------------


def _parity(tree: Tree) -> ParitySpec:
    item = mapping(tree, "parity")
    item.only((*_REFERENCE, *_SETTINGS, *_CHOICES), "parity")
    if ("torch" in item.items) == ("reference" in item.items):
        item.mark.fail("parity compares with one thing: 'torch' or 'reference'")
    names = {key: _path(value, key) for key, value in item.items.items() if key in _REFERENCE}
    settings: dict[str, float | int | str | tuple[str, ...] | dict[str, float]] = {}
    for key, value in item.items.items():
        if key in ("atol", "rtol"):
            settings[key] = number(item, key) or 0.0
        elif key in ("atols", "rtols"):
            each = mapping(value, key)
            settings[key] = {name: number(each, name) or 0.0 for name in each.items}
        elif key in ("trials", "seed", "opset"):
            settings[key] = integer(value, key)
        elif key in ("shapes", "values", "profiles", "inputs", "outputs", "ignore"):
            settings[key] = tuple(word.text for word in words(item, key))
        elif key not in names:
            settings[key] = text(value, key)
    return ParitySpec(names.get("torch"), names.get("reference"), names.get("weights"), settings)
