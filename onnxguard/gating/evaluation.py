"""What a graph with the students' signature makes of images whose salient parts are known."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import plural, printable
from onnxguard.base.progress import Step, silent
from onnxguard.model.facts import Facts, Value
from onnxguard.parity.settings import Settings
from onnxguard.running.errors import ParityError, RefusedError, TimeLimitError
from onnxguard.running.graph_file import read_onnx
from onnxguard.running.session import Session
from onnxguard.scanning.scan import scan_bytes
from onnxguard.students.baselines import baselines
from onnxguard.students.data import TakenPairs
from onnxguard.students.measures import Measures, MeasureSums, intersection_over_union, stretched
from onnxguard.students.normalisation import DEVIATION, MEAN
from onnxguard.students.records import Evaluation
from onnxguard.students.store import Store
from onnxguard.students.student import MULTIPLE

if TYPE_CHECKING:
    from onnxguard.scanning.report import Report

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Map = NDArray[np.float32]


class Signature(NamedTuple):
    """The one input and the one output of a graph that maps images to saliency.

    Attributes:
        input: its name.
        output: its name.
        height: rows that it takes, None where any number.
        width: columns.
    """

    input: str
    output: str
    height: int | None
    width: int | None


class Answer(NamedTuple):
    """What a graph makes of one image.

    Attributes:
        name: the image's, safe to print.
        image: uint8 ``[H, W, 3]``.
        mask: bool ``[H, W]``.
        saliency: float32 ``[H, W]`` in 0..1.
        iou: at 0.5.
    """

    name: str
    image: Picture
    mask: Mask
    saliency: Map
    iou: float


class Measured(NamedTuple):
    """What a graph makes of many images.

    Attributes:
        measures: over all of them.
        baselines: ``(answer, IoU)`` of trivial answers.
        samples: some images, evenly spread.
    """

    measures: Measures
    baselines: tuple[tuple[str, float], ...]
    samples: tuple[Answer, ...]


class Graph(NamedTuple):
    """A graph that passed the scan, and so may be run.

    Attributes:
        path: as the user named it, safe to print.
        data: the file's bytes.
        sha256: of them.
        folder: where its external data lies, empty where there is none.
        signature: its input and output.
    """

    path: str
    data: bytes
    sha256: str
    folder: str
    signature: Signature


def open_graph(path: str, allowlist: str = "adr-0258") -> Graph:
    """Read a graph and scan it: what a gate would refuse is not run.

    Args:
        path: its file.
        allowlist: the id of a list, or a path to one.

    Raises:
        UsageError: it cannot be read, fails the scan or has another signature than a student.
        AllowlistError: the list cannot be used.
    """
    try:
        graph = read_onnx(path)
    except ParityError as error:
        raise UsageError(str(error)) from None
    opened = open_bytes(graph.data, path, allowlist)
    return opened._replace(folder=graph.folder) if graph.external else opened


def open_bytes(data: bytes, path: str, allowlist: str) -> Graph:
    """As ``open_graph``, of bytes that were read from a path; there is no external data to run."""
    report = scan_bytes(data, path, allowlist, path)
    _require_passed(report)
    assert report.facts is not None  # noqa: S101 - it passed
    signature = find_signature(report.facts, report.path)
    return Graph(report.path, data, hashlib.sha256(data).hexdigest(), "", signature)


def evaluate(
    graph: Graph,
    taken: TakenPairs,
    crop: int,
    stretch: bool = False,
    step: Step = silent,
) -> Evaluation:
    """Measure a graph.

    Args:
        graph: what ``open_graph`` let pass.
        taken: the images, resized.
        crop: the side of the centre crop, 0 for whole images cut to multiples of 8.
        stretch: stretch every prediction to fill 0..1 first, as many papers' tables have it.
        step: told of progress.

    Raises:
        UsageError: it does not take the images, or its answers are no saliency.
    """
    started = time.perf_counter()
    measured = measure(graph, taken.store, crop, stretch, step=step)
    return Evaluation(
        graph.path,
        graph.sha256,
        taken.name,
        taken.sha256,
        taken.side,
        crop,
        stretch,
        taken.skipped,
        measured.measures,
        measured.baselines,
        time.perf_counter() - started,
    )


def _require_passed(report: Report) -> None:
    if not report.passed:
        failing = (finding for finding in report.findings if finding.fails)
        first = next(failing, report.findings[0])
        raise UsageError(
            f"{report.path} does not pass the scan by {report.allowlist}, so it is not run: "
            f"{first.code} {first.message}; see onnxguard scan"
        )


def find_signature(facts: Facts, path: str) -> Signature:
    """The input ``[1, 3, H, W]`` and the output ``[1, 1, H, W]`` of a graph, both float32.

    Raises:
        UsageError: it has others.
    """
    if len(facts.inputs) != 1 or len(facts.outputs) != 1:
        counts = f"{plural(len(facts.inputs), 'input')} and {plural(len(facts.outputs), 'output')}"
        raise UsageError(f"{path} has {counts}; a student has one of each")
    (given,), (answer,) = facts.inputs, facts.outputs
    for value, channels in ((given, 3), (answer, 1)):
        if not _is_image(value, channels):
            dims = "x".join(str(dim) for dim in value.dims or ()) or "no shape"
            raise UsageError(
                f"{path}: {value.name} is {value.dtype} {dims}; a student's is float32 "
                f"1x{channels}xHxW"
            )
    height, width = (dim if isinstance(dim, int) else None for dim in (given.dims or ())[2:])
    return Signature(given.name, answer.name, height, width)


def _is_image(value: Value, channels: int) -> bool:
    dims = value.dims
    if value.dtype != "float32" or dims is None or len(dims) != 4:
        return False
    return not (isinstance(dims[0], int) and dims[0] != 1) and dims[1] in {channels, None}


def measure(
    graph: Graph,
    store: Store,
    crop: int,
    stretch: bool = False,
    samples: int = 0,
    step: Step = silent,
) -> Measured:
    """Run a graph on every image of a store and measure its answers.

    Raises:
        UsageError: it does not take the images, or answers with what is no saliency.
    """
    count = len(store.names)
    if not count:
        raise UsageError("there are no images to evaluate on")
    kept = {round(place * (count - 1) / max(samples - 1, 1)) for place in range(samples)}
    sums, found = MeasureSums(), []
    for number, (image, mask, saliency) in enumerate(_answers(graph, store, crop)):
        sums.add(stretched(saliency) if stretch else saliency, mask)
        if number in kept:
            iou = intersection_over_union(saliency.astype(np.float64), mask)
            found.append(Answer(printable(store.names[number]), image, mask, saliency, iou))
        step("evaluating", number + 1, count)
    trivial = baselines(cut(store, number, crop) for number in range(count))
    return Measured(sums.result(), trivial, tuple(found))


def _answers(graph: Graph, store: Store, crop: int) -> Iterator[tuple[Picture, Mask, Map]]:
    signature = graph.signature
    try:
        session = Session(graph.data, Settings(), graph.folder)
    except ParityError as error:
        raise UsageError(str(error)) from None
    mean = 255 * np.array(MEAN, np.float32)
    deviation = 255 * np.array(DEVIATION, np.float32)
    for number, name in enumerate(store.names):
        image, mask = cut(store, number, crop)
        if not mask.size:
            raise UsageError(f"{printable(name)}: smaller than {MULTIPLE} pixels; set `side`")
        for wanted, given, side in zip(
            (signature.height, signature.width), mask.shape, ("high", "wide"), strict=True
        ):
            if wanted not in {None, given}:
                raise UsageError(
                    f"the graph takes images that are {wanted} pixels {side}, and these are "
                    f"{given}: set `side` and `crop`"
                )
        normalised = ((image - mean) / deviation).transpose(2, 0, 1)[np.newaxis]
        try:
            ((_, answer),) = session.run({signature.input: np.ascontiguousarray(normalised)})
        except RefusedError as error:
            raise UsageError(f"{printable(name)}: ONNX Runtime refuses it: {error}") from None
        except TimeLimitError as error:
            message = f"{printable(name)}: ONNX Runtime was not done within {error.seconds:g} s"
            raise UsageError(message) from None
        yield image, mask, _saliency(answer, mask, name)


def _saliency(answer: Any, mask: Mask, name: str) -> Map:
    saliency: Map = np.asarray(answer, np.float32)
    if saliency.shape != (1, 1, *mask.shape):
        shape = "x".join(map(str, saliency.shape))
        raise UsageError(f"{printable(name)}: the answer is {shape}, not of the image's size")
    if np.isnan(saliency).any():
        raise UsageError(f"{printable(name)}: the answer holds NaN")
    if not (saliency.min() >= 0 and saliency.max() <= 1):
        raise UsageError(f"{printable(name)}: the answer leaves 0..1; a student ends with Sigmoid")
    one: Map = saliency[0, 0]
    return one


def cut(store: Store, number: int, crop: int) -> tuple[Picture, Mask]:
    """An image of a store and its mask, their middle ``crop`` by ``crop`` pixels.

    With ``crop`` 0 it is all of them, cut to multiples of ``MULTIPLE`` at the right and below.
    """
    height, width = int(store.heights[number]), int(store.widths[number])
    first = int(store.offsets[number])
    packed = np.asarray(store.pixels[first : first + height * width])
    pixels = packed.view(np.uint8).reshape(height, width, 4)
    if crop:
        top, left = (height - crop) // 2, (width - crop) // 2
        pixels = pixels[top : top + crop, left : left + crop]
    else:
        pixels = pixels[: height // MULTIPLE * MULTIPLE, : width // MULTIPLE * MULTIPLE]
    return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3] > 127
