"""Pairs of image and mask: where they are found, and that a bad one is told and not read."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from onnxguard.students.decoding import PairError
from onnxguard.students.generated import draw_scene
from onnxguard.students.pairs import (
    BadPair,
    Data,
    FolderData,
    GeneratedData,
    data_sha256,
    equal_images,
    find_pairs,
)
from PIL import Image

from onnxguard.base.errors import UsageError

RANDOM = np.random.Generator(np.random.PCG64(0))
PHOTO = RANDOM.integers(0, 256, (24, 36, 3), np.uint8)
SALIENT = np.zeros((24, 36), np.uint8)
SALIENT[5:12, 8:30] = 255


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


def make(folder: Path, images: str, masks: str, names: str = "ab") -> None:
    """Files of real pairs; ``*`` stands for the name."""
    for name in names:
        save(folder / images.replace("*", name), PHOTO)
        save(folder / masks.replace("*", name), SALIENT)


def one_pair(folder: Path) -> FolderData:
    make(folder, "images/a.png", "masks/a.png", "a")
    return find_pairs(str(folder))


def reason(data: Data) -> str:
    """Why the first pair is bad, in one printable line."""
    with pytest.raises(PairError) as caught:
        data.read(0)
    assert str(caught.value).isprintable()
    return str(caught.value)


# -- Finding ---------------------------------------------------------------------------------------

LAYOUTS = {
    "DUTS-TR": ("x", "DUTS-TR-Image/*.jpg", "DUTS-TR-Mask/*.png"),
    "DUTS-TE": ("x", "DUTS-TE-Image/*.jpg", "DUTS-TE-Mask/*.png"),
    "ECSSD": ("x", "images/*.jpg", "ground_truth_mask/*.png"),
    "ECSSD ": ("ECSSD", "images/*.jpg", "masks/*.png"),
    "PASCAL-S": ("x", "Imgs/*.jpg", "Imgs/*.png"),
    "PASCAL-S ": ("PASCAL-S", "Imgs/*.jpg", "GT/*.png"),
    "PASCAL-S  ": ("pascal-s", "*.jpg", "*.png"),
    "folder": ("x", "images/*.jpg", "masks/*.png"),
    "folder ": ("x", "image/*.webp", "mask/*.bmp"),
    "folder  ": ("x", "Image/*.JPG", "Mask/*.PNG"),
    "folder   ": ("x", "imgs/*.jpeg", "gt/*.jpeg"),
    "folder    ": ("x", "*.jpg", "*.png"),
}


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, below: bool, tmp_path: Path) -> None:
    root, images, masks = LAYOUTS[layout]
    make(tmp_path / root, images, masks, "ba")
    (tmp_path / root / "readme.txt").write_text("no image")
    (tmp_path / "__MACOSX" / "images").mkdir(parents=True)
    data = find_pairs(str(tmp_path if below else tmp_path / root))
    assert (data.name, data.names, data.unpaired) == (layout.strip(), ("a", "b"), ())
    pair = data.pairs[0]
    assert pair.image == str(tmp_path / root / images.replace("*", "a"))
    assert pair.mask == str(tmp_path / root / masks.replace("*", "a"))
    assert data.size(0) == (24, 36)


def test_two_data_sets_in_one_folder_are_refused_by_name(tmp_path: Path) -> None:
    for part in ("TR", "TE"):
        make(tmp_path / f"DUTS-{part}", f"DUTS-{part}-Image/*.jpg", f"DUTS-{part}-Mask/*.png")
    with pytest.raises(UsageError, match=r'name one: "DUTS-TE", "DUTS-TR"$'):
        find_pairs(str(tmp_path))
    make(tmp_path / "two", "images/*.jpg", "masks/*.png")
    make(tmp_path / "two", "images/*.jpg", "gt/*.png")
    with pytest.raises(UsageError, match=r'name one: "images \+ gt", "images \+ masks"$'):
        find_pairs(str(tmp_path / "two"))


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no images with masks; put them into two folders"):
        find_pairs(str(tmp_path))
    with pytest.raises(UsageError, match='none" cannot be read: No such file'):
        find_pairs(str(tmp_path / "none"))
    make(tmp_path, "images/*.jpg", "masks/*_mask.png")
    with pytest.raises(UsageError, match=r'same name: "images/a\.jpg": an image without a mask$'):
        find_pairs(str(tmp_path))


def test_what_has_no_partner_is_told(tmp_path: Path) -> None:
    make(tmp_path, "images/*.jpg", "masks/*.png", "abcd")
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "masks" / "b.png").unlink()
    save(tmp_path / "images" / "c.JPEG", PHOTO)
    save(tmp_path / "images" / ".hidden.jpg", PHOTO)
    data = find_pairs(str(tmp_path))
    assert data.names == ("d",)
    assert data.unpaired == (
        BadPair("masks/a.png", "a mask without an image"),
        BadPair("images/b.jpg", "an image without a mask"),
        BadPair("images/c.JPEG", "one of 2 images of the same name"),
        BadPair("images/c.jpg", "one of 2 images of the same name"),
    )


def test_hostile_names_are_read_and_printed_harmlessly(tmp_path: Path) -> None:
    names = ["\x1b[31mred", "two\nlines", b"\xff".decode("utf-8", "surrogateescape"), "::error::x"]
    for name in names:
        make(tmp_path, "images/*.jpg", "masks/*.png", [name])  # type: ignore[arg-type]
        save(tmp_path / "images" / f"{name}2.jpg", PHOTO)
    data = find_pairs(str(tmp_path))
    assert sorted(data.names) == sorted(names)
    assert len(data.unpaired) == len(names)
    assert all("".join(bad).isprintable() for bad in data.unpaired)
    assert not any(bad.name.startswith("::") for bad in data.unpaired)
    assert len(set(data_sha256(data)[1])) == 1  # the same content
    for number in range(4):
        assert data.read(number)[1].any()


# -- Bad pairs -------------------------------------------------------------------------------------


def bomb() -> bytes:
    """The header of a PNG of 30000 by 30000 pixels, one bit each."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(30000 * 3751), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PHOTO).save(stream, "JPEG")
    return stream.getvalue()


