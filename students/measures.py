"""The standard measures of salient object detection, over any number of images.

>>> import numpy as np
>>> sums = MeasureSums()
>>> sums.add(np.array([[0.9, 0.2]], np.float32), np.array([[True, False]]))
>>> round(sums.result().mae, 3)
0.15

The formulas are those of the papers. The customs that the papers leave open are those of
pysodmetrics 1.6.2: 256 thresholds ``t / 255`` with ``prediction >= t / 255``, curves that are
averaged over the images before their maximum is taken, and what counts where a mask is empty or
full. It differs in three ways:

- it stretches every prediction to fill 0..1 first, which changes all measures, MAE most; here
  that is left to the caller (``stretched``);
- it divides the E-measure by H W - 1, as its authors' code does, not by H W as their paper does,
  so that a perfect 256 by 256 prediction scores 1.0000153 there and 1 here;
- it adds 2.2e-16 to denominators; the zero ones are cases of their own here. That shows in the
  S-measure of an object of a few pixels: a perfect 4 by 4 in 256 by 256 scores 0.99983 there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxguard.base.errors import OnnxguardError

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]

THRESHOLDS = 256
_CURVE = THRESHOLDS + 1  # the last one is the image's own threshold
_SCALARS = 5  # images, then the sums of IoU, MAE, weighted F and S
_TOTALS = _SCALARS + 2 * _CURVE
_UNIT = 1 << 40


class Measures(NamedTuple):
    """Means over the images, all in 0..1; the greater the better, but for ``mae``.

    Attributes:
        images: how many there were.
        iou: intersection over union at 0.5 (``intersection_over_union``).
        mae: mean absolute error.
        max_f: F-beta, beta^2 = 0.3, at the best of the 256 thresholds (``f_beta``).
        mean_f: F-beta, the mean over the thresholds.
        adaptive_f: F-beta at each image's own threshold (``adaptive_threshold``).
        weighted_f: Margolin's weighted F (``weighted_f``).
        s: structure measure (``s_measure``).
        max_e: enhanced alignment measure at the best threshold (``enhanced_alignment``).
        mean_e: enhanced alignment measure, the mean over the thresholds.
        adaptive_e: enhanced alignment measure at each image's own threshold.
    """

    images: int
    iou: float
    mae: float
    max_f: float
    mean_f: float
    adaptive_f: float
    weighted_f: float
    s: float
    max_e: float
    mean_e: float
    adaptive_e: float


class MeasureSums:
    """Sums of per-image measures that do not depend on order, batches or processes.

    Each figure of an image is rounded to a multiple of 2^-40 (9.1e-13) and summed as an integer:
    integer sums are exact, so any way of sharing out the images gives the same result to the last
    bit. The size is fixed, and enough for eight million images. An image that is added twice
    counts twice.

    Attributes:
        totals: int64 ``[519]``. The element-wise sum of two accumulators' totals is that of all
            their images: processes may add them up with an integer all-reduce.
    """

    def __init__(self, totals: Integers | None = None) -> None:
        self.totals = np.zeros(_TOTALS, np.int64) if totals is None else totals.copy()

    def add(self, prediction: NDArray[np.floating], mask: Mask) -> None:
        """Count one image.

        Args:
            prediction: float ``[H, W]`` in 0..1.
            mask: bool ``[H, W]``, true where the image is salient.

        Raises:
            OnnxguardError: the shapes, dtypes or values are others.
        """
        saliency, mask = _checked(prediction, mask)
        hits, marked = _counts(saliency, mask)
        salient = int(np.count_nonzero(mask))
        figures = np.concatenate(
            (
                (
                    intersection_over_union(saliency, mask),
                    mean_absolute_error(saliency, mask),
                    weighted_f(saliency, mask),
                    s_measure(saliency, mask),
                ),
                f_beta(hits, marked, salient),
                enhanced_alignment(hits, marked, salient, mask.size),
            )
        )
        self.totals[0] += 1
        self.totals[1:] += np.rint(figures * _UNIT).astype(np.int64)

    def merge(self, other: MeasureSums) -> None:
        """Count the images of another accumulator too."""
        self.totals += other.totals

    def result(self) -> Measures:
        """The means over all images that were added.

        Raises:
            OnnxguardError: there were none.
        """
        images, iou, mae, weighted, structure, *curves = map(int, self.totals)
        if not images:
            raise OnnxguardError("there is no image to measure; add a pair first")
        whole = images * _UNIT
        max_f, mean_f, adaptive_f = _curve_figures(curves[:_CURVE], whole)
        max_e, mean_e, adaptive_e = _curve_figures(curves[_CURVE:], whole)
        return Measures(
            images=images,
            iou=iou / whole,
            mae=mae / whole,
            max_f=max_f,
            mean_f=mean_f,
            adaptive_f=adaptive_f,
            weighted_f=weighted / whole,
            s=structure / whole,
            max_e=max_e,
            mean_e=mean_e,
            adaptive_e=adaptive_e,
        )


def stretched(prediction: NDArray[np.floating]) -> Map:
    """The prediction moved and scaled to fill 0..1, as many papers' tables have it.

    A constant prediction is left as it is.
    """
    saliency = prediction.astype(np.float64)
    low, high = saliency.min(), saliency.max()
    return saliency if low == high else (saliency - low) / (high - low)


def intersection_over_union(saliency: Map, mask: Mask, epsilon: float = 1e-6) -> float:
    """(I + epsilon) / (U + epsilon) of the mask and the pixels over 0.5, in pixels.

    Nothing found where nothing is salient is 1.
    """
    found = saliency > 0.5
    intersection = np.count_nonzero(found & mask)
    return float((intersection + epsilon) / (np.count_nonzero(found | mask) + epsilon))


def mean_absolute_error(saliency: Map, mask: Mask) -> float:
    """The mean of abs(S - G) over the pixels (Perazzi et al., Saliency filters, CVPR 2012)."""
    return float(np.abs(saliency - mask).mean())


def adaptive_threshold(saliency: Map) -> float:
    """Twice the mean of the prediction, at most 1 (Achanta et al., CVPR 2009)."""
    return float(min(2 * saliency.mean(), 1.0))


def f_beta(hits: Integers, marked: Integers, salient: int) -> Map:
    """F-beta with beta^2 = 0.3 (Achanta et al., Frequency-tuned salient region detection, 2009).

    (1 + beta^2) P R / (beta^2 P + R) with precision P = hits / marked and recall
    R = hits / salient, which is 1.3 hits / (0.3 salient + marked). It is 0 where there are no
    hits, so for every empty mask.

    Args:
        hits: how many salient pixels a threshold marks, one number a threshold.
        marked: how many pixels it marks.
        salient: how many pixels are salient.
    """
    return np.asarray(13 * hits / np.maximum(3 * salient + 10 * marked, 1))


def enhanced_alignment(hits: Integers, marked: Integers, salient: int, pixels: int) -> Map:
    """E-measure (Fan et al., Enhanced-alignment measure, IJCAI 2018, equations 1 to 5).

    The mean over the pixels of (1 + x)^2 / 4 with x = 2 a b / (a^2 + b^2), where a and b are the
    binary map and the mask less their means. A pixel is one of four kinds, and x does not depend
    on the scale, so counts are enough: a is pixels - marked or -marked, b is pixels - salient or
    -salient. For an empty mask it is the share of unmarked pixels, for a full one that of marked.

    Args:
        hits: how many salient pixels a threshold marks, one number a threshold.
        marked: how many pixels it marks.
        salient: how many pixels are salient.
        pixels: how many there are.
    """
    if salient == 0:
        return np.asarray((pixels - marked) / pixels)
    if salient == pixels:
        return np.asarray(marked / pixels)
    total = np.zeros(hits.shape)
    for a, b, number in (
        (pixels - marked, pixels - salient, hits),
        (pixels - marked, -salient, marked - hits),
        (-marked, pixels - salient, salient - hits),
        (-marked, -salient, pixels - salient - marked + hits),
    ):
        left, right = a.astype(np.float64), float(b)
        total += number * (1 + 2 * left * right / (left**2 + right**2)) ** 2 / 4
    return total / pixels


def s_measure(saliency: Map, mask: Mask) -> float:
    """S-measure (Fan et al., Structure-measure, ICCV 2017), alpha = 0.5, at least 0.

    Half is the object-aware similarity: 2 m / (m^2 + 1 + d) with the mean m and the standard
    deviation d of the prediction on the salient pixels, and of 1 - prediction on the others,
    weighted by their shares (equations 4 to 7; lambda is 0.5, as their code has it). Half is the
    region-aware one: the SSIM of the four quarters at the mask's centroid, weighted by their
    sizes. The centroid's pixel belongs to the upper left quarter; halves round to even as in
    pysodmetrics. For an empty mask it is 1 - mean prediction, for a full one the mean prediction.
    """
    if not mask.any():
        return float(1 - saliency.mean())
    if mask.all():
        return float(saliency.mean())
    share = float(mask.mean())
    objects = share * _object_similarity(saliency[mask])
    objects += (1 - share) * _object_similarity(1 - saliency[~mask])
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    row, column = round(float(rows.mean())) + 1, round(float(columns.mean())) + 1
    regions = 0.0
    for lines in (slice(0, row), slice(row, height)):
        for posts in (slice(0, column), slice(column, width)):
            quarter = mask[lines, posts]
            if quarter.size:
                similarity = _ssim(saliency[lines, posts], quarter)
                regions += quarter.size / mask.size * similarity
    return max(0.0, (objects + regions) / 2)


def weighted_f(saliency: Map, mask: Mask) -> float:
    """Weighted F with beta = 1 (Margolin et al., How to evaluate foreground maps, CVPR 2014).

    Errors E = abs(S - G). On a salient pixel the error is the lesser of E and its 7 by 7 Gaussian
    mean (sigma 5, zeros outside the image), for which the other pixels take the E of their nearest
    salient one. On another pixel it is E (2 - 0.5^(d / 5)) with the distance d to that pixel.
    With TP = sum of 1 - error over the salient pixels and FP = sum of the errors over the others,
    2 P R / (P + R) for R = TP / salient and P = TP / (TP + FP) is 2 TP / (salient + TP + FP). It is
    0 for an empty mask.
    """
    if not mask.any():
        return 0.0
    errors = np.abs(saliency - mask)
    squares, rows, columns = nearest_salient(mask)
    inside = np.minimum(errors, _blurred(errors[rows, columns]))[mask]
    outside = (errors * (2 - np.exp(math.log(0.5) / 5 * np.sqrt(squares))))[~mask]
    hits = inside.size - inside.sum()
    return float(2 * hits / (inside.size + hits + outside.sum()))


def nearest_salient(mask: Mask) -> tuple[Integers, Integers, Integers]:
    """The nearest salient pixel of each pixel: squared distance, row and column, all ``[H, W]``.

    Exact. Among equally near ones it is that of the lowest column, then of the lowest row, which
    is also what SciPy's transform and so pysodmetrics takes. The work is H W times the greatest
    horizontal distance.

    Args:
        mask: bool ``[H, W]`` with a salient pixel.
    """
    height, width = mask.shape
    far = height + width
    wide = (far**2 + width**2) * width >= 1 << 31
    dtype = np.int64 if wide else np.int32  # half the memory traffic
    # Columns come first, so that what is shifted below is contiguous.
    posts = np.ascontiguousarray(mask.T)
    lines = np.arange(height, dtype=dtype)
    above = np.maximum.accumulate(np.where(posts, lines, dtype(-far)), axis=1)
    below = np.minimum.accumulate(np.where(posts, lines, dtype(2 * far))[:, ::-1], axis=1)[:, ::-1]
    row = np.where(lines - above <= below - lines, above, below)
    gap = np.minimum(np.abs(lines - row), far)
    # Squared distance and column in one number: the least one is the nearest, the leftmost of ties.
    own = gap * gap * dtype(width) + np.arange(width, dtype=dtype)[:, np.newaxis]
    best, moved = own.copy(), np.empty_like(own)
    for shift in range(1, width):
        step = dtype(shift * shift * width)
        if step >= best.max():
            break
        np.add(own, step, out=moved)
        np.minimum(best[shift:], moved[:-shift], out=best[shift:])
        np.minimum(best[:-shift], moved[shift:], out=best[:-shift])
    squares, column = np.divmod(best.T.astype(np.int64), width)
    return squares, row.T[np.arange(height)[:, np.newaxis], column].astype(np.int64), column


def _checked(prediction: NDArray[np.floating], mask: Mask) -> tuple[Map, Mask]:
    """A pair as contiguous float64 and bool, because the layout decides the order of sums."""
    if prediction.shape != mask.shape or mask.ndim != 2 or not mask.size:
        raise OnnxguardError(
            f"a prediction of shape {prediction.shape} and a mask of shape {mask.shape}; "
            "both must be [H, W], the same and not empty"
        )
    if mask.dtype != np.bool_ or not np.issubdtype(prediction.dtype, np.floating):
        raise OnnxguardError(
            f"a prediction of {prediction.dtype} and a mask of {mask.dtype}; "
            "they must be floating point and bool"
        )
    low, high = float(prediction.min()), float(prediction.max())
    if not (low >= 0 and high <= 1):
        raise OnnxguardError(
            f"the prediction's values lie in {low:g}..{high:g}; they must lie in 0..1, "
            "so end the network with a sigmoid"
        )
    return np.ascontiguousarray(prediction, np.float64), np.ascontiguousarray(mask)


def _counts(saliency: Map, mask: Mask) -> tuple[Integers, Integers]:
    """Salient and all pixels marked at each of the 256 thresholds, then at the image's own."""
    # In float64 the product is exact for a float32 prediction, and t / 255 gives t again.
    levels = (saliency * (THRESHOLDS - 1)).astype(np.intp)
    histogram = np.bincount((levels + THRESHOLDS * mask).ravel(), minlength=2 * THRESHOLDS)
    others, salient = histogram.reshape(2, THRESHOLDS)[:, ::-1].cumsum(axis=1)[:, ::-1]
    own = saliency >= adaptive_threshold(saliency)
    hits = np.append(salient, np.count_nonzero(own & mask))
    return hits, np.append(salient + others, np.count_nonzero(own))


