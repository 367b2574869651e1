"""Pairs of an image and a mask of what is salient in it: found in a folder, or made up."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from onnxguard.students.decoding import (
    Mask,
    Pixels,
    decoded,
    file_digest,
    require_size,
    rgb,
    salient,
    upright_size,
)
from onnxguard.students.generated import VERSION, draw_scene

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.processes import cores

if TYPE_CHECKING:
    from PIL import Image

EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

_IMAGE_FOLDERS = ("image", "images", "img", "imgs")
_MASK_FOLDERS = ("ground_truth_mask", "gt", "mask", "masks")
_KNOWN = {
    "duts-te": "DUTS-TE",
    "duts-tr": "DUTS-TR",
    "ecssd": "ECSSD",
    "imgs": "PASCAL-S",  # which has its masks beside its images
    "pascal-s": "PASCAL-S",
}


class BadPair(NamedTuple):
    """A pair that is left out, or half of one.

    Attributes:
        name: the pair's, or the file's where there is no pair; safe to print.
        reason: safe to print.
    """

    name: str
    reason: str


class Pair(NamedTuple):
    """An image and its mask.

    Attributes:
        name: the stem that their files share, as it is.
        image: path.
        mask: path.
    """

    name: str
    image: str
    mask: str


class Data(Protocol):
    """A data set. It can be pickled, and gives the same for the same index in any process."""

    @property
    def name(self) -> str:
        """Of the data set."""

    @property
    def names(self) -> tuple[str, ...]:
        """The pairs' names, all different, in order."""

    @property
    def unpaired(self) -> tuple[BadPair, ...]:
        """What was found but is no pair."""

    def digest(self, index: int) -> str:
        """The sha256 of a pair's content, in hex; of a marker where a file cannot be read."""

    def image_digest(self, index: int) -> str:
        """The same of the image alone: equal ones have equal bytes."""

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, without decoding.

        Raises:
            PairError: the pair cannot be used.
        """

    def read(self, index: int) -> tuple[Pixels, Mask]:
        """Decode a pair.

        Returns:
            uint8 ``[H, W, 3]``, RGB; bool ``[H, W]``, true where the mask is ``SALIENT`` or more:
            its grey, or its alpha where the grey is the same everywhere.

        Raises:
            PairError: the pair cannot be used.
        """


class FolderData(NamedTuple):
    """Pairs in files.

    Attributes:
        name: DUTS-TR, DUTS-TE, ECSSD, PASCAL-S or folder.
        pairs: sorted by name.
        unpaired: sorted by name.
    """

    name: str
    pairs: tuple[Pair, ...]
    unpaired: tuple[BadPair, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """As ``Data`` has it."""
        return tuple(pair.name for pair in self.pairs)

    def digest(self, index: int) -> str:
        """As ``Data`` has it."""
        pair = self.pairs[index]
        return hashlib.sha256(file_digest(pair.image) + file_digest(pair.mask)).hexdigest()

    def image_digest(self, index: int) -> str:
        """As ``Data`` has it."""
        return file_digest(self.pairs[index].image).hex()

    def size(self, index: int) -> tuple[int, int]:
        """As ``Data`` has it."""
        pair = self.pairs[index]
        size = decoded(pair.image, "image", upright_size)
        decoded(pair.mask, "mask", lambda mask: require_size(mask, size))
        return size

    def read(self, index: int) -> tuple[Pixels, Mask]:
        """As ``Data`` has it."""
        pair = self.pairs[index]
        image = decoded(pair.image, "image", rgb)
        height, width, _ = image.shape

        def of_mask(mask: Image.Image) -> Mask:
            require_size(mask, (height, width))
            return salient(mask)

        return image, decoded(pair.mask, "mask", of_mask)


class GeneratedData(NamedTuple):
    """Pairs that are made up on the spot (``generated``); every other image is upright.

    Attributes:
        images: how many.
        seed: each image depends on it and its own number alone.
        side: the shorter side in pixels.
        ratio: of the longer side to the shorter.
    """

    images: int
    seed: int = 0
    side: int = 88
    ratio: float = 1.2

    @property
    def name(self) -> str:
        """As ``Data`` has it."""
        return "generated"

    @property
    def names(self) -> tuple[str, ...]:
        """As ``Data`` has it."""
        return tuple(f"generated-{number:06}" for number in range(self.images))

    @property
    def unpaired(self) -> tuple[BadPair, ...]:
        """As ``Data`` has it."""
        return ()

    def digest(self, index: int) -> str:
        """As ``Data`` has it, of the parameters, the number and the generator's version."""
        what = (VERSION, self.seed, self.side, float(self.ratio), index)
        return hashlib.sha256(f"generated {what}".encode()).hexdigest()

    def image_digest(self, index: int) -> str:
        """As ``Data`` has it: no two are drawn alike."""
        return self.digest(index)

    def size(self, index: int) -> tuple[int, int]:
        """As ``Data`` has it."""
        longer = round(self.side * self.ratio)
        return (longer, self.side) if index % 2 else (self.side, longer)

    def read(self, index: int) -> tuple[Pixels, Mask]:
        """As ``Data`` has it."""
        random = np.random.Generator(np.random.PCG64([self.seed, index]))
        return draw_scene(*self.size(index), random)


