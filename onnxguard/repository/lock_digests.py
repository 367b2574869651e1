"""Compute what a lock holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step
from onnxguard.repository.inventory import Inventory, but_ignored, data_files, data_of
from onnxguard.repository.lock import LOCK, Lock, checksums
from onnxguard.repository.manifest import Manifest
from onnxguard.scanning.scan import read_facts
from onnxguard.sources.remote import shown


class Digests(NamedTuple):
    """What a lock holds.

    Attributes:
        files: SHA-256 of every model and of its external data, by path relative to the manifest.
        wanted: the models that want a file of external data, by its path.
    """

    files: Lock
    wanted: dict[str, list[str]]


def digests(manifest: Manifest, inventory: Inventory, jobs: int, step: Step) -> Digests:
    """Read all models and their external data.

    Args:
        manifest: says where the models are.
        inventory: which those are.
        jobs: files that are read at a time.
        step: told of progress.

    Raises:
        UsageError: there are no models, or files cannot be read or are no models: all are named.
    """
    models = [path for path, _ in inventory.models]
    if not models:
        raise UsageError(
            f"no models below {printable(manifest.root)}{but_ignored(inventory)}: "
            "there is nothing to lock"
        )
    wanted: dict[str, list[str]] = {}
    bad: list[tuple[str, str]] = []
    for number, path in enumerate(models, 1):
        found: list[str] = []
        for error in _errors(manifest.root, path, found):
            hint = f" ({error.hint})" if error.hint else ""
            bad.append((shown(path), f"{error.code} {error}{hint}"))
        for file in found:
            wanted.setdefault(file, []).append(path)
        step("reading models", number, len(models))
    if len(bad) == 1:
        raise UsageError(": ".join((f"{bad[0][0]} cannot be locked", bad[0][1])))
    if bad:
        count = len({path for path, _ in bad})
        lines = [f"{count:,} of {len(models):,} models cannot be locked; {LOCK} stays as it is"]
        raise UsageError("\n  ".join([*lines, *map(": ".join, bad)]))
    return Digests(checksums(manifest.root, sorted({*models, *wanted}), jobs, step), wanted)


def _errors(root: str, model: str, found: list[str]) -> Iterator[ModelError]:
    """What is wrong with a model and its data; ``found`` is given the data's files."""
    path = os.path.join(root, model)
    try:
        facts = read_facts(path)
    except ModelError as error:
        yield error
        return
    for location, file in data_of(path, facts):
        if file.code:
            why = f'external data at "{printable(location)}"{file.why}'
            yield ModelError(file.code, why, file.hint)
    found += data_files(root, model, facts)