def _curve_figures(curve: list[int], whole: int) -> tuple[float, float, float]:
    """Maximum and mean over the thresholds, and the value at the images' own ones."""
    *shared, own = curve
    return max(shared) / whole, sum(shared) / (whole * THRESHOLDS), own / whole


def _object_similarity(values: Map) -> float:
    deviation = values.std(ddof=1) if values.size > 1 else 0.0
    mean = values.mean()
    return float(2 * mean / (mean**2 + 1 + deviation))


def _ssim(saliency: Map, mask: Mask) -> float:
    """4 x y s_xy / ((x^2 + y^2) (s_x + s_y)) of means, variances and covariance.

    Without structure in either (0 / 0) it is 1, without any in common 0.
    """
    flat = bool(saliency.min() == saliency.max())  # rounding would make its variance more than 0
    if flat or mask.all() or not mask.any():
        return float(flat and mask.all() == mask.any())
    x, y = saliency.mean(), mask.mean()
    centred = saliency - x
    # Of sums over the pixels: the divisor H W - 1 of all three cancels.
    variances = np.square(centred).sum() + mask.size * y * (1 - y)
    covariance = centred[mask].sum()
    return float(4 * x * y * covariance / ((x * x + y * y) * variances))


def _blurred(values: Map) -> Map:
    """The 7 by 7 Gaussian mean with sigma 5, zeros outside."""
    weights = np.exp(-(np.arange(-3.0, 4.0) ** 2) / 50)
    weights /= weights.sum()
    height, width = values.shape
    padded = np.pad(values, 3)
    rows = sum(weight * padded[i : i + height] for i, weight in enumerate(weights))
    return np.asarray(sum(weight * rows[:, i : i + width] for i, weight in enumerate(weights)))
