"""Find allowlists by id or path, and fold in what they extend."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from onnxguard import allowlists
from onnxguard.allowlist import Allowlist, Decision, Denial, Entry, Limit
from onnxguard.allowlist_file import AllowlistFile, read_file
from onnxguard.errors import AllowlistError
from onnxguard.printable import printable
from onnxguard.yaml_tree import MAX_BYTES, near, parse

FOLDER = Path(allowlists.__file__).parent
DEFAULT_ALLOWLIST = "adr-0258"
MAX_CHAIN = 32


def allowlist_ids() -> list[str]:
    """The ids of the registry, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_allowlist(name: str | os.PathLike[str]) -> Allowlist:
    """Load a list by its id in the registry, or by a path (one with a separator or ``.yaml``).

    Raises:
        AllowlistError: an unknown id (with near names) or a file that does not hold a list.
    """
    text = os.fspath(name)
    if not _is_path(text):
        return _from_registry(text)
    return _fold(_chain(Path(text)))


@lru_cache(maxsize=64)
def _from_registry(name: str) -> Allowlist:
    return _fold(_chain(_registered(name, name)))


def _is_path(text: str) -> bool:
    return text.endswith((".yaml", ".yml")) or "/" in text or os.sep in text


def _registered(name: str, source: str) -> Path:
    ids = allowlist_ids()
    if name not in ids:
        raise AllowlistError(
            f'no allowlist "{printable(name)}" in the registry{near(name, ids)}', printable(source)
        )
    return FOLDER / f"{name}.yaml"


def _chain(path: Path) -> list[AllowlistFile]:
    """The file and all it extends, the outermost ancestor last."""
    chain: list[AllowlistFile] = []
    seen: dict[Path, str] = {}
    while True:
        source = path.name if path.parent == FOLDER else printable(os.fspath(path))
        try:
            content = _read(path, source)
        except AllowlistError as error:
            if chain:
                chain[-1].extends_mark.fail(str(error))
            raise
        file = read_file(parse(content, source))
        chain.append(file)
        seen[path.resolve()] = file.id
        if not file.extends:
            return chain
        mark, parent = file.extends_mark, file.extends
        if not _is_path(parent):
            ids = allowlist_ids()
            if parent not in ids:
                mark.fail(f'no allowlist "{parent}" in the registry{near(parent, ids)}')
            path = FOLDER / f"{parent}.yaml"
        else:
            path = _beside(path, parent, file)
        if path.resolve() in seen:
            mark.fail(f"extends goes in a circle: {' -> '.join([*seen.values(), file.extends])}")
        if len(chain) >= MAX_CHAIN:
            mark.fail(f"more than {MAX_CHAIN} lists extend each other")


def _beside(path: Path, parent: str, file: AllowlistFile) -> Path:
    """A list that is extended by path must lie in the folder of the one that extends it."""
    folder = path.resolve().parent
    target = (folder / parent).resolve()
    if os.path.isabs(parent) or not target.is_relative_to(folder):
        file.extends_mark.fail(f'"{parent}" lies outside the folder of this list')
    return target


def _read(path: Path, source: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise AllowlistError("not a regular file", source)
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "; known lists: " + ", ".join(allowlist_ids())
        raise AllowlistError(f"cannot be read: {reason}{hint}", source) from None


def _fold(chain: list[AllowlistFile]) -> Allowlist:
    """Lay each list over what it extends: the nearest word on an operator or a limit counts."""
    entries: dict[tuple[str, str], tuple[Entry, ...]] = {}
    denials: dict[tuple[str, str], Denial] = {}
    limits: dict[str, Limit] = {}
    folded = Allowlist(
        "", "", Decision(), (), entries, denials, limits, {}, None, {}, "report", None, ()
    )
    for file in reversed(chain):
        own: dict[tuple[str, str], list[Entry]] = {}
        for entry in file.entries:
            own.setdefault((entry.domain, entry.op_type), []).append(entry)
        for key, rules in own.items():
            _no_overlap(rules)
            entries[key] = tuple(rules)
            denials.pop(key, None)
        for denial in file.denials:
            denials[denial.domain, denial.op_type] = denial
        limits.update(file.limits)
        folded = folded._replace(
            id=file.id,
            title=file.title,
            decision=file.decision,
            lineage=(file.id, *folded.lineage),
            opsets=folded.opsets | file.opsets,
            ir_version=file.ir_version or folded.ir_version,
            policies=folded.policies | file.policies,
            constants=folded.constants if file.constants is None else file.constants,
            dtypes=file.dtypes or folded.dtypes,
            waivers=(*folded.waivers, *file.waivers),
        )
    return folded


def _no_overlap(rules: list[Entry]) -> None:
    ordered = sorted(rules, key=lambda entry: entry.opset.low)
    for before, after in zip(ordered, ordered[1:], strict=False):
        if before.opset.high is None or before.opset.high >= after.opset.low:
            source, line, column = after.source.rsplit(":", 2)
            raise AllowlistError(
                f'"{printable(after.label)}" is listed twice for the same opsets, first at '
                f"{before.source}",
                source,
                int(line),
                int(column),
            )