def gif() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(SALIENT).save(stream, "GIF")
    return stream.getvalue()


BROKEN = {
    "empty": (b"", "the {} is not an image in BMP, JPEG, PNG or WebP"),
    "text": (b"once upon a time", "the {} is not an image in BMP, JPEG, PNG or WebP"),
    "another format": (gif(), "the {} is not an image in BMP, JPEG, PNG or WebP"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "the {} is not an image"),
    "cut off": (jpeg()[:-400], "the {} is damaged: image file is truncated"),
    "bomb": (bomb(), "the {} has more than 50 million pixels"),
}


@pytest.mark.parametrize("what", ["image", "mask"])
@pytest.mark.parametrize("broken", BROKEN)
def test_broken_files_are_bad_pairs(broken: str, what: str, tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    digest = data.digest(0)
    content, said = BROKEN[broken]
    (tmp_path / f"{what}s" / "a.png").write_bytes(content)
    assert reason(data).startswith(said.format(what))
    assert data.digest(0) != digest
    if broken != "cut off":  # the header of which is there
        with pytest.raises(PairError, match=said.format(what)):
            data.size(0)


def test_more_pixels_than_allowed_are_not_decoded(tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    Image.new("1", (7072, 7072)).save(tmp_path / "masks" / "a.png")  # too few for Pillow to warn
    assert reason(data) == "the mask has more than 50 million pixels"
    Image.new("1", (10_000, 10_000)).save(tmp_path / "masks" / "a.png")  # it warns
    assert reason(data) == "the mask has more than 50 million pixels"


@pytest.mark.parametrize("kind", ["folder", "pipe", "gone", "link to nothing", "huge", "device"])
@pytest.mark.parametrize("what", ["image", "mask"])
def test_what_is_no_file_is_a_bad_pair(kind: str, what: str, tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    path = tmp_path / f"{what}s" / "a.png"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to nothing":
        path.symlink_to("nothing")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    assert reason(data).startswith(f"the {what} cannot be read: ")
    assert kind == "gone" or find_pairs(str(tmp_path)) == data
    assert len(data.digest(0)) == 64
    with pytest.raises(PairError):
        data.size(0)


def test_masks_that_fit_no_image(tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    save(tmp_path / "masks" / "a.png", SALIENT.T)
    assert reason(data) == "the mask is 24 x 36 pixels, the image 36 x 24"
    with pytest.raises(PairError, match="the mask is 24 x 36"):
        data.size(0)
    save(tmp_path / "masks" / "a.png", SALIENT // 2)
    assert reason(data) == (
        "the mask is empty: nothing in it is 128 or brighter, its largest value is 127"
    )


# -- Reading ---------------------------------------------------------------------------------------


MODES = {
    "png": ("RGB", "L", "P", "1", "RGBA", "LA"),
    "jpg": ("RGB", "L", "1", "CMYK"),
    "bmp": ("RGB", "L", "P", "1", "RGBA"),
    "webp": ("RGB", "RGBA"),
}


@pytest.mark.parametrize(
    ("mode", "extension"), [(mode, extension) for extension in MODES for mode in MODES[extension]]
)
def test_every_kind_of_image_is_read_as_pillow_reads_it(
    mode: str, extension: str, tmp_path: Path
) -> None:
    make(tmp_path, f"images/a.{extension}", "masks/a.png", "a")
    path = tmp_path / "images" / f"a.{extension}"
    save(path, PHOTO, mode)
    image, mask = find_pairs(str(tmp_path)).read(0)
    assert (image.dtype, mask.dtype) == (np.uint8, np.bool_)
    assert np.array_equal(image, np.asarray(Image.open(path).convert("RGB")))
    assert np.array_equal(mask, SALIENT >= 128)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    picture = Image.fromarray(PHOTO).convert("P")
    picture.save(tmp_path / "images" / "a.png", transparency=bytes(range(256)))
    assert data.read(0)[0].shape == (24, 36, 3)


@pytest.mark.parametrize("extension", ["png", "webp"])
def test_the_colours_of_an_image_count_where_it_is_transparent(
    extension: str, tmp_path: Path
) -> None:
    make(tmp_path, f"images/a.{extension}", "masks/a.png", "a")
    image = Image.fromarray(PHOTO)
    image.putalpha(Image.fromarray(SALIENT))
    image.save(tmp_path / "images" / f"a.{extension}", lossless=True, exact=True)
    assert np.array_equal(find_pairs(str(tmp_path)).read(0)[0], PHOTO)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "RGBA", "LA"])
def test_every_kind_of_mask(mode: str, tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    save(tmp_path / "masks" / "a.png", SALIENT, mode)
    assert np.array_equal(data.read(0)[1], SALIENT >= 128)


def with_alpha(grey: np.ndarray, alpha: np.ndarray, mode: str) -> Image.Image:
    image = Image.fromarray(grey).convert("L" if mode == "LA" else "RGB")
    image.putalpha(Image.fromarray(alpha))
    return image


PLAIN = np.full_like(SALIENT, 255)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize(
    ("grey", "alpha"),
    [
        (PLAIN, SALIENT),  # drawn in the alpha channel alone
        (PLAIN * 0, SALIENT),
        (SALIENT, SALIENT),  # in both
        (SALIENT, PLAIN),  # in the grey alone
        (SALIENT, PLAIN // 2),
    ],
)
def test_a_mask_in_an_alpha_channel_is_used(
    grey: np.ndarray, alpha: np.ndarray, mode: str, tmp_path: Path
) -> None:
    data = one_pair(tmp_path)
    with_alpha(grey, alpha, mode).save(tmp_path / "masks" / "a.png")
    assert np.array_equal(data.read(0)[1], SALIENT >= 128)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_mask_whose_alpha_channel_says_something_else_is_refused(
    mode: str, tmp_path: Path
) -> None:
    data = one_pair(tmp_path)
    with_alpha(PHOTO[:, :, 0], SALIENT, mode).save(tmp_path / "masks" / "a.png")  # a cut-out
    assert reason(data).startswith("the mask's alpha channel says otherwise than its grey")
    with_alpha(SALIENT, PLAIN - SALIENT, mode).save(tmp_path / "masks" / "a.png")  # upside down
    assert reason(data).startswith("the mask's alpha channel says otherwise than its grey")


def test_a_transparent_colour_is_an_alpha_channel(tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    palette = Image.fromarray(SALIENT // 255, "P")
    palette.putpalette(bytes([255] * 6))  # white on white
    palette.save(tmp_path / "masks" / "a.png", transparency=0)
    assert np.array_equal(data.read(0)[1], SALIENT >= 128)


def test_a_mask_is_salient_from_128_on_and_with_16_bits_from_32768(tmp_path: Path) -> None:
    data = one_pair(tmp_path)
    ramp = np.linspace(0, 65535, 24 * 36).astype(np.uint16).reshape(24, 36)
    save(tmp_path / "masks" / "a.png", ramp)
    assert np.array_equal(data.read(0)[1], ramp >= 32768)
    save(tmp_path / "masks" / "a.png", (ramp >> 8).astype(np.uint8))
    assert np.array_equal(data.read(0)[1], ramp >= 32768)
    save(tmp_path / "images" / "a.png", ramp)
    assert np.array_equal(data.read(0)[0], np.stack([ramp >> 8] * 3, 2))


# -- Digests ---------------------------------------------------------------------------------------


def test_equal_images_are_found_by_their_bytes(tmp_path: Path) -> None:
    make(tmp_path, "images/*.png", "masks/*.png", "abcd")
    save(tmp_path / "images" / "b.png", PHOTO[::-1])
    save(tmp_path / "images" / "d.png", PHOTO[:, ::-1])
    save(tmp_path / "masks" / "c.png", SALIENT[::-1])  # another mask of the same image
    data = find_pairs(str(tmp_path))
    assert equal_images(data, [2, 3], [1, 0]) == [(2, 0)]
    assert equal_images(data, [0, 2], [1, 3]) == []
    assert equal_images(data, [], [0]) == equal_images(data, [0], []) == []
    assert equal_images(GeneratedData(4), [0, 1], [2, 3]) == []


def test_the_digest_of_a_data_set_depends_on_names_and_content(tmp_path: Path) -> None:
    make(tmp_path, "images/*.jpg", "masks/*.png", "abc")
    data = find_pairs(str(tmp_path))
    whole, digests = data_sha256(data)
    assert data_sha256(data, jobs=1) == (whole, digests)
    assert digests == [data.digest(number) for number in range(3)]
    (tmp_path / "images" / "c.jpg").rename(tmp_path / "images" / "d.jpg")
    (tmp_path / "masks" / "c.png").rename(tmp_path / "masks" / "d.png")
    renamed, same = data_sha256(find_pairs(str(tmp_path)))
    assert same == digests
    assert renamed != whole
    with (tmp_path / "masks" / "b.png").open("ab") as stream:
        stream.write(b"\0")
    changed = data_sha256(find_pairs(str(tmp_path)))[1]
    assert [a == b for a, b in zip(changed, digests, strict=True)] == [True, False, True]


def test_data_is_pickled(tmp_path: Path) -> None:
    data: Data
    for data in (one_pair(tmp_path), GeneratedData(3)):
        assert pickle.loads(pickle.dumps(data)) == data


def test_made_up_images_depend_on_the_seed_and_their_number_alone() -> None:
    data: Data = GeneratedData(4, seed=3, side=80)
    names = ("generated-000000", "generated-000001", "generated-000002", "generated-000003")
    assert (data.name, data.names, data.unpaired) == ("generated", names, ())
    assert [data.size(number) for number in range(2)] == [(80, 96), (96, 80)]
    for number in range(4):
        image, mask = data.read(number)
        drawn = draw_scene(*data.size(number), np.random.Generator(np.random.PCG64([3, number])))
        assert np.array_equal(image, drawn[0])
        assert np.array_equal(mask, drawn[1])
    digests = {
        other.digest(number)
        for other in (
            GeneratedData(4),
            GeneratedData(4, 1),
            GeneratedData(4, 1, 80),
            GeneratedData(4, 1, 80, 1.5),
        )
        for number in range(4)
    }
    assert len(digests) == 16
    assert GeneratedData(9).digest(3) == GeneratedData(4).digest(3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "its largest value is 0"),
        (1, "its largest value is 1: are these 0 and 1? save it as 0 and 255"),
    ],
)
def test_a_mask_of_zeros_and_ones_is_told(value: int, said: str, tmp_path: Path) -> None:
    make(tmp_path, "images/*.png", "masks/*.png")
    mask = np.zeros((24, 36), np.uint8)
    mask[:3] = value
    save(tmp_path / "masks" / "a.png", mask)
    assert reason(find_pairs(str(tmp_path))).endswith(f"nothing in it is 128 or brighter, {said}")


def test_a_mask_that_is_all_white_is_a_mistake(tmp_path: Path) -> None:
    make(tmp_path, "images/*.png", "masks/*.png")
    save(tmp_path / "masks" / "a.png", np.full((24, 36), 255, np.uint8))
    assert reason(find_pairs(str(tmp_path))) == "the mask is full: all of it is 128 or brighter"


@pytest.mark.parametrize("part", ["images", "masks"])
@pytest.mark.parametrize("orientation", range(10))
def test_what_exif_turns_is_refused(orientation: int, part: str, tmp_path: Path) -> None:
    make(tmp_path, "images/*.png", "masks/*.png")
    path = tmp_path / part / "a.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as image:
        image.copy().save(path, exif=exif)
    data = find_pairs(str(tmp_path))
    if orientation in (0, 1):
        data.read(0)
    else:
        assert f"(orientation {orientation}): save it and its mask upright" in reason(data)
        with pytest.raises(PairError, match="EXIF"):
            data.size(0)
