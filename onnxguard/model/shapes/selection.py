"""Operators that pick elements by indices or values, or say where they are."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.known import (
    INT64,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    agreed,
    axis_of,
    held,
    of,
    picked,
    ranked,
    strides_of,
)


def gather_elements(site: Site) -> Outputs:
    """The shape of the indices."""
    shape, indices = site.shape_of(0), site.shape(1)
    if shape is not None and len(shape) != len(indices):
        raise MismatchError(f"{shape_text(shape)} and its indices {shape_text(indices)} differ")
    if shape is not None:
        axis_of(site.integer(b"axis", 0), len(shape))
    return of(indices)


def gather_nd(site: Site) -> Outputs:
    """``indices.shape[:-1]``, then what of the data the last axis of the indices leaves."""
    shape, indices = site.shape(0, least=1), site.shape(1, least=1)
    batch, depth = site.integer(b"batch_dims", 0), indices[-1]
    if not isinstance(depth, int):
        raise UnknownError
    if batch + depth > len(shape):
        raise MismatchError(f"indices {shape_text(indices)} go deeper than {shape_text(shape)}")
    return of(indices[:-1] + shape[batch + depth :])


def scatter(site: Site) -> Outputs:
    """The shape of the data, into which the updates are written."""
    shape, indices, updates = site.shape(0), site.shape_of(1), site.shape_of(2)
    if indices is not None and len(indices) != len(shape):
        raise MismatchError(f"{shape_text(shape)} and its indices {shape_text(indices)} differ")
    if indices is not None and updates is not None and len(indices) != len(updates):
        raise MismatchError(f"indices {shape_text(indices)} and updates {shape_text(updates)}")
    axis_of(site.integer(b"axis", 0), len(shape))
    return of(shape)


def compress(site: Site) -> Outputs:
    """As many as the condition says; of the flattened input where no axis is given."""
    if site.attribute(b"axis") is None:
        return of((None,))
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", 0), len(shape))
    return of((*shape[:axis], None, *shape[axis + 1 :]))


def non_zero(site: Site) -> Outputs:
    """A column of indices for each element that is not 0."""
    known = site.input(0)
    values = known.values
    if values is not None and known.rank == 1 and None not in values:
        found = [at for at, value in enumerate(values) if isinstance(value, (int, float)) and value]
        if all(isinstance(value, (int, float)) for value in values):
            return (held((1, len(found)), tuple(found), INT64),)
    return of((known.rank, None))


def one_hot(site: Site) -> Outputs:
    """The indices with one more axis, as long as ``depth`` says."""
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", -1), len(shape) + 1)
    depths = site.shape_of(1)
    if depths not in (None, (), (1,)) and isinstance(d.product(depths), int):
        raise MismatchError(f"the depth is {shape_text(depths)}, it must be one number")
    pair = ranked(site, 2, 1)
    agreed(pair[0] if pair else None, 2, "the two values")
    given = site.numbers_at(1)
    depth: Dim = int(given[0]) if given and len(given) == 1 else None
    if depth is None and site.input(1).values:
        depth = site.dims(1)[0]
    made = (*shape[:axis], depth, *shape[axis:])
    numbers, steps = site.numbers_at(0), strides_of(shape)
    if numbers is None or not isinstance(depth, int):
        return of(made)

    def source(at: tuple[int, ...]) -> int:
        place = sum(map(int.__mul__, at[:axis] + at[axis + 1 :], steps))
        return int(numbers[place] in (at[axis], at[axis] - depth))

    # So a repeat_interleave by a number that is computed is exported: what a Tile repeats.
    return (picked(site.input(2), made, source),)


def unique(site: Site) -> Outputs:
    """The different ones, and where: of an axis, or of the flattened input."""
    if site.attribute(b"axis") is None:
        return of((None,), (None,), (None,), (None,))
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", 0), len(shape))
    made = (*shape[:axis], None, *shape[axis + 1 :])
    return of(made, (None,), (None,), (None,))


def non_max_suppression(_: Site) -> Outputs:
    """Rows of batch, class and box."""
    return of((None, 3))


def array_feature_extractor(site: Site) -> Outputs:
    """The chosen elements of the last axis."""
    shape, chosen = site.shape(0, least=1), site.shape(1)
    count = d.product(chosen)
    return of((1, count) if len(shape) == 1 else (*shape[:-1], count))


def tf_idf(site: Site) -> Outputs:
    """Rows as long as the largest index of an n-gram says."""
    shape, indexes = site.shape(0), site.integers(b"ngram_indexes")
    if len(shape) not in (1, 2):
        raise MismatchError(f"input 0 is {shape_text(shape)}, it must have rank 1 or 2")
    if not indexes:
        raise UnknownError
    if min(indexes) < 0:
        raise MismatchError(f"ngram_indexes holds {min(indexes)}")
    return of((*shape[:-1], max(indexes) + 1))


def string_split(site: Site) -> Outputs:
    """The parts of each text in a new axis, and how many there are."""
    shape = site.shape(0)
    return of((*shape, None), shape)


def string_normalizer(site: Site) -> Outputs:
    """As many texts as are left."""
    shape: Shape = site.shape(0)
    if len(shape) not in (1, 2) or (len(shape) == 2 and d.differ(shape[0], 1)):
        raise MismatchError(f"input 0 is {shape_text(shape)}, it must be [C] or [1, C]")
    return of((*shape[:-1], None))


SELECTION: dict[str, Callable[[Site], Outputs]] = {
    "Compress": compress,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "NonMaxSuppression": non_max_suppression,
    "NonZero": non_zero,
    "OneHot": one_hot,
    "Scatter": scatter,
    "ScatterElements": scatter,
    "StringNormalizer": string_normalizer,
    "StringSplit": string_split,
    "TfIdfVectorizer": tf_idf,
    "Unique": unique,
}
