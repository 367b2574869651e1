"""Compute what a lock holds."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from onnxguard.errors import ModelError, UsageError
from onnxguard.printable import printable
from onnxguard.progress import Step
from onnxguard.repository.inventory import data_files, take_inventory
from onnxguard.repository.lock import sha256_of
from onnxguard.repository.manifest import Manifest
from onnxguard.scan import read_facts


def digests(manifest: Manifest, jobs: int, step: Step) -> dict[str, str]:
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
    paths = sorted(files)
    found = {}
    with ThreadPoolExecutor(max(1, jobs)) as pool:  # hashlib lets other threads run
        absolute = (os.path.join(manifest.root, path) for path in paths)
        for path, digest in zip(paths, pool.map(sha256_of, absolute), strict=True):
            found[path] = digest
            step("computing checksums", len(found), len(paths))
    return found
