"""One image or mask, as it is decoded: nothing but a whole one of bearable size."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import warnings
from collections.abc import Callable
from io import BufferedReader
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from onnxguard.base.errors import OnnxguardError
from onnxguard.base.printable import printable

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 50_000_000
"""Of an image; one with more is a bad pair."""
SALIENT = 128
"""The grey value from which a pixel of a mask is salient."""

_FORMATS = ("BMP", "JPEG", "PNG", "WEBP")  # Pillow has others, and one of them starts Ghostscript
_MOST_BYTES = 1 << 29
_ORIENTATION = 0x0112  # the tag of EXIF 2.3

T = TypeVar("T")
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class PairError(OnnxguardError):
    """A pair cannot be used; the message is the reason alone, in one printable line."""


def open_regular(path: str) -> BufferedReader:
    """Open a file to read it, but not a pipe or a device, which might never answer or never end.

    Raises:
        OSError: it cannot be opened, or is no file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _open_image(path: str) -> BufferedReader:
    stream = open_regular(path)
    if os.fstat(stream.fileno()).st_size > _MOST_BYTES:
        stream.close()
        raise OSError(errno.EFBIG, f"over {_MOST_BYTES >> 20} MiB")
    return stream


def file_digest(path: str) -> bytes:
    """The SHA-256 of a file; of one that cannot be read, something that is none."""
    try:
        with _open_image(path) as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b"unreadable"  # shorter than any digest


def decoded(path: str, what: str, decode: Callable[[Image.Image], T]) -> T:
    """What ``decode`` makes of an image whose header is read and whose size is bearable.

    Raises:
        PairError: it is none, or a broken one.
    """
    from PIL import Image, UnidentifiedImageError

    too_many = f"the {what} has more than {MOST_PIXELS // 1_000_000} million pixels"
    try:
        with warnings.catch_warnings(), _open_image(path) as stream:
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=_FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise PairError(too_many)
                return decode(image)
    except (PairError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise PairError(f"the {what} is not an image in BMP, JPEG, PNG or WebP") from None
    except Image.DecompressionBombError:
        raise PairError(too_many) from None
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises is its answer
        if isinstance(error, OSError) and error.errno:
            raise PairError(f"the {what} cannot be read: {error.strerror}") from None
        said = printable(str(error), 100)
        raise PairError(f"the {what} is damaged: {said}") from None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of an image that is shown as it is stored.

    Raises:
        PairError: EXIF turns or mirrors it. A mask may be drawn on either picture, and where their
            sizes are equal nobody can tell on which.
    """
    orientation = image.getexif().get(_ORIENTATION, 1)
    if orientation not in (0, 1):
        raise PairError(
            f"EXIF says that it is shown turned or mirrored (orientation {orientation}): save it "
            "and its mask upright"
        )
    return image.height, image.width


def require_size(mask: Image.Image, size: tuple[int, int]) -> None:
    """Refuse a mask that is not as high and as wide as its image.

    Raises:
        PairError: it is not, or EXIF turns it.
    """
    if upright_size(mask) != size:
        raise PairError(
            f"the mask is {mask.width} x {mask.height} pixels, the image {size[1]} x {size[0]}"
        )


def rgb(image: Image.Image) -> Pixels:
    """Its pixels, uint8 of height x width x 3.

    Raises:
        PairError: EXIF turns it.
    """
    upright_size(image)
    if image.mode.startswith("I"):
        return np.repeat(_grey(image)[:, :, None], 3, axis=2)
    return np.array(image.convert("RGB"))


def salient(mask: Image.Image) -> Mask:
    """What a mask says is salient.

    Raises:
        PairError: all or nothing, or its grey and its alpha channel say it differently.
    """
    grey = _grey(mask)
    if mask.has_transparency_data:
        alpha = np.asarray(mask.convert("RGBA").getchannel("A"))
        if alpha.min() != alpha.max() and not np.array_equal(grey >= SALIENT, alpha >= SALIENT):
            if grey.min() != grey.max():
                raise PairError(
                    "the mask's alpha channel says otherwise than its grey: save it without alpha"
                )
            grey = alpha
    found: Mask = grey >= SALIENT
    if not found.any():
        brightest = grey.max()
        hint = ": are these 0 and 1? save it as 0 and 255" if brightest == 1 else ""
        raise PairError(
            f"the mask is empty: nothing in it is {SALIENT} or brighter, its largest value is "
            f"{brightest}{hint}"
        )
    if found.all():
        raise PairError(f"the mask is full: all of it is {SALIENT} or brighter")
    return found


def _grey(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip and not scale
        return (np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8)
    return np.array(image.convert("L"))
