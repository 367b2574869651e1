"""Compute what a lock holds."""

from __future__ import annotations

import os

from onnxguard.base.errors import ModelError, UsageError
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step
from onnxguard.repository.inventory import data_files, take_inventory
from onnxguard.repository.lock import Lock, checksums
from onnxguard.repository.manifest import Manifest
from onnxguard.scanning.scan import read_facts


def digests(manifest: Manifest, jobs: int, step: Step) -> Lock:
    """SHA-256 of every model and of its external data, by path relative to the manifest.

    Args:
        manifest: says where the models are and which are left out.
        jobs: files that are read at a time.
        step: told of progress.

    Raises:
        UsageError: there are no models, or a file cannot be read or is no model.
    """
    models = [path for path, _ in take_inventory(manifest).models]
    if not models:
        raise UsageError(f"no models below {printable(manifest.root)}: there is nothing to lock")
    files = set(models)
    for number, path in enumerate(models, 1):
        try:
            files.update(data_files(path, read_facts(os.path.join(manifest.root, path))))
        except ModelError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise UsageError(
                f"{printable(path)} cannot be locked: {error.code} {error}{hint}"
            ) from None
        step("reading models", number, len(models))
    return checksums(manifest.root, sorted(files), jobs, step)
