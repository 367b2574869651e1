"""Compute what a lock holds."""

from __future__ import annotations

import os

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step
from onnxguard.repository.inventory import Inventory, but_ignored, data_files, data_of
from onnxguard.repository.lock import Lock, checksums
from onnxguard.repository.manifest import Manifest
from onnxguard.scanning.scan import read_facts


def digests(manifest: Manifest, inventory: Inventory, jobs: int, step: Step) -> Lock:
    """SHA-256 of every model and of its external data, by path relative to the manifest.

    Args:
        manifest: says where the models are.
        inventory: which those are.
        jobs: files that are read at a time.
        step: told of progress.

    Raises:
        UsageError: there are no models, or a file cannot be read or is no model.
    """
    models = [path for path, _ in inventory.models]
    if not models:
        raise UsageError(
            f"no models below {printable(manifest.root)}{but_ignored(inventory)}: "
            "there is nothing to lock"
        )
    files = set(models)
    for number, path in enumerate(models, 1):
        try:
            files.update(_data_files(manifest.root, path))
        except ModelError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise UsageError(
                f"{printable(path)} cannot be locked: {error.code} {error}{hint}"
            ) from None
        step("reading models", number, len(models))
    return checksums(manifest.root, sorted(files), jobs, step)


def _data_files(root: str, model: str) -> list[str]:
    """The data of a model that is all there.

    Raises:
        ModelError: the model cannot be read, or a file is not what a runtime would load.
    """
    path = os.path.join(root, model)
    facts = read_facts(path)
    for location, file in data_of(path, facts):
        if file.code:
            shown = f'external data at "{printable(location)}"{file.why}'
            raise ModelError(file.code, shown, file.hint)
    return data_files(root, model, facts)
