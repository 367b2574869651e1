"""Find allowlists by id or path, and fold in what they extend."""

from __future__ import annotations

import os
from datetime import date
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from onnxguard.base.errors import AllowlistError
from onnxguard.base.printable import printable
from onnxguard.base.reading import read_regular
from onnxguard.base.yaml_tree import MAX_BYTES, Mark, Tree, near, parse
from onnxguard.policy.allowlist import Allowlist, Decision, Denial, Entry, Limit, Wanted
from onnxguard.policy.allowlist_file import AllowlistFile, read_file
from onnxguard.policy.operator_schemas import by_operator


def _folder() -> Path:
    try:
        from onnxguard import allowlists
    except ImportError:  # a source tree that is imported as it lies there
        return Path(__file__).parent.parent.parent / "allowlists"
    return Path(allowlists.__file__).parent


FOLDER = _folder()
DEFAULT_ALLOWLIST = "adr-0258"
MAX_CHAIN = 32


def allowlist_ids() -> list[str]:
    """The ids of the registry, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def registered_id(name: str) -> str | None:
    """The registry's id that a list of that name would be taken for by somebody who reads it."""
    return {_as_read(each): each for each in allowlist_ids()}.get(_as_read(name))


_ALIKE = str.maketrans("oilzsb", "011258")


def _as_read(name: str) -> str:
    """An id without what the eye passes over: case, punctuation, letters that look like digits."""
    return "".join(filter(str.isalnum, name.casefold())).translate(_ALIKE)


def load_allowlist(name: str | os.PathLike[str]) -> Allowlist:
    """Load a list by its id in the registry, or by a path (one with a separator or ``.yaml``).

    Raises:
        AllowlistError: an unknown id (with near names), a file that does not hold a list, or one
            that calls itself by the id of another list, which is in the registry.
    """
    text = os.fspath(name)
    if not is_path(text):
        return _from_registry(text)
    return _fold(_chain(Path(text)))


def list_files(name: str) -> list[Path]:
    """The files that a list was read from, the registry's own left out; the outermost last.

    Raises:
        AllowlistError: as ``load_allowlist``.
    """
    if not is_path(name):
        return []
    paths: list[Path] = []
    _chain(Path(name), paths)
    return [path for path in paths if path.parent != FOLDER]


def list_sha256(policy: Allowlist) -> str:
    """The SHA-256, hexadecimal, of all that a list says once what it extends is folded in.

    Waivers, decisions and reasons count; comments, order and where its files lie do not.
    """
    import hashlib  # imported here and elsewhere: it takes longer than a small scan

    return hashlib.sha256(_canonical(policy).encode()).hexdigest()


def _canonical(value: object) -> str:
    if isinstance(value, Enum):
        return repr(value.value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        items = sorted(f"{_canonical(key)}:{_canonical(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, frozenset):
        return f"<{','.join(sorted(map(_canonical, value)))}>"
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is None:
            return f"({','.join(map(_canonical, value))})"
        said = zip(names, value, strict=True)
        left_out = "source", "sizes"  # where it lies, and what only a call says
        # Lists that were written before there were schemas and targets keep their digests.
        later = ("schemas", "targets")
        told = [(n, v) for n, v in said if n not in left_out and (v or n not in later)]
        return f"({','.join(f'{n}={_canonical(item)}' for n, item in told)})"
    return repr(value)


@lru_cache(maxsize=64)
def _from_registry(name: str) -> Allowlist:
    return _fold(_chain(_registered(name, name)))


def is_path(text: str) -> bool:
    """Whether a name means a file rather than an id of the registry."""
    return text.endswith((".yaml", ".yml")) or "/" in text or os.sep in text


def _registered(name: str, source: str) -> Path:
    ids = allowlist_ids()
    if name not in ids:
        raise AllowlistError(
            f'no allowlist "{printable(name)}" in the registry{near(name, ids)}', printable(source)
        )
    return FOLDER / f"{name}.yaml"


def _chain(path: Path, paths: list[Path] | None = None) -> list[AllowlistFile]:
    """The file and all it extends, the outermost ancestor last; their paths go into ``paths``."""
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
        tree = parse(content, source)
        file = read_file(tree)._replace(folder=os.path.dirname(os.path.realpath(path)))
        if path.parent != FOLDER:
            _own_id(file.id, content, tree.items["id"].mark)
        chain.append(file)
        if paths is not None:
            paths.append(path)
        seen[path.resolve()] = file.id
        if not file.extends:
            return chain
        mark, parent = file.extends_mark, file.extends
        if not is_path(parent):
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


def _own_id(name: str, content: bytes, mark: Mark) -> None:
    """Reports name a list by its id: no other may call itself by one of the registry."""
    known = registered_id(name)
    if known is None:
        return
    registered = (FOLDER / f"{known}.yaml").read_bytes()
    if content.replace(b"\r\n", b"\n") != registered.replace(b"\r\n", b"\n"):
        mark.fail(
            f"the id {known} is that of a list in the registry, and this is another list: give it "
            f"an id of its own, and 'extends: {known}' if it builds on that one"
        )


def _beside(path: Path, parent: str, file: AllowlistFile) -> Path:
    """A list that is extended by path must lie in the folder of the one that extends it."""
    folder = path.resolve().parent
    target = (folder / parent).resolve()
    if os.path.isabs(parent) or not target.is_relative_to(folder):
        file.extends_mark.fail(f'"{parent}" lies outside the folder of this list')
    return target


def _read(path: Path, source: str) -> bytes:
    try:
        return read_regular(path, MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "; known lists: " + ", ".join(allowlist_ids())
        raise AllowlistError(f"cannot be read: {reason}{hint}", source) from None


def _wanted(tree: Tree, folder: str) -> tuple[Wanted, ...]:
    from onnxguard.policy.wanted import read_wanted

    return read_wanted(tree, folder)


def _fold(chain: list[AllowlistFile]) -> Allowlist:
    """Lay each list over what it extends: the nearest word on an operator or a limit counts."""
    entries: dict[tuple[str, str], tuple[Entry, ...]] = {}
    denials: dict[tuple[str, str], Denial] = {}
    limits: dict[str, Limit] = {}
    folded = Allowlist(
        "", "", Decision(), (), entries, denials, limits, {}, None, {}, "report", None, (), {}
    )
    for file in reversed(chain):
        own: dict[tuple[str, str], list[Entry]] = {}
        for entry in file.entries:
            own.setdefault((entry.domain, entry.op_type), []).append(entry)
        for denial in file.denials:
            key = denial.domain, denial.op_type
            if key in own:
                raise _conflict(own[key][0], "is both listed and denied")
            denials[key] = denial
            for listed in [k for k in entries if k == key or (k[0], "*") == key]:
                del entries[listed]
        for key, rules in own.items():
            _no_overlap(rules)
            entries[key] = tuple(rules)
            denials.pop(key, None)
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
            schemas=by_operator([*sum(folded.schemas.values(), ()), *file.schemas]),
            targets=folded.targets if file.targets is None else _wanted(file.targets, file.folder),
        )
    return folded


def _no_overlap(rules: list[Entry]) -> None:
    ordered = sorted(rules, key=lambda entry: entry.opset.low)
    for before, after in pairwise(ordered):
        if before.opset.high is None or before.opset.high >= after.opset.low:
            raise _conflict(after, f"is listed twice for the same opsets, first at {before.source}")


def _conflict(entry: Entry, what: str) -> AllowlistError:
    source, line, column = entry.source.rsplit(":", 2)
    return AllowlistError(f'"{printable(entry.label)}" {what}', source, int(line), int(column))