def data_sha256(data: Data, jobs: int = 0) -> tuple[str, list[str]]:
    """The sha256 of a data set, in hex, and the digest of every pair.

    Args:
        data: whose names and content are hashed.
        jobs: threads, 0 for one a core.
    """
    from concurrent.futures import ThreadPoolExecutor

    names = data.names
    pool = ThreadPoolExecutor(jobs or cores())
    try:
        digests = list(pool.map(data.digest, range(len(names))))
    finally:
        pool.shutdown(cancel_futures=True)
    return names_sha256(zip(names, digests, strict=True)), digests


def equal_images(
    data: Data, some: Iterable[int], others: Iterable[int], jobs: int = 0
) -> list[tuple[int, int]]:
    """Pairs of the first whose image has, byte for byte, that of one of the others.

    Args:
        data: the data set.
        some: indices.
        others: indices.
        jobs: threads, 0 for one a core.

    Returns:
        ``(index, the first other's index)``, in the order of ``some``.
    """
    from concurrent.futures import ThreadPoolExecutor

    some, others = list(some), list(others)
    with ThreadPoolExecutor(jobs or cores()) as pool:
        digests = list(pool.map(data.image_digest, (*others, *some)))
    first: dict[str, int] = {}
    for digest, index in zip(digests, others, strict=False):
        first.setdefault(digest, index)
    mine = zip(some, digests[len(others) :], strict=True)
    return [(index, first[digest]) for index, digest in mine if digest in first]


def names_sha256(named: Iterable[tuple[str, str]], start: str = "") -> str:
    """The sha256 of a text, then of names and digests in their order, in hex."""
    whole = hashlib.sha256(start.encode())
    for name, digest in named:
        whole.update(name.encode("utf-8", "surrogateescape") + f"\0{digest}\n".encode())
    return whole.hexdigest()


# -- Finding ---------------------------------------------------------------------------------------


class _Layout(NamedTuple):
    """Where images and masks lie; one folder for both where the masks are the PNGs of the images.

    Attributes:
        name: as ``FolderData`` has it.
        folder: the data set's.
        images: folder.
        masks: folder.
    """

    name: str
    folder: str
    images: str
    masks: str


def find_pairs(folder: str) -> FolderData:
    """Find images and their masks, which have the same stem, in a folder or one level below it.

    ``DUTS-TR-Image`` with ``DUTS-TR-Mask`` (or TE), ``images`` with ``ground_truth_mask`` or
    ``masks``, ``Imgs`` with ``GT`` and so on, in any case; or images with a PNG beside each. Names
    that begin with a dot, and files whose extension is not one of ``EXTENSIONS``, are passed over.

    Raises:
        UsageError: there are no pairs, or there is more than one data set.
    """
    shown = printable(folder)
    try:
        found = _layouts(folder)
        what = [f"{os.path.basename(one.images)} + {os.path.basename(one.masks)}" for one in found]
        if not found:
            found = [one for _, below in _subfolders(folder) for one in _layouts(below)]
            what = [os.path.basename(one.folder) for one in found]
        if len(found) > 1:
            listed = ", ".join(f'"{printable(name)}"' for name in sorted(set(what)))
            raise UsageError(f'"{shown}" holds more than one data set, name one: {listed}')
        data = _paired(found[0]) if found else None
    except OSError as error:
        raise UsageError(f'"{shown}" cannot be read: {error.strerror}') from None
    if data is None:
        raise UsageError(
            f'"{shown}" holds no images with masks; put them into two folders, images/ and masks/, '
            "under the same names"
        )
    if not data.pairs:
        some = f': "{data.unpaired[0].name}": {data.unpaired[0].reason}' if data.unpaired else ""
        raise UsageError(f'"{shown}" holds no image that has a mask of the same name{some}')
    return data


