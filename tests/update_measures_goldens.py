"""What pysodmetrics says of seeded pairs: ``python tests/update_measures_goldens.py``.

It needs pysodmetrics, which asks for OpenCV and for another NumPy than the tests': give it an
environment of its own. Nothing of onnxguard is imported.
"""

from __future__ import annotations

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).parent / "goldens" / "measures" / "pysodmetrics.json"
HEIGHT, WIDTH = 48, 64


class Pair(NamedTuple):
    """A prediction, float32 ``[H, W]`` in 0..1, and a mask, bool ``[H, W]``."""

    prediction: NDArray[np.float32]
    mask: NDArray[np.bool_]


def ellipses(*parts: tuple[float, float, float, float]) -> tuple[NDArray[np.float64], Pair]:
    """How deep each pixel lies in a union of (row, column, height, width), and a perfect pair."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    depth = np.full((HEIGHT, WIDTH), -np.inf)
    for row, column, high, wide in parts:
        inside = 1 - ((rows - row) / high) ** 2 - ((columns - column) / wide) ** 2
        depth = np.maximum(depth, inside)
    mask = depth > 0
    return depth, Pair(mask.astype(np.float32), mask)


def uniform(seed: int) -> NDArray[np.float64]:
    """Numbers in 0..1 that are the same for every version of NumPy."""
    random = Random(seed)
    numbers = [random.random() for _ in range(HEIGHT * WIDTH)]
    return np.array(numbers).reshape(HEIGHT, WIDTH)


def blurry(depth: NDArray[np.float64], sharpness: float, noise: float, seed: int) -> Pair:
    """A prediction that a network might make."""
    saliency = 0.5 + sharpness * depth + noise * (uniform(seed) - 0.5)
    return Pair(np.clip(saliency, 0, 1).astype(np.float32), depth > 0)


def flat(value: float, mask: NDArray[np.bool_]) -> Pair:
    """The same prediction everywhere."""
    return Pair(np.full(mask.shape, value, np.float32), mask)


def pairs() -> dict[str, Pair]:
    """Pairs that a measure could get wrong, by name."""
    middle, perfect = ellipses((20, 30, 11, 17))
    three, _ = ellipses((8, 9, 5, 6), (30, 50, 14, 9), (40, 12, 4, 10))
    border, _ = ellipses((0, 63, 20, 30))
    shifted, _ = ellipses((24, 37, 11, 17))
    none, everything = np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)
    dots = uniform(1) > 0.97
    checks = np.indices((HEIGHT, WIDTH)).sum(axis=0) % 2 == 0
    box = np.zeros((HEIGHT, WIDTH), bool)
    box[11:23, 6:28] = True  # its centroid lies on halves
    noise = uniform(2).astype(np.float32)
    return {
        "sharp": blurry(middle, 3.0, 0.2, 3),
        "blurred": blurry(middle, 0.4, 0.1, 4),
        "noisy": blurry(middle, 0.5, 1.2, 5),
        "three": blurry(three, 0.6, 0.5, 6),
        "border": blurry(border, 0.8, 0.4, 7),
        "shifted": Pair(blurry(shifted, 1.0, 0.3, 8).prediction, middle > 0),
        "dark": Pair(blurry(three, 0.5, 0.5, 9).prediction * np.float32(0.05), three > 0),
        "bright": Pair(
            np.float32(0.9) + blurry(three, 0.5, 0.5, 10).prediction * np.float32(0.1), three > 0
        ),
        "perfect": perfect,
        "inverted": Pair(1 - perfect.prediction, perfect.mask),
        "noise": Pair(noise, middle > 0),
        "dots": Pair(noise, dots),
        "checks": Pair(noise, checks),
        "box": Pair(noise, box),
        "levels": Pair(
            np.floor(uniform(11) * 255).astype(np.float32) / np.float32(255), middle > 0
        ),
        "grey": flat(0.3, middle > 0),
        "black": flat(0, middle > 0),
        "white": flat(1, middle > 0),
        "empty mask": Pair(noise, none),
        "empty mask, black": flat(0, none),
        "full mask": Pair(noise, everything),
        "full mask, white": flat(1, everything),
    }


def main() -> None:
    """Write ``GOLDEN``."""
    import py_sod_metrics as reference  # type: ignore[import-not-found] # stands elsewhere

    def figures(some: list[Pair], *, stretch: bool = False) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # FmeasureV2 is to be used
            f, e = reference.Fmeasure(), reference.Emeasure()
        mae, s, weighted = reference.MAE(), reference.Smeasure(), reference.WeightedFmeasure()
        for prediction, mask in some:
            for measure in (f, e, mae, s, weighted):
                if stretch:
                    grey = np.rint(prediction * 255).astype(np.uint8)
                    measure.step(grey, mask.astype(np.uint8) * 255)
                else:
                    measure.step(prediction.astype(np.float64), mask, normalize=False)
        curves = {"f": f.get_results()["fm"], "e": e.get_results()["em"]}
        found = {
            "mae": mae.get_results()["mae"],
            "weighted_f": weighted.get_results()["wfm"],
            "s": s.get_results()["sm"],
        }
        for name, result in curves.items():
            found[f"max_{name}"] = result["curve"].max()
            found[f"mean_{name}"] = result["curve"].mean()
            found[f"adaptive_{name}"] = result["adp"]
        return {name: float(value) for name, value in found.items()}

    several = pairs()
    document = {
        "pysodmetrics": version("pysodmetrics"),
        "pairs": {name: figures([pair]) for name, pair in several.items()},
        "all": figures(list(several.values())),
        "all stretched": figures(list(several.values()), stretch=True),
    }
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
