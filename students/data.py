"""From a folder, or from nothing, to images that can be trained on or measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from onnxguard.students.distributed import Group
from onnxguard.students.pairs import (
    BadPair,
    Data,
    GeneratedData,
    data_sha256,
    equal_images,
    find_pairs,
)
from onnxguard.students.recipe import Recipe
from onnxguard.students.records import DataFacts
from onnxguard.students.sampling import split
from onnxguard.students.store import Store, open_store
from onnxguard.students.training import TrainingData

from onnxguard.base.errors import TrainingError
from onnxguard.base.printable import plural, printable
from onnxguard.base.progress import Step

GENERATED_IMAGES = 448
"""So many are made up: 64 are held out, and 384 are trained on."""
GENERATED_IOU = 0.9
"""What a student reaches on them with the recipe ``generated``."""
_SHOWN = 10


class Taken(NamedTuple):
    """Data for a training.

    Attributes:
        data: the two stores.
        record: what a card says about it.
        seconds: of wall clock that it took to get there.
    """

    data: TrainingData
    record: DataFacts
    seconds: float


class TakenPairs(NamedTuple):
    """Images to be measured on.

    Attributes:
        store: the images.
        name: the data set's layout.
        sha256: of the names and contents of the pairs.
        side: the shorter side that they were resized to, 0 where they were not.
        skipped: ``(pair, why)``.
    """

    store: Store
    name: str
    sha256: str
    side: int
    skipped: tuple[tuple[str, str], ...]


def find_data(folder: str | None, limit: int | None = None, seed: int = 0) -> Data:
    """The pairs in a folder, or made-up ones where none is named.

    Args:
        folder: where to look.
        limit: take the first ones alone.
        seed: of made-up images; a student is trained on those of 0.

    Raises:
        OnnxguardError: the folder holds no pairs, or more than one data set.
    """
    if folder is None:
        return GeneratedData(min(limit or GENERATED_IMAGES, GENERATED_IMAGES), seed)
    found = find_pairs(folder)
    return found._replace(pairs=found.pairs[:limit])


def take_training(
    data: Data,
    recipe: Recipe,
    cache: str,
    jobs: int,
    on_bad_pair: str,
    step: Step,
    group: Group | None = None,
) -> Taken:
    """Split the pairs, and decode them once; on each machine one process does that for all.

    A pair that cannot be used leaves its part smaller: the others stay where they are.

    Raises:
        TrainingError: there are bad pairs and ``on_bad_pair`` is refuse, or too few pairs.
    """
    started = time.perf_counter()
    group = group or Group()
    digest, digests = data_sha256(data, jobs)
    share, least = recipe.validation_share, recipe.validation_least
    try:
        training, validation = split(len(data.names), share, least, recipe.split_seed)
    except TrainingError:  # a small folder's mistakes come first
        take_pairs(data, recipe.validation_side, cache, jobs, on_bad_pair, step)
        raise

    def stores() -> tuple[Store, Store]:
        return (
            open_store(data, digests, training, recipe.train_side, cache, jobs, step),
            open_store(data, digests, validation, recipe.validation_side, cache, jobs, step),
        )

    if group.local_rank:
        group.wait()  # until this machine's first process has built them
    for_training, for_validation = stores()
    if not group.local_rank:
        group.wait()
    bad = (*data.unpaired, *for_training.bad, *for_validation.bad)
    _settle_bad(bad, on_bad_pair)
    if not for_validation.names:
        raise TrainingError("no pair that can be used is held out for validation")
    record = DataFacts(
        data.name,
        digest,
        len(data.names),
        len(for_training.names),
        len(for_validation.names),
        recipe.split_seed,
        tuple((pair.name, pair.reason) for pair in bad),
        tuple(map(printable, for_validation.names)),
        _shared(data, for_validation.names, for_training.names, jobs),
    )
    taken = TrainingData(for_training, for_validation, digest)
    return Taken(taken, record, time.perf_counter() - started)


def _shared(
    data: Data, held_out: Sequence[str], trained_on: Sequence[str], jobs: int
) -> tuple[tuple[str, str], ...]:
    names = data.names
    place = {name: index for index, name in enumerate(names)}
    some, others = ([place[name] for name in part] for part in (held_out, trained_on))
    return tuple(
        (printable(names[one]), printable(names[other]))
        for one, other in equal_images(data, some, others, jobs)
    )


def take_pairs(
    data: Data, side: int, cache: str, jobs: int, on_bad_pair: str, step: Step
) -> TakenPairs:
    """Decode all pairs once.

    Raises:
        TrainingError: there are bad pairs and ``on_bad_pair`` is refuse.
    """
    digest, digests = data_sha256(data, jobs)
    store = open_store(data, digests, range(len(data.names)), side, cache, jobs, step)
    bad = (*data.unpaired, *store.bad)
    _settle_bad(bad, on_bad_pair)
    skipped = tuple((pair.name, pair.reason) for pair in bad)
    return TakenPairs(store, data.name, digest, side, skipped)


def _settle_bad(bad: Sequence[BadPair], on_bad_pair: str) -> None:
    if not bad or on_bad_pair == "skip":
        return
    lines = [f"\n  {pair.name}: {pair.reason}" for pair in bad[:_SHOWN]]
    more = f"\n  and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    raise TrainingError(
        f"{plural(len(bad), 'pair')} cannot be used: correct or remove them, or leave them out "
        "with --on-bad-pair skip"
        f"{''.join(lines)}{more}"
    )