def _layouts(folder: str) -> list[_Layout]:
    below = _subfolders(folder)
    found = [
        _Layout(name, folder, images, masks)
        for name in ("DUTS-TR", "DUTS-TE")
        for lower, images in below
        for other, masks in below
        if (lower, other) == (f"{name}-image".lower(), f"{name}-mask".lower())
    ]
    candidates = [(lower, path) for lower, path in below if lower in _IMAGE_FOLDERS]
    for _, images in candidates:
        for lower, masks in below:
            if lower in _MASK_FOLDERS:
                name = "ECSSD" if lower == "ground_truth_mask" else _known(folder)
                found.append(_Layout(name, folder, images, masks))
    if not found:
        found = [_Layout(_known(p), folder, p, p) for _, p in candidates if _holds_both(p)]
    if not found and _holds_both(folder):
        found = [_Layout(_known(folder), folder, folder, folder)]
    return found


def _known(folder: str) -> str:
    return _KNOWN.get(os.path.basename(os.path.realpath(folder)).lower(), "folder")


def _subfolders(folder: str) -> list[tuple[str, str]]:
    """``(name in lower case, path)`` of the folders in a folder, sorted by name."""
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if entry.is_dir() and not entry.name.startswith(".") and entry.name != "__MACOSX"
        )
    return [(name.lower(), os.path.join(folder, name)) for name in names]


def _files(folder: str) -> Iterator[tuple[str, str, str]]:
    """``(stem, extension in lower case, name)`` of what is named as an image, sorted by name.

    A folder or a pipe of such a name is among them, so that it is told and not passed over.
    """
    for name in sorted(os.listdir(folder)):
        stem, extension = os.path.splitext(name)
        if extension.lower() in EXTENSIONS and not name.startswith("."):
            yield stem, extension.lower(), name


def _holds_both(folder: str) -> bool:
    masks: set[str] = set()
    images: set[str] = set()
    for stem, extension, _ in _files(folder):
        (masks if extension == ".png" else images).add(stem)
    return not masks.isdisjoint(images)


def _paired(layout: _Layout) -> FolderData:
    together = layout.images == layout.masks
    images: defaultdict[str, list[str]] = defaultdict(list)
    masks: defaultdict[str, list[str]] = defaultdict(list)
    for stem, extension, name in _files(layout.images):
        (masks if together and extension == ".png" else images)[stem].append(name)
    for stem, _, name in () if together else _files(layout.masks):
        masks[stem].append(name)
    pairs, unpaired = [], []

    def bad(folder: str, name: str, reason: str) -> None:
        unpaired.append(BadPair(_shown(os.path.join(folder, name)), reason))

    for stem in sorted({*images, *masks}):
        here, there = images[stem], masks[stem]
        if len(here) == len(there) == 1:
            image, mask = os.path.join(layout.images, here[0]), os.path.join(layout.masks, there[0])
            pairs.append(Pair(stem, image, mask))
        elif len(here) > 1 or len(there) > 1:
            for kind, folder, names in (
                ("images", layout.images, here),
                ("masks", layout.masks, there),
            ):
                for name in names if len(names) > 1 else ():
                    bad(folder, name, f"one of {len(names)} {kind} of the same name")
        elif here:
            bad(layout.images, here[0], "an image without a mask")
        else:
            bad(layout.masks, there[0], "a mask without an image")
    return FolderData(layout.name, tuple(pairs), tuple(unpaired))


def _shown(path: str) -> str:
    """The file with its folder: ``masks/a.png``."""
    folder, name = os.path.split(path)
    return printable(f"{os.path.basename(folder)}/{name}")
